"""Rules of signing in: what a password or a PIN may be, how long wrong tries shut somebody out, when a session ends.

All pure. Faults are words of the console, looked up in its translations.
"""

import datetime as dt
import unicodedata
from dataclasses import dataclass
from typing import Final

from ingestd.core.common_passwords import COMMON

LEAST_PASSWORD: Final = 12
"""Characters. Length counts, not mixed signs (NIST SP 800-63B 5.1.1.2)."""
MOST_PASSWORD: Final = 128
LEAST_PIN, MOST_PIN = 6, 12
_LEAST_DIFFERENT: Final = 5


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


_TOO_SHORT = _("The password is too short: at least 12 characters.")
_TOO_LONG = _("The password is too long: at most 128 characters.")
_HAS_NAME = _("The password holds the name of the account or of the person.")
_TOO_COMMON = _("The password is one of those that are tried first; choose another.")
_TOO_EVEN = _("The password repeats itself or counts up; choose another.")
_ONLY_DIGITS = _("The password has digits only; add words.")
_PIN_SHAPE = _("A PIN has 6 to 12 digits.")
_PIN_EVEN = _("The PIN repeats itself or counts up; choose another.")
_CARD_SHAPE = _("A card number has 4 to 64 letters or digits.")


def password_text(typed: str) -> str:
    """A password as it is compared: however a keyboard composes its signs, it is the same."""
    return unicodedata.normalize("NFKC", typed)


def password_fault(typed: str, account: str, person: str = "") -> str:
    """Why this cannot be the password; empty where it can. English words that the console translates."""
    text = password_text(typed)
    folded = text.casefold()
    if len(text) < LEAST_PASSWORD:
        return _TOO_SHORT
    if len(text) > MOST_PASSWORD:
        return _TOO_LONG
    if any(len(name) >= 2 and name.casefold() in folded for name in (account, person)):
        return _HAS_NAME
    if _plain(folded) in COMMON or folded in COMMON:
        return _TOO_COMMON
    if text.isdigit():
        # Telephone numbers, days of birth, numbers of identity cards.
        return _ONLY_DIGITS
    if len(set(folded)) < _LEAST_DIFFERENT or _counts(folded):
        return _TOO_EVEN
    return ""


def pin_fault(typed: str) -> str:
    """Why this cannot be a PIN; empty where it can."""
    if not (LEAST_PIN <= len(typed) <= MOST_PIN and typed.isascii() and typed.isdigit()):
        return _PIN_SHAPE
    return _PIN_EVEN if len(set(typed)) < 3 or _counts(typed) else ""


def card_text(typed: str) -> str:
    """The number of a card as readers type it: without blanks and signs between, capitals as small."""
    return "".join(one for one in typed.casefold() if one.isalnum())


def card_fault(typed: str) -> str:
    """Why this cannot be a card's number; empty where it can."""
    text = card_text(typed)
    return "" if 4 <= len(text) <= 64 and text.isascii() else _CARD_SHAPE


@dataclass(frozen=True, slots=True)
class LockRule:
    """When wrong tries shut out.

    Args:
        free: wrong tries that cost nothing.
        first_seconds: the first time of being shut out; each further wrong try doubles it.
        most_seconds: the longest one.
    """

    free: int
    first_seconds: float
    most_seconds: float

    def shut_seconds(self, failures: int) -> float:
        """How long this many wrong tries in a row shut out."""
        over = failures - self.free
        if over <= 0:
            return 0.0
        # Beyond this the longest is reached whatever the settings are, and no number grows without end.
        return min(self.most_seconds, self.first_seconds * 2.0 ** min(over - 1, 40))


@dataclass(frozen=True, slots=True)
class SessionRule:
    """When a session ends by itself: unused for `idle`, and `longest` after it was opened."""

    idle: dt.timedelta
    longest: dt.timedelta

    def is_open(self, opened_at: dt.datetime, seen_at: dt.datetime, now: dt.datetime) -> bool:
        """Whether a session still counts. One from the future was opened by another clock: it does not."""
        is_past = opened_at <= now + dt.timedelta(minutes=5)
        return is_past and now - seen_at < self.idle and now - opened_at < self.longest


def _plain(text: str) -> str:
    """Without what people add to a common word: digits and signs at its ends."""
    return text.strip("0123456789!@#$%^&*()-_=+.,?~ ")


def _counts(text: str) -> bool:
    """Whether each sign follows on the one before it, upwards or downwards: 123456, abcdef, 987654."""
    steps = {ord(other) - ord(one) for one, other in zip(text, text[1:], strict=False)}
    return steps in ({1}, {-1})

"""Signing in and out: sessions, wrong tries, and the accounts behind them.

An account stands in the ledger and is read from the catalogue; what it is known by, and its sessions, stand in a file
of the console's own. Every session that is opened, ended or refused is told to the station.
"""

import datetime as dt
import hashlib
import secrets as randomness
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ingestd.core.account_acts import CloseSession, Lock, OpenSession, RefuseSession, Via, Why, account_key
from ingestd.core.accounts import Account
from ingestd.core.clock import Clock, from_text, to_text
from ingestd.core.errors import NotFoundError, RefusedError, UnavailableError
from ingestd.core.roles import Right
from ingestd.core.sign_in_rules import card_text, password_text
from ingestd.core.web_settings import WebSettings
from ingestd.stores.accounts import AccountBook
from ingestd.stores.hashing import Hasher
from ingestd.stores.secrets import Row, Secrets, digest_of
from ingestd.web.telling import Teller, event_id
from ingestd.web.visitors import Visitor


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


WRONG: Final = _("the name or the password is wrong")
NOT_HERE: Final = _("There is no open account of your name here. Ask an administrator.")
SHUT: Final = _("Too many wrong tries. Wait a while and try again.")
_SEEN_EVERY: Final = dt.timedelta(minutes=1)
_REMEMBERED: Final = dt.timedelta(hours=24)
_MOST_TYPED: Final = 512
_CARD_SALT: Final = "card"


class Directory(Protocol):
    """What checks passwords for accounts that have none here."""

    def is_right(self, account: str | None, password: str) -> bool:
        """Whether a password is an account's; null for nobody's, which takes as long.

        Raises:
            UnavailableError: it cannot say.
        """


class NotVouchedError(RefusedError):
    """Another place was to vouch for somebody, and its word does not count. `name`: of whom, where that is known."""

    code = "not_vouched"

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was just opened. `key` is told to the browser once and is kept nowhere else."""

    key: str
    visitor: Visitor


@dataclass(frozen=True, slots=True)
class Session:
    """A session of an account, for its person to look at. Moments are UTC texts."""

    session: str
    opened_at: str
    seen_at: str
    address: str
    browser: str
    via: str
    is_own: bool = False


class Gate:
    """Accounts and sessions of one console. Safe from many threads.

    Args:
        book: opens the register of accounts; `NotFoundError` where there is no catalogue yet.
        hasher: how dear a digest is.
        directory: what is asked about passwords of accounts that have none here; null for nothing.
    """

    def __init__(
        self,
        book: Callable[[], AccountBook],
        secrets: Secrets,
        teller: Teller,
        settings: WebSettings,
        clock: Clock,
        hasher: Hasher | None = None,
        directory: Directory | None = None,
    ) -> None:
        self._book = book
        self.secrets = secrets
        self.teller = teller
        self.hasher = hasher or Hasher()
        self._settings = settings
        self._clock = clock
        self._directory = directory

    # Accounts

    def account(self, name: str) -> Account | None:
        """An account that somebody may sign in with; null for none."""
        try:
            found = self._book().find(name)
        except NotFoundError:
            return None
        return found if found is not None and found.is_open else None

    def accounts(self) -> list[Account]:
        """All of them, closed ones too."""
        try:
            return self._book().accounts()
        except NotFoundError:
            return []

    @property
    def has_directory(self) -> bool:
        """Whether a directory checks the passwords of accounts that have none here."""
        return self._directory is not None

    def has_admin(self) -> bool:
        """Whether an administrator can sign in with a password that is kept here."""
        able = self.secrets.accounts_with("password")
        return any(one.is_admin and one.name in able for one in self.accounts())

    # Signing in

    def sign_in(self, account: str, password: str, *, address: str, browser: str = "") -> Opened:
        """Open a session.

        Args:
            address: where the asker is, for the lock-out and the ledger.
            browser: what it says of itself.

        Raises:
            RefusedError: no such account or another password, which the words do not say; or too many wrong tries.
            UnavailableError: the directory does not answer; this counts as no try.
        """
        name = account_key(account[:_MOST_TYPED])
        self._check_shut(name, address)
        standing = self.account(name)
        via = self._proof(standing, password[:_MOST_TYPED])
        if standing is None or via is None:
            raise self._refused(name, address)
        self.secrets.forget_failures(_of_account(name))
        return self.opened(standing, via, address=address, browser=browser)

    def is_password_of(self, account: str, password: str) -> bool:
        """Whether a password is the one of an account that somebody is signed in with.

        Raises:
            UnavailableError: the directory does not answer.
        """
        return self._proof(self.account(account), password[:_MOST_TYPED]) is not None

    def _proof(self, standing: Account | None, password: str) -> Via | None:
        """By what a password is an account's; null where it is not. It costs as much for everybody who is refused."""
        typed = password_text(password)
        digest = self.secrets.digest(standing.name, "password") if standing is not None else None
        is_right = self.hasher.is_right(digest, typed)
        if standing is not None and digest is not None and is_right:
            if self.hasher.is_outdated(digest):
                self.secrets.set_credential(standing.name, "password", self.hasher.digest(typed), self.now_text())
            return "password"
        if self._directory is None:
            return None
        # Who has a password here keeps it: it opens the console while the directory is away.
        asked = standing.name if standing is not None and digest is None else None
        try:
            return "ldap" if self._directory.is_right(asked, password) and asked is not None else None
        except UnavailableError:
            if digest is not None:
                return None
            raise

    def vouched(self, account: str, via: Via, *, address: str, browser: str = "") -> Opened:
        """Open a session of somebody whose name another place vouches for; the account is the one entered here.

        Raises:
            RefusedError: there is no open account of that name.
        """
        standing = self.account(account_key(account[:_MOST_TYPED]))
        if standing is None:
            raise self.refused(account, NOT_HERE, address=address)
        return self.opened(standing, via, address=address, browser=browser)

    def check_address(self, address: str) -> None:
        """Look whether too many tries came from an address.

        Raises:
            RefusedError: so it is; no more are taken for a while.
        """
        self._check_shut("", address)

    def refused(self, account: str, words: str, *, address: str) -> RefusedError:
        """Count and tell of somebody whom another place did not vouch for, or not for an account here.

        Only the address is shut out by many of them: no password of an account was tried.
        """
        return self._refused(account_key(account[:_MOST_TYPED]), address, words, counts_for_name=False)

    def opened(self, account: Account, via: Via, *, address: str, browser: str = "") -> Opened:
        """Open a session of somebody who is known now; always a new one."""
        now, key, session = self._clock.now(), randomness.token_urlsafe(32), event_id()
        rule = self._settings.session_rule
        self.secrets.drop_sessions(to_text(now - rule.longest), to_text(now - rule.idle))
        self.secrets.put_session(
            {
                "digest": digest_of(key),
                "session": session,
                "account": account.name,
                "opened_at": to_text(now),
                "seen_at": to_text(now),
                "address": address[:64],
                "browser": "".join(one for one in browser[:200] if one.isprintable()),
                "via": via,
            }
        )
        self.teller.tell(
            OpenSession(
                event=event_id(),
                account=account.name,
                at=now,
                address=address,
                by=account.person,
                session=session,
                via=via,
            )
        )
        return Opened(key, _visitor(account, csrf=_csrf(key)))

    def visitor(self, key: str) -> Visitor | None:
        """Who is behind a session; null where it ended or never was."""
        digest = digest_of(key)
        row = self.secrets.session(digest)
        if row is None:
            return None
        now, seen_at = self._clock.now(), from_text(row["seen_at"])
        account = self.account(row["account"])
        if account is None or not self._settings.session_rule.is_open(from_text(row["opened_at"]), seen_at, now):
            self.secrets.end_sessions(row["account"], session=row["session"])
            return None
        if now - seen_at >= _SEEN_EVERY:
            self.secrets.see_session(digest, to_text(now))
        return _visitor(account, csrf=_csrf(key))

    def token_visitor(self, token: str) -> Visitor | None:
        """Who is behind an API token, with the token's rights alone; null where it counts no more or never did."""
        now, digest = self._clock.now(), digest_of(token)
        row = self.secrets.token(digest, to_text(now))
        account = self.account(row["account"]) if row is not None else None
        if row is None or account is None:
            return None
        if row["used_at"] is None or now - from_text(row["used_at"]) >= _SEEN_EVERY:
            self.secrets.use_token(digest, to_text(now))
        return _visitor(account, only=frozenset(Right(one) for one in row["rights"]))

    def identify(self, *, address: str, card: str = "", account: str = "", pin: str = "") -> Visitor:
        """Who stands at the dock: by a card's number, or by account and PIN. Opens no session.

        Raises:
            RefusedError: it is nobody's; or too many wrong tries.
        """
        name = account_key(account[:_MOST_TYPED])
        self._check_shut(name, address)
        if card:
            found = self.secrets.account_of("card", self.card_digest(card))
            standing = self.account(found) if found is not None else None
        else:
            standing = self.account(name)
            digest = self.secrets.digest(name, "pin") if standing is not None else None
            if not self.hasher.is_right(digest, pin[:_MOST_TYPED]):
                standing = None
        if standing is None:
            raise self._refused(name, address)
        self.secrets.forget_failures(_of_account(standing.name))
        return _visitor(standing)

    def card_digest(self, card: str) -> str:
        """By what a card is looked up."""
        return self.hasher.lookup(card_text(card[:_MOST_TYPED]), self.secrets.salt(_CARD_SALT))

    # Sessions

    def sign_out(self, key: str) -> None:
        """End a session."""
        row = self.secrets.session(digest_of(key)) if key else None
        if row is not None:
            self._end(row["account"], "signed_out", session=row["session"])

    def sessions(self, account: str, own_key: str = "") -> list[Session]:
        """The sessions of an account that still count, the latest first."""
        now, own = self._clock.now(), digest_of(own_key)
        rule = self._settings.session_rule
        return [
            Session(**{name: row[name] for name in Session.__slots__ if name != "is_own"}, is_own=row["digest"] == own)
            for row in self.secrets.sessions_of(account)
            if rule.is_open(from_text(row["opened_at"]), from_text(row["seen_at"]), now)
        ]

    def end_session(self, account: str, session: str, *, by: str) -> bool:
        """End one session of an account; whether there was one."""
        return self._end(account, "ended", session=session, by=by) > 0

    def end_sessions(self, account: str, why: Why, *, by: str, but_key: str = "") -> int:
        """End the sessions of an account, all but one's own; how many there were."""
        return self._end(account, why, but=digest_of(but_key) if but_key else "", by=by)

    def _end(self, account: str, why: Why, *, session: str | None = None, but: str = "", by: str = "") -> int:
        ended = self.secrets.end_sessions(account, session=session, but=but)
        standing = self.account(account)
        who = by or (standing.person if standing is not None else account)
        told = [
            CloseSession(
                event=event_id(),
                account=account,
                at=self._clock.now(),
                address=row["address"],
                by=who,
                session=row["session"],
                why=why,
            )
            for row in ended
        ]
        if told:
            self.teller.tell(*told)
        return len(ended)

    # Wrong tries

    def _check_shut(self, name: str, address: str) -> None:
        now = self.now_text()
        rows = self.secrets.failures([_of_account(name), _of_address(address)])
        if any(row["shut_until"] is not None and row["shut_until"] > now for row in rows):
            raise RefusedError(SHUT)

    def _refused(self, name: str, address: str, words: str = WRONG, *, counts_for_name: bool = True) -> RefusedError:
        """Count a wrong try and tell of it. A name that is nobody's is not told: it may be a password."""
        now = self._clock.now()
        known = name if name and self._is_known(name) else None
        told: list[Any] = [
            RefuseSession(
                event=event_id(),
                account=known,
                at=now,
                address=address,
                why="unknown" if known is None else "wrong" if self.account(known) is not None else "closed",
            )
        ]
        keys = [(_of_address(address), None, True)] + (
            [(_of_account(name), known, False)] if name and counts_for_name else []
        )
        for key, account, is_address in keys:
            count = self.secrets.count_failure(key, to_text(now), forgotten_before=to_text(now - _REMEMBERED))
            seconds = self._settings.lock_rule(is_address=is_address).shut_seconds(count)
            if seconds > 0:
                until = now + dt.timedelta(seconds=seconds)
                self.secrets.shut(key, to_text(until))
                told.append(
                    Lock(event=event_id(), account=account, at=now, address=address, failures=count, until=until)
                )
        self.teller.tell(*told)
        return RefusedError(words)

    def _is_known(self, name: str) -> bool:
        try:
            return self._book().find(name) is not None
        except NotFoundError:
            return False

    def now_text(self) -> str:
        """The moment as it is kept."""
        return to_text(self._clock.now())

    def later_text(self, hours: float) -> str:
        """A moment to come, as it is kept."""
        return to_text(self._clock.now() + dt.timedelta(hours=hours))


def token_documents(rows: list[Row]) -> list[Row]:
    """Tokens as they are shown: without their digests."""
    return [{name: value for name, value in row.items() if name != "digest"} for row in rows]


def _visitor(account: Account, *, csrf: str = "", only: frozenset[Right] | None = None) -> Visitor:
    return Visitor(
        account=account.name,
        person=account.person,
        roles=frozenset(account.roles),
        unit=account.unit or None,
        certificate=account.certificate,
        csrf=csrf,
        only=only,
    )


def _csrf(key: str) -> str:
    """The token of a session's forms, which follows from the session's key and does not tell it."""
    return urlsafe_b64encode(hashlib.sha256(f"csrf {key}".encode("utf-8", "surrogateescape")).digest()).decode("ascii")


def _of_account(name: str) -> str:
    # A name that somebody typed may be a password: it is kept as a digest.
    return f"account {digest_of(name)}"


def _of_address(address: str) -> str:
    return f"address {address[:64]}"

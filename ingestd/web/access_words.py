"""Why something about a request for access cannot be done, in the language of whoever asks."""

import re
from typing import Final

from ingestd.core.errors import IngestdError
from ingestd.web.refusals import refusal_words
from ingestd.web.visit import Visit


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


_KNOWN: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.DOTALL), words)
    for pattern, words in (
        (r"it is asked for (.+), who cannot approve it", _("It is asked for {0}, who cannot approve it.")),
        (r"there is no recording to ask for", _("There is no recording to ask for: name recordings, or a case.")),
        (r"(\S+) is past", _("{0} is past.")),
        (r"(\S+) is approved already", _("{0} is approved already.")),
        (r"request (\S+) was refused by (.+)", _("{0} was refused by {1}.")),
        (r"request (\S+) was withdrawn by (.+)", _("{0} was withdrawn by {1}.")),
        (r"request (\S+) was closed by (.+)", _("{0} was closed by {1}.")),
        (r"(.+) asked for it; nobody else withdraws it", _("{0} asked for it; nobody else withdraws it.")),
        (r"(\d+) recordings are too many for one request", _("{0} recordings are too many for one request.")),
        (
            r"this regime gives it to nobody: .+",
            _("It is flagged as secret or private; the regime gives it to nobody."),
        ),
        (r"purpose: .+", _("Say what it is for.")),
        (r"reason: .+", _("Give the reason.")),
        (r"(?:wanted_until|valid_until): .+", _("That is no day of this work.")),
        (r"uses: .+", _("How often: a number from 1 to 1000, or nothing.")),
        (r"case: .+", _("That is no number of a case.")),
        (r"capacity: .+", _("Say what the applicant is in the matter.")),
    )
)


def access_refusal(visit: Visit, error: IngestdError) -> str:
    """A refusal in plain words."""
    for pattern, words in _KNOWN:
        found = pattern.fullmatch(error.message)
        if found is not None:
            return visit.t(words).format(*found.groups())
    return refusal_words(visit, error)

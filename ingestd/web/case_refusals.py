"""Why something about cases and registers cannot be done, in plain words of the visitor's language.

The station words its refusals once, in English, for every door. One that is not in the table is shown as it words it.
"""

import re
from typing import Final

from ingestd.core.errors import IngestdError
from ingestd.web.refusals import refusal_words
from ingestd.web.visit import Visit
from ingestd.web.words import half


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


_KNOWN: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.DOTALL), words)
    for pattern, words in (
        (r"case (\S+) is in the register already", _("Case {0} is in the register already.")),
        (r"case (\S+) has no activity (\S+)", _("Case {0} has no activity {1}.")),
        (r"case (\S+) is not filed", _("Case {0} is not filed.")),
        (
            r"footage is linked to activity (\S+) of case (\S+)",
            _("Footage is linked to {0}: unlink it first."),
        ),
        (r"category = (.+) is none of this regime", _("The regime of this bureau knows no kind {0}.")),
        (r"(\w+) = (\S+) lies in the future", _("{1} lies in the future: give the day on which it was.")),
        (r"(\w+) = (\S+) lies before (\w+) = (\S+)", _("{1} lies before {3}: correct one of the two days.")),
        (r"(\w+) = (\S+) lies before (\S+)", _("{1} lies before {2}: correct one of the two days.")),
        (r"(\S+) = (.*) is not a time", _("{1} is not a time.")),
        (r"number: .*", _("The number has 1 to 64 characters, without blanks, commas and semicolons.")),
        (r"reason: .*", _("Write why: it stands in the ledger.")),
        (r"officers.*", _("Write each officer on a line of his own, as name/certificate.")),
        (r"complaint (\S+) is in the register already", _("Complaint {0} is in the register already.")),
        (r"happened_until lies before happened_from", _("The end lies before the beginning.")),
        (r"settled_on lies before received_on", _("It was not settled before it was received.")),
        (r"request (\S+) is in the register already", _("Request {0} is in the register already.")),
        (r"request (\S+) is not answered yet", _("Request {0} is not answered yet: enter the answer first.")),
        (
            r"request (\S+) was answered on (\S+)",
            _("Request {0} was answered on {1}; correct it with a reason."),
        ),
        (r"request (\S+) was withdrawn on (\S+)", _("Request {0} was withdrawn on {1}.")),
        (r"request (\S+) says so already", _("Nothing was changed: it says so already.")),
        (r"the term of request (\S+) was made longer already", _("The term was made longer already; it can be once.")),
        (r"an answer `(.+)` needs its ground", _("The answer “{0}” needs its ground.")),
        (r"what is disclosed whole has no ground against it", _("What is disclosed whole has no ground against it.")),
        (r"(.+) is still being asked", _("{0} is still being asked: enter the day of the answer first.")),
        (r"(.+) answered on (\S+) already", _("{0} answered on {1} already.")),
        (
            r"the recording was noted already by (.+)",
            _("{0} noted it already; a second person is to look."),
        ),
        (r"whoever noted it does not judge it as well", _("Whoever noted it does not judge it as well.")),
        (r"note (\S+) was settled by (.+)", _("This note was settled by {1}.")),
    )
)


def case_refusal_words(visit: Visit, error: IngestdError) -> str:
    """A refusal in the language of whoever asks."""
    for pattern, words in _KNOWN:
        found = pattern.fullmatch(error.message)
        if found is not None:
            return visit.t(words).format(*(half(part, visit.language) for part in found.groups()))
    return refusal_words(visit, error)

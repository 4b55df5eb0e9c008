"""Why something about holds, carriers and disposals cannot be done, in plain words of the visitor's language.

The station words its refusals once, in English, for every door; what people meet at the screens is said here anew. A
refusal that is not in the table is shown as the station words it.
"""

import re
from typing import Final

from ingestd.core.errors import IngestdError
from ingestd.web.visit import Visit
from ingestd.web.words import half


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


_KNOWN: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.DOTALL), words)
    for pattern, words in (
        # Two people
        (
            r"(.+) approved it before; another person must",
            _("{0} asked for it or agreed to it already. Another person has to agree."),
        ),
        (r"(.+) asked for it and cannot approve it", _("{0} asked for it and cannot approve it. Somebody else must.")),
        # Holds
        (r"hold (\S+) was released .+ by (.+)", _("Hold {0} was released already, by {1}.")),
        (r"nobody asked for the release of hold (\S+)", _("Nobody asked for the release of hold {0}.")),
        (r"(.+) asked already for the release", _("{0} asked already for the release. Another person decides.")),
        (r"(\S+) is no day to come", _("{0} is no day to come. Give the day on which somebody is to look again.")),
        (
            r"the reason `other` says nothing by itself",
            _("The reason “other” says nothing by itself: say what happened."),
        ),
        (r"this regime has no hold for .+", _("The regime of this bureau has no such reason.")),
        (r"case (\S+) is not in the register", _("Case {0} is not in the register.")),
        (r"that is no take", _("That is no take.")),
        (r"no recording answers to '(.*)'", _("No recording answers to {0}.")),
        (r"more than one recording answers to '(.*)'", _("More than one recording answers to {0}: give its whole id.")),
        (
            r"complaint (\S+) suggests no hold, or it is decided",
            _("Complaint {0} suggests no hold, or it is decided already."),
        ),
        # Carriers
        (r"carrier (\S+) is in the register already", _("Carrier {0} is in the register already.")),
        (r"carrier (\S+) was withdrawn on (\S+): (.*)", _("Carrier {0} was withdrawn on {1}: {2}")),
        (r"a carrier holds something", _("Say what stands on the carrier: recordings, a case or a hold.")),
        (r"case (\S+) has no evidence", _("Case {0} has no footage that is marked as evidence.")),
        (r"all of it stands on carrier (\S+) already", _("All of it stands on carrier {0} already.")),
        (r"(\S+) has not come yet", _("{0} has not come yet.")),
        # Disposals
        (
            r"disposal is switched off: nothing is ever destroyed",
            _("Disposal is switched off at this station: nothing is ever destroyed."),
        ),
        (
            r"nothing is disposed of: the clock is not synchronised.*",
            _("Nothing is destroyed: the station's clock is not synchronised."),
        ),
        (
            r"nothing is disposed of: the clock stands before the ledger's last entry.*",
            _("Nothing is destroyed: the station's clock stands before the last entry of its ledger."),
        ),
        (
            r"nothing is disposed of: the clock is (\d+) days behind.*",
            _("Nothing is destroyed: there was no entry in the ledger for {0} days, the clock may have jumped."),
        ),
        (
            r"the plan takes (\d+) of (\d+) recordings, more than (\S+) % of the store",
            _("The plan takes {0} of {1} recordings: more than {2} % of the store at once. Plan fewer at a time."),
        ),
        (
            r"the plan takes (\d+) of (\d+) bytes, more than (\S+) % of the store",
            _("The plan takes {0} of {1} bytes: more than {2} % of the store at once. Plan fewer at a time."),
        ),
        (
            r"the plan (\S+) that was read is not the one that stands",
            _("Plan {0} is not the one that you read. Read it again."),
        ),
        (
            r".+ is not the plan that was (?:made|approved)",
            _("The plan's document in the store was changed. Nothing is destroyed by it: refuse it and plan anew."),
        ),
        (r"nothing is due that may be disposed of", _("Nothing is due that may be destroyed.")),
        (r"plan (\S+) has begun with (\d+) of its recordings", _("Plan {0} has begun with {1} of its recordings.")),
        (r"plan (\S+) needs (\d+) more to approve it: .+", _("Plan {0} needs {1} more people to approve it.")),
        (
            r"the grace period of plan (\S+) runs until .+",
            _("The days in which recordings of plan {0} can be taken out are not over."),
        ),
        (
            r"the clock (?:was set back|jumped).+",
            _("The station's clock jumped since the plan was made, or the station was off. Refuse it and plan anew."),
        ),
        (r"a disposal is running just now", _("A disposal is running just now.")),
        (r"recording (\S+) is not waiting in plan (\S+)", _("Recording {0} does not wait in plan {1} any more.")),
        (r"nothing is not waiting in plan (\S+)", _("Nothing waits in plan {0} any more.")),
        (r"plan (\S+?):? (.+ · [^:]+)(?:: it takes no approval)?", _("Plan {0}: {1}.")),
    )
)


def refusal_words(visit: Visit, error: IngestdError) -> str:
    """A refusal in the language of whoever asks."""
    for pattern, words in _KNOWN:
        found = pattern.fullmatch(error.message)
        if found is not None:
            return visit.t(words).format(*(half(part, visit.language) for part in found.groups()))
    return error.message

"""Every work list of the console, in the order in which they are shown. A new one is a line here."""

from typing import Final

from ingestd.web.lists.cases import MISSING, SUGGESTIONS
from ingestd.web.lists.deadlines import FILING, LATE
from ingestd.web.lists.interruptions import LIST as INTERRUPTIONS
from ingestd.web.lists.items import WorkList
from ingestd.web.lists.keeping import AGED, CARRIERS, DUE, RELEASES, REVIEWS
from ingestd.web.lists.recorders import LIST as IDENTITY
from ingestd.web.lists.registration import LIST as UNREGISTERED
from ingestd.web.lists.vault import FAULTS

LISTS: Final[tuple[WorkList, ...]] = (
    IDENTITY,
    UNREGISTERED,
    INTERRUPTIONS,
    LATE,
    FILING,
    MISSING,
    SUGGESTIONS,
    RELEASES,
    REVIEWS,
    AGED,
    CARRIERS,
    DUE,
    FAULTS,
)

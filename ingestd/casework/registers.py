"""What people enter of disclosure and of non-duty footage: each request decided, entered in the ledger, answered."""

import threading
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.core.clock import Clock, to_text
from ingestd.core.custody import Act
from ingestd.core.disclosures import Disclosure
from ingestd.core.errors import RefusedError
from ingestd.core.nonduty import NonDutyNote
from ingestd.core.register_acts import (
    AnswerDisclosure,
    DisclosureRequest,
    NoteNonDuty,
    Request,
    SettleNonDuty,
    disclosure_act,
    disclosure_after,
    note_act,
    settled,
    settling_act,
)
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.registers import RegisterBook
from ingestd.stores.search import Catalogue

Document = dict[str, Any]


class RegisterDesk:
    """The one counter of a station at which these registers are changed. Safe from many threads.

    Args:
        zone: the bureau's zone as it is at the moment; a reload may change it.
    """

    def __init__(self, catalogue: Catalogue, chronicle: Chronicle, clock: Clock, zone: Callable[[], ZoneInfo]) -> None:
        self._book = RegisterBook(chronicle.engine)
        self._catalogue = catalogue
        self._chronicle = chronicle
        self._clock = clock
        self._zone = zone
        self._lock = threading.Lock()

    def enter(self, requests: Sequence[Request]) -> list[Document]:
        """Do what is asked, in order: all of it with one entry in the ledger each, or nothing.

        Returns for each request `act`, `subject` and `seq`, the entry: of a note its number.

        Raises:
            NotFoundError, RefusedError: one request cannot be followed; none was.
            StoreError: as of `Chronicle.enter`.
        """
        with self._lock:
            draft = _Draft(self._book, self._catalogue, self._clock, self._zone())
            acts = [draft.decide(request) for request in requests]
            entries = self._chronicle.enter(*acts) if acts else []
        return [{"act": one.act, "subject": one.subject, "seq": one.seq} for one in entries]


class _Draft:
    """The registers as they are once the requests before are entered."""

    def __init__(self, book: RegisterBook, catalogue: Catalogue, clock: Clock, zone: ZoneInfo) -> None:
        self._book = book
        self._catalogue = catalogue
        self._now = clock.now()
        self._today = self._now.astimezone(zone).date()
        self._disclosures: dict[str, Disclosure | None] = {}
        self._notes: dict[int, NonDutyNote] = {}
        self._noted: set[str] = set()

    def decide(self, request: Request) -> Act:
        """The act of a request, which counts for those after it."""
        match request:
            case NoteNonDuty():
                return self._note(request)
            case SettleNonDuty():
                return self._settle(request)
            case _:
                return self._disclosure(request)

    def _disclosure(self, request: DisclosureRequest) -> Act:
        if request.number not in self._disclosures:
            self._disclosures[request.number] = self._book.disclosure(request.number)
        standing = self._disclosures[request.number]
        named = request.recordings if isinstance(request, AnswerDisclosure) else ()
        whole = [str(self._catalogue.recording(one)["recording_id"]) for one in named]
        act = disclosure_act(request, standing, whole, self._today)
        self._disclosures[request.number] = disclosure_after(standing, act)
        return act

    def _note(self, request: NoteNonDuty) -> Act:
        recording = self._catalogue.recording(request.recording)
        named = str(recording["recording_id"])
        if named in self._noted:
            raise RefusedError("the same recording is noted twice at once")
        act = note_act(request, named, str(recording["docking_id"]), self._book.notes_of(named))
        self._noted.add(named)
        return act

    def _settle(self, request: SettleNonDuty) -> Act:
        note = self._notes.get(request.note) or self._book.note(request.note)
        docking = str(self._catalogue.recording(note.recording_id)["docking_id"])
        act = settling_act(request, note, docking)
        self._notes[request.note] = settled(note, act, to_text(self._now))
        return act

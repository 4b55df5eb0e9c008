"""What people enter of carriers: each request decided, entered in the ledger, and answered."""

import threading
from collections.abc import Sequence
from typing import Any

from ingestd.core.carriers import Carrier, Enter, Extend, ReadAgain, Request, applied, carrier_act
from ingestd.core.clock import Clock, to_text
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError
from ingestd.stores.carriers import CarrierBook
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.holds import HoldBook
from ingestd.stores.search import Catalogue

Document = dict[str, Any]


class CarrierDesk:
    """The one counter of a station at which carriers are entered. Safe from many threads."""

    def __init__(self, catalogue: Catalogue, chronicle: Chronicle, clock: Clock) -> None:
        self._book = CarrierBook(chronicle.engine)
        self._holds = HoldBook(chronicle.engine)
        self._catalogue = catalogue
        self._chronicle = chronicle
        self._clock = clock
        self._lock = threading.Lock()

    def enter(self, requests: Sequence[Request]) -> list[Document]:
        """Do what is asked, in order: all of it with one entry in the ledger each, or nothing.

        Returns for each request `act`, `subject`, and how many `recordings` stand on the carrier.

        Raises:
            NotFoundError, RefusedError: one request cannot be followed; none was.
            StoreError: as of `Chronicle.enter`.
        """
        with self._lock:
            now = self._clock.now()
            pending: dict[str, Carrier | None] = {}
            acts: list[Act] = []
            for request in requests:
                if request.number not in pending:
                    pending[request.number] = self._book.find(request.number)
                standing = pending[request.number]
                act = carrier_act(request, standing, self._named(request), now)
                pending[request.number] = applied(standing, act, to_text(now))
                acts.append(act)
            if acts:
                self._chronicle.enter(*acts)
        return [self._answer(act) for act in acts]

    def _answer(self, act: Act) -> Document:
        carrier = self._book.find(str(act.subject))
        return {"act": act.act, "subject": act.subject, "recordings": len(carrier.recordings) if carrier else 0}

    def _named(self, request: Request) -> list[str]:
        """The whole ids of what a request names."""
        match request:
            case Enter() | Extend():
                found = self._whole(request.recordings)
                if request.case is not None:
                    evidence = self._book.evidence_of(request.case)
                    if not evidence:
                        advice = f"mark it first: ingestd case link {request.case} … --evidence"
                        raise NotFoundError(f"case {request.case} has no evidence", advice)
                    found += evidence
                if request.hold is not None:
                    self._holds.hold(request.hold)
                    found += self._holds.recordings_of(request.hold)
                return found
            case ReadAgain():
                return self._whole(request.unreadable)
            case _:
                return []

    def _whole(self, named: Sequence[str]) -> list[str]:
        return [str(self._catalogue.recording(one)["recording_id"]) for one in named]

"""What people do with the fleet register: each request decided, entered in the ledger as one act, and answered."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ingestd.core.custody import Act
from ingestd.core.fleet import RegisterEntry
from ingestd.core.fleet_acts import Request, Settle, act_of, applied, settling_act
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.fleet import FleetRegister

Document = dict[str, Any]


class FleetDesk:
    """The one counter of a station at which the register is changed. Safe from many threads.

    Args:
        on_changed: told of the recordings of dockings that were settled, once the acts stand, outside the desk's lock.
            Issues and returns hold from the moment of their entry and bear on no recording of before.
    """

    def __init__(
        self,
        register: FleetRegister,
        chronicle: Chronicle,
        on_changed: Callable[[Iterable[str]], None] = lambda _: None,
    ) -> None:
        self._register = register
        self._chronicle = chronicle
        self._on_changed = on_changed
        self._lock = threading.Lock()

    def enter(self, requests: Sequence[Request]) -> list[Document]:
        """Do what is asked, in order: all of it with one entry in the ledger, or nothing.

        Returns for each request what was entered: `act` and `subject`, `act` null where everything was so already.

        Raises:
            NotFoundError, RefusedError: one request cannot be followed; none was.
            StoreError: as of `Chronicle.enter`.
        """
        with self._lock:
            pending: dict[str, RegisterEntry | None] = {}
            acts = [self._decide(request, pending) for request in requests]
            entered = [act for act in acts if act is not None]
            if entered:
                self._chronicle.enter(*entered)
        settled = [act.subject for act in entered if act.act == "docking.admitted" and act.subject is not None]
        if touched := self._register.recordings_of(settled):
            self._on_changed(touched)
        return [
            {"act": act.act if act is not None else None, "subject": _subject(request, act)}
            for request, act in zip(requests, acts, strict=True)
        ]

    def _decide(self, request: Request, pending: dict[str, RegisterEntry | None]) -> Act | None:
        if isinstance(request, Settle):
            row = self._register.docking(request.docking)
            is_registered = request.recorder is None or self._entry(request.recorder, pending) is not None
            is_waiting = row["admission_is_quarantined"] or row["admission_is_conflicting"]
            return settling_act(request, row["docking_id"], is_waiting=is_waiting, is_registered=is_registered)
        entry = self._entry(request.number, pending)
        act = act_of(request, entry)
        if act is not None:
            pending[request.number] = applied(entry, act, "")
        return act

    def _entry(self, number: str, pending: dict[str, RegisterEntry | None]) -> RegisterEntry | None:
        """What the register holds once the requests before this one are entered."""
        return pending[number] if number in pending else self._register.entry(number)


def _subject(request: Request, act: Act | None) -> str:
    if act is not None and act.subject is not None:
        return act.subject
    return request.docking if isinstance(request, Settle) else request.number

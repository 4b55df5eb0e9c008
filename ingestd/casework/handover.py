"""What people declare for the hand-over clock: each declaration decided, entered in the ledger, and answered."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ingestd.core.clock import Clock
from ingestd.core.custody import Act
from ingestd.core.declarations import (
    Declare,
    Request,
    Scope,
    Withdraw,
    declaring_act,
    withdrawing_act,
)
from ingestd.core.errors import RefusedError
from ingestd.core.regime import Regime
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.handover import HandOverBook
from ingestd.stores.handover_records import RecordBook
from ingestd.stores.search import Catalogue

Document = dict[str, Any]


class DeclarationDesk:
    """The one counter of a station at which things are declared for the clock. Safe from many threads.

    Args:
        regime: as it is at the moment; a reload may change it.
        on_changed: told of the recordings that a declaration touches, once it stands, outside the desk's lock.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        chronicle: Chronicle,
        clock: Clock,
        regime: Callable[[], Regime],
        on_changed: Callable[[Iterable[str]], None] = lambda _: None,
    ) -> None:
        self._book = HandOverBook(chronicle.engine)
        self._dockings = RecordBook(chronicle.engine)
        self._catalogue = catalogue
        self._chronicle = chronicle
        self._clock = clock
        self._regime = regime
        self._on_changed = on_changed
        self._lock = threading.Lock()

    def enter(self, requests: Sequence[Request]) -> list[Document]:
        """Do what is asked, all of it or nothing. Gives for each request `declaration` (its number) and `recordings`.

        Raises:
            NotFoundError, RefusedError: one request cannot be followed; none was.
            StoreError: as of `Chronicle.enter`.
        """
        with self._lock:
            withdrawn = [one.declaration for one in requests if isinstance(one, Withdraw)]
            if len(withdrawn) != len(set(withdrawn)):
                raise RefusedError("one declaration is withdrawn twice")
            decided = [self._decide(request) for request in requests]
            entries = self._chronicle.enter(*(act for act, _ in decided)) if decided else []
        answers: list[Document] = []
        touched: set[str] = set()
        for (act, scope), entry in zip(decided, entries, strict=True):
            covered = self._book.covered_by(scope)
            touched.update(covered)
            answers.append(
                {"act": act.act, "declaration": act.data.get("declaration", entry.seq), "recordings": covered}
            )
        if touched:
            self._on_changed(touched)
        return answers

    def _decide(self, request: Request) -> tuple[Act, Scope]:
        if isinstance(request, Withdraw):
            standing = self._book.declaration(request.declaration)
            act = withdrawing_act(request, standing)
            return act, standing.scope if standing is not None else Scope()
        scope = self._scope(request)
        return declaring_act(request, scope, self._regime().hand_over, self._clock.now()), scope

    def _scope(self, request: Declare) -> Scope:
        if request.docking is not None:
            return Scope(docking_id=str(self._dockings.docking(request.docking)["docking_id"]))
        if request.recorder is not None:
            return Scope(recorder=request.recorder, since=request.since, until=request.until or request.at)
        return Scope(recordings=tuple(self._catalogue.recording(one)["recording_id"] for one in request.recordings))

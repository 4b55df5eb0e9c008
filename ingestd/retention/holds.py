"""What people do with holds: each request decided, entered and answered; what it touches is decided anew."""

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.core.approvals import ApprovalRule, ApprovedAct, chain_of
from ingestd.core.clock import Clock
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError
from ingestd.core.hold_acts import (
    DECLINED,
    Decline,
    Place,
    Request,
    act_of,
    applied,
    declining_act,
    hold_id,
    placing_act,
)
from ingestd.core.hold_rules import HoldRule
from ingestd.core.holds import SCOPE, AnyScope, CaseScope, Hold, Judgement, RecordingsScope, TakeScope
from ingestd.stores.cases import CaseRegister
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.holds import HoldBook
from ingestd.stores.search import Catalogue

Document = dict[str, Any]
OnChanged = Callable[[Iterable[str]], None]
"""Told of recordings that a hold came to cover, or covers no more: their keeping is decided again."""
Rules = tuple[Sequence[HoldRule], Sequence[ApprovalRule], ZoneInfo]
"""The regime's reasons of long-term keeping, its chains of approval, and the bureau's zone."""

_DECIDING_ACTS = ("hold.placed", "hold.released")


class HoldDesk:
    """The one counter of a station at which holds are placed and released. Safe from many threads.

    Args:
        rules: as they are at the moment; a reload may change them.
        on_changed: called after the acts stand, outside the desk's lock.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        chronicle: Chronicle,
        clock: Clock,
        rules: Callable[[], Rules],
        on_changed: OnChanged = lambda _: None,
    ) -> None:
        self._book = HoldBook(chronicle.engine)
        self._cases = CaseRegister(chronicle.engine)
        self._catalogue = catalogue
        self._chronicle = chronicle
        self._clock = clock
        self._rules = rules
        self._on_changed = on_changed
        self._lock = threading.Lock()
        self._untold: dict[str, None] = {}

    def enter(self, requests: Sequence[Request]) -> list[Document]:
        """Do what is asked, in order: all of it with one entry in the ledger each, or nothing.

        Returns for each request `act`, `subject` (the hold, or the complaint), how many `recordings` the hold covers,
        and of a hold that is placed how many are `unknown`: nothing says whether its scope covers them.

        Raises:
            NotFoundError, RefusedError: one request cannot be followed; none was.
            StoreError: as of `Chronicle.enter`, or what follows could not be decided; that is made good by itself.
        """
        with self._lock:
            draft = _Draft(self._book, self._rules(), self._clock.now(), self._whole)
            acts = [draft.decide(request) for request in requests]
            entered = [act for act, asked in zip(acts, requests, strict=True) if not _is_dry_run(asked)]
            if entered:
                self._chronicle.enter(*entered)
            for act in entered:
                if act.act in _DECIDING_ACTS:
                    self._untold |= dict.fromkeys(self._book.recordings_of(str(act.subject)))
        self._tell()
        return [self._answer(act, is_dry_run=_is_dry_run(asked)) for act, asked in zip(acts, requests, strict=True)]

    def _tell(self) -> None:
        """Have what follows decided; what could not be is told again with the next request."""
        with self._lock:
            waiting = list(self._untold)
        if not waiting:
            return
        self._on_changed(waiting)
        with self._lock:
            for recording in waiting:
                self._untold.pop(recording, None)

    def _answer(self, act: Act, *, is_dry_run: bool) -> Document:
        if act.act == "hold.placed":
            told = list(self._book.judged(SCOPE.validate_python(act.data["after"]["scope"])).values())
            covered, unknown = told.count(Judgement.COVERED), told.count(Judgement.UNKNOWN)
            entered = {"act": None, "subject": None} if is_dry_run else {"act": act.act, "subject": act.subject}
            return {**entered, "recordings": covered, "unknown": unknown}
        answer: Document = {"act": act.act, "subject": act.subject}
        if act.act != DECLINED:
            answer["recordings"] = len(self._book.recordings_of(str(act.subject)))
        return answer

    def _whole(self, scope: AnyScope) -> AnyScope:
        return whole_scope(scope, self._book, self._cases, self._catalogue)


def whole_scope(scope: AnyScope, book: HoldBook, cases: CaseRegister, catalogue: Catalogue) -> AnyScope:
    """A scope as the ledger keeps it, with whole ids.

    Raises:
        NotFoundError: something that it names is not in the catalogue.
    """
    match scope:
        case RecordingsScope():
            found = [str(catalogue.recording(one)["recording_id"]) for one in scope.recordings]
            return RecordingsScope(recordings=tuple(dict.fromkeys(found)))
        case TakeScope():
            members = cases.recordings_of_take(scope.take_id)
            if not members:
                take = catalogue.recording(scope.take_id)["take_id"]
                members = cases.recordings_of_take(take) if take else []
            return book.take_scope(members)
        case CaseScope():
            if cases.find(scope.number) is None:
                advice = f"enter it first: ingestd case add {scope.number}"
                raise NotFoundError(f"case {scope.number} is not in the register", advice)
            return scope
        case _:
            return scope


def _is_dry_run(request: Request) -> bool:
    return isinstance(request, Place) and request.is_dry_run


class _Draft:
    """The holds as they are once the requests before are entered."""

    def __init__(self, book: HoldBook, rules: Rules, now: dt.datetime, whole: Callable[[AnyScope], AnyScope]) -> None:
        self._book = book
        self._reasons, chains, zone = rules
        self._chain = chain_of(chains, ApprovedAct.HOLD_RELEASE)
        self._today = now.astimezone(zone).date()
        self._whole = whole
        self._holds: dict[str, Hold | None] = {}
        self._last: int | None = None

    def decide(self, request: Request) -> Act:
        match request:
            case Decline():
                return declining_act(request)
            case Place():
                whole = request.model_copy(update={"scope": self._whole(request.scope)})
                act = placing_act(whole, self._next_number(), self._reasons, self._today)
            case _:
                act = act_of(request, self._hold(request.hold), self._today, self._chain)
        number = str(act.subject)
        self._holds[number] = applied(self._hold(number), act, "")
        return act

    def _next_number(self) -> str:
        if self._last is None:
            self._last = self._book.last_position(self._today.year)
        self._last += 1
        return hold_id(self._today.year, self._last)

    def _hold(self, number: str) -> Hold | None:
        if number not in self._holds:
            self._holds[number] = self._book.find(number)
        return self._holds[number]

"""What people and case systems do with cases: each request decided, entered in the ledger, and answered."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.core.case_acts import Circumstances, acts_of, applied, registered
from ingestd.core.case_links import (
    Key,
    complaint_act,
    complaint_after,
    linking_act,
    marks_after,
    marks_of,
    touched_by,
    unit_act,
    unit_after,
    unlinking_act,
)
from ingestd.core.case_requests import Link, PutComplaint, PutUnit, Request, Unlink
from ingestd.core.cases import Case, Complaint, Unit
from ingestd.core.clock import Clock
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.ids import RecordingId
from ingestd.core.regime import Regime
from ingestd.stores.cases import CaseRegister
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.search import Catalogue

Document = dict[str, Any]

_TOGETHER = 500
"""Cases that are read with one question."""
_AT_ONCE = 50
"""Requests of a long import whose acts are entered with one transaction."""
OnChanged = Callable[[Iterable[RecordingId]], None]
"""Told of recordings whose links, or whose case or activity, changed: what was decided of them is decided again."""


class CaseDesk:
    """The one counter of a station at which cases, complaints and units are changed. Safe from many threads.

    Args:
        rules: the regime and the bureau's zone as they are at the moment; a reload may change them.
        on_changed: called after the acts stand, outside the desk's lock.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        chronicle: Chronicle,
        clock: Clock,
        rules: Callable[[], tuple[Regime, ZoneInfo]],
        on_changed: OnChanged = lambda _: None,
    ) -> None:
        self._register = CaseRegister(chronicle.engine)
        self._catalogue = catalogue
        self._chronicle = chronicle
        self._clock = clock
        self._rules = rules
        self._on_changed = on_changed
        self._lock = threading.Lock()
        self._untold: dict[RecordingId, None] = {}

    def enter(self, requests: Sequence[Request]) -> list[Document]:
        """Do what is asked, in order: all of it with one entry in the ledger each, or nothing.

        Returns for each request `subject` and `acts`; no acts where everything was so already.

        Raises:
            NotFoundError, RefusedError: one request cannot be followed; none was.
            StoreError: as of `Chronicle.enter`.
        """
        with self._lock:
            draft = _Draft(self._register, self._catalogue, self._clock, self._rules())
            draft.expect(requests)
            decided = [draft.decide(request) for request in requests]
            self._keep(decided)
        self._tell(draft)
        return [_answer(request, acts) for request, acts in zip(requests, decided, strict=True)]

    def enter_each(
        self, requests: Sequence[Request], *, is_rest_taken: bool, is_dry_run: bool = False
    ) -> list[Document]:
        """Do what is asked as far as it can be followed, and say of each request what became of it.

        Args:
            is_rest_taken: what can be followed is entered though others cannot; else nothing is, once one cannot.
            is_dry_run: nothing is entered in any case.

        Returns for each request `subject`, `acts` and `error` (`code`, `message`, `advice`; null where it can be
        followed). Acts are those that follow, entered or not.

        Raises:
            StoreError: as of `Chronicle.enter`.
        """
        answers: list[Document] = []
        with self._lock:
            draft = _Draft(self._register, self._catalogue, self._clock, self._rules())
            draft.expect(requests)
            decided: list[list[Act]] = []
            for request in requests:
                error: Document | None = None
                acts: list[Act] = []
                try:
                    acts = draft.decide(request)
                except (NotFoundError, RefusedError) as refusal:
                    error = {"code": refusal.code, "message": refusal.message, "advice": refusal.advice}
                decided.append(acts)
                answers.append(_answer(request, acts) | {"error": error})
            is_whole = all(answer["error"] is None for answer in answers)
            is_entered = (is_whole or is_rest_taken) and not is_dry_run
            if is_entered and is_rest_taken:
                # In parts: a bay that wants to seal between them must not wait for all of a long import.
                for start in range(0, len(decided), _AT_ONCE):
                    self._keep(decided[start : start + _AT_ONCE])
            elif is_entered:
                self._keep(decided)
        if is_entered:
            self._tell(draft)
        return answers

    def _keep(self, decided: Iterable[Sequence[Act]]) -> None:
        acts = [act for some in decided for act in some]
        if acts:
            self._chronicle.enter(*acts)

    def _tell(self, draft: "_Draft") -> None:
        """Have what follows decided; what could not be is told again with the next request."""
        with self._lock:
            self._untold |= dict.fromkeys(draft.touched())
            waiting = list(self._untold)
        if not waiting:
            return
        self._on_changed(waiting)
        with self._lock:
            for recording in waiting:
                self._untold.pop(recording, None)


class _Draft:
    """The registers as they are once the requests before are entered."""

    def __init__(
        self, register: CaseRegister, catalogue: Catalogue, clock: Clock, rules: tuple[Regime, ZoneInfo]
    ) -> None:
        self._register = register
        self._catalogue = catalogue
        self._regime, zone = rules
        self._now = clock.now()
        self._today = self._now.astimezone(zone).date()
        self._cases: dict[str, Case | None] = {}
        self._marks: dict[str, dict[Key, bool]] = {}
        self._complaints: dict[str, Complaint | None] = {}
        self._units: dict[str, Unit] | None = None
        self._touched: dict[str, None] = {}

    def decide(self, request: Request) -> list[Act]:
        """The acts of a request, which count for those after it; a refused request leaves the draft as it was."""
        match request:
            case Link() | Unlink():
                return self._linking(request)
            case PutComplaint():
                return self._complaint(request)
            case PutUnit():
                return self._unit(request)
            case _:
                case = self._case(request.number)
                around = Circumstances(self._regime.categories, self._today, self._now, self._linked(request.number))
                acts = acts_of(request, case, around)
                for act in acts:
                    case = applied(case, act)
                self._cases[request.number] = case
                if acts:
                    self._touched |= dict.fromkeys(recording for recording, _ in self._marks_of(request.number))
                return acts

    def expect(self, requests: Iterable[Request]) -> None:
        """Read what many requests are about at once, and not one after the other."""
        named = sorted({one.number for one in requests if not isinstance(one, PutComplaint | PutUnit)})
        for start in range(0, len(named), _TOGETHER):
            numbers = named[start : start + _TOGETHER]
            self._cases |= dict.fromkeys(numbers)
            self._cases |= {case.number: case for case in self._register.cases(numbers=numbers)}
            links = self._register.links_of_all(numbers)
            self._marks |= {number: marks_of(one for one in links if one.case_number == number) for number in numbers}

    def touched(self) -> list[RecordingId]:
        """Recordings that the decided acts speak of, directly or through their case."""
        return [RecordingId(one) for one in self._touched]

    def _linking(self, request: Link | Unlink) -> list[Act]:
        case = registered(self._case(request.number), request.number)
        recordings, marks = self._named(request), self._marks_of(request.number)
        if isinstance(request, Link):
            act = linking_act(request, case, recordings, marks)
            # Also where it stands so already: asked again after a fault, what follows from a link is made good.
            self._touched |= dict.fromkeys(recordings)
        else:
            act = unlinking_act(request, case, recordings, marks)
        if act is None:
            return []
        self._marks[request.number] = marks_after(marks, act)
        self._touched |= dict.fromkeys(touched_by(act))
        return [act]

    def _complaint(self, request: PutComplaint) -> list[Act]:
        if request.number not in self._complaints:
            self._complaints[request.number] = self._register.complaint(request.number)
        named = request.case_number or ""
        known = frozenset({named} if named and self._case(named) is not None else ())
        standing = self._complaints[request.number]
        act = complaint_act(request, standing, known)
        if act is None:
            return []
        self._complaints[request.number] = complaint_after(standing, act)
        return [act]

    def _unit(self, request: PutUnit) -> list[Act]:
        if self._units is None:
            self._units = self._register.units()
        standing = self._units.get(request.name)
        act = unit_act(request, standing, self._units)
        if act is None:
            return []
        self._units[request.name] = unit_after(standing, act)
        return [act]

    def _case(self, number: str) -> Case | None:
        if number not in self._cases:
            self._cases[number] = self._register.find(number)
        return self._cases[number]

    def _marks_of(self, number: str) -> Mapping[Key, bool]:
        if number not in self._marks:
            self._marks[number] = marks_of(self._register.links_of(number))
        return self._marks[number]

    def _linked(self, number: str) -> frozenset[str]:
        return frozenset(activity for _, activity in self._marks_of(number) if activity is not None)

    def _named(self, request: Link | Unlink) -> list[str]:
        match request.what:
            case "take":
                return self._register.recordings_of_take(request.named)
            case "docking":
                return self._register.recordings_of_docking(request.named)
            case _:
                return [str(self._catalogue.recording(request.named)["recording_id"])]


def _answer(request: Request, acts: Sequence[Act]) -> Document:
    subject = request.name if isinstance(request, PutUnit) else request.number
    named = [act.data["activity_id"] for act in acts if act.act == "case.activity_entered"]
    answer: Document = {"subject": subject, "acts": [act.act for act in acts]}
    return answer | ({"activities": named} if named else {})

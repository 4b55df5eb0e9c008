"""What people ask about access (调用单) and every view of footage: decided, entered and answered by one counter."""

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.core.access import AccessRequest
from ingestd.core.access_acts import AN_HOUR, Ask, Request, View, access_number, act_of, applied, asking_act, view_act
from ingestd.core.access_rules import AccessKind, AccessRule, Viewer, rule_for
from ingestd.core.approvals import ApprovalRule, ApprovedAct, chain_of
from ingestd.core.clock import Clock, to_text
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.localdays import end_of_day
from ingestd.stores.access import AccessBook
from ingestd.stores.cases import CaseRegister
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.search import Catalogue

Document = dict[str, Any]
Rules = tuple[Sequence[AccessRule], Sequence[ApprovalRule], ZoneInfo]
"""The regime's rules of access, its chains of approval, and the bureau's zone."""


class AccessDesk:
    """The one counter of a station for requests and views. Safe from many threads.

    Args:
        rules: as they are at the moment; a reload may change them.
    """

    def __init__(self, catalogue: Catalogue, chronicle: Chronicle, clock: Clock, rules: Callable[[], Rules]) -> None:
        self._book = AccessBook(chronicle.engine)
        self._cases = CaseRegister(chronicle.engine)
        self._catalogue = catalogue
        self._chronicle = chronicle
        self._clock = clock
        self._rules = rules
        self._lock = threading.Lock()

    def enter(self, requests: Sequence[Request]) -> list[Document]:
        """Do what is asked, in order: all of it with one entry in the ledger each, or nothing.

        Returns for each request `act` and `subject`. A view that stands for this session and hour is not entered
        again: its `act` is null.

        Raises:
            NotFoundError, RefusedError: one request cannot be followed; none was.
            StoreError: as of `Chronicle.enter`.
        """
        with self._lock:
            draft = _Draft(self._book, self._cases, self._catalogue, self._rules(), self._clock.now())
            acts = [draft.decide(request) for request in requests]
            entered = [act for act in acts if act is not None]
            if entered:
                self._chronicle.enter(*entered)
        return [{"act": act.act, "subject": act.subject} if act else {"act": None, "subject": None} for act in acts]


class _Draft:
    """The requests as they are once those before are entered."""

    def __init__(
        self, book: AccessBook, cases: CaseRegister, catalogue: Catalogue, rules: Rules, now: dt.datetime
    ) -> None:
        self._book = book
        self._cases = cases
        self._catalogue = catalogue
        self._access, self._chains, self._zone = rules
        self._now = now
        self._today = now.astimezone(self._zone).date()
        self._requests: dict[str, AccessRequest] = {}
        self._last: int | None = None

    def decide(self, request: Request) -> Act | None:
        match request:
            case View():
                return self._view(request)
            case Ask():
                items, recordings = self._named(request)
                act = asking_act(request, self._next_number(), items, recordings, self._today)
            case _:
                standing = self._standing(request.number)
                rule = self._rule(standing)
                act = act_of(
                    request,
                    standing,
                    chain=chain_of(self._chains, chain_act(standing.kind)),
                    rule=rule,
                    until=self._end(standing, rule),
                    now=self._now,
                )
        number = str(act.subject)
        self._requests[number] = applied(self._requests.get(number), act, to_text(self._now))
        return act

    def _view(self, request: View) -> Act | None:
        recording = str(self._catalogue.recording(request.recording)["recording_id"])
        since = to_text(self._now - AN_HOUR)
        going_on = self._book.going_on(request.session, request.account, recording, request.kind, since)
        if request.request is not None:
            self._check_opens(request, recording, going_on)
        if going_on is not None and (going_on["request"], going_on["sample"]) == (request.request, request.sample):
            return None
        return view_act(request, recording)

    def _check_opens(self, request: View, recording: str, going_on: Document | None) -> None:
        number = str(request.request)
        standing = self._standing(number)
        kind = AccessKind.COPY if request.kind == "download" else AccessKind.VIEW
        if standing.account != request.account or recording not in standing.recordings or not standing.is_for(kind):
            raise RefusedError(f"request {number} does not open this to {request.by}")
        if standing.ended_as or standing.approved_at is None or standing.is_over(self._now):
            raise RefusedError(f"request {number} opens nothing now", "ask again")
        if standing.uses is not None and not (going_on is not None and going_on["request"] == number):
            count = self._book.counts([number]).get(number, {}).get(recording, 0)
            if count >= standing.uses:
                raise RefusedError(f"request {number} is used up: {count} of {standing.uses}", "ask again")

    def _named(self, request: Ask) -> tuple[list[str], list[str]]:
        """What a request names, in words that stay true, and the recordings that this is now."""
        items: list[str] = []
        found: dict[str, None] = {}
        if request.case is not None:
            if self._cases.find(request.case) is None:
                raise NotFoundError(f"case {request.case} is not in the register")
            items.append(f"case {request.case}")
            found.update(dict.fromkeys(self._cases.recordings_of(request.case)))
        if request.take:
            members = self._cases.recordings_of_take(request.take)
            if not members:
                raise NotFoundError(f"there is no take {request.take}")
            items.append(f"take {request.take}")
            found.update(dict.fromkeys(members))
        for one in request.recordings:
            row = self._catalogue.recording(one)
            items.append(str(row["card_path"]).rsplit("/", 1)[-1])
            found[str(row["recording_id"])] = None
        return items, list(found)

    def _rule(self, standing: AccessRequest) -> AccessRule:
        is_secret = bool(self._book.secret_flags(standing.recordings))
        return rule_of(self._access, standing, is_secret=is_secret)

    def _end(self, standing: AccessRequest, rule: AccessRule) -> dt.datetime:
        latest = self._today + dt.timedelta(days=rule.valid_days)
        wanted = dt.date.fromisoformat(standing.wanted_until) if standing.wanted_until else latest
        return end_of_day(min(wanted, latest), self._zone)

    def _next_number(self) -> str:
        if self._last is None:
            self._last = self._book.last_position(self._today.year)
        self._last += 1
        return access_number(self._today.year, self._last)

    def _standing(self, number: str) -> AccessRequest:
        if number not in self._requests:
            self._requests[number] = self._book.request(number)
        return self._requests[number]


def chain_act(kind: AccessKind) -> ApprovedAct:
    """The act whose chain a request goes through."""
    return ApprovedAct.COPY if kind is AccessKind.COPY else ApprovedAct.VIEW


def rule_of(rules: Sequence[AccessRule], standing: AccessRequest, *, is_secret: bool) -> AccessRule:
    """The rule of the regime that a request falls under, for its term and for what nobody may have."""
    viewer = Viewer.OUTSIDE if standing.capacity.is_outside else Viewer.OFFICER
    return rule_for(rules, standing.kind, [viewer], is_secret=is_secret)

"""Requests to view or copy footage (调用单), the register of views, and who may see what now. Pure.

A request names its recordings when it is asked: what is linked to a case later needs another one. It opens them to the
account that asked, from the last approval of its chain until its end, each of them so often as it says.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ingestd.core.access_rules import AccessKind, AccessRule, Viewer, rule_for
from ingestd.core.clock import from_text
from ingestd.core.roles import Role


class Capacity(StrEnum):
    """What the applicant is in the matter."""

    HANDLER = "handler"
    OFFICER = "officer"
    REVIEWER = "reviewer"
    PARTY = "party"
    AGENT = "agent"
    LAWYER = "lawyer"
    COURT = "court"
    PROCURATORATE = "procuratorate"
    SUPERVISION = "supervision"
    RECONSIDERATION = "reconsideration"
    AUTHORITY = "authority"
    OTHER = "other"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _CAPACITIES[self]

    @property
    def is_outside(self) -> bool:
        """Whether it is nobody of the bureau."""
        return self not in (Capacity.HANDLER, Capacity.OFFICER, Capacity.REVIEWER)


_CAPACITIES: Final[Mapping[Capacity, str]] = {
    Capacity.HANDLER: "handler of the case · 承办人",
    Capacity.OFFICER: "officer on the scene · 执法人员",
    Capacity.REVIEWER: "legal reviewer · 审核人员",
    Capacity.PARTY: "party · 当事人",
    Capacity.AGENT: "agent of a party · 委托代理人",
    Capacity.LAWYER: "lawyer · 律师",
    Capacity.COURT: "court · 人民法院",
    Capacity.PROCURATORATE: "procuratorate · 人民检察院",
    Capacity.SUPERVISION: "supervision or inspection · 纪检监察机关",
    Capacity.RECONSIDERATION: "administrative reconsideration · 行政复议机关",
    Capacity.AUTHORITY: "another authority · 其他机关",
    Capacity.OTHER: "other · 其他",
}


class AccessState(StrEnum):
    """Where a request stands. Used, used up and expired follow from views and time; people do the others."""

    ASKED = "asked"
    APPROVED = "approved"
    USED = "used"
    USED_UP = "used_up"
    EXPIRED = "expired"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _STATES[self]

    @property
    def is_opening(self) -> bool:
        """Whether a request in this state opens anything."""
        return self in (AccessState.APPROVED, AccessState.USED)


_STATES: Final[Mapping[AccessState, str]] = {
    AccessState.ASKED: "asked, waits for approval · 待批准",
    AccessState.APPROVED: "approved · 已批准",
    AccessState.USED: "approved and used · 已批准，已使用",
    AccessState.USED_UP: "used up · 次数已用完",
    AccessState.EXPIRED: "expired · 已过期",
    AccessState.REFUSED: "refused · 不予批准",
    AccessState.WITHDRAWN: "withdrawn · 已撤回",
    AccessState.CLOSED: "closed · 已办结",
}


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's word for a request."""

    by: str
    at: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A request. Moments are UTC texts.

    Args:
        account: to whom it opens what it names; the sign-in name of whoever asked.
        asked_by: that person's name; `applicant` is whose wish it is, who may be somebody from outside.
        items: as they were named: a case, a take, recordings; `recordings` what that was when it was asked.
        wanted_until: the bureau's own day (ISO), or empty.
        wanted_uses, uses: how often each recording; null for as often as it takes. The second is what was approved.
        ended_as: `refused`, `withdrawn` or `closed`; empty while it stands.
    """

    number: str
    kind: AccessKind
    account: str
    asked_by: str
    applicant: str
    capacity: Capacity
    unit: str
    contact: str
    purpose: str
    items: tuple[str, ...]
    recordings: tuple[str, ...]
    asked_at: str = ""
    wanted_until: str = ""
    wanted_uses: int | None = None
    approvals: tuple[Approval, ...] = ()
    approved_at: str | None = None
    valid_until: str | None = None
    uses: int | None = None
    ended_as: str = ""
    ended_at: str | None = None
    ended_by: str = ""
    ended_reason: str = ""

    def state(self, views: Mapping[str, int], now: dt.datetime) -> AccessState:
        """Where it stands.

        Args:
            views: how often each of its recordings was viewed on it.
        """
        if self.ended_as:
            return AccessState(self.ended_as)
        if self.approved_at is None:
            return AccessState.ASKED
        if self.uses is not None and all(views.get(one, 0) >= self.uses for one in self.recordings):
            return AccessState.USED_UP
        if self.is_over(now):
            return AccessState.EXPIRED
        return AccessState.USED if any(views.values()) else AccessState.APPROVED

    def is_over(self, now: dt.datetime) -> bool:
        """Whether its end has come."""
        return self.valid_until is not None and now >= from_text(self.valid_until)

    def is_for(self, kind: AccessKind) -> bool:
        """Whether it is for this. Whoever may copy a recording may look at it."""
        return self.kind is kind or self.kind is AccessKind.COPY


class Reason(StrEnum):
    """Why a recording is open to somebody, or closed."""

    ROLE = "role"
    OWN = "own"
    SAMPLE = "sample"
    REQUEST = "request"
    NEEDS_APPROVAL = "needs_approval"
    WAITS = "waits"
    EXPIRED = "expired"
    USED_UP = "used_up"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a recording is open to somebody now.

    Args:
        request: the number of the request that opens it, or that would once it is approved; null for none.
        rule: the rule of the regime that says whether an approval is needed.
    """

    is_open: bool
    reason: Reason
    rule: AccessRule
    request: str | None = None


_OF_ROLES: Final[Mapping[Role, Viewer]] = {
    Role.OFFICER: Viewer.OFFICER,
    Role.CUSTODIAN: Viewer.OFFICER,
    Role.ARCHIVIST: Viewer.ARCHIVIST,
    Role.HEAD: Viewer.HEAD,
    Role.AUDITOR: Viewer.OFFICER,
}


def viewers_of(roles: Collection[Role], *, is_own: bool, is_in_sample: bool) -> frozenset[Viewer]:
    """In which capacities somebody meets a recording. Administrators and inspectors have none by their role."""
    found = {_OF_ROLES[role] for role in roles if role in _OF_ROLES}
    if is_own and found:
        found.add(Viewer.OWN)
    if is_in_sample:
        found.add(Viewer.SAMPLE)
    return frozenset(found)


def permission(
    rules: Sequence[AccessRule],
    *,
    kind: AccessKind,
    viewers: Collection[Viewer],
    is_secret: bool,
    account: str,
    recording_id: str,
    requests: Sequence[tuple[AccessRequest, Mapping[str, int]]],
    going_on: str | None,
    now: dt.datetime,
) -> Decision:
    """Whether a recording is open to somebody now.

    Args:
        is_secret: a case that it belongs to is flagged as secret or private.
        requests: those of this account that name the recording, each with its views by recording.
        going_on: the request on which a view of it by this session stands in the register for this hour: that view was
            counted and goes on. Null for none.
    """
    rule = rule_for(rules, kind, viewers, is_secret=is_secret)
    if rule.is_excluded:
        return Decision(False, Reason.EXCLUDED, rule)
    if not rule.needs_approval:
        return Decision(True, _free_reason(rule, viewers), rule)
    closed = Decision(False, Reason.NEEDS_APPROVAL, rule)
    for request, views in requests:
        if request.account != account or recording_id not in request.recordings or not request.is_for(kind):
            continue
        if request.ended_as:
            continue
        if request.approved_at is None:
            closed = Decision(False, Reason.WAITS, rule, request.number)
        elif request.is_over(now):
            closed = _less(closed, Decision(False, Reason.EXPIRED, rule, request.number))
        elif _is_used_up(request, views.get(recording_id, 0), is_going_on=going_on == request.number):
            closed = _less(closed, Decision(False, Reason.USED_UP, rule, request.number))
        else:
            return Decision(True, Reason.REQUEST, rule, request.number)
    return closed


def _is_used_up(request: AccessRequest, count: int, *, is_going_on: bool) -> bool:
    return request.uses is not None and count >= request.uses + is_going_on


def _less(one: Decision, other: Decision) -> Decision:
    return one if one.reason is Reason.WAITS else other


def _free_reason(rule: AccessRule, viewers: Collection[Viewer]) -> Reason:
    if Viewer.OWN in rule.viewers and Viewer.OWN in viewers:
        return Reason.OWN
    if Viewer.SAMPLE in rule.viewers and Viewer.SAMPLE in viewers:
        return Reason.SAMPLE
    return Reason.ROLE

"""What people ask about access (调用单), the acts that follow, and what each act makes of a request; views (调阅登记).

The same `applied` serves the asking side, which decides on it, and the catalogue, which shows it.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from ingestd.core.access import AccessRequest, Approval, Capacity
from ingestd.core.access_rules import AccessKind, AccessRule
from ingestd.core.approvals import ApprovalRule, check_approval, is_same_person, still_missing
from ingestd.core.case_acts import refuse_station
from ingestd.core.case_requests import Account as Lines
from ingestd.core.case_requests import CaseNumber, Day, Moment
from ingestd.core.clock import to_text
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.fleet_acts import Text, Words

ACCESS_ACTS = ("access.asked", "access.approved", "access.refused", "access.withdrawn", "access.closed")
"""The acts that make and change a request."""
VIEWED = "view.registered"
"""The act that says that somebody was let see a recording."""

AccessNumber = Annotated[str, Field(pattern=r"^A\d{4}-\d{4,}$")]
SignInName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]
Uses = Annotated[int, Field(ge=1, le=1000)]
MOST_RECORDINGS = 10_000
AN_HOUR = dt.timedelta(hours=1)
"""A session's view of a recording is registered once in this time."""


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words


class Ask(_Request):
    """Ask to view or to copy: recordings by id, last digits or file name, all of a take, all that a case has now.

    Args:
        account: of whoever asks; it is opened to this one.
        applicant: whose wish it is; empty for who asks.
    """

    do: Literal["ask"] = "ask"
    account: SignInName
    kind: AccessKind = AccessKind.VIEW
    applicant: Text = ""
    capacity: Capacity
    unit: Text = ""
    contact: Text = ""
    purpose: Annotated[Lines, Field(min_length=1)]
    recordings: Annotated[tuple[Words, ...], Field(max_length=MOST_RECORDINGS)] = ()
    take: Text = ""
    case: CaseNumber | None = None
    wanted_until: Day | None = None
    uses: Uses | None = None


class Approve(_Request):
    """Another person agrees. With null for the end, or for how often, the rule of the regime says it."""

    do: Literal["approve"] = "approve"
    number: AccessNumber
    valid_until: Moment | None = None
    uses: Uses | None = None
    note: Text = ""


class Refuse(_Request):
    """Whoever decides does not agree."""

    do: Literal["refuse"] = "refuse"
    number: AccessNumber
    reason: Words


class Withdraw(_Request):
    """Who asked needs it no more."""

    do: Literal["withdraw"] = "withdraw"
    number: AccessNumber
    reason: Text = ""


class Close(_Request):
    """The matter is done with, or an approval is taken back: it opens nothing any more."""

    do: Literal["close"] = "close"
    number: AccessNumber
    reason: Words


class View(_Request):
    """Somebody is about to see or hear a recording.

    Args:
        kind: `download`: the file went to somebody's machine.
        request: what opened it; null where none was needed.
        sample: the sample that it was drawn into; null outside of one.
        session: the start of a digest of the session, which tells sessions apart and opens nothing.
        unit: of the account, for the periodic report; empty for the whole bureau.
    """

    do: Literal["view"] = "view"
    account: SignInName
    recording: Words
    kind: Literal["play", "download"] = "play"
    request: AccessNumber | None = None
    sample: Text | None = None
    session: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
    unit: Text = ""


Request = Ask | Approve | Refuse | Withdraw | Close | View
OnStanding = Approve | Refuse | Withdraw | Close
REQUESTS: TypeAdapter[list[Request]] = TypeAdapter(list[Annotated[Request, Field(discriminator="do")]])
"""Reads requests from JSON."""


def access_number(year: int, position: int) -> str:
    """The number of a request: the bureau's year, and the place in it, from 1."""
    return f"A{year}-{position:04d}"


def asking_act(request: Ask, number: str, items: Sequence[str], recordings: Sequence[str], today: dt.date) -> Act:
    """The act that enters a request.

    Args:
        number: of the new request.
        items: what it names, in words that stay true.
        recordings: whole ids of what that is now.
        today: the bureau's own day.

    Raises:
        RefusedError: it names nothing, or is wanted until a day that is past.
    """
    refuse_station(request.by)
    if not recordings:
        raise RefusedError("there is no recording to ask for", "name recordings, a take, or a case that has some")
    if len(recordings) > MOST_RECORDINGS:
        raise RefusedError(f"{len(recordings)} recordings are too many for one request", "ask for less at a time")
    if request.wanted_until is not None and request.wanted_until < today:
        raise RefusedError(f"{request.wanted_until} is past", "say until when it is wanted")
    after = {
        "kind": request.kind.value,
        "account": request.account,
        "asked_by": request.by,
        "applicant": request.applicant or request.by,
        "capacity": request.capacity.value,
        "unit": request.unit,
        "contact": request.contact,
        "purpose": request.purpose,
        "items": list(items),
        "recordings": list(recordings),
        "wanted_until": request.wanted_until.isoformat() if request.wanted_until else "",
        "wanted_uses": request.uses,
    }
    return Act(act="access.asked", actor=request.by, subject=number, data={"after": after})


def act_of(
    request: OnStanding,
    standing: AccessRequest,
    *,
    chain: ApprovalRule,
    rule: AccessRule,
    until: dt.datetime,
    now: dt.datetime,
) -> Act:
    """The act that a request about a standing one asks for.

    Args:
        chain: who has to agree.
        rule: the regime's rule for what is asked.
        until: the end that it gets where nobody names one.

    Raises:
        RefusedError: its state, the chain or the rule do not allow it.
    """
    refuse_station(request.by)
    _refuse_ended(standing)
    data: dict[str, Any]
    match request:
        case Approve():
            return _approval(request, standing, chain, rule, until, now)
        case Refuse():
            if standing.approved_at is not None:
                raise RefusedError(f"{standing.number} is approved already", "an approval is taken back by closing it")
            return Act(act="access.refused", actor=request.by, subject=standing.number, data={"reason": request.reason})
        case Withdraw():
            if not is_same_person(request.by, standing.asked_by):
                raise RefusedError(f"{standing.asked_by} asked for it; nobody else withdraws it")
            return Act(
                act="access.withdrawn", actor=request.by, subject=standing.number, data={"reason": request.reason}
            )
        case Close():
            data = {"reason": request.reason}
            return Act(act="access.closed", actor=request.by, subject=standing.number, data=data)


def check_approver(standing: AccessRequest, chain: ApprovalRule, by: str) -> None:
    """Refuse an approval that the chain does not allow.

    Raises:
        RefusedError: `by` asked for it, or it is asked for `by`, or `by` approved it before.
    """
    check_approval(chain, requester=standing.asked_by, given=[one.by for one in standing.approvals], by=by)
    if is_same_person(by, standing.applicant) and not chain.may_requester_approve:
        raise RefusedError(f"it is asked for {by}, who cannot approve it", f"{chain.persons} others must: {chain.who}")


def _approval(
    request: Approve,
    standing: AccessRequest,
    chain: ApprovalRule,
    rule: AccessRule,
    until: dt.datetime,
    now: dt.datetime,
) -> Act:
    if standing.approved_at is not None:
        raise RefusedError(f"{standing.number} is approved already")
    if rule.is_excluded:
        clause = rule.words or rule.note or ""
        raise RefusedError("this regime gives it to nobody: it is flagged as secret or private", clause)
    check_approver(standing, chain, request.by)
    end = request.valid_until or until
    if end <= now:
        raise RefusedError(f"{to_text(end)} is past", "give an end that is to come")
    given = [*(one.by for one in standing.approvals), request.by]
    data = {
        "is_last": still_missing(chain, requester=standing.asked_by, given=given) == 0,
        "valid_until": to_text(end),
        "uses": request.uses or standing.wanted_uses or rule.uses,
        "note": request.note,
        "rule": rule.id,
        "chain": chain.model_dump(mode="json", include={"who", "persons", "may_requester_approve", "article"}),
    }
    return Act(act="access.approved", actor=request.by, subject=standing.number, data=data)


def view_act(request: View, recording: str) -> Act:
    """The act that registers a view; `recording` is the whole id."""
    refuse_station(request.by)
    names = {"account", "kind", "request", "sample", "session", "unit"}
    return Act(act=VIEWED, actor=request.by, subject=recording, data=request.model_dump(mode="json", include=names))


def applied(standing: AccessRequest | None, act: Act, time: str) -> AccessRequest:
    """A request after an act about it.

    Args:
        standing: before; null where there was none.
        time: of the act, as `core.clock.to_text`.

    Raises:
        NotFoundError, RefusedError: the act cannot follow.
    """
    number, data = str(act.subject), act.data
    if act.act == "access.asked":
        if standing is not None:
            raise RefusedError(f"request {number} was asked already")
        return access_of({"number": number, "asked_at": time, **data["after"]})
    if standing is None:
        raise NotFoundError(f"there is no request {number}", "see: ingestd access list")
    _refuse_ended(standing)
    if act.act == "access.approved":
        approvals = (*standing.approvals, Approval(act.actor, time, data["note"]))
        whole = {"approved_at": time, "valid_until": data["valid_until"], "uses": data["uses"]}
        return replace(standing, approvals=approvals, **(whole if data["is_last"] else {}))
    ended = {"access.refused": "refused", "access.withdrawn": "withdrawn", "access.closed": "closed"}[act.act]
    return replace(standing, ended_as=ended, ended_at=time, ended_by=act.actor, ended_reason=data["reason"])


def access_document(request: AccessRequest) -> dict[str, Any]:
    """A request as JSON has it."""
    return {
        **asdict(request),
        "kind": request.kind.value,
        "capacity": request.capacity.value,
        "items": list(request.items),
        "recordings": list(request.recordings),
        "approvals": [asdict(one) for one in request.approvals],
    }


def access_of(document: Mapping[str, Any]) -> AccessRequest:
    """A request from its JSON."""
    return AccessRequest(
        **{
            **document,
            "kind": AccessKind(document["kind"]),
            "capacity": Capacity(document["capacity"]),
            "items": tuple(document["items"]),
            "recordings": tuple(document["recordings"]),
            "approvals": tuple(Approval(**one) for one in document.get("approvals", ())),
        }
    )


def _refuse_ended(standing: AccessRequest) -> None:
    if standing.ended_as:
        raise RefusedError(f"request {standing.number} was {standing.ended_as} by {standing.ended_by}")

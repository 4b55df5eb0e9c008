"""What people ask of holds, the acts that follow, and what each act makes of a hold.

One person places a hold, and it holds at once. To end it one person asks and another approves, or as many as the
regime's chain asks for. The same `applied` serves the asking side, which decides on it, and the catalogue, which shows
it.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ingestd.core.approvals import ApprovalRule, check_approval, still_missing
from ingestd.core.case_acts import refuse_station
from ingestd.core.case_requests import CaseNumber, Day
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.fleet_acts import Text, Words
from ingestd.core.hold_rules import HoldRule
from ingestd.core.holds import SCOPE, Hold, HoldReason, ReleaseRequest, Scope

HOLD_ACTS = (
    "hold.placed",
    "hold.reviewed",
    "hold.release_requested",
    "hold.release_approved",
    "hold.release_refused",
    "hold.released",
)
"""The acts that make and change a hold."""
DECLINED = "hold.suggestion_declined"
"""The act by which a person decides that a complaint needs no hold."""

HoldId = Annotated[str, Field(pattern=r"^H\d{4}-\d{4,}$")]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words


class Place(_Request):
    """Hold recordings. `requester`: who asks for it, if not `by`, who enters it.

    Recordings and takes of the scope may be named by the last digits of their ids, or recordings by file name. With
    `is_dry_run` nothing is entered, and the answer says what it would cover.
    """

    do: Literal["place"] = "place"
    reason: HoldReason
    scope: Scope
    basis: Words
    requester: Text = ""
    review_on: Day
    words: Text = ""
    complaint: CaseNumber | None = None
    is_dry_run: bool = False


class Review(_Request):
    """Somebody looked whether a hold is still needed, and it is; the next day of review."""

    do: Literal["review"] = "review"
    hold: HoldId
    review_on: Day
    note: Text = ""


class Release(_Request):
    """Ask that a hold ends. It stands until whoever else has to agree did."""

    do: Literal["release"] = "release"
    hold: HoldId
    reason: Words


class Approve(_Request):
    """Another person agrees; with the last one that the chain asks for the hold ends."""

    do: Literal["approve"] = "approve"
    hold: HoldId
    note: Text = ""


class Refuse(_Request):
    """Anybody, also who asked: the hold stays, and the wish to end it is done with."""

    do: Literal["refuse"] = "refuse"
    hold: HoldId
    reason: Words


class Decline(_Request):
    """No hold for a complaint. `recordings` are those that were shown; others that come later suggest it again."""

    do: Literal["decline"] = "decline"
    complaint: CaseNumber
    recordings: Annotated[tuple[Words, ...], Field(max_length=10_000)] = ()
    reason: Words


HoldRequest = Review | Release | Approve | Refuse
Request = Place | Review | Release | Approve | Refuse | Decline
REQUESTS: TypeAdapter[list[Request]] = TypeAdapter(list[Annotated[Request, Field(discriminator="do")]])
"""Reads requests from JSON."""


def hold_id(year: int, position: int) -> str:
    """The number of a hold: the bureau's year, and the place in it, from 1."""
    return f"H{year}-{position:04d}"


def placing_act(request: Place, number: str, rules: Sequence[HoldRule], today: dt.date) -> Act:
    """The act that places a hold.

    Args:
        request: with whole ids in its scope.
        number: of the new hold.
        rules: the reasons of the bureau's regime; where it names none, all four are the bureau's own.
        today: the bureau's own day.

    Raises:
        RefusedError: the regime has no such reason, its words are missing, or the day of review is past.
    """
    refuse_station(request.by)
    clause = next((one for one in rules if one.reason is request.reason), None)
    if rules and clause is None:
        known = ", ".join(one.reason.value for one in rules)
        raise RefusedError(f"this regime has no hold for {request.reason.value}", f"its reasons: {known}")
    if request.reason is HoldReason.OTHER and not request.words:
        raise RefusedError("the reason `other` says nothing by itself", "say why it is held: --words …")
    _refuse_past(request.review_on, today)
    after = {
        "reason": request.reason.value,
        "scope": request.scope.model_dump(mode="json"),
        "basis": request.basis,
        "requester": request.requester or request.by,
        "review_on": request.review_on.isoformat(),
        "words": request.words,
        "article": clause.article if clause is not None else None,
        "clause": clause.words if clause is not None else None,
        "complaint_number": request.complaint,
    }
    return Act(act="hold.placed", actor=request.by, subject=number, data={"after": after})


def act_of(request: HoldRequest, hold: Hold | None, today: dt.date, chain: ApprovalRule) -> Act:
    """The act that a request about a standing hold asks for.

    Args:
        hold: what is known of it now; null for nothing.
        today: the bureau's own day.
        chain: who has to agree to a release.

    Raises:
        NotFoundError: there is no such hold.
        RefusedError: its state does not allow it, or who approves did so before, by asking.
    """
    refuse_station(request.by)
    standing = _standing(hold, request.hold)
    data: dict[str, Any]
    match request:
        case Review():
            _refuse_past(request.review_on, today)
            before, after = standing.review_on.isoformat(), request.review_on.isoformat()
            data = {"before": {"review_on": before}, "after": {"review_on": after}, "note": request.note}
            return Act(act="hold.reviewed", actor=request.by, subject=standing.hold_id, data=data)
        case Release():
            if standing.release is not None:
                advice = f"another person decides: ingestd hold release {standing.hold_id} --approve"
                raise RefusedError(f"{standing.release.by} asked already for the release", advice)
            return Act(
                act="hold.release_requested",
                actor=request.by,
                subject=standing.hold_id,
                data={"reason": request.reason},
            )
        case Refuse():
            data = {"reason": request.reason, "requested": _requested(standing)}
            return Act(act="hold.release_refused", actor=request.by, subject=standing.hold_id, data=data)
        case Approve():
            return _approval(request, standing, chain)


def _approval(request: Approve, hold: Hold, chain: ApprovalRule) -> Act:
    requested = _requested(hold)
    given = given_of(hold, chain)
    check_approval(chain, requester=requested["by"], given=given, by=request.by)
    is_last = still_missing(chain, requester=requested["by"], given=[*given, request.by]) == 0
    data = {"reason": requested["reason"], "requested": requested, "note": request.note}
    data |= {"chain": chain.model_dump(mode="json", include={"who", "persons", "may_requester_approve", "article"})}
    if is_last:
        return Act(act="hold.released", actor=request.by, subject=hold.hold_id, data=data)
    return Act(act="hold.release_approved", actor=request.by, subject=hold.hold_id, data=data)


def given_of(hold: Hold, chain: ApprovalRule) -> tuple[str, ...]:
    """Who agreed to the release so far: who asked for it did so by asking, where the chain lets the requester."""
    if hold.release is None:
        return ()
    asked = (hold.release.by,) if chain.may_requester_approve else ()
    return (*asked, *hold.release.approved_by)


def declining_act(request: Decline) -> Act:
    """The act by which a person decides that a complaint needs no hold."""
    refuse_station(request.by)
    data = {"recordings": sorted(set(request.recordings)), "reason": request.reason}
    return Act(act="hold.suggestion_declined", actor=request.by, subject=request.complaint, data=data)


def applied(hold: Hold | None, act: Act, time: str) -> Hold:
    """A hold after an act about it.

    Args:
        hold: before; null where there was none.
        time: of the act, as `core.clock.to_text`.

    Raises:
        NotFoundError, RefusedError: the act cannot follow on this hold.
    """
    number, data = str(act.subject), act.data
    if act.act == "hold.placed":
        if hold is not None:
            raise RefusedError(f"hold {number} was placed already")
        return replace(_of_document(number, data["after"]), placed_at=time, placed_by=act.actor)
    standing = _standing(hold, number)
    match act.act:
        case "hold.reviewed":
            review_on = dt.date.fromisoformat(data["after"]["review_on"])
            return replace(standing, review_on=review_on, reviewed_at=time, reviewed_by=act.actor)
        case "hold.release_requested":
            return replace(standing, release=ReleaseRequest(act.actor, time, data["reason"]))
        case "hold.release_approved":
            _requested(standing)
            return replace(standing, release=_with_approver(standing, act.actor))
        case "hold.release_refused":
            _requested(standing)
            return replace(standing, release=None)
        case "hold.released":
            _requested(standing)
            release = _with_approver(standing, act.actor)
            people = (release.by, *release.approved_by) if release is not None else ()
            return replace(standing, release=release, released_at=time, released_by=people)
        case _:
            return standing


def hold_document(hold: Hold) -> dict[str, Any]:
    """A hold as JSON has it."""
    release = hold.release
    return {
        "hold_id": hold.hold_id,
        "reason": hold.reason.value,
        "scope": hold.scope.model_dump(mode="json"),
        "basis": hold.basis,
        "requester": hold.requester,
        "review_on": hold.review_on.isoformat(),
        "words": hold.words,
        "article": hold.article,
        "clause": hold.clause,
        "complaint_number": hold.complaint_number,
        "placed_at": hold.placed_at,
        "placed_by": hold.placed_by,
        "reviewed_at": hold.reviewed_at,
        "reviewed_by": hold.reviewed_by,
        "release": {**asdict(release), "approved_by": list(release.approved_by)} if release is not None else None,
        "released_at": hold.released_at,
        "released_by": list(hold.released_by),
    }


def hold_of(document: Mapping[str, Any]) -> Hold:
    """A hold from its JSON."""
    standing = _of_document(document["hold_id"], document)
    release = document["release"]
    return replace(
        standing,
        **{name: document[name] for name in ("placed_at", "placed_by", "reviewed_at", "reviewed_by", "released_at")},
        release=ReleaseRequest(**{**release, "approved_by": tuple(release["approved_by"])}) if release else None,
        released_by=tuple(document["released_by"]),
    )


def _of_document(number: str, document: Mapping[str, Any]) -> Hold:
    return Hold(
        hold_id=number,
        reason=HoldReason(document["reason"]),
        scope=SCOPE.validate_python(document["scope"]),
        basis=document["basis"],
        requester=document["requester"],
        review_on=dt.date.fromisoformat(document["review_on"]),
        words=document["words"],
        article=document["article"],
        clause=document["clause"],
        complaint_number=document["complaint_number"],
    )


def _with_approver(hold: Hold, actor: str) -> ReleaseRequest | None:
    return replace(hold.release, approved_by=(*hold.release.approved_by, actor)) if hold.release is not None else None


def _standing(hold: Hold | None, number: str) -> Hold:
    if hold is None:
        raise NotFoundError(f"there is no hold {number}", "see: ingestd hold list")
    if hold.released_at is not None:
        raise RefusedError(f"hold {number} was released {hold.released_at} by {' and '.join(hold.released_by)}")
    return hold


def _requested(hold: Hold) -> dict[str, Any]:
    if hold.release is None:
        advice = f"one person asks first: ingestd hold release {hold.hold_id} --reason …"
        raise RefusedError(f"nobody asked for the release of hold {hold.hold_id}", advice)
    return {**asdict(hold.release), "approved_by": list(hold.release.approved_by)}


def _refuse_past(day: dt.date, today: dt.date) -> None:
    if day <= today:
        raise RefusedError(f"{day} is no day to come", "give the day on which somebody is to look again: --review")

"""What people ask of disposals, the acts that follow, and what each act makes of a plan.

The same `applied` serves the asking side, which decides on it, and the catalogue, which shows it.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import replace
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ingestd.core.approvals import ApprovalRule, check_approval, still_missing
from ingestd.core.clock import from_text, to_text
from ingestd.core.custody import Act
from ingestd.core.disposal import Approval, DisposalPlan, ItemState, PlanState
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.fleet_acts import Text, Words
from ingestd.core.localdays import end_of_day

PLAN_ACTS: Final = (
    "disposal.planned", "disposal.approved", "disposal.refused", "disposal.recovered", "disposal.spared",
    "disposal.certified",
)  # fmt: skip
"""The acts that make and change a plan."""
CONDEMNED, DISPOSED = "recording.condemned", "recording.disposed"

PlanNumber = Annotated[str, Field(pattern=r"^D\d{4}-\d{4,}$")]
MOST_RECORDINGS: Final = 100_000
"""Of one plan."""


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words


class Plan(_Request):
    """Plan the disposal of what is due. With `is_dry_run` nothing is entered.

    `until`: only what was due before that day of the bureau's zone; null: whatever is due now.
    """

    do: Literal["plan"] = "plan"
    reason: Text = ""
    until: dt.date | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_RECORDINGS)] = 10_000
    is_dry_run: bool = False


class Approve(_Request):
    """Agree to a plan. `plan_sha256` is the digest of the document that was read; empty: as it stands now."""

    do: Literal["approve"] = "approve"
    number: PlanNumber
    plan_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{8,64})?$")] = ""
    words: Text = ""


class Refuse(_Request):
    """End a plan: nothing (more) is condemned by it."""

    do: Literal["refuse"] = "refuse"
    number: PlanNumber
    reason: Words


class Recover(_Request):
    """Take recordings out of a plan before they are condemned; none named: all of it."""

    do: Literal["recover"] = "recover"
    number: PlanNumber
    recordings: Annotated[tuple[Words, ...], Field(max_length=10_000)] = ()
    reason: Words


class Run(_Request):
    """Dispose of an approved plan whose grace period is over; without a number, of all that are ready."""

    do: Literal["run"] = "run"
    number: PlanNumber | None = None


Request = Plan | Approve | Refuse | Recover | Run
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="do")])
"""Reads a request from JSON."""


def approving_act(
    request: Approve, plan: DisposalPlan, chain: ApprovalRule, *, now: dt.datetime, grace_days: int, zone: ZoneInfo
) -> Act:
    """The act by which a person agrees to a plan; the last approval starts the grace period.

    The period ends with the last of so many days of the bureau's zone; without days it is over at once.

    Raises:
        RefusedError: the plan is not open for approval, another document was read, or the chain does not allow it.
    """
    if plan.state is not PlanState.PLANNED:
        raise RefusedError(f"plan {plan.number} {plan.state.words}: it takes no approval")
    if not plan.plan_sha256.startswith(request.plan_sha256):
        raise RefusedError(
            f"the plan {plan.number} that was read is not the one that stands", "read it again: retention show-plan"
        )
    given = [one.by for one in plan.approvals]
    check_approval(chain, requester=plan.planned_by, given=given, by=request.by)
    missing = still_missing(chain, requester=plan.planned_by, given=[*given, request.by])
    grace_until = to_text(grace_end(now, grace_days, zone)) if missing == 0 else None
    data = {
        "plan_sha256": plan.plan_sha256,
        "words": request.words,
        "given": len(given) + 1,
        "needed": chain.persons,
        "grace_until": grace_until,
    }
    return Act(act="disposal.approved", actor=request.by, subject=plan.number, data=data)


def grace_end(approved_at: dt.datetime, grace_days: int, zone: ZoneInfo) -> dt.datetime:
    """When a grace period that starts now is over."""
    if grace_days == 0:
        return approved_at
    return end_of_day(approved_at.astimezone(zone).date() + dt.timedelta(days=grace_days), zone)


def refusing_act(request: Refuse, plan: DisposalPlan, begun: int) -> Act:
    """The act by which a person ends a plan.

    Args:
        begun: recordings of it that are destroyed, or being destroyed: for them there has to be a certificate.

    Raises:
        RefusedError: it ended already, or has begun.
    """
    _refuse_station(request.by)
    if not plan.state.is_open:
        raise RefusedError(f"plan {plan.number} {plan.state.words}")
    if begun:
        advice = f"the others can be taken out: ingestd retention recover {plan.number}"
        raise RefusedError(f"plan {plan.number} has begun with {begun} of its recordings", advice)
    return Act(act="disposal.refused", actor=request.by, subject=plan.number, data={"reason": request.reason})


def recovering_act(request: Recover, plan: DisposalPlan, wanted: Collection[str], planned: Collection[str]) -> Act:
    """The act by which a person takes recordings out of a plan.

    Args:
        wanted: ids of the recordings; empty for all.
        planned: recordings of the plan that nothing happened to yet.

    Raises:
        RefusedError: the plan ended, or something happened to one of them already.
    """
    _refuse_station(request.by)
    if not plan.state.is_open:
        raise RefusedError(f"plan {plan.number} {plan.state.words}")
    chosen = sorted(wanted or planned)
    gone = sorted(set(chosen) - set(planned))
    if gone or not chosen:
        what = f"recording {gone[0]} is" if gone else "nothing is"
        raise RefusedError(f"{what} not waiting in plan {plan.number}", f"see: retention show-plan {plan.number}")
    data = {"recordings": chosen, "reason": request.reason}
    return Act(act="disposal.recovered", actor=request.by, subject=plan.number, data=data)


def planned_plan(act: Act, time: str) -> DisposalPlan:
    """The plan that `disposal.planned` begins."""
    data = act.data
    return DisposalPlan(
        number=str(act.subject),
        state=PlanState.PLANNED,
        planned_at=time,
        planned_by=act.actor,
        reason=data["reason"],
        plan=data["plan"],
        plan_sha256=data["plan_sha256"],
        recordings=data["recordings"],
        size_bytes=data["size_bytes"],
    )


def applied(plan: DisposalPlan | None, act: Act, time: str) -> DisposalPlan:
    """A plan after an act about it.

    Raises:
        NotFoundError, RefusedError: the act cannot follow on this plan.
    """
    if act.act == "disposal.planned":
        if plan is not None:
            raise RefusedError(f"there is a plan {act.subject} already")
        return planned_plan(act, time)
    if plan is None:
        raise no_such_plan(str(act.subject))
    if not plan.state.is_open:
        raise RefusedError(f"plan {plan.number} {plan.state.words}")
    data: dict[str, Any] = act.data
    match act.act:
        case "disposal.approved":
            approval = Approval(act.actor, time, data["plan_sha256"], data["words"])
            state = PlanState.APPROVED if data["grace_until"] is not None else PlanState.PLANNED
            approvals = (*plan.approvals, approval)
            return replace(plan, state=state, approvals=approvals, grace_until=data["grace_until"])
        case "disposal.refused":
            ended = replace(plan, state=PlanState.REFUSED, ended_reason=data["reason"])
            return replace(ended, ended_at=time, ended_by=act.actor)
        case "disposal.certified":
            if plan.state is not PlanState.APPROVED:
                raise RefusedError(f"plan {plan.number} was never approved")
            ended = replace(plan, state=PlanState.CERTIFIED, ended_at=time, ended_by=act.actor)
            return replace(ended, certificate=data["certificate"], certificate_sha256=data["certificate_sha256"])
        case _:
            return plan


def is_grace_over(plan: DisposalPlan, now: dt.datetime) -> bool:
    """Whether a plan is approved and recordings can no longer be expected to be taken out."""
    return plan.state is PlanState.APPROVED and plan.grace_until is not None and now >= from_text(plan.grace_until)


ITEM_STATES: Final = {"disposal.recovered": ItemState.RECOVERED, "disposal.spared": ItemState.SPARED}
"""What an act about some recordings of a plan makes of them."""


def no_such_plan(number: str) -> NotFoundError:
    """There is no plan of this number."""
    return NotFoundError(f"there is no plan {number}", "see: ingestd retention plans")


def _refuse_station(by: str) -> None:
    if by == "station":
        raise RefusedError("an act of a person cannot be signed `station`", "give the name of who does it: --by")

"""What people ask about terms, and the acts that follow: changes of regime, and what was born expired."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from ingestd.core.approvals import ApprovalRule, check_approval, still_missing
from ingestd.core.custody import Act
from ingestd.core.errors import RefusedError
from ingestd.core.fleet_acts import Words
from ingestd.core.regime_changes import ChangePlan


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words


class PlanChange(_Request):
    """Work out what the rules of now would make of what was decided under others."""

    do: Literal["plan"] = "plan"
    reason: Words


class ApproveChange(_Request):
    """Agree to a change that somebody else planned; with the last one that the regime asks for it is done."""

    do: Literal["approve"] = "approve"
    change: Annotated[int, Field(ge=1)]


class SettleAges(_Request):
    """A person looked at recordings that were older than their term when they came in: their term counts from sealing.

    Either recordings, by id, the last digits of it or file name, or all of one docking that wait.
    """

    do: Literal["settle"] = "settle"
    recordings: Annotated[tuple[Words, ...], Field(max_length=10_000)] = ()
    docking: Words | None = None
    reason: Words

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if bool(self.recordings) == (self.docking is not None):
            raise ValueError("name recordings, or one docking")
        return self


Request = PlanChange | ApproveChange | SettleAges
REQUESTS: TypeAdapter[list[Request]] = TypeAdapter(list[Annotated[Request, Field(discriminator="do")]])
"""Reads requests from JSON."""


def planned_act(plan: ChangePlan, request: PlanChange) -> Act:
    """The act by which a plan stands; the number of its entry is the number of the change."""
    data = {**plan.model_dump(mode="json"), "reason": request.reason}
    return Act(act="retention.change_planned", actor=request.by, data=data)


def approving_act(request: ApproveChange, *, planned_by: str, given: Sequence[str], chain: ApprovalRule) -> Act:
    """The act by which another person agrees to a change.

    Who planned it agreed by that, where the chain lets the requester approve: never is one person enough.

    Args:
        given: who approved before.
        chain: of the regime.

    Raises:
        RefusedError: the chain does not allow this person.
    """
    before = [planned_by, *given] if chain.may_requester_approve else list(given)
    check_approval(chain, requester=planned_by, given=before, by=request.by)
    is_last = still_missing(chain, requester=planned_by, given=[*before, request.by]) == 0
    data = {"change": request.change, "is_last": is_last}
    return Act(act="retention.change_approved", actor=request.by, data=data)


def applied_act(change_id: int) -> Act:
    """The act that says that all of a change is done."""
    return Act(act="retention.change_applied", data={"change": change_id})


def settled_act(recording_id: str, request: SettleAges) -> Act:
    """The act by which a person settles the age of a recording.

    Raises:
        RefusedError: signed as the station.
    """
    refuse_station(request.by)
    return Act(act="retention.age_settled", actor=request.by, subject=recording_id, data={"reason": request.reason})


def refuse_station(by: str) -> None:
    """Refuse a person's act under the station's own name.

    Raises:
        RefusedError: it is signed so.
    """
    if by == "station":
        raise RefusedError("an act of a person cannot be signed `station`", "give the name of who does it: --by")

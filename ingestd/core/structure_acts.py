"""What people ask of learned structures, and the act that follows."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from ingestd.core.custody import Act
from ingestd.core.errors import RefusedError
from ingestd.core.fleet_acts import Words


class ResetStructure(BaseModel):
    """What was learned up to now of how a recorder, or all recorders of a model, build their files counts no more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words
    scope: Literal["recorder", "model"]
    subject: Words
    reason: Words


def resetting_act(request: ResetStructure) -> Act:
    """The act that a request asks for.

    Raises:
        RefusedError: nobody signs it.
    """
    if request.by == "station":
        raise RefusedError("an act of a person cannot be signed `station`", "give the name of who does it: --by")
    data = {"scope": request.scope, "reason": request.reason}
    return Act(act="structure.reset", actor=request.by, subject=request.subject, data=data)

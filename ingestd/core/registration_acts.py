"""What people enter in registrations, and the acts that follow: each with what stood before and what stands after."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ingestd.core.custody import Act
from ingestd.core.errors import RefusedError
from ingestd.core.explanation_acts import refuse_station
from ingestd.core.fleet_acts import Text, Words
from ingestd.core.registration_rules import AT_SEA, RegistrationRule, asks_scene, fields_of

FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Values = Annotated[tuple[Words, ...], Field(max_length=50)]
MOST_RECORDINGS = 2000
"""How many recordings one request changes."""


class Register(BaseModel):
    """Enter fields for recordings, or for all recordings of takes and dockings; all of them or none.

    `named` are ids, the last digits of them, or file names of recordings. An empty list of values takes an entry back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words
    what: Literal["recording", "take", "docking"] = "recording"
    named: Annotated[tuple[Words, ...], Field(min_length=1, max_length=MOST_RECORDINGS)]
    fields: Annotated[dict[FieldName, Values], Field(min_length=1, max_length=40)]
    note: Text = ""
    is_dry_run: bool = False


REQUEST: TypeAdapter[Register] = TypeAdapter(Register)
"""Reads a request from JSON."""


def checked(request: Register, rules: tuple[RegistrationRule, ...]) -> dict[str, list[str]]:
    """The fields of a request, checked against the regime's form; values once each.

    Raises:
        RefusedError: a field that the form does not have, or an answer that is none; or nobody signs.
    """
    refuse_station(request.by)
    known = [*fields_of(rules), *([AT_SEA] if asks_scene(rules) else [])]
    fields = {name: list(dict.fromkeys(values)) for name, values in request.fields.items()}
    for name, values in fields.items():
        # What was entered under an earlier form can still be taken back.
        if name not in known and values:
            raise RefusedError(
                f"{name!r} is no field of this regime's registration", f"the fields are {', '.join(known)}"
            )
        if name == AT_SEA and values not in ([], ["yes"], ["no"]):
            raise RefusedError(f"{AT_SEA} = {', '.join(values)!r} is no answer", "write yes or no")
    return fields


def registering_act(
    request: Register, fields: Mapping[str, Sequence[str]], recording: Mapping[str, Any], standing: Mapping[str, Any]
) -> Act | None:
    """The act by which a person changes one recording's registration; null where all stands so already.

    Args:
        fields: as of `checked`.
        recording: `recording_id` and `docking_id`.
        standing: what people entered so far, by field: lists of values.
    """
    before = {name: list(standing[name]) if name in standing else None for name in fields}
    after = {name: list(values) or None for name, values in fields.items()}
    changed = [name for name in fields if before[name] != after[name]]
    if not changed:
        return None
    data = {
        "docking_id": recording["docking_id"],
        "before": {name: before[name] for name in changed},
        "after": {name: after[name] for name in changed},
        "via": request.what,
        "note": request.note,
    }
    return Act(act="recording.registered", actor=request.by, subject=recording["recording_id"], data=data)

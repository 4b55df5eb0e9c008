"""What people say of the vessels beside a recording, and the acts that follow.

海洋 27(三) asks for name and number of the vessel (船名船号). A name that nobody saw on AIS stands as given by hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from ingestd.core.custody import Act
from ingestd.core.errors import RefusedError
from ingestd.core.explanation_acts import refuse_station
from ingestd.core.fleet_acts import Text, Words

VESSEL_FACT_ACTS: Final = ("vessel.confirmed", "vessel.named", "vessel.overruled")
"""What people say of vessels; each is one row of the catalogue."""

Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Mmsi = Annotated[int, Field(ge=1, le=999_999_999)]


class FactKind(StrEnum):
    """The three things that a person says of a vessel."""

    CONFIRMED = "confirmed"
    NAMED = "named"
    OVERRULED = "overruled"

    @property
    def words(self) -> str:
        """For people."""
        return {
            FactKind.CONFIRMED: "confirmed · 已确认",
            FactKind.NAMED: "by hand · 人工登记",
            FactKind.OVERRULED: "overruled · 已否定",
        }[self]


@dataclass(frozen=True, slots=True)
class VesselFact:
    """What a person said of a vessel beside a recording.

    `name` is the one given by hand where there is one, else that of AIS (`ais_name`); `number` is the 船号, by hand. A
    vessel that was named by hand has neither number of AIS (`mmsi`) nor distance nor age, and `is_by_hand` says so.
    """

    fact_id: int
    recording_id: str
    kind: FactKind
    mmsi: int | None
    name: str | None
    ais_name: str | None
    number: str
    imo: int | None
    call_sign: str | None
    distance_m: float | None
    age_s: float | None
    is_by_hand: bool
    said_by: str
    said_at: str
    note: str
    ended_by: int | None = None


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words
    recording: Words


class ConfirmVessel(_Request):
    """This vessel of AIS is the one. `name` and `number` (船名船号) as read from the hull, where AIS tells none.

    `place` is where the recorder was, by hand, where it has no track: latitude, longitude.
    """

    do: Literal["confirm"] = "confirm"
    mmsi: Mmsi
    name: Text = ""
    number: Text = ""
    place: tuple[Latitude, Longitude] | None = None
    note: Text = ""


class NameVessel(_Request):
    """This vessel was there, by name or number (船名船号), without AIS."""

    do: Literal["name"] = "name"
    name: Text = ""
    number: Text = ""
    note: Text = ""

    @model_validator(mode="after")
    def _names_it(self) -> "NameVessel":
        if not self.name and not self.number:
            raise ValueError("give the name, the number, or both")
        return self


class OverruleVessel(_Request):
    """This vessel was not there: a candidate by its MMSI, or one that was confirmed or named, also by that name."""

    do: Literal["overrule"] = "overrule"
    vessel: Words
    reason: Words


class ImportLogs(BaseModel):
    """Bring these log files in. Paths are absolute; `zone` is that of times in them that name none.

    `shift_seconds` is added to the logs' own times, where their dates were found off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words
    paths: Annotated[tuple[Words, ...], Field(min_length=1, max_length=1000)]
    zone: Text = ""
    shift_seconds: Annotated[float, Field(ge=-1e10, le=1e10, allow_inf_nan=False)] = 0.0


Request = ConfirmVessel | NameVessel | OverruleVessel
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="do")])
"""Reads a request from JSON."""


def confirming_act(
    request: ConfirmVessel,
    recording_id: str,
    candidate: Mapping[str, Any],
    basis: Mapping[str, Any],
    standing: Sequence[VesselFact],
) -> Act:
    """The act by which a person confirms a candidate, with all that speaks for it.

    Args:
        candidate: `core.vessels.Candidate.document()`, as it is now; the reports behind it are pruned one day.
        basis: what it rests on: place or track, its times and datum.
        standing: facts of this recording that stand; one about the same vessel gives way.

    Raises:
        RefusedError: nobody signs.
    """
    refuse_station(request.by)
    vessel = {
        "mmsi": candidate["mmsi"],
        "name": request.name or candidate["name"],
        "number": request.number,
        "imo": candidate["imo"],
        "call_sign": candidate["call_sign"],
    }
    data = {
        "vessel": vessel,
        "distance_m": candidate["distance_m"],
        "age_s": candidate["age_s"],
        "candidate": dict(candidate),
        "basis": dict(basis),
        "note": request.note,
        "ends": [one.fact_id for one in standing if one.mmsi == request.mmsi],
    }
    return Act(act="vessel.confirmed", actor=request.by, subject=recording_id, data=data)


def naming_act(request: NameVessel, recording_id: str, standing: Sequence[VesselFact]) -> Act:
    """The act by which a person names a vessel without AIS.

    Raises:
        RefusedError: nobody signs.
    """
    refuse_station(request.by)
    vessel = {"mmsi": None, "name": request.name or None, "number": request.number, "imo": None, "call_sign": None}
    same = [one.fact_id for one in standing if one.is_by_hand and _has_words(one, request.name, request.number)]
    data = {"vessel": vessel, "note": request.note, "ends": same}
    return Act(act="vessel.named", actor=request.by, subject=recording_id, data=data)


def overruling_act(
    request: OverruleVessel,
    recording_id: str,
    candidate: Mapping[str, Any] | None,
    standing: Sequence[VesselFact],
) -> Act:
    """The act by which a person says that a vessel was not there, or takes back that it was.

    Args:
        candidate: the one that `request.vessel` names; null where it names none.

    Raises:
        RefusedError: nobody signs, or it names neither a candidate nor a vessel that stands here.
    """
    refuse_station(request.by)
    named = [one for one in standing if is_named(one, request.vessel)]
    if candidate is None and not named:
        what = f"{request.vessel!r} is neither a candidate of this recording nor a vessel that stands with it"
        raise RefusedError(what, "see: ingestd vessel candidates RECORDING")
    of = named[0] if named else None
    vessel = {
        "mmsi": candidate["mmsi"] if candidate is not None else of.mmsi if of else None,
        "name": candidate["name"] if candidate is not None else of.name if of else None,
        "number": of.number if of else "",
        "imo": candidate["imo"] if candidate is not None else of.imo if of else None,
        "call_sign": candidate["call_sign"] if candidate is not None else of.call_sign if of else None,
    }
    data = {
        "vessel": vessel,
        "distance_m": candidate["distance_m"] if candidate is not None else of.distance_m if of else None,
        "age_s": candidate["age_s"] if candidate is not None else of.age_s if of else None,
        "candidate": dict(candidate) if candidate is not None else None,
        "note": request.reason,
        "ends": [one.fact_id for one in named],
    }
    return Act(act="vessel.overruled", actor=request.by, subject=recording_id, data=data)


def is_named(fact: VesselFact, vessel: str) -> bool:
    """Whether a person's word for a vessel, number of AIS or name or 船号, names this one."""
    return vessel in (str(fact.mmsi).zfill(9) if fact.mmsi is not None else None, fact.name, fact.number or None)


def _has_words(fact: VesselFact, name: str, number: str) -> bool:
    return bool((name and fact.name == name) or (number and fact.number == number))

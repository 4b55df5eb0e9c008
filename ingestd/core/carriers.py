"""Carriers (载体): discs, removable media and cloud copies on which long-term copies stand, and the acts about them.

The register says what a person wrote where, and when it was read back last. Which carriers count for what is a rule of
the bureau's regime (`core.hold_rules.CarrierRule`: 海洋 29, 民宗 21, 江门 43 and 44).
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ingestd.core.case_acts import refuse_station
from ingestd.core.case_requests import CaseNumber, Moment
from ingestd.core.clock import from_text, to_text
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.fleet_acts import Number, Text, Words
from ingestd.core.hold_acts import HoldId
from ingestd.core.hold_rules import CarrierFor, CarrierKind

CARRIER_ACTS = ("carrier.entered", "carrier.extended", "carrier.read", "carrier.withdrawn")
"""The acts about carriers."""

Recordings = Annotated[tuple[Words, ...], Field(max_length=10_000)]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words
    number: Number


class _Named(_Request):
    """What is on a carrier: recordings by id, last digits or file name, and all of a case's evidence or of a hold."""

    recordings: Recordings = ()
    case: CaseNumber | None = None
    hold: HoldId | None = None


class Enter(_Named):
    """Enter a carrier. `number` stands on its label; `read_at`: when it was read back and compared, null for now."""

    do: Literal["enter"] = "enter"
    kind: CarrierKind
    label: Text = ""
    place: Text = ""
    read_at: Moment | None = None
    note: Text = ""


class Extend(_Named):
    """More recordings on a carrier that is in the register."""

    do: Literal["extend"] = "extend"
    read_at: Moment | None = None


class ReadAgain(_Request):
    """A carrier was read back again; `unreadable` are recordings that it did not give any more."""

    do: Literal["read"] = "read"
    read_at: Moment | None = None
    unreadable: Recordings = ()
    note: Text = ""


class Withdraw(_Request):
    """A carrier is lost, broken, or handed over: it counts for nothing any more."""

    do: Literal["withdraw"] = "withdraw"
    reason: Words


Request = Enter | Extend | ReadAgain | Withdraw
REQUESTS: TypeAdapter[list[Request]] = TypeAdapter(list[Annotated[Request, Field(discriminator="do")]])
"""Reads requests from JSON."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A carrier of the register. Moments are UTC texts.

    Args:
        place: where it is kept.
        recordings: what stands on it; `unreadable` those that its last reading did not give.
        withdrawn_at: null while it counts.
    """

    carrier_id: str
    kind: CarrierKind
    label: str = ""
    place: str = ""
    note: str = ""
    entered_at: str = ""
    entered_by: str = ""
    last_read_at: str = ""
    withdrawn_at: str | None = None
    withdrawn_reason: str = ""
    recordings: frozenset[str] = frozenset()
    unreadable: frozenset[str] = frozenset()

    @property
    def is_counting(self) -> bool:
        """Whether it is one that a duty may be met with."""
        return self.withdrawn_at is None


@dataclass(frozen=True, slots=True)
class CarrierDue:
    """A recording that a rule wants on a carrier and that stands on none of its kinds.

    `because` are its holds, or the cases whose evidence it is.
    """

    recording_id: str
    card_path: str
    rule_id: str
    why: CarrierFor
    because: tuple[str, ...]
    kinds: tuple[CarrierKind, ...]
    article: str | None
    words: str | None


def carrier_act(request: Request, carrier: Carrier | None, recordings: Iterable[str], now: dt.datetime) -> Act:
    """The act that a request asks for.

    Args:
        carrier: what the register has of it; null for nothing.
        recordings: what the request names, with whole ids.

    Raises:
        NotFoundError: no such carrier, or the reading names what is not on it.
        RefusedError: it cannot be done so.
    """
    refuse_station(request.by)
    named = sorted(set(recordings))
    data: dict[str, Any]
    match request:
        case Enter():
            if carrier is not None:
                advice = f"more on it: ingestd carrier add {request.number}"
                raise RefusedError(f"carrier {request.number} is in the register already", advice)
            data = request.model_dump(mode="json", include={"kind", "label", "place", "note"})
            data |= {"recordings": _some(named), "read_at": _read_at(request.read_at, now)}
            return Act(act="carrier.entered", actor=request.by, subject=request.number, data=data)
        case Extend():
            standing = _counting(carrier, request.number)
            fresh = [one for one in _some(named) if one not in standing.recordings]
            if not fresh:
                raise RefusedError(f"all of it stands on carrier {request.number} already")
            data = {"recordings": fresh, "read_at": _read_at(request.read_at, now)}
            return Act(act="carrier.extended", actor=request.by, subject=request.number, data=data)
        case ReadAgain():
            standing = _counting(carrier, request.number)
            foreign = [one for one in named if one not in standing.recordings]
            if foreign:
                raise NotFoundError(f"recording {foreign[0]} is not on carrier {request.number}")
            data = {"read_at": _read_at(request.read_at, now), "unreadable": named, "note": request.note}
            data["before"] = {"read_at": standing.last_read_at, "unreadable": sorted(standing.unreadable)}
            return Act(act="carrier.read", actor=request.by, subject=request.number, data=data)
        case Withdraw():
            _counting(carrier, request.number)
            data = {"reason": request.reason}
            return Act(act="carrier.withdrawn", actor=request.by, subject=request.number, data=data)


def applied(carrier: Carrier | None, act: Act, time: str) -> Carrier:
    """A carrier after an act about it.

    Raises:
        NotFoundError, RefusedError: the act cannot follow.
    """
    number, data = str(act.subject), act.data
    if act.act == "carrier.entered":
        if carrier is not None:
            raise RefusedError(f"carrier {number} is in the register already")
        return Carrier(
            carrier_id=number,
            kind=CarrierKind(data["kind"]),
            label=data["label"],
            place=data["place"],
            note=data["note"],
            entered_at=time,
            entered_by=act.actor,
            last_read_at=data["read_at"],
            recordings=frozenset(data["recordings"]),
        )
    standing = _counting(carrier, number)
    match act.act:
        case "carrier.extended":
            return replace(standing, recordings=standing.recordings | frozenset(data["recordings"]))
        case "carrier.read":
            return replace(standing, last_read_at=data["read_at"], unreadable=frozenset(data["unreadable"]))
        case "carrier.withdrawn":
            return replace(standing, withdrawn_at=time, withdrawn_reason=data["reason"])
        case _:
            return standing


_FIELDS = ("label", "place", "note", "entered_at", "entered_by", "last_read_at", "withdrawn_at", "withdrawn_reason")


def carrier_document(carrier: Carrier) -> dict[str, Any]:
    """A carrier as JSON has it, without what stands on it."""
    told = {name: getattr(carrier, name) for name in _FIELDS}
    return {"carrier_id": carrier.carrier_id, "kind": carrier.kind.value, **told}


def carrier_of(document: Mapping[str, Any], recordings: Iterable[str], unreadable: Iterable[str]) -> Carrier:
    """A carrier from its JSON and what stands on it."""
    return Carrier(
        carrier_id=document["carrier_id"],
        kind=CarrierKind(document["kind"]),
        recordings=frozenset(recordings),
        unreadable=frozenset(unreadable),
        **{name: document[name] for name in _FIELDS},
    )


def _some(recordings: list[str]) -> list[str]:
    if not recordings:
        raise RefusedError("a carrier holds something", "name recordings, a case or a hold")
    return recordings


def _read_at(moment: dt.datetime | None, now: dt.datetime) -> str:
    if moment is not None and moment > now:
        raise RefusedError(f"{to_text(moment)} has not come yet", "enter it once it was read back")
    return to_text(moment or now)


def _counting(carrier: Carrier | None, number: str) -> Carrier:
    if carrier is None:
        raise NotFoundError(f"carrier {number} is not in the register", "see: ingestd carrier list")
    if carrier.withdrawn_at is not None:
        day = from_text(carrier.withdrawn_at).date()
        raise RefusedError(f"carrier {number} was withdrawn on {day}: {carrier.withdrawn_reason}")
    return carrier

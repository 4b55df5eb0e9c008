"""What the station knows for a recording's registration, out of tags, cases and vessels; nothing is guessed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingestd.core.cases import ActivityKind
from ingestd.core.registration import Facts, Known
from ingestd.core.registration_rules import KnownField

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Around:
    """What belongs to one recording, as the catalogue has it.

    Args:
        tags: empty where it has none.
        cases: documents of the linked cases, each with the linked activity's document, null for the case as a whole.
        vessels: `name`, `number`, `mmsi` of the vessels that stand with it.
        is_waiting: the docking that brought it waits for a person: whose recorder it was is not settled.
    """

    tags: Document
    recorded_start: str
    recorded_end: str | None
    cases: Sequence[tuple[Document, Document | None]] = ()
    vessels: Sequence[Document] = ()
    is_waiting: bool = False


def facts_of(around: Around) -> Facts:
    """What fills fields by itself; a field of which nothing is known is not in it."""
    tags = around.tags
    officers = [one for one in tags.get("officers") or () if one.get("officer")]
    found: dict[KnownField, Known | None] = {
        KnownField.UNIT: _of_cases(around, "unit") or _units(officers),
        KnownField.CATEGORY: _of_cases(around, "category"),
        KnownField.DEVICE: _known([tags.get("device")], "recorder", is_doubtful=around.is_waiting),
        KnownField.USED_AT: _known(
            [" / ".join(filter(None, (around.recorded_start, around.recorded_end)))],
            tags.get("times_source") or "unknown",
            is_doubtful=tags.get("times_source") in (None, "docking"),
        ),
        KnownField.PARTIES: _parties(around),
        KnownField.CAUSE: _of_cases(around, "cause"),
        KnownField.MATTER: _matter(around) or _of_cases(around, "cause"),
        KnownField.PLACE: _place(around),
        KnownField.COORDINATES: _coordinates(tags.get("position")),
        KnownField.VESSEL: _known([_vessel(one) for one in around.vessels], "vessel"),
    }
    found |= _officers(around, officers)
    return {field: known for field, known in found.items() if known is not None}


def _known(values: Sequence[str | None], source: str, *, is_doubtful: bool = False) -> Known | None:
    there = tuple(dict.fromkeys(value for value in values if value))
    return Known(there, source, is_doubtful) if there else None


def _source(around: Around) -> str:
    return "case " + ", ".join(dict.fromkeys(case["number"] for case, _ in around.cases))


def _of_cases(around: Around, key: str) -> Known | None:
    return _known([case.get(key) for case, _ in around.cases], _source(around))


def _units(officers: Sequence[Document]) -> Known | None:
    return _known([one.get("unit") for one in officers if not one.get("is_doubtful")], "roster")


def _parties(around: Around) -> Known | None:
    return _known([party for case, _ in around.cases for party in case.get("parties") or ()], _source(around))


def _matter(around: Around) -> Known | None:
    kinds = [activity["kind"] for _, activity in around.cases if activity is not None]
    return _known([ActivityKind(kind).words.rpartition(" · ")[2] for kind in kinds], _source(around))


def _place(around: Around) -> Known | None:
    places = [(activity or case).get("place") or case.get("place") for case, activity in around.cases]
    told = _known(places, _source(around))
    place = around.tags.get("place")
    if told is not None or place is None:
        return told
    # Near a place is not in it, and a place found across datums may be another one.
    is_doubtful = bool(place.get("distance_m")) or bool(place.get("may_be_off_by_m"))
    return _known([place.get("name")], "position", is_doubtful=is_doubtful)


def _coordinates(position: Document | None) -> Known | None:
    first = (position or {}).get("first")
    if first is None:
        return None
    return _known([f"{first['latitude']:.6f}, {first['longitude']:.6f}"], "position")


def _vessel(one: Document) -> str:
    return " ".join(str(part) for part in (one.get("name"), one.get("number"), one.get("mmsi")) if part)


def _officers(around: Around, officers: Sequence[Document]) -> dict[KnownField, Known | None]:
    """Officers and their certificates: of the tags; else of the activities that the recording is linked to."""
    is_doubtful = around.is_waiting or any(one.get("is_doubtful") for one in officers)
    source = officers[0].get("source") or "roster" if officers else _source(around)
    people = [(one["officer"], one.get("certificate") or "") for one in officers] or [
        (one["name"], one.get("certificate") or "")
        for _, activity in around.cases
        if activity is not None
        for one in activity.get("officers") or ()
    ]
    names = [f"{name}/{certificate}" if certificate else name for name, certificate in people]
    numbers = [certificate for _, certificate in people]
    return {
        KnownField.OFFICERS: _known(names, source, is_doubtful=is_doubtful),
        # One officer without a number leaves the field open: 执法证件编号 are those of all of them.
        KnownField.CERTIFICATES: _known(numbers, source, is_doubtful=is_doubtful or not all(numbers)),
    }

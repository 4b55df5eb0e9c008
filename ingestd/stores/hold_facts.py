"""What the catalogue knows of recordings, as far as the scope of a hold asks for it."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, exists, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from ingestd.core.areas import CONVERTED_APART_M
from ingestd.core.cases import CaseOfficer
from ingestd.core.clock import from_text, to_text
from ingestd.core.findtext import normal
from ingestd.core.holds import AnyScope, CaseScope, HoldFacts, OfficerScope, PlaceScope, RecordingsScope, TakeScope
from ingestd.core.registration_rules import KnownField
from ingestd.stores import schema
from ingestd.stores.schema_cases import case_activities, case_links, cases
from ingestd.stores.schema_find import find_rows, registrations

Row = Mapping[str, Any]

TOGETHER = 400
"""Recordings that one question names: below the variables that SQLite allows to a statement."""
_LEAST_DEGREE_M = 105_000.0
"""Metres of a degree of latitude, and less."""
_FAR_NORTH = 80.0

_recordings = schema.recordings
_COLUMNS = (
    _recordings.c.recording_id,
    _recordings.c.take_id,
    _recordings.c.recorded_start,
    _recordings.c.recorded_end,
    _recordings.c.tags,
)


def facts_of(connection: Connection, recordings: Iterable[str]) -> list[HoldFacts]:
    """The facts of these recordings, in the order of their ids; what the catalogue does not hold is left out."""
    wanted = sorted(set(recordings))
    found: list[HoldFacts] = []
    for start in range(0, len(wanted), TOGETHER):
        found += _facts(connection, wanted[start : start + TOGETHER])
    return found


def candidates(connection: Connection, scope: AnyScope) -> Iterator[HoldFacts]:
    """The facts of every recording that a scope may cover, and of more: whoever asks judges each.

    They come in parts, so that a scope over years of a large archive takes no more memory than one over a day.
    """
    match scope:
        case RecordingsScope():
            yield from facts_of(connection, scope.recordings)
        case TakeScope():
            yield from facts_of(connection, _of_take(connection, scope))
        case CaseScope():
            links = case_links
            query = select(links.c.recording_id).where(links.c.case_number == scope.number)
            yield from facts_of(connection, connection.execute(query.distinct()).scalars())
        case OfficerScope() | PlaceScope():
            last = ""
            while part := _of_time(connection, scope, last):
                yield from _facts(connection, part)
                last = part[-1]


def _of_take(connection: Connection, scope: TakeScope) -> set[str]:
    table = _recordings
    found: set[str] = set(scope.recordings)
    query = select(table.c.recording_id)
    found.update(connection.execute(query.where(table.c.take_id == scope.take_id)).scalars())
    for start in range(0, len(scope.recordings), TOGETHER):
        named = table.c.recording_id.in_(scope.recordings[start : start + TOGETHER])
        takes = select(table.c.take_id).where(named, table.c.take_id.is_not(None))
        found.update(connection.execute(query.where(table.c.take_id.in_(takes))).scalars())
    return found


def _of_time(connection: Connection, scope: OfficerScope | PlaceScope, after: str) -> list[str]:
    """The next recordings that touch the window, or whose time is only that of a later docking."""
    table = _recordings
    touches = table.c.recorded_end >= to_text(scope.since)
    if scope.until is not None:
        is_of_docking = table.c.tags["times_source"].as_string() == "docking"
        touches &= (table.c.recorded_start <= to_text(scope.until)) | is_of_docking
    query = select(table.c.recording_id).where(touches, table.c.recording_id > after)
    query = query.outerjoin(find_rows, find_rows.c.recording_id == table.c.recording_id)
    if isinstance(scope, OfficerScope):
        query = query.where(_may_name(scope))
    elif scope.latitude is not None and scope.longitude is not None:
        query = query.where(_may_be_near(scope.latitude, scope.longitude, scope.radius_m or 0.0))
    return list(connection.execute(query.order_by(table.c.recording_id).limit(TOGETHER)).scalars())


def _may_name(scope: OfficerScope) -> ColumnElement[bool]:
    """Whether a recording may name an officer, or names nobody: others need not be read to be judged.

    What it can be found by holds the names of its tags and its registration in the form in which scopes compare them;
    those of linked activities stand elsewhere.
    """
    officers = find_rows.c.officers
    wanted = [normal(one) for one in (scope.name, scope.certificate) if one]
    is_linked = exists().where(case_links.c.recording_id == _recordings.c.recording_id)
    return or_(officers.is_(None), officers == "", is_linked, *(func.instr(officers, one) > 0 for one in wanted))


def _may_be_near(latitude: float, longitude: float, radius_m: float) -> ColumnElement[bool]:
    """Whether a track's box may reach a circle, or there is no track: degrees are counted too many, never too few."""
    box, degrees = find_rows.c, (radius_m + CONVERTED_APART_M) / _LEAST_DEGREE_M
    is_near = (box.south <= latitude + degrees) & (box.north >= latitude - degrees)
    if abs(latitude) + degrees < _FAR_NORTH:
        wide = degrees / math.cos(math.radians(abs(latitude) + degrees))
        is_near &= (box.west <= longitude + wide) & (box.east >= longitude - wide)
    return or_(box.south.is_(None), is_near)


def _facts(connection: Connection, wanted: Sequence[str]) -> list[HoldFacts]:
    table = _recordings
    rows = _rows(connection, select(*_COLUMNS).where(table.c.recording_id.in_(wanted)).order_by(table.c.recording_id))
    mates = _take_mates(connection, {row["take_id"] for row in rows if row["take_id"]})
    linked = _linked(connection, wanted)
    given = _registered(connection, wanted)
    return [
        _one(row, mates.get(row["take_id"] or "", frozenset()), linked[row["recording_id"]], given[row["recording_id"]])
        for row in rows
    ]


def _one(row: Row, mates: frozenset[str], linked: Sequence[Row], given: Mapping[str, Sequence[str]]) -> HoldFacts:
    tags: Row = row["tags"] or {}
    officers = [_officer(one.get("officer"), one.get("certificate")) for one in tags.get("officers") or ()]
    officers += [_officer(*one.partition("/")[::2]) for one in given.get(KnownField.OFFICERS, ())]
    activities = [one["activity"] for one in linked if one["activity"] is not None]
    officers += [_officer(one["name"], one["certificate"]) for each in activities for one in each["officers"]]
    places = [*_areas(tags.get("place")), *given.get(KnownField.PLACE, ())]
    places += [each["place"] for each in activities] + [one["document"]["place"] for one in linked]
    position: Row = tags.get("position") or {}
    bounds = position.get("bounds")
    return HoldFacts(
        recording_id=row["recording_id"],
        take_id=row["take_id"],
        take_mates=mates,
        cases=frozenset(one["number"] for one in linked),
        start=from_text(row["recorded_start"]) if row["recorded_start"] else None,
        end=from_text(row["recorded_end"]) if row["recorded_end"] else None,
        is_time_known=tags.get("times_source") not in (None, "docking"),
        officers=tuple(dict.fromkeys(one for one in officers if one is not None)),
        places=tuple(dict.fromkeys(filter(None, places))),
        bounds=(bounds[0], bounds[1], bounds[2], bounds[3]) if bounds else None,
        datums=tuple(position.get("datums") or ()),
    )


def _officer(name: str | None, certificate: str | None) -> CaseOfficer | None:
    return CaseOfficer(name.strip(), (certificate or "").strip()) if name and name.strip() else None


def _areas(place: Row | None) -> list[str]:
    """The areas in which a part of a track lies; one that it only came near is none, unless the datums leave it open.

    A place that an older station tagged has its one name alone.
    """
    if place is None:
        return []
    within_m = CONVERTED_APART_M if place.get("may_be_off_by_m") else 0.0
    told = place.get("places") or [place]
    return [str(one.get("name") or "") for one in told if float(one.get("distance_m") or 0.0) <= within_m]


def _take_mates(connection: Connection, takes: set[str]) -> dict[str, frozenset[str]]:
    if not takes:
        return {}
    table = _recordings
    found: dict[str, set[str]] = defaultdict(set)
    query = select(table.c.take_id, table.c.recording_id).where(table.c.take_id.in_(sorted(takes)))
    for take, recording in connection.execute(query):
        found[take].add(recording)
    return {take: frozenset(some) for take, some in found.items()}


def _linked(connection: Connection, wanted: Sequence[str]) -> dict[str, list[Row]]:
    links, own = case_links, case_activities
    is_own = (own.c.case_number == links.c.case_number) & (own.c.activity_id == links.c.activity_id)
    query = (
        select(links.c.recording_id, cases.c.number, cases.c.document, own.c.document.label("activity"))
        .join(cases, cases.c.number == links.c.case_number)
        .outerjoin(own, is_own)
        .where(links.c.recording_id.in_(wanted))
        .order_by(links.c.case_number, links.c.activity_id)
    )
    found: dict[str, list[Row]] = defaultdict(list)
    for row in _rows(connection, query):
        found[row["recording_id"]].append(row)
    return found


def _registered(connection: Connection, wanted: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    table, fields = registrations, (KnownField.OFFICERS, KnownField.PLACE)
    query = select(table.c.recording_id, table.c.field, table.c.given)
    found: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for row in _rows(connection, query.where(table.c.recording_id.in_(wanted), table.c.field.in_(fields))):
        found[row["recording_id"]][row["field"]] = row["given"]
    return found


def _rows(connection: Connection, query: Any) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]

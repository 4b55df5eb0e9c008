"""What a recording can be found by, kept by the ledger's acts: written by `projection` alone, inside their transaction.

A row is made anew out of the catalogue whenever an act touched what is in it. So it says the same after a rebuild.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text

from ingestd.core.bookmark_acts import BOOKMARK_ACTS
from ingestd.core.case_acts import CASE_ACTS
from ingestd.core.clock import from_text
from ingestd.core.custody import Entry
from ingestd.core.findtext import joined, signs_of
from ingestd.core.registration import known_bits, scene_of
from ingestd.core.registration_facts import Around, facts_of
from ingestd.core.registration_rules import KnownField
from ingestd.core.vessel_acts import VESSEL_FACT_ACTS, FactKind
from ingestd.stores import schema
from ingestd.stores.cases import FOOTAGE_KINDS
from ingestd.stores.fleet import IS_WAITING
from ingestd.stores.schema_bookmarks import bookmarks
from ingestd.stores.schema_cases import case_activities, case_links, cases
from ingestd.stores.schema_find import COLUMNS, find_rows, registrations
from ingestd.stores.schema_vessels import vessel_facts

Row = dict[str, Any]

SLOTS_A_SECOND = 64
_TOGETHER = 400
_FILLED = "find_filled"
_recordings, _admissions = schema.recordings, schema.admissions

_COLUMN_OF = {
    KnownField.OFFICERS: "officers",
    KnownField.CERTIFICATES: "officers",
    KnownField.CAUSE: "cases",
    KnownField.MATTER: "cases",
    KnownField.PARTIES: "parties",
    KnownField.VESSEL: "vessels",
    KnownField.PLACE: "places",
}
"""Where an entry of a person is searched; every other field is among the rest."""


def slot_of(moment: str) -> int:
    """The first slot of the second of a moment (UTC text): slots are in order of time."""
    return int(from_text(moment).timestamp() // 1) * SLOTS_A_SECOND


def follow(connection: Connection, act: str, entries: Sequence[Entry]) -> None:
    """Let rows follow acts of one kind that are projected already."""
    touched = _TOUCHED.get(act)
    if touched is not None:
        refresh(connection, [one for entry in entries for one in touched(connection, entry)])


def refresh(connection: Connection, recordings: Iterable[str]) -> None:
    """Make the rows of recordings anew; those that are not tagged yet get none."""
    wanted = list(dict.fromkeys(recordings))
    for start in range(0, len(wanted), _TOGETHER):
        part = wanted[start : start + _TOGETHER]
        around = _around(connection, part)
        standing = {row["recording_id"]: dict(row) for row in _of(connection, select(find_rows), find_rows, part)}
        for recording in part:
            if recording in around.rows:
                _put(connection, around.row_of(recording), standing.get(recording))


def complete(connection: Connection) -> None:
    """Once: rows for what was tagged before this index was there."""
    table = schema.meta
    if connection.execute(select(table.c.value).where(table.c.key == _FILLED)).first() is not None:
        return
    there = select(find_rows.c.recording_id)
    query = select(_recordings.c.recording_id).where(_recordings.c.recorded_start.is_not(None))
    query = query.where(_recordings.c.recording_id.not_in(there)).order_by(_recordings.c.recording_id)
    refresh(connection, list(connection.execute(query).scalars()))
    connection.execute(insert(table).values(key=_FILLED, value="1"))


# Which recordings an act touches


def _subject(_: Connection, entry: Entry) -> list[str]:
    return [str(entry.subject)]


def _linked(_: Connection, entry: Entry) -> list[str]:
    return list(entry.data["after"])


def _unlinked(_: Connection, entry: Entry) -> list[str]:
    return [gone["recording_id"] for gone in entry.data["before"]]


def _of_case(connection: Connection, entry: Entry) -> list[str]:
    query = select(case_links.c.recording_id).where(case_links.c.case_number == entry.subject)
    return list(connection.execute(query.order_by(case_links.c.recording_id)).scalars())


def _of_docking(connection: Connection, entry: Entry) -> list[str]:
    query = select(_recordings.c.recording_id).where(_recordings.c.docking_id == entry.subject)
    return list(connection.execute(query.order_by(_recordings.c.recording_id)).scalars())


_TOUCHED: Mapping[str, Callable[[Connection, Entry], list[str]]] = {
    **dict.fromkeys(
        (
            "recording.tagged",
            "recording.retagged",
            "recording.registered",
            *BOOKMARK_ACTS,
            *VESSEL_FACT_ACTS,
        ),
        _subject,
    ),
    **dict.fromkeys(CASE_ACTS, _of_case),
    "case.linked": _linked,
    "case.unlinked": _unlinked,
    "docking.admitted": _of_docking,
}


# What a row is made of


@dataclass(slots=True)
class _Surroundings:
    rows: dict[str, Row]
    cases: dict[str, list[tuple[Row, Row | None]]] = field(default_factory=lambda: defaultdict(list))
    vessels: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    given: dict[str, dict[str, list[str]]] = field(default_factory=lambda: defaultdict(dict))
    words: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def row_of(self, recording: str) -> Row:
        row, given = self.rows[recording], self.given[recording]
        tags, cases, vessels = row["tags"] or {}, self.cases[recording], self.vessels[recording]
        around = Around(tags, row["recorded_start"], row["recorded_end"], cases, vessels, bool(row["is_waiting"]))
        facts = facts_of(around)
        unit = given.get(KnownField.UNIT) or (facts[KnownField.UNIT].values if KnownField.UNIT in facts else [""])
        south, west, north, east = _box(tags.get("position"))
        return {
            "slot": slot_of(row["recorded_start"]),
            "recording_id": recording,
            "is_footage": row["kind"] in FOOTAGE_KINDS,
            "known": known_bits(facts, given),
            "is_at_sea": scene_of(given, has_vessel=bool(vessels)),
            "unit": unit[0],
            "facts": {name.value: known.document() for name, known in facts.items()},
            "south": south,
            "west": west,
            "north": north,
            "east": east,
            **self._texts(recording, row, tags),
        }

    def _texts(self, recording: str, row: Row, tags: Mapping[str, Any]) -> dict[str, str]:
        officers = tags.get("officers") or ()
        values: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        values["officers"] = [one.get(key) for one in officers for key in ("officer", "certificate")]
        for case, activity in self.cases[recording]:
            values["cases"] += [case["number"], case.get("cause")]
            values["parties"] += case.get("parties") or ()
            values["places"] += [one.get("place") for one in (case, activity) if one is not None]
        for vessel in self.vessels[recording]:
            values["vessels"] += vessel.values()
        values["places"].append((tags.get("place") or {}).get("name"))
        units = [one.get("unit") for one in officers] + [case.get("unit") for case, _ in self.cases[recording]]
        name = row["card_path"].rpartition("/")[2]
        values["other"] = [name, tags.get("device") or row["recorder_id"], *units, *self.words[recording]]
        for key, given in self.given[recording].items():
            values[_COLUMN_OF.get(key, "other")] += given  # type: ignore[call-overload]
        return {name: joined(there) for name, there in values.items()}


def _around(connection: Connection, recordings: Sequence[str]) -> _Surroundings:
    table = _recordings
    columns = (
        table.c.recording_id, table.c.recorder_id, table.c.card_path, table.c.kind, table.c.recorded_start,
        table.c.recorded_end, table.c.tags,
    )  # fmt: skip
    query = select(*columns, IS_WAITING.label("is_waiting"))
    query = query.outerjoin(_admissions, _admissions.c.docking_id == table.c.docking_id)
    rows = _of(connection, query.where(table.c.recorded_start.is_not(None)), table, recordings)
    found = _Surroundings({row["recording_id"]: dict(row) for row in rows})
    links, own = case_links, case_activities
    is_own = (own.c.case_number == links.c.case_number) & (own.c.activity_id == links.c.activity_id)
    linked = (
        select(links.c.recording_id, cases.c.number, cases.c.document, own.c.document.label("activity"))
        .join(cases, cases.c.number == links.c.case_number)
        .outerjoin(own, is_own)
        .order_by(links.c.case_number, links.c.activity_id)
    )
    for row in _of(connection, linked, links, recordings):
        case = row["document"] | {"number": row["number"]}
        found.cases[row["recording_id"]].append((case, row["activity"]))
    facts = vessel_facts
    stands = facts.c.ended_by.is_(None) & (facts.c.kind != FactKind.OVERRULED)
    named = select(facts.c.recording_id, facts.c.name, facts.c.number, facts.c.mmsi, facts.c.imo, facts.c.call_sign)
    for row in _of(connection, named.where(stands).order_by(facts.c.fact_id), facts, recordings):
        found.vessels[row["recording_id"]].append({key: row[key] for key in row if key != "recording_id"})
    for row in _of(connection, select(registrations).order_by(registrations.c.field), registrations, recordings):
        found.given[row["recording_id"]][row["field"]] = row["given"]
    marks = bookmarks
    said = select(marks.c.recording_id, marks.c.words).where(marks.c.removed_at.is_(None))
    for row in _of(connection, said.order_by(marks.c.bookmark_id), marks, recordings):
        found.words[row["recording_id"]].append(row["words"])
    return found


def _of(connection: Connection, query: Any, table: Any, recordings: Sequence[str]) -> Sequence[Any]:
    return connection.execute(query.where(table.c.recording_id.in_(recordings))).mappings().all()


def _box(position: Mapping[str, Any] | None) -> tuple[float | None, ...]:
    """South, west, north, east of a track's summary; of its two ends where it tells no more."""
    told = position or {}
    if told.get("bounds"):
        return tuple(told["bounds"])
    ends = [end for end in (told.get("first"), told.get("last")) if end]
    if not ends:
        return None, None, None, None
    north, east = [end["latitude"] for end in ends], [end["longitude"] for end in ends]
    return min(north), min(east), max(north), max(east)


# How a row is written


def _put(connection: Connection, row: Row, standing: Row | None) -> None:
    if standing is not None:
        # A recording is tagged once: its time, and so its place in order, stays.
        row["slot"] = standing["slot"]
        if row == standing:
            return
        _drop(connection, standing)
    else:
        row["slot"] = _free_slot(connection, row["slot"])
    connection.execute(insert(find_rows), row)
    connection.execute(_ADD_WORDS, row)
    connection.execute(_ADD_SIGNS, _signs(row))
    if row["south"] is not None:
        connection.execute(_ADD_BOX, row)


def _drop(connection: Connection, row: Row) -> None:
    # These indexes keep no text of their own: what goes is told to them.
    connection.execute(_DROP_WORDS, row)
    connection.execute(_DROP_SIGNS, _signs(row))
    connection.execute(text("DELETE FROM find_box WHERE slot = :slot"), {"slot": row["slot"]})
    connection.execute(delete(find_rows).where(find_rows.c.slot == row["slot"]))


def _signs(row: Row) -> Row:
    return {"slot": row["slot"]} | {name: " ".join(signs_of(row[name])) for name in COLUMNS}


def _free_slot(connection: Connection, first: int) -> int:
    """The first that is free; a second with more recordings than slots takes of the next one."""
    slot = find_rows.c.slot
    if connection.execute(select(slot).where(slot == first)).first() is None:
        return first
    other = find_rows.alias()
    is_taken = select(other.c.slot).where(other.c.slot == slot + 1).exists()
    return int(connection.execute(select(func.min(slot) + 1).where(slot >= first, ~is_taken)).scalar_one())


def _adding(table: str) -> Any:
    return text(f"INSERT INTO {table}(rowid, {', '.join(COLUMNS)}) VALUES (:slot, :{', :'.join(COLUMNS)})")


def _dropping(table: str) -> Any:
    names = ", ".join(COLUMNS)
    return text(f"INSERT INTO {table}({table}, rowid, {names}) VALUES ('delete', :slot, :{', :'.join(COLUMNS)})")


_ADD_WORDS, _DROP_WORDS = _adding("find_words"), _dropping("find_words")
_ADD_SIGNS, _DROP_SIGNS = _adding("find_signs"), _dropping("find_signs")
_ADD_BOX = text("INSERT INTO find_box VALUES (:slot, :south, :north, :west, :east)")

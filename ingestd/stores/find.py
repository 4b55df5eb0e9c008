"""Finding recordings by all that is known of them, in order of time. Reads only.

Each part of a question is a condition on a row, and some have an index beside it. Where an index finds few rows, the
question starts from them; where it finds many, rows are walked in order of time until a page is full. Conditions are
looked at on every row, so that an index decides how long it takes and never what is found.
"""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, select, text

from ingestd.core.errors import RefusedError
from ingestd.core.findtext import normal, sign_query, terms_of, trigram_query
from ingestd.core.registration_rules import RegistrationRule
from ingestd.core.visibility import Scope
from ingestd.stores.database import translated
from ingestd.stores.find_index import slot_of
from ingestd.stores.registration import lacking
from ingestd.stores.schema import recordings as _recordings
from ingestd.stores.schema_find import COLUMNS, find_rows
from ingestd.stores.tally import Tally, tally_of

Row = dict[str, Any]

FEW: Final = 5000
"""Rows from which a question starts. More are walked in order of time."""


@dataclass(frozen=True, slots=True)
class Box:
    """Part of the map, in the recorders' own datum; degrees. It may not pass the meridian of 180°."""

    south: float
    west: float
    north: float
    east: float


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for; all that is given must hold. Words are as of `core.findtext.terms_of`.

    Args:
        begins, ends: the recording starts in this half-open span; UTC text.
        code: a finding whose code begins so stands for it.
        unit: whose it is, as registered or known; the whole name.
        kind: `core.facts.MediaKind`.
        is_held: under a standing hold.
        scope: what the asker may see; null for all of it.
        after: the slot behind which the page starts, as the page before it told.
        is_oldest_first: else the newest come first.
    """

    words: str = ""
    officer: str = ""
    case: str = ""
    party: str = ""
    vessel: str = ""
    place: str = ""
    box: Box | None = None
    begins: str | None = None
    ends: str | None = None
    code: str | None = None
    state: str | None = None
    unit: str | None = None
    scope: Scope | None = None
    kind: str | None = None
    is_held: bool = False
    is_unregistered: bool = False
    after: int | None = None
    is_oldest_first: bool = False
    limit: int = 50

    def terms(self) -> list[tuple[str, str | None]]:
        """Every word with the column in which it must stand, null for any.

        Raises:
            RefusedError: more, or longer, than anybody asks.
        """
        asked = (
            (self.words, None),
            (self.officer, "officers"),
            (self.case, "cases"),
            (self.party, "parties"),
            (self.vessel, "vessels"),
            (self.place, "places"),
        )
        return [(term, column) for words, column in asked for term in terms_of(words)]


@dataclass(frozen=True, slots=True)
class Page:
    """Recordings in order of time. `after` asks for the next page; null where this is the last."""

    recordings: tuple[str, ...]
    after: int | None


@dataclass(frozen=True, slots=True)
class _Part:
    """A condition on `find_rows`, and the query of slots that its index gives, empty where it has none."""

    condition: str
    values: Row
    slots: str = ""


class Finder:
    """Questions to the whole catalogue; each opens its own connection.

    Args:
        rules: the registration form of the regime, for what is not registered.
    """

    def __init__(self, engine: Engine, rules: tuple[RegistrationRule, ...] = ()) -> None:
        self._engine = engine
        self._rules = rules

    def find(self, question: Question) -> Page:
        """One page of what is looked for.

        Raises:
            RefusedError: words that no index can look up, and nothing beside them.
        """
        parts = [*_spans(question), *_words(question), *self._rest(question)]
        values = {name: value for part in parts for name, value in part.values.items()}
        with translated(), self._engine.connect() as connection:
            start = _start(connection, parts, values)
            if start is None:
                return Page((), None)
            order = "ASC" if question.is_oldest_first else "DESC"
            # The index in whose order rows come is told of the span too: it need not walk what lies outside.
            conditions = [part.condition.replace("find_rows.slot", start.key) for part in parts]
            query = (
                f"SELECT find_rows.slot, find_rows.recording_id FROM {start.source} "
                f"WHERE {' AND '.join([start.condition, *conditions])} ORDER BY {start.key} {order} LIMIT :page"
            )
            rows = connection.execute(text(query), values | {"page": question.limit + 1}).all()
        shown = rows[: question.limit]
        return Page(tuple(row.recording_id for row in shown), shown[-1].slot if len(rows) > len(shown) else None)

    def rows(self, recordings: Sequence[str]) -> list[Row]:
        """What is shown of recordings, in the order given."""
        table = _recordings
        columns = (
            table.c.recording_id, table.c.card_path, table.c.kind, table.c.state, table.c.recorder_id,
            table.c.recorded_start, table.c.recorded_end, table.c.duration_s, table.c.docking_id, table.c.take_id,
        )  # fmt: skip
        query = select(*columns, find_rows.c.facts, find_rows.c.unit)
        query = query.join(find_rows, find_rows.c.recording_id == table.c.recording_id)
        with translated(), self._engine.connect() as connection:
            found = connection.execute(query.where(table.c.recording_id.in_(recordings))).mappings()
            by_id = {row["recording_id"]: dict(row) for row in found}
        return [by_id[one] for one in recordings]

    def slot(self, recording: str) -> int:
        """Behind which slot a page starts that follows on a recording."""
        query = select(find_rows.c.slot).where(find_rows.c.recording_id == recording)
        with translated(), self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def tally(self, recordings: Sequence[str], zone: dt.tzinfo) -> Tally:
        """What these recordings are, counted."""
        return tally_of(self._engine, recordings, zone)

    def tags(self, recordings: Sequence[str]) -> dict[str, Row | None]:
        """The tags of recordings by their ids; null for those that have none yet."""
        query = select(_recordings.c.recording_id, _recordings.c.tags)
        with translated(), self._engine.connect() as connection:
            found = connection.execute(query.where(_recordings.c.recording_id.in_(recordings))).all()
        return {row.recording_id: row.tags for row in found}

    def _rest(self, question: Question) -> list[_Part]:
        parts = []
        if question.box is not None:
            parts.append(_box(question.box))
        if question.code:
            is_one = "substr(findings.code, 1, length(:code)) = :code AND findings.superseded_by IS NULL"
            same = "findings.recording_id = find_rows.recording_id"
            parts.append(
                _Part(
                    f"EXISTS (SELECT 1 FROM findings WHERE {same} AND {is_one})",
                    {"code": question.code},
                    f"SELECT find_rows.slot FROM findings JOIN find_rows ON {same} WHERE {is_one}",
                )
            )
        if question.state:
            is_so = "recordings.recording_id = find_rows.recording_id AND recordings.state = :state"
            parts.append(_Part(f"EXISTS (SELECT 1 FROM recordings WHERE {is_so})", {"state": question.state}))
        if question.kind:
            is_so = "recordings.recording_id = find_rows.recording_id AND recordings.kind = :kind"
            parts.append(_Part(f"EXISTS (SELECT 1 FROM recordings WHERE {is_so})", {"kind": question.kind}))
        if question.is_held:
            held = "hold_coverage JOIN holds ON holds.hold_id = hold_coverage.hold_id AND holds.released_at IS NULL"
            same = "hold_coverage.recording_id = find_rows.recording_id"
            slots = f"SELECT find_rows.slot FROM {held} JOIN find_rows ON {same}"
            parts.append(_Part(f"EXISTS (SELECT 1 FROM {held} WHERE {same})", {}, slots))
        if question.unit is not None:
            parts.append(_Part("find_rows.unit = :unit", {"unit": question.unit}))
        if question.scope is not None and not question.scope.is_whole:
            parts.append(_scoped(question.scope))
        if question.is_unregistered:
            condition = str(lacking(self._rules).compile(self._engine, compile_kwargs={"literal_binds": True}))
            parts.append(_Part(condition, {}, f"SELECT find_rows.slot FROM find_rows WHERE {condition}"))
        return parts


def _spans(question: Question) -> list[_Part]:
    """Slots are in order of time, but for a crowded second; the moment itself is looked at in the recording."""
    parts = []
    moments = "(SELECT r.recorded_start FROM recordings r WHERE r.recording_id = find_rows.recording_id)"
    if question.begins is not None:
        values = {"first": slot_of(question.begins), "begins": question.begins}
        parts.append(_Part(f"find_rows.slot >= :first AND {moments} >= :begins", values))
    if question.ends is not None:
        # A crowded second takes slots of the ones that follow it.
        values = {"last": slot_of(question.ends) + _CROWD, "ends": question.ends}
        parts.append(_Part(f"find_rows.slot < :last AND {moments} < :ends", values))
    if question.after is not None:
        sign = ">" if question.is_oldest_first else "<"
        parts.append(_Part(f"find_rows.slot {sign} :after", {"after": question.after}))
    return parts


_CROWD = 1_000_000
"""Slots by which a recording may stand behind its second."""


def _words(question: Question) -> list[_Part]:
    terms = question.terms()
    if not terms:
        return []
    parts = []
    for number, (term, column) in enumerate(terms):
        places = [f"instr(find_rows.{name}, :term{number})" for name in ([column] if column else COLUMNS)]
        parts.append(_Part(f"({' OR '.join(places)})", {f"term{number}": term}))
    for name, query in (("find_words", trigram_query(terms)), ("find_signs", sign_query(terms))):
        if query:
            slots = f"SELECT rowid FROM {name} WHERE {name} MATCH :{name}"
            parts.append(_Part("TRUE", {name: query}, slots))
    is_narrow = any(part.slots for part in parts) or question.box or question.code or question.begins
    if not is_narrow:
        short = ", ".join(term for term, _ in terms)
        advice = "give three characters at least, or a time, a box or a code beside it"
        raise RefusedError(f"{short!r} stands in too much to look for it alone", advice)
    return parts


def _box(box: Box) -> _Part:
    condition = (
        "find_rows.south <= :north AND find_rows.north >= :south"
        " AND find_rows.west <= :east AND find_rows.east >= :west"
    )
    slots = "SELECT slot FROM find_box WHERE south <= :north AND north >= :south AND west <= :east AND east >= :west"
    values = {"south": box.south, "west": box.west, "north": box.north, "east": box.east}
    return _Part(condition, values, slots)


def _scoped(scope: Scope) -> _Part:
    """`core.visibility.is_visible` in the database."""
    sure = (
        "SELECT 1 FROM recordings r, json_each(r.tags, '$.officers') o WHERE r.recording_id = find_rows.recording_id"
        " AND NOT coalesce(o.value ->> '$.is_doubtful', 0)"
    )
    if scope.is_own_only:
        theirs = "coalesce(o.value ->> '$.certificate', '')"
        is_named = ":own_name != '' AND o.value ->> '$.officer' = :own_name"
        is_own = f"CASE WHEN :own_number != '' AND {theirs} != '' THEN {theirs} = :own_number ELSE {is_named} END"
        values = {"own_name": scope.person, "own_number": scope.certificate}
        asked, slots = _own_slots([one for one in values.values() if one])
        return _Part(f"EXISTS ({sure} AND {is_own})", values | asked, slots)
    condition = f"EXISTS ({sure} AND o.value ->> '$.unit' IN (SELECT value FROM json_each(:scope_units)))"
    if scope.has_unknown:
        condition = f"({condition} OR NOT EXISTS ({sure} AND coalesce(o.value ->> '$.unit', '') != ''))"
    return _Part(condition, {"scope_units": json.dumps(sorted(scope.units or ()))})


def _own_slots(names: Sequence[str]) -> tuple[Row, str]:
    """What an index is asked for a person's recordings, and the query; empty where no index has such a name."""
    values: Row = {}
    queries = []
    for number, name in enumerate(names):
        term = [(normal(name), "officers")]
        asked = {"find_words": trigram_query(term), "find_signs": sign_query(term)}
        index = next((index for index, query in asked.items() if query), None)
        if index is None:
            return {}, ""
        values[f"own{number}"] = asked[index]
        queries.append(f"SELECT rowid FROM {index} WHERE {index} MATCH :own{number}")
    return values, " UNION ".join(queries)


@dataclass(frozen=True, slots=True)
class _Start:
    """Where rows come from, the key of their order, and the condition that belongs to it.

    Rows are found by their slot or walked in its order, never by another index and sorted afterwards.
    """

    source: str = "find_rows NOT INDEXED"
    key: str = "find_rows.slot"
    condition: str = "TRUE"


def _start(connection: Connection, parts: Sequence[_Part], values: Row) -> _Start | None:
    """From what all indexes with few rows have in common; else from an index of words, in its own order; else all rows.

    Null where nothing is found. `values` gets the slots from which the question starts.
    """
    common: set[int] | None = None
    for part in parts:
        if part.slots:
            slots = connection.execute(text(f"{part.slots} LIMIT {FEW + 1}"), values).scalars().all()
            if len(slots) <= FEW:
                common = set(slots) if common is None else common & set(slots)
            if common is not None and not common:
                return None
    if common is not None:
        values["few"] = json.dumps(sorted(common))
        return _Start(condition="find_rows.slot IN (SELECT value FROM json_each(:few))")
    for name in ("find_words", "find_signs"):
        if name in values:
            source = f"{name} CROSS JOIN find_rows ON find_rows.slot = {name}.rowid"
            return _Start(source, f"{name}.rowid", f"{name} MATCH :{name}")
    return _Start()

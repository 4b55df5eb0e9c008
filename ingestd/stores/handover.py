"""Declarations for the hand-over clock in the catalogue, and what bears on the clock and the term of a recording.

Writing is called by `projection` alone, inside the transaction of the act.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, or_, select, update

from ingestd.core.case_documents import with_document
from ingestd.core.cases import Case
from ingestd.core.clock import from_text, to_text
from ingestd.core.custody import Entry
from ingestd.core.declarations import Declaration, DeclarationKind, Scope, scope_of
from ingestd.core.errors import IntegrityError
from ingestd.core.handover import Circumstances, HandOverState, StartSource
from ingestd.core.terms import LinkedCase
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.schema_cases import case_activities, case_links, cases
from ingestd.stores.schema_handover import declarations
from ingestd.stores.terms import ages_of

Row = dict[str, Any]

_TOGETHER = 400
"""Recordings that one question names: below the variables that SQLite allows to a statement."""

_recordings, _contents, _dockings = schema.recordings, schema.contents, schema.dockings
_admissions = schema.admissions


# How acts show


def declared(connection: Connection, entry: Entry) -> None:
    """A person declared something for the hand-over clock."""
    scope = entry.data["scope"]
    connection.execute(
        insert(declarations).values(
            declaration_id=entry.seq,
            kind=entry.data["kind"],
            recorder=scope["recorder"],
            docking_id=scope["docking_id"],
            names_recordings=bool(scope["recordings"]),
            declared_at=entry.time,
            entered_by=entry.actor,
            document=entry.data,
        )
    )


def withdrawn(connection: Connection, entry: Entry) -> None:
    """A person took a declaration back.

    Raises:
        IntegrityError: there is none that stands.
    """
    table = declarations
    named = (table.c.declaration_id == entry.data["declaration"]) & table.c.withdrawn_at.is_(None)
    values = {"withdrawn_at": entry.time, "withdrawn_by": entry.actor, "withdrawn_reason": entry.data["reason"]}
    if connection.execute(update(table).where(named).values(**values)).rowcount != 1:
        raise IntegrityError(f"ledger entry {entry.seq} withdraws a declaration that does not stand")


# What can be asked


@dataclass(frozen=True, slots=True)
class Bearing:
    """What bears on one recording's clock and term. `row` is its row of recordings with the place of its content."""

    row: Row
    docked_at: dt.datetime
    cases: tuple[LinkedCase, ...]
    """The cases that it is linked to, each once."""
    is_age_settled: bool
    """A person looked at it, because it was older than its term when it came in."""
    known: Circumstances | None
    """Null before the recording has its times."""


class HandOverBook:
    """Questions to the catalogue; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def declarations(self) -> list[Declaration]:
        """Every declaration of any state, oldest first."""
        with translated(), self._engine.connect() as connection:
            return _declarations(connection, declarations.c.declaration_id > 0)

    def declaration(self, declaration_id: int) -> Declaration | None:
        """One declaration, standing or withdrawn; null for none."""
        with translated(), self._engine.connect() as connection:
            return next(iter(_declarations(connection, declarations.c.declaration_id == declaration_id)), None)

    def covered_by(self, scope: Scope) -> list[str]:
        """The recordings of a scope that are in the catalogue."""
        table = _recordings
        query = select(table.c.recording_id)
        if scope.recordings:
            query = query.where(table.c.recording_id.in_(scope.recordings))
        elif scope.docking_id is not None:
            query = query.where(table.c.docking_id == scope.docking_id)
        else:
            query = query.outerjoin(_admissions, _admissions.c.docking_id == table.c.docking_id).where(
                func.coalesce(_admissions.c.settled_recorder, table.c.recorder_id) == scope.recorder,
                table.c.recorded_start <= to_text(scope.until or dt.datetime.max.replace(tzinfo=dt.UTC)),
                table.c.recorded_end >= to_text(scope.since or dt.datetime.min.replace(tzinfo=dt.UTC)),
            )
        with translated(), self._engine.connect() as connection:
            return list(connection.execute(query.order_by(table.c.recording_id)).scalars())

    def bearings(self, recordings: Iterable[str]) -> list[Bearing]:
        """What bears on these recordings, in the order of their ids; what the catalogue does not hold is left out."""
        wanted = sorted(set(recordings))
        found: list[Bearing] = []
        with translated(), self._engine.connect() as connection:
            for start in range(0, len(wanted), _TOGETHER):
                found += _bearings(connection, wanted[start : start + _TOGETHER])
        return found

    def against_clock(self, state: HandOverState | None, *, limit: int) -> list[Row]:
        """Decided recordings with their hand-over, newest first; of one state where it is given."""
        table = _recordings
        columns = (table.c.recording_id, table.c.card_path, table.c.recorder_id, table.c.docking_id, table.c.sealed_at)
        query = select(*columns, table.c.recorded_end, table.c.hand_over).where(table.c.hand_over.is_not(None))
        if state is not None:
            query = query.where(table.c.hand_over_state == state)
        with translated(), self._engine.connect() as connection:
            rows = connection.execute(query.order_by(table.c.recording_id.desc()).limit(limit)).mappings()
            return [dict(row) for row in rows]

    def touched_since(self, moment: str) -> list[str]:
        """Recordings that were sealed or linked since, or that a declaration speaks of that was made or ended since."""
        table = declarations
        sealed = select(_recordings.c.recording_id).where(_recordings.c.sealed_at >= moment)
        linked = select(case_links.c.recording_id).where(case_links.c.linked_at >= moment)
        with translated(), self._engine.connect() as connection:
            touched = {*connection.execute(sealed).scalars(), *connection.execute(linked).scalars()}
            said = _declarations(connection, (table.c.declared_at >= moment) | (table.c.withdrawn_at >= moment))
        for one in said:
            touched.update(self.covered_by(one.scope))
        return sorted(touched)

    def recordings_of_takes_around(self, docking: str) -> list[str]:
        """The catalogued recordings of every take that a docking brought a part of."""
        table = _recordings
        takes = select(table.c.take_id).where(table.c.docking_id == docking, table.c.take_id.is_not(None)).distinct()
        query = select(table.c.recording_id).where(table.c.take_id.in_(takes)).order_by(table.c.recording_id)
        with translated(), self._engine.connect() as connection:
            return list(connection.execute(query).scalars())


def _bearings(connection: Connection, wanted: Sequence[str]) -> list[Bearing]:
    table = _recordings
    number = func.coalesce(_admissions.c.settled_recorder, table.c.recorder_id).label("settled_number")
    query = (
        select(table, _contents.c.vault_path, _dockings.c.opened_at, number)
        .join(_contents, _contents.c.sha256 == table.c.sha256)
        .join(_dockings, _dockings.c.docking_id == table.c.docking_id)
        .outerjoin(_admissions, _admissions.c.docking_id == table.c.docking_id)
        .where(table.c.recording_id.in_(wanted))
        .order_by(table.c.recording_id)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    take_ends = _take_ends(connection, {row["take_id"] for row in rows if row["take_id"]})
    ends, linked = _of_cases(connection, wanted)
    settled = ages_of(connection, wanted)
    said = _bearing_declarations(connection, rows)
    return [
        Bearing(
            row=row,
            docked_at=from_text(row["opened_at"]),
            cases=linked.get(row["recording_id"], ()),
            is_age_settled=row["recording_id"] in settled,
            known=_circumstances(row, take_ends, ends, said) if row["recorded_end"] else None,
        )
        for row in rows
    ]


def _take_ends(connection: Connection, takes: set[str]) -> dict[str, str]:
    if not takes:
        return {}
    table = _recordings
    query = select(table.c.take_id, func.max(table.c.recorded_end)).where(table.c.take_id.in_(sorted(takes)))
    return {take: end for take, end in connection.execute(query.group_by(table.c.take_id)) if end}


def _of_cases(
    connection: Connection, wanted: Sequence[str]
) -> tuple[dict[str, str], dict[str, tuple[LinkedCase, ...]]]:
    """By recording the latest end of the activities that it is linked to, and its cases with what bears on its term."""
    links, activities = case_links, case_activities
    same = (activities.c.case_number == links.c.case_number) & (activities.c.activity_id == links.c.activity_id)
    query = (
        select(links.c.recording_id, links.c.is_evidence, activities.c.ended_at, cases.c.number, cases.c.document)
        .join(cases, cases.c.number == links.c.case_number)
        .outerjoin(activities, same)
        .where(links.c.recording_id.in_(wanted))
        .order_by(links.c.recording_id, cases.c.number, links.c.activity_id)
    )
    ends: dict[str, str] = {}
    linked: dict[str, dict[str, LinkedCase]] = {}
    for recording, is_evidence, ended_at, number, document in connection.execute(query):
        mine = linked.setdefault(recording, {})
        # One link of a case that marks it is enough: the file holds it as evidence.
        is_marked = is_evidence or (number in mine and mine[number].is_evidence)
        mine[number] = _linked_case(number, document, is_evidence=is_marked)
        if ended_at:
            ends[recording] = max(ends.get(recording, ""), ended_at)
    return ends, {recording: tuple(mine.values()) for recording, mine in linked.items()}


def _linked_case(number: str, document: Mapping[str, Any], *, is_evidence: bool) -> LinkedCase:
    case = with_document(Case(number), document)
    return LinkedCase(
        number=number,
        is_evidence=is_evidence,
        concluded_on=case.concluded_on,
        closed_on=case.closed_on,
        term_until=case.term_until,
        flags=case.flags,
        category=case.category,
    )


def _bearing_declarations(connection: Connection, rows: Sequence[Row]) -> list[Declaration]:
    table = declarations
    numbers = {row["settled_number"] for row in rows if row["settled_number"]}
    dockings = {row["docking_id"] for row in rows}
    bears = or_(table.c.names_recordings, table.c.recorder.in_(numbers), table.c.docking_id.in_(dockings))
    return _declarations(connection, bears & table.c.withdrawn_at.is_(None))


def _circumstances(
    row: Row, take_ends: Mapping[str, str], ends: Mapping[str, str], said: Sequence[Declaration]
) -> Circumstances:
    take_end = take_ends.get(row["take_id"] or "")
    start, end = from_text(row["recorded_start"]), from_text(row["recorded_end"])
    mine = [
        one
        for one in said
        if one.scope.covers(
            recording_id=row["recording_id"],
            docking_id=row["docking_id"],
            recorder=row["settled_number"],
            start=start,
            end=end,
        )
    ]
    by_case = ends.get(row["recording_id"])
    declared_end = _last(mine, DeclarationKind.ACTIVITY_END)
    return Circumstances(
        footage_end=from_text(take_end) if take_end else end,
        is_take=take_end is not None,
        activity_end=from_text(by_case) if by_case else declared_end,
        activity_source=StartSource.CASE if by_case else StartSource.DECLARED,
        handed_in_at=_last(mine, DeclarationKind.HAND_IN),
        field_work=tuple(one.field_work for one in mine if one.kind is DeclarationKind.FIELD_WORK),
        docked_at=from_text(row["opened_at"]),
    )


def _last(said: Sequence[Declaration], kind: DeclarationKind) -> dt.datetime | None:
    """What was declared last of this kind: a later word replaces an earlier one."""
    moments = [one.at for one in said if one.kind is kind]
    return moments[-1] if moments else None


def _declarations(connection: Connection, condition: Any) -> list[Declaration]:
    query = select(declarations).where(condition).order_by(declarations.c.declaration_id)
    return [
        Declaration(
            declaration_id=row["declaration_id"],
            kind=DeclarationKind(row["kind"]),
            scope=scope_of(row["document"]["scope"]),
            at=from_text(row["document"]["at"]),
            reason=row["document"]["reason"],
            words=row["document"]["words"],
            declarant=row["document"]["declarant"],
            declared_at=from_text(row["declared_at"]),
            entered_by=row["entered_by"],
            withdrawn_at=row["withdrawn_at"],
            withdrawn_by=row["withdrawn_by"],
            withdrawn_reason=row["withdrawn_reason"],
        )
        for row in connection.execute(query).mappings()
    ]

"""Counting what the catalogue holds, by spans of time: for statistics of people, never for a decision. Reads only.

Recordings are counted by the moment at which they were sealed, which the station's own clock gave, and of an index
alone: the cost grows with the span that is asked about and not with what is held.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from ingestd.core.visibility import Scope
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.schema_cases import case_activities
from ingestd.stores.schema_cases import cases as _cases
from ingestd.stores.schema_find import find_rows

_recordings, _findings, _explanations = schema.recordings, schema.findings, schema.explanations
_MOST_RECORDERS: Final = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """What is counted: a half-open span in UTC texts, and whose.

    Args:
        scope: of whoever asks; lines of other units are not counted.
        unit: only this one, by its name; null for all of the scope.
    """

    begins: str
    ends: str
    scope: Scope = Scope()
    unit: str | None = None

    @property
    def is_of_all(self) -> bool:
        """Whether no line is left out for its unit."""
        return self.scope.is_whole and self.unit is None


@dataclass(frozen=True, slots=True)
class Volume:
    """Recordings that came in: how many, their bytes and their seconds. Equal bytes are counted each time."""

    recordings: int = 0
    size_bytes: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Volume") -> "Volume":
        return Volume(
            self.recordings + other.recordings, self.size_bytes + other.size_bytes, self.seconds + other.seconds
        )


def is_of_units(scope: Scope) -> ColumnElement[bool]:
    """Whether a row of `find_rows` is of the units of a scope; what belongs to one officer alone is no unit's."""
    if scope.is_own_only:
        return find_rows.c.unit.in_([])
    known = find_rows.c.unit.in_(sorted(scope.units or ()))
    return or_(known, find_rows.c.unit == "") if scope.has_unknown else known


class Statistics:
    """Questions to the catalogue; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def came_in(self, asked: Asked) -> dict[tuple[str, str | None], Volume]:
        """What came in, by unit (empty: none is known) and `core.handover.HandOverState`.

        The state is null of what is no footage, or not described yet.
        """
        unit, state = func.coalesce(find_rows.c.unit, ""), _recordings.c.hand_over_state
        query = select(unit, state, *_VOLUME).select_from(_with_units()).where(*_came_in(asked), *_owned(asked))
        return {(row[0], row[1]): _volume(row[2:]) for row in self._rows(query.group_by(unit, state))}

    def volume(self, asked: Asked) -> Volume:
        """What came in."""
        query = select(*_VOLUME).where(*_came_in(asked), *_owned(asked))
        (row,) = self._rows(query.select_from(_recordings if asked.is_of_all else _with_units()))
        return _volume(row)

    def volume_by_recorder(self, asked: Asked, *, limit: int = _MOST_RECORDERS) -> list[tuple[str, Volume]]:
        """What came in by the recorder's number (empty: none is known), the most bytes first."""
        number = func.coalesce(_recordings.c.recorder_id, "")
        query = select(number, *_VOLUME).where(*_came_in(asked), *_owned(asked))
        query = query.select_from(_recordings if asked.is_of_all else _with_units())
        query = query.group_by(number).order_by(func.sum(_recordings.c.size_bytes).desc(), number).limit(limit)
        return [(row[0], _volume(row[1:])) for row in self._rows(query)]

    def findings(self, asked: Asked) -> dict[str, int]:
        """Findings that stand, by code, noted in the span. One about no recording belongs to no unit."""
        table = _findings
        query = select(table.c.code, func.count()).where(
            table.c.superseded_by.is_(None), table.c.noted_at >= asked.begins, table.c.noted_at < asked.ends
        )
        if not asked.is_of_all:
            joined = table.outerjoin(find_rows, find_rows.c.recording_id == table.c.recording_id)
            query = query.select_from(joined).where(*_owned(asked))
        return {row[0]: int(row[1]) for row in self._rows(query.group_by(table.c.code))}

    def cases(self, asked: Asked) -> list[str]:
        """Numbers of cases of which an activity began in the span, or, of those without a time, that were opened then.

        `scope` and `unit` are those of the cases.
        """
        begun = select(case_activities.c.case_number).where(
            case_activities.c.began_at >= asked.begins, case_activities.c.began_at < asked.ends
        )
        timed = select(case_activities.c.case_number).where(case_activities.c.began_at.is_not(None))
        opened = _cases.c.opened_on.between(asked.begins[:10], asked.ends[:10]) & _cases.c.number.not_in(timed)
        query = select(_cases.c.number).where(or_(_cases.c.number.in_(begun), opened)).order_by(_cases.c.number)
        if asked.scope.is_own_only:
            return []
        if asked.scope.units is not None:
            known = {*asked.scope.units, *([""] if asked.scope.has_unknown else [])}
            query = query.where(_cases.c.unit.in_(sorted(known)))
        if asked.unit is not None:
            query = query.where(_cases.c.unit == asked.unit)
        return [row[0] for row in self._rows(query)]

    def explained(self, asked: Asked) -> dict[str, int]:
        """Explanations that stand, given in the span, by `core.interruption.InterruptionReason`."""
        table = _explanations
        reason = table.c.document["reason"].as_string()
        query = select(reason, func.count()).where(
            table.c.explained_at >= asked.begins,
            table.c.explained_at < asked.ends,
            table.c.withdrawn_at.is_(None),
            table.c.replaced_by.is_(None),
        )
        if not asked.is_of_all:
            # An explanation is filed under a recording, or under the docking of what no recording holds.
            joined = table.outerjoin(find_rows, find_rows.c.recording_id == table.c.subject)
            query = query.select_from(joined).where(*_owned(asked))
        return {row[0]: int(row[1]) for row in self._rows(query.group_by(reason))}

    def _rows(self, query: Any) -> Sequence[Any]:
        with translated(), self._engine.connect() as connection:
            return connection.execute(query).all()


_VOLUME = (
    func.count(),
    func.coalesce(func.sum(_recordings.c.size_bytes), 0),
    func.coalesce(func.sum(_recordings.c.duration_s), 0.0),
)


def _volume(row: Sequence[Any]) -> Volume:
    return Volume(int(row[0]), int(row[1]), float(row[2]))


def _with_units() -> Any:
    return _recordings.outerjoin(find_rows, find_rows.c.recording_id == _recordings.c.recording_id)


def _came_in(asked: Asked) -> tuple[ColumnElement[bool], ...]:
    return _recordings.c.sealed_at >= asked.begins, _recordings.c.sealed_at < asked.ends


def _owned(asked: Asked) -> tuple[ColumnElement[bool], ...]:
    conditions: list[ColumnElement[bool]] = []
    if not asked.scope.is_whole:
        is_mine = is_of_units(asked.scope)
        conditions.append(or_(is_mine, find_rows.c.unit.is_(None)) if asked.scope.has_unknown else is_mine)
    if asked.unit is not None:
        conditions.append(func.coalesce(find_rows.c.unit, "") == asked.unit)
    return tuple(conditions)

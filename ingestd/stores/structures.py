"""What the catalogue knows of how a recorder builds its files: earlier recordings that nothing is held against.

Writing is called by `projection` alone, inside the transaction of the act.
"""

from typing import Any

from sqlalchemy import Connection, Engine, and_, func, insert, or_, select
from sqlalchemy.sql.elements import ColumnElement

from ingestd.core.custody import Entry
from ingestd.core.findings import Severity
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.fleet import IS_WAITING

Row = dict[str, Any]

MOST_REFERENCES = 24
"""So many of the latest recordings stand for a recorder's habit; older firmware falls out by itself."""

EDIT_CODES = ("structure.changed", "edit.reencoded", "splice.removed", "splice.insert", "trim.head", "trim.tail")
"""A recording with one of these above information teaches nothing."""

_recordings, _findings = schema.recordings, schema.findings
_resets, _register, _admissions = schema.structure_resets, schema.recorders, schema.admissions


def reset(connection: Connection, entry: Entry) -> None:
    """A person said that what was learned up to now counts no more."""
    connection.execute(
        insert(_resets).values(
            seq=entry.seq,
            scope=entry.data["scope"],
            subject=str(entry.subject),
            reset_at=entry.time,
            reset_by=entry.actor,
            reason=entry.data["reason"],
        )
    )


class Structures:
    """Questions to the catalogue; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def references(self, recorder_key: str, *, without: frozenset[str] = frozenset()) -> list[Row]:
        """The latest analysed and dated videos of a recorder, newest first, that may teach what is usual.

        Not those that may be edited, nor those of a docking that still waits for a person to say whose recorder it
        was, nor what was sealed before the last reset.

        Args:
            without: recordings that are judged themselves.
        """
        return self._references(_recordings.c.recorder_key == recorder_key, self.reset_at(recorder_key), without)

    def references_of_model(self, model: str) -> list[Row]:
        """The same of all recorders that the register holds as of one model, each since its own last reset."""
        query = select(_register.c.number).where(_register.c.model == model).order_by(_register.c.number)
        found = [row for number in self._rows(query) for row in self.references(number["number"])]
        return sorted(found, key=lambda row: row["recording_id"], reverse=True)[:MOST_REFERENCES]

    def has_model(self, model: str) -> bool:
        """Whether the register holds a recorder of this model."""
        return bool(model) and bool(self._rows(select(_register.c.number).where(_register.c.model == model).limit(1)))

    def has_recorder(self, recorder: str) -> bool:
        """Whether anything was ever taken in of this recorder, or the register holds it."""
        held = select(_recordings.c.recording_id).where(_recordings.c.recorder_key == recorder).limit(1)
        return bool(self._rows(held)) or bool(
            self._rows(select(_register.c.number).where(_register.c.number == recorder))
        )

    def resets(self, *, recorder: str | None = None, model: str | None = None) -> list[Row]:
        """Resets that concern a recorder (its model's too), or a model; oldest first."""
        mine = _of_recorder(recorder) if recorder is not None else _of_model(str(model))
        return self._rows(select(_resets).where(mine).order_by(_resets.c.seq))

    def reset_at(self, recorder: str) -> str:
        """When what was learned of a recorder, or of its model, was last reset; empty for never."""
        rows = self._rows(select(func.max(_resets.c.reset_at).label("at")).where(_of_recorder(recorder)))
        return rows[0]["at"] or ""

    def _references(self, whose: ColumnElement[bool], since: str, without: frozenset[str]) -> list[Row]:
        suspect = select(_findings.c.recording_id).where(
            _findings.c.recording_id == _recordings.c.recording_id,
            _findings.c.code.in_(EDIT_CODES),
            _findings.c.severity != Severity.INFO,
            _findings.c.superseded_by.is_(None),
        )
        disputed = select(_admissions.c.docking_id).where(
            _admissions.c.docking_id == _recordings.c.docking_id, IS_WAITING
        )
        query = (
            select(_recordings)
            .where(
                whose,
                _recordings.c.sealed_at > since,
                _recordings.c.kind == "video",
                _recordings.c.facts.is_not(None),
                _recordings.c.recorded_start.is_not(None),
                ~suspect.exists(),
                ~disputed.exists(),
            )
            .order_by(_recordings.c.recording_id.desc())
            .limit(MOST_REFERENCES + len(without))
        )
        return [row for row in self._rows(query) if row["recording_id"] not in without][:MOST_REFERENCES]

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _of_model(model: str) -> ColumnElement[bool]:
    return and_(_resets.c.scope == "model", _resets.c.subject == model)


def _of_recorder(number: str) -> ColumnElement[bool]:
    models = select(_register.c.model).where(_register.c.number == number, _register.c.model != "")
    own = and_(_resets.c.scope == "recorder", _resets.c.subject == number)
    return or_(own, and_(_resets.c.scope == "model", _resets.c.subject.in_(models)))

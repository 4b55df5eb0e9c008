"""What the catalogue knows of recordings along the wall clock, for pictures and statements. Never writes."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Engine, select

from ingestd.core.errors import NotFoundError
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.fleet import MARKS

Row = dict[str, Any]

_MOST_VALUES = 500

_recordings, _findings, _dockings = schema.recordings, schema.findings, schema.dockings
_contents, _admissions = schema.contents, schema.admissions


class Timelines:
    """Questions to the catalogue; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def recordings(self, ids: Sequence[str]) -> dict[str, Row]:
        """Recordings by their ids."""
        found: dict[str, Row] = {}
        for start in range(0, len(ids), _MOST_VALUES):
            part = ids[start : start + _MOST_VALUES]
            rows = self._rows(select(_recordings).where(_recordings.c.recording_id.in_(part)))
            found |= {row["recording_id"]: row for row in rows}
        return found

    def take(self, named: str) -> list[Row]:
        """The recordings of a take, in order; the take by its id or the last digits (four at least) of it.

        Raises:
            NotFoundError: more than one take answers.
        """
        is_named = _recordings.c.take_id.endswith(named, autoescape=True)
        rows = self._timed(is_named) if len(named) >= 4 else []
        if len({row["take_id"] for row in rows}) > 1:
            raise NotFoundError(f"more than one take answers to {named!r}", "give more digits of its id")
        return rows

    def of_take(self, take_id: str) -> list[Row]:
        """The timed recordings of a take by its whole id, in order, each with its content's place and the marks of its
        docking."""
        query = (
            select(_recordings, _contents.c.vault_path, *MARKS)
            .join(_contents, _contents.c.sha256 == _recordings.c.sha256)
            .outerjoin(_admissions, _admissions.c.docking_id == _recordings.c.docking_id)
            .where(_recordings.c.take_id == take_id, _recordings.c.recorded_start.is_not(None))
            .where(_recordings.c.kind.in_(("video", "audio")))
        )
        return self._rows(query.order_by(_recordings.c.recorded_start, _recordings.c.recording_id))

    def docking(self, named: str) -> Row | None:
        """A docking by its id or the last digits (four at least) of it; null where none or more than one answers."""
        query = select(_dockings).where(_dockings.c.docking_id.endswith(named, autoescape=True)).limit(2)
        rows = self._rows(query) if len(named) >= 4 else []
        return rows[0] if len(rows) == 1 else None

    def of_docking(self, docking_id: str) -> list[Row]:
        """Timed recordings that were first seen at a docking, in order."""
        return self._timed(_recordings.c.docking_id == docking_id)

    def of_recorder(self, recorder_key: str, *, start: str, end: str) -> list[Row]:
        """Timed recordings of a recorder that touch a span, in order."""
        touches = (_recordings.c.recorded_start < end) & (_recordings.c.recorded_end > start)
        return self._timed((_recordings.c.recorder_key == recorder_key) & touches)

    def findings_about(self, recordings: Collection[str], recorder_keys: Collection[str]) -> list[Row]:
        """Standing findings about these recordings, and about sets that any of them belongs to, oldest first."""
        ids, keys = sorted(recordings), sorted(recorder_keys)
        parts = [ids[start : start + _MOST_VALUES] for start in range(0, len(ids), _MOST_VALUES)]
        found = {}
        for wanted in (*(_findings.c.recording_id.in_(part) for part in parts), _findings.c.recorder_key.in_(keys)):
            for row in self._rows(select(_findings).where(_findings.c.superseded_by.is_(None), wanted)):
                found[row["finding_id"]] = row
        among = set(recordings)
        about = [row for row in found.values() if among.intersection(row["document"]["files"] or [row["recording_id"]])]
        return sorted(about, key=lambda row: (row["noted_at"], row["finding_id"]))

    def _timed(self, condition: Any) -> list[Row]:
        query = select(_recordings).where(
            condition, _recordings.c.kind.in_(("video", "audio")), _recordings.c.recorded_start.is_not(None)
        )
        return self._rows(query.order_by(_recordings.c.recorded_start, _recordings.c.recording_id))

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

"""What the catalogue knows of how a recorder builds its files: earlier recordings that nothing is held against."""

from typing import Any

from sqlalchemy import Engine, select

from ingestd.core.findings import Severity
from ingestd.stores import schema
from ingestd.stores.database import translated

Row = dict[str, Any]

MOST_REFERENCES = 24
"""So many of the latest recordings stand for a recorder's habit; older firmware falls out by itself."""

EDIT_CODES = ("structure.changed", "edit.reencoded", "splice.removed", "splice.insert", "trim.head", "trim.tail")
"""A recording with one of these above information teaches nothing."""

_recordings, _findings = schema.recordings, schema.findings


class Structures:
    """Questions to the catalogue; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def references(self, recorder_key: str, *, without: frozenset[str] = frozenset()) -> list[Row]:
        """The latest analysed and dated videos of a recorder, newest first, without those that may be edited.

        Args:
            without: recordings that are judged themselves.
        """
        suspect = select(_findings.c.recording_id).where(
            _findings.c.recording_id == _recordings.c.recording_id,
            _findings.c.code.in_(EDIT_CODES),
            _findings.c.severity != Severity.INFO,
            _findings.c.superseded_by.is_(None),
        )
        query = (
            select(_recordings)
            .where(
                _recordings.c.recorder_key == recorder_key,
                _recordings.c.kind == "video",
                _recordings.c.facts.is_not(None),
                _recordings.c.recorded_start.is_not(None),
                ~suspect.exists(),
            )
            .order_by(_recordings.c.recording_id.desc())
            .limit(MOST_REFERENCES + len(without))
        )
        with translated(), self._engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        return [row for row in rows if row["recording_id"] not in without][:MOST_REFERENCES]

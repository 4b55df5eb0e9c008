"""Recordings that belong beside one: of its take, its docking, and near in time by the same officer or place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, select

from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.find_index import SLOTS_A_SECOND, slot_of
from ingestd.stores.schema_find import find_rows

Row = dict[str, Any]

NEAR_SECONDS: Final = 6 * 3600
"""So far before and behind its start others are looked at."""
_MOST_LOOKED_AT: Final = 300
_recordings = schema.recordings
_COLUMNS: Final = (
    _recordings.c.recording_id, _recordings.c.card_path, _recordings.c.kind, _recordings.c.state,
    _recordings.c.recorder_id, _recordings.c.recorded_start, _recordings.c.duration_s, _recordings.c.docking_id,
    _recordings.c.take_id, _recordings.c.tags,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Rows of the catalogue in order of time, each recording in the first list that it fits."""

    take: tuple[Row, ...]
    docking: tuple[Row, ...]
    officer: tuple[Row, ...]
    place: tuple[Row, ...]


class NeighbourBook:
    """Questions about recordings beside others; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, recording: Mapping[str, Any], *, most: int = 20) -> Neighbours:
        """What lies beside a recording.

        Args:
            recording: a row of the catalogue.
            most: of each kind.
        """
        key = recording["recording_id"]
        taken = {key}

        def fresh(rows: list[Row]) -> tuple[Row, ...]:
            found = [row for row in rows if row["recording_id"] not in taken][:most]
            taken.update(row["recording_id"] for row in found)
            return tuple(sorted(found, key=lambda row: (row["recorded_start"] or "", row["recording_id"])))

        with translated(), self._engine.connect() as connection:

            def rows(condition: Any) -> list[Row]:
                query = select(*_COLUMNS).where(condition).order_by(_recordings.c.recording_id).limit(most + 50)
                return [dict(row) for row in connection.execute(query).mappings()]

            take = fresh(rows(_recordings.c.take_id == recording["take_id"])) if recording["take_id"] else ()
            docking = fresh(rows(_recordings.c.docking_id == recording["docking_id"]))
            officers, places = self._near(connection, recording)
            officer = fresh(rows(_recordings.c.recording_id.in_(officers[: most + 20]))) if officers else ()
            place = fresh(rows(_recordings.c.recording_id.in_(places[: most + 20]))) if places else ()
        return Neighbours(take, docking, officer, place)

    def _near(self, connection: Any, recording: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        """Others of an officer of it, and of a place of it, the nearest in time first."""
        table, start = find_rows, recording["recorded_start"]
        mine = select(table.c.officers, table.c.places).where(table.c.recording_id == recording["recording_id"])
        own = connection.execute(mine).one_or_none()
        if own is None or start is None:
            return [], []
        middle, reach = slot_of(start), NEAR_SECONDS * SLOTS_A_SECOND
        found = []
        for span, order in (
            (table.c.slot.between(middle - reach, middle), table.c.slot.desc()),
            (table.c.slot.between(middle + 1, middle + reach), table.c.slot),
        ):
            query = select(table.c.slot, table.c.recording_id, table.c.officers, table.c.places)
            found += connection.execute(query.where(span).order_by(order).limit(_MOST_LOOKED_AT)).all()
        found.sort(key=lambda row: abs(row.slot - middle))
        officers, places = _words(own.officers), _words(own.places)
        return (
            [row.recording_id for row in found if officers & _words(row.officers)],
            [row.recording_id for row in found if places & _words(row.places)],
        )


def _words(text: str) -> set[str]:
    return set(filter(None, text.split("\n")))

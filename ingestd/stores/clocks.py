"""Readings of recorders' clocks in the catalogue: how their acts show, and what can be asked.

Writing is called by `projection` alone, inside the transaction of the act.
"""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, insert, or_, select

from ingestd.core.clock import from_text
from ingestd.core.custody import Entry
from ingestd.core.recorderclock import ClockReading, ClockSource
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.deviceacts import DeviceActs
from ingestd.stores.fleet import IS_WAITING

_readings, _admissions = schema.clock_readings, schema.admissions


class KeptReading(NamedTuple):
    """A reading, with whether its docking still waits for a person to say whose recorder it was."""

    reading: ClockReading
    is_disputed: bool


def measured(connection: Connection, entry: Entry) -> None:
    """A recorder's clock was measured."""
    rows = [
        {
            "seq": entry.seq,
            "position": position,
            "docking_id": document["docking_id"],
            "recorder_key": entry.data["recorder_key"],
            "start_utc": document["start"],
            "document": document,
        }
        for position, document in enumerate(entry.data["readings"])
    ]
    if rows:
        connection.execute(insert(_readings), rows)


class ClockBook:
    """Questions to the catalogue; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._device_acts = DeviceActs(engine)

    def readings_of(self, recorder: str) -> list[KeptReading]:
        """All readings of a recorder, by its key, its number, or the number that a person settled; oldest first.

        Those that a helper took from the recorder itself, or from its display, are among them.
        """
        mine = or_(_readings.c.recorder_key == recorder, _admissions.c.number == recorder)
        query: Any = (
            select(_readings.c.document, IS_WAITING.label("is_disputed"))
            .outerjoin(_admissions, _admissions.c.docking_id == _readings.c.docking_id)
            .where(mine)
            .order_by(_readings.c.start_utc, _readings.c.seq, _readings.c.position)
        )
        with translated(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        kept = [KeptReading(ClockReading.model_validate(row.document), bool(row.is_disputed)) for row in rows]
        acts = self._device_acts.of_recorder(recorder)
        kept += [KeptReading(_direct(act["document"]["finding"]), False) for act in acts if _is_reading(act)]
        return sorted(kept, key=lambda one: one.reading.start)

    def settings_asked_of(self, recorder: str) -> list[str]:
        """When a helper asked this recorder to set its clock, oldest first."""
        acts = self._device_acts.of_recorder(recorder)
        return [str(act["at"]) for act in acts if act["act"] == "device.clock_set_asked"]


def _is_reading(act: Any) -> bool:
    return act["act"] == "device.clock_read" and bool(act["document"].get("finding"))


def _direct(found: Any) -> ClockReading:
    """A helper's `clock.offset` as a reading."""
    evidence = found["evidence"]
    return ClockReading(
        source=ClockSource(evidence["source"]),
        start=from_text(found["start_utc"]),
        end=from_text(found["end_utc"]),
        least_s=round(evidence["offset_s"] - evidence["uncertainty_s"], 3),
        most_s=round(evidence["offset_s"] + evidence["uncertainty_s"], 3),
        doubt="" if evidence["is_station_synchronised"] else "the station's own clock was not synchronised",
    )

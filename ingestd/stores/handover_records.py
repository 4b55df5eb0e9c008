"""Numbered hand-over records in the catalogue: how their acts show, and what can be asked.

Writing is called by `projection` alone, inside the transaction of the act.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from ingestd.core.custody import Entry
from ingestd.core.errors import IntegrityError, NotFoundError
from ingestd.core.lifecycle import State
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.schema_handover import hand_over_records

Row = dict[str, Any]

_table, _dockings, _recordings, _sightings = hand_over_records, schema.dockings, schema.recordings, schema.sightings


# How acts show


def receipt_made(connection: Connection, entry: Entry) -> None:
    """A docking got its number and receipt.

    Raises:
        IntegrityError: the number does not follow on the one before it.
    """
    year, position = entry.data["year"], entry.data["position"]
    if position != _last_position(connection, year) + 1:
        raise IntegrityError(f"ledger entry {entry.seq} gives the number {entry.data['number']} out of its turn")
    connection.execute(
        insert(_table).values(
            number=entry.data["number"],
            year=year,
            position=position,
            docking_id=entry.subject,
            made_at=entry.time,
            receipt=entry.data,
            prints=0,
            confirmations=[],
        )
    )


def addendum_made(connection: Connection, entry: Entry) -> None:
    """A record got its addendum."""
    _change(connection, entry, {"addendum_at": entry.time, "addendum": entry.data})


def printed(connection: Connection, entry: Entry) -> None:
    """A record was printed."""
    _change(connection, entry, {"prints": entry.data["print"]})


def confirmed(connection: Connection, entry: Entry) -> None:
    """A person confirmed a record."""
    query = select(_table.c.confirmations).where(_table.c.number == entry.data["number"])
    before = connection.execute(query).scalar_one_or_none() or []
    said = {"role": entry.data["role"], "name": entry.data["name"], "note": entry.data["note"]}
    said |= {"at": entry.time, "by": entry.actor, "seq": entry.seq, "has_addendum": entry.data["has_addendum"]}
    _change(connection, entry, {"confirmations": [*before, said]})


def _change(connection: Connection, entry: Entry, values: Mapping[str, Any]) -> None:
    changed = connection.execute(update(_table).where(_table.c.number == entry.data["number"]).values(**values))
    if changed.rowcount != 1:
        raise IntegrityError(f"ledger entry {entry.seq} speaks of record {entry.data['number']}, which was never made")


def _last_position(connection: Connection, year: int) -> int:
    query = select(func.coalesce(func.max(_table.c.position), 0)).where(_table.c.year == year)
    return int(connection.execute(query).scalar_one())


# What can be asked


class RecordBook:
    """Questions to the hand-over records; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def records(self, *, year: int | None = None, limit: int = 100) -> list[Row]:
        """The latest records, newest first."""
        query = select(_table).order_by(_table.c.year.desc(), _table.c.position.desc()).limit(limit)
        return self._rows(query if year is None else query.where(_table.c.year == year))

    def of_docking(self, docking_id: str) -> Row | None:
        """The record of a docking; null where it has none yet."""
        rows = self._rows(select(_table).where(_table.c.docking_id == docking_id))
        return rows[0] if rows else None

    def of_number(self, number: str) -> Row | None:
        """The record of a number; null for none."""
        rows = self._rows(select(_table).where(_table.c.number == number))
        return rows[0] if rows else None

    def last_position(self, year: int) -> int:
        """The place of the last record of a year; 0 before the first."""
        with translated(), self._engine.connect() as connection:
            return _last_position(connection, year)

    def docking(self, named: str) -> Row:
        """A docking by its id or the last digits (four at least) of it.

        Raises:
            NotFoundError: none, or more than one.
        """
        named_so = _dockings.c.docking_id.endswith(named, autoescape=True)
        rows = self._rows(select(_dockings).where(named_so).limit(3)) if len(named) >= 4 else []
        if len(rows) != 1:
            what = "no docking" if not rows else "more than one docking"
            raise NotFoundError(f"{what} answers to {named!r}", "see: ingestd handover list")
        return rows[0]

    def files_of(self, docking_id: str) -> list[Row]:
        """Every entry of a docking as the record lists it; `sha256` null where no byte of it is held."""
        table = _sightings
        columns = (table.c.ordinal, table.c.card_path.label("path"), table.c.kind, table.c.size_bytes, table.c.fate)
        query = (
            select(*columns, table.c.reason, table.c.recording_id, _recordings.c.sha256)
            .outerjoin(_recordings, _recordings.c.recording_id == table.c.recording_id)
            .where(table.c.docking_id == docking_id)
            .order_by(table.c.ordinal)
        )
        return self._rows(query)

    def paths_of_recorder(self, recorder_key: str, but_of: str) -> list[str]:
        """Card paths of every file that other dockings of a recorder listed and secured."""
        query = (
            select(_sightings.c.card_path)
            .distinct()
            .join(_dockings, _dockings.c.docking_id == _sightings.c.docking_id)
            .where(
                _dockings.c.recorder_key == recorder_key,
                _dockings.c.docking_id != but_of,
                _sightings.c.recording_id.is_not(None),
            )
        )
        return [row["card_path"] for row in self._rows(query)]

    def without_receipt(self, since: str) -> list[str]:
        """Dockings that closed at `since` or later and have no record, oldest first."""
        has_one = select(_table.c.docking_id)
        query = select(_dockings.c.docking_id).where(
            _dockings.c.closed_at >= since, _dockings.c.docking_id.not_in(has_one)
        )
        return [row["docking_id"] for row in self._rows(query.order_by(_dockings.c.docking_id))]

    def without_addendum(self) -> list[Row]:
        """Records whose docking is described by now and that have no addendum, oldest first."""
        waiting = select(_recordings.c.docking_id).where(
            _recordings.c.state.in_((State.SEALED, State.ANALYSED, State.TAGGED))
        )
        query = (
            select(_table)
            .join(_dockings, _dockings.c.docking_id == _table.c.docking_id)
            .where(_table.c.addendum_at.is_(None), _dockings.c.has_sets, _table.c.docking_id.not_in(waiting))
        )
        return self._rows(query.order_by(_table.c.year, _table.c.position))

    def recordings_of(self, docking_id: str) -> Sequence[Row]:
        """What a docking brought, as the addendum asks."""
        table = _recordings
        columns = (table.c.recording_id, table.c.card_path, table.c.duration_s, table.c.hand_over_state)
        query = select(*columns, table.c.hand_over).where(table.c.docking_id == docking_id)
        return self._rows(query.order_by(table.c.recording_id))

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

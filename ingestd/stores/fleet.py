"""The fleet register and the admissions of dockings in the catalogue: how their acts show, and what can be asked.

Writing is called by `projection` alone, inside the transaction of the act.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from ingestd.core.clock import to_text
from ingestd.core.custody import Act, Entry
from ingestd.core.errors import IntegrityError, NotFoundError, RefusedError
from ingestd.core.fleet import FleetStatus, RegisterEntry, Sighting
from ingestd.core.fleet_acts import applied
from ingestd.stores import schema
from ingestd.stores.database import translated

Row = dict[str, Any]

REGISTER_ACTS = ("fleet.registered", "fleet.changed", "fleet.issued", "fleet.returned", "fleet.maintained")
"""The acts that make and change the register."""

_recorders, _acts, _admissions = schema.recorders, schema.fleet_acts, schema.admissions
_dockings = schema.dockings

IS_WAITING: ColumnElement[bool] = _admissions.c.settled_at.is_(None) & or_(
    _admissions.c.is_quarantined, _admissions.c.is_conflicting
)
"""Whether a docking waits for a person."""

MARKS = tuple(
    column.label(f"admission_{column.name}")
    for column in (
        _admissions.c.is_quarantined,
        _admissions.c.is_conflicting,
        _admissions.c.reason,
        _admissions.c.settled_at,
        _admissions.c.settled_by,
        _admissions.c.settled_recorder,
        _admissions.c.settled_reason,
    )
)
"""Columns with which a query of dockings or of what they brought says how the docking was admitted."""


# How acts show


def listed(connection: Connection, entry: Entry, listing: Mapping[str, Any]) -> None:
    """A docking's books were opened. Listings of before the register were ordinary dockings."""
    docking = listing["docking"]
    admission = listing.get("admission", {})
    connection.execute(
        insert(_admissions).values(
            docking_id=entry.subject,
            number=docking["recorder"]["recorder_id"],
            usb_serial=docking["volume"].get("usb_serial"),
            is_quarantined=admission.get("is_quarantined", False),
            is_conflicting=admission.get("is_conflicting", False),
            reason=admission.get("reason", ""),
        )
    )


def settled(connection: Connection, entry: Entry) -> None:
    """A person settled a docking; a later word replaces an earlier one.

    Raises:
        IntegrityError: no such docking, or one that nobody had to settle.
    """
    mine = _admissions.c.docking_id == entry.subject
    marked = or_(_admissions.c.is_quarantined, _admissions.c.is_conflicting)
    seen = select(_dockings.c.recorder_id).where(_dockings.c.docking_id == entry.subject).scalar_subquery()
    recorder = entry.data["recorder"]
    changed = connection.execute(
        update(_admissions)
        .where(mine, marked)
        .values(
            number=seen if recorder is None else recorder,
            settled_at=entry.time,
            settled_by=entry.actor,
            settled_recorder=recorder,
            settled_reason=entry.data["reason"],
        )
    )
    if changed.rowcount != 1:
        raise IntegrityError(f"ledger entry {entry.seq} settles {entry.subject}, which waits for nobody")


def register_changed(connection: Connection, entry: Entry) -> None:
    """An act about a recorder of the register.

    Raises:
        IntegrityError: the act cannot follow on what the register holds.
    """
    number = str(entry.subject)
    row = connection.execute(select(_recorders).where(_recorders.c.number == number)).mappings().one_or_none()
    act = Act(act=entry.act, actor=entry.actor, subject=number, data=entry.data)
    try:
        after = applied(_entry(row) if row is not None else None, act, entry.time)
    except (NotFoundError, RefusedError) as error:
        raise IntegrityError(f"ledger entry {entry.seq} cannot show: {error.message}") from error
    values = {
        "status": after.status.value,
        "reason": after.reason,
        "unit": after.unit,
        "model": after.model,
        "usb_serials": list(after.usb_serials),
        "note": after.note,
        "holder": after.holder,
        "issued_at": after.issued_at,
    }
    if row is None:
        connection.execute(insert(_recorders).values(number=number, registered_at=entry.time, **values))
    else:
        connection.execute(update(_recorders).where(_recorders.c.number == number).values(**values))
    about = {"seq": entry.seq, "number": number, "act": entry.act, "at": entry.time, "actor": entry.actor}
    connection.execute(insert(_acts).values(**about, document=entry.data))


def _entry(row: Mapping[Any, Any]) -> RegisterEntry:
    return RegisterEntry(
        number=row["number"],
        status=FleetStatus(row["status"]),
        reason=row["reason"],
        unit=row["unit"],
        model=row["model"],
        usb_serials=tuple(row["usb_serials"]),
        note=row["note"],
        holder=row["holder"],
        issued_at=row["issued_at"],
    )


# What can be asked


class FleetRegister:
    """Questions to the register and to the admissions; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def entry(self, number: str | None) -> RegisterEntry | None:
        """What the register holds of a recorder; null for nothing."""
        rows = self._rows(select(_recorders).where(_recorders.c.number == number)) if number else []
        return _entry(rows[0]) if rows else None

    def entries(self) -> list[RegisterEntry]:
        """The whole register, by number."""
        return [_entry(row) for row in self._rows(select(_recorders).order_by(_recorders.c.number))]

    def owners_of(self, usb_serial: str) -> list[str]:
        """Numbers of the recorders for which the register has a USB serial; several where clones share it."""
        rows = self._rows(select(_recorders.c.number, _recorders.c.usb_serials).order_by(_recorders.c.number))
        return [row["number"] for row in rows if usb_serial and usb_serial in row["usb_serials"]]

    def unregistered(self) -> list[str]:
        """Numbers that were seen at dockings and are not in the register."""
        known = select(_recorders.c.number)
        query = select(_admissions.c.number).distinct().where(_admissions.c.number.is_not(None))
        rows = self._rows(query.where(_admissions.c.number.not_in(known)).order_by(_admissions.c.number))
        return [row["number"] for row in rows]

    def history(self, number: str) -> list[Row]:
        """Every act about a recorder, oldest first: `seq`, `act`, `at`, `actor`, `document`."""
        query = select(_acts.c.seq, _acts.c.act, _acts.c.at, _acts.c.actor, _acts.c.document)
        return self._rows(query.where(_acts.c.number == number).order_by(_acts.c.seq))

    def holder_at(self, number: str, moment: dt.datetime) -> str | None:
        """Who a recorder was issued to at a moment (aware), by the acts of before; null for nobody."""
        query = select(_acts.c.act, _acts.c.document).where(
            _acts.c.number == number,
            _acts.c.act.in_(("fleet.issued", "fleet.returned")),
            _acts.c.at <= to_text(moment),
        )
        latest = self._rows(query.order_by(_acts.c.seq.desc()).limit(1))
        return str(latest[0]["document"]["to"]) if latest and latest[0]["act"] == "fleet.issued" else None

    def dockings_of(self, number: str, *, limit: int) -> list[Row]:
        """The latest dockings of a recorder, newest first, with their marks."""
        return self._rows(_marked_dockings().where(_admissions.c.number == number).limit(limit))

    def waiting(self) -> list[Row]:
        """Dockings that wait for a person, newest first."""
        return self._rows(_marked_dockings().where(IS_WAITING))

    def recordings_of(self, dockings: Sequence[str]) -> list[str]:
        """The recordings that dockings brought, by the dockings' whole ids."""
        table = schema.recordings
        query = select(table.c.recording_id).where(table.c.docking_id.in_(dockings)).order_by(table.c.recording_id)
        return [row["recording_id"] for row in self._rows(query)] if dockings else []

    def docking(self, docking: str) -> Row:
        """One docking with its marks, by its id or the last digits of it.

        Raises:
            NotFoundError: none, or more than one.
        """
        query = _marked_dockings().where(_dockings.c.docking_id.endswith(docking, autoescape=True))
        rows = self._rows(query.limit(2)) if docking else []
        if len(rows) != 1:
            what = "no docking" if not rows else "more than one docking"
            raise NotFoundError(f"{what} answers to {docking!r}", "see: ingestd fleet unsettled")
        return rows[0]

    def sightings(self, number: str | None, usb_serial: str) -> list[Sighting]:
        """The ways in which this number and this USB serial were seen together with others, one docking for each.

        What was settled by a person counts as that person said; the latest docking of each pair stands for it.
        """
        mine = [_admissions.c.number == number] if number else []
        mine += [_admissions.c.usb_serial == usb_serial] if usb_serial else []
        if not mine:
            return []
        query = (
            select(
                func.max(_admissions.c.docking_id).label("docking_id"),
                _admissions.c.number,
                _admissions.c.usb_serial,
                func.count(_admissions.c.settled_at).label("settled"),
            )
            .where(or_(*mine))
            .group_by(_admissions.c.number, _admissions.c.usb_serial)
            .order_by(_admissions.c.number, _admissions.c.usb_serial)
        )
        pairs = query.subquery()
        rows = self._rows(select(pairs, _dockings.c.bay).join(_dockings, _dockings.c.docking_id == pairs.c.docking_id))
        return [
            Sighting(
                docking_id=row["docking_id"],
                number=row["number"],
                usb_serial=row["usb_serial"] or "",
                bay=row["bay"],
                is_vouched_for=row["settled"] > 0,
            )
            for row in rows
        ]

    def counts(self) -> dict[str, int]:
        """Recorders by status; `unknown` are those of `unregistered`."""
        rows = self._rows(select(_recorders.c.status, func.count().label("number")).group_by(_recorders.c.status))
        found = {row["status"]: int(row["number"]) for row in rows}
        return {status.value: found.get(status.value, 0) for status in FleetStatus} | {
            FleetStatus.UNKNOWN.value: len(self.unregistered())
        }

    def last_seen_of_issued(self) -> dict[str, str]:
        """For each recorder that is issued and in use: its last docking, or its issue where that came later."""
        last = func.max(_dockings.c.opened_at).label("last")
        query = (
            select(_recorders.c.number, _recorders.c.issued_at, last)
            .outerjoin(_admissions, _admissions.c.number == _recorders.c.number)
            .outerjoin(_dockings, _dockings.c.docking_id == _admissions.c.docking_id)
            .where(_recorders.c.holder.is_not(None), _recorders.c.status == FleetStatus.KNOWN.value)
            .group_by(_recorders.c.number, _recorders.c.issued_at)
        )
        return {row["number"]: max(row["issued_at"], row["last"] or "") for row in self._rows(query)}

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _marked_dockings() -> Select[Any]:
    columns = (
        _dockings.c.docking_id,
        _dockings.c.bay,
        _dockings.c.opened_at,
        _dockings.c.outcome,
        _dockings.c.recorder_id,
        _dockings.c.entries,
        _dockings.c.bytes,
    )
    joined = select(*columns, _admissions.c.usb_serial, *MARKS).join(
        _admissions, _admissions.c.docking_id == _dockings.c.docking_id
    )
    return joined.order_by(_dockings.c.docking_id.desc())

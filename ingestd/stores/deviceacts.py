"""Acts of helpers that speak to recorders in the catalogue: how they show, and what can be asked.

Writing is called by `projection` alone, inside the transaction of the act.
"""

from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from ingestd.core.custody import Entry
from ingestd.core.device_acts import VisitAct
from ingestd.stores import schema
from ingestd.stores.database import translated

Row = dict[str, Any]

_acts = schema.device_acts
_MOST_ACTS = 100


def noted(connection: Connection, entry: Entry) -> None:
    """An act of a visit. A line that could not be read shows too, with the time at which it was found."""
    visit, info = entry.data.get("visit", {}), entry.data.get("info") or {}
    connection.execute(
        insert(_acts).values(
            seq=entry.seq,
            visit_id=str(entry.subject),
            line_sha256=entry.data["line_sha256"],
            act=entry.act,
            at=entry.data.get("at", entry.time),
            actor=entry.actor,
            usb_path=visit.get("usb_path", ""),
            usb_serial=visit.get("usb_serial", ""),
            number=info.get("device_number"),
            document=entry.data,
        )
    )


class DeviceActs:
    """Questions about what helpers did; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def lines_of(self, visit_id: str) -> frozenset[str]:
        """SHA-256 of the lines of a visit that stand in the ledger."""
        query = select(_acts.c.line_sha256).where(_acts.c.visit_id == visit_id)
        return frozenset(row["line_sha256"] for row in self._rows(query))

    def at_port(self, usb_path: str) -> list[VisitAct]:
        """The latest acts at a USB port, in the order of the ledger."""
        columns = (_acts.c.visit_id, _acts.c.act, _acts.c.at, _acts.c.usb_serial, _acts.c.number)
        query = select(*columns).where(_acts.c.usb_path == usb_path).order_by(_acts.c.seq.desc()).limit(_MOST_ACTS)
        return [VisitAct(**row) for row in reversed(self._rows(query))]

    def of_recorder(self, number: str) -> list[Row]:
        """All acts of the visits in which a recorder told this number, oldest first.

        Each is `seq`, `act`, `at`, `actor`, `document`.
        """
        visits = select(_acts.c.visit_id).where(_acts.c.number == number)
        columns = (_acts.c.seq, _acts.c.act, _acts.c.at, _acts.c.actor, _acts.c.document)
        return self._rows(select(*columns).where(_acts.c.visit_id.in_(visits)).order_by(_acts.c.seq))

    def info_of(self, visit_id: str) -> Row:
        """What a recorder told of itself in a visit, as `core.device_acts` keeps it; empty where it told nothing."""
        query = select(_acts.c.document).where(_acts.c.visit_id == visit_id, _acts.c.act == "device.info_read")
        rows = self._rows(query.order_by(_acts.c.seq.desc()).limit(1))
        return dict(rows[0]["document"].get("info") or {}) if rows else {}

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

"""Listings of earlier dockings, as comparing them needs them. Never writes."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, or_, select

from ingestd.core.clock import from_text
from ingestd.core.lifecycle import Fate
from ingestd.core.vanished import Listed, SeenFile, Told
from ingestd.stores import schema
from ingestd.stores.database import translated

_dockings, _sightings = schema.dockings, schema.sightings
_admissions, _findings = schema.admissions, schema.findings

_MOST_DOCKINGS = 200
_TOGETHER = 500


class Listings:
    """Questions to the catalogue; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def related(self, docking_id: str) -> list[Listed]:
        """A docking, and the latest ones before it of the same recorder or card, newest first.

        The same are: one key, one number (as a person settled it, where one did), one file system.
        """
        own = self._listed(_dockings.c.docking_id == docking_id)
        if not own:
            return []
        (now, number) = own[0]
        volume = _dockings.c.document["volume"]
        mine = [_dockings.c.recorder_key == now.recorder_key]
        if number:
            mine.append(_admissions.c.number == number)
        if now.volume:
            mine.append(volume["fs_uuid"].as_string() == now.volume)
        return [now, *(listed for listed, _ in self._listed((_dockings.c.docking_id < docking_id) & or_(*mine)))]

    def is_whole(self, docking_id: str) -> bool:
        """Whether nothing was said against a docking's listing."""
        query = select(_findings.c.finding_id).where(
            _findings.c.docking_id == docking_id, _findings.c.code == "listing.incomplete"
        )
        return not self._rows(query.limit(1))

    def entries(self, docking: Listed) -> list[SeenFile]:
        """Every entry of one docking."""
        return self._seen([docking], _sightings.c.docking_id == docking.docking_id)

    def unsecured(self, dockings: Sequence[Listed]) -> list[SeenFile]:
        """Entries of these dockings that nothing is held of, and those that are held of the same sizes."""
        found = []
        for part in _parts(dockings):
            of_them = _sightings.c.docking_id.in_([one.docking_id for one in part])
            found += self._seen(
                part, of_them & _sightings.c.recording_id.is_(None) & (_sightings.c.fate != Fate.QUARANTINED)
            )
        if not found:
            return []
        paths = sorted({one.card_path for one in found})
        sizes = sorted({one.size_bytes for one in found})
        for part in _parts(dockings):
            of_them = _sightings.c.docking_id.in_([one.docking_id for one in part])
            for column, values in ((_sightings.c.card_path, paths), (_sightings.c.size_bytes, sizes)):
                for start in range(0, len(values), _TOGETHER):
                    among = column.in_(values[start : start + _TOGETHER])
                    found += self._seen(part, of_them & _sightings.c.recording_id.is_not(None) & among)
        return found

    def told(self, recorder_keys: Sequence[str]) -> list[Told]:
        """Standing `set.vanished` of these recorders."""
        query = select(_findings.c.finding_id, _findings.c.document).where(
            _findings.c.code == "set.vanished",
            _findings.c.superseded_by.is_(None),
            _findings.c.recorder_key.in_(sorted(set(recorder_keys))),
        )
        rows = self._rows(query.order_by(_findings.c.finding_id))
        return [
            Told(row["finding_id"], row["document"]["file"], row["document"]["evidence"]["size_bytes"]) for row in rows
        ]

    def _listed(self, condition: Any) -> list[tuple[Listed, str | None]]:
        query = (
            select(_dockings, _admissions.c.number, _admissions.c.is_quarantined)
            .outerjoin(_admissions, _admissions.c.docking_id == _dockings.c.docking_id)
            .where(condition)
            .order_by(_dockings.c.docking_id.desc())
            .limit(_MOST_DOCKINGS)
        )
        return [(_docking(row), row["number"]) for row in self._rows(query)]

    def _seen(self, dockings: Sequence[Listed], condition: Any) -> list[SeenFile]:
        by_id = {one.docking_id: one for one in dockings}
        return [
            SeenFile(
                docking=by_id[row["docking_id"]],
                ordinal=row["ordinal"],
                card_path=row["card_path"],
                kind=row["kind"],
                size_bytes=row["size_bytes"],
                modified_ns=row["modified_ns"],
                fate=row["fate"],
                reason=row["reason"] or "",
                is_secured=row["recording_id"] is not None,
            )
            for row in self._rows(select(_sightings).where(condition))
        ]

    def _rows(self, query: Any) -> list[dict[str, Any]]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _docking(row: dict[str, Any]) -> Listed:
    volume = (row["document"] or {}).get("volume") or {}
    return Listed(
        docking_id=row["docking_id"],
        opened_at=from_text(row["opened_at"]),
        inlet=row["inlet"],
        bay=row["bay"],
        recorder_key=row["recorder_key"],
        volume=str(volume.get("fs_uuid") or ""),
        folder=str(volume.get("folder") or ""),
        is_quarantined=bool(row["is_quarantined"]),
    )


def _parts(dockings: Sequence[Listed]) -> list[list[Listed]]:
    return [list(dockings[start : start + _TOGETHER]) for start in range(0, len(dockings), _TOGETHER)]

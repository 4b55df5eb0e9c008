"""Docking history of a recorder, as the rules of `core.backfilled` need it."""

from collections.abc import Sequence

from ingestd.core.backfilled import EarlierDocking
from ingestd.core.clock import from_text
from ingestd.stores.search import Catalogue, Row

_MOST_DOCKINGS = 20
_LOOKED_AT = 2000


def docking_history(docking: Row, first_dockings: Sequence[str], catalogue: Catalogue) -> list[EarlierDocking]:
    """The latest dockings of the docked recorder up to this one, and those at which the given files were first seen.

    A docking whose listing was not whole says nothing of what the card did not carry, and is left out.
    """
    rows = [
        row
        for row in catalogue.dockings(limit=_LOOKED_AT)
        if row["recorder_key"] == docking["recorder_key"] and row["docking_id"] <= docking["docking_id"]
    ]
    wanted = [row for place, row in enumerate(rows) if place < _MOST_DOCKINGS or row["docking_id"] in first_dockings]
    incomplete = {
        row["docking_id"] for row in wanted if catalogue.findings(docking=row["docking_id"], code="listing.incomplete")
    }
    return [_earlier(row, catalogue) for row in wanted if row["docking_id"] not in incomplete]


def _earlier(row: Row, catalogue: Catalogue) -> EarlierDocking:
    volume = (row["document"] or {}).get("volume") or {}
    return EarlierDocking(
        docking_id=row["docking_id"],
        opened_at=from_text(row["opened_at"]),
        volume=str(volume.get("fs_uuid") or ""),
        paths=frozenset(sighting["card_path"] for sighting in catalogue.sightings(row["docking_id"])),
    )

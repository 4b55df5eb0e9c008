"""A docking as a document."""

from typing import Any

from ingestd.answers.marks import admission_document
from ingestd.answers.recordings import finding_document, recording_document
from ingestd.core.lifecycle import Fate
from ingestd.core.settings import Settings
from ingestd.stores.search import Catalogue, Row


def docking_document(docking_id: str, catalogue: Catalogue, settings: Settings) -> dict[str, Any]:
    """One docking as `ingest --json` gives it."""
    docking, sightings = catalogue.docking(docking_id), catalogue.sightings(docking_id)
    rows = {row["recording_id"]: row for row in catalogue.recordings(docking=docking_id, limit=1_000_000)}
    rows |= {held: catalogue.recording(held) for held in _held_before(sightings) - rows.keys()}
    return {
        "docking_id": docking_id,
        "outcome": docking["outcome"],
        "recorder_id": docking["recorder_id"],
        "bay": docking["bay"],
        "folder": docking["folder"],
        "accounting": docking["document"].get("accounting"),
        "admission": admission_document(docking),
        "origin": docking["document"].get("origin"),
        "entries": [
            {key: row[key] for key in ("card_path", "kind", "size_bytes", "fate", "reason", "recording_id")}
            | {"recording": recording_document(rows[row["recording_id"]], catalogue, settings)
               if row["recording_id"] in rows else None}
            for row in sightings
        ],
        "findings": [finding_document(row) for row in _findings_of(docking_id, sightings, catalogue)],
    }  # fmt: skip


def _held_before(sightings: list[Row]) -> set[str]:
    return {row["recording_id"] for row in sightings if row["fate"] == Fate.ALREADY_HELD}


def _findings_of(docking_id: str, sightings: list[Row], catalogue: Catalogue) -> list[Row]:
    """What stands about a docking, and about files on its card that the vault held before."""
    found = {row["finding_id"]: row for row in catalogue.findings(docking=docking_id)}
    held = _held_before(sightings)
    for earlier in sorted({catalogue.recording(one)["docking_id"] for one in held} - {docking_id}):
        for row in catalogue.findings(docking=earlier):
            if held.issuperset(row["document"]["files"] or [row["recording_id"]]):
                found[row["finding_id"]] = row
    return list(found.values())

"""Recovery at start: what a crash left half-done is rolled forward or let go of, without a hand."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ingestd.core.errors import IntegrityError
from ingestd.core.ids import RecordingId
from ingestd.pipeline.accounting import close_books, finish_opening
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.seal import finish
from ingestd.stores.durable import remove, stage, sync_together
from ingestd.stores.partial import interrupted
from ingestd.stores.vault import Vault


class Recovered(NamedTuple):
    """What the start had to mend."""

    sealed: int
    dockings_closed: int
    partial_copies_removed: int


def recover(parts: Parts) -> Recovered:
    """Mend what the last run left. The chronicle has caught up with its ledger already when it was opened.

    - A staged listing promises what stood on a card: the books of that docking are opened, to be closed below.
    - A staged birth sidecar promises that the bytes beside it are verified: sealing goes on where it stopped.
    - A copy with a journal waits for its recorder and goes on at the next docking; its entry stays `pending`.
    - Other bytes without a sidecar promise nothing, and nobody was told that the recorder may be removed: they go.
    - An open docking is closed as interrupted.
    """
    vault = parts.vault
    openings = sorted(vault.staging_folder.glob("*.opening.json"))
    births = sorted(vault.staging_folder.glob("*.birth.json"))
    if openings or births or parts.catalogue.open_dockings():
        _make_durable(births, vault)
    for opening in openings:
        _open_again(opening, parts)
    sealed = 0
    for staged in births:
        document = _document(staged, "recording_id")
        recording = RecordingId(staged.name.removesuffix(".birth.json"))
        if document is None:
            # Torn before it was synced: nothing was promised by it.
            remove(staged)
        elif parts.catalogue.has_recording(recording) or _was_sealed_otherwise(document, parts):
            vault.discard_staged(recording)
        else:
            finish([(document, staged.read_bytes())], vault=vault, catalogue=parts.catalogue, chronicle=parts.chronicle)
            sealed += 1
    waiting = set(interrupted(vault).values())
    partial = [path for path in vault.staging_folder.iterdir() if path.stem not in waiting]
    for leftover in partial:
        remove(leftover)
    open_dockings = parts.catalogue.open_dockings()
    for docking in open_dockings:
        close_books(docking, was_interrupted=True, vault=vault, catalogue=parts.catalogue, chronicle=parts.chronicle)
    return Recovered(sealed, len(open_dockings), len(partial))


def _make_durable(births: Sequence[Path], vault: Vault) -> None:
    """Sync what stands, before anything is built on it: a killed process did not, and a sync that failed is none."""
    for staged in births:
        stage(staged, staged.read_bytes())
    sync_together(vault.root)


def _was_sealed_otherwise(document: dict[str, Any], parts: Parts) -> bool:
    """Whether a later docking sealed the same bytes of this recorder, because the store failed and came back."""
    content, path = document["content"], document["card"]["path"]
    rows = parts.catalogue.held_recordings(document["recorder"]["key"], [content["sha256"]])
    return any(content["size_bytes"] > 0 or row["card_path"] == path for row in rows)


def _open_again(staged: Path, parts: Parts) -> None:
    opening = _document(staged, "listing")
    if opening is not None and not parts.catalogue.has_docking(opening["listing"]["docking"]["docking_id"]):
        finish_opening(opening, parts.vault, parts.chronicle)
    # Torn before it was synced, nothing was promised by it; else it has done its work.
    remove(staged)


def _document(staged: Path, key: str) -> dict[str, Any] | None:
    """A staged document that has this key; null for a torn one."""
    try:
        document = json.loads(staged.read_bytes())
    except ValueError:
        return None
    if not isinstance(document, dict) or key not in document:
        raise IntegrityError(f"{staged.name} in staging is not what its name says", "move it away and ask for help")
    return document

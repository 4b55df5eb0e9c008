"""The books of one docking: what stood on the card and what became of each entry (promise 2: all is accounted for)."""

import fnmatch
from collections.abc import Sequence
from typing import Any

from ingestd.core.clock import Clock, to_text
from ingestd.core.custody import Act
from ingestd.core.findings import Finding
from ingestd.core.fleet import Admission
from ingestd.core.ids import DockingId, RecordingId, new_uuid7
from ingestd.core.lifecycle import Fate
from ingestd.core.manifest import sha256_of
from ingestd.core.model import Docking, Inlet, PlannedFile, SourceFile
from ingestd.core.profile import RecorderProfile, parse_name
from ingestd.core.settings import Settings
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.search import Catalogue, Row
from ingestd.stores.vault import Vault

LISTING_FORMAT = "ingestd-listing/1"
RECORD_FORMAT = "ingestd-docking/1"

_DOUBTS = ("file.changed_while_read", "read.unstable", "listing.incomplete")
"""Findings with which a docking is not complete, although every listed entry has its fate."""


def plan(
    entries: Sequence[SourceFile], profiles: tuple[RecorderProfile, ...], settings: Settings, clock: Clock
) -> tuple[PlannedFile, ...]:
    """Give each entry the identity that its recording will have if it turns out to be new."""
    zone = settings.station.zone_info
    # Sorted, because many are made in one millisecond: recordings stand in the order of the listing for ever.
    ids = sorted(new_uuid7(clock.now()) for _ in entries)
    return tuple(
        PlannedFile(entry, RecordingId(one), parse_name(entry.path.text, profiles, zone).profile_id)
        for entry, one in zip(entries, ids, strict=True)
    )


def open_books(
    docking: Docking,
    planned: Sequence[PlannedFile],
    findings: Sequence[Finding],
    admission: Admission,
    *,
    vault: Vault,
    chronicle: Chronicle,
) -> None:
    """Store the listing before anything is copied, so that a file that vanishes later is known to have been there.

    It carries the admission too: nothing of a quarantined docking ever stands in the catalogue without its mark.
    """
    listing = {
        "format": LISTING_FORMAT,
        "docking": docking_document(docking),
        "admission": admission.document(),
        "entries": [
            {
                "ordinal": one.source.ordinal,
                "card_path": one.source.path.text,
                "encoding": one.source.path.encoding,
                "raw_b64": one.source.path.raw_b64,
                "kind": one.source.kind,
                "size_bytes": one.source.size_bytes,
                "modified_ns": one.source.modified_ns,
                "planned_id": one.recording_id,
                "note": one.source.note,
            }
            for one in planned
        ],
    }
    noticed = (*findings, *admission.findings)
    opening = {"listing": listing, "findings": [found.model_dump(mode="json") for found in noticed]}
    vault.stage_opening(docking.docking_id, opening)
    finish_opening(opening, vault, chronicle)


def finish_opening(opening: dict[str, Any], vault: Vault, chronicle: Chronicle) -> None:
    """From the staged listing to the ledger. Every step may be done again after a crash, with the same result."""
    listing = opening["listing"]
    docking_id, folder = DockingId(listing["docking"]["docking_id"]), listing["docking"]["folder"]
    vault.make_folder(folder)
    path = f"{folder}/listing.json"
    digest = sha256_of(vault.write_document(path, listing))
    vault.append_manifest(folder, {path: digest})
    listed = Act(act="docking.listed", subject=docking_id, data={"listing": path, "listing_sha256": digest})
    findings = [Finding.model_validate(document) for document in opening["findings"]]
    chronicle.enter(listed, *noted(docking_id, findings))
    vault.discard_opening(docking_id)


def docking_document(docking: Docking) -> dict[str, Any]:
    """A docking as JSON."""
    return {
        "docking_id": docking.docking_id,
        "bay": docking.bay,
        "inlet": docking.inlet,
        "opened_at": to_text(docking.opened_at),
        "folder": docking.folder,
        "recorder": {
            "recorder_id": docking.recorder.recorder_id,
            "key": docking.recorder.key,
            "evidence": [list(item) for item in docking.recorder.evidence],
        },
        "volume": dict(docking.volume),
        "profile_id": docking.profile_id,
        "origin": docking.origin.document() if docking.origin is not None else None,
    }


def noted(docking_id: str, findings: Sequence[Finding], recording: str | None = None) -> list[Act]:
    """The act that notes findings of a docking; none for none."""
    if not findings:
        return []
    documents = [finding.model_dump(mode="json") | {"recording_id": recording} for finding in findings]
    return [
        Act(
            act="finding.noted", subject=recording or docking_id, data={"docking_id": docking_id, "findings": documents}
        )
    ]


def excluding_rule(entry: SourceFile, inlet: Inlet, settings: Settings) -> str | None:
    """The rule that leaves an entry where it is, by the name under which it stands in the settings; null for none."""
    if inlet is Inlet.INBOX and entry.path.text == settings.inbox.done_marker:
        return "inbox.done_marker"
    for pattern in settings.copying.exclude:
        if fnmatch.fnmatch(entry.path.text, pattern):
            return f"copy.exclude: {pattern}"
    return None


def settled(docking_id: str, items: Sequence[dict[str, Any]]) -> list[Act]:
    """The act that settles fates of entries without a new recording; none for none."""
    return [Act(act="docking.settled", subject=docking_id, data={"items": list(items)})] if items else []


def accounting_of(fates: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """Entries and bytes per fate, and their sums."""
    return {
        "fates": {fate: {"entries": count, "bytes": size} for fate, (count, size) in sorted(fates.items())},
        "entries": sum(count for count, _ in fates.values()),
        "bytes": sum(size for _, size in fates.values()),
    }


def close_books(
    docking: Row, *, was_interrupted: bool, vault: Vault, catalogue: Catalogue, chronicle: Chronicle
) -> str:
    """Store the record of a docking beside its originals and close it; returns the outcome.

    `complete`: every entry is copied, already held, quarantined, or excluded by a named rule, and none changed while
    it was read. `interrupted`: the recorder or the station went away in between. `incomplete`: anything else.
    """
    docking_id = docking["docking_id"]
    fates = catalogue.fates_of(docking_id)
    doubts = [catalogue.findings(docking=docking_id, code=code) for code in _DOUBTS]
    is_whole = all(Fate(fate).is_settled for fate in fates) and not any(doubts)
    outcome = "complete" if is_whole else "interrupted" if was_interrupted and Fate.PENDING in fates else "incomplete"
    accounting = accounting_of(fates)
    document = {
        "format": RECORD_FORMAT,
        "docking_id": docking_id,
        "outcome": outcome,
        "accounting": accounting,
        "entries": [
            {key: row[key] for key in ("ordinal", "card_path", "kind", "size_bytes", "fate", "reason", "recording_id")}
            for row in catalogue.sightings(docking_id)
        ],
    }
    path = f"{docking['folder']}/record.json"
    digest = sha256_of(vault.write_document(path, document))
    vault.append_manifest(docking["folder"], {path: digest})
    data = {"outcome": outcome, "accounting": accounting, "record": path, "record_sha256": digest}
    chronicle.enter(Act(act="docking.closed", subject=docking_id, data=data))
    return outcome

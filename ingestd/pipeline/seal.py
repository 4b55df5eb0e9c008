"""Seal: verified bytes become originals. The ledger entry is the first commit point of the path of a recording.

Order of the durable steps (docs/design/durability.md, "Sealing"): sidecar into staging → names in the vault → manifest
→ ledger and catalogue → staging names removed. From the first step on, recovery rolls forward.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ingestd.core.clock import to_text
from ingestd.core.custody import Act
from ingestd.core.findings import Finding, finding
from ingestd.core.ids import RecordingId
from ingestd.core.manifest import sha256_of
from ingestd.core.model import Docking, Verified
from ingestd.core.naming import original_file_name, sidecar_name
from ingestd.core.settings import StationSettings
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.search import Catalogue
from ingestd.stores.vault import Vault

BIRTH_FORMAT = "ingestd-birth/1"

Birth = tuple[dict[str, Any], bytes]
"""A birth sidecar, and its bytes as they stand in staging."""


def birth_document(
    verified: Verified, docking: Docking, station: StationSettings, *, content_path: str, sealed_at: str, version: str
) -> dict[str, Any]:
    """The birth sidecar of a recording: where its bytes came from and how they were proved. Never changed later."""
    acquired = verified.acquired
    source = acquired.planned.source
    return {
        "format": BIRTH_FORMAT,
        "recording_id": acquired.planned.recording_id,
        "content": {
            "sha256": acquired.sha256,
            "size_bytes": acquired.size_bytes,
            "path": content_path,
            "digests": dict(acquired.digests),
            "unreadable": [list(span) for span in acquired.unreadable],
        },
        "card": {
            "ordinal": source.ordinal,
            "path": source.path.text,
            "encoding": source.path.encoding,
            "raw_b64": source.path.raw_b64,
            "modified_ns": source.modified_ns,
            "listed_size_bytes": source.size_bytes,
        },
        "recorder": {
            "recorder_id": docking.recorder.recorder_id,
            "key": docking.recorder.key,
            "evidence": [list(item) for item in docking.recorder.evidence],
        },
        "docking": {
            "docking_id": docking.docking_id,
            "bay": docking.bay,
            "inlet": docking.inlet,
            "opened_at": to_text(docking.opened_at),
            "folder": docking.folder,
            "transport": docking.volume.get("transport"),
            "origin": docking.origin.document() if docking.origin is not None else None,
        },
        "station": {"id": station.id, "name": station.name, "bureau": station.bureau},
        "proof": {
            "algorithm": "sha256",
            "read_back": verified.read_back,
            "second_reading": acquired.second_sha256,
            "resumed_at": acquired.resumed_at,
            "instability": acquired.instability,
        },
        "profile_id": acquired.planned.profile_id,
        "sealed_at": sealed_at,
        "software": f"ingestd {version}",
    }


def seal(
    batch: Sequence[Verified],
    docking: Docking,
    *,
    vault: Vault,
    catalogue: Catalogue,
    chronicle: Chronicle,
    station: StationSettings,
    sealed_at: str,
    version: str,
    also: Sequence[Act] = (),
) -> None:
    """Seal a batch with one round of directory syncs, one ledger write and one transaction.

    Bytes that the vault holds already (from another recorder) get a birth sidecar of their own and no second copy.

    May be called again with the same arguments after a `StoreFullError`: what was done stays done.

    Args:
        sealed_at: the moment of sealing, as `core.clock.to_text` writes it.
        also: acts to be entered together with the seals (fates of other entries, findings).

    Raises:
        StoreFullError, StoreError: what is not in the ledger yet will be rolled forward from staging.
    """
    with vault.sealing:
        placed = standing_contents([one.acquired.sha256 for one in batch], vault, catalogue)
        births: list[Birth] = []
        for verified in batch:
            acquired = verified.acquired
            name = original_file_name(acquired.planned.source.path.name, acquired.planned.recording_id)
            content_path = placed.get(acquired.sha256)
            if content_path is None:
                content_path = placed[acquired.sha256] = f"{docking.folder}/{name}"
            document = birth_document(
                verified, docking, station, content_path=content_path, sealed_at=sealed_at, version=version
            )
            births.append((document, vault.stage_sidecar(acquired.planned.recording_id, document)))
        vault.sync_staging(*(vault.staged_sidecar(one.acquired.planned.recording_id) for one in batch))
        finish(births, vault=vault, catalogue=catalogue, chronicle=chronicle, also=also)


def standing_contents(digests: Sequence[str], vault: Vault, catalogue: Catalogue) -> dict[str, str]:
    """Where the vault holds these bytes; without those whose file is gone or of another size."""
    return {
        row["sha256"]: row["vault_path"]
        for row in catalogue.held_contents(digests)
        if vault.has_file(row["vault_path"], row["size_bytes"])
    }


def finish(
    births: Sequence[Birth],
    *,
    vault: Vault,
    catalogue: Catalogue,
    chronicle: Chronicle,
    also: Sequence[Act] = (),
) -> None:
    """From staged sidecars to the ledger. Every step may be done again after a crash, with the same result."""
    manifests: dict[str, dict[str, Any]] = {}
    standing = catalogue.which_stand([document["recording_id"] for document, _ in births])
    acts = []
    at_hand = {}
    for document, data in births:
        recording = RecordingId(document["recording_id"])
        folder, content = document["docking"]["folder"], document["content"]
        name = original_file_name(document["card"]["path"].rsplit("/", 1)[-1], recording)
        own_path = f"{folder}/{name}"
        if content["path"] == own_path:
            vault.publish_original(recording, own_path)
        sidecar = f"{folder}/{sidecar_name(name)}"
        vault.publish_sidecar(recording, sidecar)
        digest = sha256_of(data)
        at_hand[sidecar] = data
        manifests.setdefault(folder, {}).update({content["path"]: content["sha256"], sidecar: digest})
        if recording not in standing:
            acts.extend(_doubt_acts(document))
            sealed = {
                "docking_id": document["docking"]["docking_id"],
                "sha256": content["sha256"],
                "sidecar": sidecar,
                "sidecar_sha256": digest,
            }
            acts.append(Act(act="recording.sealed", subject=recording, data=sealed))
    for folder, lines in manifests.items():
        vault.sync_folder(folder)
        vault.append_manifest(folder, lines)
    if acts or also:
        chronicle.enter(*acts, *also, at_hand=at_hand)
    for document, _ in births:
        vault.discard_staged(RecordingId(document["recording_id"]))


def doubts(name: str, *, content: Mapping[str, Any], second_reading: str | None, instability: str) -> list[Finding]:
    """What must be said of a copy that is kept all the same, because it is what could be had.

    Args:
        name: the path on the card.
        content: `sha256`, `size_bytes` and `unreadable` as the birth sidecar has them.
        second_reading: SHA-256 of a second reading, null where none was made.
        instability: how the file changed while it was read; empty when it did not.
    """
    found = []
    if content["unreadable"]:
        lost = sum(end - start for start, end in content["unreadable"])
        evidence = {"unreadable_bytes": lost, "of_bytes": content["size_bytes"], "filled_with": "zeros"}
        found.append(finding("read.error", file=name, bytes=content["unreadable"], evidence=evidence))
    if second_reading is not None and second_reading != content["sha256"]:
        readings = {"first_reading": content["sha256"], "second_reading": second_reading}
        found.append(finding("read.unstable", file=name, evidence=readings))
    if instability:
        found.append(finding("file.changed_while_read", file=name, evidence={"words": instability}))
    return found


def _doubt_acts(document: dict[str, Any]) -> list[Act]:
    """The doubts about a recording.

    Made from the sidecar and entered before the seal, so that neither a recovery nor a torn write can seal without
    them.
    """
    proof = document["proof"]
    found = doubts(
        document["card"]["path"],
        content=document["content"],
        second_reading=proof["second_reading"],
        instability=proof["instability"],
    )
    if not found:
        return []
    recording = document["recording_id"]
    findings = [one.model_dump(mode="json") | {"recording_id": recording} for one in found]
    data = {"docking_id": document["docking"]["docking_id"], "findings": findings}
    return [Act(act="finding.noted", subject=recording, data=data)]

"""The certificate of a disposal (销毁证明): who planned and approved it, on which basis, what went, and what stayed.

Pure. It is kept in the vault for ever, and its SHA-256 in the ledger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ingestd.core.disposal import CERTIFICATE_FORMAT, DisposalPlan, ItemState

Row = Mapping[str, Any]
Document = dict[str, Any]


def certificate_document(
    plan: DisposalPlan, planned: Mapping[str, Any], items: Sequence[Row], *, certified_at: str, software: str
) -> Document:
    """The certificate of a plan of which nothing waits any more.

    Args:
        planned: the plan's document.
        items: every recording of it with what became of it, as `stores.disposal.DisposalBook.items`.

    Raises:
        ValueError: something still waits.
    """
    waiting = [one["recording_id"] for one in items if one["state"] in (ItemState.PLANNED, ItemState.CONDEMNED)]
    if waiting:
        raise ValueError(f"{len(waiting)} recordings still wait, {waiting[0]} among them")
    described = {one["recording_id"]: one for one in planned["recordings"]}
    destroyed = [_destroyed(one, described[one["recording_id"]]) for one in items if one["state"] == ItemState.DISPOSED]
    removed = {one["sha256"]: one["size_bytes"] for one in destroyed if not one["has_bytes_elsewhere"]}
    kept = [
        {
            "recording_id": one["recording_id"],
            "became": one["state"],
            "why": one["why"],
            "words": one["words"],
            "at": one["at"],
            "by": one["actor"],
        }
        for one in items
        if one["state"] in (ItemState.SPARED, ItemState.RECOVERED)
    ]
    return {
        "format": CERTIFICATE_FORMAT,
        "number": plan.number,
        "station": planned["station"],
        "regime": planned["regime"],
        "planned_at": plan.planned_at,
        "planned_by": plan.planned_by,
        "reason": plan.reason,
        "plan": plan.plan,
        "plan_sha256": plan.plan_sha256,
        "approvals": [asdict(one) for one in plan.approvals],
        "grace_until": plan.grace_until,
        "bases": planned["bases"],
        "destroyed": destroyed,
        "kept": kept,
        "totals": {
            "planned": len(items),
            "destroyed": len(destroyed),
            "kept": len(kept),
            "contents_removed": len(removed),
            "bytes_removed": sum(removed.values()),
        },
        "certified_at": certified_at,
        "software": software,
    }


def _destroyed(item: Row, described: Mapping[str, Any]) -> Document:
    """One destroyed recording: what it was, on which basis, when, and where its bytes stood."""
    gone = item["disposed"]
    told = (
        "recording_id", "sha256", "size_bytes", "card_path", "recorder_id", "recorded_start", "sealed_at",
        "keep_until", "basis",
    )  # fmt: skip
    return {key: described[key] for key in told} | {
        "condemned_entry": item["condemned_seq"],
        "disposed_at": item["at"],
        "removed": gone["removed"],
        "replicas_removed": gone["replicas_removed"],
        "has_bytes_elsewhere": gone["has_bytes_elsewhere"],
        "shared_with": item["condemned"]["shared_with"],
    }

"""Plans of disposal and their certificates, as people and programs read them."""

import json
from typing import Any

from ingestd.core.disposal import DisposalPlan
from ingestd.core.errors import IntegrityError
from ingestd.core.manifest import sha256_of
from ingestd.core.settings import Settings
from ingestd.stores.disposal import DisposalBook
from ingestd.stores.vault import Vault


def vault_bytes(settings: Settings, path: str, sha256: str) -> bytes:
    """A document of the vault, as it stands.

    Raises:
        IntegrityError: it is not the one that the ledger names.
    """
    data = Vault(settings.vault_dir).read_bytes(path)
    if sha256_of(data) != sha256:
        raise IntegrityError(f"{path} is not the document that the ledger names", "restore it from a backup")
    return data


def vault_document(settings: Settings, path: str, sha256: str) -> dict[str, Any]:
    """A document of the vault, read.

    Raises:
        IntegrityError: as of `vault_bytes`.
    """
    document: dict[str, Any] = json.loads(vault_bytes(settings, path, sha256))
    return document


def plan_told(plan: DisposalPlan, book: DisposalBook) -> dict[str, Any]:
    """A plan as JSON tells it."""
    return {
        "number": plan.number,
        "state": plan.state.value,
        "planned_at": plan.planned_at,
        "planned_by": plan.planned_by,
        "reason": plan.reason,
        "plan": plan.plan,
        "plan_sha256": plan.plan_sha256,
        "recordings": plan.recordings,
        "size_bytes": plan.size_bytes,
        "approvals": [{"by": one.by, "at": one.at, "words": one.words} for one in plan.approvals],
        "grace_until": plan.grace_until,
        "ended_at": plan.ended_at,
        "ended_by": plan.ended_by,
        "ended_reason": plan.ended_reason,
        "certificate": plan.certificate,
        "certificate_sha256": plan.certificate_sha256,
        "items": {state.value: count for state, count in book.counts_of(plan.number).items()},
    }

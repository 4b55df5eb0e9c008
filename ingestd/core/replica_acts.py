"""What becomes of copies in other stores, as acts of the ledger."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from ingestd.core.clock import to_text
from ingestd.core.custody import Act
from ingestd.core.replicas import ReplicaCopy, StoreCheck, copy_document

STORED: Final = "replica.stored"
EXTENDED: Final = "replica.extended"
HOLD_SET: Final = "replica.hold_set"
HOLD_LIFTED: Final = "replica.hold_lifted"
FAULTY: Final = "replica.faulty"
REMOVED: Final = "replica.removed"
CHECKED: Final = "replica.checked"

REPLICA_ACTS: Final = (STORED, EXTENDED, HOLD_SET, HOLD_LIFTED, FAULTY, REMOVED, CHECKED)


def stored(copy: ReplicaCopy, *, recording_id: str | None, vault_path: str) -> Act:
    """A copy was put, read back, compared and, where the store can, locked.

    Args:
        recording_id: what it is of; null for a segment of the ledger.
        vault_path: the file that was copied.
    """
    return Act(act="replica.stored", subject=recording_id, data={**copy_document(copy), "vault_path": vault_path})


def extended(copies: Sequence[ReplicaCopy]) -> Act:
    """Copies of one store were locked for longer; each as the store has it now. Many in one act: there are many."""
    objects = [
        {
            "kind": one.kind.value,
            "sha256": one.sha256,
            "locked_until": to_text(one.locked_until) if one.locked_until is not None else None,
            "is_lock_honoured": one.is_lock_honoured,
        }
        for one in copies
    ]
    return Act(act="replica.extended", data={"store": copies[0].store, "objects": objects})


def hold_changed(copy: ReplicaCopy) -> Act:
    """The store's legal hold was set or lifted, as the copy says."""
    if copy.has_legal_hold:
        return Act(act="replica.hold_set", data=_named(copy))
    return Act(act="replica.hold_lifted", data=_named(copy))


def faulty(copy: ReplicaCopy, words: str) -> Act:
    """A copy is missing or damaged: it counts no more, and is put again."""
    return Act(act="replica.faulty", data=_named(copy) | {"words": words})


def removed(copy: ReplicaCopy) -> Act:
    """A copy was removed from its store for good."""
    return Act(act="replica.removed", data=_named(copy))


def checked(check: StoreCheck) -> Act:
    """What a store was found to be."""
    return Act(act="replica.checked", data={**asdict(check), "problems": list(check.problems)})


def _named(copy: ReplicaCopy) -> dict[str, object]:
    return {
        "store": copy.store,
        "kind": copy.kind.value,
        "sha256": copy.sha256,
        "key": copy.key,
        "version_id": copy.version_id,
    }

"""Repair: a damaged or missing file of the vault made whole again from a copy that another store gives back.

Order of the steps, each safe to be done again after a crash: good bytes into staging, compared and synced → the damaged
file under a second name in `damaged/` → the good one in its place, in one step. There is no moment without a file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestd.core.errors import IntegrityError, NotFoundError, StoppedError, StoreError, UnavailableError
from ingestd.core.ids import Sha256
from ingestd.core.replicas import ReplicaCopy, ReplicaStore
from ingestd.core.stop import Stop
from ingestd.stores.durable import remove, sync_file
from ingestd.stores.immutable import protection_of
from ingestd.stores.transfer import let_go, read_back
from ingestd.stores.vault import Vault


@dataclass(frozen=True, slots=True)
class Damage:
    """A file of the vault that is not what it should be: its path there, the digest it should have, what is wrong."""

    path: str
    sha256: Sha256
    words: str
    noted_at: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """The file is whole again: from which store, and where the damaged one is kept (null: it was missing)."""

    store: str
    kept: str | None


@dataclass(frozen=True, slots=True)
class NotRepaired:
    """The damage stands, and why."""

    reason: str


def repair(
    damage: Damage,
    *,
    vault: Vault,
    copies: Sequence[ReplicaCopy],
    stores: Mapping[str, ReplicaStore],
    keep_free_bytes: int,
    block_bytes: int,
    stop: Stop,
) -> Repaired | NotRepaired:
    """Make a file whole from the first copy that proves to be good; originals and documents alike.

    Raises:
        StoppedError: asked to stop; nothing was replaced.
    """
    if not copies:
        return NotRepaired("no other store is known to hold it")
    if _is_immutable(vault.path(damage.path)):
        words = "it has the immutable flag, which the station may not take away; as root:"
        return NotRepaired(f"{words} chattr -i '{vault.path(damage.path)}', then: ingestd scrub run")
    reasons = []
    for copy in copies:
        store = stores.get(copy.store)
        if store is None:
            reasons.append(f"{copy.store} is not configured")
            continue
        if vault.free_bytes() - copy.size_bytes < keep_free_bytes:
            return NotRepaired("there is no room for a good copy beside the damaged one")
        try:
            _fetch(copy, store, damage.sha256, vault, block_bytes=block_bytes, stop=stop)
            kept = vault.keep_damaged(damage.path, _note(damage, copy))
            vault.put_repaired(damage.sha256, damage.path)
        except StoppedError:
            remove(vault.staged_repair(damage.sha256))
            raise
        except (UnavailableError, NotFoundError, IntegrityError, StoreError) as error:
            remove(vault.staged_repair(damage.sha256))
            reasons.append(f"{copy.store}: {error.message}")
            continue
        return Repaired(copy.store, kept)
    return NotRepaired("; ".join(reasons))


def _is_immutable(path: Path) -> bool:
    """Whether the kernel would refuse to have a file replaced; a missing or unreadable one can be."""
    try:
        return protection_of(path).is_immutable is True
    except StoreError:
        return False


def _fetch(
    copy: ReplicaCopy, store: ReplicaStore, sha256: Sha256, vault: Vault, *, block_bytes: int, stop: Stop
) -> None:
    """Good bytes into staging: durable, read back from the medium, equal to what was sealed."""
    staged = vault.staged_repair(sha256)
    remove(staged)
    store.fetch(copy, staged)
    staged.chmod(0o440)
    sync_file(staged)
    found = read_back(staged, was_let_go=let_go(staged), block_bytes=block_bytes, stop=stop)
    if found.sha256 != sha256:
        raise IntegrityError(f"gave other bytes ({found.sha256})")


def _note(damage: Damage, copy: ReplicaCopy) -> dict[str, str]:
    return {
        "format": "ingestd-damaged/1",
        "path": damage.path,
        "sha256": damage.sha256,
        "words": damage.words,
        "noted_at": damage.noted_at,
        "repaired_from": f"{copy.store} {copy.key}",
    }

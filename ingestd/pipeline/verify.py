"""Verify: staged bytes made durable, read back from the medium and compared with what the recorder gave."""

import os
from collections.abc import Callable, Sequence

from ingestd.core.clock import Clock
from ingestd.core.model import Acquired, Verified
from ingestd.core.stop import Stop
from ingestd.stores.durable import translated
from ingestd.stores.engine import sync_together
from ingestd.stores.transfer import read_back
from ingestd.stores.vault import Vault

Refused = tuple[Acquired, str]
"""A copy that is worth nothing, and the SHA-256 that the medium gave."""


def sync(batch: Sequence[Acquired], vault: Vault) -> None:
    """Make staged copies durable: one alone by itself, many with one call for the whole file system.

    Raises:
        StoreFullError, StoreError: at least one is not durable; none may be counted.
    """
    if len(batch) > 1:
        with translated("open", vault.staging_folder):
            folder = os.open(vault.staging_folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            sync_together(folder, vault.staging_folder)
        finally:
            os.close(folder)
        return
    for acquired in batch:
        path = vault.staged_original(acquired.planned.recording_id)
        with translated("sync", path):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def verify(
    batch: Sequence[Acquired],
    vault: Vault,
    *,
    clock: Clock,
    block_bytes: int,
    stop: Stop,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> tuple[list[Verified], list[Refused]]:
    """Prove a batch of staged copies.

    Returns:
        Those whose medium gave back what the recorder gave, and those where it did not.

    Raises:
        StoreFullError, StoreError: the medium refused a sync or a read.
        StoppedError: asked to stop.
    """
    sync(batch, vault)
    verified: list[Verified] = []
    refused: list[Refused] = []
    for acquired in batch:
        started = clock.steady_seconds()
        path = vault.staged_original(acquired.planned.recording_id)
        found = read_back(path, block_bytes=block_bytes, stop=stop, on_bytes=on_bytes)
        if found.sha256 == acquired.sha256:
            verified.append(Verified(acquired, found.source, clock.steady_seconds() - started))
        else:
            refused.append((acquired, found.sha256))
    return verified, refused

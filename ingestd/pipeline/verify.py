"""Verify: staged bytes made durable, read back from the medium and compared with what the recorder gave."""

from collections.abc import Callable, Sequence

from ingestd.core.clock import Clock
from ingestd.core.model import Acquired, Verified
from ingestd.core.stop import Stop
from ingestd.stores.transfer import let_go, read_back
from ingestd.stores.vault import Vault

Refused = tuple[Acquired, str]
"""A copy that is worth nothing, and the SHA-256 that the medium gave."""


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
    paths = [vault.staged_original(acquired.planned.recording_id) for acquired in batch]
    if not batch:
        return [], []
    # A sync cannot be broken off, and with eight bays at work it can be long.
    stop.check()
    vault.sync_staging(*paths)
    were_let_go = [let_go(path) for path in paths]
    verified: list[Verified] = []
    refused: list[Refused] = []
    for acquired, path, was_let_go in zip(batch, paths, were_let_go, strict=True):
        started = clock.steady_seconds()
        found = read_back(path, was_let_go=was_let_go, block_bytes=block_bytes, stop=stop, on_bytes=on_bytes)
        if found.sha256 == acquired.sha256:
            verified.append(Verified(acquired, found.source, clock.steady_seconds() - started))
        else:
            refused.append((acquired, found.sha256))
    return verified, refused

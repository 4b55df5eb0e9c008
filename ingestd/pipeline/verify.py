"""Verify: staged bytes read back from the medium and compared with what the recorder gave."""

from collections.abc import Callable

from ingestd.core.clock import Clock
from ingestd.core.errors import IntegrityError
from ingestd.core.model import Acquired, Verified
from ingestd.core.stop import Stop
from ingestd.stores.transfer import read_back
from ingestd.stores.vault import Vault


def verify(
    acquired: Acquired,
    vault: Vault,
    *,
    clock: Clock,
    block_bytes: int,
    stop: Stop,
    on_bytes: Callable[[int], None],
) -> Verified:
    """Prove a staged copy.

    Raises:
        IntegrityError: the medium holds other bytes than the recorder gave; the copy is worth nothing.
        StoreError: the medium refused a read.
    """
    started = clock.steady_seconds()
    path = vault.staged_original(acquired.planned.recording_id)
    found = read_back(path, block_bytes=block_bytes, stop=stop, on_bytes=on_bytes)
    if found.sha256 != acquired.sha256:
        raise IntegrityError(
            f"the disk gave back other bytes for {acquired.planned.source.path.text}: "
            f"SHA-256 {found.sha256} instead of {acquired.sha256}",
            "the station's disk or memory is failing; replace it before docking more recorders",
        )
    return Verified(acquired, found.source, clock.steady_seconds() - started)

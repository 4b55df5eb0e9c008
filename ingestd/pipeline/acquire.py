"""Acquire: the bytes of one entry of a card into staging, hashed on the way, durable. Nothing is promised yet."""

import os
from collections.abc import Callable

from ingestd.core.clock import Clock
from ingestd.core.errors import SourceError, SourceGoneError
from ingestd.core.model import Acquired, PlannedFile
from ingestd.core.stop import Stop
from ingestd.devices.card import open_source
from ingestd.devices.dock import DockedRecorder
from ingestd.stores.transfer import copy_hashed
from ingestd.stores.vault import Vault


def acquire(
    planned: PlannedFile,
    card: DockedRecorder,
    vault: Vault,
    *,
    clock: Clock,
    block_bytes: int,
    stop: Stop,
    on_bytes: Callable[[int], None],
) -> Acquired:
    """Copy one file into staging.

    Raises:
        SourceGoneError: the recorder is gone.
        SourceError: this file cannot be read; the rest of the card may be.
        StoreFullError, StoreError: the vault cannot take it.
    """
    started = clock.steady_seconds()
    path = vault.staged_original(planned.recording_id)
    try:
        source = open_source(card.root_fd, planned.source.path)
        try:
            before = os.fstat(source)
            target = vault.create_staged(planned.recording_id)
            try:
                copied = copy_hashed(
                    source,
                    target,
                    path,
                    limit_bytes=before.st_size,
                    block_bytes=block_bytes,
                    stop=stop,
                    on_bytes=on_bytes,
                )
            finally:
                os.close(target)
            after = os.fstat(source)
        finally:
            os.close(source)
    except SourceError as error:
        if not card.still_there():
            raise SourceGoneError("the recorder is gone") from error
        raise
    return Acquired(
        planned=planned,
        staging_name=path.name,
        sha256=copied.sha256,
        size_bytes=copied.size_bytes,
        copy_seconds=clock.steady_seconds() - started,
        instability=_instability(planned.source.size_bytes, copied.size_bytes, before, after),
    )


def _instability(listed_bytes: int, copied_bytes: int, before: os.stat_result, after: os.stat_result) -> str:
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return f"it changed while it was read: {before.st_size} bytes before, {after.st_size} after"
    if copied_bytes != after.st_size:
        return f"{copied_bytes} bytes were read of a file of {after.st_size}"
    if copied_bytes != listed_bytes:
        return f"listed with {listed_bytes} bytes, read with {copied_bytes}"
    return ""

"""Acquire: the bytes of one entry of a card into staging, hashed on the way. Nothing is promised yet."""

import dataclasses
import hashlib
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from ingestd.core.clock import Clock
from ingestd.core.errors import SourceError, SourceGoneError
from ingestd.core.ids import RecordingId, Sha256
from ingestd.core.model import Acquired, PlannedFile, SourceFile
from ingestd.core.settings import CopySettings
from ingestd.core.stop import Stop
from ingestd.devices.card import open_source
from ingestd.devices.dock import DockedRecorder
from ingestd.devices.mtp import is_over_mtp
from ingestd.devices.reading import CardFile
from ingestd.stores.durable import open_to_go_on, protect
from ingestd.stores.engine import Lane
from ingestd.stores.partial import Journal, Proven, SourceKey, prove
from ingestd.stores.vault import Vault

_PROBES = 4
_PROBE_BYTES = 64 * 1024


class Means(NamedTuple):
    """What acquiring works with, the same for every file of a docking."""

    card: DockedRecorder
    vault: Vault
    lane: Lane
    clock: Clock
    stop: Stop
    limits: CopySettings


def source_key(card: DockedRecorder, planned: PlannedFile) -> SourceKey:
    """What an interrupted copy of this file is known by."""
    source = planned.source
    recorder = card.docking.recorder.key
    return SourceKey(recorder, source.path.text, source.path.raw_b64, source.size_bytes, source.modified_ns)


def acquire(planned: PlannedFile, means: Means, *, is_resumed: bool, on_bytes: Callable[[int], None]) -> Acquired:
    """Copy one file into staging, going on from the last proven byte of an interrupted copy where there is one.

    Args:
        is_resumed: a staged copy with its journal stands under this recording's id.
        on_bytes: told of bytes as they are had, those of a resumed part first.

    Raises:
        SourceGoneError: the recorder is gone; the staged copy and its journal stay for the next docking.
        SourceError: this file cannot be read; the rest of the card may be.
        StoreFullError, StoreError: the vault cannot take it.
    """
    started = means.clock.steady_seconds()
    try:
        descriptor = open_source(means.card.root_fd, planned.source.path)
    except SourceError as error:
        if not means.card.still_there():
            raise SourceGoneError("the recorder is gone") from error
        raise
    try:
        acquired = _acquire(planned, means, descriptor, started, is_resumed, on_bytes)
    finally:
        os.close(descriptor)
    return _fetched_again(acquired, means) if is_over_mtp(means.card.docking.volume) else acquired


def _acquire(
    planned: PlannedFile,
    means: Means,
    descriptor: int,
    started: float,
    is_resumed: bool,
    on_bytes: Callable[[int], None],
) -> Acquired:
    recording = planned.recording_id
    source = _reading(means, descriptor)
    before = os.fstat(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    proven = _proven(recording, means, descriptor) if is_resumed else Proven(0, ())
    path = means.vault.staged_original(recording)
    target = open_to_go_on(path) if proven.bytes else means.vault.create_staged(recording)
    journal = Journal(means.vault, recording, source_key(means.card, planned))

    def on_mark(offset: int, digest: str) -> None:
        # Zeros in the place of refused bytes hash as well as any: behind them there is nothing to go on from.
        if not source.unreadable or offset <= source.unreadable[0][0]:
            journal.on_mark(offset, digest)

    if proven.bytes:
        on_bytes(proven.bytes)
    try:
        copied = means.lane.copy(
            source,
            target,
            path,
            expected_bytes=before.st_size,
            on_bytes=on_bytes,
            on_mark=on_mark,
            start=proven.bytes,
            hashes=proven.hashes,
        )
        source.confirm_holes()
        protect(target, path)
    finally:
        journal.close()
        os.close(target)
    is_read_twice = _is_read_twice(means, source)
    second = _read_again(means, descriptor, copied.size_bytes) if is_read_twice else None
    after = os.fstat(descriptor)
    instability = _instability(planned.source, copied.size_bytes, before, after)
    return Acquired(
        planned=planned,
        sha256=copied.sha256,
        size_bytes=copied.size_bytes,
        digests=copied.digests,
        copy_seconds=means.clock.steady_seconds() - started,
        unreadable=tuple(source.unreadable),
        resumed_at=proven.bytes,
        instability=instability,
        # Of a file that changed meanwhile, other bytes say nothing about the medium.
        second_sha256=None if instability else second,
    )


def _reading(means: Means, descriptor: int) -> CardFile:
    limits = means.limits
    return CardFile(
        descriptor, means.card.still_there, means.stop, means.clock, limits.retries, limits.patience_seconds
    )


def _is_read_twice(means: Means, source: CardFile) -> bool:
    """A second reading where the settings ask for it; of a file with holes it would only fail again.

    A file that came by MTP is a copy of the FUSE program's as long as it is open: to read that again proves nothing.
    """
    is_from_medium = not is_over_mtp(means.card.docking.volume)
    return means.limits.read_source_twice and is_from_medium and not source.unreadable


def _fetched_again(acquired: Acquired, means: Means) -> Acquired:
    """The second reading of a file that came by MTP: opened anew, so that it comes from the recorder once more.

    Raises:
        SourceGoneError: the recorder is gone.
    """
    limits, length = means.limits, acquired.size_bytes
    if not (limits.read_mtp_twice or limits.read_source_twice) or acquired.unreadable or acquired.instability:
        return acquired
    try:
        descriptor = open_source(means.card.root_fd, acquired.planned.source.path)
    except SourceError as error:
        if not means.card.still_there():
            raise SourceGoneError("the recorder is gone") from error
        return dataclasses.replace(acquired, instability=f"it could be had only once: {error.message}")
    try:
        size_bytes = os.fstat(descriptor).st_size
        if size_bytes != length:
            return dataclasses.replace(acquired, instability=f"it came with {length} bytes, then with {size_bytes}")
        return dataclasses.replace(acquired, second_sha256=_read_again(means, descriptor, length))
    finally:
        os.close(descriptor)


def _read_again(means: Means, descriptor: int, length: int) -> Sha256:
    """SHA-256 of the first so many bytes, asked of the medium once more; what it refuses this time counts as zeros.

    Raises:
        SourceGoneError: the recorder is gone.
    """
    limits = means.limits
    again = _reading(means, descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    digest, offset = hashlib.sha256(), 0
    with memoryview(bytearray(limits.block_bytes)) as view:
        while offset < length:
            means.stop.check()
            try:
                count = again.read_into(view[: min(len(view), length - offset)], offset)
            except SourceGoneError:
                raise
            except SourceError:
                # The first reading stands; that this one is shorter makes its digest another.
                break
            if count == 0:
                break
            digest.update(view[:count])
            offset += count
    return Sha256(digest.hexdigest())


def _proven(recording: RecordingId, means: Means, descriptor: int) -> Proven:
    """The part of an interrupted copy that its journal, the medium and samples of the recorder's file all bear out."""
    block_bytes = means.limits.block_bytes
    proven = prove(means.vault, recording, means.lane.new_hashes, block_bytes=block_bytes, stop=means.stop)
    if proven.bytes and not _is_same_file(recording, means, descriptor, proven.bytes):
        return Proven(0, ())
    return proven


def _is_same_file(recording: RecordingId, means: Means, descriptor: int, length: int) -> bool:
    """Whether blocks spread over the proven part are still what the recorder gives.

    A block that it refuses now was had the first time: it speaks neither way, and is no hole in what is kept.
    """
    staged = os.open(means.vault.staged_original(recording), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    compared = 0
    try:
        for number in range(_PROBES):
            offset = max(length - _PROBE_BYTES, 0) * number // max(_PROBES - 1, 1)
            block = bytearray(min(_PROBE_BYTES, length - offset))
            probe = _reading(means, descriptor)
            with memoryview(block) as view:
                count = probe.read_into(view, offset)
            if probe.unreadable:
                continue
            if bytes(block[:count]) != os.pread(staged, len(block), offset):
                return False
            compared += 1
    finally:
        os.close(staged)
    return compared > 0


def _instability(listed: SourceFile, copied_bytes: int, before: Any, after: Any) -> str:
    """How the file was another one than listed, or another one after reading than before; empty when it was not."""
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return f"it changed while it was read: {before.st_size} bytes before, {after.st_size} after"
    if copied_bytes != after.st_size:
        return f"{copied_bytes} bytes were read of a file of {after.st_size}"
    if copied_bytes != listed.size_bytes:
        return f"listed with {listed.size_bytes} bytes, read with {copied_bytes}"
    if listed.modified_ns is not None and listed.modified_ns != before.st_mtime_ns:
        return "it was written anew between listing and reading"
    return ""

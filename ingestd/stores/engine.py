"""The copy engine of one bay: reading, hashing and writing overlap, one block each, in buffers bounded for the station.

Why so and how fast: docs/design/verified-copy.md.
"""

import ctypes
import errno
import functools
import hashlib
import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ingestd.core.clock import Clock
from ingestd.core.errors import StoppedError
from ingestd.core.ids import Sha256
from ingestd.core.stop import Stop
from ingestd.stores.buffers import BufferLane
from ingestd.stores.durable import translated

MARK_BYTES = 4 * 1024 * 1024
"""How far apart the hash of all bytes so far is told, as a place from which an interrupted copy can go on."""

_SYNC_FILE_RANGE_WRITE = 2
_SYNC_FILE_RANGE_ALL = 1 | 2 | 4
_SETTLE_BYTES = 8 * 1024 * 1024
_LEAST_SETTLE_BYTES = 1024 * 1024
_QUICK_SECONDS, _SLOW_SECONDS = 0.1, 1.0

OnMark = Callable[[int, str], None]
"""Told of a byte offset and the SHA-256 of all bytes before it, in the hashing thread."""


class BlockSource(Protocol):
    """Where bytes come from; what it cannot read it fills with zeros and remembers."""

    def read_into(self, view: memoryview, offset: int) -> int:
        """Fill the view from the offset; fewer bytes only at the end of the file, 0 behind it.

        Raises:
            SourceError: nothing more can be had of this file.
        """
        ...


@dataclass(frozen=True, slots=True)
class Copied:
    """What went over. `digests` holds further hashes by name, as hex."""

    sha256: Sha256
    size_bytes: int
    digests: Mapping[str, str]


@dataclass(slots=True)
class _Transfer:
    """One file on its way through the lane's threads."""

    target: int
    path: Path
    hashes: Sequence[Any]
    offset: int
    on_mark: OnMark
    hashed: int
    error: Exception | None = None
    is_done: threading.Event = field(default_factory=threading.Event)
    settled: int = 0
    """Bytes before this place are written back, and their pages dropped."""


_Item = tuple[_Transfer, bytearray | None, int]


class Lane:
    """Reader, hasher and writer of one bay. The caller's thread reads; two more live as long as the lane.

    Args:
        buffers: the bay's share of the station's blocks.
        digests: hashes beside SHA-256, by their OpenSSL names, taken in the same pass.
        stop: ends a copy between two blocks; what is not written by then is dropped.
    """

    def __init__(self, name: str, buffers: BufferLane, digests: Sequence[str], stop: Stop, clock: Clock) -> None:
        self._buffers = buffers
        self._digests = tuple(digests)
        self._stop = stop
        self._clock = clock
        self._settle_bytes = _SETTLE_BYTES
        self._to_hash: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._to_write: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._hash, name=f"hash {name}", daemon=True),
            threading.Thread(target=self._write, name=f"write {name}", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def new_hashes(self) -> list[Any]:
        """Fresh hash objects: SHA-256, then the configured ones."""
        return [hashlib.sha256(), *(hashlib.new(name) for name in self._digests)]

    def close(self) -> None:
        """End the threads once they have done what was given to them."""
        self._to_hash.put(None)
        for thread in self._threads:
            thread.join()

    def copy(
        self,
        source: BlockSource,
        target: int,
        path: Path,
        *,
        expected_bytes: int,
        on_bytes: Callable[[int], None],
        on_mark: OnMark = lambda *_: None,
        start: int = 0,
        hashes: Sequence[Any] = (),
    ) -> Copied:
        """Copy a source to its end; the target is written but not yet synced when this returns.

        Args:
            expected_bytes: what the source held when it was opened: room is reserved for it, and the copy ends with
                the block that passes it, because a file that grows as fast as it is read has no end.
            start: where to go on; `hashes` (of `new_hashes`) have then seen everything before it.

        Raises:
            SourceError: the source cannot be read.
            StoreFullError, StoreError: the target refuses.
            StoppedError: asked to stop between two blocks.
        """
        hashes = hashes or self.new_hashes()
        if expected_bytes - start <= self._buffers.block_bytes:
            size_bytes = self._copy_small(source, target, path, hashes, start, expected_bytes, on_bytes)
        else:
            _reserve(target, expected_bytes, path)
            transfer = _Transfer(target, path, hashes, start, on_mark, start, settled=start)
            size_bytes = self._copy_overlapped(source, transfer, expected_bytes, on_bytes)
        with translated("cut to length", path):
            if os.fstat(target).st_size != size_bytes:
                os.ftruncate(target, size_bytes)
        names = dict(zip(self._digests, (one.hexdigest() for one in hashes[1:]), strict=True))
        return Copied(Sha256(hashes[0].hexdigest()), size_bytes, names)

    def _copy_small(
        self,
        source: BlockSource,
        target: int,
        path: Path,
        hashes: Sequence[Any],
        offset: int,
        limit_bytes: int,
        on_bytes: Callable[[int], None],
    ) -> int:
        """Files of one block are done at once: handing them from thread to thread would cost more than it gains."""
        block = self._buffers.take(self._stop)
        try:
            with memoryview(block) as view:
                while offset <= limit_bytes and (count := source.read_into(view, offset)):
                    self._stop.check()
                    for one in hashes:
                        one.update(view[:count])
                    write_at(target, view[:count], offset, path)
                    offset += count
                    on_bytes(count)
        finally:
            self._buffers.give_back(block)
        return offset

    def _copy_overlapped(
        self, source: BlockSource, transfer: _Transfer, limit_bytes: int, on_bytes: Callable[[int], None]
    ) -> int:
        offset = transfer.offset
        try:
            while transfer.error is None and offset <= limit_bytes:
                self._stop.check()
                block = self._buffers.take(self._stop)
                try:
                    with memoryview(block) as view:
                        count = source.read_into(view, offset)
                except BaseException:
                    self._buffers.give_back(block)
                    raise
                if count == 0:
                    self._buffers.give_back(block)
                    break
                self._to_hash.put((transfer, block, count))
                offset += count
                on_bytes(count)
        except StoppedError as error:
            # Blocks that wait for a slow disk must not hold a stop up: the journal's proof finds how far the copy came.
            transfer.error = error
            raise
        finally:
            # The threads must be through with the target before the caller may close it.
            self._to_hash.put((transfer, None, 0))
            transfer.is_done.wait()
        if transfer.error is not None:
            raise transfer.error
        return offset

    def _hash(self) -> None:
        while (item := self._to_hash.get()) is not None:
            transfer, block, count = item
            if block is not None and transfer.error is None:
                # The one boundary of this thread: whatever fails ends the file, and is raised where the file was given.
                try:
                    _hash_block(transfer, block, count)
                except Exception as error:
                    transfer.error = error
            self._to_write.put(item)
        self._to_write.put(None)

    def _write(self) -> None:
        while (item := self._to_write.get()) is not None:
            transfer, block, count = item
            if block is None:
                transfer.is_done.set()
                continue
            if transfer.error is None:
                # The one boundary of this thread, as above.
                try:
                    self._write_block(transfer, block, count)
                except Exception as error:
                    transfer.error = error
            self._buffers.give_back(block)

    def _write_block(self, transfer: _Transfer, block: bytearray, count: int) -> None:
        """Write, start the write-back, and let go of what is written back: few pages then serve a long file.

        What is given to the disk cannot be taken back, so a disk that takes long over it gets less at a time: otherwise
        a stop, and every sync of the books, would wait for the bytes of all bays.
        """
        with memoryview(block) as view:
            write_at(transfer.target, view[:count], transfer.offset, transfer.path)
        _sync_range(transfer.target, transfer.offset, count, _SYNC_FILE_RANGE_WRITE, transfer.path)
        transfer.offset += count
        while transfer.offset - transfer.settled >= 2 * self._settle_bytes:
            began = self._clock.steady_seconds()
            length = self._settle_bytes
            _sync_range(transfer.target, transfer.settled, length, _SYNC_FILE_RANGE_ALL, transfer.path)
            os.posix_fadvise(transfer.target, transfer.settled, length, os.POSIX_FADV_DONTNEED)
            transfer.settled += length
            seconds = self._clock.steady_seconds() - began
            if seconds > _SLOW_SECONDS:
                self._settle_bytes = max(length // 2, _LEAST_SETTLE_BYTES)
            elif seconds < _QUICK_SECONDS:
                self._settle_bytes = min(length * 2, _SETTLE_BYTES)


def _hash_block(transfer: _Transfer, block: bytearray, count: int) -> None:
    with memoryview(block) as view:
        for one in transfer.hashes:
            one.update(view[:count])
    before, transfer.hashed = transfer.hashed, transfer.hashed + count
    if before // MARK_BYTES != transfer.hashed // MARK_BYTES:
        transfer.on_mark(transfer.hashed, transfer.hashes[0].hexdigest())


def write_at(descriptor: int, view: memoryview, offset: int, path: Path) -> None:
    """Write every byte at an offset."""
    with translated("write", path):
        while view:
            written = os.pwrite(descriptor, view, offset)
            offset += written
            view = view[written:]


def _reserve(descriptor: int, size_bytes: int, path: Path) -> None:
    """Have the room before the first byte: no space is then a clear answer at once, and the file lies in one piece."""
    if size_bytes <= 0:
        return
    try:
        os.posix_fallocate(descriptor, 0, size_bytes)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            with translated("reserve room for", path):
                raise


def _sync_range(descriptor: int, offset: int, length: int, flags: int, path: Path) -> None:
    """Have the kernel write a range now, or wait until it is written.

    A failed write-back that is told here is told nowhere else again, so it counts as a failed sync does.
    """
    arguments = (ctypes.c_int(descriptor), ctypes.c_int64(offset), ctypes.c_int64(length), ctypes.c_uint(flags))
    if _libc().sync_file_range(*arguments) != 0 and (number := ctypes.get_errno()) != errno.ENOSYS:
        with translated("write back", path):
            raise OSError(number, os.strerror(number))


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)

"""Moving bytes: from a recorder into staging with their hash, and back from the medium to prove them."""

import ctypes
import functools
import hashlib
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ingestd.core.errors import SourceError
from ingestd.core.ids import Sha256
from ingestd.core.stop import Stop
from ingestd.stores.durable import translated, write_all

_MINCORE_WINDOW_BYTES = 1024 * 1024 * 1024


class Copied(NamedTuple):
    """What went over: SHA-256 of the bytes as the source gave them, and how many."""

    sha256: Sha256
    size_bytes: int


class ReadBack(NamedTuple):
    """What came back: SHA-256, and whether from the `medium` or, where the kernel keeps pages, from its `cache`."""

    sha256: Sha256
    source: str


def copy_hashed(
    source: int,
    target: int,
    target_path: Path,
    *,
    limit_bytes: int,
    block_bytes: int,
    stop: Stop,
    on_bytes: Callable[[int], None],
) -> Copied:
    """Copy a descriptor to its end into another one, hashing on the way; durable when this returns.

    Args:
        limit_bytes: what the source held when it was opened. The copy ends with the block that passes it, because a
            file that grows as fast as it is read has no end.

    Raises:
        SourceError: the source refused a read; the message names the offset.
        StoreFullError, StoreError: the target refused a write or the fsync.
        StoppedError: asked to stop between two blocks.
    """
    digest = hashlib.sha256()
    buffer = bytearray(block_bytes)
    view = memoryview(buffer)
    size_bytes = 0
    os.posix_fadvise(source, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    while size_bytes <= limit_bytes:
        stop.check()
        try:
            count = os.readv(source, [view])
        except OSError as error:
            raise SourceError(f"reading failed at byte {size_bytes}: {error.strerror}") from error
        if count == 0:
            break
        digest.update(view[:count])
        write_all(target, view[:count], target_path)
        size_bytes += count
        on_bytes(count)
    with translated("sync", target_path):
        os.fsync(target)
    return Copied(Sha256(digest.hexdigest()), size_bytes)


def read_back(path: Path, *, block_bytes: int, stop: Stop, on_bytes: Callable[[int], None]) -> ReadBack:
    """Hash a synced file as its medium holds it: the page cache is dropped first and asked whether it let go.

    Raises:
        StoreError: the medium refused a read.
        StoppedError: asked to stop between two blocks.
    """
    digest = hashlib.sha256()
    view = memoryview(bytearray(block_bytes))
    with translated("read back", path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size_bytes = os.fstat(descriptor).st_size
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        source = "cache" if _is_cached(descriptor, size_bytes) else "medium"
        while True:
            stop.check()
            with translated("read back", path):
                count = os.readv(descriptor, [view])
            if count == 0:
                return ReadBack(Sha256(digest.hexdigest()), source)
            digest.update(view[:count])
            on_bytes(count)
    finally:
        os.close(descriptor)


def _is_cached(descriptor: int, size_bytes: int) -> bool:
    """Whether any page of a file would be served from memory, by mincore(2), which itself reads nothing.

    A read with RWF_NOWAIT cannot be used to ask: it starts read-ahead, and the next question finds its pages.
    """
    for start in range(0, size_bytes, _MINCORE_WINDOW_BYTES):
        length = min(_MINCORE_WINDOW_BYTES, size_bytes - start)
        pages = (ctypes.c_ubyte * (-(-length // mmap.PAGESIZE)))()
        with mmap.mmap(descriptor, length, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE, offset=start) as window:
            address = ctypes.addressof(ctypes.c_char.from_buffer(window))
            if _libc().mincore(ctypes.c_void_p(address), ctypes.c_size_t(length), pages) != 0:
                # Where the kernel will not say, nothing may be claimed about the medium.
                return True
        if any(page & 1 for page in bytes(pages)):
            return True
    return False


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)

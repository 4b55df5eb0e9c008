"""Proof of a copy: bytes read back from the medium itself, and the check that it was the medium."""

import contextlib
import ctypes
import functools
import hashlib
import mmap
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from ingestd.core.ids import Sha256
from ingestd.core.stop import Stop
from ingestd.stores.durable import translated

_MINCORE_WINDOW_BYTES = 1024 * 1024 * 1024
_AHEAD_BYTES = 4 * 1024 * 1024
_SMALL_BYTES = 64 * 1024
_DROP_BYTES = 4 * 1024 * 1024
"""Pages are dropped behind the reading: the kernel then uses the same few again (measured in verified-copy.md)."""


class ReadBack(NamedTuple):
    """What came back: SHA-256, and whether from the `medium` or, where the kernel keeps pages, from its `cache`."""

    sha256: Sha256
    source: str
    digests: tuple[tuple[str, str], ...] = ()
    """Further hashes that were asked for, by name, as hex."""


def let_go(path: Path) -> bool:
    """Drop a synced file from the page cache and have the medium asked for it ahead; whether the cache let go.

    Called for every file of a batch before the first is read back, so that the medium works while others are hashed.

    Raises:
        StoreError: the file cannot be opened.
    """
    with translated("read back", path), _opened(path, 0) as descriptor:
        size_bytes = os.fstat(descriptor).st_size
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        is_dropped = not is_cached(descriptor, size_bytes)
        os.posix_fadvise(descriptor, 0, min(size_bytes, _AHEAD_BYTES), os.POSIX_FADV_WILLNEED)
    return is_dropped


def read_back(
    path: Path,
    *,
    was_let_go: bool,
    block_bytes: int,
    stop: Stop,
    on_bytes: Callable[[int], None] = lambda _: None,
    digests: Sequence[str] = (),
) -> ReadBack:
    """Hash a synced file as its medium holds it.

    Args:
        was_let_go: what `let_go` said. Where the cache did not let go, the file is read around it (O_DIRECT); where
            that is refused as well, the answer says `cache`.
        digests: hashes beside SHA-256, by their OpenSSL names, taken in the same pass.

    Raises:
        StoreError: the medium refused a read.
        StoppedError: asked to stop between two blocks.
    """
    if not was_let_go:
        with contextlib.suppress(OSError), _opened(path, os.O_DIRECT) as direct:
            around = _Hashes(digests)
            _hash_all(direct, around, block_bytes, stop, on_bytes)
            return around.told("medium")
    hashes = _Hashes(digests)
    with translated("read back", path), _opened(path, 0) as descriptor:
        if os.fstat(descriptor).st_size < _SMALL_BYTES:
            data = os.pread(descriptor, _SMALL_BYTES, 0)
            on_bytes(len(data))
            hashes.update(data)
            return hashes.told("medium" if was_let_go else "cache")
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        _hash_all(descriptor, hashes, block_bytes, stop, on_bytes)
        # Originals are read again by nobody soon; their pages would push out what is.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    return hashes.told("medium" if was_let_go else "cache")


class _Hashes:
    """SHA-256 and further hashes over the same bytes."""

    __slots__ = ("_hashes", "_names")

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._hashes = [hashlib.sha256(), *(hashlib.new(name) for name in names)]

    def update(self, data: bytes | memoryview) -> None:
        for one in self._hashes:
            one.update(data)

    def told(self, source: str) -> ReadBack:
        sha256, *further = (one.hexdigest() for one in self._hashes)
        return ReadBack(Sha256(sha256), source, tuple(zip(self._names, further, strict=True)))


def hash_prefix(path: Path, length: int, update: Callable[[memoryview], None], *, block_bytes: int, stop: Stop) -> None:
    """Give the first bytes of a file to a function, block by block, from the medium where the cache lets go."""
    with translated("read back", path), _opened(path, 0) as descriptor:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        view = memoryview(bytearray(block_bytes))
        offset = 0
        while offset < length:
            stop.check()
            count = os.preadv(descriptor, [view[: min(block_bytes, length - offset)]], offset)
            if count == 0:
                return
            update(view[:count])
            offset += count


class _opened:  # noqa: N801
    """A descriptor for reading, closed at the end. A class because it stands around every small file."""

    __slots__ = ("_descriptor",)

    def __init__(self, path: Path, flags: int) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags)

    def __enter__(self) -> int:
        return self._descriptor

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)


def _hash_all(descriptor: int, digest: _Hashes, block_bytes: int, stop: Stop, on_bytes: Callable[[int], None]) -> None:
    # Anonymous memory is page-aligned, as O_DIRECT demands.
    with mmap.mmap(-1, block_bytes) as block, memoryview(block) as view:
        offset = dropped = 0
        while True:
            stop.check()
            count = os.preadv(descriptor, [view], offset)
            if count == 0:
                return
            with view[:count] as filled:
                digest.update(filled)
            offset += count
            on_bytes(count)
            if offset - dropped >= _DROP_BYTES:
                os.posix_fadvise(descriptor, dropped, offset - dropped, os.POSIX_FADV_DONTNEED)
                dropped = offset
            if count < block_bytes:
                # The end; O_DIRECT would refuse to be asked at an odd offset.
                return


def is_cached(descriptor: int, size_bytes: int) -> bool:
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

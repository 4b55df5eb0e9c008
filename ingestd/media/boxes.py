"""Bounded reading of box-structured files (ISO/IEC 14496-12, QuickTime): byte access, box headers, words of doubt."""

import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

MAX_PROBLEMS = 100
MAX_PROBLEM_CHARS = 200
MAX_TOP_LEVEL_BOXES = 200_000
MAX_CHILD_BOXES = 20_000


class Problems:
    """Collects what could not be read, in plain words: each text once, at most `MAX_PROBLEMS` of them."""

    def __init__(self) -> None:
        self._texts: dict[str, None] = {}

    def add(self, text: str) -> None:
        """Note one text; what goes beyond the limits is dropped."""
        if len(self._texts) < MAX_PROBLEMS:
            self._texts[text[:MAX_PROBLEM_CHARS]] = None

    def texts(self) -> tuple[str, ...]:
        """What was noted, in order."""
        return tuple(self._texts)


class ByteSource:
    """A file behind a descriptor, read by position; the descriptor's own position is never used.

    `size_bytes` is the size that the caller vouches for; nothing is read beyond it.
    """

    def __init__(self, fd: int, size_bytes: int) -> None:
        self.fd = fd
        self.size_bytes = size_bytes

    def will_read(self, places: Iterable[tuple[int, int]]) -> None:
        """Have the disk begin with all of these (start, length); read in turn, each would wait for the one before."""
        for start, length in places:
            with suppress(OSError):
                os.posix_fadvise(self.fd, start, length, os.POSIX_FADV_WILLNEED)

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start`, as many of `length` as the file holds; unreadable ones end the answer."""
        length = min(length, self.size_bytes - start)
        blocks: list[bytes] = []
        while length > 0:
            try:
                block = os.pread(self.fd, length, start)
            except OSError:
                break
            if not block:
                break
            blocks.append(block)
            start += len(block)
            length -= len(block)
        return b"".join(blocks)


class Box(NamedTuple):
    """One box. Positions count from the start of the file (top level) or of the buffer (children).

    `end` is where the box says that it ends, `body_end` where it ends in truth: they differ for a torn box.
    """

    type: str
    start: int
    body: int
    end: int
    body_end: int

    @property
    def is_torn(self) -> bool:
        """Whether the box claims more than there is."""
        return self.end > self.body_end


def _is_type(raw: bytes) -> bool:
    return all(byte == 0xA9 or 0x20 <= byte < 0x7F for byte in raw)


def _header(raw: bytes, start: int, limit: int) -> Box | None:
    """A box from its first 16 bytes; null where these are no box."""
    if len(raw) < 8:
        return None
    size, kind = struct.unpack_from(">I4s", raw)
    header = 8
    if size == 1:
        if len(raw) < 16:
            return None
        (size,) = struct.unpack_from(">Q", raw, 8)
        header = 16
    elif size == 0:
        size = max(limit - start, header)
    if size < header or not _is_type(kind):
        return None
    end = start + size
    return Box(kind.decode("latin-1"), start, start + header, end, min(end, limit))


def top_level(source: ByteSource, problems: Problems) -> Iterator[Box]:
    """The boxes of a file, in order; ends at the first bytes that are no box, which becomes a problem."""
    start = 0
    for _ in range(MAX_TOP_LEVEL_BOXES):
        if start >= source.size_bytes:
            return
        box = _header(source.read(start, 16), start, source.size_bytes)
        if box is None:
            problems.add(f"the bytes from {start} to the end ({source.size_bytes}) are no box")
            return
        yield box
        start = box.end
    problems.add(f"more than {MAX_TOP_LEVEL_BOXES} boxes at the top level; the rest was not read")


def children(data: memoryview, start: int, end: int, problems: Problems, where: str) -> Iterator[Box]:
    """The boxes within `data[start:end]`; a torn one is given with what there is of it and ends the walk."""
    for _ in range(MAX_CHILD_BOXES):
        if end - start < 8:
            # QuickTime ends some containers (udta) with a 32-bit zero.
            return
        box = _header(bytes(data[start : min(start + 16, end)]), start, end)
        if box is None:
            if any(data[start : min(start + 64, end)]):
                problems.add(f"damaged box inside {where}")
            return
        if box.is_torn:
            problems.add(f"box {box.type} inside {where} claims more than its parent holds")
        yield box
        start = box.end
    problems.add(f"more than {MAX_CHILD_BOXES} boxes inside {where}; the rest was not read")

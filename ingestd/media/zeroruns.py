"""Runs of zero bytes in a file: what a worn flash page reads as, and what a hole in a file system gives."""

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ingestd.media.boxes import ByteSource

BLOCK_BYTES = 512
"""The smallest unit in which media lose data."""
SHORTEST_RUN_BYTES = 16
MAX_RUNS = 200_000

_READ_BYTES = 1024 * 1024
_NOT_ZERO = re.compile(rb"[^\0]")


class ZeroRun(NamedTuple):
    """Half-open bytes of the file, all of them zero."""

    start: int
    end: int

    @property
    def has_block(self) -> bool:
        """Whether a whole aligned block lies inside."""
        return self.end // BLOCK_BYTES * BLOCK_BYTES - -(-self.start // BLOCK_BYTES) * BLOCK_BYTES >= BLOCK_BYTES

    @property
    def is_blockwise(self) -> bool:
        """Whether it is made of whole aligned blocks, but for a few zeros that happen to stand beside them."""
        before, behind = -self.start % BLOCK_BYTES, self.end % BLOCK_BYTES
        return self.has_block and before <= 8 and behind <= 8


def zero_runs(source: ByteSource, is_late: Callable[[], bool]) -> tuple[list[ZeroRun], int]:
    """All runs of at least `SHORTEST_RUN_BYTES`, in order, and up to which byte the file was looked at.

    Reads the file once, front to back: the way that storage is fastest at. Ends early when `is_late` says so.
    """
    runs: list[ZeroRun] = []
    needle, overlap = bytes(SHORTEST_RUN_BYTES), SHORTEST_RUN_BYTES - 1
    at = 0
    while at < source.size_bytes:
        if is_late() or len(runs) > MAX_RUNS:
            return runs, at
        block = source.read(at, _READ_BYTES + overlap)
        if not block:
            # A range that cannot be read ends nothing: what lies behind it is looked at too.
            at += _READ_BYTES
            continue
        for first, last in _runs_in(block, needle):
            start, end = at + first, at + last
            if runs and start <= runs[-1].end:
                runs[-1] = ZeroRun(runs[-1].start, max(end, runs[-1].end))
            else:
                runs.append(ZeroRun(start, end))
        at += _READ_BYTES
    return runs, source.size_bytes


def _runs_in(block: bytes, needle: bytes) -> Iterator[tuple[int, int]]:
    first = block.find(needle)
    while first >= 0:
        found = _NOT_ZERO.search(block, first)
        last = found.start() if found is not None else len(block)
        yield first, last
        first = block.find(needle, last)


class Places:
    """The samples of one track by their place in the file, so that a range of bytes finds those that it touches."""

    def __init__(self, offsets: "array[int]", sizes: "array[int]", size_bytes: int) -> None:
        whole = (number for number in range(len(offsets)) if offsets[number] + sizes[number] <= size_bytes)
        self.numbers = sorted(whole, key=offsets.__getitem__)
        """Of samples that are in the file, in the order of their places."""
        self._starts = [offsets[number] for number in self.numbers]
        self._ends = [offsets[number] + sizes[number] for number in self.numbers]

    def touched(self, start: int, end: int) -> list[int]:
        """The samples that have bytes in `[start, end)`."""
        place = bisect_left(self._starts, start)
        while place > 0 and self._ends[place - 1] > start:
            place -= 1
        found = []
        while place < len(self._starts) and self._starts[place] < end:
            if self._ends[place] > start:
                found.append(self.numbers[place])
            place += 1
        return found

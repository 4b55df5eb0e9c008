"""The ledger read at any place, a bounded stretch at a time, without reading what lies before it.

Of each segment it is remembered where every 256th line begins. Segments are only ever written at their end, so what
was learned once holds; the newest is looked through onwards from where it ended.
"""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import pydantic

from ingestd.core.custody import GENESIS, Entry, chain_fault
from ingestd.core.errors import IntegrityError
from ingestd.core.ids import Sha256
from ingestd.core.manifest import canonical_json
from ingestd.stores.durable import translated
from ingestd.stores.ledger import segments

_EVERY: Final = 256
MOST_LOOKED_THROUGH: Final = 20_000
"""Lines that one search looks at before it tells how far it came."""


@dataclass(slots=True)
class _Segment:
    path: Path
    first: int
    """The number of the entry in its first line."""
    places: list[int] = field(default_factory=lambda: [0])
    """Where the lines 0, 256, 512 … begin, in bytes."""
    lines: int = 0
    end: int = 0
    """Behind the last whole line, in bytes."""


class Line(NamedTuple):
    """A line of the ledger as it stands. `entry` is null where it is none; `fault` then says so, or what is wrong."""

    seq: int
    entry: Entry | None
    fault: str | None


class Stretch(NamedTuple):
    """What a search found, the newest first, and the number of the last entry that it looked at.

    `is_whole`: nothing is left to look at.
    """

    lines: list[Line]
    reached: int
    is_whole: bool


class LedgerPages:
    """Reads a ledger beside its writer. Safe from many threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: list[_Segment] = []
        self._lock = threading.Lock()

    def last_seq(self) -> int:
        """The number of the last entry; 0 for an empty ledger."""
        with self._lock:
            self._look()
            return self._known[-1].first + self._known[-1].lines - 1 if self._known else 0

    def entry(self, seq: int) -> Entry | None:
        """One entry; null where there is none of this number.

        Raises:
            IntegrityError: what stands there is not that entry.
        """
        found = self.span(seq, seq)
        if not found:
            return None
        if found[0].entry is None or found[0].fault is not None:
            raise IntegrityError(f"ledger: {found[0].fault}", "see what else is wrong: ingestd verify")
        return found[0].entry

    def span(self, first: int, last: int) -> list[Line]:
        """The entries from `first` to `last`, oldest first, each checked to follow the one before it.

        The first is held against the line before it as well. Shorter where the ledger ends.
        """
        first = max(1, first)
        raw = self._raw(max(1, first - 1), last)
        found: list[Line] = []
        prev: str | None = GENESIS if first == 1 else None
        for seq, line in raw:
            entry = _entry_of(line)
            fault = _fault_of(entry, line, seq, prev)
            prev = entry.hash if entry is not None else None
            if seq >= first:
                found.append(Line(seq, entry, fault))
        return found

    def search(
        self,
        needles: tuple[bytes, ...],
        keep: Callable[[Entry], bool],
        *,
        before: int,
        limit: int,
        floor: int = 1,
        most: int = MOST_LOOKED_THROUGH,
    ) -> Stretch:
        """Entries below the entry `before`, newest first.

        Args:
            needles: bytes that the line must hold: what spares the others from being read as JSON.
            keep: whether the entry itself is wanted.
            floor: no entry below it is looked at.
            most: lines that are looked at; a search that came so far tells where, to be taken up there.
        """
        found: list[Line] = []
        upto, bottom = before - 1, max(floor, 1, before - most)
        while upto >= bottom:
            low = max(bottom, upto - _EVERY + 1)
            hits = [seq for seq, line in self._raw(low, upto) if all(needle in line for needle in needles)]
            for seq in reversed(hits):
                found += [line for line in self.span(seq, seq) if line.entry is None or keep(line.entry)]
                if len(found) == limit:
                    return Stretch(found, seq, seq <= floor)
            upto = low - 1
        return Stretch(found, bottom, bottom <= floor)

    def first_from(self, moment: str) -> int:
        """The number of the first entry that was made at this time or later; one behind the last where none was.

        Found by halving: where a clock was set back, it is one of the places at which the time was reached.

        Args:
            moment: UTC text.
        """
        low, high = 1, self.last_seq() + 1
        while low < high:
            middle = (low + high) // 2
            line = self.span(middle, middle)[0]
            # A line that is none tells no time; what stands behind it is looked at too.
            if line.entry is not None and line.entry.time >= moment:
                high = middle
            else:
                low = middle + 1
        return low

    def _raw(self, first: int, last: int) -> list[tuple[int, bytes]]:
        with self._lock:
            self._look()
            known = [(one, one.lines, one.end) for one in self._known]
        found: list[tuple[int, bytes]] = []
        for segment, lines, end in known:
            low, high = max(first, segment.first), min(last, segment.first + lines - 1)
            if low > high:
                continue
            start = (low - segment.first) // _EVERY
            with translated("read", segment.path), segment.path.open("rb") as file:
                file.seek(segment.places[start])
                seq = segment.first + start * _EVERY
                while seq <= high and file.tell() < end:
                    line = file.readline()
                    if seq >= low:
                        found.append((seq, line))
                    seq += 1
        return found

    def _look(self) -> None:
        """Learn of what was written since. Held by the lock."""
        standing = segments(self._folder)
        if [one.path for one in self._known] != standing[: len(self._known)]:
            # Another ledger stands here, or an older copy of it.
            self._known = []
        if self._known:
            self._learn(self._known[-1])
        for path in standing[len(self._known) :]:
            before = self._known[-1] if self._known else None
            segment = _Segment(path, before.first + before.lines if before is not None else 1)
            self._learn(segment)
            self._known.append(segment)

    def _learn(self, segment: _Segment) -> None:
        with translated("read", segment.path):
            size = os.stat(segment.path).st_size
            if size < segment.end:
                segment.places, segment.lines, segment.end = [0], 0, 0
            if size == segment.end:
                return
            with segment.path.open("rb") as file:
                file.seek(segment.end)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    segment.end += len(line)
                    segment.lines += 1
                    if segment.lines % _EVERY == 0:
                        segment.places.append(segment.end)


def needle(key: str, value: str) -> bytes:
    """The bytes by which a canonical line says `"key":"value"`."""
    return canonical_json({key: value})[1:-1]


def _fault_of(entry: Entry | None, line: bytes, seq: int, prev: str | None) -> str | None:
    if entry is None:
        return f"line {seq} is not an entry"
    fault = chain_fault(entry, seq=seq, prev=Sha256(prev) if prev is not None else entry.prev)
    return fault or (None if entry.line() == line else f"entry {seq} is not written as it was")


def _entry_of(line: bytes) -> Entry | None:
    try:
        return Entry(**json.loads(line))
    except (ValueError, TypeError, pydantic.ValidationError, RecursionError):
        return None

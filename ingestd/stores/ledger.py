"""The ledger on disk: append-only segments of hash-chained lines, `ledger/000001.jsonl` and so on in the vault."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pydantic

from ingestd.core.clock import Clock
from ingestd.core.custody import GENESIS, Act, Entry, chain, chain_fault
from ingestd.core.errors import IntegrityError, StoreError
from ingestd.core.ids import Sha256
from ingestd.stores.durable import make_directory, sync_directory, translated, whole_lines_end, write_all

SEGMENT_BYTES = 16 * 1024 * 1024


class Head(NamedTuple):
    """The last entry's place and hash; `(0, GENESIS)` for an empty ledger."""

    seq: int
    hash: Sha256


class TornTail(NamedTuple):
    """What a crash left behind the last whole line; such an act was never acknowledged to anybody."""

    segment: str
    cut_bytes: int


def segments(folder: Path) -> list[Path]:
    """The ledger's segment files in order."""
    return sorted(folder.glob("[0-9]*.jsonl"))


def read_entries(folder: Path, *, after: int = 0) -> Iterator[Entry]:
    """All entries behind `after`, checked to be a chain.

    The torn line of a crash at the very end is passed over; a torn or malformed line elsewhere is a fault.

    Raises:
        IntegrityError: an entry is malformed, edited, missing or out of order; the message names segment and line.
    """
    seq, prev = 0, GENESIS
    standing = segments(folder)
    for segment in standing:
        with translated("read", segment), segment.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n") and segment == standing[-1]:
                    return
                entry = _parsed(line, f"{segment.name} line {number}")
                fault = chain_fault(entry, seq=seq + 1, prev=prev)
                if fault is None and entry.line() != line:
                    # The same words to this reader; another one could read them otherwise (a key given twice).
                    fault = f"entry {entry.seq} is not written as it was: its line is not in its canonical form"
                if fault is not None:
                    raise IntegrityError(
                        f"ledger {segment.name} line {number}: {fault}", "restore the segment from a backup"
                    )
                seq, prev = entry.seq, entry.hash
                if seq > after:
                    yield entry


def read_lines(folder: Path) -> Iterator[tuple[bytes, str]]:
    """Every line as it stands, with its segment and number, for who examines a ledger that may be at fault.

    The torn line of a crash at the very end is passed over.
    """
    standing = segments(folder)
    for segment in standing:
        with translated("read", segment), segment.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n") and segment == standing[-1]:
                    return
                yield line, f"{segment.name} line {number}"


def last_entry(folder: Path) -> Entry | None:
    """The entry at the end, beside the writer or without one; null for an empty ledger. The chain is not checked.

    Raises:
        IntegrityError: the last whole line is no entry.
    """
    for segment in reversed(segments(folder)):
        with translated("read", segment):
            descriptor = os.open(segment, os.O_RDONLY | os.O_CLOEXEC)
            try:
                last = _last_line(descriptor, whole_lines_end(descriptor))
            finally:
                os.close(descriptor)
        if last:
            return _parsed(last, f"{segment.name}, last line")
    return None


def _parsed(line: bytes, where: str) -> Entry:
    try:
        entry = Entry(**json.loads(line))
        # Infinity, or half of a surrogate pair, can be read and has no canonical form.
        entry.line()
        return entry
    except (ValueError, TypeError, pydantic.ValidationError) as error:
        raise IntegrityError(f"ledger {where} is not an entry", "restore the segment from a backup") from error


class Ledger:
    """The writing end. One process holds it, under the station's lock.

    After a failed write the file is cut back to its last whole entry; where even that fails the ledger takes no more
    acts until it is opened again.
    """

    def __init__(self, folder: Path, clock: Clock, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        make_directory(folder)
        self._folder = folder
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._is_broken = False
        self.torn_tail = self._cut_torn_tail()
        last = last_entry(folder)
        self.head = Head(last.seq, last.hash) if last is not None else Head(0, GENESIS)
        self.last_time = last.time if last is not None else None
        """When the last entry was made, UTC text; null for an empty ledger."""

    def chain(self, acts: Sequence[Act]) -> list[Entry]:
        """The entries that these acts would be, behind the present head; nothing is written."""
        entries: list[Entry] = []
        seq, prev = self.head
        for act in acts:
            entry = chain(act, seq=seq + 1, prev=prev, now=self._clock.now())
            entries.append(entry)
            seq, prev = entry.seq, entry.hash
        return entries

    def append(self, entries: Sequence[Entry]) -> None:
        """Write entries made by `chain` since the last append; durable when this returns.

        Raises:
            StoreFullError, StoreError: nothing was entered.
        """
        if self._is_broken:
            raise StoreError("the ledger could not be cut back after a failed write", "restart the station")
        if entries:
            self._write(b"".join(entry.line() for entry in entries))
            self.head = Head(entries[-1].seq, entries[-1].hash)
            self.last_time = entries[-1].time

    def _write(self, data: bytes) -> None:
        path, is_new = self._segment_for_writing()
        with translated("open", path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        try:
            before = os.lseek(descriptor, 0, os.SEEK_END)
            try:
                write_all(descriptor, data, path)
                with translated("sync", path):
                    os.fsync(descriptor)
                if is_new:
                    sync_directory(self._folder)
            except StoreError:
                self._cut_back(descriptor, before)
                raise
        finally:
            os.close(descriptor)

    def _cut_back(self, descriptor: int, length: int) -> None:
        try:
            os.ftruncate(descriptor, length)
            os.fsync(descriptor)
        except OSError:
            self._is_broken = True

    def _segment_for_writing(self) -> tuple[Path, bool]:
        """Where the next entries go, and whether that segment's name must still be made durable."""
        existing = segments(self._folder)
        if existing and (standing_bytes := existing[-1].stat().st_size) < self._segment_bytes:
            return existing[-1], standing_bytes == 0
        return self._folder / f"{len(existing) + 1:06d}.jsonl", True

    def _cut_torn_tail(self) -> TornTail | None:
        existing = segments(self._folder)
        if not existing:
            return None
        last = existing[-1]
        with translated("repair", last):
            descriptor = os.open(last, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                whole = whole_lines_end(descriptor)
                cut = os.fstat(descriptor).st_size - whole
                if cut > 0:
                    os.ftruncate(descriptor, whole)
                # A process that was killed behind its write synced neither lines nor name, and the catalogue follows.
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_directory(self._folder)
        return TornTail(last.name, cut) if cut > 0 else None


def _last_line(descriptor: int, end: int) -> bytes:
    start = end
    while start > 0:
        start = max(0, start - 64 * 1024)
        data = os.pread(descriptor, end - start, start)
        newline = data.rfind(b"\n", 0, -1)
        if newline >= 0:
            return data[newline + 1 :]
        if start == 0:
            return data
    return b""

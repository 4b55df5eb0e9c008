"""Reading the ledger onwards from a place, entry by entry, without reading what lies before it each time."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pydantic

from ingestd.core.custody import GENESIS, Entry, chain_fault
from ingestd.core.errors import IntegrityError
from ingestd.core.ids import Sha256
from ingestd.stores.durable import translated
from ingestd.stores.ledger import Head, segments

START = Head(0, GENESIS)
"""Before the first entry."""


class _Place(NamedTuple):
    """Just behind an entry: its segment's number among all, and the byte there."""

    segment: int
    offset: int
    head: Head


class LedgerTail:
    """Reads behind the last entry that was read, or behind any other. One thread uses it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place = _Place(0, 0, START)

    def read(self, after: Head, *, upto: int, limit: int) -> list[Entry]:
        """At most `limit` entries behind `after`, and none behind the entry number `upto`.

        Args:
            after: place and hash of an entry that was read before; `START` for the beginning.
            upto: the last entry that is known to stand: a line behind it may be cut off again.

        Raises:
            IntegrityError: the ledger does not have that entry, or is not one chain.
            StoreError: it cannot be read.
        """
        if upto < after.seq:
            raise IntegrityError(f"the ledger ends at entry {upto}, and entry {after.seq} was read before", _ADVICE)
        place = self._place if self._place.head == after else self._behind(after)
        found: list[Entry] = []
        for entry, next_place in self._entries(place):
            if entry.seq > upto:
                break
            found.append(entry)
            place = next_place
            if len(found) >= limit:
                break
        self._place = place
        return found

    def _behind(self, after: Head) -> _Place:
        """The place of an entry, found in the segment that begins at or before it."""
        if after == START:
            return _Place(0, 0, START)
        number = 0
        for candidate, segment in enumerate(segments(self._folder)):
            first = _first(segment)
            if first is None or first.seq > after.seq:
                break
            number = candidate
        first = _first(segments(self._folder)[number]) if segments(self._folder) else None
        begin = START if first is None else Head(first.seq - 1, Sha256(first.prev))
        for entry, place in self._entries(_Place(number, 0, begin)):
            if entry.seq == after.seq:
                if entry.hash == after.hash:
                    return place
                break
        raise IntegrityError(f"entry {after.seq} of the ledger is not the one that was read before", _ADVICE)

    def _entries(self, place: _Place) -> Iterator[tuple[Entry, _Place]]:
        for number, segment in enumerate(segments(self._folder)):
            if number < place.segment:
                continue
            offset = place.offset if number == place.segment else 0
            with translated("read", segment), segment.open("rb") as lines:
                lines.seek(offset)
                for line in lines:
                    if not line.endswith(b"\n"):
                        return
                    entry = _parsed(line, segment)
                    fault = chain_fault(entry, seq=place.head.seq + 1, prev=place.head.hash)
                    if fault is not None:
                        raise IntegrityError(f"ledger {segment.name}: {fault}", "restore the segment from a backup")
                    offset += len(line)
                    place = _Place(number, offset, Head(entry.seq, entry.hash))
                    yield entry, place


_ADVICE = "another vault stands here, or an older copy of it; see docs/guide/feed.md"


def _first(segment: Path) -> Entry | None:
    with translated("read", segment), segment.open("rb") as lines:
        line = lines.readline()
    return _parsed(line, segment) if line.endswith(b"\n") else None


def _parsed(line: bytes, segment: Path) -> Entry:
    try:
        return Entry(**json.loads(line))
    except (ValueError, TypeError, pydantic.ValidationError) as error:
        what = f"ledger {segment.name} holds a line that is no entry"
        raise IntegrityError(what, "restore the segment from a backup") from error

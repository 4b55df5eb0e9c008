"""What is wrong with a ledger, named: its lines are looked at to the last one, however many of them are at fault.

`stores.ledger.read_entries` stops at the first fault, because nothing may be built on what stands behind it. Whoever
examines a ledger wants to know of each, and what kind it is: edited, removed, repeated, reordered.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import pydantic

from ingestd.core.custody import GENESIS, Entry, entry_hash


class LedgerFault(StrEnum):
    """What can be wrong with the lines of a ledger."""

    EDITED = "edited"
    REPLACED = "replaced"
    REMOVED = "removed"
    REPEATED = "repeated"
    REORDERED = "reordered"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class ChainFault:
    """One fault of the chain and where it stands, in words."""

    kind: LedgerFault
    words: str


@dataclass(slots=True)
class ChainCheck:
    """Takes the lines of a ledger in their order, and tells of each what is wrong with it."""

    _seq: int = 0
    _prev: str | None = GENESIS
    _runs: list[list[int]] = field(default_factory=list)
    """First and last number of each stretch of lines whose numbers follow each other: one, for a whole ledger."""
    _unreadable: int = 0

    def look(self, line: bytes, where: str) -> tuple[Entry | None, list[ChainFault]]:
        """The entry of a line, null where it is none, and what is wrong with it.

        Args:
            line: with its newline.
            where: segment and line number, for the words.
        """
        entry = _entry_of(line)
        if entry is None:
            self._prev = None
            self._unreadable += 1
            return None, [ChainFault(LedgerFault.MALFORMED, f"{where} is not an entry")]
        faults = list(self._faults(entry, line, where))
        is_edited = any(fault.kind is LedgerFault.EDITED for fault in faults)
        # The number of an edited line is not to be believed either: it stands where it stands.
        seq = self._seq + 1 if is_edited else entry.seq
        self._seq, self._prev = seq, entry.hash
        if self._runs and seq == self._runs[-1][1] + 1:
            self._runs[-1][1] = seq
        else:
            self._runs.append([seq, seq])
        return entry, faults

    def _faults(self, entry: Entry, line: bytes, where: str) -> Iterator[ChainFault]:
        if entry_hash(entry.model_dump()) != entry.hash:
            words = f"{where}: entry {entry.seq} was changed: its hash does not match its words"
            yield ChainFault(LedgerFault.EDITED, words)
        elif entry.line() != line:
            # The same words to this reader; another one could read them otherwise (a key given twice).
            words = f"{where}: entry {entry.seq} is not written as it was: its line is not in its canonical form"
            yield ChainFault(LedgerFault.EDITED, words)
        if entry.seq == self._seq + 1 and self._prev is not None and entry.prev != self._prev:
            words = f"{where}: entry {entry.seq} does not follow the one before it: one of the two is another"
            yield ChainFault(LedgerFault.REPLACED, words)

    def order_faults(self) -> Iterator[ChainFault]:
        """What the numbers of all lines together say, once the last line was looked at."""
        spans = sorted((first, last) for first, last in self._runs)
        reached = 0
        for first, last in spans:
            if first > reached + 1:
                yield _gap(reached + 1, first - 1, self._unreadable)
            if first <= reached:
                words = f"{_entries(first, min(last, reached))} there more than once"
                yield ChainFault(LedgerFault.REPEATED, words)
            reached = max(reached, last)
        for before, after in zip(self._runs, self._runs[1:], strict=False):
            if after[0] < before[1]:
                words = f"entry {after[0]} stands behind entry {before[1]}: lines changed their places"
                yield ChainFault(LedgerFault.REORDERED, words)


def _gap(first: int, last: int, unreadable: int) -> ChainFault:
    if unreadable >= last - first + 1:
        return ChainFault(LedgerFault.MALFORMED, f"{_entries(first, last)} unreadable or gone")
    return ChainFault(LedgerFault.REMOVED, f"{_entries(first, last)} missing")


def _entries(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"


def _entry_of(line: bytes) -> Entry | None:
    try:
        entry = Entry(**json.loads(line))
        # Infinity, or half of a surrogate pair, can be read and has no canonical form.
        entry.line()
        return entry
    except (ValueError, TypeError, pydantic.ValidationError, RecursionError):
        return None

"""`set.vanished`: files that an earlier listing of a card had, that were never secured, and that are gone."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ingestd.core.clock import to_text
from ingestd.core.findings import Confidence, Finding, Severity, finding
from ingestd.core.lifecycle import Fate
from ingestd.core.model import EntryKind, Inlet

NAME_DIGITS = 12
"""A file name with so many digits tells one recording apart; one of few digits is given out again."""
MOST_TOLD = 500
"""Files that are told one by one; more of one docking are counted in the last finding."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One docking, as comparing its listing needs it.

    `volume` is the file system's own id, `folder` the folder that stood for a card; empty where there is none.
    """

    docking_id: str
    opened_at: dt.datetime
    inlet: str
    bay: str
    recorder_key: str
    volume: str
    folder: str
    is_quarantined: bool = False


@dataclass(frozen=True, slots=True)
class SeenFile:
    """One entry of a listing, with what became of it there. `is_secured`: its bytes, or all that could be read of
    them, are held."""

    docking: Listed
    ordinal: int
    card_path: str
    kind: str
    size_bytes: int
    modified_ns: int | None
    fate: str
    reason: str
    is_secured: bool


class Compared(NamedTuple):
    """What comparing a listing with earlier ones gives: files that are gone now, and those told before (by their
    finding ids) that are there again or are held by now."""

    findings: tuple[Finding, ...]
    came_back: tuple[str, ...]


class Told(NamedTuple):
    """A standing `set.vanished`: its id, and the file that it is about."""

    finding_id: str
    card_path: str
    size_bytes: int


def is_comparable(earlier: Listed, now: Listed) -> bool:
    """Whether the later listing can say what is gone from the earlier: two cards, or the very same folder."""
    if now.inlet == Inlet.UDEV or earlier.inlet == Inlet.UDEV:
        return now.inlet == earlier.inlet
    return bool(now.folder) and now.folder == earlier.folder


def compare(
    now: Listed, listing: Sequence[SeenFile], earlier: Sequence[SeenFile], told: Sequence[Told] = ()
) -> Compared:
    """Compare a whole listing with what earlier dockings of the same recorder or card saw.

    Args:
        now: the docking whose listing was whole.
        listing: all its entries.
        earlier: entries of earlier dockings, in any order, those that were secured among them.
        told: what stands already; it is not told again.
    """
    here = _Held(listing, is_secured_only=False)
    held = _Held([one for one in (*earlier, *listing) if one.is_secured], is_secured_only=True)
    back = tuple(
        sorted(one.finding_id for one in told if here.has_name(one.card_path, one.size_bytes) or held.covers_told(one))
    )
    standing = {(one.card_path, one.size_bytes) for one in told}
    latest: dict[tuple[str, int], SeenFile] = {}
    for one in sorted(earlier, key=_place):
        if _is_candidate(one) and is_comparable(one.docking, now) and one.docking.docking_id < now.docking_id:
            latest[one.card_path, one.size_bytes] = one
    gone = [
        one
        for one in latest.values()
        if (one.card_path, one.size_bytes) not in standing and not held.covers(one) and not here.has(one)
    ]
    gone.sort(key=_place)
    return Compared(tuple(_findings(now, gone, here, len(listing))), back)


def _place(one: SeenFile) -> tuple[str, int, str, int]:
    return one.docking.docking_id, one.ordinal, one.card_path, one.size_bytes


def _is_candidate(one: SeenFile) -> bool:
    """Files, and what the medium refused to describe; links and devices are no footage."""
    return not one.is_secured and one.fate != Fate.QUARANTINED and one.kind in (EntryKind.FILE, EntryKind.UNREADABLE)


class _Held:
    """Entries by the ways in which a file may be found again among them."""

    def __init__(self, entries: Sequence[SeenFile], *, is_secured_only: bool) -> None:
        files = [one for one in entries if one.kind in (EntryKind.FILE, EntryKind.UNREADABLE)]
        self._exact = {(one.card_path, one.size_bytes, one.modified_ns) for one in files}
        self._sized = {(one.card_path, one.size_bytes) for one in files}
        self._marked = {(name, one.size_bytes) for one in files if (name := recording_name(one.card_path)) is not None}
        self.by_path: dict[str, SeenFile] = {}
        self._latest: dict[str, str] = {}
        for one in files:
            before = self.by_path.get(one.card_path)
            if before is None or one.size_bytes >= before.size_bytes:
                self.by_path[one.card_path] = one
            key = one.docking.docking_id
            path = f"{one.card_path}\0{one.size_bytes}"
            self._latest[path] = max(key, self._latest.get(path, ""))
        self._is_secured_only = is_secured_only

    def has(self, one: SeenFile) -> bool:
        """Whether a file stands in a listing: under its path, marked under another, or grown since."""
        if self.has_name(one.card_path, one.size_bytes):
            return True
        there = self.by_path.get(one.card_path)
        return there is not None and recording_name(one.card_path) is not None and there.size_bytes > one.size_bytes

    def has_name(self, card_path: str, size_bytes: int) -> bool:
        """Whether a file of this size stands there under this path, or marked under another."""
        name = recording_name(card_path)
        return (card_path, size_bytes) in self._sized or (name is not None and (name, size_bytes) in self._marked)

    def covers(self, one: SeenFile) -> bool:
        """Whether what is held is this file: the very entry, the same name and size held later, or a name that tells a
        recording apart."""
        if (one.card_path, one.size_bytes, one.modified_ns) in self._exact:
            return True
        if self._latest.get(f"{one.card_path}\0{one.size_bytes}", "") > one.docking.docking_id:
            return True
        name = recording_name(one.card_path)
        if name is None:
            return False
        there = self.by_path.get(one.card_path)
        is_grown = there is not None and there.size_bytes > one.size_bytes
        return (name, one.size_bytes) in self._marked or is_grown

    def covers_told(self, one: Told) -> bool:
        """The same of a file that was told to be gone."""
        name = recording_name(one.card_path)
        return name is not None and (name, one.size_bytes) in self._marked


def recording_name(card_path: str) -> str | None:
    """The name of a file without its mark and folder, by which a marked copy is known; null where it has so few digits
    that it is given out again."""
    name = card_path.rsplit("/", 1)[-1].casefold()
    if sum(letter.isdigit() for letter in name) < NAME_DIGITS:
        return None
    stem, _, extension = name.rpartition(".")
    return f"{(stem or name).removesuffix('imp').rstrip('_')}.{extension}"


def _findings(now: Listed, gone: Sequence[SeenFile], here: _Held, listed: int) -> Iterator[Finding]:
    for place, one in enumerate(gone[:MOST_TOLD]):
        more = len(gone) - MOST_TOLD if place == MOST_TOLD - 1 else 0
        yield _finding(now, one, here, listed, more)


def _finding(now: Listed, one: SeenFile, here: _Held, listed: int, more: int) -> Finding:
    then = one.docking
    is_other_card = bool(then.volume) and bool(now.volume) and then.volume != now.volume
    is_same_card = bool(then.volume) and then.volume == now.volume
    other = here.by_path.get(one.card_path)
    is_sure = is_same_card and one.kind == EntryKind.FILE and other is None
    confidence = Confidence.CERTAIN if is_sure else Confidence.LIKELY
    severity, innocent = None, "the recorder overwrote its oldest file"
    if is_other_card:
        confidence, innocent = Confidence.PROVISIONAL, "another card, on which the file still stands"
        severity = Severity.WARNING
    elif other is not None or one.kind == EntryKind.UNREADABLE:
        confidence, severity = Confidence.PROVISIONAL, Severity.WARNING
    if one.fate == Fate.EXCLUDED:
        severity, innocent = Severity.NOTICE, "a rule of the configuration left it on the recorder"
    return finding(
        "set.vanished",
        severity=severity,
        file=one.card_path,
        start_utc=to_text(then.opened_at),
        end_utc=to_text(now.opened_at),
        confidence=confidence,
        innocent_explanation=innocent,
        evidence={
            "sources": ["listing of an earlier docking", "listing of this docking"],
            "size_bytes": one.size_bytes,
            "seen_at_docking": then.docking_id,
            "seen_at": to_text(then.opened_at),
            "seen_in_bay": then.bay,
            "gone_at_docking": now.docking_id,
            "recorder_then": then.recorder_key,
            "recorder_now": now.recorder_key,
            "was_quarantined": then.is_quarantined,
            "why_not_secured": one.reason or f"the entry was {one.fate}",
            "note": _note(is_other_card, other),
            "listed_now": listed,
            "more_files": more,
        },
    )


def _note(is_other_card: bool, other: SeenFile | None) -> str | None:
    notes: list[Any] = []
    if is_other_card:
        notes.append("the card's file system is another one: it was formatted, or another card is in the recorder")
    if other is not None:
        notes.append(f"another file of {other.size_bytes} bytes stands under this name now")
    return "; ".join(notes) or None

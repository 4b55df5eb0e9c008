"""The drop folder: what is put here is offered for taking in once it has stopped changing.

Each entry at the top level is one drop: a folder, or a single file. watchdog's events only wake the inbox up (they
may get lost); what counts is a drop's fingerprint over the paths, sizes and times of its whole tree. Nothing dropped
is ever deleted or changed here, and nothing is skipped in silence: what is not offered stands in `pending()` with
the reason.
"""

import hashlib
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirModifiedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from ingestd.core.clock import Clock
from ingestd.core.errors import UnavailableError

RESCAN_SECONDS: Final = 30.0
"""Everything is looked at this often without any event, because events get lost."""

TEMPORARY_SUFFIXES: Final = (".part", ".partial", ".filepart", ".crdownload", ".tmp", "~")
"""Names that copying programs use until a file is whole and gets its own name."""

_WAKING_EVENTS: Final[list[type[FileSystemEvent]]] = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirModifiedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]
"""Without those of reading: taking in a drop must not wake the inbox."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a drop looks like without reading it: SHA-256 over paths, kinds, sizes and times of its tree.

    `files` counts all that is not a folder. The done marker is no part of it.
    """

    digest: str
    files: int
    has_marker: bool


@dataclass(frozen=True, slots=True)
class PendingDrop:
    """A drop that is not offered (yet), and why."""

    name: str
    reason: str


class SettleTracker:
    """Decides when a drop has stopped changing. Pure: it is told what is seen and when.

    A drop has settled when its fingerprint stayed the same for `settle_seconds`, or at once when it carries the done
    marker. The marker is believed once: a drop that changes after it was offered settles by time only.
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._seen: dict[str, _Seen] = {}

    def observe(self, name: str, fingerprint: Fingerprint, now_seconds: float) -> bool:
        """Tell what a drop looks like now; true exactly once for each state in which it settles.

        Args:
            name: of the drop.
            fingerprint: its tree.
            now_seconds: of a steady clock.
        """
        seen = self._seen.get(name)
        if seen is None or seen.digest != fingerprint.digest:
            seen = _Seen(fingerprint.digest, now_seconds, was_offered=seen is not None and seen.was_offered)
            self._seen[name] = seen
        if seen.is_at_rest:
            return False
        has_word = fingerprint.has_marker and not seen.was_offered
        if not has_word and now_seconds - seen.since_seconds < self._settle_seconds:
            return False
        seen.is_at_rest = seen.was_offered = True
        return True

    def is_at_rest(self, name: str) -> bool:
        """Whether this drop has settled and not changed since."""
        return name in self._seen and self._seen[name].is_at_rest

    def has_only_rest(self) -> bool:
        """Whether no drop is waiting to settle."""
        return all(seen.is_at_rest for seen in list(self._seen.values()))

    def names(self) -> frozenset[str]:
        """The drops known."""
        return frozenset(self._seen)

    def forget(self, name: str) -> None:
        """The drop is gone, or is to be seen as new."""
        self._seen.pop(name, None)


@dataclass(slots=True)
class _Seen:
    digest: str
    since_seconds: float
    was_offered: bool
    is_at_rest: bool = False


class Inbox:
    """Watches the drop folder in a thread of its own.

    Args:
        folder: is made where it is missing.
        settle_seconds: without any change, after which a drop counts as complete.
        done_marker: name of a file in a dropped folder that says that it is complete.
        clock: its steady time is used.
        on_settled: called in the inbox's thread with the drop's path and its fingerprint's digest; it must hand over
            quickly and not raise. The digest is what the caller remembers once the drop was taken in.
        is_taken: whether this path with this digest was taken in before (by an earlier run, too).
    """

    def __init__(
        self,
        folder: Path,
        settle_seconds: float,
        done_marker: str,
        clock: Clock,
        on_settled: Callable[[Path, str], None],
        is_taken: Callable[[Path, str], bool],
    ) -> None:
        self._folder = folder
        self._settle_seconds = settle_seconds
        self._done_marker = done_marker
        self._clock = clock
        self._on_settled = on_settled
        self._is_taken = is_taken
        self._tracker = SettleTracker(settle_seconds)
        self._reasons: dict[str, str] = {}
        self._lock = threading.Lock()
        self._changed: set[str] = set()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._observer = Observer()
        self._event_problem = ""
        self._folder_problem = ""

    def start(self) -> None:
        """Begin to watch; drops that are there already are seen, too.

        Raises:
            UnavailableError: the folder is not there and cannot be made.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnavailableError(
                f"the inbox {self._folder} cannot be made ({error.strerror})", "set inbox.path, or make the folder"
            ) from error
        try:
            handler = _Waker(self._note_change)
            self._observer.schedule(handler, str(self._folder), recursive=True, event_filter=_WAKING_EVENTS)
            self._observer.start()
        except OSError as error:
            # Too few inotify watches, usually: slower without them, but nothing is lost.
            self._event_problem = (
                f"no change events ({error.strerror}); the inbox is looked through every {RESCAN_SECONDS} s"
            )
        self._thread.start()

    def stop(self) -> None:
        """End both threads and wait for them."""
        self._stopping.set()
        self._wake.set()
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()
        if self._thread.is_alive():
            self._thread.join()

    def is_alive(self) -> bool:
        """Whether drops are being noticed."""
        return self._thread.is_alive()

    @property
    def problem(self) -> str:
        """What hinders the inbox now, in words; empty when nothing does."""
        return self._folder_problem or self._event_problem

    def pending(self) -> tuple[PendingDrop, ...]:
        """What lies in the inbox and is neither offered nor taken, with the reason, by name."""
        with self._lock:
            return tuple(PendingDrop(name, reason) for name, reason in sorted(self._reasons.items()))

    def offer_again(self, path: Path) -> None:
        """Have a drop settle and be offered anew, because taking it in did not come to its end."""
        with self._lock:
            self._tracker.forget(path.name)
            self._changed.add(path.name)
        self._wake.set()

    def _note_change(self, path: str) -> None:
        relative = os.path.relpath(path, self._folder)
        with self._lock:
            self._changed.add(relative.split(os.sep, 1)[0])
        self._wake.set()

    def _run(self) -> None:
        # Events of a copy come by the thousand; looking at each would cost more than the copy.
        gap_seconds = max(0.02, min(1.0, self._settle_seconds / 5))
        full_scan_at = self._clock.steady_seconds()
        while not self._stopping.wait(gap_seconds):
            now = self._clock.steady_seconds()
            is_full_scan = now >= full_scan_at
            if is_full_scan:
                full_scan_at = now + RESCAN_SECONDS
            self._wake.clear()
            self._look(is_full_scan)
            if self._tracker.has_only_rest():
                self._wake.wait(max(0.0, full_scan_at - self._clock.steady_seconds()))

    def _look(self, is_full_scan: bool) -> None:
        """Look at all drops, or at those that changed or have not settled."""
        with self._lock:
            changed, self._changed = self._changed, set()
        try:
            names = {item.name for item in os.scandir(self._folder)}
        except OSError as error:
            self._folder_problem = f"the inbox {self._folder} cannot be listed ({error.strerror})"
            return
        self._folder_problem = ""
        with self._lock:
            for gone in (self._tracker.names() | self._reasons.keys()) - names:
                self._tracker.forget(gone)
                self._reasons.pop(gone, None)
        for name in sorted(names):
            if is_full_scan or name in changed or not self._tracker.is_at_rest(name):
                self._look_at(name)

    def _look_at(self, name: str) -> None:
        path = self._folder / name
        reason = _reason_to_wait(path)
        if reason:
            with self._lock:
                self._tracker.forget(name)
                self._reasons[name] = reason
            return
        fingerprint = fingerprint_of(path, self._done_marker)
        if fingerprint.files == 0:
            with self._lock:
                self._tracker.forget(name)
                self._reasons[name] = "an empty folder"
            return
        with self._lock:
            has_settled = self._tracker.observe(name, fingerprint, self._clock.steady_seconds())
            if self._tracker.is_at_rest(name):
                self._reasons.pop(name, None)
            else:
                self._reasons[name] = "still changing, or not unchanged for long enough"
        if has_settled and not self._is_taken(path, fingerprint.digest):
            self._on_settled(path, fingerprint.digest)


class _Waker(FileSystemEventHandler):
    def __init__(self, note_change: Callable[[str], None]) -> None:
        self._note_change = note_change

    def on_any_event(self, event: FileSystemEvent) -> None:
        for path in (event.src_path, event.dest_path):
            if path:
                self._note_change(os.fsdecode(path))


def fingerprint_of(path: Path, done_marker: str) -> Fingerprint:
    """The fingerprint of a drop. Links are not followed; what cannot be read counts by its error."""
    lines: list[bytes] = []
    files = 0
    has_marker = False
    root = os.fsencode(path)
    marker = root + b"/" + os.fsencode(done_marker)
    waiting = [root]
    while waiting:
        here = waiting.pop()
        if here == marker:
            has_marker = True
            continue
        relative = here[len(root) :]
        try:
            facts = os.lstat(here)
            if stat.S_ISDIR(facts.st_mode):
                waiting.extend(here + b"/" + name for name in os.listdir(here))
                lines.append(relative + b"\0d")
                continue
        except OSError as error:
            # Counts as something, so that a folder that cannot be read is offered and comes to light.
            files += 1
            lines.append(b"%s\0!%d" % (relative, error.errno or 0))
            continue
        files += 1
        shape = b"\0%d %d %d" % (stat.S_IFMT(facts.st_mode), facts.st_size, facts.st_mtime_ns)
        lines.append(relative + shape)
    # A NUL cannot stand in a name, so no name can pretend to be two lines.
    digest = hashlib.sha256(b"\0\0".join(sorted(lines))).hexdigest()
    return Fingerprint(digest, files, has_marker)


def _reason_to_wait(path: Path) -> str:
    """Why an entry at the top level is not looked into; empty where it is."""
    if path.name.startswith(".") or path.name.endswith(TEMPORARY_SUFFIXES):
        return "a hidden or temporary name; rename it to have it taken in"
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        return f"cannot be described ({error.strerror})"
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        return "a link or special file, which is never followed; put a folder or a file here"
    return ""

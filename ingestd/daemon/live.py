"""Live state of the bays: the last word of each, and everybody who wants to hear the next one."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import structlog

from ingestd.core.baystate import (
    EMPTY,
    UNDER_WAY,
    Bay,
    BayEvent,
    IllegalMoveError,
    Phase,
    Word,
    next_state,
)
from ingestd.core.clock import Clock
from ingestd.core.lifecycle import BayState
from ingestd.core.model import Progress

_BACKLOG = 256
_SAY_EVERY_SECONDS = 0.1
_LOOK_EVERY_SECONDS = 2.0
_BUSY = UNDER_WAY - {Phase.HELD} | {Phase.WAITING}
_WORDS = {
    BayState.READING: Word.READS,
    BayState.COPYING: Word.COPIES,
    BayState.VERIFYING: Word.VERIFIES,
    BayState.DONE: Word.COMPLETED,
    BayState.ATTENTION: Word.HELD,
}
"""What a report of a docking under way means for its volume."""


class News:
    """Tells which words of the bays are worth passing on: each change of state, and progress ten times a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: dict[str, tuple[Progress, float]] = {}

    def is_news(self, progress: Progress) -> bool:
        """Whether to pass this word on; it then counts as said."""
        now = self._clock.steady_seconds()
        last, said_at = self._said.get(progress.bay, (None, 0.0))
        if last is not None and now - said_at < _SAY_EVERY_SECONDS and not is_change(last, progress):
            return False
        self._said[progress.bay] = progress, now
        return True


def is_change(before: Progress, after: Progress) -> bool:
    """Whether a bay shows something else than another number."""
    return (before.state, before.docking_id, before.message, before.may_be_removed, before.is_present) != (
        after.state,
        after.docking_id,
        after.message,
        after.may_be_removed,
        after.is_present,
    )


class LiveState:
    """Safe from many threads. A listener that does not keep up loses the oldest words, never the newest.

    Args:
        bays: names that are shown as free from the start.
        officer_of: who carries a recorder now; null where nobody knows.
        on_change: told of each change of a bay, under a lock and in order; must hand over quickly and not raise.
    """

    def __init__(
        self,
        clock: Clock,
        bays: Iterable[str] = (),
        *,
        officer_of: Callable[[str], str | None] = lambda _: None,
        on_change: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._lock = threading.Lock()
        self._news = News(clock)
        self._clock = clock
        self._officer_of = officer_of
        self._on_change = on_change
        self._states: dict[str, Bay] = {}
        self._shown: dict[str, Progress] = {}
        self._heard_at: dict[str, float] = {}
        self._changed_at: dict[str, float] = {}
        self._listeners: list[queue.Queue[Progress | None]] = []
        self._is_closed = False
        self.show_bays(bays)

    def show_bays(self, bays: Iterable[str]) -> None:
        """These are the bays by configuration: shown also while nothing ever was in them."""
        with self._lock:
            names = set(bays)
            for bay in list(self._shown):
                if bay not in names and not self._states[bay].volumes:
                    del self._shown[bay], self._states[bay]
            for bay in names - self._shown.keys():
                self._states[bay] = EMPTY
                self._shown[bay] = _dressed(Progress(bay=bay, state=BayState.FREE), EMPTY)

    def plugged(self, bay: str, volume: str, usb_path: str = "") -> None:
        """A volume will be taken in. `volume` is its key; `usb_path` groups those of one recorder."""
        self._hear(bay, BayEvent(Word.PLUGGED, volume, usb_path), Progress(bay=bay, state=BayState.READING))

    def refused(self, bay: str, volume: str, message: str, usb_path: str = "", *, is_foreign: bool = False) -> None:
        """A device at a bay is not taken in; `is_foreign`: because it is no store of footage at all."""
        word = Word.FOREIGN if is_foreign else Word.REFUSED
        self._hear(bay, BayEvent(word, volume, usb_path, message))

    def removed(self, bay: str, volume: str) -> None:
        """A volume went away."""
        self._hear(bay, BayEvent(Word.REMOVED, volume))

    def report(self, progress: Progress, volume: str) -> None:
        """The docking of a volume goes on."""
        event = BayEvent(_WORDS[BayState(progress.state)], volume, message=progress.message)
        self._hear(progress.bay, event, progress)

    def ended(self, bay: str, event: BayEvent) -> None:
        """The docking of a volume is over."""
        self._hear(bay, event)

    def bays(self) -> list[Progress]:
        """All bays that are configured or were ever used since the start, by name."""
        with self._lock:
            return [self._shown[bay] for bay in sorted(self._shown)]

    def is_present(self, bay: str) -> bool:
        """Whether something is in the bay."""
        with self._lock:
            return bay in self._states and self._states[bay].is_present

    def say_who_is_silent(self, seconds: float) -> list[str]:
        """Ask for attention for the bays that have copied nothing for so long; which ones these are.

        A worn card or a reader that hangs holds up its own bay alone; a person sees it here. With the next byte the
        bay shows that it goes on.
        """
        now = self._clock.steady_seconds()
        words = (
            f"nothing has moved for {seconds:g} s: the recorder or the station's disk does not answer"
            f" · {seconds:g} 秒无进展，记录仪或磁盘无响应"
        )
        with self._lock:
            silent = [bay for bay, heard_at in self._heard_at.items() if now - heard_at >= seconds]
            stalled = [
                (bay, key)
                for bay in silent
                for key, volume in self._states[bay].volumes.items()
                if volume.phase is Phase.COPYING
            ]
        for bay, key in stalled:
            self._hear(bay, BayEvent(Word.HELD, key, message=words), is_alive=False)
        return [bay for bay, _ in stalled]

    def forget_pulled(self, seconds: float) -> None:
        """Free the bays that have told for so long of a recorder that was pulled too early."""
        now = self._clock.steady_seconds()
        with self._lock:
            told = [bay for bay in self._pulled() if now - self._changed_at[bay] >= seconds]
        for bay in told:
            self._hear(bay, BayEvent(Word.TIMED_OUT))

    def look_again_in(self, pulled_seconds: float) -> float | None:
        """After how many seconds time alone may change what a bay shows; null: not before the next word."""
        now = self._clock.steady_seconds()
        with self._lock:
            if any(progress.state is BayState.COPYING for progress in self._shown.values()):
                return _LOOK_EVERY_SECONDS
            left = [pulled_seconds - (now - self._changed_at[bay]) for bay in self._pulled()]
        return max(min(left), 0.0) if left else None

    def is_busy(self) -> bool:
        """Whether any recorder is being copied; background work waits while it is."""
        with self._lock:
            volumes = [volume for state in self._states.values() for volume in state.volumes.values()]
        return any(volume.phase in _BUSY for volume in volumes)

    @contextmanager
    def listening(self) -> Iterator["queue.Queue[Progress | None]"]:
        """A queue of the words from now on. Null is no word: look whether what is waited for has come."""
        listener: queue.Queue[Progress | None] = queue.Queue(_BACKLOG)
        with self._lock:
            self._listeners.append(listener)
            if self._is_closed:
                listener.put_nowait(None)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.remove(listener)

    def wake(self, listener: "queue.Queue[Progress | None]") -> None:
        """Tell a listener null: it waits no longer for a word."""
        with self._lock:
            _tell(listener, None)

    @property
    def is_closed(self) -> bool:
        """Whether no more words will come."""
        return self._is_closed

    def close(self) -> None:
        """The station ends: everybody who listens is told null."""
        with self._lock:
            self._is_closed = True
            for listener in self._listeners:
                _tell(listener, None)

    def _officer(self, progress: Progress, standing: Progress | None) -> str | None:
        """Looked up once a recorder, not once a block."""
        if progress.recorder is None:
            return None
        is_known = standing is not None and standing.recorder == progress.recorder
        return standing.officer if standing is not None and is_known else self._officer_of(progress.recorder)

    def _pulled(self) -> list[str]:
        """Bays with nothing to show but what was pulled too early."""
        return [bay for bay, state in self._states.items() if state.volumes and not state.is_present]

    def _hear(self, bay: str, event: BayEvent, progress: Progress | None = None, *, is_alive: bool = True) -> None:
        """One word about a bay, with new numbers or those that stand."""
        with self._lock:
            before = self._states.get(bay, EMPTY)
            try:
                after = next_state(before, event)
            except IllegalMoveError as error:
                # A defect of the program; what is shown is wrong at worst, and the copy must not suffer from it.
                structlog.get_logger().error("bay.defect", bay=bay, volume=event.volume, words=str(error))
                return
            if event.volume not in after.volumes and event.volume not in before.volumes and event.volume:
                return
            standing = self._shown.get(bay)
            if event.volume in after.volumes and after.volumes[event.volume].phase is Phase.PULLED:
                # Its numbers stand as they were when it was pulled.
                progress = None
            numbers = progress or standing or Progress(bay=bay, state=BayState.FREE)
            if after.state is BayState.FREE:
                numbers = Progress(bay=bay, state=BayState.FREE)
            shown = _dressed(numbers, after, self._officer(numbers, standing))
            now = self._clock.steady_seconds()
            self._states[bay], self._shown[bay] = after, shown
            if is_alive:
                self._heard_at[bay] = now
            if standing is None or is_change(standing, shown):
                self._changed_at[bay] = now
                self._on_change(shown)
            if self._listeners and self._news.is_news(shown):
                for listener in self._listeners:
                    _tell(listener, shown)


def _dressed(progress: Progress, bay: Bay, officer: str | None = None) -> Progress:
    """The numbers of one volume with what the whole bay says."""
    total, done = progress.bytes_total, progress.bytes_done
    return replace(
        progress,
        state=bay.state,
        message=bay.message,
        percent=100 if bay.state is BayState.DONE else min(100 * done // total, 99) if total else 0,
        officer=officer,
        is_present=bay.is_present,
        may_be_removed=bay.may_be_removed,
        advice=bay.advice,
    )


def _tell(listener: "queue.Queue[Progress | None]", word: Progress | None) -> None:
    if listener.full():
        listener.get_nowait()
    listener.put_nowait(word)

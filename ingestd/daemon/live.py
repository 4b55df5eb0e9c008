"""Live state of the bays: the last word of each, and everybody who wants to hear the next one."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ingestd.core.clock import Clock
from ingestd.core.lifecycle import BayState
from ingestd.core.model import Progress

_BUSY = {BayState.READING, BayState.COPYING, BayState.VERIFYING}
_BACKLOG = 256
_SAY_EVERY_SECONDS = 0.1


class News:
    """Tells which words of the bays are worth passing on: each change of state, and progress ten times a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: dict[str, tuple[Progress, float]] = {}

    def is_news(self, progress: Progress) -> bool:
        """Whether to pass this word on; it then counts as said."""
        now = self._clock.steady_seconds()
        last, said_at = self._said.get(progress.bay, (None, 0.0))
        if last is not None and now - said_at < _SAY_EVERY_SECONDS:
            is_same = (last.state, last.docking_id, last.message) == (
                progress.state,
                progress.docking_id,
                progress.message,
            )
            if is_same:
                return False
        self._said[progress.bay] = progress, now
        return True


class LiveState:
    """Safe from many threads. A listener that does not keep up loses the oldest words, never the newest."""

    def __init__(self, clock: Clock) -> None:
        self._lock = threading.Lock()
        self._news = News(clock)
        self._clock = clock
        self._bays: dict[str, Progress] = {}
        self._heard_at: dict[str, float] = {}
        self._listeners: list[queue.Queue[Progress | None]] = []

    def report(self, progress: Progress) -> None:
        """A bay's new state."""
        with self._lock:
            self._bays[progress.bay] = progress
            self._heard_at[progress.bay] = self._clock.steady_seconds()
            if not self._listeners or not self._news.is_news(progress):
                return
            for listener in self._listeners:
                _tell(listener, progress)

    def wake(self, listener: "queue.Queue[Progress | None]") -> None:
        """Tell a listener null: it waits no longer for a word."""
        with self._lock:
            _tell(listener, None)

    def free(self, bay: str) -> None:
        """The recorder of a bay was pulled."""
        with self._lock:
            standing = self._bays.get(bay)
        if standing is not None:
            self.report(Progress(bay=bay, state=BayState.FREE))

    def bays(self) -> list[Progress]:
        """All bays that were ever used since the start, by name."""
        with self._lock:
            return [self._bays[bay] for bay in sorted(self._bays)]

    def say_who_is_silent(self, seconds: float) -> list[str]:
        """Ask for attention for the bays that have copied nothing for so long; which ones these are.

        A worn card or a reader that hangs holds up its own bay alone; a person sees it here. With the next byte the
        bay shows that it goes on.
        """
        now = self._clock.steady_seconds()
        with self._lock:
            silent = [bay for bay, heard_at in self._heard_at.items() if now - heard_at >= seconds]
            stalled = [self._bays[bay] for bay in silent if self._bays[bay].state is BayState.COPYING]
        words = f"nothing has moved for {seconds:g} s: the recorder or the station's disk does not answer"
        for progress in stalled:
            self.report(replace(progress, state=BayState.ATTENTION, message=words))
        return [progress.bay for progress in stalled]

    def is_busy(self) -> bool:
        """Whether any recorder is being copied; background work waits while it is."""
        return any(progress.state in _BUSY for progress in self.bays())

    @contextmanager
    def listening(self) -> Iterator["queue.Queue[Progress | None]"]:
        """A queue of the words from now on."""
        listener: queue.Queue[Progress | None] = queue.Queue(_BACKLOG)
        with self._lock:
            self._listeners.append(listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.remove(listener)


def _tell(listener: "queue.Queue[Progress | None]", word: Progress | None) -> None:
    if listener.full():
        listener.get_nowait()
    listener.put_nowait(word)

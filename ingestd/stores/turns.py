"""Turns at the vault's medium: how many bays write to it at once, in the order in which they asked."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingestd.core.climb import Climb, Window, after
from ingestd.core.clock import Clock
from ingestd.core.stop import Stop

_WINDOW_SECONDS = 4.0
_SILENT_SECONDS = 10.0
_CHECK_SECONDS = 0.5


class Turns:
    """A turn lasts for one file, so that every bay comes to its turn. Safe from many threads.

    A bay whose recorder has given nothing for a while does not count, because it might hang for minutes.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._condition = threading.Condition()
        self._waiting: deque[object] = deque()
        self._last_moved: dict[object, float] = {}
        self._climb = Climb()
        self._bytes = 0
        self._held_up_seconds = 0.0
        self._most_bays = 0
        self._window_began = clock.steady_seconds()

    @property
    def limit(self) -> int | None:
        """How many bays may write at once at present; null for all."""
        return self._climb.limit

    @contextmanager
    def turn(self, stop: Stop, on_wait: Callable[[], None]) -> Iterator[Callable[[int], None]]:
        """Hold a turn while the block lasts; gives the function that is told of bytes as they are read.

        Args:
            on_wait: told twice a second while the turn does not come.

        Raises:
            StoppedError: while waiting.
        """
        ticket = object()
        self._wait(ticket, stop, on_wait)
        try:
            yield lambda size_bytes: self._moved(ticket, size_bytes)
        finally:
            with self._condition:
                del self._last_moved[ticket]
                self._condition.notify_all()

    def held_up(self, seconds: float) -> None:
        """A bay waited so long for the medium to take what it had read."""
        with self._condition:
            self._held_up_seconds += seconds

    def _wait(self, ticket: object, stop: Stop, on_wait: Callable[[], None]) -> None:
        with self._condition:
            self._waiting.append(ticket)
            try:
                while not (self._waiting[0] is ticket and self._has_room()):
                    on_wait()
                    stop.check()
                    self._condition.wait(_CHECK_SECONDS)
                self._last_moved[ticket] = self._clock.steady_seconds()
                self._most_bays = max(self._most_bays, self._busy())
            finally:
                self._waiting.remove(ticket)
                self._condition.notify_all()

    def _has_room(self) -> bool:
        return self._climb.limit is None or self._busy() < self._climb.limit

    def _busy(self) -> int:
        since = self._clock.steady_seconds() - _SILENT_SECONDS
        return sum(1 for moved in self._last_moved.values() if moved >= since)

    def _moved(self, ticket: object, size_bytes: int) -> None:
        now = self._clock.steady_seconds()
        with self._condition:
            self._last_moved[ticket] = now
            self._bytes += size_bytes
            elapsed = now - self._window_began
            if elapsed < _WINDOW_SECONDS:
                return
            # A window with a pause in it, while no recorder was there, says nothing.
            if self._most_bays and elapsed < 2 * _WINDOW_SECONDS:
                share = self._held_up_seconds / (elapsed * self._most_bays)
                self._climb = after(self._climb, Window(self._most_bays, self._bytes / elapsed, share), now)
                self._condition.notify_all()
            self._begin_window()

    def _begin_window(self) -> None:
        self._window_began = self._clock.steady_seconds()
        self._bytes = 0
        self._held_up_seconds = 0.0
        self._most_bays = self._busy()

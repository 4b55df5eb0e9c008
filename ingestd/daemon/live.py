"""Live state of the bays: the last word of each, and everybody who wants to hear the next one."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ingestd.core.lifecycle import BayState
from ingestd.core.model import Progress

_BUSY = {BayState.READING, BayState.COPYING, BayState.VERIFYING}
_BACKLOG = 256


class LiveState:
    """Safe from many threads. A listener that does not keep up loses the oldest words, never the newest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bays: dict[str, Progress] = {}
        self._listeners: list[queue.Queue[Progress]] = []

    def report(self, progress: Progress) -> None:
        """A bay's new state."""
        with self._lock:
            self._bays[progress.bay] = progress
            for listener in self._listeners:
                if listener.full():
                    listener.get_nowait()
                listener.put_nowait(progress)

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

    def is_busy(self) -> bool:
        """Whether any recorder is being copied; background work waits while it is."""
        return any(progress.state in _BUSY for progress in self.bays())

    @contextmanager
    def listening(self) -> Iterator["queue.Queue[Progress]"]:
        """A queue of the words from now on."""
        listener: queue.Queue[Progress] = queue.Queue(_BACKLOG)
        with self._lock:
            self._listeners.append(listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.remove(listener)

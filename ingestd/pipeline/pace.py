"""How far a docking is: what its bay shows, at which rate, and how long it will take."""

import threading
from collections import deque
from collections.abc import Sequence

from ingestd.core.clock import Clock
from ingestd.core.lifecycle import BayState
from ingestd.core.model import Docking, PlannedFile, Progress
from ingestd.pipeline.parts import Report

_WINDOW_SECONDS = 10.0
_MARK_SECONDS = 0.2


class Pace:
    """Counts of one docking, told to the bay block by block. Used by both threads of a bay."""

    def __init__(self, docking: Docking, planned: Sequence[PlannedFile], clock: Clock, report: Report) -> None:
        self._docking = docking
        self._clock = clock
        self._report = report
        self._lock = threading.RLock()
        self._files_total = len(planned)
        self._bytes_total = sum(one.source.size_bytes for one in planned)
        self._files_done = 0
        self._bytes_done = 0
        self._file: str | None = None
        self._marks: deque[tuple[float, int]] = deque([(clock.steady_seconds(), 0)])

    @property
    def bytes_done(self) -> int:
        """Bytes had of the recorder so far."""
        return self._bytes_done

    def begin(self, name: str) -> None:
        """The file in hand."""
        self._file = name

    def file_done(self) -> None:
        """The file in hand is through."""
        with self._lock:
            self._files_done = min(self._files_done + 1, self._files_total)

    def back_to(self, size_bytes: int) -> None:
        """A file is read anew: its bytes count once."""
        with self._lock:
            self._bytes_done = size_bytes

    def advance(self, size_bytes: int) -> None:
        """More bytes were had."""
        with self._lock:
            self._bytes_done += size_bytes
            self.show(BayState.COPYING)

    def proved(self, _: int) -> None:
        """Bytes were read back; when all were had, this is what the bay waits for."""
        if self._bytes_done >= self._bytes_total:
            self.show(BayState.VERIFYING)

    def show(self, state: BayState, message: str = "") -> None:
        """Tell the bay's live state now."""
        with self._lock:
            rate = self._rate(self._clock.steady_seconds())
            left = self._bytes_total - self._bytes_done
            self._report(
                Progress(
                    bay=self._docking.bay,
                    state=state,
                    recorder=self._docking.recorder.recorder_id,
                    docking_id=self._docking.docking_id,
                    file=self._file,
                    files_done=self._files_done,
                    files_total=self._files_total,
                    bytes_done=self._bytes_done,
                    bytes_total=self._bytes_total,
                    bytes_per_second=rate,
                    seconds_left=left / rate if rate > 0 else None,
                    message=message,
                )
            )

    def _rate(self, now: float) -> float:
        """Over the last seconds, so that it follows a card that slows down."""
        if now - self._marks[-1][0] >= _MARK_SECONDS:
            self._marks.append((now, self._bytes_done))
        while len(self._marks) > 2 and now - self._marks[1][0] > _WINDOW_SECONDS:
            self._marks.popleft()
        since, before = self._marks[0]
        return max(self._bytes_done - before, 0) / max(now - since, 1e-6)

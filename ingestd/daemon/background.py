"""Background work: describing what was sealed, and proxies when no recorder is being copied."""

import threading
from collections.abc import Callable

import structlog

from ingestd.core.errors import IngestdError, StoppedError
from ingestd.core.stop import Stop

IDLE_SECONDS = 30.0
RETRY_SECONDS = 5.0


class Worker:
    """A thread that does steps of work until it is told to stop.

    Args:
        step: does one piece and says whether there may be more.
        on_error: told of a fault; the step is tried again after a while.
        idle_seconds: looks by itself this often when there is nothing more; null: only when it is woken.
        retry_seconds: waited behind a fault, twice as long behind each further one …
        longest_retry_seconds: … up to this.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], bool],
        stop: Stop,
        on_error: Callable[[str, str], None],
        *,
        idle_seconds: float | None = IDLE_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        longest_retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._name = name
        self._step = step
        self._stop = stop
        self._on_error = on_error
        self._idle_seconds = idle_seconds
        self._retry_seconds = retry_seconds
        self._longest_retry_seconds = longest_retry_seconds
        self._faults_in_a_row = 0
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def join(self, seconds: float) -> bool:
        """Wait for the end after the stop; true when it came in time."""
        self._wake.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while not self._stop.is_requested():
            self._wake.clear()
            # The one boundary of this thread: a fault in one piece must not end the work on the others.
            try:
                has_more = self._step()
            except StoppedError:
                return
            except IngestdError as error:
                self._failed(error.code, error.message)
                continue
            except Exception as error:
                structlog.get_logger().exception("worker.failed", worker=self._name)
                self._failed("unexpected", f"{type(error).__name__}: {error}")
                continue
            self._faults_in_a_row = 0
            if not has_more:
                self._wake.wait(self._idle_seconds)

    def _failed(self, code: str, words: str) -> None:
        structlog.get_logger().error("worker.failed", worker=self._name, code=code, words=words)
        self._on_error(code, words)
        # No power beyond what any wait reaches: an outage of weeks must not end in an overflow.
        doubled = self._retry_seconds * 2.0 ** min(self._faults_in_a_row, 30)
        self._faults_in_a_row += 1
        self._stop.wait(min(doubled, self._longest_retry_seconds))

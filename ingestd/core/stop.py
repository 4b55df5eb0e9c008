"""The only sleeper: waiting is always waiting for the word to stop."""

import threading

from ingestd.core.errors import StoppedError


class Stop:
    """A word that is given once and heard by every thread that was handed it."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def request(self) -> None:
        """Ask everybody who holds this to end soon; may be called from a signal handler."""
        self._event.set()

    def is_requested(self) -> bool:
        """Whether somebody asked."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep at most so long; true as soon as the word was given."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Raise `StoppedError` once the word was given; called between steps of long work."""
        if self._event.is_set():
            raise StoppedError("the work was asked to stop")

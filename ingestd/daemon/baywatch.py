"""What time alone changes at a bay: one that copies falls silent, one that tells of a pulled recorder becomes free."""

import threading

import structlog

from ingestd.core.settings import Settings
from ingestd.core.stop import Stop
from ingestd.daemon.live import LiveState


class BayWatch:
    """A thread that looks at the bays while there is a reason to, and sleeps for good while there is none."""

    def __init__(self, live: LiveState, settings: Settings, stop: Stop) -> None:
        self._live = live
        self._settings = settings
        self._stop = stop
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._work, name="baywatch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def use(self, settings: Settings) -> None:
        """Take other limits over."""
        self._settings = settings
        self._wake.set()

    def wake(self) -> None:
        """A bay changed. Returns at once."""
        self._wake.set()

    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def join(self, seconds: float) -> None:
        """Wait for the end after the stop."""
        self._wake.set()
        self._thread.join(seconds)

    def _work(self) -> None:
        while not self._stop.is_requested():
            settings = self._settings
            self._wake.clear()
            for bay in self._live.say_who_is_silent(settings.copying.silent_seconds):
                structlog.get_logger().warning("bay.silent", bay=bay)
            self._live.forget_pulled(settings.bays.pulled_seconds)
            self._wake.wait(self._live.look_again_in(settings.bays.pulled_seconds))

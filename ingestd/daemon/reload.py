"""SIGHUP: the configuration is read again, and what can change beside running copies is taken over."""

import queue
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from ingestd.config.load import Configuration, load_all
from ingestd.core.clock import Clock
from ingestd.core.errors import ConfigError
from ingestd.daemon.host import notify


class Reloader:
    """Reads the configuration anew each time it is asked to, in a thread of its own that sleeps in between.

    Args:
        file: the settings file that the station was started with.
        take_over: has the station go on with a configuration; gives the keys that wait for the next start.
        on_done: told whether a configuration could be used, and in words why not.
        clock: its steady time is told to systemd.
    """

    def __init__(
        self,
        file: Path,
        take_over: Callable[[Configuration], tuple[str, ...]],
        on_done: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._file = file
        self._take_over = take_over
        self._on_done = on_done
        self._clock = clock
        self._asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="reload", daemon=True)

    def start(self) -> None:
        """Begin to listen; what was asked before is done now."""
        self._thread.start()

    def ask(self) -> None:
        """Read the configuration soon; may be called from a signal handler."""
        self._asked.put(True)

    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def close(self, seconds: float) -> None:
        """Listen no more."""
        self._asked.put(False)
        self._thread.join(seconds)

    def _work(self) -> None:
        while self._asked.get():
            # See sd_notify(3): systemd compares this moment with the one at which it sent the signal.
            notify(f"RELOADING=1\nMONOTONIC_USEC={int(self._clock.steady_seconds() * 1_000_000)}")
            self._reload()
            notify("READY=1")

    def _reload(self) -> None:
        log = structlog.get_logger()
        try:
            waiting = self._take_over(load_all(self._file))
        except ConfigError as error:
            log.error("config.refused", words=error.message, advice=error.advice)
            self._on_done(f"the configuration was changed and cannot be used, the old one holds: {error.message}")
            return
        if waiting:
            log.warning("config.needs_restart", keys=list(waiting))
        log.info("config.reloaded", file=str(self._file))
        self._on_done("")

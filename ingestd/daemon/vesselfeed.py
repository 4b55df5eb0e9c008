"""The thread that listens to AIS: what it hears goes into the rolling store, a little at a time.

It sleeps while nothing comes, takes at most so many lines a second, and holds at most one batch. What it cannot read or
store is counted and never stops the station.
"""

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from ingestd.core.ais import Told
from ingestd.core.clock import Clock
from ingestd.core.errors import IngestdError
from ingestd.core.settings import Address, AisSettings
from ingestd.core.stop import Stop
from ingestd.daemon.background import Worker
from ingestd.devices.ais import Capture, LineSplitter
from ingestd.devices.aisfeed import Feed, feed_of
from ingestd.stores.heard import HeardVessels

BATCH_REPORTS = 500
BATCH_SECONDS = 2.0
LIVE_SECONDS = 900.0
"""What a feed tells of longer ago is no feed of now: a capture played again."""

_RETRY_SECONDS = (1.0, 5.0, 15.0, 60.0)


class VesselFeed:
    """Listens until the stop.

    Args:
        address: what `settings.feed` says (`core.settings.parsed_feed`).
        heard: the store, opened when it is first needed.
        on_error: told of a fault of the station's own (code, words); a line that breaks is one.
    """

    def __init__(
        self,
        settings: AisSettings,
        address: Address,
        heard: Callable[[], HeardVessels],
        clock: Clock,
        stop: Stop,
        on_error: Callable[[str, str], None],
    ) -> None:
        self._settings = settings
        self._address = address
        self._heard = heard
        self._clock = clock
        self._stop = stop
        self._on_error = on_error
        self._counts: Counter[str] = Counter()
        self._problem = ""
        self._feed: Feed | None = None
        self._lock = threading.Lock()
        self._worker = Worker("ais", self._step, stop, on_error, idle_seconds=None)
        self._tries = 0
        self._capture: Capture | None = None
        self._number: int | None = None
        self._day: dt.date | None = None
        self._batch: list[Told] = []
        self._batch_since = 0.0
        self._second, self._lines = 0.0, 0

    @property
    def problem(self) -> str:
        """Why nothing is heard now; empty while the line stands."""
        return self._problem

    def counts(self) -> Mapping[str, int]:
        """Of the process: `received` and `refused` lines and messages, `stored` and `repeated` reports."""
        now = self._capture.counts if self._capture is not None else None
        counts = Counter(self._counts)
        if now is not None:
            counts.update({"received": now.lines, "refused": now.refused})
        return {name: counts[name] for name in ("received", "refused", "stored", "repeated")}

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._worker.is_alive()

    def join(self, seconds: float) -> bool:
        """Wait for the end after the stop; true when it came in time."""
        with self._lock:
            if self._feed is not None:
                self._feed.ring()
        return self._worker.join(seconds)

    def _step(self) -> bool:
        """One line of the network, as long as it stands. That it breaks is ordinary, and told once."""
        try:
            self._listen()
        except IngestdError as error:
            self._tries = 0 if self._problem == "" else self._tries + 1
            self._failed(error)
            self._stop.wait(_RETRY_SECONDS[min(self._tries, len(_RETRY_SECONDS) - 1)])
        return True

    def _failed(self, error: IngestdError) -> None:
        if error.message != self._problem:
            structlog.get_logger().warning("ais.failed", code=error.code, words=error.message, advice=error.advice)
            self._on_error(error.code, error.message)
        self._problem = error.message

    def _listen(self) -> None:
        """Listen while the line stands.

        Raises:
            IngestdError: it broke, or the store refused.
        """
        feed = feed_of(*self._address, self._settings.senders)
        with self._lock:
            self._feed = feed
        splitter = LineSplitter()
        try:
            if self._stop.is_requested() or not feed.open():
                return
            self._problem = ""
            while not self._stop.is_requested():
                waited = self._clock.steady_seconds() - self._batch_since
                data = feed.receive(BATCH_SECONDS - waited if self._batch else None)
                for line in splitter.lines(data) if data is not None else ():
                    self._take(line)
                    if self._stop.is_requested():
                        break
                if self._is_batch_due():
                    self._store()
        finally:
            with self._lock:
                self._feed = None
            feed.close()
            self._count_capture()
        if self._batch:
            self._store()

    def _take(self, line: bytes) -> None:
        """One line. A flood is held up here: only the agreed number of lines a second costs anything."""
        now = self._clock.steady_seconds()
        if now - self._second >= 1.0:
            self._second, self._lines = now, 0
        self._lines += 1
        if self._lines > self._settings.max_lines_per_second:
            self._stop.wait(1.0 - (now - self._second))
            self._second, self._lines = self._clock.steady_seconds(), 1
        if self._capture is None:
            self._capture = Capture(
                self._clock.now, tolerance_seconds=self._settings.tolerance_seconds, live_seconds=LIVE_SECONDS
            )
        told = self._capture.take(line)
        if told is None:
            return
        if not self._batch:
            self._batch_since = self._clock.steady_seconds()
        self._batch.append(told)
        if len(self._batch) >= BATCH_REPORTS:
            self._store()

    def _is_batch_due(self) -> bool:
        return bool(self._batch) and self._clock.steady_seconds() - self._batch_since >= BATCH_SECONDS

    def _store(self) -> None:
        """Enter what is in hand. It is let go of first: a store that refuses must not fill the memory."""
        batch, self._batch = self._batch, []
        now = self._clock.now()
        heard = self._heard()
        if self._number is None or self._day != now.date():
            # One capture a day, so that pruning by age has days to prune.
            self._number, self._day = heard.begin(self._settings.feed, None, "station", now), now.date()
        repeated = heard.add(self._number, batch, now)
        self._counts["repeated"] += repeated
        self._counts["stored"] += sum(one.report is not None for one in batch) - repeated
        heard.finish(self._number, self.counts(), now)

    def _count_capture(self) -> None:
        """A line that broke begins a new capture: parts of messages do not go on over the break."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.close()
            self._counts["received"] += capture.counts.lines
            self._counts["refused"] += capture.counts.refused

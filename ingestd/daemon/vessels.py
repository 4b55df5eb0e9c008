"""What a running station does about vessels: the feed, matching of new recordings, pruning, and metrics of it."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingestd.core.settings import parsed_feed
from ingestd.daemon.background import Worker
from ingestd.daemon.vessel_operations import vessel_operations
from ingestd.daemon.vesselfeed import VesselFeed
from ingestd.pipeline.parts import Parts
from ingestd.stores.heardfile import HeardFile
from ingestd.wiring import vessel_desks

_PRUNE_SECONDS = 3600.0


class VesselWork:
    """The feed where one is set, and the worker that holds new recordings against what was heard."""

    def __init__(self, parts: Callable[[], Parts], on_error: Callable[[str, str], None]) -> None:
        standing = parts()
        self._parts = parts
        self._heard = HeardFile(standing.settings.ais_file)
        self._desk, logs = vessel_desks(parts, self._heard)
        self.operations = vessel_operations(self._desk, logs)
        self.worker = Worker("vessels", self._step, standing.stop, on_error, idle_seconds=None)
        settings = standing.settings.ais
        address = parsed_feed(settings.feed) if settings.feed else None
        self.feed = (
            VesselFeed(settings, address, self._heard.opened, standing.clock, standing.stop, on_error)
            if address is not None
            else None
        )
        self._pruned_at: float | None = None

    def start(self, stack: ExitStack, end: Callable[[Callable[[float], object]], None]) -> None:
        """Start; `stack` ends it, with the time that `end` gives."""
        stack.callback(self._heard.close)
        for one in (self.worker, self.feed):
            if one is not None:
                one.start()
                stack.callback(end, one.join)

    def threads(self) -> dict[str, bool]:
        """Which threads live."""
        feed = {"ais": self.feed.is_alive()} if self.feed is not None else {}
        return {"vessels": self.worker.is_alive()} | feed

    def problems(self) -> dict[str, str]:
        """Why no ships are heard."""
        return {"ais": self.feed.problem} if self.feed is not None and self.feed.problem else {}

    def _step(self) -> bool:
        heard = self._heard.existing()
        if heard is None:
            return False
        parts = self._parts()
        now = parts.clock.steady_seconds()
        if self._pruned_at is None or now - self._pruned_at >= _PRUNE_SECONDS:
            self._pruned_at = now
            heard.prune(parts.clock.now(), parts.settings.ais.keep_days, parts.settings.ais.max_bytes)
        return self._desk.match_next()


class VesselCollector(Collector):
    """What the feed of AIS did since the start; zeros where there is none."""

    def __init__(self, feed: VesselFeed | None) -> None:
        self._feed = feed

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Reports by what became of them, and whether the line stands."""
        counts = self._feed.counts() if self._feed is not None else {}
        words = "What the feed of AIS brought: reports stored, reports that were known, lines and messages refused."
        family = CounterMetricFamily("ingestd_ais_reports", words, labels=["outcome"])
        for outcome in ("stored", "repeated", "refused"):
            family.add_metric([outcome], float(counts.get(outcome, 0)))
        yield family
        is_up = self._feed is not None and not self._feed.problem
        yield GaugeMetricFamily("ingestd_ais_feed_up", "1 when a feed of AIS is set and its line stands.", float(is_up))

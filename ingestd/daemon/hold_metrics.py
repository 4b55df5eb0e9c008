"""What is asked of holds and carriers at each scrape."""

import threading
from collections.abc import Callable, Iterable
from zoneinfo import ZoneInfo

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from ingestd.core.clock import Clock
from ingestd.core.hold_rules import HoldReason
from ingestd.core.regime import Regime
from ingestd.stores.carriers import NO_STORES, CarrierBook, Stores
from ingestd.stores.holds import HoldBook

_DUE_SECONDS = 300.0
"""Every held recording and all evidence is looked at for the duty of carriers: not for each of many scrapers."""


class HoldCollector(Collector):
    """Standing holds, reviews that are overdue, and copies that a carrier lacks.

    Args:
        rules: the regime and the bureau's zone that are in force; they may change while the station runs.
        stores: those of copies with the duties that their copies fulfil.
    """

    def __init__(
        self,
        engine: Engine,
        rules: Callable[[], tuple[Regime, ZoneInfo]],
        clock: Clock,
        stores: Callable[[], Stores] = lambda: NO_STORES,
    ) -> None:
        self._holds = HoldBook(engine)
        self._carriers = CarrierBook(engine)
        self._rules = rules
        self._clock = clock
        self._stores = stores
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._due: dict[str, int] = {}

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Each reason and each rule of the regime is there, with 0 where nothing is."""
        regime, zone = self._rules()
        counts, overdue = self._holds.counts(self._clock.now().astimezone(zone).date())
        standing = GaugeMetricFamily("ingestd_holds_standing", "Holds that stand.", labels=["reason"])
        for reason in HoldReason:
            standing.add_metric([reason.value], float(counts.get(reason.value, 0)))
        yield standing
        words = "Standing holds whose day of review has come; none ends by itself."
        yield GaugeMetricFamily("ingestd_holds_review_overdue", words, value=float(overdue))
        words = "Recordings that a rule of the regime wants on a carrier and that stand on none that counts."
        due = GaugeMetricFamily("ingestd_recordings_without_carrier", words, labels=["rule"])
        for rule, number in self._due_by_rule(regime).items():
            due.add_metric([rule], float(number))
        yield due

    def _due_by_rule(self, regime: Regime) -> dict[str, int]:
        with self._lock:
            now = self._clock.steady_seconds()
            if self._asked_at is None or now - self._asked_at >= _DUE_SECONDS:
                stores = self._stores()
                found = {(one.rule_id, one.recording_id) for one in self._carriers.due(regime.carriers, stores)}
                self._due = {rule.id: sum(one == rule.id for one, _ in found) for rule in regime.carriers}
                self._asked_at = now
            return dict(self._due)

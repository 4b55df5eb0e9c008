"""What is asked of terms at each scrape."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from ingestd.stores.terms import TermBook


class TermCollector(Collector):
    """What waits for a person: what was born expired, and changes of regime that nobody approved yet."""

    def __init__(self, engine: Engine) -> None:
        self._book = TermBook(engine)

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Two numbers."""
        aged, changes = self._book.waiting()
        words = "Recordings that were older than their term when they came in and wait for a person."
        yield GaugeMetricFamily("ingestd_born_expired_waiting", words, value=float(aged))
        words = "Changes of regime that are planned and not approved."
        yield GaugeMetricFamily("ingestd_regime_changes_waiting", words, value=float(changes))

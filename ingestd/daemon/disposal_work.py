"""Disposal at a running station: what was approved is carried out in the bureau's hours, and what is due is counted."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingestd.core.clock import Clock, to_text
from ingestd.core.disposal import PlanState
from ingestd.core.errors import RefusedError
from ingestd.core.replicas import ReplicaStore
from ingestd.daemon.disposal_operations import disposal_operations
from ingestd.daemon.host import is_clock_synchronised
from ingestd.ipc import Operation
from ingestd.pipeline.parts import Parts
from ingestd.retention.disposals import DisposalDesk
from ingestd.stores.disposal import DisposalBook
from ingestd.wiring import disposal_desk

EVERY_SECONDS: Final = 3600.0
"""How often the station looks whether a grace period is over, or a lock in another store."""
_COUNTED_SECONDS: Final = 300.0


class DisposalWork:
    """The desk, the job that follows its plans, and what it could not do.

    Args:
        parts: the station's parts as they stand; a reload replaces them.
        stores: of copies, by name.
    """

    def __init__(self, parts: Callable[[], Parts], stores: Mapping[str, ReplicaStore]) -> None:
        self.desk: DisposalDesk = disposal_desk(parts, is_clock_synchronised, stores)
        self.book = DisposalBook(parts().chronicle.engine)
        self._problem = ""

    def operations(self) -> Mapping[str, Operation]:
        """What the socket serves of it."""
        return disposal_operations(self.desk)

    def problems(self) -> dict[str, str]:
        """What a person should mend, in words."""
        return {"disposal": self._problem} if self._problem else {}

    def tick(self) -> None:
        """Go on with what is approved. A clock that cannot be trusted is said, and asked again next time."""
        log = structlog.get_logger()
        try:
            waiting = self.desk.tick()
        except RefusedError as error:
            if error.message != self._problem:
                log.warning("disposal.refused", words=error.message, advice=error.advice)
            self._problem = error.message
            return
        for one in waiting:
            log.info("disposal.waits", number=one.number, recording_id=one.recording_id, words=one.words)
        self._problem = ""


class DisposalCollector(Collector):
    """What is due, what is planned, and what is condemned and waits for another store."""

    def __init__(self, book: DisposalBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._due = (0, 0)

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Each state of a plan is there, with 0 where none is."""
        recordings, size_bytes = self._counted()
        words = "Recordings whose term is over. They are kept all the same until people decide."
        yield GaugeMetricFamily("ingestd_disposal_due_recordings", words, value=float(recordings))
        words = "Their bytes; contents that several recordings share are counted with each."
        yield GaugeMetricFamily("ingestd_disposal_due_bytes", words, value=float(size_bytes))
        plans = GaugeMetricFamily("ingestd_disposal_plans", "Plans of disposal.", labels=["state"])
        found = [plan.state for plan in self._book.plans()]
        for state in PlanState:
            plans.add_metric([state.value], float(found.count(state)))
        yield plans
        words = "Recordings that are condemned and not gone yet."
        condemned = self._book.count_condemned()
        yield GaugeMetricFamily("ingestd_disposal_condemned", words, value=float(condemned))

    def _counted(self) -> tuple[int, int]:
        with self._lock:
            now = self._clock.steady_seconds()
            if self._asked_at is None or now - self._asked_at >= _COUNTED_SECONDS:
                self._due, self._asked_at = self._book.count_due(to_text(self._clock.now())), now
            return self._due

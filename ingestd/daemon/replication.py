"""Copies in other stores beside a running station: one worker a store, what it answers, and its metrics."""

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingestd.core.clock import from_text, to_text
from ingestd.core.custody import Entry
from ingestd.core.replicas import FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS, StoreCheck
from ingestd.daemon.background import Worker
from ingestd.ipc import Document, Operation
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.replicate import Replicator, Standing, chosen
from ingestd.wiring import replica_stores, replicators

_LOOKS_SECONDS = 1800.0
_NEWS = ("recording.sealed", "catalogue.rebuilt")
_OF_HOLDS = "hold."
_LOST = ("replica.faulty", "fixity.failed", "disposal.spared")


class Replication:
    """A thread for each store: one that is away, or slow, holds up neither the docks nor the other stores.

    Args:
        is_busy: whether a recorder is being copied.
    """

    def __init__(
        self, parts: Callable[[], Parts], on_error: Callable[[str, str], None], is_busy: Callable[[], bool]
    ) -> None:
        standing = parts()
        self._parts = parts
        self.stores = replica_stores(standing.settings, standing.stop)
        self._problems: dict[str, str] = {}
        self._counted: dict[str, tuple[float, Mapping[str, Any]]] = {}
        """By store until when the counts hold, in steady seconds, and the counts."""
        self._on_error = on_error
        self.replicators = replicators(parts, self.stores, lambda: not is_busy())
        self._workers = {one.store.name: self._worker(one) for one in self.replicators}

    def _worker(self, one: Replicator) -> Worker:
        def failed(code: str, words: str) -> None:
            self._problems[one.store.name] = words
            self._on_error(code, words)

        def step() -> bool:
            has_more = one.step()
            self._problems.pop(one.store.name, None)
            return has_more

        return Worker(
            f"replica {one.store.name}",
            step,
            self._parts().stop,
            failed,
            idle_seconds=_LOOKS_SECONDS,
            retry_seconds=FIRST_BACKOFF_SECONDS,
            longest_retry_seconds=LONGEST_BACKOFF_SECONDS,
        )

    def start(self, stack: ExitStack, end: Callable[[Callable[[float], object]], None]) -> None:
        """Start the workers; `stack` has `end` wait for each."""
        for worker in self._workers.values():
            worker.start()
            stack.callback(end, worker.join)

    def threads(self) -> dict[str, bool]:
        """Whether each thread runs, by name."""
        return {f"replica-{name}": worker.is_alive() for name, worker in self._workers.items()}

    def problems(self) -> dict[str, str]:
        """Why stores are behind, in words. A store that is away does not make the station unready."""
        return {f"replica-{name}": words for name, words in self._problems.items()}

    def values(self) -> dict[str, dict[str, float]]:
        """The metrics of each store by its name."""
        clock = self._parts().clock
        now, found = clock.now(), {}
        for one in self.replicators:
            name, began = one.store.name, clock.steady_seconds()
            counted = self._counted.get(name)
            if counted is None or began >= counted[0]:
                counts = one.book.counts(name, to_text(now))
                ended = clock.steady_seconds()
                # What counting costs grows with what is held: it takes a fiftieth of the time at most.
                counted = self._counted[name] = ended + max(1.0, 50 * (ended - began)), counts
            found[name] = replica_values(counted[1], one.book.check_of(name), one.standing, now)
        return found

    def heard(self, entries: Sequence[Entry]) -> None:
        """Acts were entered; those that make work wake the workers."""
        acts = {entry.act for entry in entries}
        has_holds = any(act.startswith(_OF_HOLDS) for act in acts)
        has_lost = not acts.isdisjoint(_LOST)
        if not (has_holds or has_lost or not acts.isdisjoint(_NEWS)):
            return
        for one in self.replicators:
            if has_holds:
                one.hear_of_holds()
            if has_lost:
                one.look_anew()
        for worker in self._workers.values():
            worker.wake()

    def operations(self) -> Mapping[str, Operation]:
        """`{"op": "replica_check", "store": NAME or null}` and `{"op": "replica_run"}`."""

        def check(document: Document) -> Iterator[Document]:
            yield {"result": [asdict(one.check()) for one in chosen(self.replicators, document.get("store"))]}

        def run(document: Document) -> Iterator[Document]:
            found = chosen(self.replicators, document.get("store"))
            for one in found:
                one.look_anew()
                self._workers[one.store.name].wake()
            yield {"result": [one.store.name for one in found]}

        return {"replica_check": check, "replica_run": run}


class ReplicaCollector(Collector):
    """Each store of the settings at each scrape; no sample where there are none.

    Args:
        values: of each store by name; see `replica_values`.
    """

    def __init__(self, values: Callable[[], Mapping[str, Mapping[str, float]]]) -> None:
        self._values = values
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return []

    def collect(self) -> Iterable[Metric]:
        """One scrape at a time."""
        with self._lock:
            rows = self._values()
        for name, words in _WORDS.items():
            family = GaugeMetricFamily(name, words, labels=["store"])
            for store, values in rows.items():
                family.add_metric([store], values[name])
            yield family


def replica_values(
    counts: Mapping[str, Any], check: tuple[str, StoreCheck] | None, standing: Standing, now: dt.datetime
) -> dict[str, float]:
    """The metrics of one store by name; `counts` and `check` as `ReplicaBook` gives them."""
    oldest, end = standing.oldest_sealed_at, counts["locked_until_min"]
    return {
        "ingestd_replica_reachable": float(standing.is_reachable),
        "ingestd_replica_lock_honoured": float(check is not None and check[1].is_lock_honoured),
        "ingestd_replica_pending_objects": float(standing.pending_objects),
        "ingestd_replica_pending_bytes": float(standing.pending_bytes),
        "ingestd_replica_oldest_pending_seconds": max(0.0, (now - oldest).total_seconds()) if oldest else 0.0,
        "ingestd_replica_parked_objects": float(len(standing.parked)),
        "ingestd_replica_copies": float(counts["objects"] - counts["faulty"]),
        "ingestd_replica_copy_bytes": float(counts["bytes"]),
        "ingestd_replica_faulty_copies": float(counts["faulty"]),
        "ingestd_replica_locked_copies": float(counts["locked"]),
        "ingestd_replica_held_copies": float(counts["held"]),
        "ingestd_replica_locked_until_min_timestamp_seconds": from_text(end).timestamp() if end else 0.0,
    }


_WORDS: dict[str, str] = {
    "ingestd_replica_reachable": "1 when the store answered at the last try.",
    "ingestd_replica_lock_honoured": "1 when the store was seen to refuse an early delete and a shorter lock.",
    "ingestd_replica_pending_objects": "Objects known to wait for this store.",
    "ingestd_replica_pending_bytes": "Bytes of originals known to wait for this store.",
    "ingestd_replica_oldest_pending_seconds": "How long the oldest of them waits since it was sealed; 0 for none.",
    "ingestd_replica_parked_objects": "Objects that could not be copied for a reason of their own; tried again hourly.",
    "ingestd_replica_copies": "Copies that count.",
    "ingestd_replica_copy_bytes": "Bytes of all copies.",
    "ingestd_replica_faulty_copies": "Copies found missing or damaged and not stored again yet.",
    "ingestd_replica_locked_copies": "Copies that nobody can delete now, as far as the store keeps its word.",
    "ingestd_replica_held_copies": "Copies under a legal hold.",
    "ingestd_replica_locked_until_min_timestamp_seconds": "When the first of the locks in force ends; 0 for none.",
}

"""The scrub at a running station: its thread, what it answers, and its metrics."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingestd.core.clock import Clock, from_text
from ingestd.core.errors import UnavailableError
from ingestd.core.replicas import ReplicaStore
from ingestd.core.scrubbing import Pass
from ingestd.daemon.background import Worker
from ingestd.ipc import Document, Operation
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.rolling import seconds_since
from ingestd.stores.fixity import FixityBook
from ingestd.stores.lowpriority import step_back
from ingestd.wiring import rolling

_LOOK_SECONDS: Final = 2.0


class ScrubWork:
    """A thread of the lowest priority that reads everything again.

    Args:
        parts: the station's parts as they stand; a reload replaces them.
        stores: of copies.
        is_busy: whether a recorder is being copied.
    """

    def __init__(
        self,
        parts: Callable[[], Parts],
        stores: Mapping[str, ReplicaStore],
        is_busy: Callable[[], bool],
        on_error: Callable[[str, str], None],
    ) -> None:
        self._parts = parts
        self.scrub = rolling(parts, stores, is_busy)
        self._has_stepped_back = False
        self.worker = Worker("scrub", self._step, parts().stop, on_error)

    def problems(self) -> dict[str, str]:
        """What a person should mend, in words."""
        count = len(self.scrub.book.faults())
        words = f"{count} of what is held stands damaged: ingestd scrub status"
        return {"scrub": words} if count else {}

    def operations(self) -> Mapping[str, Operation]:
        """`{"op": "scrub"}` how it stands; with `"run": true` a whole pass without a rest first."""

        def scrub(document: Document) -> Iterator[Document]:
            if document.get("run") is True:
                yield from self._until_whole_pass()
            yield {"result": self.scrub.status()}

        return {"scrub": scrub}

    def _until_whole_pass(self) -> Iterator[Document]:
        stop, before = self._parts().stop, self._last_pass()
        self.scrub.ask()
        self.worker.wake()
        while self._last_pass() == before:
            if stop.wait(_LOOK_SECONDS):
                raise UnavailableError("the station ends before the pass does", "it goes on at the next start")
            now = self.scrub.under_way
            yield {"progress": now.counts() if now is not None else {}}

    def _last_pass(self) -> Any:
        last = self.scrub.book.last_pass()
        return last["seq"] if last is not None else None

    def _step(self) -> bool:
        if not self._has_stepped_back:
            step_back()
            self._has_stepped_back = True
        return self.scrub.step()


class ScrubCollector(Collector):
    """How long ago everything was read, at each scrape."""

    def __init__(self, book: FixityBook, under_way: Callable[[], Pass | None], clock: Clock) -> None:
        self._book = book
        self._under_way = under_way
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return []

    def collect(self) -> Iterable[Metric]:
        """All of them, with 0 where nothing was read yet."""
        now, last, oldest_at = self._under_way(), self._book.last_pass(), self._book.oldest()
        read_bytes = now.read_bytes if now is not None else last["document"]["read_bytes"] if last is not None else 0
        finished = from_text(last["finished_at"]).timestamp() if last is not None else 0.0
        oldest, faults = seconds_since(oldest_at, self._clock.now()), len(self._book.faults())
        for name, words, value in (
            ("oldest_unverified_seconds", "How long ago the content was read that was read longest ago.", oldest),
            ("pass_read_bytes", "Bytes of originals read by the pass under way, else by the last.", read_bytes),
            ("standing_faults", "Files and copies that were found damaged or missing and are not mended.", faults),
            ("last_pass_timestamp_seconds", "When the last whole pass ended; 0 for none.", finished),
        ):
            yield GaugeMetricFamily(f"ingestd_scrub_{name}", words, value=float(value))

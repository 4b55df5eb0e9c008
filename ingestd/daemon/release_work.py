"""Release of recorders at a running station: requests, receipts, and by itself where the settings say so."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingestd.core.erase_acts import Outcome
from ingestd.core.errors import RefusedError, UnavailableError
from ingestd.daemon.background import Worker
from ingestd.daemon.host import is_clock_synchronised
from ingestd.ipc import Document, Operation
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.release import is_in_place
from ingestd.pipeline.run import DockingResult
from ingestd.stores.releases import ReleaseBook
from ingestd.wiring import release_desk

_LOOK_SECONDS: Final = 0.5


class ReleaseWork:
    """A thread that takes receipts over while any release is open, and asks by itself where it may.

    Args:
        parts: the station's parts as they stand; a reload replaces them.
    """

    def __init__(self, parts: Callable[[], Parts], on_error: Callable[[str, str], None]) -> None:
        self._parts = parts
        self.desk = release_desk(parts, is_clock_synchronised)
        self._docked: dict[str, str] = {}
        self.worker = Worker("release", self._step, parts().stop, on_error)

    def docked(self, result: DockingResult) -> None:
        """A docking ended; where releases are automatic its recorder may be erased, once that is proved."""
        if result.outcome == "complete":
            self._docked[result.docking_id] = ""
            self.worker.wake()

    def operations(self) -> Mapping[str, Operation]:
        """`{"op": "release", "docking": …, "by": …}`: asked for, and answered when the helper has ended."""

        def release(document: Document) -> Iterator[Document]:
            docking, by = document.get("docking"), document.get("by")
            if not isinstance(docking, str) or not isinstance(by, str) or not by.strip() or not by.isprintable():
                raise RefusedError("a release needs a docking, and who asks for it")
            asked = self.desk.ask(docking, by)
            self.worker.wake()
            yield from self._until_over(asked["release_id"])

        return {"release": release}

    def _until_over(self, release_id: str) -> Iterator[Document]:
        stop, book = self._parts().stop, self.desk.prover.releases
        while True:
            row = book.release(release_id)
            if row is not None and row["finished_at"]:
                yield {"result": row | {"outcomes": book.outcomes(release_id)}}
                return
            if stop.wait(_LOOK_SECONDS):
                raise UnavailableError("the station ends before the helper does", "see: ingestd release show")
            yield {"progress": book.outcomes(release_id)}

    def _step(self) -> bool:
        log = structlog.get_logger()
        for ended in self.desk.take_over():
            tell = log.info if ended.ending == "done" else log.warning
            tell(
                "release.finished", docking_id=ended.docking_id, ending=ended.ending, words=ended.words,
                **{f"files_{outcome}": count for outcome, count in ended.outcomes.items()},
            )  # fmt: skip
        self._ask_by_itself()
        if self.desk.prover.releases.open():
            self._parts().stop.wait(_LOOK_SECONDS)
            return True
        return False

    def _ask_by_itself(self) -> None:
        settings, log = self._parts().settings.release, structlog.get_logger()
        for docking_id, reason in list(self._docked.items()):
            volume = self.desk.prover.docking(docking_id)["document"]["volume"]
            is_there = "device" in volume and "diskseq" in volume and is_in_place(volume)
            if not (settings.is_enabled and settings.automatic and is_there):
                del self._docked[docking_id]
                continue
            try:
                asked = self.desk.ask(docking_id, "station")
            except RefusedError as error:
                # A second copy may come yet; it is tried again as long as the recorder stays.
                if error.message != reason:
                    log.info("release.not_yet", docking_id=docking_id, words=error.message)
                self._docked[docking_id] = error.message
                continue
            del self._docked[docking_id]
            log.info("release.asked", **asked)


class ReleaseCollector(Collector):
    """What became of files that were asked to be erased, at each scrape."""

    def __init__(self, book: ReleaseBook) -> None:
        self._book = book

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Each outcome is there, with 0 where it never came."""
        files = GaugeMetricFamily(
            "ingestd_release_files", "Files on recorders that were to be erased, by what became.", labels=["outcome"]
        )
        counts: Mapping[str, Any] = self._book.counts()
        for outcome in Outcome:
            files.add_metric([outcome.value], float(counts.get(outcome.value, 0)))
        yield files
        words = "Releases that were asked for and are not over."
        yield GaugeMetricFamily("ingestd_releases_open", words, value=float(len(self._book.open())))

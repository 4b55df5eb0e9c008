"""Intake: one worker a bay. Turns plugs and drops into dockings, in order, and keeps the bay's state."""

import itertools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from ingestd.core.baystate import BayEvent, Word, pulled_words
from ingestd.core.errors import IngestdError, RefusedError, SourceGoneError
from ingestd.core.lifecycle import BayState, Fate
from ingestd.core.model import Inlet, Progress
from ingestd.core.origin import Origin
from ingestd.daemon.live import LiveState
from ingestd.devices.dock import open_docking
from ingestd.devices.mounts import Mounter
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.run import DockingResult, take_in


@dataclass(frozen=True, slots=True)
class _Order:
    mounter: Mounter
    inlet: Inlet
    volume: str
    is_shown: bool
    future: "Future[DockingResult]"
    origin: Origin | None = None


class Intake:
    """Takes cards in as they come. `on_docked` is told of each docking that ended."""

    def __init__(
        self,
        parts: Parts,
        live: LiveState,
        *,
        on_docked: Callable[[DockingResult], None],
        on_error: Callable[[str, str], None],
    ) -> None:
        self._parts = parts
        self._live = live
        self._on_docked = on_docked
        self._on_error = on_error
        self._lock = threading.Lock()
        self._bays: dict[str, queue.SimpleQueue[_Order | None]] = {}
        self._threads: list[threading.Thread] = []
        self._orders = itertools.count(1)
        self._is_closed = False

    def use(self, parts: Parts) -> None:
        """Take other settings over; dockings under way go on with theirs."""
        self._parts = parts

    def plug(
        self,
        bay: str,
        mounter: Mounter,
        inlet: Inlet,
        *,
        volume: str = "",
        usb_path: str = "",
        origin: Origin | None = None,
    ) -> "Future[DockingResult]":
        """Put a card in a bay; it is taken in after those that wait there already.

        Args:
            bay: its name.
            mounter: the way to the card.
            inlet: how it came.
            volume: key of a volume that will be told of as removed; empty for a folder, which nobody pulls.
            usb_path: of the recorder that the volume belongs to.
            origin: where a person declared that it comes from, if not from a recorder.

        Raises:
            RefusedError: the station is stopping.
        """
        future: Future[DockingResult] = Future()
        with self._lock:
            if self._is_closed:
                raise RefusedError("the station is stopping", "plug the recorder in again after the start")
            orders = self._bays.get(bay)
            if orders is None:
                orders = self._bays[bay] = queue.SimpleQueue()
                thread = threading.Thread(target=self._work, args=(bay, orders), name=f"bay {bay}", daemon=True)
                self._threads.append(thread)
                thread.start()
            if volume:
                self._live.plugged(bay, volume, usb_path)
            orders.put(_Order(mounter, inlet, volume or f"order {next(self._orders)}", bool(volume), future, origin))
        return future

    def close(self, seconds: float) -> bool:
        """Take no more orders and wait for the workers, who have heard the stop; true when all ended in time."""
        with self._lock:
            self._is_closed = True
            for orders in self._bays.values():
                orders.put(None)
        # One deadline for all: eight bays must not take eight times as long.
        clock = self._parts.clock
        deadline = clock.steady_seconds() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - clock.steady_seconds()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self, bay: str, orders: "queue.SimpleQueue[_Order | None]") -> None:
        while (order := orders.get()) is not None:
            # The one boundary of this thread: a fault in one docking must not end the bay.
            try:
                order.future.set_result(self._dock(bay, order))
            except IngestdError as error:
                self._failed(bay, order, error)
                order.future.set_exception(error)
            except Exception as error:
                structlog.get_logger().exception("bay.failed", bay=bay)
                failure = IngestdError(f"the bay failed: {error}", "see the station's log")
                self._failed(bay, order, failure, code="unexpected")
                order.future.set_exception(failure)

    def _dock(self, bay: str, order: _Order) -> DockingResult:
        parts = self._parts
        limits = parts.settings.copying
        if not order.is_shown:
            self._live.plugged(bay, order.volume)
        self._live.report(Progress(bay=bay, state=BayState.READING), order.volume)
        with open_docking(
            order.mounter,
            bay=bay,
            inlet=order.inlet,
            profiles=parts.profiles,
            zone=parts.settings.station.zone_info,
            clock=parts.clock,
            max_entries=limits.max_entries,
            max_depth=limits.max_depth,
            owners_of=parts.fleet.owners_of,
            origin=order.origin,
        ) as card:
            result = take_in(card, parts, lambda progress: self._live.report(progress, order.volume))
        self._live.ended(bay, self._ending(order, result, parts))
        self._on_docked(result)
        return result

    def _ending(self, order: _Order, result: DockingResult, parts: Parts) -> BayEvent:
        """What the bay is told of a docking whose books are closed."""
        if result.outcome == "complete":
            word = Word.NOTED if result.attention else Word.COMPLETED
            return BayEvent(word, order.volume, message=result.attention)
        fates = parts.catalogue.fates_of(result.docking_id)
        lacking = sum(count for fate, (count, _) in fates.items() if not Fate(fate).is_settled)
        if result.outcome == "interrupted":
            words = pulled_words(lacking)
            if parts.stop.is_requested():
                words = (
                    f"the station was stopped, dock it again: {lacking} files are missing · 采集站已停止，请重新插入"
                )
            return BayEvent(Word.INTERRUPTED, order.volume, message=words)
        words = f"not every file could be read whole ({lacking}) · 部分文件未能完整读取（{lacking}）"
        also = "; ".join(one for one in (result.reason, result.attention) if one)
        return BayEvent(Word.FAILED, order.volume, message=f"{words}: {also}" if also else words)

    def _failed(self, bay: str, order: _Order, error: IngestdError, code: str | None = None) -> None:
        structlog.get_logger().error("bay.failed", bay=bay, code=code or error.code, words=error.message)
        self._on_error(code or error.code, error.message)
        if isinstance(error, SourceGoneError) and order.is_shown:
            event = BayEvent(Word.INTERRUPTED, order.volume, message=pulled_words(None))
        else:
            words = f"{error.message}; {error.advice}" if error.advice else error.message
            event = BayEvent(Word.FAILED, order.volume, message=words)
        self._live.ended(bay, event)

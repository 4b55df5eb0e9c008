"""Intake: one worker a bay. Turns plugs and drops into dockings, in order, and keeps the bay's state."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from ingestd.core.errors import IngestdError, RefusedError
from ingestd.core.lifecycle import BayState
from ingestd.core.model import Inlet, Progress
from ingestd.daemon.live import LiveState
from ingestd.devices.dock import open_docking
from ingestd.devices.mounts import Mounter
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.run import DockingResult, take_in


@dataclass(frozen=True, slots=True)
class _Order:
    mounter: Mounter
    inlet: Inlet
    future: "Future[DockingResult]"


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
        self._is_closed = False

    def plug(self, bay: str, mounter: Mounter, inlet: Inlet) -> "Future[DockingResult]":
        """Put a card in a bay; it is taken in after those that wait there already.

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
            orders.put(_Order(mounter, inlet, future))
        return future

    def close(self, seconds: float) -> bool:
        """Take no more orders and wait for the workers, who have heard the stop; true when all ended in time."""
        with self._lock:
            self._is_closed = True
            for orders in self._bays.values():
                orders.put(None)
        for thread in self._threads:
            thread.join(seconds)
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self, bay: str, orders: "queue.SimpleQueue[_Order | None]") -> None:
        while (order := orders.get()) is not None:
            # The one boundary of this thread: a fault in one docking must not end the bay.
            try:
                order.future.set_result(self._dock(bay, order))
            except IngestdError as error:
                self._failed(bay, error.code, error.message)
                order.future.set_exception(error)
            except Exception as error:
                structlog.get_logger().exception("bay.failed", bay=bay)
                self._failed(bay, "unexpected", f"{type(error).__name__}: {error}")
                order.future.set_exception(IngestdError(f"the bay failed: {error}", "see the station's log"))

    def _dock(self, bay: str, order: _Order) -> DockingResult:
        limits = self._parts.settings.copying
        self._live.report(Progress(bay=bay, state=BayState.READING))
        with open_docking(
            order.mounter,
            bay=bay,
            inlet=order.inlet,
            profiles=self._parts.profiles,
            zone=self._parts.settings.station.zone_info,
            clock=self._parts.clock,
            max_entries=limits.max_entries,
            max_depth=limits.max_depth,
        ) as card:
            result = take_in(card, self._parts, self._live.report)
        self._on_docked(result)
        return result

    def _failed(self, bay: str, code: str, words: str) -> None:
        structlog.get_logger().error("bay.failed", bay=bay, code=code, words=words)
        self._on_error(code, words)
        self._live.report(Progress(bay=bay, state=BayState.ATTENTION, message=words))

"""The daemon: inlets, bays, background work, socket and metrics, started in order and stopped in the reverse."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from ingestd.config.load import Configuration
from ingestd.core.clock import SystemClock
from ingestd.core.custody import Entry
from ingestd.core.errors import StoreError, UnavailableError
from ingestd.core.lifecycle import BayState
from ingestd.core.model import Inlet, Progress
from ingestd.core.stop import Stop
from ingestd.daemon.background import Worker
from ingestd.daemon.host import is_clock_synchronised, notify
from ingestd.daemon.http import HttpServer
from ingestd.daemon.intake import Intake
from ingestd.daemon.jobs import Jobs
from ingestd.daemon.live import LiveState
from ingestd.daemon.logs import log_entries
from ingestd.daemon.metrics import Meters, StationCollector, metrics_page
from ingestd.daemon.operations import operations
from ingestd.devices.inbox import Inbox
from ingestd.devices.mounts import FolderMounter, choose_mounter, shown_path
from ingestd.devices.udev import DeviceAction, DeviceEvent, UdevWatch
from ingestd.ipc import SocketServer
from ingestd.pipeline.derive import derive_next
from ingestd.pipeline.describe import describe
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.recover import recover
from ingestd.pipeline.run import DockingResult
from ingestd.wiring import VERSION, open_parts, proxy_worker, writer_lock

STOP_SECONDS = 8.0
INBOX_BAY = "inbox"


class Service:
    """A running station. Made by `running_service`, which also ends it."""

    def __init__(self, parts: Parts, meters: Meters, registry: CollectorRegistry) -> None:
        self.parts = parts
        self.live = LiveState(parts.clock)
        self._meters = meters
        self._log = structlog.get_logger()
        collector = StationCollector(parts.catalogue, parts.vault, parts.turns, self.live, parts.clock, parts.version)
        registry.register(collector)
        self.intake = Intake(parts, self.live, on_docked=self._docked, on_error=meters.count_error)
        self._describer = Worker("describe", lambda: describe(parts) > 0, parts.stop, meters.count_error)
        self._proxies = proxy_worker(parts.settings, parts.stop)
        self._deriver = Worker("derive", self._derive, parts.stop, meters.count_error)
        self._problems: dict[str, str] = {}
        self._inbox: Inbox | None = None
        self._udev: UdevWatch | None = None

    def is_settled(self) -> bool:
        """Whether nothing is being copied and nothing waits to be described."""
        return not self.live.is_busy() and self.parts.catalogue.is_all_described()

    def healthz(self) -> tuple[bool, dict[str, Any]]:
        """Alive: every thread that the station needs is running."""
        threads = {"describe": self._describer.is_alive(), "derive": self._deriver.is_alive()}
        for name, inlet in (("inbox", self._inbox), ("udev", self._udev)):
            if inlet is not None:
                threads[name] = inlet.is_alive()
        return all(threads.values()), {"threads": threads, "version": VERSION}

    def readyz(self) -> tuple[bool, dict[str, Any]]:
        """Ready for recorders: there is room, and recorders that the settings allow would be noticed."""
        settings = self.parts.settings
        expects_recorders = bool(settings.udev.allowed_usb_ids or settings.udev.allowed_labels)
        free = self.parts.vault.free_bytes() - settings.copying.keep_free_bytes
        checks = {"room": free > 0, "inlets": not (expects_recorders and self._problems)}
        inbox = {"inbox": self._inbox.problem} if self._inbox is not None and self._inbox.problem else {}
        problems = self._problems | inbox
        document = {"checks": checks, "problems": problems, "clock_synchronised": is_clock_synchronised()}
        return all(checks.values()), document

    def start(self, stack: ExitStack) -> None:
        """Start everything; `stack` stops it in the reverse order."""
        settings = self.parts.settings
        mended = recover(self.parts)
        if any(mended):
            self._log.warning("station.recovered", **mended._asdict())
        stack.callback(self._proxies.close)
        for worker in (self._describer, self._deriver):
            worker.start()
            stack.callback(worker.join, STOP_SECONDS)
        server = SocketServer(settings.socket_file, operations(self.parts, self.live, self.intake))
        stack.callback(server.close)
        # Before the socket closes: who asked for a docking is told how it ended.
        stack.callback(self.intake.close, STOP_SECONDS)
        if settings.inbox.is_enabled:
            self._inbox = self._start_inbox()
            stack.callback(self._inbox.stop)
        if settings.udev.is_enabled:
            self._start_udev(stack)
        jobs = Jobs(housekeeping=self._housekeeping, watch=self._watch_bays)
        jobs.start()
        stack.callback(jobs.close)

    def _start_inbox(self) -> Inbox:
        settings = self.parts.settings.inbox
        inbox = Inbox(
            self.parts.settings.inbox_dir,
            settings.settle_seconds,
            settings.done_marker,
            self.parts.clock,
            self._dropped,
            lambda path, fingerprint: self.parts.catalogue.was_folder_taken(shown_path(path), fingerprint),
        )
        inbox.start()
        return inbox

    def _start_udev(self, stack: ExitStack) -> None:
        watch = UdevWatch(self.parts.settings.udev, self._plugged, self.parts.clock)
        try:
            watch.start()
        except UnavailableError as error:
            # The station still serves its inbox; that recorders are not noticed is said, not fatal.
            self._problems["udev"] = error.message
            self._log.warning("udev.unavailable", words=error.message, advice=error.advice)
            return
        self._udev = watch
        stack.callback(watch.stop)

    def _plugged(self, event: DeviceEvent) -> None:
        self._log.info("device.event", **{key: value for key, value in asdict(event).items() if value})
        if event.action is DeviceAction.REMOVED:
            self.live.free(event.bay)
        elif event.action is DeviceAction.IGNORED:
            self.live.report(Progress(bay=event.bay, state=BayState.ATTENTION, message=event.reason))
        else:
            mount_dir = self.parts.settings.state_dir / "mnt"
            mounter = choose_mounter(event, mount_dir, self.parts.stop, self.parts.clock)
            self.intake.plug(event.bay, mounter, Inlet.UDEV)

    def _dropped(self, path: Path, fingerprint: str) -> None:
        self._log.info("inbox.settled", path=shown_path(path))
        future = self.intake.plug(INBOX_BAY, FolderMounter(path, fingerprint), Inlet.INBOX)
        future.add_done_callback(lambda done: self._offer_again(path, done.exception()))

    def _offer_again(self, path: Path, error: BaseException | None) -> None:
        """A store that failed may come back: the drop settles anew and is taken in then, without a hand."""
        if isinstance(error, StoreError) and self._inbox is not None:
            self._inbox.offer_again(path)

    def _docked(self, _: DockingResult) -> None:
        self._describer.wake()
        self._deriver.wake()

    def _derive(self) -> bool:
        """One proxy; none while a recorder is being copied or a recording waits to be described."""
        if not self.is_settled():
            self.parts.stop.wait(1.0)
            return True
        return derive_next(self.parts, self._proxies)

    def _watch_bays(self) -> None:
        for bay in self.live.say_who_is_silent(self.parts.settings.copying.silent_seconds):
            self._log.warning("bay.silent", bay=bay)

    def _housekeeping(self) -> None:
        self._describer.wake()
        self._deriver.wake()
        if not is_clock_synchronised():
            self._log.warning("clock.unsynchronised")


@contextmanager
def running_service(configuration: Configuration, stop: Stop) -> Iterator[tuple[Service, HttpServer]]:
    """A station at work while the block lasts. Ends cleanly: copying is interrupted between two blocks.

    Raises:
        UnavailableError: another process is this station.
        ConfigError: the HTTP address cannot be bound.
    """
    registry = CollectorRegistry()
    meters = Meters(registry, SystemClock())

    def on_entered(entries: Sequence[Entry]) -> None:
        log_entries(entries)
        meters.count_entries(entries)

    with ExitStack() as stack:
        stack.enter_context(writer_lock(configuration.settings))
        opened = open_parts(configuration, stop, on_entered=on_entered, on_verified=meters.count_verified)
        parts = stack.enter_context(opened)
        service = Service(parts, meters, registry)
        settings = configuration.settings.http
        http = HttpServer(
            settings.host,
            settings.port,
            metrics=metrics_page(registry),
            healthz=service.healthz,
            readyz=service.readyz,
        )
        stack.callback(http.close)
        try:
            service.start(stack)
            notify("READY=1")
            structlog.get_logger().info(
                "station.started", http=http.address, state_dir=str(configuration.settings.state_dir)
            )
            yield service, http
            notify("STOPPING=1")
        finally:
            # Every thread hears the stop before the stack waits for one, after half a start as well.
            stop.request()

"""The daemon: inlets, bays, background work, socket and metrics, started in order and stopped in the reverse."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from ingestd.config.load import Configuration
from ingestd.config.reload import taken_over
from ingestd.core.clock import SystemClock
from ingestd.core.custody import Entry
from ingestd.core.errors import IngestdError, RefusedError, StoppedError, StoreError, UnavailableError
from ingestd.core.model import Inlet, Progress
from ingestd.core.stop import Stop
from ingestd.daemon.background import Worker
from ingestd.daemon.baywatch import BayWatch
from ingestd.daemon.case_push import CasePush
from ingestd.daemon.desks import Desks
from ingestd.daemon.disposal_work import EVERY_SECONDS as DISPOSAL_SECONDS
from ingestd.daemon.disposal_work import DisposalCollector, DisposalWork
from ingestd.daemon.hooks import BayHook
from ingestd.daemon.host import is_clock_synchronised, notify, watchdog_seconds
from ingestd.daemon.http import HttpServer
from ingestd.daemon.intake import Intake
from ingestd.daemon.jobs import CLOCK_SECONDS, HOUSEKEEPING_SECONDS, Daily, Every, Job, Jobs
from ingestd.daemon.live import LiveState
from ingestd.daemon.logs import log_entries, use_level
from ingestd.daemon.metrics import Meters, StationCollector, metrics_page
from ingestd.daemon.operations import health_operation, operations
from ingestd.daemon.release_work import ReleaseCollector, ReleaseWork
from ingestd.daemon.reload import Reloader
from ingestd.daemon.replication import ReplicaCollector, Replication
from ingestd.daemon.scrub_work import ScrubCollector, ScrubWork
from ingestd.devices.inbox import Inbox
from ingestd.devices.latemounts import LateMounts
from ingestd.devices.mountinfo import volume_presence
from ingestd.devices.mounts import FolderMounter, NotMountedError, choose_mounter, shown_path
from ingestd.devices.mtp import choose_mtp_mounter
from ingestd.devices.told import ToldMounter
from ingestd.devices.udev import DeviceAction, DeviceEvent, DeviceKind, UdevWatch
from ingestd.ipc import SocketServer
from ingestd.pipeline.derive import derive_next
from ingestd.pipeline.describe import describe
from ingestd.pipeline.look import look_next
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.recover import recover
from ingestd.pipeline.run import DockingResult
from ingestd.wiring import VERSION, open_parts, optional_exiftool, proxy_worker, writer_lock

STOP_SECONDS = 8.0
INBOX_BAY = "inbox"
_TERMS_AT = dt.time(3, 10)
_DISC = "/dev/sr"


class Service:
    """A running station. Made by `running_service`, which also ends it."""

    def __init__(self, parts: Parts, meters: Meters, registry: CollectorRegistry) -> None:
        self.parts = parts
        self._hook = BayHook(parts.settings.bays.hook, meters.hook_failures.inc)
        self.live = LiveState(
            parts.clock,
            parts.settings.udev.bays.values(),
            officer_of=self._officer_of,
            on_change=self._bay_changed,
        )
        self._bay_watch = BayWatch(self.live, parts.settings, parts.stop)
        self._meters = meters
        self._log = structlog.get_logger()
        collector = StationCollector(parts.catalogue, parts.vault, parts.turns, self.live, parts.clock, parts.version)
        registry.register(collector)
        self.desks = Desks(lambda: self.parts, meters, registry.register)
        self.replication = Replication(lambda: self.parts, meters.count_error, self.live.is_busy)
        registry.register(ReplicaCollector(self.replication.values))
        self.scrub = ScrubWork(lambda: self.parts, self.replication.stores, self.live.is_busy, meters.count_error)
        registry.register(ScrubCollector(self.scrub.scrub.book, lambda: self.scrub.scrub.under_way, parts.clock))
        self.releases = ReleaseWork(lambda: self.parts, meters.count_error)
        registry.register(ReleaseCollector(self.releases.desk.prover.releases))
        self.disposals = DisposalWork(lambda: self.parts, self.replication.stores)
        registry.register(DisposalCollector(self.disposals.book, parts.clock))
        self.intake = Intake(parts, self.live, on_docked=self._docked, on_error=meters.count_error)
        self._describer = Worker("describe", self._describe, parts.stop, meters.count_error)
        self._proxies = proxy_worker(parts.settings, parts.stop)
        self._deriver = Worker("derive", self._derive, parts.stop, meters.count_error)
        self._late_mounts = LateMounts()
        self._problems: dict[str, str] = {}
        self._stop_by: float | None = None
        self._is_clock_synchronised = True
        self._watchdog = threading.Thread(target=self._ping, name="watchdog", daemon=True)
        self._inbox: Inbox | None = None
        self._udev: UdevWatch | None = None

    def is_settled(self) -> bool:
        """Whether nothing is being copied and nothing waits to be described."""
        return not self.live.is_busy() and self.parts.catalogue.is_all_described()

    def healthz(self) -> tuple[bool, dict[str, Any]]:
        """Alive: every thread that the station needs is running."""
        threads = {
            "describe": self._describer.is_alive(),
            "derive": self._deriver.is_alive(),
            "baywatch": self._bay_watch.is_alive(),
            **self.desks.threads(),
            **self.replication.threads(),
            "scrub": self.scrub.worker.is_alive(),
            "release": self.releases.worker.is_alive(),
        }
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
        problems = self._problems | inbox | self.desks.problems() | self.replication.problems() | self.scrub.problems()
        problems |= self.disposals.problems()
        document = {"checks": checks, "problems": problems, "clock_synchronised": is_clock_synchronised()}
        return all(checks.values()), document

    def start(self, stack: ExitStack, configuration: Configuration) -> None:
        """Start everything; `stack` stops it in the reverse order."""
        settings = self.parts.settings
        mended = recover(self.parts)
        if any(mended):
            self._log.warning("station.recovered", **mended._asdict())
        self.desks.ledger.begin(configuration)
        stack.callback(self.desks.ledger.sign_at_close)
        stack.callback(self._proxies.close)
        for worker in (self._describer, self._deriver, self._bay_watch):
            worker.start()
            stack.callback(self._end, worker.join)
        self.desks.start(stack, self._end)
        self.replication.start(stack, self._end)
        for worker in (self.scrub.worker, self.releases.worker):
            worker.start()
            stack.callback(self._end, worker.join)
        of_people = {**self.desks.operations(), **self.replication.operations()}
        of_people |= {**self.scrub.operations(), **self.releases.operations(), **self.disposals.operations()}
        served = {**operations(self.parts, self.live, self.intake), **health_operation(self.readyz), **of_people}
        server = SocketServer(settings.socket_file, served)
        stack.callback(server.close)
        stack.callback(self.live.close)
        stack.callback(self._hook.close)
        # Before the socket closes: who asked for a docking is told how it ended.
        stack.callback(self._end, self.intake.close)
        stack.callback(self._late_mounts.close)
        self.desks.start_feeds(stack, self._end)
        if settings.inbox.is_enabled:
            self._inbox = self._start_inbox()
            stack.callback(self._inbox.stop)
        if settings.udev.is_enabled:
            self._start_udev(stack)
        jobs = Jobs(self._jobs(), self.parts.clock, self._job_failed)
        self._check_clock()
        jobs.start()
        stack.callback(jobs.close)
        self._watchdog.start()

    def take_over(self, configuration: Configuration) -> tuple[str, ...]:
        """Go on with another configuration; dockings under way are not touched. Gives the keys that need a restart."""
        settings, waiting = taken_over(self.parts.settings, configuration.settings)
        self.parts = replace(
            self.parts,
            settings=settings,
            regime=configuration.regimes[settings.station.regime],
            profiles=configuration.profiles,
            areas=configuration.areas,
            exiftool=optional_exiftool(settings),
        )
        use_level(settings.log)
        self.desks.ledger.take_configuration(configuration, settings, "reload")
        self.intake.use(self.parts)
        self._hook.use(settings.bays.hook)
        self._bay_watch.use(settings)
        self.live.show_bays(settings.udev.bays.values())
        if self._udev is not None:
            self._udev.use(settings.udev)
        if "station.zone" not in waiting:
            # Its days were read in the zone that waits for the next start.
            self.desks.take_roster_file(configuration)
        return waiting

    def was_reloaded(self, problem: str) -> None:
        """Remember how the last reading of the configuration ended; `problem` is empty when it could be used."""
        self._problems.pop("configuration", None)
        if problem:
            self._problems["configuration"] = problem
        self._meters.config_reload_success.set(0 if problem else 1)

    def _end(self, ending: Callable[[float], object]) -> None:
        """Wait for something to end, for what is left of the time that all endings have together."""
        now = self.parts.clock.steady_seconds()
        self._stop_by = self._stop_by or now + STOP_SECONDS
        ending(max(0.0, self._stop_by - now))

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
        volume = f"{event.kind} {event.sysfs_path or event.device_node} {event.diskseq or event.device_number}"
        if event.action is DeviceAction.REMOVED:
            self._late_mounts.forget(volume)
            self.live.removed(event.bay, volume)
            if not self.live.is_present(event.bay):
                self.parts.presence.leave(event.bay)
        elif event.action is DeviceAction.IGNORED:
            # Many recorders bring a disc of drivers along, which is nobody's concern.
            if not event.device_node.startswith(_DISC):
                is_foreign = event.kind is DeviceKind.FOREIGN
                self.live.refused(event.bay, volume, event.reason, event.usb_path, is_foreign=is_foreign)
        else:
            self._dock(event, volume, self.parts.clock.now())

    def _dock(self, event: DeviceEvent, volume: str, came_at: dt.datetime) -> None:
        mount_dir = self.parts.settings.state_dir / "mnt"
        choose = choose_mtp_mounter if event.kind is DeviceKind.MTP else choose_mounter
        mounter = choose(event, mount_dir, self.parts.stop, self.parts.clock)
        told = ToldMounter(mounter, lambda: self.desks.device_acts.told(event, came_at))
        future = self.intake.plug(event.bay, told, Inlet.UDEV, volume=volume, usb_path=event.usb_path)

        def dock_later() -> None:
            with suppress(RefusedError, UnavailableError):
                if volume_presence(event.device_node, event.diskseq)():
                    self._dock(event, volume, came_at)

        def watch_for_mount(error: BaseException | None) -> None:
            if isinstance(error, NotMountedError):
                self._late_mounts.watch(volume, event.device_node, event.diskseq, dock_later)

        future.add_done_callback(lambda done: watch_for_mount(done.exception()))

    def _dropped(self, path: Path, fingerprint: str) -> None:
        self._log.info("inbox.settled", path=shown_path(path))
        future = self.intake.plug(INBOX_BAY, FolderMounter(path, fingerprint), Inlet.INBOX)
        future.add_done_callback(lambda done: self._offer_again(path, done.exception()))

    def _offer_again(self, path: Path, error: BaseException | None) -> None:
        """A store that failed may come back: the drop settles anew and is taken in then, without a hand."""
        if isinstance(error, StoreError) and self._inbox is not None:
            self._inbox.offer_again(path)

    def _docked(self, result: DockingResult) -> None:
        self.releases.docked(result)
        self.desks.wake_for_records()
        self._describer.wake()
        self._deriver.wake()

    def _describe(self) -> bool:
        has_more = describe(self.parts) > 0
        self.desks.wake_for_records()
        return has_more

    def _derive(self) -> bool:
        """One proxy or one look; none while a recorder is being copied or a recording waits to be described."""
        if not self.is_settled():
            self.parts.stop.wait(1.0)
            return True
        return derive_next(self.parts, self._proxies) or look_next(self.parts, self._proxies)

    def _bay_changed(self, progress: Progress) -> None:
        self._hook.tell(progress)
        self._bay_watch.wake()

    def _officer_of(self, recorder_id: str) -> str | None:
        try:
            named = self.parts.roster.officers_of(recorder_id, self.parts.clock.now())
        except StoreError:
            # A name on a screen; the copy must not suffer from it.
            return None
        return ", ".join(entry.officer for entry in named) or None

    def _ping(self) -> None:
        """Tell systemd that every thread lives; it starts the station anew when it hears nothing."""
        seconds = watchdog_seconds()
        while seconds is not None and not self.parts.stop.wait(seconds / 2):
            if self.healthz()[0]:
                notify("WATCHDOG=1")

    def _jobs(self) -> tuple[Job, ...]:
        """The table of timed jobs."""
        settings = self.parts.settings
        return (
            Job("housekeeping", self._housekeeping, Every(HOUSEKEEPING_SECONDS)),
            Job("clock", self._check_clock, Every(CLOCK_SECONDS)),
            Job("disposal", self._dispose, Every(DISPOSAL_SECONDS), is_made_up_at_start=True),
            Job("terms", self._finish_terms, Daily(_TERMS_AT, settings.station.zone_info), is_made_up_at_start=True),
            Job(
                "ledger-head",
                self.desks.ledger.sign_daily,
                Daily(settings.ledger.head_time, settings.station.zone_info),
            ),
        )

    def _job_failed(self, name: str, error: BaseException) -> None:
        code = error.code if isinstance(error, IngestdError) else "unexpected"
        self._log.error("job.failed", job=name, code=code, words=str(error), exc_info=error)
        self._meters.count_error(code, name)

    def _dispose(self) -> None:
        """What was approved and waited for, in the bureau's hours; a stop breaks it off until the next time."""
        with suppress(StoppedError):
            self.disposals.tick()

    def _finish_terms(self) -> None:
        """A change of regime that the last end of the station broke off; a stop breaks it off again."""
        with suppress(StoppedError):
            self.desks.terms.finish()

    def _housekeeping(self) -> None:
        self._describer.wake()
        self._deriver.wake()
        self.desks.wake_for_news()
        self.desks.ledger.check_clock()

    def _check_clock(self) -> None:
        """Say it when the clock came to be disciplined, or ceased to be."""
        is_synchronised = is_clock_synchronised()
        if is_synchronised is not self._is_clock_synchronised:
            tell = self._log.info if is_synchronised else self._log.warning
            tell("clock.synchronised" if is_synchronised else "clock.unsynchronised")
        self._is_clock_synchronised = is_synchronised


@contextmanager
def running_service(
    configuration: Configuration, stop: Stop, on_reloader: Callable[[Reloader], None] = lambda _: None
) -> Iterator[tuple[Service, HttpServer]]:
    """A station at work while the block lasts. Ends cleanly: copying is interrupted between two blocks.

    Args:
        configuration: what it is told.
        stop: ends it.
        on_reloader: given, before anything starts, what has the configuration read again.

    Raises:
        UnavailableError: another process is this station.
        ConfigError: the HTTP address cannot be bound.
    """
    registry = CollectorRegistry()
    meters = Meters(registry, SystemClock())

    hearers: list[Callable[[Sequence[Entry]], None]] = []

    def on_entered(entries: Sequence[Entry]) -> None:
        log_entries(entries)
        meters.count_entries(entries)
        for hear in hearers:
            hear(entries)

    with ExitStack() as stack:
        stack.enter_context(writer_lock(configuration.settings))
        opened = open_parts(configuration, stop, on_entered=on_entered, on_verified=meters.count_verified)
        parts = stack.enter_context(opened)
        service = Service(parts, meters, registry)
        hearers.extend((lambda _: service.desks.feed.worker.wake(), service.replication.heard))
        hearers.append(service.desks.holds.heard)
        reloader = Reloader(configuration.sources[0], service.take_over, service.was_reloaded, parts.clock)
        on_reloader(reloader)
        settings = configuration.settings.http
        http = HttpServer(
            settings.host,
            settings.port,
            metrics=metrics_page(registry),
            healthz=service.healthz,
            readyz=service.readyz,
            live=service.live,
            case_push=CasePush(service.desks.cases, lambda: service.parts.settings),
        )
        stack.callback(http.close)
        try:
            service.desks.take_roster_file(configuration)
            service.start(stack, configuration)
            notify("READY=1")
            reloader.start()
            stack.callback(reloader.close, STOP_SECONDS)
            structlog.get_logger().info(
                "station.started", http=http.address, state_dir=str(configuration.settings.state_dir)
            )
            yield service, http
            notify("STOPPING=1")
        finally:
            # Every thread hears the stop before the stack waits for one, after half a start as well.
            stop.request()

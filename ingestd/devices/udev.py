"""Recorders on USB as udev tells of them: what came and went, by `devices.usb`'s judgement.

The only file that imports pyudev. The monitor serves as a bell only: at each ring (and on a timer, because an
overflowing monitor loses events for good) all devices are enumerated and compared with what was known. So a recorder
that was there before the start, an event that was lost and a volume that was told of twice are one case.
"""

import contextlib
import dataclasses
import math
import os
import queue
import select
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyudev

from ingestd.core.clock import Clock
from ingestd.core.errors import UnavailableError
from ingestd.core.settings import UdevSettings
from ingestd.devices.usb import (
    PROPERTIES,
    SIZE,
    DeviceAction,
    DeviceEvent,
    DeviceKind,
    Identity,
    Partitions,
    judge,
    without_former_cards,
)

__all__ = ["DeviceAction", "DeviceEvent", "DeviceKind", "UdevBus", "UdevWatch"]

UDEV_SIGN = Path("/run/udev/control")
"""There while udev runs. Without it libudev hears nothing, and says nothing of that."""

RECONCILE_SECONDS: Final = 30.0
SPACING_SECONDS: Final = 0.25
"""Between two enumerations at least: one plug rings about twenty times."""

_RETRY_SECONDS: Final = 0.5
_READ_AT_ONCE: Final = 1000
_SUBSYSTEMS: Final = ("block", "usb", "net", "input")
_ADVICE: Final = "install and start udev, or set udev.enabled = false"


class UdevBus:
    """What hangs on USB, and a wait for news of it. For one thread; only `ring` may be called from others.

    Args:
        udev_sign: a path that exists while udev runs; null: `UDEV_SIGN`.

    Raises:
        UnavailableError: there is no libudev or no running udev here.
    """

    def __init__(self, udev_sign: Path | None = None) -> None:
        try:
            self._context = pyudev.Context()
        except (ImportError, OSError, AttributeError) as error:
            words = f"recorders on USB are not noticed: libudev cannot be used ({error})"
            raise UnavailableError(words, _ADVICE) from error
        if not (udev_sign or UDEV_SIGN).exists():
            raise UnavailableError("recorders on USB are not noticed: udev does not run here", _ADVICE)
        self._monitor: pyudev.Monitor | None = None
        self._rung = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._problem = ""

    @property
    def problem(self) -> str:
        """What hinders listening now, in words; empty when nothing does."""
        return self._problem

    def wait(self, seconds: float) -> bool:
        """Sleep until udev tells of something, at most so long; true when devices may have come or gone.

        The first call begins to listen and returns true at once: what was there before is news as well. So does the
        call after a monitor broke, for what was missed.
        """
        try:
            if self._monitor is None:
                self._monitor = self._listening()
                self._problem = ""
                return True
            return self._rang(self._monitor, seconds)
        except OSError as error:
            # An overflown monitor raises for ever; only a new one helps.
            self._monitor = None
            self._problem = f"the udev monitor broke and is made anew ({error})"
            select.select([self._rung], [], [], _RETRY_SECONDS)
            return False

    def devices(self) -> list[dict[str, str]]:
        """The properties of everything that hangs on USB, as `devices.usb` reads them.

        Raises:
            OSError: udev's view cannot be read.
        """
        enumerator = pyudev.Enumerator(self._context)
        for subsystem in _SUBSYSTEMS:
            enumerator.match_subsystem(subsystem)
        # Whatever hangs on USB lies below a root hub, `usb1`; most of a machine need not be read.
        return [_properties(device) for device in enumerator if "/usb" in device.device_path]

    def ring(self) -> None:
        """End the wait under way, or the next one, as if udev had told of something."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_write(self._rung, 1)

    def close(self) -> None:
        """Listen no longer; any number of times."""
        self._monitor = None
        if self._rung >= 0:
            os.close(self._rung)
            self._rung = -1

    def _listening(self) -> pyudev.Monitor:
        monitor = pyudev.Monitor.from_netlink(self._context)
        for subsystem in _SUBSYSTEMS:
            monitor.filter_by(subsystem)
        monitor.start()
        return monitor

    def _rang(self, monitor: pyudev.Monitor, seconds: float) -> bool:
        waiting = select.poll()
        waiting.register(monitor.fileno(), select.POLLIN)
        waiting.register(self._rung, select.POLLIN)
        has_rung = bool(waiting.poll(math.ceil(seconds * 1000)))
        for _ in range(_READ_AT_ONCE if has_rung else 0):
            if monitor.poll(0) is None:
                break
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._rung)
        return has_rung


class UdevWatch:
    """Tells of devices as they come and go, in a thread of its own, and sleeps in between.

    Args:
        settings: allow lists, bays, and what becomes of unknown storage.
        on_event: called in this object's thread, one event after the other. It may take its time (the monitor has a
            thread of its own and is never held up), but must not raise.
        clock: its steady time is used.
        udev_sign: as of `UdevBus`.
        reconcile_seconds: devices are enumerated this often without any event.
        spacing_seconds: and not more often than this, however many events come.
    """

    def __init__(
        self,
        settings: UdevSettings,
        on_event: Callable[[DeviceEvent], None],
        clock: Clock,
        udev_sign: Path | None = None,
        reconcile_seconds: float = RECONCILE_SECONDS,
        spacing_seconds: float = SPACING_SECONDS,
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._clock = clock
        self._udev_sign = udev_sign
        self._reconcile_seconds = reconcile_seconds
        self._spacing_seconds = spacing_seconds
        self._known: dict[Identity, DeviceEvent] = {}
        self._partitions: Partitions = {}
        self._events: queue.SimpleQueue[DeviceEvent | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._monitoring = threading.Thread(target=self._monitor, name="udev-monitor", daemon=True)
        self._telling = threading.Thread(target=self._tell, name="udev-events", daemon=True)
        self._bus: UdevBus | None = None
        self._problem = ""

    def start(self) -> None:
        """Begin to watch; devices that are plugged in already are told of as added.

        Raises:
            UnavailableError: there is no libudev or no running udev here; the station works without this inlet.
        """
        self._bus = UdevBus(self._udev_sign)
        self._monitoring.start()
        self._telling.start()

    def stop(self) -> None:
        """End both threads and wait for them; an event that is being handled is waited for."""
        self._stopping.set()
        if self._bus is None:
            return
        self._bus.ring()
        for thread in (self._monitoring, self._telling):
            thread.join()
        self._bus.close()
        self._bus = None

    def use(self, settings: UdevSettings) -> None:
        """Judge by other settings from now on. What was told of as added stays so until it goes."""
        self._settings = settings
        if self._bus is not None:
            self._bus.ring()

    def is_alive(self) -> bool:
        """Whether devices are being noticed."""
        return self._monitoring.is_alive() and self._telling.is_alive()

    @property
    def problem(self) -> str:
        """What hinders the watch now, in words; empty when nothing does."""
        bus = self._bus
        return self._problem or (bus.problem if bus is not None else "")

    def _tell(self) -> None:
        while (event := self._events.get()) is not None:
            self._on_event(event)

    def _monitor(self) -> None:
        assert self._bus is not None
        try:
            self._watch(self._bus)
        finally:
            self._events.put(None)

    def _watch(self, bus: UdevBus) -> None:
        # The bell is hung up before the first enumeration: what comes in between is told by both and counted once.
        earliest = self._clock.steady_seconds()
        due_at = earliest + self._reconcile_seconds
        while not self._stopping.is_set():
            now = self._clock.steady_seconds()
            if now >= due_at:
                self._reconcile(bus)
                now = self._clock.steady_seconds()
                earliest, due_at = now + self._spacing_seconds, now + self._reconcile_seconds
            if bus.wait(max(0.0, due_at - now)):
                due_at = min(due_at, max(earliest, self._clock.steady_seconds()))

    def _reconcile(self, bus: UdevBus) -> None:
        """Compare the devices that are there with those known, and tell of the difference."""
        try:
            devices, self._partitions = without_former_cards(bus.devices(), self._partitions)
            present = judge(devices, self._settings)
        except OSError as error:
            self._problem = f"the devices on USB cannot be listed ({error})"
            return
        self._problem = ""
        for identity, event in list(self._known.items()):
            now = present.get(identity)
            # Ignored and now allowed (its file system was read late, the settings changed) did not leave in between.
            is_allowed_now = now is not None and (event.action, now.action) == (
                DeviceAction.IGNORED,
                DeviceAction.ADDED,
            )
            if now is None or is_allowed_now:
                del self._known[identity]
            if now is None or (is_allowed_now and now.bay != event.bay):
                self._events.put(dataclasses.replace(event, action=DeviceAction.REMOVED))
        for identity, event in present.items():
            if identity not in self._known:
                self._known[identity] = event
                self._events.put(event)


def _properties(device: pyudev.Device) -> dict[str, str]:
    found: dict[str, str] = {}
    # By name and not all: the kernel lets some through, as a partition's name, that are no UTF-8.
    for name in PROPERTIES:
        with contextlib.suppress(UnicodeDecodeError):
            text = device.properties.get(name)
            if text is not None:
                found[name] = text
    if found.get("DEVTYPE") == "disk":
        sectors = device.attributes.get("size")
        if sectors is not None:
            found[SIZE] = sectors.decode("ascii", "replace").strip()
    return found

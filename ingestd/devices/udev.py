"""Recorders on USB, as udev tells of them: which volumes came and went, and whether the settings allow them.

The only file that imports pyudev. The monitor serves as a bell only: at each ring (and on a timer, because an
overflowing monitor loses events for good) all block devices are enumerated and compared with what was known. So a
volume that was there before the start, an event that was lost and a volume that was told of twice are one case.
"""

import dataclasses
import fnmatch
import queue
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import pyudev

from ingestd.core.clock import Clock
from ingestd.core.errors import UnavailableError
from ingestd.core.settings import UdevSettings

RECONCILE_SECONDS: Final = 10.0

_POLL_SECONDS: Final = 0.5
UDEV_SIGN: Final = Path("/run/udev/control")
"""There while udev runs. Without it libudev hears nothing, and says nothing of that."""


_PROPERTIES: Final = (
    "DEVNAME",
    "DEVTYPE",
    "DISKSEQ",
    "PARTN",
    "USEC_INITIALIZED",
    "ID_BUS",
    "ID_PATH",
    "ID_USB_DRIVER",
    "ID_USB_VENDOR_ID",
    "ID_USB_MODEL_ID",
    "ID_USB_MODEL",
    "ID_USB_SERIAL_SHORT",
    "ID_VENDOR_ID",
    "ID_MODEL_ID",
    "ID_MODEL",
    "ID_SERIAL_SHORT",
    "ID_FS_TYPE",
    "ID_FS_USAGE",
    "ID_FS_LABEL",
    "ID_FS_LABEL_ENC",
    "ID_FS_UUID",
    "ID_PART_TABLE_TYPE",
)


class DeviceAction(StrEnum):
    """What became of a volume."""

    ADDED = "added"
    REMOVED = "removed"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """A volume (a partition, or a disk that is one file system) that came, went, or is none of ours.

    `diskseq` is the kernel's number of this very medium, never used twice: it tells a volume apart where
    `device_node` is used again for the next one; null before Linux 5.15. `bay` is the name that the settings give to
    the USB port, else udev's path of it. What udev does not say is the empty text. `reason` says why it is ignored.
    """

    action: DeviceAction
    device_node: str
    diskseq: int | None = None
    partition: int = 0
    bay: str = ""
    fs_type: str = ""
    label: str = ""
    fs_uuid: str = ""
    usb_id: str = ""
    serial: str = ""
    model: str = ""
    reason: str = ""


def classify(properties: Mapping[str, str], settings: UdevSettings) -> DeviceEvent:
    """Judge a block device by its udev properties (with `ACTION` of an event, or without as enumerated)."""
    path = properties.get("ID_PATH", "")
    vendor = properties.get("ID_USB_VENDOR_ID") or properties.get("ID_VENDOR_ID", "")
    product = properties.get("ID_USB_MODEL_ID") or properties.get("ID_MODEL_ID", "")
    event = DeviceEvent(
        action=DeviceAction.REMOVED if properties.get("ACTION") == "remove" else DeviceAction.ADDED,
        device_node=properties.get("DEVNAME", ""),
        diskseq=_number(properties.get("DISKSEQ", "")),
        partition=_number(properties.get("PARTN", "")) or 0,
        bay=bay_of(path, settings.bays),
        fs_type=properties.get("ID_FS_TYPE", ""),
        label=_decoded(properties.get("ID_FS_LABEL_ENC") or properties.get("ID_FS_LABEL", "")),
        fs_uuid=properties.get("ID_FS_UUID", ""),
        usb_id=f"{vendor}:{product}".lower() if vendor and product else "",
        serial=properties.get("ID_USB_SERIAL_SHORT") or properties.get("ID_SERIAL_SHORT", ""),
        model=properties.get("ID_USB_MODEL") or properties.get("ID_MODEL", ""),
    )
    reason = _reason_to_ignore(properties, event, settings)
    return dataclasses.replace(event, action=DeviceAction.IGNORED, reason=reason) if reason else event


def bay_of(id_path: str, bays: Mapping[str, str]) -> str:
    """The name of the bay at a USB port; the path itself where the settings name none.

    A key of `bays` is udev's `ID_PATH` of the port (`pci-0000:00:14.0-usb-0:3`) or of anything behind it; the longest
    that fits wins. `…usb-0:3` fits neither port 31 nor the hub port 3.1.
    """
    fitting = [key for key in bays if id_path == key or id_path.startswith((f"{key}:", f"{key}-"))]
    return bays[max(fitting, key=len)] if fitting else id_path


def _reason_to_ignore(properties: Mapping[str, str], event: DeviceEvent, settings: UdevSettings) -> str:
    if not _is_on_usb(properties):
        return "not on USB"
    if properties.get("DEVTYPE") == "disk" and not event.fs_type:
        return "a disk without a file system of its own"
    if not event.fs_type:
        return "no file system that is known"
    if properties.get("ID_FS_USAGE", "filesystem") != "filesystem":
        return f"holds no files but {event.fs_type}"
    # The console of a bureau may write labels and ids in any case; fnmatch's own folding depends on the system.
    is_allowed_id = any(fnmatch.fnmatchcase(event.usb_id, allowed.lower()) for allowed in settings.allowed_usb_ids)
    is_allowed_label = event.label != "" and any(
        fnmatch.fnmatchcase(event.label.casefold(), allowed.casefold()) for allowed in settings.allowed_labels
    )
    if not is_allowed_id and not is_allowed_label:
        return f"neither USB id {event.usb_id or 'unknown'} nor label {event.label!r} is allowed by the settings"
    return ""


def _is_on_usb(properties: Mapping[str, str]) -> bool:
    # Bridges that speak ATA are named `ata` by udev; their path still tells.
    return (
        properties.get("ID_BUS") == "usb" or "ID_USB_DRIVER" in properties or "-usb-" in properties.get("ID_PATH", "")
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _decoded(text: str) -> str:
    """Undo udev's `\\x20` escapes; bytes that are no UTF-8 stay escaped."""
    raw = re.sub(
        rb"\\x([0-9a-fA-F]{2})", lambda match: bytes.fromhex(match[1].decode()), text.encode("utf-8", "surrogateescape")
    )
    return raw.decode("utf-8", "backslashreplace").strip()


class UdevWatch:
    """Tells of volumes as they come and go, in a thread of its own.

    Args:
        settings: allow lists and bays.
        on_event: called in this object's thread, one event after the other. It may take its time (the monitor has a
            thread of its own and is never held up), but must not raise.
        clock: its steady time is used.
        udev_sign: a path that exists while udev runs.
        reconcile_seconds: devices are enumerated this often without any event.
    """

    def __init__(
        self,
        settings: UdevSettings,
        on_event: Callable[[DeviceEvent], None],
        clock: Clock,
        udev_sign: Path = UDEV_SIGN,
        reconcile_seconds: float = RECONCILE_SECONDS,
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._clock = clock
        self._udev_sign = udev_sign
        self._reconcile_seconds = reconcile_seconds
        self._known: dict[tuple[str, int], DeviceEvent] = {}
        self._events: queue.SimpleQueue[DeviceEvent | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._monitoring = threading.Thread(target=self._monitor, name="udev-monitor", daemon=True)
        self._telling = threading.Thread(target=self._tell, name="udev-events", daemon=True)
        self._context: pyudev.Context | None = None
        self._problem = ""

    def start(self) -> None:
        """Begin to watch; volumes that are plugged in already are told of as added.

        Raises:
            UnavailableError: there is no libudev or no running udev here; the station works without this inlet.
        """
        advice = "install and start udev, or set udev.enabled = false"
        try:
            self._context = pyudev.Context()
        except (ImportError, OSError, AttributeError) as error:
            raise UnavailableError(
                f"recorders on USB are not noticed: libudev cannot be used ({error})", advice
            ) from error
        if not self._udev_sign.exists():
            raise UnavailableError("recorders on USB are not noticed: udev does not run here", advice)
        self._monitoring.start()
        self._telling.start()

    def stop(self) -> None:
        """End both threads and wait for them; an event that is being handled is waited for."""
        self._stopping.set()
        for thread in (self._monitoring, self._telling):
            if thread.is_alive():
                thread.join()

    def is_alive(self) -> bool:
        """Whether volumes are being noticed."""
        return self._monitoring.is_alive() and self._telling.is_alive()

    @property
    def problem(self) -> str:
        """What hinders the watch now, in words; empty when nothing does."""
        return self._problem

    def _tell(self) -> None:
        while (event := self._events.get()) is not None:
            self._on_event(event)

    def _monitor(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._monitor_until_broken()
                except OSError as error:
                    # An overflown monitor raises for ever; only a new one helps. What it missed is enumerated.
                    self._problem = f"the udev monitor broke and is made anew ({error})"
                    self._stopping.wait(_POLL_SECONDS)
        finally:
            self._events.put(None)

    def _monitor_until_broken(self) -> None:
        monitor = pyudev.Monitor.from_netlink(self._context)
        monitor.filter_by("block")
        # Listening begins before the enumeration: what comes in between is told by both and counted once.
        monitor.start()
        self._reconcile()
        self._problem = ""
        reconcile_at = self._clock.steady_seconds() + self._reconcile_seconds
        while not self._stopping.is_set():
            has_rung = monitor.poll(_POLL_SECONDS) is not None
            while has_rung and monitor.poll(0) is not None:
                pass
            if has_rung or self._clock.steady_seconds() >= reconcile_at:
                self._reconcile()
                reconcile_at = self._clock.steady_seconds() + self._reconcile_seconds

    def _reconcile(self) -> None:
        """Compare the devices that are there with those known, and tell of the difference."""
        present = {_identity(event): event for event in self._enumerate()}
        for identity, event in list(self._known.items()):
            if identity not in present or present[identity].action is not event.action:
                del self._known[identity]
                if event.action is DeviceAction.ADDED:
                    self._events.put(dataclasses.replace(event, action=DeviceAction.REMOVED))
        for identity, event in present.items():
            if identity not in self._known:
                self._known[identity] = event
                self._events.put(event)

    def _enumerate(self) -> list[DeviceEvent]:
        events = []
        for device in pyudev.Enumerator(self._context).match_subsystem("block"):
            # By name and not all: the kernel lets some through, as a partition's name, that are no UTF-8.
            found = {name: device.properties.get(name) for name in _PROPERTIES}
            properties = {name: text for name, text in found.items() if text is not None}
            # Without a time of initialisation udev has not looked at it yet; it rings again when it has.
            if "USEC_INITIALIZED" in properties and _is_on_usb(properties) and not _is_partitioned(properties):
                events.append(classify(properties, self._settings))
        return events


def _is_partitioned(properties: Mapping[str, str]) -> bool:
    is_table = "ID_PART_TABLE_TYPE" in properties and "ID_FS_TYPE" not in properties
    return properties.get("DEVTYPE") == "disk" and is_table


def _identity(event: DeviceEvent) -> tuple[str, int]:
    """What tells a volume apart: the medium's number and the partition's; the node where there is no such number."""
    medium = event.device_node if event.diskseq is None else str(event.diskseq)
    return medium, event.partition

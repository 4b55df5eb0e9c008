"""The worker that enters what helpers did to recorders, and what a recorder told before it came back as a disk."""

import datetime as dt
from collections.abc import Callable, Mapping

import structlog

from ingestd.core.device_acts import told_of_disk
from ingestd.core.errors import StoreError
from ingestd.daemon.background import Worker
from ingestd.devices.udev import DeviceEvent
from ingestd.pipeline.device_acts import DeviceActsDesk
from ingestd.pipeline.parts import Parts
from ingestd.stores.deviceacts import DeviceActs


class DeviceActsWork:
    """Enters helpers' acts when it is woken. A file that must be left where it is, is warned of once."""

    def __init__(self, parts: Parts, on_error: Callable[[str, str], None]) -> None:
        self._acts = DeviceActs(parts.chronicle.engine)
        self._desk = DeviceActsDesk(parts.settings.device_acts_dir, self._acts, parts.chronicle)
        self._warned: set[tuple[str, str]] = set()
        self.worker = Worker("device-acts", self._step, parts.stop, on_error, idle_seconds=None)

    def told(self, event: DeviceEvent, came_at: dt.datetime) -> Mapping[str, str]:
        """What the recorder that is this disk now told before, as of `Mounted.volume`; nothing where that is not sure.

        Called at the docking: its footage is taken in whatever becomes of this.
        """
        if not event.usb_path:
            return {}
        try:
            self._step()
            return told_of_disk(self._acts.at_port(event.usb_path), event.serial, came_at)
        except StoreError as error:
            structlog.get_logger().warning("device_acts.failed", words=error.message)
            return {}

    def _step(self) -> bool:
        taken = self._desk.take_over()
        log = structlog.get_logger()
        for file, reason in taken.unreadable:
            log.warning("device_acts.unreadable", file=file, reason=reason)
        for file, reason in taken.left:
            if (file, reason) not in self._warned:
                log.warning("device_acts.left", file=file, reason=reason)
        self._warned = set(taken.left)
        return False

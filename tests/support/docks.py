"""Dockings of recorders that tell a USB serial: a folder in the place of their volume, with the facts of a device."""

import os
from pathlib import Path

from ingestd.core.model import Inlet, Progress
from ingestd.devices.dock import open_docking
from ingestd.devices.mounts import Mounted
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.run import DockingResult, take_in


class DeviceFolder:
    """A folder that is mounted as the volume of a device with these facts (`usb_serial`, `usb_path`, …)."""

    def __init__(self, root: Path, **volume: str) -> None:
        self._root = root
        self._volume = {"transport": "block", **volume}

    def mount(self) -> Mounted:
        """The folder's root; the medium is there as long as the folder is."""
        return Mounted(os.open(self._root, os.O_RDONLY | os.O_DIRECTORY), self._volume, self._root.exists)


def plug(card: Path, parts: Parts, *, bay: str = "bay-1", **volume: str) -> tuple[DockingResult, Progress]:
    """One docking at a bay; how it ended, and the bay's last word. The recorder stays in its bay."""
    words: list[Progress] = []
    limits = parts.settings.copying
    with open_docking(
        DeviceFolder(card, **volume),
        bay=bay,
        inlet=Inlet.UDEV,
        profiles=parts.profiles,
        zone=parts.settings.station.zone_info,
        clock=parts.clock,
        max_entries=limits.max_entries,
        max_depth=limits.max_depth,
        owners_of=parts.fleet.owners_of,
    ) as docked:
        return take_in(docked, parts, words.append), words[-1]

"""A make-believe USB bus: libumockdev by ctypes, for a program that runs under `umockdev-run`.

Run as a program (`umockdev-run -- python -m tests.support.umockdev`) it reads scenes as JSON, starts a real `UdevWatch`
on a fresh bus for each, plays its steps in order, and prints the events that each step brought, as JSON.

Steps: `start` or `start:SECONDS` between enumerations; `plug`, `change` or `unplug` and a device; `vanish` and a device
(gone without an event); `storm` and a device (five hundred changes of each part);
`break` (the monitor's socket fails for good); `deafen` (nothing comes through it any more, and it does not fail).
A device is a recorded dump, moved to where the scene wants it: `usb-custom-exfat@port=4,disk=sdb,diskseq=13`, of which
`only=sdb1` is the part of that name.
"""

import ctypes
import dataclasses
import json
import os
import queue
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyudev

from ingestd.core.clock import SystemClock
from ingestd.core.settings import UdevSettings
from ingestd.devices.udev import DeviceEvent, UdevWatch

PROJECT = Path(__file__).parent.parent.parent
DUMPS = PROJECT / "tests" / "data" / "udev"
RECORDERS: dict[str, Any] = {
    "allowed_usb_ids": ["1209:*"],
    "bays": {f"pci-0000:00:14.0-usb-0:{number}": f"bay {number}" for number in range(1, 8)},
}
"""Settings: the recorders of most dumps are allowed, and seven ports are bays."""

_MARKER = "usb-storage-noserial-superfloppy@port=99,disk=sdz,only=sdz,diskseq="
_NEVER_SECONDS = 3600.0
"""Between two enumerations without a ring, far beyond any patience: what a scene tells of was rung for."""
_BYSTANDER = "P: /devices/virtual/block/loop0\nE: SUBSYSTEM=block\nE: DEVTYPE=disk\n"
"""A disk that is not on USB: it rings, and is no news."""

Told = list[list[dict[str, Any]]]


@dataclass(frozen=True)
class Scene:
    """Steps, and the `[udev]` settings that they are played with.

    A step that brings nothing in `patience_seconds` has failed.
    """

    steps: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=lambda: RECORDERS)
    patience_seconds: float = 30.0


def missing() -> str:
    """Why this bus cannot be had here; empty where it can."""
    if shutil.which("umockdev-run") is None:
        return "umockdev is not installed (apt install umockdev)"
    return ""


def play(scenes: dict[str, Scene]) -> dict[str, Told]:
    """Play scenes in a program of their own; by name, the events after each step."""
    command = ["umockdev-run", "--", sys.executable, "-m", "tests.support.umockdev"]
    text = json.dumps({name: dataclasses.asdict(scene) for name, scene in scenes.items()})
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    told: dict[str, Told] = json.loads(done.stdout)
    return told


def blocks_of(device: str) -> list[str]:
    """The parts of a device (see above), in umockdev's language: one with its interfaces, disks and partitions."""
    dump, _, wishes = device.partition("@")
    wanted = dict(wish.split("=", 1) for wish in wishes.split(",") if wish)
    text = (DUMPS / f"{dump}.properties.txt").read_text("utf-8")
    if "diskseq" in wanted:
        text = re.sub(r"DISKSEQ=\d+", f"DISKSEQ={wanted['diskseq']}", text)
    if "port" in wanted:
        # Whatever differs between two ports: path, host and number of the device.
        place = wanted["port"].replace(".", "")
        text = re.sub(r"/1-\d(?=[/:\n])", f"/1-{wanted['port']}", text)
        text = re.sub(r"usb-0:\d", f"usb-0:{wanted['port']}", text)
        text = re.sub(r"host\d/target\d:", f"host{place}/target{place}:", text)
        text = re.sub(r"(bus/usb/001)/\d+", rf"\1/{100 + int(place):03}", text)
    if "disk" in wanted:
        text = re.sub(r"\bsda(?=\d?\b)", wanted["disk"], text)
    blocks = [block.strip() + "\n" for block in text.split("\n\n") if block.strip()]
    return [block for block in blocks if block.splitlines()[0].endswith(f"/{wanted.get('only', '')}".rstrip("/"))]


class MockBus:
    """The bus; devices come and go by the dumps that were recorded of real ones.

    `pace` is called after each event: where a dozen go unread (the queue of a Unix socket), umockdev ends the program.
    """

    def __init__(self, pace: Callable[[], object]) -> None:
        self._pace = pace
        self._lib = ctypes.CDLL("libumockdev.so.0")
        pointer = ctypes.c_void_p
        self._lib.umockdev_testbed_new.restype = pointer
        self._lib.umockdev_testbed_add_from_string.argtypes = [pointer, ctypes.c_char_p, pointer]
        self._lib.umockdev_testbed_uevent.argtypes = [pointer, ctypes.c_char_p, ctypes.c_char_p]
        self._lib.umockdev_testbed_remove_device.argtypes = [pointer, ctypes.c_char_p]
        if not self._lib.umockdev_in_mock_environment():
            raise SystemExit("run under umockdev-run")
        self._bus = self._lib.umockdev_testbed_new()
        self._lib.umockdev_testbed_get_root_dir.restype = ctypes.c_char_p
        self._lib.umockdev_testbed_get_root_dir.argtypes = [pointer]
        self.root = Path(self._lib.umockdev_testbed_get_root_dir(self._bus).decode())
        self._add(_BYSTANDER)

    def plug(self, device: str) -> None:
        for block in blocks_of(device):
            self._add(block)

    def unplug(self, device: str, *, is_told: bool = True) -> None:
        for path in reversed(_paths(blocks_of(device))):
            if is_told:
                self._tell(path, b"remove")
            self._lib.umockdev_testbed_remove_device(self._bus, path)
            # umockdev leaves this one behind and then refuses the next device of that name.
            (self.root / "sys/block" / Path(path.decode()).name).unlink(missing_ok=True)
        if is_told:
            # umockdev can tell of a removal only while the device is still there, and who looks at once sees it. The
            # kernel tells of it behind the removal: so does this ring.
            (bystander,) = _paths([_BYSTANDER])
            self._tell(bystander, b"change")

    def change(self, device: str) -> None:
        for path in _paths(blocks_of(device)):
            self._tell(path, b"change")

    def close(self) -> None:
        gobject = ctypes.CDLL("libgobject-2.0.so.0")
        gobject.g_object_unref.argtypes = [ctypes.c_void_p]
        gobject.g_object_unref(self._bus)

    def _add(self, block: str) -> None:
        if not self._lib.umockdev_testbed_add_from_string(self._bus, block.encode(), None):
            raise SystemExit(f"umockdev refuses {block}")
        self._pace()

    def _tell(self, path: bytes, action: bytes) -> None:
        self._lib.umockdev_testbed_uevent(self._bus, path, action)
        self._pace()


def _paths(blocks: list[str]) -> list[bytes]:
    return [f"/sys{block.splitlines()[0].removeprefix('P: ')}".encode() for block in blocks]


class _Stage:
    """One scene being played."""

    def __init__(self, scene: Scene, pace: Callable[[], object]) -> None:
        self.bus = MockBus(pace)
        self._patience_seconds = scene.patience_seconds
        self._heard: queue.SimpleQueue[DeviceEvent] = queue.SimpleQueue()
        self._markers = 9000
        settings = UdevSettings.model_validate(scene.settings)
        start = next((step for step in scene.steps if step.startswith("start:")), f"start:{_NEVER_SECONDS}")
        interval = float(start.partition(":")[2])
        self.watch = UdevWatch(settings, self._heard.put, SystemClock(), DUMPS, interval, spacing_seconds=0.02)

    def events(self) -> list[dict[str, Any]]:
        """All that a step brought: a stick far away is plugged in and out, and whatever was told before it is in."""
        self._markers += 1
        marker = f"{_MARKER}{self._markers}"
        told = []
        for act in (self.bus.plug, self.bus.unplug):
            act(marker)
            while (event := self._heard.get(timeout=self._patience_seconds)).diskseq != self._markers:
                told.append(dataclasses.asdict(event))
        return told

    def next_event(self) -> list[dict[str, Any]]:
        """The next event, however long nothing rings."""
        return [dataclasses.asdict(self._heard.get(timeout=self._patience_seconds))]


def _play(scene: Scene, monitors: list[pyudev.Monitor]) -> Told:
    stage = _Stage(scene, lambda: _let_read(monitors))
    told: Told = []
    is_started = False
    for step in scene.steps:
        verb, _, device = step.partition(":")
        match verb:
            case "start":
                stage.watch.start()
                is_started = True
            case "plug":
                stage.bus.plug(device)
            case "change":
                stage.bus.change(device)
            case "storm":
                for _ in range(500):
                    stage.bus.change(device)
            case "break":
                # Held on to no longer than this: one that nobody reads would fill up and stop the sender.
                _break(monitors.pop())
            case "deafen":
                _deafen(monitors[0])
            case "unplug" | "vanish":
                stage.bus.unplug(device, is_told=verb == "unplug")
        if is_started:
            told.append(stage.next_event() if verb == "vanish" else stage.events())
        else:
            told.append([])
    stage.watch.stop()
    monitors.clear()
    stage.bus.close()
    return told


def _let_read(monitors: list[pyudev.Monitor]) -> None:
    """Wait until the watch has taken in what was sent."""
    while monitors and select.select([monitors[0].fileno()], [], [], 0)[0]:
        time.sleep(0.001)


def _break(monitor: pyudev.Monitor) -> None:
    """Put in the place of its socket what only ever has an error to tell: a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, monitor.fileno())
    os.close(writer)


def _deafen(monitor: pyudev.Monitor) -> None:
    """Put in the place of its socket what never has anything to tell: a pipe that nobody writes to."""
    reader, _ = os.pipe()
    os.dup2(reader, monitor.fileno())
    os.close(reader)


def main(scenes: dict[str, dict[str, Any]]) -> None:
    monitors: list[pyudev.Monitor] = []
    make = pyudev.Monitor.from_netlink

    def from_netlink(context: pyudev.Context) -> pyudev.Monitor:
        monitors[:] = [make(context)]
        return monitors[0]

    pyudev.Monitor.from_netlink = from_netlink
    print(json.dumps({name: _play(Scene(**scene), monitors) for name, scene in scenes.items()}))


if __name__ == "__main__":
    main(json.load(sys.stdin))

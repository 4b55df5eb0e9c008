"""A make-believe USB bus: libumockdev by ctypes, for a program that runs under `umockdev-run`.

Run as a program (`umockdev-run -- python -m tests.support.umockdev SCENARIO…`) it starts a real `UdevWatch` on that
bus, plays the steps in order and prints each event as a line of JSON, with a line of `"step"` after each step.
Steps: `start` or `start:SECONDS` between enumerations, `plug:DUMP` or `plug:DUMP:DISKSEQ`, `change:DUMP`,
`unplug:DUMP`, `vanish:DUMP` (gone without an event).
"""

import ctypes
import dataclasses
import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from ingestd.core.clock import SystemClock
from ingestd.core.settings import UdevSettings
from ingestd.devices.udev import DeviceEvent, UdevWatch

DUMPS = Path(__file__).parent.parent / "data" / "udev"
SETTINGS = UdevSettings(allowed_usb_ids=("1209:*",), bays={"pci-0000:00:14.0-usb-0:3": "bay 3"})
QUIET_SECONDS = 0.6


def missing() -> str:
    """Why this bus cannot be had here; empty where it can."""
    if shutil.which("umockdev-run") is None:
        return "umockdev is not installed (apt install umockdev)"
    return ""


def play(*steps: str) -> list[list[dict[str, object]]]:
    """Play steps in a program of their own; the events after each step."""
    command = ["umockdev-run", "--", sys.executable, "-m", "tests.support.umockdev", *steps]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=DUMPS.parent.parent.parent)
    assert done.returncode == 0, done.stderr
    events: list[list[dict[str, object]]] = [[]]
    for line in done.stdout.splitlines():
        document = json.loads(line)
        if "step" in document:
            events.append([])
        else:
            events[-1].append(document)
    return events[:-1]


def blocks_of(dump: str, diskseq: str = "") -> list[str]:
    """The devices of a recorded property dump, in umockdev's language."""
    text = (DUMPS / f"{dump}.properties.txt").read_text("utf-8")
    if diskseq:
        text = re.sub(r"DISKSEQ=\d+", f"DISKSEQ={diskseq}", text)
    return [block.strip() + "\n" for block in text.split("\n\n") if block.strip()]


class MockBus:
    """The bus; devices come and go by the dumps that were recorded of real ones."""

    def __init__(self) -> None:
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
        self._root = Path(self._lib.umockdev_testbed_get_root_dir(self._bus).decode())

    def plug(self, dump: str, diskseq: str = "") -> None:
        for block in blocks_of(dump, diskseq):
            if not self._lib.umockdev_testbed_add_from_string(self._bus, block.encode(), None):
                raise SystemExit(f"umockdev refuses {block}")

    def unplug(self, dump: str, *, is_told: bool = True) -> None:
        for path in reversed(self._paths(dump)):
            if is_told:
                self._lib.umockdev_testbed_uevent(self._bus, path, b"remove")
            self._lib.umockdev_testbed_remove_device(self._bus, path)
            # umockdev leaves this one behind and then refuses the next device of that name.
            (self._root / "sys/block" / Path(path.decode()).name).unlink(missing_ok=True)

    def change(self, dump: str) -> None:
        for path in self._paths(dump):
            self._lib.umockdev_testbed_uevent(self._bus, path, b"change")

    def _paths(self, dump: str) -> list[bytes]:
        return [f"/sys{block.splitlines()[0].removeprefix('P: ')}".encode() for block in blocks_of(dump)]


class _Quiet:
    """Knows when nothing more comes."""

    def __init__(self) -> None:
        self._heard = threading.Event()

    def hear(self, event: DeviceEvent) -> None:
        print(json.dumps(dataclasses.asdict(event)), flush=True)
        self._heard.set()

    def wait(self) -> None:
        while self._heard.wait(QUIET_SECONDS):
            self._heard.clear()


def main(steps: list[str]) -> None:
    bus, quiet = MockBus(), _Quiet()
    interval = next((float(step.partition(":")[2] or 3600) for step in steps if step.startswith("start")), 3600.0)
    watch = UdevWatch(SETTINGS, quiet.hear, SystemClock(), udev_sign=DUMPS, reconcile_seconds=interval)
    for step in steps:
        verb, dump, number = (*step.split(":"), "", "")[:3]
        if verb == "start":
            watch.start()
        elif verb == "plug":
            bus.plug(dump, number)
        elif verb == "change":
            bus.change(dump)
        else:
            bus.unplug(dump, is_told=verb == "unplug")
        quiet.wait()
        print(json.dumps({"step": step}), flush=True)
    watch.stop()


if __name__ == "__main__":
    main(sys.argv[1:])

"""Mounts one volume for the station, read-only, and leaves it standing: the work of the system's mount unit.

No file of the medium is opened here, and nothing of it is parsed but what udev has told and the kernel mounts.
"""

import fcntl
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ingestd.core.clock import Clock, SystemClock
from ingestd.core.errors import RefusedError, SourceGoneError, UnavailableError
from ingestd.core.stop import Stop
from ingestd.devices.mountinfo import mounts_of, volume_presence
from ingestd.devices.mounts import is_held, is_mount_point, known_file_system, mount_read_only, unmount
from ingestd.devices.usb import DeviceEvent

UDEVADM: Final = "/bin/udevadm"
HELD_SECONDS: Final = 60.0
"""How long the readers of the card before are waited for; the unit is given 90 s in all."""

_ANSWER_SECONDS: Final = 10.0
_LOOK_EVERY_SECONDS: Final = 0.2

# linux/fs.h
_BLKROSET, _BLKROGET = 0x125D, 0x125E


def udev_properties(kernel_name: str) -> Mapping[str, str]:
    """What udev knows of a block device.

    Args:
        kernel_name: as `sda1`.

    Raises:
        SourceGoneError: there is no such device.
        UnavailableError: udev cannot be asked.
    """
    try:
        answer = subprocess.run(
            [UDEVADM, "info", "--query=property", f"--name=/dev/{kernel_name}"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"udev cannot be asked about {kernel_name} ({error})") from error
    if answer.returncode != 0:
        raise SourceGoneError(f"/dev/{kernel_name} is not there (any more)", "plug the recorder in again")
    return parse_properties(answer.stdout)


def parse_properties(raw: bytes) -> Mapping[str, str]:
    """Read `KEY=value` lines; the first of a key counts, and a line without a key is left out."""
    properties: dict[str, str] = {}
    # Only the line feed ends a line: a name may hold anything else that str.splitlines takes for an end.
    for line in raw.decode("utf-8", "backslashreplace").split("\n"):
        key, separator, value = line.partition("=")
        if separator and key:
            properties.setdefault(key, value)
    return properties


def mount_and_leave(
    volume: DeviceEvent, point: Path, uid: int, gid: int, *, held_seconds: float = HELD_SECONDS
) -> None:
    """Mount a volume that was judged before; it stays when this process has ended.

    The device itself is set read-only first: no mount and no program can write to it from then on until it is plugged
    in anew.

    Args:
        volume: as `devices.usb.classify` gave it.
        point: the mount point, made here; its parent exists.
        uid, gid: who may read on file systems that keep no owners.
        held_seconds: how long a file system is waited for that still lives though nobody sees it.

    Raises:
        RefusedError: it is mounted elsewhere, held by others, or no file system that the station reads.
        SourceGoneError: the medium went away, or another stands in its place.
        SourceError: it cannot be mounted.
        UnavailableError: a right is missing.
    """
    node = volume.device_node
    known_file_system(volume)
    if found := mounts_of(node, diskseq=volume.diskseq):
        raise RefusedError(f"{node} is mounted at {found[0].mount_point} already")
    is_there = volume_presence(node, volume.diskseq)
    set_read_only(node)
    if is_mount_point(point):
        # What a recorder or card that was pulled has left behind; a mount above it would hide it for good.
        unmount(point)
    wait_until_free(node, is_there, SystemClock(), held_seconds)
    mount_read_only(volume, point, uid, gid, is_there)
    if not is_there():
        unmount(point)
        raise SourceGoneError(f"{node} went away while it was mounted", "plug the recorder in again")


def wait_until_free(node: str, is_there: Callable[[], bool], clock: Clock, seconds: float) -> None:
    """Wait until no file system of this device lives any more.

    Raises:
        SourceGoneError: the medium went away.
        RefusedError: it is still held after so many seconds.
    """
    stop, give_up_at = Stop(), clock.steady_seconds() + seconds
    while is_held(node):
        if not is_there():
            raise SourceGoneError(f"{node} went away before it was mounted", "plug the recorder in again")
        if clock.steady_seconds() >= give_up_at:
            raise RefusedError(f"{node} is still held by whoever read the card before", f"fuser -m {node}")
        stop.wait(_LOOK_EVERY_SECONDS)


def set_read_only(node: str, *, is_read_only: bool = True) -> None:
    """Have the kernel refuse every write to a block device, or let them pass again, until it is plugged in anew.

    Raises:
        SourceGoneError: it cannot be opened.
        UnavailableError: no right to.
        RefusedError: it stays writable.
    """
    try:
        descriptor = os.open(node, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise SourceGoneError(f"{node} cannot be opened ({error.strerror})", "plug the recorder in again") from error
    try:
        fcntl.ioctl(descriptor, _BLKROSET, int(is_read_only).to_bytes(4, "little"))
        stays_writable = not any(fcntl.ioctl(descriptor, _BLKROGET, bytes(4)))
    except OSError as error:
        raise UnavailableError(f"{node} cannot be set read-only ({error.strerror})") from error
    finally:
        os.close(descriptor)
    if is_read_only and stays_writable:
        raise RefusedError(f"{node} stays writable; evidence must not change")

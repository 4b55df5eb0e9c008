"""The way to a recorder that hands out its files by MTP: a read-only FUSE mount, made by a unit or by this process.

Which program, why, and what cannot be proved over MTP: docs/design/mtp.md.
"""

import contextlib
import errno
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ingestd.core.clock import Clock
from ingestd.core.errors import RefusedError, SourceError, SourceGoneError, UnavailableError
from ingestd.core.findings import Finding, finding
from ingestd.core.stop import Stop
from ingestd.devices.mountinfo import MOUNTINFO, MountLine, mounts
from ingestd.devices.mounts import Mounted, Mounter, may_mount, shown_path, unmount, volume_facts
from ingestd.devices.usb import DeviceEvent

MTP_DIR: Final = Path("/run/ingestd/mtp")
"""Where `ingestd-mtp@.service` mounts, under the recorder's place on USB: `001-004`."""

PROGRAM: Final = Path("/usr/bin/jmtpfs")
FS_TYPE: Final = "fuse.jmtpfs"
TRANSPORT: Final = "mtp"
"""What a docking's `volume.transport` says, and with it each sidecar."""

SYS: Final = Path("/sys")
WAIT_SECONDS: Final = 120.0
"""A phone shows no storage before somebody has unlocked it."""

_RETRY_SECONDS: Final = 0.2
_END_SECONDS: Final = 10.0
_ENDED: Final = {errno.ENOTCONN, errno.ECONNABORTED, errno.ESHUTDOWN}
"""What the kernel answers for a FUSE program that is no more."""


def usb_presence(usb_path: str, device_number: str, sys: Path = SYS) -> Callable[[], bool]:
    """A question that is true as long as this very device is plugged in.

    The kernel counts devices of a bus upwards and gives the number of a pulled one to the next only after all others:
    with the same port it tells the recorder apart from whatever is plugged in after it.

    Args:
        usb_path: udev's DEVPATH of the USB device.
        device_number: bus and device, as `001/004`.
    """
    place = sys / usb_path.lstrip("/")
    bus, _, device = (part.lstrip("0") for part in device_number.partition("/"))

    def is_there() -> bool:
        return bool(usb_path and bus and device) and (_read(place / "busnum"), _read(place / "devnum")) == (bus, device)

    return is_there


def mount_point_of(device_number: str, mount_dir: Path) -> Path:
    """Where a recorder is mounted: `001/004` at `001-004`."""
    return mount_dir / device_number.replace("/", "-")


def command_line(program: Path, device_number: str, point: Path) -> list[str]:
    """The FUSE program in the foreground, for one recorder: nothing can be written through its mount.

    One thread only (`-s`): a file that is closed and opened again is then fetched again, in this order.
    """
    bus, _, device = device_number.partition("/")
    options = "ro,nosuid,nodev,noexec,allow_other"
    return [str(program), "-f", "-s", f"-device={int(bus)},{int(device)}", "-o", options, str(point)]


class MtpMounter:
    """A recorder whose files come by MTP.

    Args:
        device: an event of kind MTP.
        stop, clock: mount and storage may come later than the device; they are waited for.
        mount_dir: the mount is expected in it, under the recorder's place on USB.
        program: started here and ended with the card; null where a unit does so.
        wait_seconds: how long mount and storage may take.
        sys, mountinfo: where the kernel tells of devices and mounts.
    """

    def __init__(
        self,
        device: DeviceEvent,
        stop: Stop,
        clock: Clock,
        *,
        mount_dir: Path = MTP_DIR,
        program: Path | None = None,
        wait_seconds: float = WAIT_SECONDS,
        sys: Path = SYS,
        mountinfo: Path = MOUNTINFO,
    ) -> None:
        self._device = device
        self._stop = stop
        self._clock = clock
        self._point = mount_point_of(device.device_number, mount_dir)
        self._program = program
        self._wait_seconds = wait_seconds
        self._is_there = usb_presence(device.usb_path, device.device_number, sys)
        self._mountinfo = mountinfo

    def mount(self) -> Mounted:
        """As `Mounter.mount`."""
        self._refuse_if_gone()
        give_up_at = self._clock.steady_seconds() + self._wait_seconds
        with contextlib.ExitStack() as stack:
            child = None
            if self._program is not None:
                child = _started(self._program, self._device.device_number, self._point)
                stack.callback(_end, child, self._point)
            while (line := self._standing()) is None:
                self._wait("is mounted nowhere", "systemctl status 'ingestd-mtp@*'", child, give_up_at)
            self._refuse_writable(line)
            while not _has_storage(self._point):
                advice = (
                    "unlock it and choose file transfer, then plug it in again · 请解锁并选择文件传输，然后重新插入"
                )
                self._wait("shows no storage", advice, child, give_up_at)
            root_fd = _opened(self._point)
            ending = stack.pop_all()
        facts = {"transport": TRANSPORT, "usb_path": self._device.usb_path, "fs_type": line.fs_type}
        return Mounted(
            root_fd,
            {**volume_facts(self._device, self._point), **facts},
            lambda: self._is_there() and _is_served(root_fd),
            ending.close,
        )

    def _standing(self) -> MountLine | None:
        """The topmost mount at the point, which is the one that is seen."""
        return next((line for line in reversed(mounts(self._mountinfo)) if line.mount_point == self._point), None)

    def _refuse_writable(self, line: MountLine) -> None:
        words = f"what is mounted at {shown_path(self._point)}"
        if line.fs_type != FS_TYPE:
            raise RefusedError(f"{words} is {line.fs_type}, not {FS_TYPE}", f"umount {shown_path(self._point)}")
        if not line.is_read_only:
            raise RefusedError(f"{words} is writable; evidence must not change", f"umount {shown_path(self._point)}")

    def _refuse_if_gone(self) -> None:
        if not self._is_there():
            raise SourceGoneError(
                f"the recorder at USB {self._device.device_number} went away before it was mounted",
                "plug the recorder in again",
            )

    def _wait(self, words: str, advice: str, child: subprocess.Popen[bytes] | None, give_up_at: float) -> None:
        """Wait a moment for what is not there yet, unless there is no hope for it any more."""
        self._refuse_if_gone()
        where = f"the recorder at USB {self._device.device_number}"
        if child is not None and child.poll() is not None:
            raise SourceError(
                f"{where} cannot be mounted: {self._program} ended with {child.returncode}",
                "unlock the recorder, choose file transfer, and plug it in again",
            )
        if self._clock.steady_seconds() >= give_up_at:
            raise UnavailableError(f"{where} {words}", advice)
        self._stop.wait(_RETRY_SECONDS)
        self._stop.check()


def choose_mtp_mounter(device: DeviceEvent, mount_dir: Path, stop: Stop, clock: Clock) -> Mounter:
    """The way to an MTP recorder here: our own FUSE program where we may mount, else waiting for the unit.

    Args:
        mount_dir: where own mount points are made.

    Raises:
        UnavailableError: the table of mounts cannot be read.
    """
    unit_point = mount_point_of(device.device_number, MTP_DIR)
    try:
        is_mounted = any(line.mount_point == unit_point for line in mounts())
    except OSError as error:
        raise UnavailableError(f"the table of mounts cannot be read ({error.strerror})") from error
    if not is_mounted and may_mount() and PROGRAM.exists():
        return MtpMounter(device, stop, clock, mount_dir=mount_dir, program=PROGRAM)
    return MtpMounter(device, stop, clock)


def is_over_mtp(volume: Mapping[str, str]) -> bool:
    """Whether the files of a docking came by MTP, by its volume facts."""
    return volume.get("transport") == TRANSPORT


def transport_findings(volume: Mapping[str, str]) -> tuple[Finding, ...]:
    """What the way to a card leaves unproved, as findings of its docking; none where the medium itself was read."""
    if not is_over_mtp(volume):
        return ()
    evidence = {"transport": TRANSPORT, "read_by": volume.get("fs_type", "")}
    return (finding("read.over_mtp", evidence=evidence),)


def _started(program: Path, device_number: str, point: Path) -> subprocess.Popen[bytes]:
    try:
        point.mkdir(mode=0o700, parents=True, exist_ok=True)
        return subprocess.Popen(
            command_line(program, device_number, point),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A Ctrl-C at the terminal is for the station, which then lets go of the card in good order.
            start_new_session=True,
        )
    except OSError as error:
        raise UnavailableError(f"{program} cannot be started ({error.strerror})", "apt install jmtpfs") from error


def _end(child: subprocess.Popen[bytes], point: Path) -> None:
    """Unmount, which ends the program; where it hangs at a dead device it is killed."""
    # Without a mount there is nothing to unmount; what matters is that the process ends.
    with contextlib.suppress(SourceError):
        unmount(point)
    child.terminate()
    try:
        child.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    with contextlib.suppress(OSError):
        point.rmdir()


def _has_storage(point: Path) -> bool:
    """Whether the root shows anything: a locked phone shows nothing, and must not count as an empty recorder."""
    try:
        return bool(os.listdir(point))
    except OSError:
        return False


def _opened(point: Path) -> int:
    try:
        return os.open(point, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(f"{shown_path(point)} cannot be opened ({error.strerror})") from error


def _is_served(root_fd: int) -> bool:
    """Whether the FUSE program is alive; what the kernel has in its cache does not tell."""
    try:
        os.fstatvfs(root_fd)
    except OSError as error:
        return error.errno not in _ENDED
    return True


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""

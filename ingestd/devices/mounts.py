"""Ways to a card's root directory, read-only: a mount that is there, a mount of our own, or a plain folder."""

import contextlib
import ctypes
import errno
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from ingestd.core.clock import Clock
from ingestd.core.errors import IngestdError, RefusedError, SourceError, SourceGoneError, UnavailableError
from ingestd.core.naming import card_path
from ingestd.core.stop import Stop
from ingestd.devices.lostfound import empty_folders
from ingestd.devices.mountinfo import folder_presence, medium_mark, medium_of, mounts, mounts_of, volume_presence
from ingestd.devices.usb import DeviceEvent

MOUNT_WAIT_SECONDS: Final = 90.0
"""How long a mount that somebody else makes may take; a worn card in a slow machine needs many seconds."""

_RETRY_SECONDS: Final = 0.2
_CAP_SYS_ADMIN: Final = 21

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_NOATIME = 1, 2, 4, 8, 1024
_MNT_DETACH, _UMOUNT_NOFOLLOW = 2, 8

# Times of FAT and exFAT are taken as they stand, as if UTC: the station's zone says nothing about the recorder's
# clock. A journal is not replayed, because replaying writes to the evidence.
MOUNT_OPTIONS: Final[Mapping[str, str]] = {
    "vfat": "utf8=1,tz=UTC,umask=0077,uid={uid},gid={gid}",
    "exfat": "iocharset=utf8,time_offset=0,umask=0077,uid={uid},gid={gid}",
    "ext2": "",
    "ext3": "noload",
    "ext4": "noload",
}


class Mounted:
    """A card whose root can be read. A context manager; `close()` any number of times.

    Attributes:
        root_fd: descriptor of the root directory; becomes invalid with `close()`.
        volume: what is known of the medium; keys of `fs_type`, `label`, `fs_uuid`, `usb_id`, `usb_serial`, `model`,
            `device`, `diskseq`, `mount_point`, `transport` (`block`), `usb_path`, `is_quarantined` (`true`), `foreign`,
            `folder`, `fingerprint`, `api_device` and `api_visit` (the number that it told before it was a disk, and in
            which visit), `fat_times` (`as stored`: no zone was taken off them). Values are texts that JSON can carry.
        only: when not null, the one entry of the root that is the card (a single file in the inbox).
        is_seen_empty: as of `card.list_card`.
    """

    def __init__(
        self,
        root_fd: int,
        volume: Mapping[str, str],
        still_there: Callable[[], bool],
        release: Callable[[], None] | None = None,
        only: bytes | None = None,
        is_seen_empty: Callable[[bytes], bool] = lambda _: False,
    ) -> None:
        self.root_fd = root_fd
        self.volume = volume
        self.only = only
        self.is_seen_empty = is_seen_empty
        self._still_there = still_there
        self._release = release

    def still_there(self) -> bool:
        """Whether the medium itself is present; what the file system says is no proof of that."""
        return self.root_fd >= 0 and self._still_there()

    def close(self) -> None:
        """Let go of the card, unmounting what was mounted for it."""
        if self.root_fd < 0:
            return
        os.close(self.root_fd)
        self.root_fd = -1
        if self._release is not None:
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Mounter(Protocol):
    """One way to one card."""

    def mount(self) -> Mounted:
        """Make the card's root readable.

        Raises:
            SourceGoneError: the medium is not there any more.
            RefusedError: the card could only be had in a way that is not allowed (writable, through a link).
            SourceError: the medium or its file system cannot be read.
            UnavailableError: a right or a service that is needed is missing.
        """
        ...


class NotMountedError(UnavailableError):
    """A volume is there, and was mounted by nobody in the time that was given; it may be yet."""


class ExistingMounts:
    """A volume that somebody else mounts: systemd's mount unit, or an administrator.

    Nothing is waited for without an end, because other volumes of the bay wait meanwhile: `NotMountedError` says that
    it may be mounted yet, and `devices.latemounts` watches for that.

    Args:
        volume: the device.
        stop, clock: the mount may come a little later than the device; it is waited for.
        wait_seconds: at most so long.
        own_dir: a mount below this folder is ours, left by a run that was killed; it is unmounted in the end.
    """

    def __init__(
        self,
        volume: DeviceEvent,
        stop: Stop,
        clock: Clock,
        wait_seconds: float = MOUNT_WAIT_SECONDS,
        own_dir: Path | None = None,
    ) -> None:
        self._volume = volume
        self._stop = stop
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._own_dir = own_dir

    def mount(self) -> Mounted:
        """As `Mounter.mount`."""
        node = self._volume.device_node
        is_there = volume_presence(node, self._volume.diskseq)
        give_up_at = self._clock.steady_seconds() + self._wait_seconds
        while not (found := mounts_of(node, diskseq=self._volume.diskseq)):
            if not is_there():
                raise SourceGoneError(f"{node} went away before it was mounted", "plug the recorder in again")
            if self._clock.steady_seconds() >= give_up_at:
                advice = "mount it read-only, and it is taken in then; or run the station as root"
                raise NotMountedError(f"{node} is mounted nowhere", advice)
            self._stop.wait(_RETRY_SECONDS)
            self._stop.check()
        if not all(line.is_read_only for line in found):
            advice = f"switch off auto-mounting, then: umount {node}; mount -o ro {node} {found[0].mount_point}"
            raise RefusedError(
                f"{node} is mounted writable at {found[0].mount_point}; evidence must not change", advice
            )
        point = found[0].mount_point
        is_ours = self._own_dir is not None and point.parent == self._own_dir
        release = (lambda: unmount(point)) if is_ours else None
        is_seen_empty = empty_folders(point, self._volume.diskseq, self._stop, self._clock)
        facts = volume_facts(self._volume, point)
        return Mounted(_open_folder(point), facts, is_there, release, is_seen_empty=is_seen_empty)


class DirectMounter:
    """Mounts a volume itself, which needs CAP_SYS_ADMIN.

    Args:
        volume: the device.
        mount_dir: where mount points are made; they are removed again.
    """

    def __init__(self, volume: DeviceEvent, mount_dir: Path) -> None:
        self._volume = volume
        self._mount_dir = mount_dir

    def mount(self) -> Mounted:
        """As `Mounter.mount`."""
        node = self._volume.device_node
        known_file_system(self._volume)
        is_there = volume_presence(node, self._volume.diskseq)
        if is_held(node):
            raise UnavailableError(f"{node} is still held by whoever read the card before", f"fuser -m {node}")
        point = self._mount_dir / f"{Path(node).name}-{self._volume.diskseq or 0}"
        mount_read_only(self._volume, point, os.getuid(), os.getgid(), is_there)
        try:
            # The device may have been exchanged between the event and the mount.
            if not is_there():
                raise SourceGoneError(f"{node} went away while it was mounted", "plug the recorder in again")
            root_fd = _open_folder(point)
        except IngestdError:
            unmount(point)
            raise
        return Mounted(root_fd, volume_facts(self._volume, point), is_there, lambda: unmount(point))


class FolderMounter:
    """A folder as a card (inbox, simulator, command line), or a single file as a card of one.

    Args:
        path: the folder or file; a link is refused, because what is dropped must not lead elsewhere.
        fingerprint: of a drop in the inbox, kept with the docking so that the drop is known later.
    """

    def __init__(self, path: Path, fingerprint: str = "") -> None:
        self._path = path
        self._fingerprint = fingerprint

    def mount(self) -> Mounted:
        """As `Mounter.mount`."""
        path = self._path.absolute()
        try:
            mode = path.lstat().st_mode
        except OSError as error:
            raise SourceError(f"{shown_path(path)}: {error.strerror}") from error
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            raise RefusedError(f"{shown_path(path)} is a link or special file", "give the folder or file itself")
        is_file = stat.S_ISREG(mode)
        root = path.parent if is_file else path
        root_fd = _open_folder(root)
        facts = {"folder": shown_path(path), "fingerprint": self._fingerprint}
        return Mounted(
            root_fd,
            {key: value for key, value in facts.items() if value},
            folder_presence(root_fd, root),
            only=os.fsencode(path.name) if is_file else None,
        )


def choose_mounter(volume: DeviceEvent, mount_dir: Path, stop: Stop, clock: Clock) -> Mounter:
    """The way to a volume here: a mount that exists, else our own where we may, else waiting for the mount unit."""
    try:
        is_mounted = bool(mounts_of(volume.device_node))
    except OSError as error:
        raise UnavailableError(f"the table of mounts cannot be read ({error.strerror})") from error
    if not is_mounted and may_mount():
        return DirectMounter(volume, mount_dir)
    return ExistingMounts(volume, stop, clock, own_dir=mount_dir)


def may_mount(status: Path = Path("/proc/self/status")) -> bool:
    """Whether this process has CAP_SYS_ADMIN."""
    try:
        lines = status.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    effective = next((line.split()[1] for line in lines if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> _CAP_SYS_ADMIN & 1)


def volume_facts(volume: DeviceEvent, mount_point: Path) -> Mapping[str, str]:
    """What is known of a volume, as texts; what is not known is left out."""
    is_fat = volume.fs_type == "vfat" and volume.diskseq is not None
    facts = {
        "device": volume.device_node,
        "diskseq": "" if volume.diskseq is None else str(volume.diskseq),
        "fs_type": volume.fs_type,
        "label": volume.label,
        "fs_uuid": volume.fs_uuid,
        "usb_id": volume.usb_id,
        "usb_serial": volume.serial,
        "model": volume.model,
        "mount_point": shown_path(mount_point),
        "transport": "block",
        "usb_path": volume.usb_path,
        "is_quarantined": "true" if volume.is_quarantined else "",
        "foreign": volume.foreign,
        # The mark stands beside mounts of our own alone; of somebody else's nobody knows which zone it took off.
        "fat_times": "as stored" if is_fat and medium_of(mount_point) == str(volume.diskseq) else "",
    }
    return {key: value for key, value in facts.items() if value}


def _open_folder(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(f"{shown_path(path)} cannot be opened ({error.strerror})") from error


def shown_path(path: Path) -> str:
    """An absolute path as a text that JSON, logs and the catalogue can carry; a docking's `volume.folder` is one."""
    return card_path(os.fsencode(path.absolute())).text


def known_file_system(volume: DeviceEvent) -> None:
    """Raise where the volume holds a file system that is not mounted here.

    Raises:
        RefusedError: it does.
    """
    if volume.fs_type not in MOUNT_OPTIONS:
        known = ", ".join(MOUNT_OPTIONS)
        held = volume.fs_type or "no file system"
        raise RefusedError(f"{volume.device_node} holds {held}; only {known} are mounted")


def mount_read_only(volume: DeviceEvent, point: Path, uid: int, gid: int, is_there: Callable[[], bool]) -> None:
    """Mount a volume of a known file system, read-only and without set-user-id, device nodes or programs.

    Args:
        volume: the device.
        point: made where it is missing; it is removed again when the mount fails.
        uid, gid: owner of all files on file systems that keep none.
        is_there: whether the medium is present, to tell a pull from a fault.

    Raises:
        SourceGoneError, RefusedError, SourceError, UnavailableError: as of `Mounter.mount`.
    """
    node, fs_type = volume.device_node, volume.fs_type
    try:
        point.mkdir(mode=0o700, parents=True, exist_ok=True)
        _mark(point, volume.diskseq)
        flags = _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC | _MS_NOATIME
        mount_file_system(node, point, fs_type, MOUNT_OPTIONS[fs_type].format(uid=uid, gid=gid), flags)
    except OSError as error:
        _remove_mount_point(point)
        raise mount_error(error, node, fs_type, is_there()) from error


def is_held(node: str) -> bool:
    """Whether a file system of this device still lives, mounted or not.

    One that was unmounted in use lives until its last file is closed. A mount would join it, with all that it remembers
    of a card that may have been exchanged since.
    """
    try:
        os.close(os.open(node, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW))
    except OSError as error:
        return error.errno == errno.EBUSY
    return False


def is_mount_point(point: Path) -> bool:
    """Whether something is mounted there; a dead mount, which answers nothing else, is told as well."""
    return any(line.mount_point == point for line in mounts())


def mount_file_system(node: str, point: Path, fs_type: str, options: str, flags: int) -> None:
    """mount(2).

    Raises:
        OSError: as of it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    texts = (os.fsencode(node), os.fsencode(point), fs_type.encode())
    if libc.mount(*texts, ctypes.c_ulong(flags), options.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def unmount(point: Path) -> None:
    """Unmount now; at once and for good when idle, else out of everybody's sight until its last user lets go.

    Raises:
        SourceError: it stays mounted.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for flags in (_UMOUNT_NOFOLLOW, _UMOUNT_NOFOLLOW | _MNT_DETACH):
        if libc.umount2(os.fsencode(point), flags) == 0:
            _remove_mount_point(point)
            return
    number = ctypes.get_errno()
    raise SourceError(
        f"{shown_path(point)} cannot be unmounted ({os.strerror(number)})", f"umount -l {shown_path(point)}"
    )


def _mark(point: Path, diskseq: int | None) -> None:
    medium_mark(point).unlink(missing_ok=True)
    if diskseq is not None:
        medium_mark(point).symlink_to(str(diskseq))


def _remove_mount_point(point: Path) -> None:
    # Best effort: an empty folder that stays behind is used again by the next mount.
    with contextlib.suppress(OSError):
        point.rmdir()
        medium_mark(point).unlink(missing_ok=True)


def mount_error(error: OSError, node: str, fs_type: str, is_there: bool) -> IngestdError:
    """A failed mount(2) in the words of this program."""
    if not is_there or error.errno in (errno.ENXIO, errno.ENOMEDIUM):
        return SourceGoneError(f"{node} went away before it was mounted", "plug the recorder in again")
    if error.errno in (errno.EPERM, errno.EACCES):
        return UnavailableError(
            f"{node} cannot be mounted: no right to", "mount it read-only, or run the station as root"
        )
    if error.errno == errno.ENODEV:
        return UnavailableError(f"{node} cannot be mounted: this kernel has no {fs_type}", f"modprobe {fs_type}")
    if error.errno == errno.EBUSY:
        return RefusedError(f"{node} is mounted writable elsewhere; evidence must not change", f"umount {node}")
    return SourceError(f"{node} cannot be mounted ({error.strerror}): its {fs_type} may be damaged")

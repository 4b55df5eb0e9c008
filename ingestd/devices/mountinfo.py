"""What is mounted where (/proc/self/mountinfo), and whether a block device is still the one it was (/sys)."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOUNTINFO: Final = Path("/proc/self/mountinfo")
SYS_BLOCK: Final = Path("/sys/class/block")
SYS_DEV_BLOCK: Final = Path("/sys/dev/block")


@dataclass(frozen=True, slots=True)
class MountLine:
    """One mount. `device` is `major:minor`; `root` is which folder of the file system is mounted.

    `is_read_only` is that of the file system itself: a read-only view of one that is mounted writable elsewhere does
    not count.
    """

    device: str
    root: str
    mount_point: Path
    fs_type: str
    source: str
    is_read_only: bool


def parse_mountinfo(text: str) -> tuple[MountLine, ...]:
    """Read a mountinfo table (proc_pid_mountinfo(5)); lines that are none are left out."""
    mounts = []
    for line in text.splitlines():
        before, separator, after = line.partition(" - ")
        fields, rest = before.split(" "), after.split(" ")
        if not separator or len(fields) < 6 or len(rest) < 3:
            continue
        mounts.append(
            MountLine(
                device=fields[2],
                root=_unescaped(fields[3]),
                mount_point=Path(_unescaped(fields[4])),
                fs_type=rest[0],
                source=_unescaped(rest[1]),
                is_read_only="ro" in rest[2].split(","),
            )
        )
    return tuple(mounts)


def mounts(mountinfo: Path = MOUNTINFO) -> tuple[MountLine, ...]:
    """Everything that is mounted.

    Raises:
        OSError: the table cannot be read.
    """
    return parse_mountinfo(mountinfo.read_text("utf-8", "surrogateescape"))


def mounts_of(
    device_node: str, mountinfo: Path = MOUNTINFO, sys_block: Path = SYS_BLOCK, *, diskseq: int | None = None
) -> tuple[MountLine, ...]:
    """The mounts of a block device, whole file systems only, by its number: the node itself may not be visible here.

    Args:
        device_node: as `/dev/sda1`.
        diskseq: of a medium; mounts that are marked as another one's are left out. In a reader whose card is exchanged
            the mount of the old card stays for a while, and shows its names over the bytes of the new one.

    Raises:
        OSError: the table cannot be read.
    """
    number = device_number(device_node, sys_block)
    found = (line for line in mounts(mountinfo) if line.root == "/" and number and line.device == number)
    return tuple(line for line in found if diskseq is None or medium_of(line.mount_point) in ("", str(diskseq)))


def medium_mark(point: Path) -> Path:
    """Beside a mount point of the station: a link that leads nowhere, whose text is the number of the medium."""
    return point.with_name(f"{point.name}.medium")


def medium_of(point: Path) -> str:
    """The number of the medium that was mounted here; empty where it is not marked, as of an administrator's mount."""
    try:
        return os.fspath(medium_mark(point).readlink())
    except (OSError, ValueError):
        return ""


def device_number(device_node: str, sys_block: Path = SYS_BLOCK) -> str:
    """`major:minor` of a block device; empty when it is not there."""
    return _read(sys_block / Path(device_node).name / "dev")


def volume_presence(device_node: str, diskseq: int | None, sys_block: Path = SYS_BLOCK) -> Callable[[], bool]:
    """A question that is true as long as this very medium is in the machine.

    The file system cannot be asked: after a pull, FAT answers "empty" and exFAT "mounted". The kernel's number of the
    medium can: it changes with each card, even in the same slot.

    Args:
        device_node: as `/dev/sda1`.
        diskseq: as udev told it; null (before Linux 5.15) leaves only the question whether the device is there.
    """
    place = sys_block / Path(device_node).name

    def is_there() -> bool:
        if _read(place / "size") in ("", "0"):
            return False
        return diskseq is None or _diskseq(place) == str(diskseq)

    return is_there


def folder_presence(root_fd: int, path: Path, sys_dev_block: Path = SYS_DEV_BLOCK) -> Callable[[], bool]:
    """The same question for a folder: it is still there under its name, and so is the device that it lies on."""
    root = os.fstat(root_fd)
    place = sys_dev_block / f"{os.major(root.st_dev)}:{os.minor(root.st_dev)}"
    size_then, diskseq_then = _read(place / "size"), _diskseq(place)

    def is_there() -> bool:
        # Network and memory file systems have no block device, and nothing to ask.
        if size_then and (_read(place / "size") in ("", "0") or _diskseq(place) != diskseq_then):
            return False
        try:
            now = path.lstat()
        except OSError:
            return False
        return (now.st_dev, now.st_ino) == (root.st_dev, root.st_ino) and os.fstat(root_fd).st_nlink > 0

    return is_there


def _diskseq(place: Path) -> str:
    """The medium's number, which a partition has at its disk; the link is followed before the step up."""
    return _read(place / "diskseq") or _read(place / ".." / "diskseq")


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)

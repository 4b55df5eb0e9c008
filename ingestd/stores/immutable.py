"""How a file of the vault is protected on its own file system: rights, owner, and the immutable flag (chattr +i)."""

import errno
import fcntl
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from ingestd.stores.durable import translated

# Of <linux/fs.h>: _IOR('f', 1, long) and _IOW('f', 2, long); the kernel reads and writes an int all the same.
_LONG_BYTES: Final = struct.calcsize("l")
FS_IOC_GETFLAGS: Final = 0x80006601 | _LONG_BYTES << 16
FS_IOC_SETFLAGS: Final = 0x40006602 | _LONG_BYTES << 16
FS_IMMUTABLE_FL: Final = 0x10

_NOT_THERE: Final = {errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


class FileProtection(NamedTuple):
    """Of one file. `is_immutable` is null where the file system knows no such flag."""

    is_read_only: bool
    is_own: bool
    is_immutable: bool | None


@dataclass(frozen=True, slots=True)
class Protection:
    """How many originals stand, and how many of them are read-only, of this user, immutable.

    `unsupported` are those on a file system that knows no immutable flag.
    """

    originals: int = 0
    read_only: int = 0
    own: int = 0
    immutable: int = 0
    unsupported: int = 0

    def with_file(self, one: FileProtection) -> "Protection":
        """And one more."""
        return Protection(
            self.originals + 1,
            self.read_only + one.is_read_only,
            self.own + one.is_own,
            self.immutable + bool(one.is_immutable),
            self.unsupported + (one.is_immutable is None),
        )


def protection_of(path: Path) -> FileProtection:
    """How a file stands. The owner is compared with that of its folder: one station's user owns all of it.

    Raises:
        StoreError: it cannot be opened.
    """
    with translated("look at", path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            status, folder = os.fstat(descriptor), path.parent.stat()
            is_read_only = not status.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
            return FileProtection(is_read_only, status.st_uid == folder.st_uid, is_immutable(descriptor))
        finally:
            os.close(descriptor)


def is_immutable(descriptor: int) -> bool | None:
    """Whether the kernel refuses every change of an open file; null where its file system knows no such flag."""
    flags = _flags(descriptor)
    return None if flags is None else bool(flags & FS_IMMUTABLE_FL)


def set_immutable(descriptor: int, path: Path, *, to: bool) -> bool | None:
    """Set or clear the flag; true where it was changed, false where it stood so, null where there is no such flag.

    Raises:
        StoreError: this process may not (CAP_LINUX_IMMUTABLE, and the owner of the file).
    """
    flags = _flags(descriptor)
    if flags is None:
        return None
    wanted = flags | FS_IMMUTABLE_FL if to else flags & ~FS_IMMUTABLE_FL
    if wanted == flags:
        return False
    with translated("set the immutable flag of", path):
        try:
            fcntl.ioctl(descriptor, FS_IOC_SETFLAGS, struct.pack("i", wanted) + bytes(4))
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise
            return None
    return True


def _flags(descriptor: int) -> int | None:
    try:
        answer = fcntl.ioctl(descriptor, FS_IOC_GETFLAGS, bytes(8))
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise
    flags: int = struct.unpack_from("i", answer)[0]
    return flags

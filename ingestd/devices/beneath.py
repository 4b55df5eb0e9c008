"""Opening entries below a directory descriptor so that nothing on a card can lead anywhere else."""

import ctypes
import errno
import functools
import os
from typing import Final

_SYS_OPENAT2: Final = 437
"""The same number on every architecture that Debian builds for."""
_RESOLVE_NO_XDEV: Final = 0x01
_RESOLVE_NO_MAGICLINKS: Final = 0x02
_RESOLVE_NO_SYMLINKS: Final = 0x04
_RESOLVE_BENEATH: Final = 0x08
_AT_FDCWD: Final = -100
_PATH_MAX_BYTES: Final = 4096


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_beneath(root_fd: int, raw_path: bytes, flags: int) -> int:
    """Open a path below a directory; no link is followed, no other mount entered, nothing above is reached.

    Args:
        root_fd: the directory; the path starts here.
        raw_path: components joined by `/`; neither absolute nor with `.`, `..` or empty components.
        flags: as of open(2); O_NOFOLLOW and O_CLOEXEC are added.

    Raises:
        OSError: as of open(2); ELOOP for a link on the way, EXDEV for another mount, EINVAL for a path that is none.
    """
    parts = raw_path.split(b"/")
    if b"\0" in raw_path or any(part in (b"", b".", b"..") for part in parts):
        raise OSError(errno.EINVAL, "not a path below the root")
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC
    # One call takes no longer path than this; a tree may well be deeper.
    if has_openat2() and len(raw_path) < _PATH_MAX_BYTES:
        return _openat2(root_fd, raw_path, flags)
    return open_stepwise(root_fd, parts, flags)


def open_stepwise(root_fd: int, parts: list[bytes], flags: int) -> int:
    """The same without openat2(2): one component after the other, each refused if it is a link or on another device."""
    device = os.fstat(root_fd).st_dev
    fd = os.dup(root_fd)
    for position, part in enumerate(parts, start=1):
        is_last = position == len(parts)
        step = flags if is_last else os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            below = os.open(part, step, dir_fd=fd)
        finally:
            os.close(fd)
        fd = below
        if os.fstat(fd).st_dev != device:
            os.close(fd)
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    return fd


@functools.cache
def has_openat2() -> bool:
    """Whether the kernel has openat2(2) (5.6) and no sandbox forbids it."""
    try:
        os.close(_openat2(_AT_FDCWD, b".", os.O_PATH | os.O_CLOEXEC))
    except OSError as error:
        return error.errno not in (errno.ENOSYS, errno.EPERM)
    return True


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _openat2(dir_fd: int, raw_path: bytes, flags: int) -> int:
    how = _OpenHow(
        flags=flags,
        mode=0,
        resolve=_RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS | _RESOLVE_NO_XDEV,
    )
    while True:
        fd: int = _libc().syscall(
            ctypes.c_long(_SYS_OPENAT2),
            ctypes.c_int(dir_fd),
            ctypes.c_char_p(raw_path),
            ctypes.byref(how),
            ctypes.c_size_t(ctypes.sizeof(how)),
        )
        if fd >= 0:
            return fd
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))

"""Mounts one volume writable for as long as files are erased from it, and unmounts it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ingestd.core.clock import SystemClock
from ingestd.core.errors import IngestdError, RefusedError, SourceError, SourceGoneError
from ingestd.devices.erase import Recorder
from ingestd.devices.mountinfo import mounts_of
from ingestd.devices.mounts import MOUNT_OPTIONS, mount_error, mount_file_system, unmount
from ingestd.devices.standing import HELD_SECONDS, set_read_only, wait_until_free

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_SYNCHRONOUS, _MS_DIRSYNC, _MS_NOATIME = 2, 4, 8, 16, 128, 1024
# Synchronous: what the receipt of a file says stands on the card, so that a pull finds both the same.
_FLAGS: Final = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC | _MS_NOATIME | _MS_SYNCHRONOUS | _MS_DIRSYNC


@contextmanager
def mounted_for_erasing(
    node: str,
    fs_type: str,
    point: Path,
    is_there: Callable[[], bool],
    *,
    held_seconds: float = HELD_SECONDS,
) -> Iterator[Recorder]:
    """A volume writable while the block lasts; read-only again behind it.

    Args:
        node: as `/dev/sda1`.
        fs_type: of it.
        point: a folder that is there and empty.
        is_there: whether its medium is present.
        held_seconds: so long its last reader is waited for.

    Raises:
        RefusedError: it is mounted elsewhere, or held by somebody.
        SourceGoneError, SourceError, UnavailableError: it cannot be mounted.
    """
    if found := mounts_of(node):
        raise RefusedError(f"{node} is mounted at {found[0].mount_point}", "end that mount first")
    wait_until_free(node, is_there, SystemClock(), held_seconds)
    if not is_there():
        raise SourceGoneError(f"{node} went away before it was mounted", "plug the recorder in again")
    set_read_only(node, is_read_only=False)
    try:
        _mount(node, fs_type, point, is_there)
        try:
            root_fd = _opened(point)
            try:
                yield Recorder(root_fd, is_there)
            finally:
                os.close(root_fd)
        finally:
            unmount(point)
    finally:
        with suppress(IngestdError):
            # Of a recorder that was pulled there is nothing left to set.
            set_read_only(node)


def _opened(point: Path) -> int:
    try:
        return os.open(point, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(f"{point} cannot be opened ({error.strerror})") from error


def _mount(node: str, fs_type: str, point: Path, is_there: Callable[[], bool]) -> None:
    # The very options of the listing: its times are compared.
    options = MOUNT_OPTIONS[fs_type].format(uid=os.geteuid(), gid=os.getegid())
    try:
        mount_file_system(node, point, fs_type, options, _FLAGS)
    except OSError as error:
        raise mount_error(error, node, fs_type, is_there()) from error

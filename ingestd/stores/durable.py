"""The one way that a file comes to stand for good: exclusive create, write, fsync, publish, fsync directory.

Order and reason of the steps: docs/design/durability.md. A failed fsync is an error, never a warning, because the
kernel may have dropped the dirty pages that it could not write.
"""

import contextlib
import ctypes
import errno
import functools
import os
from pathlib import Path
from types import TracebackType

from ingestd.core.errors import StoreError, StoreFullError

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1

_FULL = {errno.ENOSPC, errno.EDQUOT}


class translated:  # noqa: N801
    """Turn an OSError of the store into `StoreFullError` or `StoreError` that names the act and the path.

    A context manager, and a class because it stands around every system call of every file.
    """

    __slots__ = ("_path", "_what")

    def __init__(self, what: str, path: Path | str) -> None:
        self._what = what
        self._path = path

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, OSError):
            return
        if error.errno in _FULL:
            raise StoreFullError(
                f"no room to {self._what} {self._path}: {error.strerror}",
                "free or add disk space; the station goes on by itself",
            ) from error
        raise StoreError(
            f"cannot {self._what} {self._path}: {error.strerror}",
            "check the disk, its mount options and the rights of the station's user",
        ) from error


def sync_together(folder: Path) -> None:
    """Make everything on the file system of a folder durable at once: for many small files far cheaper than each.

    Linux reports a failed write-back here since 5.8; what was lost before that shows when the files are read back.
    """
    with translated("sync", folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if _libc().syncfs(ctypes.c_int(descriptor)) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
        finally:
            os.close(descriptor)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def sync_directory(path: Path) -> None:
    """Make names in a directory durable."""
    with translated("sync directory", path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_directory(path: Path) -> None:
    """Create a directory and its missing parents, each made durable in its own parent."""
    missing = []
    probe = path
    while not probe.is_dir():
        missing.append(probe)
        probe = probe.parent
    for directory in reversed(missing):
        with translated("create directory", directory):
            directory.mkdir(exist_ok=True)
        try:
            sync_directory(directory.parent)
        except StoreError:
            # Else it would be found standing at the next try, and its name never be synced.
            with contextlib.suppress(OSError):
                directory.rmdir()
            raise


def sync_file(path: Path) -> None:
    """Make the bytes of a file durable."""
    with translated("sync", path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def create_exclusive(path: Path) -> int:
    """Open a new file for writing and reading back; the caller closes the descriptor.

    Raises:
        StoreError: the name is taken, or the store refuses.
    """
    with translated("create", path):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)


def protect(descriptor: int, path: Path) -> None:
    """Make a file read-only, before its sync: behind it, some file systems would keep the bytes and forget the mode."""
    with translated("protect", path):
        os.fchmod(descriptor, 0o440)


def open_to_go_on(path: Path) -> int:
    """Open a staged file again, to write on behind what stands; the caller closes the descriptor."""
    with translated("open", path):
        # It may have been whole, and read-only, when the docking was interrupted.
        path.chmod(0o640)
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)


def write_all(descriptor: int, data: bytes | memoryview, path: Path) -> None:
    """Write every byte at the descriptor's position."""
    view = memoryview(data)
    with translated("write", path):
        while view:
            view = view[os.write(descriptor, view) :]


def create_afresh(path: Path) -> int:
    """As `create_exclusive`, but what an earlier crash left under this name, by which nothing was promised, goes."""
    try:
        return create_exclusive(path)
    except StoreError as error:
        if not isinstance(error.__cause__, FileExistsError):
            raise
    remove(path)
    return create_exclusive(path)


def write_staged(path: Path, data: bytes, *, is_synced: bool = True) -> None:
    """A whole small file under a name that promises nothing yet: written, read-only; directory not synced.

    Args:
        is_synced: fsync it; false where the caller syncs many at once before anything is promised.
    """
    _write_small(create_afresh(path), data, path, is_synced=is_synced)


def stage(path: Path, data: bytes) -> None:
    """As `write_staged` without its sync; what stands there already and has its final name too stays the file it is.

    Without that name it is written anew, and put in its place in one step: its sync may have failed, and then the same
    pages are not to be synced again.
    """
    try:
        _write_small(create_exclusive(path), data, path, is_synced=False)
    except StoreError as error:
        if not isinstance(error.__cause__, FileExistsError):
            raise
        if path.stat().st_nlink == 1 or path.read_bytes() != data:
            write_staged(unfinished(path), data, is_synced=False)
            with translated("replace", path):
                unfinished(path).rename(path)


def _write_small(descriptor: int, data: bytes, path: Path, *, is_synced: bool) -> None:
    try:
        write_all(descriptor, data, path)
        with translated("sync", path):
            os.fchmod(descriptor, 0o440)
            if is_synced:
                os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(staged: Path, final: Path) -> None:
    """Give a complete, fsynced file its final name as well, never over another file; directory not synced.

    The staged name stays until the caller removes it, so that a crash leaves a trace to roll forward from. Where the
    final name already is this very file (a crash came between this and the next step) nothing is done.

    Raises:
        StoreError: another file stands at the final name.
    """
    try:
        os.link(staged, final, follow_symlinks=False)
    except FileExistsError as error:
        if not final.samefile(staged):
            raise StoreError(
                f"another file stands at {final}", "keep both and ask for help: names never repeat"
            ) from error
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            with translated("publish", final):
                raise
        raise StoreError(
            f"the file system of {final.parent} has no hard links",
            "put state_dir on ext4, XFS or Btrfs; exFAT and FAT cannot hold a vault",
        ) from error


def move_new(staged: Path, final: Path) -> None:
    """Move a complete, fsynced file to its final name, never over another file; directories not synced.

    For what leaves another trace in staging; else `publish`.

    Raises:
        StoreError: another file stands at the final name.
    """
    with translated("publish", final):
        if _libc().renameat2(_AT_FDCWD, os.fsencode(staged), _AT_FDCWD, os.fsencode(final), _RENAME_NOREPLACE) == 0:
            return
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.EEXIST):
            raise OSError(number, os.strerror(number))
    # Something stands there, or the file system cannot refuse to overwrite: the link tells and refuses.
    publish(staged, final)
    remove(staged)


def unfinished(final: Path) -> Path:
    """The name that promises nothing, under which `write_new` and `replace_whole` prepare a file."""
    return final.with_name(f".{final.name}.new")


def write_new(final: Path, data: bytes) -> None:
    """A whole small file, durably, at a name that must be free; its directory must exist.

    A file that already holds exactly these bytes is accepted: the act was done before a crash.
    """
    staged = unfinished(final)
    write_staged(staged, data)
    if not (final.is_file() and final.read_bytes() == data):
        publish(staged, final)
    sync_directory(final.parent)
    remove(staged)


def replace_whole(final: Path, data: bytes) -> None:
    """Replace a small file in one step: readers see the old bytes or the new ones. For state that may change."""
    staged = unfinished(final)
    write_staged(staged, data)
    with translated("replace", final):
        staged.rename(final)
    sync_directory(final.parent)


def put_in_place_of(staged: Path, damaged: Path) -> None:
    """Put a complete, fsynced file where a damaged one stands, or where one is missing, in one step, durably.

    The one way by which an original is ever replaced: the caller has proved that the staged bytes are the sealed ones,
    and has the damaged file under another name.
    """
    with translated("replace", damaged):
        staged.rename(damaged)
    sync_directory(damaged.parent)


def append_line(path: Path, data: bytes) -> None:
    """Append whole lines durably; a torn last line of an earlier crash is cut first.

    Lines that could not be made durable are cut off again: found standing at the next try, they would count as safe.
    """
    existed = path.exists()
    with translated("append to", path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        try:
            before = whole_lines_end(descriptor)
            os.ftruncate(descriptor, before)
            os.lseek(descriptor, 0, os.SEEK_END)
            try:
                write_all(descriptor, data, path)
                os.fsync(descriptor)
            except (OSError, StoreError):
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)
    if not existed:
        sync_directory(path.parent)


def whole_lines_end(descriptor: int) -> int:
    """The offset just behind the last newline of a file; 0 when there is none."""
    end = os.fstat(descriptor).st_size
    step = 64 * 1024
    while end > 0:
        start = max(0, end - step)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def remove(path: Path) -> None:
    """Remove a name that promises nothing (staging); it may be gone already."""
    with translated("remove", path):
        path.unlink(missing_ok=True)

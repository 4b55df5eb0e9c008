"""Erases listed files from a recorder: each read once more, equal to what was sealed, then unlinked with its receipt.

Nothing is followed, nothing is listed, no folder is touched, and no name but those of the list is ever given to
unlink(2). What came after the listing, or changed since, stays.
"""

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ingestd.core.clock import Clock
from ingestd.core.erase_acts import ListedFile, Outcome, intended_line, settled_line
from ingestd.core.errors import SourceError, SourceGoneError, StoppedError
from ingestd.core.naming import raw_card_path
from ingestd.core.stop import Stop
from ingestd.devices.beneath import open_beneath

_BLOCK_BYTES: Final = 1024 * 1024
_NO_ORDINARY_FILE: Final = (errno.ELOOP, errno.EXDEV, errno.ENOTDIR, errno.ENXIO, errno.EISDIR, errno.EINVAL)


class Journal(Protocol):
    """Where receipts are written, so that each survives a power cut before `append` returns."""

    def append(self, line: bytes) -> None:
        """Write one line."""
        ...


@dataclass(frozen=True, slots=True)
class Recorder:
    """A recorder that is mounted for erasing: its root, and whether its medium is there."""

    root_fd: int
    still_there: Callable[[], bool]


class _Kept(Exception):  # noqa: N818 - no error: what becomes of a file that is not erased
    """The file stays, and why."""

    def __init__(self, outcome: Outcome, words: str) -> None:
        super().__init__(words)
        self.outcome = outcome
        self.words = words


def erase_files(
    recorder: Recorder,
    files: Sequence[ListedFile],
    release_id: str,
    *,
    journal: Journal,
    is_held: Callable[[ListedFile], bool],
    clock: Clock,
    stop: Stop,
) -> None:
    """Erase what may be erased, one file after the other, with a receipt for each.

    Args:
        is_held: asked just before each unlink: whether the vault's own copy stands in its place.
        journal: the intention is written before an unlink, the outcome behind it.

    Raises:
        SourceGoneError: the recorder was pulled; the receipts say how far it came.
        SourceError: it is not known whether the file that was announced last is gone.
        StoreError: a receipt cannot be written; nothing is erased without one.
        StoppedError: asked to stop; the file that was being read stays.
    """
    for file in files:
        if not recorder.still_there():
            raise SourceGoneError("the recorder was pulled")
        stop.check()
        try:
            _erase(recorder, file, release_id, journal=journal, is_held=is_held, clock=clock, stop=stop)
            outcome, words = Outcome.ERASED, ""
        except StoppedError as error:
            # systemd asks the helper to stop when the device goes, too.
            if not recorder.still_there():
                raise SourceGoneError("the recorder was pulled") from error
            raise
        except _Kept as kept:
            outcome, words = kept.outcome, kept.words
        except OSError as error:
            # After a pull every answer of a file system is worth nothing, "no such file" included.
            if not recorder.still_there():
                raise SourceGoneError("the recorder was pulled") from error
            outcome, words = _outcome_of(error)
        if outcome is Outcome.MISSING and not recorder.still_there():
            raise SourceGoneError("the recorder was pulled")
        journal.append(settled_line(release_id, clock.now(), file.ordinal, outcome, words))


def _erase(
    recorder: Recorder,
    file: ListedFile,
    release_id: str,
    *,
    journal: Journal,
    is_held: Callable[[ListedFile], bool],
    clock: Clock,
    stop: Stop,
) -> None:
    raw = raw_card_path(file.path)
    folder, _, name = raw.rpartition(b"/")
    with contextlib.ExitStack() as stack:
        descriptor = open_beneath(recorder.root_fd, raw, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        stack.callback(os.close, descriptor)
        flags = os.O_RDONLY | os.O_DIRECTORY
        parent = open_beneath(recorder.root_fd, folder, flags) if folder else os.dup(recorder.root_fd)
        stack.callback(os.close, parent)
        before = os.fstat(descriptor)
        _check_as_listed(before, file)
        found = _sha256_of(descriptor, stop)
        if found != file.sha256:
            raise _Kept(Outcome.DIFFERENT, f"its SHA-256 is {found}")
        if not is_held(file):
            raise _Kept(Outcome.NOT_HELD, f"{file.vault_path} is not in its place")
        # The name must still lead to the very file that was read.
        now = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if _identity(now) != _identity(before) or _identity(os.fstat(descriptor)) != _identity(before):
            raise _Kept(Outcome.CHANGED, "it changed while it was read")
        if not recorder.still_there():
            raise SourceGoneError("the recorder was pulled")
        journal.append(intended_line(release_id, clock.now(), file.ordinal))
        os.unlink(name, dir_fd=parent)
        try:
            os.fsync(parent)
        except OSError as error:
            # Gone from the folder, perhaps not from the medium: its receipt stays open.
            raise SourceError(f"the removal of {file.card_path} cannot be made sure of ({error.strerror})") from error


def _check_as_listed(status: os.stat_result, file: ListedFile) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _Kept(Outcome.CHANGED, "no ordinary file stands there now")
    if status.st_size != file.size_bytes:
        raise _Kept(Outcome.CHANGED, f"it has {status.st_size} bytes, listed were {file.size_bytes}")
    if file.modified_ns is not None and status.st_mtime_ns != file.modified_ns:
        raise _Kept(Outcome.CHANGED, "it was written to since it was listed")
    if status.st_nlink > 1:
        raise _Kept(Outcome.CHANGED, "it has another name too")


def _sha256_of(descriptor: int, stop: Stop) -> str:
    """Read from the medium: what this machine remembers of the file is let go of first."""
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    digest, view, offset = hashlib.sha256(), memoryview(bytearray(_BLOCK_BYTES)), 0
    while count := os.preadv(descriptor, [view], offset):
        stop.check()
        digest.update(view[:count])
        offset += count
    return digest.hexdigest()


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns


def _outcome_of(error: OSError) -> tuple[Outcome, str]:
    if error.errno == errno.ENOENT:
        return Outcome.MISSING, "it is not there any more"
    if error.errno in _NO_ORDINARY_FILE:
        return Outcome.CHANGED, f"no ordinary file stands there now ({error.strerror})"
    return Outcome.UNREADABLE, str(error.strerror)

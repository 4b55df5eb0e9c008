"""Files in which helpers that speak to recorders write down their acts, one file a visit: both ends of them.

The helper holds a lock on its file for as long as it works. A file without that lock is over, and may be removed once
all of it stands in the ledger; the lock falls with the process, whatever became of it.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingestd.core.errors import StoreError
from ingestd.stores.durable import append_line, create_exclusive, make_directory, remove, sync_directory, translated

MOST_BYTES: Final = 256 * 1024
"""Of one file: a visit writes some lines of a few hundred bytes."""

_SUFFIX: Final = ".jsonl"


class DeviceJournal:
    """The writing end, for one visit. The file is made with its first line.

    Args:
        folder: where the files are; made where it is missing.
        visit_id: names the file.
    """

    def __init__(self, folder: Path, visit_id: str) -> None:
        self._folder = folder
        self._path = folder / f"{visit_id}{_SUFFIX}"
        self._held = -1

    def append(self, line: bytes) -> None:
        """Write one line, its newline included, so that it survives a power cut before this returns.

        Raises:
            StoreError, StoreFullError: it does not stand.
        """
        if self._held < 0:
            self._held = self._begun()
        append_line(self._path, line)

    def close(self) -> None:
        """Nothing more is written; any number of times."""
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def _begun(self) -> int:
        if not self._folder.is_dir():
            make_directory(self._folder)
            if os.geteuid() == 0:
                # As the unit makes it: whoever owns the station reads what is in it, and clears it away.
                os.chown(self._folder, -1, self._folder.parent.stat().st_gid)
                self._folder.chmod(0o2770)
        while True:
            descriptor = create_exclusive(self._path)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                sync_directory(self._folder)
                return descriptor
            # It was found without its lock, empty, and removed.
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class VisitFile:
    """One file as it stands. `is_over`: nobody writes to it any more, and nobody begins to while the block lasts.

    `refusal` says in words why nothing of it was read; it stays where it is then.
    """

    path: Path
    visit_id: str
    data: bytes
    is_over: bool
    refusal: str = ""

    def remove(self) -> None:
        """Let go of a file of which everything stands elsewhere.

        Raises:
            StoreError: it stays.
        """
        remove(self.path)
        sync_directory(self.path.parent)


def visit_files(folder: Path, *, most_bytes: int = MOST_BYTES) -> Iterator[VisitFile]:
    """Each file of a folder, the oldest visit first; an empty folder for one that is not there.

    Args:
        folder: of the helpers' files.
        most_bytes: a longer file is not read.

    Raises:
        StoreError: the folder cannot be listed.
    """
    with translated("list", folder):
        try:
            names = sorted(os.listdir(folder))
        except FileNotFoundError:
            return
    for name in names:
        with _opened(folder / name, most_bytes) as file:
            if file is not None:
                yield file


@contextmanager
def _opened(path: Path, most_bytes: int) -> Iterator[VisitFile | None]:
    """A file, locked for the block where it is over; null where it went away meanwhile."""
    visit_id = path.name.removesuffix(_SUFFIX)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        yield VisitFile(path, visit_id, b"", False, f"cannot be opened ({error.strerror})")
        return
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or path.suffix != _SUFFIX:
            yield VisitFile(path, visit_id, b"", False, "no file of a helper's")
            return
        is_over = _is_over(descriptor)
        try:
            data = _read(descriptor, most_bytes)
        except OSError as error:
            yield VisitFile(path, visit_id, b"", False, f"cannot be read ({error.strerror})")
            return
        refusal = f"more than {most_bytes} bytes" if len(data) > most_bytes else ""
        yield VisitFile(path, visit_id, b"" if refusal else data, is_over, refusal)
    finally:
        os.close(descriptor)


def _is_over(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StoreError("files of helpers cannot be locked", "keep state_dir on a local disk") from error
    return True


def _read(descriptor: int, most_bytes: int) -> bytes:
    parts, left = [], most_bytes + 1
    while left and (part := os.read(descriptor, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)

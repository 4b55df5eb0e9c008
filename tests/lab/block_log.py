"""A disk whose every write and flush is written down in order, and what stood on it when the power went.

Run as a program (`python -m tests.lab.block_log MOUNTPOINT IMAGE LOG`) it is a file system in user space, spoken over
/dev/fuse without a library, with two files. `disk` is the image, on which a loop device and a real file system are put;
`words` takes what a program says, so that it stands in the same order as the writes. The kernel hands over each write
of the loop device before it is acknowledged, and each flush as an fsync; the server answers one after the other, so the
log's order is the order in which the disk had them.
"""

import ctypes
import errno
import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
BLOCK_BYTES = 4096
"""What a disk writes whole: its physical sector. Smaller pieces would tear what no real disk tears."""


class Kind(IntEnum):
    """What a record of the log is."""

    WRITE = 0
    FLUSH = 1
    WORDS = 2


class Record(NamedTuple):
    """One event of the disk: bytes written at an offset, a flush that was completed, or words of the program."""

    kind: Kind
    offset: int
    data: bytes


_RECORD = struct.Struct("<BQI")


def read_log(log: Path) -> list[Record]:
    """All whole records."""
    raw, records, at = log.read_bytes(), [], 0
    while at + _RECORD.size <= len(raw):
        kind, offset, length = _RECORD.unpack_from(raw, at)
        at += _RECORD.size
        records.append(Record(Kind(kind), offset, raw[at : at + length]))
        at += length
    return records


KEEPS = ("nothing", "half", "all")
"""What a disk kept of the blocks written behind its last flush: its cache may lose any of them, in any order."""


class Remains(NamedTuple):
    """How many blocks of writes behind the last flush a disk kept, and how many it lost."""

    kept: int
    lost: int


def last_flush(records: Sequence[Record], instant: int) -> int:
    """The number of records that were durable when the power went behind the first `instant` ones."""
    return max((number + 1 for number in range(instant) if records[number].kind is Kind.FLUSH), default=0)


def write_onto(image: Path, records: Sequence[Record], *, keep: str, seed: str = "") -> Remains:
    """Bring writes onto an image, block by block as a disk may have kept them (`KEEPS`; a half is drawn by a seed)."""
    kept = lost = 0
    draw = random.Random(seed)
    with image.open("r+b", buffering=0) as disk:
        for record in records:
            if record.kind is not Kind.WRITE:
                continue
            for start, piece in _blocks(record):
                if keep == "all" or (keep == "half" and draw.random() < 0.5):
                    os.pwrite(disk.fileno(), piece, start)
                    kept += 1
                else:
                    lost += 1
    return Remains(kept, lost)


def _blocks(record: Record) -> Iterator[tuple[int, bytes]]:
    at = record.offset
    end = at + len(record.data)
    while at < end:
        until = min(end, at - at % BLOCK_BYTES + BLOCK_BYTES)
        yield at, record.data[at - record.offset : until - record.offset]
        at = until


# The disk in use


class LoggedDisk(NamedTuple):
    """A mounted file system whose disk is logged."""

    folder: Path
    words: Path
    """Appending here puts words into the log."""

    def say(self, words: str) -> None:
        """Put a line of one's own into the log."""
        with self.words.open("ab", buffering=0) as file:
            file.write(words.encode("utf-8") + b"\n")


class FileSystem(NamedTuple):
    """A file system that a vault may stand on: how it is made on a disk with sectors of 4 KiB, mounted and checked.

    `mount_options` allow two copies of one disk side by side; where the kernel confuses them, there `is_alone`.
    """

    name: str
    disk_bytes: int
    make: tuple[str, ...]
    check: tuple[str, ...]
    mount_options: str = "rw"
    is_alone: bool = False

    def why_not(self) -> str:
        """Why no such disk can be had here; empty when it can."""
        if os.geteuid() != 0:
            return "mounting a disk of our own needs root"
        if missing := [name for name in ("/dev/fuse", "/dev/loop-control") if not Path(name).exists()]:
            return f"there is no {missing[0]}"
        tools = (self.make[0], self.check[0], "losetup", "mount")
        lacking = [tool for tool in tools if shutil.which(tool) is None]
        return f"not installed: {', '.join(lacking)}" if lacking else ""

    def format(self, image: Path) -> None:
        """An empty file system in a sparse file."""
        with image.open("xb") as file:
            file.truncate(self.disk_bytes)
        subprocess.run([*self.make, image], check=True, capture_output=True, timeout=60)

    def inconsistency_of(self, image: Path) -> list[str]:
        """What its own checker says of a disk whose journal was replayed: a fault in how the disk was made."""
        checked = subprocess.run([*self.check, image], capture_output=True, text=True, timeout=60, check=False)
        return [] if checked.returncode == 0 else [f"{self.check[0]}: {checked.stdout.strip()}"]

    @contextmanager
    def mounted(self, image: Path, folder: Path) -> Iterator[Path]:
        """An image mounted on a new folder; the journal is replayed, as after a loss of power."""
        folder.mkdir()
        _run("mount", "-t", self.name, "-o", f"loop,{self.mount_options}", image, folder)
        try:
            yield folder
        finally:
            _run("umount", folder)
            folder.rmdir()


EXT4 = FileSystem(
    "ext4",
    disk_bytes=96 << 20,
    make=("mkfs.ext4", "-q", "-b", str(BLOCK_BYTES), "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0"),
    check=("e2fsck", "-fn"),
)
XFS = FileSystem(
    "xfs",
    disk_bytes=320 << 20,
    make=("mkfs.xfs", "-q", "-K", "-s", f"size={BLOCK_BYTES}"),
    check=("xfs_repair", "-n"),
    mount_options="nouuid",
)
BTRFS = FileSystem(
    "btrfs",
    disk_bytes=256 << 20,
    make=("mkfs.btrfs", "-q", "-K", "-m", "single", "-d", "single"),
    check=("btrfs", "check", "--readonly"),
    is_alone=True,
)


@contextmanager
def logged(system: FileSystem, image: Path, log: Path, scratch: Path) -> Iterator[LoggedDisk]:
    """Mount an image; everything that reaches it from now on is appended to the log, and the image itself changed."""
    beneath, folder = scratch / "beneath", scratch / "mounted"
    beneath.mkdir(parents=True)
    folder.mkdir()
    with ExitStack() as stack:
        command: list[str | Path] = [sys.executable, "-m", "tests.lab.block_log", beneath, image, log]
        server = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE)
        stack.callback(server.wait, timeout=60)
        assert server.stdout is not None
        stack.enter_context(server.stdout)
        assert server.stdout.readline() == b"mounted\n"
        stack.callback(_run, "umount", beneath)
        device = _run("losetup", "--find", "--show", beneath / "disk").strip()
        stack.callback(_run, "losetup", "--detach", device)
        _run("mount", "-t", system.name, device, folder)
        stack.callback(_run, "umount", folder)
        yield LoggedDisk(folder, beneath / "words")


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, timeout=60, stdout=subprocess.PIPE, text=True).stdout


# The server: see fuse(4) and linux/fuse.h

_ROOT, _DISK, _WORDS = 1, 2, 3
_NAMES = {b"disk": _DISK, b"words": _WORDS}
_MOST_BYTES = 1 << 20
_LOOKUP, _FORGET, _GETATTR, _SETATTR, _OPEN, _READ, _WRITE, _STATFS, _RELEASE = 1, 2, 3, 4, 14, 15, 16, 17, 18
_FSYNC, _INIT, _INTERRUPT, _DESTROY, _BATCH_FORGET = 20, 26, 36, 38, 42
_BIG_WRITES, _MAX_PAGES = 1 << 5, 1 << 22
_AROUND_THE_CACHE = 1
_UNANSWERED = (_FORGET, _BATCH_FORGET, _INTERRUPT)
_REQUEST = struct.Struct("<IIQQIIIHH")
_ANSWER = struct.Struct("<IiQ")
_NO_SUCH_CALL = -errno.ENOSYS


class _Server:
    def __init__(self, device: int, image: int, log: int) -> None:
        self._device, self._image, self._log = device, image, log

    def serve(self) -> None:
        """Answer the kernel until the file system is unmounted."""
        while True:
            try:
                request = os.read(self._device, _MOST_BYTES + 2 * BLOCK_BYTES)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return
                if error.errno in (errno.ENOENT, errno.EINTR):
                    continue
                raise
            _, operation, number, node, *_ = _REQUEST.unpack_from(request)
            if operation in _UNANSWERED:
                continue
            answer = self._answer(operation, node, request[_REQUEST.size :])
            status, body = (answer, b"") if isinstance(answer, int) else (0, answer)
            os.write(self._device, _ANSWER.pack(_ANSWER.size + len(body), status, number) + body)

    def _answer(self, operation: int, node: int, body: bytes) -> bytes | int:
        """The body of an answer, or an errno below zero."""
        if operation == _INIT:
            _, minor, ahead, flags = struct.unpack_from("<IIII", body)
            flags &= _BIG_WRITES | _MAX_PAGES
            pages = _MOST_BYTES // BLOCK_BYTES
            return struct.pack("<IIIIHHIIHHI28x", 7, minor, ahead, flags, 16, 12, _MOST_BYTES, 1, pages, 0, 0)
        if operation == _LOOKUP:
            found = _NAMES.get(body.rstrip(b"\0"))
            return struct.pack("<QQQQII", found, 0, 0, 0, 0, 0) + self._attributes(found) if found else -errno.ENOENT
        if operation in (_GETATTR, _SETATTR):
            return struct.pack("<QII", 0, 0, 0) + self._attributes(node)
        if operation == _OPEN:
            return struct.pack("<QII", 0, _AROUND_THE_CACHE if node == _WORDS else 0, 0)
        if operation == _READ:
            _, offset, length = struct.unpack_from("<QQI", body)
            return os.pread(self._image, length, offset) if node == _DISK else b""
        if operation == _WRITE:
            _, offset, length = struct.unpack_from("<QQI", body)
            self._write(node, offset, body[40 : 40 + length])
            return struct.pack("<II", length, 0)
        if operation == _FSYNC and node == _DISK:
            self._note(Kind.FLUSH, 0, b"")
        if operation == _STATFS:
            return struct.pack("<QQQQQIIII24x", 0, 0, 0, 0, 0, BLOCK_BYTES, 255, BLOCK_BYTES, 0)
        return b"" if operation in (_FSYNC, _RELEASE, _DESTROY) else _NO_SUCH_CALL

    def _write(self, node: int, offset: int, data: bytes) -> None:
        if node == _DISK:
            os.pwrite(self._image, data, offset)
        self._note(Kind.WRITE if node == _DISK else Kind.WORDS, offset, data)

    def _note(self, kind: Kind, offset: int, data: bytes) -> None:
        os.write(self._log, _RECORD.pack(kind, offset, len(data)) + data)

    def _attributes(self, node: int) -> bytes:
        size = os.fstat(self._image).st_size if node == _DISK else 0
        mode = 0o040700 if node == _ROOT else 0o100600
        return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, BLOCK_BYTES, 0)


def _serve(mountpoint: str, image: str, log: str) -> None:
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"block_log", os.fsencode(mountpoint), b"fuse", 0, options.encode("ascii")) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), mountpoint)
    server = _Server(
        device, os.open(image, os.O_RDWR | os.O_CLOEXEC), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    )
    print("mounted", flush=True)
    server.serve()


if __name__ == "__main__":
    _serve(*sys.argv[1:])

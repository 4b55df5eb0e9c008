"""A judge of order: what a loss of power could take back, told from what the program asked of the disk.

A test cannot cut the power, but it can look at the calls (FAULT_TRACE of `faults.c`): bytes are safe only behind a sync
of their file that succeeded, names only behind one of their folder, and of a file whose sync failed nothing is safe
until it is written anew, because the kernel may have dropped the pages. The trace may go over many processes, because a
killed process takes nothing back, and syncs nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass
class _File:
    """What is known of an inode. Bytes from `unsafe_from` on are not safe; null when all are."""

    path: str
    size_bytes: int = 0
    unsafe_from: int | None = None
    is_sync_lost: bool = False
    """A sync of these bytes failed: no later one makes them safe."""

    def wrote(self, size_bytes: int) -> None:
        start = self.size_bytes if size_bytes > self.size_bytes else 0
        self.unsafe_from = start if self.unsafe_from is None else min(start, self.unsafe_from)
        self.size_bytes = size_bytes

    def was_cut(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        if self.unsafe_from is not None and size_bytes <= self.unsafe_from:
            self.unsafe_from, self.is_sync_lost = None, False

    def was_synced(self) -> None:
        # What becomes an original is read back from the medium behind its last sync: that tells what a lost one hid.
        if not self.is_sync_lost or self.path.endswith(".part"):
            self.unsafe_from, self.is_sync_lost = None, False

    @property
    def is_unsafe(self) -> bool:
        return self.unsafe_from is not None


class OrderJudge:
    """Follows a trace; `faults` says in words what was promised before it was safe."""

    def __init__(self, vault: Path) -> None:
        self.faults: list[str] = []
        self._vault = f"{vault}/"
        self._files: dict[str, _File] = {}
        self._names: dict[str, dict[str, str]] = {}
        """Names that no sync of their folder has made safe, with their inodes, by the folder."""

    def follow(self, trace: Iterable[str]) -> None:
        """Take in lines of a trace."""
        for line in trace:
            kind, error, inode, size, path = line.rstrip("\n").split("\t")
            if error == "0":
                self._succeeded(kind, inode, int(size), path)
            elif kind == "fsync" and inode in self._files:
                self._files[inode].is_sync_lost |= self._files[inode].is_unsafe
            elif kind == "syncfs":
                for file in self._files.values():
                    file.is_sync_lost |= file.is_unsafe

    def _succeeded(self, kind: str, inode: str, size_bytes: int, path: str) -> None:
        if kind == "create":
            self._files[inode] = _File(path)
        file = self._files.setdefault(inode, _File(path, size_bytes))
        if kind in ("create", "mkdir", "link", "rename"):
            self._names.setdefault(f"{PurePosixPath(path).parent}/", {})[path] = inode
        if kind in ("link", "rename"):
            file.path = path
            if file.is_unsafe and self._is_promised(path):
                self._say("named before its bytes were safe", path)
        if kind == "write":
            file.wrote(size_bytes)
            if path.startswith(f"{self._vault}ledger/"):
                self._entered()
        if kind == "truncate":
            file.was_cut(size_bytes)
        if kind == "fsync":
            self._names.pop(path, None)
            file.was_synced()
            if "catalogue.sqlite3" in path:
                self._shown()
        if kind == "syncfs":
            self._names.clear()
            for one in self._files.values():
                one.was_synced()

    def _entered(self) -> None:
        """An act may speak of anything that stands among the originals."""
        for file in self._files.values():
            if file.is_unsafe and self._is_promised(file.path):
                self._say("entered before its bytes were safe", file.path)
        for path in [path for names in self._names.values() for path in names]:
            if self._is_promised(path):
                self._say("entered before its name was safe", path)

    def _shown(self) -> None:
        """The catalogue may show any act that the ledger has."""
        ledger = f"{self._vault}ledger/"
        for file in self._files.values():
            if file.is_unsafe and file.path.startswith(ledger):
                self._say("shown before its bytes were safe", file.path)
        for path, inode in self._names.get(ledger, {}).items():
            if self._files[inode].size_bytes:
                self._say("shown before its name was safe", path)

    def _is_promised(self, path: str) -> bool:
        return path.startswith(f"{self._vault}originals/") and not PurePosixPath(path).name.startswith(".")

    def _say(self, words: str, path: str) -> None:
        fault = f"{words}: {path.removeprefix(self._vault)}"
        if fault not in self.faults:
            self.faults.append(fault)


def order_faults(vault: Path, trace: Path) -> list[str]:
    """What a loss of power could have made untrue, in words; empty when nothing."""
    judge = OrderJudge(vault)
    judge.follow(trace.read_text("utf-8").splitlines())
    return judge.faults

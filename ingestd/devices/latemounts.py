"""Volumes that are mounted later than anybody waits for: watched, without polling, for as long as they are there."""

import os
import select
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ingestd.devices.mountinfo import MOUNTINFO, SYS_BLOCK, mounts_of

Told = Callable[[], None]

_REGISTERED: Final = select.POLLPRI | select.POLLERR


class LateMounts:
    """A thread that sleeps until the kernel's table of mounts changes, and only while there is something to wait for.

    Args:
        mountinfo, sys_block: as of `mountinfo.mounts_of`; a table that is an ordinary file never rings.
    """

    def __init__(self, mountinfo: Path = MOUNTINFO, sys_block: Path = SYS_BLOCK) -> None:
        self._mountinfo = mountinfo
        self._sys_block = sys_block
        self._lock = threading.Lock()
        self._awaited: dict[str, tuple[str, int | None, Told]] = {}
        self._thread: threading.Thread | None = None
        self._rung = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._is_closed = False

    def watch(self, volume: str, device_node: str, diskseq: int | None, told: Told) -> None:
        """Have `told` called once, in a thread of this object's, when a volume stands mounted; at once where it does.

        Args:
            volume: its key, for `forget`.
            device_node, diskseq: as of `mountinfo.mounts_of`.
            told: must not raise.
        """
        with self._lock:
            if self._is_closed:
                return
            self._awaited[volume] = (device_node, diskseq, told)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="late-mounts", daemon=True)
                self._thread.start()
            self._ring()

    def forget(self, volume: str) -> None:
        """The volume was pulled; any number of times, and for volumes that were never watched."""
        with self._lock:
            if self._awaited.pop(volume, None) is not None:
                self._ring()

    def close(self) -> None:
        """Watch nothing any more, and end the thread."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._awaited.clear()
            thread = self._thread
            self._ring()
        if thread is not None:
            thread.join()
        os.close(self._rung)

    def _ring(self) -> None:
        os.eventfd_write(self._rung, 1)

    def _work(self) -> None:
        # Held open over the looks: the kernel rings for what changed since this descriptor was last asked.
        table = os.open(self._mountinfo, os.O_RDONLY | os.O_CLOEXEC)
        try:
            bell = select.poll()
            bell.register(table, _REGISTERED)
            bell.register(self._rung, select.POLLIN)
            while self._tell():
                if any(descriptor == self._rung for descriptor, _ in bell.poll()):
                    os.eventfd_read(self._rung)
        finally:
            os.close(table)

    def _tell(self) -> bool:
        """Tell of the volumes that stand mounted now; false, and the thread is nobody's, where none is left."""
        with self._lock:
            awaited = self._awaited.items()
            standing = {key: told for key, (node, diskseq, told) in awaited if self._is_mounted(node, diskseq)}
            for key in standing:
                del self._awaited[key]
        for told in standing.values():
            told()
        with self._lock:
            if self._awaited:
                return True
            self._thread = None
            return False

    def _is_mounted(self, device_node: str, diskseq: int | None) -> bool:
        try:
            return bool(mounts_of(device_node, self._mountinfo, self._sys_block, diskseq=diskseq))
        except OSError:
            return False

"""Buffers for copying, bounded for the whole station however many bays are at work."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingestd.core.clock import Clock
from ingestd.core.stop import Stop

_STOP_CHECK_SECONDS = 0.5
_WORTH_TELLING_SECONDS = 0.001


class BufferPool:
    """Blocks of equal size, lent and given back. Memory is taken as it is first needed and kept.

    A bay that holds its share waits for its own blocks to come back, so that no bay starves another.

    Args:
        block_bytes: size of a block.
        blocks: how many there are in all.
        share: how many one bay may hold at once.
    """

    def __init__(self, block_bytes: int, blocks: int, share: int, clock: Clock) -> None:
        self.block_bytes = block_bytes
        self.clock = clock
        self._free: list[bytearray] = []
        self._unmade = blocks
        self._share = share
        self._condition = threading.Condition()

    @contextmanager
    def lane(self, on_held_up: Callable[[float], None] = lambda _: None) -> Iterator["BufferLane"]:
        """A bay's own view of the pool.

        Args:
            on_held_up: told how many seconds the bay waited for a block.
        """
        yield BufferLane(self, self._share, on_held_up)

    def take(self, stop: Stop) -> bytearray:
        """A block, as soon as one is free.

        Raises:
            StoppedError: while waiting.
        """
        with self._condition:
            while not self._free and not self._unmade:
                stop.check()
                self._condition.wait(_STOP_CHECK_SECONDS)
            if self._free:
                return self._free.pop()
            self._unmade -= 1
        return bytearray(self.block_bytes)

    def give_back(self, block: bytearray) -> None:
        """Return a block that `take` lent."""
        with self._condition:
            self._free.append(block)
            self._condition.notify()


class BufferLane:
    """One bay's share of a pool."""

    def __init__(self, pool: BufferPool, share: int, on_held_up: Callable[[float], None]) -> None:
        self._pool = pool
        self._room = threading.Semaphore(share)
        self._on_held_up = on_held_up

    @property
    def block_bytes(self) -> int:
        """Size of a block."""
        return self._pool.block_bytes

    def take(self, stop: Stop) -> bytearray:
        """A block within this bay's share.

        Raises:
            StoppedError: while waiting.
        """
        began = self._pool.clock.steady_seconds()
        while not self._room.acquire(timeout=_STOP_CHECK_SECONDS):
            stop.check()
        block = self._pool.take(stop)
        waited = self._pool.clock.steady_seconds() - began
        if waited > _WORTH_TELLING_SECONDS:
            self._on_held_up(waited)
        return block

    def give_back(self, block: bytearray) -> None:
        """Return a block."""
        self._pool.give_back(block)
        self._room.release()

"""Reading a file of a card whose medium may be failing: tried again, then read around in shrinking steps.

What cannot be read is filled with zeros and remembered, so that the rest keeps its place in the file. A worn card
answers each bad read only after seconds; the time spent on them is bounded per file.
"""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ingestd.core.clock import Clock
from ingestd.core.errors import SourceChangedError, SourceError, SourceGoneError
from ingestd.core.stop import Stop

STEPS_BYTES: Final = (64 * 1024, 4096)
"""How a failing block is cut up: the last is a page, the least that the kernel reads of a card."""

_MEDIUM_FAULTS: Final = {errno.EIO, errno.ENODATA, errno.EBADMSG, errno.EUCLEAN, errno.EREMOTEIO, errno.ETIMEDOUT}
_RETRY_SECONDS: Final = 0.2
PRESENCE_SECONDS: Final = 4.5
"""How long after a fault it is certain whether the card was there. The kernel asks a reader for its card every two
seconds; until then one that was taken out looks like one with nothing but bad places."""
_DROP_BYTES: Final = 4 * 1024 * 1024
"""Pages are dropped behind the reading in pieces of so much: the kernel then uses the same few pages again and again,
which measured at a quarter of the time of filling the memory with a card that nobody reads twice."""


@dataclass(slots=True)
class CardFile:
    """One open file of a card.

    Args:
        descriptor: readable; stays the caller's.
        still_there: whether the medium is present, so that a pulled card is not taken for a failing one.
        retries: further tries of a block, each after a wait, before it is cut up.
        patience_seconds: how long bad places of this file may hold up the card in all; behind that, no further
            tries are made and a failing block is given up whole.
    """

    descriptor: int
    still_there: Callable[[], bool]
    stop: Stop
    clock: Clock
    retries: int
    patience_seconds: float
    unreadable: list[tuple[int, int]] = field(default_factory=list)
    """Half-open byte ranges, in order, touching ones joined."""
    faults: int = 0
    """Reads that failed, retries included."""
    _lost_seconds: float = 0.0
    _trouble_since: float = 0.0
    _last_fault_at: float = 0.0
    _dropped_to: int = 0

    def read_into(self, view: memoryview, offset: int) -> int:
        """Fill the view from the offset; fewer bytes only at the end of the file.

        Raises:
            SourceGoneError: the medium is gone.
            SourceChangedError: the file is gone from the medium, or of another kind.
            SourceError: refused for another reason than the medium.
        """
        self._drop_behind(offset)
        try:
            return os.preadv(self.descriptor, [view], offset)
        except OSError as error:
            self._judge(error, offset)
        self._trouble_since = self.clock.steady_seconds()
        # Reading ahead over bad places costs the same seconds again.
        os.posix_fadvise(self.descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        length = min(len(view), max(os.fstat(self.descriptor).st_size - offset, 0))
        if length == 0 and offset > 0:
            # All that the file's size promises was had; what failed is only the question whether there is more.
            return 0
        if length == 0:
            # Nothing is promised by its size, so there is nothing to read around.
            raise SourceError(f"reading failed at byte {offset}: the file says that it is empty, and is not")
        if not self._is_read_at_last(view[:length], offset):
            self._read_pieces(view[:length], offset, STEPS_BYTES)
        os.posix_fadvise(self.descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        self._lost_seconds += self.clock.steady_seconds() - self._trouble_since
        return length

    def confirm_holes(self) -> None:
        """Wait until it is certain that the holes are the card's, where there are any.

        Raises:
            SourceGoneError: the medium was taken out; what reads as holes was never asked of it.
            StoppedError: asked to stop.
        """
        if not self.unreadable:
            return
        self.stop.wait(max(0.0, self._last_fault_at + PRESENCE_SECONDS - self.clock.steady_seconds()))
        self.stop.check()
        if not self.still_there():
            raise SourceGoneError("the recorder is gone")

    def _drop_behind(self, offset: int) -> None:
        length = offset - self._dropped_to
        if length >= _DROP_BYTES:
            os.posix_fadvise(self.descriptor, self._dropped_to, length, os.POSIX_FADV_DONTNEED)
        elif length >= 0:
            return
        self._dropped_to = offset

    def _read_pieces(self, view: memoryview, offset: int, steps: tuple[int, ...]) -> None:
        """Fill a failing range piece by piece; smallest pieces that fail become zeros that are remembered."""
        for start in range(0, len(view), steps[0]):
            piece, place = view[start : start + steps[0]], offset + start
            if self._is_out_of_patience():
                self._give_up(view[start:], place)
                return
            if self._read_whole(piece, place):
                continue
            if len(steps) > 1:
                self._read_pieces(piece, place, steps[1:])
            else:
                self._give_up(piece, place)

    def _is_read_at_last(self, view: memoryview, offset: int) -> bool:
        """Whether a range that failed comes after a wait, as it does after a loose contact or a reset of the bus."""
        for _ in range(self.retries):
            if self._is_out_of_patience():
                return False
            self.stop.wait(_RETRY_SECONDS)
            self.stop.check()
            if self._read_whole(view, offset):
                return True
        return False

    def _read_whole(self, view: memoryview, offset: int) -> bool:
        try:
            while view:
                count = os.preadv(self.descriptor, [view], offset)
                if count == 0:
                    raise SourceChangedError("the file became shorter while it was read")
                view, offset = view[count:], offset + count
        except OSError as error:
            self._judge(error, offset)
            return False
        return True

    def _judge(self, error: OSError, offset: int) -> None:
        """A fault of the medium is counted and lived with; anything else ends the file."""
        self.faults += 1
        self._last_fault_at = self.clock.steady_seconds()
        if not self.still_there():
            raise SourceGoneError("the recorder is gone") from error
        if error.errno not in _MEDIUM_FAULTS:
            raise SourceError(f"reading failed at byte {offset}: {error.strerror}") from error

    def _is_out_of_patience(self) -> bool:
        now = self.clock.steady_seconds()
        return self._lost_seconds + now - self._trouble_since > self.patience_seconds

    def _give_up(self, view: memoryview, offset: int) -> None:
        view[:] = bytes(len(view))
        end = offset + len(view)
        if self.unreadable and self.unreadable[-1][1] == offset:
            self.unreadable[-1] = (self.unreadable[-1][0], end)
        else:
            self.unreadable.append((offset, end))

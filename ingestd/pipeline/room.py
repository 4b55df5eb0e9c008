"""Waiting for room: a full store holds a bay, visibly, and the work goes on by itself when there is room again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ingestd.core.errors import SourceGoneError, StoreFullError
from ingestd.core.lifecycle import BayState
from ingestd.devices.dock import DockedRecorder
from ingestd.pipeline.pace import Pace
from ingestd.pipeline.parts import Parts

T = TypeVar("T")

_CHECK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Room:
    """The room that one docking needs."""

    card: DockedRecorder
    parts: Parts
    pace: Pace

    def check(self, size_bytes: int) -> None:
        """Whether so many bytes may be copied.

        Raises:
            StoreFullError: they may not; some room always stays free.
        """
        free = self.parts.vault.free_bytes() - self.parts.settings.copying.keep_free_bytes
        if free < size_bytes:
            raise StoreFullError(f"the store has no room for {size_bytes} bytes", "free or add disk space")

    def waited_for(self, work: Callable[[], T], *, needs_card: bool = True) -> T:
        """Do the work; while the store is full, hold the bay, visibly, and try again once a while.

        Args:
            needs_card: false for work on verified bytes and on the books. It goes on without the recorder, and a stop
                gives it up only for this run: the next start goes on with what stands in staging.

        Raises:
            SourceGoneError, StoppedError: while waiting for room for the card.
            StoreFullError: stopped while waiting for room for what needs no card.
        """
        stop = self.parts.stop
        while True:
            try:
                return work()
            except StoreFullError as error:
                self.pace.show(BayState.ATTENTION, message=error.message)
                stop.wait(_CHECK_SECONDS)
                if not needs_card and stop.is_requested():
                    raise
                stop.check()
                if needs_card and not self.card.still_there():
                    raise SourceGoneError("the recorder is gone") from error

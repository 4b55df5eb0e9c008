"""Hand-over records by themselves: a receipt for each docking that ends, its addendum once it is described."""

import datetime as dt
from collections.abc import Callable

from ingestd.casework.handover_records import RecordDesk
from ingestd.core.clock import to_text
from ingestd.daemon.background import Worker
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.redecide import enter_anew
from ingestd.stores.handover import HandOverBook

_MENDED_DAYS = 3
"""What was touched so lately is decided again at the start: a stop may have come between a word and its consequence."""


class HandOverWork:
    """A thread of its own, so that the officer's receipt does not wait until footage is analysed.

    `worker` is started and joined by the service.
    """

    def __init__(self, parts: Callable[[], Parts], desk: RecordDesk, on_error: Callable[[str, str], None]) -> None:
        self._parts = parts
        self._desk = desk
        self._is_mended = False
        self.worker = Worker("records", self._step, parts().stop, on_error)

    def _step(self) -> bool:
        made = self._desk.make_receipts() + self._desk.make_addenda()
        if not self._is_mended:
            parts = self._parts()
            since = to_text(parts.clock.now() - dt.timedelta(days=_MENDED_DAYS))
            enter_anew(parts, HandOverBook(parts.chronicle.engine).touched_since(since), are_tags_asked=False)
            self._is_mended = True
        return made > 0

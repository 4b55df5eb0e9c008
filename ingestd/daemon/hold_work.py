"""Deciding again what came into a standing hold by itself: by a tag, a place, a take or a registration."""

from collections.abc import Callable, Sequence

from ingestd.core.custody import Entry
from ingestd.daemon.background import Worker
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.redecide import enter_anew
from ingestd.stores.holds import BRINGING, HoldBook

_LOOKS_SECONDS = 300.0


class HoldWork:
    """A thread of its own. What a person places or releases is decided at once; this is for all that follows later.

    The first look of a station is at everything, since a stop may have come between an act and its consequence.
    `worker` is started and joined by the service.
    """

    def __init__(self, parts: Callable[[], Parts], on_error: Callable[[str, str], None]) -> None:
        self._parts = parts
        self._book = HoldBook(parts().chronicle.engine)
        self._looked_at = 0
        self.worker = Worker("holds", self._step, parts().stop, on_error, idle_seconds=_LOOKS_SECONDS)

    def heard(self, entries: Sequence[Entry]) -> None:
        """Told of every batch that stands in the ledger."""
        if any(entry.act in BRINGING for entry in entries):
            self.worker.wake()

    def _step(self) -> bool:
        parts = self._parts()
        # What is being decided now was looked at before this hold caught it: it is waited for.
        with parts.deciding:
            stale, last = self._book.stale(self._looked_at)
        if stale:
            enter_anew(parts, stale, because="hold.placed", are_tags_asked=False)
        self._looked_at = last
        return False

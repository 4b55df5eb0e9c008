"""The second thread of a bay: proves and seals batches while the next one is being copied."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ingestd.core.clock import to_text
from ingestd.core.custody import Act
from ingestd.core.findings import Finding, finding
from ingestd.core.lifecycle import Fate
from ingestd.core.model import Acquired, Docking, PlannedFile, Verified
from ingestd.pipeline import accounting
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.seal import doubts, seal, standing_contents
from ingestd.pipeline.verify import verify
from ingestd.stores.engine import MARK_BYTES
from ingestd.stores.partial import discard_journal

_BATCHES_AHEAD = 2


@dataclass(slots=True)
class Batch:
    """Copies that will be proved and sealed together, and what else is entered with them."""

    acquired: list[Acquired] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    size_bytes: int = 0
    """Of the copies."""

    def add(self, acquired: Acquired) -> None:
        """One more copy."""
        self.acquired.append(acquired)
        self.size_bytes += acquired.size_bytes

    def __len__(self) -> int:
        return len(self.acquired) + len(self.items)


class Finisher:
    """Takes batches in order. A fault is raised to the copying thread at its next word.

    Args:
        with_room: does a piece of work on bytes that need no card any more, again and again while the store is full.
        on_proved: told of files and bytes that were read back.
    """

    def __init__(
        self,
        docking: Docking,
        parts: Parts,
        with_room: Callable[[Callable[[], None]], None],
        on_proved: Callable[[Acquired], None],
    ) -> None:
        self._docking = docking
        self._parts = parts
        self._with_room = with_room
        self._on_proved = on_proved
        self._batches: queue.Queue[Batch | None] = queue.Queue(_BATCHES_AHEAD)
        self._fault: Exception | None = None
        self.refused: list[PlannedFile] = []
        """Files whose copies the medium gave back wrongly; they hold nothing and may be copied anew."""
        self.unproved: list[Acquired] = []
        """Copies that came behind a fault, or met it: they stand in staging, and nothing was promised for them."""
        self._thread = threading.Thread(target=self._work, name=f"finish {docking.bay}", daemon=True)
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Hand over a batch; waits while two are ahead of it.

        Raises:
            IngestdError: an earlier batch could not be finished.
        """
        self._raise_fault()
        if len(batch):
            self._batches.put(batch)

    def close(self) -> None:
        """Wait until everything handed over is sealed.

        Raises:
            IngestdError: a batch could not be finished; those before it are sealed.
        """
        self._batches.put(None)
        self._thread.join()
        self._raise_fault()

    def _raise_fault(self) -> None:
        if self._fault is not None:
            raise self._fault

    def _work(self) -> None:
        while (batch := self._batches.get()) is not None:
            if self._fault is not None:
                # After a fault the rest is only taken off the queue, so that nobody waits for ever.
                self.unproved.extend(batch.acquired)
                continue
            # The one boundary of this thread: whatever fails is raised in the copying thread, at its next word.
            try:
                self._finish(batch)
            except Exception as error:
                self._fault = error
                self.unproved.extend(batch.acquired)

    def _finish(self, batch: Batch) -> None:
        parts = self._parts
        verified: list[Verified] = []
        fresh = self._without_held(batch)

        def prove() -> None:
            proved, refused = verify(
                fresh,
                parts.vault,
                clock=parts.clock,
                block_bytes=parts.settings.copying.block_bytes,
                stop=parts.stop,
            )
            verified[:] = proved
            for acquired, found in refused:
                self._refuse(batch, acquired, found)

        self._with_room(prove)
        for one in verified:
            parts.on_verified(one)
            self._on_proved(one.acquired)
        sealed_at = to_text(parts.clock.now())
        settled = accounting.settled(self._docking.docking_id, batch.items)

        def seal_all() -> None:
            seal(
                verified,
                self._docking,
                vault=parts.vault,
                catalogue=parts.catalogue,
                chronicle=parts.chronicle,
                station=parts.settings.station,
                sealed_at=sealed_at,
                version=parts.version,
                also=(*settled, *batch.acts),
            )

        self._with_room(seal_all)
        for one in verified:
            self._forget_journal(one.acquired)

    def _without_held(self, batch: Batch) -> list[Acquired]:
        """The copies that are new; those of bytes that this recorder gave before are let go of and settled.

        Empty files are told apart by their paths: that two files have no bytes does not make them one recording. A
        recording whose bytes the vault lost is not held: the copy is sealed anew.
        """
        digests = [one.sha256 for one in batch.acquired]
        standing = standing_contents(digests, self._parts.vault, self._parts.catalogue)
        held: dict[tuple[str, str | None], str] = {}
        for row in self._parts.catalogue.held_recordings(self._docking.recorder.key, sorted(standing)):
            held.setdefault((row["sha256"], None), row["recording_id"])
            held.setdefault((row["sha256"], row["card_path"]), row["recording_id"])
        fresh = []
        for one in batch.acquired:
            path = one.planned.source.path.text if one.size_bytes == 0 else None
            recording = held.get((one.sha256, path))
            if recording is None:
                held[one.sha256, path] = one.planned.recording_id
                fresh.append(one)
                continue
            self._parts.vault.discard_staged(one.planned.recording_id)
            self._forget_journal(one)
            ordinal = one.planned.source.ordinal
            fate = {
                "ordinal": ordinal,
                "fate": Fate.ALREADY_HELD,
                "reason": "the same bytes",
                "recording_id": recording,
            }
            batch.items.append(fate)
            batch.acts.extend(accounting.noted(self._docking.docking_id, _doubts(one)))
        return fresh

    def _forget_journal(self, acquired: Acquired) -> None:
        if acquired.size_bytes >= MARK_BYTES:
            discard_journal(self._parts.vault, acquired.planned.recording_id)

    def _refuse(self, batch: Batch, acquired: Acquired, found: str) -> None:
        """The disk does not hold what was written: the copy goes, the entry stays pending, and a person must know."""
        planned = acquired.planned
        self._parts.vault.discard_staged(planned.recording_id)
        discard_journal(self._parts.vault, planned.recording_id)
        self.refused.append(planned)
        evidence = {"given_by_recorder": acquired.sha256, "given_back_by_disk": found, "copy": "refused"}
        noted = finding("fixity.failed", file=planned.source.path.text, evidence=evidence)
        batch.acts.extend(accounting.noted(self._docking.docking_id, [noted]))


def _doubts(acquired: Acquired) -> list[Finding]:
    content = {"sha256": acquired.sha256, "size_bytes": acquired.size_bytes, "unreadable": acquired.unreadable}
    return doubts(
        acquired.planned.source.path.text,
        content=content,
        second_reading=acquired.second_sha256,
        instability=acquired.instability,
    )

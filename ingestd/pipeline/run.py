"""The order of the stages that need the recorder, written once: acquire → verify → seal. One call takes in one card."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ingestd.core.clock import to_text
from ingestd.core.custody import Act
from ingestd.core.errors import SourceError, SourceGoneError, StoppedError, StoreFullError
from ingestd.core.findings import Finding, finding
from ingestd.core.ids import RecordingId
from ingestd.core.lifecycle import BayState, Fate
from ingestd.core.model import Acquired, EntryKind, PlannedFile, Progress, Verified
from ingestd.devices.dock import DockedRecorder
from ingestd.pipeline import accounting
from ingestd.pipeline.acquire import acquire
from ingestd.pipeline.parts import Parts, Report
from ingestd.pipeline.seal import seal, standing_content
from ingestd.pipeline.verify import verify

T = TypeVar("T")

_ROOM_CHECK_SECONDS = 5.0
_READS_OF_A_CHANGING_FILE = 2


@dataclass(frozen=True, slots=True)
class DockingResult:
    """How a docking ended: `complete`, `incomplete` or `interrupted`, and why where it is not complete."""

    docking_id: str
    outcome: str
    reason: str = ""


@dataclass(slots=True)
class _Batch:
    """Verified files that will be sealed together, and what else will be entered with them."""

    verified: list[Verified] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        return sum(one.acquired.size_bytes for one in self.verified)

    def __len__(self) -> int:
        return len(self.verified) + len(self.items)


def take_in(card: DockedRecorder, parts: Parts, report: Report) -> DockingResult:
    """Take a whole card into the vault, and close its books whatever happens.

    Raises:
        StoreError, IntegrityError: the station itself cannot go on; what was sealed stays sealed, the docking stays
            open and is closed at the next start.
    """
    docking = card.docking
    planned = accounting.plan(card.listing.entries, parts.profiles, parts.settings, parts.clock)
    findings = (*card.listing.problems, *docking.recorder.findings)
    accounting.open_books(docking, planned, findings, parts.vault, parts.chronicle)
    work = _TakeIn(card, parts, report, planned)
    reason = ""
    try:
        work.run()
    except (SourceGoneError, StoppedError) as error:
        reason = error.message
    row = parts.catalogue.docking(docking.docking_id)
    outcome = accounting.close_books(
        row, was_interrupted=bool(reason), vault=parts.vault, catalogue=parts.catalogue, chronicle=parts.chronicle
    )
    is_done = outcome == "complete"
    words = reason or ("" if is_done else "not every file could be read whole")
    work.show(BayState.DONE if is_done else BayState.ATTENTION, message=words)
    return DockingResult(docking.docking_id, outcome, reason)


class _TakeIn:
    """One card on its way in."""

    def __init__(self, card: DockedRecorder, parts: Parts, report: Report, planned: Sequence[PlannedFile]) -> None:
        self._card = card
        self._docking = card.docking
        self._parts = parts
        self._report = report
        self._planned = planned
        self._batch = _Batch()
        self._files_done = 0
        self._bytes_done = 0
        self._bytes_total = sum(one.source.size_bytes for one in planned)
        self._file: str | None = None
        self._started = parts.clock.steady_seconds()

    def run(self) -> None:
        """Every entry in the order of the listing, sealed in batches."""
        limits = self._parts.settings.copying
        try:
            for planned in self._planned:
                self._parts.stop.check()
                self._take(planned)
                self._files_done += 1
                if len(self._batch) >= limits.batch_files or self._batch.size_bytes >= limits.batch_bytes:
                    self._seal_batch()
        finally:
            self._seal_batch()

    def show(self, state: BayState, message: str = "") -> None:
        """Tell the bay's live state."""
        elapsed = max(self._parts.clock.steady_seconds() - self._started, 1e-6)
        self._report(
            Progress(
                bay=self._docking.bay,
                state=state,
                recorder=self._docking.recorder.recorder_id,
                docking_id=self._docking.docking_id,
                file=self._file,
                files_done=self._files_done,
                files_total=len(self._planned),
                bytes_done=self._bytes_done,
                bytes_total=self._bytes_total,
                bytes_per_second=self._bytes_done / elapsed,
                message=message,
            )
        )

    def _take(self, planned: PlannedFile) -> None:
        entry = planned.source
        self._file = entry.path.text
        if entry.kind in (EntryKind.LINK, EntryKind.SPECIAL):
            code = "file.link" if entry.kind is EntryKind.LINK else "file.special"
            self._settle(planned, Fate.QUARANTINED, code, self._finding(code, planned, note=entry.note))
        elif entry.kind is EntryKind.UNREADABLE:
            self._settle(planned, Fate.UNREADABLE, entry.note, self._finding("read.error", planned, note=entry.note))
        elif (rule := accounting.excluding_rule(entry, self._docking.inlet, self._parts.settings)) is not None:
            self._settle(planned, Fate.EXCLUDED, rule)
        else:
            self._take_file(planned)

    def _take_file(self, planned: PlannedFile) -> None:
        try:
            acquired = self._acquire_stable(planned)
        except SourceGoneError:
            self._parts.vault.discard_staged(planned.recording_id)
            raise
        except SourceError as error:
            self._parts.vault.discard_staged(planned.recording_id)
            self._settle(
                planned, Fate.UNREADABLE, error.message, self._finding("read.error", planned, error=error.message)
            )
            return
        held = self._held_as(acquired)
        if held is not None:
            self._parts.vault.discard_staged(planned.recording_id)
            self._settle(planned, Fate.ALREADY_HELD, "the same bytes", recording=held)
            return
        self.show(BayState.VERIFYING)
        limits = self._parts.settings.copying
        verified = verify(
            acquired,
            self._parts.vault,
            clock=self._parts.clock,
            block_bytes=limits.block_bytes,
            stop=self._parts.stop,
            on_bytes=lambda _: None,
        )
        self._parts.on_verified(verified)
        self._batch.verified.append(verified)

    def _acquire_stable(self, planned: PlannedFile) -> Acquired:
        """Read a file; read it anew when it changed meanwhile. The last reading counts, with its instability."""
        before = self._bytes_done
        for _ in range(_READS_OF_A_CHANGING_FILE):
            self._bytes_done = before
            acquired = self._acquire_with_room(planned)
            if not acquired.instability:
                break
        return acquired

    def _acquire_with_room(self, planned: PlannedFile) -> Acquired:
        before = self._bytes_done

        def attempt() -> Acquired:
            self._bytes_done = before
            # A half-written copy of the last attempt holds room and is worth nothing.
            self._parts.vault.discard_staged(planned.recording_id)
            self._check_room(planned.source.size_bytes)
            self.show(BayState.COPYING)
            return acquire(
                planned,
                self._card,
                self._parts.vault,
                clock=self._parts.clock,
                block_bytes=self._parts.settings.copying.block_bytes,
                stop=self._parts.stop,
                on_bytes=self._count,
            )

        return self._with_room(attempt)

    def _check_room(self, size_bytes: int) -> None:
        free = self._parts.vault.free_bytes() - self._parts.settings.copying.keep_free_bytes
        if free < size_bytes:
            raise StoreFullError(f"the store has no room for {size_bytes} bytes", "free or add disk space")

    def _with_room(self, work: Callable[[], T], *, needs_card: bool = True) -> T:
        """Do the work; while the store is full, hold the bay, visibly, and try again once a while.

        Args:
            needs_card: false for work on verified bytes. It goes on without the recorder, and a stop gives it up only
                for this run: the books stay open, because the next start seals what stands in staging.

        Raises:
            SourceGoneError, StoppedError: while waiting for room for the card.
            StoreFullError: stopped while waiting for room for what needs no card.
        """
        while True:
            try:
                return work()
            except StoreFullError as error:
                self.show(BayState.ATTENTION, message=error.message)
                self._parts.stop.wait(_ROOM_CHECK_SECONDS)
                if not needs_card and self._parts.stop.is_requested():
                    raise
                self._parts.stop.check()
                if needs_card and not self._card.still_there():
                    raise SourceGoneError("the recorder is gone") from error

    def _count(self, size_bytes: int) -> None:
        self._bytes_done += size_bytes
        self.show(BayState.COPYING)

    def _held_as(self, acquired: Acquired) -> RecordingId | None:
        """The recording of this recorder that these bytes are, if the vault still has them.

        Empty files are told apart by their paths: that two files have no bytes does not make them one recording.
        """
        path = acquired.planned.source.path.text
        for other in self._batch.verified:
            if other.acquired.sha256 == acquired.sha256 and acquired.size_bytes > 0:
                return other.acquired.planned.recording_id
        held = self._parts.catalogue.held_recording(
            self._docking.recorder.key, acquired.sha256, path if acquired.size_bytes == 0 else None
        )
        if held is None or standing_content(acquired.sha256, self._parts.vault, self._parts.catalogue) is None:
            return None
        return RecordingId(held)

    def _finding(self, code: str, planned: PlannedFile, **evidence: Any) -> Finding:
        return finding(code, file=planned.source.path.text, evidence=evidence)

    def _settle(
        self,
        planned: PlannedFile,
        fate: Fate,
        reason: str,
        found: Finding | None = None,
        recording: RecordingId | None = None,
    ) -> None:
        item = {"ordinal": planned.source.ordinal, "fate": fate, "reason": reason, "recording_id": recording}
        self._batch.items.append(item)
        if found is not None:
            self._batch.acts.extend(accounting.noted(self._docking.docking_id, [found]))

    def _seal_batch(self) -> None:
        batch, self._batch = self._batch, _Batch()
        if not len(batch):
            return
        settled = accounting.settled(self._docking.docking_id, batch.items)
        sealed_at = to_text(self._parts.clock.now())

        def attempt() -> None:
            seal(
                batch.verified,
                self._docking,
                vault=self._parts.vault,
                catalogue=self._parts.catalogue,
                chronicle=self._parts.chronicle,
                station=self._parts.settings.station,
                sealed_at=sealed_at,
                version=self._parts.version,
                also=(*settled, *batch.acts),
            )

        self._with_room(attempt, needs_card=False)

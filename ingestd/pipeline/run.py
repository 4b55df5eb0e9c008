"""The order of the stages that need the recorder, written once: acquire → verify → seal. One call takes in one card."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ingestd.core.errors import IntegrityError, SourceError, SourceGoneError, StoppedError
from ingestd.core.findings import Finding, finding
from ingestd.core.ids import RecordingId
from ingestd.core.lifecycle import BayState, Fate
from ingestd.core.model import Acquired, EntryKind, PlannedFile
from ingestd.devices.dock import DockedRecorder
from ingestd.pipeline import accounting
from ingestd.pipeline.acquire import Means, acquire, source_key
from ingestd.pipeline.admission import decide
from ingestd.pipeline.batch import Batch, Finisher
from ingestd.pipeline.known import known_as
from ingestd.pipeline.pace import Pace
from ingestd.pipeline.parts import Parts, Report
from ingestd.pipeline.room import Room
from ingestd.stores.engine import Lane
from ingestd.stores.partial import adopt, discard_journal, interrupted, journal_path

_READS_OF_A_CHANGING_FILE = 2


@dataclass(frozen=True, slots=True)
class DockingResult:
    """How a docking ended: `complete`, `incomplete` or `interrupted`, and why where it is not complete.

    `attention` is for the person at the bay, where the recorder must go to the custodian; empty otherwise.
    """

    docking_id: str
    outcome: str
    reason: str = ""
    attention: str = ""


def take_in(card: DockedRecorder, parts: Parts, report: Report) -> DockingResult:
    """Take a whole card into the vault, whoever's recorder it is, and close its books.

    Raises:
        StoreError, IntegrityError: the station itself cannot go on; what was sealed stays sealed, the docking stays
            open and is closed at the next start.
    """
    docking = card.docking
    planned = accounting.plan(card.listing.entries, card.profiles, parts.settings, parts.clock)
    findings = (*card.listing.problems, *docking.recorder.findings)
    pace = Pace(docking, planned, parts.clock, report)
    room = Room(card, parts, pace)
    admission = decide(docking, parts.fleet, parts.presence, parts.settings.fleet)
    room.waited_for(
        lambda: accounting.open_books(
            docking, planned, findings, admission, vault=parts.vault, chronicle=parts.chronicle
        )
    )
    reason = _copy(card, planned, parts, pace, room)
    row = parts.catalogue.docking(docking.docking_id)
    outcome = room.waited_for(
        lambda: accounting.close_books(
            row, was_interrupted=bool(reason), vault=parts.vault, catalogue=parts.catalogue, chronicle=parts.chronicle
        ),
        needs_card=False,
    )
    is_done = outcome == "complete"
    attention = admission.words_at_end(is_complete=is_done)
    words = [reason or ("" if is_done else "not every file could be read whole"), attention]
    is_over = is_done and not admission.needs_person
    pace.show(BayState.DONE if is_over else BayState.ATTENTION, message="; ".join(filter(None, words)))
    return DockingResult(docking.docking_id, outcome, reason, attention)


def _copy(card: DockedRecorder, planned: Sequence[PlannedFile], parts: Parts, pace: Pace, room: Room) -> str:
    """Copy, prove and seal what is planned; why it broke off where it did, in words, else empty."""
    own = {one.recording_id for one in planned}
    parts.vault.under_way.update(own)
    with parts.buffers.lane(parts.turns.held_up) as buffers:
        lane = Lane(card.docking.bay, buffers, parts.settings.copying.digests, parts.stop, parts.clock)
        try:
            taking = _TakeIn(card, parts, pace, room, lane)
            taking.run(planned)
            taking.forget_interrupted()
        except (SourceGoneError, StoppedError) as error:
            return error.message
        finally:
            lane.close()
            parts.vault.under_way.difference_update(own)
    return ""


class _TakeIn:
    """One card on its way in: this thread copies, a second one proves and seals behind it."""

    def __init__(self, card: DockedRecorder, parts: Parts, pace: Pace, room: Room, lane: Lane) -> None:
        self._card = card
        self._docking = card.docking
        self._parts = parts
        self._pace = pace
        self._room = room
        self._means = Means(card, parts.vault, lane, parts.clock, parts.stop, parts.settings.copying)
        self._batch = Batch()
        self._interrupted = interrupted(parts.vault)
        self._finisher = Finisher(card.docking, parts, self._behind, lambda acquired: pace.proved(acquired.size_bytes))

    def run(self, planned: Sequence[PlannedFile]) -> None:
        """Every entry in the order of the listing; copies that the disk spoiled once more at the end.

        Raises:
            IntegrityError: the disk spoiled a copy twice.
        """
        try:
            self._take_and_seal(planned)
            if self._finisher.refused:
                refused = self._finisher.refused
                self._finisher = Finisher(self._docking, self._parts, self._behind, lambda _: None)
                self._take_and_seal(refused)
        except StoppedError:
            self._end_unproved()
            raise
        if self._finisher.refused:
            raise IntegrityError(
                f"the disk gave back other bytes for {self._finisher.refused[0].source.path.text}, twice",
                "the station's disk or memory is failing; replace it before docking more recorders",
            )

    def _take_and_seal(self, planned: Sequence[PlannedFile]) -> None:
        try:
            self._take_all(planned)
        except SourceGoneError:
            # What was copied whole before is proved and sealed all the same.
            self._hand_over()
            self._finisher.close()
            raise
        self._hand_over()
        self._finisher.close()

    def _end_unproved(self) -> None:
        """Asked to stop: to prove a batch can take long, so what has no proof yet is left to the next docking."""
        unproved, self._batch.acquired = self._batch.acquired, []
        with contextlib.suppress(StoppedError):
            self._hand_over()
        with contextlib.suppress(StoppedError):
            self._finisher.close()
        for acquired in (*self._finisher.unproved, *unproved):
            self._discard_short(acquired.planned)

    def _hand_over(self) -> None:
        self._finisher.put(self._batch)
        self._batch = Batch()

    def forget_interrupted(self) -> None:
        """Let go of copies of files that are not on this recorder any more as they were when they were interrupted."""
        for source, recording in self._interrupted.items():
            if source.recorder_key == self._docking.recorder.key:
                self._parts.vault.discard_staged(recording)
                discard_journal(self._parts.vault, recording)

    def _take_all(self, planned: Sequence[PlannedFile]) -> None:
        limits = self._parts.settings.copying
        for one in planned:
            self._parts.stop.check()
            self._take(one)
            self._pace.file_done()
            if len(self._batch) >= limits.batch_files or self._batch.size_bytes >= limits.batch_bytes:
                began = self._parts.clock.steady_seconds()
                self._hand_over()
                self._parts.turns.held_up(self._parts.clock.steady_seconds() - began)

    def _take(self, planned: PlannedFile) -> None:
        entry = planned.source
        self._pace.begin(entry.path.text)
        if entry.kind in (EntryKind.LINK, EntryKind.SPECIAL):
            code = "file.link" if entry.kind is EntryKind.LINK else "file.special"
            self._settle(planned, Fate.QUARANTINED, code, self._finding(code, planned, note=entry.note))
        elif entry.kind is EntryKind.UNREADABLE:
            self._settle(planned, Fate.UNREADABLE, entry.note, self._finding("read.error", planned, note=entry.note))
        elif (rule := accounting.excluding_rule(entry, self._docking.inlet, self._parts.settings)) is not None:
            self._settle(planned, Fate.EXCLUDED, rule)
        elif (known := known_as(planned, self._means, self._parts.catalogue)) is not None:
            self._pace.advance(entry.size_bytes)
            self._settle(planned, Fate.ALREADY_HELD, known.words, recording=known.recording_id)
        else:
            self._take_file(planned)

    def _take_file(self, planned: PlannedFile) -> None:
        try:
            acquired = self._acquire_stable(planned)
        except (SourceGoneError, StoppedError):
            self._discard_short(planned)
            raise
        except SourceError as error:
            self._discard(planned)
            found = self._finding("read.error", planned, error=error.message)
            self._settle(planned, Fate.UNREADABLE, error.message, found)
            return
        self._batch.add(acquired)

    def _acquire_stable(self, planned: PlannedFile) -> Acquired:
        """Read a file; read it anew when it changed meanwhile. The last reading counts, with its instability."""
        before = self._pace.bytes_done
        for _ in range(_READS_OF_A_CHANGING_FILE):
            self._pace.back_to(before)
            acquired = self._acquire_with_room(planned)
            if not acquired.instability:
                break
        return acquired

    def _acquire_with_room(self, planned: PlannedFile) -> Acquired:
        before = self._pace.bytes_done
        partial = self._interrupted.pop(source_key(self._card, planned), None)
        if partial is not None:
            adopt(self._parts.vault, partial, planned.recording_id)
        tries = 0

        def attempt() -> Acquired:
            nonlocal tries
            tries += 1
            self._pace.back_to(before)
            if tries > 1:
                # A half-written copy of the last attempt holds room and is worth nothing.
                self._discard(planned)
            is_resumed = partial is not None and tries == 1
            self._room.check(planned.source.size_bytes)
            with self._parts.turns.turn(self._parts.stop, self._wait_for_turn) as moved:
                self._pace.show(BayState.COPYING)

                def on_bytes(size_bytes: int) -> None:
                    moved(size_bytes)
                    self._pace.advance(size_bytes)

                return acquire(planned, self._means, is_resumed=is_resumed, on_bytes=on_bytes)

        return self._room.waited_for(attempt)

    def _wait_for_turn(self) -> None:
        self._pace.show(BayState.COPYING, message="waits for its turn at the disk")

    def _behind(self, work: Callable[[], None]) -> None:
        self._room.waited_for(work, needs_card=False)

    def _discard(self, planned: PlannedFile) -> None:
        self._parts.vault.discard_staged(planned.recording_id)
        discard_journal(self._parts.vault, planned.recording_id)

    def _discard_short(self, planned: PlannedFile) -> None:
        """Let go of a copy that is too short to go on from; a longer one waits with its journal."""
        if not journal_path(self._parts.vault, planned.recording_id).exists():
            self._discard(planned)

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

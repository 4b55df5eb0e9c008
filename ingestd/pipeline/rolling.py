"""The scrub (定期校验): everything that is held is read again within a period, the longest unread first.

A pass goes over originals, documents and copies in other stores. It rests while a recorder is being copied, is spread
over its period, and goes on after a restart where it was. It writes one act a pass, and one for each fault and repair;
when a content was last read is counted in the catalogue alone.
"""

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from ingestd.core.clock import from_text, to_text
from ingestd.core.custody import Act, Entry
from ingestd.core.errors import IngestdError, StoppedError, StoreError, UnavailableError
from ingestd.core.findings import finding
from ingestd.core.ids import Sha256
from ingestd.core.lifecycle import State
from ingestd.core.replicas import ReplicaCopy, ReplicaStore
from ingestd.core.scrubbing import Pass, is_ahead, is_due
from ingestd.core.settings import MIB, ScrubSettings
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.repair import Damage, NotRepaired, repair
from ingestd.pipeline.vouched import documents_of
from ingestd.stores.durable import remove
from ingestd.stores.fixity import FixityBook, Row, mark_checked
from ingestd.stores.ledger import segments
from ingestd.stores.scrubstate import ScrubState
from ingestd.stores.transfer import let_go, read_back

_PIECE_FILES: Final = 256
_PIECE_BYTES: Final = 256 * MIB
_REST_SECONDS: Final = 1.0
_LOOKED_AT_COPIES: Final = 1000


@dataclass(frozen=True, slots=True)
class Copies:
    """What is known of other stores: verified copies of a digest, those not read since a time, and the stores."""

    of: Callable[[Sha256], Sequence[ReplicaCopy]]
    unread_since: Callable[[str, int], Sequence[ReplicaCopy]]
    """Copies that were last read before this UTC text, the longest ago first, at most so many."""
    mark_read: Callable[[ReplicaCopy, str], None]
    """A copy was read at this UTC text, whatever came of it."""
    total: Callable[[], int]
    """How many there are."""
    stores: Callable[[], Mapping[str, ReplicaStore]]


NO_COPIES: Final = Copies(lambda _: (), lambda *_: (), lambda *_: None, lambda: 0, dict)


_About = tuple[str | None, str | None, str]
"""Recording, docking and name of what a fault is about."""


class _Document(NamedTuple):
    """A document that the ledger vouches for, and what it is about."""

    path: str
    sha256: Sha256
    recording_id: str | None
    docking_id: str | None


class Rolling:
    """The scrub of one station; `step` is called by one thread, the rest by any.

    Args:
        parts: asked anew each time, because a reload may change the settings.
        copies: of other stores.
        is_busy: whether a recorder is being copied; the scrub rests then.
    """

    def __init__(
        self, parts: Callable[[], Parts], copies: Copies = NO_COPIES, is_busy: Callable[[], bool] = lambda: False
    ) -> None:
        now = parts()
        self._parts = parts
        self._copies = copies
        self._is_busy = is_busy
        self.book = FixityBook(now.chronicle.engine)
        self._state = ScrubState(now.settings.scrub_file)
        self._vault_id = str(now.vault.read_json("vault.json")["vault_id"])
        self._lock = threading.Lock()
        self._pass = self._state.read(self._vault_id)
        self._is_asked_for = False
        self._total_bytes: int | None = None
        self._away: set[str] = set()
        self._unmended: dict[str, str] = {}
        for left in now.vault.staging_folder.glob("*.repair"):
            # Of a repair that was broken off; its damage is found again.
            remove(left)

    @property
    def under_way(self) -> Pass | None:
        """The pass under way; null between two."""
        return self._pass

    def ask(self) -> None:
        """Have the pass under way brought to its end without a rest, or a new one begun."""
        self._is_asked_for = True

    def status(self) -> dict[str, Any]:
        """How it stands, as JSON."""
        parts = self._parts()
        found = status_of(self.book, self._pass, parts.settings.scrub, parts.clock.now())
        for fault in found["faults"]:
            fault["not_repaired"] = self._unmended.get(fault["path"], "")
        return found

    def step(self) -> bool:
        """One piece of the pass under way; false when there is nothing to do now.

        Raises:
            StoreError: catalogue, ledger or the state's file refuse.
            StoppedError: asked to stop; what was read of the piece is read again.
        """
        with self._lock:
            under_way = self._begun()
            if under_way is None:
                return False
            self._breathe()
            after = self._originals(under_way) or self._documents(under_way) or self._replicas(under_way)
            if after is not None:
                self._stands(after)
                return True
            if self._is_all_read(under_way):
                self._finish(under_way)
            return False

    def _begun(self) -> Pass | None:
        """The pass under way, or one that begins now because it is due or asked for."""
        parts = self._parts()
        if self._pass is not None:
            if self._is_asked_for and not self._pass.is_hurried:
                self._stands(self._pass.model_copy(update={"is_hurried": True}))
            self._is_asked_for = False
            return self._pass if parts.settings.scrub.is_enabled or self._pass.is_hurried else None
        last, now = self.book.last_pass(), parts.clock.now()
        began = last["started_at"] if last is not None else self.book.oldest()
        last_at = from_text(began) if began is not None else None
        due = parts.settings.scrub.is_enabled and is_due(last_at, now=now, period=self._period())
        if due or self._is_asked_for:
            self._stands(Pass(vault_id=self._vault_id, started_at=now, is_hurried=self._is_asked_for))
            self._is_asked_for, self._total_bytes = False, None
            self._away.clear()
        return self._pass

    def _period(self) -> dt.timedelta:
        return self._parts().settings.scrub.period

    def _stands(self, after: Pass) -> None:
        self._state.write(after)
        self._pass = after

    def _breathe(self) -> None:
        """Rest while a recorder is being copied, in the middle of a file as well."""
        stop = self._parts().stop
        while self._is_busy():
            stop.wait(_REST_SECONDS)
            stop.check()

    def _may_rest(self, now: Pass, done: int, total: int) -> bool:
        if now.is_hurried:
            return False
        at = self._parts().clock.now()
        return is_ahead(done, total, started_at=now.started_at, now=at, period=self._period())

    # Originals

    def _originals(self, now: Pass) -> Pass | None:
        if self._total_bytes is None:
            self._total_bytes = self.book.held()[1]
        if self._may_rest(now, now.read_bytes, self._total_bytes):
            return None
        rows = self._unread(now)
        checked, read_bytes, count, tally = [], 0, 0, _Tally()
        for row in rows:
            if row["condemned_seq"] is None:
                read_bytes += row["size_bytes"]
                count += 1
                self._original(row, tally)
            checked.append(row["sha256"])
            if read_bytes >= _PIECE_BYTES:
                break
        if not checked:
            return None
        # Never before the beginning: a clock that was set back would have the same files read for ever.
        at = max(self._parts().clock.now(), now.started_at)
        mark_checked(self._parts().chronicle.engine, checked, to_text(at))
        return tally.added_to(now, originals=now.originals + count, read_bytes=now.read_bytes + read_bytes)

    def _unread(self, now: Pass) -> list[Row]:
        before = to_text(now.started_at)
        rows = self.book.next_originals(before, limit=_PIECE_FILES)
        # Read at a time that has not come yet: the clock was wrong then.
        return rows or self.book.read_in_future(to_text(max(self._parts().clock.now(), now.started_at)), _PIECE_FILES)

    def _original(self, row: Row, tally: "_Tally") -> None:
        path, sha256 = row["vault_path"], Sha256(row["sha256"])
        words = self._fault_of(path, sha256)
        # Condemned meanwhile, or held elsewhere alone: rightly absent.
        if words and not self.book.is_wanted_here(sha256):
            return
        self._settle(path, sha256, words, self._about(sha256) if words else [], tally)

    def _fault_of(self, path: str, sha256: Sha256) -> str:
        """What is wrong with a file of the vault, in words; empty where it is as it was sealed."""
        parts = self._parts()
        try:
            whole = parts.vault.path(path)
            # Twice: one reading that differs may be the cable's fault, and is no ground to replace an original.
            for _ in range(2):
                found = read_back(
                    whole,
                    was_let_go=let_go(whole),
                    block_bytes=parts.settings.copying.block_bytes,
                    stop=parts.stop,
                    on_bytes=lambda _: self._breathe(),
                )
                if found.sha256 == sha256:
                    return ""
        except StoppedError:
            raise
        except IngestdError as error:
            is_missing = isinstance(error.__cause__, FileNotFoundError)
            return "is missing" if is_missing else error.message
        return f"its SHA-256 is {found.sha256}"

    # Documents

    def _documents(self, now: Pass) -> Pass | None:
        standing = segments(self._parts().vault.ledger_folder)
        if now.segment >= len(standing) or self._may_rest(now, now.segment, len(standing)):
            return None
        tally, count = _Tally(), 0
        for document in _documents_of(standing[now.segment]):
            self._breathe()
            words = self._fault_of(document.path, document.sha256)
            about = [(document.recording_id, document.docking_id, document.path)]
            self._settle(document.path, document.sha256, words, about if words and document.docking_id else [], tally)
            count += 1
        return tally.added_to(now, documents=now.documents + count, segment=now.segment + 1)

    # Copies in other stores

    def _replicas(self, now: Pass) -> Pass | None:
        if self._may_rest(now, now.replicas, self._copies.total()):
            return None
        for copy, store in self._unread_copies(now):
            self._breathe()
            try:
                is_good = store.check(copy)
            except UnavailableError:
                # An outage says nothing about the copy, and is not waited for: the next pass reads it.
                self._away.add(copy.store)
                continue
            tally = _Tally()
            self._note(f"{copy.store}:{copy.key}", copy.sha256, *self._judged(copy, is_good), tally)
            self._copies.mark_read(copy, to_text(max(self._parts().clock.now(), now.started_at)))
            return tally.added_to(now, replicas=now.replicas + 1)
        return None

    def _unread_copies(self, now: Pass) -> Iterator[tuple[ReplicaCopy, ReplicaStore]]:
        """Copies that this pass has still to read, in stores that are configured and were not found away."""
        stores = self._copies.stores()
        for copy in self._copies.unread_since(to_text(now.started_at), _LOOKED_AT_COPIES):
            if copy.store in stores and copy.store not in self._away:
                yield copy, stores[copy.store]

    def _judged(self, copy: ReplicaCopy, is_good: bool) -> tuple[str, list[_About]]:
        if is_good:
            return "", []
        held = self.book.recordings_of(copy.sha256)
        if held and all(State(row["state"]) in (State.CONDEMNED, State.DISPOSED) for row in held):
            # Its disposal is at work in that store.
            return "", []
        return "the store does not give it back as it was", self._about(copy.sha256)

    def _about(self, sha256: Sha256) -> list[_About]:
        return [(one["recording_id"], one["docking_id"], one["card_path"]) for one in self.book.recordings_of(sha256)]

    # Faults

    def _settle(
        self,
        path: str,
        sha256: Sha256,
        words: str,
        about: Sequence[_About],
        tally: "_Tally",
    ) -> None:
        """Say what was found of a file of the vault, and mend it."""
        self._note(path, sha256, words, about, tally)
        if not words:
            return
        parts = self._parts()
        mended = repair(
            Damage(path, sha256, words, to_text(parts.clock.now())),
            vault=parts.vault,
            copies=self._copies.of(sha256),
            stores=self._copies.stores(),
            keep_free_bytes=parts.settings.copying.keep_free_bytes,
            block_bytes=parts.settings.copying.block_bytes,
            stop=parts.stop,
        )
        if isinstance(mended, NotRepaired):
            self._unmended[path] = mended.reason
            return
        tally.repaired += 1
        self._enter_repaired(path, sha256, store=mended.store, kept=mended.kept)

    def _note(
        self,
        path: str,
        sha256: Sha256,
        words: str,
        about: Sequence[_About],
        tally: "_Tally",
    ) -> None:
        """Enter a fault that is new, or that one which stood is gone; a fault that stands is not said again."""
        standing = self.book.fault_of(path)
        if not words:
            if standing is not None:
                self._enter_repaired(path, sha256, store=None, kept=None)
            return
        tally.faults += 1
        if standing is not None and standing["words"] == words:
            return
        recordings = [recording for recording, _, _ in about if recording is not None]
        docking = about[0][1] if about else None
        data = {"path": path, "sha256": sha256, "words": words, "docking_id": docking, "recordings": recordings}
        acts = [Act(act="fixity.failed", subject=recordings[0] if recordings else None, data=data)]
        acts += [_noted(path, words, *one) for one in about]
        self._parts().chronicle.enter(*acts)

    def _enter_repaired(self, path: str, sha256: Sha256, *, store: str | None, kept: str | None) -> None:
        self._unmended.pop(path, None)
        data = {"path": path, "sha256": sha256, "store": store, "kept": kept}
        self._parts().chronicle.enter(Act(act="fixity.repaired", data=data))

    # The end

    def _is_all_read(self, now: Pass) -> bool:
        if self._unread(now) or now.segment < len(segments(self._parts().vault.ledger_folder)):
            return False
        return next(self._unread_copies(now), None) is None

    def _finish(self, now: Pass) -> None:
        data = {"started_at": to_text(now.started_at), **now.counts(), "standing_faults": len(self.book.faults())}
        self._parts().chronicle.enter(Act(act="scrub.finished", data=data))
        self._state.clear()
        self._pass = None


def status_of(book: FixityBook, under_way: Pass | None, settings: ScrubSettings, now: dt.datetime) -> dict[str, Any]:
    """How the scrub of a station stands, as JSON; also where none is running."""
    oldest, shown = book.oldest(), None
    if under_way is not None:
        total = book.held()[1]
        shown = {
            "started_at": to_text(under_way.started_at),
            "is_hurried": under_way.is_hurried,
            "percent": min(100, round(100 * under_way.read_bytes / total)) if total else 100,
            **under_way.counts(),
        }
    return {
        "is_enabled": settings.is_enabled,
        "period_days": settings.period_days,
        "under_way": shown,
        "oldest_checked_at": oldest,
        "oldest_unverified_seconds": seconds_since(oldest, now),
        "last_pass": book.last_pass(),
        "faults": book.faults(),
    }


def seconds_since(moment: str | None, now: dt.datetime) -> float:
    """How long ago a UTC text was, never less than nothing; 0 for none."""
    return max(0.0, (now - from_text(moment)).total_seconds()) if moment else 0.0


class _Tally:
    """Faults and repairs of one piece."""

    def __init__(self) -> None:
        self.faults = 0
        self.repaired = 0

    def added_to(self, now: Pass, **update: int) -> Pass:
        """The pass with this piece."""
        faults = {"faults": now.faults + self.faults, "repaired": now.repaired + self.repaired}
        return now.model_copy(update=faults | update)


def _noted(path: str, words: str, recording_id: str | None, docking_id: str | None, name: str) -> Act:
    found = finding("fixity.failed", file=name, evidence={"path": path, "words": words})
    document = found.model_dump(mode="json") | {"recording_id": recording_id}
    return Act(
        act="finding.noted", subject=recording_id or docking_id, data={"docking_id": docking_id, "findings": [document]}
    )


def _documents_of(segment: Path) -> Iterator[_Document]:
    """Documents that the lines of a segment vouch for. A line that is none is a matter of `ingestd verify`."""
    try:
        with segment.open("rb") as lines:
            for line in lines:
                yield from _vouched_for(line)
    except OSError as error:
        raise StoreError(f"{segment.name} cannot be read: {error.strerror}", "see: ingestd verify") from error


def _vouched_for(line: bytes) -> Iterator[_Document]:
    try:
        entry = Entry(**json.loads(line))
    except (ValueError, TypeError, ValidationError):
        return
    for document in documents_of(entry):
        docking = entry.data.get("docking_id") or (entry.subject if entry.act.startswith("docking.") else None)
        recording = entry.subject if entry.act.startswith("recording.") else None
        yield _Document(document.path, document.sha256, recording, docking)

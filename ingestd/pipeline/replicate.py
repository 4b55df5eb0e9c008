"""Replicate: what is sealed is put into another store, read back and locked there; its lock is kept as long as needed.

Store and forward: nothing of a docking waits for it. What a store lacks is asked of the catalogue, so that a crash, an
outage of weeks or a store that is new all are the same: the next step begins where something is missing. An act is
entered behind the store's own proof, never before it.
"""

import datetime as dt
import hashlib
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ingestd.core import replica_acts
from ingestd.core.clock import to_text
from ingestd.core.custody import Act
from ingestd.core.errors import (
    ConfigError,
    IngestdError,
    IntegrityError,
    NotFoundError,
    StillLockedError,
    StoreError,
    UnavailableError,
)
from ingestd.core.ids import Sha256
from ingestd.core.lifecycle import State
from ingestd.core.replica_settings import ReplicaSettings
from ingestd.core.replicas import (
    Care,
    ObjectKind,
    ReplicaCopy,
    ReplicaStore,
    StoreCheck,
    WantedObject,
    care_for,
    in_order_of_need,
)
from ingestd.core.settings import MIB
from ingestd.pipeline.parts import Parts
from ingestd.stores.durable import translated
from ingestd.stores.ledger import segments
from ingestd.stores.replicas import ReplicaBook, kept_copy

HeldAmong = Callable[[Sequence[str]], Collection[str]]
"""Those of some recordings on which a hold stands now."""
AllHeld = Callable[[], Collection[str]]

_TOGETHER_OBJECTS: Final = 20
_TOGETHER_BYTES: Final = 64 * MIB
"""So much goes into the ledger with one sync; what a crash takes is found in the store and not sent again."""
_CHECK_AGAIN: Final = dt.timedelta(hours=24)
_CARE_AGAIN: Final = dt.timedelta(hours=6)
_PARKED: Final = dt.timedelta(hours=1)
_CARE_PAGE: Final = 200
_PATIENCE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a store is behind, as the last look saw it; plain numbers for metrics and people.

    `oldest_sealed_at` is of what waits longest, null for nothing. `parked` are objects that could not be copied for a
    reason of their own, in words by path; they are tried again later and hold nobody up.
    """

    is_reachable: bool = False
    is_looked_through: bool = False
    """Whether everything was looked at since the start: until then more may be missing than is counted."""
    pending_objects: int = 0
    pending_bytes: int = 0
    oldest_sealed_at: dt.datetime | None = None
    parked: tuple[tuple[str, str], ...] = ()


class Replicator:
    """Brings one store up to date. `step` and `check` are called by one thread at a time, the rest by any.

    Args:
        parts: asked anew each time, because a reload may change them.
        held_among: see `HeldAmong`; asked at the moment of each upload.
        all_held: every recording on which a hold stands now.
        may_work: false while a recorder is being copied; the next object then waits.
    """

    def __init__(
        self,
        store: ReplicaStore,
        settings: ReplicaSettings,
        parts: Callable[[], Parts],
        *,
        held_among: HeldAmong,
        all_held: AllHeld,
        may_work: Callable[[], bool] = lambda: True,
    ) -> None:
        self.store = store
        self.settings = settings
        self._parts = parts
        self._held_among = held_among
        self._all_held = all_held
        self._may_work = may_work
        self.book = ReplicaBook(parts().chronicle.engine)
        self._lock = threading.Lock()
        self._after: int | None = None
        self._parked: dict[str, tuple[dt.datetime, str]] = {}
        self._check: StoreCheck | None = None
        self._checked_at: dt.datetime | None = None
        self._cared_at: dt.datetime | None = None
        self._are_holds_news = True
        self.standing = Standing()

    def hear_of_holds(self) -> None:
        """Holds changed: what the store mirrors of them is looked at with the next step."""
        self._are_holds_news = True

    def look_anew(self) -> None:
        """Something that was stored is missing now: the next step looks at everything again."""
        self._after = None

    def check(self) -> StoreCheck:
        """Look at what the store really does, now, and enter what is new about it.

        Raises:
            UnavailableError: an object is under way that takes long.
        """
        if not self._lock.acquire(timeout=_PATIENCE_SECONDS):
            words = f"{self.store.name} is at work on a large object"
            raise UnavailableError(words, "try again later; what was found last is in: ingestd replica list")
        try:
            return self._checked()
        finally:
            self._lock.release()

    def step(self) -> bool:
        """One piece of work; whether there may be more.

        Raises:
            UnavailableError, StoreFullError: the store cannot be reached or is full; everything waits.
            StoppedError: asked to stop; what arrived is found there.
        """
        with self._lock:
            parts = self._parts()
            now = parts.clock.now()
            try:
                if self._checked_at is None or now - self._checked_at >= _CHECK_AGAIN:
                    check = self._checked()
                    if not check.is_reachable:
                        raise UnavailableError("; ".join(check.problems), "it is tried again by itself")
                    self._after = None
                # Locks first: of a store that is new, the uploads may take longer than they last.
                has_more = self._care(parts, now) or self._upload(parts)
            except UnavailableError:
                self.standing = replace(self._counted(parts), is_reachable=False)
                raise
            self.standing = replace(self.standing, is_reachable=True)
            return has_more

    def _checked(self) -> StoreCheck:
        parts = self._parts()
        known = self.book.check_of(self.store.name)
        check = self.store.probe()
        if known is None or known[1] != check:
            parts.chronicle.enter(replica_acts.checked(check))
        if check.is_reachable:
            self._check, self._checked_at = check, parts.clock.now()
        self.standing = replace(self.standing, is_reachable=check.is_reachable)
        return check

    # What is missing

    def _upload(self, parts: Parts) -> bool:
        """Some objects that the store lacks, those that are needed most first."""
        segment = self._missing_segment(parts)
        if segment is not None and self._put_together(parts, [segment]):
            return True
        wanted = self._next_wanted(parts)
        if wanted is None:
            self.standing = replace(self._counted_of([]), is_looked_through=True)
            return False
        self.standing = replace(self._counted_of(wanted), is_looked_through=self.standing.is_looked_through)
        self._put_together(parts, wanted)
        return True

    def _next_wanted(self, parts: Parts) -> list[WantedObject] | None:
        """What is missing of the next recordings that lack something, in the order of need; null for nothing."""
        now = parts.clock.now()
        if any(until <= now for until, _ in self._parked.values()):
            self._parked = {path: one for path, one in self._parked.items() if one[0] > now}
            self._after = None
        while True:
            parts.stop.check()
            found, last = self.book.missing(self.store.name, self._after)
            wanted = [one for one in found if one.vault_path not in self._parked]
            if wanted:
                held = self._held_among(sorted({str(one.recording_id) for one in wanted}))
                return in_order_of_need(replace(one, is_held=one.recording_id in held) for one in wanted)
            if last is None:
                return None
            self._after = last

    def _missing_segment(self, parts: Parts) -> WantedObject | None:
        """A segment of the ledger that is closed and not stored yet; null for none."""
        closed = [
            path for path in segments(parts.vault.ledger_folder)[:-1] if f"ledger/{path.name}" not in self._parked
        ]
        known = self.book.known_paths(self.store.name, ObjectKind.LEDGER) if closed else set()
        for path in closed:
            if (name := f"ledger/{path.name}") not in known:
                return WantedObject(ObjectKind.LEDGER, name, None, path.stat().st_size, None, 0, parts.clock.now())
        return None

    def _put_together(self, parts: Parts, wanted: Sequence[WantedObject]) -> int:
        """Put the first objects, then enter them with one act each and one sync; how many were put.

        Raises:
            StoreError: not one of many could be put: the fault is the store's, and not that of each object.
        """
        acts: list[Act] = []
        done: set[Sha256 | str] = set()
        size_bytes = refused = 0
        try:
            for one in wanted:
                if len(acts) >= _TOGETHER_OBJECTS or size_bytes >= _TOGETHER_BYTES:
                    break
                if one.sha256 in done:
                    continue
                self._wait_for_docks(parts)
                copy = self._put(parts, one)
                if copy is not None:
                    acts.append(replica_acts.stored(copy, recording_id=one.recording_id, vault_path=one.vault_path))
                    done.add(copy.sha256)
                    size_bytes += copy.size_bytes
                    continue
                refused += 1
                if refused >= _TOGETHER_OBJECTS and not acts:
                    _, words = self._parked[one.vault_path]
                    raise StoreError(f"{self.store.name} takes nothing: {words}", "see: ingestd replica check")
        finally:
            # Whatever ended it: what stands in the store is said.
            if acts:
                parts.chronicle.enter(*acts)
        return len(acts)

    def _put(self, parts: Parts, one: WantedObject) -> ReplicaCopy | None:
        """One object; null where it cannot be copied for a reason of its own, which is kept in words."""
        rule, now = self.settings.lock_rule, parts.clock.now()
        until = rule.until(now, None if one.is_held else one.keep_until) if rule is not None else None
        path = parts.vault.path(one.vault_path)
        try:
            digest = one.sha256
            if digest is None:
                with translated("read", path):
                    digest = Sha256(hashlib.sha256(path.read_bytes()).hexdigest())
            return self.store.put(path, digest, kind=one.kind, locked_until=until, has_legal_hold=one.is_held)
        except IngestdError as error:
            if error.is_retryable or isinstance(error, ConfigError):
                raise
            self._parked[one.vault_path] = now + _PARKED, error.message
            return None

    def _wait_for_docks(self, parts: Parts) -> None:
        """Recorders come first: their copy is never slowed down by ours."""
        while not self._may_work():
            if parts.stop.wait(0.5):
                break
        parts.stop.check()

    def _counted(self, parts: Parts) -> Standing:
        """What waits, counted anew while the store cannot be reached: new recordings come in all the time."""
        found, last = self.book.missing(self.store.name, self._after)
        while last is not None and len(found) < 10_000:
            more, last = self.book.missing(self.store.name, last)
            found += more
        return self._counted_of(found)

    def _counted_of(self, wanted: Sequence[WantedObject]) -> Standing:
        parked = tuple((path, words) for path, (_, words) in sorted(self._parked.items()))
        return replace(
            self.standing,
            pending_objects=len(wanted) + len(parked),
            pending_bytes=sum(one.size_bytes for one in wanted),
            oldest_sealed_at=min((one.sealed_at for one in wanted), default=None),
            parked=parked,
        )

    # What stands there

    def _care(self, parts: Parts, now: dt.datetime) -> bool:
        """Locks that run out and holds that changed; whether anything was done."""
        check = self._check
        if self.settings.lock_rule is None or check is None or not check.has_object_lock:
            return False
        if self._are_holds_news:
            self._are_holds_news = False
            try:
                if self._mirror_holds(parts, now):
                    return True
            except IngestdError:
                self._are_holds_news = True
                raise
        if self._cared_at is not None and now - self._cared_at < _CARE_AGAIN:
            return False
        self._extend_locks(parts, now)
        self._cared_at = now
        return False

    def _mirror_holds(self, parts: Parts, now: dt.datetime) -> bool:
        """Set and lift legal holds as the holds of people stand."""
        held = sorted(self._all_held())
        name = self.store.name
        copies = {(one.kind, one.sha256): one for one in self.book.held(name)}
        for start in range(0, len(held), _CARE_PAGE):
            for one in self.book.of_recordings(name, held[start : start + _CARE_PAGE]):
                copies[one.kind, one.sha256] = one
        has_changed = False
        pages = list(copies.values())
        for start in range(0, len(pages), _CARE_PAGE):
            for care in self._cares(pages[start : start + _CARE_PAGE], now):
                has_changed = self._mirror(parts, care) or has_changed
        return has_changed

    def _mirror(self, parts: Parts, care: Care) -> bool:
        if care.legal_hold is None:
            return False
        parts.stop.check()
        try:
            copy = self.store.set_legal_hold(care.copy, care.legal_hold)
        except (NotFoundError, IntegrityError) as error:
            parts.chronicle.enter(replica_acts.faulty(care.copy, error.message))
            self.look_anew()
            return True
        parts.chronicle.enter(replica_acts.hold_changed(copy))
        return True

    def _extend_locks(self, parts: Parts, now: dt.datetime) -> None:
        """Lock for longer what is needed for longer, the locks that end first before the others."""
        rule = self.settings.lock_rule
        assert rule is not None
        horizon, after = to_text(rule.look_before(now)), ("", "")
        while page := self.book.locks_ending(self.store.name, horizon, after=after, limit=_CARE_PAGE):
            last = page[-1]
            after = (to_text(last.locked_until) if last.locked_until is not None else "", str(last.sha256))
            longer: list[ReplicaCopy] = []
            try:
                for care in self._cares(page, now):
                    parts.stop.check()
                    self._extend(parts, care, longer)
            finally:
                if longer:
                    parts.chronicle.enter(replica_acts.extended(longer))

    def _extend(self, parts: Parts, care: Care, longer: list[ReplicaCopy]) -> None:
        if care.until is None:
            return
        try:
            longer.append(self.store.extend(care.copy, care.until))
        except (NotFoundError, IntegrityError) as error:
            parts.chronicle.enter(replica_acts.faulty(care.copy, error.message))
            self.look_anew()

    def _cares(self, copies: Sequence[ReplicaCopy], now: dt.datetime) -> list[Care]:
        """What is due for copies, as their recordings and the holds on them are at this moment."""
        rows = self.book.recordings_needing(copies)
        held = self._held_among(sorted({row["recording_id"] for found in rows.values() for row in found}))
        cares = []
        for copy in copies:
            if copy.kind is not ObjectKind.LEDGER and _is_all_disposed(rows[copy]):
                self._remove_left_behind(copy)
                continue
            is_held = any(row["recording_id"] in held for row in rows[copy])
            care = care_for(kept_copy(copy, rows[copy], is_held), self.settings.lock_rule, now)
            if care.is_due:
                cares.append(care)
        return cares

    def _remove_left_behind(self, copy: ReplicaCopy) -> None:
        """A copy that arrived while its content was being disposed of goes as soon as its lock ends.

        Birth sidecars stay for ever, as they do in the vault.
        """
        if copy.kind is not ObjectKind.ORIGINAL:
            return
        try:
            self.store.remove(copy)
        except (StillLockedError, NotFoundError):
            return
        self._parts().chronicle.enter(replica_acts.removed(copy))


def chosen(replicators: Sequence[Replicator], name: str | None) -> list[Replicator]:
    """What brings one store up to date, or all.

    Raises:
        NotFoundError: the settings name no such store.
    """
    found = [one for one in replicators if name is None or one.store.name == name]
    if not found:
        what = f"there is no store {name}" if name is not None else "there is no store of copies"
        raise NotFoundError(what, "write one as [[replicas]] into ingestd.toml; see docs/guide/replicas.md")
    return found


def _is_all_disposed(rows: Sequence[dict[str, Any]]) -> bool:
    return bool(rows) and all(row["state"] == State.DISPOSED.value for row in rows)

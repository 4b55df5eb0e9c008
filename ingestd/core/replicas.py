"""Copies in other stores: what one is, what a store must be able to do, and what is due there. Pure."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from ingestd.core.clock import from_text, to_text
from ingestd.core.ids import RecordingId, Sha256

LONGEST_BACKOFF_SECONDS = 900.0
FIRST_BACKOFF_SECONDS = 5.0


class ObjectKind(StrEnum):
    """What lies behind a key of a store; the first part of the key behind the prefix."""

    ORIGINAL = "original"
    BIRTH = "birth"
    """A birth sidecar: with it the bytes of an original explain themselves, also without this station."""
    LEDGER = "ledger"
    """A segment of the ledger that is closed: nothing is appended to it any more."""


@dataclass(frozen=True, slots=True)
class ReplicaCopy:
    """One object of one store that was read back and found equal.

    `key` and `version_id` name it in its store; `version_id` is null where the store has none (a folder).
    `locked_until` is what the store itself answered for this very object, null for no lock; it counts only where
    `is_lock_honoured`: the store was seen to refuse an early delete and a shorter lock.
    """

    store: str
    key: str
    version_id: str | None
    sha256: Sha256
    size_bytes: int
    verified_at: dt.datetime
    locked_until: dt.datetime | None
    is_lock_honoured: bool
    has_legal_hold: bool = False
    kind: ObjectKind = ObjectKind.ORIGINAL

    def is_locked(self, now: dt.datetime) -> bool:
        """Whether nobody can delete it now, as far as the store was seen to keep its word."""
        has_lock = self.has_legal_hold or (self.locked_until is not None and self.locked_until > now)
        return self.is_lock_honoured and has_lock


def copy_document(copy: ReplicaCopy) -> dict[str, Any]:
    """A copy as JSON, as acts and child processes are told of it."""
    return {
        "store": copy.store,
        "key": copy.key,
        "version_id": copy.version_id,
        "sha256": copy.sha256,
        "size_bytes": copy.size_bytes,
        "verified_at": to_text(copy.verified_at),
        "locked_until": to_text(copy.locked_until) if copy.locked_until is not None else None,
        "is_lock_honoured": copy.is_lock_honoured,
        "has_legal_hold": copy.has_legal_hold,
        "kind": copy.kind.value,
    }


def copy_of(document: Mapping[str, Any]) -> ReplicaCopy:
    """The inverse of `copy_document`."""
    until = document["locked_until"]
    return ReplicaCopy(
        store=str(document["store"]),
        key=str(document["key"]),
        version_id=document["version_id"],
        sha256=Sha256(document["sha256"]),
        size_bytes=int(document["size_bytes"]),
        verified_at=from_text(document["verified_at"]),
        locked_until=from_text(until) if until is not None else None,
        is_lock_honoured=bool(document["is_lock_honoured"]),
        has_legal_hold=bool(document["has_legal_hold"]),
        kind=ObjectKind(document["kind"]),
    )


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What a store was found to be. A fact that could not be learned is false; `problems` says each in words.

    `is_lock_honoured`: an early delete and a shorter lock of a probe object were both refused, in a mode that nobody
    can lift. Without it copies of this store count as not locked.
    """

    store: str
    is_reachable: bool
    has_versioning: bool = False
    has_object_lock: bool = False
    is_early_delete_refused: bool = False
    is_shortening_refused: bool = False
    is_overwrite_refused: bool = False
    """The store itself refuses a second object at a key; where it does not, recorded version ids stand in for it."""
    is_checksum_checked: bool = False
    """A wrong checksum or a wrong signed hash is refused; where neither is, reading back is what proves a copy."""
    is_retention_told: bool = True
    """It answers when it is asked for the lock of one object; else what HEAD says of it is all that is known."""
    is_lock_honoured: bool = False
    problems: tuple[str, ...] = ()


class ReplicaStore(Protocol):
    """A store of copies. Each of its methods may raise `UnavailableError`: it cannot be reached now, try again later.

    Objects are write-once: what stands is never replaced. All methods may be called from many threads.
    """

    @property
    def name(self) -> str:
        """As the settings call it."""
        ...

    def probe(self) -> StoreCheck:
        """Look at what the store really does; never raises for what it lacks."""
        ...

    def put(
        self,
        path: Path,
        sha256: Sha256,
        *,
        kind: ObjectKind = ObjectKind.ORIGINAL,
        locked_until: dt.datetime | None = None,
        has_legal_hold: bool = False,
    ) -> ReplicaCopy:
        """Store a file, read it back, compare, and lock it; the same object stored before is found and taken.

        Args:
            path: of the file; it is hashed on the way.
            sha256: that it must have.
            locked_until: what is wanted; null for the lock of the settings from now on. A store without locks ignores
                it and says so in the copy.

        Raises:
            IntegrityError: the file is not what it should be, or the store did not give back what it was given.
            StoreError: the file cannot be read, or the store refused it.
        """
        ...

    def check(self, copy: ReplicaCopy) -> bool:
        """Read a copy back whole and compare; false where it is missing or is not what it was."""
        ...

    def look(self, copy: ReplicaCopy) -> ReplicaCopy | None:
        """The copy with its lock and hold as the store has them now, nothing read; null where there is none."""
        ...

    def fetch(self, copy: ReplicaCopy, to: Path) -> None:
        """Write a copy into a new file, fsynced, compared on the way.

        Raises:
            IntegrityError: it is not what it was; nothing is left at `to`.
            NotFoundError: it is not there.
            StoreError: the file cannot be written.
        """
        ...

    def extend(self, copy: ReplicaCopy, until: dt.datetime) -> ReplicaCopy:
        """Lock it for longer; a lock that runs longer already stays. Gives the copy as the store has it then.

        Raises:
            StoreError: the store refused.
            NotFoundError: it is not there.
        """
        ...

    def set_legal_hold(self, copy: ReplicaCopy, is_held: bool) -> ReplicaCopy:
        """Set or lift the legal hold. Gives the copy as the store has it then.

        Raises:
            StoreError: the store refused.
            NotFoundError: it is not there.
        """
        ...

    def remove(self, copy: ReplicaCopy) -> None:
        """Remove this version for good; done already is done.

        Raises:
            StillLockedError: its lock or legal hold stands; `locked_until` says until when.
        """
        ...


# What is due


@dataclass(frozen=True, slots=True)
class WantedObject:
    """Something that a store does not hold yet. `sealed_seq` is its place in the ledger, the order of coming."""

    kind: ObjectKind
    vault_path: str
    sha256: Sha256 | None
    """Null where it is to be taken from the file, as of a birth sidecar."""
    size_bytes: int
    recording_id: RecordingId | None
    sealed_seq: int
    sealed_at: dt.datetime
    keep_until: dt.datetime | None = None
    is_held: bool = False
    is_late: bool = False
    is_case_linked: bool = False


def in_order_of_need(wanted: Iterable[WantedObject]) -> list[WantedObject]:
    """What is stored first: what is held, then what came late, then what belongs to a case, then the oldest."""
    return sorted(
        wanted, key=lambda one: (not one.is_held, not one.is_late, not one.is_case_linked, one.sealed_seq, one.kind)
    )


@dataclass(frozen=True, slots=True)
class LockRule:
    """A store's rolling lock: so long from each time that it is set, and set anew when less than `renew_days` are left.

    Rolling and not once for the whole term, because a lock of years that was set by mistake could be undone by nobody
    (docs/design/decisions.md, 13).
    """

    lock_days: int
    renew_days: int

    def until(self, now: dt.datetime, keep_until: dt.datetime | None) -> dt.datetime:
        """Until when an object is locked that is set now. No longer than the recording is kept, where that is known.

        Whole seconds, rounded up: stores keep no fractions.
        """
        until = now + dt.timedelta(days=self.lock_days)
        if keep_until is not None:
            until = min(until, max(keep_until, now + dt.timedelta(days=1)))
        return until.replace(microsecond=0) + (dt.timedelta(seconds=1) if until.microsecond else dt.timedelta())

    def look_before(self, now: dt.datetime) -> dt.datetime:
        """Locks that end before this are due to be looked at."""
        return now + dt.timedelta(days=self.renew_days)


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """A copy with what is known of the recordings that need it. `keep_until` is the latest; null: no end."""

    copy: ReplicaCopy
    keep_until: dt.datetime | None
    is_held: bool
    is_needed: bool = True
    """Whether any recording that is not disposed of, and not condemned to be, needs it."""


@dataclass(frozen=True, slots=True)
class Care:
    """What is due for one standing copy. `until` is null where its lock runs long enough."""

    copy: ReplicaCopy
    until: dt.datetime | None
    legal_hold: bool | None
    """To be set or lifted; null where it is as it should be."""

    @property
    def is_due(self) -> bool:
        """Whether anything is."""
        return self.until is not None or self.legal_hold is not None


def care_for(kept: KeptCopy, rule: LockRule | None, now: dt.datetime) -> Care:
    """What is due for a copy: a longer lock while any reason to keep it stands, and the legal hold as the holds are.

    Nothing in a store without locks (`rule` null).

    A copy that nobody needs any more, or whose term has run out, is not locked again: its lock then ends by itself,
    and disposal can go on. Nothing is ever shortened.
    """
    copy = kept.copy
    if rule is None:
        return Care(copy, None, None)
    if not kept.is_needed:
        return Care(copy, None, False if copy.has_legal_hold else None)
    hold = kept.is_held if kept.is_held is not copy.has_legal_hold else None
    if not kept.is_held and kept.keep_until is not None and kept.keep_until <= now:
        return Care(copy, None, hold)
    until = rule.until(now, None if kept.is_held else kept.keep_until)
    standing = copy.locked_until
    runs_out = standing is None or (standing < rule.look_before(now) and standing < until)
    return Care(copy, until if runs_out else None, hold)


def backoff_seconds(failures: int) -> float:
    """How long a store is left alone after so many failures in a row: twice as long each time, up to a quarter hour."""
    if failures <= 0:
        return 0.0
    # No power beyond what any wait reaches: an outage of weeks must not end in an overflow.
    return float(min(FIRST_BACKOFF_SECONDS * 2.0 ** min(failures - 1, 30), LONGEST_BACKOFF_SECONDS))

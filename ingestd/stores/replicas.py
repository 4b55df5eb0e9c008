"""Copies in other stores in the catalogue: how their acts show, what is missing where, and what needs care.

Writing is called by `projection` alone, inside the transaction of the act; when a copy was last read is counted in the
catalogue without one, and is the time of storing again after a rebuild.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, and_, delete, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from ingestd.core.clock import from_text
from ingestd.core.custody import Entry
from ingestd.core.errors import IntegrityError
from ingestd.core.ids import RecordingId, Sha256
from ingestd.core.lifecycle import State
from ingestd.core.replica_acts import CHECKED, EXTENDED, FAULTY, HOLD_SET, REMOVED, STORED
from ingestd.core.replicas import KeptCopy, ObjectKind, ReplicaCopy, StoreCheck, WantedObject
from ingestd.stores import schema
from ingestd.stores.database import transaction, translated
from ingestd.stores.schema_cases import case_links
from ingestd.stores.schema_replicas import replica_checks, replica_copies, sealed_order

Row = dict[str, Any]

_copies, _recordings, _contents = replica_copies, schema.recordings, schema.contents
_GONE: Final = (State.CONDEMNED.value, State.DISPOSED.value)
_NOT_HERE: Final = (State.EVICTED.value, *_GONE)
_TOGETHER: Final = 500
_COLUMNS: Final = (
    "store", "key", "version_id", "sha256", "size_bytes", "is_lock_honoured", "has_legal_hold", "kind",
)  # fmt: skip


# How acts show


def follow(connection: Connection, act: str, entries: Sequence[Entry]) -> None:
    """What acts of others mean for copies: something new came that is to be copied, or a scrub found one damaged."""
    if act == "recording.sealed":
        rows = [{"seq": entry.seq, "recording_id": entry.subject} for entry in entries]
        connection.execute(insert(sealed_order), rows)
    elif act == "fixity.failed":
        for entry in entries:
            store, _, key = str(entry.data["path"]).partition(":")
            this = (_copies.c.store == store) & (_copies.c.key == key)
            connection.execute(update(_copies).where(this).values(faulty_seq=entry.seq))


def project(connection: Connection, entry: Entry) -> None:
    """One of `core.replica_acts.REPLICA_ACTS`.

    Raises:
        IntegrityError: it speaks of a copy that nobody stored.
    """
    data = entry.data
    if entry.act == CHECKED:
        statement = upsert(replica_checks).values(store=data["store"], checked_at=entry.time, document=data)
        newest = {"checked_at": entry.time, "document": data}
        connection.execute(statement.on_conflict_do_update(index_elements=["store"], set_=newest))
    elif entry.act == STORED:
        values = {name: data[name] for name in (*_COLUMNS, "vault_path", "verified_at", "locked_until")}
        values |= {"stored_at": entry.time, "faulty_seq": None}
        values["recording_id"] = entry.subject if data["kind"] == ObjectKind.BIRTH.value else None
        statement = upsert(_copies).values(**values)
        connection.execute(statement.on_conflict_do_update(index_elements=["store", "kind", "sha256"], set_=values))
    elif entry.act == EXTENDED:
        for one in data["objects"]:
            lock = {"locked_until": one["locked_until"], "is_lock_honoured": one["is_lock_honoured"]}
            _changed(connection, entry, {"store": data["store"], **one}, lock)
    elif entry.act == REMOVED:
        connection.execute(delete(_copies).where(_this(data)))
    elif entry.act == FAULTY:
        _changed(connection, entry, data, {"faulty_seq": entry.seq})
    else:
        _changed(connection, entry, data, {"has_legal_hold": entry.act == HOLD_SET})


def _this(data: Mapping[str, Any]) -> Any:
    return and_(_copies.c.store == data["store"], _copies.c.kind == data["kind"], _copies.c.sha256 == data["sha256"])


def _changed(connection: Connection, entry: Entry, data: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    if connection.execute(update(_copies).where(_this(data)).values(**values)).rowcount != 1:
        raise IntegrityError(f"ledger entry {entry.seq} speaks of a copy in {data['store']} that nobody stored")


# What can be asked


class ReplicaBook:
    """Questions about copies in other stores; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def copies_of(self, sha256: str) -> tuple[ReplicaCopy, ...]:
        """The copies of these bytes that count, by store. One that was found damaged does not."""
        query = select(_copies).where(_copies.c.sha256 == sha256, _copies.c.faulty_seq.is_(None))
        return tuple(_copy(row) for row in self._rows(query.order_by(_copies.c.store, _copies.c.kind)))

    def births_of(self, recording_id: str) -> tuple[ReplicaCopy, ...]:
        """The copies of a recording's birth sidecar that count, by store."""
        query = select(_copies).where(_copies.c.recording_id == recording_id, _copies.c.faulty_seq.is_(None))
        return tuple(_copy(row) for row in self._rows(query.order_by(_copies.c.store)))

    def unread_since(self, before: str, limit: int) -> list[ReplicaCopy]:
        """Copies that were last read before this UTC text, the longest ago first; damaged ones are not read again."""
        query = select(_copies).where(_copies.c.verified_at < before, _copies.c.faulty_seq.is_(None))
        return [_copy(row) for row in self._rows(query.order_by(_copies.c.verified_at).limit(limit))]

    def mark_read(self, copy: ReplicaCopy, at: str) -> None:
        """A copy was read at this UTC text, whatever came of it. Only the holder of the station's lock may call it."""
        this = _this({"store": copy.store, "kind": copy.kind.value, "sha256": copy.sha256})
        with transaction(self._engine) as connection:
            connection.execute(update(_copies).where(this).values(verified_at=at))

    def all_copies_of(self, sha256: str) -> tuple[ReplicaCopy, ...]:
        """Every copy of an original's bytes that may still stand in a store, damaged ones too; for its disposal."""
        is_original = _copies.c.kind == ObjectKind.ORIGINAL.value
        query = select(_copies).where(_copies.c.sha256 == sha256, is_original).order_by(_copies.c.store)
        return tuple(_copy(row) for row in self._rows(query))

    # What a store lacks

    def missing(
        self, store: str, after_seq: int | None, *, window: int = 1000
    ) -> tuple[list[WantedObject], int | None]:
        """What a store lacks of the next recordings as they came, and the place to ask from next.

        The cost grows with the window and not with what is held. A content that several recordings share is wanted once
        for each of them: it is found stored when it is put again.

        Args:
            after_seq: null for the beginning.
            window: recordings that are looked at.

        Returns:
            The objects, originals before their birth sidecars, and the last place looked at; null behind the last.
        """
        original, birth = _copies.alias("original"), _copies.alias("birth")
        order, recordings = sealed_order, _recordings
        looked = select(order.c.seq, order.c.recording_id).order_by(order.c.seq).limit(window)
        if after_seq is not None:
            looked = looked.where(order.c.seq > after_seq)
        span = looked.subquery()
        of_original = and_(
            original.c.store == store,
            original.c.kind == ObjectKind.ORIGINAL.value,
            original.c.sha256 == recordings.c.sha256,
            original.c.faulty_seq.is_(None),
        )
        of_birth = and_(
            birth.c.store == store, birth.c.recording_id == recordings.c.recording_id, birth.c.faulty_seq.is_(None)
        )
        is_linked = select(case_links.c.recording_id).where(case_links.c.recording_id == recordings.c.recording_id)
        query = (
            select(
                span.c.seq, recordings.c.recording_id, recordings.c.sha256, recordings.c.size_bytes,
                recordings.c.sidecar_path, recordings.c.sealed_at, recordings.c.keep_until,
                recordings.c.hand_over_state, _contents.c.vault_path,
                original.c.sha256.is_(None).label("lacks_original"),
                birth.c.sha256.is_(None).label("lacks_birth"),
                is_linked.exists().label("is_case_linked"),
            )
            .select_from(span)
            .join(recordings, recordings.c.recording_id == span.c.recording_id)
            .join(_contents, _contents.c.sha256 == recordings.c.sha256)
            .outerjoin(original, of_original)
            .outerjoin(birth, of_birth)
            .where(recordings.c.state.not_in(_NOT_HERE), _contents.c.condemned_seq.is_(None))
            .where(or_(original.c.sha256.is_(None), birth.c.sha256.is_(None)))
            .order_by(span.c.seq)
        )  # fmt: skip
        last = self._rows(select(func.max(span.c.seq).label("last")))[0]["last"]
        wanted = [one for row in self._rows(query) for one in _wanted(row)]
        return wanted, last

    def lacking(self, store: str) -> int:
        """How many originals and birth sidecars a store lacks of everything that is held; looks at all of it."""
        copies, living = _copies, _recordings.c.state.not_in(_NOT_HERE)
        has_original = select(copies.c.sha256).where(
            copies.c.store == store,
            copies.c.kind == ObjectKind.ORIGINAL.value,
            copies.c.sha256 == _contents.c.sha256,
            copies.c.faulty_seq.is_(None),
        )
        is_needed = select(_recordings.c.sha256).where(_recordings.c.sha256 == _contents.c.sha256, living)
        originals = (
            select(func.count().label("number"))
            .select_from(_contents)
            .where(_contents.c.condemned_seq.is_(None), ~has_original.exists(), is_needed.exists())
        )
        has_birth = select(copies.c.sha256).where(
            copies.c.store == store,
            copies.c.recording_id == _recordings.c.recording_id,
            copies.c.faulty_seq.is_(None),
        )
        births = select(func.count().label("number")).select_from(_recordings).where(living, ~has_birth.exists())
        return sum(int(self._rows(query)[0]["number"]) for query in (originals, births))

    def known_paths(self, store: str, kind: ObjectKind) -> set[str]:
        """The paths of which a store has a copy that counts; for the few objects of a kind (segments)."""
        query = select(_copies.c.vault_path).where(
            _copies.c.store == store, _copies.c.kind == kind.value, _copies.c.faulty_seq.is_(None)
        )
        return {row["vault_path"] for row in self._rows(query)}

    # What needs care

    def locks_ending(
        self, store: str, before: str, *, after: tuple[str, str] = ("", ""), limit: int
    ) -> list[ReplicaCopy]:
        """Copies whose lock ends before this UTC text, by that end; those without a lock are not among them.

        Args:
            after: end and digest of the last one that was given, to go on behind it.
        """
        end, digest = _copies.c.locked_until, _copies.c.sha256
        behind = or_(end > after[0], and_(end == after[0], digest > after[1]))
        query = select(_copies).where(_copies.c.store == store, end < before, behind, _copies.c.faulty_seq.is_(None))
        return [_copy(row) for row in self._rows(query.order_by(end, digest).limit(limit))]

    def held(self, store: str) -> list[ReplicaCopy]:
        """Copies with a legal hold."""
        query = select(_copies).where(_copies.c.store == store, _copies.c.has_legal_hold)
        return [_copy(row) for row in self._rows(query.order_by(_copies.c.kind, _copies.c.sha256))]

    def of_recordings(self, store: str, recordings: Sequence[str]) -> list[ReplicaCopy]:
        """The copies of recordings, originals and birth sidecars."""
        digests = select(_recordings.c.sha256).where(_recordings.c.recording_id.in_(recordings))
        mine = or_(
            and_(_copies.c.kind == ObjectKind.ORIGINAL.value, _copies.c.sha256.in_(digests)),
            _copies.c.recording_id.in_(recordings),
        )
        query = select(_copies).where(_copies.c.store == store, mine, _copies.c.faulty_seq.is_(None))
        return [_copy(row) for row in self._rows(query.order_by(_copies.c.kind, _copies.c.sha256))]

    def recordings_needing(self, copies: Sequence[ReplicaCopy]) -> dict[ReplicaCopy, list[Row]]:
        """For each copy the recordings that it is of: `recording_id`, `state`, `keep_until`."""
        columns = (_recordings.c.recording_id, _recordings.c.sha256, _recordings.c.state, _recordings.c.keep_until)
        found: dict[ReplicaCopy, list[Row]] = {}
        for start in range(0, len(copies), _TOGETHER):
            part = copies[start : start + _TOGETHER]
            originals = [one.sha256 for one in part if one.kind is ObjectKind.ORIGINAL]
            births = [one.sha256 for one in part if one.kind is ObjectKind.BIRTH]
            rows = self._rows(select(*columns).where(_recordings.c.sha256.in_(originals)))
            owners = select(_copies.c.sha256.label("of_birth"), *columns).join(
                _recordings, _recordings.c.recording_id == _copies.c.recording_id
            )
            rows_of_births = self._rows(owners.where(_copies.c.sha256.in_(births)))
            for one in part:
                if one.kind is ObjectKind.BIRTH:
                    found[one] = [row for row in rows_of_births if row["of_birth"] == one.sha256]
                else:
                    found[one] = [row for row in rows if row["sha256"] == one.sha256]
        return found

    # For people

    def check_of(self, store: str) -> tuple[str, StoreCheck] | None:
        """When a store was last checked, and what it was found to be; null for never."""
        rows = self._rows(select(replica_checks).where(replica_checks.c.store == store))
        if not rows:
            return None
        document = rows[0]["document"]
        return rows[0]["checked_at"], StoreCheck(**{**document, "problems": tuple(document["problems"])})

    def stores(self) -> list[str]:
        """Every store that holds a copy or was ever checked."""
        names = self._rows(select(_copies.c.store).distinct()) + self._rows(select(replica_checks.c.store))
        return sorted({row["store"] for row in names})

    def counts(self, store: str, now: str) -> Row:
        """How many copies there are: `objects`, `bytes`, `faulty`, `held`, `locked`; `locked_until_min` of those."""
        is_locked = and_(_copies.c.locked_until > now, _copies.c.is_lock_honoured)
        query = select(
            func.count().label("objects"),
            func.coalesce(func.sum(_copies.c.size_bytes), 0).label("bytes"),
            func.count(_copies.c.faulty_seq).label("faulty"),
            func.count().filter(_copies.c.has_legal_hold).label("held"),
            func.count().filter(is_locked).label("locked"),
            func.min(_copies.c.locked_until).filter(is_locked).label("locked_until_min"),
        ).where(_copies.c.store == store)
        return self._rows(query)[0]

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def kept_copy(copy: ReplicaCopy, rows: Sequence[Row], is_held: bool) -> KeptCopy:
    """A copy with what its recordings say; a segment of the ledger is needed for ever."""
    if copy.kind is ObjectKind.LEDGER:
        return KeptCopy(copy, None, is_held=False)
    living = [row for row in rows if row["state"] not in _GONE]
    ends = [row["keep_until"] for row in living]
    keep_until = None if None in ends or not ends else from_text(max(ends))
    return KeptCopy(copy, keep_until, is_held=is_held and bool(living), is_needed=bool(living))


def _wanted(row: Row) -> list[WantedObject]:
    about: Row = {
        "recording_id": RecordingId(row["recording_id"]),
        "sealed_seq": int(row["seq"]),
        "sealed_at": from_text(row["sealed_at"]),
        "keep_until": from_text(row["keep_until"]) if row["keep_until"] else None,
        "is_late": row["hand_over_state"] == "late",
        "is_case_linked": bool(row["is_case_linked"]),
    }
    found = []
    if row["lacks_original"]:
        digest, size_bytes = Sha256(row["sha256"]), int(row["size_bytes"])
        found.append(WantedObject(ObjectKind.ORIGINAL, row["vault_path"], digest, size_bytes, **about))
    if row["lacks_birth"]:
        found.append(WantedObject(ObjectKind.BIRTH, row["sidecar_path"], None, 0, **about))
    return found


def _copy(row: Row) -> ReplicaCopy:
    return ReplicaCopy(
        store=row["store"],
        key=row["key"],
        version_id=row["version_id"],
        sha256=Sha256(row["sha256"]),
        size_bytes=int(row["size_bytes"]),
        verified_at=from_text(row["verified_at"]),
        locked_until=from_text(row["locked_until"]) if row["locked_until"] else None,
        is_lock_honoured=bool(row["is_lock_honoured"]),
        has_legal_hold=bool(row["has_legal_hold"]),
        kind=ObjectKind(row["kind"]),
    )

"""The one way to change anything: an act goes into the ledger, then shows in the catalogue.

The ledger is the commit point. A catalogue that could not follow (no room, killed) is behind, never wrong: the next
act, or the next start, lets it catch up.
"""

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import Connection, Engine, insert, select, update

from ingestd.core.clock import Clock
from ingestd.core.custody import Act, Entry
from ingestd.core.errors import IntegrityError, StoreError
from ingestd.stores import find_index, ownacts, schema
from ingestd.stores.database import open_for_writing, transaction
from ingestd.stores.ledger import Ledger, read_entries
from ingestd.stores.projection import apply_all
from ingestd.stores.vault import Vault

_APPLIED = "applied_seq"
_REPLAY_BATCH = 500


class Chronicle:
    """Ledger and catalogue as one. Made once, by the holder of the station's lock; safe to use from many threads.

    Args:
        on_entered: told of every batch of entries that stands, outside the lock; for logs and counters.
    """

    def __init__(
        self, vault: Vault, engine: Engine, clock: Clock, on_entered: Callable[[Sequence[Entry]], None] = lambda _: None
    ) -> None:
        self.engine = engine
        self._on_entered = on_entered
        self._vault = vault
        self._lock = threading.Lock()
        self._unheard: list[tuple[Act, Entry]] = []
        self._ledger = Ledger(vault.ledger_folder, clock)
        self._catch_up()
        with transaction(engine) as connection:
            find_index.complete(connection)
            ownacts.complete(connection, lambda: read_entries(vault.ledger_folder))
        if self._ledger.torn_tail is not None:
            segment, cut_bytes = self._ledger.torn_tail
            self.enter(Act(act="ledger.repaired", data={"segment": segment, "cut_bytes": cut_bytes}))

    @property
    def head(self) -> tuple[int, str]:
        """Place and hash of the last entry."""
        return self._ledger.head

    @property
    def last_time(self) -> str | None:
        """When the last entry was made, UTC text; null for an empty ledger."""
        return self._ledger.last_time

    def enter(self, *acts: Act, at_hand: Mapping[str, bytes] = MappingProxyType({})) -> list[Entry]:
        """Enter acts, in order, with one fsync and one transaction.

        The catalogue tries the acts first, inside a transaction that is still open while the ledger writes: an act
        that it could never show is refused before it stands in the ledger for ever.

        Args:
            at_hand: documents of the vault that were just written, by path, so that they need not be read again.

        Raises:
            IntegrityError: the catalogue cannot show an act; nothing was entered.
            StoreFullError, StoreError: nothing was entered, or, when only the catalogue's commit failed, the acts
                stand and will show as soon as it can follow. To ask for the same acts again is safe either way: those
                that stand are not entered twice.
        """
        with self._lock:
            self._catch_up()
            entries = self._enter(acts, at_hand)
        self._on_entered(entries)
        return entries

    def enter_decided(
        self, decide: Callable[[], Sequence[Act]], then: Callable[[Sequence[Entry]], None] = lambda _: None
    ) -> list[Entry]:
        """Enter what is decided while nothing else can be entered, and do what follows before anything else can be.

        For acts that rest on what is not so at another moment, as that no hold stands. Both are short, and neither may
        enter an act itself.

        Args:
            decide: reads the catalogue, which shows every act that was entered.
            then: does what the acts say, once they stand.

        Raises:
            StoreError, IntegrityError: as of `enter`; `then` was not called.
        """
        entries: list[Entry] = []
        try:
            with self._lock:
                self._catch_up()
                entries = self._enter(decide(), {})
                then(entries)
        finally:
            if entries:
                self._on_entered(entries)
        return entries

    def _enter(self, acts: Sequence[Act], at_hand: Mapping[str, bytes]) -> list[Entry]:
        unheard = [(act, entry) for act, entry in self._unheard if act in acts]
        missing = [act for act in acts if all(act != other for other, _ in unheard)]
        fresh = self._ledger.chain(missing)
        try:
            with transaction(self.engine) as connection:
                self._project(connection, fresh, at_hand)
                self._ledger.append(fresh)
        except StoreError:
            if fresh and self._ledger.head.seq == fresh[-1].seq:
                # Only the catalogue's commit failed: these acts stand, and nobody was told so.
                self._unheard.extend(zip(missing, fresh, strict=True))
            raise
        self._unheard = [pair for pair in self._unheard if pair not in unheard]
        return [*(entry for _, entry in unheard), *fresh]

    def _catch_up(self) -> None:
        with self.engine.connect() as connection:
            applied = applied_seq(connection)
        if applied > self._ledger.head.seq:
            raise IntegrityError(
                f"the catalogue knows {applied} acts, the ledger has {self._ledger.head.seq}",
                "the ledger was cut or is of another vault; restore it, or run: ingestd catalogue rebuild",
            )
        if applied == self._ledger.head.seq:
            return
        pending = read_entries(self._vault.ledger_folder, after=applied)
        while batch := list(itertools.islice(pending, _REPLAY_BATCH)):
            with transaction(self.engine) as connection:
                self._project(connection, batch)

    def _project(
        self, connection: Connection, entries: list[Entry], at_hand: Mapping[str, bytes] = MappingProxyType({})
    ) -> None:
        apply_all(connection, lambda path: at_hand.get(path) or self._vault.read_bytes(path), entries)
        if entries:
            _set_applied(connection, entries[-1].seq)


def applied_seq(connection: Connection) -> int:
    """The last ledger entry that a catalogue reflects; 0 for a fresh one."""
    value = connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == _APPLIED)).scalar_one_or_none()
    return int(value) if value is not None else 0


def _set_applied(connection: Connection, seq: int) -> None:
    table = schema.meta
    result = connection.execute(update(table).where(table.c.key == _APPLIED).values(value=str(seq)))
    if result.rowcount == 0:
        connection.execute(insert(table).values(key=_APPLIED, value=str(seq)))


def rebuild(vault: Vault, catalogue_file: Path, clock: Clock) -> Chronicle:
    """Make the catalogue again from the vault alone: birth sidecars, listings, and the ledger's acts replayed.

    The old file is set aside as `….before-rebuild` and not removed.

    Raises:
        IntegrityError: the vault contradicts its ledger; the message names the place.
    """
    for suffix in ("", "-wal", "-shm"):
        old = catalogue_file.with_name(catalogue_file.name + suffix)
        if old.exists():
            old.replace(catalogue_file.with_name(f"{catalogue_file.name}.before-rebuild{suffix}"))
    return Chronicle(vault, open_for_writing(catalogue_file), clock)

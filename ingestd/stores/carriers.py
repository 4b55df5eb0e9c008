"""Carriers in the catalogue: how their acts show, what stands on which, and what stands on none that counts.

Writing is called by `projection` alone, inside the transaction of the act.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from ingestd.core.carriers import Carrier, CarrierDue, applied, carrier_document, carrier_of
from ingestd.core.custody import Act, Entry
from ingestd.core.errors import IntegrityError, NotFoundError, RefusedError
from ingestd.core.hold_rules import CarrierFor, CarrierKind, CarrierRule
from ingestd.core.lifecycle import State
from ingestd.core.replicas import ObjectKind
from ingestd.stores.database import translated
from ingestd.stores.schema import recordings as _recordings
from ingestd.stores.schema_cases import case_links
from ingestd.stores.schema_holds import carrier_acts, carrier_contents, carriers, hold_coverage, holds
from ingestd.stores.schema_replicas import replica_copies

Row = dict[str, Any]
Stores = Mapping[str, Collection[str]]
"""Stores of copies by name, each with the duties that its copies fulfil (`counts_as` of the settings)."""

NO_STORES: Stores = MappingProxyType({})
_DUTIES = {"cloud": CarrierKind.CLOUD, "removable_media": CarrierKind.REMOVABLE}
_TOGETHER = 400


# How acts show


def carrier_changed(connection: Connection, entry: Entry) -> None:
    """An act about a carrier.

    Raises:
        IntegrityError: the act cannot follow on what the register holds.
    """
    number = str(entry.subject)
    before = next(iter(_carriers(connection, carriers.c.carrier_id == number)), None)
    act = Act(act=entry.act, actor=entry.actor, subject=number, data=entry.data)
    try:
        after = applied(before, act, entry.time)
    except (NotFoundError, RefusedError) as error:
        raise IntegrityError(f"ledger entry {entry.seq} cannot show: {error.message}") from error
    values: Row = {"last_read_at": after.last_read_at, "withdrawn_at": after.withdrawn_at}
    values["document"] = carrier_document(after)
    if before is None:
        connection.execute(insert(carriers).values(carrier_id=number, kind=after.kind.value, **values))
    else:
        connection.execute(update(carriers).where(carriers.c.carrier_id == number).values(**values))
    _put(connection, before, after, entry.seq)
    about = {"seq": entry.seq, "carrier_id": number, "act": entry.act, "at": entry.time, "actor": entry.actor}
    connection.execute(insert(carrier_acts).values(**about, document=entry.data))


def _put(connection: Connection, before: Carrier | None, after: Carrier, seq: int) -> None:
    """What changed of what stands on it."""
    had = before.recordings if before is not None else frozenset()
    bad = before.unreadable if before is not None else frozenset()
    changed = sorted((after.recordings - had) | (after.unreadable ^ bad))
    table = carrier_contents
    for start in range(0, len(changed), _TOGETHER):
        part = changed[start : start + _TOGETHER]
        this = (table.c.carrier_id == after.carrier_id) & table.c.recording_id.in_(part)
        connection.execute(delete(table).where(this))
    rows = [
        {"carrier_id": after.carrier_id, "recording_id": one, "seq": seq, "is_unreadable": one in after.unreadable}
        for one in changed
    ]
    if rows:
        connection.execute(insert(table), rows)


def _carriers(connection: Connection, *conditions: Any) -> list[Carrier]:
    query = select(carriers.c.document).where(*conditions).order_by(carriers.c.carrier_id)
    documents = list(connection.execute(query).scalars())
    among = select(carriers.c.carrier_id).where(*conditions)
    table = carrier_contents
    holding: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for row in connection.execute(select(table).where(table.c.carrier_id.in_(among))):
        holding[row.carrier_id].append((row.recording_id, row.is_unreadable))
    return [
        carrier_of(
            one,
            [recording for recording, _ in holding[one["carrier_id"]]],
            [recording for recording, is_unreadable in holding[one["carrier_id"]] if is_unreadable],
        )
        for one in documents
    ]


# What can be asked


class CarrierBook:
    """Questions to the register of carriers; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def carriers(self) -> list[Carrier]:
        """The register, by number, withdrawn ones too."""
        with translated(), self._engine.connect() as connection:
            return _carriers(connection)

    def find(self, number: str) -> Carrier | None:
        """A carrier by its number; null for none."""
        with translated(), self._engine.connect() as connection:
            return next(iter(_carriers(connection, carriers.c.carrier_id == number)), None)

    def history(self, number: str) -> list[Row]:
        """Every act about a carrier, oldest first."""
        table = carrier_acts
        query = select(table).where(table.c.carrier_id == number).order_by(table.c.seq)
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def on_carriers(self, recording_id: str) -> list[Carrier]:
        """The carriers that count on which a recording stands and can be read."""
        table = carrier_contents
        good = select(table.c.carrier_id).where(table.c.recording_id == recording_id, ~table.c.is_unreadable)
        with translated(), self._engine.connect() as connection:
            return _carriers(connection, carriers.c.withdrawn_at.is_(None), carriers.c.carrier_id.in_(good))

    def evidence_of(self, case_number: str) -> list[str]:
        """Recordings that a case has as evidence."""
        table = case_links
        query = select(table.c.recording_id).where(table.c.case_number == case_number, table.c.is_evidence)
        with translated(), self._engine.connect() as connection:
            return sorted(set(connection.execute(query).scalars()))

    def due(self, rules: Sequence[CarrierRule], stores: Stores = NO_STORES) -> list[CarrierDue]:
        """What the rules want on a carrier and stands on none that counts, in the order of the ids.

        Args:
            rules: of the bureau's regime; without any nothing is due.
            stores: of copies, each with the duties that its copies fulfil, as the settings have them.
        """
        found: list[CarrierDue] = []
        with translated(), self._engine.connect() as connection:
            wanted = {why: _wanted(connection, why) for why in {one for rule in rules for one in rule.applies}}
            concerned = {recording for each in wanted.values() for recording in each}
            standing = _kinds_of(connection, concerned)
            for recording, kinds in _kinds_of_copies(connection, concerned, stores).items():
                standing[recording] |= kinds
            paths = _paths(connection, concerned)
        for rule in rules:
            for why in rule.applies:
                for recording, because in wanted[why].items():
                    if recording in paths and standing[recording].isdisjoint(rule.kinds):
                        found.append(_due(rule, why, recording, paths[recording], because))
        return sorted(found, key=lambda one: (one.recording_id, one.rule_id, one.why))


def _due(rule: CarrierRule, why: CarrierFor, recording: str, path: str, because: Iterable[str]) -> CarrierDue:
    return CarrierDue(
        recording_id=recording,
        card_path=path,
        rule_id=rule.id,
        why=why,
        because=tuple(sorted(because)),
        kinds=rule.kinds,
        article=rule.article,
        words=rule.words,
    )


def _wanted(connection: Connection, why: CarrierFor) -> dict[str, set[str]]:
    """By recording the holds, or the cases, for which it has to stand on a carrier."""
    if why is CarrierFor.EVIDENCE:
        links = case_links
        query = select(links.c.recording_id, links.c.case_number).where(links.c.is_evidence)
    else:
        caught = hold_coverage
        query = select(caught.c.recording_id, caught.c.hold_id)
        query = query.join(holds, holds.c.hold_id == caught.c.hold_id).where(holds.c.released_at.is_(None))
    found: dict[str, set[str]] = defaultdict(set)
    for recording, because in connection.execute(query):
        found[recording].add(because)
    return found


def _kinds_of(connection: Connection, recordings: Collection[str]) -> defaultdict[str, set[CarrierKind]]:
    table = carrier_contents
    found: defaultdict[str, set[CarrierKind]] = defaultdict(set)
    query = select(table.c.recording_id, carriers.c.kind).join(carriers, carriers.c.carrier_id == table.c.carrier_id)
    query = query.where(carriers.c.withdrawn_at.is_(None), ~table.c.is_unreadable)
    for part in _parts(recordings):
        for recording, kind in connection.execute(query.where(table.c.recording_id.in_(part))):
            found[recording].add(CarrierKind(kind))
    return found


def _kinds_of_copies(
    connection: Connection, recordings: Collection[str], stores: Stores
) -> dict[str, set[CarrierKind]]:
    """By recording the kinds of carriers that its copies in other stores stand for."""
    kinds = {name: {_DUTIES[duty] for duty in duties if duty in _DUTIES} for name, duties in stores.items()}
    named = [name for name, some in kinds.items() if some]
    copies, table = replica_copies, _recordings
    query = select(table.c.recording_id, copies.c.store).join(copies, copies.c.sha256 == table.c.sha256)
    query = query.where(copies.c.store.in_(named), copies.c.kind == ObjectKind.ORIGINAL, copies.c.faulty_seq.is_(None))
    found: dict[str, set[CarrierKind]] = defaultdict(set)
    for part in _parts(recordings) if named else ():
        for recording, store in connection.execute(query.where(table.c.recording_id.in_(part))):
            found[recording] |= kinds[store]
    return found


def _paths(connection: Connection, recordings: Collection[str]) -> dict[str, str]:
    """By recording its path on the card; what is disposed of needs no carrier any more."""
    table = _recordings
    query = select(table.c.recording_id, table.c.card_path).where(table.c.state != State.DISPOSED)
    found: dict[str, str] = {}
    for part in _parts(recordings):
        found |= {row[0]: row[1] for row in connection.execute(query.where(table.c.recording_id.in_(part)))}
    return found


def _parts(recordings: Collection[str]) -> Iterable[list[str]]:
    ordered = sorted(recordings)
    return (ordered[start : start + _TOGETHER] for start in range(0, len(ordered), _TOGETHER))

"""Samples in the catalogue: how their acts show, what a list is frozen from, and what can be asked.

Writing is called by `projection` alone, inside the transaction of the act.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from ingestd.core.custody import Act, Entry
from ingestd.core.errors import IntegrityError, NotFoundError, RefusedError
from ingestd.core.lifecycle import State
from ingestd.core.sample_acts import applied, item_after, item_document, item_of, sample_document, sample_of
from ingestd.core.samples import Item, Listed, Sample, sample_number
from ingestd.stores.database import translated
from ingestd.stores.schema import recordings as _recordings
from ingestd.stores.schema_find import find_rows
from ingestd.stores.schema_samples import sample_items, samples

Row = dict[str, Any]

_TOGETHER = 400


# How acts show


def sample_changed(connection: Connection, entry: Entry) -> None:
    """An act about a sample.

    Raises:
        IntegrityError: the act cannot follow on what the register holds.
    """
    number = str(entry.subject)
    before = _sample(connection, number)
    act = Act(act=entry.act, actor=entry.actor, subject=number, data=entry.data)
    try:
        after = applied(before, act, entry.time, entry.seq)
    except (NotFoundError, RefusedError) as error:
        raise IntegrityError(f"ledger entry {entry.seq} cannot show: {error.message}") from error
    values: Row = {"state": after.state.value, "document": sample_document(after)}
    if before is None:
        connection.execute(insert(samples).values(number=number, frozen_at=after.frozen_at, **values))
    elif after != before:
        connection.execute(update(samples).where(samples.c.number == number).values(**values))
    if entry.act == "sample.drawn":
        items = [Item(number, one["item"], one["recording_id"], one["unit"]) for one in entry.data["items"]]
        if items:
            connection.execute(insert(sample_items), [_row(one) for one in items])
    elif entry.act == "sample.assigned":
        for item in _items(connection, number, entry.data["items"]):
            _put(connection, item_after(item, act, entry.time))
    elif entry.act == "sample.checked":
        for item in _items(connection, number, [entry.data["item"]]):
            _put(connection, item_after(item, act, entry.time))


def _row(item: Item) -> Row:
    document = item_document(item)
    columns = ("number", "item", "recording_id", "account", "outcome")
    return {name: document[name] for name in columns} | {"document": document}


def _put(connection: Connection, item: Item) -> None:
    table = sample_items
    this = (table.c.number == item.number) & (table.c.item == item.item)
    connection.execute(update(table).where(this).values(**_row(item)))


def _sample(connection: Connection, number: str) -> Sample | None:
    query = select(samples.c.document).where(samples.c.number == number)
    document = connection.execute(query).scalar_one_or_none()
    return sample_of(document) if document is not None else None


def _items(connection: Connection, number: str, wanted: Collection[int]) -> list[Item]:
    table, found = sample_items, []
    ordered = sorted(wanted)
    for start in range(0, len(ordered), _TOGETHER):
        part = ordered[start : start + _TOGETHER]
        query = select(table.c.document).where(table.c.number == number, table.c.item.in_(part)).order_by(table.c.item)
        found += [item_of(one) for one in connection.execute(query).scalars()]
    return found


# What can be asked


class SampleBook:
    """Questions to the register of samples; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def sample(self, number: str) -> Sample:
        """One sample.

        Raises:
            NotFoundError: there is none of this number.
        """
        with translated(), self._engine.connect() as connection:
            found = _sample(connection, number)
        if found is None:
            raise NotFoundError(f"there is no sample {number}", "see: ingestd sample list")
        return found

    def samples(self, *, after: str = "", limit: int = 50, account: str | None = None) -> list[Sample]:
        """The register, the newest first, behind the number `after`.

        Args:
            account: only those of which somebody has items to check.
        """
        query = select(samples.c.document).order_by(samples.c.frozen_at.desc(), samples.c.number.desc()).limit(limit)
        if after:
            at = select(samples.c.frozen_at).where(samples.c.number == after).scalar_subquery()
            query = query.where((samples.c.frozen_at < at) | ((samples.c.frozen_at == at) & (samples.c.number < after)))
        if account is not None:
            query = query.where(
                samples.c.number.in_(select(sample_items.c.number).where(sample_items.c.account == account))
            )
        with translated(), self._engine.connect() as connection:
            return [sample_of(one) for one in connection.execute(query).scalars()]

    def items(self, number: str) -> list[Item]:
        """All items of a sample, in their order."""
        query = select(sample_items.c.document).where(sample_items.c.number == number).order_by(sample_items.c.item)
        with translated(), self._engine.connect() as connection:
            return [item_of(one) for one in connection.execute(query).scalars()]

    def item(self, number: str, item: int) -> Item:
        """One item.

        Raises:
            NotFoundError: there is none of this number.
        """
        with translated(), self._engine.connect() as connection:
            found = _items(connection, number, [item])
        if not found:
            raise NotFoundError(f"sample {number} has no item {item}")
        return found[0]

    def items_of(self, recording_id: str, account: str) -> list[Item]:
        """Items that give somebody a recording to check, the newest first."""
        table = sample_items
        query = select(table.c.document).where(table.c.recording_id == recording_id, table.c.account == account)
        with translated(), self._engine.connect() as connection:
            found = connection.execute(query.order_by(table.c.number.desc(), table.c.item)).scalars()
            return [item_of(one) for one in found]

    def progress(self, numbers: Collection[str]) -> dict[str, tuple[int, int]]:
        """Items and how many of them are checked, by sample."""
        table = sample_items
        query = select(table.c.number, func.count(), func.count(table.c.outcome)).group_by(table.c.number)
        with translated(), self._engine.connect() as connection:
            found = connection.execute(query.where(table.c.number.in_(list(numbers))))
            return {row[0]: (int(row[1]), int(row[2])) for row in found}

    def next_number(self, year: int) -> str:
        """The number for the next sample of a year."""
        query = (
            select(func.count()).select_from(samples).where(samples.c.number.startswith(sample_number(year, 0)[:-4]))
        )
        with translated(), self._engine.connect() as connection:
            return sample_number(year, int(connection.execute(query).scalar_one()) + 1)

    def footage(
        self, begins: str, ends: str, *, kinds: Collection[str] = (), units: Collection[str] = (), most: int
    ) -> list[Listed]:
        """What a list is frozen from: recordings that start in a span and are not disposed of, one more than `most`.

        Args:
            begins, ends: UTC texts, half-open.
            kinds, units: empty for all.
        """
        table = _recordings
        query = select(table.c.recording_id, find_rows.c.unit)
        query = query.join(find_rows, find_rows.c.recording_id == table.c.recording_id)
        query = query.where(table.c.recorded_start >= begins, table.c.recorded_start < ends)
        query = query.where(table.c.state.in_((State.TAGGED, State.CATALOGUED, State.EVICTED)))
        if kinds:
            query = query.where(table.c.kind.in_(list(kinds)))
        if units:
            query = query.where(find_rows.c.unit.in_(list(units)))
        query = query.order_by(table.c.recording_id).limit(most + 1)
        with translated(), self._engine.connect() as connection:
            return [Listed(row.recording_id, row.unit) for row in connection.execute(query)]

    def units(self) -> list[str]:
        """Units of which there is footage, by name."""
        query = select(find_rows.c.unit).distinct().where(find_rows.c.unit != "").order_by(find_rows.c.unit)
        with translated(), self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

"""Disposals in the catalogue: how their acts show, what is due, and what must be known before bytes go.

Writing is called by `projection` alone, inside the transaction of the act. What is due is asked by the stored
`keep_until`, through an index of what has one: the cost grows with what is due and not with what is held.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    and_,
    exists,
    func,
    insert,
    literal_column,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from ingestd.core.custody import Act, Entry
from ingestd.core.disposal import Approval, DisposalPlan, ItemState, PlanState, plan_number
from ingestd.core.disposal_acts import ITEM_STATES, applied, no_such_plan
from ingestd.core.errors import IntegrityError, NotFoundError, RefusedError
from ingestd.core.lifecycle import State
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.fleet import IS_WAITING
from ingestd.stores.schema_disposal import disposal_items, disposals
from ingestd.stores.schema_replicas import replica_copies

Row = dict[str, Any]
Document = Mapping[str, Any]

_TOGETHER = 500
_recordings, _contents, _derived = schema.recordings, schema.contents, schema.derived
_admissions = schema.admissions
_items = disposal_items

_IS_DUE_INDEXED = text("recordings.keep_until IS NOT NULL AND recordings.state IN ('catalogued', 'evicted')")
"""As the partial index has it, in literals: SQLite uses it for nothing else."""
_IS_CONDEMNED = literal_column("disposal_items.state") == literal_column("'condemned'")
_OPEN = tuple(state.value for state in PlanState if state.is_open)
_WAITING = (ItemState.PLANNED.value, ItemState.CONDEMNED.value)


# How acts show


def plan_changed(connection: Connection, entry: Entry) -> None:
    """An act about a plan, but for what becomes of its recordings.

    Raises:
        IntegrityError: the act cannot follow on what the register holds.
    """
    standing = _plan(connection, str(entry.subject))
    act = Act(act=entry.act, actor=entry.actor, subject=entry.subject, data=entry.data)
    try:
        after = applied(standing, act, entry.time)
    except (NotFoundError, RefusedError) as error:
        raise IntegrityError(f"ledger entry {entry.seq} cannot show: {error.message}") from error
    values = asdict(after) | {"state": after.state.value, "approvals": [asdict(one) for one in after.approvals]}
    if standing is None:
        connection.execute(insert(disposals).values(**values))
    else:
        connection.execute(update(disposals).where(disposals.c.number == after.number).values(**values))


def planned(connection: Connection, entry: Entry, document: Document) -> None:
    """A plan was made; its recordings stand in its document."""
    plan_changed(connection, entry)
    rows = [
        {
            "number": entry.subject,
            "recording_id": one["recording_id"],
            "position": position,
            "decision_sha256": one["decision_sha256"],
            "state": ItemState.PLANNED.value,
            "at": entry.time,
            "actor": entry.actor,
            "words": "",
        }
        for position, one in enumerate(document["recordings"])
    ]
    if rows:
        connection.execute(insert(_items), rows)


def taken_out(connection: Connection, entry: Entry) -> None:
    """Recordings were taken out of a plan by a person, or kept by the station."""
    plan_changed(connection, entry)
    state = ITEM_STATES[entry.act]
    for one in entry.data["recordings"]:
        document = one if isinstance(one, dict) else {"recording_id": one, "words": entry.data["reason"]}
        back_to = document.get("back_to")
        before = ItemState.CONDEMNED if back_to else ItemState.PLANNED
        about = {"why": document.get("why"), "words": document["words"]}
        _item_moved(connection, entry, document["recording_id"], before, state, about)
        if back_to:
            _given_back(connection, entry, document["recording_id"], State(back_to))


def condemned(connection: Connection, entry: Entry) -> None:
    """The disposal of a recording began; its state is moved by `projection`."""
    data = entry.data
    about = {"condemned": data, "condemned_seq": entry.seq}
    _item_moved(connection, entry, str(entry.subject), ItemState.PLANNED, ItemState.CONDEMNED, about, data["number"])
    if data["path"] is not None:
        mine = (_contents.c.sha256 == data["sha256"]) & (_contents.c.vault_path == data["path"])
        connection.execute(update(_contents).where(mine).values(condemned_seq=entry.seq))


def disposed(connection: Connection, entry: Entry) -> None:
    """A recording is gone; its state is moved by `projection`. Nothing derived from it stands any more."""
    about = {"disposed": entry.data}
    number = entry.data["number"]
    _item_moved(connection, entry, str(entry.subject), ItemState.CONDEMNED, ItemState.DISPOSED, about, number)
    connection.execute(_derived.delete().where(_derived.c.recording_id == entry.subject))


def _item_moved(
    connection: Connection,
    entry: Entry,
    recording: str,
    before: ItemState,
    after: ItemState,
    about: Mapping[str, Any],
    number: str | None = None,
) -> None:
    mine = and_(
        _items.c.number == (number or entry.subject), _items.c.recording_id == recording, _items.c.state == before.value
    )
    values = {"state": after.value, "at": entry.time, "actor": entry.actor, **about}
    if connection.execute(update(_items).where(mine).values(**values)).rowcount != 1:
        raise IntegrityError(f"ledger entry {entry.seq}: {recording} is not {before.value} in that plan")


def _given_back(connection: Connection, entry: Entry, recording: str, state: State) -> None:
    """A condemned recording whose bytes stand is kept after all."""
    table = _recordings
    mine = (table.c.recording_id == recording) & (table.c.state == State.CONDEMNED.value)
    if connection.execute(update(table).where(mine).values(state=state.value)).rowcount != 1:
        raise IntegrityError(f"ledger entry {entry.seq} gives {recording} back, which is not condemned")
    if state is State.EVICTED:
        connection.execute(_derived.delete().where(_derived.c.recording_id == recording))
    sha256 = select(table.c.sha256).where(table.c.recording_id == recording).scalar_subquery()
    connection.execute(update(_contents).where(_contents.c.sha256 == sha256).values(condemned_seq=None))


def _plan(connection: Connection, number: str) -> DisposalPlan | None:
    row = connection.execute(select(disposals).where(disposals.c.number == number)).mappings().one_or_none()
    return _plan_of(row) if row is not None else None


def _plan_of(row: Mapping[Any, Any]) -> DisposalPlan:
    values = dict(row)
    approvals = tuple(Approval(**one) for one in values.pop("approvals"))
    return DisposalPlan(**values | {"state": PlanState(values["state"])}, approvals=approvals)


# What can be asked


class DisposalBook:
    """Questions to disposals and to what is due; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # What is due

    def due(self, now: str, *, limit: int, after: tuple[str, str] = ("", "")) -> list[Row]:
        """Recordings whose stored term is over and that are in no open plan, the longest due first.

        Args:
            now: UTC text.
            after: `keep_until` and `recording_id` of the last row of the page before.
        """
        table = _recordings
        in_plan = exists(
            select(_items.c.number)
            .join(disposals, disposals.c.number == _items.c.number)
            .where(
                _items.c.recording_id == table.c.recording_id,
                _items.c.state.in_(_WAITING),
                disposals.c.state.in_(_OPEN),
            )
        )
        place = (table.c.keep_until, table.c.recording_id)
        query = (
            _facts()
            .where(_IS_DUE_INDEXED, table.c.keep_until <= now, tuple_(*place) > tuple_(*after), ~in_plan)
            .order_by(*place)
            .limit(limit)
        )
        return self._rows(query)

    def count_due(self, now: str) -> tuple[int, int]:
        """How many recordings have a term that is over, and their bytes; those of open plans too."""
        table = _recordings
        size = func.coalesce(func.sum(table.c.size_bytes), 0)
        query = select(func.count(), size).select_from(table).where(_IS_DUE_INDEXED, table.c.keep_until <= now)
        with translated(), self._engine.connect() as connection:
            number, size_bytes = connection.execute(query).one()
        return int(number), int(size_bytes)

    def store_reaches(self, recordings: int, size_bytes: int) -> tuple[int, int]:
        """How many recordings are held and their contents' bytes, counted no further than to these numbers.

        So far is enough to see that a plan is a small part of the store, and the store may be very much larger.
        """
        table = _recordings
        # The newest first: what was disposed of lies at the other end, and its rows stay for ever.
        counted = select(table.c.recording_id).where(table.c.state != State.DISPOSED.value)
        counted = counted.order_by(table.c.recording_id.desc()).limit(recordings)
        held, found = 0, 0
        last = ""
        with translated(), self._engine.connect() as connection:
            held = int(connection.execute(select(func.count()).select_from(counted.subquery())).scalar_one())
            while found < size_bytes:
                page = select(_contents.c.sha256, _contents.c.size_bytes).where(
                    _contents.c.sha256 > last, _contents.c.condemned_seq.is_(None)
                )
                rows = connection.execute(page.order_by(_contents.c.sha256).limit(_TOGETHER * 10)).all()
                if not rows:
                    break
                found += sum(row.size_bytes for row in rows)
                last = rows[-1].sha256
        return held, found

    # What bears on a deletion

    def facts_of(self, recordings: Iterable[str]) -> dict[str, Row]:
        """Recordings as they stand now, with their content's place and whether their docking waits for a person."""
        return {row["recording_id"]: row for row in self._in_parts(_facts(), _recordings.c.recording_id, recordings)}

    def sharers(self, digests: Iterable[str]) -> dict[str, list[tuple[str, State]]]:
        """For each content every recording of it with its state, in the order of the ids."""
        table = _recordings
        query = select(table.c.sha256, table.c.recording_id, table.c.state).order_by(table.c.recording_id)
        found: dict[str, list[tuple[str, State]]] = {}
        for row in self._in_parts(query, table.c.sha256, digests):
            found.setdefault(row["sha256"], []).append((row["recording_id"], State(row["state"])))
        return found

    def derived_paths(self, recordings: Iterable[str]) -> list[str]:
        """Where what was derived from recordings stands."""
        query = select(_derived.c.vault_path).where(_derived.c.vault_path.is_not(None))
        rows = self._in_parts(query, _derived.c.recording_id, recordings)
        return sorted({row["vault_path"] for row in rows})

    def is_path_held(self, path: str) -> bool:
        """Whether a content that is not condemned stands there."""
        held = (_contents.c.vault_path == path) & _contents.c.condemned_seq.is_(None)
        return bool(self._rows(select(_contents.c.sha256).where(held)))

    def gone_with_copies(self) -> list[str]:
        """Contents that are disposed of, and of which another store has a copy: one that was just being put then."""
        here = select(_recordings.c.sha256).where(
            _recordings.c.sha256 == _contents.c.sha256, _recordings.c.state != State.DISPOSED.value
        )
        query = (
            select(_contents.c.sha256)
            .distinct()
            .join(replica_copies, replica_copies.c.sha256 == _contents.c.sha256)
            .where(_contents.c.condemned_seq.is_not(None), ~here.exists())
        )
        return [row["sha256"] for row in self._rows(query)]

    # Plans

    def plan(self, number: str) -> DisposalPlan:
        """A plan by its number.

        Raises:
            NotFoundError: there is none.
        """
        with translated(), self._engine.connect() as connection:
            found = _plan(connection, number)
        if found is None:
            raise no_such_plan(number)
        return found

    def plans(self, state: PlanState | None = None) -> list[DisposalPlan]:
        """All plans, or those of a state, in the order of their numbers."""
        query = select(disposals).order_by(disposals.c.planned_at, disposals.c.number)
        if state is not None:
            query = query.where(disposals.c.state == state.value)
        return [_plan_of(row) for row in self._rows(query)]

    def next_number(self, year: int) -> str:
        """The number for the next plan of a year."""
        first = plan_number(year, 0)[:-4]
        query = select(func.count()).select_from(disposals).where(disposals.c.number.startswith(first))
        with translated(), self._engine.connect() as connection:
            return plan_number(year, int(connection.execute(query).scalar_one()) + 1)

    def items(self, number: str, *, states: Sequence[ItemState] = tuple(ItemState), after: int = -1) -> Iterator[Row]:
        """The recordings of a plan in its order behind a position, with what became of each; read in pages."""
        last = after
        wanted = [state.value for state in states]
        while True:
            mine = and_(_items.c.number == number, _items.c.position > last, _items.c.state.in_(wanted))
            page = self._rows(select(_items).where(mine).order_by(_items.c.position).limit(_TOGETHER))
            yield from page
            if len(page) < _TOGETHER:
                return
            last = page[-1]["position"]

    def ids(self, number: str, state: ItemState) -> list[str]:
        """Recordings of a plan in this state, in its order."""
        query = select(_items.c.recording_id).where(_items.c.number == number, _items.c.state == state.value)
        return [row["recording_id"] for row in self._rows(query.order_by(_items.c.position))]

    def condemned(self, *, limit: int = _TOGETHER, after: tuple[str, int] = ("", -1)) -> list[Row]:
        """Recordings whose disposal began and did not end, of any plan; pages by number and position."""
        place = tuple_(_items.c.number, _items.c.position)
        query = select(_items).where(_IS_CONDEMNED, place > tuple_(*after))
        return self._rows(query.order_by(_items.c.number, _items.c.position).limit(limit))

    def counts_of(self, number: str) -> dict[ItemState, int]:
        """How many recordings of a plan are in each state; states without one are left out."""
        query = select(_items.c.state, func.count().label("n")).where(_items.c.number == number)
        return {ItemState(row["state"]): int(row["n"]) for row in self._rows(query.group_by(_items.c.state))}

    def count_condemned(self) -> int:
        """How many recordings of all plans are condemned and not gone yet."""
        query = select(func.count()).select_from(_items).where(_IS_CONDEMNED)
        with translated(), self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def standing_of(self, recordings: Iterable[str]) -> dict[str, Row]:
        """Of recordings that are gone, or going: `state`, `number`, `at`, `certificate`; others are left out."""
        query = (
            select(_items.c.recording_id, _items.c.state, _items.c.number, _items.c.at, disposals.c.certificate)
            .join(disposals, disposals.c.number == _items.c.number)
            .where(_items.c.state.in_((ItemState.CONDEMNED.value, ItemState.DISPOSED.value)))
        )
        return {row["recording_id"]: row for row in self._in_parts(query, _items.c.recording_id, recordings)}

    def _in_parts(self, query: Any, column: ColumnElement[Any], values: Iterable[str]) -> list[Row]:
        wanted, rows = sorted(set(values)), []
        for start in range(0, len(wanted), _TOGETHER):
            rows.extend(self._rows(query.where(column.in_(wanted[start : start + _TOGETHER]))))
        return rows

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _facts() -> Select[Any]:
    table = _recordings
    columns = (
        table.c.recording_id,
        table.c.sha256,
        table.c.size_bytes,
        table.c.docking_id,
        table.c.recorder_id,
        table.c.card_path,
        table.c.kind,
        table.c.recorded_start,
        table.c.recorded_end,
        table.c.sealed_at,
        table.c.sealed_behind,
        table.c.state,
        table.c.keep_until,
        table.c.retention,
    )
    unsettled = func.coalesce(IS_WAITING, False).label("is_unsettled")
    return (
        select(*columns, _contents.c.vault_path, _contents.c.condemned_seq, unsettled)
        .join(_contents, _contents.c.sha256 == table.c.sha256)
        .outerjoin(_admissions, _admissions.c.docking_id == table.c.docking_id)
    )

"""Terms in the catalogue: editions of regimes, changes of regime, what was born expired, and who is kept by what.

Writing is called by `projection` alone, inside the transaction of the act.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, Select, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from ingestd.core.clock import to_text
from ingestd.core.custody import Entry
from ingestd.core.errors import IntegrityError
from ingestd.core.lifecycle import State
from ingestd.core.retention_rules import TermRules
from ingestd.core.terms import ReasonKind
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.schema_terms import born_expired, regime_changes, regime_editions

Row = dict[str, Any]

_TOGETHER = 400
"""Recordings that one question names: below the variables that SQLite allows to a statement."""

_LIVING = (State.CATALOGUED, State.EVICTED)
"""States of recordings that are decided and not on their way out."""

_recordings = schema.recordings


# How acts show


def kept_by(retention: Mapping[str, Any]) -> str | None:
    """The kind of a stored decision's winning reason; null where it has none."""
    return next((one["kind"] for one in retention["reasons"] if one.get("is_winner")), None)


def decided(connection: Connection, entry: Entry) -> None:
    """A recording was decided, or anew: whether it waits for a person because it was older than its term."""
    is_aged = any(one["kind"] == ReasonKind.BORN_EXPIRED for one in entry.data["retention"]["reasons"])
    table = born_expired
    if is_aged:
        row = {"recording_id": entry.subject, "noted_at": entry.time}
        connection.execute(upsert(table).on_conflict_do_nothing(), row)
    elif entry.act != "recording.catalogued":
        mine = (table.c.recording_id == entry.subject) & table.c.settled_at.is_(None)
        connection.execute(delete(table).where(mine))


def age_settled(connection: Connection, entry: Entry) -> None:
    """A person looked at a recording that was older than its term when it came in.

    Raises:
        IntegrityError: it does not wait for anybody.
    """
    table = born_expired
    waits = (table.c.recording_id == entry.subject) & table.c.settled_at.is_(None)
    values = {"settled_at": entry.time, "settled_by": entry.actor, "settled_reason": entry.data["reason"]}
    if connection.execute(update(table).where(waits).values(**values)).rowcount != 1:
        raise IntegrityError(f"ledger entry {entry.seq} settles the age of {entry.subject}, which waits for nobody")


def adopted(connection: Connection, entry: Entry) -> None:
    """An edition of a regime is used from now on. To adopt one twice changes nothing."""
    rules = entry.data["rules"]
    row = {
        "sha256": entry.data["sha256"],
        "regime": rules["regime"],
        "version": rules["version"],
        "adopted_at": entry.time,
        "document": rules,
    }
    connection.execute(upsert(regime_editions).on_conflict_do_nothing(), row)


def change_planned(connection: Connection, entry: Entry) -> None:
    """A person had it worked out what a change of regime does to what is decided already."""
    connection.execute(
        insert(regime_changes).values(
            change_id=entry.seq,
            to_sha256=entry.data["to_sha256"],
            planned_at=entry.time,
            planned_by=entry.actor,
            document=entry.data,
            approvals=[],
        )
    )


def change_approved(connection: Connection, entry: Entry) -> None:
    """Another person agreed to a change.

    Raises:
        IntegrityError: there is no such change, or it is approved already.
    """
    table = regime_changes
    mine = (table.c.change_id == entry.data["change"]) & table.c.approved_at.is_(None)
    before = connection.execute(select(table.c.approvals).where(mine)).scalar_one_or_none()
    if before is None:
        raise IntegrityError(f"ledger entry {entry.seq} approves change {entry.data['change']}, which does not wait")
    values: Row = {"approvals": [*before, {"by": entry.actor, "at": entry.time}]}
    if entry.data["is_last"]:
        values["approved_at"] = entry.time
    connection.execute(update(table).where(mine).values(**values))


def change_applied(connection: Connection, entry: Entry) -> None:
    """All of an approved change is done.

    Raises:
        IntegrityError: there is no such change that was approved.
    """
    table = regime_changes
    mine = (table.c.change_id == entry.data["change"]) & table.c.approved_at.is_not(None)
    if connection.execute(update(table).where(mine).values(applied_at=entry.time)).rowcount != 1:
        raise IntegrityError(f"ledger entry {entry.seq} applies change {entry.data['change']}, which nobody approved")


# What can be asked


class TermBook:
    """Questions to terms; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Editions

    def has_edition(self, sha256: str) -> bool:
        """Whether an edition stands in the ledger."""
        return bool(self._rows(select(regime_editions.c.sha256).where(regime_editions.c.sha256 == sha256)))

    def editions(self, named: Iterable[str]) -> dict[str, TermRules]:
        """These editions by their names; what is not known is left out."""
        wanted = sorted(set(named))
        rows = self._rows(select(regime_editions).where(regime_editions.c.sha256.in_(wanted)))
        return {row["sha256"]: TermRules.model_validate(row["document"]) for row in rows}

    def all_editions(self) -> list[Row]:
        """Every edition that decisions were made under, oldest first."""
        return self._rows(select(regime_editions).order_by(regime_editions.c.adopted_at, regime_editions.c.sha256))

    def left_behind(self, sha256: str) -> list[str]:
        """Other editions that decisions may still stand under, in words: adopted, and no change of regime since.

        By the ledger's few acts and not by all recordings, so that it can be asked at any time.
        """
        table = regime_changes
        applied = select(func.max(table.c.applied_at).label("at")).where(table.c.to_sha256 == sha256)
        last = self._rows(applied)[0]["at"] or ""
        others = [row for row in self.all_editions() if row["sha256"] != sha256 and row["adopted_at"] > last]
        return [TermRules.model_validate(row["document"]).shown for row in others]

    # Changes of regime

    def change(self, change_id: int) -> Row | None:
        """A change by its number; null for none."""
        rows = self._rows(select(regime_changes).where(regime_changes.c.change_id == change_id))
        return rows[0] if rows else None

    def changes(self, *, limit: int = 50) -> list[Row]:
        """Changes of regime, newest first."""
        return self._rows(select(regime_changes).order_by(regime_changes.c.change_id.desc()).limit(limit))

    def unfinished_changes(self) -> list[Row]:
        """Changes that are approved and not wholly done, oldest first."""
        table = regime_changes
        query = select(table).where(table.c.approved_at.is_not(None), table.c.applied_at.is_(None))
        return self._rows(query.order_by(table.c.change_id))

    def under_other_editions(self, sha256: str, *, together: int = 500) -> Iterator[list[str]]:
        """Recordings that were decided under another edition than this one, in the order of their ids, in parts.

        What is decided under it while the parts are worked on is not met again; memory does not grow with the store.
        """
        table = _recordings
        edition = func.coalesce(func.json_extract(table.c.retention, "$.rules_sha256"), "")
        last = ""
        while True:
            query = select(table.c.recording_id).where(
                table.c.recording_id > last, table.c.state.in_(_LIVING), edition != sha256
            )
            rows = self._rows(query.order_by(table.c.recording_id).limit(together))
            if not rows:
                return
            last = rows[-1]["recording_id"]
            yield [row["recording_id"] for row in rows]

    # Born expired

    def aged(self, *, is_waiting: bool = True, after: str = "", limit: int = 1000) -> list[Row]:
        """Recordings that were older than their term when they came in, oldest first; or the settled ones.

        Pages by `after`, the last id that was shown.
        """
        table = born_expired
        state = table.c.settled_at.is_(None) if is_waiting else table.c.settled_at.is_not(None)
        query = _listed().join(table, table.c.recording_id == _recordings.c.recording_id)
        query = query.add_columns(table.c.noted_at, table.c.settled_at, table.c.settled_by, table.c.settled_reason)
        query = query.where(state, table.c.recording_id > after)
        return self._rows(query.order_by(table.c.recording_id).limit(limit))

    def among_aged(self, recordings: Iterable[str]) -> frozenset[str]:
        """Those of these recordings that wait for a person."""
        table, wanted = born_expired, sorted(set(recordings))
        found: set[str] = set()
        for start in range(0, len(wanted), _TOGETHER):
            some = wanted[start : start + _TOGETHER]
            query = select(table.c.recording_id).where(table.c.settled_at.is_(None), table.c.recording_id.in_(some))
            found |= {row["recording_id"] for row in self._rows(query)}
        return frozenset(found)

    def settled_and_waiting(self) -> list[str]:
        """Recordings whose age was settled and that were not decided anew since: the station ended in between."""
        table, rows = born_expired, _recordings
        query = select(table.c.recording_id).join(rows, rows.c.recording_id == table.c.recording_id)
        query = query.where(
            rows.c.keep_until.is_(None),
            rows.c.kept_by == ReasonKind.BORN_EXPIRED.value,
            table.c.settled_at.is_not(None),
        )
        return [row["recording_id"] for row in self._rows(query.order_by(table.c.recording_id))]

    def aged_of_docking(self, docking_id: str) -> list[str]:
        """Those of one docking that wait for a person."""
        table = born_expired
        query = select(table.c.recording_id).join(_recordings, _recordings.c.recording_id == table.c.recording_id)
        query = query.where(table.c.settled_at.is_(None), _recordings.c.docking_id == docking_id)
        return [row["recording_id"] for row in self._rows(query.order_by(table.c.recording_id))]

    # Who is kept by what

    def due(self, now: dt.datetime, *, limit: int) -> list[Row]:
        """Recordings whose keeping ended, the longest ago first."""
        table = _recordings
        query = _listed().where(
            table.c.keep_until.is_not(None), table.c.keep_until <= to_text(now), table.c.state.in_(_LIVING)
        )
        return self._rows(query.order_by(table.c.keep_until, table.c.recording_id).limit(limit))

    def kept_without_end(self, kinds: Iterable[ReasonKind], *, limit: int) -> list[Row]:
        """Recordings without a date whose winning reason is one of these, oldest first."""
        table = _recordings
        named = sorted(one.value for one in kinds)
        query = _listed().where(table.c.keep_until.is_(None), table.c.kept_by.in_(named), table.c.state.in_(_LIVING))
        return self._rows(query.order_by(table.c.recording_id).limit(limit))

    def counts(self, now: dt.datetime) -> dict[str, int]:
        """How many living recordings are due, and how many are kept without a date, by the winning reason."""
        table = _recordings
        query = select(table.c.kept_by, func.count().label("many")).where(
            table.c.keep_until.is_(None), table.c.kept_by.is_not(None), table.c.state.in_(_LIVING)
        )
        found = {row["kept_by"]: row["many"] for row in self._rows(query.group_by(table.c.kept_by))}
        due = select(func.count().label("many")).where(
            table.c.keep_until.is_not(None), table.c.keep_until <= to_text(now), table.c.state.in_(_LIVING)
        )
        return found | {"due": self._rows(due)[0]["many"]}

    def waiting(self) -> tuple[int, int]:
        """How many born-expired recordings wait for a person, and how many changes of regime for an approval."""
        aged = select(func.count().label("many")).where(born_expired.c.settled_at.is_(None))
        changes = select(func.count().label("many")).where(regime_changes.c.approved_at.is_(None))
        return self._rows(aged)[0]["many"], self._rows(changes)[0]["many"]

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def ages_of(connection: Connection, wanted: Iterable[str]) -> frozenset[str]:
    """Those of these recordings whose age a person settled."""
    table = born_expired
    query = select(table.c.recording_id).where(
        table.c.recording_id.in_(sorted(wanted)), table.c.settled_at.is_not(None)
    )
    return frozenset(connection.execute(query).scalars())


def _listed() -> Select[Any]:
    table = _recordings
    return select(
        table.c.recording_id,
        table.c.card_path,
        table.c.recorder_id,
        table.c.docking_id,
        table.c.kind,
        table.c.sealed_at,
        table.c.recorded_end,
        table.c.state,
        table.c.keep_until,
        table.c.retention,
    )

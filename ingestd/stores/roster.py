"""The roster in the catalogue: how its acts show, and what can be asked.

Writing is called by `projection` alone, inside the transaction of the act.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from ingestd.core.clock import from_text, to_text
from ingestd.core.custody import Act, Entry
from ingestd.core.errors import IntegrityError, NotFoundError, RefusedError
from ingestd.core.roster import RosterEntry
from ingestd.core.roster_acts import Standing, applied, row_document, row_of
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.schema_roster import roster_acts, roster_entries

Row = dict[str, Any]

_SETTLED = "roster_settled"

_entries, _acts, _recordings = roster_entries, roster_acts, schema.recordings


# How acts show


def entry_changed(connection: Connection, entry: Entry) -> None:
    """An act about an entry of the roster.

    Raises:
        IntegrityError: the act cannot follow on what the register holds.
    """
    entry_id = entry.data["entry_id"]
    row = connection.execute(select(_entries).where(_entries.c.entry_id == entry_id)).mappings().one_or_none()
    act = Act(act=entry.act, actor=entry.actor, subject=entry.subject, data=entry.data)
    try:
        after = applied(_standing(row) if row is not None else None, act)
    except (NotFoundError, RefusedError) as error:
        raise IntegrityError(f"ledger entry {entry.seq} cannot show: {error.message}") from error
    document = row_document(after.entry)
    values = {**document, "user_number": document["user"]}
    del values["user"]
    values |= {
        "is_withdrawn": after.is_withdrawn,
        "file": after.file,
        "filed": row_document(after.filed) if after.filed is not None else None,
    }
    if row is None:
        connection.execute(insert(_entries).values(entry_id=entry_id, **values))
    else:
        connection.execute(update(_entries).where(_entries.c.entry_id == entry_id).values(**values))
    about = {"seq": entry.seq, "entry_id": entry_id, "recorder": after.entry.recorder, "act": entry.act}
    connection.execute(insert(_acts).values(**about, at=entry.time, actor=entry.actor, document=entry.data))


def settled(connection: Connection, entry: Entry) -> None:
    """The recordings that acts up to one touched were decided again."""
    table = schema.meta
    connection.execute(delete(table).where(table.c.key == _SETTLED))
    connection.execute(insert(table).values(key=_SETTLED, value=str(entry.data["through"])))


def _standing(row: Mapping[Any, Any]) -> Standing:
    return Standing(
        entry_id=row["entry_id"],
        entry=_row(row),
        is_withdrawn=row["is_withdrawn"],
        file=row["file"],
        filed=row_of(row["filed"]) if row["filed"] is not None else None,
    )


def _row(row: Mapping[Any, Any]) -> RosterEntry:
    return RosterEntry(
        recorder=row["recorder"],
        officer=row["officer"],
        certificate=row["certificate"],
        unit=row["unit"],
        begins_at=from_text(row["begins_at"]),
        ends_at=from_text(row["ends_at"]) if row["ends_at"] is not None else None,
        user=row["user_number"],
    )


# What can be asked


class RosterRegister:
    """Questions to the roster; each opens its own connection. A `core.roster.RosterBook`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def officers_of(self, recorder_id: str, moment: dt.datetime) -> tuple[RosterEntry, ...]:
        """Who had this recorder at this moment (aware): nobody, one officer, or several who share it."""
        mine = and_(_entries.c.recorder == recorder_id, _valid_at(moment))
        return tuple(one.entry for one in self._standing_where(mine))

    def known_as(self, text: str, moment: dt.datetime) -> tuple[RosterEntry, ...]:
        """Rows of people who go by this user number, certificate or name: those of the moment, else of any time."""
        if not text:
            return ()
        named = or_(_entries.c.user_number == text, _entries.c.certificate == text, _entries.c.officer == text)
        rows = [one.entry for one in self._standing_where(named)]
        return tuple([row for row in rows if row.is_valid_at(moment)] or rows)

    def entries(
        self,
        *,
        recorder: str | None = None,
        officer: str | None = None,
        between: tuple[dt.datetime, dt.datetime] | None = None,
    ) -> list[Standing]:
        """Entries that were not withdrawn, by recorder and beginning.

        Args:
            recorder: only of this one.
            officer: only of people of this name, certificate or user number.
            between: only terms with a moment in this half-open span.
        """
        wanted: list[ColumnElement[bool]] = []
        if recorder is not None:
            wanted.append(_entries.c.recorder == recorder)
        if officer is not None:
            columns = (_entries.c.officer, _entries.c.certificate, _entries.c.user_number)
            wanted.append(or_(*(column == officer for column in columns)))
        if between is not None:
            begin, end = map(to_text, between)
            wanted.append(
                and_(_entries.c.begins_at < end, or_(_entries.c.ends_at.is_(None), _entries.c.ends_at > begin))
            )
        return self._standing_where(*wanted)

    def everything(self) -> list[Standing]:
        """All entries, those that were withdrawn too, in the order in which they were made."""
        return [_standing(row) for row in self._rows(select(_entries).order_by(_entries.c.entry_id))]

    def history(self, *, entry_id: int | None = None, recorder: str | None = None) -> list[Row]:
        """Acts about one entry, about all that ever stood for a recorder, or about everything; oldest first.

        Each is `seq`, `entry_id`, `act`, `at`, `actor`, `document`.
        """
        columns = (_acts.c.seq, _acts.c.entry_id, _acts.c.act, _acts.c.at, _acts.c.actor, _acts.c.document)
        query = select(*columns).order_by(_acts.c.seq)
        if entry_id is not None:
            query = query.where(_acts.c.entry_id == entry_id)
        if recorder is not None:
            query = query.where(_acts.c.entry_id.in_(select(_acts.c.entry_id).where(_acts.c.recorder == recorder)))
        return self._rows(query)

    def unsettled(self) -> tuple[int, list[RosterEntry]]:
        """The last act, and the rows before and after every act whose recordings were not decided again yet."""
        settled = self._rows(select(schema.meta.c.value).where(schema.meta.c.key == _SETTLED))
        after = int(settled[0]["value"]) if settled else 0
        acts = self._rows(select(_acts.c.seq, _acts.c.document).where(_acts.c.seq > after).order_by(_acts.c.seq))
        documents = [act["document"][side] for act in acts for side in ("before", "after")]
        return (acts[-1]["seq"] if acts else after), [row_of(one) for one in documents if one is not None]

    def touched_by(self, rows: Iterable[RosterEntry]) -> list[str]:
        """Recordings that were tagged and whose officers these rows may have a say in, oldest first.

        Those of the rows' recorders in the rows' terms, and those whose names carry the rows' user numbers.
        """
        device, user = _recordings.c.tags["device"].as_string(), _recordings.c.tags["name"]["user"].as_string()
        found: dict[str, str] = {}
        for row in dict.fromkeys(rows):
            start = _recordings.c.recorded_start
            term = [start >= to_text(row.begins_at)]
            if row.ends_at is not None:
                term.append(start < to_text(row.ends_at))
            mine: list[ColumnElement[bool]] = [_recordings.c.recorder_key == row.recorder, device == row.recorder]
            if row.user:
                mine.append(user == row.user)
            query = select(_recordings.c.recording_id, start).where(*term, or_(*mine))
            found |= {one["recording_id"]: one["recorded_start"] for one in self._rows(query)}
        return sorted(found, key=lambda one: (found[one], one))

    def _standing_where(self, *wanted: ColumnElement[bool]) -> list[Standing]:
        order = (_entries.c.recorder, _entries.c.begins_at, _entries.c.entry_id)
        query = select(_entries).where(_entries.c.is_withdrawn.is_(False), *wanted).order_by(*order)
        return [_standing(row) for row in self._rows(query)]

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _valid_at(moment: dt.datetime) -> ColumnElement[bool]:
    text = to_text(moment)
    return and_(_entries.c.begins_at <= text, or_(_entries.c.ends_at.is_(None), _entries.c.ends_at > text))

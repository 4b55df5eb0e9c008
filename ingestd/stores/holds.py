"""Holds in the catalogue: how their acts show, which recordings each caught, and what can be asked.

Writing is called by `projection` alone, inside the transaction of the act. What a hold caught stays in it, whatever is
corrected later, until it is released: a link that one person takes away must not do what takes two to approve.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, String, cast, func, insert, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert as upsert

from ingestd.core.case_acts import CASE_ACTS
from ingestd.core.custody import Act, Entry
from ingestd.core.errors import IntegrityError, NotFoundError, RefusedError
from ingestd.core.hold_acts import DECLINED, applied, hold_document, hold_id, hold_of
from ingestd.core.holds import AnyScope, Hold, HoldFacts, HoldStanding, Judgement, TakeScope, covers, judged
from ingestd.core.lifecycle import State
from ingestd.core.visibility import Scope
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.hold_facts import TOGETHER, candidates, facts_of
from ingestd.stores.schema_cases import case_links
from ingestd.stores.schema_find import find_rows
from ingestd.stores.schema_holds import hold_acts, hold_coverage, holds
from ingestd.stores.statistics import is_of_units

Row = dict[str, Any]

_recordings = schema.recordings


# How acts show


def hold_changed(connection: Connection, entry: Entry) -> None:
    """An act about a hold; one that is placed catches what it covers.

    Raises:
        IntegrityError: the act cannot follow on what the catalogue holds.
    """
    before = _one(connection, str(entry.subject))
    act = Act(act=entry.act, actor=entry.actor, subject=entry.subject, data=entry.data)
    try:
        after = applied(before, act, entry.time)
    except (NotFoundError, RefusedError) as error:
        raise IntegrityError(f"ledger entry {entry.seq} cannot show: {error.message}") from error
    values: Row = {"review_on": after.review_on.isoformat(), "released_at": after.released_at}
    values["document"] = hold_document(after)
    if before is None:
        named = {"hold_id": after.hold_id, "reason": after.reason.value, "complaint_number": after.complaint_number}
        connection.execute(insert(holds).values(**named, placed_at=after.placed_at, **values))
        found = candidates(connection, after.scope)
        _catch(connection, after, {one.recording_id: entry.seq for one in found if covers(after.scope, one)})
    else:
        connection.execute(update(holds).where(holds.c.hold_id == after.hold_id).values(**values))
    _noted(connection, entry)


def declined(connection: Connection, entry: Entry) -> None:
    """A person decided that a complaint needs no hold."""
    _noted(connection, entry)


def follow(connection: Connection, act: str, entries: Sequence[Entry]) -> None:
    """Let standing holds catch what acts of one kind, projected already, brought into their scopes."""
    touched = _TOUCHED.get(act)
    standing = _standing(connection) if touched is not None else []
    if touched is None or not standing:
        return
    seqs = {recording: entry.seq for entry in entries for recording in touched(connection, entry)}
    facts = facts_of(connection, seqs)
    for hold in standing:
        _catch(connection, hold, {one.recording_id: seqs[one.recording_id] for one in facts if covers(hold.scope, one)})


def _catch(connection: Connection, hold: Hold, seqs: Mapping[str, int]) -> None:
    rows = [{"hold_id": hold.hold_id, "recording_id": one, "seq": seq} for one, seq in sorted(seqs.items())]
    if rows:
        connection.execute(upsert(hold_coverage).on_conflict_do_nothing(), rows)


def _noted(connection: Connection, entry: Entry) -> None:
    about = {"seq": entry.seq, "subject": entry.subject, "act": entry.act, "at": entry.time, "actor": entry.actor}
    connection.execute(insert(hold_acts).values(**about, document=entry.data))


# Which recordings an act may bring into a scope


def _subject(_: Connection, entry: Entry) -> Iterable[str]:
    return [str(entry.subject)]


def _linked(_: Connection, entry: Entry) -> Iterable[str]:
    return list(entry.data["after"])


def _of_case(connection: Connection, entry: Entry) -> Iterable[str]:
    query = select(case_links.c.recording_id).where(case_links.c.case_number == entry.subject)
    return list(connection.execute(query).scalars())


def _of_takes(_: Connection, entry: Entry) -> Iterable[str]:
    return [recording for take in entry.data["takes"] for recording in take["recordings"]]


_TOUCHED: Mapping[str, Callable[[Connection, Entry], Iterable[str]]] = {
    **dict.fromkeys(("recording.tagged", "recording.retagged", "recording.registered"), _subject),
    **dict.fromkeys(CASE_ACTS, _of_case),
    "case.linked": _linked,
    "set.assembled": _of_takes,
}
BRINGING: Final = frozenset(_TOUCHED)
"""Acts that may bring a recording into a hold that stands."""


# What can be asked


class HoldBook:
    """Questions to holds; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def standing(self) -> tuple[Hold, ...]:
        """Every hold that is not released, in the order of their numbers."""
        with translated(), self._engine.connect() as connection:
            return tuple(_standing(connection))

    def of(self, recording_ids: Iterable[str]) -> dict[str, tuple[Hold, ...]]:
        """The standing holds of each recording: those that caught it, and those whose scope it is in now.

        A recording without any is not in the answer.
        """
        wanted = sorted(set(recording_ids))
        with translated(), self._engine.connect() as connection:
            standing = {hold.hold_id: hold for hold in _standing(connection)}
            if not standing or not wanted:
                return {}
            found: dict[str, set[str]] = defaultdict(set)
            for recording, number in _caught(connection, wanted):
                if number in standing:
                    found[recording].add(number)
            for facts in facts_of(connection, wanted):
                found[facts.recording_id].update(
                    number for number, hold in standing.items() if covers(hold.scope, facts)
                )
        return {one: tuple(standing[number] for number in sorted(found[one])) for one in wanted if found[one]}

    def hold(self, number: str) -> Hold:
        """A hold by its number.

        Raises:
            NotFoundError: there is none.
        """
        found = self.find(number)
        if found is None:
            raise NotFoundError(f"there is no hold {number}", "see: ingestd hold list")
        return found

    def find(self, number: str) -> Hold | None:
        """A hold by its number; null for none."""
        with translated(), self._engine.connect() as connection:
            return _one(connection, number)

    def holds(self) -> list[Hold]:
        """Every hold, released ones too, in the order of their numbers."""
        with translated(), self._engine.connect() as connection:
            return _holds(connection)

    def page(
        self,
        standing: HoldStanding | None = None,
        *,
        today: dt.date,
        reason: str = "",
        requester: str = "",
        scope: Scope,
        after: str = "",
        limit: int = 50,
    ) -> list[tuple[Hold, int]]:
        """Holds, the newest first, each with how many recordings it caught; pages by `after`, the last number shown.

        Args:
            standing: null for any.
            today: the bureau's own day.
            requester: part of the name of who asked for it.
            scope: only holds that caught a recording of its units; an officer's own scope has none.
        """
        table, caught = holds, hold_coverage
        size = select(func.count()).where(caught.c.hold_id == table.c.hold_id).scalar_subquery()
        query = select(table.c.document, size).order_by(table.c.placed_at.desc(), table.c.hold_id.desc()).limit(limit)
        if standing is not None:
            is_released = standing is HoldStanding.RELEASED
            query = query.where(table.c.released_at.is_not(None) if is_released else table.c.released_at.is_(None))
        if standing is HoldStanding.TO_REVIEW:
            query = query.where(table.c.review_on <= today.isoformat())
        if reason:
            query = query.where(table.c.reason == reason)
        if requester:
            name = table.c.document["requester"].as_string()
            query = query.where(name.contains(requester, autoescape=True))
        if after:
            last = select(table.c.placed_at).where(table.c.hold_id == after).scalar_subquery()
            query = query.where(tuple_(table.c.placed_at, table.c.hold_id) < tuple_(last, after))
        if not scope.is_whole:
            mine = select(caught.c.hold_id).join(find_rows, find_rows.c.recording_id == caught.c.recording_id)
            query = query.where(table.c.hold_id.in_(mine.where(is_of_units(scope))))
        with translated(), self._engine.connect() as connection:
            return [(hold_of(document), int(caught_by)) for document, caught_by in connection.execute(query)]

    def is_of(self, number: str, scope: Scope) -> bool:
        """Whether a hold caught a recording of the units of a scope."""
        caught = hold_coverage
        mine = select(caught.c.hold_id).join(find_rows, find_rows.c.recording_id == caught.c.recording_id)
        return scope.is_whole or bool(self._rows(mine.where(caught.c.hold_id == number, is_of_units(scope)).limit(1)))

    def of_complaint(self, number: str) -> list[Hold]:
        """The holds that follow from a complaint, released ones too."""
        with translated(), self._engine.connect() as connection:
            return _holds(connection, holds.c.complaint_number == number)

    def to_review(self, today: dt.date) -> list[Hold]:
        """Standing holds whose day of review has come, the longest overdue first."""
        with translated(), self._engine.connect() as connection:
            found = _holds(connection, holds.c.released_at.is_(None), holds.c.review_on <= today.isoformat())
        return sorted(found, key=lambda one: (one.review_on, one.hold_id))

    def counts(self, today: dt.date) -> tuple[dict[str, int], int]:
        """How many stand by reason, and how many of them are to be reviewed."""
        table = holds
        query = select(table.c.reason, func.count()).where(table.c.released_at.is_(None)).group_by(table.c.reason)
        with translated(), self._engine.connect() as connection:
            by_reason = {row[0]: int(row[1]) for row in connection.execute(query)}
            due = (table.c.released_at.is_(None)) & (table.c.review_on <= today.isoformat())
            overdue = connection.execute(select(func.count()).select_from(table).where(due)).scalar_one()
        return by_reason, overdue

    def last_position(self, year: int) -> int:
        """The place in its year of the last hold that was placed; 0 for none."""
        table = holds
        first = hold_id(year, 0)[:-4]
        query = select(func.count()).select_from(table).where(table.c.hold_id.startswith(first, autoescape=True))
        with translated(), self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def history(self, subject: str) -> list[Row]:
        """Every act about a hold, or of a declined complaint, oldest first."""
        table = hold_acts
        query = select(table).where(table.c.subject == subject).order_by(table.c.seq)
        return self._rows(query)

    def declined(self) -> dict[str, frozenset[str]]:
        """By complaint the recordings for which a person decided that they need no hold."""
        found: dict[str, frozenset[str]] = {}
        for row in self._rows(select(hold_acts).where(hold_acts.c.act == DECLINED).order_by(hold_acts.c.seq)):
            found[row["subject"]] = found.get(row["subject"], frozenset()) | set(row["document"]["recordings"])
        return found

    # Recordings

    def recordings_of(self, number: str, *, after: str = "", limit: int | None = None) -> list[str]:
        """Recordings that a hold caught, in the order of their ids, behind `after`; of a released one what it had."""
        table = hold_coverage
        query = select(table.c.recording_id).where(table.c.hold_id == number, table.c.recording_id > after)
        query = query.order_by(table.c.recording_id).limit(limit)
        with translated(), self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def sizes(self) -> dict[str, int]:
        """How many recordings each hold caught."""
        return self.sizes_of(None)

    def sizes_of(self, numbers: Sequence[str] | None) -> dict[str, int]:
        """How many recordings each of these holds caught; null for all holds."""
        table = hold_coverage
        query = select(table.c.hold_id, func.count()).group_by(table.c.hold_id)
        if numbers is not None:
            query = query.where(table.c.hold_id.in_(numbers))
        with translated(), self._engine.connect() as connection:
            return {row[0]: int(row[1]) for row in connection.execute(query)}

    def judged(self, scope: AnyScope) -> dict[str, Judgement]:
        """By recording whether a scope covers it, by what is known now; what it does not cover is left out."""
        with translated(), self._engine.connect() as connection:
            found = ((one.recording_id, judged(scope, one)) for one in candidates(connection, scope))
            return {one: told for one, told in found if told is not Judgement.NOT_COVERED}

    def facts(self, recordings: Iterable[str]) -> list[HoldFacts]:
        """What scopes are judged by, in the order of the ids."""
        with translated(), self._engine.connect() as connection:
            return facts_of(connection, recordings)

    def described(self, recordings: Sequence[str]) -> list[Row]:
        """What a page shows of so many recordings, in the order given; those that are not in the catalogue left out."""
        table = _recordings
        columns = (table.c.recording_id, table.c.card_path, table.c.recorder_id, table.c.recorded_start, table.c.tags)
        query = select(*columns, table.c.duration_s, table.c.size_bytes, table.c.keep_until)
        rows = {row["recording_id"]: row for row in self._rows(query.where(table.c.recording_id.in_(recordings)))}
        return [rows[one] for one in recordings if one in rows]

    def take_scope(self, recordings: Sequence[str]) -> TakeScope:
        """The scope of the take that these recordings make up.

        Raises:
            NotFoundError: they are of no take, or of more than one.
        """
        takes = {one.take_id for one in self.facts(recordings)}
        take = next(iter(takes), None)
        if take is None or len(takes) != 1:
            raise NotFoundError("that is no take", "see the takes in: ingestd list")
        return TakeScope(take_id=take, recordings=tuple(sorted(recordings)))

    def stale(self, after: int = 0) -> tuple[list[str], int]:
        """Recordings whose stored decision does not agree with their holds, and the last entry that was looked at.

        Args:
            after: only what later entries of the ledger brought into a hold; 0 looks at everything, and at what
                released holds left behind too.
        """
        table, caught = _recordings, hold_coverage
        joined = select(table.c.recording_id).join(caught, caught.c.recording_id == table.c.recording_id)
        joined = joined.join(holds, holds.c.hold_id == caught.c.hold_id)
        joined = joined.where(table.c.state.in_((State.CATALOGUED, State.EVICTED)))
        names_it = func.instr(cast(table.c.retention, String), holds.c.hold_id) > 0
        held = joined.where(caught.c.seq > after, holds.c.released_at.is_(None))
        held = held.where(table.c.keep_until.is_not(None) | ~names_it)
        freed = joined.where(holds.c.released_at.is_not(None), names_it)
        with translated(), self._engine.connect() as connection:
            last = connection.execute(select(func.max(caught.c.seq))).scalar() or 0
            found = set(connection.execute(held).scalars())
            if after == 0:
                found |= set(connection.execute(freed).scalars())
        return sorted(found), int(last)

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _caught(connection: Connection, wanted: Sequence[str]) -> Iterable[tuple[str, str]]:
    table = hold_coverage
    for start in range(0, len(wanted), TOGETHER):
        part = wanted[start : start + TOGETHER]
        query = select(table.c.recording_id, table.c.hold_id).where(table.c.recording_id.in_(part))
        yield from ((row.recording_id, row.hold_id) for row in connection.execute(query))


def _one(connection: Connection, number: str) -> Hold | None:
    return next(iter(_holds(connection, holds.c.hold_id == number)), None)


def _standing(connection: Connection) -> list[Hold]:
    return _holds(connection, holds.c.released_at.is_(None))


def _holds(connection: Connection, *conditions: Any) -> list[Hold]:
    query = select(holds.c.document).where(*conditions).order_by(holds.c.placed_at, holds.c.hold_id)
    return [hold_of(document) for document in connection.execute(query).scalars()]

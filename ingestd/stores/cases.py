"""Cases, complaints and units in the catalogue: how their acts show, and what can be asked.

Writing is called by `projection` alone, inside the transaction of the act.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from ingestd.core.case_acts import applied
from ingestd.core.case_documents import case_document, document_of, with_document
from ingestd.core.case_links import complaint_after, unit_after
from ingestd.core.cases import Activity, ActivityKind, Case, CaseLink, Complaint, Unit
from ingestd.core.clock import from_text, to_text
from ingestd.core.custody import Act, Entry
from ingestd.core.errors import IntegrityError, NotFoundError, RefusedError
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.schema_cases import case_activities, case_acts, case_links, cases, complaints, units

Row = dict[str, Any]

FOOTAGE_KINDS = ("video", "audio", "photo")
"""What counts as a record in sound or picture (照相、录音、录像: 海洋 5, 民政 4, 江门 3, 卫健 3)."""

_recordings = schema.recordings


# How acts show


def case_changed(connection: Connection, entry: Entry) -> None:
    """An act about a case.

    Raises:
        IntegrityError: the act cannot follow on what the register holds.
    """
    if entry.act == "case.activity_entered":
        _activity_entered(connection, entry)
        return
    number = str(entry.subject)
    before = next(iter(_cases(connection, cases.c.number == number)), None)
    act = Act(act=entry.act, actor=entry.actor, subject=number, data=entry.data)
    try:
        after = applied(before, act)
    except (NotFoundError, RefusedError) as error:
        raise IntegrityError(f"ledger entry {entry.seq} cannot show: {error.message}") from error
    document = case_document(after)
    columns = ("cause", "category", "stage", "unit", "opened_on", "concluded_on", "closed_on")
    values = {name: document[name] for name in columns}
    values |= {"document": document, "entered_activities": after.entered_activities, "changed_at": entry.time}
    if before is None:
        connection.execute(insert(cases).values(number=number, **values))
    else:
        connection.execute(update(cases).where(cases.c.number == number).values(**values))
    if before is None or before.activities != after.activities:
        _replace_activities(connection, after)
    _noted(connection, entry)


def linked(connection: Connection, entry: Entry) -> None:
    """Footage was linked to a case, or its evidence mark changed."""
    activity = entry.data["activity_id"] or ""
    rows = [
        {
            "case_number": entry.subject,
            "recording_id": recording,
            "activity_id": activity,
            "is_evidence": mark,
            "linked_by": entry.actor,
            "linked_at": entry.time,
            "via": entry.data["via"]["what"],
        }
        for recording, mark in entry.data["after"].items()
    ]
    for row in rows:
        _unlink(connection, entry.subject, row["recording_id"], activity)
    connection.execute(insert(case_links), rows)
    _noted(connection, entry)


def unlinked(connection: Connection, entry: Entry) -> None:
    """Links of a case ended.

    Raises:
        IntegrityError: there is no such link.
    """
    for gone in entry.data["before"]:
        if not _unlink(connection, entry.subject, gone["recording_id"], gone["activity_id"] or ""):
            raise IntegrityError(
                f"ledger entry {entry.seq} ends a link of {gone['recording_id']}, which does not stand"
            )
    _noted(connection, entry)


def complaint_changed(connection: Connection, entry: Entry) -> None:
    """A complaint was entered or changed.

    Raises:
        IntegrityError: the act cannot follow on what the register holds.
    """
    found = connection.execute(select(complaints.c.document).where(complaints.c.number == entry.subject)).scalar()
    act = Act(act=entry.act, actor=entry.actor, subject=entry.subject, data=entry.data)
    try:
        after = complaint_after(_complaint(found) if found is not None else None, act)
    except (NotFoundError, RefusedError) as error:
        raise IntegrityError(f"ledger entry {entry.seq} cannot show: {error.message}") from error
    document = document_of(after)
    columns = ("received_on", "case_number", "happened_from", "happened_until", "settled_on")
    values = {name: document[name] for name in columns} | {"document": document}
    if found is None:
        connection.execute(insert(complaints).values(number=entry.subject, **values))
    else:
        connection.execute(update(complaints).where(complaints.c.number == entry.subject).values(**values))
    _noted(connection, entry)


def unit_changed(connection: Connection, entry: Entry) -> None:
    """A unit was entered or changed.

    Raises:
        IntegrityError: the act cannot follow on what the register holds.
    """
    found = connection.execute(select(units.c.document).where(units.c.name == entry.subject)).scalar()
    act = Act(act=entry.act, actor=entry.actor, subject=entry.subject, data=entry.data)
    try:
        after = unit_after(_unit(found) if found is not None else None, act)
    except (NotFoundError, RefusedError) as error:
        raise IntegrityError(f"ledger entry {entry.seq} cannot show: {error.message}") from error
    values = {"parent": after.parent, "is_entrusted": after.is_entrusted, "document": document_of(after)}
    if found is None:
        connection.execute(insert(units).values(name=entry.subject, **values))
    else:
        connection.execute(update(units).where(units.c.name == entry.subject).values(**values))
    _noted(connection, entry)


def _activity_entered(connection: Connection, entry: Entry) -> None:
    """The act that an import brings most of: one row more, without reading the case and all its activities again."""
    count = cases.c.entered_activities
    this = cases.c.number == entry.subject
    found = connection.execute(update(cases).where(this).values(entered_activities=count + 1, changed_at=entry.time))
    position = connection.execute(select(count).where(this)).scalar()
    if not found.rowcount or position is None:
        raise IntegrityError(f"ledger entry {entry.seq} is about case {entry.subject}, which was never entered")
    activity = with_document(Activity(entry.data["activity_id"], ActivityKind.OTHER), entry.data["after"])
    connection.execute(insert(case_activities), _activity_row(str(entry.subject), position, activity))
    _noted(connection, entry)


def _replace_activities(connection: Connection, case: Case) -> None:
    """What stands of a case's activities; each keeps its place."""
    table = case_activities
    of_case = table.c.case_number == case.number
    positions = {row.activity_id: row.position for row in connection.execute(select(table).where(of_case))}
    connection.execute(delete(table).where(of_case))
    rows = [_activity_row(case.number, positions[one.activity_id], one) for one in case.activities]
    if rows:
        connection.execute(insert(table), rows)


def _activity_row(number: str, position: int, activity: Activity) -> Row:
    document = document_of(activity)
    named = {name: document[name] for name in ("activity_id", "kind", "began_at", "ended_at")}
    return named | {"case_number": number, "position": position, "document": document}


def _unlink(connection: Connection, number: str | None, recording: str, activity: str) -> bool:
    table = case_links
    this = (table.c.case_number == number) & (table.c.recording_id == recording) & (table.c.activity_id == activity)
    return bool(connection.execute(delete(table).where(this)).rowcount)


def _noted(connection: Connection, entry: Entry) -> None:
    about = {"seq": entry.seq, "subject": entry.subject, "act": entry.act, "at": entry.time, "actor": entry.actor}
    connection.execute(insert(case_acts).values(**about, document=entry.data))


def _cases(connection: Connection, *conditions: Any) -> list[Case]:
    query = select(cases.c.number, cases.c.document, cases.c.entered_activities)
    rows = connection.execute(query.where(*conditions).order_by(cases.c.number)).all()
    among = select(cases.c.number).where(*conditions)
    query_of_activities = select(case_activities.c.case_number, case_activities.c.document)
    order = (case_activities.c.case_number, case_activities.c.position)
    found = connection.execute(query_of_activities.where(case_activities.c.case_number.in_(among)).order_by(*order))
    activities: dict[str, list[Activity]] = {}
    for row in found:
        blank = Activity(row.document["activity_id"], ActivityKind.OTHER)
        activities.setdefault(row.case_number, []).append(with_document(blank, row.document))
    return [
        with_document(
            Case(
                row.number,
                activities=tuple(activities.get(row.number, ())),
                entered_activities=row.entered_activities,
            ),
            row.document,
        )
        for row in rows
    ]


def _complaint(document: Mapping[str, Any]) -> Complaint:
    return with_document(Complaint(document["number"], dt.date.fromisoformat(document["received_on"])), document)


def _unit(document: Mapping[str, Any]) -> Unit:
    return with_document(Unit(document["name"]), document)


# What can be asked


class CaseRegister:
    """Questions to cases, complaints and units; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Cases

    def case(self, number: str) -> Case:
        """A case by its number.

        Raises:
            NotFoundError: there is none.
        """
        case = self.find(number)
        if case is None:
            raise NotFoundError(f"case {number} is not in the register", "see: ingestd case list")
        return case

    def find(self, number: str) -> Case | None:
        """A case by its number; null for none."""
        with translated(), self._engine.connect() as connection:
            return next(iter(_cases(connection, cases.c.number == number)), None)

    def cases(
        self,
        *,
        is_open: bool | None = None,
        stage: str | None = None,
        unit: str | None = None,
        numbers: Collection[str] | None = None,
    ) -> list[Case]:
        """Cases by their numbers; null asks for any."""
        conditions: list[Any] = []
        if is_open is not None:
            conditions.append(cases.c.closed_on.is_(None) if is_open else cases.c.closed_on.is_not(None))
        if stage is not None:
            conditions.append(cases.c.stage == stage)
        if unit is not None:
            conditions.append(cases.c.unit == unit)
        if numbers is not None:
            conditions.append(cases.c.number.in_(sorted(numbers)))
        with translated(), self._engine.connect() as connection:
            return _cases(connection, *conditions)

    def history(self, subject: str) -> list[Row]:
        """Every act about a case, complaint or unit, oldest first: `seq`, `act`, `at`, `actor`, `document`."""
        query = select(case_acts.c.seq, case_acts.c.act, case_acts.c.at, case_acts.c.actor, case_acts.c.document)
        return self._rows(query.where(case_acts.c.subject == subject).order_by(case_acts.c.seq))

    # Links

    def cases_of(self, recording_id: str) -> list[CaseLink]:
        """The cases and activities that a recording is linked to."""
        return self._links(case_links.c.recording_id == recording_id)

    def links_of(self, number: str) -> list[CaseLink]:
        """Every link of a case."""
        return self._links(case_links.c.case_number == number)

    def links_of_all(self, numbers: Collection[str]) -> list[CaseLink]:
        """Every link of these cases."""
        return self._links(case_links.c.case_number.in_(sorted(numbers)))

    def cases_of_all(self, recordings: Collection[str]) -> list[CaseLink]:
        """Every link of these recordings, few hundred at most."""
        return self._links(case_links.c.recording_id.in_(sorted(recordings)))

    def recordings_of(self, number: str) -> list[str]:
        """Recordings that are linked to a case, each once, in order of their ids."""
        return sorted({one.recording_id for one in self.links_of(number)})

    def footage_by_activity(self, numbers: Collection[str] | None = None) -> dict[str, dict[str, list[str]]]:
        """By case and activity the linked recordings with sound or picture; the empty activity is the case itself.

        A recording that is not analysed yet counts as footage: what it holds is not known, and it is not missing.
        """
        table = case_links
        query = select(table.c.case_number, table.c.activity_id, table.c.recording_id)
        query = query.join(_recordings, _recordings.c.recording_id == table.c.recording_id)
        query = query.where(_recordings.c.kind.is_(None) | _recordings.c.kind.in_(FOOTAGE_KINDS))
        if numbers is not None:
            query = query.where(table.c.case_number.in_(sorted(numbers)))
        found: dict[str, dict[str, list[str]]] = {}
        for row in self._rows(query.order_by(table.c.case_number, table.c.activity_id, table.c.recording_id)):
            found.setdefault(row["case_number"], {}).setdefault(row["activity_id"], []).append(row["recording_id"])
        return found

    def is_evidence(self, recording_id: str) -> bool:
        """Whether any link of a recording marks it as evidence."""
        return any(one.is_evidence for one in self.cases_of(recording_id))

    def activity_end_of(self, recording_id: str) -> dt.datetime | None:
        """The latest end of the activities that a recording is linked to; null where no case says one (海洋 27(五))."""
        table = case_activities
        query = select(table.c.ended_at).join(
            case_links,
            (case_links.c.case_number == table.c.case_number) & (case_links.c.activity_id == table.c.activity_id),
        )
        query = query.where(case_links.c.recording_id == recording_id, table.c.ended_at.is_not(None))
        ends = [from_text(row["ended_at"]) for row in self._rows(query)]
        return max(ends, default=None)

    # Footage

    def unlinked_between(self, start: dt.datetime, end: dt.datetime) -> list[Row]:
        """Footage that touches a span and is linked to no case, in order of time."""
        is_linked = select(case_links.c.recording_id)
        return self._footage(
            (_recordings.c.recorded_start < to_text(end))
            & (_recordings.c.recorded_end > to_text(start))
            & _recordings.c.recording_id.not_in(is_linked)
        )

    def footage_between(self, start: dt.datetime, end: dt.datetime) -> list[Row]:
        """Footage that touches a span, linked or not, in order of time."""
        touches = (_recordings.c.recorded_start < to_text(end)) & (_recordings.c.recorded_end > to_text(start))
        return self._footage(touches)

    def footage_of(self, recordings: Collection[str]) -> list[Row]:
        """These recordings, as far as they are footage, in order of time."""
        return self._footage(_recordings.c.recording_id.in_(sorted(recordings)))

    def all_unlinked(self, *, limit: int) -> list[Row]:
        """The latest footage that is linked to no case, newest first."""
        query = self._footage_query(_recordings.c.recording_id.not_in(select(case_links.c.recording_id)))
        return self._rows(query.order_by(None).order_by(_recordings.c.recorded_start.desc()).limit(limit))

    def recordings_of_take(self, named: str) -> list[str]:
        """The recordings of a take, by its id or the last digits (four at least) of it.

        Raises:
            NotFoundError: more than one take answers.
        """
        column = _recordings.c.take_id
        rows = self._answering(column, named)
        if len({row["named"] for row in rows}) > 1:
            raise NotFoundError(f"more than one take answers to {named!r}", "give more digits of its id")
        return [row["recording_id"] for row in rows]

    def recordings_of_docking(self, named: str) -> list[str]:
        """The recordings first seen at a docking, by its id or the last digits (four at least) of it.

        Raises:
            NotFoundError: more than one docking answers.
        """
        rows = self._answering(_recordings.c.docking_id, named)
        if len({row["named"] for row in rows}) > 1:
            raise NotFoundError(f"more than one docking answers to {named!r}", "give more digits of its id")
        return [row["recording_id"] for row in rows]

    # Complaints and units

    def complaints(self) -> list[Complaint]:
        """The complaint register, by number."""
        return [_complaint(row["document"]) for row in self._rows(select(complaints).order_by(complaints.c.number))]

    def complaint(self, number: str) -> Complaint | None:
        """A complaint by its number; null for none."""
        rows = self._rows(select(complaints.c.document).where(complaints.c.number == number))
        return _complaint(rows[0]["document"]) if rows else None

    def units(self) -> dict[str, Unit]:
        """The register of units, by name."""
        return {row["name"]: _unit(row["document"]) for row in self._rows(select(units).order_by(units.c.name))}

    def _links(self, condition: Any) -> list[CaseLink]:
        order = (case_links.c.case_number, case_links.c.activity_id, case_links.c.recording_id)
        return [
            CaseLink(
                case_number=row["case_number"],
                recording_id=row["recording_id"],
                activity_id=row["activity_id"] or None,
                is_evidence=row["is_evidence"],
                linked_by=row["linked_by"],
                linked_at=row["linked_at"],
                via=row["via"],
            )
            for row in self._rows(select(case_links).where(condition).order_by(*order))
        ]

    def _footage(self, condition: Any) -> list[Row]:
        return self._rows(self._footage_query(condition))

    def _footage_query(self, condition: Any) -> Any:
        table = _recordings
        columns = (table.c.recording_id, table.c.card_path, table.c.kind, table.c.recorded_start, table.c.recorded_end)
        query = select(*columns, table.c.take_id, table.c.docking_id, table.c.recorder_id, table.c.tags)
        query = query.where(condition, table.c.kind.in_(FOOTAGE_KINDS), table.c.recorded_start.is_not(None))
        return query.order_by(table.c.recorded_start, table.c.recording_id)

    def _answering(self, column: Any, named: str) -> Sequence[Row]:
        if len(named) < 4:
            return []
        query = select(_recordings.c.recording_id, column.label("named"))
        return self._rows(query.where(column.endswith(named, autoescape=True)).order_by(_recordings.c.recording_id))

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

"""Requests for disclosure and notes of non-duty footage in the catalogue: how their acts show, and what can be asked.

Writing is called by `projection` alone, inside the transaction of the act.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, or_, select, tuple_, update

from ingestd.core.custody import Act, Entry
from ingestd.core.disclosures import Disclosure, disclosure_document, disclosure_of
from ingestd.core.errors import IntegrityError, NotFoundError, RefusedError
from ingestd.core.nonduty import NonDutyNote, Verdict
from ingestd.core.register_acts import disclosure_after
from ingestd.stores.database import translated
from ingestd.stores.schema_registers import disclosures, nonduty_notes, register_acts

Row = dict[str, Any]


# How acts show


def disclosure_changed(connection: Connection, entry: Entry) -> None:
    """An act about a request for disclosure.

    Raises:
        IntegrityError: the act cannot follow on what the register holds.
    """
    number, table = str(entry.subject), disclosures
    found = connection.execute(select(table.c.document).where(table.c.number == number)).scalar()
    act = Act(act=entry.act, actor=entry.actor, subject=number, data=entry.data)
    try:
        after = disclosure_after(disclosure_of(found) if found is not None else None, act)
    except (NotFoundError, RefusedError) as error:
        raise IntegrityError(f"ledger entry {entry.seq} cannot show: {error.message}") from error
    document = disclosure_document(after)
    settled_on = after.settled_on.isoformat() if after.settled_on is not None else None
    values: Row = {"received_on": document["received_on"], "settled_on": settled_on, "document": document}
    if found is None:
        connection.execute(insert(table).values(number=number, **values))
    else:
        connection.execute(update(table).where(table.c.number == number).values(**values))
    _noted(connection, entry)


def nonduty_noted(connection: Connection, entry: Entry) -> None:
    """Somebody noted a recording."""
    values = {"note_id": entry.seq, "recording_id": entry.subject, "reason": entry.data["reason"]}
    values |= {"noted_by": entry.actor, "noted_at": entry.time, "settled_by": "", "words": ""}
    connection.execute(insert(nonduty_notes).values(**values))
    _noted(connection, entry)


def nonduty_settled(connection: Connection, entry: Entry) -> None:
    """A second person looked.

    Raises:
        IntegrityError: no such note waits.
    """
    table = nonduty_notes
    this = (table.c.note_id == entry.data["note"]) & table.c.verdict.is_(None)
    values = {"verdict": entry.data["verdict"], "words": entry.data["words"]}
    values |= {"settled_by": entry.actor, "settled_at": entry.time}
    if connection.execute(update(table).where(this).values(**values)).rowcount != 1:
        raise IntegrityError(f"ledger entry {entry.seq} settles note {entry.data['note']}, which does not wait")
    _noted(connection, entry)


def _noted(connection: Connection, entry: Entry) -> None:
    about = {"seq": entry.seq, "subject": entry.subject, "act": entry.act, "at": entry.time, "actor": entry.actor}
    connection.execute(insert(register_acts).values(**about, document=entry.data))


# What can be asked


class RegisterBook:
    """Questions to the registers; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def disclosure(self, number: str) -> Disclosure | None:
        """A request for disclosure by its number; null for none."""
        rows = self._rows(select(disclosures.c.document).where(disclosures.c.number == number))
        return disclosure_of(rows[0]["document"]) if rows else None

    def disclosures(
        self,
        *,
        is_open: bool | None = None,
        words: str = "",
        after: tuple[str, str] | None = None,
        limit: int | None = None,
    ) -> list[Disclosure]:
        """Requests for disclosure, the earliest received first; of those that are settled the latest.

        Args:
            is_open: whether an answer is owed; null for any.
            words: in number, applicant or what is asked.
            after: day and number of the last one of the page before.
        """
        table = disclosures
        query = select(table.c.document)
        if is_open is not None:
            query = query.where(table.c.settled_on.is_(None) if is_open else table.c.settled_on.is_not(None))
        if words:
            among = (
                table.c.number,
                *(func.json_extract(table.c.document, f"$.{one}") for one in ("applicant", "asked")),
            )
            query = query.where(or_(*(one.contains(words, autoescape=True) for one in among)))
        key = tuple_(table.c.received_on, table.c.number)
        if is_open is False:
            query = query.order_by(table.c.received_on.desc(), table.c.number.desc())
            query = query.where(key < after) if after is not None else query
        else:
            query = query.order_by(table.c.received_on, table.c.number)
            query = query.where(key > after) if after is not None else query
        return [disclosure_of(row["document"]) for row in self._rows(query.limit(limit))]

    def note(self, note_id: int) -> NonDutyNote:
        """A note by its number.

        Raises:
            NotFoundError: there is none.
        """
        found = self._rows(select(nonduty_notes).where(nonduty_notes.c.note_id == note_id))
        if not found:
            raise NotFoundError(f"there is no note {note_id}", "see the register of non-duty footage")
        return _note(found[0])

    def notes_of(self, recording_id: str) -> list[NonDutyNote]:
        """The notes about a recording, oldest first."""
        table = nonduty_notes
        query = select(table).where(table.c.recording_id == recording_id).order_by(table.c.note_id)
        return [_note(row) for row in self._rows(query)]

    def notes(self, *, is_waiting: bool, before: int | None = None, limit: int | None = None) -> list[NonDutyNote]:
        """Notes, newest first.

        Args:
            is_waiting: those that nobody looked at a second time; else those that somebody did.
            before: number of the last one of the page before.
        """
        table = nonduty_notes
        query = select(table).where(table.c.verdict.is_(None) if is_waiting else table.c.verdict.is_not(None))
        if before is not None:
            query = query.where(table.c.note_id < before)
        return [_note(row) for row in self._rows(query.order_by(table.c.note_id.desc()).limit(limit))]

    def waiting_notes(self) -> int:
        """How many notes wait for a second look."""
        query = select(func.count()).select_from(nonduty_notes).where(nonduty_notes.c.verdict.is_(None))
        with translated(), self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def history(self, subject: str) -> list[Row]:
        """Every act about a request or a recording, oldest first: `seq`, `act`, `at`, `actor`, `document`."""
        table = register_acts
        query = select(table.c.seq, table.c.act, table.c.at, table.c.actor, table.c.document)
        return self._rows(query.where(table.c.subject == subject).order_by(table.c.seq))

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _note(row: Mapping[str, Any]) -> NonDutyNote:
    return NonDutyNote(**{**row, "verdict": Verdict(row["verdict"]) if row["verdict"] else None})

"""Cases and complaints as a screen asks for them: a page at a time, by words, and what footage lies near a case."""

import datetime as dt
import json
from enum import StrEnum
from typing import Any

from sqlalchemy import Engine, case, func, select, text, tuple_

from ingestd.core.cases import Case, Complaint
from ingestd.core.clock import to_text
from ingestd.stores.cases import CaseRegister, Row
from ingestd.stores.database import translated
from ingestd.stores.find_index import slot_of
from ingestd.stores.schema_cases import case_links, cases, complaints
from ingestd.stores.schema_find import find_rows

Key = tuple[str, str]
"""What the next page begins behind: a day, empty where there is none, and a number."""

_ONE_DAY = dt.timedelta(days=1)
_IS_OFFICER = "(o.value ->> '$.name' LIKE :like ESCAPE '\\' OR o.value ->> '$.certificate' LIKE :like ESCAPE '\\')"
_WORDS = f"""(
    cases.document LIKE :inside ESCAPE '\\' AND (
        cases.number LIKE :like ESCAPE '\\' OR cases.cause LIKE :like ESCAPE '\\'
        OR EXISTS (SELECT 1 FROM json_each(cases.document, '$.parties') p WHERE p.value LIKE :like ESCAPE '\\')
        OR EXISTS (SELECT 1 FROM json_each(cases.document, '$.officers') o WHERE {_IS_OFFICER})
    )
    OR cases.number IN (
        SELECT a.case_number FROM case_activities a, json_each(a.document, '$.officers') o
        WHERE a.document LIKE :inside ESCAPE '\\' AND {_IS_OFFICER}
    )
)"""
"""What is nowhere in a document is not looked for in its parts: taking a document apart takes fifty times as long."""


class Standing(StrEnum):
    """Which cases a list has."""

    OPEN = "open"
    """Not filed, the latest opened first."""
    DUE = "due"
    """Ended and not filed, the earliest ended first: the order of their days for filing."""
    FILED = "filed"
    """Filed, the latest first."""


_DAYS = {Standing.OPEN: cases.c.opened_on, Standing.DUE: cases.c.concluded_on, Standing.FILED: cases.c.closed_on}
_IS = {
    Standing.OPEN: cases.c.closed_on.is_(None),
    Standing.DUE: cases.c.closed_on.is_(None) & cases.c.concluded_on.is_not(None),
    Standing.FILED: cases.c.closed_on.is_not(None),
}


class CasePages:
    """Questions of lists; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._register = CaseRegister(engine)

    def cases(self, standing: Standing, *, words: str = "", after: Key | None = None, limit: int) -> list[Case]:
        """A page of cases.

        Args:
            words: a part of number or cause, of a party's name, or of an officer's name or certificate.
            after: key of the last case of the page before (`key_of`).
        """
        key = tuple_(func.coalesce(_DAYS[standing], ""), cases.c.number)
        query = select(cases.c.number).where(_IS[standing])
        if words:
            inside = json.dumps(words, ensure_ascii=False)[1:-1]
            query = query.where(text(_WORDS).bindparams(like=_like(words), inside=_like(inside)))
        if standing is Standing.DUE:
            query = query.where(key > after) if after is not None else query
            query = query.order_by(func.coalesce(cases.c.concluded_on, ""), cases.c.number)
        else:
            query = query.where(key < after) if after is not None else query
            query = query.order_by(func.coalesce(_DAYS[standing], "").desc(), cases.c.number.desc())
        numbers = [row["number"] for row in self._rows(query.limit(limit))]
        found = {one.number: one for one in self._register.cases(numbers=numbers)}
        return [found[number] for number in numbers if number in found]

    def counts(self) -> dict[Standing, int]:
        """How many cases stand in each list."""
        columns = (func.sum(case((_IS[one], 1), else_=0)).label(one.value) for one in Standing)
        (row,) = self._rows(select(*columns))
        return {one: int(row[one.value] or 0) for one in Standing}

    def complaints(self, *, is_open: bool, words: str = "", after: Key | None = None, limit: int) -> list[Complaint]:
        """A page of the complaint register, the latest received first.

        Args:
            is_open: those that are not settled; else those that are.
            words: a part of the number, of who complains, or of what.
        """
        table = complaints
        key = tuple_(table.c.received_on, table.c.number)
        query = select(table.c.number)
        query = query.where(table.c.settled_on.is_(None) if is_open else table.c.settled_on.is_not(None))
        if words:
            among = (table.c.number, *(table.c.document[one].as_string() for one in ("complainant", "about")))
            matching = [one.like(_like(words), escape="\\") for one in among]
            query = query.where(matching[0] | matching[1] | matching[2])
        if after is not None:
            query = query.where(key < after)
        rows = self._rows(query.order_by(table.c.received_on.desc(), table.c.number.desc()).limit(limit))
        found = [self._register.complaint(row["number"]) for row in rows]
        return [one for one in found if one is not None]

    def open_complaints(self) -> int:
        """How many complaints are not settled."""
        (row,) = self._rows(select(func.count().label("found")).where(complaints.c.settled_on.is_(None)))
        return int(row["found"])

    def complaints_of(self, number: str) -> list[str]:
        """Numbers of the complaints about a case."""
        query = select(complaints.c.number).where(complaints.c.case_number == number).order_by(complaints.c.number)
        return [row["number"] for row in self._rows(query)]

    def unlinked_near(self, start: dt.datetime, end: dt.datetime, *, limit: int) -> list[Row]:
        """Footage of a span that is linked to no case, in order of time: what began within a day before it, or in it.

        Found by the index of search, which is in order of time: a station holds more footage than can be gone through.
        """
        table = find_rows
        is_linked = select(case_links.c.recording_id).where(case_links.c.recording_id == table.c.recording_id)
        query = select(table.c.recording_id).where(
            table.c.slot >= slot_of(to_text(start - _ONE_DAY)),
            table.c.slot < slot_of(to_text(end + dt.timedelta(seconds=1))),
            table.c.is_footage,
            ~is_linked.exists(),
        )
        found = self._rows(query.order_by(table.c.slot.desc()).limit(limit))
        rows = self._register.footage_of([row["recording_id"] for row in found])
        return [row for row in rows if row["recorded_end"] > to_text(start) and row["recorded_start"] < to_text(end)]

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def key_of(case: Case, standing: Standing) -> Key:
    """What the page behind a case begins behind."""
    day = {Standing.OPEN: case.opened_on, Standing.DUE: case.concluded_on, Standing.FILED: case.closed_on}[standing]
    return (day.isoformat() if day is not None else "", case.number)


def _like(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"

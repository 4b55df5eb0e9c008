"""Requests to view or copy footage (调用单) and the register of views (调阅登记): how acts show, and what can be asked.

Writing is called by `projection` alone, inside the transaction of the act.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from ingestd.core.access import AccessRequest
from ingestd.core.access_acts import access_document, access_number, access_of, applied
from ingestd.core.cases import CaseFlag
from ingestd.core.custody import Act, Entry
from ingestd.core.errors import IntegrityError, NotFoundError, RefusedError
from ingestd.stores.database import translated
from ingestd.stores.schema_access import access_acts, access_items, access_requests, views
from ingestd.stores.schema_cases import case_links, cases

Row = dict[str, Any]

SECRET_FLAGS = frozenset({CaseFlag.STATE_SECRET, CaseFlag.COMMERCIAL_SECRET, CaseFlag.PRIVACY})
"""Flags of a case whose footage falls under the rules for secrets (海洋 31, 民政 33, 江门 47, 卫健 33)."""
_BLOCK = 1000
_PART = 500


def request_changed(connection: Connection, entry: Entry) -> None:
    """An act about a request.

    Raises:
        IntegrityError: the act cannot follow on what the catalogue holds.
    """
    number = str(entry.subject)
    act = Act(act=entry.act, actor=entry.actor, subject=number, data=entry.data)
    before = _one(connection, number)
    try:
        after = applied(before, act, entry.time)
    except (NotFoundError, RefusedError) as error:
        raise IntegrityError(f"ledger entry {entry.seq} cannot show: {error.message}") from error
    values: Row = {"approved_at": after.approved_at, "valid_until": after.valid_until, "ended_as": after.ended_as}
    values["document"] = access_document(after)
    if before is None:
        named = {"number": number, "account": after.account, "asked_at": after.asked_at}
        connection.execute(insert(access_requests).values(**named, **values))
        items = [{"number": number, "recording_id": one} for one in dict.fromkeys(after.recordings)]
        if items:
            connection.execute(insert(access_items), items)
    else:
        connection.execute(update(access_requests).where(access_requests.c.number == number).values(**values))
    about = {"seq": entry.seq, "number": number, "act": entry.act, "at": entry.time, "actor": entry.actor}
    connection.execute(insert(access_acts).values(**about, document=entry.data))


def viewed(connection: Connection, entry: Entry) -> None:
    """Somebody was let see a recording."""
    names = ("account", "unit", "kind", "request", "sample", "session")
    values = {name: entry.data[name] for name in names}
    about = {"seq": entry.seq, "recording_id": entry.subject, "at": entry.time, "person": entry.actor}
    connection.execute(insert(views).values(**about, **values))


@dataclass(frozen=True, slots=True)
class ViewQuestion:
    """Which views are asked for; empty and null ask for all. Moments are UTC texts, the end is not in it."""

    person: str = ""
    account: str = ""
    recording: str = ""
    request: str = ""
    since: str = ""
    until: str = ""
    units: frozenset[str] | None = None


class AccessBook:
    """Questions to requests and views; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def request(self, number: str) -> AccessRequest:
        """A request by its number.

        Raises:
            NotFoundError: there is none.
        """
        found = self.find(number)
        if found is None:
            raise NotFoundError(f"there is no request {number}", "see: ingestd access list")
        return found

    def find(self, number: str) -> AccessRequest | None:
        """A request by its number; null for none."""
        with translated(), self._engine.connect() as connection:
            return _one(connection, number)

    def requests(
        self,
        *,
        account: str | None = None,
        is_waiting: bool = False,
        is_ended: bool | None = None,
        before: tuple[str, str] | None = None,
        limit: int = 50,
    ) -> list[AccessRequest]:
        """Requests, the latest first.

        Args:
            account: only what this account asked; null for all.
            is_waiting: only what waits for an approval.
            before: moment and number of the last one of the page before; null for the first page.
        """
        table = access_requests
        query = select(table.c.document).order_by(table.c.asked_at.desc(), table.c.number.desc()).limit(limit)
        if account is not None:
            query = query.where(table.c.account == account)
        if is_waiting:
            query = query.where(table.c.approved_at.is_(None), table.c.ended_as == "")
        if is_ended is not None:
            query = query.where((table.c.ended_as != "") if is_ended else (table.c.ended_as == ""))
        if before is not None:
            at, number = before
            query = query.where((table.c.asked_at < at) | ((table.c.asked_at == at) & (table.c.number < number)))
        with translated(), self._engine.connect() as connection:
            return [access_of(document) for document in connection.execute(query).scalars()]

    def waiting(self) -> int:
        """How many requests wait for an approval."""
        table = access_requests
        query = select(func.count()).select_from(table).where(table.c.approved_at.is_(None), table.c.ended_as == "")
        with translated(), self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def opening(self, account: str, recording_id: str) -> list[tuple[AccessRequest, dict[str, int]]]:
        """What an account asked of a recording and nobody ended, with the views of it, the oldest first."""
        table, items = access_requests, access_items
        query = (
            select(table.c.document)
            .join(items, items.c.number == table.c.number)
            .where(items.c.recording_id == recording_id, table.c.account == account, table.c.ended_as == "")
            .order_by(table.c.asked_at, table.c.number)
        )
        with translated(), self._engine.connect() as connection:
            found = [access_of(document) for document in connection.execute(query).scalars()]
            counts = _counts(connection, [one.number for one in found], recording_id)
        return [(one, counts[one.number]) for one in found]

    def counts(self, numbers: Collection[str]) -> dict[str, dict[str, int]]:
        """For each request how often each of its recordings was viewed on it."""
        with translated(), self._engine.connect() as connection:
            return _counts(connection, sorted(numbers))

    def history(self, number: str) -> list[Row]:
        """The acts about a request, in order."""
        query = select(access_acts).where(access_acts.c.number == number).order_by(access_acts.c.seq)
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def last_position(self, year: int) -> int:
        """The place in its year of the last request; 0 for none."""
        table = access_requests
        first = access_number(year, 0)[:-4]
        query = select(func.count()).select_from(table).where(table.c.number.startswith(first, autoescape=True))
        with translated(), self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def going_on(self, session: str, account: str, recording_id: str, kind: str, since: str) -> Row | None:
        """The latest view of a recording by a session since a moment; null for none."""
        query = (
            select(views)
            .where(
                views.c.recording_id == recording_id,
                views.c.at >= since,
                views.c.session == session,
                views.c.account == account,
                views.c.kind == kind,
            )
            .order_by(views.c.seq.desc())
            .limit(1)
        )
        with translated(), self._engine.connect() as connection:
            found = connection.execute(query).mappings().one_or_none()
            return dict(found) if found is not None else None

    def views(self, question: ViewQuestion, *, before: int | None = None, limit: int = 50) -> list[Row]:
        """Views, the latest first.

        Args:
            before: `seq` of the last one of the page before; null for the first page.
        """
        query = _where(select(views), question).order_by(views.c.seq.desc()).limit(limit)
        if before is not None:
            query = query.where(views.c.seq < before)
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def all_views(self, question: ViewQuestion) -> Iterator[Row]:
        """Every view, the latest first, a block at a time."""
        before: int | None = None
        while block := self.views(question, before=before, limit=_BLOCK):
            yield from block
            before = block[-1]["seq"]

    def secret_flags(self, recordings: Sequence[str]) -> frozenset[CaseFlag]:
        """What the cases to which any of these recordings belongs are flagged with, of secrets and privacy."""
        found: set[CaseFlag] = set()
        with translated(), self._engine.connect() as connection:
            for first in range(0, len(recordings), _PART):
                part = recordings[first : first + _PART]
                query = (
                    select(cases.c.document)
                    .join(case_links, case_links.c.case_number == cases.c.number)
                    .where(case_links.c.recording_id.in_(part))
                    .distinct()
                )
                for document in connection.execute(query).scalars():
                    found.update(CaseFlag(flag) for flag in document.get("flags") or ())
        return frozenset(found & SECRET_FLAGS)


def _where(query: Any, question: ViewQuestion) -> Any:
    for column in ("person", "account", "request"):
        if wanted := getattr(question, column):
            query = query.where(views.c[column] == wanted)
    if question.recording:
        query = query.where(views.c.recording_id == question.recording)
    if question.since:
        query = query.where(views.c.at >= question.since)
    if question.until:
        query = query.where(views.c.at < question.until)
    if question.units is not None:
        query = query.where(views.c.unit.in_(sorted(question.units)))
    return query


def _counts(connection: Connection, numbers: Sequence[str], recording: str | None = None) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    if not numbers:
        return found
    query = (
        select(views.c.request, views.c.recording_id, func.count())
        .where(views.c.request.in_(numbers))
        .group_by(views.c.request, views.c.recording_id)
    )
    if recording is not None:
        query = query.where(views.c.recording_id == recording)
    for number, recording_id, count in connection.execute(query):
        found[number][recording_id] = int(count)
    return found


def _one(connection: Connection, number: str) -> AccessRequest | None:
    query = select(access_requests.c.document).where(access_requests.c.number == number)
    document: Mapping[str, Any] | None = connection.execute(query).scalar_one_or_none()
    return access_of(document) if document is not None else None

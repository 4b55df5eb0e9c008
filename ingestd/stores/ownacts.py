"""Who did what: an index of the ledger's acts of people, and of what the station says about itself.

The acts of its daily work (a file sealed, analysed, tagged …) are many and by nobody; they are not in here.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ingestd.core.custody import Entry
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.schema_samples import own_acts

Row = dict[str, Any]

STATION: Final = "station"
SELF_NOUNS: Final = frozenset(
    {"ledger", "config", "clock", "regime", "retention", "scrub", "fixity", "disposal", "release", "structure"}
)
"""Acts of the station that speak of itself and of what it keeps, not of one docking's daily work."""

_LACKING = "own_acts_lack"
_TOGETHER = 500


def is_indexed(act: str, actor: str) -> bool:
    """Whether an act stands in the index."""
    return actor != STATION or act.partition(".")[0] in SELF_NOUNS


def followed(connection: Connection, entries: Sequence[Entry]) -> None:
    """Entries were applied to the catalogue. Called by `projection` alone."""
    rows = [
        {"seq": one.seq, "at": one.time, "act": one.act, "actor": one.actor, "subject": one.subject}
        for one in entries
        if is_indexed(one.act, one.actor)
    ]
    if rows:
        connection.execute(upsert(own_acts).on_conflict_do_nothing(), rows)


def complete(connection: Connection, entries: Callable[[], Iterator[Entry]]) -> None:
    """Read in what a catalogue that is older than this index lacks; nothing to do for any other.

    Args:
        entries: gives all of the ledger, from its beginning.
    """
    table = schema.meta
    upto = connection.execute(select(table.c.value).where(table.c.key == _LACKING)).scalar_one_or_none()
    if upto is None:
        return
    some: list[Entry] = []
    for entry in entries():
        if entry.seq > int(upto):
            break
        some.append(entry)
        if len(some) == _TOGETHER:
            followed(connection, some)
            some = []
    followed(connection, some)
    connection.execute(delete(table).where(table.c.key == _LACKING))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What acts somebody looks for; empty for all. `act` may be a noun alone (`hold`). Times are UTC texts."""

    act: str = ""
    actor: str = ""
    subject: str = ""
    begins: str = ""
    ends: str = ""


class OwnActs:
    """Questions to the index; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def acts(self, wanted: Wanted, *, before: int | None = None, limit: int = 50) -> list[Row]:
        """The newest acts first, below the entry `before`."""
        table = own_acts
        query = select(table).order_by(table.c.seq.desc()).limit(limit)
        if before is not None:
            query = query.where(table.c.seq < before)
        if wanted.act:
            # The dot's successor ends the kinds of one noun.
            is_noun = "." not in wanted.act
            query = query.where(
                table.c.act.between(f"{wanted.act}.", f"{wanted.act}/") if is_noun else table.c.act == wanted.act
            )
        for column, value in ((table.c.actor, wanted.actor), (table.c.subject, wanted.subject)):
            if value:
                query = query.where(column == value)
        if wanted.begins:
            query = query.where(table.c.at >= wanted.begins)
        if wanted.ends:
            query = query.where(table.c.at < wanted.ends)
        return self._rows(query)

    def people(self, *, limit: int = 200) -> list[Row]:
        """Who did anything, the last one first: `actor`, `acts`, `last_at`. The station is not among them."""
        table = own_acts
        query = select(table.c.actor, func.count().label("acts"), func.max(table.c.at).label("last_at"))
        query = query.where(table.c.actor != STATION).group_by(table.c.actor)
        return self._rows(query.order_by(func.max(table.c.at).desc()).limit(limit))

    def kinds_of(self, actor: str) -> list[Row]:
        """What somebody did, by kind: `act`, `acts`, `last_at`; the most frequent first."""
        table = own_acts
        query = select(table.c.act, func.count().label("acts"), func.max(table.c.at).label("last_at"))
        query = query.where(table.c.actor == actor).group_by(table.c.act)
        return self._rows(query.order_by(func.count().desc(), table.c.act))

    def last_of(self, acts: Iterable[str], *, limit: int = 50) -> list[Row]:
        """The newest acts of these kinds."""
        table = own_acts
        return self._rows(select(table).where(table.c.act.in_(list(acts))).order_by(table.c.seq.desc()).limit(limit))

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

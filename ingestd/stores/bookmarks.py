"""Bookmarks in the catalogue: how their acts show, and what can be asked.

Writing is called by `projection` alone, inside the transaction of the act.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from ingestd.core.bookmarks import Bookmark
from ingestd.core.custody import Entry
from ingestd.core.errors import IntegrityError, NotFoundError
from ingestd.stores.database import translated
from ingestd.stores.schema_bookmarks import bookmarks

_MOST_VALUES = 500


# How acts show


def marked(connection: Connection, entry: Entry) -> None:
    """A person marked a place in a recording."""
    values = {key: entry.data[key] for key in ("at_s", "kind", "words")}
    values |= {"bookmark_id": entry.seq, "recording_id": entry.subject}
    connection.execute(insert(bookmarks).values(**values, marked_at=entry.time, marked_by=entry.actor))


def removed(connection: Connection, entry: Entry) -> None:
    """A person took a bookmark back.

    Raises:
        IntegrityError: there is none that stands.
    """
    table = bookmarks
    this = (table.c.bookmark_id == entry.data["bookmark"]) & table.c.removed_at.is_(None)
    ended = {"removed_at": entry.time, "removed_by": entry.actor, "removed_reason": entry.data["reason"]}
    if connection.execute(update(table).where(this).values(**ended)).rowcount != 1:
        number = entry.data["bookmark"]
        raise IntegrityError(f"ledger entry {entry.seq} removes bookmark {number}, which does not stand")


# What can be asked


class BookmarkBook:
    """Questions to the bookmarks; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, recordings: Sequence[str]) -> list[Bookmark]:
        """Every bookmark of these recordings, removed ones too, by recording and second."""
        found: list[Bookmark] = []
        for start in range(0, len(recordings), _MOST_VALUES):
            part = recordings[start : start + _MOST_VALUES]
            found += self._asked(bookmarks.c.recording_id.in_(part))
        return found

    def latest(self, *, limit: int) -> list[Bookmark]:
        """The bookmarks that were set last, newest first, removed ones too."""
        query = select(bookmarks).order_by(bookmarks.c.bookmark_id.desc()).limit(limit)
        with translated(), self._engine.connect() as connection:
            return [_bookmark(row) for row in connection.execute(query).mappings()]

    def one(self, number: int) -> Bookmark:
        """A bookmark by its number.

        Raises:
            NotFoundError: there is none.
        """
        found = self._asked(bookmarks.c.bookmark_id == number)
        if not found:
            raise NotFoundError(f"there is no bookmark {number}", "see the numbers in: ingestd bookmark list")
        return found[0]

    def _asked(self, condition: Any) -> list[Bookmark]:
        table = bookmarks
        query = select(table).where(condition).order_by(table.c.recording_id, table.c.at_s, table.c.bookmark_id)
        with translated(), self._engine.connect() as connection:
            return [_bookmark(row) for row in connection.execute(query).mappings()]


def _bookmark(row: Mapping[Any, Any]) -> Bookmark:
    return Bookmark(**{column.name: row[column.name] for column in bookmarks.columns})

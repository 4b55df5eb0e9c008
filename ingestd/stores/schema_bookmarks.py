"""The table of bookmarks; in brackets the act that writes a column."""

from sqlalchemy import Column, Float, Index, Integer, String, Table, Text

from ingestd.stores.schema import metadata

bookmarks = Table(
    "bookmarks",
    metadata,
    Column("bookmark_id", Integer, primary_key=True, autoincrement=False, comment="ledger entry [bookmark.set]"),
    Column("recording_id", String, nullable=False),
    Column("at_s", Float, nullable=False, comment="seconds from the recording's start"),
    Column("kind", String, nullable=False, comment="of the regime under which it was set"),
    Column("words", Text, nullable=False),
    Column("marked_at", String, nullable=False),
    Column("marked_by", Text, nullable=False, comment="the person"),
    Column("removed_at", String, comment="null while it stands [bookmark.removed]"),
    Column("removed_by", Text),
    Column("removed_reason", Text),
    Index(None, "recording_id"),
)

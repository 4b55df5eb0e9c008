"""Tables of the roster; in brackets the act that writes them."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from ingestd.stores.schema import metadata

roster_entries = Table(
    "roster_entries",
    metadata,
    Column(
        "entry_id",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="running number, never given again [roster.entered]",
    ),
    Column("recorder", String, nullable=False, comment="device number [roster.corrected]"),
    Column("officer", String, nullable=False),
    Column("certificate", String, nullable=False, comment="执法证号; empty where not given"),
    Column("unit", Text, nullable=False),
    Column("user_number", String, nullable=False, comment="under which recorders know the officer; empty: not given"),
    Column("begins_at", String, nullable=False, comment="UTC"),
    Column("ends_at", String, comment="UTC, no longer part of the term; null while it lasts [roster.ended]"),
    Column("is_withdrawn", Boolean, nullable=False, comment="it names nobody any more [roster.withdrawn]"),
    Column("file", String, nullable=False, comment="the roster file whose row it is; empty: entered by people"),
    Column("filed", JSON(none_as_null=True), comment="the row as that file has it; null: it has it not"),
    Index(None, "recorder", "begins_at"),
    Index(None, "user_number"),
    Index(None, "certificate"),
    Index(None, "officer"),
)

roster_acts = Table(
    "roster_acts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry"),
    Column("entry_id", Integer, ForeignKey("roster_entries.entry_id"), nullable=False),
    Column("recorder", String, nullable=False, comment="after the act"),
    Column("act", String, nullable=False, comment="roster.… [each of them]"),
    Column("at", String, nullable=False),
    Column("actor", Text, nullable=False, comment="the person, or the name of the roster file"),
    Column("document", JSON, nullable=False, comment="the act's data, the row before and after it"),
    Index(None, "entry_id"),
    Index(None, "recorder"),
)

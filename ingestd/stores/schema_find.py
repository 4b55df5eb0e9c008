"""Tables of registration and of search; in brackets the act that writes a column.

`find_rows` is what a recording can be found by, one row a recording from its tagging on; `find_words`, `find_signs` and
`find_box` are indexes of it that only SQLite has, and hold nothing that is not in it.
"""

from typing import Final

from sqlalchemy import DDL, JSON, BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text, event

from ingestd.stores.schema import metadata

registrations = Table(
    "registrations",
    metadata,
    Column("recording_id", String, primary_key=True, comment="[recording.registered]"),
    Column("field", String, primary_key=True, comment="of the regime under which it was entered"),
    Column("given", JSON, nullable=False, comment="the values, as the person wrote them"),
    Column("entered_at", String, nullable=False),
    Column("entered_by", Text, nullable=False, comment="the person"),
)

registration_acts = Table(
    "registration_acts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry [recording.registered]"),
    Column("recording_id", String, nullable=False),
    Column("at", String, nullable=False),
    Column("actor", Text, nullable=False, comment="the person"),
    Column("document", JSON, nullable=False, comment="the act's data, before and after"),
    Index(None, "recording_id"),
)

COLUMNS: Final = ("officers", "cases", "parties", "vessels", "places", "other")
"""Columns of `find_rows` with text to search in, as `core.findtext.joined`."""

# Only under this name a key of SQLite is the row's own number, by which its indexes know it.
_SLOT = BigInteger().with_variant(Integer, "sqlite")

find_rows = Table(
    "find_rows",
    metadata,
    Column("slot", _SLOT, primary_key=True, autoincrement=False, comment="64 for each second of recorded_start"),
    Column("recording_id", String, nullable=False, comment="[recording.tagged and every act about what is in here]"),
    Column("is_footage", Boolean, nullable=False, comment="sound or picture: it is to be registered"),
    Column("known", Integer, nullable=False, comment="core.registration.known_bits"),
    Column("is_at_sea", Boolean, comment="core.registration.scene_of"),
    Column("unit", Text, nullable=False, comment="as registered or known; empty where not"),
    Column("facts", JSON, nullable=False, comment="core.registration.Known by field"),
    Column("south", Float, comment="of the good points of its track, as the recorder wrote them; null without"),
    Column("west", Float),
    Column("north", Float),
    Column("east", Float),
    *(Column(name, Text, nullable=False) for name in COLUMNS),
    Index(None, "recording_id", unique=True),
    Index("ix_find_rows_owned", "recording_id", "unit"),
    Index(None, "is_footage", "known", "is_at_sea", "unit"),
)

INDEXES: Final = ("find_words", "find_signs", "find_box")
"""Names of the virtual tables; those of SQLite's own tables behind them begin so."""

_TEXTS = ", ".join(COLUMNS)
DEFINITIONS: Final = (
    f"CREATE VIRTUAL TABLE find_words USING fts5({_TEXTS}, content='', columnsize=0, tokenize='trigram')",
    f"CREATE VIRTUAL TABLE find_signs USING fts5({_TEXTS}, content='', columnsize=0, detail=column, tokenize='ascii')",
    "CREATE VIRTUAL TABLE find_box USING rtree(slot, south, north, west, east)",
)

for _definition in DEFINITIONS:
    event.listen(find_rows, "after_create", DDL(_definition).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]

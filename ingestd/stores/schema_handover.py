"""Tables of hand-over: what people declared for its clock, and the numbered records; in brackets the writing act."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from ingestd.stores.schema import metadata

declarations = Table(
    "declarations",
    metadata,
    Column("declaration_id", Integer, primary_key=True, autoincrement=False, comment="[handover.declared]: its entry"),
    Column("kind", String, nullable=False, comment="core.declarations.DeclarationKind"),
    Column("recorder", String, comment="null where it does not speak of a recorder"),
    Column("docking_id", String, comment="null where it does not speak of a docking"),
    Column("names_recordings", Boolean, nullable=False),
    Column("declared_at", String, nullable=False),
    Column("entered_by", Text, nullable=False, comment="the person"),
    Column("document", JSON, nullable=False, comment="the act's data"),
    Column("withdrawn_at", String, comment="null while it stands [handover.declaration_withdrawn]"),
    Column("withdrawn_by", Text),
    Column("withdrawn_reason", Text),
    Index(None, "recorder"),
    Index(None, "docking_id"),
)

hand_over_records = Table(
    "hand_over_records",
    metadata,
    Column("number", String, primary_key=True, comment="交接记录编号 [handover.receipt_made]"),
    Column("year", Integer, nullable=False, comment="in the bureau's zone"),
    Column("position", Integer, nullable=False, comment="in its year, from 1 without holes"),
    Column("docking_id", String, ForeignKey("dockings.docking_id"), nullable=False),
    Column("made_at", String, nullable=False),
    Column("receipt", JSON, nullable=False, comment="the act's data; the files stand in sightings"),
    Column("addendum_at", String, comment="null until the docking is analysed [handover.addendum_made]"),
    Column("addendum", JSON(none_as_null=True), comment="the act's data"),
    Column("prints", Integer, nullable=False, comment="how often it was printed [handover.record_printed]"),
    Column("confirmations", JSON, nullable=False, comment="who confirmed, as what, when [handover.record_confirmed]"),
    Index(None, "docking_id", unique=True),
    Index(None, "year", "position", unique=True),
)

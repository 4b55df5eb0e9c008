"""Tables of holds and of carriers; in brackets the act that writes them."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from ingestd.stores.schema import metadata

holds = Table(
    "holds",
    metadata,
    Column("hold_id", String, primary_key=True, comment="[hold.placed]"),
    Column("reason", String, nullable=False, comment="core.hold_rules.HoldReason"),
    Column("complaint_number", String, comment="null where it follows from none"),
    Column("review_on", String, nullable=False, comment="the bureau's own day [hold.reviewed]"),
    Column("placed_at", String, nullable=False),
    Column("released_at", String, comment="null while it stands [hold.released]"),
    Column("document", JSON, nullable=False, comment="core.holds.Hold"),
    Index(
        "ix_holds_standing",
        "review_on",
        sqlite_where=text("released_at IS NULL"),
    ),
)

hold_coverage = Table(
    "hold_coverage",
    metadata,
    Column("hold_id", String, ForeignKey("holds.hold_id"), primary_key=True),
    Column("recording_id", String, primary_key=True),
    Column("seq", Integer, nullable=False, comment="ledger entry that brought the recording into the hold"),
    Index(None, "recording_id"),
    Index(None, "seq"),
)

hold_acts = Table(
    "hold_acts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry"),
    Column("subject", String, nullable=False, comment="hold; of hold.suggestion_declined the complaint"),
    Column("act", String, nullable=False, comment="hold.… [each of them]"),
    Column("at", String, nullable=False),
    Column("actor", Text, nullable=False, comment="the person"),
    Column("document", JSON, nullable=False, comment="the act's data"),
    Index(None, "subject"),
)

carriers = Table(
    "carriers",
    metadata,
    Column("carrier_id", String, primary_key=True, comment="the number on its label [carrier.entered]"),
    Column("kind", String, nullable=False, comment="core.hold_rules.CarrierKind"),
    Column("last_read_at", String, nullable=False, comment="when it was read back last [carrier.read]"),
    Column("withdrawn_at", String, comment="null while it counts [carrier.withdrawn]"),
    Column("document", JSON, nullable=False, comment="core.carriers.Carrier, without what it holds"),
)

carrier_contents = Table(
    "carrier_contents",
    metadata,
    Column("carrier_id", String, ForeignKey("carriers.carrier_id"), primary_key=True),
    Column("recording_id", String, primary_key=True, comment="[carrier.entered, carrier.extended]"),
    Column("seq", Integer, nullable=False, comment="ledger entry that entered or last changed it"),
    Column("is_unreadable", Boolean, nullable=False, comment="not by the last reading [carrier.read]"),
    Index(None, "recording_id"),
)

carrier_acts = Table(
    "carrier_acts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry"),
    Column("carrier_id", String, nullable=False),
    Column("act", String, nullable=False, comment="carrier.… [each of them]"),
    Column("at", String, nullable=False),
    Column("actor", Text, nullable=False, comment="the person"),
    Column("document", JSON, nullable=False, comment="the act's data"),
    Index(None, "carrier_id"),
)

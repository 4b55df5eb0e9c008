"""Tables of disposals; in brackets the act that writes them."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, text

from ingestd.stores.schema import metadata

disposals = Table(
    "disposals",
    metadata,
    Column("number", String, primary_key=True, comment="D2030-0001 [disposal.planned]"),
    Column("state", String, nullable=False, comment="core.disposal.PlanState"),
    Column("planned_at", String, nullable=False),
    Column("planned_by", Text, nullable=False, comment="the person"),
    Column("reason", Text, nullable=False),
    Column("plan", Text, nullable=False, comment="the document in the vault"),
    Column("plan_sha256", String, nullable=False),
    Column("recordings", Integer, nullable=False, comment="as planned"),
    Column("size_bytes", BigInteger, nullable=False, comment="as planned, each content once"),
    Column("approvals", JSON, nullable=False, comment="by, at, plan_sha256, words [disposal.approved]"),
    Column("grace_until", String, comment="null before the last approval"),
    Column("ended_at", String, comment="null while it is open [disposal.refused, disposal.certified]"),
    Column("ended_by", Text),
    Column("ended_reason", Text, comment="why it ended without a certificate"),
    Column("certificate", Text, comment="the document in the vault [disposal.certified]"),
    Column("certificate_sha256", String),
)

disposal_items = Table(
    "disposal_items",
    metadata,
    Column("number", String, ForeignKey("disposals.number"), primary_key=True),
    Column("recording_id", String, ForeignKey("recordings.recording_id"), primary_key=True),
    Column("position", Integer, nullable=False, comment="in the plan, from 0"),
    Column("decision_sha256", String, nullable=False, comment="of the stored decision, as it was approved"),
    Column("state", String, nullable=False, comment="core.disposal.ItemState"),
    Column("at", String, nullable=False, comment="of the act that brought it there"),
    Column("actor", Text, nullable=False),
    Column("why", String, comment="core.disposal.SparedWhy [disposal.spared]"),
    Column("words", Text, nullable=False, comment="of a person, or of the station; empty: none"),
    Column("condemned", JSON(none_as_null=True), comment="the act's data [recording.condemned]"),
    Column("condemned_seq", Integer, comment="its ledger entry"),
    Column("disposed", JSON(none_as_null=True), comment="the act's data [recording.disposed]"),
    Index(None, "recording_id"),
    Index(
        "ix_disposal_items_condemned",
        "number",
        "position",
        sqlite_where=text("state = 'condemned'"),
    ),
)

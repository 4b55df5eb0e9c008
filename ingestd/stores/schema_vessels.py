"""Tables of the vessels beside recordings; in brackets the act that writes them."""

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, String, Table, Text

from ingestd.stores.schema import metadata

vessel_facts = Table(
    "vessel_facts",
    metadata,
    Column(
        "fact_id",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="ledger entry [vessel.confirmed, vessel.named, vessel.overruled]",
    ),
    Column("recording_id", String, nullable=False),
    Column("kind", String, nullable=False, comment="core.vessel_acts.FactKind"),
    Column("mmsi", Integer, comment="null for a vessel named by hand, without AIS"),
    Column("name", Text, comment="船名: by hand where one was given, else by AIS"),
    Column("number", Text, nullable=False, comment="船号, by hand; empty where none was given"),
    Column("imo", Integer),
    Column("call_sign", String),
    Column("distance_m", Float, comment="null by hand"),
    Column("age_s", Float, comment="of the report; null by hand"),
    Column("is_by_hand", Boolean, nullable=False, comment="without AIS"),
    Column("said_at", String, nullable=False),
    Column("said_by", Text, nullable=False, comment="the person"),
    Column("document", JSON, nullable=False, comment="the act's data, with all that spoke for it"),
    Column("ended_by", Integer, comment="a later act about the same vessel; null while it stands"),
    Index(None, "recording_id"),
    Index(None, "mmsi"),
)

vessel_matches = Table(
    "vessel_matches",
    metadata,
    Column("recording_id", String, primary_key=True, comment="[vessel.matched]"),
    Column("matched_at", String, nullable=False),
    Column(
        "document", JSON, nullable=False, comment="candidates and what they rest on, as the store of reports had it"
    ),
)

"""Tables of terms: editions of regimes, changes of regime, and what was older than its term when it came in."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, Text, text

from ingestd.stores.schema import metadata

regime_editions = Table(
    "regime_editions",
    metadata,
    Column("sha256", String, primary_key=True, comment="of the rules, as decisions name them [regime.adopted]"),
    Column("regime", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("adopted_at", String, nullable=False),
    Column("document", JSON, nullable=False, comment="core.retention_rules.TermRules"),
)

regime_changes = Table(
    "regime_changes",
    metadata,
    Column(
        "change_id", Integer, primary_key=True, autoincrement=False, comment="[retention.change_planned]: its entry"
    ),
    Column("to_sha256", String, nullable=False, comment="the edition that old recordings are to be decided under"),
    Column("planned_at", String, nullable=False),
    Column("planned_by", Text, nullable=False, comment="the person"),
    Column("document", JSON, nullable=False, comment="core.regime_changes.ChangePlan"),
    Column("approvals", JSON, nullable=False, comment="by, at [retention.change_approved]"),
    Column("approved_at", String, comment="null before the last approval that the regime asks for"),
    Column("applied_at", String, comment="null until all of it is done [retention.change_applied]"),
)

born_expired = Table(
    "born_expired",
    metadata,
    Column(
        "recording_id",
        String,
        ForeignKey("recordings.recording_id"),
        primary_key=True,
        comment="[recording.catalogued, recording.redecided]",
    ),
    Column("noted_at", String, nullable=False),
    Column("settled_at", String, comment="null while it waits for a person [retention.age_settled]"),
    Column("settled_by", Text),
    Column("settled_reason", Text),
    Index(
        "ix_born_expired_waiting",
        "recording_id",
        sqlite_where=text("settled_at IS NULL"),
    ),
)

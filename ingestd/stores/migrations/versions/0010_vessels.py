"""Vessels beside recordings: what people said of them, and what the station matched."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the tables; nothing was said of vessels before."""
    op.create_table(
        "vessel_facts",
        sa.Column(
            "fact_id",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="ledger entry [vessel.confirmed, vessel.named, vessel.overruled]",
        ),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="core.vessel_acts.FactKind"),
        sa.Column("mmsi", sa.Integer(), nullable=True, comment="null for a vessel named by hand, without AIS"),
        sa.Column("name", sa.Text(), nullable=True, comment="船名: by hand where one was given, else by AIS"),
        sa.Column("number", sa.Text(), nullable=False, comment="船号, by hand; empty where none was given"),
        sa.Column("imo", sa.Integer(), nullable=True),
        sa.Column("call_sign", sa.String(), nullable=True),
        sa.Column("distance_m", sa.Float(), nullable=True, comment="null by hand"),
        sa.Column("age_s", sa.Float(), nullable=True, comment="of the report; null by hand"),
        sa.Column("is_by_hand", sa.Boolean(), nullable=False, comment="without AIS"),
        sa.Column("said_at", sa.String(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False, comment="the person"),
        sa.Column("document", sa.JSON(), nullable=False, comment="the act's data, with all that spoke for it"),
        sa.Column(
            "ended_by", sa.Integer(), nullable=True, comment="a later act about the same vessel; null while it stands"
        ),
        sa.PrimaryKeyConstraint("fact_id", name=op.f("pk_vessel_facts")),
    )
    op.create_index(op.f("ix_vessel_facts_mmsi"), "vessel_facts", ["mmsi"], unique=False)
    op.create_index(op.f("ix_vessel_facts_recording_id"), "vessel_facts", ["recording_id"], unique=False)
    op.create_table(
        "vessel_matches",
        sa.Column("recording_id", sa.String(), nullable=False, comment="[vessel.matched]"),
        sa.Column("matched_at", sa.String(), nullable=False),
        sa.Column(
            "document",
            sa.JSON(),
            nullable=False,
            comment="candidates and what they rest on, as the store of reports had it",
        ),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_vessel_matches")),
    )

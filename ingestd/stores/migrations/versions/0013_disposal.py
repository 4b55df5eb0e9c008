"""Disposals: plans and what became of each recording of them; contents whose bytes are condemned; what is due."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_DUE = "keep_until IS NOT NULL AND state IN ('catalogued', 'evicted')"


def upgrade() -> None:
    """Create the tables; nothing was ever disposed of before."""
    op.add_column(
        "contents",
        sa.Column(
            "condemned_seq",
            sa.Integer(),
            nullable=True,
            comment="ledger entry since which its bytes may be gone; null: held [recording.condemned]",
        ),
    )
    op.add_column(
        "recordings",
        sa.Column(
            "sealed_behind",
            sa.String(),
            nullable=True,
            comment="a later time that the ledger had before it was sealed; null for none",
        ),
    )
    op.create_index(
        "ix_recordings_due",
        "recordings",
        ["keep_until", "recording_id"],
        unique=False,
        sqlite_where=sa.text(_DUE),
        postgresql_where=sa.text(_DUE),
    )
    op.create_index(op.f("ix_recordings_sha256"), "recordings", ["sha256"], unique=False)
    op.create_table(
        "disposals",
        sa.Column("number", sa.String(), nullable=False, comment="D2030-0001 [disposal.planned]"),
        sa.Column("state", sa.String(), nullable=False, comment="core.disposal.PlanState"),
        sa.Column("planned_at", sa.String(), nullable=False),
        sa.Column("planned_by", sa.Text(), nullable=False, comment="the person"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False, comment="the document in the vault"),
        sa.Column("plan_sha256", sa.String(), nullable=False),
        sa.Column("recordings", sa.Integer(), nullable=False, comment="as planned"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False, comment="as planned, each content once"),
        sa.Column("approvals", sa.JSON(), nullable=False, comment="by, at, plan_sha256, words [disposal.approved]"),
        sa.Column("grace_until", sa.String(), nullable=True, comment="null before the last approval"),
        sa.Column(
            "ended_at",
            sa.String(),
            nullable=True,
            comment="null while it is open [disposal.refused, disposal.certified]",
        ),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True, comment="why it ended without a certificate"),
        sa.Column("certificate", sa.Text(), nullable=True, comment="the document in the vault [disposal.certified]"),
        sa.Column("certificate_sha256", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_disposals")),
    )
    op.create_table(
        "disposal_items",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="in the plan, from 0"),
        sa.Column("decision_sha256", sa.String(), nullable=False, comment="of the stored decision, as it was approved"),
        sa.Column("state", sa.String(), nullable=False, comment="core.disposal.ItemState"),
        sa.Column("at", sa.String(), nullable=False, comment="of the act that brought it there"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("why", sa.String(), nullable=True, comment="core.disposal.SparedWhy [disposal.spared]"),
        sa.Column("words", sa.Text(), nullable=False, comment="of a person, or of the station; empty: none"),
        sa.Column("condemned", sa.JSON(), nullable=True, comment="the act's data [recording.condemned]"),
        sa.Column("condemned_seq", sa.Integer(), nullable=True, comment="its ledger entry"),
        sa.Column("disposed", sa.JSON(), nullable=True, comment="the act's data [recording.disposed]"),
        sa.ForeignKeyConstraint(["number"], ["disposals.number"], name=op.f("fk_disposal_items_number")),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recordings.recording_id"], name=op.f("fk_disposal_items_recording_id")
        ),
        sa.PrimaryKeyConstraint("number", "recording_id", name=op.f("pk_disposal_items")),
    )
    op.create_index(op.f("ix_disposal_items_recording_id"), "disposal_items", ["recording_id"], unique=False)
    op.create_index(
        "ix_disposal_items_condemned",
        "disposal_items",
        ["number", "position"],
        unique=False,
        sqlite_where=sa.text("state = 'condemned'"),
        postgresql_where=sa.text("state = 'condemned'"),
    )

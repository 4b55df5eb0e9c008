"""Readings of recorders' clocks, and when what was learned of a recorder's files was reset."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables; nothing was measured or reset before."""
    op.create_table(
        "clock_readings",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry [clock.measured]"),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False, comment="in that entry"),
        sa.Column("docking_id", sa.String(), nullable=True, comment="null where none belongs to it"),
        sa.Column("recorder_key", sa.String(), nullable=False),
        sa.Column("start_utc", sa.String(), nullable=False, comment="by true time"),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.recorderclock.ClockReading"),
        sa.PrimaryKeyConstraint("seq", "position", name=op.f("pk_clock_readings")),
    )
    op.create_index(op.f("ix_clock_readings_recorder_key"), "clock_readings", ["recorder_key"], unique=False)
    op.create_table(
        "structure_resets",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry [structure.reset]"),
        sa.Column("scope", sa.String(), nullable=False, comment="recorder or model"),
        sa.Column("subject", sa.String(), nullable=False, comment="device number, or model of the fleet register"),
        sa.Column("reset_at", sa.String(), nullable=False, comment="what was sealed before teaches nothing any more"),
        sa.Column("reset_by", sa.Text(), nullable=False, comment="the person"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_structure_resets")),
    )
    op.create_index(op.f("ix_structure_resets_subject"), "structure_resets", ["subject"], unique=False)

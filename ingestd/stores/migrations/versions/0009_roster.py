"""The roster: which officer carries which recorder, with the history of each entry."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the tables; what the roster file says is entered at the next start."""
    op.create_table(
        "roster_entries",
        sa.Column(
            "entry_id",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="running number, never given again [roster.entered]",
        ),
        sa.Column("recorder", sa.String(), nullable=False, comment="device number [roster.corrected]"),
        sa.Column("officer", sa.String(), nullable=False),
        sa.Column("certificate", sa.String(), nullable=False, comment="执法证号; empty where not given"),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column(
            "user_number",
            sa.String(),
            nullable=False,
            comment="under which recorders know the officer; empty: not given",
        ),
        sa.Column("begins_at", sa.String(), nullable=False, comment="UTC"),
        sa.Column(
            "ends_at",
            sa.String(),
            nullable=True,
            comment="UTC, no longer part of the term; null while it lasts [roster.ended]",
        ),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False, comment="it names nobody any more [roster.withdrawn]"),
        sa.Column(
            "file", sa.String(), nullable=False, comment="the roster file whose row it is; empty: entered by people"
        ),
        sa.Column("filed", sa.JSON(), nullable=True, comment="the row as that file has it; null: it has it not"),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_roster_entries")),
    )
    op.create_index(
        op.f("ix_roster_entries_recorder_begins_at"), "roster_entries", ["recorder", "begins_at"], unique=False
    )
    op.create_index(op.f("ix_roster_entries_user_number"), "roster_entries", ["user_number"], unique=False)
    op.create_index(op.f("ix_roster_entries_certificate"), "roster_entries", ["certificate"], unique=False)
    op.create_index(op.f("ix_roster_entries_officer"), "roster_entries", ["officer"], unique=False)
    op.create_table(
        "roster_acts",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry"),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("recorder", sa.String(), nullable=False, comment="after the act"),
        sa.Column("act", sa.String(), nullable=False, comment="roster.… [each of them]"),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="the person, or the name of the roster file"),
        sa.Column("document", sa.JSON(), nullable=False, comment="the act's data, the row before and after it"),
        sa.ForeignKeyConstraint(["entry_id"], ["roster_entries.entry_id"], name=op.f("fk_roster_acts_entry_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_roster_acts")),
    )
    op.create_index(op.f("ix_roster_acts_entry_id"), "roster_acts", ["entry_id"], unique=False)
    op.create_index(op.f("ix_roster_acts_recorder"), "roster_acts", ["recorder"], unique=False)

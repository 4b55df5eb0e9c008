"""Registers: requests for disclosure, and footage that may not be of duty."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "disclosures",
        sa.Column("number", sa.String(), nullable=False, comment="[disclosure.entered]"),
        sa.Column(
            "received_on",
            sa.String(),
            nullable=False,
            comment="from which its term is counted; days are the bureau's own",
        ),
        sa.Column(
            "settled_on",
            sa.String(),
            nullable=True,
            comment="answered or withdrawn; null while it waits [disclosure.answered, …]",
        ),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.disclosures.Disclosure"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_disclosures")),
    )
    op.create_index(
        op.f("ix_disclosures_settled_on_received_on"), "disclosures", ["settled_on", "received_on"], unique=False
    )
    op.create_table(
        "nonduty_notes",
        sa.Column("note_id", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry [nonduty.noted]"),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False, comment="the person"),
        sa.Column("noted_at", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "verdict",
            sa.String(),
            nullable=True,
            comment="core.nonduty.Verdict; null until a second person looked [nonduty.settled]",
        ),
        sa.Column("settled_by", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.String(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("note_id", name=op.f("pk_nonduty_notes")),
    )
    op.create_index(op.f("ix_nonduty_notes_recording_id"), "nonduty_notes", ["recording_id"], unique=False)
    op.create_index(op.f("ix_nonduty_notes_verdict_note_id"), "nonduty_notes", ["verdict", "note_id"], unique=False)
    op.create_table(
        "register_acts",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry"),
        sa.Column("subject", sa.String(), nullable=False, comment="number of the request, or the recording"),
        sa.Column("act", sa.String(), nullable=False, comment="disclosure.…, nonduty.… [each of them]"),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="the person"),
        sa.Column("document", sa.JSON(), nullable=False, comment="the act's data"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_register_acts")),
    )
    op.create_index(op.f("ix_register_acts_subject"), "register_acts", ["subject"], unique=False)
    _count_quickly()


def _count_quickly() -> None:
    """Indexes out of which statistics are counted."""
    counted = ["sealed_at", "hand_over_state", "recorder_id", "size_bytes", "duration_s", "recording_id"]
    op.create_index("ix_recordings_counted", "recordings", counted)
    stands = sa.text("superseded_by IS NULL")
    op.create_index("ix_findings_noted", "findings", ["noted_at", "code", "recording_id"], sqlite_where=stands)
    op.create_index("ix_find_rows_owned", "find_rows", ["recording_id", "unit"])

"""Holds, the recordings that each caught, and carriers."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the tables; nothing is held yet."""
    op.create_table(
        "holds",
        sa.Column("hold_id", sa.String(), nullable=False, comment="[hold.placed]"),
        sa.Column("reason", sa.String(), nullable=False, comment="core.hold_rules.HoldReason"),
        sa.Column("complaint_number", sa.String(), nullable=True, comment="null where it follows from none"),
        sa.Column("review_on", sa.String(), nullable=False, comment="the bureau's own day [hold.reviewed]"),
        sa.Column("placed_at", sa.String(), nullable=False),
        sa.Column("released_at", sa.String(), nullable=True, comment="null while it stands [hold.released]"),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.holds.Hold"),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_holds")),
    )
    op.create_index(
        "ix_holds_standing",
        "holds",
        ["review_on"],
        unique=False,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "hold_coverage",
        sa.Column("hold_id", sa.String(), nullable=False),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, comment="ledger entry that brought the recording into the hold"),
        sa.ForeignKeyConstraint(["hold_id"], ["holds.hold_id"], name=op.f("fk_hold_coverage_hold_id")),
        sa.PrimaryKeyConstraint("hold_id", "recording_id", name=op.f("pk_hold_coverage")),
    )
    op.create_index(op.f("ix_hold_coverage_recording_id"), "hold_coverage", ["recording_id"], unique=False)
    op.create_index(op.f("ix_hold_coverage_seq"), "hold_coverage", ["seq"], unique=False)
    _acts("hold_acts", "subject", "hold; of hold.suggestion_declined the complaint", "hold.… [each of them]")
    op.create_table(
        "carriers",
        sa.Column("carrier_id", sa.String(), nullable=False, comment="the number on its label [carrier.entered]"),
        sa.Column("kind", sa.String(), nullable=False, comment="core.hold_rules.CarrierKind"),
        sa.Column("last_read_at", sa.String(), nullable=False, comment="when it was read back last [carrier.read]"),
        sa.Column("withdrawn_at", sa.String(), nullable=True, comment="null while it counts [carrier.withdrawn]"),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.carriers.Carrier, without what it holds"),
        sa.PrimaryKeyConstraint("carrier_id", name=op.f("pk_carriers")),
    )
    op.create_table(
        "carrier_contents",
        sa.Column("carrier_id", sa.String(), nullable=False),
        sa.Column("recording_id", sa.String(), nullable=False, comment="[carrier.entered, carrier.extended]"),
        sa.Column("seq", sa.Integer(), nullable=False, comment="ledger entry that entered or last changed it"),
        sa.Column("is_unreadable", sa.Boolean(), nullable=False, comment="not by the last reading [carrier.read]"),
        sa.ForeignKeyConstraint(["carrier_id"], ["carriers.carrier_id"], name=op.f("fk_carrier_contents_carrier_id")),
        sa.PrimaryKeyConstraint("carrier_id", "recording_id", name=op.f("pk_carrier_contents")),
    )
    op.create_index(op.f("ix_carrier_contents_recording_id"), "carrier_contents", ["recording_id"], unique=False)
    _acts("carrier_acts", "carrier_id", None, "carrier.… [each of them]")


def _acts(table: str, about: str, about_comment: str | None, act_comment: str) -> None:
    op.create_table(
        table,
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry"),
        sa.Column(about, sa.String(), nullable=False, comment=about_comment),
        sa.Column("act", sa.String(), nullable=False, comment=act_comment),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="the person"),
        sa.Column("document", sa.JSON(), nullable=False, comment="the act's data"),
        sa.PrimaryKeyConstraint("seq", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_{about}"), table, [about], unique=False)

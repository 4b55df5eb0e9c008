"""Editions of regimes, changes of regime, what was born expired; and by what a recording without a date is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_KEPT = "keep_until IS NULL AND kept_by IS NOT NULL"


def upgrade() -> None:
    """Create the tables; for what was decided already, the winning reason is taken from the stored decision."""
    op.add_column(
        "recordings",
        sa.Column(
            "kept_by",
            sa.String(),
            nullable=True,
            comment="core.terms.ReasonKind of the winning reason; null before it is decided",
        ),
    )
    op.execute(
        "UPDATE recordings SET kept_by = (SELECT json_extract(reason.value, '$.kind') "
        "FROM json_each(recordings.retention, '$.reasons') AS reason "
        "WHERE json_extract(reason.value, '$.is_winner') = 1) WHERE retention IS NOT NULL"
    )
    op.create_index(
        "ix_recordings_kept",
        "recordings",
        ["kept_by", "recording_id"],
        unique=False,
        sqlite_where=sa.text(_KEPT),
        postgresql_where=sa.text(_KEPT),
    )
    op.create_table(
        "regime_editions",
        sa.Column(
            "sha256", sa.String(), nullable=False, comment="of the rules, as decisions name them [regime.adopted]"
        ),
        sa.Column("regime", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("adopted_at", sa.String(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.retention_rules.TermRules"),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_regime_editions")),
    )
    op.create_table(
        "regime_changes",
        sa.Column(
            "change_id",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="[retention.change_planned]: its entry",
        ),
        sa.Column(
            "to_sha256",
            sa.String(),
            nullable=False,
            comment="the edition that old recordings are to be decided under",
        ),
        sa.Column("planned_at", sa.String(), nullable=False),
        sa.Column("planned_by", sa.Text(), nullable=False, comment="the person"),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.regime_changes.ChangePlan"),
        sa.Column("approvals", sa.JSON(), nullable=False, comment="by, at [retention.change_approved]"),
        sa.Column(
            "approved_at", sa.String(), nullable=True, comment="null before the last approval that the regime asks for"
        ),
        sa.Column(
            "applied_at", sa.String(), nullable=True, comment="null until all of it is done [retention.change_applied]"
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_regime_changes")),
    )
    op.create_table(
        "born_expired",
        sa.Column("recording_id", sa.String(), nullable=False, comment="[recording.catalogued, recording.redecided]"),
        sa.Column("noted_at", sa.String(), nullable=False),
        sa.Column(
            "settled_at", sa.String(), nullable=True, comment="null while it waits for a person [retention.age_settled]"
        ),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("settled_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recordings.recording_id"], name=op.f("fk_born_expired_recording_id")
        ),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_born_expired")),
    )
    op.create_index(
        "ix_born_expired_waiting",
        "born_expired",
        ["recording_id"],
        unique=False,
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )

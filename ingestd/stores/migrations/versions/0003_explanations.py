"""What people said of findings that a regime wants explained."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table; nobody could explain anything before."""
    op.create_table(
        "explanations",
        sa.Column(
            "explanation_id",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="ledger entry [finding.explained]",
        ),
        sa.Column("finding_key", sa.String(), nullable=False, comment="core.explanation.FindingIdentity.key"),
        sa.Column("code", sa.String(), nullable=False, comment="of the finding"),
        sa.Column("subject", sa.String(), nullable=False, comment="recording or docking"),
        sa.Column("explained_at", sa.String(), nullable=False),
        sa.Column("explained_by", sa.Text(), nullable=False, comment="the person"),
        sa.Column("document", sa.JSON(), nullable=False, comment="the act's data"),
        sa.Column("replaced_by", sa.Integer(), nullable=True, comment="a later explanation of the same finding"),
        sa.Column(
            "withdrawn_at", sa.String(), nullable=True, comment="null while it stands [finding.explanation_withdrawn]"
        ),
        sa.Column("withdrawn_by", sa.Text(), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("explanation_id", name=op.f("pk_explanations")),
    )
    op.create_index(op.f("ix_explanations_finding_key"), "explanations", ["finding_key"], unique=False)

"""What people declare for the hand-over clock, and the numbered hand-over records."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the tables; nothing was declared before, and earlier dockings get a record when they are asked for."""
    op.create_table(
        "declarations",
        sa.Column(
            "declaration_id",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="[handover.declared]: its entry",
        ),
        sa.Column("kind", sa.String(), nullable=False, comment="core.declarations.DeclarationKind"),
        sa.Column("recorder", sa.String(), nullable=True, comment="null where it does not speak of a recorder"),
        sa.Column("docking_id", sa.String(), nullable=True, comment="null where it does not speak of a docking"),
        sa.Column("names_recordings", sa.Boolean(), nullable=False),
        sa.Column("declared_at", sa.String(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False, comment="the person"),
        sa.Column("document", sa.JSON(), nullable=False, comment="the act's data"),
        sa.Column(
            "withdrawn_at",
            sa.String(),
            nullable=True,
            comment="null while it stands [handover.declaration_withdrawn]",
        ),
        sa.Column("withdrawn_by", sa.Text(), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("declaration_id", name=op.f("pk_declarations")),
    )
    op.create_index(op.f("ix_declarations_recorder"), "declarations", ["recorder"], unique=False)
    op.create_index(op.f("ix_declarations_docking_id"), "declarations", ["docking_id"], unique=False)
    op.create_table(
        "hand_over_records",
        sa.Column("number", sa.String(), nullable=False, comment="交接记录编号 [handover.receipt_made]"),
        sa.Column("year", sa.Integer(), nullable=False, comment="in the bureau's zone"),
        sa.Column("position", sa.Integer(), nullable=False, comment="in its year, from 1 without holes"),
        sa.Column("docking_id", sa.String(), nullable=False),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.Column("receipt", sa.JSON(), nullable=False, comment="the act's data; the files stand in sightings"),
        sa.Column(
            "addendum_at",
            sa.String(),
            nullable=True,
            comment="null until the docking is analysed [handover.addendum_made]",
        ),
        sa.Column("addendum", sa.JSON(none_as_null=True), nullable=True, comment="the act's data"),
        sa.Column("prints", sa.Integer(), nullable=False, comment="how often it was printed [handover.record_printed]"),
        sa.Column(
            "confirmations",
            sa.JSON(),
            nullable=False,
            comment="who confirmed, as what, when [handover.record_confirmed]",
        ),
        sa.ForeignKeyConstraint(["docking_id"], ["dockings.docking_id"], name=op.f("fk_hand_over_records_docking_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_hand_over_records")),
    )
    op.create_index(op.f("ix_hand_over_records_docking_id"), "hand_over_records", ["docking_id"], unique=True)
    op.create_index(op.f("ix_hand_over_records_year_position"), "hand_over_records", ["year", "position"], unique=True)

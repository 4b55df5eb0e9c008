"""Cases with their activities and links, the complaint register, and units."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables; nothing was entered before."""
    op.create_table(
        "case_acts",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry"),
        sa.Column(
            "subject", sa.String(), nullable=False, comment="number of the case or the complaint, name of the unit"
        ),
        sa.Column("act", sa.String(), nullable=False, comment="case.…, complaint.…, unit.… [each of them]"),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="the person or the case system"),
        sa.Column("document", sa.JSON(), nullable=False, comment="the act's data"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_case_acts")),
    )
    op.create_index(op.f("ix_case_acts_subject"), "case_acts", ["subject"], unique=False)
    op.create_table(
        "cases",
        sa.Column("number", sa.String(), nullable=False, comment="案号 [case.opened]"),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("category", sa.String(), nullable=False, comment="of the regime's vocabulary; empty where not given"),
        sa.Column("stage", sa.String(), nullable=False, comment="core.cases.Stage"),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("opened_on", sa.String(), nullable=True, comment="days are the bureau's own"),
        sa.Column("concluded_on", sa.String(), nullable=True, comment="行政执法行为终结之日; null while it runs"),
        sa.Column(
            "closed_on",
            sa.String(),
            nullable=True,
            comment="归档; null while the case is open [case.closed, case.reopened]",
        ),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.case_documents.case_document, all of it"),
        sa.Column("entered_activities", sa.Integer(), nullable=False, comment="how many there ever were"),
        sa.Column("changed_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_cases")),
    )
    op.create_index(op.f("ix_cases_concluded_on_closed_on"), "cases", ["concluded_on", "closed_on"], unique=False)
    op.create_table(
        "complaints",
        sa.Column("number", sa.String(), nullable=False, comment="[complaint.entered]"),
        sa.Column("received_on", sa.String(), nullable=False),
        sa.Column(
            "case_number", sa.String(), nullable=True, comment="null where none was opened or named [complaint.changed]"
        ),
        sa.Column("happened_from", sa.String(), nullable=True, comment="UTC"),
        sa.Column("happened_until", sa.String(), nullable=True),
        sa.Column("settled_on", sa.String(), nullable=True, comment="null while it waits"),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.cases.Complaint"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_complaints")),
    )
    op.create_index(op.f("ix_complaints_case_number"), "complaints", ["case_number"], unique=False)
    op.create_table(
        "units",
        sa.Column("name", sa.String(), nullable=False, comment="[unit.entered]"),
        sa.Column("parent", sa.String(), nullable=False, comment="empty: the bureau itself [unit.changed]"),
        sa.Column("is_entrusted", sa.Boolean(), nullable=False, comment="受委托组织"),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.cases.Unit"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_units")),
    )
    op.create_table(
        "case_activities",
        sa.Column("case_number", sa.String(), nullable=False, comment="[case.activity_…]"),
        sa.Column("activity_id", sa.String(), nullable=False, comment="the station's own, or that of the case system"),
        sa.Column("position", sa.Integer(), nullable=False, comment="in the case"),
        sa.Column("kind", sa.String(), nullable=False, comment="core.cases.ActivityKind"),
        sa.Column("began_at", sa.String(), nullable=True, comment="UTC"),
        sa.Column("ended_at", sa.String(), nullable=True),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.cases.Activity, reason of absence included"),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name=op.f("fk_case_activities_case_number")),
        sa.PrimaryKeyConstraint("case_number", "activity_id", name=op.f("pk_case_activities")),
    )
    op.create_index(op.f("ix_case_activities_began_at"), "case_activities", ["began_at"], unique=False)
    op.create_table(
        "case_links",
        sa.Column("case_number", sa.String(), nullable=False, comment="[case.linked, case.unlinked]"),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("activity_id", sa.String(), nullable=False, comment="empty: the case as a whole"),
        sa.Column("is_evidence", sa.Boolean(), nullable=False),
        sa.Column("linked_by", sa.Text(), nullable=False, comment="the person"),
        sa.Column("linked_at", sa.String(), nullable=False),
        sa.Column("via", sa.String(), nullable=False, comment="what the person named: recording, take or docking"),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name=op.f("fk_case_links_case_number")),
        sa.PrimaryKeyConstraint("case_number", "recording_id", "activity_id", name=op.f("pk_case_links")),
    )
    op.create_index(op.f("ix_case_links_recording_id"), "case_links", ["recording_id"], unique=False)

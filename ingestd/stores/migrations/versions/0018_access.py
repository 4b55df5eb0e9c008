"""Requests to view or copy footage, and the register of views."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Create the tables; nothing was asked, and nothing viewed, yet."""
    op.create_table(
        "access_requests",
        sa.Column("number", sa.String(), nullable=False, comment="[access.asked]"),
        sa.Column("account", sa.String(), nullable=False, comment="to whom it opens what it names"),
        sa.Column("asked_at", sa.String(), nullable=False),
        sa.Column(
            "approved_at",
            sa.String(),
            nullable=True,
            comment="null until the last approval of its chain [access.approved]",
        ),
        sa.Column("valid_until", sa.String(), nullable=True, comment="null until it is approved [access.approved]"),
        sa.Column("ended_as", sa.String(), nullable=False, comment="refused, withdrawn, closed; empty while it stands"),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.access.AccessRequest"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_access_requests")),
    )
    op.create_index(op.f("ix_access_requests_account"), "access_requests", ["account"], unique=False)
    op.create_table(
        "access_items",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("recording_id", sa.String(), nullable=False, comment="[access.asked]"),
        sa.ForeignKeyConstraint(["number"], ["access_requests.number"], name=op.f("fk_access_items_number")),
        sa.PrimaryKeyConstraint("number", "recording_id", name=op.f("pk_access_items")),
    )
    op.create_index(op.f("ix_access_items_recording_id"), "access_items", ["recording_id"], unique=False)
    op.create_table(
        "access_acts",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry"),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False, comment="access.… [each of them]"),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="the person"),
        sa.Column("document", sa.JSON(), nullable=False, comment="the act's data"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_access_acts")),
    )
    op.create_index(op.f("ix_access_acts_number"), "access_acts", ["number"], unique=False)
    op.create_table(
        "views",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry [view.registered]"),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False, comment="as the ledger has the name"),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False, comment="of the account; empty for the whole bureau"),
        sa.Column("kind", sa.String(), nullable=False, comment="play, download"),
        sa.Column("request", sa.String(), nullable=True, comment="what opened it; null where none was needed"),
        sa.Column(
            "sample", sa.String(), nullable=True, comment="the sample that it was drawn into; null outside of one"
        ),
        sa.Column("session", sa.String(), nullable=False, comment="start of a digest of the session"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_views")),
    )
    for column in ("recording_id", "at", "person", "request"):
        op.create_index(op.f(f"ix_views_{column}"), "views", [column], unique=False)
    # A page about one recording asks what was found about its recorder, and what people said of it.
    op.create_index(op.f("ix_findings_recorder_key"), "findings", ["recorder_key"], unique=False)
    op.create_index(op.f("ix_explanations_subject"), "explanations", ["subject"], unique=False)

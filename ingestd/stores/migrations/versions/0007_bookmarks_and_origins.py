"""Bookmarks, and the declared origin of what comes from elsewhere than a recorder."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table and the column; nobody could mark or declare anything before."""
    op.create_table(
        "bookmarks",
        sa.Column(
            "bookmark_id", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry [bookmark.set]"
        ),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("at_s", sa.Float(), nullable=False, comment="seconds from the recording's start"),
        sa.Column("kind", sa.String(), nullable=False, comment="of the regime under which it was set"),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("marked_at", sa.String(), nullable=False),
        sa.Column("marked_by", sa.Text(), nullable=False, comment="the person"),
        sa.Column("removed_at", sa.String(), nullable=True, comment="null while it stands [bookmark.removed]"),
        sa.Column("removed_by", sa.Text(), nullable=True),
        sa.Column("removed_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("bookmark_id", name=op.f("pk_bookmarks")),
    )
    op.create_index(op.f("ix_bookmarks_recording_id"), "bookmarks", ["recording_id"], unique=False)
    comment = "core.origin.OriginKind; null: of a recorder, or nobody declared it"
    op.add_column("recordings", sa.Column("origin", sa.String(), nullable=True, comment=comment))
    op.create_index(op.f("ix_recordings_origin"), "recordings", ["origin"], unique=False)

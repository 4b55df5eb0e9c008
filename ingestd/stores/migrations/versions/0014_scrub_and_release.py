"""When contents were last read, what was found damaged, passes of the scrub; releases of recorders, receipts."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create the tables; every content was last read when it was sealed."""
    op.create_table(
        "fixity",
        sa.Column("sha256", sa.String(), nullable=False, comment="of a content [recording.sealed]"),
        sa.Column(
            "checked_at", sa.String(), nullable=False, comment="last read whole; a rebuild knows whole passes only"
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_fixity")),
    )
    op.create_index(op.f("ix_fixity_checked_at"), "fixity", ["checked_at"], unique=False)
    op.execute("INSERT INTO fixity (sha256, checked_at) SELECT sha256, sealed_at FROM contents")
    op.create_table(
        "fixity_faults",
        sa.Column(
            "path", sa.Text(), nullable=False, comment="in the vault, or STORE: and the key in a store [fixity.failed]"
        ),
        sa.Column("sha256", sa.String(), nullable=False, comment="that it should have"),
        sa.Column("failed_at", sa.String(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False, comment="what is wrong"),
        sa.Column("seq", sa.Integer(), nullable=False, comment="ledger entry"),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_fixity_faults")),
    )
    op.create_table(
        "scrub_passes",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry [scrub.finished]"),
        sa.Column("started_at", sa.String(), nullable=False),
        sa.Column("finished_at", sa.String(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False, comment="the act's data"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_scrub_passes")),
    )
    op.create_table(
        "releases",
        sa.Column("release_id", sa.String(), nullable=False, comment="UUIDv7 [release.asked]"),
        sa.Column("docking_id", sa.String(), nullable=False),
        sa.Column("asked_at", sa.String(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False, comment="the person, or station"),
        sa.Column("list_path", sa.Text(), nullable=False, comment="the document in the vault"),
        sa.Column("list_sha256", sa.String(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False, comment="that may be erased"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("diskseq", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.String(), nullable=True, comment="null while it is open [release.finished]"),
        sa.Column("ending", sa.String(), nullable=True, comment="core.erase_acts.Ending"),
        sa.Column("words", sa.Text(), nullable=True, comment="of the helper, or why it never began"),
        sa.ForeignKeyConstraint(["docking_id"], ["dockings.docking_id"], name=op.f("fk_releases_docking_id")),
        sa.PrimaryKeyConstraint("release_id", name=op.f("pk_releases")),
    )
    op.create_index(op.f("ix_releases_docking_id"), "releases", ["docking_id"], unique=False)
    op.create_index(
        "ix_releases_open",
        "releases",
        ["release_id"],
        unique=False,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_table(
        "release_receipts",
        sa.Column("release_id", sa.String(), nullable=False),
        sa.Column("line_sha256", sa.String(), nullable=False, comment="of the line that the helper wrote"),
        sa.Column(
            "ordinal",
            sa.Integer(),
            nullable=True,
            comment="in the docking's listing; null for a line that could not be read",
        ),
        sa.Column(
            "recording_id",
            sa.String(),
            nullable=True,
            comment="[recording.erased_from_recorder, recording.kept_on_recorder]",
        ),
        sa.Column("card_path", sa.Text(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True, comment="core.erase_acts.Outcome"),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", sa.String(), nullable=False, comment="by the helper's clock"),
        sa.ForeignKeyConstraint(["release_id"], ["releases.release_id"], name=op.f("fk_release_receipts_release_id")),
        sa.PrimaryKeyConstraint("release_id", "line_sha256", name=op.f("pk_release_receipts")),
    )
    op.create_index(op.f("ix_release_receipts_recording_id"), "release_receipts", ["recording_id"], unique=False)

"""The catalogue of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "contents",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("vault_path", sa.Text(), nullable=False, comment="where the bytes stand, once"),
        sa.Column("sealed_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_contents")),
    )
    op.create_table(
        "dockings",
        sa.Column("docking_id", sa.String(), nullable=False, comment="UUIDv7 [docking.listed]"),
        sa.Column("bay", sa.String(), nullable=False),
        sa.Column("inlet", sa.String(), nullable=False, comment="core.model.Inlet"),
        sa.Column(
            "recorder_id", sa.String(), nullable=True, comment="device number; null when no recorder could be named"
        ),
        sa.Column("recorder_key", sa.String(), nullable=False, comment="what equal bytes are compared within"),
        sa.Column("opened_at", sa.String(), nullable=False),
        sa.Column("closed_at", sa.String(), nullable=True, comment="null while the docking is open [docking.closed]"),
        sa.Column(
            "outcome", sa.String(), nullable=True, comment="complete, incomplete or interrupted [docking.closed]"
        ),
        sa.Column("folder", sa.Text(), nullable=False, comment="in the vault"),
        sa.Column("entries", sa.Integer(), nullable=False, comment="listed on the card"),
        sa.Column("bytes", sa.BigInteger(), nullable=False, comment="listed on the card, in bytes"),
        sa.Column("document", sa.JSON(), nullable=False, comment="identity evidence, volume, accounting"),
        sa.Column("has_sets", sa.Boolean(), nullable=False, comment="takes were assembled [set.assembled]"),
        sa.PrimaryKeyConstraint("docking_id", name=op.f("pk_dockings")),
    )
    op.create_index(op.f("ix_dockings_opened_at"), "dockings", ["opened_at"], unique=False)
    op.create_table(
        "findings",
        sa.Column(
            "finding_id", sa.String(), nullable=False, comment="<ledger entry>.<position>: the same after a rebuild"
        ),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("recording_id", sa.String(), nullable=True, comment="null for findings about a docking or a set"),
        sa.Column("docking_id", sa.String(), nullable=True),
        sa.Column("recorder_key", sa.String(), nullable=True),
        sa.Column("noted_at", sa.String(), nullable=False),
        sa.Column(
            "document", sa.JSON(), nullable=False, comment="core.findings.Finding; files are recording ids for sets"
        ),
        sa.Column(
            "superseded_by", sa.Integer(), nullable=True, comment="ledger entry that says it anew; null while it stands"
        ),
        sa.PrimaryKeyConstraint("finding_id", name=op.f("pk_findings")),
    )
    op.create_index(op.f("ix_findings_docking_id"), "findings", ["docking_id"], unique=False)
    op.create_index(
        "ix_findings_open",
        "findings",
        ["code"],
        unique=False,
        sqlite_where=sa.text("superseded_by IS NULL"),
        postgresql_where=sa.text("superseded_by IS NULL"),
    )
    op.create_index(op.f("ix_findings_recording_id"), "findings", ["recording_id"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("job", sa.String(), nullable=False, comment="analyse or proxy"),
        sa.Column(
            "attempts",
            sa.Integer(),
            nullable=False,
            comment="counted before the child is asked, so that a crash counts",
        ),
        sa.PrimaryKeyConstraint("recording_id", "job", name=op.f("pk_jobs")),
    )
    op.create_table(
        "meta",
        sa.Column(
            "key", sa.String(), nullable=False, comment="applied_seq: last ledger entry that this catalogue reflects"
        ),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "recordings",
        sa.Column("recording_id", sa.String(), nullable=False, comment="UUIDv7 [recording.sealed]"),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("docking_id", sa.String(), nullable=False, comment="first seen at"),
        sa.Column("recorder_id", sa.String(), nullable=True),
        sa.Column("recorder_key", sa.String(), nullable=False),
        sa.Column("card_path", sa.Text(), nullable=False),
        sa.Column("modified_ns", sa.BigInteger(), nullable=True),
        sa.Column("profile_id", sa.String(), nullable=True, comment="whose name grammar matched; null when none did"),
        sa.Column("sidecar_path", sa.Text(), nullable=False),
        sa.Column("sealed_at", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, comment="core.lifecycle.State"),
        sa.Column(
            "kind",
            sa.String(),
            nullable=True,
            comment="core.facts.MediaKind; null before analysis [recording.analysed]",
        ),
        sa.Column("duration_s", sa.Float(), nullable=True),
        sa.Column(
            "facts", sa.JSON(), nullable=True, comment="core.facts.MediaFacts; null when the media room gave no answer"
        ),
        sa.Column("recorded_start", sa.String(), nullable=True, comment="null before [recording.tagged]"),
        sa.Column("recorded_end", sa.String(), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=True),
        sa.Column("take_id", sa.String(), nullable=True, comment="null for what is not footage [set.assembled]"),
        sa.Column(
            "keep_until",
            sa.String(),
            nullable=True,
            comment="null: until a person decides, or not decided yet [recording.catalogued]",
        ),
        sa.Column("retention", sa.JSON(), nullable=True, comment="all reasons, the winner marked"),
        sa.Column("hand_over_state", sa.String(), nullable=True),
        sa.Column("hand_over", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["docking_id"], ["dockings.docking_id"], name=op.f("fk_recordings_docking_id")),
        sa.ForeignKeyConstraint(["sha256"], ["contents.sha256"], name=op.f("fk_recordings_sha256")),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_recordings")),
    )
    op.create_index(op.f("ix_recordings_docking_id"), "recordings", ["docking_id"], unique=False)
    op.create_index(op.f("ix_recordings_recorded_start"), "recordings", ["recorded_start"], unique=False)
    op.create_index(op.f("ix_recordings_recorder_key_sha256"), "recordings", ["recorder_key", "sha256"], unique=False)
    op.create_index(op.f("ix_recordings_take_id"), "recordings", ["take_id"], unique=False)
    op.create_index(
        "ix_recordings_undescribed",
        "recordings",
        ["state", "sealed_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('sealed', 'analysed', 'tagged')"),
        postgresql_where=sa.text("state IN ('sealed', 'analysed', 'tagged')"),
    )
    op.create_table(
        "sightings",
        sa.Column("docking_id", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False, comment="place in the listing"),
        sa.Column(
            "card_path", sa.Text(), nullable=False, comment="for people; exact bytes in raw_b64 where that is not null"
        ),
        sa.Column("encoding", sa.String(), nullable=False),
        sa.Column("raw_b64", sa.Text(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False, comment="core.model.EntryKind"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("modified_ns", sa.BigInteger(), nullable=True),
        sa.Column("planned_id", sa.String(), nullable=False, comment="recording id if it turns out to be new"),
        sa.Column("fate", sa.String(), nullable=False, comment="core.lifecycle.Fate"),
        sa.Column("reason", sa.Text(), nullable=True, comment="why this fate, in words; for excluded the rule"),
        sa.Column(
            "recording_id",
            sa.String(),
            nullable=True,
            comment="the recording that holds these bytes; null unless secured",
        ),
        sa.ForeignKeyConstraint(["docking_id"], ["dockings.docking_id"], name=op.f("fk_sightings_docking_id")),
        sa.PrimaryKeyConstraint("docking_id", "ordinal", name=op.f("pk_sightings")),
    )
    op.create_index(
        "ix_sightings_pending",
        "sightings",
        ["docking_id"],
        unique=False,
        sqlite_where=sa.text("fate = 'pending'"),
        postgresql_where=sa.text("fate = 'pending'"),
    )
    op.create_index(op.f("ix_sightings_recording_id"), "sightings", ["recording_id"], unique=False)
    op.create_table(
        "derived",
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="proxy, poster or track [derived.made]"),
        sa.Column("vault_path", sa.Text(), nullable=True, comment="null: the original serves, or none can be made"),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["recording_id"], ["recordings.recording_id"], name=op.f("fk_derived_recording_id")),
        sa.PrimaryKeyConstraint("recording_id", "kind", name=op.f("pk_derived")),
    )

"""Copies in other stores, what each store was found to be, and the order in which recordings came."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Create the tables; what is held already comes before everything that will be sealed."""
    op.create_table(
        "sealed_order",
        sa.Column(
            "seq",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="ledger entry; below 0 for what an older catalogue held [recording.sealed]",
        ),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recordings.recording_id"], name=op.f("fk_sealed_order_recording_id")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_sealed_order")),
    )
    op.execute(
        "INSERT INTO sealed_order (seq, recording_id) "
        "SELECT -row_number() OVER (ORDER BY sealed_at DESC, recording_id DESC), recording_id FROM recordings"
    )
    op.create_table(
        "replica_copies",
        sa.Column("store", sa.String(), nullable=False, comment="of the settings [replica.stored]"),
        sa.Column("kind", sa.String(), nullable=False, comment="core.replicas.ObjectKind"),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="in its store"),
        sa.Column("version_id", sa.Text(), nullable=True, comment="null where the store has none"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("recording_id", sa.String(), nullable=True, comment="of a birth sidecar; null for others"),
        sa.Column("vault_path", sa.Text(), nullable=False, comment="of the file that was copied"),
        sa.Column("stored_at", sa.String(), nullable=False),
        sa.Column(
            "verified_at", sa.String(), nullable=False, comment="last read back whole; counted on without an act"
        ),
        sa.Column(
            "locked_until",
            sa.String(),
            nullable=True,
            comment="as the store answered; null for none [replica.extended]",
        ),
        sa.Column("is_lock_honoured", sa.Boolean(), nullable=False),
        sa.Column("has_legal_hold", sa.Boolean(), nullable=False, comment="[replica.hold_set, replica.hold_lifted]"),
        sa.Column(
            "faulty_seq",
            sa.Integer(),
            nullable=True,
            comment="ledger entry that found it damaged; null while it counts [replica.faulty]",
        ),
        sa.PrimaryKeyConstraint("store", "kind", "sha256", name=op.f("pk_replica_copies")),
    )
    op.create_index(op.f("ix_replica_copies_sha256"), "replica_copies", ["sha256"], unique=False)
    op.create_index(
        op.f("ix_replica_copies_store_locked_until"), "replica_copies", ["store", "locked_until"], unique=False
    )
    op.create_index(op.f("ix_replica_copies_verified_at"), "replica_copies", ["verified_at"], unique=False)
    for name, columns, condition in (
        ("ix_replica_copies_of_recording", ["recording_id", "store"], "recording_id IS NOT NULL"),
        ("ix_replica_copies_held", ["store"], "has_legal_hold"),
    ):
        op.create_index(
            name,
            "replica_copies",
            columns,
            unique=False,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    op.create_table(
        "replica_checks",
        sa.Column("store", sa.String(), nullable=False, comment="[replica.checked]"),
        sa.Column("checked_at", sa.String(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.replicas.StoreCheck"),
        sa.PrimaryKeyConstraint("store", name=op.f("pk_replica_checks")),
    )

"""Samples and their items; who did what. What an older catalogue's ledger has of the latter is read in at the start."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Create the tables; nothing was ever drawn before."""
    op.create_table(
        "samples",
        sa.Column("number", sa.String(), nullable=False, comment="[sample.frozen]"),
        sa.Column("state", sa.String(), nullable=False, comment="core.samples.SampleState [each of sample.…]"),
        sa.Column("frozen_at", sa.String(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.samples.Sample"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_samples")),
    )
    op.create_table(
        "sample_items",
        sa.Column("number", sa.String(), nullable=False, comment="[sample.drawn]"),
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False, comment="from 1"),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column(
            "account", sa.String(), nullable=False, comment="who is to check it; empty: whoever may [sample.assigned]"
        ),
        sa.Column(
            "outcome",
            sa.String(),
            nullable=True,
            comment="core.samples.Outcome; null before its check [sample.checked]",
        ),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.samples.Item"),
        sa.ForeignKeyConstraint(["number"], ["samples.number"], name=op.f("fk_sample_items_number")),
        sa.PrimaryKeyConstraint("number", "item", name=op.f("pk_sample_items")),
    )
    op.create_index(op.f("ix_sample_items_recording_id"), "sample_items", ["recording_id"], unique=False)
    op.create_index(op.f("ix_sample_items_account"), "sample_items", ["account"], unique=False)
    op.create_table(
        "own_acts",
        sa.Column(
            "seq", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry [every act of a person]"
        ),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="the person; `station` for what it says of itself"),
        sa.Column("subject", sa.Text(), nullable=True, comment="null where the act has none"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_own_acts")),
    )
    op.create_index(op.f("ix_own_acts_actor_seq"), "own_acts", ["actor", "seq"], unique=False)
    op.create_index(op.f("ix_own_acts_act_seq"), "own_acts", ["act", "seq"], unique=False)
    op.create_index(op.f("ix_own_acts_subject"), "own_acts", ["subject"], unique=False)
    # `stores.ownacts.complete` reads the acts up to there from the ledger, which a migration does not know.
    op.execute("INSERT INTO meta (key, value) SELECT 'own_acts_lack', value FROM meta WHERE key = 'applied_seq'")

"""Registration, and what recordings can be found by."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_TEXTS = ("officers", "cases", "parties", "vessels", "places", "other")


def upgrade() -> None:
    """Create the tables; what is tagged already gets its rows when the station starts."""
    op.create_table(
        "registrations",
        sa.Column("recording_id", sa.String(), nullable=False, comment="[recording.registered]"),
        sa.Column("field", sa.String(), nullable=False, comment="of the regime under which it was entered"),
        sa.Column("given", sa.JSON(), nullable=False, comment="the values, as the person wrote them"),
        sa.Column("entered_at", sa.String(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False, comment="the person"),
        sa.PrimaryKeyConstraint("recording_id", "field", name=op.f("pk_registrations")),
    )
    op.create_table(
        "registration_acts",
        sa.Column(
            "seq", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry [recording.registered]"
        ),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="the person"),
        sa.Column("document", sa.JSON(), nullable=False, comment="the act's data, before and after"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_registration_acts")),
    )
    op.create_index(op.f("ix_registration_acts_recording_id"), "registration_acts", ["recording_id"], unique=False)
    op.create_table(
        "find_rows",
        sa.Column("slot", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("is_footage", sa.Boolean(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("is_at_sea", sa.Boolean(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("south", sa.Float(), nullable=True),
        sa.Column("west", sa.Float(), nullable=True),
        sa.Column("north", sa.Float(), nullable=True),
        sa.Column("east", sa.Float(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_find_rows")),
    )
    op.create_index(op.f("ix_find_rows_recording_id"), "find_rows", ["recording_id"], unique=True)
    columns = ["is_footage", "known", "is_at_sea", "unit"]
    op.create_index(op.f("ix_find_rows_is_footage_known_is_at_sea_unit"), "find_rows", columns, unique=False)
    texts = ", ".join(_TEXTS)
    op.execute(f"CREATE VIRTUAL TABLE find_words USING fts5({texts}, content='', columnsize=0, tokenize='trigram')")
    options = "content='', columnsize=0, detail=column, tokenize='ascii'"
    op.execute(f"CREATE VIRTUAL TABLE find_signs USING fts5({texts}, {options})")
    op.execute("CREATE VIRTUAL TABLE find_box USING rtree(slot, south, north, west, east)")

"""Accounts of the screens, and the acts about them."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(), nullable=False, comment="core.account_acts.account_key [account.entered]"),
        sa.Column("closed_at", sa.String(), nullable=True, comment="null while somebody may sign in [account.closed]"),
        sa.Column("document", sa.JSON(), nullable=False, comment="core.accounts.Account"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_accounts")),
    )
    op.create_table(
        "account_acts",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry"),
        sa.Column("account", sa.String(), nullable=True, comment="null where no account has the name that was tried"),
        sa.Column("act", sa.String(), nullable=False, comment="account.… and session.… [each of them]"),
        sa.Column("at", sa.String(), nullable=False, comment="when it was entered"),
        sa.Column("actor", sa.Text(), nullable=False, comment="the person, or station"),
        sa.Column("event", sa.String(), nullable=True, comment="of what a console told; null of what was asked"),
        sa.Column("document", sa.JSON(), nullable=False, comment="the act's data"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_account_acts")),
    )
    op.create_index(op.f("ix_account_acts_account_seq"), "account_acts", ["account", "seq"], unique=False)
    op.create_index(op.f("ix_account_acts_event"), "account_acts", ["event"], unique=True)

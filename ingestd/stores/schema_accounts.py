"""Tables of accounts; in brackets the act that writes them. Secrets are in none of them: see `stores.secrets`."""

from sqlalchemy import JSON, Column, Index, Integer, String, Table, Text

from ingestd.stores.schema import metadata

accounts = Table(
    "accounts",
    metadata,
    Column("name", String, primary_key=True, comment="core.account_acts.account_key [account.entered]"),
    Column("closed_at", String, comment="null while somebody may sign in [account.closed]"),
    Column("document", JSON, nullable=False, comment="core.accounts.Account"),
)

account_acts = Table(
    "account_acts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry"),
    Column("account", String, comment="null where no account has the name that was tried"),
    Column("act", String, nullable=False, comment="account.… and session.… [each of them]"),
    Column("at", String, nullable=False, comment="when it was entered"),
    Column("actor", Text, nullable=False, comment="the person, or station"),
    Column("event", String, comment="of what a console told; null of what was asked"),
    Column("document", JSON, nullable=False, comment="the act's data"),
    Index(None, "account", "seq"),
    Index(None, "event", unique=True),
)

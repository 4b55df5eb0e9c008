"""Tables of the console's own file: what must not stand in the ledger, and what is worth nothing in a year."""

from sqlalchemy import JSON, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

credentials = Table(
    "credentials",
    metadata,
    Column("account", String, primary_key=True),
    Column("kind", String, primary_key=True, comment="password, pin or card"),
    Column("digest", String, nullable=False, comment="argon2id; of a card by the salt of this file"),
    Column("set_at", String, nullable=False),
    Index("ix_credentials_card", "kind", "digest"),
)

links = Table(
    "links",
    metadata,
    Column("digest", String, primary_key=True, comment="SHA-256 of the key"),
    Column("account", String, comment="null for the first administrator"),
    Column("expires_at", String, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String, primary_key=True, comment="SHA-256 of the key"),
    Column("session", String, nullable=False, unique=True, comment="as the ledger has it"),
    Column("account", String, nullable=False, index=True),
    Column("opened_at", String, nullable=False),
    Column("seen_at", String, nullable=False, comment="to the minute"),
    Column("address", String, nullable=False),
    Column("browser", Text, nullable=False),
    Column("via", String, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("digest", String, primary_key=True, comment="SHA-256 of the token"),
    Column("token", String, nullable=False, unique=True, comment="its id"),
    Column("account", String, nullable=False, index=True),
    Column("label", Text, nullable=False),
    Column("rights", JSON, nullable=False, comment="core.roles.Right; never more than the account has"),
    Column("made_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
    Column("used_at", String, comment="to the minute; null while it was never used"),
)

failures = Table(
    "failures",
    metadata,
    Column("key", String, primary_key=True, comment="an account's name or an address"),
    Column("count", Integer, nullable=False),
    Column("last_at", String, nullable=False),
    Column("shut_until", String, comment="null while tries are taken"),
)

waiting = Table(
    "waiting",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("document", JSON, nullable=False, comment="core.account_acts.Told, until it is in the ledger"),
)

salts = Table("salts", metadata, Column("name", String, primary_key=True), Column("salt", LargeBinary, nullable=False))

"""Tables of requests to view or copy footage and of the register of views; in brackets the act that writes them."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, Text

from ingestd.stores.schema import metadata

access_requests = Table(
    "access_requests",
    metadata,
    Column("number", String, primary_key=True, comment="[access.asked]"),
    Column("account", String, nullable=False, comment="to whom it opens what it names"),
    Column("asked_at", String, nullable=False),
    Column("approved_at", String, comment="null until the last approval of its chain [access.approved]"),
    Column("valid_until", String, comment="null until it is approved [access.approved]"),
    Column("ended_as", String, nullable=False, comment="refused, withdrawn, closed; empty while it stands"),
    Column("document", JSON, nullable=False, comment="core.access.AccessRequest"),
    Index(None, "account"),
)

access_items = Table(
    "access_items",
    metadata,
    Column("number", String, ForeignKey("access_requests.number"), primary_key=True),
    Column("recording_id", String, primary_key=True, comment="[access.asked]"),
    Index(None, "recording_id"),
)

access_acts = Table(
    "access_acts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry"),
    Column("number", String, nullable=False),
    Column("act", String, nullable=False, comment="access.… [each of them]"),
    Column("at", String, nullable=False),
    Column("actor", Text, nullable=False, comment="the person"),
    Column("document", JSON, nullable=False, comment="the act's data"),
    Index(None, "number"),
)

views = Table(
    "views",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry [view.registered]"),
    Column("recording_id", String, nullable=False),
    Column("at", String, nullable=False),
    Column("person", Text, nullable=False, comment="as the ledger has the name"),
    Column("account", String, nullable=False),
    Column("unit", Text, nullable=False, comment="of the account; empty for the whole bureau"),
    Column("kind", String, nullable=False, comment="play, download"),
    Column("request", String, comment="what opened it; null where none was needed"),
    Column("sample", String, comment="the sample that it was drawn into; null outside of one"),
    Column("session", String, nullable=False, comment="start of a digest of the session"),
    Index(None, "recording_id"),
    Index(None, "at"),
    Index(None, "person"),
    Index(None, "request"),
)

"""Tables of samples and of what people did; in brackets the act that writes them."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, Text

from ingestd.stores.schema import metadata

samples = Table(
    "samples",
    metadata,
    Column("number", String, primary_key=True, comment="[sample.frozen]"),
    Column("state", String, nullable=False, comment="core.samples.SampleState [each of sample.…]"),
    Column("frozen_at", String, nullable=False),
    Column("document", JSON, nullable=False, comment="core.samples.Sample"),
)

sample_items = Table(
    "sample_items",
    metadata,
    Column("number", String, ForeignKey("samples.number"), primary_key=True, comment="[sample.drawn]"),
    Column("item", Integer, primary_key=True, autoincrement=False, comment="from 1"),
    Column("recording_id", String, nullable=False),
    Column("account", String, nullable=False, comment="who is to check it; empty: whoever may [sample.assigned]"),
    Column("outcome", String, comment="core.samples.Outcome; null before its check [sample.checked]"),
    Column("document", JSON, nullable=False, comment="core.samples.Item"),
    Index(None, "recording_id"),
    Index(None, "account"),
)

own_acts = Table(
    "own_acts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry [every act of a person]"),
    Column("at", String, nullable=False),
    Column("act", String, nullable=False),
    Column("actor", Text, nullable=False, comment="the person; `station` for what it says of itself"),
    Column("subject", Text, comment="null where the act has none"),
    Index(None, "actor", "seq"),
    Index(None, "act", "seq"),
    Index(None, "subject"),
)

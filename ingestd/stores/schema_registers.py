"""Tables of the registers of disclosure and of non-duty footage; in brackets the act that writes them."""

from sqlalchemy import JSON, Column, Index, Integer, String, Table, Text

from ingestd.stores.schema import metadata

disclosures = Table(
    "disclosures",
    metadata,
    Column("number", String, primary_key=True, comment="[disclosure.entered]"),
    Column("received_on", String, nullable=False, comment="from which its term is counted; days are the bureau's own"),
    Column("settled_on", String, comment="answered or withdrawn; null while it waits [disclosure.answered, …]"),
    Column("document", JSON, nullable=False, comment="core.disclosures.Disclosure"),
    Index(None, "settled_on", "received_on"),
)

nonduty_notes = Table(
    "nonduty_notes",
    metadata,
    Column("note_id", Integer, primary_key=True, autoincrement=False, comment="ledger entry [nonduty.noted]"),
    Column("recording_id", String, nullable=False),
    Column("noted_by", Text, nullable=False, comment="the person"),
    Column("noted_at", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("verdict", String, comment="core.nonduty.Verdict; null until a second person looked [nonduty.settled]"),
    Column("settled_by", Text, nullable=False),
    Column("settled_at", String),
    Column("words", Text, nullable=False),
    Index(None, "recording_id"),
    Index(None, "verdict", "note_id"),
)

register_acts = Table(
    "register_acts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry"),
    Column("subject", String, nullable=False, comment="number of the request, or the recording"),
    Column("act", String, nullable=False, comment="disclosure.…, nonduty.… [each of them]"),
    Column("at", String, nullable=False),
    Column("actor", Text, nullable=False, comment="the person"),
    Column("document", JSON, nullable=False, comment="the act's data"),
    Index(None, "subject"),
)

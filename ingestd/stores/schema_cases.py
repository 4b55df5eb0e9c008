"""Tables of cases, their activities and links, of complaints and of units; in brackets the act that writes them."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from ingestd.stores.schema import metadata

cases = Table(
    "cases",
    metadata,
    Column("number", String, primary_key=True, comment="案号 [case.opened]"),
    Column("cause", Text, nullable=False),
    Column("category", String, nullable=False, comment="of the regime's vocabulary; empty where not given"),
    Column("stage", String, nullable=False, comment="core.cases.Stage"),
    Column("unit", Text, nullable=False),
    Column("opened_on", String, comment="days are the bureau's own"),
    Column("concluded_on", String, comment="行政执法行为终结之日; null while it runs"),
    Column("closed_on", String, comment="归档; null while the case is open [case.closed, case.reopened]"),
    Column("document", JSON, nullable=False, comment="core.case_documents.case_document, all of it"),
    Column("entered_activities", Integer, nullable=False, comment="how many there ever were"),
    Column("changed_at", String, nullable=False),
    Index(None, "concluded_on", "closed_on"),
)

case_activities = Table(
    "case_activities",
    metadata,
    Column("case_number", String, ForeignKey("cases.number"), primary_key=True, comment="[case.activity_…]"),
    Column("activity_id", String, primary_key=True, comment="the station's own, or that of the case system"),
    Column("position", Integer, nullable=False, comment="in the case"),
    Column("kind", String, nullable=False, comment="core.cases.ActivityKind"),
    Column("began_at", String, comment="UTC"),
    Column("ended_at", String),
    Column("document", JSON, nullable=False, comment="core.cases.Activity, reason of absence included"),
    Index(None, "began_at"),
)

case_links = Table(
    "case_links",
    metadata,
    Column("case_number", String, ForeignKey("cases.number"), primary_key=True, comment="[case.linked, case.unlinked]"),
    Column("recording_id", String, primary_key=True),
    Column("activity_id", String, primary_key=True, comment="empty: the case as a whole"),
    Column("is_evidence", Boolean, nullable=False),
    Column("linked_by", Text, nullable=False, comment="the person"),
    Column("linked_at", String, nullable=False),
    Column("via", String, nullable=False, comment="what the person named: recording, take or docking"),
    Index(None, "recording_id"),
)

case_acts = Table(
    "case_acts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry"),
    Column("subject", String, nullable=False, comment="number of the case or the complaint, name of the unit"),
    Column("act", String, nullable=False, comment="case.…, complaint.…, unit.… [each of them]"),
    Column("at", String, nullable=False),
    Column("actor", Text, nullable=False, comment="the person or the case system"),
    Column("document", JSON, nullable=False, comment="the act's data"),
    Index(None, "subject"),
)

complaints = Table(
    "complaints",
    metadata,
    Column("number", String, primary_key=True, comment="[complaint.entered]"),
    Column("received_on", String, nullable=False),
    Column("case_number", String, comment="null where none was opened or named [complaint.changed]"),
    Column("happened_from", String, comment="UTC"),
    Column("happened_until", String),
    Column("settled_on", String, comment="null while it waits"),
    Column("document", JSON, nullable=False, comment="core.cases.Complaint"),
    Index(None, "case_number"),
)

units = Table(
    "units",
    metadata,
    Column("name", String, primary_key=True, comment="[unit.entered]"),
    Column("parent", String, nullable=False, comment="empty: the bureau itself [unit.changed]"),
    Column("is_entrusted", Boolean, nullable=False, comment="受委托组织"),
    Column("document", JSON, nullable=False, comment="core.cases.Unit"),
)

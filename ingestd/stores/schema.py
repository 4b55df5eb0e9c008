"""Tables of the catalogue. Each is an index of the vault; all but `jobs` can be made again from it.

Times are UTC text (`core.clock.to_text`); documents are JSON text. Who writes a column is the act in brackets.
An index names only SQLite's own condition: one for a further database would load its dialect at every start.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

REVISION = "0020"
"""The newest migration, which makes the tables below out of every older catalogue."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

_JSON_OR_NULL = JSON(none_as_null=True)
"""None is stored as NULL, which queries ask for, and not as the JSON text `null`."""

meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True, comment="applied_seq: last ledger entry that this catalogue reflects"),
    Column("value", Text, nullable=False),
)

dockings = Table(
    "dockings",
    metadata,
    Column("docking_id", String, primary_key=True, comment="UUIDv7 [docking.listed]"),
    Column("bay", String, nullable=False),
    Column("inlet", String, nullable=False, comment="core.model.Inlet"),
    Column("recorder_id", String, comment="device number; null when no recorder could be named"),
    Column("recorder_key", String, nullable=False, comment="what equal bytes are compared within"),
    Column("opened_at", String, nullable=False),
    Column("closed_at", String, comment="null while the docking is open [docking.closed]"),
    Column("outcome", String, comment="complete, incomplete or interrupted [docking.closed]"),
    Column("folder", Text, nullable=False, comment="in the vault"),
    Column("entries", Integer, nullable=False, comment="listed on the card"),
    Column("bytes", BigInteger, nullable=False, comment="listed on the card, in bytes"),
    Column("document", JSON, nullable=False, comment="identity evidence, volume, accounting"),
    Column("has_sets", Boolean, nullable=False, default=False, comment="takes were assembled [set.assembled]"),
    Index(None, "opened_at"),
)

sightings = Table(
    "sightings",
    metadata,
    Column("docking_id", String, ForeignKey("dockings.docking_id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True, comment="place in the listing"),
    Column("card_path", Text, nullable=False, comment="for people; exact bytes in raw_b64 where that is not null"),
    Column("encoding", String, nullable=False),
    Column("raw_b64", Text),
    Column("kind", String, nullable=False, comment="core.model.EntryKind"),
    Column("size_bytes", BigInteger, nullable=False),
    Column("modified_ns", BigInteger),
    Column("planned_id", String, nullable=False, comment="recording id if it turns out to be new"),
    Column("fate", String, nullable=False, comment="core.lifecycle.Fate"),
    Column("reason", Text, comment="why this fate, in words; for excluded the rule"),
    Column("recording_id", String, comment="the recording that holds these bytes; null unless secured"),
    Index(None, "recording_id"),
    Index(
        "ix_sightings_pending",
        "docking_id",
        sqlite_where=text("fate = 'pending'"),
    ),
)

contents = Table(
    "contents",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("vault_path", Text, nullable=False, comment="where the bytes stand, once"),
    Column("sealed_at", String, nullable=False),
    Column(
        "condemned_seq",
        Integer,
        comment="ledger entry since which its bytes may be gone; null: held [recording.condemned]",
    ),
)

recordings = Table(
    "recordings",
    metadata,
    Column("recording_id", String, primary_key=True, comment="UUIDv7 [recording.sealed]"),
    Column("sha256", String, ForeignKey("contents.sha256"), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("docking_id", String, ForeignKey("dockings.docking_id"), nullable=False, comment="first seen at"),
    Column("recorder_id", String),
    Column("recorder_key", String, nullable=False),
    Column("card_path", Text, nullable=False),
    Column("modified_ns", BigInteger),
    Column("profile_id", String, comment="whose name grammar matched; null when none did"),
    Column("sidecar_path", Text, nullable=False),
    Column("sealed_at", String, nullable=False),
    Column("state", String, nullable=False, comment="core.lifecycle.State"),
    Column("kind", String, comment="core.facts.MediaKind; null before analysis [recording.analysed]"),
    Column("duration_s", Float),
    Column("facts", _JSON_OR_NULL, comment="core.facts.MediaFacts; null when the media room gave no answer"),
    Column("recorded_start", String, comment="null before [recording.tagged]"),
    Column("recorded_end", String),
    Column("tags", _JSON_OR_NULL),
    Column("take_id", String, comment="null for what is not footage [set.assembled]"),
    Column("keep_until", String, comment="null: until a person decides, or not decided yet [recording.catalogued]"),
    Column("retention", _JSON_OR_NULL, comment="all reasons, the winner marked"),
    Column("hand_over_state", String),
    Column("hand_over", _JSON_OR_NULL),
    Column("origin", String, comment="core.origin.OriginKind; null: of a recorder, or nobody declared it"),
    Column("sealed_behind", String, comment="a later time that the ledger had before it was sealed; null for none"),
    Column("kept_by", String, comment="core.terms.ReasonKind of the winning reason; null before it is decided"),
    Index(
        "ix_recordings_kept",
        "kept_by",
        "recording_id",
        sqlite_where=text("keep_until IS NULL AND kept_by IS NOT NULL"),
    ),
    Index(None, "origin"),
    # Statistics are counted out of this one alone; rows are long.
    Index(
        "ix_recordings_counted",
        "sealed_at",
        "hand_over_state",
        "recorder_id",
        "size_bytes",
        "duration_s",
        "recording_id",
    ),
    Index(None, "recorder_key", "sha256"),
    Index(None, "docking_id"),
    Index(None, "recorded_start"),
    Index(None, "take_id"),
    Index(None, "sha256"),
    Index(
        "ix_recordings_due",
        "keep_until",
        "recording_id",
        sqlite_where=text("keep_until IS NOT NULL AND state IN ('catalogued', 'evicted')"),
    ),
    Index(
        "ix_recordings_undescribed",
        "state",
        "sealed_at",
        sqlite_where=text("state IN ('sealed', 'analysed', 'tagged')"),
    ),
)

findings = Table(
    "findings",
    metadata,
    Column("finding_id", String, primary_key=True, comment="<ledger entry>.<position>: the same after a rebuild"),
    Column("code", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("recording_id", String, comment="null for findings about a docking or a set"),
    Column("docking_id", String),
    Column("recorder_key", String),
    Column("noted_at", String, nullable=False),
    Column("document", JSON, nullable=False, comment="core.findings.Finding; files are recording ids for sets"),
    Column("superseded_by", Integer, comment="ledger entry that says it anew; null while it stands"),
    Index(None, "recording_id"),
    Index(None, "docking_id"),
    Index(None, "recorder_key"),
    Index(
        "ix_findings_noted",
        "noted_at",
        "code",
        "recording_id",
        sqlite_where=text("superseded_by IS NULL"),
    ),
    Index(
        "ix_findings_open",
        "code",
        sqlite_where=text("superseded_by IS NULL"),
    ),
)

derived = Table(
    "derived",
    metadata,
    Column("recording_id", String, ForeignKey("recordings.recording_id"), primary_key=True),
    Column("kind", String, primary_key=True, comment="proxy, poster or track [derived.made]"),
    Column("vault_path", Text, comment="null: the original serves, or none can be made"),
    Column("sha256", String),
    Column("size_bytes", BigInteger),
    Column("document", JSON, nullable=False),
)

recorders = Table(
    "recorders",
    metadata,
    Column("number", String, primary_key=True, comment="device number [fleet.registered]"),
    Column("status", String, nullable=False, comment="core.fleet.FleetStatus [fleet.changed]"),
    Column("reason", Text, nullable=False, comment="of the last change of status"),
    Column("unit", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("usb_serials", JSON, nullable=False, comment="those that are known to belong to it"),
    Column("note", Text, nullable=False),
    Column("holder", Text, comment="who it is issued to; null in the store [fleet.issued, fleet.returned]"),
    Column("issued_at", String, comment="null while nobody holds it"),
    Column("registered_at", String, nullable=False),
)

fleet_acts = Table(
    "fleet_acts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry"),
    Column("number", String, ForeignKey("recorders.number"), nullable=False),
    Column("act", String, nullable=False, comment="fleet.… [each of them]"),
    Column("at", String, nullable=False),
    Column("actor", Text, nullable=False, comment="the person"),
    Column("document", JSON, nullable=False, comment="the act's data"),
    Index(None, "number"),
)

admissions = Table(
    "admissions",
    metadata,
    Column("docking_id", String, ForeignKey("dockings.docking_id"), primary_key=True, comment="[docking.listed]"),
    Column("number", String, comment="device number; as settled by a person where one named another; null for none"),
    Column("usb_serial", String, comment="null where the medium told none"),
    Column("is_quarantined", Boolean, nullable=False, comment="held apart when it was docked"),
    Column("is_conflicting", Boolean, nullable=False, comment="sources of its identity disagreed when it was docked"),
    Column("reason", Text, nullable=False, comment="in words; empty for an ordinary docking"),
    Column("settled_at", String, comment="null while no person said anything [docking.admitted]"),
    Column("settled_by", Text),
    Column("settled_recorder", String, comment="the recorder that the person named; null: accepted as it stands"),
    Column("settled_reason", Text),
    Index(None, "number"),
    Index(None, "usb_serial"),
    Index(
        "ix_admissions_waiting",
        "docking_id",
        sqlite_where=text("settled_at IS NULL AND (is_quarantined OR is_conflicting)"),
    ),
)

explanations = Table(
    "explanations",
    metadata,
    Column(
        "explanation_id",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="ledger entry [finding.explained]",
    ),
    Column("finding_key", String, nullable=False, comment="core.explanation.FindingIdentity.key"),
    Column("code", String, nullable=False, comment="of the finding"),
    Column("subject", String, nullable=False, comment="recording or docking"),
    Column("explained_at", String, nullable=False),
    Column("explained_by", Text, nullable=False, comment="the person"),
    Column("document", JSON, nullable=False, comment="the act's data"),
    Column("replaced_by", Integer, comment="a later explanation of the same finding"),
    Column("withdrawn_at", String, comment="null while it stands [finding.explanation_withdrawn]"),
    Column("withdrawn_by", Text),
    Column("withdrawn_reason", Text),
    Index(None, "finding_key"),
    Index(None, "subject"),
)

device_acts = Table(
    "device_acts",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry"),
    Column("visit_id", String, nullable=False, comment="one talk with one recorder"),
    Column("line_sha256", String, nullable=False, comment="of the line that the helper wrote"),
    Column("act", String, nullable=False, comment="device.… [each of them]"),
    Column("at", String, nullable=False, comment="by the helper's clock"),
    Column("actor", Text, nullable=False),
    Column("usb_path", String, nullable=False, comment="sysfs path of the USB device; empty: not known"),
    Column("usb_serial", String, nullable=False, comment="empty where it told none"),
    Column("number", String, comment="that the recorder told [device.info_read]"),
    Column("document", JSON, nullable=False, comment="the act's data"),
    Index(None, "visit_id", "line_sha256", unique=True),
    Index(None, "number"),
    Index(None, "usb_path"),
)

clock_readings = Table(
    "clock_readings",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry [clock.measured]"),
    Column("position", Integer, primary_key=True, autoincrement=False, comment="in that entry"),
    Column("docking_id", String, comment="null where none belongs to it"),
    Column("recorder_key", String, nullable=False),
    Column("start_utc", String, nullable=False, comment="by true time"),
    Column("document", JSON, nullable=False, comment="core.recorderclock.ClockReading"),
    Index(None, "recorder_key"),
)

structure_resets = Table(
    "structure_resets",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry [structure.reset]"),
    Column("scope", String, nullable=False, comment="recorder or model"),
    Column("subject", String, nullable=False, comment="device number, or model of the fleet register"),
    Column("reset_at", String, nullable=False, comment="what was sealed before teaches nothing any more"),
    Column("reset_by", Text, nullable=False, comment="the person"),
    Column("reason", Text, nullable=False),
    Index(None, "subject"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("recording_id", String, primary_key=True),
    Column("job", String, primary_key=True, comment="analyse or proxy"),
    Column("attempts", Integer, nullable=False, comment="counted before the child is asked, so that a crash counts"),
)

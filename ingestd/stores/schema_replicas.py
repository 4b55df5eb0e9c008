"""Tables of copies in other stores; in brackets the act that writes a column."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from ingestd.stores.schema import metadata

sealed_order = Table(
    "sealed_order",
    metadata,
    Column(
        "seq",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="ledger entry; below 0 for what an older catalogue held [recording.sealed]",
    ),
    Column("recording_id", String, ForeignKey("recordings.recording_id"), nullable=False),
)
"""Recordings as they came: what a store does not hold yet is looked for from where the last look ended."""

replica_copies = Table(
    "replica_copies",
    metadata,
    Column("store", String, primary_key=True, comment="of the settings [replica.stored]"),
    Column("kind", String, primary_key=True, comment="core.replicas.ObjectKind"),
    Column("sha256", String, primary_key=True),
    Column("key", Text, nullable=False, comment="in its store"),
    Column("version_id", Text, comment="null where the store has none"),
    Column("size_bytes", BigInteger, nullable=False),
    Column("recording_id", String, comment="of a birth sidecar; null for others"),
    Column("vault_path", Text, nullable=False, comment="of the file that was copied"),
    Column("stored_at", String, nullable=False),
    Column("verified_at", String, nullable=False, comment="last read back whole; counted on without an act"),
    Column("locked_until", String, comment="as the store answered; null for none [replica.extended]"),
    Column("is_lock_honoured", Boolean, nullable=False),
    Column("has_legal_hold", Boolean, nullable=False, comment="[replica.hold_set, replica.hold_lifted]"),
    Column("faulty_seq", Integer, comment="ledger entry that found it damaged; null while it counts [replica.faulty]"),
    Index(None, "sha256"),
    Index(
        "ix_replica_copies_of_recording",
        "recording_id",
        "store",
        sqlite_where=text("recording_id IS NOT NULL"),
    ),
    Index(None, "store", "locked_until"),
    Index(None, "verified_at"),
    Index(
        "ix_replica_copies_held",
        "store",
        sqlite_where=text("has_legal_hold"),
    ),
)

replica_checks = Table(
    "replica_checks",
    metadata,
    Column("store", String, primary_key=True, comment="[replica.checked]"),
    Column("checked_at", String, nullable=False),
    Column("document", JSON, nullable=False, comment="core.replicas.StoreCheck"),
)

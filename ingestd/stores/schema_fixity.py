"""Tables of what was read again, and of releases of recorders; in brackets the act that writes them."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, text

from ingestd.stores.schema import metadata

fixity = Table(
    "fixity",
    metadata,
    Column("sha256", String, primary_key=True, comment="of a content [recording.sealed]"),
    Column("checked_at", String, nullable=False, comment="last read whole; a rebuild knows whole passes only"),
    Index(None, "checked_at"),
)

fixity_faults = Table(
    "fixity_faults",
    metadata,
    Column("path", Text, primary_key=True, comment="in the vault, or STORE: and the key in a store [fixity.failed]"),
    Column("sha256", String, nullable=False, comment="that it should have"),
    Column("failed_at", String, nullable=False),
    Column("words", Text, nullable=False, comment="what is wrong"),
    Column("seq", Integer, nullable=False, comment="ledger entry"),
)

scrub_passes = Table(
    "scrub_passes",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="ledger entry [scrub.finished]"),
    Column("started_at", String, nullable=False),
    Column("finished_at", String, nullable=False),
    Column("document", JSON, nullable=False, comment="the act's data"),
)

releases = Table(
    "releases",
    metadata,
    Column("release_id", String, primary_key=True, comment="UUIDv7 [release.asked]"),
    Column("docking_id", String, ForeignKey("dockings.docking_id"), nullable=False),
    Column("asked_at", String, nullable=False),
    Column("asked_by", Text, nullable=False, comment="the person, or station"),
    Column("list_path", Text, nullable=False, comment="the document in the vault"),
    Column("list_sha256", String, nullable=False),
    Column("files", Integer, nullable=False, comment="that may be erased"),
    Column("size_bytes", BigInteger, nullable=False),
    Column("device", String, nullable=False),
    Column("diskseq", Integer, nullable=False),
    Column("finished_at", String, comment="null while it is open [release.finished]"),
    Column("ending", String, comment="core.erase_acts.Ending"),
    Column("words", Text, comment="of the helper, or why it never began"),
    Index(None, "docking_id"),
    Index(
        "ix_releases_open",
        "release_id",
        sqlite_where=text("finished_at IS NULL"),
    ),
)

release_receipts = Table(
    "release_receipts",
    metadata,
    Column("release_id", String, ForeignKey("releases.release_id"), primary_key=True),
    Column("line_sha256", String, primary_key=True, comment="of the line that the helper wrote"),
    Column("ordinal", Integer, comment="in the docking's listing; null for a line that could not be read"),
    Column("recording_id", String, comment="[recording.erased_from_recorder, recording.kept_on_recorder]"),
    Column("card_path", Text),
    Column("outcome", String, comment="core.erase_acts.Outcome"),
    Column("words", Text, nullable=False),
    Column("at", String, nullable=False, comment="by the helper's clock"),
    Index(None, "recording_id"),
)

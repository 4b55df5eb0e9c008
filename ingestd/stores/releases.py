"""Releases of recorders in the catalogue: how their acts show, and what can be asked.

Writing is called by `projection` alone, inside the transaction of the act.
"""

from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from ingestd.core import erase_acts
from ingestd.core.custody import Entry
from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.schema_fixity import release_receipts, releases

Row = dict[str, Any]

sightings, recordings, contents = schema.sightings, schema.recordings, schema.contents


def project(connection: Connection, entry: Entry) -> None:
    """One of `core.erase_acts.RELEASE_ACTS`."""
    data = entry.data
    if entry.act == erase_acts.ASKED:
        connection.execute(
            insert(releases).values(
                release_id=entry.subject,
                docking_id=data["docking_id"],
                asked_at=entry.time,
                asked_by=entry.actor,
                list_path=data["record"],
                list_sha256=data["record_sha256"],
                files=data["files"],
                size_bytes=data["bytes"],
                device=data["device"],
                diskseq=data["diskseq"],
            )
        )
    elif entry.act == erase_acts.FINISHED:
        ended = {"finished_at": entry.time, "ending": data["ending"], "words": data["words"]}
        connection.execute(update(releases).where(releases.c.release_id == entry.subject).values(**ended))
    elif entry.act == erase_acts.UNREADABLE_LINE:
        words = f"a line of {data['bytes']} bytes that the helper did not write"
        row = {"release_id": entry.subject, "line_sha256": data["line_sha256"], "words": words, "at": entry.time}
        connection.execute(insert(release_receipts).values(**row))
    else:
        row = {
            key: data[key] for key in ("release_id", "line_sha256", "ordinal", "card_path", "outcome", "words", "at")
        }
        connection.execute(insert(release_receipts).values(**row, recording_id=entry.subject))


class ReleaseBook:
    """Questions about releases; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def entries(self, docking_id: str) -> list[Row]:
        """Entries of a docking in the order of the listing, with the recording that holds each.

        Each is a sighting with `sha256`, `state` and `vault_path`; `vault_path` is null where the vault does not hold
        the bytes (any more).
        """
        held = sightings.c.recording_id == recordings.c.recording_id
        content = (contents.c.sha256 == recordings.c.sha256) & contents.c.condemned_seq.is_(None)
        query = select(sightings, recordings.c.sha256, recordings.c.state, contents.c.vault_path)
        query = query.outerjoin(recordings, held).outerjoin(contents, content)
        return self._rows(query.where(sightings.c.docking_id == docking_id).order_by(sightings.c.ordinal))

    def of_docking(self, docking_id: str) -> list[Row]:
        """Releases of one docking, oldest first; the columns of the table, and `outcomes` counted."""
        found = self._rows(select(releases).where(releases.c.docking_id == docking_id).order_by(releases.c.release_id))
        return [row | {"outcomes": self.outcomes(row["release_id"])} for row in found]

    def open(self) -> list[Row]:
        """Releases that were asked for and have not come to their end, oldest first."""
        return self._rows(select(releases).where(releases.c.finished_at.is_(None)).order_by(releases.c.release_id))

    def release(self, release_id: str) -> Row | None:
        """One release; null for one that was never asked for here."""
        return next(iter(self._rows(select(releases).where(releases.c.release_id == release_id))), None)

    def receipts(self, release_id: str) -> list[Row]:
        """What became of each file, in the order of the listing."""
        mine = release_receipts.c.release_id == release_id
        return self._rows(select(release_receipts).where(mine).order_by(release_receipts.c.ordinal))

    def lines_of(self, release_id: str) -> frozenset[str]:
        """SHA-256 of the helper's lines that stand in the ledger."""
        query = select(release_receipts.c.line_sha256).where(release_receipts.c.release_id == release_id)
        return frozenset(row["line_sha256"] for row in self._rows(query))

    def outcomes(self, release_id: str) -> dict[str, int]:
        """Files by what became of them."""
        outcome = release_receipts.c.outcome
        query = select(outcome, func.count().label("count")).where(
            release_receipts.c.release_id == release_id, outcome.is_not(None)
        )
        return {row["outcome"]: row["count"] for row in self._rows(query.group_by(outcome).order_by(outcome))}

    def counts(self) -> dict[str, int]:
        """Files of all releases by what became of them."""
        outcome = release_receipts.c.outcome
        query = select(outcome, func.count().label("count")).where(outcome.is_not(None)).group_by(outcome)
        return {row["outcome"]: row["count"] for row in self._rows(query)}

    def _rows(self, query: Any) -> list[Row]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

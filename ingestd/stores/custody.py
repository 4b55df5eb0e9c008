"""What happened to one recording, gathered from every table that an act about it shows in. Never writes.

Each question asks by an index, so that a page shows it at once. The ledger alone holds every act word for word.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, Select, or_, select

from ingestd.stores import schema
from ingestd.stores.database import translated
from ingestd.stores.schema_access import views
from ingestd.stores.schema_bookmarks import bookmarks
from ingestd.stores.schema_cases import case_acts, case_links
from ingestd.stores.schema_disposal import disposal_items
from ingestd.stores.schema_find import registration_acts
from ingestd.stores.schema_fixity import fixity, fixity_faults, release_receipts
from ingestd.stores.schema_handover import hand_over_records
from ingestd.stores.schema_holds import carrier_acts, carrier_contents, hold_acts, hold_coverage
from ingestd.stores.schema_replicas import replica_copies
from ingestd.stores.schema_vessels import vessel_facts, vessel_matches

Row = dict[str, Any]

STATION = "station"
_MOST = 200
"""Of one kind of act; the newest are shown."""


@dataclass(frozen=True, slots=True)
class CustodyAct:
    """One thing that happened to a recording.

    Args:
        at: UTC text.
        act: noun.verbed, as in the ledger, or what the catalogue keeps of it.
        by: the person, or `station`.
        about: what it names: numbers, reasons, stores. Words of people stand in it as they wrote them.
        seq: its ledger entry; null where the catalogue does not keep it.
    """

    at: str
    act: str
    by: str
    about: Mapping[str, Any] = field(default_factory=dict)
    seq: int | None = None


class CustodyBook:
    """Questions about what happened to recordings; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, recording: Mapping[str, Any]) -> list[CustodyAct]:
        """Everything that the catalogue knows to have happened to a recording, newest first.

        Args:
            recording: a row of the catalogue.
        """
        key, sha256 = recording["recording_id"], recording["sha256"]
        with translated(), self._engine.connect() as connection:

            def rows(query: Select[Any]) -> list[Row]:
                return [dict(row) for row in connection.execute(query.limit(_MOST)).mappings()]

            acts = [
                CustodyAct(recording["sealed_at"], "recording.sealed", STATION, {"sha256": sha256}),
                *self._handed_over(recording, rows),
                *self._seen(recording, rows),
                *self._said(key, recording["docking_id"], rows),
                *self._linked(key, rows),
                *self._held(key, rows),
                *self._copied(key, sha256, recording["vault_path"], rows),
                *self._gone(key, rows),
                *self._viewed(key, rows),
            ]
        return sorted(acts, key=lambda one: (one.at, one.seq or 0), reverse=True)

    def _handed_over(self, recording: Mapping[str, Any], rows: Any) -> Iterable[CustodyAct]:
        table = hand_over_records
        for row in rows(select(table).where(table.c.docking_id == recording["docking_id"])):
            number = {"number": row["number"]}
            yield CustodyAct(row["made_at"], "handover.receipt_made", STATION, number)
            if row["addendum_at"] is not None:
                yield CustodyAct(row["addendum_at"], "handover.addendum_made", STATION, number)
            for one in row["confirmations"]:
                about = number | {"part": one.get("part", "")}
                yield CustodyAct(one["at"], "handover.record_confirmed", str(one.get("by", "")), about)
        if recording["admission_settled_at"] is not None:
            about = {
                "recorder": recording["admission_settled_recorder"],
                "reason": recording["admission_settled_reason"],
            }
            yield CustodyAct(
                recording["admission_settled_at"], "docking.admitted", recording["admission_settled_by"], about
            )

    def _seen(self, recording: Mapping[str, Any], rows: Any) -> Iterable[CustodyAct]:
        table, dockings = schema.sightings, schema.dockings
        query = select(table.c.docking_id, table.c.card_path, dockings.c.opened_at, dockings.c.bay)
        query = query.join(dockings, dockings.c.docking_id == table.c.docking_id)
        for row in rows(query.where(table.c.recording_id == recording["recording_id"])):
            about = {key: row[key] for key in ("docking_id", "card_path", "bay")}
            is_first = row["docking_id"] == recording["docking_id"]
            yield CustodyAct(row["opened_at"], "recording.seen" if is_first else "recording.seen_again", STATION, about)

    def _said(self, key: str, docking: str, rows: Any) -> Iterable[CustodyAct]:
        acts = registration_acts
        for row in rows(select(acts).where(acts.c.recording_id == key).order_by(acts.c.seq.desc())):
            about = {"fields": sorted(row["document"]["after"]), "note": row["document"]["note"]}
            yield CustodyAct(row["at"], "recording.registered", row["actor"], about, row["seq"])
        said = schema.explanations
        for row in rows(select(said).where(said.c.subject.in_((key, docking)))):
            if row["subject"] == docking and key not in row["document"]["finding"]["about"]:
                continue
            about = {"code": row["code"], "words": row["document"]["words"]}
            yield CustodyAct(
                row["explained_at"], "finding.explained", row["explained_by"], about, row["explanation_id"]
            )
            if row["withdrawn_at"] is not None:
                about = {"code": row["code"], "words": row["withdrawn_reason"]}
                yield CustodyAct(row["withdrawn_at"], "finding.explanation_withdrawn", row["withdrawn_by"], about)
        marks = bookmarks
        for row in rows(select(marks).where(marks.c.recording_id == key)):
            about = {"at_s": row["at_s"], "kind": row["kind"], "words": row["words"]}
            yield CustodyAct(row["marked_at"], "bookmark.set", row["marked_by"], about, row["bookmark_id"])
            if row["removed_at"] is not None:
                about = {"at_s": row["at_s"], "kind": row["kind"], "words": row["removed_reason"]}
                yield CustodyAct(row["removed_at"], "bookmark.removed", row["removed_by"], about)
        facts = vessel_facts
        for row in rows(select(facts).where(facts.c.recording_id == key)):
            about = {"name": row["name"] or row["number"], "mmsi": row["mmsi"], "words": row["document"]["note"]}
            yield CustodyAct(row["said_at"], f"vessel.{row['kind']}", row["said_by"], about, row["fact_id"])
        matches = vessel_matches
        for row in rows(select(matches.c.matched_at).where(matches.c.recording_id == key)):
            yield CustodyAct(row["matched_at"], "vessel.matched", STATION)

    def _linked(self, key: str, rows: Any) -> Iterable[CustodyAct]:
        """Links that stand or ended, of the cases that it is linked to now."""
        mine = select(case_links.c.case_number).where(case_links.c.recording_id == key)
        query = select(case_acts).where(
            case_acts.c.subject.in_(mine), case_acts.c.act.in_(("case.linked", "case.unlinked"))
        )
        for row in rows(query.order_by(case_acts.c.seq.desc())):
            document = row["document"]
            if key in (document.get("after") or {}) or key in (document.get("before") or {}):
                about = {"case": row["subject"], "words": document.get("reason", "")}
                yield CustodyAct(row["at"], row["act"], row["actor"], about, row["seq"])

    def _held(self, key: str, rows: Any) -> Iterable[CustodyAct]:
        mine = select(hold_coverage.c.hold_id).where(hold_coverage.c.recording_id == key)
        for row in rows(select(hold_acts).where(hold_acts.c.subject.in_(mine)).order_by(hold_acts.c.seq.desc())):
            words = row["document"].get("reason") or row["document"].get("note") or ""
            about = {"hold": row["subject"], "words": words}
            yield CustodyAct(row["at"], row["act"], row["actor"], about, row["seq"])
        written = select(carrier_contents.c.carrier_id, carrier_contents.c.seq)
        written = written.where(carrier_contents.c.recording_id == key)
        entered = {row["seq"]: row["carrier_id"] for row in rows(written)}
        of_them = or_(
            carrier_acts.c.seq.in_(entered),
            carrier_acts.c.carrier_id.in_(entered.values())
            & carrier_acts.c.act.in_(("carrier.read", "carrier.withdrawn")),
        )
        for row in rows(select(carrier_acts).where(of_them)) if entered else ():
            yield CustodyAct(row["at"], row["act"], row["actor"], {"carrier": row["carrier_id"]}, row["seq"])

    def _copied(self, key: str, sha256: str, path: str, rows: Any) -> Iterable[CustodyAct]:
        copies = replica_copies
        for row in rows(select(copies).where(or_(copies.c.sha256 == sha256, copies.c.recording_id == key))):
            about = {name: row[name] for name in ("store", "kind", "locked_until", "sha256")}
            yield CustodyAct(row["stored_at"], "replica.stored", STATION, about)
            if row["verified_at"] != row["stored_at"]:
                yield CustodyAct(row["verified_at"], "replica.read", STATION, about)
        for row in rows(select(fixity.c.checked_at).where(fixity.c.sha256 == sha256)):
            yield CustodyAct(row["checked_at"], "fixity.read", STATION, {"sha256": sha256})
        for row in rows(select(fixity_faults).where(fixity_faults.c.path == path)):
            yield CustodyAct(row["failed_at"], "fixity.failed", STATION, {"words": row["words"]}, row["seq"])

    def _gone(self, key: str, rows: Any) -> Iterable[CustodyAct]:
        receipts = release_receipts
        for row in rows(select(receipts).where(receipts.c.recording_id == key)):
            about = {"outcome": row["outcome"], "words": row["words"]}
            yield CustodyAct(row["at"], "recording.released", STATION, about)
        items = disposal_items
        for row in rows(select(items).where(items.c.recording_id == key)):
            about = {"disposal": row["number"], "words": row["words"]}
            yield CustodyAct(row["at"], f"disposal.{row['state']}", row["actor"], about, row["condemned_seq"])

    def _viewed(self, key: str, rows: Any) -> Iterable[CustodyAct]:
        for row in rows(select(views).where(views.c.recording_id == key).order_by(views.c.seq.desc())):
            about = {"kind": row["kind"], "request": row["request"], "sample": row["sample"]}
            yield CustodyAct(row["at"], "view.registered", row["person"], about, row["seq"])

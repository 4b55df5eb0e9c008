"""Vessels beside recordings in the catalogue: how their acts show, and what can be asked.

Writing is called by `projection` alone, inside the transaction of the act. What was heard lies in `stores.heard`.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from ingestd.core.custody import Entry
from ingestd.core.errors import IntegrityError
from ingestd.core.vessel_acts import FactKind, VesselFact
from ingestd.stores import schema
from ingestd.stores.cases import FOOTAGE_KINDS
from ingestd.stores.database import translated
from ingestd.stores.positions import KIND
from ingestd.stores.schema_vessels import vessel_facts, vessel_matches

Row = dict[str, Any]

_recordings, _derived = schema.recordings, schema.derived


# How acts show


def said(connection: Connection, entry: Entry) -> None:
    """A person confirmed, named or overruled a vessel; what that ends stands no more.

    Raises:
        IntegrityError: it ends what does not stand.
    """
    for ended in entry.data["ends"]:
        stands = (vessel_facts.c.fact_id == ended) & vessel_facts.c.ended_by.is_(None)
        if connection.execute(update(vessel_facts).where(stands).values(ended_by=entry.seq)).rowcount != 1:
            raise IntegrityError(f"ledger entry {entry.seq} ends vessel fact {ended}, which does not stand")
    vessel = entry.data["vessel"]
    connection.execute(
        insert(vessel_facts).values(
            fact_id=entry.seq,
            recording_id=entry.subject,
            kind=entry.act.partition(".")[2],
            distance_m=entry.data.get("distance_m"),
            age_s=entry.data.get("age_s"),
            is_by_hand=vessel["mmsi"] is None,
            said_at=entry.time,
            said_by=entry.actor,
            document=entry.data,
            **vessel,
        )
    )


def matched(connection: Connection, entry: Entry) -> None:
    """The station held a recording's track against what was heard."""
    connection.execute(delete(vessel_matches).where(vessel_matches.c.recording_id == entry.subject))
    row = {"recording_id": entry.subject, "matched_at": entry.time, "document": entry.data}
    connection.execute(insert(vessel_matches).values(**row))


# What can be asked


class VesselBook:
    """Questions to what is known of vessels beside recordings; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def candidates_of(self, recording_id: str) -> list[Row]:
        """Candidates as the station found them last (`core.vessels.Candidate.document`)."""
        match = self.match_of(recording_id)
        return list(match["candidates"]) if match is not None else []

    def match_of(self, recording_id: str) -> Row | None:
        """`candidates`, `basis` and `reports_heard` of the last match; null where there was none."""
        query = select(vessel_matches.c.document).where(vessel_matches.c.recording_id == recording_id)
        rows = self._rows(query)
        return dict(rows[0]["document"]) if rows else None

    def facts_of(self, recording_id: str) -> list[VesselFact]:
        """All that people said of vessels beside a recording, in order, also what stands no more."""
        query = select(vessel_facts).where(vessel_facts.c.recording_id == recording_id)
        return [_fact(row) for row in self._rows(query.order_by(vessel_facts.c.fact_id))]

    def facts_of_all(self, recordings: Collection[str]) -> list[VesselFact]:
        """The same of many recordings, few hundred at most."""
        query = select(vessel_facts).where(vessel_facts.c.recording_id.in_(sorted(recordings)))
        return [_fact(row) for row in self._rows(query.order_by(vessel_facts.c.fact_id))]

    def candidates_of_all(self, recordings: Collection[str]) -> dict[str, list[Row]]:
        """Candidates as of `candidates_of`, by recording; few hundred recordings at most."""
        query = select(vessel_matches).where(vessel_matches.c.recording_id.in_(sorted(recordings)))
        return {row["recording_id"]: list(row["document"]["candidates"]) for row in self._rows(query)}

    def confirmed_of(self, recording_id: str) -> list[VesselFact]:
        """The vessels that stand with a recording: confirmed out of AIS, or named by hand."""
        facts = self.facts_of(recording_id)
        return [one for one in facts if one.ended_by is None and one.kind is not FactKind.OVERRULED]

    def recordings_with(self, vessel: str, limit: int = 1000) -> list[VesselFact]:
        """What stands of a vessel, by a part of its name or 船号, its MMSI, IMO number or call sign; newest first."""
        columns = vessel_facts.c
        is_named = columns.name.contains(vessel, autoescape=True) | columns.number.contains(vessel, autoescape=True)
        is_named = is_named | (columns.call_sign == vessel.upper())
        if vessel.isascii() and vessel.isdigit() and len(vessel) <= 9:
            is_named = is_named | (columns.mmsi == int(vessel)) | (columns.imo == int(vessel))
        query = select(vessel_facts).where(is_named, columns.ended_by.is_(None), columns.kind != FactKind.OVERRULED)
        return [_fact(row) for row in self._rows(query.order_by(columns.fact_id.desc()).limit(limit))]

    def standing(self, limit: int = 1000) -> list[VesselFact]:
        """The latest vessels that stand with any recording, newest first."""
        columns = vessel_facts.c
        query = select(vessel_facts).where(columns.ended_by.is_(None), columns.kind != FactKind.OVERRULED)
        return [_fact(row) for row in self._rows(query.order_by(columns.fact_id.desc()).limit(limit))]

    def with_track(self, start: str, end: str, *, unmatched: bool) -> list[str]:
        """Footage with a track that touches a span of time, oldest first; `unmatched`: only those never matched."""
        query = (
            select(_recordings.c.recording_id)
            .join(_derived, (_derived.c.recording_id == _recordings.c.recording_id) & (_derived.c.kind == KIND))
            .where(_recordings.c.kind.in_(FOOTAGE_KINDS))
            .where(_recordings.c.recorded_start <= end, _recordings.c.recorded_end >= start)
            .order_by(_recordings.c.recorded_start, _recordings.c.recording_id)
        )
        if unmatched:
            known = select(vessel_matches.c.recording_id)
            query = query.where(_recordings.c.recording_id.not_in(known))
        return [row["recording_id"] for row in self._rows(query)]

    def _rows(self, query: Any) -> Sequence[Mapping[str, Any]]:
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _fact(row: Mapping[str, Any]) -> VesselFact:
    keys = ("fact_id", "recording_id", "mmsi", "name", "number", "imo", "call_sign", "distance_m", "age_s")
    own = {key: row[key] for key in (*keys, "is_by_hand", "said_by", "said_at", "ended_by")}
    ais_name = (row["document"].get("candidate") or {}).get("name")
    return VesselFact(kind=FactKind(row["kind"]), ais_name=ais_name, note=row["document"]["note"], **own)

"""How each act of the ledger shows in the catalogue. The same code serves the living station and a rebuild.

Every function is idempotent only together with `meta.applied_seq`: `chronicle` applies each entry exactly once, in
order, inside one transaction with that number.
"""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from ingestd.core.access_acts import ACCESS_ACTS, VIEWED
from ingestd.core.account_acts import ACCOUNT_ACTS
from ingestd.core.carriers import CARRIER_ACTS
from ingestd.core.case_acts import CASE_ACTS
from ingestd.core.custody import Entry
from ingestd.core.device_acts import DEVICE_ACTS, UNREADABLE
from ingestd.core.disposal_acts import CONDEMNED, DISPOSED
from ingestd.core.erase_acts import RELEASE_ACTS
from ingestd.core.errors import IntegrityError
from ingestd.core.facts import MediaKind
from ingestd.core.hold_acts import DECLINED, HOLD_ACTS
from ingestd.core.lifecycle import ALLOWED_MOVES, Fate, State
from ingestd.core.manifest import sha256_of
from ingestd.core.register_acts import DISCLOSURE_ACTS
from ingestd.core.replica_acts import REPLICA_ACTS
from ingestd.core.roster_acts import ROSTER_ACTS
from ingestd.core.sample_acts import SAMPLE_ACTS
from ingestd.core.vessel_acts import VESSEL_FACT_ACTS
from ingestd.stores import (
    access,
    accounts,
    ais,
    bookmarks,
    carriers,
    cases,
    clocks,
    deviceacts,
    disposal,
    explanations,
    find_index,
    fixity,
    fleet,
    handover,
    handover_records,
    heads,
    holds,
    ownacts,
    registers,
    registration,
    releases,
    replicas,
    roster,
    samples,
    schema,
    structures,
    terms,
)

Document = dict[str, Any]

_LATEST = "latest_time"
_TOGETHER = 500
"""Recordings that one statement moves: below the variables that SQLite allows to a statement."""


ReadDocument = Callable[[str], bytes]
"""Gives the bytes of a document of the vault by its path."""


def apply_all(connection: Connection, read: ReadDocument, entries: Sequence[Entry]) -> None:
    """Let entries show in the catalogue, in order; acts of one kind that follow each other go in together.

    Raises:
        IntegrityError: an entry refers to a document of the vault that is not the one it was written for, or asks
            for a move that the lifecycle does not allow.
    """
    before = _times_before(connection, entries)
    ownacts.followed(connection, entries)
    for act, group in itertools.groupby(entries, key=lambda entry: entry.act):
        if act == "recording.sealed":
            sealed = list(group)
            _recordings_sealed(connection, read, sealed, before)
            replicas.follow(connection, act, sealed)
            continue
        if act in _MOVES:
            while some := list(itertools.islice(group, _TOGETHER)):
                _MOVES[act](connection, some)
                find_index.follow(connection, act, some)
                holds.follow(connection, act, some)
            continue
        project = _PROJECTIONS.get(act)
        if project is not None:
            for entry in group:
                project(connection, read, entry)
                find_index.follow(connection, act, [entry])
                holds.follow(connection, act, [entry])
                replicas.follow(connection, act, [entry])


def read_sealed_document(read: ReadDocument, path: str, digest: str) -> Document:
    """A document of the vault, checked against the digest that the ledger holds of it."""
    data = read(path)
    if sha256_of(data) != digest:
        raise IntegrityError(f"{path} is not the document that the ledger names", "restore it from a backup or replica")
    document: Document = json.loads(data)
    return document


def _docking_listed(connection: Connection, read: ReadDocument, entry: Entry) -> None:
    document = read_sealed_document(read, entry.data["listing"], entry.data["listing_sha256"])
    docking, files = document["docking"], document["entries"]
    connection.execute(
        insert(schema.dockings).values(
            docking_id=entry.subject,
            bay=docking["bay"],
            inlet=docking["inlet"],
            recorder_id=docking["recorder"]["recorder_id"],
            recorder_key=docking["recorder"]["key"],
            opened_at=docking["opened_at"],
            folder=docking["folder"],
            entries=len(files),
            bytes=sum(file["size_bytes"] for file in files),
            document={
                "recorder": docking["recorder"],
                "volume": docking["volume"],
                "origin": docking.get("origin"),
            },
            has_sets=False,
        )
    )
    fleet.listed(connection, entry, document)
    if files:
        columns = {column.name for column in schema.sightings.columns}
        rows = [
            {key: value for key, value in file.items() if key in columns}
            | {"docking_id": entry.subject, "fate": Fate.PENDING, "reason": None, "recording_id": None}
            for file in files
        ]
        connection.execute(insert(schema.sightings), rows)


def _times_before(connection: Connection, entries: Sequence[Entry]) -> Mapping[int, str]:
    """For each entry the latest time that the ledger had before it; empty for none. The latest of all is kept."""
    if not entries:
        return {}
    table = schema.meta
    known = connection.execute(select(table.c.value).where(table.c.key == _LATEST)).scalar_one_or_none()
    latest, before = known or "", {}
    for entry in entries:
        before[entry.seq] = latest
        latest = max(latest, entry.time)
    if known is None:
        connection.execute(insert(table).values(key=_LATEST, value=latest))
    elif latest != known:
        connection.execute(update(table).where(table.c.key == _LATEST).values(value=latest))
    return before


def _recordings_sealed(
    connection: Connection, read: ReadDocument, entries: Sequence[Entry], before: Mapping[int, str]
) -> None:
    contents, recordings, fates = [], [], []
    for entry in entries:
        birth = read_sealed_document(read, entry.data["sidecar"], entry.data["sidecar_sha256"])
        content, docking = birth["content"], birth["docking"]["docking_id"]
        held = {"sha256": content["sha256"], "size_bytes": content["size_bytes"], "vault_path": content["path"]}
        contents.append(held | {"sealed_at": birth["sealed_at"]})
        recordings.append(
            {
                "recording_id": entry.subject,
                "sha256": content["sha256"],
                "size_bytes": content["size_bytes"],
                "docking_id": docking,
                "recorder_id": birth["recorder"]["recorder_id"],
                "recorder_key": birth["recorder"]["key"],
                "card_path": birth["card"]["path"],
                "modified_ns": birth["card"]["modified_ns"],
                "profile_id": birth["profile_id"],
                "sidecar_path": entry.data["sidecar"],
                "sealed_at": birth["sealed_at"],
                "origin": (birth["docking"].get("origin") or {}).get("kind"),
                "state": State.SEALED,
                # A clock that was behind made the term begin too early; disposal adds what is missing.
                "sealed_behind": before[entry.seq] if before[entry.seq] > birth["sealed_at"] else None,
            }
        )
        fate = Fate.PARTIAL if content["unreadable"] else Fate.COPIED
        fates.append(
            {
                "of_docking": docking,
                "of_ordinal": birth["card"]["ordinal"],
                "fate": fate,
                "reason": None,
                "recording_id": entry.subject,
            }
        )
    statement = upsert(schema.contents)
    statement = statement.on_conflict_do_update(
        index_elements=["sha256"], set_={"vault_path": statement.excluded.vault_path, "condemned_seq": None}
    )
    connection.execute(statement, contents)
    fixity.sealed(connection, contents)
    connection.execute(insert(schema.recordings), recordings)
    _settle(connection, fates)


def _sightings_settled(connection: Connection, _: ReadDocument, entry: Entry) -> None:
    _settle(
        connection,
        [
            {
                "of_docking": entry.subject,
                "of_ordinal": item["ordinal"],
                "fate": Fate(item["fate"]),
                "reason": item.get("reason"),
                "recording_id": item.get("recording_id"),
            }
            for item in entry.data["items"]
        ],
    )


def _settle(connection: Connection, fates: Sequence[Document]) -> None:
    table = schema.sightings
    place = (table.c.docking_id == bindparam("of_docking")) & (table.c.ordinal == bindparam("of_ordinal"))
    settled = connection.execute(update(table).where(place), fates)
    if settled.rowcount != len(fates):
        places = {(one["of_docking"], one["of_ordinal"]) for one in fates}
        raise IntegrityError(f"an entry was settled that no docking listed, among {sorted(places)[:3]}")


def _docking_closed(connection: Connection, _: ReadDocument, entry: Entry) -> None:
    table = schema.dockings
    document = connection.execute(
        select(table.c.document).where(table.c.docking_id == entry.subject)
    ).scalar_one_or_none()
    if document is None:
        raise IntegrityError(f"docking {entry.subject} was never listed")
    connection.execute(
        update(table)
        .where(table.c.docking_id == entry.subject)
        .values(
            closed_at=entry.time,
            outcome=entry.data["outcome"],
            document=document | {"accounting": entry.data["accounting"]},
        )
    )


def _finding_noted(connection: Connection, _: ReadDocument, entry: Entry) -> None:
    _add_findings(connection, entry, entry.data["findings"], start=0, docking=entry.data.get("docking_id"))


def _add_findings(
    connection: Connection,
    entry: Entry,
    findings: list[Document],
    *,
    start: int,
    docking: str | None = None,
    recording: str | None = None,
    recorder_key: str | None = None,
) -> None:
    rows = [
        {
            "finding_id": f"{entry.seq}.{start + position}",
            "code": document["code"],
            "severity": document["severity"],
            "scope": document["scope"],
            "recording_id": recording or document.get("recording_id"),
            "docking_id": docking,
            "recorder_key": recorder_key,
            "noted_at": entry.time,
            "document": {key: value for key, value in document.items() if key != "recording_id"},
            "superseded_by": None,
        }
        for position, document in enumerate(findings)
    ]
    if rows:
        connection.execute(insert(schema.findings), rows)


def _recordings_analysed(connection: Connection, entries: Sequence[Entry]) -> None:
    values = [
        {
            "facts": (facts := entry.data["facts"]),
            "kind": facts["kind"] if facts else MediaKind.UNKNOWN,
            "duration_s": facts["duration_s"] if facts else None,
        }
        for entry in entries
    ]
    _move(connection, entries, State.ANALYSED, values)
    for entry in entries:
        _add_findings(connection, entry, entry.data["findings"], start=0, recording=entry.subject)


def _recordings_tagged(connection: Connection, entries: Sequence[Entry]) -> None:
    values = [
        {
            "recorded_start": entry.data["times"]["start"],
            "recorded_end": entry.data["times"]["end"],
            "tags": entry.data["tags"],
        }
        for entry in entries
    ]
    _move(connection, entries, State.TAGGED, values)
    for entry in entries:
        _add_findings(connection, entry, entry.data["findings"], start=0, recording=entry.subject)


def _recordings_catalogued(connection: Connection, entries: Sequence[Entry]) -> None:
    values = [
        {
            "keep_until": entry.data["retention"]["keep_until"],
            "kept_by": terms.kept_by(entry.data["retention"]),
            "retention": entry.data["retention"],
            "hand_over_state": entry.data["hand_over"]["state"],
            "hand_over": entry.data["hand_over"],
        }
        for entry in entries
    ]
    _move(connection, entries, State.CATALOGUED, values)
    for entry in entries:
        terms.decided(connection, entry)


def _recordings_condemned(connection: Connection, entries: Sequence[Entry]) -> None:
    _move(connection, entries, State.CONDEMNED, [{}] * len(entries))
    for entry in entries:
        disposal.condemned(connection, entry)


def _recordings_disposed(connection: Connection, entries: Sequence[Entry]) -> None:
    _move(connection, entries, State.DISPOSED, [{}] * len(entries))
    for entry in entries:
        disposal.disposed(connection, entry)


def _disposal_planned(connection: Connection, read: ReadDocument, entry: Entry) -> None:
    document = read_sealed_document(read, entry.data["plan"], entry.data["plan_sha256"])
    disposal.planned(connection, entry, document)


def _recording_retagged(connection: Connection, _: ReadDocument, entry: Entry) -> None:
    """The tags of a recording follow what people said since; its state stays."""
    _set(connection, entry, {"tags": entry.data["tags"]})
    findings = schema.findings
    for finding_id in entry.data["superseded"]:
        connection.execute(update(findings).where(findings.c.finding_id == finding_id).values(superseded_by=entry.seq))
    _add_findings(connection, entry, entry.data["findings"], start=0, recording=entry.subject)


def _recording_redecided(connection: Connection, _: ReadDocument, entry: Entry) -> None:
    """Term or hand-over of a recording were decided anew; its state stays."""
    values: Document = {}
    if "retention" in entry.data:
        retention = entry.data["retention"]
        values |= {"keep_until": retention["keep_until"], "kept_by": terms.kept_by(retention), "retention": retention}
    if "hand_over" in entry.data:
        values |= {"hand_over_state": entry.data["hand_over"]["state"], "hand_over": entry.data["hand_over"]}
    _set(connection, entry, values)
    if "retention" in entry.data:
        terms.decided(connection, entry)


def _set(connection: Connection, entry: Entry, values: Document) -> None:
    table = schema.recordings
    changed = connection.execute(update(table).where(table.c.recording_id == entry.subject).values(**values))
    if changed.rowcount != 1:
        raise IntegrityError(f"ledger entry {entry.seq} speaks of {entry.subject}, which is in no catalogue")


def _move(connection: Connection, entries: Sequence[Entry], target: State, values: Sequence[Document]) -> None:
    """Give recordings their next state and what came with it, all with one statement."""
    table = schema.recordings
    subjects = [entry.subject for entry in entries]
    found = connection.execute(select(table.c.recording_id, table.c.state).where(table.c.recording_id.in_(subjects)))
    states = {row.recording_id: row.state for row in found}
    for entry in entries:
        standing = states.get(entry.subject)
        if standing is None or target not in ALLOWED_MOVES[State(standing)]:
            raise IntegrityError(f"ledger entry {entry.seq} moves {entry.subject} from {standing} to {target}")
        states[entry.subject] = target
    rows = [{**own, "of_recording": entry.subject} for own, entry in zip(values, entries, strict=True)]
    # The columns are named to the statement; each row brings their values.
    statement = update(table).where(table.c.recording_id == bindparam("of_recording"))
    columns: dict[str, Any] = {name: bindparam(name) for name in values[0]}
    connection.execute(statement.values(state=target, **columns), rows)


def _sets_assembled(connection: Connection, _: ReadDocument, entry: Entry) -> None:
    """Takes of one recorder around one docking. What was said earlier of the same recordings is superseded."""
    recordings, findings = schema.recordings, schema.findings
    considered = set(entry.data["considered"])
    older = connection.execute(
        select(findings.c.finding_id, findings.c.recording_id, findings.c.document).where(
            findings.c.recorder_key == entry.data["recorder_key"], findings.c.superseded_by.is_(None)
        )
    ).all()
    gone = [row.finding_id for row in older if considered.issuperset(row.document["files"] or [row.recording_id])]
    for finding_id in gone:
        connection.execute(update(findings).where(findings.c.finding_id == finding_id).values(superseded_by=entry.seq))
    for take in entry.data["takes"]:
        for recording in take["recordings"]:
            connection.execute(
                update(recordings).where(recordings.c.recording_id == recording).values(take_id=take["take_id"])
            )
    _add_findings(
        connection,
        entry,
        entry.data["findings"],
        start=0,
        docking=entry.subject,
        recorder_key=entry.data["recorder_key"],
    )
    table = schema.dockings
    connection.execute(update(table).where(table.c.docking_id == entry.subject).values(has_sets=True))


def _clock_measured(connection: Connection, _: ReadDocument, entry: Entry) -> None:
    clocks.measured(connection, entry)
    key = entry.data["recorder_key"]
    _add_findings(connection, entry, entry.data["findings"], start=0, docking=entry.subject, recorder_key=key)


def _listings_compared(connection: Connection, _: ReadDocument, entry: Entry) -> None:
    """Files that earlier listings of a card had. What is there again, or was secured, is not gone any more."""
    findings = schema.findings
    for finding_id in entry.data["came_back"]:
        connection.execute(update(findings).where(findings.c.finding_id == finding_id).values(superseded_by=entry.seq))
    key = entry.data["recorder_key"]
    _add_findings(connection, entry, entry.data["findings"], start=0, docking=entry.subject, recorder_key=key)


def _derived_made(connection: Connection, _: ReadDocument, entry: Entry) -> None:
    table = schema.derived
    held = select(schema.recordings.c.state).where(schema.recordings.c.recording_id == entry.subject)
    if connection.execute(held).scalar_one_or_none() in (State.CONDEMNED, State.DISPOSED):
        # Looked at, or found impossible, while its disposal began: no file comes of it (`pipeline.derive`).
        return
    connection.execute(delete(table).where(table.c.recording_id == entry.subject, table.c.kind == entry.data["kind"]))
    connection.execute(
        insert(table).values(
            recording_id=entry.subject,
            kind=entry.data["kind"],
            vault_path=entry.data["path"],
            sha256=entry.data["sha256"],
            size_bytes=entry.data["size_bytes"],
            document=entry.data["document"],
        )
    )
    if entry.data.get("findings"):
        # What a derived object told about the original takes the place of what was known without it.
        findings = schema.findings
        codes = {document["code"] for document in entry.data["findings"]}
        connection.execute(
            update(findings)
            .where(
                findings.c.recording_id == entry.subject,
                findings.c.code.in_(codes),
                findings.c.superseded_by.is_(None),
            )
            .values(superseded_by=entry.seq)
        )
        _add_findings(connection, entry, entry.data["findings"], start=0, recording=entry.subject)


_MOVES: Mapping[str, Callable[[Connection, Sequence[Entry]], None]] = {
    "recording.analysed": _recordings_analysed,
    "recording.tagged": _recordings_tagged,
    "recording.catalogued": _recordings_catalogued,
    CONDEMNED: _recordings_condemned,
    DISPOSED: _recordings_disposed,
}

_PROJECTIONS: Mapping[str, Callable[[Connection, ReadDocument, Entry], None]] = {
    "docking.listed": _docking_listed,
    "docking.settled": _sightings_settled,
    "docking.closed": _docking_closed,
    "finding.noted": _finding_noted,
    "recording.retagged": _recording_retagged,
    "recording.redecided": _recording_redecided,
    "regime.adopted": lambda connection, _, entry: terms.adopted(connection, entry),
    "retention.age_settled": lambda connection, _, entry: terms.age_settled(connection, entry),
    "retention.change_planned": lambda connection, _, entry: terms.change_planned(connection, entry),
    "retention.change_approved": lambda connection, _, entry: terms.change_approved(connection, entry),
    "retention.change_applied": lambda connection, _, entry: terms.change_applied(connection, entry),
    "recording.registered": lambda connection, _, entry: registration.registered(connection, entry),
    "handover.declared": lambda connection, _, entry: handover.declared(connection, entry),
    "handover.declaration_withdrawn": lambda connection, _, entry: handover.withdrawn(connection, entry),
    "handover.receipt_made": lambda connection, _, entry: handover_records.receipt_made(connection, entry),
    "handover.addendum_made": lambda connection, _, entry: handover_records.addendum_made(connection, entry),
    "handover.record_printed": lambda connection, _, entry: handover_records.printed(connection, entry),
    "handover.record_confirmed": lambda connection, _, entry: handover_records.confirmed(connection, entry),
    "set.assembled": _sets_assembled,
    "clock.measured": _clock_measured,
    "listing.compared": _listings_compared,
    "structure.reset": lambda connection, _, entry: structures.reset(connection, entry),
    "ledger.key_entered": lambda connection, _, entry: heads.key_entered(connection, entry),
    "ledger.head_signed": lambda connection, _, entry: heads.head_signed(connection, entry),
    "config.changed": lambda connection, _, entry: heads.configuration_changed(connection, entry),
    **dict.fromkeys(ACCOUNT_ACTS, lambda connection, _, entry: accounts.account_changed(connection, entry)),
    "derived.made": _derived_made,
    "disposal.planned": _disposal_planned,
    **dict.fromkeys(
        ("disposal.approved", "disposal.refused", "disposal.certified"),
        lambda connection, _, entry: disposal.plan_changed(connection, entry),
    ),
    **dict.fromkeys(
        ("disposal.recovered", "disposal.spared"), lambda connection, _, entry: disposal.taken_out(connection, entry)
    ),
    "finding.explained": lambda connection, _, entry: explanations.explained(connection, entry),
    "finding.explanation_withdrawn": lambda connection, _, entry: explanations.withdrawn(connection, entry),
    "docking.admitted": lambda connection, _, entry: fleet.settled(connection, entry),
    **dict.fromkeys((*DEVICE_ACTS, UNREADABLE), lambda connection, _, entry: deviceacts.noted(connection, entry)),
    "bookmark.set": lambda connection, _, entry: bookmarks.marked(connection, entry),
    "bookmark.removed": lambda connection, _, entry: bookmarks.removed(connection, entry),
    "case.linked": lambda connection, _, entry: cases.linked(connection, entry),
    "case.unlinked": lambda connection, _, entry: cases.unlinked(connection, entry),
    **dict.fromkeys(CASE_ACTS, lambda connection, _, entry: cases.case_changed(connection, entry)),
    **dict.fromkeys(
        ("complaint.entered", "complaint.changed"),
        lambda connection, _, entry: cases.complaint_changed(connection, entry),
    ),
    **dict.fromkeys(
        ("unit.entered", "unit.changed"), lambda connection, _, entry: cases.unit_changed(connection, entry)
    ),
    **dict.fromkeys(VESSEL_FACT_ACTS, lambda connection, _, entry: ais.said(connection, entry)),
    "vessel.matched": lambda connection, _, entry: ais.matched(connection, entry),
    **dict.fromkeys(fleet.REGISTER_ACTS, lambda connection, _, entry: fleet.register_changed(connection, entry)),
    **dict.fromkeys(ROSTER_ACTS, lambda connection, _, entry: roster.entry_changed(connection, entry)),
    **dict.fromkeys(HOLD_ACTS, lambda connection, _, entry: holds.hold_changed(connection, entry)),
    **dict.fromkeys(CARRIER_ACTS, lambda connection, _, entry: carriers.carrier_changed(connection, entry)),
    **dict.fromkeys(DISCLOSURE_ACTS, lambda connection, _, entry: registers.disclosure_changed(connection, entry)),
    "nonduty.noted": lambda connection, _, entry: registers.nonduty_noted(connection, entry),
    "nonduty.settled": lambda connection, _, entry: registers.nonduty_settled(connection, entry),
    **dict.fromkeys(SAMPLE_ACTS, lambda connection, _, entry: samples.sample_changed(connection, entry)),
    DECLINED: lambda connection, _, entry: holds.declined(connection, entry),
    **dict.fromkeys(ACCESS_ACTS, lambda connection, _, entry: access.request_changed(connection, entry)),
    VIEWED: lambda connection, _, entry: access.viewed(connection, entry),
    "roster.settled": lambda connection, _, entry: roster.settled(connection, entry),
    **dict.fromkeys(fixity.FIXITY_ACTS, lambda connection, _, entry: fixity.project(connection, entry)),
    **dict.fromkeys(REPLICA_ACTS, lambda connection, _, entry: replicas.project(connection, entry)),
    **dict.fromkeys(RELEASE_ACTS, lambda connection, _, entry: releases.project(connection, entry)),
}

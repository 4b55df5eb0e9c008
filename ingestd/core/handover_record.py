"""The hand-over record (交接记录, 卫健 28): who handed over what to whom, when, with which hashes; its acts and form.

Two papers of one number: the receipt at seal, and the addendum once everything is analysed (decision 18). The acts
hold what was said when the paper was made; the files are those of the docking, held to the digest that the act names.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ingestd.core.custody import Act
from ingestd.core.errors import RefusedError
from ingestd.core.fleet_acts import Text, Words
from ingestd.core.manifest import canonical_json, sha256_of

FORMAT = "ingestd-hand-over/1"

MOST_FINDINGS = 500
"""Findings that an addendum lists; it names the number of all."""

_LARGEST_HOLE = 200
"""Numbers that lie further apart do not count on: the recorder was reset, or its numbers are none."""

Document = dict[str, Any]
Role = Literal["giver", "receiver"]
ROLE_WORDS: Mapping[str, str] = {"giver": "handed over by · 移交人", "receiver": "received by · 接收人"}


class CountedName(NamedTuple):
    """A file whose name carries a number: of which counter (`series`), since when it was recorded, and the number."""

    series: str
    start: dt.datetime
    number: int


@dataclass(frozen=True, slots=True)
class Parts:
    """What a receipt is made of, besides its number."""

    docking: Mapping[str, Any]
    recorder: Mapping[str, Any]
    givers: Sequence[Mapping[str, Any]]
    files: Sequence[Mapping[str, Any]]
    missing: Sequence[Mapping[str, Any]]
    regime: Mapping[str, Any]


def number_of(station: str, year: int, position: int) -> str:
    """The number of a record: station, year, and place in that year, which has no holes."""
    return f"{station}-{year}-{position:05d}"


def missing_by_number(
    listed: Sequence[CountedName], held: Iterable[CountedName], zone: ZoneInfo
) -> list[dict[str, Any]]:
    """Numbers that the names of a card leave out, and that the station does not hold from the same days.

    Provisional: names are all that is known at sealing. A step back, or one of more than 200, is a counter that began
    anew. The addendum says what the analysis made of it.

    Args:
        listed: what stood on the card, in any order.
        held: what earlier dockings of the recorder brought.
        zone: the bureau's zone, in which days are told apart.
    """
    known: dict[tuple[str, dt.date], set[int]] = {}
    for name in (*listed, *held):
        known.setdefault((name.series, name.start.astimezone(zone).date()), set()).add(name.number)
    holes: list[dict[str, Any]] = []
    ordered = sorted(set(listed))
    for before, after in zip(ordered, ordered[1:], strict=False):
        if before.series != after.series or not 1 < after.number - before.number <= _LARGEST_HOLE:
            continue
        days = {one.start.astimezone(zone).date() for one in (before, after)}
        there = set().union(*(known.get((before.series, day), set()) for day in days))
        absent = [number for number in range(before.number + 1, after.number) if number not in there]
        if absent:
            hole = {"series": before.series, "after": before.number, "before": after.number, "numbers": absent}
            holes.append(hole)
    return holes


def files_digest(files: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of the list of files, to which the receipt holds them."""
    return sha256_of(canonical_json([dict(one) for one in files]))


def receipt_act(parts: Parts, *, station: str, year: int, position: int, by: str) -> Act:
    """The act by which a docking gets its numbered receipt."""
    data = {
        "number": number_of(station, year, position),
        "station": station,
        "year": year,
        "position": position,
        "docking": dict(parts.docking),
        "recorder": dict(parts.recorder),
        "givers": [dict(one) for one in parts.givers],
        "files_total": len(parts.files),
        "bytes": sum(one["size_bytes"] for one in parts.files),
        "files_sha256": files_digest(parts.files),
        "missing": [dict(one) for one in parts.missing],
        "regime": dict(parts.regime),
    }
    return Act(act="handover.receipt_made", actor=by, subject=str(parts.docking["docking_id"]), data=data)


def addendum_act(
    number: str,
    docking_id: str,
    *,
    findings: Sequence[Mapping[str, Any]],
    recordings: Sequence[Mapping[str, Any]],
    paths: Mapping[str, str],
) -> Act:
    """The act by which a record gets its addendum.

    Args:
        findings: rows of the findings of the docking and of what it brought.
        recordings: rows of what it brought.
        paths: card paths by recording id.
    """
    states: dict[str, int] = {}
    for row in recordings:
        states[row["hand_over_state"] or "none"] = states.get(row["hand_over_state"] or "none", 0) + 1
    listed = [_finding(row, paths) for row in findings[:MOST_FINDINGS]]
    data = {
        "number": number,
        "recordings": len(recordings),
        "seconds": round(sum(row["duration_s"] or 0.0 for row in recordings), 3),
        "hand_over": dict(sorted(states.items())),
        "due_first": min((row["hand_over"]["due"] for row in recordings if _has_due(row)), default=None),
        "clock": [one["evidence"] for one in listed if one["code"] == "clock.offset"],
        "findings_total": len(findings),
        "findings": listed,
    }
    return Act(act="handover.addendum_made", subject=docking_id, data=data)


def _has_due(row: Mapping[str, Any]) -> bool:
    return bool(row["hand_over"] and row["hand_over"].get("due"))


def _finding(row: Mapping[str, Any], paths: Mapping[str, str]) -> Document:
    document = row["document"]
    named = [row["recording_id"]] if row["recording_id"] else document["files"] or []
    keys = ("start_s", "end_s", "start_utc", "end_utc", "confidence", "evidence")
    return {
        "finding_id": row["finding_id"],
        "code": row["code"],
        "severity": row["severity"],
        "paths": [paths.get(one, one) for one in named],
        **{key: document.get(key) for key in keys},
    }


def record_document(
    row: Mapping[str, Any], files: Sequence[Mapping[str, Any]], ledger: tuple[int, str] | None = None
) -> Document:
    """A whole record as one JSON document.

    `are_files_as_sealed` is false where the list of files is not the one that the receipt was made for.

    Args:
        ledger: the ledger's head while the record is looked at: on paper it shows later whether the end was cut off.
    """
    receipt = row["receipt"]
    return {
        "format": FORMAT,
        **receipt,
        "made_at": row["made_at"],
        "files": [dict(one) for one in files],
        "are_files_as_sealed": files_digest(files) == receipt["files_sha256"],
        "addendum": ({"made_at": row["addendum_at"]} | row["addendum"]) if row["addendum"] else None,
        "prints": row["prints"],
        "confirmations": row["confirmations"],
        "ledger": {"seq": ledger[0], "hash": ledger[1]} if ledger is not None else None,
    }


# What people ask


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words
    docking: Words
    """The record's number, or the docking's id or its last digits."""


class Make(_Request):
    """Give a docking its record, where it has none yet."""

    do: Literal["make"] = "make"


class Print(_Request):
    """Count a print of a record."""

    do: Literal["print"] = "print"


class Confirm(_Request):
    """Confirm a record in place of a signature on paper."""

    do: Literal["confirm"] = "confirm"
    role: Role
    name: Text = ""
    note: Text = ""


Request = Make | Print | Confirm
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="do")])
"""Reads a request from JSON."""


def printed_act(row: Mapping[str, Any], by: str) -> Act:
    """The act that counts a print; the first is the paper itself, each later one a reprint of the same number."""
    data = {"number": row["number"], "print": row["prints"] + 1, "has_addendum": row["addendum"] is not None}
    return Act(act="handover.record_printed", actor=by, subject=row["docking_id"], data=data)


def confirming_act(request: Confirm, row: Mapping[str, Any]) -> Act:
    """The act of a confirmation.

    Raises:
        RefusedError: signed by the station, or this person confirmed it as this already.
    """
    if request.by == "station":
        raise RefusedError("an act of a person cannot be signed `station`", "give the name of who does it: --by")
    name = request.name or request.by
    if any(one["role"] == request.role and one["name"] == name for one in row["confirmations"]):
        raise RefusedError(f"{name} confirmed record {row['number']} as {request.role} already")
    data = {
        "number": row["number"],
        "role": request.role,
        "name": name,
        "note": request.note,
        "files_sha256": row["receipt"]["files_sha256"],
        "has_addendum": row["addendum"] is not None,
    }
    return Act(act="handover.record_confirmed", actor=request.by, subject=row["docking_id"], data=data)

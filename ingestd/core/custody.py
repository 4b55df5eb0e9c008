"""Arithmetic of the ledger: acts, and the hash chain that ties each to all before it."""

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ingestd.core.clock import to_text
from ingestd.core.ids import Sha256
from ingestd.core.manifest import canonical_json, sha256_of

GENESIS = Sha256("0" * 64)
"""What the first entry of a ledger names as its predecessor."""


class Act(BaseModel):
    """Something that was done or noticed, before it has its place in the ledger.

    `act` is a dotted verb (`recording.sealed`); `actor` says who (a person, or `station` for the daemon itself);
    `subject` is the recording, docking or take that it is about, null for the station; `data` is JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    act: str = Field(pattern=r"^[a-z_]+\.[a-z_]+$")
    actor: str = "station"
    subject: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)


class Entry(BaseModel):
    """An act in its place: one line of a ledger segment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seq: int = Field(ge=1)
    time: str
    act: str
    actor: str
    subject: str | None
    data: dict[str, Any]
    prev: Sha256
    hash: Sha256

    def line(self) -> bytes:
        """The entry as its stored line, newline included."""
        return canonical_json(self.model_dump()) + b"\n"


def entry_hash(fields: dict[str, Any]) -> Sha256:
    """SHA-256 over the canonical JSON of all fields but `hash`."""
    return sha256_of(canonical_json({key: value for key, value in fields.items() if key != "hash"}))


def chain(act: Act, *, seq: int, prev: Sha256, now: dt.datetime) -> Entry:
    """Give an act its place behind the entry whose hash is `prev`."""
    fields: dict[str, Any] = {"seq": seq, "time": to_text(now), "prev": prev, **act.model_dump()}
    return Entry(**fields, hash=entry_hash(fields))


def chain_fault(entry: Entry, *, seq: int, prev: Sha256) -> str | None:
    """Why this entry cannot stand at this place; null where it can."""
    if entry.seq != seq:
        return f"entry {entry.seq} stands where {seq} belongs"
    if entry.prev != prev:
        return f"entry {seq} does not follow the one before it"
    if entry_hash(entry.model_dump()) != entry.hash:
        return f"entry {seq} was changed: its hash does not match its words"
    return None

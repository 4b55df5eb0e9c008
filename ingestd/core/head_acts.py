"""Acts about the ledger itself: its key, its signed heads, the configuration and clock of the station."""

import datetime as dt
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ingestd.core.clock import from_text, to_text
from ingestd.core.custody import Act
from ingestd.core.fleet_acts import Text, Words
from ingestd.core.heads import Head
from ingestd.core.manifest import canonical_json, sha256_of

Because = Literal["first", "lost", "changed"]
Why = Literal["daily", "close", "asked", "key"]


class Signer(Protocol):
    """A private key that is at hand."""

    key_id: str
    public_pem: bytes

    def sign(self, message: bytes) -> bytes:
        """The raw signature."""
        ...


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Words


class Sign(_Request):
    """Sign the ledger's head as it stands."""

    do: Literal["sign"] = "sign"


class NewKey(_Request):
    """Make a new key because the old one is lost or was taken out of use."""

    do: Literal["new_key"] = "new_key"
    reason: Words


class Countersign(_Request):
    """Put this station's signature under a head of another one."""

    do: Literal["countersign"] = "countersign"
    head: Head
    note: Text = ""


Request = Sign | NewKey | Countersign
REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="do")])
"""Reads a request from JSON."""


def key_act(key: Signer, before: str | None, because: Because, *, by: str = "station", reason: str = "") -> Act:
    """The station signs with this key from here on; its public half stands in the chain with it."""
    data = {
        "key": key.key_id,
        "public_key": key.public_pem.decode("ascii"),
        "before": before,
        "because": because,
        "reason": reason,
    }
    return Act(act="ledger.key_entered", actor=by, data=data)


def head_act(key: Signer, why: Why, *, by: str = "station") -> Act:
    """The head that ends with this very act is signed with this key."""
    return Act(act="ledger.head_signed", actor=by, data={"key": key.key_id, "why": why})


def countersigned_act(request: Countersign, key: Signer) -> Act:
    """This station put its signature under another one's head."""
    head = request.head
    data: dict[str, Any] = {
        "vault": head.vault,
        "station": head.station,
        "seq": head.seq,
        "hash": head.hash,
        "time": head.time,
        "head_key": head.key,
        "key": key.key_id,
        "note": request.note,
    }
    return Act(act="ledger.countersigned", actor=request.by, data=data)


def configuration_act(changed: dict[str, Any], facts: dict[str, Any], at: Literal["start", "reload"]) -> Act:
    """What differs in the configuration since the last time.

    Args:
        changed: of `core.configfacts.configuration_changes`.
        facts: the whole, whose digest the act names.
        at: when it was read.
    """
    return Act(act="config.changed", data={"at": at, "changed": changed, "digest": sha256_of(canonical_json(facts))})


def clock_act(against: Literal["steady", "ledger"], expected: dt.datetime, now: dt.datetime) -> Act:
    """The wall clock is not where it ought to be.

    Args:
        against: the clock that runs from the start of the machine; or the ledger's last entry, which is not in the
            future.
        expected: where it ought to be, or must not be before.
        now: where it is.
    """
    data = {
        "against": against,
        "expected": to_text(expected),
        "found": to_text(now),
        "step_seconds": round((now - expected).total_seconds(), 3),
    }
    return Act(act="clock.stepped", data=data)


def clock_behind(last_time: str | None, now: dt.datetime, tolerance_seconds: float) -> Act | None:
    """The act that says that the clock is before the ledger's last entry; null where it is not."""
    if last_time is None or (from_text(last_time) - now).total_seconds() <= tolerance_seconds:
        return None
    return clock_act("ledger", from_text(last_time), now)

"""What a bureau's own platform is told of the ledger (江门 6, 卫健 30): chosen acts and fields, and a signature.

Nothing leaves the station that the settings do not name. Pure.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ingestd.core.custody import Entry
from ingestd.core.feed_rules import Fields
from ingestd.core.manifest import canonical_json

FORMAT: Final = "ingestd-feed/1"
SIGNATURE_HEADER: Final = "Ingestd-Signature"


def event_document(entry: Entry, events: Fields, recording: Mapping[str, Any] | None) -> dict[str, Any]:
    """An act as it is sent: its place, time, verb and subject, and the fields that are named for it.

    A field that the act, or the recording, does not have is null.

    Args:
        recording: the catalogue's row of the subject; null where there is none, or nothing of it is named.
    """
    known: dict[str, Any] = {"actor": entry.actor, "data": entry.data, "recording": recording}
    fields = {name: _found(known, name.split(".")) for name in events[entry.act]}
    return {"seq": entry.seq, "time": entry.time, "act": entry.act, "subject": entry.subject, "fields": fields}


def _found(document: Any, names: Sequence[str]) -> Any:
    for name in names:
        if not isinstance(document, Mapping) or name not in document:
            return None
        document = document[name]
    return document


def body_of(
    events: Sequence[Mapping[str, Any]], *, station: str, vault_id: str, after_seq: int, through_seq: int
) -> bytes:
    """A delivery: acts in the order of the ledger. The same acts give the same bytes.

    Args:
        after_seq: `through_seq` of the delivery before, 0 for the first. A receiver that has another one missed some.
        through_seq: up to which entry of the ledger everything that the settings name is told with this delivery.
    """
    document = {
        "format": FORMAT,
        "station": station,
        "vault_id": vault_id,
        "after_seq": after_seq,
        "through_seq": through_seq,
        "events": list(events),
    }
    return canonical_json(document)


def signature_of(body: bytes, secret: str) -> str:
    """The header's value: `sha256=` and the HMAC-SHA256 of the body in hex, keyed with the secret's characters."""
    return "sha256=" + hmac.new(secret.encode("ascii"), body, hashlib.sha256).hexdigest()

"""Names of things: recordings, dockings, contents."""

import datetime as dt
import secrets
import uuid
from typing import NewType

RecordingId = NewType("RecordingId", str)
"""UUIDv7 of one act of recording held by the archive (RFC 9562, 5.7)."""

DockingId = NewType("DockingId", str)
"""UUIDv7 of one stay of one recorder in one bay."""

TakeId = NewType("TakeId", str)
"""UUIDv5 of a take, made from its first recording, so that it is the same at each assembly."""

Sha256 = NewType("Sha256", str)
"""64 lower-case hex digits; identifies a content."""

_TAKE_NAMESPACE = uuid.UUID("6f1d0c5e-7a52-5b1e-9a53-0f6f0f4a3c11")


def new_uuid7(now: dt.datetime) -> str:
    """A fresh UUIDv7: 48 bits of Unix milliseconds, then 74 random bits.

    Args:
        now: the moment that the identifier carries; aware.
    """
    milliseconds = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    value = milliseconds << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def take_id(first: RecordingId) -> TakeId:
    """The take that begins with this recording."""
    return TakeId(str(uuid.uuid5(_TAKE_NAMESPACE, first)))

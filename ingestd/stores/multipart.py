"""Arithmetic of uploads in parts: where the parts lie, and whether one that arrived is the one that is meant."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

MOST_PARTS = 10_000
"""That S3 takes for one object."""


def parts_of(size_bytes: int, part_bytes: int) -> Iterator[tuple[int, int, int]]:
    """Number (from 1), start and length of each part; parts grow where there would be too many."""
    length = max(part_bytes, -(-size_bytes // MOST_PARTS))
    for number, start in enumerate(range(0, size_bytes, length), start=1):
        yield number, start, min(length, size_bytes - start)


def resumable(arrived: Mapping[str, Any] | None, data: bytes) -> dict[str, Any] | None:
    """How a part that arrived is named when the upload is completed; null where it has to be sent (again).

    By its SHA-256 where the server kept one, else by the MD5 that its tag is. A server whose tags are something else
    is sent the part anew. What the parts come to is hashed when the object is read back, whatever is said here.
    """
    if arrived is None or arrived.get("Size") != len(data):
        return None
    if arrived.get("ChecksumSHA256"):
        same = arrived["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")
        return {"ETag": arrived["ETag"], "ChecksumSHA256": arrived["ChecksumSHA256"]} if same else None
    same = str(arrived.get("ETag", "")).strip('"') == hashlib.md5(data, usedforsecurity=False).hexdigest()
    return {"ETag": arrived["ETag"]} if same else None

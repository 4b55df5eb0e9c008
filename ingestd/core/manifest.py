"""Canonical JSON, the one form in which facts are hashed, and the lines of `sha256sum -c` manifests."""

import hashlib
import json
from typing import Any

from ingestd.core.ids import Sha256


def canonical_json(document: Any) -> bytes:
    """The document as UTF-8 JSON with sorted keys and no spaces (in the manner of RFC 8785), without newline.

    Floats are refused by callers that hash across languages; here Python's shortest repr is used, which RFC 8785
    shares for the range that occurs (seconds and degrees).

    Raises:
        ValueError: NaN or infinity; a text with lone surrogates.
    """
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")


def sha256_of(data: bytes) -> Sha256:
    """SHA-256 of bytes in memory."""
    return Sha256(hashlib.sha256(data).hexdigest())


def manifest_line(digest: Sha256, relative_path: str) -> str:
    """One line that `sha256sum -c` reads, newline included.

    GNU coreutils escape a backslash and a newline in names and mark such a line by a leading backslash.
    """
    escaped = relative_path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "\\" if escaped != relative_path else ""
    return f"{mark}{digest}  {escaped}\n"

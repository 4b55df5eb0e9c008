"""Range requests (RFC 9110, 14): which bytes of a file somebody asks for. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_ONE_RANGE: Final = re.compile(r"bytes=[ \t]*(\d{0,20})-(\d{0,20})[ \t]*", re.ASCII | re.IGNORECASE)
"""No file has more bytes than twenty digits can count; what is longer is no honest question."""
_UNIT: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)=")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `end`, without `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many."""
        return self.end - self.start

    def header(self, size_bytes: int) -> str:
        """What `Content-Range` says of it."""
        return f"bytes {self.start}-{self.end - 1}/{size_bytes}"


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """No byte answers to it: 416."""


def asked_span(
    ranges: Sequence[str], if_range: str | None, *, etag: str, size_bytes: int
) -> Span | Unsatisfiable | None:
    """The bytes that a request asks for; null for the whole file.

    A server may refuse several ranges at once, and what is no range; both are refused here, because the honest answer
    to them would be the whole file, which may have many gigabytes.

    Args:
        ranges: each `Range` header of the request.
        if_range: the `If-Range` header; where it names another file than this, the whole file is meant.
        etag: of the file as it is now, strong, in quotes.
    """
    if not ranges or (if_range is not None and if_range.strip() != etag):
        return None
    unit = _UNIT.match(ranges[0])
    if len(ranges) == 1 and unit is not None and unit[1].lower() != "bytes":
        return None
    found = _ONE_RANGE.fullmatch(ranges[0]) if len(ranges) == 1 else None
    if found is None:
        return Unsatisfiable()
    first, last = found[1], found[2]
    if first == "":
        return _suffix(int(last), size_bytes) if last else Unsatisfiable()
    start, end = int(first), min(int(last) + 1, size_bytes) if last else size_bytes
    return Span(start, end) if start < end else Unsatisfiable()


def _suffix(length: int, size_bytes: int) -> Span | Unsatisfiable:
    start = max(0, size_bytes - length)
    return Span(start, size_bytes) if start < size_bytes else Unsatisfiable()

"""Tags of a movie (`udta`, `meta`): encoder and location, as text, as written."""

import struct
from dataclasses import dataclass, field

from ingestd.media.boxes import Box, Problems, children

MAX_TAG_BYTES = 4096
MAX_LOCATIONS = 16


@dataclass(slots=True)
class MovieTags:
    """Texts as written. `locations` holds (source, ISO 6709 text)."""

    encoder: str | None = None
    locations: list[tuple[str, str]] = field(default_factory=list)


def read_tags(data: memoryview, box: Box, tags: MovieTags, problems: Problems) -> None:
    """Add what a `udta` or `meta` box of the movie says."""
    if box.type == "meta":
        _read_meta(data, box, tags, problems)
        return
    for child in children(data, box.body, box.body_end, problems, "udta"):
        if child.type == "meta":
            _read_meta(data, child, tags, problems)
        elif child.type in ("\xa9too", "\xa9enc", "\xa9swr"):
            tags.encoder = tags.encoder or _international_text(data, child)
        elif child.type == "\xa9xyz":
            _add_location(tags, "udta.xyz", _international_text(data, child))
        elif child.type == "loci":
            _add_location(tags, "udta.loci", _location_box(data, child))


def _add_location(tags: MovieTags, source: str, text: str | None) -> None:
    if text and len(tags.locations) < MAX_LOCATIONS:
        tags.locations.append((source, text))


def _clean(raw: bytes) -> str | None:
    return raw[:MAX_TAG_BYTES].decode("utf-8", "replace").strip("\0 ") or None


def _international_text(data: memoryview, box: Box) -> str | None:
    """QuickTime text: a length, a language, the text; some writers leave out the first two."""
    body = bytes(data[box.body : min(box.body_end, box.body + MAX_TAG_BYTES)])
    if len(body) >= 4:
        (length,) = struct.unpack_from(">H", body)
        if 0 < length <= len(body) - 4:
            return _clean(body[4 : 4 + length])
    return _clean(body)


def _location_box(data: memoryview, box: Box) -> str | None:
    """The 3GPP location (TS 26.244, 8.3) as ISO 6709 text."""
    body = bytes(data[box.body : min(box.body_end, box.body + MAX_TAG_BYTES)])
    name_end = body.find(b"\0", 6)
    if name_end < 0 or len(body) < name_end + 14:
        return None
    longitude, latitude, altitude = (value / 65536 for value in struct.unpack_from(">iii", body, name_end + 2))
    return f"{latitude:+.5f}{longitude:+.5f}{altitude:+.2f}/"


def _read_meta(data: memoryview, meta: Box, tags: MovieTags, problems: Problems) -> None:
    """`meta` with `ilst`: named by four letters (iTunes) or by number in `keys` (QuickTime)."""
    # In ISO files the box begins with version and flags, in QuickTime files with its first child.
    start = meta.body + (0 if bytes(data[meta.body + 4 : meta.body + 8]) == b"hdlr" else 4)
    keys: list[str] = []
    for box in children(data, start, meta.body_end, problems, "meta"):
        if box.type == "keys":
            keys = [
                bytes(data[key.body : min(key.body_end, key.body + 256)]).decode("utf-8", "replace")
                for key in children(data, box.body + 8, box.body_end, problems, "keys")
            ]
        elif box.type == "ilst":
            _read_list(data, box, keys, tags, problems)


def _read_list(data: memoryview, ilst: Box, keys: list[str], tags: MovieTags, problems: Problems) -> None:
    at = ilst.body
    for _ in range(1000):
        if at + 16 > ilst.body_end:
            return
        # The "type" of an entry may be a number here, which the box walker would refuse.
        size, raw = struct.unpack_from(">I4s", data, at)
        end = at + size
        if size < 16 or end > ilst.body_end:
            return
        number = int.from_bytes(raw, "big")
        name = keys[number - 1] if 1 <= number <= len(keys) else raw.decode("latin-1")
        for value in children(data, at + 8, end, problems, "ilst"):
            if value.type == "data":
                _take_tag(name, _clean(bytes(data[value.body + 8 : value.body_end])), tags)
        at = end


def _take_tag(name: str, text: str | None, tags: MovieTags) -> None:
    if name in ("\xa9too", "encoder", "com.apple.quicktime.encoder"):
        tags.encoder = tags.encoder or text
    elif name == "com.apple.quicktime.location.ISO6709":
        _add_location(tags, "quicktime.iso6709", text)

"""The outer frame of RIFF (AVI, WAV), Matroska and MPEG-TS files: was it closed, and does the file reach its end."""

import struct
from typing import NamedTuple

from ingestd.media.boxes import ByteSource, Problems
from ingestd.media.transportdamage import PACKET_BYTES, TransportWalk

_MAX_CHUNKS = 10_000
_OPEN_ENDED = (0, 0xFFFF_FFFF)
_LAST_PACKETS = 16
_TIMED_STRIDE = 192
_CONTENT = {b"AVI ": b"movi", b"WAVE": b"data"}


class Frame(NamedTuple):
    """`has_index` is null for formats that need none. `is_cut_short`: the file ends before its frame does."""

    has_index: bool | None = None
    is_cut_short: bool = False


def riff_frame(source: ByteSource, problems: Problems) -> Frame:
    """Walk the chunks of an AVI or WAV file.

    An AVI whose sizes were never filled in was not closed by its writer, and counts as cut short; a WAV like that is
    usual for streams and only gets a word.
    """
    form = source.read(8, 4)
    content = _CONTENT.get(form, b"data")
    has_content = has_index = False
    start = 12
    for _ in range(_MAX_CHUNKS):
        head = source.read(start, 12)
        if len(head) < 8:
            break
        if not all(0x20 <= byte < 0x7F for byte in head[:4]):
            problems.add(f"the bytes at {start} are no chunk")
            break
        (size,) = struct.unpack_from("<I", head, 4)
        name = head[8:12] if head[:4] in (b"LIST", b"RIFF") else head[:4]
        is_content = name == content
        if is_content and size in _OPEN_ENDED:
            problems.add("the file was not closed by its writer (no size of the content)")
            return Frame(False if form == b"AVI " else None, is_cut_short=form == b"AVI ")
        has_content |= is_content
        if start + 8 + size > source.size_bytes and head[:4] != b"RIFF":
            missing = start + 8 + size - source.size_bytes
            problems.add(f"chunk {name.decode('latin-1')!r} at {start} claims {missing} bytes beyond the end")
            return Frame(has_index if form == b"AVI " else None, is_cut_short=True)
        has_index |= name == b"idx1" or (name == b"hdrl" and b"indx" in source.read(start, min(size, 65536)))
        # OpenDML goes on in further RIFF chunks, whose children are walked too.
        start += 12 if head[:4] == b"RIFF" else 8 + size + (size & 1)
    if form == b"AVI ":
        return Frame(has_index, is_cut_short=not has_content)
    return Frame(None, is_cut_short=not has_content)


def transport_frame(source: ByteSource, problems: Problems) -> Frame:
    """A transport stream that ends inside a packet was not closed by its writer, which writes whole ones only."""
    walk = TransportWalk(source, lambda: False, problems)
    first = walk.first_packet()
    if first is None:
        return Frame()
    whole = (source.size_bytes - first) // walk.stride
    tail_at = first + whole * walk.stride
    tail = source.read(tail_at, source.size_bytes - tail_at)
    behind = walk.stride - PACKET_BYTES if walk.stride == _TIMED_STRIDE else 0
    checked = min(whole, _LAST_PACKETS)
    is_in_step = walk.look(tail_at - checked * walk.stride) == (checked, checked)
    # Bytes of another kind at the end (padding, a recorder's own) tell nothing.
    is_cut = is_in_step and len(tail) > behind and tail[behind] == 0x47
    if is_cut:
        problems.add(f"the stream ends {len(tail)} bytes into a packet of {walk.stride}")
    return Frame(is_cut_short=is_cut)


def matroska_frame(source: ByteSource, problems: Problems) -> Frame:
    """Compare the size of the Matroska segment (RFC 9559, 5.1) with the file; a live writer leaves it unknown."""
    head = source.read(0, 4096)
    start = 4
    header = _variable_size(head, start)
    if header is None or header.size is None:
        problems.add("the EBML header cannot be read")
        return Frame()
    start = header.end + header.size
    if head[start : start + 4] != b"\x18\x53\x80\x67":
        problems.add("no Matroska segment behind the EBML header")
        return Frame(is_cut_short=source.size_bytes <= start)
    segment = _variable_size(head, start + 4)
    if segment is None or segment.size is None:
        problems.add("the file was not closed by its writer (no size of the content)")
        return Frame()
    missing = segment.end + segment.size - source.size_bytes
    if missing > 0:
        problems.add(f"the segment claims {missing} bytes beyond the end")
    return Frame(is_cut_short=missing > 0)


class _Size(NamedTuple):
    size: int | None
    end: int


def _variable_size(data: bytes, start: int) -> _Size | None:
    """An EBML size (RFC 8794, 4); its value is null for "unknown"."""
    if start >= len(data) or data[start] == 0:
        return None
    length = 9 - data[start].bit_length()
    raw = data[start : start + length]
    if len(raw) < length:
        return None
    mask = (1 << 7 * length) - 1
    value = int.from_bytes(raw, "big") & mask
    return _Size(None if value == mask else value, start + length)

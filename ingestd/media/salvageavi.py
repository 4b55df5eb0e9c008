"""Salvage of AVI files: the chunks that are whole, under the file's own header, with an index made anew."""

import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ingestd.core.errors import MediaError
from ingestd.media.boxes import ByteSource, Problems
from ingestd.media.nalunits import unit_type
from ingestd.media.positioned import PositionedFile
from ingestd.media.riffdamage import Chunk, chunks
from ingestd.media.salvaged import Salvaged
from ingestd.media.salvagewave import copy

_MAX_HEADER_BYTES = 1024 * 1024
_MOST_BYTES = 0xFF00_0000
"""A little under what the 32 bits of a RIFF size and of its index hold."""
_MAX_CHUNKS = 500_000
_MAX_STREAMS = 16
_KEY = 0x10
_HEAD_OF_A_PICTURE_BYTES = 4096


@dataclass(slots=True)
class _Stream:
    """One `strl`: where its header's length stands in the list, and what its chunks mean."""

    kind: bytes
    codec: bytes
    step_s: float
    length_at: int
    sample_bytes: int = 0
    """Bytes of a sample of sound of one size; 0 where each chunk is one."""
    chunks: int = 0
    size_bytes: int = 0

    @property
    def length(self) -> int:
        """In the unit of its header."""
        return self.size_bytes // self.sample_bytes if self.sample_bytes else self.chunks


@dataclass(slots=True)
class _Header:
    """The list `hdrl` with its head, to be changed, and what it says."""

    raw: bytearray
    streams: list[_Stream] = field(default_factory=list)
    totals_at: list[int] = field(default_factory=list)
    """Where the number of all pictures stands."""


def salvage_avi(
    torn: ByteSource, reference: ByteSource | None, output_fd: int | None, is_late: Callable[[], bool]
) -> Salvaged:
    """Keep the whole chunks of a torn AVI.

    Args:
        reference: a whole file of the same recorder, for a header that is lost; null where there is none.

    Raises:
        MediaError: neither file has a whole header, or no chunk is whole.
        OSError: the output cannot be written.
    """
    header, is_own = _header(torn), True
    if header is None:
        header, is_own = (_header(reference) if reference is not None else None), False
    if header is None:
        raise MediaError(
            "the header of this file (picture size, rate, codecs) is not whole, and nothing else in it tells them: "
            "a whole file of the same recorder would serve"
        )
    kept: list[Chunk] = []
    lost: list[Chunk] = []
    room = _MOST_BYTES - len(header.raw)
    is_whole = True
    for chunk in chunks(torn, is_late, Problems()):
        stream = None if chunk.is_broken else _stream_of(chunk, header)
        if chunk.is_broken:
            lost.append(chunk)
        if stream is None:
            continue
        room -= chunk.end - chunk.start + 1 + 16
        if room < 0 or len(kept) >= _MAX_CHUNKS:
            is_whole = False
            break
        kept.append(chunk)
        stream.chunks += 1
        stream.size_bytes += chunk.end - chunk.start - 8
    if not kept:
        raise MediaError("no whole chunk of picture or sound stands in this file")
    size_bytes = None if output_fd is None else _write(torn, header, kept, PositionedFile(output_fd))
    is_whole &= not is_late()
    return _summary(torn, header, kept, lost, size_bytes, is_whole=is_whole, is_own=is_own)


def _header(source: ByteSource) -> _Header | None:
    """The header list of a file, if all of it is there."""
    head = source.read(12, 12)
    size = int.from_bytes(head[4:8], "little")
    if head[:4] != b"LIST" or head[8:12] != b"hdrl" or size > _MAX_HEADER_BYTES:
        return None
    raw = source.read(12, 8 + size)
    if len(raw) < 8 + size:
        return None
    header = _Header(bytearray(raw))
    _walk(header, 12, len(raw), depth=0)
    return header if any(stream.step_s > 0 for stream in header.streams) else None


def _walk(header: _Header, at: int, end: int, depth: int) -> None:
    while at + 8 <= end:
        name, size = bytes(header.raw[at : at + 4]), int.from_bytes(header.raw[at + 4 : at + 8], "little")
        body, body_end = at + 8, min(at + 8 + size, end)
        if name == b"LIST" and depth < 2:
            _walk(header, body + 4, body_end, depth + 1)
        elif name == b"avih" and body_end - body >= 20:
            header.totals_at.append(body + 16)
        elif name == b"dmlh" and body_end - body >= 4:
            header.totals_at.append(body)
        elif name == b"strh" and body_end - body >= 48 and len(header.streams) < _MAX_STREAMS:
            scale, rate = struct.unpack_from("<II", header.raw, body + 20)
            (sample_bytes,) = struct.unpack_from("<I", header.raw, body + 44)
            kind, codec = bytes(header.raw[body : body + 4]), bytes(header.raw[body + 4 : body + 8])
            step_s = scale / rate if rate else 0.0
            header.streams.append(_Stream(kind, codec, step_s, body + 32, sample_bytes if kind == b"auds" else 0))
        elif name == b"strf" and header.streams and header.streams[-1].kind == b"vids" and body_end - body >= 20:
            header.streams[-1].codec = bytes(header.raw[body + 16 : body + 20])
        elif name == b"indx":
            # An index of indexes that lie elsewhere: padding of the same size takes its place.
            header.raw[at : at + 4] = b"JUNK"
        at = body + size + (size & 1)


def _stream_of(chunk: Chunk, header: _Header) -> _Stream | None:
    """The stream that a chunk belongs to; null for indexes, padding and streams that the header does not know."""
    if not chunk.name[:2].isdigit():
        return None
    number = int(chunk.name[:2])
    return header.streams[number] if number < len(header.streams) else None


def _write(torn: ByteSource, header: _Header, kept: Sequence[Chunk], out: PositionedFile) -> int:
    pictures = max((stream.chunks for stream in header.streams if stream.kind == b"vids"), default=0)
    for at in header.totals_at:
        struct.pack_into("<I", header.raw, at, pictures)
    for stream in header.streams:
        struct.pack_into("<I", header.raw, stream.length_at, min(stream.length, 0xFFFF_FFFF))
    media_bytes = 4 + sum(_padded(chunk) for chunk in kept)
    whole_bytes = 4 + len(header.raw) + 8 + media_bytes + 8 + 16 * len(kept)
    out.write(struct.pack("<4sI4s", b"RIFF", whole_bytes, b"AVI ") + header.raw)
    out.write(struct.pack("<4sI4s", b"LIST", media_bytes, b"movi"))
    index = bytearray()
    at = 4
    for start, end in _joined(kept):
        copy(torn, start, end, out)
        out.write(bytes((end - start) & 1))
    for chunk in kept:
        stream = header.streams[int(chunk.name[:2])]
        flags = _KEY if _is_key(torn, chunk, stream) else 0
        index += struct.pack("<4sIII", chunk.name, flags, at, chunk.end - chunk.start - 8)
        at += _padded(chunk)
    out.write(struct.pack("<4sI", b"idx1", len(index)))
    out.write(bytes(index))
    return out.tell()


def _padded(chunk: Chunk) -> int:
    size = chunk.end - chunk.start
    return size + (size & 1)


def _joined(kept: Sequence[Chunk]) -> Iterator[tuple[int, int]]:
    """Half-open bytes of chunks that can be copied in one go: each but the last of them has its padding behind it."""
    start, end = kept[0].start, kept[0].end
    for chunk in kept[1:]:
        if chunk.start == end + ((end - start) & 1):
            end = chunk.end
            continue
        yield start, end
        start, end = chunk.start, chunk.end
    yield start, end


def _is_key(torn: ByteSource, chunk: Chunk, stream: _Stream) -> bool:
    """Whether a player may begin with this chunk, where its codec tells it; else yes."""
    codec = stream.codec.upper()
    if stream.kind != b"vids" or codec not in (b"H264", b"X264", b"AVC1", b"XVID", b"DIVX", b"DX50", b"FMP4", b"MP4V"):
        return True
    head = torn.read(chunk.start + 8, min(chunk.end - chunk.start - 8, _HEAD_OF_A_PICTURE_BYTES))
    if codec in (b"H264", b"X264", b"AVC1"):
        return any(part and unit_type("h264", part[0]) == 5 for part in head.split(b"\0\0\1")[1:])
    place = head.find(b"\0\0\1\xb6")
    return place >= 0 and len(head) > place + 4 and head[place + 4] >> 6 == 0


def _summary(
    torn: ByteSource,
    header: _Header,
    kept: Sequence[Chunk],
    lost: Sequence[Chunk],
    size_bytes: int | None,
    *,
    is_whole: bool,
    is_own: bool,
) -> Salvaged:
    leading = min(
        (stream for stream in header.streams if stream.chunks and stream.step_s > 0),
        key=lambda stream: stream.kind != b"vids",
        default=None,
    )
    step_s = leading.step_s if leading is not None else 0.0
    first_lost = min((chunk.start for chunk in lost), default=torn.size_bytes)
    own = [one for one in kept if leading is not None and header.streams[int(one.name[:2])] is leading]
    counts: Counter[str] = Counter()
    for stream in header.streams:
        if stream.chunks:
            counts[{b"vids": "video", b"auds": "audio", b"txts": "subtitle"}.get(stream.kind, "data")] += stream.length
    before = sum(one.end <= first_lost for one in own)
    if leading is not None and leading.sample_bytes:
        before = sum(one.end - one.start - 8 for one in own if one.end <= first_lost) // leading.sample_bytes
    first = min(kept[0].start, first_lost)
    missing: tuple[str, ...] = () if is_own else ("its own header: rate, size and codecs are those of the reference",)
    return Salvaged(
        samples=dict(counts),
        seconds=round((leading.length if leading is not None else 0) * step_s, 6),
        intact_until_s=round(before * step_s, 6),
        media_bytes=torn.size_bytes - first,
        explained_bytes=sum(chunk.end - chunk.start for chunk in kept),
        reached_bytes=kept[-1].end - first,
        lost_ranges=len(lost),
        is_whole_walk=is_whole,
        size_bytes=size_bytes,
        method="chunks",
        pace="own" if is_own else "reference",
        missing=missing,
    )

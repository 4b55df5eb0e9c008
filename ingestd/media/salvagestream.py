"""Salvage without a sibling: pictures that carry their own parameters, between start codes, by lengths, or as JPEGs.

What a picture needs to be shown may stand inside the media data (parameter sets before key pictures, the header of each
JPEG). What then stays unknown is said: the pace where no parameter set tells it, and the sound.
"""

import io
import os
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from ingestd.core.errors import MediaError
from ingestd.core.facts import StreamKind
from ingestd.media.boxes import ByteSource
from ingestd.media.isobmff import Track
from ingestd.media.jpegpictures import jpeg_end
from ingestd.media.nalunits import NalFormat, is_slice, unit_type
from ingestd.media.positioned import PositionedFile
from ingestd.media.salvaged import Salvaged
from ingestd.media.salvagereference import Pictures, Reference
from ingestd.media.salvagewalk import MediaWalk
from ingestd.media.sampletables import Samples

ASSUMED_RATE = Fraction(25)
"""Pictures a second, where nothing tells."""

_SEARCH_BYTES = 4 * 1024 * 1024
_BLOCK_BYTES = 256 * 1024
_MAX_PICTURES = 2_000_000
_MAX_PICTURE_BYTES = 32 * 1024 * 1024
_MOST_RATE = 1000
_SMALL_GAP_BYTES = 64
_TRIED_PICTURES = 5
_DEMUXERS = {"h264": "h264", "hevc": "hevc", "mjpeg": "mjpeg"}
_EXACT = {"fflags": "+bitexact"}
_START = b"\0\0\0\1"
_PARAMETERS = {"h264": (7, 8), "hevc": (32, 33, 34)}
_KEYS = {"h264": frozenset({5}), "hevc": frozenset(range(16, 22))}
_H264_HEADERS = (0x67, 0x27, 0x47, 0x68, 0x28, 0x48, 0x65, 0x25, 0x45, 0x61, 0x41, 0x21, 0x01, 0x06, 0x09)
_HEVC_HEADERS = (32, 33, 34, 35, 39, 40, 0, 1, 16, 17, 18, 19, 20, 21)
_FIRST_SETS = {"h264": rb"[\x67\x27\x47][\x42\x4d\x58\x64\x6e\x7a\xf4]", "hevc": rb"\x40\x01\x0c"}
_NO_SOUND = "sound: how it is stored stands in the index that was never written"


@dataclass(slots=True)
class _Stream:
    """Pictures as a stream of their own: `pictures` are half-open bytes in file order, `sets` with start codes."""

    codec: str
    framing: str
    sets: bytes = b""
    pictures: list[tuple[int, int]] = field(default_factory=list)
    lost: list[tuple[int, int]] = field(default_factory=list)


def is_byte_stream(source: ByteSource, start: int) -> bool:
    """Whether pictures stand between start codes there (ITU-T H.264 and H.265, Annex B)."""
    return _byte_stream_codec(source.read(start, _BLOCK_BYTES)) is not None


def salvage_stream(
    torn: ByteSource,
    start: int,
    end: int,
    output_fd: int | None,
    is_late: Callable[[], bool],
    rate: Fraction | None = None,
) -> Salvaged:
    """Find pictures in `[start, end)` of a file by what they say of themselves.

    Args:
        rate: pictures a second, where a sibling tells; null where none does.

    Raises:
        MediaError: nothing in the media data says how its pictures are stored; the message says what is missing.
        OSError: the output cannot be written.
    """
    stream = _found(torn, start, end, is_late)
    if stream is None or not stream.pictures:
        raise MediaError(
            "no whole file of the same recorder is known, and the media data does not say how its pictures are stored "
            "(no parameter sets, no JPEG pictures)"
        )
    context = _first_look(torn, stream)
    told = Fraction(context.framerate or 0)
    paced = rate or (told if 0 < told <= _MOST_RATE else None)
    size_bytes = None if output_fd is None else _write(torn, stream, paced or ASSUMED_RATE, output_fd)
    return _summary(stream, (start, end), context, paced, size_bytes, by=rate, is_whole=not is_late())


def _found(torn: ByteSource, start: int, end: int, is_late: Callable[[], bool]) -> _Stream | None:
    head = torn.read(start, min(_SEARCH_BYTES, end - start))
    codec = _byte_stream_codec(head[:_BLOCK_BYTES])
    if codec is not None:
        return _between_start_codes(torn, start, end, codec, is_late)
    for codec, pattern in _FIRST_SETS.items():
        # A length of less than 64 KiB in four bytes, then a sequence (HEVC: video) parameter set.
        places = re.finditer(rb"(?s)\x00\x00..(?=" + pattern + rb")", head[:_BLOCK_BYTES])
        for found in islice(places, _TRIED_PICTURES):
            stream = _by_lengths(torn, start + found.start(), end, codec, is_late)
            if stream is not None:
                return stream
    first = head.find(b"\xff\xd8\xff")
    return None if first < 0 else _jpegs(torn, start + first, end, is_late)


def _byte_stream_codec(head: bytes) -> str | None:
    """The codec by its first parameter sets between start codes; at least three units have to stand there."""
    if head.count(b"\0\0\1") < 3:
        return None
    for codec, pattern in _FIRST_SETS.items():
        if re.search(rb"\x00\x00\x01" + pattern, head):
            return codec
    return None


def _between_start_codes(torn: ByteSource, start: int, end: int, codec: str, is_late: Callable[[], bool]) -> _Stream:
    """Units by their start codes, put together to pictures: behind a slice, all but another slice begins a new one.

    What follows the last start code may be cut anywhere: only what a next unit ends is known to be whole.
    """
    stream = _Stream(codec, "start_codes")
    kinds = _PARAMETERS[codec]
    first_at: int | None = None
    has_slice = False
    sets: dict[int, bytes] = {}
    for at, body, behind in _units(torn, start, end, is_late):
        head = torn.read(body, 3)
        if len(head) < 3 or len(stream.pictures) >= _MAX_PICTURES:
            break
        kind = unit_type(codec, head[0])
        is_first = is_slice(codec, kind) and head[1 if codec == "h264" else 2] >= 0x80
        if has_slice and (is_first or not is_slice(codec, kind)) and first_at is not None:
            stream.pictures.append((first_at, at))
            first_at, has_slice = None, False
        if behind is None:
            break
        if kind in kinds and behind - body < 65536:
            sets.setdefault(kind, torn.read(body, behind - body).rstrip(b"\0"))
        if first_at is None:
            first_at = at
        has_slice |= is_slice(codec, kind)
    stream.sets = b"".join(_START + sets[kind] for kind in kinds if kind in sets)
    return stream


def _units(
    torn: ByteSource, start: int, end: int, is_late: Callable[[], bool]
) -> Iterator[tuple[int, int, int | None]]:
    """(start code, first byte, end) of each unit; the end is null of the last, which nothing follows."""
    before: tuple[int, int] | None = None
    at = start
    while at < end and not is_late():
        block = torn.read(at, min(_BLOCK_BYTES, end - at))
        if len(block) < 4:
            break
        for found in re.finditer(rb"\x00?\x00\x00\x01", block):
            place = at + found.start()
            if before is not None:
                if place < before[1]:
                    continue
                yield before[0], before[1], place
            before = place, at + found.end()
        # A start code may lie over the edge of two blocks.
        at += max(1, len(block) - 3)
    if before is not None:
        yield before[0], before[1], None


def _by_lengths(torn: ByteSource, start: int, end: int, codec: str, is_late: Callable[[], bool]) -> _Stream | None:
    """Samples by lengths of four bytes, with parameter sets among their units."""
    if codec == "h264":
        headers = frozenset(bytes([head]) for head in _H264_HEADERS)
    else:
        headers = frozenset(bytes([kind << 1, layer]) for kind in _HEVC_HEADERS for layer in (1, 2))
    how = NalFormat(codec, 4)
    pictures = Pictures(Track(0, samples=Samples(sizes=array("Q", [0]))), how, headers, _SEARCH_BYTES // 4, 1)
    walk = MediaWalk(torn, Reference(torn, pictures), is_late)
    walk.run(start, end)
    if not walk.found:
        return None
    stream = _Stream(codec, "lengths", lost=walk.lost)
    stream.pictures = [(one.start, one.end) for one in walk.found]
    sets: dict[int, bytes] = {}
    for one in walk.found[:_TRIED_PICTURES]:
        for unit in _sized_units(torn.read(one.start, min(one.end - one.start, _SEARCH_BYTES))):
            sets.setdefault(unit_type(codec, unit[0]), unit)
    kinds = _PARAMETERS[codec]
    if not all(kind in sets for kind in kinds):
        return None
    stream.sets = b"".join(_START + sets[kind] for kind in kinds)
    return stream


def _sized_units(sample: bytes) -> Iterator[bytes]:
    at = 0
    while at + 4 < len(sample):
        length = int.from_bytes(sample[at : at + 4], "big")
        if length:
            yield sample[at + 4 : at + 4 + length]
        at += 4 + length


def _jpegs(torn: ByteSource, start: int, end: int, is_late: Callable[[], bool]) -> _Stream:
    stream = _Stream("mjpeg", "pictures")
    at = start
    while at < end and len(stream.pictures) < _MAX_PICTURES and not is_late():
        block = torn.read(at, min(_BLOCK_BYTES, end - at))
        first = block.find(b"\xff\xd8\xff")
        if first < 0:
            if len(block) < 3:
                break
            at += len(block) - 2
            continue
        begin = at + first
        behind = jpeg_end(torn, begin, min(end, begin + _MAX_PICTURE_BYTES))
        if behind is None:
            at = begin + 3
            continue
        if stream.pictures and begin - stream.pictures[-1][1] > _SMALL_GAP_BYTES:
            stream.lost.append((stream.pictures[-1][1], begin))
        stream.pictures.append((begin, behind))
        at = behind
    return stream


def _first_look(torn: ByteSource, stream: _Stream) -> VideoCodecContext:
    """Decode one of the first pictures: its size, and the pace where the stream tells it.

    Raises:
        MediaError: none of them can be shown.
    """
    context = av.CodecContext.create(stream.codec, "r")
    assert isinstance(context, VideoCodecContext)
    if stream.sets:
        context.extradata = stream.sets
    context.thread_count = 1
    for span in stream.pictures[:_TRIED_PICTURES]:
        try:
            frames = context.decode(av.Packet(_packet(torn, span, stream)))
            frames = frames or context.decode(None)
        except (av.error.FFmpegError, ValueError):
            continue
        if frames and frames[0].width and frames[0].height:
            return context
        context.flush_buffers()
    raise MediaError("pictures were found, and none of them can be decoded: what they need is not in the media data")


def _packet(torn: ByteSource, span: tuple[int, int], stream: _Stream) -> bytes:
    """A picture as a stream carries it: lengths become start codes."""
    raw = torn.read(span[0], min(span[1] - span[0], _MAX_PICTURE_BYTES))
    if stream.framing == "lengths":
        return b"".join(_START + unit for unit in _sized_units(raw))
    return raw


def _is_key(data: bytes, codec: str) -> bool:
    if codec == "mjpeg":
        return True
    return any(part and unit_type(codec, part[0]) in _KEYS[codec] for part in data.split(b"\0\0\1")[1:])


def _write(torn: ByteSource, stream: _Stream, rate: Fraction, output_fd: int) -> int:
    out = PositionedFile(output_fd)
    # What a muxer has to know of the pictures, it takes from an input: the first of them as a stream of their own.
    heads = [_packet(torn, span, stream) for span in stream.pictures[:_TRIED_PICTURES]]
    head = io.BytesIO(stream.sets + b"".join(heads))
    demuxer = _DEMUXERS[stream.codec]
    try:
        with av.open(head, format=demuxer) as known, av.open(out, "w", format="mp4", options=_EXACT) as container:
            track = container.add_stream_from_template(known.streams.video[0])
            track.time_base = 1 / rate
            for number, span in enumerate(stream.pictures):
                data = _packet(torn, span, stream)
                packet = av.Packet(data)
                packet.stream, packet.time_base = track, 1 / rate
                packet.pts = packet.dts = number
                packet.duration = 1
                packet.is_keyframe = _is_key(data, stream.codec)
                container.mux(packet)
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        raise MediaError(f"the copy cannot be written: {error}") from error
    return out.seek(0, os.SEEK_END)


def _summary(
    stream: _Stream,
    media: tuple[int, int],
    context: VideoCodecContext,
    paced: Fraction | None,
    size_bytes: int | None,
    *,
    by: Fraction | None,
    is_whole: bool,
) -> Salvaged:
    missing = [_NO_SOUND] if media[0] > 0 else []
    if paced is None:
        missing.append(f"the pace: nothing tells it, {ASSUMED_RATE} pictures a second were assumed")
    if context.has_b_frames:
        missing.append("the order of pictures that are stored out of order")
    return Salvaged(
        samples={StreamKind.VIDEO.value: len(stream.pictures)},
        seconds=round(float(len(stream.pictures) / (paced or ASSUMED_RATE)), 6),
        intact_until_s=None,
        media_bytes=media[1] - media[0],
        explained_bytes=sum(end - start for start, end in stream.pictures),
        reached_bytes=stream.pictures[-1][1] - media[0],
        lost_ranges=len(stream.lost),
        is_whole_walk=is_whole,
        size_bytes=size_bytes,
        method="in_band",
        pace="assumed" if paced is None else "reference" if by is not None else "in_band",
        missing=tuple(missing),
    )

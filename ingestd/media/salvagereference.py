"""What a whole file of the same recorder teaches about a torn one: how its pictures, sounds and texts are laid down."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

import av
import av.error

from ingestd.core.errors import MediaError
from ingestd.core.facts import StreamKind
from ingestd.media.boxes import ByteSource, Problems
from ingestd.media.demux import open_input
from ingestd.media.isobmff import Track, read_movie
from ingestd.media.jpegpictures import jpeg_end
from ingestd.media.nalunits import NalFormat, is_slice, nal_format, walk_chain
from ingestd.media.sampletables import Samples

_LEARNED_SAMPLES = 3000
_CLEAN_SHARE = 0.98
_ALIGNMENTS = (16, 8, 4, 2, 1)
_RECORD_HEAD_BYTES, _FEWEST_RECORDS, _MOST_RECORDS = 16, 3, 64


@dataclass(slots=True)
class Pictures:
    """H.264 or HEVC by lengths, or JPEGs (`how.codec` is `mjpeg`, without headers).

    `headers` are the first bytes that units have, `longest_bytes` of one unit.
    """

    track: Track
    how: NalFormat
    headers: frozenset[bytes]
    longest_bytes: int
    fields: int
    """Pictures in one sample: 2 where a recorder stores half pictures in pairs."""
    align_bytes: int = 1
    """JPEGs are padded to a multiple of so many bytes."""


@dataclass(slots=True)
class Sounds:
    """AAC frames one by one, or samples of one size by the chunk (`chunk_bytes`, the usual first)."""

    track: Track
    shortest_bytes: int
    longest_bytes: int
    heads: frozenset[int] = frozenset()
    """The first seven bits of AAC frames: element and instance."""
    has_clean_ends: bool = False
    """Whether each frame ends with its end mark, unpadded."""
    config: bytes = b""
    chunk_bytes: tuple[int, ...] = ()


@dataclass(slots=True)
class Texts:
    """Lines with their length in front (3GPP TS 26.245), such as a position track."""

    track: Track
    longest_bytes: int
    prefix: bytes


@dataclass(slots=True)
class Reference:
    """The teacher: its bytes, and its tracks as far as they can be looked for in a torn file."""

    source: ByteSource
    pictures: Pictures
    sounds: Sounds | None = None
    texts: list[Texts] = field(default_factory=list)
    records: tuple[tuple[int, bytes], ...] = ()
    """(size, first bytes) of what a recorder's own data tracks hold again and again: passed over, never guessed at."""
    strange_bytes: int = 0
    """The largest sample of its data tracks: so much may lie between two pictures without being told apart."""


def step_ticks(samples: Samples) -> int:
    """The usual duration of a sample, in ticks of its track."""
    return max(1, int(median(samples.durations))) if len(samples) else 1


def learn(fd: int, size_bytes: int) -> Reference:
    """Read a whole file as the reference of a torn one.

    Raises:
        MediaError: it cannot serve: no index, or no pictures in a codec that can be told apart without one.
    """
    source = ByteSource(fd, size_bytes)
    movie = read_movie(source, Problems())
    pictures = None
    for track in movie.tracks:
        how = nal_format(track.description)
        if track.kind is not StreamKind.VIDEO or not len(track.samples):
            continue
        if how is not None:
            pictures = _pictures(source, track, how)
            break
        if track.description.codec == "mjpeg":
            pictures = _jpegs(source, track)
            break
    if pictures is None:
        raise MediaError("the reference has no pictures that could be told apart without an index")
    reference = Reference(source, pictures)
    for track in movie.tracks:
        if track.kind is StreamKind.AUDIO and len(track.samples) and reference.sounds is None:
            reference.sounds = _sounds(source, track)
        elif track.kind is StreamKind.SUBTITLE and track.description.tag == "tx3g" and len(track.samples):
            reference.texts.append(_texts(source, track))
        elif track.kind is StreamKind.DATA:
            reference.records += tuple(_records(source, track))
            reference.strange_bytes = max(reference.strange_bytes, *track.samples.sizes, 0)
    return reference


def _pictures(source: ByteSource, track: Track, how: NalFormat) -> Pictures:
    wide = 1 if how.codec == "h264" else 2
    headers: set[bytes] = set()
    firsts: Counter[int] = Counter()
    longest = 0
    samples = track.samples
    for number in range(min(len(samples), _LEARNED_SAMPLES)):
        walk = walk_chain(source, samples.offsets[number], samples.sizes[number], how)
        if walk.fault is not None:
            continue
        heads = [source.read(unit.start, wide + 1) for unit in walk.units]
        headers.update(head[:wide] for head in heads)
        longest = max(longest, *(unit.end - unit.start for unit in walk.units))
        pairs = zip(walk.units, heads, strict=True)
        firsts[
            sum(is_slice(how.codec, unit.type) and head[wide] >= 0x80 for unit, head in pairs if len(head) > wide)
        ] += 1
    if not headers:
        raise MediaError("the reference's own pictures are damaged")
    return Pictures(track, how, frozenset(headers), longest, max(1, firsts.most_common(1)[0][0]))


def _jpegs(source: ByteSource, track: Track) -> Pictures:
    samples = track.samples
    place, size = samples.offsets[0], samples.sizes[0]
    if jpeg_end(source, place, place + size) is None:
        raise MediaError("the reference's own pictures are damaged")
    align = next(step for step in _ALIGNMENTS if not any(size % step for size in samples.sizes))
    return Pictures(track, NalFormat("mjpeg", 0), frozenset(), max(samples.sizes), 1, align)


def _sounds(source: ByteSource, track: Track) -> Sounds | None:
    samples = track.samples
    if samples.is_by_chunk or min(samples.sizes) == max(samples.sizes):
        chunks = Counter(_runs(samples))
        usual = tuple(size for size, _ in sorted(chunks.items(), key=lambda item: -item[1])[:16])
        return Sounds(track, min(samples.sizes), max(samples.sizes), chunk_bytes=usual)
    if track.description.codec != "aac":
        return None
    frames = [
        source.read(samples.offsets[number], samples.sizes[number])
        for number in range(min(len(samples), _LEARNED_SAMPLES))
    ]
    frames = [frame for frame in frames if len(frame) > 2]
    clean = sum(ends_with_mark(frame[-2], frame[-1]) for frame in frames)
    return Sounds(
        track,
        shortest_bytes=max(2, min(samples.sizes) // 2),
        longest_bytes=2 * max(samples.sizes),
        heads=frozenset(frame[0] >> 1 for frame in frames),
        has_clean_ends=clean >= _CLEAN_SHARE * len(frames),
        config=_audio_config(source),
    )


def _runs(samples: Samples) -> list[int]:
    """The bytes of each row of samples that lie one behind the other."""
    runs: list[int] = []
    end = -1
    for place, size in zip(samples.offsets, samples.sizes, strict=True):
        if place == end and not samples.is_by_chunk:
            runs[-1] += size
        else:
            runs.append(size)
        end = place + size
    return runs


def _audio_config(source: ByteSource) -> bytes:
    try:
        with open_input(source.fd, "mov") as opened:
            for stream in opened.streams.audio:
                return bytes(stream.codec_context.extradata or b"")
    except (av.error.FFmpegError, UnicodeDecodeError):
        return b""
    return b""


def _texts(source: ByteSource, track: Track) -> Texts:
    samples = track.samples
    lines = [
        source.read(samples.offsets[number] + 2, min(samples.sizes[number] - 2, 64))
        for number in range(min(len(samples), _LEARNED_SAMPLES))
        if samples.sizes[number] > 2
    ]
    return Texts(track, max(samples.sizes), _common_start(lines))


def _records(source: ByteSource, track: Track) -> Iterator[tuple[int, bytes]]:
    samples = track.samples
    by_size: dict[int, list[bytes]] = {}
    for number in range(min(len(samples), _LEARNED_SAMPLES)):
        size = samples.sizes[number]
        by_size.setdefault(size, []).append(source.read(samples.offsets[number], min(size, _RECORD_HEAD_BYTES)))
    for size, heads in sorted(by_size.items())[:_MOST_RECORDS]:
        prefix = _common_start(heads)
        if len(heads) >= _FEWEST_RECORDS and len(prefix) >= 2:
            yield size, prefix


def _common_start(lines: list[bytes]) -> bytes:
    first, last = min(lines, default=b""), max(lines, default=b"")
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    return first[:same]


def ends_with_mark(before: int, last: int) -> bool:
    """Whether two bytes end with the end mark of an AAC frame (three set bits) and less than a byte of zero bits."""
    if last == 0:
        return False
    bits = before << 8 | last
    return bits // (bits & -bits) & 7 == 7


class FrameTrial:
    """Whether some bytes are exactly one AAC frame: the decoder says so, which alone knows where a frame ends."""

    def __init__(self, config: bytes) -> None:
        self._context = av.CodecContext.create("aac", "r")
        self._context.extradata = config

    def is_one_frame(self, data: bytes) -> bool:
        """Try them."""
        try:
            return len(self._context.decode(av.Packet(data))) == 1
        except (av.error.FFmpegError, ValueError):
            return False

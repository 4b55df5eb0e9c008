"""Writes an MP4 around samples that were found: the reference's descriptions, new tables, the bytes as they are.

Nothing that the reference says of itself is taken over: no creation times, no position, no tags.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingestd.core.errors import MediaError
from ingestd.media.boxes import Box, ByteSource, Problems, children, top_level
from ingestd.media.isobmff import MAX_INDEX_BYTES
from ingestd.media.positioned import PositionedFile

_COPY_BYTES = 1024 * 1024
_LONGEST, _MOST_TICKS = (1 << 31) - 1, (1 << 62) - 1
"""What the tables hold. A damaged time may lie beyond; its sample is kept all the same."""
_DESCENT = {"trak": ("mdia",), "mdia": ("minf",), "minf": ("stbl",)}
_KEPT = frozenset({"hdlr", "vmhd", "smhd", "nmhd", "sthd", "gmhd", "dinf", "stsd", "tapt"})


@dataclass(frozen=True, slots=True)
class TrackSamples:
    """One track to be written, by its number in the reference. Samples in decoding order; ticks of its timescale.

    `spans` are half-open bytes of the torn file; `shifts` and `keys` are null where none is shifted, all are keys.
    """

    number: int
    spans: Sequence[tuple[int, int]]
    durations: Sequence[int]
    shifts: Sequence[int] | None = None
    keys: Sequence[int] | None = None


def write_movie(torn: ByteSource, reference: ByteSource, tracks: Sequence[TrackSamples], output_fd: int) -> int:
    """Write the file; returns its size.

    Raises:
        MediaError: the reference has no index to go by.
        OSError: the output cannot be written.
    """
    index = _index_of(reference)
    out = PositionedFile(output_fd)
    brand = next((box for box in top_level(reference, Problems()) if box.type == "ftyp"), None)
    head = reference.read(brand.start, min(brand.body_end - brand.start, 4096)) if brand is not None else b""
    spans = sorted({span for track in tracks for span in track.spans})
    media_bytes = sum(end - start for start, end in spans)
    head += struct.pack(">I4sQ", 1, b"mdat", 16 + media_bytes)
    out.write(head)
    places: dict[int, int] = {}
    at = len(head)
    for start, end in _joined(spans):
        _copy(torn, start, end, out)
    for start, end in spans:
        places[start] = at
        at += end - start
    moov = _MovieIndex(index, {track.number: track for track in tracks}, places).box()
    out.write(moov)
    return at + len(moov)


def _joined(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start, end = 0, 0
    for first, last in spans:
        if first == end:
            end = last
            continue
        if end > start:
            yield start, end
        start, end = first, last
    if end > start:
        yield start, end


def _copy(torn: ByteSource, start: int, end: int, out: PositionedFile) -> None:
    while start < end:
        block = torn.read(start, min(_COPY_BYTES, end - start))
        if not block:
            raise MediaError(f"the bytes at {start} cannot be read any more")
        out.write(block)
        start += len(block)


def _index_of(reference: ByteSource) -> memoryview:
    for box in top_level(reference, Problems()):
        if box.type == "moov" and not box.is_torn and box.end - box.start <= MAX_INDEX_BYTES:
            return memoryview(reference.read(box.body, box.end - box.body))
    raise MediaError("the reference has no whole index")


def _box(kind: str, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind.encode("latin-1")) + body


def _full(kind: str, *parts: bytes) -> bytes:
    return _box(kind, b"\0\0\0\0", *parts)


class _MovieIndex:
    """Builds the new `moov` beside the reference's."""

    def __init__(self, index: memoryview, tracks: dict[int, TrackSamples], places: dict[int, int]) -> None:
        self._index = index
        self._tracks = tracks
        self._places = places
        self._timescale = 1000

    def box(self) -> bytes:
        """The whole box."""
        parts: list[bytes] = []
        longest, number = 0, -1
        header: Box | None = None
        for child in self._children(0, len(self._index)):
            if child.type == "mvhd":
                header = child
                self._timescale = self._ticks_of(child) or 1000
            elif child.type == "trak":
                number += 1
                track = self._tracks.get(number)
                if track is not None and len(track.spans):
                    made, ticks = self._track(child, track)
                    parts.append(made)
                    longest = max(longest, ticks)
        if header is None:
            raise MediaError("the reference's index has no header")
        return _box("moov", self._timed(header, 4, longest), *parts)

    def _children(self, start: int, end: int) -> Iterator[Box]:
        return children(self._index, start, end, Problems(), "moov")

    def _is_long(self, box: Box) -> bool:
        """Whether a box is of version 1, with times of 64 bits."""
        return bytes(self._index[box.body : min(box.body + 1, box.body_end)]) == b"\1"

    def _ticks_of(self, box: Box) -> int:
        """The timescale of `mvhd` or `mdhd`; 0 where the box is too short."""
        at = box.body + (20 if self._is_long(box) else 12)
        return int.from_bytes(self._index[at : min(at + 4, box.body_end)], "big") if at + 4 <= box.body_end else 0

    def _timed(self, box: Box, ticks_behind: int, ticks: int) -> bytes:
        """`mvhd`, `mdhd` (duration right behind the timescale) or `tkhd` (`ticks_behind` 8) without any date."""
        raw = bytearray(self._index[box.start : box.body_end])
        head = box.body - box.start
        is_long = self._is_long(box)
        wide = 8 if is_long else 4
        raw[head + 4 : head + 4 + 2 * wide] = bytes(2 * wide)
        at = head + 4 + 2 * wide + ticks_behind
        raw[at : at + wide] = min(ticks, (1 << 8 * wide) - 2).to_bytes(wide, "big")
        return bytes(raw)

    def _track(self, trak: Box, track: TrackSamples) -> tuple[bytes, int]:
        timescale = self._track_timescale(trak)
        ticks = min(sum(track.durations) * self._timescale // timescale, _MOST_TICKS)
        parts: list[bytes] = []
        for child in self._children(trak.body, trak.body_end):
            if child.type == "tkhd":
                parts.append(self._timed(child, 8, ticks))
            elif child.type == "edts":
                parts.append(self._edit_list(child, ticks))
            elif child.type == "mdia":
                parts.append(self._inside(child, track))
        return _box("trak", *parts), ticks

    def _track_timescale(self, trak: Box) -> int:
        for child in self._children(trak.body, trak.body_end):
            if child.type == "mdia":
                for inner in self._children(child.body, child.body_end):
                    if inner.type == "mdhd":
                        return self._ticks_of(inner) or 1
        return 1

    def _edit_list(self, edts: Box, ticks: int) -> bytes:
        """The reference's delay and start, over the new length."""
        rows: list[bytes] = []
        for child in self._children(edts.body, edts.body_end):
            if child.type != "elst":
                continue
            row = ">Qqi" if self._is_long(child) else ">Iii"
            wide = struct.calcsize(row)
            for at in range(child.body + 8, child.body_end - wide + 1, wide):
                duration, media_time, rate = struct.unpack_from(row, self._index, at)
                if media_time < 0:
                    rows.append(struct.pack(">Qqi", duration, media_time, rate))
                    continue
                rows.append(struct.pack(">Qqi", ticks, media_time, rate))
                break
        if not rows:
            return b""
        return _box("edts", _box("elst", b"\1\0\0\0", struct.pack(">I", len(rows)), *rows))

    def _inside(self, box: Box, track: TrackSamples) -> bytes:
        parts: list[bytes] = []
        for child in self._children(box.body, box.body_end):
            if child.type == "mdhd":
                parts.append(self._timed(child, 4, sum(track.durations)))
            elif child.type in _DESCENT.get(box.type, ()):
                parts.append(self._inside(child, track))
            elif child.type in _KEPT:
                parts.append(bytes(self._index[child.start : child.body_end]))
        if box.type == "stbl":
            parts.extend(self._tables(track))
        return _box(box.type, *parts)

    def _tables(self, track: TrackSamples) -> Iterator[bytes]:
        yield _full("stts", _runs([min(max(0, one), _LONGEST) for one in track.durations], ">II"))
        if track.shifts is not None:
            yield _box("ctts", b"\1\0\0\0", _runs([min(max(-_LONGEST, one), _LONGEST) for one in track.shifts], ">Ii"))
        if track.keys is not None:
            yield _full("stss", struct.pack(f">I{len(track.keys)}I", len(track.keys), *(key + 1 for key in track.keys)))
        sizes = [end - start for start, end in track.spans]
        yield _full("stsz", struct.pack(f">II{len(sizes)}I", 0, len(sizes), *sizes))
        chunks: list[int] = []
        counts: list[int] = []
        behind = -1
        for start, end in track.spans:
            if start == behind:
                counts[-1] += 1
            else:
                chunks.append(self._places[start])
                counts.append(1)
            behind = end
        rows = [
            (number + 1, count) for number, count in enumerate(counts) if number == 0 or count != counts[number - 1]
        ]
        yield _full(
            "stsc", struct.pack(">I", len(rows)), *(struct.pack(">III", first, many, 1) for first, many in rows)
        )
        yield _full("co64", struct.pack(f">I{len(chunks)}Q", len(chunks), *chunks))


def _runs(values: Sequence[int], row: str) -> bytes:
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][1] == value:
            runs[-1][0] += 1
        else:
            runs.append([1, value])
    return struct.pack(">I", len(runs)) + b"".join(struct.pack(row, many, value) for many, value in runs)

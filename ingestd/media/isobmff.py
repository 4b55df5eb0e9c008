"""The index of MP4 and MOV files (ISO/IEC 14496-12): what `moov` and `moof` say, read without touching the media."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from ingestd.core.facts import StreamKind
from ingestd.media.boxes import Box, ByteSource, Problems, children, top_level
from ingestd.media.fragments import FragmentDefaults, read_fragment
from ingestd.media.isotags import MovieTags, read_tags
from ingestd.media.sampledescription import SampleDescription, read_description
from ingestd.media.sampletables import MAX_SAMPLES, Samples, TableBoxes

MAX_INDEX_BYTES = 64 * 1024 * 1024
MAX_FRAGMENT_INDEX_BYTES = 8 * 1024 * 1024
MAX_TRACKS = 64
MAX_GPS_BLOCKS = 20_000

_KINDS = {
    "vide": StreamKind.VIDEO,
    "soun": StreamKind.AUDIO,
    "text": StreamKind.SUBTITLE,
    "sbtl": StreamKind.SUBTITLE,
    "subt": StreamKind.SUBTITLE,
    "subp": StreamKind.SUBTITLE,
    "clcp": StreamKind.SUBTITLE,
}


@dataclass(slots=True)
class Track:
    """One `trak`. Durations are in the unit that their box uses; null where the box is absent or says "unknown"."""

    number: int
    track_id: int = 0
    handler: str = ""
    description: SampleDescription = SampleDescription()
    timescale: int = 1
    declared_ticks: int | None = None
    edits: list[tuple[int, int]] = field(default_factory=list)
    """(duration in movie ticks, media time in track ticks; -1 for an empty edit)."""
    samples: Samples = field(default_factory=Samples)

    @property
    def kind(self) -> StreamKind:
        """The kind by the handler."""
        return _KINDS.get(self.handler, StreamKind.DATA)

    @property
    def where(self) -> str:
        """How problems call this track."""
        return f"track {self.number}"


@dataclass(slots=True)
class Movie:
    """All that the boxes of a file say.

    `has_index` tells that a whole `moov` is there; `is_cut_short` that a box which should hold samples or the index
    goes on beyond the end of the file. Ticks are of `timescale`.
    """

    brand: str | None = None
    timescale: int = 1
    declared_ticks: int | None = None
    created: int | None = None
    """Seconds since 1904-01-01, as written."""
    tracks: list[Track] = field(default_factory=list)
    tags: MovieTags = field(default_factory=MovieTags)
    gps_blocks: list[tuple[int, int]] = field(default_factory=list)
    """(place in the file, size) of the blocks that a `gps ` box lists."""
    has_index: bool = False
    has_media: bool = False
    is_fragmented: bool = False
    is_cut_short: bool = False
    _times_s: dict[int, list[float]] = field(default_factory=dict)

    def shift_seconds(self, track: Track) -> float:
        """What is added to a track's own times to bring them on the file's presentation time line (`elst`).

        A leading empty edit delays; the media time of the first real edit comes to stand at that delay.
        """
        delay = 0
        for duration, media_time in track.edits:
            if media_time >= 0:
                return delay / self.timescale - media_time / track.timescale
            delay += duration
        return delay / self.timescale

    def times_s(self, track: Track) -> list[float]:
        """When each sample of a track is presented, in seconds on the file's time line; made once a track."""
        times = self._times_s.get(id(track))
        if times is None:
            shift_s, scale = self.shift_seconds(track), track.timescale
            times = self._times_s[id(track)] = [ticks / scale + shift_s for ticks in track.samples.times]
        return times

    def index_end_bytes(self) -> int | None:
        """Where the last sample of any track ends in the file; null without samples."""
        return max((track.samples.end_bytes() for track in self.tracks), default=0) or None

    def is_torn(self, size_bytes: int) -> bool:
        """Whether a file of so many bytes ends before what its boxes promise."""
        end = self.index_end_bytes()
        return (
            not self.has_index or self.is_cut_short or (self.is_fragmented and end is None) or (end or 0) > size_bytes
        )


def read_movie(source: ByteSource, problems: Problems) -> Movie:
    """Read the index of a file of the MP4 family, as far as it is there; what cannot be read becomes a problem."""
    movie = Movie()
    reader = _MovieReader(movie, source, problems)
    for box in top_level(source, problems):
        reader.take(box)
    for track in movie.tracks:
        if sum(media_time >= 0 for _, media_time in track.edits) > 1:
            problems.add(f"{track.where}: edit list of several pieces; times are those of the first")
    return movie


class _MovieReader:
    def __init__(self, movie: Movie, source: ByteSource, problems: Problems) -> None:
        self._movie = movie
        self._source = source
        self._problems = problems
        self._defaults: dict[int, FragmentDefaults] = {}
        self._samples_left = MAX_SAMPLES

    def take(self, box: Box) -> None:
        """Read one box of the top level."""
        movie = self._movie
        if box.is_torn:
            self._problems.add(f"box {box.type} at {box.start} claims {box.end - box.body_end} bytes beyond the end")
            movie.is_cut_short |= box.type in ("moov", "moof")
        if box.type == "ftyp" and movie.brand is None:
            movie.brand = self._source.read(box.body, 4).decode("latin-1").strip() or None
        elif box.type == "mdat":
            movie.has_media = True
        elif box.type == "moov":
            self._index(box)
        elif box.type == "moof":
            self._fragment(box)

    def _index(self, box: Box) -> None:
        if self._movie.has_index:
            self._problems.add(f"a second index (moov) at {box.start} was not read")
            return
        if box.body_end - box.body > MAX_INDEX_BYTES:
            self._problems.add(f"the index is larger than {MAX_INDEX_BYTES} bytes and was not read")
            return
        self._movie.has_index = not box.is_torn
        data = memoryview(self._source.read(box.body, box.body_end - box.body))
        for child in children(data, 0, len(data), self._problems, "moov"):
            if child.type == "mvhd":
                self._movie_header(data, child)
            elif child.type == "trak" and len(self._movie.tracks) < MAX_TRACKS:
                self._movie.tracks.append(self._track(data, child))
            elif child.type == "mvex":
                self._movie.is_fragmented = True
                self._fragment_defaults(data, child)
            elif child.type in ("udta", "meta"):
                read_tags(data, child, self._movie.tags, self._problems)
            elif child.type == "gps ":
                self._movie.gps_blocks = _gps_blocks(data, child)
            elif child.type == "cmov":
                self._problems.add("the index is compressed (cmov) and was not read")

    def _movie_header(self, data: memoryview, box: Box) -> None:
        header = _time_header(data, box)
        if header is None:
            self._problems.add("box mvhd is too short")
            return
        created, timescale, self._movie.declared_ticks = header
        self._movie.created = created or None
        self._movie.timescale = self._sane_timescale(timescale, "mvhd")

    def _sane_timescale(self, timescale: int, where: str) -> int:
        if 0 < timescale < 1 << 31:
            return timescale
        self._problems.add(f"{where}: timescale {timescale} cannot be; 1 was taken")
        return 1

    def _track(self, data: memoryview, trak: Box) -> Track:
        track = Track(len(self._movie.tracks))
        tables = TableBoxes(self._problems, track.where)
        self._track_boxes(data, trak, track, tables)
        description = track.description
        track.samples = tables.samples(
            file_bytes=self._source.size_bytes,
            is_audio=track.kind is StreamKind.AUDIO,
            bytes_per_unit=description.bytes_per_unit,
            limit=self._samples_left,
        )
        self._samples_left -= len(track.samples)
        return track

    def _track_boxes(self, data: memoryview, parent: Box, track: Track, tables: TableBoxes) -> None:
        """Walk down the containers of a track; the nesting is bounded by the names, each below the other."""
        inside = {"trak": ("mdia", "edts"), "mdia": ("minf",), "minf": ("stbl",)}.get(parent.type, ())
        for box in children(data, parent.body, parent.body_end, self._problems, f"{track.where} {parent.type}"):
            if box.type in inside:
                self._track_boxes(data, box, track, tables)
            elif parent.type == "stbl":
                if box.type == "stsd":
                    track.description = read_description(data, box, track.handler, self._problems)
                else:
                    tables.take(box.type, data, box.body, box.body_end)
            elif take := _TRACK_BOXES.get((parent.type, box.type)):
                take(self, data, box, track)

    def _track_header(self, data: memoryview, box: Box, track: Track) -> None:
        at = box.body + (20 if bytes(data[box.body : box.body + 1]) == b"\1" else 12)
        if box.body_end - at >= 4:
            (track.track_id,) = struct.unpack_from(">I", data, at)

    def _media_header(self, data: memoryview, box: Box, track: Track) -> None:
        header = _time_header(data, box)
        if header is None:
            self._problems.add(f"{track.where}: box mdhd is too short")
            return
        _, timescale, track.declared_ticks = header
        track.timescale = self._sane_timescale(timescale, f"{track.where} mdhd")

    def _handler(self, data: memoryview, box: Box, track: Track) -> None:
        track.handler = bytes(data[box.body + 8 : min(box.body + 12, box.body_end)]).decode("latin-1")

    def _edit_list(self, data: memoryview, box: Box, track: Track) -> None:
        if box.body_end - box.body < 8:
            return
        row = ">Qqi" if data[box.body] == 1 else ">Iii"
        (count,) = struct.unpack_from(">I", data, box.body + 4)
        for number in range(min(count, 1000)):
            at = box.body + 8 + number * struct.calcsize(row)
            if at + struct.calcsize(row) > box.body_end:
                break
            duration, media_time, _ = struct.unpack_from(row, data, at)
            track.edits.append((duration, max(media_time, -1)))

    def _fragment_defaults(self, data: memoryview, mvex: Box) -> None:
        for box in children(data, mvex.body, mvex.body_end, self._problems, "mvex"):
            if box.type == "trex" and box.body_end - box.body >= 24:
                track_id, _, duration, size, flags = struct.unpack_from(">IIIII", data, box.body + 4)
                self._defaults[track_id] = FragmentDefaults(duration, size, flags)

    def _fragment(self, box: Box) -> None:
        movie = self._movie
        movie.is_fragmented = True
        if box.is_torn or box.end - box.body > MAX_FRAGMENT_INDEX_BYTES:
            return
        data = memoryview(self._source.read(box.body, box.end - box.body))
        by_id = {track.track_id: track.samples for track in movie.tracks}
        self._samples_left -= read_fragment(
            data,
            box.start,
            by_id,
            self._defaults,
            self._problems,
            file_bytes=self._source.size_bytes,
            limit=self._samples_left,
        )


# By parent too: QuickTime has a second `hdlr`, of the data, in `minf`.
_TRACK_BOXES: dict[tuple[str, str], Callable[[_MovieReader, memoryview, Box, Track], None]] = {
    ("trak", "tkhd"): _MovieReader._track_header,
    ("mdia", "mdhd"): _MovieReader._media_header,
    ("mdia", "hdlr"): _MovieReader._handler,
    ("edts", "elst"): _MovieReader._edit_list,
}


def _gps_blocks(data: memoryview, box: Box) -> list[tuple[int, int]]:
    """Of Novatek's list: eight bytes of head, then place and size of each block."""
    rows = min((box.body_end - box.body - 8) // 8, MAX_GPS_BLOCKS)
    return [struct.unpack_from(">II", data, box.body + 8 + 8 * row) for row in range(rows)]


def _time_header(data: memoryview, box: Box) -> tuple[int, int, int | None] | None:
    """(creation time, timescale, duration) of `mvhd` or `mdhd`; a duration of all ones means unknown."""
    is_long = bytes(data[box.body : box.body + 1]) == b"\1"
    row = ">QQIQ" if is_long else ">IIII"
    if box.body_end - box.body < 4 + struct.calcsize(row):
        return None
    created, _, timescale, duration = struct.unpack_from(row, data, box.body + 4)
    unknown = (1 << (64 if is_long else 32)) - 1
    return created, timescale, None if duration == unknown else duration

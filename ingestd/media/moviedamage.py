"""Damage inside the media data of the MP4 family: samples that are not what the index and their codec say."""

from collections import Counter
from collections.abc import Callable, Iterator

from ingestd.core.facts import Damage, StreamKind
from ingestd.media.boxes import ByteSource, Problems
from ingestd.media.isobmff import Movie, Track, read_movie
from ingestd.media.nalunits import ChainWalk, NalFormat, is_slice, nal_format, walk_chain
from ingestd.media.zeroruns import Places, ZeroRun, zero_runs

_HABIT_SHARE, _HABIT_COUNT = 0.05, 3
"""An oddity in more samples than this is how the recorder writes, not damage."""
_MOST = 0.5
_ENCRYPTED = frozenset({"encv", "enca"})
_NEVER_ZERO_CODECS = frozenset({"mpeg4", "h263", "mjpeg", "av1", "vp8", "vp9"})
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_EOI_TAIL_BYTES = 64


def movie_damage(
    source: ByteSource,
    unreadable: tuple[tuple[int, int], ...],
    is_late: Callable[[], bool],
    problems: Problems,
) -> Iterator[Damage]:
    """Damaged places of a file of the MP4 family with an index, in any order.

    Args:
        source: the file.
        unreadable: half-open ranges that are known to be lost.
        is_late: whether the time for looking is over; what was not looked at becomes a problem.
        problems: takes what could not be looked at.
    """
    movie = read_movie(source, Problems())
    runs, seen_bytes = zero_runs(source, is_late)
    if seen_bytes < source.size_bytes:
        problems.add(f"zero bytes were looked for up to byte {seen_bytes} only")
    for track in movie.tracks:
        if track.kind not in (StreamKind.VIDEO, StreamKind.AUDIO):
            continue
        sight = _TrackSight(source, movie, track, runs, is_late, problems)
        yield from sight.lost(unreadable)
        yield from sight.damages()


class _TrackSight:
    """One track of pictures or sound under the lens."""

    def __init__(
        self,
        source: ByteSource,
        movie: Movie,
        track: Track,
        runs: list[ZeroRun],
        is_late: Callable[[], bool],
        problems: Problems,
    ) -> None:
        self._source = source
        self._track = track
        self._samples = track.samples
        self._shift_s = movie.shift_seconds(track)
        self._places = Places(track.samples.offsets, track.samples.sizes, source.size_bytes)
        self._runs = runs
        self._is_late = is_late
        self._problems = problems

    def lost(self, ranges: tuple[tuple[int, int], ...]) -> Iterator[Damage]:
        """The samples in ranges that could not be read."""
        for start, end in ranges:
            for number in self._places.touched(start, end):
                yield self._damage("unreadable", number, (start, end))

    def damages(self) -> Iterator[Damage]:
        """What is wrong with samples by their bytes."""
        description = self._track.description
        if description.tag in _ENCRYPTED:
            return
        how = nal_format(description)
        if how is not None:
            yield from self._pictures_by_units(how)
        elif description.codec == "aac":
            yield from self._sounds()
        elif description.codec in _NEVER_ZERO_CODECS:
            if description.codec == "mjpeg":
                yield from self._jpegs()
            yield from self._blocks()

    def _damage(self, kind: str, number: int, span: tuple[int, int] | None = None) -> Damage:
        samples, scale = self._samples, self._track.timescale
        start_s = samples.times[number] / scale + self._shift_s
        place = samples.offsets[number]
        return Damage(
            kind=kind,
            start_s=round(start_s, 6),
            end_s=round(start_s + samples.durations[number] / scale, 6),
            bytes=span or (place, place + samples.sizes[number]),
        )

    def _pictures_by_units(self, how: NalFormat) -> Iterator[Damage]:
        faults: dict[int, str] = {}
        oddities: list[tuple[int, str]] = []
        for number in self._places.numbers:
            if self._is_late():
                self._problems.add(f"{self._track.where}: pictures were looked at in part only")
                break
            walk = self._walk(number, how)
            if walk.fault is not None:
                faults[number] = walk.fault
            else:
                oddities.extend((number, oddity) for oddity in walk.oddities)
        if self._is_written_with_start_codes(faults):
            self._problems.add(f"{self._track.where}: units stand between start codes, and were not looked at")
            return
        faults.update((number, "unit") for number in _rare(oddities, len(self._places.numbers)))
        by_zeros = dict(self._zeros(how, faults))
        for number, kind in faults.items():
            if number not in by_zeros:
                yield self._damage(kind, number)
        for number, run in by_zeros.items():
            yield self._damage("zeros", number, run)

    def _walk(self, number: int, how: NalFormat) -> ChainWalk:
        return walk_chain(self._source, self._samples.offsets[number], self._samples.sizes[number], how)

    def _is_written_with_start_codes(self, faults: dict[int, str]) -> bool:
        """Some recorders put units between start codes (H.264, annex B) though the index says otherwise."""
        if len(faults) <= _MOST * len(self._places.numbers):
            return False
        firsts = [self._source.read(self._samples.offsets[number], 4) for number in list(faults)[:32]]
        return sum(first == b"\0\0\0\1" or first[:3] == b"\0\0\1" for first in firsts) > _MOST * len(firsts)

    def _zeros(self, how: NalFormat, faults: dict[int, str]) -> Iterator[tuple[int, tuple[int, int]]]:
        """Samples with zeros where no encoder writes them: inside a slice, or over a place where the chain broke."""
        small: dict[int, ZeroRun] = {}
        for run in self._runs:
            if self._is_late():
                self._problems.add(f"{self._track.where}: zeros were judged in part only")
                break
            for number in self._places.touched(*run):
                if number in faults:
                    if run.has_block:
                        yield number, run
                    continue
                for unit in self._walk(number, how).units:
                    if not is_slice(how.codec, unit.type) or not unit.start < run.end or not run.start < unit.end:
                        continue
                    if min(run.end, unit.end) - max(run.start, unit.start) >= 512:
                        yield number, run
                    elif run.end < unit.end:
                        # Zeros that reach a unit's end may be its padding.
                        small[number] = run
        if len(small) <= max(_HABIT_COUNT, _HABIT_SHARE * len(self._places.numbers)):
            yield from small.items()

    def _sounds(self) -> Iterator[Damage]:
        """AAC: a frame ends with three set bits, so zeros never run over its end; padding inside one is lawful."""
        samples = self._samples
        for run in self._runs:
            if not run.has_block or self._is_late():
                continue
            for number in self._places.touched(*run):
                end = samples.offsets[number] + samples.sizes[number]
                if run.is_blockwise or run.start < end <= run.end:
                    yield self._damage("zeros", number, run)

    def _blocks(self) -> Iterator[Damage]:
        for run in self._runs:
            if run.is_blockwise and not self._is_late():
                for number in self._places.touched(*run):
                    yield self._damage("block", number, run)

    def _jpegs(self) -> Iterator[Damage]:
        faults = []
        for number in self._places.numbers:
            if self._is_late():
                self._problems.add(f"{self._track.where}: pictures were looked at in part only")
                break
            place, size = self._samples.offsets[number], self._samples.sizes[number]
            if not is_whole_jpeg(self._source, place, size):
                faults.append(number)
        # Where most lack it, this is no plain JPEG.
        if len(faults) <= _MOST * len(self._places.numbers):
            for number in faults:
                yield self._damage("jpeg", number)


def is_whole_jpeg(source: ByteSource, place: int, size: int) -> bool:
    """Whether a JPEG begins and ends there; padding behind the end is lawful."""
    tail = min(size, _EOI_TAIL_BYTES)
    return source.read(place, 2) == _SOI and _EOI in source.read(place + size - tail, tail)


def _rare(oddities: list[tuple[int, str]], samples: int) -> list[int]:
    """The samples whose oddities nearly no other sample of the track has."""
    counts = Counter(oddity for _, oddity in set(oddities))
    most = max(_HABIT_COUNT - 1, _HABIT_SHARE * samples)
    return [number for number, oddity in oddities if counts[oddity] <= most]

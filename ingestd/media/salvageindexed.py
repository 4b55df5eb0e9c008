"""Salvage by a file's own index: fragments that were closed, and an index in front of media that was cut.

Nothing is guessed: each sample whose bytes are all there goes into the copy, at the time that the file itself gives it.
"""

from collections.abc import Iterable, Sequence

from ingestd.core.errors import MediaError
from ingestd.core.facts import StreamKind
from ingestd.media.boxes import ByteSource, Problems, top_level
from ingestd.media.isobmff import Movie, Track
from ingestd.media.moviewriter import TrackSamples, write_movie
from ingestd.media.salvaged import Salvaged

_MOST_OVERLAP = 2
"""Samples share no bytes; an index made to fill a disk would name the same ones for thousands of samples."""


def salvage_indexed(torn: ByteSource, movie: Movie, output_fd: int | None) -> Salvaged:
    """Keep what the index or the fragments of a torn file say of bytes that are there.

    Raises:
        MediaError: not one sample is whole, or the index is made up.
        OSError: the output cannot be written.
    """
    whole = {track.number: _whole(track, torn.size_bytes) for track in movie.tracks}
    kept = [track for track in movie.tracks if whole[track.number]]
    if not kept:
        raise MediaError("not one sample of this file is whole")
    origin_s = min(_first_ticks(track, whole[track.number]) / track.timescale for track in kept)
    tracks = [_samples(track, whole[track.number], origin_s) for track in kept]
    named = [span for made in tracks for span in made.spans]
    if sum(end - start for start, end in named) > _MOST_OVERLAP * _covered_bytes(named):
        raise MediaError("the index names the same bytes again and again: what it says cannot be")
    size_bytes = None if output_fd is None else write_movie(torn, torn, tracks, output_fd)
    return _summary(torn, movie, whole, tracks, size_bytes)


def _whole(track: Track, size_bytes: int) -> list[int]:
    """The samples whose bytes are all in the file, each place once: a hostile index may name one twice."""
    samples = track.samples
    seen: set[int] = set()
    numbers: list[int] = []
    for number, (place, size) in enumerate(zip(samples.offsets, samples.sizes, strict=True)):
        if size > 0 and place + size <= size_bytes and place not in seen:
            seen.add(place)
            numbers.append(number)
    return numbers


def _lag_ticks(track: Track, numbers: Sequence[int]) -> int:
    """How much earlier than shown the first picture has to be decoded, so that none is shown before it is decoded."""
    times = [track.samples.times[number] for number in numbers]
    return max(shown - time for shown, time in zip(sorted(times), times, strict=True))


def _first_ticks(track: Track, numbers: Sequence[int]) -> int:
    return min(track.samples.times[number] for number in numbers) - _lag_ticks(track, numbers)


def _samples(track: Track, numbers: Sequence[int], origin_s: float) -> TrackSamples:
    """The times of fragments leave holes that a table of durations cannot have: durations follow from the times."""
    samples = track.samples
    times = [samples.times[number] for number in numbers]
    lag = _lag_ticks(track, numbers)
    decoded = [time - lag for time in sorted(times)]
    durations = [max(0, later - time) for time, later in zip(decoded, decoded[1:], strict=False)]
    durations.append(max(1, samples.durations[numbers[-1]]))
    late = decoded[0] - round(origin_s * track.timescale)
    shifts = [time - begin + late for time, begin in zip(times, decoded, strict=True)]
    keys = None
    if samples.keys is not None:
        are_keys = set(samples.keys)
        keys = [place for place, number in enumerate(numbers) if number in are_keys]
    spans = [(samples.offsets[number], samples.offsets[number] + samples.sizes[number]) for number in numbers]
    return TrackSamples(track.number, spans, durations, shifts if any(shifts) else None, keys)


def _summary(
    torn: ByteSource,
    movie: Movie,
    whole: dict[int, list[int]],
    tracks: Sequence[TrackSamples],
    size_bytes: int | None,
) -> Salvaged:
    by_number = {track.number: track for track in movie.tracks}
    counts: dict[str, int] = {}
    for made in tracks:
        kind = by_number[made.number].kind.value
        counts[kind] = counts.get(kind, 0) + len(made.spans)
    first = min(tracks, key=lambda one: (by_number[one.number].kind is not StreamKind.VIDEO, one.number))
    track = by_number[first.number]
    numbers = whole[track.number]
    ends = [track.samples.times[number] + track.samples.durations[number] for number in numbers]
    begin = min(track.samples.times[number] for number in numbers)
    shift = movie.shift_seconds(track)
    absent = set(range(len(track.samples))).difference(numbers)
    torn_at = min((track.samples.times[number] for number in absent), default=max(ends))
    media = [(box.body, box.body_end) for box in top_level(torn, Problems()) if box.type == "mdat"]
    media_bytes = sum(end - start for start, end in media)
    explained = _covered_bytes(span for made in tracks for span in made.spans)
    lost = sum(len(one.samples) for one in movie.tracks) - sum(len(made.spans) for made in tracks)
    return Salvaged(
        samples=counts,
        seconds=round((max(ends) - begin) / track.timescale, 6),
        intact_until_s=max(0.0, round(torn_at / track.timescale + shift, 6)),
        media_bytes=media_bytes,
        explained_bytes=explained,
        reached_bytes=max(explained, min(media_bytes, max(end for made in tracks for _, end in made.spans))),
        lost_ranges=int(lost > 0),
        is_whole_walk=True,
        size_bytes=size_bytes,
        method="own_index",
        pace="own",
        missing=(f"{lost} samples that the index names lie beyond the end of the file",) if lost else (),
    )


def _covered_bytes(spans: Iterable[tuple[int, int]]) -> int:
    """Bytes that lie in at least one of half-open ranges."""
    total, behind = 0, 0
    for start, end in sorted(spans):
        total += max(0, end - max(start, behind))
        behind = max(behind, end)
    return total

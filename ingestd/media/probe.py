"""Facts of one file: the index of the MP4 family by our own reading, other containers by packets, photos by header."""

import datetime as dt
from collections.abc import Sequence

from ingestd.core.clock import from_text, to_text
from ingestd.core.facts import MediaFacts, MediaKind, StreamFacts, StreamKind
from ingestd.core.fixdoubts import judged
from ingestd.core.sidecars import SidecarRule
from ingestd.media.boxes import ByteSource, Problems
from ingestd.media.demux import demuxed_facts
from ingestd.media.isobmff import Movie, Track, read_movie
from ingestd.media.photo import photo_facts
from ingestd.media.positiontexts import text_fixes
from ingestd.media.sampletables import Samples
from ingestd.media.seams import movie_seams
from ingestd.media.sniff import HEAD_BYTES, sniff
from ingestd.media.streamfacts import span, timed_stream
from ingestd.media.structure import movie_structure
from ingestd.media.tracks import movie_fixes

_EPOCH = dt.datetime(1904, 1, 1, tzinfo=dt.UTC)
_ISO_CONTAINERS = ("mp4", "mov", "3gp")
_HEADER_PHOTOS = ("jpeg", "png")


def probe(fd: int, size_bytes: int, sidecar: SidecarRule | None = None) -> MediaFacts:
    """Facts of the regular file behind a descriptor, by index and packets, without decoding.

    A fault of the file is a text in `problems`, not an exception. Meant for a child process with limits: a hostile
    file may still crash the demuxer or use up the memory given.

    Args:
        fd: open for reading; its position is moved.
        size_bytes: how much of the file counts.
        sidecar: how to read the positions of a text file, where a profile says it; null for what its content shows.
    """
    facts = _facts(fd, size_bytes, sidecar)
    # Seams were looked for before: what is doubtful as a place may still tell the time.
    written = from_text(facts.creation_utc) if facts.creation_utc is not None else None
    return facts.model_copy(update={"fixes": judged(facts.fixes, written)}) if facts.fixes else facts


def _facts(fd: int, size_bytes: int, sidecar: SidecarRule | None) -> MediaFacts:
    source = ByteSource(fd, size_bytes)
    problems = Problems()
    kind, container = sniff(source.read(0, HEAD_BYTES), size_bytes)
    if container in _ISO_CONTAINERS:
        return movie_facts(source, kind, container, problems)
    if container in _HEADER_PHOTOS:
        return photo_facts(source, container, problems)
    if kind.is_timed and container is not None:
        return demuxed_facts(source, kind, container, problems)
    fixes = text_fixes(source, sidecar, problems) if kind is MediaKind.TEXT else ()
    return MediaFacts(kind=kind, size_bytes=size_bytes, container=container, fixes=fixes, problems=problems.texts())


def movie_facts(source: ByteSource, kind: MediaKind, container: str, problems: Problems) -> MediaFacts:
    """Facts of a file of the MP4 family from its boxes alone."""
    movie = read_movie(source, problems)
    index_end = movie.index_end_bytes()
    streams = tuple(_stream_facts(movie, track, source.size_bytes) for track in movie.tracks)
    if not any(stream.kind is StreamKind.VIDEO for stream in streams):
        # Without an index nothing tells sound from pictures: the usual kind stands.
        kind = MediaKind.AUDIO if any(stream.kind is StreamKind.AUDIO for stream in streams) else kind
    elif kind is MediaKind.AUDIO:
        kind = MediaKind.VIDEO
    is_truncated = movie.is_torn(source.size_bytes)
    if not movie.has_index:
        problems.add("no whole index (moov) is in the file")
    start_s, duration_s = span(streams)
    fixes = movie_fixes(movie, source, problems)
    return MediaFacts(
        kind=kind,
        size_bytes=source.size_bytes,
        container="mov" if movie.brand == "qt" else container,
        duration_s=duration_s,
        declared_duration_s=_declared(movie, movie.declared_ticks, movie.timescale),
        start_s=start_s,
        creation_utc=_creation(movie.created, problems),
        encoder=movie.tags.encoder and movie.tags.encoder[:200],
        streams=streams,
        has_index=movie.has_index,
        is_fragmented=movie.is_fragmented,
        is_truncated=is_truncated,
        index_end_bytes=index_end,
        intact_until_s=_intact_until(movie, source.size_bytes) if is_truncated and movie.has_index else None,
        fixes=fixes,
        seams=movie_seams(source, movie, [fix for fix in fixes if fix.is_clocked]),
        structure=movie_structure(source, movie),
        problems=problems.texts(),
    )


def _declared(movie: Movie, ticks: int | None, timescale: int) -> float | None:
    """A duration of a header in seconds; 0 in a fragmented file only says that it was not known at the start."""
    return None if ticks is None or (ticks == 0 and movie.is_fragmented) else round(ticks / timescale, 6)


def _creation(created: int | None, problems: Problems) -> str | None:
    if created is None:
        return None
    try:
        return to_text(_EPOCH + dt.timedelta(seconds=created))
    except OverflowError:
        problems.add(f"the creation time cannot be: {created} seconds since 1904")
        return None


def _is_whole(samples: Samples, size_bytes: int) -> list[bool] | None:
    """For each sample whether all its bytes are in the file; null where all are."""
    if samples.end_bytes() <= size_bytes:
        return None
    return [place + size <= size_bytes for place, size in zip(samples.offsets, samples.sizes, strict=True)]


def _count_whole(numbers: Sequence[int], whole: list[bool] | None) -> int:
    return len(numbers) if whole is None else sum(whole[number] for number in numbers)


def _stream_facts(movie: Movie, track: Track, size_bytes: int) -> StreamFacts:
    """Facts by the samples that are there; what a torn file only promises is in `declared_duration_s`."""
    samples, scale = track.samples, track.timescale
    times = movie.times_s(track)
    durations = [ticks / scale for ticks in samples.durations]
    sizes = list(samples.sizes)
    whole = _is_whole(samples, size_bytes)
    if whole is not None:
        times = [value for value, is_there in zip(times, whole, strict=True) if is_there]
        durations = [value for value, is_there in zip(durations, whole, strict=True) if is_there]
        sizes = [value for value, is_there in zip(sizes, whole, strict=True) if is_there]
    description = track.description
    return timed_stream(
        track.number,
        track.kind,
        times,
        durations,
        key_packets=len(times) if samples.keys is None else _count_whole(samples.keys, whole),
        bytes=sum(sizes),
        codec=description.codec,
        tag=description.tag,
        declared_duration_s=_declared(movie, track.declared_ticks, scale),
        width=description.width,
        height=description.height,
        sample_rate_hz=description.sample_rate_hz,
        channels=description.channels,
    )


def _intact_until(movie: Movie, size_bytes: int) -> float:
    """The second up to which the first video track (else the first with samples) has all its bytes in the file."""
    judged = sorted(
        (track for track in movie.tracks if len(track.samples)),
        key=lambda track: (track.kind is not StreamKind.VIDEO, track.kind is not StreamKind.AUDIO, track.number),
    )
    if not judged:
        return 0.0
    track = judged[0]
    samples, shift = track.samples, movie.shift_seconds(track)
    whole = _is_whole(samples, size_bytes)
    if whole is None:
        ends = (time + duration for time, duration in zip(samples.times, samples.durations, strict=True))
        return max(0.0, round(max(ends) / track.timescale + shift, 6))
    first_torn = min(time for time, is_there in zip(samples.times, whole, strict=True) if not is_there)
    return max(0.0, round(first_torn / track.timescale + shift, 6))

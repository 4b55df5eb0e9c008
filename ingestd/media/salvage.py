"""Salvage: torn footage, made playable beside the untouched original.

What a file says of itself is kept (`salvageindexed`, `salvageavi`, `salvagetransport`, `salvagewave`). One of the MP4
family without an index holds pictures and sounds without saying where. A whole file of the same recorder says how that
recorder lays them down; with it the media data can be walked sample by sample, and a new index written around the
same bytes. Times are by the reference's pace: the torn file itself holds none.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from statistics import median

from ingestd.core.clock import SystemClock
from ingestd.core.errors import MediaError
from ingestd.core.facts import StreamKind
from ingestd.media.boxes import ByteSource, Problems, top_level
from ingestd.media.isobmff import Track, read_movie
from ingestd.media.moviewriter import TrackSamples, write_movie
from ingestd.media.salvageavi import salvage_avi
from ingestd.media.salvaged import Salvaged
from ingestd.media.salvageindexed import salvage_indexed
from ingestd.media.salvagereference import Reference, learn, step_ticks
from ingestd.media.salvagestream import is_byte_stream, salvage_stream
from ingestd.media.salvagetransport import salvage_transport
from ingestd.media.salvagewalk import Found, MediaWalk
from ingestd.media.salvagewave import salvage_wave
from ingestd.media.sniff import HEAD_BYTES, sniff

_MOVIES = ("mp4", "mov", "3gp")

_SMALL_LOSS_BYTES = 4096
_SOUNDS_BEHIND_BYTES = 16 * 1024


def salvage(
    torn_fd: int,
    torn_bytes: int,
    reference_fd: int | None,
    reference_bytes: int,
    output_fd: int | None = None,
    *,
    seconds: float = 600.0,
) -> Salvaged:
    """Find what is whole in a torn file, and write a playable copy where one is wanted.

    A file that has its index, fragments, packets or chunks keeps what it has; one of the MP4 family without an index is
    walked as the reference lays its samples down, without a reference by what its pictures say of themselves.

    Args:
        torn_fd: the torn file, open for reading; never written to.
        torn_bytes: its size.
        reference_fd: a whole file of the same recorder with the same settings; null where there is none.
        reference_bytes: its size.
        output_fd: empty, open for writing; null to look only.
        seconds: after so long the walk ends, and what was found by then counts.

    Raises:
        MediaError: nothing to salvage: the file is whole or has no media data, the reference cannot serve, or no
            picture was found.
        OSError: the output cannot be written.
    """
    torn = ByteSource(torn_fd, torn_bytes)
    clock = SystemClock()
    until = clock.steady_seconds() + seconds

    def is_late() -> bool:
        return clock.steady_seconds() > until

    reference = None if reference_fd is None else ByteSource(reference_fd, reference_bytes)
    _, container = sniff(torn.read(0, HEAD_BYTES), torn_bytes)
    if container == "avi":
        return salvage_avi(torn, reference, output_fd, is_late)
    if container == "mpegts":
        return salvage_transport(torn, output_fd, is_late)
    if container == "wav":
        return salvage_wave(torn, output_fd)
    if container in _MOVIES:
        return _salvage_movie(torn, reference, output_fd, is_late)
    if is_byte_stream(torn, 0):
        return salvage_stream(torn, 0, torn_bytes, output_fd, is_late)
    raise MediaError(f"there is nothing to salvage in a file of this kind ({container or 'not known'})")


def _salvage_movie(
    torn: ByteSource, source: ByteSource | None, output_fd: int | None, is_late: Callable[[], bool]
) -> Salvaged:
    movie = read_movie(torn, Problems())
    if movie.has_index:
        if not movie.is_torn(torn.size_bytes):
            raise MediaError("this file has its index; there is nothing to salvage")
        return salvage_indexed(torn, movie, output_fd)
    if source is None:
        start, end = _media_data(torn, None)
        return salvage_stream(torn, start, end, output_fd, is_late)
    reference = learn(source.fd, source.size_bytes)
    start, end = _media_data(torn, reference)
    if reference.pictures.how.codec != "mjpeg" and is_byte_stream(torn, start):
        return salvage_stream(torn, start, end, output_fd, is_late, _rate(reference))
    walk = MediaWalk(torn, reference, is_late)
    walk.run(start, end)
    tracks = _tracks(walk, reference)
    if not tracks or not tracks[0].spans:
        raise MediaError("no picture was found in the media data: the reference may be of another recorder or setting")
    size_bytes = None if output_fd is None else write_movie(torn, reference.source, tracks, output_fd)
    return _summary(walk, reference, tracks[0], (start, end), size_bytes, is_whole=not is_late())


def _rate(reference: Reference) -> Fraction:
    track = reference.pictures.track
    return Fraction(track.timescale, step_ticks(track.samples))


def _media_data(torn: ByteSource, reference: Reference | None) -> tuple[int, int]:
    """Where the media data lies: in `mdat`, else from where the reference's first sample lies."""
    for box in top_level(torn, Problems()):
        if box.type == "mdat":
            return box.body, box.body_end if box.end > box.body else torn.size_bytes
    if reference is None:
        raise MediaError("the file has no media data that its boxes name, and no whole file of its recorder is known")
    first = min(reference.pictures.track.samples.offsets)
    if first >= torn.size_bytes:
        raise MediaError("the file has no media data")
    return first, torn.size_bytes


def _tracks(walk: MediaWalk, reference: Reference) -> list[TrackSamples]:
    """What was found, by track; pictures first."""
    pictures = [one for one in walk.found if one.track == reference.pictures.track.number]
    made = [_pictures(pictures, reference)]
    learned: list[Track] = [texts.track for texts in reference.texts]
    if reference.sounds is not None:
        learned.insert(0, reference.sounds.track)
    for track in learned:
        own = [one for one in walk.found if one.track == track.number]
        if own:
            made.append(
                TrackSamples(track.number, [(one.start, one.end) for one in own], _paced(own, track, walk, reference))
            )
    return made


def _pictures(found: Sequence[Found], reference: Reference) -> TrackSamples:
    track = reference.pictures.track
    keys = [number for number, one in enumerate(found) if one.is_key]
    pattern = _shift_pattern(track)
    shifts = None
    if any(pattern):
        shifts, place = [], 0
        for one in found:
            place = 0 if one.is_key else place + 1
            shifts.append(pattern[min(place, len(pattern) - 1)])
    step = step_ticks(track.samples)
    is_all_keys = track.samples.keys is None
    return TrackSamples(
        track.number,
        [(one.start, one.end) for one in found],
        [step] * len(found),
        shifts,
        None if is_all_keys else keys,
    )


def _shift_pattern(track: Track) -> list[int]:
    """How much later than they are decoded pictures are shown, by their place behind a key frame."""
    samples = track.samples
    keys = set(samples.keys or ())
    best: list[int] = []
    pattern: list[int] = []
    now = 0
    for number, (time, duration) in enumerate(zip(samples.times, samples.durations, strict=True)):
        if number in keys:
            pattern = []
        pattern.append(time - now)
        if len(pattern) > len(best):
            best = pattern
        now += duration
    return best or [0]


def _paced(found: Sequence[Found], track: Track, walk: MediaWalk, reference: Reference) -> list[int]:
    """Durations at the reference's pace; behind a lost stretch a track waits for the pictures to draw level."""
    step = step_ticks(track.samples)
    if track.samples.is_by_chunk:
        return _chunk_durations(found, track)
    picture_step_s = step_ticks(reference.pictures.track.samples) / reference.pictures.track.timescale
    durations: list[int] = []
    now = 0
    pictures = 0
    is_behind_loss = False
    for one in walk.found:
        is_behind_loss |= one.is_resumed
        if one.kind is StreamKind.VIDEO:
            pictures += 1
        elif one.track == track.number:
            if is_behind_loss and durations:
                wait = int(pictures * picture_step_s * track.timescale) - now
                if wait > 0:
                    durations[-1] += wait
                    now += wait
                is_behind_loss = False
            durations.append(step)
            now += step
    return durations


def _chunk_durations(found: Sequence[Found], track: Track) -> list[int]:
    samples = track.samples
    ticks_a_byte = sum(samples.durations) / max(1, sum(samples.sizes))
    return [max(1, round((one.end - one.start) * ticks_a_byte)) for one in found]


def _summary(
    walk: MediaWalk,
    reference: Reference,
    pictures: TrackSamples,
    media: tuple[int, int],
    size_bytes: int | None,
    *,
    is_whole: bool,
) -> Salvaged:
    track = reference.pictures.track
    step_s = step_ticks(track.samples) / track.timescale
    # What is smaller than a picture hides none, nor does what a data track may have put there with sounds behind.
    least = min(_SMALL_LOSS_BYTES, int(median(track.samples.sizes)))
    if reference.strange_bytes:
        least = max(least, 2 * reference.strange_bytes + _SOUNDS_BEHIND_BYTES)
    first_lost = min((start for start, end in walk.lost if end - start >= least), default=media[1])
    before = sum(end <= first_lost for _, end in pictures.spans)
    counts: dict[str, int] = {}
    for one in walk.found:
        counts[one.kind.value] = counts.get(one.kind.value, 0) + 1
    return Salvaged(
        samples=counts,
        seconds=round(len(pictures.spans) * step_s, 6),
        intact_until_s=round(before * step_s, 6),
        media_bytes=media[1] - media[0],
        explained_bytes=sum(one.end - one.start for one in walk.found),
        reached_bytes=max(one.end for one in walk.found) - media[0],
        lost_ranges=len(walk.lost),
        is_whole_walk=is_whole,
        size_bytes=size_bytes,
        missing=_not_looked_for(walk, reference),
    )


def _not_looked_for(walk: MediaWalk, reference: Reference) -> tuple[str, ...]:
    movie = read_movie(reference.source, Problems())
    found = {one.track for one in walk.found}
    return tuple(
        f"{track.kind.value}, which the reference has ({track.description.codec or track.description.tag})"
        for track in movie.tracks
        if track.kind is not StreamKind.DATA and len(track.samples) and track.number not in found
    )

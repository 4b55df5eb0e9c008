"""All positions that a movie's index leads to: tags, text tracks, GPMF and camera-motion tracks, `freeGPS` blocks."""

from collections.abc import Iterator, Sequence
from typing import Final

from ingestd.core.facts import Fix, StreamKind
from ingestd.media.boxes import ByteSource, Problems
from ingestd.media.camm import MAX_SAMPLE_BYTES, camm_point
from ingestd.media.freegps import BLOCK_BYTES, block_point
from ingestd.media.gpmf import DATUM, MAX_PAYLOAD_BYTES, GpmfPoint, gpmf_points
from ingestd.media.isobmff import Movie, Track
from ingestd.media.nmea import IMPRECISE_DOP, NmeaReader
from ingestd.media.telemetry import make_fix, parse_iso6709, parse_track_text

MAX_FIXES: Final = 20_000
_MAX_TEXT_BYTES = 1024
_MAX_SAMPLES = 200_000
_MAX_POINTS = 400_000
_SECOND_SLACK = 2.0


def movie_fixes(movie: Movie, source: ByteSource, problems: Problems) -> tuple[Fix, ...]:
    """The fixes of a movie: first those of its tags (without a time), then its tracks.

    Beyond `MAX_FIXES` they are thinned evenly, so that the whole length stays covered.
    """
    fixes = [fix for name, text in movie.tags.locations if (fix := parse_iso6709(text, name))]
    for track in movie.tracks:
        shift_s = movie.shift_seconds(track)
        if track.kind is StreamKind.SUBTITLE:
            fixes.extend(thinned(list(_text_fixes(track, shift_s, source)), problems))
        elif track.description.tag == "gpmd":
            fixes.extend(thinned(_gpmf_fixes(track, shift_s, source), problems))
        elif track.description.tag == "camm":
            fixes.extend(thinned(list(_camm_fixes(track, shift_s, source)), problems))
    fixes.extend(thinned(list(_block_fixes(movie, source)), problems))
    return tuple(thinned(fixes, problems))


def thinned(fixes: Sequence[Fix], problems: Problems) -> Sequence[Fix]:
    """At most `MAX_FIXES` of them, evenly; that some were left out becomes a problem."""
    if len(fixes) <= MAX_FIXES:
        return fixes
    step = -(-len(fixes) // MAX_FIXES)
    problems.add(f"of {len(fixes)} positions every {step}. was taken")
    return fixes[::step]


def _whole_samples(track: Track, shift_s: float, source: ByteSource, most_bytes: int) -> Iterator[tuple[float, bytes]]:
    """(time, bytes) of the samples that are in the file with all their bytes; larger ones are cut at `most_bytes`."""
    samples = track.samples
    rows = zip(range(_MAX_SAMPLES), samples.times, samples.offsets, samples.sizes, strict=False)
    for _, time, place, size in rows:
        # Half a line would be another position.
        if place + size <= source.size_bytes:
            yield round(time / track.timescale + shift_s, 6), source.read(place, min(size, most_bytes))


def _text_fixes(track: Track, shift_s: float, source: ByteSource) -> Iterator[Fix]:
    nmea = NmeaReader("track.nmea")
    for at_s, data in _whole_samples(track, shift_s, source, _MAX_TEXT_BYTES):
        text = data.decode("utf-8", "replace")
        if fix := parse_track_text(text, at_s=at_s):
            yield fix
        else:
            nmea.take(text, at_s)
    yield from nmea.close()


def _gpmf_fixes(track: Track, shift_s: float, source: ByteSource) -> list[Fix]:
    found: list[tuple[float, GpmfPoint]] = []
    durations = list(track.samples.durations)
    for number, (at_s, data) in enumerate(_whole_samples(track, shift_s, source, MAX_PAYLOAD_BYTES)):
        length_s = durations[number] / track.timescale if number < len(durations) else 0.0
        found.extend((at_s + length_s * point.fraction, point) for point in gpmf_points(data))
        if len(found) > _MAX_POINTS:
            break
    # Newer cameras write both; GPS9 has a time for each point.
    keys = {point.key for _, point in found}
    wanted = "gps9" if "gps9" in keys else "gps5"
    fixes = [
        make_fix(
            point.latitude,
            point.longitude,
            f"gpmf.{point.key}",
            at_s=round(at_s, 6),
            utc=point.utc,
            altitude_m=point.altitude_m,
            speed_mps=point.speed_mps,
            quality=point.quality,
            datum=DATUM,
            doubts=("imprecise",) if point.dop is not None and point.dop > IMPRECISE_DOP else (),
        )
        for at_s, point in found
        if point.key == wanted
    ]
    return [fix for fix in fixes if fix is not None]


def _camm_fixes(track: Track, shift_s: float, source: ByteSource) -> Iterator[Fix]:
    for at_s, data in _whole_samples(track, shift_s, source, MAX_SAMPLE_BYTES):
        point = camm_point(data)
        if point is None:
            continue
        fix = make_fix(
            point.latitude,
            point.longitude,
            "camm",
            at_s=at_s,
            utc=point.utc,
            altitude_m=point.altitude_m,
            speed_mps=point.speed_mps,
            quality=point.quality,
        )
        if fix is not None:
            yield fix


def _block_fixes(movie: Movie, source: ByteSource) -> Iterator[Fix]:
    """One block a second, as these recorders write them, where their number is that of the file's seconds."""
    length_s = movie.declared_ticks / movie.timescale if movie.declared_ticks else 0.0
    is_each_second = abs(len(movie.gps_blocks) - length_s) <= _SECOND_SLACK
    for second, (place, size) in enumerate(movie.gps_blocks):
        if size < BLOCK_BYTES or place + size > source.size_bytes:
            continue
        point = block_point(source.read(place, BLOCK_BYTES))
        if point is None:
            continue
        fix = make_fix(
            point.latitude,
            point.longitude,
            "freegps",
            at_s=float(second) if is_each_second else None,
            speed_mps=point.speed_mps,
            quality="fix" if point.is_valid else "none",
        )
        if fix is not None:
            yield fix

"""Positions of a recording: the points of its track, what is told of them, and the form that the vault keeps."""

import datetime as dt
import gzip
import json
import math
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ingestd.core.clock import from_text, to_text
from ingestd.core.errors import IntegrityError
from ingestd.core.facts import Fix
from ingestd.core.findings import Finding, finding

POSITIONS_FORMAT: Final = "ingestd-positions/1"
UNDECLARED: Final = "undeclared"

_EARTH_M = 6_371_008.8
_TAGS = ("udta.", "quicktime.")
_AT_LENGTH_S = 2.0
"""So far beyond the first and last satellite time the file's own seconds carry it."""
_MOST_TRACK_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """One point of a track.

    `at_utc` is the satellites' time (between two of a track told by the file's own seconds), `at_s` counts in the
    file; null where not known. Degrees in `datum`, as the carrier gave them: nothing is converted.
    """

    at_utc: dt.datetime | None
    at_s: float | None
    latitude: float
    longitude: float
    speed_mps: float | None = None
    quality: str | None = None
    is_doubtful: bool = False
    altitude_m: float | None = None
    datum: str = UNDECLARED
    source: str = ""
    doubts: tuple[str, ...] = ()


def _moment(text: str | None) -> dt.datetime | None:
    try:
        return from_text(text) if text is not None else None
    except (ValueError, OverflowError):
        return None


def distance_m(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Along a great circle of the sphere, in metres; within 0.6 % of the ellipsoid's."""
    one, two = math.radians(latitude), math.radians(other_latitude)
    half = math.sin((two - one) / 2) ** 2
    half += math.cos(one) * math.cos(two) * math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    return 2 * _EARTH_M * math.asin(math.sqrt(min(1.0, half)))


def position_findings(fixes: Sequence[Fix]) -> tuple[Finding, ...]:
    """`position.doubtful`, once a file: how many of its fixes, where, and why."""
    doubtful = [fix for fix in fixes if fix.is_doubtful]
    if not doubtful:
        return ()
    seconds = [fix.at_s for fix in doubtful if fix.at_s is not None]
    evidence = {
        "fixes": len(fixes),
        "doubtful": len(doubtful),
        "reasons": reasons_of(fixes),
        "sources": sorted({fix.source for fix in doubtful}),
    }
    start_s, end_s = (min(seconds), max(seconds)) if seconds else (None, None)
    return (finding("position.doubtful", start_s=start_s, end_s=end_s, evidence=evidence),)


def reasons_of(fixes: Iterable[Fix | TrackPoint]) -> dict[str, int]:
    """How many fixes each doubt was about, by its name in `DOUBTS`."""
    return dict(sorted(Counter(reason for fix in fixes for reason in fix.doubts).items()))


def with_datum(fixes: Sequence[Fix], datum: str) -> tuple[Fix, ...]:
    """The same fixes in the datum that a recorder's profile declares; what a file itself names stands."""
    if datum == UNDECLARED:
        return tuple(fixes)
    return tuple(fix.model_copy(update={"datum": datum}) if fix.datum == UNDECLARED else fix for fix in fixes)


def is_of_tags(source: str) -> bool:
    """Whether fixes of this source are the one place of a file's tags."""
    return source.startswith(_TAGS)


def track_fixes(fixes: Sequence[Fix]) -> tuple[Fix, ...]:
    """The fixes that make a track: the one place of a file's tags is none of its points where there are others."""
    moving = tuple(fix for fix in fixes if not is_of_tags(fix.source))
    return moving or tuple(fixes)


def position_summary(points: Sequence[TrackPoint]) -> dict[str, Any] | None:
    """What tags and `show` say of a track: counts, doubts, datums, the first and the last good point; null for none."""
    if not points:
        return None
    good = [point for point in points if not point.is_doubtful]
    return {
        "fixes": len(points),
        "doubtful": len(points) - len(good),
        "reasons": reasons_of(points),
        "datums": sorted({point.datum for point in points}),
        "sources": sorted({point.source for point in points}),
        "first": _told(good[0]) if good else None,
        "last": _told(good[-1]) if good else None,
        "bounds": _bounds(good) if good else None,
    }


def _bounds(points: Sequence[TrackPoint]) -> list[float]:
    """South, west, north, east of some points, in their own datum."""
    north, east = [point.latitude for point in points], [point.longitude for point in points]
    return [min(north), min(east), max(north), max(east)]


def _told(point: TrackPoint) -> dict[str, Any]:
    told = point_document(point)
    return {key: value for key, value in told.items() if value is not None and key != "doubts"}


def point_document(point: TrackPoint) -> dict[str, Any]:
    """A point as JSON tells it."""
    return {
        "latitude": point.latitude,
        "longitude": point.longitude,
        "at_s": point.at_s,
        "utc": to_text(point.at_utc) if point.at_utc is not None else None,
        "altitude_m": point.altitude_m,
        "speed_mps": point.speed_mps,
        "quality": point.quality,
        "datum": point.datum,
        "source": point.source,
        "is_doubtful": point.is_doubtful,
        "doubts": list(point.doubts),
    }


def track_points(fixes: Sequence[Fix]) -> tuple[TrackPoint, ...]:
    """The points of a track. A fix without a satellite time gets it from its neighbours of the same carrier."""
    moments = [_moment(fix.utc) for fix in fixes]
    for source in dict.fromkeys(fix.source for fix in fixes):
        _fill(fixes, moments, [place for place, fix in enumerate(fixes) if fix.source == source])
    return tuple(
        TrackPoint(
            moment, fix.at_s, fix.latitude, fix.longitude, fix.speed_mps, fix.quality, fix.is_doubtful,
            fix.altitude_m, fix.datum, fix.source, fix.doubts,
        )
        for fix, moment in zip(fixes, moments, strict=True)
    )  # fmt: skip


def _fill(fixes: Sequence[Fix], moments: list[dt.datetime | None], places: Sequence[int]) -> None:
    known: dict[float, dt.datetime] = {}
    for place in places:
        at_s, moment = fixes[place].at_s, moments[place]
        if at_s is not None and moment is not None:
            known.setdefault(at_s, moment)
    anchors = sorted(known.items())
    if not anchors:
        return
    seconds = [at_s for at_s, _ in anchors]
    for place in places:
        at_s = fixes[place].at_s
        if moments[place] is not None or at_s is None:
            continue
        number = bisect_left(seconds, at_s)
        before, after = anchors[max(0, number - 1)], anchors[min(number, len(anchors) - 1)]
        if before[0] < at_s < after[0]:
            moments[place] = before[1] + (after[1] - before[1]) * ((at_s - before[0]) / (after[0] - before[0]))
            continue
        near = min(before, after, key=lambda one: abs(one[0] - at_s))
        if abs(at_s - near[0]) <= _AT_LENGTH_S:
            moments[place] = near[1] + dt.timedelta(seconds=at_s - near[0])


_COLUMNS: Final = (
    "at_ms", "utc", "latitude_e7", "longitude_e7", "altitude_cm", "speed_cmps", "quality", "datum", "source", "doubts",
)  # fmt: skip


def encoded(points: Sequence[TrackPoint], recording_id: str) -> bytes:
    """The compact form (docs/design/vault-format.md, "Positions"): JSON lines in gzip, the same bytes for the same
    points."""
    datums = sorted({point.datum for point in points})
    sources = sorted({point.source for point in points})
    head = {"format": POSITIONS_FORMAT, "recording_id": recording_id, "columns": _COLUMNS, "points": len(points)}
    lines = [_line(head | {"datums": datums, "sources": sources})]
    for point in points:
        lines.append(
            _line(
                (
                    _scaled(point.at_s, 1000),
                    to_text(point.at_utc) if point.at_utc is not None else None,
                    _scaled(point.latitude, 10_000_000),
                    _scaled(point.longitude, 10_000_000),
                    _scaled(point.altitude_m, 100),
                    _scaled(point.speed_mps, 100),
                    point.quality,
                    datums.index(point.datum),
                    sources.index(point.source),
                    # A list that is there says doubtful, also where nothing says why.
                    list(point.doubts) if point.is_doubtful else None,
                )
            )
        )
    return gzip.compress(b"".join(lines), 9, mtime=0)


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _scaled(value: float | None, scale: int) -> int | None:
    return None if value is None else round(value * scale)


def _unscaled(value: int | None, scale: int) -> float | None:
    return None if value is None else value / scale


def decoded(data: bytes) -> tuple[TrackPoint, ...]:
    """The points of a compact track.

    Raises:
        IntegrityError: the bytes are none.
    """
    try:
        inflater = zlib.decompressobj(wbits=31)
        text = inflater.decompress(data, _MOST_TRACK_BYTES)
        if not inflater.eof:
            raise ValueError("it is cut off, or larger than any track")
        head, *rows = (json.loads(line) for line in text.splitlines())
        if head["format"] != POSITIONS_FORMAT or head["points"] != len(rows):
            raise ValueError("another format, or points are missing")
        return tuple(_point(row, head["datums"], head["sources"]) for row in rows)
    except (zlib.error, ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise IntegrityError(f"a stored track cannot be read: {error}", "make it again from the original") from error


def _point(row: Sequence[Any], datums: Sequence[str], sources: Sequence[str]) -> TrackPoint:
    at_ms, utc, latitude, longitude, altitude, speed, quality, datum, source, doubts = row
    return TrackPoint(
        from_text(utc) if utc is not None else None,
        _unscaled(at_ms, 1000),
        latitude / 10_000_000,
        longitude / 10_000_000,
        _unscaled(speed, 100),
        quality,
        doubts is not None,
        _unscaled(altitude, 100),
        datums[datum],
        sources[source],
        tuple(doubts or ()),
    )

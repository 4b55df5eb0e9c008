"""The map of a recording as a page draws it, without any tile of anybody: grid, areas, track, vessels. Pure.

A flat projection around the middle of what is shown: east-west distances are shortened by the cosine of its latitude.
Positions stand as the recorder gave them; nothing is converted between datums.
"""

import datetime as dt
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ingestd.core.areas import Areas
from ingestd.core.clock import from_text
from ingestd.core.positions import TrackPoint

WIDTH: Final = 720.0
HEIGHT: Final = 460.0
_METRES_PER_DEGREE: Final = 111_195.0
_LEAST_M: Final = 120.0
_NEAR_M: Final = 400.0
_MARGIN: Final = 1.25
_MOST_POINTS: Final = 600
_MOST_AREAS: Final = 60
_MOST_CORNERS: Final = 4000
_PIECES: Final = 12
"""Colours that a track runs through, from its first point to its last."""
_STEPS: Final = tuple(round(base * 10.0**power, 7) for power in range(-5, 2) for base in (1.0, 2.0, 5.0))
"""Degrees between lines of the grid."""
_BARS_M: Final = tuple(base * 10**power for power in range(5) for base in (1, 2, 5))


PlacedPoint = tuple[TrackPoint, float | None]
"""A point of a track with the second at which it is played."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the grid with its coordinate in words."""

    at: float
    label: str
    is_upright: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the track in one colour, as points of a polyline."""

    colour: int
    points: str


@dataclass(frozen=True, slots=True)
class Shape:
    """An area of the bureau: its rings as one path, or the places of points; with a label inside the picture."""

    name: str
    path: str
    points: tuple[tuple[float, float], ...]
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Vessel:
    """A vessel where it was closest, and where the recorder was then. `state` as in `answers.vessel_words`."""

    number: int
    document: Mapping[str, Any]
    x: float
    y: float
    from_x: float
    from_y: float
    is_inside: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """A point of the track that can be played: second of the file, place in the picture, degrees."""

    at_s: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class TrackMap:
    """A map as it is drawn.

    Args:
        bar_width: of the scale bar, in units of the picture, for `bar_m` metres.
        datums: what the points of the track say of their datum.
        doubtful: how many points are left out because they are doubtful.
    """

    lines: tuple[Line, ...]
    pieces: tuple[Piece, ...]
    shapes: tuple[Shape, ...]
    vessels: tuple[Vessel, ...]
    stops: tuple[Stop, ...]
    first: tuple[float, float]
    last: tuple[float, float]
    bar_m: int
    bar_width: float
    datums: tuple[str, ...]
    areas_datum: str
    points: int
    doubtful: int

    @property
    def bar_words(self) -> str:
        """The length of the scale bar."""
        return f"{self.bar_m // 1000} km" if self.bar_m >= 1000 else f"{self.bar_m} m"


@dataclass(frozen=True, slots=True)
class _Frame:
    """What part of the world is shown, and how."""

    south: float
    west: float
    north: float
    east: float
    per_metre: float

    @property
    def shrink(self) -> float:
        """Length of a degree east-west, as a share of one north-south."""
        return max(0.01, math.cos(math.radians((self.south + self.north) / 2)))

    def x(self, longitude: float) -> float:
        """Across the picture."""
        return round((longitude - self.west) * _METRES_PER_DEGREE * self.shrink * self.per_metre, 1)

    def y(self, latitude: float) -> float:
        """Down the picture."""
        return round((self.north - latitude) * _METRES_PER_DEGREE * self.per_metre, 1)


def map_of(points: Sequence[PlacedPoint], vessels: Sequence[Mapping[str, Any]], areas: Areas) -> TrackMap | None:
    """The map of a recording or a take; null where no point of its track is believed.

    Args:
        points: each with the second at which it is played, null where nobody knows it.
        vessels: candidates as documents, each with `state`.
        areas: of the bureau.
    """
    believed = [one for one in points if not one[0].is_doubtful]
    if not believed:
        return None
    good = [point for point, _ in believed]
    frame = _frame_of(good, vessels)
    thinned = _thinned(believed)
    stops = [(at_s, point) for point, at_s in thinned if at_s is not None]
    placed = [_vessel(number, one, good, frame) for number, one in enumerate(vessels, start=1)]
    return TrackMap(
        lines=tuple(_lines(frame)),
        pieces=tuple(_pieces([point for point, _ in thinned], frame)),
        shapes=tuple(_shapes(areas, frame)),
        vessels=tuple(placed),
        stops=tuple(Stop(at_s, frame.x(one.longitude), frame.y(one.latitude)) for at_s, one in stops),
        first=(frame.x(good[0].longitude), frame.y(good[0].latitude)),
        last=(frame.x(good[-1].longitude), frame.y(good[-1].latitude)),
        bar_m=(bar_m := _bar_m(frame)),
        bar_width=round(bar_m * frame.per_metre, 1),
        datums=tuple(sorted({point.datum for point in good})),
        areas_datum=areas.datum if len(areas) else "",
        points=len(good),
        doubtful=len(points) - len(good),
    )


def second_of(point: TrackPoint, start: dt.datetime | None) -> float | None:
    """At which second of its file a point was passed; null where nobody knows it.

    Args:
        start: of the recording, for points that know only a time.
    """
    if point.at_s is not None:
        return round(point.at_s, 2)
    if point.at_utc is None or start is None:
        return None
    return round((point.at_utc - start).total_seconds(), 2)


def _thinned(points: Sequence[PlacedPoint]) -> list[PlacedPoint]:
    step = max(1, -(-len(points) // _MOST_POINTS))
    kept = list(points[::step])
    return kept if kept[-1] is points[-1] else [*kept, points[-1]]


def _frame_of(points: Sequence[TrackPoint], vessels: Sequence[Mapping[str, Any]]) -> _Frame:
    """Room for the whole track, and for the vessels that were near as against its length."""
    norths, easts = [one.latitude for one in points], [one.longitude for one in points]
    south, north, west, east = min(norths), max(norths), min(easts), max(easts)
    shrink = max(0.01, math.cos(math.radians((south + north) / 2)))
    reach_m = max(_NEAR_M, _METRES_PER_DEGREE * math.hypot(north - south, (east - west) * shrink))
    for one in vessels:
        if one["distance_m"] <= reach_m or one["state"] == "confirmed":
            south, north = min(south, one["latitude"]), max(north, one["latitude"])
            west, east = min(west, one["longitude"]), max(east, one["longitude"])
    shrink = max(0.01, math.cos(math.radians((south + north) / 2)))
    high_m = max(_LEAST_M, (north - south) * _METRES_PER_DEGREE * _MARGIN)
    wide_m = max(_LEAST_M * WIDTH / HEIGHT, (east - west) * _METRES_PER_DEGREE * shrink * _MARGIN)
    per_metre = min(WIDTH / wide_m, HEIGHT / high_m)
    middle_north, middle_east = (south + north) / 2, (west + east) / 2
    half_north = HEIGHT / per_metre / _METRES_PER_DEGREE / 2
    half_east = WIDTH / per_metre / _METRES_PER_DEGREE / shrink / 2
    return _Frame(
        middle_north - half_north, middle_east - half_east, middle_north + half_north, middle_east + half_east,
        per_metre,
    )  # fmt: skip


def _lines(frame: _Frame) -> list[Line]:
    """Lines of latitude and longitude at round degrees, about five each way."""
    found = []
    for low, high, place, marks, is_upright in (
        (frame.west, frame.east, frame.x, "EW", True),
        (frame.south, frame.north, frame.y, "NS", False),
    ):
        step = next((one for one in _STEPS if (high - low) / one <= 6), _STEPS[-1])
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        for number in range(math.ceil(low / step), math.floor(high / step) + 1):
            degrees = number * step
            label = f"{abs(degrees):.{digits}f}°{marks[0] if degrees >= 0 else marks[1]}"
            found.append(Line(place(degrees), label, is_upright))
    return found


def _pieces(points: Sequence[TrackPoint], frame: _Frame) -> list[Piece]:
    drawn = [f"{frame.x(one.longitude)},{frame.y(one.latitude)}" for one in points]
    size = max(1, -(-(len(drawn) - 1) // _PIECES))
    parts = [drawn[start : start + size + 1] for start in range(0, max(1, len(drawn) - 1), size)]
    last = max(1, len(parts) - 1)
    return [Piece(number * (_PIECES - 1) // last, " ".join(part)) for number, part in enumerate(parts)]


def _shapes(areas: Areas, frame: _Frame) -> list[Shape]:
    found, corners = [], 0
    for area in areas.within(frame.south, frame.west, frame.north, frame.east)[:_MOST_AREAS]:
        rings = [ring for polygon in area.polygons for ring in (polygon.outer, *polygon.holes)]
        corners += sum(len(ring) for ring in rings)
        if corners > _MOST_CORNERS:
            break
        drawn = [[(frame.x(east), frame.y(north)) for east, north in ring] for ring in rings]
        points = tuple((frame.x(east), frame.y(north)) for east, north in area.points)
        path = " ".join("M" + " ".join(f"{x},{y}" for x, y in ring) + "Z" for ring in drawn)
        every = [corner for ring in drawn for corner in ring] + list(points)
        x = _between(sum(one[0] for one in every) / len(every), WIDTH, 70.0)
        y = _between(sum(one[1] for one in every) / len(every), HEIGHT, 24.0)
        found.append(Shape(area.name, path, points, x, y))
    return found


def _between(value: float, most: float, margin: float) -> float:
    return round(min(most - margin, max(margin, value)), 1)


def _vessel(number: int, one: Mapping[str, Any], points: Sequence[TrackPoint], frame: _Frame) -> Vessel:
    x, y = frame.x(one["longitude"]), frame.y(one["latitude"])
    own = _nearest_in_time(points, from_text(one["at"]))
    is_inside = 0 <= x <= WIDTH and 0 <= y <= HEIGHT
    return Vessel(number, one, x, y, frame.x(own.longitude), frame.y(own.latitude), is_inside)


def _nearest_in_time(points: Sequence[TrackPoint], moment: dt.datetime) -> TrackPoint:
    timed = sorted(((one.at_utc, place) for place, one in enumerate(points) if one.at_utc is not None))
    if not timed:
        return points[0]
    number = bisect_left(timed, (moment, 0))
    near = timed[max(0, number - 1) : number + 1]
    return points[min(near, key=lambda one: abs((one[0] - moment).total_seconds()))[1]]


def _bar_m(frame: _Frame) -> int:
    room_m = WIDTH / 4 / frame.per_metre
    return max((one for one in _BARS_M if one <= room_m), default=1)

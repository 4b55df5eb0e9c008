"""Named places of a bureau: which port, market or sea area a position lies in, or which is nearest. Offline, pure."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ingestd.core.positions import UNDECLARED, TrackPoint, distance_m

Ring = tuple[tuple[float, float], ...]
"""(longitude, latitude), the first again at the end."""

_METRES_OF_DEGREE = math.radians(6_371_008.8)
_LOOKED_AT: Final = 25
_TOLD: Final = 5
CONVERTED_APART_M: Final = 700.0
"""So far GCJ-02 and BD-09 may lie from WGS-84: a place found across datums is doubtful by that much."""


@dataclass(frozen=True, slots=True)
class Polygon:
    """An outer ring and the holes in it."""

    outer: Ring
    holes: tuple[Ring, ...] = ()

    def contains(self, longitude: float, latitude: float) -> bool:
        """Whether a point lies inside; a hole is outside."""
        return _is_in_ring(self.outer, longitude, latitude) and not any(
            _is_in_ring(hole, longitude, latitude) for hole in self.holes
        )


@dataclass(frozen=True, slots=True)
class Area:
    """A named place: polygons, or single points where nobody drew its border."""

    name: str
    kind: str = ""
    polygons: tuple[Polygon, ...] = ()
    points: tuple[tuple[float, float], ...] = ()

    def distance_m(self, longitude: float, latitude: float) -> float:
        """Metres from a point to the area; 0 inside."""
        if any(polygon.contains(longitude, latitude) for polygon in self.polygons):
            return 0.0
        rings = (ring for polygon in self.polygons for ring in (polygon.outer, *polygon.holes))
        to_rings = [_distance_to_ring(ring, longitude, latitude) for ring in rings]
        to_points = [distance_m(latitude, longitude, north, east) for east, north in self.points]
        return min((*to_rings, *to_points), default=math.inf)


@dataclass(frozen=True, slots=True)
class Place:
    """The place found for a position."""

    name: str
    kind: str
    distance_m: float


class Areas:
    """A bureau's areas. `source` names the file, `datum` what its coordinates are in."""

    def __init__(
        self, areas: Sequence[Area] = (), *, source: str = "", datum: str = "WGS-84", within_m: float = 5000.0
    ) -> None:
        self.source = source
        self.datum = datum
        self.within_m = within_m
        self._areas = [(_bounds(area), area) for area in areas]

    def __len__(self) -> int:
        return len(self._areas)

    def within(self, south: float, west: float, north: float, east: float) -> list[Area]:
        """The areas of which anything may lie in a box, in degrees; the largest first."""
        found = [
            (bounds.size, area)
            for bounds, area in self._areas
            if bounds.west <= east and bounds.east >= west and bounds.south <= north and bounds.north >= south
        ]
        return [area for _, area in sorted(found, key=lambda one: -one[0])]

    def nearest(self, latitude: float, longitude: float) -> Place | None:
        """The smallest area that holds a position, else the nearest within `within_m`; null for none."""
        best: tuple[float, float, Area] | None = None
        for bounds, area in sorted(
            ((one, area) for one, area in self._areas if one.may_be_within(self.within_m, longitude, latitude)),
            key=lambda one: one[0].size,
        ):
            apart_m = area.distance_m(longitude, latitude)
            if apart_m <= self.within_m and (best is None or (apart_m, bounds.size) < best[:2]):
                best = (apart_m, bounds.size, area)
        return Place(best[2].name, best[2].kind, round(best[0], 1)) if best is not None else None

    def place_of(self, points: Sequence[TrackPoint]) -> dict[str, Any] | None:
        """The tag `place` of a track: where most of it lies, by its good points, with source and distance.

        Null without areas, without a good point, or where no area is near.
        """
        good = [point for point in points if not point.is_doubtful]
        if not self._areas or not good:
            return None
        step = max(1, -(-len(good) // _LOOKED_AT))
        looked = good[::step]
        found = [
            (point, place) for point in looked if (place := self.nearest(point.latitude, point.longitude)) is not None
        ]
        if not found:
            return None
        counts = Counter(place.name for _, place in found)
        places = [_of_name(name, count, [place for _, place in found]) for name, count in counts.most_common(_TOLD)]
        places.sort(key=lambda one: (one["distance_m"] > 0, -one["points"], one["distance_m"]))
        datums = sorted({point.datum for point, _ in found})
        return {
            **{key: places[0][key] for key in ("name", "kind", "distance_m")},
            "source": self.source,
            "from": found[0][0].source,
            "datums": datums,
            "areas_datum": self.datum,
            # Not converted: a difference is said, with what it may amount to.
            "may_be_off_by_m": 0.0 if _agree(datums, self.datum) else CONVERTED_APART_M,
            "points": len(looked),
            "places": places,
        }


def _agree(datums: Sequence[str], datum: str) -> bool:
    alike = {"CGCS2000": "WGS-84", UNDECLARED: "?"}
    return {alike.get(one, one) for one in datums} == {alike.get(datum, datum)}


def _of_name(name: str, count: int, places: Sequence[Place]) -> dict[str, Any]:
    nearest = min((place for place in places if place.name == name), key=lambda place: place.distance_m)
    return {"name": name, "kind": nearest.kind, "distance_m": nearest.distance_m, "points": count}


@dataclass(frozen=True, slots=True)
class _Bounds:
    west: float
    south: float
    east: float
    north: float

    @property
    def size(self) -> float:
        return (self.east - self.west) * (self.north - self.south)

    def may_be_within(self, metres: float, longitude: float, latitude: float) -> bool:
        degrees = metres / _METRES_OF_DEGREE * 1.01
        wide = degrees / max(0.01, math.cos(math.radians(min(89.0, abs(latitude) + degrees))))
        is_north = self.south - degrees <= latitude <= self.north + degrees
        return is_north and self.west - wide <= longitude <= self.east + wide


def _bounds(area: Area) -> _Bounds:
    corners = [corner for polygon in area.polygons for corner in polygon.outer] + list(area.points)
    east, north = [one[0] for one in corners] or [0.0], [one[1] for one in corners] or [0.0]
    return _Bounds(min(east), min(north), max(east), max(north))


def _is_in_ring(ring: Ring, longitude: float, latitude: float) -> bool:
    """Even-odd rule: a ray to the east crosses the ring an odd number of times."""
    is_inside = False
    for number in range(len(ring) - 1):
        (x1, y1), (x2, y2) = ring[number], ring[number + 1]
        if (y1 > latitude) != (y2 > latitude) and longitude < x1 + (latitude - y1) / (y2 - y1) * (x2 - x1):
            is_inside = not is_inside
    return is_inside


def _distance_to_ring(ring: Ring, longitude: float, latitude: float) -> float:
    """On a plane that touches the globe at the point: good for the kilometres that matter here."""
    shrunk = math.cos(math.radians(latitude))
    flat = [
        ((east - longitude) * shrunk * _METRES_OF_DEGREE, (north - latitude) * _METRES_OF_DEGREE)
        for east, north in ring
    ]
    if len(flat) == 1:
        return math.hypot(*flat[0])
    return min((_to_segment(*flat[number], *flat[number + 1]) for number in range(len(flat) - 1)), default=math.inf)


def _to_segment(x1: float, y1: float, x2: float, y2: float) -> float:
    """From the origin to a line between two points."""
    length = (x2 - x1) ** 2 + (y2 - y1) ** 2
    along = 0.0 if length == 0 else max(0.0, min(1.0, -(x1 * (x2 - x1) + y1 * (y2 - y1)) / length))
    return math.hypot(x1 + along * (x2 - x1), y1 + along * (y2 - y1))

"""Reads a bureau's areas from a GeoJSON file (RFC 7946): bounded, checked, faults named by feature."""

import json
import math
from pathlib import Path
from typing import Any, Final

from ingestd.config.problems import Problem, config_error, raise_for, shown
from ingestd.core.areas import Area, Areas, Polygon, Ring

MAX_FILE_BYTES: Final = 32 * 1024 * 1024
MAX_FEATURES: Final = 20_000
MAX_CORNERS: Final = 2_000_000
MAX_NAME_CHARACTERS: Final = 100
_MOST_PROBLEMS = 20

_NAME_KEYS = ("name", "name:zh", "名称", "NAME", "Name")
_KIND_KEYS = ("kind", "type", "类别")


class _FaultError(Exception):
    """What is wrong with one feature, and what to do."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


def load_areas(file: Path, *, datum: str = "WGS-84", within_m: float = 5000.0) -> Areas:
    """The areas of a GeoJSON file: polygons and points with a name.

    Raises:
        ConfigError: it cannot be read, is too large, or features are wrong; all of them together, up to twenty.
    """
    features = _features(file)
    problems: list[Problem] = []
    areas: list[Area] = []
    corners = 0
    for number, feature in enumerate(features):
        try:
            area = _area(feature)
        except _FaultError as fault:
            problems.append(Problem(file, f"feature {number + 1}", fault.what, fault.fix))
            if len(problems) >= _MOST_PROBLEMS:
                break
            continue
        corners += sum(len(ring) for polygon in area.polygons for ring in (polygon.outer, *polygon.holes))
        if corners > MAX_CORNERS:
            what = f"the areas have more than {MAX_CORNERS} corners"
            problems.append(Problem(file, f"feature {number + 1}", what, "simplify the borders, or leave areas out"))
            break
        areas.append(area)
    raise_for(problems)
    return Areas(areas, source=file.name, datum=datum, within_m=within_m)


def _features(file: Path) -> list[Any]:
    fix = "write the areas as a GeoJSON FeatureCollection, as QGIS and geojson.io save it"
    try:
        if not file.is_file():
            raise config_error([Problem(file, "", "is not an ordinary file", "give a file that exists")])
        with file.open("rb") as opened:
            raw = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        what = f"the areas cannot be read: {error.strerror}"
        raise config_error([Problem(file, "", what, "give a file that exists and may be read")]) from error
    if len(raw) > MAX_FILE_BYTES:
        what = f"the areas take more than {MAX_FILE_BYTES} bytes"
        raise config_error([Problem(file, "", what, "simplify the borders, or leave areas out")])
    try:
        document = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise config_error([Problem(file, "", f"not GeoJSON: {error or 'nested too deeply'}", fix)]) from error
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise config_error([Problem(file, "type", "is not FeatureCollection", fix)])
    features = document.get("features")
    if not isinstance(features, list) or not features:
        raise config_error([Problem(file, "features", "is no list, or empty", fix)])
    if len(features) > MAX_FEATURES:
        what = f"there are {len(features)} areas, more than {MAX_FEATURES}"
        raise config_error([Problem(file, "features", what, "leave areas out")])
    return features


def _area(feature: Any) -> Area:
    if not isinstance(feature, dict) or not isinstance(feature.get("geometry"), dict):
        raise _FaultError("has no geometry", "draw the area, or take the feature out")
    properties = feature.get("properties")
    name = _text(properties, _NAME_KEYS)
    if not name:
        raise _FaultError("has no name", 'give it a property "name"')
    kind, coordinates = feature["geometry"].get("type"), feature["geometry"].get("coordinates")
    label = _text(properties, _KIND_KEYS) or ""
    if kind == "Polygon":
        return Area(name, label, polygons=(_polygon(coordinates, name),))
    if kind == "MultiPolygon" and isinstance(coordinates, list) and coordinates:
        return Area(name, label, polygons=tuple(_polygon(one, name) for one in coordinates))
    if kind == "Point":
        return Area(name, label, points=(_corner(coordinates, name),))
    what = f"{shown(name)} is a {shown(str(kind))}, which is no area"
    raise _FaultError(what, "draw it as a Polygon, a MultiPolygon or a Point")


def _text(properties: Any, keys: tuple[str, ...]) -> str | None:
    if not isinstance(properties, dict):
        return None
    for key in keys:
        value = properties.get(key)
        if isinstance(value, str) and value.strip() and value.isprintable():
            return value.strip()[:MAX_NAME_CHARACTERS]
    return None


def _polygon(coordinates: Any, name: str) -> Polygon:
    if not isinstance(coordinates, list) or not coordinates:
        raise _FaultError(f"{shown(name)} has no border", "draw the area, or take the feature out")
    outer, *holes = (_ring(one, name) for one in coordinates)
    return Polygon(outer, tuple(holes))


def _ring(coordinates: Any, name: str) -> Ring:
    if not isinstance(coordinates, list) or len(coordinates) < 4:
        raise _FaultError(f"{shown(name)} has a border of fewer than four corners", "draw it again")
    ring = tuple(_corner(one, name) for one in coordinates)
    # A border that was left open is closed: nothing else can be meant.
    return ring if ring[0] == ring[-1] else (*ring, ring[0])


def _corner(coordinates: Any, name: str) -> tuple[float, float]:
    values = coordinates[:2] if isinstance(coordinates, list) else []
    if len(values) != 2 or any(isinstance(one, bool) or not isinstance(one, int | float) for one in values):
        raise _FaultError(f"{shown(name)} has a corner that is no pair of numbers", "write [longitude, latitude]")
    try:
        longitude, latitude = float(values[0]), float(values[1])
    except OverflowError:
        longitude = latitude = math.inf
    if not (abs(longitude) <= 180 and abs(latitude) <= 90):
        what = f"{shown(name)} has a corner at {longitude}, {latitude}, which is no place"
        raise _FaultError(what, "write degrees as [longitude, latitude]; the longitude comes first")
    return longitude, latitude

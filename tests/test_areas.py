"""Named places: polygons with holes, the nearest of them, and files of a bureau that may be wrong in any way."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.config.areas import load_areas
from ingestd.core.areas import Area, Areas, Polygon, Ring
from ingestd.core.errors import ConfigError
from ingestd.core.positions import TrackPoint


def square(west: float, south: float, size: float) -> Ring:
    return ((west, south), (west + size, south), (west + size, south + size), (west, south + size), (west, south))


HARBOUR = Area("一号港", "port", (Polygon(square(113.0, 22.0, 0.1), (square(113.04, 22.04, 0.02),)),))
BASIN = Area("内港池", "port", (Polygon(square(113.0, 22.0, 0.02)),))
ISLES = Area("两岛", "sea", (Polygon(square(114.0, 22.0, 0.01)), Polygon(square(114.1, 22.0, 0.01))))
MARKET = Area("水产市场", "market", points=((113.2, 22.0),))
PLACES = Areas([HARBOUR, BASIN, ISLES, MARKET], source="areas.geojson")


def named(latitude: float, longitude: float) -> tuple[str, float] | None:
    place = PLACES.nearest(latitude, longitude)
    return (place.name, place.distance_m) if place is not None else None


def test_a_point_inside_is_at_no_distance() -> None:
    assert named(22.09, 113.09) == ("一号港", 0.0)


def test_the_smaller_of_two_areas_around_a_point_is_named() -> None:
    assert named(22.01, 113.01) == ("内港池", 0.0)


def test_a_hole_is_outside_and_its_border_is_near() -> None:
    assert not HARBOUR.polygons[0].contains(113.05, 22.05)
    found = named(22.05, 113.05)
    assert found is not None
    assert found[0] == "一号港"
    assert found[1] == pytest.approx(0.01 * 111_195 * math.cos(math.radians(22.05)), rel=1e-3)


def test_each_part_of_a_multipolygon_counts() -> None:
    assert named(22.005, 114.005) == ("两岛", 0.0)
    assert named(22.005, 114.105) == ("两岛", 0.0)
    between = PLACES.nearest(22.005, 114.055)
    assert between is not None
    assert between.distance_m == pytest.approx(4640, rel=0.01)


def test_a_named_point_is_near_by_its_distance() -> None:
    near = PLACES.nearest(22.0, 113.21)
    assert near is not None
    assert (near.name, near.kind) == ("水产市场", "market")
    assert near.distance_m == pytest.approx(1031, rel=0.01)


def test_what_is_far_is_not_named() -> None:
    assert named(24.0, 113.0) is None
    assert Areas().nearest(22.0, 113.0) is None


@given(st.floats(-0.05, 0.15), st.floats(-0.05, 0.15))
def test_inside_of_a_square_is_what_its_sides_say(north: float, east: float) -> None:
    is_inside = 0 < north < 0.1 and 0 < east < 0.1
    on_border = min(abs(north), abs(north - 0.1), abs(east), abs(east - 0.1)) < 1e-9
    assert on_border or Polygon(square(113.0, 22.0, 0.1)).contains(113 + east, 22 + north) == is_inside


@given(
    st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=3, max_size=12),
    st.floats(-90, 90),
    st.floats(-180, 180),
)
def test_no_border_makes_the_search_fail(corners: list[tuple[float, float]], latitude: float, longitude: float) -> None:
    area = Area("x", polygons=(Polygon((*corners, corners[0])),))
    assert area.distance_m(longitude, latitude) >= 0
    Areas([area]).nearest(latitude, longitude)


def at(latitude: float, longitude: float, datum: str = "WGS-84", *, is_doubtful: bool = False) -> TrackPoint:
    return TrackPoint(None, 1.0, latitude, longitude, datum=datum, source="track.text", is_doubtful=is_doubtful)


def test_the_tag_names_where_most_of_a_track_lies_with_source_and_distance() -> None:
    told = PLACES.place_of([at(22.0, 113.21), *[at(22.09, 113.09)] * 9, at(0, 0, is_doubtful=True)])
    assert told is not None
    assert (told["name"], told["kind"], told["distance_m"], told["source"]) == ("一号港", "port", 0.0, "areas.geojson")
    assert [(one["name"], one["points"]) for one in told["places"]] == [("一号港", 9), ("水产市场", 1)]
    assert (told["from"], told["may_be_off_by_m"]) == ("track.text", 0.0)


@pytest.mark.parametrize("datum", ["GCJ-02", "BD-09", "undeclared"])
def test_a_place_across_datums_says_how_far_it_may_be_off(datum: str) -> None:
    told = PLACES.place_of([at(22.09, 113.09, datum)])
    assert told is not None
    assert told["may_be_off_by_m"] == 700.0


def test_doubtful_points_name_no_place() -> None:
    assert PLACES.place_of([at(22.09, 113.09, is_doubtful=True)]) is None


def feature(geometry: object, **properties: object) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def polygon(*corners: list[Any]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [list(corners)]}


def collection(tmp_path: Path, *features: object) -> Path:
    file = tmp_path / "areas.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False), "utf-8")
    return file


def test_a_bureaus_file_is_read(tmp_path: Path) -> None:
    ring = [list(corner) for corner in square(113.0, 22.0, 0.1)]
    inner = [list(corner) for corner in square(113.04, 22.04, 0.02)]
    file = collection(
        tmp_path,
        feature({"type": "Polygon", "coordinates": [ring, inner]}, name="一号港", kind="port"),
        feature({"type": "MultiPolygon", "coordinates": [[ring[:-1]]]}, 名称="渔场"),
        feature({"type": "Point", "coordinates": [113.2, 22.0, 5]}, name="市场"),
    )
    areas = load_areas(file)
    assert len(areas) == 3
    found = areas.nearest(22.05, 113.05)
    assert found is not None
    assert (found.name, found.distance_m) == ("渔场", 0.0), "open borders are closed, holes are outside"


@pytest.mark.parametrize(
    ("geometry", "properties", "words"),
    [
        (None, {"name": "x"}, "has no geometry"),
        (polygon([0, 0], [1, 0], [1, 1], [0, 0]), {}, "has no name"),
        (polygon([0, 0], [1, 0], [0, 0]), {"name": "x"}, "fewer than four corners"),
        (polygon([0, 0], [1, "0"], [1, 1], [0, 0]), {"name": "x"}, "no pair of numbers"),
        (polygon([22, 113], [23, 113], [23, 114], [22, 113]), {"name": "x"}, "which is no place"),
        (polygon([0, 0], [1e999, 0], [1, 1], [0, 0]), {"name": "x"}, "which is no place"),
        (polygon([0, 0], [10**400, 0], [1, 1], [0, 0]), {"name": "x"}, "which is no place"),
        ({"type": "LineString", "coordinates": [[0, 0], [1, 1]]}, {"name": "x"}, "which is no area"),
        ({"type": "Polygon", "coordinates": []}, {"name": "x"}, "has no border"),
    ],
)
def test_a_wrong_feature_is_named_with_the_fix(
    tmp_path: Path, geometry: object, properties: dict[str, object], words: str
) -> None:
    good = feature(polygon([0, 0], [1, 0], [1, 1], [0, 0]), name="good")
    with pytest.raises(ConfigError) as caught:
        load_areas(collection(tmp_path, good, feature(geometry, **properties)))
    assert "areas.geojson: feature 2" in caught.value.message
    assert words in caught.value.message
    assert caught.value.advice


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not GeoJSON"),
        (b"\xff\xfe", "not GeoJSON"),
        (b"[" * 100_000, "not GeoJSON"),
        (b"{}", "is not FeatureCollection"),
        (b'{"type": "FeatureCollection", "features": []}', "is no list, or empty"),
        (b" " * (32 * 1024 * 1024 + 1), "more than"),
        (b'{"type": "FeatureCollection", "features": [' + b"1," * 20_001 + b"1]}", "more than 20000"),
    ],
)
def test_a_hostile_file_is_refused_in_words(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "areas.geojson"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        load_areas(file)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not an ordinary file"):
        load_areas(tmp_path)

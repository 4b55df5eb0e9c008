"""Tracks at a real station: stored, tagged, shown, joined with sidecars, the same after a rebuild of the catalogue."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.errors import IntegrityError
from ingestd.wiring import open_positions
from tests.support.clips import write_clip
from tests.support.process import Installation
from tests.support.station import Station, faults_of, write_card
from tests.support.tracks import data_track, gps5, nmea

PORT = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"name": "一号港", "kind": "port"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[113.2, 22.4], [113.4, 22.4], [113.4, 22.6], [113.2, 22.6], [113.2, 22.4]]],
            },
        }
    ],
}
PROFILE = """
id = "testcam"
title = "a family of the tests"

[[names]]
id = "plain"
pattern = '(?:.*/)?CAM(?P<device>[0-9]{4})_(?P<time>[0-9]{14})(?:_gps)?\\.[0-9a-z]{1,5}'

[position]
datum = "GCJ-02"

[[position.sidecars]]
path = "*_gps.json"
stem = '(?P<stem>.*)_gps'
format = "json"
latitude = "p.lat"
longitude = "p.lon"
"""
SENTENCE = nmea("GPRMC,002923.00,A,2230.6000,N,11315.0000,E,10.0,84.4,210224,,,A")


@pytest.fixture(scope="module")
def docked(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A station with a bureau's areas and a profile of the tests that took in one card; shared, read only."""
    root = tmp_path_factory.mktemp("tracks")
    installation = Installation(root / "station")
    built = installation.station
    (built.root / "config" / "areas.geojson").write_text(json.dumps(PORT), "utf-8")
    (built.root / "config" / "recorders" / "testcam.toml").write_text(PROFILE, "utf-8")
    text = built.config_file.read_text("utf-8")
    built.config_file.write_text(text.replace('# file = "areas.geojson"', 'file = "areas.geojson"'), "utf-8")
    clip = write_clip(root / "clip.mp4", 1, sound=None).read_bytes()
    moving = [[(22.5 + number / 1e5, 113.3)] * 2 for number in range(5)]
    built.ingest(
        write_card(
            root / "card",
            {
                "CAM0007_20240221082923.MP4": data_track("gpmd", [gps5(points) for points in moving]),
                "CAM0007_20240221083000.MP4": clip,
                "CAM0007_20240221083000_gps.json": b'{"p": {"lat": 22.5, "lon": 113.3}}',
                "CAM0007_20240221084000.MP4": clip + b"\0" * 8,
                "CAM0007_20240221084000.nmea": SENTENCE.encode(),
                "DCIM/plain.txt": b"no position",
                "DCIM/other.nmea": SENTENCE.encode() + b"\n",
                "CAM0007_20240221085000.MP4": data_track("gpmd", [gps5([(0.0, 0.0)], fix=0)]),
            },
        ),
        is_described=True,
    )
    return installation


@pytest.fixture(scope="module")
def station(docked: Installation) -> Station:
    return docked.station


@pytest.fixture
def own(docked: Installation, tmp_path: Path) -> Installation:
    """A copy of it, free to be changed."""
    copy = Installation(tmp_path / "own")
    shutil.copytree(docked.state_dir, copy.state_dir)
    return copy


def named(station: Station, name: str) -> dict[str, Any]:
    row = station.catalogue().recording(name)
    return {"row": row, "tags": row["tags"], "id": row["recording_id"]}


def test_the_track_of_a_recording_is_stored_and_read_back(station: Station) -> None:
    own = named(station, "CAM0007_20240221082923.MP4")
    points = open_positions(station.settings).positions_of(own["id"])
    assert len(points) == 10
    assert (points[0].latitude, points[0].longitude, points[0].quality, points[0].datum) == (
        22.5,
        113.3,
        "3d",
        "WGS-84",
    )
    assert points[1].at_s == 0.5


def test_the_tags_tell_the_whole_track_and_its_place(station: Station) -> None:
    tags = named(station, "CAM0007_20240221082923.MP4")["tags"]
    assert (tags["position"]["fixes"], tags["position"]["doubtful"]) == (10, 0)
    assert (tags["place"]["name"], tags["place"]["distance_m"], tags["place"]["source"]) == (
        "一号港",
        0.0,
        "areas.geojson",
    )


def test_the_ledger_quotes_few_points_only(station: Station) -> None:
    assert len(named(station, "CAM0007_20240221082923.MP4")["row"]["facts"]["fixes"]) == 4


def test_a_recording_gets_the_track_of_the_sidecar_of_its_name(station: Station) -> None:
    own = named(station, "CAM0007_20240221084000.MP4")
    assert len(open_positions(station.settings).positions_of(own["id"])) == 1
    assert own["tags"]["position"]["sidecar"]["card_path"] == "CAM0007_20240221084000.nmea"
    assert own["tags"]["position"]["sources"] == ["sidecar.nmea"]
    assert own["tags"]["place"]["from"] == "sidecar.nmea"


def test_a_profile_says_otherwise_whose_a_sidecar_is_and_how_it_is_read(station: Station) -> None:
    own = named(station, "CAM0007_20240221083000.MP4")["tags"]
    assert own["position"]["sidecar"]["card_path"] == "CAM0007_20240221083000_gps.json"


def test_the_datum_of_the_profile_is_named_and_nothing_is_converted(station: Station) -> None:
    own = named(station, "CAM0007_20240221083000.MP4")
    (point,) = open_positions(station.settings).positions_of(own["id"])
    assert (point.datum, point.latitude, point.longitude) == ("GCJ-02", 22.5, 113.3)
    assert own["tags"]["place"]["may_be_off_by_m"] == 700.0


def test_a_sidecar_of_another_name_belongs_to_nothing(station: Station) -> None:
    told = [one["tags"]["position"] for one in station.catalogue().recordings()]
    assert [one["sidecar"]["card_path"] for one in told if one and one.get("sidecar")] == [
        "CAM0007_20240221083000_gps.json", "CAM0007_20240221084000.nmea",
    ]  # fmt: skip


def test_doubtful_positions_are_found_and_name_no_place(station: Station) -> None:
    own = named(station, "CAM0007_20240221085000.MP4")
    (found,) = station.catalogue().findings(recording=own["id"], code="position.doubtful")
    assert found["document"]["evidence"]["reasons"] == {"no_fix": 1, "null_island": 1}
    assert (own["tags"]["position"]["first"], own["tags"]["place"]) == (None, None)


def test_nothing_is_broken_and_a_rebuilt_catalogue_says_the_same(own: Installation) -> None:
    assert faults_of(own.station) == []
    before = own.station.tables()
    own.catalogue_file.unlink()
    assert own.run("catalogue", "rebuild").status == 0
    assert own.station.tables() == before


def test_a_track_that_was_changed_is_refused(own: Installation) -> None:
    book, recording = open_positions(own.station.settings), named(own.station, "CAM0007_20240221082923.MP4")["id"]
    path = next((own.vault / "derived").rglob("CAM0007_20240221082923*.positions.jsonl.gz"))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError, match="is not what was stored"):
        book.positions_of(recording)
    path.unlink()
    with pytest.raises(IntegrityError, match="is gone"):
        book.positions_of(recording)


def test_the_command_tells_points_with_quality_and_writes_both_forms(docked: Installation, tmp_path: Path) -> None:
    name, gpx, geojson = "CAM0007_20240221082923.MP4", tmp_path / "t.gpx", tmp_path / "t.geojson"
    told = docked.run("track", name, "--json", "--gpx", gpx, "--geojson", geojson).json()
    assert (told["fixes"], len(told["points"]), told["points"][0]["quality"]) == (10, 10, "3d")
    assert told["place"]["name"] == "一号港"
    assert gpx.read_text("utf-8").count("<trkpt") == 10
    features = json.loads(geojson.read_text("utf-8"))["features"]
    assert features[0]["geometry"]["coordinates"] == [113.3, 22.5, 12.5]
    again = docked.run("track", name, "--gpx", gpx)
    assert (again.status, "is there already" in again.err) == (1, True)


def test_people_see_place_and_doubts(docked: Installation) -> None:
    shown = docked.run("show", "CAM0007_20240221082923.MP4").out
    assert "一号港 (inside, by areas.geojson)" in shown
    assert "0 × " not in shown
    doubtful = docked.run("track", "CAM0007_20240221085000.MP4").out
    assert "null_island" in doubtful
    assert "doubtful: 1 × the receiver itself says that it had no fix" in doubtful


def test_a_recording_without_positions_says_so(docked: Installation) -> None:
    said = docked.run("track", "plain.txt")
    assert said.status == 5
    assert "no position is known of DCIM/plain.txt" in said.err

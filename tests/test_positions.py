"""The compact track: what is stored comes back, the same points give the same bytes, damage is noticed."""

import datetime as dt
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.errors import IntegrityError
from ingestd.core.positions import TrackPoint, decoded, encoded, position_summary

RECORDING = "01a1fc05-728d-770d-b04b-d0b290eab706"

POINTS = st.builds(
    TrackPoint,
    at_utc=st.none()
    | st.datetimes(dt.datetime(1980, 1, 6), dt.datetime(2100, 1, 1)).map(
        lambda one: one.replace(microsecond=one.microsecond // 1000 * 1000, tzinfo=dt.UTC)
    ),
    at_s=st.none() | st.integers(0, 10**8).map(lambda one: one / 1000),
    latitude=st.integers(-900_000_000, 900_000_000).map(lambda one: one / 1e7),
    longitude=st.integers(-1_800_000_000, 1_800_000_000).map(lambda one: one / 1e7),
    speed_mps=st.none() | st.integers(0, 10**5).map(lambda one: one / 100),
    quality=st.sampled_from([None, "2d", "3d", "none"]),
    is_doubtful=st.just(value=False),
    altitude_m=st.none() | st.integers(-(10**5), 10**6).map(lambda one: one / 100),
    datum=st.sampled_from(["undeclared", "WGS-84", "GCJ-02"]),
    source=st.sampled_from(["track.text", "gpmf.gps5"]),
) | st.builds(
    TrackPoint,
    at_utc=st.none(),
    at_s=st.none(),
    latitude=st.just(0.0),
    longitude=st.just(0.0),
    is_doubtful=st.just(value=True),
    doubts=st.sampled_from([(), ("null_island",), ("null_island", "no_fix")]),
)


def example(count: int = 3) -> list[TrackPoint]:
    return [TrackPoint(None, float(second), 22.5, 113.25, source="track.text") for second in range(count)]


@given(st.lists(POINTS, max_size=30))
def test_what_is_stored_comes_back(points: list[TrackPoint]) -> None:
    assert decoded(encoded(points, RECORDING)) == tuple(points)


def test_the_same_points_give_the_same_bytes() -> None:
    assert encoded(example(), RECORDING) == encoded(example(), RECORDING)


def test_the_form_can_be_read_with_gunzip_and_json_alone() -> None:
    head, first, *_ = map(json.loads, gzip.decompress(encoded(example(), RECORDING)).splitlines())
    assert (head["format"], head["recording_id"], head["points"]) == ("ingestd-positions/1", RECORDING, 3)
    told = dict(zip(head["columns"], first, strict=True))
    assert (told["latitude_e7"], told["longitude_e7"], head["sources"][told["source"]]) == (
        225000000,
        1132500000,
        "track.text",
    )


def test_a_track_of_half_an_hour_is_small() -> None:
    points = [
        TrackPoint(None, second / 10, 22.5 + second / 1e6, 113.25 - second / 2e6, 1.5, "3d") for second in range(18_000)
    ]
    assert len(encoded(points, RECORDING)) < 200_000


def bent(**changes: object) -> bytes:
    lines = gzip.decompress(encoded(example(), RECORDING)).splitlines()
    return gzip.compress(b"\n".join([json.dumps(json.loads(lines[0]) | changes).encode(), *lines[1:]]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no gzip",
        encoded(example(), RECORDING)[:-9],
        bent(format="other/1"),
        bent(points=4),
        bent(sources=[]),
        gzip.compress(b"[" * 100_000),
    ],
)
def test_damage_is_noticed(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        decoded(data)


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(IntegrityError):
        decoded(gzip.compress(bytes(80 * 1024 * 1024)))


@given(st.binary(max_size=200))
def test_no_bytes_are_taken_for_a_track(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        decoded(data)


def test_the_summary_counts_and_quotes_good_ends() -> None:
    points = [TrackPoint(None, None, 0.0, 0.0, is_doubtful=True, doubts=("null_island",), source="x"), *example()]
    told = position_summary(points)
    assert told is not None
    assert (told["fixes"], told["doubtful"], told["reasons"]) == (4, 1, {"null_island": 1})
    assert (told["first"]["at_s"], told["last"]["at_s"]) == (0.0, 2.0)
    assert position_summary([]) is None

"""Which bytes a range request means (RFC 9110, 14), and where a timeline and a map lead."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.areas import Area, Areas, Polygon
from ingestd.core.continuity import Portion, statement_of
from ingestd.core.positions import TrackPoint
from ingestd.web.ranges import Span, Unsatisfiable, asked_span
from ingestd.web.timeline import seek_of, timeline_of
from ingestd.web.trackmap import HEIGHT, WIDTH, map_of

ETAG = '"abc"'
START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
NONE = Unsatisfiable()


def asked(*ranges: str, size: int = 100, if_range: str | None = None) -> Span | Unsatisfiable | None:
    return asked_span(ranges, if_range, etag=ETAG, size_bytes=size)


@pytest.mark.parametrize(
    ("words", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=0-99", Span(0, 100)),
        ("bytes=10-19", Span(10, 20)),
        ("bytes=99-99", Span(99, 100)),
        ("bytes=99-", Span(99, 100)),
        ("bytes=0-", Span(0, 100)),
        ("bytes=50-1000", Span(50, 100)),
        ("bytes=50-99999999999999999999", Span(50, 100)),
        ("bytes=-1", Span(99, 100)),
        ("bytes=-100", Span(0, 100)),
        ("bytes=-5000", Span(0, 100)),
        ("BYTES=1-2", Span(1, 3)),
        ("bytes= 1-2 ", Span(1, 3)),
        ("lines=1-2", None),
    ],
)
def test_a_range_means_the_bytes_that_the_rule_says(words: str, span: Span | None) -> None:
    assert asked(words) == span


@pytest.mark.parametrize(
    "words",
    [
        "bytes=100-",
        "bytes=100-200",
        "bytes=-0",
        "bytes=20-10",
        "bytes=-",
        "bytes=",
        "bytes",
        "",
        "bytes=a-b",
        "bytes=0x1-2",
        "bytes=--1",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=1 - 2",
        "bytes=0-0,2-3",
        "bytes=" + ",".join(["0-"] * 2000),
        "bytes=" + "9" * 5000 + "-",
        "bytes=0-" + "9" * 5000,
        "bytes=\u0661-\u0662",
    ],
)
def test_what_is_no_single_range_of_the_file_is_refused(words: str) -> None:
    assert asked(words) == NONE


def test_two_headers_are_several_ranges_and_refused() -> None:
    assert asked("bytes=0-1", "bytes=2-3") == NONE


@pytest.mark.parametrize("words", ["bytes=0-", "bytes=0-0", "bytes=-1"])
def test_an_empty_file_has_no_range(words: str) -> None:
    assert asked(words, size=0) == NONE


@pytest.mark.parametrize("condition", ['"other"', 'W/"abc"', "Mon, 02 Mar 2026 01:00:00 GMT", ""])
def test_a_range_of_another_file_than_this_gets_the_whole_one(condition: str) -> None:
    assert asked("bytes=10-19", if_range=condition) is None


def test_a_range_of_this_very_file_is_given() -> None:
    assert asked("bytes=10-19", if_range=ETAG) == Span(10, 20)


@given(st.integers(0, 300), st.one_of(st.none(), st.integers(0, 300)), st.integers(0, 200))
def test_a_range_from_a_place_is_what_a_slice_gives(first: int, last: int | None, size: int) -> None:
    data = bytes(index % 251 for index in range(size))
    found = asked(f"bytes={first}-{'' if last is None else last}", size=size)
    expected = data[first:] if last is None else data[first : last + 1]
    assert (data[found.start : found.end] if isinstance(found, Span) else b"") == expected
    assert (found == NONE) == (not expected)


@given(st.text(max_size=40), st.integers(0, 1000))
def test_no_words_lead_out_of_the_file(words: str, size: int) -> None:
    found = asked(f"bytes={words}", size=size)
    assert found == NONE or (isinstance(found, Span) and 0 <= found.start < found.end <= size)


def portion(key: str, start_s: float, end_s: float) -> Portion:
    start = START + dt.timedelta(seconds=start_s)
    return Portion(key, f"DCIM/{key}.mp4", start, START + dt.timedelta(seconds=end_s))


@pytest.mark.parametrize(
    ("at_s", "recording", "second"), [(0, "a", 0), (5.5, "a", 5.5), (12, "b", 0), (15, "b", 0), (16.5, "b", 1.5)]
)
def test_a_moment_plays_where_it_was_recorded_and_a_hole_where_recording_began_again(
    at_s: float, recording: str, second: float
) -> None:
    found = seek_of([portion("a", 0, 10), portion("b", 15, 30)], START + dt.timedelta(seconds=at_s))
    assert found is not None
    assert (found.recording, found.at_s) == (recording, second)


def test_behind_the_end_nothing_plays() -> None:
    assert seek_of([portion("a", 0, 10)], START + dt.timedelta(seconds=11)) is None


def test_a_timeline_shows_the_hole_between_two_files_at_its_place() -> None:
    portions = [portion("a", 0, 10), portion("b", 30, 40)]
    statement = statement_of(START, START + dt.timedelta(seconds=40), portions, [], roll_over_s=2.0)
    drawn = timeline_of("take", statement, ZoneInfo("Asia/Shanghai"))
    (hole,) = [one for one in drawn.shades if one.kind == "hole"]
    width = drawn.right - drawn.left
    assert hole.x == pytest.approx(drawn.left + width / 4, abs=0.5)
    assert hole.width == pytest.approx(width / 2, abs=0.5)
    assert (hole.seek.recording, hole.seek.at_s) == ("b", 0.0) if hole.seek else False


def point(latitude: float, longitude: float, at_s: float, *, is_doubtful: bool = False) -> tuple[TrackPoint, float]:
    moment = START + dt.timedelta(seconds=at_s)
    return TrackPoint(moment, at_s, latitude, longitude, is_doubtful=is_doubtful, datum="WGS-84"), at_s


def vessel(latitude: float, longitude: float, distance_m: float) -> dict[str, object]:
    place = {"latitude": latitude, "longitude": longitude, "distance_m": distance_m}
    return {"at": "2026-03-02T01:00:05.000Z", "state": "open", "mmsi": 412345678, "name": None, **place}


def test_north_is_up_east_is_right_and_the_scale_is_true() -> None:
    drawn = map_of([point(38.92, 121.63, 0), point(38.93, 121.63, 10)], [], Areas())
    assert drawn is not None
    assert drawn.first[1] > drawn.last[1]
    assert drawn.first[0] == pytest.approx(drawn.last[0])
    apart = drawn.first[1] - drawn.last[1]
    assert apart / (drawn.bar_width / drawn.bar_m) == pytest.approx(0.01 * 111_195, rel=0.01)


def test_a_doubtful_point_is_left_out_and_counted() -> None:
    drawn = map_of([point(38.92, 121.63, 0), point(0.0, 0.0, 1, is_doubtful=True)], [], Areas())
    assert drawn is not None
    assert (drawn.points, drawn.doubtful) == (1, 1)


def test_without_a_believed_point_there_is_no_map() -> None:
    assert map_of([point(0.0, 0.0, 1, is_doubtful=True)], [], Areas()) is None


def test_a_vessel_beside_the_recorder_is_in_the_picture_and_joined_to_where_it_was_then() -> None:
    points = [point(38.92, 121.63, 0), point(38.9205, 121.63, 5), point(38.921, 121.63, 10)]
    drawn = map_of(points, [vessel(38.9205, 121.631, 87)], Areas())
    assert drawn is not None
    (one,) = drawn.vessels
    assert one.is_inside
    assert one.from_y == pytest.approx((drawn.first[1] + drawn.last[1]) / 2, abs=0.2)
    assert one.x > one.from_x


def test_an_area_of_the_bureau_is_drawn_where_it_lies() -> None:
    ring = ((121.62, 38.91), (121.64, 38.91), (121.64, 38.93), (121.62, 38.93), (121.62, 38.91))
    areas = Areas(
        [Area("港", polygons=(Polygon(ring),)), Area("far", polygons=(Polygon(((0, 0), (1, 0), (1, 1), (0, 0))),))]
    )
    drawn = map_of([point(38.92, 121.63, 0)], [], areas)
    assert drawn is not None
    assert [one.name for one in drawn.shapes] == ["港"]


@given(
    st.lists(
        st.tuples(st.floats(-89, 89), st.floats(-179.9, 179.9)).map(lambda one: point(one[0], one[1], 0.0)),
        min_size=1,
        max_size=8,
    )
)
def test_any_track_lies_inside_the_picture(points: list[tuple[TrackPoint, float]]) -> None:
    drawn = map_of(points, [], Areas())
    assert drawn is not None
    places = [float(number) for piece in drawn.pieces for number in re.split("[ ,]", piece.points)]
    assert all(-0.2 <= x <= WIDTH + 0.2 for x in places[::2])
    assert all(-0.2 <= y <= HEIGHT + 0.2 for y in places[1::2])
    assert len(drawn.lines) <= 400

"""What cannot be believed of a position is said with its reason, and nothing of an honest track is doubted."""

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.facts import Fix
from ingestd.core.fixdoubts import DOUBTS, judged
from ingestd.core.positions import distance_m, position_findings, track_points, with_datum

START = dt.datetime(2024, 2, 21, 0, 29, 23, tzinfo=dt.UTC)
STEP = 0.0001
"""Degrees of latitude; 11 m."""


def drive(seconds: int, *, speed_mps: float | None = 11.0, has_utc: bool = True, **changes: object) -> list[Fix]:
    """A fix a second, 11 m apart, northwards."""
    return [
        Fix(
            latitude=22.5 + STEP * second,
            longitude=113.25,
            at_s=float(second),
            utc=(START + dt.timedelta(seconds=second)).isoformat() if has_utc else None,
            speed_mps=speed_mps,
            source="test",
            **changes,
        )
        for second in range(seconds)
    ]


def moved(fix: Fix, **changes: object) -> Fix:
    return fix.model_copy(update=changes)


def doubted(fixes: list[Fix], written: dt.datetime | None = None) -> dict[int, tuple[str, ...]]:
    return {place: fix.doubts for place, fix in enumerate(judged(fixes, written)) if fix.is_doubtful}


def test_an_honest_track_is_believed() -> None:
    assert doubted(drive(60)) == {}


def test_zero_degrees_are_null_island_and_beyond_the_poles_is_no_place() -> None:
    fixes = [moved(drive(1)[0], latitude=0.0, longitude=0.0), moved(drive(1)[0], latitude=95.0)]
    assert doubted(fixes) == {0: ("null_island",), 1: ("off_globe",)}


def test_the_receivers_own_word_counts() -> None:
    fixes = [moved(fix, quality=quality) for fix, quality in zip(drive(3), ("none", "simulated", "3d"), strict=True)]
    assert doubted(fixes) == {0: ("no_fix",), 1: ("not_measured",)}


def test_a_single_jump_is_doubted_and_not_what_follows() -> None:
    fixes = drive(30)
    fixes[10] = moved(fixes[10], latitude=23.5)
    assert doubted(fixes) == {10: ("jump",)}


def test_a_wrong_start_is_doubted_and_not_the_long_rest() -> None:
    fixes = drive(30)
    fixes[:3] = [moved(fix, latitude=31.2, longitude=121.5) for fix in fixes[:3]]
    assert doubted(fixes) == dict.fromkeys(range(3), ("jump",))


def test_a_long_way_in_a_long_time_is_no_jump() -> None:
    """A piece was cut out: the satellites' time tells of the way, the file's seconds do not."""
    fixes = drive(60)
    del fixes[20:50]
    closed = [moved(fix, at_s=float(number)) for number, fix in enumerate(fixes)]
    far = [*closed[:20], *(moved(fix, latitude=fix.latitude + 0.02) for fix in closed[20:])]
    assert doubted(far) == {}


def test_a_train_is_no_jump() -> None:
    fixes = [moved(fix, latitude=22.5 + second * 97 / 111_195) for second, fix in enumerate(drive(30))]
    assert doubted(fixes) == {}


def test_a_place_that_stays_while_the_speed_runs_on_is_frozen() -> None:
    fixes = [moved(fix, latitude=22.5) for fix in drive(10)]
    assert doubted(fixes) == dict.fromkeys(range(1, 10), ("frozen",))


def test_standing_still_is_not_frozen() -> None:
    assert doubted([moved(fix, latitude=22.5, speed_mps=0.1) for fix in drive(60)]) == {}
    assert doubted([moved(fix, latitude=22.5) for fix in drive(60, speed_mps=None)]) == {}


def test_a_last_fix_that_is_repeated_is_frozen() -> None:
    fixes = drive(20, speed_mps=None)
    fixes[10:] = [moved(fixes[10], at_s=float(second)) for second in range(10, 20)]
    assert doubted(fixes) == dict.fromkeys(range(11, 20), ("frozen",))


def test_a_week_counter_that_rolled_over_is_known_by_the_container() -> None:
    early = [moved(fix, utc=(START - dt.timedelta(weeks=1024)).isoformat()) for fix in drive(1)]
    assert doubted(early, START + dt.timedelta(hours=8)) == {0: ("week_rollover",)}
    assert doubted(early) == {}


def test_a_date_before_any_recorder_is_doubted() -> None:
    assert doubted([moved(drive(1)[0], utc="1980-01-06T00:00:00.000Z")]) == {0: ("date",)}


def test_a_time_that_is_none_tells_nothing() -> None:
    assert doubted([moved(drive(1)[0], utc="no time")]) == {}


def test_what_was_doubtful_stays_so() -> None:
    (fix,) = judged([moved(drive(1)[0], is_doubtful=True)])
    assert fix.is_doubtful


def test_every_doubt_has_its_words() -> None:
    fixes = [moved(drive(1)[0], latitude=0, longitude=0, quality="none", utc="1980-01-06T00:00:00Z")]
    assert set(judged(fixes)[0].doubts) <= DOUBTS.keys()


@given(
    st.lists(
        st.tuples(
            st.floats(-95, 95), st.floats(-200, 200), st.none() | st.floats(0, 1e6), st.none() | st.floats(0, 90)
        ),
        max_size=40,
    )
)
def test_judging_keeps_every_fix_in_its_place_and_is_the_same_twice(
    rows: list[tuple[float, float, float, float]],
) -> None:
    fixes = [
        Fix(latitude=north, longitude=east, at_s=at_s, speed_mps=speed, source="test")
        for north, east, at_s, speed in rows
    ]
    once = judged(fixes)
    assert [(fix.latitude, fix.longitude) for fix in once] == [(fix.latitude, fix.longitude) for fix in fixes]
    believed = [fix for fix in once if not fix.is_doubtful]
    assert [fix for fix in judged(believed) if "jump" in fix.doubts] == []


def test_a_file_says_once_how_many_of_its_fixes_are_doubtful_and_why() -> None:
    fixes = drive(30)
    fixes[0] = moved(fixes[0], latitude=0.0, longitude=0.0)
    fixes[10] = moved(fixes[10], latitude=23.5)
    (found,) = position_findings(judged(fixes))
    assert (found.code, found.severity, found.start_s, found.end_s) == ("position.doubtful", "info", 0.0, 10.0)
    assert found.evidence == {
        "fixes": 30, "doubtful": 2, "reasons": {"jump": 1, "null_island": 1}, "sources": ["test"],
    }  # fmt: skip
    assert position_findings(judged(drive(30))) == ()


def test_the_profiles_datum_holds_where_the_file_names_none() -> None:
    own, other = drive(1)[0], moved(drive(1)[0], datum="WGS-84")
    assert [fix.datum for fix in with_datum([own, other], "GCJ-02")] == ["GCJ-02", "WGS-84"]
    assert [fix.datum for fix in with_datum([own, other], "undeclared")] == ["undeclared", "WGS-84"]


def test_degrees_are_never_converted() -> None:
    (fix,) = with_datum(drive(1), "GCJ-02")
    assert (fix.latitude, fix.longitude) == (22.5, 113.25)


def test_points_between_two_satellite_times_get_theirs_by_the_files_seconds() -> None:
    fixes = [moved(fix, utc=fix.utc if place in (0, 4) else None) for place, fix in enumerate(drive(8))]
    times = [point.at_utc for point in track_points(fixes)]
    assert times[2] == START + dt.timedelta(seconds=2)
    assert times[6] == START + dt.timedelta(seconds=6)
    assert times[7] is None, "three seconds behind the last satellite time nothing is claimed"


def test_points_without_any_satellite_time_have_none() -> None:
    assert [point.at_utc for point in track_points(drive(3, has_utc=False))] == [None, None, None]


@pytest.mark.parametrize(("latitude", "longitude", "metres"), [(23.5, 113.25, 111_195), (22.5, 114.25, 102_730)])
def test_distances_are_great_circles(latitude: float, longitude: float, metres: float) -> None:
    assert distance_m(22.5, 113.25, latitude, longitude) == pytest.approx(metres, rel=1e-4)


def test_distance_across_the_date_line_is_short() -> None:
    assert distance_m(0, 179.9, 0, -179.9) == pytest.approx(22_239, rel=1e-3)


def test_the_drive_of_these_tests_is_as_fast_as_it_says() -> None:
    steps = [distance_m(a.latitude, a.longitude, b.latitude, b.longitude) for a, b in pairwise(drive(5))]
    assert all(step == pytest.approx(11.1, abs=0.1) for step in steps)

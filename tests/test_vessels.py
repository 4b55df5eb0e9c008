"""Which vessels were near: distances, alongside, ambiguity, and where nothing may be claimed."""

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.ais import KNOT_MPS, VesselIdentity, VesselReport, is_vessel
from ingestd.core.positions import TrackPoint, distance_m
from ingestd.core.vessels import Candidate, Place, VesselRules, candidates, places_of, standing_at, track_of

START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
RULES = VesselRules()
NORTH = 1 / 111_195.0
EAST = NORTH / math.cos(math.radians(38.92))
ONE, OTHER = 412345678, 413222111

degrees = st.floats(-80, 80)


def after(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def lying(seconds: int = 60, knots: float = 0.0) -> tuple[Place, ...]:
    """A recorder at rest, or going north."""
    speed = knots * KNOT_MPS
    return tuple(Place(after(at), 38.92 + speed * at * NORTH, 121.63, speed) for at in range(seconds + 1))


def report(
    at: float,
    *,
    north_m: float = 0.0,
    east_m: float = 0.0,
    knots: float | None = 0.0,
    mmsi: int = ONE,
    own: bool = False,
) -> VesselReport:
    speed = knots * KNOT_MPS if knots is not None else None
    return VesselReport(mmsi, after(at), 38.92 + north_m * NORTH, 121.63 + east_m * EAST, speed, own)


def one_of(track: tuple[Place, ...], *reports: VesselReport, rules: VesselRules = RULES) -> Candidate:
    (found,) = candidates(track, reports, {}, rules)
    return found


def test_known_distances_are_met() -> None:
    assert distance_m(0, 0, 0, 1) == pytest.approx(111_195, rel=1e-4)
    assert distance_m(38.9, 179.999, 38.9, -179.999) == pytest.approx(173.1, rel=1e-2)
    assert distance_m(50.06639, -5.71472, 58.64389, -3.07) == pytest.approx(968_900, rel=1e-3)


@given(degrees, st.floats(-179, 179), degrees, st.floats(-179, 179), degrees, st.floats(-179, 179))
def test_distance_is_a_distance(a: float, b: float, c: float, d: float, e: float, f: float) -> None:
    there = distance_m(a, b, c, d)
    assert there == pytest.approx(distance_m(c, d, a, b), abs=1e-6)
    assert distance_m(a, b, a, b) == 0
    assert there <= distance_m(a, b, e, f) + distance_m(e, f, c, d) + 1e-3


@given(st.integers(0, 60), st.floats(1, 190), st.floats(0, 359))
def test_the_nearest_moment_is_never_farther_than_any_report_within_the_track(
    at: int, metres: float, bearing: float
) -> None:
    turn = math.radians(bearing)
    heard = report(at, north_m=metres * math.cos(turn), east_m=metres * math.sin(turn))
    found = one_of(lying(), heard)
    assert found.distance_m == pytest.approx(metres, abs=1.0)
    assert 0 <= found.age_s <= RULES.max_age_seconds


@pytest.mark.parametrize(("metres", "is_alongside"), [(99.0, True), (101.0, False)])
def test_alongside_is_below_a_hundred_metres(metres: float, is_alongside: bool) -> None:
    found = one_of(lying(), report(0, north_m=metres), report(30, north_m=metres), report(60, north_m=metres))
    assert found.is_alongside is is_alongside


@pytest.mark.parametrize(("seconds", "is_alongside"), [(29, False), (30, True)])
def test_alongside_is_thirty_seconds_on_end(seconds: int, is_alongside: bool) -> None:
    found = one_of(lying(seconds), report(0, north_m=40), report(seconds, north_m=40))
    assert (found.is_alongside, found.alongside_s) == (is_alongside, seconds)


@pytest.mark.parametrize(("knots", "is_alongside"), [(6.9, True), (7.1, False)])
def test_alongside_is_under_two_knots_of_difference(knots: float, is_alongside: bool) -> None:
    track = lying(40, knots=5.0)
    step = 5.0 * KNOT_MPS
    found = one_of(track, *(report(at, north_m=step * at, east_m=30, knots=knots) for at in range(0, 50, 10)))
    assert found.is_alongside is is_alongside


def test_vessels_that_pass_each_other_at_like_speed_are_not_alongside() -> None:
    track = lying(40, knots=4.0)
    step = 4.0 * KNOT_MPS
    found = one_of(track, *(report(at, north_m=85 - step * at, east_m=20, knots=4.0) for at in range(0, 50, 10)))
    assert found.speed_difference_knots == 0
    assert not found.is_alongside


def test_without_a_speed_of_either_nothing_is_alongside() -> None:
    found = one_of(lying(), report(0, north_m=20, knots=None), report(60, north_m=20, knots=None))
    assert (found.speed_difference_knots, found.is_alongside) == (None, False)
    by_hand = one_of(standing_at(38.92, 121.63, START, after(60)), report(0, north_m=20), report(60, north_m=20))
    assert (by_hand.speed_difference_knots, by_hand.is_alongside) == (None, False)


def test_a_hole_in_the_track_ends_what_counts_as_alongside() -> None:
    track = tuple(place for place in lying(50) if not after(20) < place.at < after(31))
    found = one_of(track, report(0, north_m=40), report(50, north_m=40))
    assert (found.is_alongside, found.alongside_s) == (False, 20)


def test_between_two_close_reports_a_vessel_was_on_the_line_between_them() -> None:
    found = one_of((Place(after(10), 38.92, 121.63, 0.0),), report(0, north_m=100), report(20, north_m=-60))
    assert found.is_interpolated
    assert found.distance_m == pytest.approx(20, abs=0.5)
    assert found.age_s == 10


def test_between_two_distant_reports_it_was_only_where_it_said() -> None:
    found = one_of((Place(after(100), 38.92, 121.63, 0.0),), report(0, north_m=500), report(190, north_m=-500))
    assert not found.is_interpolated
    assert found.distance_m == pytest.approx(500, abs=1)
    assert found.age_s == 90


def test_a_vessel_that_lies_still_and_reports_each_three_minutes_is_alongside() -> None:
    found = one_of(lying(), report(-90, north_m=40), report(90, north_m=42))
    assert (found.is_alongside, found.alongside_s) == (True, 60)


def test_a_report_that_is_too_old_says_nothing() -> None:
    assert candidates(lying(10), [report(-241), report(-600)], {}, RULES) == ()
    assert one_of(lying(10), report(-239)).age_s == 239


def test_a_vessel_that_was_never_near_is_no_candidate() -> None:
    assert candidates(lying(), [report(0, north_m=2100), report(60, north_m=2100)], {}, RULES) == ()


def test_two_that_lie_near_each_other_are_both_ambiguous() -> None:
    heard = [report(at, mmsi=mmsi, east_m=side) for at in (0, 60) for mmsi, side in ((ONE, 40), (OTHER, -60))]
    first, second = candidates(lying(), heard, {}, RULES)
    assert (first.ambiguous_with, second.ambiguous_with) == ((OTHER,), (ONE,))


def test_two_that_lie_far_apart_are_not_ambiguous() -> None:
    heard = [report(at, mmsi=mmsi, east_m=side) for at in (0, 60) for mmsi, side in ((ONE, 40), (OTHER, 900))]
    assert [one.ambiguous_with for one in candidates(lying(), heard, {}, RULES)] == [(), ()]


def test_the_own_vessel_is_no_candidate_by_setting_or_by_its_receivers_word() -> None:
    heard = [report(0), report(60), report(0, mmsi=OTHER), report(30, mmsi=OTHER, own=True)]
    assert candidates(lying(), heard, {}, RULES, own=[ONE]) == ()


def test_a_number_that_two_vessels_use_is_said_and_not_drawn_between_them() -> None:
    heard = [report(0, north_m=1500), report(10, north_m=-60_000), report(20, north_m=1500)]
    found = one_of(lying(20), *heard)
    assert found.is_number_shared
    assert not one_of(lying(20), report(0, north_m=1500), report(20, north_m=1490)).is_number_shared


def test_one_alongside_comes_before_one_that_came_closer() -> None:
    heard = [report(at, east_m=90) for at in (0, 60)]
    heard += [report(at, mmsi=OTHER, east_m=10 + 30 * at, knots=58) for at in (0, 30, 60)]
    assert [one.mmsi for one in candidates(lying(), heard, {}, RULES)] == [ONE, OTHER]


def test_a_name_stands_with_number_distance_and_age() -> None:
    (found,) = candidates(lying(), [report(5, north_m=40)], {ONE: VesselIdentity(ONE, "A", 9123453, "BABC1")}, RULES)
    document = found.document()
    assert (document["name"], document["mmsi"], document["imo"], document["call_sign"]) == ("A", ONE, 9123453, "BABC1")
    assert document["distance_m"] == pytest.approx(40, abs=0.2)
    assert document["age_s"] == 0


def test_across_the_date_line_a_vessel_is_between_its_reports() -> None:
    track = (Place(after(10), 10.0, 180.0, 0.0),)
    heard = [VesselReport(ONE, after(0), 10.0, 179.999, 0.0), VesselReport(ONE, after(20), 10.0, -179.999, 0.0)]
    assert one_of(track, *heard).distance_m < 1


def test_the_tracks_own_speed_comes_from_its_places_where_it_tells_none() -> None:
    step = 5.0 * KNOT_MPS
    track = track_of(Place(after(at), 38.92 + step * at * NORTH, 121.63) for at in range(11))
    assert track[5].speed_mps == pytest.approx(step, rel=0.01)
    assert track_of([Place(after(0), 38.92, 121.63), Place(after(60), 38.92, 121.63)])[0].speed_mps is None


def test_points_that_are_doubtful_without_time_or_of_another_datum_are_no_places() -> None:
    good = TrackPoint(START, 0.0, 38.92, 121.63)
    doubtful = TrackPoint(after(1), 1.0, 38.92, 121.63, is_doubtful=True)
    timeless = TrackPoint(None, 2.0, 38.92, 121.63)
    shifted = TrackPoint(after(3), 3.0, 38.92, 121.63, datum="GCJ-02")
    assert [one.at for one in places_of([good, doubtful, timeless, shifted], None)] == [START]
    assert [one.at for one in places_of([timeless], START)] == [after(2)]


def test_only_ships_are_vessels() -> None:
    assert all(is_vessel(one) for one in (ONE, 245123456, 775000001, 982345678))
    assert not any(is_vessel(one) for one in (4132100, 41234567, 111412001, 992416101, 970012345, 0, 812345678))

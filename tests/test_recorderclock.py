"""A recorder's clock over its dockings: offset, drift, settings, and the interval of a recording by true time."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.findings import Confidence, Severity
from ingestd.core.recorderclock import (
    POSITION_UNCERTAINTY_S,
    ClockReading,
    ClockSource,
    clock_findings,
    clock_history,
    corrected,
    docking_reading,
    position_reading,
    position_readings,
    setting_moments,
)
from ingestd.core.siblingclocks import Clocks, clocks_of
from tests.support.siblings import START, made

DAY = dt.timedelta(days=1)


def ahead(number: int, by_s: float, *, begins_s: float | None = None) -> Clocks:
    """A recording whose name is ahead of its position time by so much."""
    true_s = 60.0 * number if begins_s is None else begins_s
    return clocks_of(made(number, begins_s=true_s, named_s=true_s + by_s, position_s=true_s))


def reading(
    days: float, offset_s: float, *, within_s: float = 1.0, source: ClockSource = ClockSource.API
) -> ClockReading:
    at = START + days * DAY
    return ClockReading(source=source, start=at, end=at, least_s=offset_s - within_s, most_s=offset_s + within_s)


def test_a_clock_that_is_ahead_has_a_positive_offset() -> None:
    found = position_reading(ahead(1, 40.0))
    assert found is not None and found.least_s == 38.0 and found.most_s == 42.0


def test_recordings_that_agree_are_one_reading() -> None:
    (found,) = position_readings([ahead(number, 40.0 + number % 2) for number in range(5)])
    assert (found.readings, found.first, found.last) == (5, "file0", "file4")


def test_a_clock_stepped_at_the_first_fix_is_two_readings_and_only_an_information() -> None:
    readings = position_readings([ahead(1, -120.0), ahead(2, -120.0), ahead(3, 0.0)])
    found = clock_findings(readings)
    assert [one.readings for one in readings] == [2, 1]
    assert [(one.severity, one.evidence["offset_s"]) for one in found] == [(Severity.INFO, -120.0)]


def test_a_clock_that_is_right_says_nothing() -> None:
    assert clock_findings(position_readings([ahead(number, 1.0) for number in range(3)])) == ()


def test_a_receiver_that_missed_a_roll_over_is_doubted_and_not_reckoned_with() -> None:
    own = ahead(1, 1024 * 7 * 86_400.0)
    found = position_reading(own)
    assert found is not None and "1024 weeks" in found.doubt and not found.is_measurement
    assert clock_findings([found])[0].confidence is Confidence.PROVISIONAL
    assert clock_history([found]).runs == ()


def test_files_that_end_behind_their_docking_show_a_clock_that_is_ahead() -> None:
    clocks = [clocks_of(made(1, begins_s=0, length_s=60)), clocks_of(made(2, begins_s=3600, length_s=60))]
    found = docking_reading(clocks, START + dt.timedelta(seconds=1000))
    assert found is not None and found.least_s == 2658.0 and found.most_s is None
    assert [one.evidence["least_s"] for one in clock_findings([found])] == [2658.0]


def test_what_is_new_since_the_docking_before_shows_a_clock_that_is_behind() -> None:
    found = docking_reading([clocks_of(made(1, begins_s=0))], START + DAY, START + dt.timedelta(seconds=500))
    assert found is not None and found.most_s == -498.0
    assert len(clock_findings([found])) == 1


def test_sources_that_contradict_each_other_are_said_and_none_is_preferred() -> None:
    own = ahead(1, -600.0, begins_s=5000.0)
    bound = docking_reading([own], START)
    assert bound is not None
    found = clock_findings([*position_readings([own]), bound])
    assert [one.severity for one in found] == [Severity.INFO, Severity.INFO, Severity.NOTICE]
    assert "position" in found[-1].evidence["contradiction"] and "docking" in found[-1].evidence["contradiction"]


def test_a_setting_between_two_dockings_begins_a_new_run() -> None:
    history = clock_history([reading(0, 100), reading(1, 102), reading(2, 0), reading(3, 2)])
    assert [len(run.readings) for run in history.runs] == [2, 2]
    ((after, before, by_s),) = setting_moments(history)
    assert (after, before, by_s) == (START + DAY, START + 2 * DAY, -102.0)


def test_drift_is_bounded_by_all_measurements() -> None:
    (run,) = clock_history([reading(0, 0), reading(10, 20), reading(20, 40)]).runs
    assert run.least_drift_s == 1.9 and run.most_drift_s == 2.1


def test_one_measurement_tells_no_drift() -> None:
    (run,) = clock_history([reading(0, 5)]).runs
    assert run.least_drift_s is None


def test_a_recording_with_positions_is_corrected_by_its_own() -> None:
    own = position_reading(ahead(1, 40.0))
    found = corrected(START, START + DAY, clock_history([reading(0, 500)]), own)
    assert found is not None and found.confidence is Confidence.CERTAIN
    assert (found.start, found.uncertainty_s) == (START - dt.timedelta(seconds=40), POSITION_UNCERTAINTY_S)


def test_a_recording_between_two_measurements_is_likely_and_one_behind_them_provisional() -> None:
    history = clock_history([reading(0, 0), reading(10, 20)])
    between = corrected(START + 5 * DAY, START + 5 * DAY, history)
    behind = corrected(START + 30 * DAY, START + 30 * DAY, history)
    assert between is not None and behind is not None
    assert (between.confidence, behind.confidence) == (Confidence.LIKELY, Confidence.PROVISIONAL)
    assert behind.uncertainty_s > between.uncertainty_s


def test_a_recording_before_the_first_position_may_be_of_another_setting() -> None:
    history = clock_history([reading(5, 0, source=ClockSource.POSITION)])
    found = corrected(START, START, history)
    assert found is not None and found.confidence is Confidence.PROVISIONAL and "first position fix" in found.doubts[0]


def test_a_recording_between_two_settings_carries_the_doubt_and_both() -> None:
    history = clock_history([reading(0, 100), reading(10, 0)])
    found = corrected(START + 5 * DAY, START + 5 * DAY, history)
    assert found is not None and found.doubts and found.confidence is Confidence.PROVISIONAL
    least, most = found.offset_s - found.uncertainty_s, found.offset_s + found.uncertainty_s
    assert least < 0 < 100 < most


def test_an_offset_of_whole_zone_steps_is_said_to_be_one() -> None:
    found = corrected(START, START, clock_history([reading(0, 8 * 3600)]))
    assert found is not None and any("zone" in words for words in found.doubts)


def test_without_measurements_nothing_is_corrected() -> None:
    assert corrected(START, START, clock_history([])) is None


@given(
    offset_s=st.floats(-1e6, 1e6),
    rate=st.floats(-4.0, 4.0),
    days=st.lists(st.floats(0, 400), min_size=2, max_size=12),
    noise=st.lists(st.floats(-1, 1), min_size=12, max_size=12),
    asked=st.floats(0, 400),
)
def test_the_truth_lies_within_what_is_claimed(
    offset_s: float, rate: float, days: list[float], noise: list[float], asked: float
) -> None:
    def true_offset(day: float) -> float:
        return offset_s + rate * day

    readings = [reading(day, true_offset(day) + error, within_s=1.5) for day, error in zip(days, noise, strict=False)]
    history = clock_history(readings)
    (run,) = history.runs
    if run.least_drift_s is not None and run.most_drift_s is not None:
        assert run.least_drift_s - 0.01 <= rate <= run.most_drift_s + 0.01
    shown = START + asked * DAY + dt.timedelta(seconds=true_offset(asked))
    found = corrected(shown, shown, history)
    assert found is not None
    assert abs((found.start - START - asked * DAY).total_seconds()) <= found.uncertainty_s + 0.1


@given(st.permutations([reading(0, 100), reading(1, 101), reading(2, 0), reading(9, 4), reading(9, 3)]))
def test_the_order_of_readings_changes_nothing(readings: list[ClockReading]) -> None:
    assert clock_history(readings) == clock_history(sorted(readings, key=lambda one: (one.start, one.least_s or 0)))

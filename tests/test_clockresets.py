"""A clock that falls back to its factory date while a take runs: no take is torn, and nothing is said to be missing."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.clockresets import is_factory_time
from ingestd.core.facts import MediaKind
from ingestd.core.findings import Severity
from ingestd.core.profile import SegmentHabits
from ingestd.core.segments import Segment, SharedContent
from ingestd.core.takes import TakesResult, assemble_takes

HABITS = SegmentHabits()
NINE = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
SHANGHAI = dt.timedelta(hours=-8)
FACTORY = [
    dt.datetime(year, 1, 1, tzinfo=dt.UTC) + zone for year in (1970, 2000, 2010) for zone in (SHANGHAI, dt.timedelta())
]


def segment(start: dt.datetime, number: int | None, length_s: float = 300.0, **fields: Any) -> Segment:
    return Segment(
        key=f"{number}/{start:%Y%m%dT%H%M%S}",
        recorder_key="7012345",
        kind=MediaKind.VIDEO,
        start=start,
        start_source="name",
        duration_s=length_s,
        sequence=number,
        has_video=True,
        has_audio=True,
        **fields,
    )


def row(start: dt.datetime, first: int, *lengths_s: float) -> list[Segment]:
    made = []
    for place, length_s in enumerate(lengths_s):
        made.append(segment(start, first + place, length_s))
        start += dt.timedelta(seconds=length_s)
    return made


def sizes(result: TakesResult) -> list[int]:
    return sorted(len(take.segments) for take in result.takes)


@pytest.mark.parametrize("factory", FACTORY)
def test_a_clock_that_falls_back_in_the_middle_does_not_tear_the_take(factory: dt.datetime) -> None:
    result = assemble_takes([*row(NINE, 1, 300, 300), *row(factory, 3, 300, 300, 120)], HABITS)
    assert sizes(result) == [5]
    assert [(one.code, one.severity) for one in result.findings] == [("clock.offset", Severity.INFO)]
    assert [one.sequence for one in result.takes[0].segments] == [1, 2, 3, 4, 5]


def test_the_original_times_stay() -> None:
    (take,) = assemble_takes([*row(NINE, 1, 300, 300), *row(FACTORY[-1], 3, 300)], HABITS).takes
    assert [one.start for one in take.segments][-1] == FACTORY[-1]


def test_a_clock_that_is_set_again_does_not_tear_it_either() -> None:
    again = NINE + dt.timedelta(seconds=925)
    result = assemble_takes([*row(NINE, 1, 300, 300), *row(FACTORY[-1], 3, 300), *row(again, 4, 300, 60)], HABITS)
    assert sizes(result) == [5]
    assert [one.code for one in result.findings] == ["clock.offset"]


def test_the_same_across_the_wrap_of_the_counter() -> None:
    result = assemble_takes([*row(NINE, 998, 300, 300), *row(FACTORY[-1], 0, 300, 60)], HABITS)
    assert sizes(result) == [4]


def test_a_battery_that_died_in_a_take_begins_a_new_one_without_finding() -> None:
    result = assemble_takes([*row(NINE, 1, 300, 300, 100), *row(FACTORY[-1], 4, 300, 60)], HABITS)
    assert (sizes(result), result.findings) == ([2, 3], ())


def test_an_absent_segment_is_not_invented_where_the_clock_fell_back() -> None:
    result = assemble_takes([*row(NINE, 1, 300, 300), *row(FACTORY[-1], 9, 300, 300)], HABITS)
    assert (sizes(result), result.findings) == ([2, 2], ())


def test_a_segment_absent_behind_the_reset_is_still_missing() -> None:
    whole = [*row(NINE, 1, 300, 300), *row(FACTORY[-1], 3, 300, 300, 300, 300, 60)]
    result = assemble_takes([one for one in whole if one.sequence != 5], HABITS)
    assert {one.code for one in result.findings} == {"clock.offset", "set.missing"}
    (missing,) = [one for one in result.findings if one.code == "set.missing"]
    assert missing.evidence["missing_sequence"] == [5]


def test_without_numbers_nobody_can_say_what_came_first() -> None:
    files = [segment(NINE, None), segment(FACTORY[-1], None)]
    assert (sizes(assemble_takes(files, HABITS)), assemble_takes(files, HABITS).findings) == ([1, 1], ())


def test_new_year_at_midnight_is_no_reset() -> None:
    eve = dt.datetime(2025, 12, 31, 23, 50, tzinfo=dt.UTC)
    result = assemble_takes(row(eve, 1, 300, 300, 300, 60), HABITS)
    assert (sizes(result), result.findings) == ([4], ())


def test_position_time_tells_the_pause_in_spite_of_the_reset() -> None:
    before = [segment(NINE, 1, clock_offset_s=0.0), segment(NINE + dt.timedelta(seconds=300), 2, clock_offset_s=0.0)]
    true = NINE + dt.timedelta(seconds=640)
    fallen = segment(FACTORY[-1], 3, clock_offset_s=(true - FACTORY[-1]).total_seconds())
    result = assemble_takes([*before, fallen], HABITS)
    assert sizes(result) == [3]
    assert "set.gap" in {one.code for one in result.findings}


@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from(FACTORY), st.integers(1, 9000), st.floats(10, 1800))
def test_every_take_survives_a_reset(
    before: int, after: int, factory: dt.datetime, first: int, length_s: float
) -> None:
    early = row(NINE, first, *[length_s] * before)
    result = assemble_takes([*early, *row(factory, first + before, *[length_s] * after)], HABITS)
    assert sizes(result) == [before + after]
    assert {one.code for one in result.findings} == {"clock.offset"}


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_any_time_may_be_asked(moment: dt.datetime) -> None:
    is_factory_time(moment)


def overlapping(shared: SharedContent | None, *lengths_s: float) -> TakesResult:
    """A take, and one that begins 20 s before the end of it."""
    first = row(NINE, 1, *lengths_s)
    end = first[-1].end
    assert end is not None
    later = row(end - dt.timedelta(seconds=20), 1 + len(first), 300, 60)
    return assemble_takes([*first, *later], HABITS, {} if shared is None else {(first[-1].key, later[0].key): shared})


def test_pre_record_with_equal_packets_is_certain_and_an_information() -> None:
    (found,) = overlapping(SharedContent(20.0, 500, 520), 300, 100).findings
    assert (found.severity, found.confidence, found.evidence["content"]) == ("info", "certain", "equal")


def test_pre_record_by_times_alone_is_provisional() -> None:
    (found,) = overlapping(SharedContent(0.0, 0, 520), 300, 100).findings
    assert (found.severity, found.confidence, found.evidence["content"]) == ("info", "provisional", "different")


def test_an_overlap_inside_a_take_with_equal_packets_is_certain() -> None:
    (found,) = overlapping(SharedContent(20.0, 500, 520), 300, 300).findings
    assert (found.severity, found.confidence) == ("notice", "certain")


def test_an_overlap_that_nobody_compared_says_so() -> None:
    (found,) = overlapping(None, 300, 100).findings
    assert (found.confidence, found.evidence["content"]) == ("likely", "not compared")

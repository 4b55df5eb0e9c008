"""What holds for takes of any length, rate and roll-over."""

import datetime as dt
import random

from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.facts import MediaKind
from ingestd.core.profile import SegmentHabits
from ingestd.core.takes import Segment, assemble_takes

NINE = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
HABITS = SegmentHabits()


@st.composite
def takes(draw: st.DrawFn) -> list[Segment]:
    """A take as a recorder writes it: equal segments of whole frames, a shorter last one, names in whole seconds."""
    fps = draw(st.sampled_from([10, 15, 25, 29.97, 30, 50]))
    length_s = round(draw(st.floats(10, 1800)) * fps) / fps
    count = draw(st.integers(3, 12))
    first_number = draw(st.integers(1, 12000))
    at_s = draw(st.floats(0, 1))
    made = []
    for place in range(count):
        seconds = length_s if place < count - 1 else length_s * draw(st.floats(0.05, 1.0))
        start = NINE + dt.timedelta(seconds=int(at_s))
        made.append(
            Segment(
                key=f"{place:03}",
                recorder_key="7012345",
                kind=MediaKind.VIDEO,
                start=start,
                start_source="name",
                duration_s=seconds,
                sequence=first_number + place,
                has_video=True,
                has_audio=True,
            )
        )
        at_s += seconds + draw(st.floats(0, HABITS.roll_over_s))
    return made


@given(takes())
def test_segments_that_follow_each_other_never_give_a_finding(segments: list[Segment]) -> None:
    result = assemble_takes(segments, HABITS)
    assert result.findings == ()
    assert [one.key for take in result.takes for one in take.segments] == [one.key for one in segments]


@given(takes(), st.data())
def test_one_absent_segment_gives_one_missing_with_its_span(segments: list[Segment], data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(segments) - 2))
    result = assemble_takes([*segments[:place], *segments[place + 1 :]], HABITS)
    (found,) = result.findings
    before, absent, after = segments[place - 1 : place + 2]
    assert found.code == "set.missing"
    assert found.files == (before.key, after.key)
    assert found.evidence["missing_sequence"] == [absent.sequence]
    assert before.end is not None and after.start is not None and found.end_s is not None
    assert abs(found.end_s - (after.start - before.end).total_seconds()) < 0.01
    assert len(result.takes) == 1


@given(takes(), st.data())
def test_the_order_of_the_input_changes_nothing(segments: list[Segment], data: st.DataObject) -> None:
    kept = [one for one in segments if data.draw(st.booleans())]
    shuffled = list(kept)
    random.Random(data.draw(st.integers())).shuffle(shuffled)
    assert assemble_takes(shuffled, HABITS) == assemble_takes(kept, HABITS)


@given(takes(), st.data())
def test_every_segment_stands_in_exactly_one_take(segments: list[Segment], data: st.DataObject) -> None:
    kept = [one for one in segments if data.draw(st.booleans())]
    result = assemble_takes(kept, HABITS)
    assert sorted(one.key for take in result.takes for one in take.segments) == sorted(one.key for one in kept)

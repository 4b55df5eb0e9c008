"""Seams: what packets, groups of pictures and position times show, and what only looks like it."""

import datetime as dt
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.facts import Fix, MediaFacts, MediaKind, Seam, StreamFacts, StreamKind
from ingestd.core.seams import Group, TrackTimes, group_jumps, group_seams, groups_of, position_seams, step_seams
from ingestd.core.tamper import edit_findings

START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
AUDIO, VIDEO = StreamKind.AUDIO, StreamKind.VIDEO


def fixes(clock: Callable[[int], float | None], seconds: int = 60, step_s: float = 1.0) -> list[Fix]:
    """Fixes at a steady rhythm; `clock` gives the seconds that position time shows, whole as receivers write it."""
    found = []
    for number in range(seconds):
        shown = clock(number)
        if shown is not None:
            utc = (START + dt.timedelta(seconds=int(shown))).isoformat()
            found.append(Fix(latitude=22, longitude=113, at_s=number * step_s, utc=utc, source="track.text"))
    return found


def codes(found: Sequence[Fix], *seams: Seam) -> list[str]:
    """What is said of a minute of pictures with these fixes."""
    stream = StreamFacts(index=0, kind=VIDEO, packets=1500, first_s=0.0, end_s=60.0, step_s=0.04)
    all_seams = (*seams, *position_seams(found, [float(second) for second in range(60)], seams))
    facts = MediaFacts(
        kind=MediaKind.VIDEO, size_bytes=1, duration_s=60, streams=(stream,), fixes=tuple(found), seams=all_seams
    )
    return [one.code for one in edit_findings(facts)]


def test_position_time_that_jumps_ahead_is_a_cut() -> None:
    assert codes(fixes(lambda at: at + (5 if at >= 20 else 0))) == ["splice.removed"]


def test_a_slow_beat_between_whole_seconds_and_the_track_is_no_cut() -> None:
    assert codes(fixes(lambda at: at * 1.03 + 0.5, step_s=1.03)) == []


def test_a_receiver_that_repeats_its_last_fix_is_no_cut() -> None:
    assert codes(fixes(lambda at: 20 if 20 <= at < 35 else at)) == []


def test_no_fixes_in_a_tunnel_are_no_cut() -> None:
    assert codes(fixes(lambda at: None if 20 <= at < 35 else at)) == []


@pytest.mark.parametrize("seconds", [1, 2, 3, 15, 18])
def test_leap_seconds_that_a_receiver_learns_are_no_insertion(seconds: int) -> None:
    assert codes(fixes(lambda at: at - (seconds if at >= 20 else 0))) == []


def test_a_span_without_positions_as_long_as_position_time_stands_is_an_insertion() -> None:
    assert codes(fixes(lambda at: at if at < 20 else None if at < 30 else at - 10)) == ["splice.insert"]


def test_another_clock_inside_is_one_insertion() -> None:
    assert codes(fixes(lambda at: at if at < 20 else at + 9000 if at < 30 else at - 10)) == ["splice.insert"]


def test_a_jump_of_one_second_counts_beside_another_seam() -> None:
    found = fixes(lambda at: at + (1 if at >= 20 else 0))
    assert codes(found) == []
    assert codes(found, Seam(kind="sound.step", at_s=20.03, amount=0.01)) == ["splice.removed"]


def sound(odd: dict[int, float] | None = None, count: int = 400) -> TrackTimes:
    """Packets of 21.3 ms with single steps that are longer."""
    times = [0.0]
    for number in range(count):
        times.append(times[-1] + 1024 / 48_000 + (odd or {}).get(number, 0.0))
    return TrackTimes(1, AUDIO, times)


def test_a_lone_late_sound_packet_is_a_seam() -> None:
    (seam,) = step_seams(sound({200: 0.01}))
    assert seam.kind == "sound.step"
    assert seam.amount == pytest.approx(0.01)


def test_sound_that_jitters_has_no_seams() -> None:
    assert step_seams(sound({number: 0.004 * (-1) ** number for number in range(400)})) == ()


def test_the_ends_of_a_sound_are_not_judged() -> None:
    assert step_seams(sound({0: 0.02, 398: 0.02})) == ()


def groups(numbers: Sequence[int], lengths: Sequence[int] | None = None) -> list[Group]:
    lengths = lengths or [25] * (len(numbers) - 1) + [0]
    return [
        Group(float(place), length, number, length - 1 if length else None)
        for place, (number, length) in enumerate(zip(numbers, lengths, strict=True))
    ]


@pytest.mark.parametrize("numbers", [[0, 1] * 6, list(range(12)), [7] * 12, [3, 9, 1, 1, 4, 4, 8, 2, 2, 0, 5, 5]])
def test_key_pictures_numbered_by_any_habit_have_no_seams(numbers: list[int]) -> None:
    assert group_seams(groups(numbers)) == ()


@pytest.mark.parametrize("numbers", [[0, 1, 0, 1, 1, 0, 1, 0, 1, 0], [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]])
def test_a_number_left_out_is_a_seam(numbers: list[int]) -> None:
    (seam,) = group_seams(groups(numbers))
    assert (seam.kind, seam.at_s) == ("key.number", 4.0)


def test_one_short_group_is_a_seam_at_the_key_picture_behind_it() -> None:
    (seam,) = group_seams(groups([7] * 10, [25, 25, 25, 10, 25, 25, 25, 25, 25, 0]))
    assert (seam.kind, seam.at_s, seam.amount) == ("key.distance", 4.0, 10.0)


def test_groups_of_all_lengths_have_no_seams() -> None:
    assert group_seams(groups([7] * 8, [25, 13, 40, 8, 31, 25, 19, 0])) == ()


def test_groups_of_another_length_in_a_row_are_framed() -> None:
    (seam,) = group_seams(groups([7] * 10, [25, 25, 25, 12, 12, 12, 25, 25, 25, 0]))
    assert (seam.kind, seam.at_s, seam.until_s) == ("key.rhythm", 3.0, 6.0)


@pytest.mark.parametrize(
    ("lengths", "start_s", "end_s"),
    [
        ([25, 25, 25, 12, 12, 5, 25, 25, 25, 0], 3.0, 6.0),
        ([25, 25, 25, 14, 12, 12, 25, 25, 25, 0], 4.0, 6.0),
        ([25, 25, 25, 14, 40, 40, 9, 25, 25, 25, 25, 0], 4.0, 7.0),
    ],
)
def test_a_clip_that_cuts_the_group_before_and_ends_inside_its_own_is_framed(
    lengths: list[int], start_s: float, end_s: float
) -> None:
    (seam,) = group_seams(groups([7] * len(lengths), lengths))
    assert (seam.kind, seam.at_s, seam.until_s) == ("key.rhythm", start_s, end_s)


@pytest.mark.parametrize("odd", [[12, 5], [30, 12, 5], [5, 12, 30]])
def test_a_few_groups_of_several_lengths_are_not_framed(odd: list[int]) -> None:
    assert group_seams(groups([7] * (9 + len(odd)), [25] * 4 + odd + [25] * 4 + [0])) == ()


def test_a_number_left_out_at_the_end_of_a_span_without_positions_does_not_move_the_span() -> None:
    found = fixes(lambda at: at if at < 20 else None if at < 30 else at - 10)
    seam = Seam(kind="key.number", at_s=30.0)
    placed = position_seams(found, [float(second) for second in range(60)], [seam])
    stream = StreamFacts(index=0, kind=VIDEO, packets=1500, first_s=0.0, end_s=60.0, step_s=0.04)
    facts = MediaFacts(
        kind=MediaKind.VIDEO, size_bytes=1, duration_s=60, streams=(stream,), fixes=tuple(found), seams=(seam, *placed)
    )
    (one,) = edit_findings(facts)
    assert (one.code, one.start_s, one.end_s) == ("splice.insert", 20.0, 30.0)


def test_picture_numbers_that_run_ahead_tell_how_many_are_missing() -> None:
    made = groups([7] * 8)
    made[3] = Group(3.0, 20, 7, 24)
    assert group_jumps(made, 16) == ((3, 5),)


@given(st.lists(st.floats(0, 1e6), max_size=60), st.lists(st.floats(0, 1e6), max_size=20))
def test_any_times_are_read_without_error(times: list[float], keys: list[float]) -> None:
    step_seams(TrackTimes(0, VIDEO, sorted(times)))
    group_seams(groups_of(sorted(times), sorted(keys)))


@given(
    st.lists(
        st.builds(
            Fix,
            latitude=st.just(1.0),
            longitude=st.just(1.0),
            source=st.just("x"),
            at_s=st.none() | st.floats(-1e9, 1e9),
            utc=st.none() | st.text(max_size=8) | st.datetimes().map(lambda one: f"{one.isoformat()}+00:00"),
        ),
        max_size=20,
    )
)
def test_any_fixes_are_judged_without_error(found: list[Fix]) -> None:
    codes(found)

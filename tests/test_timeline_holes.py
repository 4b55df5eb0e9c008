"""The hole rule: what a stream's own rhythm explains, and what it does not."""

import json
import random
from collections.abc import Sequence
from itertools import accumulate
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.facts import Hole, StreamKind
from ingestd.core.timeline import GapRule, find_holes
from ingestd.media.streamfacts import timed_stream
from tests.support.clips import facts_of, shared_corpus

VIDEO, AUDIO = StreamKind.VIDEO, StreamKind.AUDIO


def steady(count: int, step_s: float) -> list[float]:
    return [number * step_s for number in range(count)]


def without(times_s: Sequence[float], start_s: float, end_s: float) -> list[float]:
    return [time_s for time_s in times_s if not start_s <= time_s < end_s]


def holes(times_s: Sequence[float], kind: StreamKind, durations_s: Sequence[float] | None = None) -> tuple[Hole, ...]:
    ordered = sorted(times_s)
    step_s = median(later - earlier for earlier, later in zip(ordered, ordered[1:], strict=False))
    return find_holes(ordered, durations_s, step_s, kind)


@given(
    fps=st.sampled_from([10, 15, 24, 25, 29.97, 30, 50, 60]),
    at_s=st.floats(2, 50),
    length_s=st.floats(0.5, 5),
    seconds=st.integers(60, 120),
)
def test_a_dropped_group_of_pictures_is_found_to_the_frame(
    fps: float, at_s: float, length_s: float, seconds: int
) -> None:
    step_s = 1 / fps
    (hole,) = holes(without(steady(int(seconds * fps), step_s), at_s, at_s + length_s), VIDEO)
    assert hole.start_s == pytest.approx(at_s, abs=step_s * 1.01)
    assert hole.end_s == pytest.approx(at_s + length_s, abs=step_s * 1.01)


@given(packet_s=st.sampled_from([0.020, 1024 / 48000, 1024 / 44100, 1024 / 16000]), lost=st.integers(3, 200))
def test_a_run_of_lost_audio_packets_is_found_to_the_packet(packet_s: float, lost: int) -> None:
    (hole,) = holes(without(steady(1000, packet_s), 400 * packet_s - 1e-4, (400 + lost) * packet_s - 1e-4), AUDIO)
    assert hole.start_s == pytest.approx(400 * packet_s)
    assert hole.end_s == pytest.approx((400 + lost) * packet_s)


def test_one_lost_packet_of_a_whole_second_of_sound_is_found() -> None:
    assert holes(without(steady(60, 1.0), 29.5, 30.5), AUDIO) == (Hole(start_s=30.0, end_s=31.0),)


@pytest.mark.parametrize("every_s", [5, 20])
def test_each_of_many_dropped_groups_is_found(every_s: int) -> None:
    times = steady(25 * 120, 0.04)
    for start_s in range(every_s, 115, every_s):
        times = without(times, start_s, start_s + 1)
    assert len(holes(times, VIDEO)) == len(range(every_s, 115, every_s))


@given(seed=st.integers(0, 2**32), fps=st.sampled_from([10, 15, 25, 30, 60]))
def test_times_that_jitter_by_a_fifth_of_a_frame_are_no_hole(seed: int, fps: int) -> None:
    chance = random.Random(seed)
    times = [time_s + chance.uniform(-0.2, 0.2) / fps for time_s in steady(fps * 20, 1 / fps)]
    assert holes(times, VIDEO) == ()


@given(seed=st.integers(0, 2**32))
def test_a_dropped_group_is_found_in_spite_of_jitter(seed: int) -> None:
    chance = random.Random(seed)
    times = [time_s + chance.uniform(-0.2, 0.2) / 25 for time_s in steady(1000, 0.04)]
    assert len(holes(without(times, 10, 11), VIDEO)) == 1


@given(lost=st.integers(1, 2), place=st.integers(0, 498))
def test_one_or_two_lost_frames_are_no_hole(lost: int, place: int) -> None:
    assert holes([*steady(500, 0.04)[: place + 1], *steady(500, 0.04)[place + 1 + lost :]], VIDEO) == ()


def test_a_warming_thermal_sensor_is_no_hole() -> None:
    chance = random.Random(1)
    steps = [2.0, *(chance.uniform(0.09, 0.14) for _ in range(200))]
    assert holes(list(accumulate(steps, initial=0.0)), VIDEO) == ()


def test_a_pre_roll_of_twice_the_median_is_no_hole() -> None:
    assert holes([0.0, *(0.067 + time_s for time_s in steady(100, 1 / 30))], VIDEO) == ()


@pytest.mark.parametrize("seed", range(10))
def test_a_screen_recorder_that_writes_only_changes_has_no_hole(seed: int) -> None:
    chance = random.Random(seed)
    steps = [chance.expovariate(0.5) if chance.random() < 0.05 else 1 / 60 for _ in range(5000)]
    assert holes(list(accumulate(steps, initial=0.0)), VIDEO) == ()


def test_an_uneven_stream_still_shows_a_hole_that_stands_alone() -> None:
    chance = random.Random(2)
    steps = [chance.choice([1, 1, 2, 3]) / 30 for _ in range(2000)]
    steps[1000] = 4.0
    assert len(holes(list(accumulate(steps, initial=0.0)), VIDEO)) == 1


def test_a_change_of_frame_rate_is_no_hole() -> None:
    assert holes([*steady(300, 1 / 30), *(10 + time_s for time_s in steady(150, 1 / 15))], VIDEO) == ()


def test_a_hole_beside_a_change_of_frame_rate_is_found() -> None:
    times = [*steady(300, 1 / 30), *(10 + time_s for time_s in steady(300, 1 / 15))]
    assert len(holes(without(times, 20, 20.6), VIDEO)) == 1


def test_a_duration_stretched_over_the_hole_does_not_hide_it() -> None:
    times = without(steady(200, 0.04), 4.0, 5.0)
    stretched = [*(later - earlier for earlier, later in zip(times, times[1:], strict=False)), 0.04]
    (hole,) = holes(times, VIDEO, stretched)
    assert hole.start_s == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("codec", "last_s", "end_s"), [("aac", 7.0, 2.0), ("aac", 0.03, 2.01), ("aac", 0.0, 2.0), ("pcm_s16le", 7.0, 8.98)]
)
def test_a_last_packet_of_coded_sound_stretched_to_the_end_does_not_hide_what_is_missing(
    codec: str, last_s: float, end_s: float
) -> None:
    durations = [0.02] * 99 + [last_s]
    found = timed_stream(0, StreamKind.AUDIO, steady(100, 0.02), durations, codec=codec)
    assert found.end_s == pytest.approx(end_s)


def test_too_few_packets_show_no_rhythm_and_no_hole() -> None:
    assert holes([0.0, 0.04, 0.08, 5.0], VIDEO) == ()


def test_a_profile_can_bring_its_own_numbers() -> None:
    times = without(steady(200, 0.04), 4.0, 5.0)
    assert find_holes(times, None, 0.04, VIDEO, GapRule(video_min_seconds=1.5)) == ()


@given(st.lists(st.floats(-1e6, 1e6), max_size=60), st.sampled_from([VIDEO, AUDIO, StreamKind.SUBTITLE]))
def test_any_times_give_ordered_holes_between_them(times: list[float], kind: StreamKind) -> None:
    times.sort()
    for hole in find_holes(times, None, 0.04, kind):
        assert times[0] < hole.end_s <= times[-1]
        assert hole.start_s < hole.end_s


def test_no_file_of_the_corpus_has_a_hole() -> None:
    folder = shared_corpus()
    names = [one["name"] for one in json.loads((folder / "manifest.json").read_text("utf-8"))["files"]]
    media = [name for name in names if name.endswith((".mp4", ".mov", ".3gp", ".ts", ".avi", ".wav"))]
    found = {name: [stream.holes for stream in facts_of(folder / name).streams if stream.holes] for name in media}
    assert {name: holes for name, holes in found.items() if holes} == {}

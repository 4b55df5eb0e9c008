"""Takes from segments: what continues, what is absent, late or doubled, and what is none of our business."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from ingestd.core.facts import MediaKind
from ingestd.core.findings import Confidence, Finding, Severity
from ingestd.core.profile import SegmentHabits
from ingestd.core.takes import Segment, TakesResult, assemble_takes

NINE = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
HABITS = SegmentHabits()


def segment(at_s: float | None, sequence: int | None, seconds: float | None = 300.0, **fields: Any) -> Segment:
    known: dict[str, Any] = {
        "key": f"{sequence}@{at_s}",
        "recorder_key": "7012345",
        "kind": MediaKind.VIDEO,
        "start": None if at_s is None else NINE + dt.timedelta(seconds=at_s),
        "start_source": "name",
        "duration_s": seconds,
        "sequence": sequence,
        "has_video": True,
        "has_audio": True,
    }
    return Segment(**known | fields)


def codes(result: TakesResult) -> list[str]:
    return [one.code for one in result.findings]


def sizes(result: TakesResult) -> list[int]:
    return [len(take.segments) for take in result.takes]


def only(result: TakesResult) -> Finding:
    (found,) = result.findings
    return found


def take(first_s: float, first_number: int | None, *lengths_s: float, pause_s: float = 0.08) -> list[Segment]:
    """Segments that follow each other as a recorder writes them; names carry whole seconds."""
    made, at_s = [], first_s
    for place, length_s in enumerate(lengths_s):
        number = None if first_number is None else first_number + place
        made.append(segment(float(int(at_s)), number, length_s, key=f"{first_s}/{place}"))
        at_s += length_s + pause_s
    return made


def test_segments_that_follow_each_other_are_one_take_without_finding() -> None:
    result = assemble_takes(take(0, 1, 300, 300, 300, 120), HABITS)
    assert (sizes(result), codes(result)) == ([4], [])


@pytest.mark.parametrize("number", [1, None])
def test_two_takes_ten_minutes_apart_are_two_takes_without_finding(number: int | None) -> None:
    later = None if number is None else 3
    result = assemble_takes([*take(0, number, 300, 40), *take(940, later, 300, 60)], HABITS)
    assert (sizes(result), codes(result)) == ([2, 2], [])


def test_two_single_files_as_long_as_their_distance_are_two_takes_without_finding() -> None:
    for numbers in ((1, 2), (None, None)):
        result = assemble_takes([segment(0, numbers[0], 600), segment(1200, numbers[1], 600)], HABITS)
        assert (sizes(result), codes(result)) == ([1, 1], [])


def test_one_file_is_one_take() -> None:
    assert sizes(assemble_takes([segment(0, 1)], HABITS)) == [1]


def test_files_of_a_clock_that_never_ran_are_separate_and_silent() -> None:
    result = assemble_takes([segment(0, number) for number in range(1, 6)], HABITS)
    assert (sizes(result), codes(result)) == ([1] * 5, [])


def test_no_files_are_no_takes() -> None:
    assert assemble_takes([], HABITS) == TakesResult((), ())


def test_an_absent_segment_is_missing_with_its_span_and_number() -> None:
    whole = take(0, 1, 300, 300, 300, 120)
    result = assemble_takes([whole[0], whole[2], whole[3]], HABITS)
    found = only(result)
    assert (found.code, found.confidence, found.files) == ("set.missing", Confidence.CERTAIN, ("0/0", "0/2"))
    assert (found.start_s, found.end_s) == (0.0, 300.0)
    assert (found.start_utc, found.end_utc) == ("2026-03-02T09:05:00.000Z", "2026-03-02T09:10:00.000Z")
    assert found.evidence["missing_sequence"] == [2]
    assert sizes(result) == [3]


def test_several_absent_segments_are_one_finding() -> None:
    whole = take(0, 1, *[300] * 8)
    found = only(assemble_takes([*whole[:2], *whole[5:]], HABITS))
    assert (found.code, found.evidence["missing_segments"]) == ("set.missing", 3)


def test_an_absent_segment_between_the_only_two_left_is_likely_missing() -> None:
    whole = take(0, 1, 300, 300, 120)
    found = only(assemble_takes([whole[0], whole[2]], HABITS))
    assert (found.code, found.confidence) == ("set.missing", Confidence.LIKELY)


def test_an_absent_segment_shows_without_numbers_too() -> None:
    whole = take(0, None, 300, 300, 300, 300, 120)
    found = only(assemble_takes([*whole[:2], *whole[3:]], HABITS))
    assert (found.code, found.confidence) == ("set.missing", Confidence.LIKELY)


def test_a_pause_into_which_no_whole_segment_goes_is_a_late_segment_without_numbers() -> None:
    early, late = take(0, None, 12, 12, 12), take(36.0 + 9.2, None, 12, 12)
    found = only(assemble_takes([*early, *late], HABITS))
    assert found.code == "set.gap"
    assert found.end_s == pytest.approx(9.0, abs=0.3)


def test_a_number_that_a_photo_carries_is_not_missing() -> None:
    first, second = take(0, 1, 300, 120)
    photo = segment(100, 2, None, kind=MediaKind.PHOTO, has_video=False, has_audio=False)
    later = take(720, 3, 300, 60)
    assert codes(assemble_takes([first, second, photo, *later], HABITS)) == []


def test_a_hole_in_the_numbers_alone_is_no_finding() -> None:
    early, late = take(0, 1, 300, 300), take(600.16, 7, 300, 60)
    assert codes(assemble_takes([*early, *late], HABITS)) == []


def test_the_counter_may_wrap_inside_a_take() -> None:
    whole = take(0, 9998, 300, 300)
    after = [segment(600, 1, key="a"), segment(900, 2, key="b")]
    result = assemble_takes([*whole, *after], SegmentHabits(sequence_wraps_at=(10000,)))
    assert (sizes(result), codes(result)) == ([4], [])


def test_a_segment_absent_at_the_wrap_of_the_counter_is_missing() -> None:
    before = take(0, 997, 300, 300)
    after = [segment(900, 0, key="a"), segment(1200, 1, key="b")]
    found = only(assemble_takes([*before, *after], HABITS))
    assert (found.code, found.evidence["missing_sequence"]) == ("set.missing", [999])


def test_a_counter_that_began_again_is_a_new_take_without_finding() -> None:
    result = assemble_takes([*take(0, 40, 300, 300, 300), *take(920, 1, 300, 60)], HABITS)
    assert (sizes(result), codes(result)) == ([3, 2], [])


def test_a_pause_after_a_full_segment_is_a_late_segment() -> None:
    late = [*take(0, 1, 300, 300), *take(630, 3, 300, 60)]
    found = only(assemble_takes(late, HABITS))
    assert (found.code, found.confidence, found.files) == ("set.gap", Confidence.CERTAIN, ("0/1", "630/0"))
    assert (found.start_s, found.end_s) == (0.0, 30.0)
    assert (found.start_utc, found.end_utc) == ("2026-03-02T09:10:00.000Z", "2026-03-02T09:10:30.000Z")


def test_a_late_segment_stays_in_its_take() -> None:
    assert sizes(assemble_takes([*take(0, 1, 300, 300), *take(630, 3, 300, 60)], HABITS)) == [4]


def test_the_same_pause_after_a_short_segment_is_a_stop_and_a_start() -> None:
    result = assemble_takes([*take(0, 1, 300, 100), *take(430, 3, 300, 60)], HABITS)
    assert (sizes(result), codes(result)) == ([2, 2], [])


@pytest.mark.parametrize("pause_s", [0.0, 0.08, 1.0, 2.0])
def test_a_pause_within_the_roll_over_is_no_finding(pause_s: float) -> None:
    result = assemble_takes(take(0, 1, 300, 300, 300, 300, pause_s=pause_s), HABITS)
    assert (sizes(result), codes(result)) == ([4], [])


def test_a_profile_may_allow_a_longer_roll_over() -> None:
    slow = take(0, 1, 300, 300, 300, pause_s=8.0)
    assert sizes(assemble_takes(slow, SegmentHabits(roll_over_s=10.0))) == [3]


def test_the_seconds_before_the_button_are_only_an_information() -> None:
    result = assemble_takes([*take(0, 1, 300, 100), *take(380, 3, 300, 60)], HABITS)
    found = only(result)
    assert (found.code, found.severity, found.confidence) == ("set.overlap", Severity.INFO, Confidence.LIKELY)
    assert (found.start_s, found.end_s, found.start_utc) == (0.0, 20.0, "2026-03-02T09:06:20.000Z")
    assert sizes(result) == [2, 2]


def test_an_overlap_in_the_middle_of_a_take_is_a_notice() -> None:
    result = assemble_takes([*take(0, 1, 300, 300), *take(590, 3, 300, 60)], HABITS)
    assert (only(result).code, only(result).severity, sizes(result)) == ("set.overlap", Severity.NOTICE, [4])


def test_an_overlap_longer_than_any_pre_record_is_a_notice() -> None:
    found = only(assemble_takes([*take(0, 1, 300, 100), segment(305, 3, 200)], HABITS))
    assert (found.code, found.severity, found.end_s) == ("set.overlap", Severity.NOTICE, 95.0)


def test_a_copy_under_another_name_is_no_overlap() -> None:
    whole = take(0, 1, 300, 300, 60)
    marked = segment(300, 2, key="DCIM/101ANDRO/marked_IMP.mp4")
    result = assemble_takes([*whole, marked], HABITS)
    assert (sizes(result), codes(result)) == ([4], [])


def test_two_pictures_written_at_once_are_two_takes_without_finding() -> None:
    large = [segment(at, number, width=1920, height=1080) for at, number in ((0, 1), (300, 3), (600, 5))]
    small = [segment(at, number, width=640, height=360) for at, number in ((0, 2), (300, 4), (600, 6))]
    result = assemble_takes([*large, *small], HABITS)
    assert (sizes(result), codes(result)) == ([3, 3], [])


@pytest.mark.parametrize("step_s", [-120.0, 120.0])
def test_a_clock_set_between_two_files_is_seen_by_position_time(step_s: float) -> None:
    before = [segment(at, at // 300 + 1, clock_offset_s=step_s) for at in (0, 300)]
    after = [segment(600 + step_s, 3, clock_offset_s=0.0), segment(900 + step_s, 4, 60, clock_offset_s=0.0)]
    result = assemble_takes([*before, *after], HABITS)
    assert (sizes(result), codes(result)) == ([4], [])


@pytest.mark.parametrize("step_s", [-120.0, 120.0])
def test_a_clock_that_may_have_been_set_at_the_first_fix_is_only_an_information(step_s: float) -> None:
    before = [segment(0, 1), segment(300, 2)]
    after = [segment(600 + step_s, 3, clock_offset_s=0.4), segment(900 + step_s, 4, 60, clock_offset_s=0.4)]
    found = only(assemble_takes([*before, *after], HABITS))
    assert (found.severity, found.confidence) == (Severity.INFO, Confidence.PROVISIONAL)


def test_a_torn_segment_of_unknown_length_makes_no_gap() -> None:
    whole = take(0, 1, 300, 300, 300, 300)
    torn = segment(300, 2, None, key="torn", is_truncated=True, has_video=False, has_audio=False)
    result = assemble_takes([whole[0], torn, *whole[2:]], HABITS)
    assert (sizes(result), codes(result)) == ([4], [])


def test_a_torn_segment_whose_intact_part_is_known_makes_no_gap_either() -> None:
    whole = take(0, 1, 300, 300, 300, 300)
    torn = segment(300, 2, 120, key="torn", is_truncated=True)
    result = assemble_takes([whole[0], torn, *whole[2:]], HABITS)
    assert (sizes(result), codes(result)) == ([4], [])


def test_a_segment_absent_after_a_torn_one_is_likely_missing_and_says_why() -> None:
    whole = take(0, 1, 300, 300, 300, 300, 300)
    torn = segment(300, 2, None, key="torn", is_truncated=True, has_video=False, has_audio=False)
    found = only(assemble_takes([whole[0], torn, *whole[3:]], HABITS))
    assert (found.code, found.confidence, found.evidence["missing_sequence"]) == ("set.missing", Confidence.LIKELY, [3])
    assert "torn" in found.evidence["note"]


def test_a_segment_without_sound_among_siblings_with_sound_is_found() -> None:
    whole = take(0, 1, 300, 300, 300)
    mute = segment(300, 2, key="mute", has_audio=False)
    found = only(assemble_takes([whole[0], mute, whole[2]], HABITS))
    assert (found.code, found.file, found.confidence) == ("stream.audio_absent", "mute", Confidence.CERTAIN)


def test_one_sibling_with_sound_makes_it_only_likely() -> None:
    mute = segment(900, 2, key="mute", has_audio=False)
    assert only(assemble_takes([segment(0, 1), mute], HABITS)).confidence is Confidence.LIKELY


def test_a_recorder_without_microphone_is_no_finding() -> None:
    silent = [segment(at, at // 300 + 1, has_audio=False) for at in (0, 300, 600)]
    assert codes(assemble_takes(silent, HABITS)) == []


def test_a_torn_file_without_streams_is_not_said_to_lack_sound() -> None:
    torn = segment(300, 2, None, has_video=False, has_audio=False, is_truncated=True)
    assert codes(assemble_takes([segment(0, 1), torn], HABITS)) == []


def test_a_sound_recording_forms_a_take_of_its_own() -> None:
    voice = segment(100, 9, 50, kind=MediaKind.AUDIO, has_video=False)
    result = assemble_takes([*take(0, 1, 300, 300), voice], HABITS)
    assert (sorted(sizes(result)), codes(result)) == ([1, 2], [])


def test_photos_and_logs_are_in_no_take() -> None:
    photo = segment(10, 2, None, kind=MediaKind.PHOTO)
    assert sizes(assemble_takes([segment(0, 1), photo], HABITS)) == [1]


def test_recorders_and_users_do_not_mix() -> None:
    other = segment(300, 2, key="other", recorder_key="7099999")
    third = segment(300, 2, key="third", user="000002")
    assert sizes(assemble_takes([segment(0, 1), other, third], HABITS)) == [1, 1, 1]


@pytest.mark.parametrize("source", ["file_system", "docking", None])
def test_times_that_the_recorder_did_not_write_prove_nothing(source: str | None) -> None:
    late = [segment(at, number, start_source=source) for at, number in ((0, 1), (100, 2), (4000, 3))]
    result = assemble_takes(late, HABITS)
    assert (sizes(result), codes(result)) == ([1, 1, 1], [])


def test_without_times_a_hole_in_the_numbers_is_provisional() -> None:
    found = only(assemble_takes([segment(None, number) for number in (1, 2, 4)], HABITS))
    assert (found.code, found.confidence, found.start_utc) == ("set.missing", Confidence.PROVISIONAL, None)


def test_without_times_a_hole_after_a_short_segment_is_no_finding() -> None:
    undated = [segment(None, 1), segment(None, 2), segment(None, 3, 20), segment(None, 5)]
    assert codes(assemble_takes(undated, HABITS)) == []


def test_a_silent_file_of_an_unknown_recorder_has_no_siblings_beyond_its_take() -> None:
    sounding = [segment(0, 1, 60), segment(1200, 2, 60)]
    silent = segment(90_000, 9, 60, has_audio=False)
    unknown = [replace(one, is_recorder_known=False) for one in (*sounding, silent)]
    assert codes(assemble_takes([*sounding, silent], HABITS)) == ["stream.audio_absent"]
    assert codes(assemble_takes(unknown, HABITS)) == []


def test_a_torn_file_is_not_called_silent() -> None:
    torn = segment(90_000, 3, 60, has_audio=False, is_truncated=True)
    assert codes(assemble_takes([segment(0, 1, 60), torn], HABITS)) == []

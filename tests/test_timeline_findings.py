"""What one file's facts say about missing material: on real clips where they can be made, on facts elsewhere."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.facts import Fix, Hole, MediaFacts, MediaKind, StreamFacts, StreamKind
from ingestd.core.findings import Confidence, Severity
from ingestd.core.timeline import file_findings, recorded_seconds
from ingestd.media.clipspec import ClipSpec, Cut, FootageFormat, Jump
from ingestd.media.footage import encode_clip
from tests.support.clips import facts_of, shared_corpus

START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
VIDEO, AUDIO, TEXT = StreamKind.VIDEO, StreamKind.AUDIO, StreamKind.SUBTITLE
HOLE = Hole(start_s=10.0, end_s=15.0)


def clip_facts(folder: Path, **fields: Any) -> MediaFacts:
    spec = ClipSpec(start_utc=START, width=128, height=96, **fields)
    path = folder / f"clip{spec.format.extension}"
    encode_clip(spec, path)
    return facts_of(path)


def stream(index: int, kind: StreamKind, *holes: Hole, end_s: float = 60.0, step_s: float = 0.04) -> StreamFacts:
    missing_s = sum(hole.end_s - hole.start_s for hole in holes)
    packets = round((end_s - missing_s) / step_s)
    return StreamFacts(index=index, kind=kind, packets=packets, first_s=0.0, end_s=end_s, step_s=step_s, holes=holes)


def facts(*streams: StreamFacts, **fields: Any) -> MediaFacts:
    known = {"kind": MediaKind.VIDEO, "size_bytes": 1000, "duration_s": 60.0, "has_index": True} | fields
    return MediaFacts(streams=streams, **known)


def fixes(jump_s: float = 0.0) -> tuple[Fix, ...]:
    """One fix a second; from second 15 on, position time stands `jump_s` behind the file's own."""
    moments = [(at, at - (jump_s if at >= 15 else 0.0)) for at in range(60) if not 10 <= at < 15]
    return tuple(
        Fix(latitude=22, longitude=113, at_s=at, source="text", utc=(START + dt.timedelta(seconds=clock)).isoformat())
        for at, clock in moments
    )


@pytest.mark.parametrize("form", FootageFormat)
def test_a_dropped_group_of_pictures_is_a_video_gap_in_every_format(tmp_path: Path, form: FootageFormat) -> None:
    (found,) = file_findings(clip_facts(tmp_path, format=form, cuts=(Cut(VIDEO, 2.0, 4.0),)))
    assert (found.code, found.confidence) == ("gap.video", Confidence.CERTAIN)
    assert found.start_s == pytest.approx(2.0, abs=0.07)
    assert found.end_s == pytest.approx(4.0, abs=0.07)


@pytest.mark.parametrize("form", [FootageFormat.H264, FootageFormat.TS])
def test_lost_sound_is_an_audio_gap(tmp_path: Path, form: FootageFormat) -> None:
    (found,) = file_findings(clip_facts(tmp_path, format=form, cuts=(Cut(AUDIO, 2.0, 4.0),)))
    assert (found.code, found.confidence) == ("gap.audio", Confidence.CERTAIN)
    assert found.start_s == pytest.approx(2.0, abs=0.07)
    assert found.end_s == pytest.approx(4.0, abs=0.07)


@pytest.mark.parametrize("form", FootageFormat)
def test_a_clean_clip_gives_no_finding(tmp_path: Path, form: FootageFormat) -> None:
    assert file_findings(clip_facts(tmp_path, format=form, lost_frames=2)) == ()


def test_a_jump_against_position_time_is_a_clock_fault(tmp_path: Path) -> None:
    (found,) = file_findings(clip_facts(tmp_path, jump=Jump(at_s=3.0, by_s=30.0)))
    assert (found.code, found.confidence, found.severity) == ("time.jump", Confidence.CERTAIN, Severity.NOTICE)
    assert found.start_s == pytest.approx(3.0, abs=0.1)
    assert found.end_s == pytest.approx(33.0, abs=0.1)


def test_a_clock_fault_does_not_lengthen_the_recording(tmp_path: Path) -> None:
    seconds = recorded_seconds(clip_facts(tmp_path, jump=Jump(at_s=3.0, by_s=30.0)))
    assert seconds == pytest.approx(6.0, abs=0.1)


def test_a_jump_without_position_track_is_only_a_likely_video_gap(tmp_path: Path) -> None:
    (found,) = file_findings(clip_facts(tmp_path, jump=Jump(at_s=3.0, by_s=30.0), has_position=False))
    assert (found.code, found.confidence) == ("gap.video", Confidence.LIKELY)
    assert found.evidence["streams_that_jump_together"] == [0, 1]


def test_all_streams_with_a_hole_that_position_time_confirms_is_a_certain_gap() -> None:
    (found,) = file_findings(facts(stream(0, VIDEO, HOLE), stream(1, AUDIO, HOLE, step_s=0.02), fixes=fixes()))
    assert (found.code, found.confidence) == ("gap.video", Confidence.CERTAIN)


def test_position_time_that_did_not_run_through_the_hole_is_a_clock_fault() -> None:
    (found,) = file_findings(facts(stream(0, VIDEO, HOLE), stream(1, AUDIO, HOLE, step_s=0.02), fixes=fixes(5.0)))
    assert found.code == "time.jump"


def test_a_text_track_that_runs_through_the_hole_makes_the_gap_certain() -> None:
    (found,) = file_findings(
        facts(stream(0, VIDEO, HOLE), stream(1, AUDIO, HOLE, step_s=0.02), stream(2, TEXT, step_s=1.0))
    )
    assert (found.code, found.confidence) == ("gap.video", Confidence.CERTAIN)


def test_a_hole_in_the_only_stream_is_a_likely_gap() -> None:
    (found,) = file_findings(facts(stream(0, VIDEO, HOLE)))
    assert (found.code, found.confidence) == ("gap.video", Confidence.LIKELY)


def test_holes_at_different_places_are_two_gaps() -> None:
    other = Hole(start_s=30.0, end_s=31.0)
    found = file_findings(facts(stream(0, VIDEO, HOLE), stream(1, AUDIO, other, step_s=0.02)))
    assert [(one.code, one.start_s) for one in found] == [("gap.video", 10.0), ("gap.audio", 30.0)]


@pytest.mark.parametrize("shorter_by_s", [0.1, 1.0, 1.24])
def test_sound_that_ends_a_little_early_is_normal(shorter_by_s: float) -> None:
    assert file_findings(facts(stream(0, VIDEO), stream(1, AUDIO, end_s=60 - shorter_by_s, step_s=0.02))) == ()


def test_sound_that_ends_markedly_early_is_a_likely_gap_there() -> None:
    (found,) = file_findings(facts(stream(0, VIDEO, end_s=60), stream(1, AUDIO, end_s=55)))
    assert (found.code, found.start_s, found.end_s, found.confidence) == ("gap.audio", 55, 60, Confidence.LIKELY)


def test_pictures_that_end_before_sound_or_positions_are_a_likely_gap_at_no_claimed_place() -> None:
    (by_sound,) = file_findings(facts(stream(0, VIDEO, end_s=55), stream(1, AUDIO, end_s=60)))
    (by_fixes,) = file_findings(facts(stream(0, VIDEO, end_s=50.0), fixes=fixes()))
    for found, missing_s in ((by_sound, 5), (by_fixes, 9)):
        assert (found.code, found.start_s, found.end_s, found.confidence) == (
            "gap.video",
            None,
            None,
            Confidence.LIKELY,
        )
        assert found.evidence["missing_s"] == missing_s


def test_a_file_without_index_is_truncated_at_an_unknown_second() -> None:
    (found,) = file_findings(facts(has_index=False, is_truncated=True, duration_s=None))
    assert (found.code, found.start_s, found.end_s) == ("file.truncated", None, None)


def test_an_index_past_the_end_gives_span_and_missing_bytes() -> None:
    cut = facts(
        stream(0, VIDEO, end_s=20.0), is_truncated=True, intact_until_s=20.0, declared_duration_s=60.0,
        index_end_bytes=3000,
    )  # fmt: skip
    (found,) = file_findings(cut)
    assert (found.code, found.start_s, found.end_s, found.bytes) == ("file.truncated", 20.0, 60.0, ((1000, 3000),))


def test_after_the_cut_of_a_truncated_file_no_gap_is_reported() -> None:
    torn = facts(stream(0, VIDEO, HOLE), stream(1, AUDIO, end_s=9.0), is_truncated=True, intact_until_s=9.5)
    assert [one.code for one in file_findings(torn)] == ["file.truncated"]


def test_before_the_cut_of_a_truncated_file_a_gap_is_reported() -> None:
    torn = facts(stream(0, VIDEO, HOLE), stream(1, AUDIO), is_truncated=True, intact_until_s=40.0)
    assert [one.code for one in file_findings(torn)] == ["gap.video", "file.truncated"]


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (MediaKind.EMPTY, ["file.empty"]),
        (MediaKind.UNKNOWN, ["file.unknown_type"]),
        (MediaKind.PHOTO, []),
        (MediaKind.TEXT, []),
    ],
)
def test_files_that_do_not_run_in_time_are_named_by_kind(kind: MediaKind, codes: list[str]) -> None:
    assert [one.code for one in file_findings(MediaFacts(kind=kind, size_bytes=0))] == codes


def test_declared_sound_without_a_packet_is_absent_and_needs_no_siblings() -> None:
    silent = facts(stream(0, VIDEO), stream(1, AUDIO).model_copy(update={"packets": 0, "first_s": None, "end_s": None}))
    assert [one.code for one in file_findings(silent)] == ["stream.audio_absent"]


def test_untouched_files_of_the_corpus_get_nothing_above_information() -> None:
    folder = shared_corpus()
    torn = {"truncated_moov_front.mov", "fuzz_1185230.mp4", "zero_empty_stsc.mp4", "mdat_too_long.mp4"}
    paths = [path for path in folder.iterdir() if path.suffix in {".mp4", ".mov", ".3gp", ".ts", ".avi", ".wav"}]
    found = {
        path.name: [one.code for one in file_findings(facts_of(path)) if one.severity is not Severity.INFO]
        for path in paths
        if path.name not in torn
    }
    assert {name: codes for name, codes in found.items() if codes} == {
        "ts_segment_audio_absent.ts": ["stream.audio_absent"]
    }


def test_the_torn_film_of_the_corpus_is_truncated_from_its_start() -> None:
    (found,) = file_findings(facts_of(shared_corpus() / "truncated_moov_front.mov"))
    assert found.code == "file.truncated"
    assert found.start_s is not None
    assert found.start_s < 0.2
    assert found.end_s == pytest.approx(596.458, abs=0.1)

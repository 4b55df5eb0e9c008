"""Signs of edits in one file: clips that were cut, joined and shortened with a remuxer, and clips that were not."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from ingestd.core.facts import MediaFacts, StreamKind
from ingestd.core.findings import Confidence, Finding
from ingestd.core.tamper import edit_findings
from ingestd.core.timeline import file_findings
from ingestd.media.clipspec import ClipSpec, Cut, FootageFormat, Jump
from ingestd.media.footage import encode_clip
from tests.support.clips import facts_of, shared_corpus
from tests.support.edits import cut_out, put_in, trimmed

START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
FORMS = [FootageFormat.H264, FootageFormat.HEVC]
Clip = Callable[..., Path]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Encodes each clip once."""
    folder = tmp_path_factory.mktemp("clips")
    known: dict[ClipSpec, Path] = {}

    def make(**fields: object) -> Path:
        known_fields: dict[str, object] = {"seconds": 12, "width": 64, "height": 48, "start_utc": START}
        spec = ClipSpec(**{**known_fields, **fields})  # type: ignore[arg-type]
        if spec not in known:
            known[spec] = folder / f"{len(known)}{spec.format.extension}"
            encode_clip(spec, known[spec])
        return known[spec]

    return make


def told(path: Path) -> list[Finding]:
    facts: MediaFacts = facts_of(path)
    return [*file_findings(facts), *edit_findings(facts)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("fps", "seed"), [(15, 7), (25, 11), (30, 3)])
def test_a_cut_is_told_where_it_was_made(tmp_path: Path, clip: Clip, form: FootageFormat, fps: int, seed: int) -> None:
    edited = cut_out(clip(format=form, fps=fps, seed=seed), tmp_path / "x.mp4", 4, 6)
    (found,) = told(edited)
    assert (found.code, found.end_s) == ("splice.removed", found.start_s)
    assert found.start_s == pytest.approx(4, abs=0.2)
    assert found.evidence["position_jumps_ahead_s"] == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("seconds", [2, 3, 4, 5])
def test_a_cut_of_any_length_is_told(tmp_path: Path, clip: Clip, seconds: int) -> None:
    (found,) = told(cut_out(clip(), tmp_path / "x.mp4", 5, 5 + seconds))
    assert (found.code, found.confidence) == ("splice.removed", Confidence.CERTAIN)


def test_two_cuts_are_told_at_their_places(tmp_path: Path, clip: Clip) -> None:
    once = cut_out(clip(), tmp_path / "x.mp4", 7, 9)
    found = told(cut_out(once, tmp_path / "y.mp4", 3, 5))
    assert [(one.code, round(one.start_s or 0)) for one in found] == [("splice.removed", 3), ("splice.removed", 5)]


def test_without_position_a_cut_through_sound_and_key_pictures_is_provisional(tmp_path: Path, clip: Clip) -> None:
    (found,) = told(cut_out(clip(has_position=False), tmp_path / "x.mp4", 4, 7))
    assert (found.code, found.confidence) == ("splice.removed", Confidence.PROVISIONAL)
    assert found.start_s == pytest.approx(4, abs=0.2)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("without", [(), ("subtitle",)])
def test_a_foreign_clip_inside_is_told_with_its_span(
    tmp_path: Path, clip: Clip, form: FootageFormat, without: tuple[str, ...]
) -> None:
    foreign = clip(format=form, seconds=3, seed=99, start_utc=START + dt.timedelta(hours=5))
    (found,) = told(put_in(clip(format=form), foreign, tmp_path / "x.mp4", 5, without=without))
    assert found.code == "splice.insert"
    assert [found.start_s, found.end_s] == pytest.approx([5, 8], abs=0.2)


def test_a_foreign_clip_of_another_picture_size_shows_without_position_and_sound(tmp_path: Path, clip: Clip) -> None:
    plain = {"has_position": False, "has_audio": False}
    (found,) = told(put_in(clip(**plain), clip(seconds=3, width=96, height=64, **plain), tmp_path / "x.mp4", 5))
    assert (found.code, found.evidence["sources"]) == ("splice.insert", ["sample descriptions and parameter sets"])
    assert [found.start_s, found.end_s] == pytest.approx([5, 8], abs=0.2)


@pytest.mark.parametrize("form", FORMS)
def test_pictures_dropped_inside_a_group_with_times_closed_are_a_gap_there(
    tmp_path: Path, clip: Clip, form: FootageFormat
) -> None:
    (found,) = told(cut_out(clip(format=form), tmp_path / "x.mp4", 4.4, 5, kinds=("video",)))
    assert found.code == "gap.video"
    assert [found.start_s, found.end_s] == pytest.approx([4.4, 5], abs=1)


def test_a_dropped_group_with_times_closed_shows_by_the_numbers_of_key_pictures(tmp_path: Path, clip: Clip) -> None:
    (found,) = told(cut_out(clip(), tmp_path / "x.mp4", 4, 5, kinds=("video",)))
    assert found.code == "gap.video"
    assert found.start_s == pytest.approx(4, abs=0.2)


def test_dropped_groups_whose_place_nothing_shows_are_told_as_such(tmp_path: Path, clip: Clip) -> None:
    (found,) = told(cut_out(clip(), tmp_path / "x.mp4", 4, 6, kinds=("video",)))
    assert (found.code, found.confidence) == ("gap.video", Confidence.LIKELY)
    assert "nothing shows where" in found.evidence["note"]


def test_a_start_without_key_picture_is_a_cut_start(tmp_path: Path, clip: Clip) -> None:
    (found,) = told(trimmed(clip(), tmp_path / "x.mp4", 0.4))
    assert (found.code, found.start_s) == ("trim.head", 0.0)


@pytest.mark.parametrize("form", FootageFormat)
@pytest.mark.parametrize(("fps", "lost"), [(15, 1), (25, 2), (30, 2)])
def test_untouched_clips_are_silent(clip: Clip, form: FootageFormat, fps: int, lost: int) -> None:
    assert told(clip(format=form, fps=fps, lost_frames=lost, seconds=8)) == []


@pytest.mark.parametrize("gop_seconds", [0.4, 2.0])
def test_other_lengths_of_groups_are_silent(clip: Clip, gop_seconds: float) -> None:
    assert told(clip(gop_seconds=gop_seconds)) == []


def test_a_whole_clip_written_anew_is_silent(tmp_path: Path, clip: Clip) -> None:
    assert told(trimmed(clip(), tmp_path / "x.mp4")) == []


def test_a_clock_that_jumps_is_no_cut(clip: Clip) -> None:
    assert [one.code for one in told(clip(jump=Jump(at_s=3.0, by_s=30.0)))] == ["time.jump"]


def test_joined_transport_streams_are_as_long_as_both_and_told_where_they_join(tmp_path: Path, clip: Clip) -> None:
    first, second = (clip(format=FootageFormat.TS, seconds=seconds) for seconds in (3, 4))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    facts = facts_of(joined)
    assert facts.duration_s == pytest.approx(7, abs=0.1)
    (found,) = (one for one in edit_findings(facts) if one.code == "time.jump")
    assert found.start_s == pytest.approx((facts.start_s or 0) + 3, abs=0.1)
    assert [one for one in edit_findings(facts_of(first)) if one.code == "time.jump"] == []


def test_a_hole_is_no_cut(clip: Clip) -> None:
    assert [one.code for one in told(clip(cuts=(Cut(StreamKind.VIDEO, 3.0, 5.0),)))] == ["gap.video"]


def test_real_files_show_no_edits() -> None:
    names = (".mp4", ".mov", ".avi", ".3gp", ".ts")
    for path in sorted(one for one in shared_corpus().iterdir() if one.suffix in names):
        assert edit_findings(facts_of(path)) == (), path.name

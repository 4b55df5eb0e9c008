"""Edits against siblings: the odd file is told, habits and untouched cameras are not."""

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ingestd.core.findings import Confidence, Finding, Severity
from ingestd.core.likeness import structure_findings
from ingestd.core.model import RecordedTimes
from ingestd.core.profile import ParsedName
from ingestd.core.siblings import Sibling, usual
from tests.support.clips import facts_of, shared_corpus, write_clip
from tests.support.recasts import date_shifted, reencode, remux, replaced, touched, without_words

MOMENT = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
CAMERAS = ("gopro_max_heromode.mp4", "phone_iphone6_gps.mov", "phone_android_gps.mp4", "flir_thermal_vfr.mp4")


def sibling(path: Path, *, is_known: bool = True, is_reference: bool = False) -> Sibling:
    times = RecordedTimes(MOMENT, MOMENT, "name")
    return Sibling(path.name, "r", facts_of(path), ParsedName(), times, path.name, is_reference, is_known)


def told(paths: Sequence[Path], *, is_known: bool = True) -> list[Finding]:
    return list(structure_findings([sibling(path, is_known=is_known) for path in paths]))


def above_information(found: Sequence[Finding]) -> list[tuple[str | None, str]]:
    return sorted((one.file, one.code) for one in found if one.severity is not Severity.INFO)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Five segments of one generated recorder, of different lengths."""
    folder = tmp_path_factory.mktemp("clips")
    return [write_clip(folder / f"clip{number}.mp4", 3 + number % 3) for number in range(5)]


@pytest.fixture(scope="module", params=CAMERAS)
def camera(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three recordings of one real camera: the same one at other times."""
    source, folder = shared_corpus() / request.param, tmp_path_factory.mktemp("camera")
    return [date_shifted(source, folder / f"{hour}{source.suffix}", 3600 * hour) for hour in range(3)]


def test_a_recorder_whose_files_all_carry_software_words_has_that_habit(clips: list[Path]) -> None:
    assert told(clips) == []


def test_a_lone_file_of_a_software_encoder_is_information_at_most(clips: list[Path]) -> None:
    (found,) = told(clips[:1])
    assert (found.code, found.severity, found.confidence) == (
        "edit.reencoded",
        Severity.INFO,
        Confidence.PROVISIONAL,
    )


def test_untouched_recordings_of_a_camera_stay_silent(camera: list[Path]) -> None:
    assert told(camera) == []


@pytest.mark.parametrize("options", [{}, {"fflags": "+bitexact"}], ids=["plain", "bit-exact"])
def test_a_remuxed_camera_file_is_told(camera: list[Path], tmp_path: Path, options: dict[str, str]) -> None:
    edited = remux(camera[0], tmp_path / "edited.mp4", **options)
    found = told([*camera, edited])
    assert above_information(found) == [("edited.mp4", "structure.changed")]
    assert (found[0].confidence, found[0].severity) == (Confidence.CERTAIN, Severity.CRITICAL)


def test_a_reencoded_camera_file_is_told_by_its_encoders_words(camera: list[Path], tmp_path: Path) -> None:
    edited = reencode(camera[0], tmp_path / "edited.mp4")
    codes = above_information(told([*camera, edited]))
    assert codes == [("edited.mp4", "edit.reencoded"), ("edited.mp4", "structure.changed")]


def test_a_reencoded_camera_file_without_words_is_told_by_parameter_sets(camera: list[Path], tmp_path: Path) -> None:
    edited = without_words(reencode(camera[0], tmp_path / "worded.mp4"), tmp_path / "edited.mp4")
    assert ("edited.mp4", "edit.reencoded") in above_information(told([*camera, edited]))


@pytest.mark.parametrize(
    "edit",
    [
        lambda source, target: remux(source, target, fflags="+bitexact"),
        lambda source, target: remux(source, target, movflags="+faststart", brand="mp42"),
        lambda source, target: replaced(source, target, b"VideoHandler", b"GPAC Handler"),
        lambda source, target: replaced(source, target, b"iso2avc1mp41", b"isommp42mp41"),
    ],
    ids=["bit-exact", "index first, other brands", "other handler", "other brands"],
)
def test_an_edited_container_is_told_among_generated_siblings(
    clips: list[Path], tmp_path: Path, edit: Callable[[Path, Path], Path]
) -> None:
    found = told([*clips[:4], edit(clips[4], tmp_path / "edited.mp4")])
    assert above_information(found) == [("edited.mp4", "structure.changed")]


def test_other_settings_of_the_same_encoder_are_told(clips: list[Path], tmp_path: Path) -> None:
    found = told([*clips[:4], reencode(clips[4], tmp_path / "edited.mp4", preset="medium", g="30")])
    assert ("edited.mp4", "edit.reencoded") in above_information(found)


def test_an_edited_file_never_makes_its_siblings_suspect(clips: list[Path], tmp_path: Path) -> None:
    edited = without_words(reencode(clips[4], tmp_path / "w.mp4", preset="medium"), tmp_path / "edited.mp4")
    assert {one.file for one in told([*clips[:4], edited])} == {"edited.mp4"}


def test_two_against_one_is_provisional(clips: list[Path], tmp_path: Path) -> None:
    found = told([*clips[:2], remux(clips[2], tmp_path / "edited.mp4", brand="mp42")])
    assert {(one.file, one.confidence) for one in found} == {("edited.mp4", Confidence.PROVISIONAL)}


def test_one_against_one_accuses_nobody(clips: list[Path], tmp_path: Path) -> None:
    assert above_information(told([clips[0], remux(clips[1], tmp_path / "edited.mp4", brand="mp42")])) == []


def test_two_habits_of_equal_size_accuse_nobody(clips: list[Path], tmp_path: Path) -> None:
    edited = [remux(clips[number], tmp_path / f"edited{number}.mp4", brand="mp42") for number in (2, 3)]
    assert told([*clips[:2], *edited]) == []


def test_a_second_habit_without_a_programs_name_is_information(clips: list[Path], tmp_path: Path) -> None:
    rest = [write_clip(tmp_path / f"rest{number}.mp4", 3) for number in range(2)]
    updated = [replaced(one, tmp_path / f"new{one.name}", b"VideoHandler", b"Video Handle") for one in clips[:3]]
    assert above_information(told([*clips[3:], *rest, *updated])) == []


def test_earlier_recordings_are_references_and_are_not_judged(clips: list[Path], tmp_path: Path) -> None:
    edited = remux(clips[4], tmp_path / "edited.mp4", brand="mp42")
    found = structure_findings([sibling(edited), *(sibling(path, is_reference=True) for path in clips[:3])])
    assert [(one.file, one.confidence) for one in found] == [("edited.mp4", Confidence.LIKELY)]
    again = [sibling(clips[0]), *(sibling(path, is_reference=True) for path in (*clips[1:4], edited))]
    assert structure_findings(again) == ()


def test_few_files_of_nobody_known_prove_no_habit(clips: list[Path], tmp_path: Path) -> None:
    edited = remux(clips[2], tmp_path / "edited.mp4", brand="mp42")
    assert above_information(told([*clips[:2], edited], is_known=False)) == []
    assert above_information(told([*clips[:4], edited], is_known=False)) == [("edited.mp4", "structure.changed")]


def test_of_two_files_of_one_recording_the_later_changed_is_told() -> None:
    pair = [shared_corpus() / "pair_untouched.mp4", shared_corpus() / "pair_metadata_edited.mp4"]
    (found,) = told(pair, is_known=False)
    assert (found.file, found.code) == ("pair_metadata_edited.mp4", "structure.changed")
    assert found.evidence["modified_later_by_s"] == 553


def test_times_touched_long_after_the_recording_are_told(camera: list[Path], tmp_path: Path) -> None:
    edited = touched(date_shifted(camera[0], tmp_path / "later.mp4", 86_400), tmp_path / "edited.mp4", 7200)
    assert above_information(told([*camera, edited])) == [("edited.mp4", "structure.changed")]


def test_a_program_beside_a_makers_name_is_told_even_alone(tmp_path: Path, clips: list[Path]) -> None:
    signed = replaced(clips[0], tmp_path / "signed.mp4", b"VideoHandler", b"\x0bGoPro AVC  ")
    codes = above_information(told([signed]))
    assert codes == [("signed.mp4", "edit.reencoded"), ("signed.mp4", "structure.changed")]


def test_untouched_files_of_the_corpus_get_nothing_above_information() -> None:
    suffixes = {".mp4", ".mov", ".3gp", ".ts", ".avi", ".wav"}
    paths = [path for path in shared_corpus().iterdir() if path.suffix in suffixes and "edited" not in path.name]
    assert above_information(told(paths, is_known=False)) == []


@pytest.mark.parametrize(
    ("habits", "expected"),
    [("", None), ("a", None), ("ab", None), ("aab", ("a", 2)), ("aabb", None), ("aaabb", ("a", 3))],
)
def test_usual_is_what_more_than_half_do(habits: str, expected: tuple[str, int] | None) -> None:
    assert usual(habits) == expected

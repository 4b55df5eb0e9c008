"""Signs of edits that show only beside siblings: trims, wrong names, wrong clocks, recordings made after the fact."""

import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.core.backfilled import EarlierDocking, backfilled_findings
from ingestd.core.facts import Seam, StreamKind
from ingestd.core.findings import Confidence, Finding, Severity
from ingestd.core.profile import SegmentHabits
from ingestd.core.siblingedits import by_content, sibling_findings, without_explained
from ingestd.core.siblings import Sibling
from ingestd.core.takes import assemble_takes
from ingestd.pipeline.sets import segment_of_sibling
from ingestd.sim.card import write_card
from ingestd.sim.plan import CardPlan
from tests.support.edits import cut_out, trimmed
from tests.support.siblings import START, made, siblings_in

HABITS = SegmentHabits()
TAKE = range(1, 7)


def told(siblings: list[Sibling]) -> list[tuple[str, str | None]]:
    return [(one.code, one.file) for one in sibling_findings(siblings, HABITS)]


@pytest.fixture(scope="module", params=[(7, 15), (11, 25)], ids=str)
def card(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two takes of four segments, with a pre-record between them."""
    seed, fps = request.param
    root = tmp_path_factory.mktemp(f"card{seed}")
    write_card(CardPlan(seed=seed, fps=fps, width=64, height=48, segments=4, segment_seconds=8), root)
    return root


Edit = Callable[[Path, Path], Path]


def edited(card: Path, target: Path, number: int, edit: Edit) -> tuple[list[Finding], str]:
    """What is said of a card one of whose segments was edited, and the name of that segment."""
    shutil.copytree(card, target)
    (segment,) = target.rglob(f"*_{number:04d}*.mp4")
    edit(segment, target / "edited.mp4").replace(segment)
    return list(sibling_findings(siblings_in(target), HABITS)), segment.name


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_cut_start_is_told(card: Path, tmp_path: Path, number: int) -> None:
    (found,), name = edited(card, tmp_path / "card", number, lambda clip, new: trimmed(clip, new, 2))
    assert (found.code, found.file, found.start_s) == ("trim.head", name, 0.0)
    assert found.evidence["missing_s"] == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("number", [2, 5])
def test_a_cut_end_is_told(card: Path, tmp_path: Path, number: int) -> None:
    (found,), name = edited(card, tmp_path / "card", number, lambda clip, new: trimmed(clip, new, 0, 6))
    assert (found.code, found.file) == ("trim.tail", name)
    assert found.start_s == pytest.approx(6, abs=0.2)


def test_a_cut_inside_is_no_cut_end(card: Path, tmp_path: Path) -> None:
    found, _ = edited(card, tmp_path / "card", 2, lambda clip, new: cut_out(clip, new, 3, 5))
    assert found == []


def with_streams(
    one: Sibling, *seams: Seam, pictures_s: float | None = None, sound_from_s: float | None = None
) -> Sibling:
    """The same recording with seams, shorter pictures, or sound from there on."""
    (video,) = one.facts.streams
    length_s = video.end_s or 0.0
    streams = [video.model_copy(update={"end_s": length_s if pictures_s is None else pictures_s})]
    if sound_from_s is not None:
        more = {"index": 1, "kind": StreamKind.AUDIO, "first_s": sound_from_s, "end_s": length_s + sound_from_s}
        streams.append(video.model_copy(update=more))
    return replace(one, facts=one.facts.model_copy(update={"streams": tuple(streams), "seams": seams}))


def test_pictures_that_end_before_the_position_track_are_a_gap_and_no_trim() -> None:
    take = [made(number, position_s=60 * number) for number in (1, 2, 3, 4, 5)]
    take[2] = with_streams(made(3, length_s=59, position_s=180), pictures_s=56.0)
    short = replace(take[2], facts=take[2].facts.model_copy(update={"duration_s": 56.0}))
    (found,) = sibling_findings([*take[:2], short, *take[3:]], HABITS)
    assert (found.code, found.file, found.start_s, found.confidence) == ("gap.video", "file3", None, Confidence.LIKELY)


@pytest.mark.parametrize(
    ("habit_s", "own_s", "code", "severity"),
    [
        (0.0, 0.0, "trim.tail", Severity.WARNING),
        (0.05, 0.05, "trim.tail", Severity.WARNING),
        (0.05, 0.0, "trim.head", Severity.CRITICAL),
        (0.0, 0.03, "trim.head", Severity.CRITICAL),
    ],
)
def test_without_positions_only_sound_that_begins_otherwise_tells_which_end_was_cut(
    habit_s: float, own_s: float, code: str, severity: Severity
) -> None:
    take = [with_streams(made(number), sound_from_s=habit_s) for number in (1, 2, 4, 5)]
    (found,) = sibling_findings([*take, with_streams(made(3, length_s=52), sound_from_s=own_s)], HABITS)
    assert (found.code, found.severity) == (code, severity)


def test_a_clip_put_in_makes_a_file_longer_than_its_place() -> None:
    take = [made(number) for number in (1, 2, 4, 5)]
    longer = made(3, length_s=64)
    seam = Seam(kind="key.distance", at_s=24.0, amount=10.0)
    (found,) = sibling_findings([*take, with_streams(longer, seam)], HABITS)
    assert (found.code, found.start_s, found.end_s) == ("splice.insert", 20.0, 24.0)
    assert found.confidence is Confidence.PROVISIONAL
    assert told([*take, longer]) == told([*take, with_streams(made(3), seam)]) == []


def ending(number: int, *, pictures_s: float = 60.0, sound_s: float = 60.03) -> Sibling:
    """A segment of a minute whose streams end there."""
    one = with_streams(made(number), pictures_s=pictures_s, sound_from_s=0.0)
    video, sound = one.facts.streams
    streams = (video, sound.model_copy(update={"end_s": sound_s}))
    return replace(one, facts=one.facts.model_copy(update={"streams": streams}))


@pytest.mark.parametrize(
    ("early", "code"), [(ending(3, pictures_s=59.0), "gap.video"), (ending(3, sound_s=59.0), "gap.audio")]
)
def test_a_stream_that_ends_early_in_one_file_only_is_a_gap_at_no_claimed_place(early: Sibling, code: str) -> None:
    (found,) = sibling_findings([*(ending(number) for number in (1, 2, 4, 5)), early], HABITS)
    assert (found.code, found.file, found.start_s) == (code, "file3", None)
    assert found.evidence["missing_s"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("sound_s", [59.75, 60.3])
def test_sound_a_little_shorter_or_longer_than_the_pictures_is_silent(sound_s: float) -> None:
    assert told([*(ending(number) for number in (1, 2, 4, 5)), ending(3, sound_s=sound_s)]) == []


def test_an_untouched_card_is_silent(card: Path) -> None:
    assert sibling_findings(siblings_in(card), HABITS) == ()


def test_a_late_segment_and_an_officers_stop_are_no_trims() -> None:
    stopped = made(3, begins_s=180, length_s=41, position_s=180)
    later = [made(number, begins_s=60 * number + 300, position_s=60 * number + 300) for number in (4, 5, 6)]
    assert told([made(1, position_s=60), made(2, position_s=120), stopped, *later]) == []


def test_a_clock_set_at_the_first_fix_between_files_is_silent() -> None:
    before = [made(number, named_s=60 * number - 37, created_s=60 * number - 37) for number in (1, 2)]
    after = [made(number, created_s=60 * number, position_s=60 * number) for number in (3, 4, 5)]
    assert told([*before, *after]) == []


def test_a_wrong_clock_that_the_first_fix_sets_right_is_silent() -> None:
    before = [
        made(number, named_s=60 * number - 37, created_s=60 * number - 37, position_s=60 * number) for number in (1, 2)
    ]
    after = [made(number, created_s=60 * number, position_s=60 * number) for number in (3, 4, 5, 6)]
    assert told([*before, *after]) == []


@pytest.mark.parametrize("habit_s", [8 * 3600 + 18, -8 * 3600, 17, 95, 3600])
def test_an_offset_that_all_siblings_show_is_a_habit(habit_s: float) -> None:
    assert told([made(number, created_s=60 * number + habit_s, position_s=60 * number) for number in TAKE]) == []


@pytest.mark.parametrize("offset_s", [0, 8 * 3600 + 18, -8 * 3600, 17, 60, 78])
def test_zone_steps_leap_seconds_and_the_length_are_silent_in_a_lone_file(offset_s: float) -> None:
    assert told([made(1, created_s=60 + offset_s)]) == []


def renamed(by_s: float, number: int = 3, **clocks: bool) -> list[Sibling]:
    has_container, has_position = clocks.get("container", True), clocks.get("position", False)
    return [
        made(
            one,
            named_s=60.0 * one + (by_s if one == number else 0),
            created_s=60.0 * one if has_container else None,
            position_s=60.0 * one if has_position else None,
        )
        for one in TAKE
    ]


@pytest.mark.parametrize("by_s", [1000, -1000, 3600, -7200, 86_400])
@pytest.mark.parametrize(
    "clocks", [{}, {"position": True}, {"container": False}, {"container": False, "position": True}]
)
def test_a_renamed_file_is_told_by_its_number_and_other_clocks(by_s: float, clocks: dict[str, bool]) -> None:
    assert told(renamed(by_s, **clocks)) == [("name.mismatch", "file3")]


def test_two_files_that_changed_names_are_both_told() -> None:
    found = [
        made(one, named_s=60 * {2: 3, 3: 2}.get(one, one), created_s=60 * one, position_s=60 * one) for one in TAKE
    ]
    renumbered = [
        made(one, named_s=60 * {2: 3, 3: 2}.get(one, one), created_s=60 * one, sequence={2: 3, 3: 2}.get(one, one))
        for one in TAKE
    ]
    assert {file for _, file in told(found)} == {"file2", "file3"}
    assert told(renumbered) == [("name.mismatch", "file2"), ("name.mismatch", "file3")]


def test_a_changed_number_is_told() -> None:
    assert told([made(one, created_s=60 * one, sequence=90 if one == 3 else one) for one in TAKE]) == [
        ("name.mismatch", "file3")
    ]


def test_a_changed_device_is_told_by_the_hole_that_it_fills() -> None:
    assert told([made(one, device="7099999" if one == 3 else "7012345") for one in TAKE]) == [
        ("name.mismatch", "file3")
    ]


def test_two_recorders_on_one_desk_are_no_mismatch() -> None:
    other = [made(one + 20, device="7099999", sequence=one) for one in TAKE]
    assert told([*(made(one) for one in TAKE), *other]) == []


@pytest.mark.parametrize("by_s", [40, -500, 86_400 * 3])
def test_a_changed_container_clock_is_told(by_s: float) -> None:
    found = [made(one, created_s=60 * one + (by_s if one == 3 else 0), position_s=60 * one) for one in TAKE]
    assert told(found) == [("clock.mismatch", "file3")]


def test_a_clock_that_was_right_and_is_off_for_one_file_is_told() -> None:
    found = [
        made(one, named_s=60 * one + by_s, created_s=60 * one + by_s, position_s=60 * one)
        for one, by_s in ((1, 0), (2, 0), (3, 25), (4, 0), (5, 0))
    ]
    assert told(found) == [("clock.mismatch", "file3")]


def test_headers_that_contradict_each_other_are_told_of_a_lone_file() -> None:
    assert told([made(1, created_s=60, track_created_s=60 + 86_400 * 2)]) == [("clock.mismatch", "file1")]


def test_a_counter_that_wraps_and_a_clock_that_was_reset_are_silent() -> None:
    wrapped = [made(one, created_s=60 * one, sequence=(9997 + one) % 10_000) for one in TAKE]
    reset = [made(one, named_s=60 * one - 9e7 * (one > 3), created_s=60 * one - 9e7 * (one > 3)) for one in TAKE]
    assert told(wrapped) == []
    assert told(reset) == []


def test_one_wrong_name_does_not_tear_its_take_apart() -> None:
    siblings = renamed(1000)
    edits = sibling_findings(siblings, HABITS)
    result = assemble_takes([segment_of_sibling(one) for one in by_content(siblings, edits)], HABITS)
    assert [len(take.segments) for take in result.takes] == [len(TAKE)]
    assert without_explained(result.findings, edits, siblings) == ()


def test_a_header_changed_days_later_is_told() -> None:
    assert told([made(1, created_s=60, modified_s=60 + 3 * 86_400)]) == [("time.backfilled", "file1")]


def earlier(number: int, *files: Sibling, hours: float, volume: str = "") -> EarlierDocking:
    paths = frozenset({"DEVINFO.TXT", "LOGS/20261121.log", *(one.shown for one in files)})
    return EarlierDocking(f"docking{number}", START + dt.timedelta(hours=hours), volume, paths)


def backfilled(siblings: list[Sibling], *dockings: EarlierDocking) -> list[Finding]:
    return list(backfilled_findings(siblings, {one.key: dockings[-1].docking_id for one in siblings}, dockings))


def test_a_file_dated_before_a_docking_that_did_not_see_it_is_told() -> None:
    old, late = made(1), made(2, position_s=120)
    (found,) = backfilled([late], earlier(1, old, hours=5), earlier(2, old, late, hours=30))
    assert (found.code, found.file, found.confidence) == ("time.backfilled", "file2", Confidence.LIKELY)


@pytest.mark.parametrize(
    "dockings",
    [
        (earlier(1, made(1), made(2), hours=5), earlier(2, made(1), made(2), hours=30)),
        (earlier(1, made(1), hours=0.5), earlier(2, made(1), made(2), hours=30)),
        (earlier(1, made(8), hours=5, volume="A"), earlier(2, made(2), hours=30, volume="B")),
        (earlier(1, made(8), hours=5), earlier(2, made(2), hours=30)),
    ],
    ids=["it was there", "it was being written", "another card", "another card by its recordings"],
)
def test_what_docking_history_explains_is_silent(dockings: tuple[EarlierDocking, ...]) -> None:
    assert backfilled([made(2)], *dockings) == []


SECONDS = st.none() | st.floats(-1e8, 1e9)
WRITTEN = st.none() | st.floats(-1e9, 1e17)
SIBLINGS = st.lists(
    st.builds(
        made,
        st.integers(0, 9),
        begins_s=SECONDS,
        length_s=st.floats(0, 5000),
        named_s=SECONDS,
        created_s=WRITTEN,
        track_created_s=WRITTEN,
        modified_s=WRITTEN,
        position_s=SECONDS,
        has_name=st.booleans(),
        device=st.sampled_from(["1", "2"]),
        sequence=st.none() | st.integers(0, 10**6),
    ),
    max_size=8,
    unique_by=lambda one: one.key,
)


@settings(max_examples=25, deadline=None)
@given(SIBLINGS)
def test_any_names_and_times_are_judged_without_error_and_in_any_order(siblings: list[Sibling]) -> None:
    edits = sibling_findings(siblings, HABITS)
    by_content(siblings, edits)
    key = str
    again = sibling_findings(siblings[::-1], HABITS)
    assert sorted((one.model_dump_json() for one in edits), key=key) == sorted(one.model_dump_json() for one in again)

"""The simulated card: built as recorders build theirs, the same from the same plan, and truly described."""

import datetime as dt
import hashlib
import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.clock import from_text
from ingestd.core.errors import RefusedError, StoppedError
from ingestd.core.stop import Stop
from ingestd.media.clipspec import FootageFormat
from ingestd.sim.card import CardPlan, demo_plan, write_card
from ingestd.sim.faults import BESIDE, IN_SET, Fault
from ingestd.sim.plan import Placed, schedule
from tests.support.cards import Card

TINY = CardPlan(takes=1, segments=1, segment_seconds=1)


def _tree(root: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(root)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


def test_equal_plans_give_equal_cards(demo_card: Card, tmp_path: Path) -> None:
    truth = write_card(demo_plan(), tmp_path / "again")
    assert _tree(tmp_path / "again") == _tree(demo_card.root)
    assert truth == demo_card.truth


def test_the_truth_names_every_file_with_its_size_and_hash(demo_card: Card) -> None:
    found = {name: digest for name, (digest, _) in _tree(demo_card.root).items()}
    assert {file.path: file.sha256 for file in demo_card.truth.files} == found
    assert all(demo_card.path(file.path).stat().st_size == file.size_bytes for file in demo_card.truth.files)


def test_the_truth_is_json(faulty_card: Card) -> None:
    document = json.loads(json.dumps(faulty_card.truth.to_json()))
    assert len(document["files"]) == len(faulty_card.truth.files)


def test_the_demonstration_has_a_gap_a_missing_segment_a_torn_file_and_a_pre_record(demo_card: Card) -> None:
    codes = sorted(str(one.code) for one in demo_card.truth.expected)
    assert codes == ["file.truncated", "gap.video", "set.missing", "set.overlap"]


def test_the_card_has_the_folders_and_kinds_of_a_recorder(demo_card: Card) -> None:
    kinds = {(Path(file.path).parts[0], file.kind) for file in demo_card.truth.files}
    assert kinds == {("DCIM", "video"), ("DCIM", "photo"), ("DCIM", "audio"), ("DEVINFO.TXT", "text"), ("LOGS", "text")}


def test_names_follow_the_ga_t_style_and_say_the_true_start(demo_card: Card) -> None:
    pattern = re.compile(r"DCIM/10[01]ANDRO/7012345_012345(\d{14})_(\d{4})(_IMP)?\.(mp4|jpg|wav)")
    for file in demo_card.truth.files:
        if file.start_utc is None:
            continue
        match = pattern.fullmatch(file.path)
        assert match is not None
        local = from_text(file.start_utc) + dt.timedelta(hours=8)
        assert (match[1], int(match[2])) == (f"{local:%Y%m%d%H%M%S}", file.sequence)


def test_one_recording_is_marked_important_and_lies_in_the_folder_for_such(demo_card: Card) -> None:
    (marked,) = (file for file in demo_card.truth.files if file.is_important)
    assert marked.path.startswith("DCIM/101ANDRO/")
    assert marked.path.endswith("_IMP.mp4")


def test_modification_times_are_the_ends_of_the_recordings_in_even_seconds(demo_card: Card) -> None:
    for file in demo_card.truth.files:
        if file.end_utc is None:
            continue
        late_s = from_text(file.end_utc).timestamp() - demo_card.path(file.path).stat().st_mtime
        assert 0 <= late_s < 2
        assert demo_card.path(file.path).stat().st_mtime_ns % 2_000_000_000 == 0


def test_a_pre_record_shares_its_seconds_with_the_take_before(demo_card: Card) -> None:
    (overlap,) = demo_card.truth.of_fault("pre-record")
    before, after = (next(one for one in demo_card.truth.files if one.path == name) for name in overlap.files)
    assert before.end_utc is not None
    assert after.start_utc is not None
    shared = from_text(before.end_utc) - from_text(after.start_utc)
    assert shared.total_seconds() == pytest.approx(3 - 1 / 15, abs=0.001)
    assert overlap.severity == "info"


def test_the_log_tells_of_takes_marks_photo_and_sound(demo_card: Card) -> None:
    lines = demo_card.path("LOGS/20260302.log").read_text("ascii").splitlines()
    assert lines[0] == "2026-03-02 09:00:00 POWER ON"
    assert [line.split()[2] for line in lines].count("REC") == 6
    assert {"PHOTO", "AUDIO", "IMP"} <= {line.split()[2] for line in lines}


def test_the_device_information_is_in_gbk_as_recorders_write_it(demo_card: Card) -> None:
    assert "UserName=模拟警员" in demo_card.path("DEVINFO.TXT").read_bytes().decode("gb18030")


@pytest.mark.parametrize("footage", [FootageFormat.HEVC, FootageFormat.MJPEG, FootageFormat.TS])
def test_cards_come_in_each_format(footage: FootageFormat, tmp_path: Path) -> None:
    truth = write_card(replace(TINY, format=footage), tmp_path / "card")
    assert [Path(file.path).suffix for file in truth.files if file.kind == "video"] == [footage.extension]


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RefusedError, match="not an empty folder"):
        write_card(TINY, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_work_ends_between_two_files_when_asked(tmp_path: Path) -> None:
    stop = Stop()
    with pytest.raises(StoppedError):
        write_card(replace(TINY, segments=3), tmp_path / "card", progress=lambda *_: stop.request(), stop=stop)
    assert len(list((tmp_path / "card").rglob("*.mp4"))) == 1


def test_progress_counts_up_to_the_number_of_entries(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    plan = replace(TINY, faults=tuple(BESIDE))
    truth = write_card(plan, tmp_path / "card", progress=lambda _, done, total: seen.append((done, total)))
    assert seen == [(done, len(truth.files)) for done in range(len(truth.files))]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"device": "1"}, "device number"),
        ({"user": "abc/12"}, "user number"),
        ({"takes": 0}, "number of takes"),
        ({"segment_seconds": 0}, "segment length"),
        ({"zone": "Moon/Sea"}, "zone"),
        ({"start_local": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, "start"),
        ({"segment_seconds": 5, "faults": (Fault.DROPPED_GOP,)}, "too short"),
        ({"format": FootageFormat.TS, "faults": (Fault.TORN,)}, "cannot carry"),
    ],
)
def test_a_plan_that_cannot_be_written_is_refused_with_advice(change: dict[str, object], words: str) -> None:
    with pytest.raises(RefusedError, match=words) as caught:
        replace(CardPlan(), **change)  # type: ignore[arg-type]
    assert caught.value.advice


@pytest.mark.parametrize(
    "faults",
    [(Fault.TORN,) * 7, (Fault.MISSING_SEGMENT,) * 3, (Placed(Fault.OVERLAP, 0, 0),), (Placed(Fault.TORN, 9, 0),)],
)
def test_faults_without_a_place_are_refused(faults: tuple[Fault | Placed, ...]) -> None:
    with pytest.raises(RefusedError):
        schedule(CardPlan(faults=faults))


@given(
    takes=st.integers(1, 5),
    segments=st.integers(1, 6),
    seconds=st.integers(1, 30),
    pre_record=st.integers(0, 40),
    stop=st.integers(0, 40),
)
def test_segments_of_a_take_follow_each_other_and_numbers_run_through(
    takes: int, segments: int, seconds: int, pre_record: int, stop: int
) -> None:
    plan = CardPlan(
        takes=takes, segments=segments, segment_seconds=seconds, pre_record_seconds=pre_record, stop_seconds=stop
    )
    slots = schedule(plan)
    assert [slot.sequence for slot in slots] == list(range(1, takes * segments + 1))
    for before, after in pairwise(slots):
        if before.take == after.take:
            assert after.start_utc == before.next_utc
            assert (after.start_utc - before.end_utc).total_seconds() < 0.08
        assert after.start_utc > before.start_utc


@given(st.lists(st.sampled_from(sorted(frozenset(Fault) - BESIDE)), max_size=4))
def test_each_fault_finds_one_segment_of_its_own(faults: list[Fault]) -> None:
    slots = schedule(CardPlan(takes=4, segments=4, faults=tuple(faults)))
    assert sorted(slot.fault for slot in slots if slot.fault is not None) == sorted(faults)
    assert all(slot.segment > 0 for slot in slots if slot.fault in IN_SET)

"""Pre-record is recognised by equal packets: in real files, through `ingestd analyse`, and in a station."""

from pathlib import Path
from typing import Any

import pytest

from ingestd.core.errors import MediaError
from ingestd.core.segments import SharedContent
from ingestd.media.sandbox import MediaWorker
from tests.support.clips import write_clip
from tests.support.edits import trimmed
from tests.support.process import Installation

MEMORY_BYTES = 512 * 1024 * 1024
NAME = "DCIM/100ANDRO/7012345_01234520260302{time}_{number:04}.mp4"


@pytest.fixture(scope="module")
def worker() -> Any:
    with MediaWorker(MEMORY_BYTES) as made:
        yield made


def compared(worker: MediaWorker, earlier: Path, later: Path, seconds: float) -> SharedContent:
    with earlier.open("rb") as one, later.open("rb") as other:
        sizes = (earlier.stat().st_size, later.stat().st_size)
        return worker.overlap((one.fileno(), other.fileno()), sizes, seconds, 60.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("whole") / "whole.mp4", 12)


@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".mkv"])
def test_equal_packets_are_found(whole: Path, tmp_path: Path, worker: MediaWorker, suffix: str) -> None:
    clip = write_clip(tmp_path / f"whole{suffix}", 12) if suffix != ".mkv" else whole
    earlier = trimmed(clip, tmp_path / f"earlier{suffix}", 0, 8)
    later = trimmed(clip, tmp_path / f"later{suffix}", 5, 12)
    found = compared(worker, earlier, later, 3.0)
    assert (found.is_equal, found.packets) == (True, 30)
    assert found.seconds == pytest.approx(3.0, abs=0.11)


def test_equal_moments_encoded_anew_are_not_equal(whole: Path, tmp_path: Path, worker: MediaWorker) -> None:
    earlier = trimmed(whole, tmp_path / "earlier.mp4", 0, 8)
    other = write_clip(tmp_path / "other.mp4", 3)
    found = compared(worker, earlier, other, 3.0)
    assert not found.is_equal and found.compared == 30


def test_a_file_that_is_no_video_is_not_compared(whole: Path, tmp_path: Path, worker: MediaWorker) -> None:
    words = tmp_path / "words.txt"
    words.write_text("no video\n" * 100)
    with pytest.raises(MediaError):
        compared(worker, whole, words, 3.0)


@pytest.fixture(scope="module")
def card(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A take of 8 s, and one whose first 3 s are the last ones of it."""
    folder = tmp_path_factory.mktemp("card")
    for start_s, end_s, time, number in ((0, 8, "090000", 1), (5, 12, "090005", 2)):
        path = folder / NAME.format(time=time, number=number)
        path.parent.mkdir(parents=True, exist_ok=True)
        trimmed(whole, path, start_s, end_s)
    return folder


def test_analyse_recognises_pre_record_by_its_packets(card: Path, tmp_path: Path) -> None:
    (found,) = Installation(tmp_path / "station").json("analyse", card)["sets"]
    assert (found["code"], found["severity"], found["confidence"]) == ("set.overlap", "info", "certain")
    assert (found["evidence"]["content"], found["evidence"]["equal_packets"]) == ("equal", 30)


def test_a_station_recognises_pre_record_by_its_packets(card: Path, tmp_path: Path) -> None:
    installation = Installation(tmp_path / "station")
    assert installation.run("ingest", card).status == 0
    (found,) = [one for one in installation.json("findings") if one["code"] == "set.overlap"]
    assert (found["confidence"], found["evidence"]["content"]) == ("certain", "equal")

"""`lost+found` of a real ext4 card: believed to be empty only where one who may look saw it, and else incomplete."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestd.cli import lost_found_helper
from ingestd.core.clock import SystemClock
from ingestd.core.stop import Stop
from ingestd.devices.card import CardListing, list_card
from ingestd.devices.lostfound import empty_folders, note_empty
from ingestd.devices.mountinfo import medium_mark

NOBODY = 65534
DISKSEQ = 7


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder below which everybody may look, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def point(open_folder: Path) -> Iterator[Path]:
    """A small ext4 card with one file, mounted read-only as the unit mounts, and marked as medium 7."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("a real ext4 card needs root and mkfs.ext4")
    (open_folder / "tree").mkdir()
    (open_folder / "tree/a.mp4").write_bytes(b"footage")
    image = open_folder / "card.img"
    with image.open("xb") as file:
        file.truncate(8 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", "-d", open_folder / "tree", image], check=True)
    point = open_folder / "mnt/sda1"
    point.mkdir(parents=True)
    (open_folder / "seen").mkdir()
    done = subprocess.run(["mount", "-o", "loop,ro,noload", image, point], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no loop device can be had here: {done.stderr!r}")
    medium_mark(point).symlink_to(str(DISKSEQ))
    try:
        yield point
    finally:
        subprocess.run(["umount", "--lazy", point], check=True)


def seen_dir(point: Path) -> Path:
    return point.parent.parent / "seen"


def listed(point: Path) -> CardListing:
    """The card as the station lists it, which is not root."""
    root_fd = os.open(point, os.O_RDONLY | os.O_DIRECTORY)
    stop = Stop()
    is_seen_empty = empty_folders(point, DISKSEQ, stop, _Hasty(), seen_dir(point))
    try:
        with nobody():
            return list_card(
                root_fd, max_entries=100, max_depth=5, still_there=lambda: True, is_seen_empty=is_seen_empty
            )
    finally:
        os.close(root_fd)


class _Hasty(SystemClock):
    """A clock on which five seconds are over at the second look."""

    def __init__(self) -> None:
        self._passed = 0.0

    def steady_seconds(self) -> float:
        self._passed += 10.0
        return self._passed


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """This process as a user without rights."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def told(listing: CardListing) -> tuple[list[str], list[str]]:
    return [entry.path.text for entry in listing.entries], [problem.code for problem in listing.problems]


def test_what_nobody_has_seen_stays_incomplete(point: Path) -> None:
    assert told(listed(point)) == (["a.mp4", "lost+found"], ["listing.incomplete"])


def test_what_was_seen_to_be_empty_is_a_note_and_no_lack(point: Path) -> None:
    assert note_empty(point, seen_dir(point), lambda: True)
    listing = listed(point)
    assert told(listing) == (["a.mp4"], ["listing.seen_empty"])
    assert listing.problems[0].evidence == {"folders": ["lost+found"]}


def test_a_mark_of_another_medium_is_not_believed(point: Path) -> None:
    (seen_dir(point) / "sda1").symlink_to("6")
    assert told(listed(point))[1] == ["listing.incomplete"]


def test_a_card_that_was_pulled_meanwhile_gets_no_mark(point: Path) -> None:
    assert not note_empty(point, seen_dir(point), lambda: False)
    assert list(seen_dir(point).iterdir()) == []


def test_a_folder_in_which_something_was_found_gets_no_mark(tmp_path: Path) -> None:
    point = tmp_path / "sda1"
    (point / "lost+found/#12").mkdir(parents=True)
    medium_mark(point).symlink_to(str(DISKSEQ))
    (tmp_path / "seen").mkdir()
    assert not note_empty(point, tmp_path / "seen", lambda: True)
    shutil.rmtree(point / "lost+found/#12")
    assert note_empty(point, tmp_path / "seen", lambda: True), "the same folder, empty, is told"


def test_a_mark_of_the_card_before_goes_before_anything_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "seen").mkdir()
    (tmp_path / "seen/sda1").symlink_to("6")
    with pytest.raises(FileNotFoundError):
        note_empty(tmp_path / "sda1", tmp_path / "seen", lambda: True)
    assert list((tmp_path / "seen").iterdir()) == []


@pytest.mark.parametrize("name", ["../etc", "sda1;x", "no-such-disk"])
def test_the_program_leaves_alone_what_is_no_mount_of_the_stations(tmp_path: Path, name: str) -> None:
    assert lost_found_helper.main(name, tmp_path, tmp_path) == 1

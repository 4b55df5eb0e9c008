"""The drop folder, with a real observer on a real folder; and its judge alone, with made-up times."""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingestd.core.clock import SystemClock
from ingestd.core.errors import UnavailableError
from ingestd.devices.inbox import Fingerprint, Inbox, SettleTracker, fingerprint_of

MARKER = ".ingest-done"
SETTLE = 0.3


def looks(digest: str, *, has_marker: bool = False) -> Fingerprint:
    return Fingerprint(digest, 1, has_marker)


# --- the judge -------------------------------------------------------------------------------------------------------


def test_a_drop_settles_once_it_looked_the_same_for_long_enough() -> None:
    tracker = SettleTracker(5)
    assert [tracker.observe("a", looks("x"), now) for now in (0, 4.9, 5, 6)] == [False, False, True, False]


def test_each_change_starts_the_time_anew() -> None:
    tracker = SettleTracker(5)
    seen = [("x", 0), ("y", 4), ("y", 8.9), ("y", 9)]
    assert [tracker.observe("a", looks(digest), now) for digest, now in seen] == [False, False, False, True]


def test_a_drop_with_the_marker_settles_at_once() -> None:
    assert SettleTracker(3600).observe("a", looks("x", has_marker=True), 0)


def test_the_marker_is_not_believed_a_second_time() -> None:
    tracker = SettleTracker(5)
    tracker.observe("a", looks("x", has_marker=True), 0)
    assert not tracker.observe("a", looks("y", has_marker=True), 1)
    assert tracker.observe("a", looks("y", has_marker=True), 6)


def test_a_settled_drop_that_changes_settles_again() -> None:
    tracker = SettleTracker(5)
    assert [tracker.observe("a", looks(d), now) for d, now in (("x", 0), ("x", 5), ("y", 6), ("y", 11))][-1]


# --- the fingerprint -------------------------------------------------------------------------------------------------


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    (folder / "DCIM").mkdir(parents=True)
    (folder / "DCIM" / "a.mp4").write_bytes(b"1")
    return folder


def rename(drop: Path) -> None:
    (drop / "DCIM/a.mp4").rename(drop / "DCIM/b.mp4")


def grow(drop: Path) -> None:
    before = (drop / "DCIM/a.mp4").stat()
    (drop / "DCIM/a.mp4").write_bytes(b"22")
    os.utime(drop / "DCIM/a.mp4", ns=(before.st_atime_ns, before.st_mtime_ns))


def touch(drop: Path) -> None:
    os.utime(drop / "DCIM/a.mp4", ns=(0, 1))


def make_folder(drop: Path) -> None:
    (drop / "DCIM/new").mkdir()


def exchange_for_link(drop: Path) -> None:
    (drop / "DCIM/a.mp4").unlink()
    (drop / "DCIM/a.mp4").symlink_to("x")


@pytest.mark.parametrize("change", [rename, grow, touch, make_folder, exchange_for_link])
def test_the_fingerprint_tells_a_changed_tree(drop: Path, change: Callable[[Path], None]) -> None:
    before = fingerprint_of(drop, MARKER)
    assert fingerprint_of(drop, MARKER) == before
    change(drop)
    assert fingerprint_of(drop, MARKER).digest != before.digest


def test_the_marker_is_seen_and_does_not_change_the_fingerprint(drop: Path) -> None:
    before = fingerprint_of(drop, MARKER)
    (drop / MARKER).touch()
    assert fingerprint_of(drop, MARKER) == Fingerprint(before.digest, before.files, has_marker=True)


def test_a_link_in_a_drop_is_not_followed(drop: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (drop / "link").symlink_to(tmp_path / "outside")
    before = fingerprint_of(drop, MARKER)
    (tmp_path / "outside/new").touch()
    assert fingerprint_of(drop, MARKER) == before


# --- the inbox -------------------------------------------------------------------------------------------------------


class Watched:
    """An inbox that runs, and what it offered."""

    def __init__(
        self, folder: Path, settle_seconds: float = SETTLE, taken: set[tuple[Path, str]] | None = None
    ) -> None:
        self.folder = folder
        self.offered: list[tuple[Path, str]] = []
        self.taken = taken if taken is not None else set()
        self.inbox = Inbox(
            folder,
            settle_seconds,
            MARKER,
            SystemClock(),
            lambda path, digest: self.offered.append((path, digest)),
            lambda path, digest: (path, digest) in self.taken,
        )

    def names(self) -> list[str]:
        return [path.name for path, _ in self.offered]

    def wait_for(self, names: list[str], seconds: float = 10.0) -> None:
        until = time.monotonic() + seconds
        while self.names() != names and time.monotonic() < until:
            time.sleep(0.02)
        assert self.names() == names


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    one = Watched(tmp_path / "inbox")
    one.inbox.start()
    yield one
    one.inbox.stop()
    assert not one.inbox.is_alive()


def test_a_dropped_folder_is_offered_once(watched: Watched) -> None:
    (watched.folder / "card/DCIM").mkdir(parents=True)
    (watched.folder / "card/DCIM/a.mp4").write_bytes(b"1")
    watched.wait_for(["card"])
    time.sleep(4 * SETTLE)
    watched.wait_for(["card"])
    assert watched.inbox.pending() == ()


def test_a_single_file_is_offered(watched: Watched) -> None:
    (watched.folder / "a.mp4").write_bytes(b"1")
    watched.wait_for(["a.mp4"])


def test_a_growing_file_is_not_offered_before_it_stops(tmp_path: Path) -> None:
    # Far longer than the writer's pauses, so that a busy machine does not look like a finished copy.
    one = Watched(tmp_path, settle_seconds=1.0)
    one.inbox.start()
    try:
        (tmp_path / "card").mkdir()
        with (tmp_path / "card/a.mp4").open("wb", buffering=0) as file:
            until = time.monotonic() + 2.5
            while time.monotonic() < until:
                file.write(b"x")
                time.sleep(0.02)
                assert one.offered == []
        assert [drop.name for drop in one.inbox.pending()] == ["card"]
        one.wait_for(["card"])
    finally:
        one.inbox.stop()


def test_the_done_marker_offers_at_once(tmp_path: Path) -> None:
    one = Watched(tmp_path, settle_seconds=3600)
    one.inbox.start()
    try:
        (tmp_path / "card").mkdir()
        (tmp_path / "card/a.mp4").write_bytes(b"1")
        time.sleep(0.2)
        assert one.offered == []
        (tmp_path / "card" / MARKER).touch()
        one.wait_for(["card"])
    finally:
        one.inbox.stop()


def test_what_lay_there_before_the_start_is_offered(tmp_path: Path) -> None:
    (tmp_path / "card").mkdir()
    (tmp_path / "card/a.mp4").write_bytes(b"1")
    one = Watched(tmp_path)
    one.inbox.start()
    try:
        one.wait_for(["card"])
    finally:
        one.inbox.stop()


def test_what_was_taken_in_is_not_offered_by_a_later_run_until_it_changes(tmp_path: Path) -> None:
    (tmp_path / "card").mkdir()
    (tmp_path / "card/a.mp4").write_bytes(b"1")
    taken = {(tmp_path / "card", fingerprint_of(tmp_path / "card", MARKER).digest)}
    one = Watched(tmp_path, taken=taken)
    one.inbox.start()
    try:
        time.sleep(4 * SETTLE)
        assert one.offered == []
        (tmp_path / "card/b.mp4").write_bytes(b"2")
        one.wait_for(["card"])
    finally:
        one.inbox.stop()


def test_a_settled_folder_that_changes_deep_inside_is_offered_again(watched: Watched) -> None:
    (watched.folder / "card/DCIM/100").mkdir(parents=True)
    (watched.folder / "card/DCIM/100/a.mp4").write_bytes(b"1")
    watched.wait_for(["card"])
    (watched.folder / "card/DCIM/100/b.mp4").write_bytes(b"2")
    watched.wait_for(["card", "card"])
    assert len({digest for _, digest in watched.offered}) == 2


def test_reading_a_drop_does_not_offer_it_again(watched: Watched) -> None:
    (watched.folder / "card").mkdir()
    (watched.folder / "card/a.mp4").write_bytes(b"1")
    watched.wait_for(["card"])
    for _ in range(5):
        assert (watched.folder / "card/a.mp4").read_bytes() == b"1"
        assert list((watched.folder / "card").iterdir())
    time.sleep(3 * SETTLE)
    watched.wait_for(["card"])


@pytest.mark.parametrize("name", [".hidden", "card.part", "card.tmp", "card~"])
def test_a_temporary_name_waits_with_a_reason_until_it_is_renamed(watched: Watched, name: str) -> None:
    (watched.folder / name).mkdir()
    (watched.folder / name / "a.mp4").write_bytes(b"1")
    time.sleep(3 * SETTLE)
    assert watched.offered == []
    (drop,) = watched.inbox.pending()
    assert drop.name == name
    assert "rename" in drop.reason
    (watched.folder / name).rename(watched.folder / "card")
    watched.wait_for(["card"])


def test_a_link_or_pipe_in_the_inbox_is_named_with_its_reason_and_never_offered(watched: Watched) -> None:
    (watched.folder / "link").symlink_to("/etc")
    os.mkfifo(watched.folder / "pipe")
    time.sleep(3 * SETTLE)
    assert watched.offered == []
    assert [drop.name for drop in watched.inbox.pending()] == ["link", "pipe"]


def test_an_empty_folder_waits_with_a_reason(watched: Watched) -> None:
    (watched.folder / "card").mkdir()
    time.sleep(3 * SETTLE)
    assert watched.offered == []
    assert [drop.reason for drop in watched.inbox.pending()] == ["an empty folder"]


def test_a_drop_whose_taking_in_failed_can_be_asked_for_again(watched: Watched) -> None:
    (watched.folder / "a.mp4").write_bytes(b"1")
    watched.wait_for(["a.mp4"])
    watched.inbox.offer_again(watched.folder / "a.mp4")
    watched.wait_for(["a.mp4", "a.mp4"])


def test_a_drop_that_is_taken_away_is_forgotten(watched: Watched) -> None:
    (watched.folder / "card.part").mkdir()
    until = time.monotonic() + 5
    while not watched.inbox.pending() and time.monotonic() < until:
        time.sleep(0.02)
    (watched.folder / "card.part").rmdir()
    while watched.inbox.pending() and time.monotonic() < until:
        time.sleep(0.02)
    assert watched.inbox.pending() == ()


def test_many_drops_at_once_are_each_offered_once(watched: Watched) -> None:
    names = [f"card{number:02}" for number in range(20)]
    for name, file in itertools.product(names, range(5)):
        (watched.folder / name).mkdir(exist_ok=True)
        (watched.folder / name / f"{file}.mp4").write_bytes(b"1")
    until = time.monotonic() + 10
    while len(watched.offered) < 20 and time.monotonic() < until:
        time.sleep(0.02)
    assert sorted(watched.names()) == names


def test_an_inbox_that_cannot_be_made_is_an_error_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError) as refused:
        Watched(tmp_path / "file/inbox").inbox.start()
    assert refused.value.advice

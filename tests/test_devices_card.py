"""Listing and opening a card: real trees, real pipes, real mounts."""

import contextlib
import ctypes
import errno
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.core.errors import SourceChangedError, SourceError, SourceGoneError
from ingestd.core.model import EntryKind, SourceFile
from ingestd.core.naming import CardPath, card_path, raw_card_path
from ingestd.devices import beneath
from ingestd.devices.card import CardListing, list_card, open_source

NOBODY = 65534


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)


def listed(
    folder: Path,
    *,
    max_entries: int = 100_000,
    max_depth: int = 32,
    still_there: Callable[[], bool] = lambda: True,
    only: bytes | None = None,
) -> CardListing:
    with opened(folder) as fd:
        return list_card(fd, max_entries=max_entries, max_depth=max_depth, still_there=still_there, only=only)


def by_text(listing: CardListing) -> dict[str, SourceFile]:
    return {entry.path.text: entry for entry in listing.entries}


def put(folder: Path, raw: bytes, data: bytes = b"x") -> None:
    path = folder / os.fsdecode(raw)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def read_all(folder: Path, raw: bytes) -> bytes:
    with opened(folder) as root:
        return read_entry(root, card_path(raw))


def read_entry(root_fd: int, path: CardPath) -> bytes:
    with os.fdopen(open_source(root_fd, path), "rb") as file:
        return file.read()


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's rights, where the test has them; the descriptors that are open stay usable."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


# --- what is listed --------------------------------------------------------------------------------------------------


def test_every_file_of_the_tree_is_listed_in_the_order_of_its_path_bytes(tmp_path: Path) -> None:
    for raw in (b"DCIM/b.mp4", b"DCIM/a.mp4", b"LOGS/x.log", b"DCIM!/z"):
        put(tmp_path, raw)
    listing = listed(tmp_path)
    assert [raw_card_path(entry.path) for entry in listing.entries] == [
        b"DCIM!/z",
        b"DCIM/a.mp4",
        b"DCIM/b.mp4",
        b"LOGS/x.log",
    ]
    assert [entry.ordinal for entry in listing.entries] == [0, 1, 2, 3]
    assert listing.problems == ()


def test_an_entry_carries_size_and_time_of_the_file_system(tmp_path: Path) -> None:
    put(tmp_path, b"a.mp4", b"12345")
    os.utime(tmp_path / "a.mp4", ns=(0, 1_700_000_000_123_456_789))
    (entry,) = listed(tmp_path).entries
    assert (entry.kind, entry.size_bytes, entry.modified_ns) == (EntryKind.FILE, 5, 1_700_000_000_123_456_789)


@pytest.mark.parametrize(
    "raw",
    [
        "执法记录.mp4".encode("gb18030"),
        b"two\nlines.mp4",
        b"\xff\xfe\x80.mp4",
        b"a" * 251 + b".mp4",
        b"..mp4",
        b"...",
        b" ",
        b"-rf",
        b"tab\there",
        "e\u0301.mp4".encode(),
        b"back\\slash",
    ],
)
def test_a_strange_name_is_listed_and_its_file_can_be_read(tmp_path: Path, raw: bytes) -> None:
    put(tmp_path, raw, b"evidence")
    (entry,) = listed(tmp_path).entries
    assert entry.kind is EntryKind.FILE
    assert raw_card_path(entry.path) == raw
    with opened(tmp_path) as root:
        assert read_entry(root, entry.path) == b"evidence"


def test_two_names_that_read_the_same_stay_apart(tmp_path: Path) -> None:
    put(tmp_path, "执法.mp4".encode(), b"utf-8")
    put(tmp_path, "执法.mp4".encode("gb18030"), b"gbk")
    one, two = listed(tmp_path).entries
    assert one.path.text == two.path.text
    assert one.path != two.path
    with opened(tmp_path) as root:
        contents = {read_entry(root, entry.path) for entry in (one, two)}
    assert contents == {b"utf-8", b"gbk"}


names = st.binary(min_size=1, max_size=60).filter(lambda raw: not set(raw) & {0, 0x2F} and raw not in (b".", b".."))


@settings(max_examples=60, deadline=None)
@given(raw=names)
def test_any_name_that_linux_allows_comes_back_as_its_bytes(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        put(Path(folder), raw, raw)
        (entry,) = listed(Path(folder)).entries
        assert raw_card_path(entry.path) == raw
        with opened(Path(folder)) as root:
            assert read_entry(root, entry.path) == raw


def test_ten_thousand_tiny_files_are_listed_within_two_seconds(tmp_path: Path) -> None:
    for folder in range(10):
        (tmp_path / f"{folder}").mkdir()
        for number in range(1000):
            os.close(os.open(tmp_path / f"{folder}" / f"{number:04}.jpg", os.O_CREAT | os.O_WRONLY))
    started = time.process_time()
    listing = listed(tmp_path)
    assert len(listing.entries) == 10_000
    assert time.process_time() - started < 2


def test_a_single_file_is_listed_without_its_neighbours(tmp_path: Path) -> None:
    put(tmp_path, b"mine.mp4")
    put(tmp_path, b"other.mp4")
    assert list(by_text(listed(tmp_path, only=b"mine.mp4"))) == ["mine.mp4"]


# --- what is not entered ---------------------------------------------------------------------------------------------


def test_a_link_is_noted_with_its_target_and_not_followed(tmp_path: Path) -> None:
    outside, card = tmp_path / "outside", tmp_path / "card"
    put(outside, b"secret")
    card.mkdir()
    (card / "folder").symlink_to(outside)
    (card / "file").symlink_to(outside / "secret")
    (card / "loop").symlink_to(card)
    entries = by_text(listed(card))
    assert {text: entry.kind for text, entry in entries.items()} == dict.fromkeys(
        ("file", "folder", "loop"), EntryKind.LINK
    )
    assert entries["folder"].note == f"leads to {outside}"


def test_pipe_socket_and_device_are_noted_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        # By the descriptor, because a socket's address is short and the test's folder may be deep.
        with opened(tmp_path) as fd:
            listening.bind(f"/proc/self/fd/{fd}/socket")
        entries = by_text(listed(tmp_path))
    assert {text: (entry.kind, entry.note) for text, entry in entries.items()} == {
        "pipe": (EntryKind.SPECIAL, "a pipe"),
        "socket": (EntryKind.SPECIAL, "a socket"),
    }


def test_a_folder_that_refuses_is_an_unreadable_entry_and_a_problem(tmp_path: Path) -> None:
    put(tmp_path, b"locked/hidden.mp4")
    put(tmp_path, b"open/seen.mp4")
    tmp_path.chmod(0o755)
    (tmp_path / "locked").chmod(0)
    try:
        with opened(tmp_path) as fd, as_nobody():
            listing = list_card(fd, max_entries=100, max_depth=5, still_there=lambda: True)
    finally:
        (tmp_path / "locked").chmod(0o755)
    entries = by_text(listing)
    assert entries["locked"].kind is EntryKind.UNREADABLE
    assert "Permission denied" in entries["locked"].note
    assert entries["open/seen.mp4"].kind is EntryKind.FILE
    assert [problem.code for problem in listing.problems] == ["listing.incomplete"]
    assert listing.problems[0].evidence["places"][0]["path"] == "locked"


def test_a_folder_below_the_depth_limit_is_said_and_not_entered(tmp_path: Path) -> None:
    put(tmp_path, b"1/2/3/deep.mp4")
    put(tmp_path, b"1/2/reached.mp4")
    listing = listed(tmp_path, max_depth=2)
    entries = by_text(listing)
    assert set(entries) == {"1/2/3", "1/2/reached.mp4"}
    assert entries["1/2/3"].kind is EntryKind.UNREADABLE
    assert listing.problems


def test_a_tree_as_deep_as_the_limit_is_listed_whole(tmp_path: Path) -> None:
    put(tmp_path, b"1/2/3/deep.mp4")
    listing = listed(tmp_path, max_depth=3)
    assert set(by_text(listing)) == {"1/2/3/deep.mp4"}
    assert listing.problems == ()


def test_a_tree_deeper_than_any_path_is_listed_and_read(tmp_path: Path) -> None:
    names = [b"d%03d" % level + b"x" * 200 for level in range(40)]
    fd = os.open(tmp_path, os.O_RDONLY)
    for name in names:
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open(b"end.mp4", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)
    assert len(b"/".join(names)) > 4096
    (entry,) = listed(tmp_path, max_depth=60).entries
    assert raw_card_path(entry.path) == b"/".join((*names, b"end.mp4"))
    with opened(tmp_path) as root:
        os.close(open_source(root, entry.path))


def test_beyond_the_entry_limit_the_rest_is_one_entry_that_says_so(tmp_path: Path) -> None:
    for folder in (b"a", b"b", b"c"):
        for number in range(5):
            put(tmp_path, folder + b"/%d" % number)
    listing = listed(tmp_path, max_entries=8)
    unreadable = [entry for entry in listing.entries if entry.kind is EntryKind.UNREADABLE]
    assert len(unreadable) == 1
    assert "more than 8 entries" in unreadable[0].note
    assert listing.problems[0].evidence["count"] == 1
    assert len(listing.entries) - 1 == 5


def test_exactly_as_many_entries_as_the_limit_are_no_problem(tmp_path: Path) -> None:
    for number in range(8):
        put(tmp_path, b"%d" % number)
    listing = listed(tmp_path, max_entries=8)
    assert (len(listing.entries), listing.problems) == (8, ())


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_another_file_system_below_the_root_is_not_entered(tmp_path: Path) -> None:
    put(tmp_path, b"own.mp4")
    (tmp_path / "other").mkdir()
    with mounted(tmp_path / "other", "tmpfs"):
        put(tmp_path, b"other/foreign.mp4")
        listing = listed(tmp_path)
    entries = by_text(listing)
    assert set(entries) == {"other", "own.mp4"}
    assert "another file system" in entries["other"].note
    assert listing.problems


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_folder_that_leads_back_to_its_root_is_not_entered(tmp_path: Path) -> None:
    put(tmp_path, b"own.mp4")
    (tmp_path / "loop").mkdir()
    with mounted(tmp_path / "loop", "", source=tmp_path):
        entries = by_text(listed(tmp_path))
    assert set(entries) == {"loop", "own.mp4"}
    assert entries["loop"].kind is EntryKind.LINK


@contextlib.contextmanager
def mounted(point: Path, fs_type: str, source: Path | None = None) -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    bind = 4096 if source else 0
    if libc.mount(os.fsencode(source or "none"), os.fsencode(point), fs_type.encode(), ctypes.c_ulong(bind), None):
        pytest.skip(f"mounting is not allowed here: {os.strerror(ctypes.get_errno())}")
    try:
        yield
    finally:
        libc.umount2(os.fsencode(point), 2)


# --- a device that goes away -----------------------------------------------------------------------------------------


def test_an_empty_listing_of_a_device_that_is_gone_is_no_empty_card(tmp_path: Path) -> None:
    with pytest.raises(SourceGoneError):
        listed(tmp_path, still_there=lambda: False)


def test_an_empty_card_is_an_empty_listing(tmp_path: Path) -> None:
    assert listed(tmp_path) == CardListing(())


# --- opening ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["openat2", "stepwise"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to open: the kernel's own, and the one for kernels and sandboxes without it."""
    if request.param == "openat2" and not beneath.has_openat2():
        pytest.skip("this kernel or sandbox has no openat2")
    monkeypatch.setattr(beneath, "has_openat2", lambda: request.param == "openat2")


@pytest.mark.usefixtures("way")
class TestOpening:
    def test_a_file_in_a_folder_is_read(self, tmp_path: Path) -> None:
        put(tmp_path, b"DCIM/100/a.mp4", b"footage")
        assert read_all(tmp_path, b"DCIM/100/a.mp4") == b"footage"

    def test_the_descriptor_cannot_write(self, tmp_path: Path) -> None:
        put(tmp_path, b"a.mp4")
        with opened(tmp_path) as root:
            fd = open_source(root, card_path(b"a.mp4"))
        with pytest.raises(OSError) as refused:
            os.write(fd, b"y")
        os.close(fd)
        assert refused.value.errno == errno.EBADF

    def test_a_file_exchanged_for_a_link_is_refused(self, tmp_path: Path) -> None:
        put(tmp_path, b"secret")
        put(tmp_path, b"card/a.mp4")
        (tmp_path / "card/a.mp4").unlink()
        (tmp_path / "card/a.mp4").symlink_to(tmp_path / "secret")
        with pytest.raises(SourceChangedError):
            read_all(tmp_path / "card", b"a.mp4")

    def test_a_folder_exchanged_for_a_link_between_listing_and_opening_is_refused(self, tmp_path: Path) -> None:
        put(tmp_path, b"outside/a.mp4", b"secret")
        put(tmp_path, b"card/DCIM/a.mp4", b"footage")
        (entry,) = listed(tmp_path / "card").entries
        (tmp_path / "card/DCIM").rename(tmp_path / "card/gone")
        (tmp_path / "card/DCIM").symlink_to(tmp_path / "outside")
        with opened(tmp_path / "card") as root, pytest.raises(SourceChangedError):
            open_source(root, entry.path)

    def test_a_link_that_stays_inside_is_refused_too(self, tmp_path: Path) -> None:
        put(tmp_path, b"DCIM/a.mp4")
        (tmp_path / "link").symlink_to("DCIM")
        with pytest.raises(SourceChangedError):
            read_all(tmp_path, b"link/a.mp4")

    @pytest.mark.parametrize("raw", [b"../secret", b"DCIM/../../secret", b"/etc/passwd", b"", b"a//b", b"./a", b"a\0b"])
    def test_a_path_that_leads_out_is_refused(self, tmp_path: Path, raw: bytes) -> None:
        put(tmp_path, b"secret")
        put(tmp_path, b"card/DCIM/a.mp4")
        with pytest.raises(SourceError):
            read_all(tmp_path / "card", raw)

    def test_a_pipe_never_hangs(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a.mp4")
        outcome: list[type[BaseException] | None] = []

        def attempt() -> None:
            try:
                read_all(tmp_path, b"a.mp4")
                outcome.append(None)
            except SourceError as error:
                outcome.append(type(error))

        thread = threading.Thread(target=attempt, daemon=True)
        thread.start()
        thread.join(5)
        assert outcome == [SourceChangedError]

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.mp4").mkdir()
        with pytest.raises(SourceChangedError):
            read_all(tmp_path, b"a.mp4")

    def test_a_file_that_is_gone_is_an_error_of_the_source(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"a\.mp4"):
            read_all(tmp_path, b"a.mp4")

    @pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
    def test_a_file_on_a_mount_inside_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        with mounted(tmp_path / "other", "tmpfs"):
            put(tmp_path, b"other/a.mp4")
            with pytest.raises(SourceChangedError):
                read_all(tmp_path, b"other/a.mp4")

    def test_no_descriptor_leaks_on_refusal(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        put(tmp_path, b"d/e/f")
        before = len(os.listdir("/proc/self/fd"))
        for raw in (b"pipe", b"d/e", b"d/x/y", b"d/e/f/g", b"../x"):
            with pytest.raises(SourceError):
                read_all(tmp_path, raw)
        assert len(os.listdir("/proc/self/fd")) == before

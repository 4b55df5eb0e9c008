"""The durable steps: exclusive, synced before they are named, never over another file; and what a full disk says."""

import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.errors import StoreError, StoreFullError
from ingestd.stores.durable import (
    append_line,
    create_exclusive,
    make_directory,
    publish,
    remove,
    replace_whole,
    sync_directory,
    translated,
    unfinished,
    whole_lines_end,
    write_all,
    write_new,
    write_staged,
)
from tests.support.station import fill, limited, small_disk


def staged(folder: Path, data: bytes = b"whole") -> Path:
    path = folder / "staged"
    write_staged(path, data)
    return path


def calls_of(work: Callable[[], object]) -> list[str]:
    """The calls of the operating system that change a disk, in the order in which some work makes them."""
    seen: list[str] = []

    def note(_: FrameType, event: str, function: Any) -> None:
        if event == "c_call" and function.__module__ == "posix":
            seen.append(function.__name__)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return [
        name for name in seen if name in ("write", "fsync", "link", "rename", "replace", "unlink", "fchmod", "mkdir")
    ]


# --- creating ---------------------------------------------------------------------------------------------------------


def test_creating_refuses_a_name_that_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"mine")
    with pytest.raises(StoreError, match="cannot create"):
        create_exclusive(path)
    assert path.read_bytes() == b"mine"


def test_creating_does_not_follow_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        create_exclusive(tmp_path / "a")
    assert not (tmp_path / "elsewhere").exists()


def test_a_staged_file_is_read_only_and_whole(tmp_path: Path) -> None:
    path = staged(tmp_path)
    assert path.read_bytes() == b"whole"
    assert path.stat().st_mode & 0o777 == 0o440


def test_a_staged_file_of_an_earlier_crash_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "staged").write_bytes(b"torn")
    assert staged(tmp_path).read_bytes() == b"whole"


# --- publishing -------------------------------------------------------------------------------------------------------


def test_a_file_gets_its_name_only_after_its_bytes_are_synced_and_the_name_is_synced_last(tmp_path: Path) -> None:
    calls = calls_of(lambda: write_new(tmp_path / "a", b"data"))
    assert calls == ["write", "fchmod", "fsync", "link", "fsync", "unlink"]


def test_publishing_never_replaces_another_file(tmp_path: Path) -> None:
    final = tmp_path / "final"
    final.write_bytes(b"standing")
    with pytest.raises(StoreError, match="another file stands"):
        publish(staged(tmp_path), final)
    assert final.read_bytes() == b"standing"


def test_publishing_again_after_a_crash_accepts_the_very_same_file(tmp_path: Path) -> None:
    path, final = staged(tmp_path), tmp_path / "final"
    publish(path, final)
    publish(path, final)
    assert final.samefile(path)


def test_publishing_leaves_the_staged_name_to_roll_forward_from(tmp_path: Path) -> None:
    path = staged(tmp_path)
    publish(path, tmp_path / "final")
    assert path.exists()


def test_publishing_into_a_missing_folder_names_the_path(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="missing/final"):
        publish(staged(tmp_path), tmp_path / "missing" / "final")


def test_a_new_file_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_new(tmp_path / "a", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o440


def test_a_new_file_is_never_written_over_another(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"standing")
    with pytest.raises(StoreError):
        write_new(tmp_path / "a", b"other")
    assert (tmp_path / "a").read_bytes() == b"standing"


def test_a_new_file_that_stands_already_with_these_bytes_is_accepted(tmp_path: Path) -> None:
    write_new(tmp_path / "a", b"data")
    inode = (tmp_path / "a").stat().st_ino
    write_new(tmp_path / "a", b"data")
    assert (tmp_path / "a").stat().st_ino == inode


def test_what_a_crash_left_under_the_first_name_is_replaced(tmp_path: Path) -> None:
    unfinished(tmp_path / "a").write_bytes(b"torn")
    write_new(tmp_path / "a", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_replacing_swaps_the_whole_file(tmp_path: Path) -> None:
    replace_whole(tmp_path / "a", b"old")
    before = (tmp_path / "a").stat().st_ino
    replace_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert (tmp_path / "a").stat().st_ino != before


def test_replacing_syncs_the_bytes_before_and_the_name_after(tmp_path: Path) -> None:
    replace_whole(tmp_path / "a", b"old")
    calls = calls_of(lambda: replace_whole(tmp_path / "a", b"new"))
    assert calls == ["write", "fchmod", "fsync", "rename", "fsync"]


# --- folders ----------------------------------------------------------------------------------------------------------


def test_each_new_folder_is_synced_into_its_parent(tmp_path: Path) -> None:
    assert calls_of(lambda: make_directory(tmp_path / "a" / "b")) == ["mkdir", "fsync", "mkdir", "fsync"]


def test_a_folder_that_stands_is_accepted(tmp_path: Path) -> None:
    make_directory(tmp_path / "a")
    make_directory(tmp_path / "a")
    assert (tmp_path / "a").is_dir()


def test_a_file_where_a_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot create directory"):
        make_directory(tmp_path / "a" / "b")


def test_syncing_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot sync directory"):
        sync_directory(tmp_path / "gone")


def test_removing_what_is_gone_is_no_error(tmp_path: Path) -> None:
    remove(tmp_path / "gone")


# --- lines ------------------------------------------------------------------------------------------------------------


def test_lines_are_appended_behind_those_that_stand(tmp_path: Path) -> None:
    append_line(tmp_path / "log", b"one\n")
    append_line(tmp_path / "log", b"two\nthree\n")
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\nthree\n"


def test_a_torn_line_is_cut_before_the_next_is_appended(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"one\ntw")
    append_line(tmp_path / "log", b"three\n")
    assert (tmp_path / "log").read_bytes() == b"one\nthree\n"


def test_a_file_of_one_torn_line_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 200_000)
    append_line(tmp_path / "log", b"one\n")
    assert (tmp_path / "log").read_bytes() == b"one\n"


@given(st.lists(st.sampled_from([b"", b"x", b"x" * 65_535, b"x" * 65_536, b"y" * 70_000]), max_size=4), st.booleans())
def test_whole_lines_end_behind_the_last_newline_wherever_it_lies(lines: list[bytes], is_torn: bool) -> None:
    data = b"".join(line + b"\n" for line in lines) + (b"z" * 65_537 if is_torn else b"")
    descriptor = os.memfd_create("lines")
    try:
        write_all(descriptor, data, Path("memory"))
        assert whole_lines_end(descriptor) == data.rfind(b"\n") + 1
    finally:
        os.close(descriptor)


# --- a disk that says no ----------------------------------------------------------------------------------------------


def test_no_room_is_told_apart_from_other_faults() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(StoreFullError, match="no room to write"):
            write_all(descriptor, b"data", Path("/dev/full"))
    finally:
        os.close(descriptor)


def test_no_room_can_be_tried_again_and_other_faults_cannot() -> None:
    assert StoreFullError("").is_retryable
    assert not StoreError("").is_retryable


def test_a_fault_names_the_act_and_the_path_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught, translated("open", tmp_path / "a"):
        (tmp_path / "a").read_bytes()
    assert caught.value.message == f"cannot open {tmp_path / 'a'}: No such file or directory"
    assert caught.value.advice


def test_a_write_beyond_a_limit_is_an_error_and_not_a_short_file(tmp_path: Path) -> None:
    with limited(resource.RLIMIT_FSIZE, 100), pytest.raises(StoreError, match="cannot write"):
        write_new(tmp_path / "a", b"x" * 200)
    assert not (tmp_path / "a").exists()


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 1024 * 1024) as disk:
        (disk / "folder").mkdir()
        (disk / "log").write_bytes(b"one\n")
        fill(disk / "ballast")
        yield disk


def test_a_full_disk_leaves_no_new_file(full_disk: Path) -> None:
    with pytest.raises(StoreFullError):
        write_new(full_disk / "folder" / "a", b"x" * 10_000)
    assert not (full_disk / "folder" / "a").exists()


def test_a_full_disk_leaves_the_old_file_when_it_should_be_replaced(full_disk: Path) -> None:
    (full_disk / "ballast").unlink()
    replace_whole(full_disk / "state", b"old")
    fill(full_disk / "ballast")
    with pytest.raises(StoreFullError):
        replace_whole(full_disk / "state", b"n" * 10_000)
    assert (full_disk / "state").read_bytes() == b"old"


def test_lines_that_found_no_room_are_appended_whole_once_there_is_some(full_disk: Path) -> None:
    with pytest.raises(StoreFullError):
        append_line(full_disk / "log", b"x" * 10_000 + b"\n")
    (full_disk / "ballast").unlink()
    append_line(full_disk / "log", b"two\n")
    assert (full_disk / "log").read_bytes() == b"one\ntwo\n"

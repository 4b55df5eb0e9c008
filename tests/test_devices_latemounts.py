"""Volumes that are mounted later than anybody waits for are taken in then, without being plugged again."""

import contextlib
import os
import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestd.devices.latemounts import LateMounts
from tests.support.process import wait_until

SECONDS = 30.0


@pytest.fixture
def late() -> Iterator[LateMounts]:
    made = LateMounts()
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def mounted(point: Path) -> Iterator[int]:
    """A file system that is mounted for the block; the number of its device."""
    point.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "late", point], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("a mount that comes late needs the right to mount (root)")
    try:
        yield point.stat().st_dev
    finally:
        subprocess.run(["umount", "--lazy", point], check=True)


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """A /sys/class/block with a disk `late`, which gets the number of a mount by `name`."""
    folder = tmp_path / "sys"
    (folder / "late").mkdir(parents=True)
    return folder


def name(numbers: Path, device: int) -> None:
    (numbers / "late/dev").write_text(f"{os.major(device)}:{os.minor(device)}\n")


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "late-mounts"]


def test_a_volume_that_stands_mounted_already_is_told_of_at_once(tmp_path: Path, numbers: Path) -> None:
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    with contextlib.closing(LateMounts(sys_block=numbers)) as late, mounted(tmp_path / "point") as device:
        name(numbers, device)
        late.watch("volume", "/dev/late", None, lambda: told.put("mounted"))
        assert told.get(timeout=SECONDS) == "mounted"


def test_a_mount_that_comes_later_is_told_of_once_and_then_nobody_watches_any_more(
    tmp_path: Path, numbers: Path
) -> None:
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    with contextlib.closing(LateMounts(sys_block=numbers)) as late:
        with mounted(tmp_path / "point") as device:
            name(numbers, device)
        late.watch("volume", "/dev/late", None, lambda: told.put("mounted"))
        assert threads() == ["late-mounts"]
        with mounted(tmp_path / "point") as device:
            # Numbers of such devices are given out anew; the kernel's table changes again with the second mount.
            name(numbers, device)
            with mounted(tmp_path / "other"):
                assert told.get(timeout=SECONDS) == "mounted"
        assert told.empty()
        wait_until(lambda: threads() == [], what="the thread ends")


def test_a_volume_that_was_pulled_is_watched_no_more(late: LateMounts) -> None:
    late.watch("volume", "/dev/no-such-disk", None, lambda: None)
    assert threads() == ["late-mounts"]
    late.forget("volume")
    wait_until(lambda: threads() == [], what="the thread ends")
    late.forget("volume")


def test_closing_ends_the_watch_and_nothing_is_watched_behind_it() -> None:
    late = LateMounts()
    late.watch("volume", "/dev/no-such-disk", None, lambda: None)
    late.close()
    late.close()
    late.watch("volume", "/dev/no-such-disk", None, lambda: None)
    assert threads() == []

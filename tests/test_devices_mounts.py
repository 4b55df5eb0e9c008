"""Ways to a card: folders, mounts that exist, and mounts of our own on real loop devices."""

import contextlib
import dataclasses
import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.clock import SystemClock
from ingestd.core.errors import IngestdError, RefusedError, SourceError, SourceGoneError, UnavailableError
from ingestd.core.stop import Stop
from ingestd.devices.card import list_card
from ingestd.devices.mountinfo import parse_mountinfo, volume_presence
from ingestd.devices.mounts import DirectMounter, ExistingMounts, FolderMounter, choose_mounter, may_mount, unmount
from ingestd.devices.standing import mount_and_leave
from ingestd.devices.udev import DeviceAction, DeviceEvent

TABLE = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
90 27 8:1 / /media/two\040words\011tab ro,nosuid shared:5 master:1 - vfat /dev/sda1 ro,fmask=0022
91 27 8:17 /sub /mnt ro - exfat /dev/sdb1 rw,errors=remount-ro
not a line
"""


# --- the table of mounts ---------------------------------------------------------------------------------------------


def test_a_mount_point_with_escapes_and_optional_fields_is_read() -> None:
    line = parse_mountinfo(TABLE)[1]
    assert (line.device, str(line.mount_point), line.fs_type) == ("8:1", "/media/two words\ttab", "vfat")
    assert line.is_read_only


def test_a_read_only_view_of_a_writable_file_system_does_not_count_as_read_only() -> None:
    line = parse_mountinfo(TABLE)[2]
    assert (line.root, line.is_read_only) == ("/sub", False)


def test_lines_that_are_none_are_left_out() -> None:
    assert len(parse_mountinfo(TABLE)) == 3


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    parse_mountinfo(text)
    parse_mountinfo(f"1 2 8:1 / /mnt {text} - vfat /dev/sda1 {text}")


# --- whether the medium is there -------------------------------------------------------------------------------------


@pytest.fixture
def sys_block(tmp_path: Path) -> Path:
    """As /sys has it: a partition is a link into its disk's folder, which carries the number."""
    disk = tmp_path / "devices/usb/block/sda"
    (disk / "sda1").mkdir(parents=True)
    (disk / "diskseq").write_text("12\n")
    (disk / "size").write_text("129024\n")
    (disk / "sda1/size").write_text("126976\n")
    (disk / "sda1/dev").write_text("8:1\n")
    listing = tmp_path / "class/block"
    listing.mkdir(parents=True)
    (listing / "sda").symlink_to(disk)
    (listing / "sda1").symlink_to(disk / "sda1")
    return listing


@pytest.mark.parametrize("node", ["/dev/sda", "/dev/sda1"])
def test_the_medium_is_there_while_its_number_is(sys_block: Path, node: str) -> None:
    assert volume_presence(node, 12, sys_block)()


def test_another_medium_at_the_same_node_is_not_the_one(sys_block: Path) -> None:
    is_there = volume_presence("/dev/sda1", 12, sys_block)
    (sys_block / "sda/diskseq").write_text("13\n")
    assert not is_there()


def test_a_slot_without_a_card_is_not_the_medium(sys_block: Path) -> None:
    is_there = volume_presence("/dev/sda", 12, sys_block)
    (sys_block / "sda/size").write_text("0\n")
    assert not is_there()


def test_a_device_that_is_gone_is_gone(sys_block: Path) -> None:
    is_there = volume_presence("/dev/sda1", 12, sys_block)
    shutil.rmtree(sys_block.parent.parent / "devices")
    assert not is_there()


# --- folders ---------------------------------------------------------------------------------------------------------


def names_on(root_fd: int, only: bytes | None) -> list[str]:
    listing = list_card(root_fd, max_entries=100, max_depth=5, still_there=lambda: True, only=only)
    return [entry.path.text for entry in listing.entries]


def test_a_folder_is_a_card(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    with FolderMounter(tmp_path, fingerprint="f1").mount() as card:
        assert card.still_there()
        assert names_on(card.root_fd, card.only) == ["a.mp4"]
        assert card.volume == {"folder": str(tmp_path), "fingerprint": "f1"}


def test_a_single_file_is_a_card_of_one(tmp_path: Path) -> None:
    for name in ("mine.mp4", "other.mp4"):
        (tmp_path / name).touch()
    with FolderMounter(tmp_path / "mine.mp4").mount() as card:
        assert names_on(card.root_fd, card.only) == ["mine.mp4"]


def test_a_folder_that_is_taken_away_or_exchanged_is_gone(tmp_path: Path) -> None:
    (tmp_path / "card").mkdir()
    with FolderMounter(tmp_path / "card").mount() as card:
        (tmp_path / "card").rename(tmp_path / "elsewhere")
        assert not card.still_there()
        (tmp_path / "card").mkdir()
        assert not card.still_there()


def test_a_closed_card_is_not_there_and_closing_twice_is_harmless(tmp_path: Path) -> None:
    card = FolderMounter(tmp_path).mount()
    card.close()
    card.close()
    assert not card.still_there()


def test_a_link_is_refused_as_a_card(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(RefusedError):
        FolderMounter(tmp_path / "link").mount()


def test_a_folder_that_is_not_there_is_an_error_of_the_source(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        FolderMounter(tmp_path / "nothing").mount()


def test_a_folder_whose_name_is_no_text_is_described_in_text_that_json_can_carry(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\n")
    path.mkdir()
    with FolderMounter(path).mount() as card:
        card.volume["folder"].encode("utf-8")


# --- devices ---------------------------------------------------------------------------------------------------------


def test_a_device_that_does_not_exist_is_gone() -> None:
    volume = DeviceEvent(DeviceAction.ADDED, "/dev/none1", diskseq=1, fs_type="vfat")
    with pytest.raises(SourceGoneError):
        ExistingMounts(volume, Stop(), SystemClock()).mount()


def test_a_file_system_that_no_recorder_has_is_refused(tmp_path: Path) -> None:
    volume = DeviceEvent(DeviceAction.ADDED, "/dev/none1", diskseq=1, fs_type="btrfs")
    with pytest.raises(RefusedError, match="btrfs"):
        DirectMounter(volume, tmp_path).mount()


def test_without_the_right_to_mount_the_mount_unit_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("CapEff:\t000001ffffdfffff\n")
    assert not may_mount(tmp_path / "status")
    (tmp_path / "status").write_text("CapEff:\t0000000000200000\n")
    assert may_mount(tmp_path / "status")


def sh(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small ext4 card with one file."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None or shutil.which("losetup") is None:
        pytest.skip("loop devices need root, mkfs.ext4 and losetup")
    folder = tmp_path_factory.mktemp("image")
    (folder / "tree/DCIM").mkdir(parents=True)
    (folder / "tree/DCIM/a.mp4").write_bytes(b"footage")
    image = folder / "card.img"
    with image.open("xb") as file:
        file.truncate(8 * 1024 * 1024)
    sh("mkfs.ext4", "-q", "-L", "BWC0042", "-d", str(folder / "tree"), str(image))
    return image


@contextlib.contextmanager
def attached(image: Path) -> Iterator[DeviceEvent]:
    try:
        node = sh("losetup", "--find", "--show", str(image))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no loop device can be had here: {error.stderr.strip()}")
    try:
        diskseq = int(Path("/sys/class/block", Path(node).name, "diskseq").read_text("ascii"))
        yield DeviceEvent(DeviceAction.ADDED, node, diskseq, fs_type="ext4", label="BWC0042", usb_id="1209:0001")
    finally:
        # A loop device stays read-only beyond the image it was made so for.
        subprocess.run(["blockdev", "--setrw", node], check=False, capture_output=True)
        subprocess.run(["losetup", "--detach", node], check=False, capture_output=True)


def is_mounted(point: Path) -> bool:
    table = Path("/proc/self/mountinfo").read_text("utf-8")
    return any(str(line.mount_point).startswith(str(point)) for line in parse_mountinfo(table))


@pytest.fixture
def volume(image: Path) -> Iterator[DeviceEvent]:
    with attached(image) as event:
        yield event


def test_our_own_mount_is_read_only_and_leaves_nothing_behind(volume: DeviceEvent, tmp_path: Path) -> None:
    with DirectMounter(volume, tmp_path / "mnt").mount() as card:
        assert is_mounted(tmp_path / "mnt")
        assert names_on(card.root_fd, None) == ["DCIM/a.mp4"]
        with pytest.raises(OSError, match="Read-only"):
            os.open("new", os.O_CREAT | os.O_WRONLY, dir_fd=card.root_fd)
        assert (card.volume["label"], card.volume["fs_type"]) == ("BWC0042", "ext4")
        assert card.still_there()
    assert not is_mounted(tmp_path / "mnt")
    assert list((tmp_path / "mnt").iterdir()) == []


def test_mounting_leaves_the_medium_bit_identical(image: Path, tmp_path: Path) -> None:
    before = hashlib.sha256(image.read_bytes()).hexdigest()
    with attached(image) as event, DirectMounter(event, tmp_path / "mnt").mount() as card:
        names_on(card.root_fd, None)
    assert hashlib.sha256(image.read_bytes()).hexdigest() == before


def test_a_mount_in_use_is_let_go_of_all_the_same(volume: DeviceEvent, tmp_path: Path) -> None:
    card = DirectMounter(volume, tmp_path / "mnt").mount()
    user = os.open("DCIM/a.mp4", os.O_RDONLY, dir_fd=card.root_fd)
    card.close()
    assert not is_mounted(tmp_path / "mnt")
    os.close(user)


def test_another_medium_than_the_one_told_of_is_not_mounted(volume: DeviceEvent, tmp_path: Path) -> None:
    assert volume.diskseq is not None
    earlier = dataclasses.replace(volume, diskseq=volume.diskseq - 1)
    with pytest.raises(SourceGoneError):
        DirectMounter(earlier, tmp_path / "mnt").mount()
    assert not is_mounted(tmp_path / "mnt")


def test_a_damaged_file_system_is_an_error_of_the_source(tmp_path: Path, image: Path) -> None:
    damaged = tmp_path / "damaged.img"
    damaged.write_bytes(bytes(len(image.read_bytes())))
    with attached(damaged) as event, pytest.raises(SourceError, match="damaged"):
        DirectMounter(event, tmp_path / "mnt").mount()


def test_the_mount_of_the_unit_stays_and_its_device_takes_no_writes_any_more(
    volume: DeviceEvent, tmp_path: Path
) -> None:
    mount_and_leave(volume, tmp_path / "mnt", os.getuid(), os.getgid())
    try:
        with ExistingMounts(volume, Stop(), SystemClock()).mount() as card:
            assert names_on(card.root_fd, None) == ["DCIM/a.mp4"]
        assert is_mounted(tmp_path / "mnt"), "the station must leave it to the unit"
        assert Path("/sys/class/block", Path(volume.device_node).name, "ro").read_text() == "1\n"
    finally:
        unmount(tmp_path / "mnt")


def test_the_unit_mounts_nothing_that_is_mounted_elsewhere_and_leaves_that_device_as_it_is(
    volume: DeviceEvent, tmp_path: Path
) -> None:
    with foreign_mount(volume, tmp_path / "other", "rw"):
        with pytest.raises(RefusedError, match="mounted at"):
            mount_and_leave(volume, tmp_path / "mnt", os.getuid(), os.getgid())
        assert Path("/sys/class/block", Path(volume.device_node).name, "ro").read_text() == "0\n"
    assert not (tmp_path / "mnt").exists()


def test_the_unit_mounts_no_other_medium_than_the_one_that_was_judged(volume: DeviceEvent, tmp_path: Path) -> None:
    assert volume.diskseq is not None
    judged = dataclasses.replace(volume, diskseq=volume.diskseq - 1)
    with pytest.raises(SourceGoneError):
        mount_and_leave(judged, tmp_path / "mnt", os.getuid(), os.getgid())
    assert not is_mounted(tmp_path / "mnt")


def test_a_mount_of_the_card_that_was_there_before_is_not_taken_for_this_one(
    volume: DeviceEvent, tmp_path: Path
) -> None:
    """Its names would be put on the bytes of the new card; a reader keeps node and number of a device."""
    mount_and_leave(volume, tmp_path / "mnt", os.getuid(), os.getgid())
    try:
        assert (tmp_path / "mnt.medium").readlink() == Path(str(volume.diskseq))
        (tmp_path / "mnt.medium").unlink()
        (tmp_path / "mnt.medium").symlink_to("1")
        with pytest.raises(UnavailableError, match="mounted nowhere"):
            ExistingMounts(volume, Stop(), SystemClock(), wait_seconds=0.3).mount()
        # The unit, started for the new one, ends the old one's mount and makes its own.
        mount_and_leave(volume, tmp_path / "mnt", os.getuid(), os.getgid())
        with ExistingMounts(volume, Stop(), SystemClock()).mount() as card:
            assert names_on(card.root_fd, None) == ["DCIM/a.mp4"]
    finally:
        unmount(tmp_path / "mnt")
    assert list(tmp_path.glob("mnt*")) == []


def test_a_file_system_that_somebody_still_reads_unseen_is_not_mounted_again(
    volume: DeviceEvent, tmp_path: Path
) -> None:
    """The kernel would give out the old one, with what it remembers of a card that may be another by now."""
    mount_and_leave(volume, tmp_path / "mnt", os.getuid(), os.getgid())
    user = os.open(tmp_path / "mnt/DCIM/a.mp4", os.O_RDONLY)
    unmount(tmp_path / "mnt")
    with pytest.raises(RefusedError, match="still held"):
        mount_and_leave(volume, tmp_path / "mnt", os.getuid(), os.getgid(), held_seconds=0.3)
    with pytest.raises(UnavailableError, match="still held"):
        DirectMounter(volume, tmp_path / "own").mount()
    threading.Timer(0.3, os.close, (user,)).start()
    mount_and_leave(volume, tmp_path / "mnt", os.getuid(), os.getgid())
    unmount(tmp_path / "mnt")


def test_what_an_earlier_recorder_left_at_the_mount_point_goes_first(volume: DeviceEvent, tmp_path: Path) -> None:
    sh("mount", "-t", "tmpfs", "left", str(made(tmp_path / "mnt")))
    mount_and_leave(volume, tmp_path / "mnt", os.getuid(), os.getgid())
    unmount(tmp_path / "mnt")
    assert not is_mounted(tmp_path / "mnt")


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_read_only_mount_of_others_is_used_and_left_alone(volume: DeviceEvent, tmp_path: Path) -> None:
    with foreign_mount(volume, tmp_path / "other", "ro,noload"):
        with choose_mounter(volume, tmp_path / "mnt", Stop(), SystemClock()).mount() as card:
            assert names_on(card.root_fd, None) == ["DCIM/a.mp4"]
        assert is_mounted(tmp_path / "other")


def test_a_writable_mount_of_others_is_refused_with_advice(volume: DeviceEvent, tmp_path: Path) -> None:
    with foreign_mount(volume, tmp_path / "other", "rw"), pytest.raises(RefusedError) as refused:
        ExistingMounts(volume, Stop(), SystemClock()).mount()
    assert f"umount {volume.device_node}" in refused.value.advice


def test_a_mount_left_by_a_killed_run_is_used_and_let_go_of(volume: DeviceEvent, tmp_path: Path) -> None:
    with foreign_mount(volume, tmp_path / "mnt/left", "ro,noload"):
        with choose_mounter(volume, tmp_path / "mnt", Stop(), SystemClock()).mount() as card:
            assert card.still_there()
        assert not is_mounted(tmp_path / "mnt")


def test_a_mount_that_never_comes_is_unavailable_after_the_wait(volume: DeviceEvent) -> None:
    with pytest.raises(UnavailableError, match="mounted nowhere"):
        ExistingMounts(volume, Stop(), SystemClock(), wait_seconds=0.3).mount()


def test_a_stop_ends_the_wait_for_a_mount(volume: DeviceEvent) -> None:
    stop = Stop()
    stop.request()
    with pytest.raises(IngestdError, match="stop"):
        ExistingMounts(volume, stop, SystemClock(), wait_seconds=3600).mount()


@contextlib.contextmanager
def foreign_mount(volume: DeviceEvent, point: Path, options: str) -> Iterator[None]:
    point.mkdir(parents=True)
    sh("mount", "-t", "ext4", "-o", options, volume.device_node, str(point))
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(point)], check=False, capture_output=True)

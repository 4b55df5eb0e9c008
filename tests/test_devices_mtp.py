"""Recorders that hand out their files by MTP: through a real FUSE mount, whose program can be told to do wrong."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestd.cli.mtp_helper import main
from ingestd.cli.unit_program import Outcome
from ingestd.core.clock import SystemClock
from ingestd.core.errors import IngestdError, RefusedError, SourceError, SourceGoneError, UnavailableError
from ingestd.core.lifecycle import BayState
from ingestd.core.model import Inlet, Progress
from ingestd.core.stop import Stop
from ingestd.devices.card import list_card
from ingestd.devices.dock import open_docking
from ingestd.devices.mountinfo import mounts
from ingestd.devices.mounts import may_mount, unmount
from ingestd.devices.mtp import MtpMounter, choose_mtp_mounter, command_line, transport_findings, usb_presence
from ingestd.devices.usb import DeviceAction, DeviceEvent, DeviceKind
from ingestd.pipeline.run import DockingResult, take_in
from tests.support.fuse_program import fuse_program
from tests.support.process import wait_until
from tests.support.station import Report, Station, build_station, faults_of, sha256_of_file, write_card
from tests.support.trees import noise

USB_PATH = "/devices/pci0000:00/0000:00:14.0/usb1/1-4"
FILM = "DCIM/0000007_00001220261121083000_0001.mp4"
NOTE = "DCIM/执法记录/0000007_00001220261121083500_0002.log"
MIB = 1 << 20
EVENT = DeviceEvent(
    DeviceAction.ADDED,
    "/dev/bus/usb/001/004",
    bay="bay 4",
    usb_id="46f4:0004",
    serial="MTP-0004",
    model="BodyCam",
    kind=DeviceKind.MTP,
    sysfs_path=USB_PATH,
    usb_path=USB_PATH,
    device_number="001/004",
)


@pytest.fixture
def sys_folder(tmp_path: Path) -> Path:
    """As /sys has a USB device."""
    place = tmp_path / "sys" / USB_PATH.lstrip("/")
    place.mkdir(parents=True)
    (place / "busnum").write_text("1\n")
    (place / "devnum").write_text("4\n")
    return tmp_path / "sys"


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write_card(tmp_path / "card", {FILM: noise(1, 3 * MIB + 500), NOTE: noise(2, 700)})


def pull(sys_folder: Path) -> None:
    shutil.rmtree(sys_folder / USB_PATH.lstrip("/"))


Way = Callable[..., MtpMounter]


@pytest.fixture
def way(tmp_path: Path, sys_folder: Path, card: Path) -> Iterator[Way]:
    """A way to the card, by a FUSE program with such faults."""

    if not may_mount() or not Path("/dev/fuse").exists():
        pytest.skip("mounting by FUSE needs root and /dev/fuse")

    def made(stop: Stop | None = None, wait_seconds: float = 20, **faults: Any) -> MtpMounter:
        program = fuse_program(tmp_path / "program", **({"card": card} | faults))
        return MtpMounter(
            EVENT,
            stop or Stop(),
            SystemClock(),
            mount_dir=tmp_path / "mtp",
            program=program,
            wait_seconds=wait_seconds,
            sys=sys_folder,
        )

    yield made
    assert [line for line in mounts() if line.mount_point.is_relative_to(tmp_path)] == []


# --- whether the recorder is there ------------------------------------------------------------------------------------


def test_a_recorder_is_there_while_its_place_has_its_number(sys_folder: Path) -> None:
    is_there = usb_presence(USB_PATH, "001/004", sys_folder)
    assert is_there()
    pull(sys_folder)
    assert not is_there()


@pytest.mark.parametrize(("name", "number"), [("devnum", "5"), ("busnum", "2"), ("devnum", ""), ("devnum", "\xff")])
def test_another_device_at_the_same_port_is_not_the_recorder(sys_folder: Path, name: str, number: str) -> None:
    is_there = usb_presence(USB_PATH, "001/004", sys_folder)
    (sys_folder / USB_PATH.lstrip("/") / name).write_text(number, "latin-1")
    assert not is_there()


@pytest.mark.parametrize(("usb_path", "number"), [("", "001/004"), (USB_PATH, ""), (USB_PATH, "004")])
def test_an_event_without_a_place_names_no_recorder(sys_folder: Path, usb_path: str, number: str) -> None:
    assert not usb_presence(usb_path, number, sys_folder)()


# --- the mount --------------------------------------------------------------------------------------------------------


def test_the_program_is_called_for_one_recorder_and_can_write_nothing() -> None:
    words = command_line(Path("/usr/bin/jmtpfs"), "001/014", Path("/run/ingestd/mtp/001-014"))
    assert words[:4] == ["/usr/bin/jmtpfs", "-f", "-s", "-device=1,14"]
    assert "ro" in words[words.index("-o") + 1].split(",")


def test_a_recorder_is_mounted_read_only_listed_whole_and_leaves_nothing_behind(way: Way, tmp_path: Path) -> None:
    with way().mount() as mounted:
        listing = list_card(mounted.root_fd, max_entries=100, max_depth=9, still_there=mounted.still_there)
        assert [entry.path.text for entry in listing.entries] == [f"BodyCam/{FILM}", f"BodyCam/{NOTE}"]
        with pytest.raises(OSError, match="Read-only"):
            os.open("BodyCam/new", os.O_CREAT | os.O_WRONLY, dir_fd=mounted.root_fd)
        assert mounted.still_there()
    assert list((tmp_path / "mtp").iterdir()) == []


def test_what_is_known_of_the_recorder_says_that_it_came_by_mtp(way: Way) -> None:
    with way().mount() as mounted:
        facts = {name: mounted.volume[name] for name in ("transport", "fs_type", "usb_serial", "model", "usb_path")}
    assert facts == {
        "transport": "mtp",
        "fs_type": "fuse.jmtpfs",
        "usb_serial": "MTP-0004",
        "model": "BodyCam",
        "usb_path": USB_PATH,
    }


def test_a_mount_that_a_unit_made_is_used_and_left_alone(way: Way, tmp_path: Path, sys_folder: Path) -> None:
    with way().mount() as first:
        second = MtpMounter(EVENT, Stop(), SystemClock(), mount_dir=tmp_path / "mtp", sys=sys_folder).mount()
        second.close()
        assert first.still_there()


@pytest.mark.parametrize(
    ("faults", "words"), [({"is_writable": True}, "writable"), ({"fs_type": "fuse.sshfs"}, "fuse.sshfs")]
)
def test_a_mount_that_is_writable_or_of_another_program_is_refused(
    way: Way, faults: dict[str, Any], words: str
) -> None:
    with pytest.raises(RefusedError, match=words):
        way(**faults).mount()


def test_a_mount_that_never_comes_is_unavailable_after_the_wait(tmp_path: Path, sys_folder: Path) -> None:
    mounter = MtpMounter(EVENT, Stop(), SystemClock(), mount_dir=tmp_path / "mtp", wait_seconds=0.3, sys=sys_folder)
    with pytest.raises(UnavailableError, match="mounted nowhere"):
        mounter.mount()


@pytest.mark.usefixtures("way")
def test_a_locked_recorder_without_storage_is_never_an_empty_one(tmp_path: Path, sys_folder: Path) -> None:
    # As a unit's mount: it stands already, and only the storage is waited for.
    program, point = fuse_program(tmp_path / "locked", card=None), tmp_path / "locked" / "001-004"
    point.mkdir()
    with subprocess.Popen(command_line(program, "001/004", point)) as process:
        wait_until(lambda: any(line.mount_point == point for line in mounts()), seconds=20, what="the mount")
        mounter = MtpMounter(
            EVENT, Stop(), SystemClock(), mount_dir=tmp_path / "locked", wait_seconds=0.3, sys=sys_folder
        )
        with pytest.raises(UnavailableError, match="shows no storage") as refused:
            mounter.mount()
        unmount(point)
        process.wait()
    assert "解锁" in refused.value.advice


def test_a_program_that_ends_is_an_error_of_the_source(way: Way) -> None:
    with pytest.raises(SourceError, match="ended with 1"):
        way(is_refused=True).mount()


def test_a_program_that_is_not_there_is_said_with_the_fix(tmp_path: Path, sys_folder: Path) -> None:
    program = tmp_path / "none"
    mounter = MtpMounter(EVENT, Stop(), SystemClock(), mount_dir=tmp_path / "mtp", program=program, sys=sys_folder)
    with pytest.raises(UnavailableError) as refused:
        mounter.mount()
    assert "apt install jmtpfs" in refused.value.advice


def test_a_recorder_that_is_gone_is_not_mounted(way: Way, sys_folder: Path) -> None:
    pull(sys_folder)
    with pytest.raises(SourceGoneError):
        way().mount()


def test_a_stop_ends_the_wait(way: Way) -> None:
    stop = Stop()
    stop.request()
    with pytest.raises(IngestdError, match="stop"):
        way(stop, card=None).mount()


def test_a_pulled_recorder_is_gone_whatever_its_mount_says(way: Way, sys_folder: Path) -> None:
    with way().mount() as mounted:
        pull(sys_folder)
        assert os.listdir(mounted.root_fd) == ["BodyCam"]
        assert not mounted.still_there()


def test_a_recorder_whose_program_was_killed_is_gone(way: Way, tmp_path: Path) -> None:
    with way().mount() as mounted:
        point = os.fsencode(tmp_path / "mtp" / "001-004")
        (process,) = (
            int(folder.name)
            for folder in Path("/proc").glob("[0-9]*")
            if point in _command_of(folder) and b"tests.support.fuse_program" in _command_of(folder)
        )
        os.kill(process, signal.SIGKILL)
        wait_until(lambda: not mounted.still_there(), seconds=20, what="the end of the mount")


def _command_of(process: Path) -> list[bytes]:
    with contextlib.suppress(OSError):
        return (process / "cmdline").read_bytes().split(b"\0")
    return []


def test_what_did_not_come_by_mtp_has_nothing_to_be_said() -> None:
    assert transport_findings({"device": "/dev/sda1"}) == ()


def test_without_a_recorder_at_hand_the_unit_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(SourceGoneError):
        choose_mtp_mounter(EVENT, tmp_path, Stop(), SystemClock()).mount()


# --- dockings ---------------------------------------------------------------------------------------------------------


def docked(station: Station, mounter: MtpMounter, report: Report = lambda _: None) -> DockingResult:
    with station.at_work() as parts:
        limits = parts.settings.copying
        with open_docking(
            mounter,
            bay="bay 4",
            inlet=Inlet.UDEV,
            profiles=parts.profiles,
            zone=parts.settings.station.zone_info,
            clock=parts.clock,
            max_entries=limits.max_entries,
            max_depth=limits.max_depth,
        ) as recorder:
            return take_in(recorder, parts, report)


def births(station: Station) -> dict[str, dict[str, Any]]:
    documents = (json.loads(path.read_bytes()) for path in station.vault.root.glob("originals/**/*.birth.json"))
    return {document["card"]["path"]: document for document in documents}


def codes(station: Station, result: DockingResult) -> dict[str, dict[str, Any]]:
    """What was found, beside who the recorder is, with its evidence."""
    found = station.catalogue().findings(docking=result.docking_id)
    return {row["code"]: row["document"]["evidence"] for row in found if row["code"].startswith(("read.", "file."))}


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return build_station(tmp_path / "station", copy__retries=0)


def test_what_came_by_mtp_is_held_whole_was_fetched_twice_and_says_so(station: Station, way: Way, card: Path) -> None:
    result = docked(station, way())
    assert result.outcome == "complete"
    assert codes(station, result) == {"read.over_mtp": {"transport": "mtp", "read_by": "fuse.jmtpfs"}}
    told = births(station)
    for name in (FILM, NOTE):
        birth, digest = told[f"BodyCam/{name}"], sha256_of_file(card / name)
        assert (birth["content"]["sha256"], birth["proof"]["second_reading"]) == (digest, digest)
        assert birth["docking"]["transport"] == "mtp"
    assert faults_of(station, is_described=False) == []


def test_a_file_that_comes_otherwise_the_second_time_is_named(station: Station, way: Way, card: Path) -> None:
    result = docked(station, way(other={f"BodyCam/{FILM}": 2}))
    assert codes(station, result)["read.unstable"]["first_reading"] == sha256_of_file(card / FILM)
    assert result.outcome == "incomplete"


def test_fetching_twice_can_be_switched_off(tmp_path: Path, way: Way) -> None:
    station = build_station(tmp_path / "once", copy__read_mtp_twice=False)
    result = docked(station, way(other={f"BodyCam/{FILM}": 2}))
    assert (result.outcome, list(codes(station, result))) == ("complete", ["read.over_mtp"])


@pytest.mark.parametrize("is_kept", [False, True], ids=["and says so when it is open", "and keeps its listed size"])
def test_a_file_of_which_fewer_bytes_come_than_were_listed_is_never_taken_for_whole(
    station: Station, way: Way, is_kept: bool
) -> None:
    result = docked(station, way(short={f"BodyCam/{FILM}": MIB + 5}, is_kept=is_kept))
    assert str(MIB + 5) in codes(station, result)["file.changed_while_read"]["words"]
    assert result.outcome == "incomplete"
    assert births(station)[f"BodyCam/{FILM}"]["content"]["size_bytes"] == MIB + 5


def test_a_file_that_ends_before_its_listed_size_is_never_taken_for_whole(tmp_path: Path, station: Station) -> None:
    place = next(
        (one for one in map(Path, ("/sys/kernel/mm/ksm", "/sys/class/net/lo/queues/rx-0")) if one.is_dir()), None
    )
    if place is None:
        pytest.skip("this kernel has no folder whose files are shorter than they say")
    result = station.ingest(place)
    found = station.catalogue().findings(docking=result.docking_id, code="file.changed_while_read")
    assert len(found) > 0
    assert result.outcome == "incomplete"


def test_a_recorder_that_is_pulled_interrupts_its_docking_and_is_taken_in_whole_the_next_time(
    station: Station, way: Way, sys_folder: Path, tmp_path: Path
) -> None:
    kept = shutil.copytree(sys_folder, tmp_path / "kept")

    def report(progress: Progress) -> None:
        if progress.state == BayState.COPYING and progress.bytes_done > MIB and (sys_folder / "devices").exists():
            shutil.rmtree(sys_folder / "devices")

    way_with_fault = way(dies_at=f"BodyCam/{NOTE}")
    assert docked(station, way_with_fault, report).outcome == "interrupted"
    shutil.copytree(kept, sys_folder, dirs_exist_ok=True)
    assert docked(station, way()).outcome == "complete"
    assert faults_of(station, is_described=False) == []


def test_a_program_that_dies_interrupts_the_docking_and_calls_no_file_unreadable(station: Station, way: Way) -> None:
    result = docked(station, way(dies_at=f"BodyCam/{NOTE}"))
    assert result.outcome == "interrupted"
    assert "read.error" not in codes(station, result)


def test_a_known_file_is_read_again_over_mtp(station: Station, way: Way) -> None:
    docked(station, way())
    second = docked(station, way())
    assert station.catalogue().docking(second.docking_id)["recorder_id"] == "0000007"
    for name in (FILM, NOTE):
        entry = station.entries(second.docking_id)[f"BodyCam/{name}"]
        assert (entry["fate"], entry["reason"][:14]) == ("already_held", "the same bytes")


# --- the unit's program -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["1-4", "001-004;reboot", "../001-004", "001/004", ""])
def test_the_unit_opens_nothing_that_is_no_place_on_usb(
    station: Station, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--config", str(station.config_file), "--judge", place]) is Outcome.LEFT_ALONE
    assert "no place on USB" in capsys.readouterr().err


def test_the_unit_leaves_everything_alone_where_udev_is_switched_off(station: Station) -> None:
    assert main(["--config", str(station.config_file), "001-004"]) is Outcome.LEFT_ALONE

"""What the real monitor tells of a make-believe bus, and what the watch does without udev."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.clock import SystemClock
from ingestd.core.errors import UnavailableError
from ingestd.core.settings import UdevSettings
from ingestd.devices.udev import UdevWatch
from tests.support import umockdev
from tests.support.umockdev import RECORDERS, Scene

CAMERA = "usb-custom-exfat"
EIGHT = tuple(f"plug:{CAMERA}@port={port},disk=sd{'abcdefgh'[port - 1]},diskseq={100 + port}" for port in range(1, 9))
QUARANTINE = RECORDERS | {"unknown_storage": "quarantine"}

SCENES = {
    "plug and unplug": Scene(("start", f"plug:{CAMERA}", f"change:{CAMERA}", f"unplug:{CAMERA}")),
    "before the start": Scene((f"plug:{CAMERA}", "start", f"change:{CAMERA}")),
    "next medium": Scene(("start", f"plug:{CAMERA}", f"unplug:{CAMERA}", f"plug:{CAMERA}@diskseq=13")),
    "card swap": Scene(
        ("start", f"plug:{CAMERA}", f"unplug:{CAMERA}@only=sda1", f"plug:{CAMERA}@only=sda1,diskseq=13")
    ),
    "two volumes": Scene(("start", "plug:usb-custom-two-luns")),
    "vfat": Scene(("start", "plug:usb-storage-vfat"), {"allowed_labels": ["BWC*"]}),
    "superfloppy": Scene(("start", "plug:usb-storage-noserial-superfloppy"), {"allowed_usb_ids": ["46f4:0001"]}),
    "stick": Scene(("start", "plug:usb-storage-vfat@port=3", "unplug:usb-storage-vfat@port=3")),
    "stick in quarantine": Scene(("start", "plug:usb-storage-vfat@port=3"), QUARANTINE),
    "hub": Scene(
        ("start", f"plug:{CAMERA}@port=9.3"),
        RECORDERS | {"bays": {"pci-0000:00:14.0-usb-0:9.3": "bay 9-3", "pci-0000:00:14.0-usb-0:9": "bay 9"}},
    ),
    "mtp": Scene(("start", "plug:usb-mtp", "change:usb-mtp", "unplug:usb-mtp"), {"allowed_usb_ids": ["46f4:0004"]}),
    "badusb": Scene(("start", "plug:badusb-composite", "unplug:badusb-composite")),
    "keyboard elsewhere": Scene(("start", "plug:keyboard")),
    "unlocking": Scene(("start", "plug:vendor-locked", "unplug:vendor-locked", f"plug:{CAMERA}")),
    "lost removal": Scene(("start:0.2", f"plug:{CAMERA}", f"vanish:{CAMERA}")),
    "eight at once": Scene((*EIGHT, "start")),
    "eight after another": Scene(("start", *EIGHT)),
    "storm": Scene(("start", f"plug:{CAMERA}", f"storm:{CAMERA}@only=sda1", f"unplug:{CAMERA}")),
    "broken monitor": Scene(("start", f"plug:{CAMERA}", "break", f"unplug:{CAMERA}", f"plug:{CAMERA}@diskseq=13")),
}


def test_without_libudev_the_inlet_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyudev._ctypeslib.utils.find_library", lambda name: None)
    with pytest.raises(UnavailableError, match="libudev"):
        UdevWatch(UdevSettings(), lambda event: None, SystemClock()).start()


def test_without_a_running_udev_the_inlet_says_so(tmp_path: Path) -> None:
    watch = UdevWatch(UdevSettings(), lambda event: None, SystemClock(), udev_sign=tmp_path / "control")
    with pytest.raises(UnavailableError, match="udev"):
        watch.start()
    watch.stop()


@pytest.fixture(scope="module")
def played() -> dict[str, umockdev.Told]:
    """All scenes, played in one program."""
    return umockdev.play(SCENES)


@pytest.mark.full
@pytest.mark.skipif(umockdev.missing() != "", reason=umockdev.missing())
class TestRealMonitor:
    @pytest.fixture(autouse=True)
    def _scenes(self, played: dict[str, umockdev.Told]) -> None:
        self.played = played

    def told(self, scene: str, *keys: str) -> list[list[tuple[Any, ...]]]:
        """What each step after the first brought."""
        keys = keys or ("action", "device_node", "diskseq")
        return [[tuple(event[key] for key in keys) for event in step] for step in self.played[scene][1:]]

    def test_plug_and_unplug_are_told_once_each(self) -> None:
        assert self.told("plug and unplug") == [[("added", "/dev/sda1", 12)], [], [("removed", "/dev/sda1", 12)]]

    def test_a_recorder_plugged_in_before_the_start_is_told_once(self) -> None:
        assert self.told("before the start") == [[("added", "/dev/sda1", 12)], []]

    def test_the_next_medium_at_the_same_node_is_another_one(self) -> None:
        assert self.told("next medium")[1:] == [[("removed", "/dev/sda1", 12)], [("added", "/dev/sda1", 13)]]

    def test_another_card_in_the_same_reader_is_another_one(self) -> None:
        assert self.told("card swap")[1:] == [[("removed", "/dev/sda1", 12)], [("added", "/dev/sda1", 13)]]

    def test_both_volumes_of_a_recorder_are_told(self) -> None:
        (told,) = self.told("two volumes")
        assert sorted(told) == [("added", "/dev/sda1", 13), ("added", "/dev/sdb1", 14)]

    def test_a_volume_is_known_by_its_label(self) -> None:
        assert self.told("vfat") == [[("added", "/dev/sda1", 10)]]

    def test_a_disk_without_partitions_and_serial_is_told(self) -> None:
        assert self.told("superfloppy") == [[("added", "/dev/sda", 15)]]

    def test_a_stick_is_told_as_ignored_and_its_leaving_frees_the_bay(self) -> None:
        assert self.told("stick", "action", "bay") == [[("ignored", "bay 3")], [("removed", "bay 3")]]

    def test_a_stick_is_told_as_quarantined_where_that_is_the_rule(self) -> None:
        assert self.told("stick in quarantine", "action", "bay", "is_quarantined") == [[("added", "bay 3", True)]]

    def test_a_bay_behind_a_hub_goes_by_its_own_name(self) -> None:
        assert self.told("hub", "action", "bay") == [[("added", "bay 9-3")]]

    def test_an_mtp_recorder_is_told_once_each_way(self) -> None:
        told = self.told("mtp", "action", "kind", "device_number", "device_node")
        recorder = ("mtp", "001/005", "/dev/bus/usb/001/005")
        assert told == [[("added", *recorder)], [], [("removed", *recorder)]]

    def test_a_keyboard_beside_the_storage_is_told_before_the_volume_and_with_it(self) -> None:
        plugged, pulled = self.told("badusb", "action", "kind", "foreign")
        foreign = ("foreign", "keyboard · 键盘")
        assert plugged == [("ignored", *foreign), ("added", "volume", "keyboard · 键盘")]
        assert sorted(pulled) == [("removed", *foreign), ("removed", "volume", "keyboard · 键盘")]

    def test_a_keyboard_at_another_port_is_no_news(self) -> None:
        assert self.told("keyboard elsewhere") == [[]]

    def test_a_recorder_that_comes_back_unlocked_as_another_device_is_in_the_same_bay(self) -> None:
        assert self.told("unlocking", "action", "kind", "usb_id", "bay") == [
            [("ignored", "vendor", "4255:0001", "bay 3")],
            [("removed", "vendor", "4255:0001", "bay 3")],
            [("added", "volume", "1209:0001", "bay 3")],
        ]

    def test_a_removal_whose_event_was_lost_is_found_on_the_timer(self) -> None:
        assert self.told("lost removal")[1] == [("removed", "/dev/sda1", 12)]

    @pytest.mark.parametrize("scene", ["eight at once", "eight after another"])
    def test_eight_recorders_are_told_once_each_in_their_bays(self, scene: str) -> None:
        told = [event for step in self.told(scene, "action", "bay", "diskseq") for event in step]
        named = [("added", f"bay {port}", 100 + port) for port in range(1, 8)]
        assert sorted(told) == [*named, ("added", "pci-0000:00:14.0-usb-0:8", 108)]

    def test_a_storm_of_changes_tells_nothing_and_is_survived(self) -> None:
        assert self.told("storm")[1:] == [[], [("removed", "/dev/sda1", 12)]]

    def test_a_broken_monitor_is_made_anew_and_what_it_missed_is_found(self) -> None:
        told = self.told("broken monitor")
        assert told[1:] == [[], [("removed", "/dev/sda1", 12)], [("added", "/dev/sda1", 13)]]


@pytest.mark.full
@pytest.mark.skipif(umockdev.missing() != "", reason=umockdev.missing())
def test_the_scenes_can_fail() -> None:
    strangers = dataclasses.replace(SCENES["plug and unplug"], settings={})
    (told,) = umockdev.play({"no list": strangers}).values()
    assert [event["action"] for step in told for event in step] == ["ignored", "removed"]


@pytest.mark.full
@pytest.mark.skipif(umockdev.missing() != "", reason=umockdev.missing())
def test_no_scene_is_played_without_the_bell() -> None:
    deaf = Scene(("start", "deafen", f"plug:{CAMERA}"), patience_seconds=0.5)
    with pytest.raises(AssertionError, match="Empty"):
        umockdev.play({"deaf": deaf})

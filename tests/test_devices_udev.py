"""Which volumes are recorders: judged on recorded properties of real devices, and by the real monitor on a mock bus."""

from pathlib import Path

import pytest

from ingestd.core.clock import SystemClock
from ingestd.core.errors import UnavailableError
from ingestd.core.settings import UdevSettings
from ingestd.devices.udev import DeviceAction, DeviceEvent, UdevWatch, bay_of, classify
from tests.support import umockdev

ALLOWED = UdevSettings(allowed_usb_ids=("1209:*",))


def recorded(dump: str, node: str) -> dict[str, str]:
    """The properties of one device of a dump."""
    for block in umockdev.blocks_of(dump):
        lines = [line.removeprefix("E: ") for line in block.splitlines() if line.startswith("E: ")]
        properties = dict(line.split("=", 1) for line in lines)
        if properties.get("DEVNAME") == node:
            return properties
    raise LookupError(node)


PARTITION = recorded("usb-custom-exfat", "/dev/sda1")


# --- judging ---------------------------------------------------------------------------------------------------------


def test_a_partition_of_an_allowed_recorder_is_told_with_all_that_udev_knows() -> None:
    assert classify(PARTITION, ALLOWED) == DeviceEvent(
        action=DeviceAction.ADDED,
        device_node="/dev/sda1",
        diskseq=12,
        partition=1,
        bay="pci-0000:00:14.0-usb-0:3:1.0-scsi-0:0:0:0",
        fs_type="exfat",
        label="BWC0003",
        fs_uuid="A000-0003",
        usb_id="1209:0001",
        serial="X6039A1234",
        model="BC5_STORAGE",
    )


def test_a_removed_partition_is_told_with_the_number_of_its_medium() -> None:
    event = classify(PARTITION | {"ACTION": "remove"}, ALLOWED)
    assert (event.action, event.diskseq) == (DeviceAction.REMOVED, 12)


@pytest.mark.parametrize("allowed", [{"allowed_usb_ids": ("1209:0001",)}, {"allowed_labels": ("BWC*",)}])
def test_either_list_allows(allowed: dict[str, tuple[str, ...]]) -> None:
    assert classify(PARTITION, UdevSettings.model_validate(allowed)).action is DeviceAction.ADDED


@pytest.mark.parametrize(
    "settings",
    [UdevSettings(), UdevSettings(allowed_usb_ids=("1209:0002",)), UdevSettings(allowed_labels=("OTHER*", "BWC"))],
)
def test_a_volume_on_no_list_is_ignored_and_the_reason_names_it(settings: UdevSettings) -> None:
    event = classify(PARTITION, settings)
    assert event.action is DeviceAction.IGNORED
    assert "1209:0001" in event.reason
    assert "BWC0003" in event.reason


def test_a_disk_that_is_one_file_system_counts_as_a_volume() -> None:
    properties = recorded("usb-storage-noserial-superfloppy", "/dev/sda")
    event = classify(properties, UdevSettings(allowed_usb_ids=("46F4:0001",)))
    assert (event.action, event.partition, event.fs_type) == (DeviceAction.ADDED, 0, "vfat")


def test_a_disk_with_partitions_is_no_volume_itself() -> None:
    assert classify(recorded("usb-custom-exfat", "/dev/sda"), ALLOWED).action is DeviceAction.IGNORED


def test_a_label_of_any_name_does_not_allow_a_volume_without_label() -> None:
    properties = recorded("usb-storage-noserial-superfloppy", "/dev/sda")
    assert classify(properties, UdevSettings(allowed_labels=("*",))).action is DeviceAction.IGNORED


def test_a_disk_of_the_station_is_ignored_whatever_the_lists_say() -> None:
    properties = {"DEVNAME": "/dev/nvme0n1p2", "DEVTYPE": "partition", "ID_FS_TYPE": "ext4", "ID_FS_LABEL": "root"}
    event = classify(properties, UdevSettings(allowed_labels=("*",)))
    assert (event.action, event.reason) == (DeviceAction.IGNORED, "not on USB")


def test_an_encrypted_volume_is_ignored() -> None:
    event = classify(PARTITION | {"ID_FS_TYPE": "crypto_LUKS", "ID_FS_USAGE": "crypto"}, ALLOWED)
    assert (event.action, event.reason) == (DeviceAction.IGNORED, "holds no files but crypto_LUKS")


def test_a_label_is_read_with_its_own_characters() -> None:
    event = classify(PARTITION | {"ID_FS_LABEL": "A_B", "ID_FS_LABEL_ENC": r"A\x20B\xe6\x89\xa7"}, ALLOWED)
    assert event.label == "A B执"


@pytest.mark.parametrize(
    ("path", "bay"),
    [
        ("pci-0000:00:14.0-usb-0:3:1.0-scsi-0:0:0:0", "bay 3"),
        ("pci-0000:00:14.0-usb-0:3:1.0-scsi-0:0:0:1", "bay 3"),
        ("pci-0000:00:14.0-usb-0:3", "bay 3"),
        ("pci-0000:00:14.0-usb-0:3.1:1.0-scsi-0:0:0:0", "bay 3, hub 1"),
        ("pci-0000:00:14.0-usb-0:31:1.0-scsi-0:0:0:0", "pci-0000:00:14.0-usb-0:31:1.0-scsi-0:0:0:0"),
    ],
)
def test_a_bay_is_named_by_its_port_and_no_other(path: str, bay: str) -> None:
    bays = {"pci-0000:00:14.0-usb-0:3": "bay 3", "pci-0000:00:14.0-usb-0:3.1": "bay 3, hub 1"}
    assert bay_of(path, bays) == bay


# --- watching --------------------------------------------------------------------------------------------------------


def test_without_libudev_the_inlet_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyudev._ctypeslib.utils.find_library", lambda name: None)
    with pytest.raises(UnavailableError, match="libudev"):
        UdevWatch(ALLOWED, lambda event: None, SystemClock()).start()


def test_without_a_running_udev_the_inlet_says_so(tmp_path: Path) -> None:
    watch = UdevWatch(ALLOWED, lambda event: None, SystemClock(), udev_sign=tmp_path / "control")
    with pytest.raises(UnavailableError, match="udev"):
        watch.start()


@pytest.mark.full
@pytest.mark.skipif(umockdev.missing() != "", reason=umockdev.missing())
class TestRealMonitor:
    def told(self, *steps: str) -> list[list[tuple[object, object, object]]]:
        events = umockdev.play(*steps)
        return [[(event["action"], event["device_node"], event["diskseq"]) for event in step] for step in events]

    def test_plug_and_unplug_are_told_once_each(self) -> None:
        steps = ("start", "plug:usb-custom-exfat", "change:usb-custom-exfat", "unplug:usb-custom-exfat")
        assert self.told(*steps) == [[], [("added", "/dev/sda1", 12)], [], [("removed", "/dev/sda1", 12)]]

    def test_a_recorder_plugged_in_before_the_start_is_told_once(self) -> None:
        steps = ("plug:usb-custom-exfat", "start", "change:usb-custom-exfat")
        assert self.told(*steps) == [[], [("added", "/dev/sda1", 12)], []]

    def test_the_next_medium_at_the_same_node_is_another_one(self) -> None:
        steps = ("start", "plug:usb-custom-exfat", "unplug:usb-custom-exfat", "plug:usb-custom-exfat:13")
        assert self.told(*steps)[2:] == [[("removed", "/dev/sda1", 12)], [("added", "/dev/sda1", 13)]]

    def test_both_volumes_of_a_recorder_are_told(self) -> None:
        (_, told) = self.told("start", "plug:usb-custom-two-luns")
        assert sorted(told, key=str) == [("added", "/dev/sda1", 13), ("added", "/dev/sdb1", 14)]

    def test_a_stranger_is_told_as_ignored(self) -> None:
        assert self.told("start", "plug:usb-storage-noserial-superfloppy")[1] == [("ignored", "/dev/sda", 15)]

    def test_a_removal_whose_event_was_lost_is_found_on_the_timer(self) -> None:
        steps = ("start:0.2", "plug:usb-custom-exfat", "vanish:usb-custom-exfat")
        assert self.told(*steps)[2] == [("removed", "/dev/sda1", 12)]

    def test_a_device_without_volumes_is_none_of_ours(self) -> None:
        assert self.told("start", "plug:usb-mtp") == [[], []]

"""Which devices are recorders: judged on recorded properties of real devices, and on any properties at all."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.settings import UdevSettings
from ingestd.core.usbports import bay_of, named_bay, names_together, port_of, usb_path_of
from ingestd.devices.usb import (
    PROPERTIES,
    SIZE,
    DeviceAction,
    DeviceEvent,
    DeviceKind,
    Partitions,
    classify,
    judge,
    without_former_cards,
)
from tests.support import umockdev

ALLOWED = UdevSettings(allowed_usb_ids=("1209:*",))
BAYS = {"pci-0000:00:14.0-usb-0:3": "bay 3"}


def properties_of(device: str) -> list[dict[str, str]]:
    """The properties of all parts of a recorded device."""
    blocks = [
        [line[3:] for line in block.splitlines() if line.startswith("E: ")] for block in umockdev.blocks_of(device)
    ]
    return [dict(line.split("=", 1) for line in lines) for lines in blocks]


def recorded(device: str, node: str) -> dict[str, str]:
    """The properties of one part of it."""
    return next(one for one in properties_of(device) if one.get("DEVNAME") == node)


def judged(*devices: str, **settings: object) -> list[DeviceEvent]:
    """The news of a bus with these devices on it."""
    properties = [one for device in devices for one in properties_of(device)]
    return list(judge(properties, UdevSettings.model_validate(settings)).values())


PARTITION = recorded("usb-custom-exfat", "/dev/sda1")


# --- volumes ---------------------------------------------------------------------------------------------------------


def test_a_partition_of_an_allowed_recorder_is_told_with_all_that_udev_knows() -> None:
    assert classify(PARTITION, ALLOWED) == DeviceEvent(
        action=DeviceAction.ADDED,
        device_node="/dev/sda1",
        diskseq=12,
        partition=1,
        bay="pci-0000:00:14.0-usb-0:3",
        fs_type="exfat",
        label="BWC0003",
        fs_uuid="A000-0003",
        usb_id="1209:0001",
        serial="X6039A1234",
        model="BC5_STORAGE",
        sysfs_path="/devices/pci0000:00/0000:00:14.0/usb1/1-3/1-3:1.0/host7/target7:0:0/7:0:0:0/block/sda/sda1",
        usb_path="/devices/pci0000:00/0000:00:14.0/usb1/1-3",
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
    assert "not a recorder, nothing was read · 不是执法记录仪" in event.reason
    assert "1209:0001" in event.reason
    assert "BWC0003" in event.reason


def test_a_disk_that_is_one_file_system_counts_as_a_volume() -> None:
    properties = recorded("usb-storage-noserial-superfloppy", "/dev/sda")
    event = classify(properties, UdevSettings(allowed_usb_ids=("46F4:0001",)))
    assert (event.action, event.partition, event.fs_type) == (DeviceAction.ADDED, 0, "vfat")


def test_a_disk_with_partitions_is_no_volume_itself() -> None:
    assert [event.device_node for event in judged("usb-custom-exfat")] == ["/dev/sda1"]


def test_a_disk_with_nothing_on_it_is_told_as_such() -> None:
    disk = {key: text for key, text in recorded("usb-custom-exfat", "/dev/sda").items() if "PART_TABLE" not in key}
    (event,) = judge([disk], ALLOWED).values()
    assert (event.action, event.reason) == (
        DeviceAction.IGNORED,
        "a disk without a file system of its own · 磁盘上没有文件系统",
    )


def test_a_reader_without_a_card_is_no_news() -> None:
    disk = {key: text for key, text in recorded("usb-custom-exfat", "/dev/sda").items() if "PART_TABLE" not in key}
    assert judge([disk | {SIZE: "0"}], ALLOWED) == {}


def test_a_mounted_partition_is_not_taken_for_the_card_that_was_put_in_meanwhile() -> None:
    card = properties_of("usb-custom-exfat")
    exchanged = [one | {"DISKSEQ": "13"} for one in card]
    made_anew = [one | {"USEC_INITIALIZED": "99"} if one.get("PARTN") else one for one in exchanged]
    nodes = []
    partitions: Partitions = {}
    for devices in (card, exchanged, exchanged, made_anew):
        present, partitions = without_former_cards(devices, partitions)
        nodes.append([event.device_node for event in judge(present, ALLOWED).values()])
    assert nodes == [["/dev/sda1"], [], [], ["/dev/sda1"]]


def test_a_volume_that_udev_has_not_looked_at_yet_is_no_news() -> None:
    assert judge([{key: text for key, text in PARTITION.items() if key != "USEC_INITIALIZED"}], ALLOWED) == {}


def test_both_volumes_of_a_recorder_belong_to_one_usb_device_and_one_bay() -> None:
    events = judged("usb-custom-two-luns", allowed_usb_ids=["1209:*"])
    assert [event.device_node for event in events] == ["/dev/sda1", "/dev/sdb1"]
    assert len({(event.usb_path, event.bay) for event in events}) == 1


def test_a_label_of_any_name_does_not_allow_a_volume_without_label() -> None:
    properties = recorded("usb-storage-noserial-superfloppy", "/dev/sda")
    assert classify(properties, UdevSettings(allowed_labels=("*",))).action is DeviceAction.IGNORED


def test_a_disk_of_the_station_is_ignored_whatever_the_lists_say() -> None:
    properties = {"DEVNAME": "/dev/nvme0n1p2", "DEVTYPE": "partition", "ID_FS_TYPE": "ext4", "ID_FS_LABEL": "root"}
    event = classify(properties, UdevSettings(allowed_labels=("*",)))
    assert (event.action, event.reason) == (DeviceAction.IGNORED, "not on USB · 不是USB设备")


def test_an_encrypted_volume_is_ignored() -> None:
    event = classify(PARTITION | {"ID_FS_TYPE": "crypto_LUKS", "ID_FS_USAGE": "crypto"}, ALLOWED)
    assert event.action is DeviceAction.IGNORED
    assert "holds no files but crypto_LUKS" in event.reason


def test_a_disc_of_drivers_is_ignored_though_its_recorder_is_allowed() -> None:
    disc = {"DEVNAME": "/dev/sr0", "DEVTYPE": "disk", "ID_CDROM": "1", "ID_FS_TYPE": "iso9660"}
    event = classify(recorded("usb-custom-exfat", "/dev/sda") | disc, ALLOWED)
    assert event.action is DeviceAction.IGNORED
    assert "drivers" in event.reason


def test_a_label_is_read_with_its_own_characters() -> None:
    event = classify(PARTITION | {"ID_FS_LABEL": "A_B", "ID_FS_LABEL_ENC": r"A\x20B\xe6\x89\xa7"}, ALLOWED)
    assert event.label == "A B执"


# --- unknown storage -------------------------------------------------------------------------------------------------


def test_a_stick_at_a_bay_goes_into_quarantine_where_the_bureau_wants_that() -> None:
    (event,) = judged("usb-storage-vfat@port=3", unknown_storage="quarantine", bays=BAYS)
    assert (event.action, event.is_quarantined, event.bay) == (DeviceAction.ADDED, True, "bay 3")


def test_a_stick_at_another_port_of_the_machine_is_never_read() -> None:
    (event,) = judged("usb-storage-vfat@port=4", unknown_storage="quarantine", bays=BAYS)
    assert (event.action, event.is_quarantined) == (DeviceAction.IGNORED, False)


def test_a_recorder_on_the_list_is_not_quarantined() -> None:
    (event,) = judged("usb-custom-exfat", unknown_storage="quarantine", bays=BAYS, allowed_usb_ids=["1209:*"])
    assert (event.action, event.is_quarantined) == (DeviceAction.ADDED, False)


# --- MTP -------------------------------------------------------------------------------------------------------------


def test_an_allowed_mtp_recorder_is_told_with_bus_and_device_number() -> None:
    (event,) = judged("usb-mtp", allowed_usb_ids=["46f4:0004"])
    assert (event.action, event.kind, event.device_number) == (DeviceAction.ADDED, DeviceKind.MTP, "001/005")
    assert event.sysfs_path == event.usb_path == "/devices/pci0000:00/0000:00:14.0/usb1/1-4"


def test_a_camera_that_only_its_interface_gives_away_is_an_mtp_recorder_too() -> None:
    properties = [one | {"ID_MTP_DEVICE": ""} for one in properties_of("usb-mtp")]
    (event,) = judge(properties, UdevSettings(allowed_usb_ids=("46f4:*",))).values()
    assert event.kind is DeviceKind.MTP


def test_a_phone_at_a_bay_is_ignored_with_words() -> None:
    (event,) = judged("usb-mtp@port=3", bays=BAYS)
    assert (event.action, event.kind, event.bay) == (DeviceAction.IGNORED, DeviceKind.MTP, "bay 3")
    assert "not a recorder" in event.reason


def test_a_phone_at_another_port_of_the_machine_is_no_news() -> None:
    assert judged("usb-mtp", bays=BAYS) == []


# --- what no recorder has --------------------------------------------------------------------------------------------


def test_a_keyboard_at_a_bay_is_reported() -> None:
    (event,) = judged("keyboard@port=3", bays=BAYS)
    assert (event.action, event.kind, event.bay) == (DeviceAction.IGNORED, DeviceKind.FOREIGN, "bay 3")
    assert "keyboard · 键盘" in event.reason


def test_a_keyboard_at_another_port_of_the_machine_is_no_news() -> None:
    assert judged("keyboard", bays=BAYS) == []


def test_a_keyboard_behind_a_hub_at_a_bay_is_reported() -> None:
    (event,) = judged("keyboard@port=3.2", bays=BAYS)
    assert (event.kind, event.bay) == (DeviceKind.FOREIGN, "bay 3")


def test_a_network_adapter_that_names_no_class_is_known_by_what_the_kernel_made_of_it() -> None:
    (event,) = judged("network-adapter@port=3", bays=BAYS)
    assert (event.kind, event.foreign) == (DeviceKind.FOREIGN, "network · 网络")


def test_a_keyboard_beside_the_storage_is_reported_and_the_volume_carries_it() -> None:
    foreign, volume = judged("badusb-composite", allowed_usb_ids=["1209:*"])
    assert (foreign.action, foreign.kind) == (DeviceAction.IGNORED, DeviceKind.FOREIGN)
    assert (volume.action, volume.kind) == (DeviceAction.ADDED, DeviceKind.VOLUME)
    assert volume.foreign == foreign.foreign == "keyboard · 键盘"


def test_the_volume_of_an_ordinary_recorder_carries_nothing_foreign() -> None:
    assert [event.foreign for event in judged("usb-custom-exfat", "badusb-composite")][0] == ""


@pytest.mark.parametrize(
    ("interfaces", "words"),
    [
        (":070102:", "printer"),
        (":020600:0a0000:", "network"),
        (":e00103:", "wireless"),
        (":030102:", "mouse"),
        (":ef0401:", "network"),
    ],
)
def test_a_foreign_class_has_words(interfaces: str, words: str) -> None:
    device = recorded("keyboard@port=3", "/dev/bus/usb/001/103") | {"ID_USB_INTERFACES": interfaces}
    (event,) = judge([device], UdevSettings(bays=BAYS)).values()
    assert (event.kind, words in event.reason) == (DeviceKind.FOREIGN, True)


@pytest.mark.parametrize("interfaces", [":ff0000:", ":0e0100:0e0200:010100:", ":ff4201:"])
def test_a_recorder_that_shows_no_files_yet_is_asked_for_them(interfaces: str) -> None:
    device = recorded("vendor-locked", "/dev/bus/usb/001/012") | {"ID_USB_INTERFACES": interfaces}
    (event,) = judge([device], UdevSettings(bays=BAYS)).values()
    assert (event.action, event.kind) == (DeviceAction.IGNORED, DeviceKind.VENDOR)
    assert "unlock it or choose disk mode" in event.reason


@pytest.mark.parametrize("interfaces", [":090000:", ":080650:", ""])
def test_a_hub_and_a_disk_that_is_still_coming_are_no_news(interfaces: str) -> None:
    device = recorded("vendor-locked", "/dev/bus/usb/001/012") | {"ID_USB_INTERFACES": interfaces}
    assert judge([device], UdevSettings(bays=BAYS)) == {}


# --- ports and bays --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "bay"),
    [
        ("pci-0000:00:14.0-usb-0:3:1.0-scsi-0:0:0:0", "bay 3"),
        ("pci-0000:00:14.0-usb-0:3:1.0-scsi-0:0:0:1", "bay 3"),
        ("pci-0000:00:14.0-usb-0:3", "bay 3"),
        ("pci-0000:00:14.0-usb-0:3.1:1.0-scsi-0:0:0:0", "bay 3, hub 1"),
        ("pci-0000:00:14.0-usb-0:3.1.4:1.0-scsi-0:0:0:0", "bay 3, hub 1"),
        ("pci-0000:00:14.0-usb-0:3.2:1.0", "bay 3"),
        ("pci-0000:00:14.0-usb-0:31:1.0-scsi-0:0:0:0", "pci-0000:00:14.0-usb-0:31"),
        ("pci-0000:00:14.0-usb-0:9.3:1.0-scsi-0:0:0:0", "bay 9-3"),
        ("pci-0000:00:14.0-usb-0:9.3", "bay 9-3"),
        ("platform-xhci-hcd.0.auto-usb-0:1.2:1.0", "platform-xhci-hcd.0.auto-usb-0:1.2"),
        ("pci-0000:00:1f.2-ata-1", "pci-0000:00:1f.2-ata-1"),
        ("", ""),
    ],
)
def test_a_bay_is_named_by_its_port_and_no_other(path: str, bay: str) -> None:
    bays = {
        "pci-0000:00:14.0-usb-0:3": "bay 3",
        "pci-0000:00:14.0-usb-0:3.1": "bay 3, hub 1",
        "pci-0000:00:14.0-usb-0:9.3:1.0": "bay 9-3",
    }
    assert bay_of(path, bays) == bay


def test_a_name_in_the_settings_wins_over_a_learned_one_of_the_same_port() -> None:
    settled = {"pci-0000:00:14.0-usb-0:3:1.0": "left"}
    learned = {"pci-0000:00:14.0-usb-0:3": "bay-1", "pci-0000:00:14.0-usb-0:4": "bay-2"}
    together = names_together(settled, learned)
    assert bay_of("pci-0000:00:14.0-usb-0:3", together) == "left"
    assert bay_of("pci-0000:00:14.0-usb-0:4:1.0", together) == "bay-2"


@pytest.mark.parametrize(
    ("sysfs_path", "usb_path"),
    [
        ("/devices/pci0/usb1/1-9/1-9.3/1-9.3:1.0/host7/block/sda", "/devices/pci0/usb1/1-9/1-9.3"),
        ("/devices/pci0/usb1/1-9/1-9.3", "/devices/pci0/usb1/1-9/1-9.3"),
        ("/devices/pci0/usb1/1-9/1-9:1.0/i2c-7/7-0050", "/devices/pci0/usb1/1-9"),
        ("/devices/pci0/usb1", ""),
        ("/devices/pci0/nvme/nvme0n1", ""),
    ],
)
def test_a_device_belongs_to_the_usb_device_that_it_lies_below(sysfs_path: str, usb_path: str) -> None:
    assert usb_path_of(sysfs_path) == usb_path


PORTS = st.from_regex(r"pci-0000:00:14\.0-usb-0:[1-9](\.[1-9]){0,3}", fullmatch=True)
BEHIND = st.sampled_from(["", ":1.0", ":1.2", ":1.0-scsi-0:0:0:0", ":1.0-scsi-0:0:0:1"])


@given(PORTS, BEHIND, BEHIND, st.dictionaries(PORTS, st.text(min_size=1, max_size=5)))
def test_whatever_is_plugged_into_a_named_port_has_one_bay(
    port: str, one: str, other: str, bays: dict[str, str]
) -> None:
    assert port_of(port + one) == port
    assert bay_of(port + one, bays) == bay_of(port + other, bays)


@given(PORTS, BEHIND, BEHIND)
def test_a_name_holds_for_the_whole_port_whichever_path_of_it_was_written_down(port: str, one: str, other: str) -> None:
    assert bay_of(port + one, {port + other: "bay"}) == "bay"


@given(PORTS, PORTS)
def test_a_name_never_reaches_a_port_that_is_not_behind_its_own(port: str, other: str) -> None:
    is_behind = other == port or other.startswith(f"{port}.")
    assert (named_bay(other, {port: "bay"}) == "bay") == is_behind


WORDS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "usb_device",
            "disk",
            "partition",
            "block",
            "usb",
            "net",
            "input",
            "1",
            ":080650:030101:",
            ":ff0000:",
            "crypto",
        ]
    ),
    PORTS,
    st.just("/devices/pci0000:00/0000:00:14.0/usb1/1-3"),
)
ANYTHING = st.dictionaries(st.sampled_from([*PROPERTIES, SIZE, "ACTION", "BUSNUM", "DEVNUM"]), WORDS)
SETTINGS = st.builds(
    UdevSettings,
    allowed_usb_ids=st.sampled_from([(), ("1209:*",), ("1209:0001", "46f4:*")]),
    allowed_labels=st.sampled_from([(), ("*",), ("[", "BWC?")]),
    unknown_storage=st.sampled_from(["ignore", "quarantine"]),
    bays=st.sampled_from([{}, BAYS, {"pci-0000:00:14.0-usb-0:3:1.0": "left"}]),
)


@given(st.lists(ANYTHING, max_size=6), SETTINGS)
def test_any_properties_are_judged_and_nothing_is_taken_in_but_by_the_rules(
    devices: list[dict[str, str]], settings: UdevSettings
) -> None:
    for event in judge(devices, settings).values():
        is_named = event.bay in settings.bays.values()
        assert event.action in (DeviceAction.ADDED, DeviceAction.IGNORED)
        assert event.reason or event.action is DeviceAction.ADDED
        if event.action is DeviceAction.ADDED and not event.is_quarantined:
            assert settings.allowed_usb_ids or settings.allowed_labels
        if event.is_quarantined:
            assert settings.unknown_storage == "quarantine" and is_named
        if event.kind in (DeviceKind.FOREIGN, DeviceKind.VENDOR):
            assert event.action is DeviceAction.IGNORED


@given(ANYTHING, SETTINGS)
def test_a_block_device_with_any_properties_is_classified(
    properties: Mapping[str, str], settings: UdevSettings
) -> None:
    assert isinstance(classify(properties, settings), DeviceEvent)

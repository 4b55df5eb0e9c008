"""Which recorder a card belongs to, and what is said where that is not sure."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import pytest

from ingestd.core.family import IdentityRules, MatchRules
from ingestd.core.model import EntryKind, RecorderIdentity, SourceFile
from ingestd.core.naming import card_path
from ingestd.core.profile import NameGrammar, RecorderProfile
from ingestd.devices.card import CardListing
from ingestd.devices.deviceinfo import DeviceInfo
from ingestd.devices.identity import identify

PROFILES = (
    RecorderProfile(
        id="example",
        title="device_time",
        names=(NameGrammar(id="plain", pattern=r"(?:.*/)?(?P<device>[0-9A-Z]{7})_(?P<time>\d{14})\.\w+"),),
    ),
)


def identified(
    names: list[str],
    volume: Mapping[str, str] | None = None,
    chosen: RecorderProfile | None = None,
    device_info: tuple[str, ...] = (),
) -> RecorderIdentity:
    entries = tuple(
        SourceFile(ordinal, card_path(name.encode()), EntryKind.FILE, 1, None) for ordinal, name in enumerate(names)
    )
    told = tuple(DeviceInfo(f"MISC/{place}.ini", device=device) for place, device in enumerate(device_info))
    zone = ZoneInfo("Asia/Shanghai")
    return identify(CardListing(entries), PROFILES, volume or {}, zone, chosen=chosen, device_info=told)


def named(device: str, count: int) -> list[str]:
    return [f"DCIM/{device}_202402210829{second:02}.mp4" for second in range(count)]


def codes(identity: RecorderIdentity) -> list[str]:
    return [finding.code for finding in identity.findings]


def test_the_device_number_in_the_names_is_the_recorder() -> None:
    identity = identified([*named("DSJ0042", 3), "LOGS/x.log"])
    assert (identity.recorder_id, identity.key, codes(identity)) == ("DSJ0042", "DSJ0042", [])
    assert identity.evidence[0] == ("name", "DSJ0042 in 3 of 3 file names")


def test_a_majority_names_the_recorder_and_the_conflict_is_a_finding() -> None:
    identity = identified(named("DSJ0042", 3) + named("DSJ0099", 1))
    assert identity.recorder_id == "DSJ0042"
    assert codes(identity) == ["identity.conflict"]
    assert identity.findings[0].evidence == {"file_names": {"DSJ0042": 3, "DSJ0099": 1}, "used": "DSJ0042"}


def test_an_even_conflict_names_nobody() -> None:
    identity = identified(named("DSJ0042", 2) + named("DSJ0099", 2), {"usb_serial": "X1"})
    assert (identity.recorder_id, identity.key) == (None, "serial:X1")
    assert codes(identity) == ["identity.conflict", "identity.unknown"]


def test_a_number_of_zeros_is_the_factory_setting_and_names_nobody() -> None:
    identity = identified(named("0000000", 5), {"fs_uuid": "A000-0003"})
    assert (identity.recorder_id, identity.key, codes(identity)) == (None, "volume:A000-0003", ["identity.unknown"])


def test_zeros_beside_a_number_are_no_conflict() -> None:
    identity = identified(named("0000000", 5) + named("DSJ0042", 1))
    assert (identity.recorder_id, codes(identity)) == ("DSJ0042", [])


def test_names_without_a_number_name_nobody() -> None:
    identity = identified(["VID_0001.mp4"], {"folder": "/var/inbox/from-officer"})
    assert (identity.recorder_id, identity.key, codes(identity)) == (None, "folder:from-officer", ["identity.unknown"])


def test_the_serial_stands_in_before_volume_and_folder() -> None:
    volume = {"usb_serial": "X1", "fs_uuid": "A000-0003", "folder": "/a"}
    assert identified([], volume).key == "serial:X1"


def test_a_label_is_evidence_and_never_the_number() -> None:
    identity = identified([], {"label": "DSJ0042"})
    assert identity.recorder_id is None
    assert ("label", "DSJ0042") in identity.evidence


def test_a_label_that_carries_the_number_is_said_to_agree() -> None:
    identity = identified(named("DSJ0042", 1), {"label": "dsj0042", "usb_serial": "other"})
    assert ("label", "dsj0042 (carries the number)") in identity.evidence
    assert ("usb_serial", "other") in identity.evidence
    assert codes(identity) == []


def test_links_do_not_speak_for_a_recorder() -> None:
    link = SourceFile(0, card_path(b"DSJ0042_20240221082900.mp4"), EntryKind.LINK, 0, None)
    identity = identify(CardListing((link,)), PROFILES, {}, ZoneInfo("UTC"))
    assert (identity.recorder_id, identity.key) == (None, "unknown")


LABELLED = PROFILES[0].model_copy(update={"match": MatchRules(labels=("BWC-{device}",))})
SERIAL = PROFILES[0].model_copy(update={"identity": IdentityRules(usb_serial="is the device number")})


def test_a_number_inside_a_longer_one_does_not_agree() -> None:
    identity = identified(named("0000012", 1), {"label": "BWC20000012"})
    assert ("label", "BWC20000012") in identity.evidence


def test_a_device_info_file_names_the_recorder_where_no_name_does() -> None:
    identity = identified(["VID_0001.mp4"], device_info=("DSJ0042",))
    assert (identity.recorder_id, identity.key, codes(identity)) == ("DSJ0042", "DSJ0042", [])
    assert ("device_info", "MISC/0.ini: device DSJ0042") in identity.evidence


def test_names_stay_decisive_and_a_device_info_file_that_differs_is_a_conflict() -> None:
    identity = identified(named("DSJ0042", 2), {"api_device": "DSJ0042"}, device_info=("DSJ0099",))
    assert identity.recorder_id == "DSJ0042"
    assert codes(identity) == ["identity.conflict"]
    assert identity.findings[0].evidence == {
        "file_names": {"DSJ0042": 2}, "device_info": "DSJ0099", "api": "DSJ0042", "used": "DSJ0042",
    }  # fmt: skip


def test_device_info_comes_before_the_api_and_the_api_before_nothing() -> None:
    assert identified([], {"api_device": "DSJ0042"}).recorder_id == "DSJ0042"
    both = identified([], {"api_device": "DSJ0042"}, device_info=("DSJ0099",))
    assert (both.recorder_id, codes(both)) == ("DSJ0099", ["identity.conflict"])


def test_device_info_files_that_contradict_each_other_name_nobody() -> None:
    identity = identified([], {"api_device": "DSJ0042"}, device_info=("DSJ0042", "DSJ0099"))
    assert (identity.recorder_id, codes(identity)) == (None, ["identity.conflict", "identity.unknown"])
    assert identity.findings[0].evidence["device_info"] == ["DSJ0042", "DSJ0099"]


def test_names_that_are_divided_are_not_outvoted_by_another_source() -> None:
    identity = identified(named("DSJ0042", 2) + named("DSJ0099", 2), device_info=("DSJ0042",))
    assert (identity.recorder_id, codes(identity)) == (None, ["identity.conflict", "identity.unknown"])


def test_sources_that_agree_in_another_case_are_no_conflict() -> None:
    assert codes(identified(named("DSJ0042", 2), device_info=("dsj0042",))) == []


def test_zeros_name_nobody_in_any_source() -> None:
    identity = identified([], {"api_device": "0000000", "label": "BWC-000"}, LABELLED, ("0000000",))
    assert (identity.recorder_id, codes(identity)) == (None, ["identity.unknown"])


@pytest.mark.parametrize(
    ("volume", "chosen"), [({"label": "BWC-DSJ0042"}, LABELLED), ({"usb_serial": "DSJ0042"}, SERIAL)]
)
def test_label_and_serial_name_a_recorder_only_where_its_profile_says_so(
    volume: dict[str, str], chosen: RecorderProfile
) -> None:
    assert identified([], volume, chosen).recorder_id == "DSJ0042"
    assert identified([], volume, PROFILES[0]).recorder_id is None
    assert identified([], volume).recorder_id is None


@pytest.mark.parametrize(
    ("volume", "chosen"), [({"label": "BWC-DSJ0099"}, LABELLED), ({"usb_serial": "DSJ0099"}, SERIAL)]
)
def test_label_and_serial_that_are_numbers_and_differ_are_a_conflict(
    volume: dict[str, str], chosen: RecorderProfile
) -> None:
    identity = identified(named("DSJ0042", 2), volume, chosen)
    assert (identity.recorder_id, codes(identity)) == ("DSJ0042", ["identity.conflict"])
    assert codes(identified(named("DSJ0042", 2), volume, PROFILES[0])) == []


def test_a_foreign_part_behind_the_recorders_plug_is_a_finding_of_the_docking() -> None:
    identity = identified(named("DSJ0042", 3), {"foreign": "a keyboard or mouse"})
    (found,) = identity.findings
    assert (found.code, found.evidence) == ("device.foreign_class", {"parts": "a keyboard or mouse"})
    assert identity.recorder_id == "DSJ0042", "the footage is taken in all the same"


def registered(names: list[str], *numbers: str, **volume: str) -> RecorderIdentity:
    entries = tuple(
        SourceFile(ordinal, card_path(name.encode()), EntryKind.FILE, 1, None) for ordinal, name in enumerate(names)
    )
    zone = ZoneInfo("Asia/Shanghai")
    return identify(CardListing(entries), PROFILES, {"usb_serial": "S1", **volume}, zone, registered=numbers)


def test_the_register_names_a_recorder_by_its_usb_serial_where_nothing_else_does() -> None:
    identity = registered(["VID_0001.mp4"], "DSJ0042")
    assert (identity.recorder_id, identity.key, codes(identity)) == ("DSJ0042", "DSJ0042", [])
    assert ("usb_serial", "S1 (in the fleet register for DSJ0042)") in identity.evidence


@pytest.mark.parametrize(
    ("names", "volume"), [(named("DSJ0099", 2), {}), ([], {"api_device": "DSJ0099"})], ids=["names", "api"]
)
def test_what_the_recorder_says_itself_comes_before_the_register(names: list[str], volume: dict[str, str]) -> None:
    identity = registered(names, "DSJ0042", **volume)
    assert identity.recorder_id == "DSJ0099"
    assert ("usb_serial", "S1 (in the fleet register for DSJ0042)") in identity.evidence


def test_a_serial_that_the_register_has_for_two_recorders_names_neither() -> None:
    identity = registered(["VID_0001.mp4"], "DSJ0042", "DSJ0099")
    assert (identity.recorder_id, codes(identity)) == (None, ["identity.unknown"])
    assert ("usb_serial", "S1 (in the fleet register for DSJ0042, DSJ0099)") in identity.evidence


def test_the_register_does_not_outvote_names_that_are_divided() -> None:
    identity = registered(named("DSJ0042", 2) + named("DSJ0099", 2), "DSJ0042")
    assert (identity.recorder_id, codes(identity)) == (None, ["identity.conflict", "identity.unknown"])

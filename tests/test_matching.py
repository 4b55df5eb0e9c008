"""Which family a card belongs to: by its names, its layout and its volume, with reasons; the card settles what is not
clear from a name alone."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.config.load import load_profiles
from ingestd.core.family import CardLayout, DeviceInfoFile, FileRoles, MatchRules
from ingestd.core.ids import DockingId, RecordingId, Sha256
from ingestd.core.matching import ProfileMatch, chosen, match_profiles
from ingestd.core.model import Analysed, Sealed
from ingestd.core.profile import GENERIC_PROFILE, NameGrammar, RecorderProfile, parse_name, preferring
from ingestd.core.roster import Roster
from ingestd.pipeline.tag import tag

PROFILES = load_profiles(Path(__file__).parent.parent / "config" / "recorders")
SHANGHAI = ZoneInfo("Asia/Shanghai")

DEVICE_FIRST = RecorderProfile(
    id="device_first",
    title="",
    names=(NameGrammar(id="one", pattern=r"(?:.*/)?(?P<device>\d{6})_(?P<user>\d{6})_(?P<time>\d{14})\.mp4"),),
)
USER_FIRST = RecorderProfile(
    id="user_first",
    title="",
    names=(NameGrammar(id="one", pattern=r"(?:.*/)?(?P<user>\d{6})_(?P<device>\d{6})_(?P<time>\d{14})\.mp4"),),
)
AMBIGUOUS = "DCIM/000012_000345_20240221082923.mp4"

CARDS = {
    "gat": ["0000012_00034520240221082923_0001_IMP.mp4", "0000012_00034520240221083923_0002.mp4", "LOGS/sys.log"],
    "gat swapped": [
        "DCIM/100ANDRO/000345_000001220240221082923_0001.mp4",
        "DCIM/101ANDRO/000345_000001220240221083923_0002IMP.mp4",
        "SEGTEMP/000345_000001220240221082823_0001.mp4",
        "LOGS/20240221.log",
        "LOGS/20240222.log",
        "LOGS/20240223.log",
        "LOGS/20240224.log",
    ],
    "device_user_folders": ["0000012/000345/20240221/20240221082923_0007.mp4"],
    "ambarella_a9": ["DCIM/240221AA/0000012_000345_082923_0004.MP4"],
    "dcam": ["DCAM_12_345_20240221_082923.mp4", "DCAM_12_345_20240221_082923.jpg", "DCAM_12_345_20240221_082923.m4a"],
    "axis": ["li_si_B8A44F000012_20240221T082900Z/20240221T082923Z_1a2b.mkv"],
    "dashcam": ["CARDV/MOVIE/2024_0221_082923_001F.MP4", "CARDV/MOVIE/RO/2024_0221_083223_002F.MP4"],
    "generic": ["DCIM/IMG_0001.JPG"],
}


def with_match(profile: RecorderProfile, **match: object) -> RecorderProfile:
    return profile.model_copy(update={"match": MatchRules.model_validate(match)})


def best(
    *profiles: RecorderProfile, usb_id: str = "", label: str = "", paths: tuple[str, ...] = (AMBIGUOUS,)
) -> ProfileMatch:
    return match_profiles({"usb_id": usb_id, "label": label}, paths, profiles)[0]


@pytest.mark.parametrize("family", CARDS)
def test_a_card_of_each_family_is_told(family: str) -> None:
    profile = chosen(match_profiles({}, CARDS[family], PROFILES))
    assert profile is not None
    assert profile.id == family.split()[0]


@pytest.mark.parametrize("family", [family for family in CARDS if family != "generic"])
def test_every_footage_name_of_a_family_is_read_by_its_profile(family: str) -> None:
    match = match_profiles({}, CARDS[family], PROFILES)[0]
    assert match.names_read == match.names_counted > 0


def test_what_lies_in_the_folder_of_important_files_is_marked() -> None:
    marked = [path for path in CARDS["dashcam"] if parse_name(path, PROFILES, SHANGHAI).is_important]
    assert marked == ["CARDV/MOVIE/RO/2024_0221_083223_002F.MP4"]


def test_logs_of_a_family_do_not_speak_against_it() -> None:
    match = match_profiles({}, CARDS["gat swapped"], PROFILES)[0]
    assert (match.profile.id, match.names_read, match.names_counted) == ("gat", 3, 3)


def test_the_usb_id_settles_a_name_that_two_families_could_have_written() -> None:
    match = best(DEVICE_FIRST, with_match(USER_FIRST, usb_ids=["1234:abcd"]), usb_id="1234:ABCD")
    assert match.profile.id == "user_first"
    assert "the USB id 1234:ABCD fits 1234:abcd" in match.reasons


def test_a_vendor_stands_for_all_its_products() -> None:
    assert best(DEVICE_FIRST, with_match(USER_FIRST, usb_ids=["1234:*"]), usb_id="1234:0001").profile.id == "user_first"
    assert best(DEVICE_FIRST, with_match(USER_FIRST, usb_ids=["1234:*"]), usb_id="1235:0001").profile.id != "user_first"


def test_the_label_settles_it_too() -> None:
    match = best(DEVICE_FIRST, with_match(USER_FIRST, labels=["BWC{device}"]), label="bwc000012")
    assert match.profile.id == "user_first"


def test_the_layout_settles_it_too() -> None:
    match = best(DEVICE_FIRST, with_match(USER_FIRST, layout=["DCIM/"]))
    assert match.profile.id == "user_first"
    assert "DCIM/ is on the card" in match.reasons


def test_without_any_sign_the_order_of_the_profiles_counts() -> None:
    assert best(DEVICE_FIRST, USER_FIRST).profile.id == "device_first"
    assert best(USER_FIRST, DEVICE_FIRST).profile.id == "user_first"


def test_a_missing_layout_refuses_a_profile_whatever_else_speaks_for_it() -> None:
    profile = with_match(USER_FIRST, layout=["SEGTEMP/"], usb_ids=["1234:abcd"])
    match = best(profile, usb_id="1234:abcd")
    assert not match.is_fit
    assert "SEGTEMP/ is not on the card" in match.reasons
    assert chosen((match,)) is None


def test_too_few_names_refuse_a_profile() -> None:
    paths = (AMBIGUOUS, "a.mp4", "b.mp4")
    assert best(with_match(USER_FIRST, names_share=0.3), paths=paths).is_fit
    match = best(with_match(USER_FIRST, names_share=0.5), paths=paths)
    assert not match.is_fit
    assert match.reasons == ("1 of 3 names are read", "names_share asks for 0.5 of the names")


def test_a_card_without_files_is_told_by_its_label() -> None:
    assert best(with_match(USER_FIRST, labels=["BWC*"], names_share=0.5), label="BWC1", paths=()).is_fit


def test_a_device_info_file_in_its_place_speaks_for_a_profile() -> None:
    info = DeviceInfoFile(path="MISC/device.ini", format="ini", device="serial")
    match = best(USER_FIRST.model_copy(update={"device_info": info}), paths=("MISC/device.ini",))
    assert match.is_fit
    assert "a device-info file fits MISC/device.ini" in match.reasons


def test_digits_that_are_no_date_are_not_read_as_names_of_a_family() -> None:
    assert not best(USER_FIRST, paths=("000012_000345_20241399082923.mp4",)).is_fit


def test_the_profile_for_all_takes_every_card_and_stands_behind_the_others() -> None:
    matches = match_profiles({}, ["x.mp4"], (USER_FIRST, GENERIC_PROFILE))
    assert [(match.profile.id, match.is_fit) for match in matches] == [("generic", True), ("user_first", False)]
    matches = match_profiles({}, [AMBIGUOUS], (GENERIC_PROFILE, USER_FIRST))
    assert [match.profile.id for match in matches] == ["user_first", "generic"]


def test_the_chosen_profile_reads_an_ambiguous_name_first() -> None:
    profiles = (DEVICE_FIRST, USER_FIRST, GENERIC_PROFILE)
    assert parse_name(AMBIGUOUS, profiles, SHANGHAI).device == "000012"
    assert parse_name(AMBIGUOUS, preferring(profiles, "user_first"), SHANGHAI).device == "000345"


@pytest.mark.parametrize("profile_id", [None, "generic", "not there"])
def test_a_profile_that_settles_nothing_leaves_the_order_as_it_is(profile_id: str | None) -> None:
    profiles = (DEVICE_FIRST, USER_FIRST, GENERIC_PROFILE)
    assert preferring(profiles, profile_id) == profiles


def test_of_a_file_that_fits_two_roles_the_more_special_counts() -> None:
    roles = FileRoles(video=("*.mp4",), system=("System Volume Information/",))
    assert roles.role_of("System Volume Information/x.mp4") == "system"
    assert roles.role_of("x.mp4") == "video"
    assert roles.role_of("x.dat") is None


def test_names_are_counted_on_a_large_card_too() -> None:
    match = best(USER_FIRST, paths=tuple(f"{one:06}_000012_20240221082923.mp4" for one in range(20_000)))
    assert match.names_read == match.names_counted == 5000


@given(st.lists(st.text(max_size=60), max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_no_card_breaks_the_choice(paths: list[str], usb_id: str, label: str) -> None:
    rules = {"usb_ids": ["1234:*"], "labels": ["*{device}*", "?"], "layout": ["**/x*/"], "names_share": 0.5}
    profiles = (with_match(USER_FIRST, **rules), *PROFILES)
    matches = match_profiles({"usb_id": usb_id, "label": label}, paths, profiles)
    assert len(matches) == len(profiles)
    assert chosen(matches) is not None


def test_every_shipped_profile_says_what_it_knows_of_files_clock_and_segments() -> None:
    for profile in PROFILES[:-1]:
        assert profile.clock.rule is not None, profile.id
        assert profile.files != FileRoles(), profile.id
        assert profile.segments.lengths_s, profile.id
    assert next(one for one in PROFILES if one.id == "gat").layout == CardLayout(
        footage=("100ANDRO/", "101ANDRO/"),
        pre_record=("SEGTEMP/",),
        important=("101ANDRO/",),
        never_touch=("LOGS/",),
    )


def test_times_of_a_family_in_utc_are_read_so() -> None:
    name = parse_name(CARDS["axis"][0], PROFILES, SHANGHAI)
    assert name.start == dt.datetime(2024, 2, 21, 8, 29, 23, tzinfo=dt.UTC)


def test_what_the_card_settled_holds_for_the_tags_of_its_recordings() -> None:
    sealed = Sealed(
        recording_id=RecordingId("r"),
        docking_id=DockingId("d"),
        recorder_key="x",
        recorder_id=None,
        card_path=AMBIGUOUS,
        sha256=Sha256("0" * 64),
        size_bytes=1,
        vault_path="",
        sidecar_path="",
        profile_id="user_first",
        modified_ns=None,
    )
    tagged = tag(
        Analysed(sealed, None, ()),
        profiles=(DEVICE_FIRST, USER_FIRST, GENERIC_PROFILE),
        roster=Roster(),
        zone=SHANGHAI,
        docked_at=dt.datetime(2024, 2, 22, tzinfo=dt.UTC),
    )
    assert (tagged.tags["name"]["device"], tagged.tags["name"]["user"]) == ("000345", "000012")

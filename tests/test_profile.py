"""Names of recorders: every layout seen in the field is read, and no name whatever breaks the reading."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingestd.config.load import load_profiles
from ingestd.core.profile import GENERIC_PROFILE, ParsedName, RecorderProfile, parse_name

PROFILES = load_profiles(Path(__file__).parent.parent / "config" / "recorders")
SHANGHAI = ZoneInfo("Asia/Shanghai")
MORNING = dt.datetime(2024, 2, 21, 8, 29, 23, tzinfo=SHANGHAI)
MORNING_UTC = dt.datetime(2024, 2, 21, 8, 29, 23, tzinfo=dt.UTC)


def name(
    profile: str,
    device: str | None,
    user: str | None,
    sequence: int | None,
    *,
    start: dt.datetime | None = MORNING,
    important: bool = False,
) -> ParsedName:
    return ParsedName(
        profile_id=profile, device=device, user=user, start=start, sequence=sequence, is_important=important
    )


SEEN = {
    "0000000_00000020240221082923_0001_IMP.mp4": name("gat", "0000000", "000000", 1, important=True),
    "0000012_00034520240221082923_0123.mp4": name("gat", "0000012", "000345", 123),
    "DCIM/100ANDRO/0000012_00034520240221082923_0123.JPG": name("gat", "0000012", "000345", 123),
    "LOGS/0000012_00034520240221082923_012.log": name("gat", "0000012", "000345", 12),
    "000345_000001220240221082923_0001.mp4": name("gat", "0000012", "000345", 1),
    "000345_000001220240221082923_0001IMP.mp4": name("gat", "0000012", "000345", 1, important=True),
    "DCIM/100ANDRO/000345_000001220240221082923_0002.mp4": name("gat", "0000012", "000345", 2),
    "DCIM/101ANDRO/000345_000001220240221082923_0002.mp4": name("gat", "0000012", "000345", 2, important=True),
    "DCIM/101ANDRO/000345_000001220240221082923_0002IMP.mp4": name("gat", "0000012", "000345", 2, important=True),
    "SEGTEMP/000345_000001220240221082923_0003.mp4": name("gat", "0000012", "000345", 3),
    "A000012/000345/20240221/20240221082923_0007.mp4": name("device_user_folders", "A000012", "000345", 7),
    "sd/0000012/000345/20240221/20240221082923_0007IMP.mp4": name(
        "device_user_folders", "0000012", "000345", 7, important=True
    ),
    "DCIM/240221AA/0000012_000345_082923_0004.MP4": name("ambarella_a9", "0000012", "000345", 4),
    "DCIM/240221/0000012000345_A_082923.MP4": name("ambarella_a9", "0000012", "000345", None),
    "DCAM_12_345_20240221_082923.mp4": name("dcam", "12", "345", None),
    "DCIM/DCAM_12_345_20240221_082923_IMP.jpg": name("dcam", "12", "345", None, important=True),
    "DCAM_12_345_20240221_082923.m4a": name("dcam", "12", "345", None),
    "li_si_B8A44F000012_20240221T082900Z/20240221T082923Z_1a2b.mkv": name(
        "axis", "B8A44F000012", "li_si", None, start=MORNING_UTC
    ),
    "345_B8A44F000012_20240221_082900Z/20240221_082923_1A2B.mp4": name(
        "axis", "B8A44F000012", "345", None, start=MORNING_UTC
    ),
    "CARDV/MOVIE/2024_0221_082923_001F.MP4": name("dashcam", None, None, 1),
    "CARDV/MOVIE/RO/2024_0221_082923_001F.MP4": name("dashcam", None, None, 1, important=True),
    "Normal/NORM20240221-082923.MP4": name("dashcam", None, None, None),
    "RO/EMER20240221-082923_000012F.MP4": name("dashcam", None, None, 12, important=True),
}

UNKNOWN = [
    "IMG_0001.JPG",
    "0000012_00034520240221082923.mp4",
    "000012_00034520240221082923_0001.mp4",
    "00000120_00034520240221082923_0001.mp4",
    "0000012_00034520240221082923_0001_IMP",
    "0000012_00034520240221082923_0001\n.mp4",
    "DCIM",
    "",
]


@pytest.mark.parametrize("path", SEEN)
def test_a_name_seen_in_the_field_is_read(path: str) -> None:
    assert parse_name(path, PROFILES, SHANGHAI) == SEEN[path]


@pytest.mark.parametrize("path", SEEN)
def test_a_name_is_claimed_by_one_family_only(path: str) -> None:
    families = [profile.id for profile in PROFILES if parse_name(path, (profile,), SHANGHAI).profile_id]
    assert families == [SEEN[path].profile_id, "generic"]


@pytest.mark.parametrize("path", SEEN)
def test_a_name_is_read_in_any_case_of_letters(path: str) -> None:
    lower, upper = (parse_name(text, PROFILES, SHANGHAI) for text in (path.lower(), path.upper()))
    assert (lower.profile_id, lower.start, lower.sequence) == (upper.profile_id, upper.start, upper.sequence)


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_unknown_name_is_taken_by_the_profile_for_everything(path: str) -> None:
    assert parse_name(path, PROFILES, SHANGHAI) == ParsedName(profile_id=GENERIC_PROFILE.id)


def test_digits_that_are_no_date_leave_the_numbers_readable() -> None:
    read = parse_name("0000012_00034520241399082923_0001.mp4", PROFILES, SHANGHAI)
    assert read == name("gat", "0000012", "000345", 1, start=None)


@pytest.mark.parametrize("digits", ["00010101000000", "99991231235959", "19691231235959", "00000000000000"])
def test_a_time_at_the_edge_of_the_calendar_is_no_start(digits: str) -> None:
    assert parse_name(f"0000012_000345{digits}_0001.mp4", PROFILES, SHANGHAI).start is None


def test_without_any_profile_a_name_says_nothing() -> None:
    assert parse_name("0000012_00034520240221082923_0001.mp4", (), SHANGHAI) == ParsedName()


@pytest.mark.parametrize("profile", PROFILES[:-1], ids=lambda profile: profile.id)
def test_every_shipped_grammar_reads_a_time(profile: RecorderProfile) -> None:
    assert profile.names
    assert all("time" in grammar.compiled.groupindex for grammar in profile.names)


@given(st.text())
@example("0" * 5000)
@example("٠٠٠٠٠١٢_٠٠٠٣٤٥٢٠٢٤٠٢٢١٠٨٢٩٢٣_٠٠٠١.mp4")
@example("/" * 4000 + "RO/x")
def test_no_text_breaks_the_reading_of_names(text: str) -> None:
    assert parse_name(text, PROFILES, SHANGHAI).profile_id is not None


@given(st.from_regex(r"[0-9a-z]{6,7}_[0-9a-z]{6,7}[0-9]{14}_[0-9]{3,4}(_?IMP)?\.[a-z0-9]{1,5}", fullmatch=True))
def test_no_text_that_looks_like_a_name_breaks_the_reading(text: str) -> None:
    start = parse_name(text, PROFILES, SHANGHAI).start
    assert start is None or start.astimezone(dt.UTC)


@given(
    device=st.from_regex(r"[0-9]{7}", fullmatch=True),
    user=st.from_regex(r"[0-9]{6}", fullmatch=True),
    start=st.datetimes(dt.datetime(1992, 1, 1), dt.datetime(2099, 12, 31)).map(
        lambda time: time.replace(microsecond=0)
    ),
    sequence=st.integers(0, 9999),
    is_important=st.booleans(),
    is_device_first=st.booleans(),
)
def test_a_ga_t_name_says_what_was_written_into_it(
    device: str, user: str, start: dt.datetime, sequence: int, is_important: bool, is_device_first: bool
) -> None:
    first, second, mark = (device, user, "_IMP") if is_device_first else (user, device, "IMP")
    path = f"DCIM/{first}_{second}{start:%Y%m%d%H%M%S}_{sequence:04d}{mark if is_important else ''}.mp4"
    expected = name("gat", device, user, sequence, start=start.replace(tzinfo=SHANGHAI), important=is_important)
    assert parse_name(path, PROFILES, SHANGHAI) == expected

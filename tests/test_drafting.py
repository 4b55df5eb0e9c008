"""A drafted profile loads, reads every name that it was drafted from, and claims no number that nobody told it."""

import datetime as dt
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingestd.core.drafting import Draft, draft_profile
from ingestd.core.nameshapes import Known
from ingestd.core.profile import RecorderProfile, parse_name

SHANGHAI = ZoneInfo("Asia/Shanghai")

TIMES = ("%Y%m%d%H%M%S", "%Y%m%d_%H%M%S", "%Y-%m-%d-%H-%M-%S", "%Y_%m%d_%H%M%S", "%Y%m%dT%H%M%S", "%Y%m%d-%H.%M.%S")


@dataclass(frozen=True)
class Written:
    """One name and what was written into it."""

    path: str
    start: dt.datetime
    sequence: int | None
    is_important: bool


@dataclass(frozen=True)
class Family:
    """How a made-up family of recorders names its files."""

    device: str
    user: str
    has_user_first: bool
    is_glued: bool
    time_format: str
    digits: int
    mark: str
    prefix: str
    lens: str
    folder: str
    sign: str

    def name(self, start: dt.datetime, sequence: int, is_important: bool, extension: str) -> Written:
        first, second = (self.user, self.device) if self.has_user_first else (self.device, self.user)
        numbers = [self.prefix, first, second] if self.prefix else [first, second]
        time = start.strftime(self.time_format)
        head = self.sign.join(numbers) + ("" if self.is_glued else self.sign) + time
        counter = f"{self.sign}{sequence:0{self.digits}d}" if self.digits else ""
        mark = self.mark if is_important else ""
        folder = start.strftime(self.folder)
        path = f"{folder}{head}{counter}{self.lens if self.digits else ''}{mark}.{extension}"
        return Written(path, start, sequence if self.digits else None, is_important and bool(self.mark))


FAMILIES = st.builds(
    Family,
    device=st.from_regex(r"[0-9]{5,9}|[A-Z]{1,3}[0-9]{4,6}", fullmatch=True),
    user=st.from_regex(r"[0-9]{4,8}", fullmatch=True),
    has_user_first=st.booleans(),
    # A number glued to a time can be told from it only where the time is one run of digits.
    is_glued=st.booleans(),
    time_format=st.sampled_from(TIMES),
    digits=st.sampled_from([0, 3, 4, 5]),
    mark=st.sampled_from(["", "_IMP", "IMP", "-imp"]),
    prefix=st.sampled_from(["", "DCAM", "CH1", "VID"]),
    lens=st.sampled_from(["", "F"]),
    folder=st.sampled_from(["", "DCIM/100ANDRO/", "DCIM/%y%m%d/", "录像/", "a b/c.d/"]),
    sign=st.sampled_from(["_", "-", " "]),
)

CARDS = st.lists(
    st.tuples(
        st.integers(0, 86400 * 30), st.booleans(), st.sampled_from(["mp4", "MP4", "jpg", "wav"])
    ), min_size=3, max_size=25, unique_by=lambda one: one[0],
)  # fmt: skip


def card_of(family: Family, moments: list[tuple[int, bool, str]]) -> list[Written]:
    begin = dt.datetime(2024, 2, 21, 8, 29, 23)
    return [
        family.name(begin + dt.timedelta(seconds=seconds), number, is_important, extension)
        for number, (seconds, is_important, extension) in enumerate(sorted(moments), start=1)
    ]


def unread(draft: Draft, profile: RecorderProfile) -> list[str]:
    """Names that the draft was made from and that it does not read."""
    return [path for path in draft.drafted_from if parse_name(path, (profile,), SHANGHAI).profile_id != profile.id]


def draft_of(*paths: str, **known: str) -> Draft:
    return draft_profile(paths, profile_id="drafted", known=Known(**known))


def test_the_judge_of_drafts_finds_a_name_that_is_not_read() -> None:
    draft = draft_of("DCAM_1_20240221_082923.mp4", "DCAM_1_20240221_082924.mp4")
    broken = RecorderProfile.model_validate(tomllib.loads(draft.text.replace("DCAM_", "DKAM_")))
    assert unread(draft, draft.profile) == []
    assert len(unread(draft, broken)) == 2


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FAMILIES, CARDS)
def test_a_draft_reads_every_name_of_a_family_with_its_time_counter_and_mark(
    family: Family, moments: list[tuple[int, bool, str]]
) -> None:
    written = card_of(family, moments)
    draft = draft_of(*(one.path for one in written))
    assert RecorderProfile.model_validate(tomllib.loads(draft.text)) == draft.profile
    assert sorted(draft.drafted_from) == sorted(one.path for one in written)
    for one in written:
        name = parse_name(one.path, (draft.profile,), SHANGHAI)
        assert name.profile_id == "drafted"
        assert name.start == one.start.replace(tzinfo=SHANGHAI)
        assert name.is_important == one.is_important
        assert name.sequence == one.sequence


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FAMILIES, CARDS)
def test_numbers_that_are_told_are_read_and_no_other_is_claimed_but_by_lengths(
    family: Family, moments: list[tuple[int, bool, str]]
) -> None:
    written = card_of(family, moments)
    told = draft_of(*(one.path for one in written), device=family.device, user=family.user)
    if not family.is_glued and family.device != family.user:
        assert {parse_name(one.path, (told.profile,), SHANGHAI).device for one in written} == {family.device}
        assert {parse_name(one.path, (told.profile,), SHANGHAI).user for one in written} == {family.user}
    untold = draft_of(*(one.path for one in written))
    claimed = {parse_name(one.path, (untold.profile,), SHANGHAI).device for one in written}
    assert claimed == {None} or any("by their lengths" in words for words in untold.unsure)


HOSTILE = st.lists(
    st.one_of(st.text(max_size=40), st.from_regex(r"[0-9A-Za-z_.\-/ '\"\\]{0,30}\.mp4", fullmatch=True)), max_size=15
)


@settings(max_examples=40, deadline=None)
@given(HOSTILE)
@example(["'''\"\\.mp4", "'''\"\\1.mp4", "'''\"\\2.mp4"])
@example(["a\n1.mp4", "a\n2.mp4", "\ud8001.mp4", "\ud8002.mp4", "\u20281.mp4"])
@example(["{device}1.mp4", "{device}2.mp4", "%Y1.mp4", "%Y2.mp4", "DCIM\\x/1_2.mp4", "DCIM\\x/1_3.mp4"])
@example(["", "/", "//", ".", "..", ".mp4", "0" * 4000 + ".mp4"])
def test_no_names_break_the_drafting_and_the_draft_reads_its_own(paths: list[str]) -> None:
    draft = draft_of(*paths, device="'\"\\", user="1")
    assert unread(draft, RecorderProfile.model_validate(tomllib.loads(draft.text))) == []
    assert set(draft.drafted_from) <= set(paths)


def test_numbers_of_seven_and_six_digits_are_told_apart_in_either_order() -> None:
    for path, order in (
        ("0000012_0003452024022108292%d_000%d.mp4", "device first"),
        ("000345_00000122024022108292%d_000%d.mp4", "user first"),
        ("0000012/000345/20240221/2024022108292%d_000%d.mp4", "folders"),
    ):
        draft = draft_of(*(path % (number, number) for number in range(4)))
        name = parse_name(path % (2, 2), (draft.profile,), SHANGHAI)
        assert (name.device, name.user, name.sequence) == ("0000012", "000345", 2), order


def test_numbers_of_other_lengths_are_not_guessed_but_asked_for() -> None:
    draft = draft_of(*(f"DCAM_12_345_20240221_08292{number}.mp4" for number in range(4)))
    assert parse_name(draft.drafted_from[0], (draft.profile,), SHANGHAI).device is None
    assert any("--device 12 or --user 12" in words for words in draft.unsure)


def test_a_user_number_that_could_be_a_time_is_not_taken_for_one() -> None:
    paths = [f"DCIM/240221AA/0000012_000345_08292{number}_000{number}.MP4" for number in range(5)]
    name = parse_name(paths[3], (draft_of(*paths).profile,), SHANGHAI)
    assert name.start == dt.datetime(2024, 2, 21, 8, 29, 23, tzinfo=SHANGHAI)


def test_times_that_end_in_z_are_utc() -> None:
    paths = [f"20240221T08292{number}Z_{letters}.mkv" for number, letters in enumerate(("1a2b", "cafe", "0042"))]
    draft = draft_of(*paths)
    assert parse_name(paths[0], (draft.profile,), SHANGHAI).start == dt.datetime(2024, 2, 21, 8, 29, 20, tzinfo=dt.UTC)
    assert draft.profile.clock.rule == "names_utc"


def test_a_clock_that_was_never_set_does_not_hide_the_time_of_the_others() -> None:
    paths = [f"V_2024022108292{number}_000{number}.mp4" for number in range(5)] + ["V_19700101000000_0009.mp4"]
    assert parse_name(paths[0], (draft_of(*paths).profile,), SHANGHAI).start is not None


def test_the_draft_says_folders_types_lengths_and_what_is_left_out() -> None:
    paths = [f"DCIM/100MEDIA/V_20240221{hour:02}0000_{hour:04}.mp4" for hour in range(4)]
    draft = draft_of(*paths, "DCIM/100MEDIA/odd one.mp4", "MISC/device.ini", "GPS/track.nmea", "x.qqq")
    assert draft.left_out == ("DCIM/100MEDIA/odd one.mp4",)
    assert draft.profile.layout.footage == ("DCIM/100MEDIA/",)
    assert draft.profile.files.video == ("*.mp4",)
    assert draft.profile.files.sidecar == ("*.nmea",)
    assert list(draft.profile.segments.lengths_s) == [3600]
    assert all(words in draft.text for words in ("odd one.mp4", "MISC/device.ini", "*.qqq"))


def test_names_without_a_date_are_read_as_far_as_they_go_and_that_is_said() -> None:
    draft = draft_of("DCIM/IMG_0001.JPG", "DCIM/IMG_0002.JPG")
    assert parse_name("DCIM/IMG_0002.JPG", (draft.profile,), SHANGHAI).sequence == 2
    assert any("no date" in words for words in draft.unsure)


@pytest.mark.parametrize("paths", [[], ["a.mp4"], ["x.log", "y.log"]])
def test_a_card_without_any_pattern_gives_a_draft_without_names(paths: list[str]) -> None:
    draft = draft_of(*paths)
    assert (draft.profile.names, draft.drafted_from) == ((), ())


def test_a_number_that_stands_in_no_name_is_said() -> None:
    draft = draft_of("V_20240221082923.mp4", device="0000012")
    assert "the device number 0000012 stands in no name by itself" in draft.unsure


def test_what_the_card_says_cannot_get_out_of_a_comment() -> None:
    name = "x_20240221082923\nid = 'evil'.mp4"
    make: Callable[[str], Draft] = draft_of
    assert make(name).profile.id == "drafted"

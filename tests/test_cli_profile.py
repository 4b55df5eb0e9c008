"""`ingestd profile`: families shown, cards tried, a new family drafted; and profiles with faults refused in words."""

from pathlib import Path

import pytest

from ingestd.config.load import load_profile, load_profiles
from ingestd.core.errors import ConfigError
from tests.support.process import Installation
from tests.support.station import card_state, write_card

NAMES = [f"DCIM/100MEDIA/X1-12-345-2024022108{minute:02}23-{minute:04}.mp4" for minute in range(0, 30, 10)]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("profiles"))


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write_card(tmp_path / "card", dict.fromkeys([*NAMES, "MISC/odd.mp4"], b"footage"))


def test_the_list_names_every_profile_and_its_file(installation: Installation) -> None:
    rows = installation.run("profile", "list", "--json").json()
    assert [row["id"] for row in rows][-1] == "generic"
    assert next(row for row in rows if row["id"] == "gat")["file"].endswith("recorders/gat.toml")
    assert "GA/T style" in installation.run("profile", "list").out


def test_a_profile_is_shown_with_what_is_seen_and_what_is_believed(installation: Installation) -> None:
    assert "Believed" in installation.run("profile", "show", "gat").out
    shown = installation.run("profile", "show", "gat", "--json").json()
    assert (shown["id"], shown["layout"]["pre_record"]) == ("gat", ["SEGTEMP/"])
    assert "takes every name" in installation.run("profile", "show", "generic").out


def test_a_profile_that_is_not_there_names_the_nearest(installation: Installation) -> None:
    done = installation.run("profile", "show", "gta")
    assert done.status == 5
    assert "write gat" in done.err


def test_a_card_is_tried_and_left_as_it_was(installation: Installation, tmp_path: Path) -> None:
    names = ["DCIM/101ANDRO/000345_000001220240221082923_0001.mp4", "LOGS/a.log", "x.mp4"]
    card = write_card(tmp_path / "card", dict.fromkeys(names, b"x"))
    before = card_state(card)
    tested = installation.run("profile", "test", card, "--json").json()
    assert card_state(card) == before
    assert (tested["chosen"], tested["recorder_id"], tested["files"]) == ("gat", "0000012", 3)
    assert tested["unread"] == ["LOGS/a.log", "x.mp4"]
    assert tested["roles"] == {"video": 2, "log": 1}
    assert tested["names"][names[0]] == {
        "profile_id": "gat", "device": "0000012", "user": "000345", "start": "2024-02-21T00:29:23.000Z",
        "sequence": 1, "is_important": True,
    }  # fmt: skip
    assert next(one for one in tested["profiles"] if one["id"] == "gat")["reasons"] == ["1 of 2 names are read"]
    words = installation.run("profile", "test", card).out
    assert "Chosen: gat" in words
    assert "2 names read by no profile" in words


def test_a_card_is_tried_as_if_it_came_with_an_id_and_a_label(
    installation: Installation, card: Path, tmp_path: Path
) -> None:
    profile = tmp_path / "x1.toml"
    text = 'id = "x1"\ntitle = "X1"\n[match]\nusb_ids = ["1234:*"]\nlabels = ["BWC{device}"]\n'
    text += '[device_info]\npath = "MISC/info.txt"\nformat = "key_value"\nencoding = "gbk"\ndevice = "编号"\n'
    profile.write_text(text, "utf-8")
    (card / "MISC" / "info.txt").write_bytes("编号=0000012\n".encode("gbk"))
    options = ("--profile", profile, "--usb-id", "1234:abcd", "--label", "BWC0000099", "--json")
    tested = installation.run("profile", "test", card, *options).json()
    assert (tested["chosen"], tested["recorder_id"]) == ("x1", "0000012")
    assert ["device_info", "MISC/info.txt: device 0000012"] in tested["evidence"]
    assert [found["code"] for found in tested["findings"]] == ["identity.conflict"]


def test_a_learned_profile_reads_in_a_test_what_it_was_learned_from(
    installation: Installation, card: Path, tmp_path: Path
) -> None:
    output = tmp_path / "x1.toml"
    done = installation.run("profile", "learn", card, "--device", "12", "--user", "345", "--output", output)
    assert (done.status, done.out) == (0, "")
    assert "3 of 4 names are read" in done.err
    tested = installation.run("profile", "test", card, "--profile", output, "--json").json()
    assert (tested["chosen"], tested["recorder_id"], tested["unread"]) == ("x1", "12", ["MISC/odd.mp4"])
    assert [tested["names"][name]["sequence"] for name in NAMES] == [0, 10, 20]
    assert {tested["names"][name]["user"] for name in NAMES} == {"345"}


def test_a_learned_profile_is_one_of_the_stations_once_it_lies_there(card: Path, tmp_path: Path) -> None:
    installation = Installation(tmp_path / "station")
    output = installation.root / "config" / "recorders" / "x1.toml"
    assert installation.run("profile", "learn", card, "-o", output).status == 0
    assert "x1" in [row["id"] for row in installation.run("profile", "list", "--json").json()]
    assert installation.run("profile", "test", card, "--json").json()["chosen"] == "x1"


def test_without_a_file_the_draft_goes_to_standard_output(
    installation: Installation, card: Path, tmp_path: Path
) -> None:
    done = installation.run("profile", "learn", card)
    drafted = tmp_path / "drafted.toml"
    drafted.write_text(done.out, "utf-8")
    assert load_profile(drafted).id == "learned"
    assert "--device 12" in done.err


def test_learning_overwrites_nothing(installation: Installation, card: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine.toml"
    output.write_text("mine", "utf-8")
    done = installation.run("profile", "learn", card, "--output", output)
    assert done.status == 1
    assert "nothing is ever overwritten" in done.err
    assert output.read_text("utf-8") == "mine"


def test_a_file_that_cannot_be_a_profile_is_refused_before_anything_is_read(
    installation: Installation, card: Path, tmp_path: Path
) -> None:
    for name in ("Vendor X.toml", "generic.toml"):
        done = installation.run("profile", "learn", card, "--output", tmp_path / name)
        assert (done.status, "cannot be the name of a profile" in done.err) == (1, True)
        assert not (tmp_path / name).exists()


def test_a_card_that_is_not_there_is_said(installation: Installation) -> None:
    assert installation.run("profile", "test", "nowhere").status == 5
    assert installation.run("profile", "learn", "nowhere").status == 5


FAULTS = [
    ('[match]\nusb_ids = ["1234"]', "match.usb_ids", "'1234' is no USB id", "write vendor:product as lsusb shows"),
    ('[match]\nlabels = ["{device}{device}"]', "match.labels", "fits no label", "write it as in BWC*"),
    ('[match]\nlayout = ["DCIM\\\\X"]', "match.layout", "has a backslash", "write / between folders"),
    ("[match]\nnames_share = 2", "match.names_share = 2", "less than or equal to 1", "write less than or equal to 1"),
    ("[match]\nlabel = []", "match.label", "there is no such key", "write labels instead of label"),
    ('[layout]\nnever_touch = ["../x"]', "layout.never_touch", "is no path on a card", "write folders as in DCIM/*/"),
    ('[files]\nvidoe = ["*.mp4"]', "files.vidoe", "there is no such key", "write video instead of vidoe"),
    ('[clock]\nmtime = "bureau"', "clock.mtime = 'bureau'", "not one of the allowed", "write 'local', 'utc' or"),
    ("[clock]\ndrift_s_per_day = -1", "clock.drift_s_per_day = -1", "greater than", "write greater than"),
    ("[segments]\nlengths_s = [0]", "segments.lengths_s[0] = 0", "greater than 0", "write greater than 0"),
    ('[identity]\nusb_serial = "yes"', "identity.usb_serial = 'yes'", "allowed", "'is the device number'"),
    (
        '[device_info]\npath = "x"\nformat = "ini"',
        "device_info",
        "names nothing to read",
        "give at least one of device",
    ),
    ('[device_info]\npath = "x"\nformat = "regex"\ndevice = "("', "device_info", "not a regular", "correct it"),
    ('[device_info]\npath = "x"\nformat = "regex"\ndevice = "x"', "device_info", "has no group", "in round brackets"),
    ('[device_info]\npath = ""\nformat = "ini"\ndevice = "x"', "device_info.path", "is no path", "write folders"),
    ('[device_info]\nformat = "ini"\ndevice = "x"', "device_info.path", "is missing", "add path"),
    (
        '[clock]\nrule = "names_utc"\n[[names]]\nid = "a"\npattern = "(?P<time>[0-9]{14})"',
        "x1.toml",
        "clock.rule = 'names_utc' contradicts the grammar 'a'",
        "write rule = 'names_bureau_zone'",
    ),
]


@pytest.mark.parametrize(("text", "place", "words", "fix"), FAULTS)
def test_a_fault_in_a_profile_is_named_with_file_key_and_fix(
    tmp_path: Path, text: str, place: str, words: str, fix: str
) -> None:
    file = tmp_path / "x1.toml"
    file.write_text(f'id = "x1"\ntitle = "X1"\n{text}\n', "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_profile(file)
    for part in (str(file), place, words):
        assert part in caught.value.message
    assert fix in caught.value.advice


def test_a_faulty_profile_is_refused_in_words(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "x1.toml").write_text('id = "x1"\ntitle = "X1"\n[files]\nvidoe = []\n', "utf-8")
    done = installation.run("profile", "test", tmp_path, "--profile", tmp_path / "x1.toml")
    assert (done.status, "x1.toml: files.vidoe" in done.err) == (3, True)
    assert "write video instead of vidoe" in done.err


def test_the_name_of_the_built_in_profile_is_taken(tmp_path: Path) -> None:
    (tmp_path / "generic.toml").write_text('id = "generic"\ntitle = "x"\n', "utf-8")
    with pytest.raises(ConfigError, match="generic.toml: is the name of the profile that stands behind"):
        load_profiles(tmp_path)

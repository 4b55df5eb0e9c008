"""Names of ports: learned by plugging in, written beside the settings, read back and listed."""

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.config.bays import LearnedBays, bays_toml, next_bay_name
from ingestd.config.load import load_all, load_settings
from ingestd.core.errors import ConfigError
from tests.support import umockdev
from tests.support.lessons import Lesson, Outcome, give
from tests.support.process import Installation

PORT = "pci-0000:00:14.0-usb-0:"
SHOWN = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def write_bays(installation: Installation, text: str) -> Path:
    file = installation.config_file.parent / "bays.toml"
    file.write_text(text, "utf-8")
    return file


# --- the file --------------------------------------------------------------------------------------------------------


@given(st.dictionaries(SHOWN, SHOWN))
def test_what_is_written_is_read_back(bays: dict[str, str]) -> None:
    assert LearnedBays.model_validate(tomllib.loads(bays_toml(bays))).bays == bays


def test_learned_names_are_part_of_the_settings(installation: Installation) -> None:
    file = write_bays(installation, bays_toml({f"{PORT}3": "bay-1"}))
    configuration = load_all(installation.config_file)
    assert configuration.settings.udev.bays == {f"{PORT}3": "bay-1"}
    assert file in configuration.sources


def test_the_settings_win_over_a_learned_name(installation: Installation) -> None:
    write_bays(installation, bays_toml({f"{PORT}3": "bay-1", f"{PORT}4": "bay-2"}))
    text = installation.config_file.read_text("utf-8")
    assert "[udev.bays]\n" in text
    text = text.replace("[udev.bays]\n", f'[udev.bays]\n"{PORT}3:1.0" = "left"\n')
    installation.config_file.write_text(text, "utf-8")
    settings = load_settings(installation.config_file)
    assert settings.udev.bays == {f"{PORT}4": "bay-2", f"{PORT}3:1.0": "left"}


@pytest.mark.parametrize("text", ['[bays]\n"x" = ""\n', '[bay]\n"x" = "y"\n', "[bays\n", '[bays]\n"x" = 1\n'])
def test_a_fault_in_the_file_is_told_with_its_name(installation: Installation, text: str) -> None:
    file = write_bays(installation, text)
    with pytest.raises(ConfigError, match=str(file)):
        load_settings(installation.config_file)


@pytest.mark.parametrize(
    ("taken", "last", "name"),
    [
        ((), "", "bay-1"),
        (("bay-1", "bay-3"), "bay-1", "bay-2"),
        (("bay-1", "bay-2"), "", "bay-3"),
        ((), "左09", "左10"),
        (("left",), "left", "bay-1"),
    ],
)
def test_the_next_name_goes_on_from_the_last_one(taken: tuple[str, ...], last: str, name: str) -> None:
    assert next_bay_name(taken, last) == name


@given(st.lists(SHOWN), SHOWN)
def test_a_proposed_name_is_always_free(taken: list[str], last: str) -> None:
    assert next_bay_name([*taken, last], last) not in {*taken, last}


# --- the commands ----------------------------------------------------------------------------------------------------


def test_without_udev_learning_says_so(installation: Installation) -> None:
    if Path("/run/udev/control").exists():
        pytest.skip("udev runs here")
    done = installation.run("bays", "learn")
    assert (done.status, "udev does not run here" in done.err) == (4, True)


def test_names_are_listed_without_udev(installation: Installation) -> None:
    write_bays(installation, bays_toml({f"{PORT}3": "bay-1"}))
    done = installation.run("bays", "list", "--json")
    assert done.status == 0
    assert [(row["port"], row["bay"], row["named_in"]) for row in json.loads(done.out)][:1] == [
        (f"{PORT}3", "bay-1", "bays.toml")
    ]


CAMERA = "usb-custom-exfat"
NAMES_LEFT = {f"{PORT}5": "left"}

# The name of a lesson is also that of its installation; `bays.toml` there holds the names given second.
LESSONS: dict[str, tuple[Lesson, dict[str, str]]] = {
    "three": (
        Lesson(
            ("learn", "--json", "--count", "3"),
            orders=(f"{CAMERA}@port=5", "usb-mtp@port=2", f"{CAMERA}@port=9.3,disk=sdb"),
        ),
        {},
    ),
    "known": (
        Lesson(("learn", "--json", "--count", "1"), orders=(f"{CAMERA}@port=5", "usb-mtp@port=2")),
        NAMES_LEFT,
    ),
    "interrupt": (Lesson(("learn", "--json"), orders=(CAMERA, "interrupt")), {}),
    "keyboard": (Lesson(("learn", "--json", "--count", "1"), orders=("keyboard", CAMERA)), {}),
    "plugged before": (
        Lesson(("learn", "--json", "--count", "1"), before=("usb-mtp@port=2",), orders=(CAMERA,)),
        {},
    ),
    "print": (Lesson(("learn", "--json", "--print", "--count", "1"), orders=(CAMERA,)), {}),
    "for people": (Lesson(("learn", "--count", "2"), orders=(CAMERA, "usb-mtp@port=2")), {}),
    "list": (Lesson(("list", "--json"), before=("badusb-composite@port=5", "keyboard")), NAMES_LEFT),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Outcome, Installation]]:
    """All lessons, each with an installation of its own."""
    installations = {name: Installation(tmp_path_factory.mktemp("bays")) for name in LESSONS}
    lessons = {}
    for name, (lesson, names) in LESSONS.items():
        if names:
            write_bays(installations[name], bays_toml(names))
        words = ("bays", *lesson.words, "--config", str(installations[name].config_file))
        lessons[name] = dataclasses.replace(lesson, words=words)
    return {name: (outcome, installations[name]) for name, outcome in give(lessons).items()}


@pytest.mark.full
@pytest.mark.skipif(umockdev.missing() != "", reason=umockdev.missing())
class TestOnABus:
    @pytest.fixture(autouse=True)
    def _outcomes(self, outcomes: dict[str, tuple[Outcome, Installation]]) -> None:
        self.outcomes = outcomes

    def events(self, lesson: str) -> list[dict[str, Any]]:
        """Its lines, after it ended well."""
        outcome, _ = self.outcomes[lesson]
        assert outcome.status == 0
        return [json.loads(line) for line in outcome.lines]

    def names(self, lesson: str) -> dict[str, str]:
        """What its station reads then."""
        return load_settings(self.outcomes[lesson][1].config_file).udev.bays

    def test_ports_are_named_in_the_order_of_plugging_and_written(self) -> None:
        wanted = {f"{PORT}5": "bay-1", f"{PORT}2": "bay-2", f"{PORT}9.3": "bay-3"}
        told = self.events("three")
        assert [one["event"] for one in told] == ["listening", "learned", "learned", "learned", "end"]
        assert told[-1]["learned"] == self.names("three") == wanted

    def test_who_may_read_the_settings_may_read_the_names(self) -> None:
        settings = self.outcomes["three"][1].config_file
        assert (settings.parent / "bays.toml").stat().st_mode == settings.stat().st_mode

    def test_a_port_that_has_a_name_keeps_it_and_that_is_told(self) -> None:
        assert [(one["event"], one.get("bay")) for one in self.events("known")[1:3]] == [
            ("known", "left"),
            ("learned", "bay-1"),
        ]
        assert self.names("known") == NAMES_LEFT | {f"{PORT}2": "bay-1"}

    def test_an_interrupt_ends_well_and_keeps_what_was_learned(self) -> None:
        assert [one["event"] for one in self.events("interrupt")] == ["listening", "learned", "end"]
        assert self.names("interrupt") == {f"{PORT}3": "bay-1"}

    def test_a_keyboard_names_no_bay(self) -> None:
        assert [one["event"] for one in self.events("keyboard")[1:3]] == ["refused", "learned"]

    def test_what_is_plugged_in_at_the_start_does_not_count(self) -> None:
        assert self.names("plugged before") == {f"{PORT}3": "bay-1"}

    def test_printing_writes_no_file(self) -> None:
        assert self.events("print")[-1]["bays"] == {f"{PORT}3": "bay-1"}
        assert self.names("print") == {}

    def test_people_are_told_which_port_is_which_bay(self) -> None:
        text = "".join(self.outcomes["for people"][0].lines)
        assert f"bay-1 ← {PORT}3 (1209:0001 BodyCam_5)" in text
        assert f"bay-2 ← {PORT}2" in text

    def test_the_list_shows_what_is_plugged_in_and_what_becomes_of_it(self) -> None:
        named, other = json.loads("".join(self.outcomes["list"][0].lines))
        assert (named["bay"], named["port"], named["named_in"]) == ("left", f"{PORT}5", "bays.toml")
        (device,) = named["plugged"]
        assert device["interfaces"] == ["080650", "030101"]
        assert [(one["kind"], one["action"]) for one in device["told"]] == [
            ("foreign", "ignored"),
            ("volume", "ignored"),
        ]
        assert (other["bay"], other["port"], other["plugged"][0]["told"]) == (None, f"{PORT}8", [])

"""The log of a real daemon: one JSON line an event, with the docking and the recording on every act."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.clock import from_text
from tests.support.cards import Card
from tests.support.process import PROGRAM, Installation, wait_until

ABOUT_A_RECORDING = ("recording.", "derived.")
ABOUT_A_DOCKING = ("docking.", "set.")


@dataclass(frozen=True)
class Logged:
    """What a daemon logged, and what its ledger holds."""

    lines: list[str]
    entries: list[dict[str, Any]]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    @property
    def acts(self) -> list[dict[str, Any]]:
        return [event for event in self.events if "seq" in event]


def ledger_of(installation: Installation) -> list[dict[str, Any]]:
    text = "".join(path.read_text("utf-8") for path in sorted((installation.vault / "ledger").iterdir()))
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory, faulty_card: Card) -> Iterator[Logged]:
    """A daemon that took in a card with every fault, made its proxies, and was stopped."""
    installation = Installation(tmp_path_factory.mktemp("logs"), log__level="debug")
    with installation.daemon() as daemon:
        assert installation.run("ingest", faulty_card.root).status in (0, 7)
        wait_until(lambda: bool(daemon.events("derived.made")), what="a derived file")
        assert daemon.stop() == 0
        yield Logged(daemon.log_text().splitlines(), ledger_of(installation))


def test_every_line_is_one_json_object_with_time_level_and_event(logged: Logged) -> None:
    for event in logged.events:
        assert isinstance(event["event"], str)
        assert event["level"] in ("debug", "info", "warning", "error")
        assert from_text(event["timestamp"])


def test_every_act_of_the_ledger_is_logged_once_and_in_order(logged: Logged) -> None:
    assert [(one["seq"], one["event"]) for one in logged.acts] == [(one["seq"], one["act"]) for one in logged.entries]


def test_every_act_of_a_docking_names_it(logged: Logged) -> None:
    dockings = {one["subject"] for one in logged.entries if one["act"] == "docking.listed"}
    of_the_station = ("config.", "ledger.", "regime.", "clock.stepped")
    of_dockings = [one for one in logged.acts if not one["event"].startswith(of_the_station)]
    assert {one.get("docking_id") for one in of_dockings} == dockings
    assert {one.get("docking_id") for one in logged.acts if one not in of_dockings} == {None}


def test_every_act_about_a_recording_names_it(logged: Logged) -> None:
    recordings = {one["subject"] for one in logged.entries if one["act"] == "recording.sealed"}
    about = [one for one in logged.acts if one["event"].startswith(ABOUT_A_RECORDING)]
    assert about
    assert {one["recording_id"] for one in about} == recordings


def test_no_act_about_a_docking_names_a_recording(logged: Logged) -> None:
    about = [one for one in logged.acts if one["event"].startswith(ABOUT_A_DOCKING)]
    assert about
    assert [one for one in about if "recording_id" in one] == []


def test_findings_are_logged_by_their_codes(logged: Logged, faulty_card: Card) -> None:
    codes = {code for one in logged.acts for code in one.get("findings", ())}
    noted = {found["code"] for one in logged.entries for found in one["data"].get("findings", ())}
    assert codes == noted
    assert {"gap.video", "file.link", "set.missing"} <= codes


def test_sealing_is_logged_with_the_hash(logged: Logged) -> None:
    sealed = {one["recording_id"]: one["sha256"] for one in logged.acts if one["event"] == "recording.sealed"}
    truth = {one["subject"]: one["data"]["sha256"] for one in logged.entries if one["act"] == "recording.sealed"}
    assert sealed == truth


def test_start_says_where_the_pages_are(logged: Logged) -> None:
    (started,) = (one for one in logged.events if one["event"] == "station.started")
    assert started["http"].startswith("http://127.0.0.1:")


def test_finding_noted_about_a_recording_names_docking_and_recording(tmp_path: Path) -> None:
    installation = Installation(tmp_path, copy__block_bytes=65536)
    card = tmp_path / "card"
    card.mkdir()
    growing = card / "growing.bin"
    with growing.open("wb") as file:
        file.truncate(50_000_000)
    with installation.daemon() as daemon:
        command = subprocess.Popen(
            [*PROGRAM, "ingest", str(card)], env=installation.environment(), stdout=-3, stderr=-3
        )
        while command.poll() is None:
            os.utime(growing)
        assert command.returncode == 7
        (sealed,) = daemon.events("recording.sealed")
        noted = [one for one in daemon.events("finding.noted") if one["findings"] == ["file.changed_while_read"]]
    assert [(one["docking_id"], one["recording_id"]) for one in noted] == [
        (sealed["docking_id"], sealed["recording_id"])
    ]


def test_level_of_the_settings_is_kept(tmp_path: Path) -> None:
    installation = Installation(tmp_path, log__level="error")
    with installation.daemon() as daemon:
        assert daemon.stop() == 0
        assert daemon.log_text() == ""


def test_console_format_is_for_people(tmp_path: Path) -> None:
    installation = Installation(tmp_path, log__format="console")
    with installation.daemon() as daemon:
        assert daemon.stop() == 0
        assert "station.started" in daemon.log_text()
        assert not daemon.log_text().startswith("{")

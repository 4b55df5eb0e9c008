"""`ingestd sim`: what people type to get a simulated card."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingestd.cli.sim import sim_app
from ingestd.core.errors import RefusedError
from ingestd.sim.faults import Fault

RUNNER = CliRunner()
SMALL = ["--takes", "1", "--segments", "1", "--seconds", "1"]


def test_card_prints_the_truth_as_json(tmp_path: Path) -> None:
    result = RUNNER.invoke(sim_app, ["card", str(tmp_path / "card"), *SMALL, "--device", "AB12345", "--json"])
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["device"] == "AB12345"
    assert all((tmp_path / "card" / file["path"]).exists() for file in document["files"])


def test_card_prints_what_a_station_should_find(tmp_path: Path) -> None:
    arguments = ["card", str(tmp_path / "card"), *SMALL, "--fault", "link", "--fault", "unknown-type"]
    result = RUNNER.invoke(sim_app, arguments)
    assert result.exit_code == 0
    assert "file.link" in result.stdout
    assert "file.unknown_type" in result.stdout


def test_a_card_without_fault_says_so(tmp_path: Path) -> None:
    result = RUNNER.invoke(sim_app, ["card", str(tmp_path / "card"), *SMALL])
    assert "should find nothing" in result.stdout


def test_a_start_is_read_as_local_time(tmp_path: Path) -> None:
    RUNNER.invoke(sim_app, ["card", str(tmp_path / "card"), *SMALL, "--start", "2026-05-01 08:00:00"])
    assert list((tmp_path / "card" / "DCIM" / "100ANDRO").glob("*_01234520260501080000_0001.mp4"))


def test_a_folder_in_use_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    result = RUNNER.invoke(sim_app, ["card", str(tmp_path), *SMALL])
    assert isinstance(result.exception, RefusedError)
    assert "new folder" in result.exception.advice


def test_an_unknown_fault_is_a_usage_error_that_names_the_known_ones(tmp_path: Path) -> None:
    result = RUNNER.invoke(sim_app, ["card", str(tmp_path / "card"), "--fault", "gremlins"])
    assert result.exit_code == 2
    assert "dropped-gop" in result.output
    assert not (tmp_path / "card").exists()


def test_faults_lists_every_fault_with_its_finding() -> None:
    rows = json.loads(RUNNER.invoke(sim_app, ["faults", "--json"]).stdout)
    assert {row["fault"]: row["code"] for row in rows} == {fault.value: fault.code for fault in Fault}


@pytest.mark.parametrize("word", ["ingestd sim card ./card", "Equal options"])
def test_help_teaches_by_an_example(word: str) -> None:
    assert word in " ".join(RUNNER.invoke(sim_app, ["card", "--help"], terminal_width=300).output.split())

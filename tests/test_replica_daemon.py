"""Copies in other stores beside a running station, and the commands that ask about them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.process import Installation, sample, scraped, wait_until
from tests.support.s3 import add_folder
from tests.support.station import PROJECT, write_card


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A station with a folder as its store of copies; the folder is not there yet."""
    installation = Installation(tmp_path / "station")
    add_folder(installation.config_file, tmp_path / "disk")
    return installation


def test_a_running_station_catches_up_when_its_store_comes_back(installation: Installation, tmp_path: Path) -> None:
    with installation.daemon() as daemon:
        write_card(installation.inbox / "card", {"one.log": b"one", "two.log": b"two", ".ingest-done": b""})
        wait_until(lambda: bool(daemon.events("docking.closed")), what="the docking")
        wait_until(
            lambda: (
                sample(scraped(daemon.get("/metrics")[1]), "ingestd_replica_pending_objects", store="second-disk") >= 4
            ),
            what="the count of what waits",
        )
        away = scraped(daemon.get("/metrics")[1])
        assert sample(away, "ingestd_replica_reachable", store="second-disk") == 0
        assert daemon.get("/readyz")[0] == 200
        assert installation.run("replica", "check").status == 4
        (tmp_path / "disk").mkdir()
        (checked,) = installation.json("replica", "check")["stores"]
        assert checked["is_reachable"]
        assert not checked["is_lock_honoured"]
        assert installation.json("replica", "run") == {"asked": ["second-disk"]}
        wait_until(
            lambda: sample(scraped(daemon.get("/metrics")[1]), "ingestd_replica_copies", store="second-disk") >= 4,
            what="the copies",
        )
        assert daemon.stop() == 0
    (store,) = installation.json("replica", "list")["stores"]
    assert (store["lacking"], store["faulty"], store["locked"]) == (0, 0, 0)
    assert store["check"]["problems"]
    recording = installation.json("list")[0]["recording_id"]
    shown = installation.json("replica", "show", recording)["copies"]
    assert [one["kind"] for one in shown] == ["original", "birth"]
    assert "not locked" in installation.run("replica", "show", recording).out


def test_without_a_station_the_command_does_it_and_says_what_it_could_not(
    installation: Installation, tmp_path: Path
) -> None:
    installation.run("ingest", write_card(tmp_path / "card", {"one.log": b"one"}))
    ended = installation.run("replica", "run", "--json")
    assert ended.status == 4
    assert "is not there" in ended.json()["stores"][0]["problem"]
    (tmp_path / "disk").mkdir()
    assert installation.json("replica", "run")["stores"][0]["lacking"] == 0
    assert installation.run("replica", "run", "nowhere").status == 5
    told = {one["name"]: one for one in installation.json("doctor")}
    assert told["replica second-disk"]["state"] == "note"
    assert "not locked" in told["replica second-disk"]["words"]


def test_neither_the_station_nor_the_command_line_loads_boto3() -> None:
    """40 MB that an idle station does not have to spare; the store's own child does, which is seen first."""
    program = "import sys, {}; print('boto3' in sys.modules)"
    for module, loads in (
        ("ingestd.stores.objectlock", "True"),
        ("ingestd.daemon.service, ingestd.cli.replica", "False"),
    ):
        command = [sys.executable, "-c", program.format(module)]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == loads

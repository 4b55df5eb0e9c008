"""The daemon as a process: it says when it is ready, is the only one, and stops cleanly whatever it is doing."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from ingestd.ipc import ask
from tests.support.cards import Card
from tests.support.process import PROGRAM, Daemon, Installation, command_of, media_children, wait_until
from tests.support.station import card_state, faults_of, write_card

STOP_SECONDS = 10.0
MANY: dict[str | bytes, bytes] = {f"DCIM/100ANDRO/{number:04}.bin": b"%d " % number * 500 for number in range(150)}
"""Enough files, each sealed alone, to be stopped in the middle of."""


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


@pytest.fixture
def slow_installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path, copy__batch_files=1)


def ingesting(installation: Installation, card: Path) -> "subprocess.Popen[bytes]":
    """A command that takes a card in, under way."""
    return subprocess.Popen(
        [*PROGRAM, "ingest", str(card), "--json"],
        env=installation.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_for_sealing(daemon: Daemon, files: int = 5) -> None:
    """Wait until copying is under way and not at its end."""
    wait_until(lambda: len(daemon.events("recording.sealed")) >= files, what="sealing")


def test_says_ready_when_socket_and_pages_answer(installation: Installation) -> None:
    with installation.daemon() as daemon:
        assert ask(installation.socket_file, {"op": "status"})["pid"] == daemon.pid
        assert daemon.get("/healthz")[0] == 200


def test_says_nothing_where_nobody_listens_for_notifications(installation: Installation) -> None:
    ended = installation.run("list", "--json")
    assert ended.status == 5, "a station that never ran has no catalogue"
    with installation.daemon():
        assert installation.run("list", "--json").json() == []


def test_ready_to_a_notify_socket_that_is_gone_does_not_hurt(installation: Installation) -> None:
    gone = {"NOTIFY_SOCKET": str(installation.root / "gone.sock")}
    with (installation.root / "log").open("wb") as log:
        process = subprocess.Popen([*PROGRAM, "run"], env=installation.environment() | gone, stderr=log)
        wait_until(lambda: installation.socket_file.exists() or process.poll() is not None, what="the socket")
        wait_until(lambda: b"station.started" in (installation.root / "log").read_bytes(), what="the start")
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS) == 0
    assert "Traceback" not in (installation.root / "log").read_text("utf-8")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_daemon_stops_cleanly_by_signal(installation: Installation, number: signal.Signals) -> None:
    with installation.daemon() as daemon:
        daemon.signal(number)
        assert daemon.wait(STOP_SECONDS) == 0
        assert "STOPPING=1" in daemon.notifications()
        assert "Traceback" not in daemon.log_text()
    assert not installation.socket_file.exists()


def test_stopping_leaves_no_process_behind(installation: Installation) -> None:
    card = write_card(installation.root / "card", {"a.txt": b"words\n"})
    with installation.daemon() as daemon:
        assert installation.run("ingest", card).status == 0
        children = media_children(daemon.pid)
        assert children, "the media process is expected to stay warm"
        assert daemon.stop(STOP_SECONDS) == 0
    assert all(b"ingestd.media.worker" not in command_of(child) for child in children)


def test_stop_while_copying_is_clean_and_the_restart_finishes(slow_installation: Installation) -> None:
    installation, card = slow_installation, write_card(slow_installation.root / "card", MANY)
    before = card_state(card)
    with installation.daemon() as daemon:
        command = ingesting(installation, card)
        wait_for_sealing(daemon)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait(STOP_SECONDS) == 0
        out, err = command.communicate(timeout=STOP_SECONDS)
        assert b"Traceback" not in err
        assert command.returncode == 7
        assert json.loads(out)["outcome"] == "interrupted"
        sealed = len(daemon.events("recording.sealed"))
        assert "Traceback" not in daemon.log_text()
    assert 5 <= sealed < len(MANY)
    assert not installation.socket_file.exists()
    with installation.daemon(log_name="second.log") as daemon:
        assert daemon.events("station.recovered") == [], "a clean stop leaves nothing to mend"
        ended = installation.run("ingest", card, "--json")
        assert ended.status == 0
        fates = ended.json()["accounting"]["fates"]
        assert fates["already_held"]["entries"] == sealed
        assert fates["copied"]["entries"] == len(MANY) - sealed
        assert daemon.stop() == 0
    assert faults_of(installation.station, card) == []
    assert card_state(card) == before


def test_stop_in_the_middle_of_one_long_file_is_prompt(installation: Installation) -> None:
    card = installation.root / "card"
    card.mkdir()
    with (card / "long.bin").open("wb") as file:
        file.truncate(2_000_000_000)
    with installation.daemon() as daemon:
        command = ingesting(installation, card)
        staging = installation.vault / ".staging"
        wait_until(lambda: any(staging.glob("*.resume")), what="copying")
        daemon.signal(signal.SIGINT)
        assert daemon.wait(STOP_SECONDS) == 0
        command.communicate(timeout=STOP_SECONDS)
        assert command.returncode == 7
    assert {path.suffix for path in staging.iterdir()} == {".part", ".resume"}, "a half copy waits for its recorder"
    for path in staging.iterdir():
        path.unlink()


def test_stop_does_not_wait_for_a_media_process_that_hangs(installation: Installation, demo_card: Card) -> None:
    with installation.daemon() as daemon:
        assert installation.run("ingest", demo_card.root).status == 0
        wait_until(lambda: len(media_children(daemon.pid)) == 2, what="the process that makes proxies")
        children = media_children(daemon.pid)
        for child in children:
            os.kill(child, signal.SIGSTOP)
        daemon.signal(signal.SIGTERM)
        try:
            assert daemon.wait(STOP_SECONDS) == 0
            assert all(b"ingestd.media.worker" not in command_of(child) for child in children)
        finally:
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        assert "Traceback" not in daemon.log_text()
    assert list((installation.vault / ".staging").iterdir()) == []
    with installation.daemon(log_name="second.log"):
        catalogue = installation.station.catalogue()
        wait_until(lambda: not catalogue.without_derived(("proxy",), limit=1), what="all proxies")
        first = next(one for one in demo_card.files(None) if one.segment == 0)
        posters = [one["kind"] for one in installation.json("show", first.path)["derived"]]
        assert "poster" in posters, "a proxy that was interrupted is made at the next start"


def test_second_daemon_on_the_same_folder_refuses_in_words(installation: Installation) -> None:
    with installation.daemon() as daemon:
        second = installation.run("run", seconds=20)
        assert second.status == 4
        assert "another ingestd works in" in second.err
        assert "Traceback" not in second.err
        assert ask(installation.socket_file, {"op": "status"})["pid"] == daemon.pid


def test_lock_of_a_killed_daemon_does_not_keep_the_next_one_out(installation: Installation) -> None:
    with installation.daemon() as daemon:
        daemon.kill()
    assert installation.socket_file.exists()
    with installation.daemon(log_name="second.log") as daemon:
        assert ask(installation.socket_file, {"op": "status"})["pid"] == daemon.pid


def test_catalogue_rebuild_is_refused_while_the_daemon_runs(installation: Installation) -> None:
    with installation.daemon():
        refused = installation.run("catalogue", "rebuild")
    assert refused.status == 4
    assert "another ingestd works in" in refused.err


def test_lock_held_by_anything_else_is_exit_status_4(installation: Installation) -> None:
    installation.state_dir.mkdir()
    with (installation.state_dir / "ingestd.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        card = write_card(installation.root / "card", {"a.txt": b"words\n"})
        assert installation.run("ingest", card).status == 4


def test_port_in_use_is_a_configuration_fault_that_names_the_key(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        installation = Installation(tmp_path, http__port=port)
        ended = installation.run("run", seconds=20)
    assert ended.status == 3
    assert "http.port" in ended.err
    assert str(port) in ended.err
    assert "Traceback" not in ended.err


def test_address_of_no_interface_is_a_configuration_fault_that_names_the_key(tmp_path: Path) -> None:
    ended = Installation(tmp_path, http__host="no.such.host.invalid").run("run", seconds=60)
    assert ended.status == 3
    assert "http.host" in ended.err
    assert "Traceback" not in ended.err


def test_failed_start_leaves_no_socket(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        installation = Installation(tmp_path, http__port=taken.getsockname()[1])
        installation.run("run", seconds=20)
    assert not installation.socket_file.exists()

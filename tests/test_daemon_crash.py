"""A daemon killed -9 at any moment of a docking, and its media process killed: nothing lost, nothing twice."""

import os
import random
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from ingestd.core.errors import UnavailableError
from ingestd.ipc import ask
from tests.support.cards import Card
from tests.support.process import Daemon, Installation, media_children, wait_until
from tests.support.station import card_state, faults_of, write_card

KILLS = 3
LONGEST_LIFE_SECONDS = 0.9
"""Of a docking of this card with every file sealed alone; kills fall before, into and behind it."""


def build_card(root: Path, demo: Card, seed: int) -> Path:
    """Footage, equal files, empty ones and many small ones."""
    dice = random.Random(seed)
    files: dict[str | bytes, bytes] = {
        f"LOGS/{number:02}.log": dice.randbytes(dice.randrange(9000)) for number in range(12)
    }
    files |= {"LOGS/equal-a.bin": b"equal", "LOGS/equal-b.bin": b"equal", "LOGS/empty-a": b"", "LOGS/empty-b": b""}
    demo.copy(root)
    return write_card(root, files)


def kill_during_ingest(daemon: Daemon, card: Path, after_seconds: float) -> None:
    """Ask for the card over the socket, and kill the daemon so long after."""

    def request() -> None:
        try:
            ask(daemon.installation.socket_file, {"op": "ingest", "path": str(card)})
        except UnavailableError:
            return

    asker = threading.Thread(target=request)
    asker.start()
    threading.Event().wait(after_seconds)
    daemon.kill()
    asker.join()


@pytest.mark.parametrize("seed", [1, 2])
def test_daemon_killed_at_random_moments_loses_nothing_and_holds_nothing_twice(
    tmp_path: Path, demo_card: Card, seed: int
) -> None:
    dice = random.Random(seed)
    installation = Installation(tmp_path, copy__batch_files=1 + seed % 3)
    card = build_card(tmp_path / "card", demo_card, seed)
    before = card_state(card)
    for number in range(KILLS):
        with installation.daemon(log_name=f"{number}.log") as daemon:
            kill_during_ingest(daemon, card, dice.uniform(0, LONGEST_LIFE_SECONDS))
    with installation.daemon(log_name="last.log") as daemon:
        assert installation.json("ingest", card)["outcome"] == "complete"
        catalogue = installation.station.catalogue()
        wait_until(catalogue.is_all_described, what="the last track")
        wait_until(lambda: not catalogue.without_derived(("proxy",), limit=1), what="the last proxy")
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.log_text()
    assert faults_of(installation.station, card) == []
    assert card_state(card) == before
    assert installation.run("verify").status == 0


def test_daemon_killed_between_two_files_takes_up_a_dropped_folder_by_itself(tmp_path: Path) -> None:
    installation = Installation(tmp_path, copy__batch_files=1)
    card = write_card(tmp_path / "card", {f"{number:03}.bin": b"%d" % number * 300 for number in range(40)})
    with installation.daemon() as daemon:
        card.rename(installation.inbox / "card")
        wait_until(lambda: len(daemon.events("recording.sealed")) > 3, what="sealing")
        daemon.kill()
    with installation.daemon(log_name="second.log") as daemon:
        assert daemon.events("station.recovered"), "the killed docking is mended at the start"
        wait_until(
            lambda: [one["outcome"] for one in daemon.events("docking.closed")] == ["interrupted", "complete"],
            what="the second docking",
        )
        assert daemon.stop() == 0
    assert faults_of(installation.station, installation.inbox / "card") == []


def test_media_process_killed_in_the_middle_costs_no_facts(tmp_path: Path, demo_card: Card) -> None:
    installation = Installation(tmp_path, media__attempts=5)
    card = tmp_path / "card"
    for number in range(2):
        demo_card.copy(card / f"{number}")
    # Other bytes behind each copy's end, so that all of them are new and all have to be read.
    for number, path in enumerate(sorted(card.rglob("*.mp4"))):
        with path.open("ab") as file:
            file.write(b"\0\0\0\x0cfree%04d" % number)
    with installation.daemon() as daemon:
        command = subprocess.Popen(
            installation.command("ingest", card, "--json"), env=installation.environment(), stdout=subprocess.PIPE
        )
        killed: list[int] = []
        for _ in range(3):
            wait_until(lambda: bool(set(media_children(daemon.pid)) - set(killed)), what="a media process")
            for child in set(media_children(daemon.pid)) - set(killed):
                os.kill(child, signal.SIGKILL)
                killed.append(child)
        command.communicate(timeout=60)
        assert command.returncode == 0
        assert daemon.get("/healthz")[0] == 200
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.log_text()
    recordings = installation.json("list")
    assert {one["state"] for one in recordings} == {"catalogued"}
    assert "unknown" not in {one["kind"] for one in recordings}
    assert [one for one in recordings if "job.parked" in one["findings"]] == []

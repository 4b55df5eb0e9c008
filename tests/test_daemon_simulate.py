"""What `make run` shows: the command itself as a process whose output is a pipe, as a user's log file would be."""

import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingestd.core.settings import Settings
from tests.support.process import PROJECT, Installation, wait_until
from tests.support.station import faults_of, write_card

pytestmark = pytest.mark.xdist_group("simulate")


class Screen:
    """`ingestd run --simulate` with its output in a file."""

    def __init__(self, installation: Installation) -> None:
        self.file = installation.root / "screen.txt"
        with self.file.open("wb") as out:
            self.process = subprocess.Popen(
                installation.command("run", "--simulate"),
                env=installation.environment(),
                cwd=installation.root,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self.file.read_text("utf-8")

    def wait_for(self, words: str, times: int = 1) -> None:
        """Wait until words were shown so often."""
        wait_until(lambda: self.text.count(words) >= times or self.process.poll() is not None, seconds=60, what=words)
        assert self.text.count(words) >= times, self.text

    def interrupt(self) -> int:
        """Ctrl-C, and the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(10)


@contextmanager
def screen_of(installation: Installation) -> Iterator[Screen]:
    screen = Screen(installation)
    try:
        yield screen
    finally:
        if screen.process.poll() is None:
            screen.process.kill()
            screen.process.wait()


def test_make_run_is_this_command() -> None:
    recipe = (PROJECT / "Makefile").read_text("utf-8").split("\nrun:", 1)[1].split("\n\n", 1)[0]
    assert recipe.rstrip().endswith("ingestd run --simulate --config config/ingestd.toml")


def test_configuration_of_make_run_keeps_its_state_under_var_of_the_project() -> None:
    assert Settings(folder=PROJECT / "config").state_dir == PROJECT / "var"


def test_demonstration_shows_progress_table_findings_and_addresses_then_stops_by_ctrl_c(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with screen_of(installation) as screen:
        screen.wait_for("Ctrl-C stops the station")
        shown = screen.text
        steps = [
            "Station station-01 is running",
            "bay sim-1: copying",
            "bay sim-1: done, may be removed",
            "Docking ",
            "copied · 已采集",
            "gap.video",
            "complete: the recorder may be removed",
            "Metrics  http://127.0.0.1:",
            "/readyz",
            f"Inbox    {installation.inbox}",
        ]
        places = [shown.find(step) for step in steps]
        assert -1 not in places, steps[places.index(-1)]
        assert places == sorted(places)
        for code in ("gap.video", "set.missing", "file.truncated"):
            assert re.search(rf"^ *warning +{re.escape(code)} ", shown, re.MULTILINE), code
        address = re.findall(r"http://\S+/metrics", shown)[0]
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert b"ingestd_recordings" in answer.read()
        assert screen.interrupt() == 0
        assert screen.text.rstrip().endswith("Stopped cleanly · 已正常停止")
        assert "Traceback" not in screen.text
    assert "Traceback" not in (installation.state_dir / "ingestd.log").read_text("utf-8")
    assert faults_of(installation.station, installation.state_dir / "simulated-recorder") == []


def test_second_start_shows_the_findings_again_and_every_drop_at_once(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with screen_of(installation) as screen:
        screen.wait_for("Ctrl-C stops the station")
        assert screen.interrupt() == 0
    with screen_of(installation) as screen:
        screen.wait_for("Ctrl-C stops the station")
        assert "already held" in screen.text
        for code in ("gap.video", "set.missing", "file.truncated"):
            assert code in screen.text
        for name in ("one", "two", "three"):
            write_card(tmp_path / name, {f"{name}.bin": name.encode()}).rename(installation.inbox / name)
        screen.wait_for("\n1 entry: 1 copied", times=3)
        for name in ("one", "two", "three"):
            assert f" {name}.bin " in screen.text
        assert screen.interrupt() == 0


def test_ctrl_c_while_the_card_is_written_stops_cleanly_and_the_next_start_has_a_whole_card(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with screen_of(installation) as screen:
        screen.wait_for("Writing a simulated recorder's card")
        wait_until(
            lambda: any((installation.state_dir / "simulated-recorder.unfinished").rglob("*.mp4")), what="a clip"
        )
        assert screen.interrupt() == 0
        assert "Stopped cleanly" in screen.text
        assert "Traceback" not in screen.text
    assert not (installation.state_dir / "simulated-recorder").exists()


def test_no_room_is_shown_and_stopping_still_works(tmp_path: Path) -> None:
    installation = Installation(tmp_path, copy__keep_free_bytes=10**18)
    with screen_of(installation) as screen:
        screen.wait_for("needs attention")
        assert "no room" in screen.text
        assert screen.interrupt() == 0
        assert "Traceback" not in screen.text

"""The real program as processes: an installation of its own in a temporary folder, its commands, and its daemon."""

import json
import os
import signal
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from ingestd.core.clock import SystemClock
from tests.support.commands import command_server
from tests.support.station import build_station

PROJECT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, "-m", "ingestd")
COMMAND_SECONDS = 120.0
READY_SECONDS = 60.0


class Done(NamedTuple):
    """A command that has ended."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """Its standard output as one JSON document."""
        return json.loads(self.out)


def wait_until(is_true: Callable[[], bool], *, seconds: float = 30.0, what: str = "it") -> None:
    """Look again and again until something is so; fails when it takes too long."""
    clock, pause = SystemClock(), threading.Event()
    deadline = clock.steady_seconds() + seconds
    while not is_true():
        assert clock.steady_seconds() < deadline, f"{what} did not happen in {seconds} s"
        pause.wait(0.01)


class Installation:
    """A station of its own below `root`, safe beside other tests: any free port, no udev, a quick inbox.

    `options` change settings, as in `copy__batch_files=2`.
    """

    def __init__(self, root: Path, **options: object) -> None:
        self.station = build_station(root, **{"inbox__settle_seconds": 0.5, **options})
        self.root = root
        self.config_file = self.station.config_file
        self.state_dir = root / "var"
        self.vault = self.state_dir / "vault"
        self.inbox = self.state_dir / "inbox"
        self.catalogue_file = self.state_dir / "catalogue.sqlite3"
        self.socket_file = self.state_dir / "ingestd.sock"

    def run(
        self,
        *arguments: str | bytes | Path,
        seconds: float = COMMAND_SECONDS,
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """One command to its end. `environment` is added to what it finds."""
        status, out, err = command_server().run(
            [os.fsdecode(one) for one in arguments],
            folder=self.root,
            environment=self.environment() | dict(environment or {}),
            seconds=seconds,
        )
        return Done(status, out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "surrogateescape"))

    def json(self, *arguments: str | Path) -> Any:
        """What a command that succeeds prints with --json."""
        ended = self.run(*arguments, "--json")
        assert ended.status == 0, ended
        return ended.json()

    def command(self, *arguments: str | bytes | Path) -> list[str | bytes | Path]:
        """The words of a command line."""
        return [*PROGRAM, *arguments]

    def environment(self) -> dict[str, str]:
        """What a command finds: this installation, a UTF-8 terminal that is strict about it."""
        inherited = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
        return inherited | {
            "INGESTD_CONFIG": str(self.config_file),
            "PYTHONPATH": str(PROJECT),
            "PYTHONIOENCODING": "utf-8:strict",
            "PYTHONFAULTHANDLER": "1",
        }

    @contextmanager
    def daemon(self, *, log_name: str = "daemon.log") -> Iterator["Daemon"]:
        """A daemon that said READY=1; killed at the end where the test did not stop it."""
        daemon = Daemon(self, log_name)
        try:
            daemon.wait_ready()
            yield daemon
        finally:
            daemon.kill()


class Daemon:
    """`ingestd run` as a process, with a notification socket as systemd gives it and its log in a file.

    Forked as the commands are: what its start-up takes from disk is read by the tests that run the program itself.
    """

    def __init__(self, installation: Installation, log_name: str) -> None:
        self.installation = installation
        self.log_file = installation.root / log_name
        # The daemon before this one wrote into the same log.
        self._starts_before = len(self.events("station.started")) if self.log_file.exists() else 0
        self._notified = b""
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        # An abstract address: its length does not grow with the test's folder.
        self._notify.bind("")
        address = "@" + self._notify.getsockname()[1:].decode("ascii")
        environment = installation.environment() | {"NOTIFY_SOCKET": address}
        self.process = command_server().start(
            ["run"], folder=installation.root, environment=environment, out=self.log_file, err=self.log_file
        )

    @property
    def pid(self) -> int:
        """The process."""
        return self.process.pid

    def notifications(self) -> str:
        """Everything that was told to the notification socket so far."""
        self._notify.setblocking(False)
        while True:
            try:
                self._notified += self._notify.recv(4096) + b"\n"
            except BlockingIOError:
                return self._notified.decode("ascii")

    def wait_ready(self) -> None:
        """Wait for READY=1."""

        def is_ready() -> bool:
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.log_text()}"
            return "READY=1" in self.notifications()

        wait_until(is_ready, seconds=READY_SECONDS, what="READY=1")

    def log_text(self) -> str:
        """The log so far."""
        return self.log_file.read_text("utf-8")

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """The log's whole lines as JSON, of one event where it is named."""
        text = self.log_text()
        lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        return [line for line in lines if name is None or line["event"] == name]

    @property
    def address(self) -> str:
        """Where metrics and health are served, as the log says."""
        wait_until(lambda: len(self.events("station.started")) > self._starts_before, what="station.started")
        return str(self.events("station.started")[-1]["http"])

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a page."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=30) as answer:
                return answer.status, answer.read().decode("utf-8")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode("utf-8")

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = 30.0) -> int:
        """The exit status."""
        return self.process.wait(seconds)

    def stop(self, seconds: float = 30.0) -> int:
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self) -> None:
        """SIGKILL where it still runs; lets go of everything."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._notify.close()


Scrape = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""Samples of /metrics by name and labels."""


def scraped(text: str) -> Scrape:
    """What Prometheus' own parser reads from a metrics page."""
    families = text_string_to_metric_families(text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def sample(scrape: Scrape, name: str, **labels: str) -> float:
    """One sample."""
    return scrape[name, frozenset(labels.items())]


def media_children(pid: int) -> list[int]:
    """The processes that parse footage for a daemon."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (task / "children").read_text("ascii").split()
            found += [int(child) for child in children if b"ingestd.media.worker" in command_of(int(child))]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def command_of(pid: int) -> bytes:
    """A process's command line; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""

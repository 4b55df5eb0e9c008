"""A running station as a process, and what it costs: CPU, memory, and how soon it answers meanwhile."""

import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench.processes import CpuSeconds, cpu_seconds
from bench.standing import PROJECT, Station
from ingestd.ipc import ask

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_DESCRIBE_SECONDS = 600.0
_CHECK_SECONDS = 0.05
_MS = 1000.0


class Daemon(NamedTuple):
    """A running station."""

    station: Station
    pid: int
    address: str
    """Of its pages."""
    log_file: Path

    def take_in(self, cards: list[Path]) -> list[float]:
        """All cards at once, each in a bay of its own; seconds that each took.

        Raises:
            IngestdError: a bay failed.
        """

        def one(number: int, card: Path) -> float:
            began = time.perf_counter()
            request = {"op": "ingest", "path": str(card), "bay": f"bay-{number}"}
            ask(self.station.socket_file, request)
            return time.perf_counter() - began

        with ThreadPoolExecutor(len(cards)) as pool:
            return list(pool.map(one, range(1, len(cards) + 1), cards))

    def settle(self) -> None:
        """Wait until the background has described everything."""
        deadline = time.perf_counter() + _DESCRIBE_SECONDS
        while not self.station.is_described():
            if time.perf_counter() > deadline:
                sys.exit(f"the station has not described everything after {_DESCRIBE_SECONDS} s")
            time.sleep(_CHECK_SECONDS)

    def complaints(self) -> list[str]:
        """Warnings and errors in its log, by event."""
        lines = [json.loads(line) for line in self.log_file.read_text("utf-8").splitlines()]
        return [f"{line['level']} {line['event']}" for line in lines if line["level"] in ("warning", "error")]


@contextmanager
def running(station: Station, environment: Mapping[str, str]) -> Iterator[Daemon]:
    """The station as a daemon, with `environment` added to what it finds; ended with the block."""
    log_file = station.root / "daemon.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingestd", "run"],
            env={key: value for key, value in station.environment().items() if key != "NOTIFY_SOCKET"}
            | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # As for the probe below.
            start_new_session=True,
        )
    try:
        yield Daemon(station, process.pid, _address(process, log_file), log_file)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: "subprocess.Popen[bytes]", log_file: Path) -> str:
    deadline = time.perf_counter() + _START_SECONDS
    while process.poll() is None and time.perf_counter() < deadline:
        text = log_file.read_text("utf-8")
        for line in text[: text.rfind("\n") + 1].splitlines():
            if line.startswith("{") and (event := json.loads(line))["event"] == "station.started":
                return str(event["http"])
        time.sleep(_CHECK_SECONDS)
    process.kill()
    sys.exit(f"the station did not start: {log_file.read_text('utf-8', 'replace')}")


class Watching:
    """Asks a daemon all the time, and counts its CPU seconds, until it is closed; the figures stand then.

    Attributes:
        elapsed_seconds: how long it lasted.
        cpu: spent meanwhile by the daemon, and by its children.
        answers: by question, `seconds` of each answer and `failures`.
    """

    def __init__(self, daemon: Daemon) -> None:
        self.elapsed_seconds = 0.0
        self.cpu = CpuSeconds(0.0, 0.0)
        self.answers: dict[str, dict[str, Any]] = {}
        self._daemon = daemon
        self._probe = subprocess.Popen(
            [sys.executable, "-m", "bench.probe", daemon.address, str(daemon.station.socket_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT,
            text=True,
            # An interrupt from the terminal is for the benchmark, which then ends what it started.
            start_new_session=True,
        )
        assert self._probe.stdout is not None
        # Its first line says that it asks: starting it costs time that is not to be in the figures.
        if not self._probe.stdout.readline():
            sys.exit("the probe did not start")
        self._cpu_before, self._began = cpu_seconds(daemon.pid), time.perf_counter()

    def close(self) -> None:
        """Note what was spent, and wait for the last answers."""
        self.elapsed_seconds = time.perf_counter() - self._began
        spent, before = cpu_seconds(self._daemon.pid), self._cpu_before
        self.cpu = CpuSeconds(spent.own - before.own, spent.children - before.children)
        self.answers = json.loads(self._probe.communicate()[0])


def latencies(watches: list[Watching]) -> dict[str, dict[str, float]]:
    """Of each question over all watches: median, 99th percentile and longest in milliseconds, number, failures."""
    found = {}
    for question in watches[0].answers:
        seconds = sorted(one for watch in watches for one in watch.answers[question]["seconds"])
        found[question] = {
            "p50_ms": percentile(seconds, 0.50) * _MS,
            "p99_ms": percentile(seconds, 0.99) * _MS,
            "max_ms": percentile(seconds, 1.0) * _MS,
            "answers": len(seconds),
            "failures": sum(watch.answers[question]["failures"] for watch in watches),
        }
    return found


def percentile(ordered: list[float], share: float) -> float:
    """By nearest rank; NaN of nothing."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else math.nan

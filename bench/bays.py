"""Many recorders at once at the speed of their ports, through one running station, against as many cp.

The sources are throttled below the program (`throttle.c`), to what a recorder gives on USB 2.
"""

import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from bench.offload import run_all
from bench.paired import Measured, Watch, Way, drop_caches, in_turn
from bench.processes import memory_bytes
from bench.running import Daemon, Watching, latencies, running
from bench.standing import Station, files_of, mark, write_file

BAYS = int(os.environ.get("BENCH_BAYS", "8"))
BAY_BYTES = int(os.environ.get("BENCH_BAY_BYTES", str(400_000_000)))
FILE_BYTES = int(os.environ.get("BENCH_BAY_FILE_BYTES", str(100_000_000)))
BYTES_PER_SECOND = int(os.environ.get("BENCH_BAY_BYTES_PER_SECOND", str(40_000_000)))
IDLE_SECONDS = float(os.environ.get("BENCH_IDLE_SECONDS", "10"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))

THROTTLE = Path(__file__).with_name("throttle.c")
IDEAL = "ideal"
"""The bytes of a bay at the rate of a source."""
WRITE = "disk alone: write, fsync"
DISK = "disk alone: write, fsync, cold read"
COPY = "cp -r of each at once; sync"
OURS = "ingestd, a bay each"
REMOVABLE = "ingestd, until the last card may go"
_BURST_BYTES = 2 * 1024 * 1024
_MB = 1e6
_SPARE_BYTES = 2_000_000_000


def main() -> Measured:
    """Write a card for each bay, start a station, and let it and cp take the cards in, in turn."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(_folder(os.environ.get("BENCH_DIR")))).resolve()
        shelf = Path(stack.enter_context(_folder(_cards_dir()))).resolve()
        # The vault keeps every round; beside it stand the copies of cp and of dd, and the cards.
        if shutil.disk_usage(scratch).free < (ROUNDS + 3) * BAYS * BAY_BYTES + _SPARE_BYTES:
            sys.exit("not enough room on the disk: fewer BENCH_ROUNDS, or a smaller BENCH_BAY_BYTES")
        cards = [_write_card(shelf, number) for number in range(1, BAYS + 1)]
        size_bytes = sum(path.stat().st_size for card in cards for path in files_of(card))
        throttled = {
            "LD_PRELOAD": str(_build(scratch)),
            "THROTTLE_UNDER": str(shelf),
            "THROTTLE_BYTES_PER_SECOND": str(BYTES_PER_SECOND),
        }
        station = Station(scratch / "station")
        daemon = stack.enter_context(running(station, throttled))
        resting_bytes = memory_bytes(daemon.pid, "VmRSS")
        with closing(Watching(daemon)) as idle:
            time.sleep(IDLE_SECONDS)
        measurement = _Measurement(scratch / "target", cards, size_bytes, throttled, daemon)
        seconds = measurement.run()
        ideal = size_bytes / BAYS / BYTES_PER_SECOND
        seconds = {IDEAL: [ideal] * ROUNDS, WRITE: measurement.write_seconds} | seconds
        seconds[REMOVABLE] = station.removable_seconds
        title = (
            f"bays: {BAYS} sources of {size_bytes / BAYS / _MB:.0f} MB at {BYTES_PER_SECOND / _MB:.0f} MB/s each, cards"
            f" {'in memory' if _is_memory(shelf) else 'on a disk'}, {ROUNDS} rounds"
        )
        facts = {
            "ratio to the disk's own write": _ratios(seconds[OURS], seconds[WRITE]),
            "ratio to the disk's own write and read": _ratios(seconds[OURS], seconds[DISK]),
            "disk alone, write MB/s": [size_bytes / one / _MB for one in seconds[WRITE]],
            "slowest bay, s": [max(one) for one in measurement.bay_seconds],
            "fastest bay, s": [min(one) for one in measurement.bay_seconds],
            **_cost(measurement.watches, idle, size_bytes),
            "resident MB, at rest": resting_bytes / _MB,
            "resident MB, most ever": memory_bytes(daemon.pid, "VmHWM") / _MB,
            "answers while idle": latencies([idle]),
            "answers while copying": latencies(measurement.watches),
            "warnings and errors in the log": daemon.complaints() or "none",
        }
        return Measured(title, IDEAL, seconds, facts)


class _Measurement:
    """The ways, and what is noted of them by the way."""

    def __init__(
        self, target: Path, cards: list[Path], size_bytes: int, throttled: dict[str, str], daemon: Daemon
    ) -> None:
        self._target = target
        self._cards = cards
        self._size_bytes = size_bytes
        self._throttled = throttled
        self._daemon = daemon
        self.write_seconds: list[float] = []
        self.bay_seconds: list[list[float]] = []
        self.watches: list[Watching] = []

    def run(self) -> dict[str, list[float]]:
        """Seconds of each way."""
        ways: dict[str, Way] = {DISK: self._disk_alone, COPY: self._copy, OURS: self._take_in}
        return in_turn(ways, ROUNDS, each_round=self._each_round, before=self._before, after=self._after)

    def _each_round(self, number: int) -> None:
        for card in self._cards:
            mark(card, number)

    def _before(self) -> None:
        shutil.rmtree(self._target, ignore_errors=True)
        self._target.mkdir()
        drop_caches(*self._cards)

    def _after(self, name: str) -> None:
        if name == OURS:
            self._daemon.settle()
            self._daemon.station.check(*self._cards)

    def _disk_alone(self, watch: Watch) -> None:
        files = [str(path) for card in self._cards for path in files_of(card)]
        target = self._target / "dd"
        with subprocess.Popen(["cat", *files], stdout=subprocess.PIPE) as source:
            command = ["dd", f"of={target}", "bs=1M", "iflag=fullblock", "conv=fsync", "status=none"]
            subprocess.run(command, stdin=source.stdout, check=True)
        self.write_seconds.append(watch.seconds())
        with watch.halted():
            drop_caches(self._target)
        subprocess.run(["dd", f"if={target}", "of=/dev/null", "bs=1M", "status=none"], check=True)

    def _copy(self, watch: Watch) -> None:
        run_all([["cp", "-r", str(card), str(self._target)] for card in self._cards], os.environ | self._throttled)
        self._judge(watch.seconds())
        subprocess.run(["sync"], check=True)

    def _take_in(self, watch: Watch) -> None:
        with watch.halted():
            watching = Watching(self._daemon)
        began = dt.datetime.now(dt.UTC)
        try:
            self.bay_seconds.append(self._daemon.take_in(self._cards))
        finally:
            with watch.halted():
                watching.close()
        with watch.halted():
            self._daemon.station.note_closed(began, BAYS)
        self.watches.append(watching)
        self._judge(min(self.bay_seconds[-1]))

    def _judge(self, took_seconds: float) -> None:
        """The judge of the throttle: nobody can be faster than the sources."""
        least = (self._size_bytes / BAYS - _BURST_BYTES) / BYTES_PER_SECOND
        if took_seconds < least:
            sys.exit(f"the throttle does not hold: {took_seconds:.2f} s, and {least:.2f} s is the least")


def _cost(watches: list[Watching], idle: Watching, size_bytes: int) -> dict[str, Any]:
    """CPU in percent of a core for each MB/s, which is CPU seconds for each 100 MB."""
    hundreds = size_bytes / _MB / 100
    asked = idle.cpu.own / idle.elapsed_seconds
    return {
        "daemon, % of a core per MB/s": [one.cpu.own / hundreds for one in watches],
        "daemon without what the questions cost while idle, % of a core per MB/s": [
            (one.cpu.own - asked * one.elapsed_seconds) / hundreds for one in watches
        ],
        "children, % of a core per MB/s": [one.cpu.children / hundreds for one in watches],
        "daemon while idle and asked, % of a core": 100 * asked,
    }


def _write_card(shelf: Path, number: int) -> Path:
    folder = shelf / f"card-{number}" / "DCIM"
    folder.mkdir(parents=True)
    for place, offset in enumerate(range(0, BAY_BYTES, FILE_BYTES)):
        name = f"{7012000 + number}_01234520260302{place:06d}_{place:04d}.mp4"
        write_file(folder / name, min(FILE_BYTES, BAY_BYTES - offset))
    return folder.parent


def _build(folder: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("no C compiler to build the throttle with")
    library = folder / "throttle.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-Wall", "-o", library, THROTTLE, "-ldl"], check=True)
    return library


def _folder(parent: str | None) -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="ingestd-bench-", dir=parent)


def _cards_dir() -> str | None:
    """In memory where there is room, because recorders are media of their own and no load on the vault's disk."""
    memory = Path("/dev/shm")
    needed = 2 * BAYS * BAY_BYTES
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    fits = memory.is_dir() and min(free, shutil.disk_usage(memory).free) > needed
    return os.environ.get("BENCH_CARDS_DIR", str(memory) if fits else os.environ.get("BENCH_DIR"))


def _is_memory(folder: Path) -> bool:
    return folder.is_relative_to("/dev/shm")


def _ratios(own: list[float], other: list[float]) -> list[float]:
    return [one / two for one, two in zip(own, other, strict=True)]

"""The verified copy of a card against what a user would type: cp, sync, and SHA-256 of both sides."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.paired import Measured, Watch, Way, drop_caches, in_turn
from bench.standing import Station, files_of, mark, write_file

FILES = int(os.environ.get("BENCH_FILES", "6"))
FILE_BYTES = int(os.environ.get("BENCH_FILE_BYTES", str(180_000_000)))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))

BASE = "ingestd ingest"
REMOVABLE = "ingestd ingest, until the card may go"


def main() -> Measured:
    """Write a card of random bytes, then offload it in turn by every way."""
    with tempfile.TemporaryDirectory(prefix="ingestd-bench-", dir=os.environ.get("BENCH_DIR")) as scratch:
        root = Path(scratch)
        card, target = root / "card" / "DCIM", root / "target"
        card.mkdir(parents=True)
        for number in range(FILES):
            write_file(card / f"7012345_01234520260302{number:06d}_{number:04d}.mp4", FILE_BYTES)

        def read_twice(watch: Watch) -> None:
            _read(card)
            with watch.halted():
                drop_caches(card)
            _read(card)

        title = f"offload: {FILES * FILE_BYTES / 1e9:.2f} GB in {FILES} files, cold, {ROUNDS} rounds"
        ways: dict[str, Way] = {
            "two cold reads": read_twice,
            "cp; sync": lambda _: shell(f"cp -r {card} {target} && sync"),
            "cp; sync; openssl both": lambda watch: copy_and_hash(card, target, "openssl dgst -sha256", watch),
            "cp; sync; sha256sum both": lambda watch: copy_and_hash(card, target, "sha256sum", watch),
        }
        return offloaded(title, root, ways, ROUNDS)


def offloaded(title: str, root: Path, ways: dict[str, Way], rounds: int) -> Measured:
    """Offload root/card by every way to root/target, and by a standing station."""
    card, target = root / "card", root / "target"
    size_bytes = sum(path.stat().st_size for path in files_of(card))
    station = Station(root / "station")

    def before() -> None:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        drop_caches(card)

    def each_round(number: int) -> None:
        station.make_room(size_bytes)
        mark(card, number)

    def after(name: str) -> None:
        if name == BASE:
            station.check(card)

    ways = ways | {BASE: lambda watch: station.ingest(card, watch)}
    seconds = in_turn(ways, rounds, each_round=each_round, before=before, after=after)
    return Measured(title, BASE, seconds | {REMOVABLE: station.removable_seconds})


def shell(command: str) -> None:
    """Run what a user would type; exits where it fails."""
    run_all([["bash", "-ec", command]], os.environ)


def run_all(commands: list[list[str]], environment: Mapping[str, str]) -> None:
    """Run commands at once and to their end; exits where one fails. What they started ends with the benchmark."""
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
        for command in commands
    ]
    try:
        statuses = [process.wait() for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if any(statuses):
        sys.exit(f"{commands[0]} and the like ended with {statuses}")


def copy_and_hash(card: Path, target: Path, tool: str, watch: Watch) -> None:
    """Copy a folder, sync, and hash both sides, the copy from the medium."""
    shell(f"cp -r {card} {target} && sync")
    with watch.halted():
        drop_caches(target)
    hash_both = f"find . -type f -print0 | xargs -0 {tool}"
    shell(f"cd {card} && {hash_both} && cd {target / card.name} && {hash_both}")


def _read(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        with path.open("rb", buffering=0) as source:
            while source.read(1024 * 1024):
                continue

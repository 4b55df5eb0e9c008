"""A pass of the scrub over everything that is held against what a user would type: sums of the same files."""

import os
import subprocess
import tempfile
from pathlib import Path

from bench.paired import Measured, Watch, Way, drop_caches, in_turn
from bench.standing import Station, files_of, write_file
from ingestd.config.load import load_all
from ingestd.core.stop import Stop
from ingestd.wiring import open_parts, rolling, writer_lock

FILES = int(os.environ.get("BENCH_FILES", "6"))
FILE_BYTES = int(os.environ.get("BENCH_FILE_BYTES", str(180_000_000)))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))

BASE = "openssl dgst -sha256"


def main() -> Measured:
    """Take a card of random bytes in, then read the originals again in turn by every way, cold."""
    with tempfile.TemporaryDirectory(prefix="ingestd-bench-", dir=os.environ.get("BENCH_DIR")) as scratch:
        root = Path(scratch)
        card = root / "card" / "DCIM"
        card.mkdir(parents=True)
        for number in range(FILES):
            write_file(card / f"7012345_01234520260302{number:06d}_{number:04d}.mp4", FILE_BYTES)
        station = Station(root / "station")
        station.ingest(root / "card", Watch())
        originals = files_of(station.state_dir / "vault" / "originals")
        configuration = load_all(station.config_file)
        stop = Stop()
        with writer_lock(configuration.settings), open_parts(configuration, stop) as parts:
            scrub = rolling(lambda: parts, {})

            def whole_pass(_: Watch) -> None:
                scrub.ask()
                while scrub.step():
                    continue

            def after(name: str) -> None:
                if name == "ingestd scrub run" and scrub.book.faults():
                    raise SystemExit("the scrub found what it should not")

            ways: dict[str, Way] = {
                "ingestd scrub run": whole_pass,
                BASE: lambda _: _sums(["openssl", "dgst", "-sha256"], originals),
                "sha256sum": lambda _: _sums(["sha256sum"], originals),
            }
            seconds = in_turn(
                ways,
                ROUNDS,
                each_round=lambda _: None,
                before=lambda: drop_caches(station.state_dir / "vault"),
                after=after,
            )
        title = f"scrub: {FILES * FILE_BYTES / 1e9:.2f} GB in {FILES} originals, cold, {ROUNDS} rounds"
        return Measured(title, BASE, seconds)


def _sums(command: list[str], files: list[Path]) -> None:
    subprocess.run([*command, *map(str, files)], check=True, stdout=subprocess.DEVNULL)

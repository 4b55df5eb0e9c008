"""The verified copy of a card against what a user would type: cp, sync, and SHA-256 of both sides."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.paired import drop_caches, in_turn, report

FILES = int(os.environ.get("BENCH_FILES", "6"))
FILE_BYTES = int(os.environ.get("BENCH_FILE_BYTES", str(180_000_000)))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
CONFIG = Path(__file__).resolve().parent.parent / "config"


def main() -> None:
    """Write a card of random bytes, then offload it in turn by every way."""
    with tempfile.TemporaryDirectory(prefix="ingestd-bench-", dir=os.environ.get("BENCH_DIR")) as scratch:
        root = Path(scratch)
        card = root / "card" / "DCIM"
        card.mkdir(parents=True)
        for number in range(FILES):
            with (card / f"7012345_01234520260302{number:06d}_{number:04d}.mp4").open("wb") as target:
                for _ in range(FILE_BYTES // 1_000_000):
                    target.write(os.urandom(1_000_000))
        target_folder = root / "target"

        def before() -> None:
            shutil.rmtree(target_folder, ignore_errors=True)
            shutil.rmtree(root / "var", ignore_errors=True)
            target_folder.mkdir()
            drop_caches(root / "card")

        ways = {
            "two cold reads": lambda: (_read(card), drop_caches(card), _read(card)),
            "cp; sync": lambda: _shell(f"cp -r {card} {target_folder} && sync"),
            "cp; sync; openssl both": lambda: _by_hand(card, target_folder, "openssl dgst -sha256"),
            "cp; sync; sha256sum both": lambda: _by_hand(card, target_folder, "sha256sum"),
            "ingestd ingest": lambda: _ingest(root),
        }
        seconds = in_turn(ways, before, ROUNDS)
        size = FILES * FILE_BYTES / 1e9
        title = f"offload: {size:.2f} GB in {FILES} files, cold, {ROUNDS} rounds"
        report(title, seconds, "ingestd ingest")


def _read(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        with path.open("rb", buffering=0) as source:
            while source.read(1024 * 1024):
                continue


def _shell(command: str) -> None:
    subprocess.run(["bash", "-ec", command], check=True, stdout=subprocess.DEVNULL)


def _by_hand(card: Path, target: Path, tool: str) -> None:
    _shell(f"cp -r {card} {target} && sync")
    drop_caches(target)
    _shell(f"cd {card} && {tool} * && cd {target}/DCIM && {tool} *")


def _ingest(root: Path) -> None:
    config = root / "config"
    if not config.exists():
        shutil.copytree(CONFIG, config)
    command = [
        sys.executable,
        "-m",
        "ingestd",
        "ingest",
        str(root / "card"),
        "--config",
        str(config / "ingestd.toml"),
        "--json",
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

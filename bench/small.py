"""A card of many small files against what a user would type: cp or rsync, sync, and sums of both sides."""

import os
import shutil
import tempfile
from pathlib import Path

from bench.offload import copy_and_hash, offloaded, shell
from bench.paired import Measured, Watch, Way, drop_caches
from bench.standing import write_file

FILES = int(os.environ.get("BENCH_SMALL_FILES", "20000"))
FILE_BYTES = 20_000
FOLDER_FILES = 1000
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))


def main() -> Measured:
    """Write a card of small files in folders of a thousand, then offload it in turn by every way."""
    with tempfile.TemporaryDirectory(prefix="ingestd-bench-", dir=os.environ.get("BENCH_DIR")) as scratch:
        root = Path(scratch)
        card, target = root / "card" / "DCIM", root / "target"
        for number in range(FILES):
            folder = card / f"{100 + number // FOLDER_FILES}PHOTO"
            folder.mkdir(parents=True, exist_ok=True)
            time = f"20260302{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}"
            write_file(folder / f"7012345_012345{time}_{number % 10000:04d}.jpg", FILE_BYTES)

        def rsync(watch: Watch) -> None:
            shell(f"rsync -a {card} {target} && sync")
            with watch.halted():
                drop_caches(target)
            shell(f"rsync -a --checksum {card} {target}")

        ways: dict[str, Way] = {
            "cp -r; sync": lambda _: shell(f"cp -r {card} {target} && sync"),
            "cp -r; sync; openssl both": lambda watch: copy_and_hash(card, target, "openssl dgst -sha256", watch),
            "cp -r; sync; sha256sum both": lambda watch: copy_and_hash(card, target, "sha256sum", watch),
        }
        if shutil.which("rsync"):
            ways["rsync -a; sync; rsync --checksum"] = rsync
        title = f"small: {FILES} files of {FILE_BYTES / 1000:.0f} kB, cold, {ROUNDS} rounds"
        return offloaded(title, root, ways, ROUNDS)

"""Memory of recorders as disk images: their files' hashes are known, and the image must never change."""

import hashlib
import os
import random
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab import docklab

MIB = 1 << 20


def sha256_of(path: Path) -> str:
    """Of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Card:
    """An image, whose device number it carries in its file names, and the SHA-256 of each file by its path."""

    image: Path
    recorder: str
    files: Mapping[str, str]
    image_sha256: str


def footage(recorder: str, sizes: tuple[int, ...], *, seed: int = 0) -> dict[str, bytes]:
    """Files as a recorder names them; their bytes are nobody's footage, and no two cards have the same."""
    some = random.Random(f"{recorder} {seed}")
    return {
        f"DCIM/100ANDRO/{recorder}_01234520261102{8 + n // 60:02}{n % 60:02}00_{n + 1:04}.mp4": some.randbytes(size)
        for n, size in enumerate(sizes)
    }


def make_card(
    folder: Path,
    recorder: str,
    files: Mapping[str, bytes] | None = None,
    *,
    fs: str = "vfat",
    label: str = "BWC",
    size_bytes: int = 40 * MIB,
    is_partitioned: bool = True,
    is_dirty: bool = False,
) -> Card:
    """A card as recorders have it. 40 MiB is the least that is FAT32; images are sparse.

    Args:
        files: by their paths; three small ones where it is null.
        is_dirty: as after its battery was pulled.
    """
    files = footage(recorder, (300_000, 70_001, 1_200_000)) if files is None else files
    image = folder / f"{recorder}-{fs}-{label.replace(' ', '_')}.img"
    docklab.load().make_camera(
        os.fspath(image), dict(files), fs, label, size_bytes, is_partitioned,
        serial32=random.Random(recorder).getrandbits(32), dirty=is_dirty,
    )  # fmt: skip
    return Card(
        image, recorder, {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}, sha256_of(image)
    )


def make_hostile_card(folder: Path, recorder: str, *, label: str = "BWC-EXT") -> Card:
    """An ext4 file system with links out of the card, device nodes, a pipe, a deep tree, and a journal to be replayed.

    Mounting it in the ordinary way writes to it, even read-only: the journal is replayed.
    """
    image = folder / f"{recorder}-hostile.img"
    files = footage(recorder, (200_000, 40_000))
    files["/".join(f"d{depth:02}" for depth in range(30)) + "/far down.txt"] = b"far down"
    tree = folder / f"{recorder}-tree"
    for name, body in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(body)
    (tree / "shadow").symlink_to("/etc/shadow")
    (tree / "up").symlink_to("../../../../etc")
    (tree / "itself").symlink_to(".")
    os.mkfifo(tree / "pipe")
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-L", label, "-d", tree, image, "24M"], check=True)
    nodes = "mknod disk b 8 0\nmknod memory c 1 1\nmknod terminal c 5 0\n"
    subprocess.run(["debugfs", "-w", "-f", "-", image], input=nodes, text=True, check=True, capture_output=True)
    # A transaction in the journal that the next ordinary mount would write into the file system.
    journal = folder / f"{recorder}-block"
    journal.write_bytes(b"\xa5" * 4096)
    words = f"jo\njw -b 5000 {journal}\njc\n"
    subprocess.run(["debugfs", "-w", "-f", "-", image], input=words, text=True, check=True, capture_output=True)
    return Card(
        image, recorder, {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}, sha256_of(image)
    )

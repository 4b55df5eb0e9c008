"""What `ingestd-card@.service` runs when a reader says that its card was changed: end what is mounted of the old one.

It is `python -I -m ingestd.cli.card_helper KERNEL_NAME`, of the reader's disk. Why: docs/design/hardening.md.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from ingestd.core.stop import Stop
from ingestd.devices.mountinfo import SYS_BLOCK, medium_of

MOUNT_DIR: Final = Path("/run/ingestd/mnt")
SYSTEMCTL: Final = "/bin/systemctl"

_LOOKS = 30
_LOOK_EVERY_SECONDS = 1.0


def mounted_of_former_cards(disk: str, mount_dir: Path = MOUNT_DIR, sys_block: Path = SYS_BLOCK) -> list[str]:
    """The mounts of this disk and its partitions that were made of another medium than the one that is there now.

    Args:
        disk: the kernel's name, as `sda`.

    Returns:
        Names of mount points, as `sda1`.
    """
    try:
        now = (sys_block / disk / "diskseq").read_text("ascii").strip()
        marks = sorted(mount_dir.glob(f"{disk}*.medium"))
    except OSError:
        return []
    names = [path.name.removesuffix(".medium") for path in marks]
    return [
        name for name in names if re.fullmatch(f"{disk}[0-9]*", name) and medium_of(mount_dir / name) not in ("", now)
    ]


def main(disk: str) -> int:
    """Stop the units of those mounts; then have the kernel look for partitions, once nobody holds the old ones."""
    if not re.fullmatch(r"[a-z]+", disk):
        print(f"{disk!r} is no disk on USB", file=sys.stderr)
        return 1
    former = mounted_of_former_cards(disk)
    for name in former:
        print(f"{name} is the mount of a card that was taken out", file=sys.stderr)
    status = _systemctl("stop", *(f"ingestd-mount@{name}.service" for name in former)) if former else 0
    if disk in former and _sectors(disk):
        # A card without partitions keeps its device, and nothing else would start its unit again.
        _systemctl("--no-block", "start", f"ingestd-mount@{disk}.service")
    stop = Stop()
    # Also where nothing was left to stop: the change before may not have been waited for to the end.
    for _ in range(_LOOKS):
        _open_and_close(disk)
        stop.wait(_LOOK_EVERY_SECONDS)
    return status


def _systemctl(*words: str) -> int:
    return subprocess.run([SYSTEMCTL, *words], stdin=subprocess.DEVNULL, check=False).returncode


def _sectors(disk: str) -> int:
    try:
        return int((SYS_BLOCK / disk / "size").read_text("ascii"))
    except (OSError, ValueError):
        return 0


def _open_and_close(disk: str) -> None:
    """Whoever opens a disk whose card was changed has the kernel look for partitions, where it may."""
    try:
        os.close(os.open(f"/dev/{disk}", os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""`lost+found`, the folder that an ext file system keeps for itself: root's alone, and empty as a rule.

The station may not list it, and "not listed" must not pass for "empty". The mount unit, as the folder's owner, looks
once; only where it saw that nothing is in it does it leave a mark, and only the mark is believed.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ingestd.core.clock import Clock
from ingestd.core.stop import Stop
from ingestd.devices.mountinfo import medium_of

SEEN_DIR: Final = Path("/run/ingestd/seen")
"""Marks of the mount unit: links that lead nowhere, named as mount points; their texts are numbers of media."""

FOLDER: Final = b"lost+found"
WAIT_SECONDS: Final = 5.0
"""The mount is there a moment before its unit has looked."""

_LOOK_EVERY_SECONDS: Final = 0.2
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def note_empty(point: Path, seen_dir: Path, is_there: Callable[[], bool]) -> bool:
    """Look into a card's `lost+found` and leave the mark where it is empty; whether the mark was left.

    Args:
        point: a mount point of the station's, beside which the number of the medium stands.
        seen_dir: where marks are.
        is_there: whether this very medium is present; asked behind the look, because a dead mount shows nothing.

    Raises:
        OSError: it cannot be listed, or is not there; no mark is left then.
    """
    mark = seen_dir / point.name
    mark.unlink(missing_ok=True)
    number = medium_of(point)
    root = os.open(point, _OPEN)
    try:
        folder = os.open(FOLDER, _OPEN, dir_fd=root)
        try:
            is_empty = os.fstat(folder).st_dev == os.fstat(root).st_dev and not os.listdir(folder)
        finally:
            os.close(folder)
    finally:
        os.close(root)
    if not (is_empty and number and is_there()):
        return False
    mark.symlink_to(number)
    return True


def empty_folders(
    point: Path, diskseq: int | None, stop: Stop, clock: Clock, seen_dir: Path = SEEN_DIR
) -> Callable[[bytes], bool]:
    """A question about a folder of a card that may not be listed: whether the mount unit saw that it is empty.

    It waits a moment for the answer, and is asked for hardly any card.
    """

    def is_seen_empty(raw: bytes) -> bool:
        if raw != FOLDER or diskseq is None or medium_of(point) != str(diskseq):
            return False
        give_up_at = clock.steady_seconds() + WAIT_SECONDS
        while not (is_marked := _is_marked(seen_dir / point.name, diskseq)) and clock.steady_seconds() < give_up_at:
            stop.wait(_LOOK_EVERY_SECONDS)
            stop.check()
        return is_marked

    return is_seen_empty


def _is_marked(mark: Path, diskseq: int) -> bool:
    try:
        return os.fspath(mark.readlink()) == str(diskseq)
    except OSError:
        return False

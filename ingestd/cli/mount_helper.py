"""What `ingestd-mount@.service` runs: judge one volume by the station's allow lists, mount it read-only, and end.

A program of its own, and no command, so that the one process that may mount loads nothing that reads footage, speaks
to a network or keeps a database. It is `python -I -m ingestd.cli.mount_helper --config FILE KERNEL_NAME`.
"""

import pwd
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ingestd.cli.unit_program import Outcome, ended, parser_of
from ingestd.config.allowed import load_allowed
from ingestd.core.errors import UnavailableError
from ingestd.devices.standing import mount_and_leave, udev_properties
from ingestd.devices.usb import DeviceAction, classify

MOUNT_DIR: Final = Path("/run/ingestd/mnt")
READER: Final = "ingestd"
"""The station's user, who reads what is mounted."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Mount the volume named on the command line, or say why not; the words go to the journal."""
    parser = parser_of("ingestd-mount", __doc__)
    parser.add_argument("kernel_name")
    given = parser.parse_args(arguments)
    return ended(lambda: _mount(given.kernel_name, given.config))


def _mount(kernel_name: str, config: Path) -> tuple[Outcome, str]:
    if not re.fullmatch(r"[a-z][a-z0-9]*", kernel_name):
        return Outcome.LEFT_ALONE, f"{kernel_name!r} is no name of a disk or partition on USB"
    settings = load_allowed(config)
    if not settings.is_enabled:
        return Outcome.LEFT_ALONE, f"{kernel_name} is left alone: udev.enabled = false"
    volume = classify(udev_properties(kernel_name), settings)
    if volume.action is not DeviceAction.ADDED or volume.device_node != f"/dev/{kernel_name}":
        return Outcome.LEFT_ALONE, f"{kernel_name} is left alone: {volume.reason or 'udev names it otherwise'}"
    try:
        reader = pwd.getpwnam(READER)
    except KeyError as error:
        raise UnavailableError(f"there is no user {READER}", "ingestd install") from error
    point = MOUNT_DIR / kernel_name
    mount_and_leave(volume, point, reader.pw_uid, reader.pw_gid)
    return Outcome.DONE, f"{volume.device_node} ({volume.fs_type}) stands read-only at {point}"


if __name__ == "__main__":
    sys.exit(main())

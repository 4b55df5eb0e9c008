"""What `ingestd-mtp@.service` runs: judge one MTP recorder by the station's allow lists, then become its FUSE program.

A program of its own, and no command, so that it loads nothing that reads footage, speaks to a network or keeps a
database. It is `python -I -m ingestd.cli.mtp_helper --config FILE [--judge] BUS-DEVICE`.
"""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from ingestd.cli.unit_program import Outcome, ended, parser_of
from ingestd.config.allowed import load_allowed
from ingestd.core.errors import UnavailableError
from ingestd.devices.mounts import is_mount_point, unmount
from ingestd.devices.mtp import MTP_DIR, PROGRAM, command_line, mount_point_of
from ingestd.devices.standing import udev_properties
from ingestd.devices.usb import DeviceAction, DeviceKind, judge


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the recorder named on the command line; without `--judge`, go on as the program that mounts it."""
    parser = parser_of("ingestd-mtp", __doc__)
    parser.add_argument("--judge", action="store_true", help="only say whether it is a recorder of this station")
    parser.add_argument("place", help="bus and device, as 001-004")
    given = parser.parse_args(arguments)

    def work() -> tuple[Outcome, str]:
        outcome, words = _judged(given.place, given.config)
        if outcome is Outcome.DONE and not given.judge:
            _become_program(given.place)
        return outcome, words

    return ended(work)


def _judged(place: str, config: Path) -> tuple[Outcome, str]:
    if not re.fullmatch(r"[0-9]{3}-[0-9]{3}", place):
        return Outcome.LEFT_ALONE, f"{place!r} is no place on USB as 001-004"
    settings = load_allowed(config)
    if not settings.is_enabled:
        return Outcome.LEFT_ALONE, f"{place} is left alone: udev.enabled = false"
    number = place.replace("-", "/")
    events = judge([udev_properties(f"bus/usb/{number}")], settings).values()
    event = next((one for one in events if one.kind is DeviceKind.MTP and one.device_number == number), None)
    if event is None or event.action is not DeviceAction.ADDED:
        return Outcome.LEFT_ALONE, f"{place} is left alone: {event.reason if event else 'no MTP recorder of a bay'}"
    return Outcome.DONE, f"{place} ({event.usb_id}) is a recorder of this station"


def _become_program(place: str) -> None:
    number = place.replace("-", "/")
    point = mount_point_of(number, MTP_DIR)
    if is_mount_point(point):
        # What a recorder that was pulled has left behind; a mount above it would hide it for good.
        unmount(point)
    words = command_line(PROGRAM, number, point)
    try:
        point.mkdir(mode=0o755, parents=True, exist_ok=True)
        os.execv(words[0], words)
    except OSError as error:
        raise UnavailableError(f"{words[0]} cannot be started ({error.strerror})", "apt install jmtpfs") from error


if __name__ == "__main__":
    sys.exit(main())

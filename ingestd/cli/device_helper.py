"""What `ingestd-device@.service` asks first: whether a device is one of those that the station is to speak to.

udev starts the unit for whatever has a mode of its maker's; which of them are recorders is judged here, by
`[device_api]`. It is `python -I -m ingestd.cli.device_helper --config FILE BUS-DEVICE`, and sends nothing to a device.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from ingestd.cli.unit_program import Outcome, ended, parser_of
from ingestd.config.allowed import load_device_api
from ingestd.core.clock import SystemClock
from ingestd.core.usbports import usb_path_of
from ingestd.devices.dialects.refusals import is_refused
from ingestd.devices.standing import udev_properties
from ingestd.devices.usb import has_storage, usb_id_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the device named on the command line: 0 it is to be spoken to, 1 it is left alone; the words say why."""
    parser = parser_of("ingestd-device", __doc__)
    parser.add_argument("place", help="bus and device, as 001-004")
    given = parser.parse_args(arguments)
    return ended(lambda: _judged(given.place, given.config))


def _judged(place: str, config: Path) -> tuple[Outcome, str]:
    if not re.fullmatch(r"[0-9]{3}-[0-9]{3}", place):
        return Outcome.LEFT_ALONE, f"{place!r} is no place on USB as 001-004"
    settings = load_device_api(config)
    if not settings.is_enabled:
        return Outcome.LEFT_ALONE, f"{place} is left alone: device_api.enabled = false"
    properties = udev_properties(f"bus/usb/{place.replace('-', '/')}")
    usb_id, usb_path = usb_id_of(properties), usb_path_of(properties.get("DEVPATH", ""))
    if usb_id not in settings.dialects:
        return Outcome.LEFT_ALONE, f"{place} is left alone: {usb_id or 'it'} is not in device_api.dialects"
    if has_storage(properties):
        return Outcome.LEFT_ALONE, f"{place} is left alone: it is a disk already"
    if is_refused(usb_path, SystemClock()):
        words = "the recorder at this port refused the password within the last hour; by hand: ingestd device unlock"
        return Outcome.LEFT_ALONE, f"{place} is left alone: {words}"
    return Outcome.DONE, f"{place} ({usb_id}) is spoken to in {settings.dialects[usb_id]}"


if __name__ == "__main__":
    sys.exit(main())

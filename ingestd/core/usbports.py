"""Ports of the USB bus as udev names them, and the names of the bays that a bureau makes of them."""

import re
from collections.abc import Mapping

_PORT = re.compile(r"(?P<bus>.*-usb(?:v[0-9])?-[0-9]+:)(?P<ports>[0-9]+(?:\.[0-9]+)*)(?=[:-]|\Z)")
_USB_DEVICE = re.compile(r".*/usb[0-9]+(?:/[0-9]+-[0-9]+(?:\.[0-9]+)*)+(?=/|\Z)")


def port_of(id_path: str) -> str:
    """The port in udev's `ID_PATH` of whatever is plugged into it, so that all of one device have one.

    `pci-0000:00:14.0-usb-0:9.3:1.0-scsi-0:0:0:0` is at `pci-0000:00:14.0-usb-0:9.3`, port 3 of the hub at port 9. A
    path of another form is its own port.
    """
    match = _PORT.match(id_path)
    return match[0] if match else id_path


def usb_path_of(sysfs_path: str) -> str:
    """The sysfs path (udev's `DEVPATH`) of the USB device that a device belongs to, or is; empty where it is on no USB.

    A USB device's folder is named for bus and ports (`1-9.3`) and lies below those of its hubs.
    """
    match = _USB_DEVICE.match(sysfs_path)
    return match[0] if match else ""


def named_bay(id_path: str, bays: Mapping[str, str]) -> str:
    """The name that `bays` gives to the place of a device, empty where none does.

    A key of `bays` is the `ID_PATH` of a port (`pci-0000:00:14.0-usb-0:3`) or of anything plugged in there. The longest
    key that the device's own path begins with wins; then any of its port; then the port of the hub that it hangs on:
    what is plugged in through a hub is behind the bay's socket all the same. `…usb-0:3` never fits port 31.
    """
    fitting = [key for key in bays if id_path == key or id_path.startswith((f"{key}:", f"{key}-"))]
    if fitting:
        return bays[max(fitting, key=len)]
    port = port_of(id_path)
    while port:
        fitting = [key for key in bays if port_of(key) == port]
        if fitting:
            return bays[min(fitting, key=lambda key: (len(key), key))]
        port = _hub_port(port)
    return ""


def bay_of(id_path: str, bays: Mapping[str, str]) -> str:
    """The name of the bay at a port; udev's path of the port where the settings name none."""
    return named_bay(id_path, bays) or port_of(id_path)


def names_together(settled: Mapping[str, str], learned: Mapping[str, str]) -> dict[str, str]:
    """Names of the settings and learned ones as one; a port that the settings name keeps that name alone."""
    ports = {port_of(key) for key in settled}
    return {key: name for key, name in learned.items() if port_of(key) not in ports} | dict(settled)


def _hub_port(port: str) -> str:
    """The port of the hub that a port is one of; empty at the root."""
    match = _PORT.fullmatch(port)
    ports = match["ports"].rpartition(".")[0] if match else ""
    return match["bus"] + ports if match and ports else ""

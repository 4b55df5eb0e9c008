"""How the package on a machine becomes a station: units, user, configuration."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.lab import docklab
from tests.lab.software import PLACE

if TYPE_CHECKING:
    from tests.lab.station_vm import StationVm

CONFIG_FILE = "/etc/ingestd/ingestd.toml"

_BAYS = "".join(f'"pci-0000:00:14.0-usb-0:{bay}" = "bay-{bay}"\n' for bay in range(1, 11))
_PATIENCE = {
    "ingestd.service": "TimeoutStopSec=300\nWatchdogSec=600",
    "ingestd-card@.service": "TimeoutStartSec=900",
    "ingestd-mount@.service": "TimeoutStartSec=900\nTimeoutStopSec=300",
    "ingestd-mtp@.service": "TimeoutStartSec=900\nTimeoutStopSec=300",
}
"""Limits of units that a processor needs which is a program itself, on a machine with other work."""
_OPTIONS = {
    "udev.allowed_labels": '["BWC*"]',
    "udev.allowed_usb_ids": '["1209:b0d1", "46f4:0004"]',
    "proxy.enabled": "false",
}


def install(vm: "StationVm") -> None:
    """Make the machine a station that is not started yet, as docs/guide/install.md has it.

    Args:
        vm: with the package at its place.
    """
    vm.sh(f"{PLACE}/bin/ingestd install", seconds=600)
    if docklab.is_emulated():
        for unit, words in _PATIENCE.items():
            vm.write(f"/etc/systemd/system/{unit}.d/emulated.conf", f"[Service]\n{words}\n")
        vm.sh("systemctl daemon-reload")


def configure(vm: "StationVm", options: Mapping[str, str]) -> None:
    """Change the station's settings: those that every station here has, and `options`.

    Args:
        vm: with an installed station.
        options: by section and key, values in TOML.
    """
    text = vm.sh(f"cat {CONFIG_FILE}")
    if _BAYS not in text:
        text = text.replace("[udev.bays]\n", f"[udev.bays]\n{_BAYS}", 1)
    for name, value in {**_OPTIONS, **options}.items():
        section, _, key = name.partition(".")
        pattern = re.compile(rf"(^\[{section}\]\n(?:(?!\[).*\n)*?{key} = ).*$", re.MULTILINE)
        found = pattern.search(text)
        assert found is not None, name
        text = f"{found[1]}{value}".join((text[: found.start()], text[found.end() :]))
    vm.write(CONFIG_FILE, text)

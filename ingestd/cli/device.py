"""`ingestd device`: speak to one recorder that is no disk yet. A helper's work: one recorder, one process, then gone.

Off unless `[device_api]` switches it on. What is sent that changes something on the recorder is first written down in
the state folder, for the station to enter into the ledger. Untested on hardware (docs/design/dialects.md).
"""

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import login_name
from ingestd.cli.output import console, emit_json, errors, table
from ingestd.config.load import Configuration
from ingestd.core.clock import SystemClock
from ingestd.core.errors import ConfigError, IngestdError, RefusedError, UnavailableError
from ingestd.core.ids import new_uuid7
from ingestd.core.manifest import canonical_json
from ingestd.core.usbports import usb_path_of
from ingestd.daemon.host import is_clock_synchronised
from ingestd.devices.dialects import talk
from ingestd.devices.dialects.api import Password, RecorderApi, Visit
from ingestd.devices.dialects.clock import Journal
from ingestd.devices.dialects.known import opener_of
from ingestd.devices.dialects.refusals import REFUSALS_VARIABLE, note_refusal
from ingestd.devices.dialects.secret import read_password
from ingestd.devices.dialects.usb_transport import UsbAddress, open_usb, parse_address
from ingestd.devices.standing import udev_properties
from ingestd.devices.usb import serial_of
from ingestd.stores.devicejournal import DeviceJournal

device_app = typer.Typer(
    name="device",
    help="Speak to one recorder that takes a password before it becomes a disk. Untested on hardware.",
    no_args_is_help=True,
)

STATION = "station"
"""Who does what the unit does."""

WhereArgument = Annotated[
    str, typer.Argument(metavar="PATH|BUS-DEV", help="/dev/bus/usb/001/004, or 001-004.", show_default=False)
]


@dataclass(frozen=True, slots=True)
class _Talk:
    """An open recorder, its password, where acts are written down, and those that were so far."""

    api: RecorderApi
    password: Password
    journal: Journal
    acts: list[dict[str, Any]]

    def show(self, document: dict[str, Any], as_json: bool) -> None:
        """What came of it."""
        whole = document | {"acts": self.acts, "is_tested_on_hardware": False}
        if as_json:
            emit_json(whole)
            return
        rows = [(key, _cell(value)) for key, value in whole.items() if key not in ("acts", "findings")]
        table(f"Recorder at {self.api.visit.address}", ["what", "value"], rows)
        console.print(f"{len(self.acts)} acts were written down before they were done · 已先行记录", markup=False)


@device_app.command("info")
def info(where: WhereArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Log in and read what the recorder tells: numbers, names, battery. Nothing else is asked of it.

    Example: ingestd device info 001-004 --json
    """
    with _open(configuration_of(config), where) as opened:
        opened.show(talk.look(opened.api, opened.password), as_json)


@device_app.command("unlock")
def unlock(where: WhereArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Log in, read what the recorder tells, and ask it to become a disk.

    Example: ingestd device unlock 001-004
    """
    with _open(configuration_of(config), where) as opened:
        opened.show(talk.open_up(opened.api, opened.password), as_json)


@device_app.command("clock")
def clock(
    where: WhereArgument,
    is_to_be_set: Annotated[bool, typer.Option("--set", help="Set it, after its offset was written down.")] = False,
    is_from_display: Annotated[
        bool, typer.Option("--from-display", help="You read the recorder's display and type what it shows.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how far the recorder's clock is off, with its uncertainty, and write that down; then, if asked, set it.

    Example: ingestd device clock 001-004 --from-display
    """
    configuration = configuration_of(config)
    if is_to_be_set and not configuration.settings.device_api.may_set_clock:
        raise RefusedError("setting recorders' clocks is switched off", "set device_api.may_set_clock = true")
    with _open(configuration, where) as opened:
        document = talk.clock_visit(
            opened.api,
            opened.password,
            clock=SystemClock(),
            zone=configuration.settings.station.zone_info,
            journal=opened.journal,
            ask=_typed if is_from_display else None,
            is_station_synchronised=is_clock_synchronised(),
            is_to_be_set=is_to_be_set,
        )
        opened.show(document, as_json)


@contextmanager
def _open(configuration: Configuration, where: str) -> Iterator[_Talk]:
    """One recorder, opened for the block."""
    settings = configuration.settings.device_api
    if not settings.is_enabled:
        raise RefusedError("speaking to recorders is switched off", "set device_api.enabled = true")
    if settings.password_file is None:
        raise ConfigError("device_api.password_file is missing", "name a file with the recorders' password")
    address = _address(where)
    password = read_password(settings.password_file, configuration.settings.folder)
    with open_usb(address, timeout_seconds=settings.timeout_seconds) as (transfer, usb_id):
        dialect = settings.dialects.get(usb_id)
        if dialect is None:
            raise RefusedError(
                f"no dialect is configured for {usb_id}", f'write "{usb_id}" = "…" under [device_api.dialects]'
            )
        station_clock = SystemClock()
        visit = Visit(new_uuid7(station_clock.now()), str(address), usb_id, dialect, *_place(address))
        by = STATION if REFUSALS_VARIABLE in os.environ else login_name()
        acts: list[dict[str, Any]] = []
        with closing(DeviceJournal(configuration.settings.device_acts_dir, visit.visit_id)) as file:

            def journal(act: dict[str, Any]) -> None:
                numbered = act | {"by": by, "number": len(acts) + 1}
                file.append(canonical_json(numbered) + b"\n")
                acts.append(numbered)
                if act["act"] == "device.unlock_refused":
                    note_refusal(visit.usb_path)

            api = opener_of(dialect, settings)(transfer, visit, station_clock, journal)
            yield _Talk(api, password, journal, acts)


def _place(address: UsbAddress) -> tuple[str, str]:
    """Sysfs path and serial of a USB device as udev tells them, empty where it does not."""
    try:
        properties = udev_properties(f"bus/usb/{address.bus:03}/{address.device:03}")
    except IngestdError:
        return "", ""
    return usb_path_of(properties.get("DEVPATH", "")), serial_of(properties)


def _address(where: str) -> UsbAddress:
    try:
        return parse_address(where)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _typed(prompt: str) -> str:
    errors.print(prompt, end="", markup=False)
    line = sys.stdin.readline()
    if not line:
        raise UnavailableError("nobody typed a time", "run this in a terminal, in front of the recorder")
    return line


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_cell(inner)}" for key, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

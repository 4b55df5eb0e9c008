"""`ingestd bays`: which port is which bay, learned by plugging recorders in one after another."""

import json
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ingestd.answers.texts import counted
from ingestd.cli.context import ConfigOption, JsonOption
from ingestd.cli.output import console, emit_json, errors, table
from ingestd.config.bays import BAYS_FILE, bays_toml, next_bay_name
from ingestd.config.load import find_settings_file, load_learned_bays, load_settings
from ingestd.core.errors import StoreError, UnavailableError
from ingestd.core.settings import UdevSettings, check_bay_names
from ingestd.core.usbports import named_bay, port_of, usb_path_of
from ingestd.devices.udev import UdevBus
from ingestd.devices.usb import (
    DeviceEvent,
    interfaces_of,
    is_pluggable,
    is_wholly_foreign,
    judge,
    model_of,
    serial_of,
    usb_id_of,
)
from ingestd.stores.durable import replace_whole

bays_app = typer.Typer(help="采集口: the names of the ports.", no_args_is_help=True)

_LISTEN_SECONDS = 3600.0


@bays_app.command("learn")
def learn(
    config: ConfigOption = None,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="End after so many bays.", show_default=False)
    ] = None,
    print_only: Annotated[
        bool, typer.Option("--print", help="Write no file: print what would stand in it, at the end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line an event; asks for no names.")] = False,
) -> None:
    """Name the ports: plug one recorder after another, in the order of the bays; Ctrl-C ends.

    Names are asked for on a screen, else they are bay-1, bay-2 and so on. They are written to bays.toml beside the
    configuration, one by one; the station reads them at its start and when reloaded.
    Example: ingestd bays learn --count 8
    """
    settings = load_settings(config)
    file = settings.folder / BAYS_FILE
    if not print_only and not os.access(file.parent, os.W_OK):
        raise StoreError(f"{file} cannot be written", "run this as who keeps the configuration, or add --print")
    model = find_settings_file(config)
    lesson = _Lesson(settings.udev.bays, load_learned_bays(settings.folder), file, model, print_only, as_json)
    bus = UdevBus()
    try:
        lesson.listen(bus, count)
    except (KeyboardInterrupt, typer.Abort):
        # What was learned is written already; this is how the command ends. The cursor stands behind `^C`.
        lesson.begin_line()
    finally:
        bus.close()
    lesson.end()


_Plug = tuple[int, str, str]
"""When udev first looked at a device (microseconds since the start), where, and which one it is there."""


def _plugs(devices: Iterable[dict[str, str]]) -> dict[_Plug, dict[str, str]]:
    return {
        (int(one["USEC_INITIALIZED"]), one["DEVPATH"], one.get("DEVNAME", "")): one
        for one in devices
        if is_pluggable(one) and one.get("USEC_INITIALIZED", "").isdecimal()
    }


class _Lesson:
    """Turns what is plugged in into names of ports."""

    def __init__(
        self,
        names: Mapping[str, str],
        learned: Mapping[str, str],
        file: Path,
        model: Path,
        is_printed: bool,
        as_json: bool,
    ) -> None:
        self._names = dict(names)
        self._learned = dict(learned)
        self._file = file
        self._model = model
        self._is_printed = is_printed
        self._as_json = as_json
        self._is_asking = sys.stdin.isatty() and not as_json
        # What is printed at the end must stand alone on standard output.
        self._console = errors if is_printed else console
        self._new: dict[str, str] = {}
        self._last = ""

    def listen(self, bus: UdevBus, count: int | None) -> None:
        """Until so many ports have a name; else until somebody interrupts."""
        known: set[_Plug] | None = None
        while count is None or len(self._new) < count:
            if not bus.wait(_LISTEN_SECONDS):
                continue
            present = _plugs(bus.devices())
            if known is None:
                self._say_listening()
                known = set(present)
            # In the order of plugging, where two came between two looks.
            for plug in sorted(present.keys() - known):
                if count is None or len(self._new) < count:
                    self._plugged(present[plug])
            known = set(present)

    def begin_line(self) -> None:
        """Go on below what was typed."""
        if self._is_asking:
            self._say("")

    def end(self) -> None:
        """Say what there is now, and where."""
        if self._as_json:
            file = None if self._is_printed else str(self._file)
            self._line({"event": "end", "learned": self._new, "bays": self._learned, "file": file})
        elif self._is_printed:
            print(bays_toml(self._learned), end="")
        elif self._new:
            words = "Reload or restart the station to use them · 重新加载或重启采集站后生效"
            self._say(f"{self._file}: {counted(len(self._learned), 'bay')}. {words}")
        else:
            self._say("No port was named · 没有新命名的端口")

    def _plugged(self, properties: Mapping[str, str]) -> None:
        port = port_of(properties.get("ID_PATH", ""))
        what = {"port": port, "usb_id": usb_id_of(properties), "model": model_of(properties)}
        named = next((name for key, name in self._names.items() if port_of(key) == port), None)
        if port in self._new:
            # The same recorder in its next mode, or plugged in again.
            return
        if not port or is_wholly_foreign(properties):
            self._tell("refused", what, f"{_shown(what)} is no recorder at a port; not counted · 不是记录仪，不计")
        elif named is not None:
            words = f"{port} is {named} already; nothing was changed · 该端口已命名为 {named}"
            self._tell("known", {**what, "bay": named}, words)
        else:
            self._learn(port, what)

    def _learn(self, port: str, what: Mapping[str, str]) -> None:
        name = self._name_for(port, what)
        shared = [key for key, other in self._names.items() if other == name]
        self._names[port] = self._new[port] = self._learned[port] = name
        self._last = name
        if not self._is_printed:
            self._write()
        self._tell("learned", {**what, "bay": name}, f"{name} ← {_shown(what)}")
        if shared:
            self._say(f"  {name} is also {', '.join(shared)}: both are one bay now · 同一采集口")

    def _write(self) -> None:
        replace_whole(self._file, bays_toml(self._learned).encode())
        # Root may write it and the station must read it: who may read the settings may read their names.
        like = self._model.stat()
        self._file.chmod(stat.S_IMODE(like.st_mode))
        if os.geteuid() == 0:
            os.chown(self._file, like.st_uid, like.st_gid)

    def _name_for(self, port: str, what: Mapping[str, str]) -> str:
        proposed = next_bay_name(self._names.values(), self._last)
        while self._is_asking:
            name: str = typer.prompt(f"{_shown(what)}: name of this bay · 采集口名称", default=proposed).strip()
            try:
                check_bay_names({port: name})
            except ValueError as error:
                self._say(str(error))
                continue
            return name
        return proposed

    def _say_listening(self) -> None:
        words = "Plug one recorder after another, in the order of the bays; Ctrl-C ends · 请按采集口顺序逐个插入记录仪"
        self._tell("listening", {}, words)

    def _tell(self, event: str, facts: Mapping[str, str], words: str) -> None:
        if self._as_json:
            self._line({"event": event, **facts})
        else:
            self._say(words)

    def _say(self, words: str) -> None:
        if not self._as_json:
            self._console.print(words, markup=False, soft_wrap=True)

    def _line(self, document: Mapping[str, Any]) -> None:
        print(json.dumps(document, ensure_ascii=False), flush=True)


def _shown(what: Mapping[str, str]) -> str:
    device = " ".join(part for part in (what["usb_id"], what["model"]) if part)
    return f"{what['port']} ({device})" if device else what["port"]


@bays_app.command("list")
def list_bays(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The ports, their names, and what is plugged in now.

    Needs no running station. Example: ingestd bays list --json
    """
    settings = load_settings(config)
    learned = load_learned_bays(settings.folder)
    try:
        bus = UdevBus()
    except UnavailableError as error:
        errors.print(f"note: {error.message}", markup=False, soft_wrap=True)
        plugged = None
    else:
        plugged = bus.devices()
        bus.close()
    rows = _rows(settings.udev, learned, plugged)
    if as_json:
        emit_json(rows)
        return
    if not rows:
        console.print(
            "No port is named, and nothing is plugged in · 尚无命名的端口。 Name them with: ingestd bays learn"
        )
        return
    table(
        "Bays · 采集口",
        ["bay", "port", "named in", "plugged in now", "taken as"],
        [
            (
                row["bay"] or "–",
                row["port"],
                row["named_in"] or "–",
                "?" if row["plugged"] is None else "\n".join(_device_words(one) for one in row["plugged"]),
                "\n".join(_told_words(told) for one in row["plugged"] or () for told in one["told"]),
            )
            for row in rows
        ],
    )


def _rows(
    settings: UdevSettings, learned: Mapping[str, str], plugged: list[dict[str, str]] | None
) -> list[dict[str, Any]]:
    """Named ports and those where something is plugged in; named ones first, in the order of the files."""
    bays = settings.bays
    devices = [one for one in plugged or () if is_pluggable(one)]
    events = judge(plugged or (), settings).values()
    ports = dict.fromkeys([*map(port_of, bays), *(port_of(one.get("ID_PATH", "")) for one in devices)])
    return [
        {
            "port": port,
            "bay": named_bay(port, bays) or None,
            "named_in": _source(port, bays, learned),
            "plugged": None
            if plugged is None
            else [_device(one, events) for one in devices if port_of(one.get("ID_PATH", "")) == port],
        }
        for port in ports
    ]


def _source(port: str, bays: Mapping[str, str], learned: Mapping[str, str]) -> str | None:
    keys = [key for key in bays if port_of(key) == port]
    if not keys:
        return None
    return BAYS_FILE if all(learned.get(key) == bays[key] for key in keys) else "ingestd.toml"


def _device(properties: Mapping[str, str], events: Any) -> dict[str, Any]:
    usb_path = usb_path_of(properties["DEVPATH"])
    told: list[DeviceEvent] = [event for event in events if event.usb_path == usb_path]
    shown = ("kind", "action", "device_node", "label", "is_quarantined", "foreign", "reason")
    return {
        "usb_id": usb_id_of(properties),
        "model": model_of(properties),
        "serial": serial_of(properties),
        "interfaces": list(interfaces_of(properties)),
        "told": [{key: asdict(event)[key] for key in shown} for event in told],
    }


def _device_words(device: Mapping[str, Any]) -> str:
    return " ".join(part for part in (device["usb_id"], device["model"]) if part) or "?"


def _told_words(told: Mapping[str, Any]) -> str:
    words = f"{told['kind']} {told['device_node']} {told['action']}"
    return f"{words}: {told['reason']}" if told["reason"] else words

"""What a visit does with a recorder, in order, and the document that it gives."""

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingestd.core.clock import Clock
from ingestd.core.errors import RefusedError
from ingestd.devices.dialects.api import Capability, Outcome, Password, RecorderApi
from ingestd.devices.dialects.clock import Journal, offset_of, store_offset, take_reading

PROMPT: Final = (
    "Type the time that the recorder's display shows now, as 2026-03-02 09:00:00, then Enter "
    "· 请输入记录仪屏幕此刻显示的时间: "
)

Document = dict[str, Any]


def look(api: RecorderApi, password: Password) -> Document:
    """Unlock, and read what the dialect can read. Null is what it cannot, or what a recorder that left did not tell."""
    document = api.document() | {"unlock": api.unlock(password), "info": None, "battery_percent": None}
    if document["unlock"] is Outcome.LEFT:
        return document
    if Capability.INFO in api.capabilities:
        document["info"] = _told(api)
    if Capability.BATTERY in api.capabilities:
        document["battery_percent"] = api.read_battery_percent()
    return document


def _told(api: RecorderApi) -> Document:
    info = api.read_info()
    return asdict(info) | {"is_factory_number": info.is_factory_number}


def open_up(api: RecorderApi, password: Password) -> Document:
    """Unlock, read, and ask the recorder to become a disk, unless it left on its own."""
    document = look(api, password) | {"disk": None}
    if document["unlock"] is not Outcome.LEFT:
        document["disk"] = api.become_disk()
    return document


def clock_visit(
    api: RecorderApi,
    password: Password,
    *,
    clock: Clock,
    zone: ZoneInfo,
    journal: Journal,
    ask: Callable[[str], str] | None,
    is_station_synchronised: bool,
    is_to_be_set: bool,
) -> Document:
    """Unlock, read who it is, measure how far its clock is off, write that down, and only then set it, where asked.

    Args:
        api: the recorder.
        password: its password.
        clock: the station's.
        zone: the one that recorders keep their time in.
        journal: where the offset is written down.
        ask: shows a prompt and gives what a person typed, who reads the recorder's display; null: the dialect reads.
        is_station_synchronised: whether the station's own clock is disciplined.
        is_to_be_set: set the clock.

    Raises:
        RefusedError: the clock cannot be read so, or not be set. Nothing is sent where that is known beforehand.
    """
    _refuse_beforehand(api, ask, is_station_synchronised, is_to_be_set)
    unlocked: Document = {"unlock": api.unlock(password), "info": None, "clock": None, "set": None, "findings": []}
    document = api.document() | unlocked
    if document["unlock"] is Outcome.LEFT:
        return document
    if Capability.INFO in api.capabilities:
        # An offset that nobody can put down to a recorder would be worth little.
        document["info"] = _told(api)
    reading = api.read_clock() if ask is None else take_reading(lambda: parse_display(ask(PROMPT)), "display", clock)
    offset = offset_of(reading, zone, is_station_synchronised=is_station_synchronised)
    proof = store_offset(offset, asdict(api.visit), journal)
    document |= {"clock": proof.finding.evidence, "findings": [proof.finding.model_dump(mode="json")]}
    if is_to_be_set:
        document["set"] = {"answer": api.set_clock(proof, zone)}
    return document


def _refuse_beforehand(
    api: RecorderApi, ask: Callable[[str], str] | None, is_station_synchronised: bool, is_to_be_set: bool
) -> None:
    if ask is None and Capability.READ_CLOCK not in api.capabilities:
        raise RefusedError(
            f"no command of the dialect {api.name} is known that reads the recorder's clock",
            "read it from the recorder's display: --from-display",
        )
    if is_to_be_set and Capability.SET_CLOCK not in api.capabilities:
        raise RefusedError(f"no command of the dialect {api.name} is known that sets the recorder's clock")
    if is_to_be_set and not is_station_synchronised:
        raise RefusedError(
            "the station's own clock is not synchronised, so no recorder is set by it", "set up chrony or timesyncd"
        )


def parse_display(text: str) -> tuple[dt.datetime, float]:
    """A time as a display shows it, and for how many seconds it shows the same: 60 where it shows no seconds.

    Raises:
        RefusedError: it is none.
    """
    for pattern, resolution_s in (("%Y-%m-%d %H:%M:%S", 1.0), ("%Y-%m-%d %H:%M", 60.0)):
        try:
            shown = dt.datetime.strptime(text.strip().replace("/", "-"), pattern)
        except ValueError:
            continue
        if 1970 <= shown.year < 9999:
            return shown, resolution_s
    raise RefusedError(f"{text.strip()[:40]!r} is no time", "write it as 2026-03-02 09:00:00")

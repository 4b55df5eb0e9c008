"""Sizes, times and numbers as people read them."""

from typing import Any
from zoneinfo import ZoneInfo

from ingestd.core.clock import from_text
from ingestd.core.findings import REGISTER


def size(count: float | None) -> str:
    """Bytes in decimal units, as recorders and disks are sold."""
    if count is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(count) < 1000 or unit == "TB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 finding`, `4 findings`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def seconds(value: float | None) -> str:
    """A place in a file, to the tenth."""
    if value is None:
        return "–"
    minutes, rest = divmod(value, 60)
    return f"{int(minutes)}:{rest:04.1f}" if minutes else f"{rest:.1f} s"


def local_time(text: str | None, zone: ZoneInfo) -> str:
    """A stored UTC time in the bureau's zone."""
    return from_text(text).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if text else "–"


def span(document: dict[str, Any], zone: ZoneInfo) -> str:
    """Where a finding lies: in the file, or on the wall clock."""
    if document.get("start_utc"):
        start = from_text(document["start_utc"]).astimezone(zone)
        end = from_text(document["end_utc"]).astimezone(zone) if document.get("end_utc") else None
        return f"{start:%H:%M:%S} – {end:%H:%M:%S}" if end else f"from {start:%H:%M:%S}"
    if document.get("start_s") is None:
        return "whole file" if document.get("scope") == "file" else "–"
    return (
        f"{seconds(document['start_s'])} – {seconds(document['end_s'])}"
        if document.get("end_s") is not None
        else (f"from {seconds(document['start_s'])}")
    )


def words_of(code: str) -> str:
    """What a code means, in English and Chinese."""
    info = REGISTER[code]
    return f"{info.en} · {info.zh}"

"""How the command line shows things: tables for people, JSON for programs, sizes and times in plain words."""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingestd.core.clock import from_text
from ingestd.core.findings import REGISTER, Severity

_PIPE_COLUMNS = 140


def _console() -> Console:
    """Standard output; wide where it is no screen, so that names stay whole in files and pipes."""
    shown = Console(highlight=False)
    return shown if shown.is_terminal else Console(highlight=False, width=_PIPE_COLUMNS)


console = _console()
errors = Console(stderr=True, highlight=False)

SEVERITY_STYLE = {
    Severity.INFO: "dim",
    Severity.NOTICE: "cyan",
    Severity.WARNING: "yellow",
    Severity.CRITICAL: "bold red",
}


def emit_json(document: Any) -> None:
    """One JSON document on standard output, UTF-8."""
    print(json.dumps(document, ensure_ascii=False, indent=2))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[int] = ()) -> None:
    """A table for people. Cells are texts of the outside world and never read as markup."""
    view = Table(title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for position, column in enumerate(columns):
        view.add_column(column, justify="right" if position in right else "left", overflow="fold")
    for row in rows:
        view.add_row(*(escape(str(cell)) for cell in row))
    console.print(view)


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


def findings_table(title: str, rows: Iterable[tuple[dict[str, Any], str]], zone: ZoneInfo) -> None:
    """Findings, each with the name of what it is about."""
    view = Table(title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    view.add_column("severity", no_wrap=True)
    view.add_column("code", no_wrap=True)
    view.add_column("what")
    view.add_column("where", no_wrap=True)
    view.add_column("file", overflow="fold")
    for document, name in rows:
        severity = Severity(document["severity"])
        style = SEVERITY_STYLE[severity]
        view.add_row(
            f"[{style}]{severity}[/]", document["code"], words_of(document["code"]), span(document, zone), escape(name)
        )
    console.print(view)

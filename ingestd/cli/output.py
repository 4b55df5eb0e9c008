"""How the command line shows things: tables for people, JSON for programs, sizes and times in plain words."""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingestd.answers.texts import span, words_of
from ingestd.core.findings import Severity

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

"""`ingestd status --watch`: every bay as a table, plain lines or JSON lines, while the station comes and goes."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from rich import box
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from ingestd.answers.texts import size
from ingestd.cli.bays import STYLE, WORDS, BayView
from ingestd.cli.output import console
from ingestd.core.clock import SystemClock
from ingestd.core.errors import UnavailableError
from ingestd.core.lifecycle import BayState
from ingestd.core.stop import Stop
from ingestd.ipc import ask

SILENT_SECONDS = 40.0
"""The station says something every 15 s; one that is silent for so long does not answer."""
NO_ANSWER = "the station does not answer · 采集站没有应答"
_RETRY_SECONDS = 1.0
_DRAW_EVERY_SECONDS = 0.1
_COLUMNS = (
    "bay 采集口",
    "state 状态",
    "recorder 记录仪",
    "officer 执法人员",
    "%",
    "rate 速度",
    "left 剩余",
    "what to do 请您",
)


class Screen(Protocol):
    """One way to show bays. A context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, progress: dict[str, Any]) -> None:
        """A bay's new state (`core.model.Progress` as a dictionary)."""
        ...

    def lost(self) -> None:
        """The station does not answer; what was shown may not be true any more."""
        ...


def watch_bays(socket_file: Path, *, as_json: bool) -> None:
    """Show the bays until Ctrl-C, through any number of restarts of the station."""
    stop = Stop()
    screen: Screen = JsonLines() if as_json else BayTable() if console.is_terminal else PlainLines()
    try:
        with screen:
            while not stop.is_requested():
                try:
                    ask(socket_file, {"op": "watch"}, screen.show, silent_seconds=SILENT_SECONDS)
                except UnavailableError:
                    screen.lost()
                else:
                    screen.lost()
                stop.wait(_RETRY_SECONDS)
    except KeyboardInterrupt:
        return


class JsonLines:
    """One JSON document a line, as it comes; `{"station": null}` when the station does not answer."""

    def __init__(self) -> None:
        self._is_lost = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def show(self, progress: dict[str, Any]) -> None:
        """A bay's new state."""
        self._is_lost = False
        self._line(progress)

    def lost(self) -> None:
        """Said once."""
        if not self._is_lost:
            self._line({"station": None, "message": NO_ANSWER})
        self._is_lost = True

    def _line(self, document: dict[str, Any]) -> None:
        print(json.dumps(document, ensure_ascii=False), flush=True)


class PlainLines(BayView):
    """A line for each step of a bay, for pipes and log files."""

    def __init__(self) -> None:
        super().__init__()
        self._is_lost = False

    def show(self, progress: dict[str, Any]) -> None:
        """A bay's new state."""
        self._is_lost = False
        super().show(progress)

    def lost(self) -> None:
        """Said once."""
        if not self._is_lost:
            console.print(NO_ANSWER, markup=False)
        self._is_lost = True


class BayTable:
    """A table that stays in place, one row a bay."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}
        self._is_lost = False
        self._clock = SystemClock()
        self._drawn_at = 0.0
        self._live = Live(console=console, auto_refresh=False, get_renderable=self._table)

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, progress: dict[str, Any]) -> None:
        """A bay's new state."""
        if self._is_lost:
            # Another run of the station: bays that it does not name are not there any more.
            self._rows.clear()
            self._is_lost = False
        before = self._rows.get(progress["bay"])
        self._rows[progress["bay"]] = progress
        is_number = before is not None and all(before[key] == progress[key] for key in ("state", "message", "recorder"))
        now = self._clock.steady_seconds()
        if not is_number or now - self._drawn_at >= _DRAW_EVERY_SECONDS:
            self._drawn_at = now
            self._live.refresh()

    def lost(self) -> None:
        """Said above the rows as they were."""
        self._is_lost = True
        self._live.refresh()

    def _table(self) -> Table:
        title = f"[bold yellow]{NO_ANSWER}[/]" if self._is_lost else None
        table = Table(*_COLUMNS, title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for column in (4, 5, 6):
            table.columns[column].justify = "right"
        for _, bay in sorted(self._rows.items()):
            style = "dim" if self._is_lost else STYLE.get(BayState(bay["state"]), "")
            table.add_row(*(escape(cell) for cell in _cells(bay)), style=style)
        return table


def _cells(bay: dict[str, Any]) -> tuple[str, ...]:
    state = BayState(bay["state"])
    is_moving = state in (BayState.COPYING, BayState.VERIFYING)
    is_known = bay["bytes_total"] > 0 and state is not BayState.FREE
    left = bay["seconds_left"]
    return (
        bay["bay"],
        WORDS[state] + (f": {bay['message']}" if bay["message"] else ""),
        bay["recorder"] or "–",
        bay["officer"] or "–",
        f"{bay['percent']} %" if is_known else "–",
        f"{size(bay['bytes_per_second'])}/s" if is_moving else "–",
        _time_left(left) if is_moving and left is not None else "–",
        bay["advice"],
    )


def _time_left(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"

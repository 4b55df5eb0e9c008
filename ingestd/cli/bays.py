"""Bay progress in the terminal: live bars on a screen, plain lines in a pipe or a log file."""

from types import TracebackType
from typing import Any, Self

from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ingestd.answers.texts import size
from ingestd.cli.output import console
from ingestd.core.lifecycle import BayState

WORDS = {
    BayState.FREE: "free · 空闲",
    BayState.READING: "reading the card · 读取",
    BayState.COPYING: "copying · 采集中",
    BayState.VERIFYING: "verifying · 校验中",
    BayState.DONE: "done, may be removed · 可以取走",
    BayState.ATTENTION: "needs attention · 请处理",
}
STYLE = {BayState.DONE: "green", BayState.ATTENTION: "bold yellow"}
_LINE_EVERY_PER_CENT = 20


class BayView:
    """Shows progress documents (`core.model.Progress` as a dictionary) as they come. A context manager."""

    def __init__(self) -> None:
        self._is_live = console.is_terminal
        self._bars = Progress(
            TextColumn("[bold]{task.fields[bay]}"),
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[file]}"),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._last_line: dict[str, tuple[str, int]] = {}

    def __enter__(self) -> Self:
        if self._is_live:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_live:
            self._bars.stop()

    def show(self, progress: dict[str, Any]) -> None:
        """A bay's new state."""
        state = BayState(progress["state"])
        words = WORDS[state] + (f": {progress['message']}" if progress["message"] else "")
        if self._is_live:
            self._show_bar(progress, state, words)
        else:
            self._show_line(progress, words)

    def _show_bar(self, progress: dict[str, Any], state: BayState, words: str) -> None:
        bay = progress["bay"]
        if bay not in self._tasks:
            self._tasks[bay] = self._bars.add_task("", bay=escape(bay), file="", total=None)
        name = (progress["file"] or "").rsplit("/", 1)[-1]
        style = STYLE.get(state, "cyan")
        self._bars.update(
            self._tasks[bay],
            description=f"[{style}]{escape(words)}[/] {progress['files_done']}/{progress['files_total']}",
            completed=progress["bytes_done"],
            total=progress["bytes_total"],
            file=escape(name) if state is not BayState.DONE else "",
        )

    def _show_line(self, progress: dict[str, Any], words: str) -> None:
        total = progress["bytes_total"]
        percent = 100 * progress["bytes_done"] // total if total else 0
        state = "copying" if progress["state"] == BayState.VERIFYING else progress["state"]
        step = (state, percent // _LINE_EVERY_PER_CENT if state == BayState.COPYING else -1)
        if self._last_line.get(progress["bay"]) == step:
            return
        self._last_line[progress["bay"]] = step
        counts = f"{progress['files_done']}/{progress['files_total']} files, {size(progress['bytes_done'])}"
        console.print(f"bay {progress['bay']}: {words} ({counts}, {percent} %)", markup=False, soft_wrap=True)

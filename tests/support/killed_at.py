"""Runs commands of the program as processes that kill themselves (SIGKILL) at the n-th of some named calls.

As a program (`python -m tests.support.killed_at`) it imports the command line once and forks a process for each line
of JSON on its standard input, which saves seconds a run; `Killer` is the other end of that conversation. A process
counts an event before and another behind every call of a watched function: Python functions by module and qualified
name (`ingestd.pipeline.seal.finish`), built-in ones by theirs (`posix.fsync`, `Connection.commit`).
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

from tests.support.commands import load_program, run_to_its_end
from tests.support.station import PROJECT, Station

DURABLE_CALLS = (
    "posix.fsync", "posix.link", "posix.unlink", "posix.write", "posix.pwrite", "posix.ftruncate", "posix.rename",
    "posix.replace", "posix.mkdir", "posix.chmod", "posix.fchmod", "Connection.commit",
    "ingestd.stores.durable.move_new", "ingestd.stores.durable.sync_together",
)  # fmt: skip
"""Every call by which the program changes what a disk holds, but for the opening of files.

The last two are for renameat2(2) and syncfs(2), which Python has no built-in functions for.
"""


@dataclass(frozen=True)
class Run:
    """How a process ended: its exit status, negative for a signal; and the events that it counted, in order."""

    status: int
    output: str
    events: tuple[str, ...]

    @property
    def was_killed(self) -> bool:
        return self.status == -signal.SIGKILL


class Killer:
    """Starts processes of a station that kill themselves. A context manager; `folder` is for its own files.

    `program` is the module that serves; one of its own calls `serve` with what its processes do.
    """

    def __init__(self, folder: Path, program: str = "tests.support.killed_at") -> None:
        self._program = program
        self._output = folder / "output.txt"
        self._events = folder / "events.txt"

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, "-m", self._program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.communicate()

    def run(
        self, station: Station, *arguments: str | Path, watched: Sequence[str] = (), kill_at: int | None = None
    ) -> Run:
        """Run a command; it kills itself at event number `kill_at` of the watched calls, or ends by itself."""
        order = {
            "arguments": [str(argument) for argument in arguments],
            "folder": str(station.root),
            "environment": {"INGESTD_CONFIG": str(station.config_file)},
            "watched": list(watched),
            "kill_at": kill_at,
            "output": str(self._output),
            "events": str(self._events),
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        status = int(self._server.stdout.readline())
        events = tuple(self._events.read_text("utf-8").splitlines())
        return Run(status, self._output.read_text("utf-8", "replace"), events)


class _Watch:
    """A profile function that writes down each event, and kills the process at one of them."""

    def __init__(self, watched: Sequence[str], kill_at: int | None, events: Path) -> None:
        self._watched = frozenset(watched)
        self._last_names = frozenset(name.rpartition(".")[2] for name in watched)
        self._kill_at = kill_at
        self._count = 0
        self._events = events.open("w", encoding="utf-8", buffering=1)

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        # Most events end here: a profile function is called for everything that a program does.
        is_builtin = event.startswith("c_")
        if (argument.__name__ if is_builtin else frame.f_code.co_name) not in self._last_names:
            return
        if is_builtin:
            name = f"{argument.__module__}.{argument.__qualname__}" if argument.__module__ else argument.__qualname__
            caller: FrameType | None = frame
        else:
            name = f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}"
            caller = frame.f_back
        if name not in self._watched:
            return
        place = "before" if event in ("call", "c_call") else "behind"
        self._events.write(f"{place} {name} in {_place(caller)}\n")
        if self._count == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self._count += 1


def _place(frame: FrameType | None, most: int = 4) -> str:
    """The innermost functions of the program that a call came from."""
    names: list[str] = []
    while frame is not None and len(names) < most:
        if str(frame.f_globals.get("__name__")).startswith("ingestd."):
            names.append(frame.f_code.co_qualname)
        frame = frame.f_back
    return " < ".join(names)


def _child(order: dict[str, Any], run: Callable[[], NoReturn]) -> NoReturn:
    """Become a process of the program."""
    descriptor = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.chdir(order["folder"])
    os.environ.update(order["environment"])
    sys.argv = ["ingestd", *order["arguments"]]
    watch = _Watch(order["watched"], order["kill_at"], Path(order["events"]))
    if order["watched"]:
        threading.setprofile(watch)
        sys.setprofile(watch)
    run()


def serve(run: Callable[[], NoReturn]) -> None:
    """Fork a process for each order, which does `run` and ends, and answer with its exit status."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _child(json.loads(line), run)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _serve_commands() -> None:
    load_program()
    serve(run_to_its_end)


if __name__ == "__main__":
    _serve_commands()

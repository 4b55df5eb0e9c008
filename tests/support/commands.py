"""Commands of the program as processes without its start-up time: forked from a server that has its libraries loaded.

Each command is a process of its own with its own arguments, environment, folder, streams and exit status; only reading
Python's modules from disk, most of a second, is spared. Run as a program this is the server: one JSON line in for each
command, its process id and then its exit status out.
"""

import atexit
import functools
import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

PROJECT = Path(__file__).resolve().parents[2]


class CommandServer:
    """The asking side; one for each test process."""

    def __init__(self) -> None:
        environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.commands"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT,
            env=environment | {"PYTHONFAULTHANDLER": "1"},
        )
        atexit.register(self.close)

    def run(
        self, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], seconds: float
    ) -> tuple[int, bytes, bytes]:
        """One command to its end: exit status, standard output, standard error.

        Raises:
            subprocess.TimeoutExpired: it took longer and was killed.
        """
        with tempfile.TemporaryDirectory() as scratch:
            out, err = Path(scratch, "out"), Path(scratch, "err")
            self._say({"arguments": list(arguments), "folder": str(folder), "environment": dict(environment),
                       "out": str(out), "err": str(err)})  # fmt: skip
            pid = self._hear(seconds=30)
            try:
                status = self._hear(seconds)
            except TimeoutError:
                os.kill(pid, 9)
                self._hear(seconds=30)
                raise subprocess.TimeoutExpired(list(arguments), seconds, out.read_bytes(), err.read_bytes()) from None
            return status, out.read_bytes(), err.read_bytes()

    def close(self) -> None:
        """End the server."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()

    def _say(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
        self._process.stdin.flush()

    def _hear(self, seconds: float) -> int:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        if not ready:
            raise TimeoutError
        return int(os.read(self._process.stdout.fileno(), 12))


@functools.cache
def command_server() -> CommandServer:
    """The server of this test process, started at the first need."""
    return CommandServer()


def _serve() -> None:
    # Libraries, also those that are loaded late, and rooms below the command line: the command line itself looks at
    # its streams when it is imported.
    import alembic.command  # noqa: F401
    import rich.panel
    import rich.progress
    import rich.table  # noqa: F401
    import typer.rich_utils  # noqa: F401

    import ingestd.daemon.service
    import ingestd.pipeline.examine
    import ingestd.wiring  # noqa: F401

    for line in sys.stdin.buffer:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(request)
            return
        _answer(pid)
        _, status = os.waitpid(pid, 0)
        _answer(os.waitstatus_to_exitcode(status))


def _answer(number: int) -> None:
    os.write(1, b"%12d" % number)


def _become(request: dict[str, Any]) -> None:
    """Turn this process into the command, and end with it."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for name, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), number)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    encoding, _, errors = os.environ["PYTHONIOENCODING"].partition(":")
    sys.stdout = _stream(1, encoding, errors)
    sys.stderr = _stream(2, encoding, "backslashreplace")
    sys.argv = ["ingestd", *request["arguments"]]

    from ingestd.cli.app import main

    main()


def _stream(number: int, encoding: str, errors: str) -> TextIO:
    return os.fdopen(number, "w", encoding=encoding, errors=errors, closefd=False)


if __name__ == "__main__":
    _serve()

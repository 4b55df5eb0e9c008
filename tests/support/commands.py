"""Commands of the program as processes without its start-up time: forked from a server that has its libraries loaded.

Each command is a process of its own with its own arguments, environment, folder, streams and exit status; only reading
Python's modules from disk, most of a second, is spared. Run as a program this is the server: for a line of JSON in that
says what to run the process id comes out, for one that names a process that has ended its exit status.
"""

import atexit
import ctypes
import functools
import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

PROJECT = Path(__file__).resolve().parents[2]


class Forked:
    """A process of the server's, used as one of `subprocess` is."""

    def __init__(self, server: "CommandServer", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._server = server
        self._pidfd = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """The exit status, null while it runs."""
        return self._status(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit status.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        status = self._status(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("ingestd", timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, where it still runs."""
        if self.returncode is None:
            signal.pidfd_send_signal(self._pidfd, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _status(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._pidfd], [], [], seconds)[0]:
            self.returncode = self._server.ask({"ended": self.pid})
            os.close(self._pidfd)
        return self.returncode


class CommandServer:
    """The asking side. `preloaded` is a library that is loaded before libc, for commands whose environment wants it."""

    def __init__(self, preloaded: Path | None = None) -> None:
        environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
        if preloaded is not None:
            environment["LD_PRELOAD"] = str(preloaded)
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
            process = self.start(arguments, folder=folder, environment=environment, out=out, err=err)
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise subprocess.TimeoutExpired(list(arguments), seconds, out.read_bytes(), err.read_bytes()) from None
            return status, out.read_bytes(), err.read_bytes()

    def start(
        self, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], out: Path, err: Path
    ) -> Forked:
        """Begin a command that adds its output to these files."""
        asked = {"arguments": list(arguments), "folder": str(folder), "environment": dict(environment),
                 "out": str(out), "err": str(err)}  # fmt: skip
        return Forked(self, self.ask(asked))

    def ask(self, request: dict[str, Any], seconds: float = 30.0) -> int:
        """The server's answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        if not ready:
            raise TimeoutError
        return int(os.read(self._process.stdout.fileno(), 12))

    def close(self) -> None:
        """End the server."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()


@functools.cache
def command_server(preloaded: Path | None = None) -> CommandServer:
    """The server of this test process, started at the first need; another one for each library."""
    return CommandServer(preloaded)


def _serve() -> None:
    # Libraries, also those that are loaded late, and rooms below the command line: the command line itself looks at
    # its streams when it is imported.
    import alembic.command  # noqa: F401
    import rich.panel
    import rich.progress
    import rich.table  # noqa: F401
    import typer.rich_utils  # noqa: F401

    import ingestd.daemon.logs
    import ingestd.daemon.service
    import ingestd.pipeline.examine
    import ingestd.stores.signing
    import ingestd.wiring  # noqa: F401

    # What is loaded stays: a child that looks through it for garbage would copy all of its pages.
    gc.collect()
    gc.freeze()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "ended" in request:
            _, status = os.waitpid(request["ended"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = os.fork()
            if answer == 0:
                _become(request)
                return
        os.write(1, b"%12d" % answer)


def _become(request: dict[str, Any]) -> None:
    """Turn this process into the command, and end with it."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for name, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    if "LD_PRELOAD" in os.environ:
        ctypes.CDLL(os.environ["LD_PRELOAD"]).learn_faults()
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "utf-8:strict").partition(":")
    sys.stdout = _stream(1, encoding, errors)
    sys.stderr = _stream(2, encoding, "backslashreplace")
    sys.argv = ["ingestd", *request["arguments"]]

    from ingestd.cli.app import main

    main()


def _stream(number: int, encoding: str, errors: str) -> TextIO:
    return os.fdopen(number, "w", buffering=1 if number == 2 else -1, encoding=encoding, errors=errors, closefd=False)


if __name__ == "__main__":
    _serve()

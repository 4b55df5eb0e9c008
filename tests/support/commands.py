"""Commands of the program as processes without its start-up time: forked from a server that has its libraries loaded.

Each command is a process of its own with its own arguments, environment, folder, streams and exit status; only reading
Python's modules from disk, most of a second, is spared. Run as a program this is the server: for a line of JSON in that
says what to run the process id comes out, for one that names a process that has ended its exit status.

The media process of a command is forked likewise, and confines itself as ever. That it loads all it needs before that
is seen where it is started as a program: by daemons, by stations in a test's own process, and in test_media_sandbox.
"""

import atexit
import contextlib
import ctypes
import functools
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, TextIO

PROJECT = Path(__file__).resolve().parents[2]


class Forked:
    """A process used as one of `subprocess` is. `status_of_ended` waits for its end and tells the exit status."""

    def __init__(self, status_of_ended: Callable[[], int], pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status_of_ended = status_of_ended
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
            self.returncode = self._status_of_ended()
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
        pid = self.ask(asked)
        return Forked(lambda: self.ask({"ended": pid}), pid)

    def ask(self, request: dict[str, Any], seconds: float = 120.0) -> int:
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


def load_program() -> None:
    """Load libraries, also those that are loaded late, each command, and what every new station reads."""
    import alembic.command  # noqa: F401
    import rich.panel
    import rich.progress
    import rich.table  # noqa: F401
    import typer.rich_utils  # noqa: F401

    import ingestd.daemon.logs
    import ingestd.daemon.service
    import ingestd.media.worker
    import ingestd.pipeline.examine
    import ingestd.stores.signing
    from ingestd.cli.app import COMMANDS
    from ingestd.config.load import CHECKOUT_FILE, load_all
    from ingestd.stores.database import open_for_writing

    for place in COMMANDS.values():
        importlib.import_module(place.partition(":")[0])
    load_all(CHECKOUT_FILE)
    with tempfile.TemporaryDirectory() as scratch:
        open_for_writing(Path(scratch, "catalogue.sqlite3")).dispose()
    ingestd.media.worker.load_late_parts()
    # What is loaded stays: a child that looks through it for garbage would copy all of its pages.
    gc.collect()
    gc.freeze()


def _serve() -> None:
    load_program()
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
    _learn_faults(os.environ.get("LD_PRELOAD"))
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "utf-8:strict").partition(":")
    sys.stdout = _stream(1, encoding, errors)
    sys.stderr = _stream(2, encoding, "backslashreplace")
    sys.argv = ["ingestd", *request["arguments"]]

    from ingestd.cli import output

    # They look at their streams and the environment when they are made, and those were the server's.
    of_server = (output.console, output.errors)
    importlib.reload(output)
    for shown, anew in zip(of_server, (output.console, output.errors), strict=True):
        vars(shown).update(vars(anew))
    run_to_its_end()


def run_to_its_end() -> NoReturn:
    """Run the command that `sys.argv` names and end the process with it.

    What an interpreter does at its end is done: threads, what was registered, what the command held, its streams. Only
    the loaded modules are not taken apart, for which the pages of all of them would be copied.
    """
    from ingestd.cli.app import main
    from ingestd.media import sandbox

    # A daemon starts its media process anew: it has threads, and is what the tests of that process look at.
    if "run" not in sys.argv[1:2]:
        setattr(sandbox, "subprocess", SimpleNamespace(**vars(subprocess) | {"Popen": _forked_media}))  # noqa: B010
    status: object = 0
    try:
        main()
    except SystemExit as ended:
        status = ended.code
    if status is not None and not isinstance(status, int):
        sys.exit(str(status))
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit((status or 0) & 0xFF)


def _forked_media(
    words: Sequence[str], *, stderr: int, pass_fds: Sequence[int], env: Mapping[str, str], **_: object
) -> Forked:
    """A command's media process, in place of `subprocess.Popen`: forked where its libraries are loaded."""
    assert "ingestd.media.worker" in words
    pid = os.fork()
    if pid == 0:
        try:
            _become_media(words, stderr, pass_fds, env)
        finally:
            # It ends its process by itself, unless it could not begin.
            traceback.print_exc()
            os._exit(1)
    return Forked(lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), pid)


def _become_media(words: Sequence[str], complain: int, kept: Sequence[int], environment: Mapping[str, str]) -> None:
    """Give up all that a new program would not have, but for its libraries, and be it."""
    from ingestd.media.worker import main

    sys.setprofile(None)
    signal.set_wakeup_fd(-1)
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_DFL)
    preloaded = os.environ.get("LD_PRELOAD")
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number, stream in enumerate((nothing, nothing, complain)):
        os.dup2(stream, number)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))
    os.environ.clear()
    os.environ.update(environment)
    _learn_faults(preloaded)
    sys.stderr = _stream(2, "utf-8", "backslashreplace")
    sys.argv = list(words[-3:])
    main()


def _learn_faults(preloaded: str | None) -> None:
    """Let a library that was loaded before libc read the environment that is now."""
    if preloaded is not None:
        ctypes.CDLL(preloaded).learn_faults()


def _stream(number: int, encoding: str, errors: str) -> TextIO:
    return os.fdopen(number, "w", buffering=1 if number == 2 else -1, encoding=encoding, errors=errors, closefd=False)


if __name__ == "__main__":
    _serve()

"""The bureau's own command, called at each change of a bay: a lamp, a buzzer, a message. Never in the copy's way."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from typing import IO

import structlog

from ingestd.core.model import Progress

HOOK_SECONDS = 5.0
_COMPLAINT_BYTES = 300


class BayHook:
    """Runs the command, one at a time for each bay; of the changes that come meanwhile only the last is told.

    Args:
        command: program and arguments; empty for none.
        on_failed: told of each call that could not be made, failed, or took too long.
    """

    def __init__(self, command: Sequence[str], on_failed: Callable[[], None], seconds: float = HOOK_SECONDS) -> None:
        self._command = tuple(command)
        self._on_failed = on_failed
        self._seconds = seconds
        self._lock = threading.Lock()
        self._due: dict[str, Progress] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._is_closed = False

    def use(self, command: Sequence[str]) -> None:
        """From now on call this command."""
        with self._lock:
            self._command = tuple(command)

    def tell(self, progress: Progress) -> None:
        """A bay changed. Returns at once."""
        with self._lock:
            if not self._command or self._is_closed:
                return
            self._due[progress.bay] = progress
            if progress.bay not in self._threads:
                thread = threading.Thread(
                    target=self._work, args=(progress.bay,), name=f"hook {progress.bay}", daemon=True
                )
                self._threads[progress.bay] = thread
                thread.start()

    def close(self) -> None:
        """Call no more; what runs is killed."""
        with self._lock:
            self._is_closed = True
            self._due.clear()
            for process in self._running.values():
                _kill(process)
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(self._seconds)

    def _work(self, bay: str) -> None:
        while True:
            with self._lock:
                progress, command = self._due.pop(bay, None), self._command
                if progress is None:
                    del self._threads[bay]
                    return
            words = self._call(command, progress) if command else ""
            if words and not self._is_closed:
                structlog.get_logger().warning("bay.hook_failed", bay=bay, command=command[0], words=words)
                self._on_failed()

    def _call(self, command: Sequence[str], progress: Progress) -> str:
        """What went wrong, in words; empty when nothing did."""
        # A file and no pipe: a program that leaves children behind could hold a pipe open for ever.
        with tempfile.TemporaryFile() as complaints:
            try:
                with self._lock:
                    if self._is_closed:
                        return ""
                    process = subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=complaints,
                        env={**os.environ, **environment_of(progress)},
                        start_new_session=True,
                    )
                    self._running[progress.bay] = process
            except (OSError, ValueError) as error:
                return f"cannot be started: {error}"
            try:
                status = process.wait(self._seconds)
            except subprocess.TimeoutExpired:
                _kill(process)
                process.wait()
                return f"took longer than {self._seconds:g} s and was killed"
            finally:
                with self._lock:
                    del self._running[progress.bay]
            return "" if status == 0 else f"ended with status {status}: {_last_words(complaints)}"


def environment_of(progress: Progress) -> dict[str, str]:
    """What the command is told, beside the station's own environment."""
    words = {
        "INGESTD_BAY": progress.bay,
        "INGESTD_STATE": str(progress.state),
        "INGESTD_MAY_BE_REMOVED": "1" if progress.may_be_removed else "0",
        "INGESTD_PERCENT": str(progress.percent),
        "INGESTD_MESSAGE": progress.message,
    }
    # A recorder's name may hold what no environment can.
    return {name: text.replace("\0", "\ufffd") for name, text in words.items()}


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """The command with everything that it started; nothing where it has ended by itself."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _last_words(complaints: IO[bytes]) -> str:
    size_bytes = complaints.seek(0, os.SEEK_END)
    complaints.seek(max(0, size_bytes - _COMPLAINT_BYTES))
    return complaints.read().decode("utf-8", "replace").strip()

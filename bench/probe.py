"""`python -m bench.probe ADDRESS SOCKET`: asks a running station until standard input ends.

Prints a line as soon as it asks, and at the end how long the answers took, as JSON. It is a process of its own, so
that the benchmark's work is not in the figures.
"""

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ingestd.core.errors import IngestdError
from ingestd.ipc import ask

PERIOD_SECONDS = 0.05
_LONGEST_SECONDS = 30.0


class Asker:
    """One question again and again, every PERIOD_SECONDS, in a thread of its own.

    Attributes:
        seconds: of each answer. An answer that takes longer than the period also counts for the questions that were due
            meanwhile, each from the moment it was due: those who ask then would wait as well.
        failures: questions that got no answer.
    """

    def __init__(self, question: Callable[[], None], offset_seconds: float) -> None:
        self.seconds: list[float] = []
        self.failures = 0
        self._question = question
        self._offset_seconds = offset_seconds
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the last answer."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.perf_counter() + self._offset_seconds
        while not self._is_over.wait(max(due - time.perf_counter(), 0)):
            asked = time.perf_counter()
            try:
                self._question()
            except (OSError, http.client.HTTPException, IngestdError):
                self.failures += 1
            answered = time.perf_counter()
            self.seconds.append(answered - asked)
            # Counted from the question and not from when it was due: this process may have been woken late.
            due = max(due, asked) + PERIOD_SECONDS
            while due < answered:
                self.seconds.append(answered - due)
                due += PERIOD_SECONDS


def main() -> None:
    """Ask until standard input ends."""
    host, port = sys.argv[1].removeprefix("http://").rsplit(":", 1)
    socket_file = Path(sys.argv[2])

    def page(path: str) -> None:
        connection = http.client.HTTPConnection(host, int(port), timeout=_LONGEST_SECONDS)
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != http.client.OK:
            raise OSError(f"{path} answered {answer.status}")

    # What the machine itself answers: a byte to another process and back, with nothing of the station in between.
    echo = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert echo.stdin is not None and echo.stdout is not None
    there, back = echo.stdin, echo.stdout

    def echoed() -> None:
        there.write(b".")
        back.read(1)

    questions: dict[str, Callable[[], None]] = {
        "GET /healthz": lambda: page("/healthz"),
        "GET /metrics": lambda: page("/metrics"),
        "status": lambda: ask(socket_file, {"op": "status"}),
        "cat (the machine alone)": echoed,
    }
    askers = {
        name: Asker(question, place * PERIOD_SECONDS / len(questions))
        for place, (name, question) in enumerate(questions.items())
    }
    print("asking", flush=True)
    sys.stdin.read()
    for asker in askers.values():
        asker.close()
    there.close()
    echo.wait()
    print(json.dumps({name: {"seconds": one.seconds, "failures": one.failures} for name, one in askers.items()}))


if __name__ == "__main__":
    main()

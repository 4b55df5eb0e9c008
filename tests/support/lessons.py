"""Commands of ingestd on a make-believe USB bus, where a hand plugs in the next device as soon as one was told of.

Run as a program (`umockdev-run -- python -m tests.support.lessons`) it reads lessons as JSON and gives each a fresh bus
and a real process of its own.
"""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from ingestd.cli import app
from ingestd.devices import udev
from tests.support.umockdev import DUMPS, PROJECT, MockBus


@dataclass(frozen=True)
class Lesson:
    """A command; what is plugged in before it starts, and after each line of its output (`interrupt` is Ctrl-C)."""

    words: tuple[str, ...]
    before: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """The lines of standard output, and the exit status."""

    lines: list[str]
    status: int


def give(lessons: dict[str, Lesson]) -> dict[str, Outcome]:
    """Give lessons in a program of their own."""
    command = ["umockdev-run", "--", sys.executable, "-m", "tests.support.lessons"]
    text = json.dumps({name: dataclasses.asdict(lesson) for name, lesson in lessons.items()})
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    return {name: Outcome(**outcome) for name, outcome in json.loads(done.stdout).items()}


def _give(lesson: Lesson) -> Outcome:
    pause = threading.Event()
    bus = MockBus(pace=lambda: bool(pause.wait(0.02)))
    for device in lesson.before:
        bus.plug(device)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _be_the_command(lesson.words, writer)
    os.close(writer)
    lines = []
    orders = iter(lesson.orders)
    with os.fdopen(reader, encoding="utf-8") as output:
        for line in output:
            lines.append(line)
            order = next(orders, None)
            if order == "interrupt":
                os.kill(child, signal.SIGINT)
            elif order is not None:
                bus.plug(order)
    _, status = os.waitpid(child, 0)
    bus.close()
    return Outcome(lines, os.waitstatus_to_exitcode(status))


def _be_the_command(words: tuple[str, ...], output: int) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    # Its own sign of a running udev is not part of this bus.
    udev.UDEV_SIGN = Path(DUMPS)
    sys.argv = ["ingestd", *words]
    status = 0
    try:
        app.main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(status)


def main(lessons: dict[str, dict[str, list[str]]]) -> None:
    outcomes = {name: _give(Lesson(**lesson)) for name, lesson in lessons.items()}  # type: ignore[arg-type]
    print(json.dumps({name: dataclasses.asdict(outcome) for name, outcome in outcomes.items()}))


if __name__ == "__main__":
    main(json.load(sys.stdin))

"""Serves processes that do what a station's job does about disposals, at a time that the environment names."""

import os
from pathlib import Path
from typing import NoReturn

from ingestd.core.clock import from_text
from tests.support.disposal import MovableClock, archive
from tests.support.killed_at import serve
from tests.support.station import Station


def _tick() -> NoReturn:
    """Carry out what is approved, and end the process."""
    clock = MovableClock(from_text(os.environ["DISPOSAL_NOW"]))
    with archive(Station(Path.cwd()), clock) as one:
        one.desk.tick()
    # Not by SystemExit, which the caller would not expect.
    os._exit(0)


if __name__ == "__main__":
    serve(_tick)

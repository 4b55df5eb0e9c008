"""The only reader of time. Everything else is handed a `Clock`, or a time."""

import datetime as dt
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time in UTC and a steady time for durations."""

    def now(self) -> dt.datetime:
        """The wall time, aware, in UTC."""
        ...

    def steady_seconds(self) -> float:
        """Seconds of a clock that never jumps; only differences mean something."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> dt.datetime:
        """The wall time, aware, in UTC."""
        return dt.datetime.now(dt.UTC)

    def steady_seconds(self) -> float:
        """CLOCK_MONOTONIC in seconds."""
        return time.monotonic()


def seconds_since_boot() -> float:
    """CLOCK_BOOTTIME in seconds: nobody can set it, and it counts while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def to_text(moment: dt.datetime) -> str:
    """UTC in ISO 8601 with milliseconds and `Z`, the one way that times are stored and shown to machines.

    Raises:
        ValueError: the moment has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone cannot be stored")
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> dt.datetime:
    """The inverse of `to_text`; any ISO 8601 time with a zone is read.

    Raises:
        ValueError: not a time, or one without a zone.
    """
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return moment.astimezone(dt.UTC)

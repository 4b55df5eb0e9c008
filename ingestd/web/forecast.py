"""How long the store has room: at the rate of the last weeks, with the range that they themselves show. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WEEKS: Final = 13
_WINDOW: Final = 4
"""Weeks over which a rate is taken: one alone says more about holidays than about the store."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Days of room. Null where nothing came in at that rate, or where there are too few weeks to tell.

    Args:
        days: at the rate of the last weeks.
        fewest_days, most_days: at the fastest and the slowest rate that any such weeks of the time had.
        weeks: that were looked at.
    """

    days: float | None
    fewest_days: float | None
    most_days: float | None
    weeks: int

    @property
    def is_known(self) -> bool:
        """Whether there were enough weeks to say anything."""
        return self.weeks >= _WINDOW


def forecast(free_bytes: int, weekly_bytes: Sequence[int]) -> Forecast:
    """How long the room lasts.

    Args:
        weekly_bytes: what came in in each whole week, the latest last; weeks before the first footage left out.
    """
    weeks = len(weekly_bytes)
    if weeks < _WINDOW:
        return Forecast(None, None, None, weeks)
    sums = [sum(weekly_bytes[start : start + _WINDOW]) for start in range(weeks - _WINDOW + 1)]
    return Forecast(_days(free_bytes, sums[-1]), _days(free_bytes, max(sums)), _days(free_bytes, min(sums)), weeks)


def _days(free_bytes: int, window_bytes: int) -> float | None:
    return free_bytes / window_bytes * _WINDOW * 7 if window_bytes else None

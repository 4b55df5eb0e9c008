"""Which fixes of a file cannot be believed, and why."""

import datetime as dt
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ingestd.core.clock import from_text
from ingestd.core.facts import Fix
from ingestd.core.positions import distance_m

QUALITIES: Final[Mapping[str, str]] = {
    "none": "the receiver had no fix",
    "fix": "a fix, of a kind that is not told",
    "2d": "a fix in two dimensions",
    "3d": "a fix in three dimensions",
    "dgps": "a fix with corrections",
    "rtk": "a fix by carrier phase",
    "estimated": "dead reckoning",
    "manual": "typed in",
    "simulated": "of a simulator",
}

DOUBTS: Final[Mapping[str, str]] = {
    "null_island": "0 degrees north, 0 degrees east: what receivers give without a fix",
    "off_globe": "no place of this globe",
    "no_fix": "the receiver itself says that it had no fix",
    "imprecise": "satellites stood so badly that the receiver itself expects hundreds of metres of error",
    "not_measured": "typed in or simulated, by the receiver's own word",
    "date": "dated before any recorder",
    "week_rollover": "dated 1024 weeks too early: the receiver's week counter has rolled over",
    "frozen": "the same place again and again while time or speed runs on",
    "jump": "out of reach of the rest of the track",
}

_NOT_MEASURED = ("manual", "simulated")
_NULL_ISLAND_DEGREES = 0.001
_FASTEST_MPS = 140.0
"""Faster than any train or boat, slower than most errors."""
_SLACK_S, _SLACK_M = 1.0, 50.0
_FROZEN_S, _FROZEN_FIXES = 5.0, 5
_MOVING_MPS = 2.0
_FIRST_ROLLOVER = dt.datetime(1999, 8, 22, tzinfo=dt.UTC)
_ROLLOVER = dt.timedelta(weeks=1024)
_ROLLOVER_SLACK = dt.timedelta(days=3)


def place_doubts(latitude: float, longitude: float) -> tuple[str, ...]:
    """Why a pair of degrees cannot be believed by itself."""
    if abs(latitude) > 90 or abs(longitude) > 180:
        return ("off_globe",)
    is_null = abs(latitude) < _NULL_ISLAND_DEGREES and abs(longitude) < _NULL_ISLAND_DEGREES
    return ("null_island",) if is_null else ()


def judged(fixes: Sequence[Fix], written: dt.datetime | None = None) -> tuple[Fix, ...]:
    """The same fixes, each with the doubts about it. What was doubtful stays so.

    Args:
        fixes: of one file, in its order.
        written: when the file was written by its own container, to know a week that rolled over; null for unknown.
    """
    doubts: list[list[str]] = [[*fix.doubts, *place_doubts(fix.latitude, fix.longitude)] for fix in fixes]
    moments = [_moment(fix.utc) for fix in fixes]
    for fix, own, moment in zip(fixes, doubts, moments, strict=True):
        if fix.quality == "none":
            own.append("no_fix")
        elif fix.quality in _NOT_MEASURED:
            own.append("not_measured")
        if moment is not None and (reason := _date_doubt(moment, written)):
            own.append(reason)
    for source in dict.fromkeys(fix.source for fix in fixes):
        own_places = [place for place, fix in enumerate(fixes) if fix.source == source]
        for place in _frozen(fixes, own_places):
            doubts[place].append("frozen")
        believed = [place for place in own_places if not doubts[place] and not fixes[place].is_doubtful]
        for place in _unreachable([_Moved.of(fixes[one], moments[one], one) for one in believed]):
            doubts[place].append("jump")
    return tuple(
        fix.model_copy(update={"doubts": tuple(dict.fromkeys(own)), "is_doubtful": True}) if own else fix
        for fix, own in zip(fixes, doubts, strict=True)
    )


def _moment(text: str | None) -> dt.datetime | None:
    try:
        return from_text(text) if text is not None else None
    except (ValueError, OverflowError):
        return None


def _date_doubt(moment: dt.datetime, written: dt.datetime | None) -> str | None:
    if written is not None and abs(written - moment - _ROLLOVER) <= _ROLLOVER_SLACK:
        return "week_rollover"
    return "date" if moment < _FIRST_ROLLOVER else None


def _frozen(fixes: Sequence[Fix], places: Sequence[int]) -> Iterable[int]:
    """Fixes behind the first of a run at one place, while the speed says moving or the satellite time stands still."""
    run: list[int] = []
    for place in places:
        if run and _is_same(fixes[run[0]], fixes[place]):
            run.append(place)
            continue
        yield from _of_run(fixes, run)
        run = [place]
    yield from _of_run(fixes, run)


def _is_same(one: Fix, other: Fix) -> bool:
    is_here = (one.latitude, one.longitude) == (other.latitude, other.longitude)
    is_moving = min(one.speed_mps or 0.0, other.speed_mps or 0.0) >= _MOVING_MPS
    has_stopped_clock = one.utc is not None and one.utc == other.utc
    return is_here and (is_moving or has_stopped_clock)


def _of_run(fixes: Sequence[Fix], run: Sequence[int]) -> Sequence[int]:
    if len(run) < _FROZEN_FIXES:
        return ()
    first, last = fixes[run[0]].at_s, fixes[run[-1]].at_s
    if first is None or last is None:
        began, ended = _moment(fixes[run[0]].utc), _moment(fixes[run[-1]].utc)
        if began is None or ended is None:
            return ()
        first, last = began.timestamp(), ended.timestamp()
    return run[1:] if last - first >= _FROZEN_S else ()


@dataclass(frozen=True, slots=True)
class _Moved:
    place: int
    at_s: float | None
    utc_s: float | None
    latitude: float
    longitude: float

    @classmethod
    def of(cls, fix: Fix, moment: dt.datetime | None, place: int) -> "_Moved":
        return cls(place, fix.at_s, moment.timestamp() if moment is not None else None, fix.latitude, fix.longitude)

    def reaches(self, other: "_Moved") -> bool:
        """Whether one could have come from here to there; by the longer of both times, because a cut shortens one."""
        times = []
        if self.at_s is not None and other.at_s is not None:
            times.append(abs(other.at_s - self.at_s))
        if self.utc_s is not None and other.utc_s is not None:
            times.append(abs(other.utc_s - self.utc_s))
        if not times:
            return True
        far = distance_m(self.latitude, self.longitude, other.latitude, other.longitude)
        return far <= _FASTEST_MPS * (max(times) + _SLACK_S) + _SLACK_M


def _unreachable(points: Sequence[_Moved]) -> Iterable[int]:
    """Places of fixes that the longest part of the track, and what hangs together with it, cannot be joined to."""
    runs: list[list[_Moved]] = []
    for point in points:
        if runs and runs[-1][-1].reaches(point):
            runs[-1].append(point)
        else:
            runs.append([point])
    kept: list[int] = []
    for number in sorted(range(len(runs)), key=lambda one: (-len(runs[one]), one)):
        at = bisect_left(kept, number)
        follows = at == 0 or runs[kept[at - 1]][-1].reaches(runs[number][0])
        leads = at == len(kept) or runs[number][-1].reaches(runs[kept[at]][0])
        if follows and leads:
            insort(kept, number)
        else:
            yield from (point.place for point in runs[number])

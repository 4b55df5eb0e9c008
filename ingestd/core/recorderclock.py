"""A recorder's clock over its dockings: how far it was off, how fast it runs away, and what that makes of a recording.

An offset is recorder minus true time, in seconds: a clock that is ahead has a positive one. A reading says between
which figures the offset lay; the original times are never changed by any of it.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, field_serializer

from ingestd.core.clock import to_text
from ingestd.core.findings import Confidence, Finding, Severity, finding
from ingestd.core.siblingclocks import Clocks, beyond_zone_s, moment

POSITION_UNCERTAINTY_S = 2.0
"""Names and positions carry whole seconds, and receivers tell theirs late."""
NAME_UNCERTAINTY_S = 2.0
"""A name has whole seconds, and a FAT time steps of two."""
NORMAL_DRIFT_S_PER_DAY = 5.0
"""Beyond this a clock did not drift, it was set. Crystals run 20 ppm off (2 s a day), 60 ppm in heat or cold."""
ZONE_REST_S = 120.0
"""An offset this close to whole quarters of an hour may be a zone setting."""

_DAY_S = 86_400.0
_GPS_ROLLOVER_S = 1024 * 7 * _DAY_S
_ROLLOVER_REST_S = 2 * _DAY_S
_WIDEST_S = 4 * POSITION_UNCERTAINTY_S
_FIRST_FIX = "no earlier reading; the clock may have been set at the first position fix"


class ClockSource(StrEnum):
    """What a recorder's clock was held against, and how."""

    POSITION = "position"
    """Times in names against position time in the same files."""
    API = "api"
    """The recorder answered what its clock shows."""
    DISPLAY = "display"
    """A person read it from the recorder's display."""
    DOCKING = "docking"
    """Bounds only: the newest file ended before this docking, the oldest new one began after the docking before."""
    DEVICE_INFO = "device_info"
    """A bound only: the recorder wrote this time on its card before it was docked."""

    @property
    def is_bound(self) -> bool:
        """Whether it tells no more than what is possible."""
        return self in (ClockSource.DOCKING, ClockSource.DEVICE_INFO)


class ClockReading(BaseModel):
    """What one source says of a recorder's clock: from `start` to `end` (true time) its offset lay within
    [`least_s`, `most_s`]; null where that side is open.

    `readings` counts what it was read from. `first` and `last` are the recordings that it covers, null where it is of
    none. A reading with a `doubt` (in words) is kept and not reckoned with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: ClockSource
    start: dt.datetime
    end: dt.datetime
    least_s: float | None = None
    most_s: float | None = None
    readings: int = 1
    first: str | None = None
    last: str | None = None
    docking_id: str | None = None
    doubt: str = ""

    @field_serializer("start", "end")
    def _as_stored(self, when: dt.datetime) -> str:
        return to_text(when)

    @property
    def is_measurement(self) -> bool:
        """Whether it bounds the offset on both sides, and nothing speaks against it."""
        return self.least_s is not None and self.most_s is not None and not self.doubt and not self.source.is_bound

    @property
    def middle_s(self) -> float:
        """The middle of a measurement."""
        return ((self.least_s or 0.0) + (self.most_s or 0.0)) / 2


@dataclass(frozen=True, slots=True)
class ClockRun:
    """Measurements between two settings of the clock, in order; at least one.

    `least_drift_s` and `most_drift_s` bound how far the clock runs away a day; null with one measurement, or where they
    do not lie on a line.
    """

    readings: tuple[ClockReading, ...]
    least_drift_s: float | None
    most_drift_s: float | None

    @property
    def start(self) -> dt.datetime:
        """The moment of the first measurement."""
        return self.readings[0].start

    @property
    def end(self) -> dt.datetime:
        """The moment of the last measurement."""
        return max(one.end for one in self.readings)

    def at(self, when: dt.datetime) -> tuple[float, float] | None:
        """Between which figures the offset lay at a moment; null where the measurements contradict each other."""
        slowest = -NORMAL_DRIFT_S_PER_DAY if self.least_drift_s is None else self.least_drift_s
        fastest = NORMAL_DRIFT_S_PER_DAY if self.most_drift_s is None else self.most_drift_s
        least, most = float("-inf"), float("inf")
        for one in self.readings:
            after, before = _days(one.end, when), _days(when, one.start)
            grows = (slowest * after, fastest * after) if after > 0 else (0.0, 0.0)
            if before > 0:
                grows = (-fastest * before, -slowest * before)
            least = max(least, (one.least_s or 0.0) + grows[0])
            most = min(most, (one.most_s or 0.0) + grows[1])
        return (least, most) if least <= most else None


@dataclass(frozen=True, slots=True)
class ClockHistory:
    """All that is known of a recorder's clock. Between two runs it was set. `contradictions` in words."""

    readings: tuple[ClockReading, ...]
    runs: tuple[ClockRun, ...]
    contradictions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CorrectedInterval:
    """When a recording was made by true time: each end within ± `uncertainty_s`. Beside the original times, never for
    them. `offset_s` is what was taken off; `doubts` in words."""

    start: dt.datetime
    end: dt.datetime
    offset_s: float
    uncertainty_s: float
    confidence: Confidence
    sources: tuple[str, ...]
    doubts: tuple[str, ...]

    def document(self) -> dict[str, object]:
        """As JSON."""
        return {
            "start": to_text(self.start),
            "end": to_text(self.end),
            "uncertainty_s": self.uncertainty_s,
            "offset_s": self.offset_s,
            "confidence": self.confidence.value,
            "sources": list(self.sources),
            "doubts": list(self.doubts),
        }


# What is measured


def position_reading(own: Clocks) -> ClockReading | None:
    """The clock of one recording by its own position track; null where its name or its positions tell no time."""
    if own.position_s is None or own.name_s is None:
        return None
    offset_s = own.name_s - own.position_s
    doubt = ""
    rollovers = round(offset_s / _GPS_ROLLOVER_S)
    if rollovers and abs(offset_s - rollovers * _GPS_ROLLOVER_S) <= _ROLLOVER_REST_S:
        doubt = "position time is off by whole 1024 weeks, as receivers count that miss a roll-over"
    return ClockReading(
        source=ClockSource.POSITION,
        start=moment(own.position_s),
        end=moment(own.position_s + (own.duration_s or 0.0)),
        least_s=round(offset_s - POSITION_UNCERTAINTY_S, 3),
        most_s=round(offset_s + POSITION_UNCERTAINTY_S, 3),
        first=own.key,
        last=own.key,
        doubt=doubt,
    )


def position_readings(clocks: Sequence[Clocks]) -> list[ClockReading]:
    """Readings of the recordings of one recorder, those that follow each other and agree drawn together."""
    single = sorted((one for one in map(position_reading, clocks) if one is not None), key=_order)
    drawn: list[ClockReading] = []
    for one in single:
        before = drawn[-1] if drawn else None
        if before is not None and before.doubt == one.doubt and _is_one_setting(before, one):
            both = _together(before, one)
            if (both.most_s or 0.0) - (both.least_s or 0.0) <= _WIDEST_S:
                drawn[-1] = both
                continue
        drawn.append(one)
    return drawn


def _together(before: ClockReading, one: ClockReading) -> ClockReading:
    """Both as one: what either allows."""
    return before.model_copy(
        update={
            "end": max(before.end, one.end),
            "least_s": min(before.least_s or 0.0, one.least_s or 0.0),
            "most_s": max(before.most_s or 0.0, one.most_s or 0.0),
            "readings": before.readings + one.readings,
            "last": one.last,
        }
    )


def docking_reading(
    clocks: Sequence[Clocks], opened_at: dt.datetime, earlier: dt.datetime | None = None
) -> ClockReading | None:
    """What a docking itself bounds; null where no name tells a time.

    Args:
        clocks: recordings whose bytes were first seen at this docking.
        opened_at: of the docking, by the station. What ends behind it by the recorder's clock shows a clock ahead.
        earlier: the docking before of this very card, on whose listing none of these stood; null where there is none,
            or nobody can say that it was the same card.
    """
    named = [one for one in clocks if one.name_s is not None]
    if not named:
        return None
    newest = max(named, key=lambda one: ((one.name_s or 0.0) + (one.duration_s or 0.0), one.key))
    oldest = min(named, key=lambda one: (one.name_s or 0.0, one.key))
    ended_s = (newest.name_s or 0.0) + (newest.duration_s or 0.0)
    most_s = None if earlier is None else (oldest.name_s or 0.0) - earlier.timestamp() + NAME_UNCERTAINTY_S
    return ClockReading(
        source=ClockSource.DOCKING,
        start=opened_at,
        end=opened_at,
        least_s=round(ended_s - opened_at.timestamp() - NAME_UNCERTAINTY_S, 3),
        most_s=None if most_s is None else round(most_s, 3),
        first=oldest.key,
        last=newest.key,
    )


# What follows from it


def clock_history(readings: Sequence[ClockReading]) -> ClockHistory:
    """Put readings of one recorder into runs. The order of the input does not matter; nothing is left out."""
    ordered = tuple(sorted(readings, key=_order))
    groups: list[list[ClockReading]] = []
    for one in ordered:
        if not one.is_measurement:
            continue
        if groups and _is_one_setting(groups[-1][-1], one):
            groups[-1].append(one)
        else:
            groups.append([one])
    runs = tuple(_run(group) for group in groups)
    return ClockHistory(ordered, runs, tuple(_contradictions(ordered)))


def _run(group: Sequence[ClockReading]) -> ClockRun:
    least, most = float("-inf"), float("inf")
    for place, one in enumerate(group):
        for other in group[place + 1 :]:
            days = _days(_middle(one), _middle(other))
            if days > 0:
                least = max(least, ((other.least_s or 0.0) - (one.most_s or 0.0)) / days)
                most = min(most, ((other.most_s or 0.0) - (one.least_s or 0.0)) / days)
    is_line = least <= most and least > float("-inf")
    return ClockRun(tuple(group), least if is_line else None, most if is_line else None)


def _contradictions(readings: Sequence[ClockReading]) -> Iterator[str]:
    """Measurements that a bound of the same docking makes impossible."""
    for bound in readings:
        for one in readings:
            if not bound.source.is_bound or not one.is_measurement or one.docking_id != bound.docking_id:
                continue
            if not _concerns(bound, one):
                continue
            if bound.least_s is not None and (one.most_s or 0.0) < bound.least_s:
                yield f"{one.source}: at most {one.most_s} s; {bound.source}: at least {bound.least_s} s"
            elif bound.most_s is not None and (one.least_s or 0.0) > bound.most_s:
                yield f"{one.source}: at least {one.least_s} s; {bound.source}: at most {bound.most_s} s"


def _concerns(bound: ClockReading, one: ClockReading) -> bool:
    """Whether both are of one setting of the clock: of the docking's own files the same ones."""
    if bound.source is ClockSource.DEVICE_INFO or one.source is not ClockSource.POSITION:
        return True
    is_newest = bound.least_s is not None and one.last == bound.last
    return is_newest or (bound.most_s is not None and one.first == bound.first)


def corrected(
    start: dt.datetime, end: dt.datetime, history: ClockHistory, own: ClockReading | None = None
) -> CorrectedInterval | None:
    """When a recording was made by true time; null where nothing was measured that could say so.

    Args:
        start, end: by the recorder's clock.
        history: of its recorder.
        own: what the recording's own positions say.
    """
    if own is not None and own.is_measurement:
        return _made(start, end, (own.least_s or 0.0, own.most_s or 0.0), Confidence.CERTAIN, [own.source], [])
    bounds: list[tuple[float, float]] = []
    doubts: list[str] = []
    sources: set[ClockSource] = set()
    is_between = False
    for place, run in enumerate(history.runs):
        nearest = min(run.readings, key=lambda one: (abs(_away_s(start, one)), one.start))
        when = start - dt.timedelta(seconds=nearest.middle_s)
        before = history.runs[place - 1].end if place else None
        after = history.runs[place + 1].start if place + 1 < len(history.runs) else None
        if (before is not None and when < before) or (after is not None and when > after):
            continue
        found = run.at(when)
        if found is None:
            doubts.append("the measurements do not fit one clock that runs evenly")
            found = (min(one.least_s or 0.0 for one in run.readings), max(one.most_s or 0.0 for one in run.readings))
        bounds.append(found)
        sources.update(one.source for one in run.readings)
        is_between = run.start <= when <= run.end
        if when < run.start and run.readings[0].source is ClockSource.POSITION:
            doubts.append(_FIRST_FIX)
    if not bounds:
        return None
    if len(bounds) > 1:
        doubts.append("the clock was set between two measurements, and this recording lies between them")
        is_between = False
    confidence = Confidence.LIKELY if is_between and not doubts else Confidence.PROVISIONAL
    widest = (min(least for least, _ in bounds), max(most for _, most in bounds))
    return _made(start, end, widest, confidence, sorted(sources), doubts)


def _made(
    start: dt.datetime,
    end: dt.datetime,
    offset: tuple[float, float],
    confidence: Confidence,
    sources: Sequence[ClockSource],
    doubts: Sequence[str],
) -> CorrectedInterval | None:
    offset_s = (offset[0] + offset[1]) / 2
    try:
        shifted = [when - dt.timedelta(seconds=offset_s) for when in (start, end)]
    except OverflowError:
        return None
    if abs(offset_s) > ZONE_REST_S and is_zone_like(offset_s):
        doubts = [*doubts, "the offset is one of whole quarters of an hour: a zone setting"]
    return CorrectedInterval(
        start=shifted[0],
        end=shifted[1],
        offset_s=round(offset_s, 3),
        uncertainty_s=round((offset[1] - offset[0]) / 2, 3),
        confidence=confidence,
        sources=tuple(source.value for source in sources),
        doubts=tuple(dict.fromkeys(doubts)),
    )


# What is said


def clock_findings(readings: Sequence[ClockReading]) -> tuple[Finding, ...]:
    """`clock.offset` of the readings of one docking or call: where the clock was off for certain, where a reading is
    in doubt, and where sources contradict each other. Information, but for the last."""
    told = [_offset(one) for one in sorted(readings, key=_order) if _is_off(one) or one.doubt]
    against = _contradictions(sorted(readings, key=_order))
    return (*told, *(_contradiction(words) for words in sorted(set(against))))


def _is_off(one: ClockReading) -> bool:
    is_ahead = one.least_s is not None and one.least_s > 0
    return is_ahead or (one.most_s is not None and one.most_s < 0)


def _offset(one: ClockReading) -> Finding:
    is_certain = one.is_measurement and (one.readings > 1 or one.source is not ClockSource.POSITION)
    confidence = Confidence.CERTAIN if is_certain else Confidence.LIKELY
    offset_s = round(one.middle_s, 3) if one.least_s is not None and one.most_s is not None else None
    uncertainty_s = None if offset_s is None else round(((one.most_s or 0.0) - (one.least_s or 0.0)) / 2, 3)
    return finding(
        "clock.offset",
        files=None if one.first is None else tuple(dict.fromkeys((one.first, one.last or one.first))),
        start_utc=to_text(one.start),
        end_utc=to_text(one.end),
        confidence=Confidence.PROVISIONAL if one.doubt else confidence,
        evidence={
            "source": one.source.value,
            "offset_s": offset_s,
            "uncertainty_s": uncertainty_s,
            "least_s": one.least_s,
            "most_s": one.most_s,
            "readings": one.readings,
            "is_zone_like": offset_s is not None and abs(offset_s) > ZONE_REST_S and is_zone_like(offset_s),
            "doubt": one.doubt or None,
        },
    )


def _contradiction(words: str) -> Finding:
    return finding(
        "clock.offset",
        severity=Severity.NOTICE,
        confidence=Confidence.PROVISIONAL,
        evidence={"contradiction": words, "note": "one of the sources is wrong; neither was preferred"},
        innocent_explanation="the station's own clock, or a position receiver without a good fix",
    )


def is_zone_like(offset_s: float) -> bool:
    """Whether an offset may be a zone setting: whole quarters of an hour, up to 14 hours, and little more."""
    return abs(beyond_zone_s(offset_s)) <= ZONE_REST_S


def setting_moments(history: ClockHistory) -> list[tuple[dt.datetime, dt.datetime, float]]:
    """Between which moments the clock was set, and by how many seconds."""
    return [
        (before.end, after.start, round(after.readings[0].middle_s - before.readings[-1].middle_s, 3))
        for before, after in pairwise(history.runs)
    ]


def _is_one_setting(before: ClockReading, after: ClockReading) -> bool:
    """Whether drift alone leads from one measurement to the next."""
    slack_s = NORMAL_DRIFT_S_PER_DAY * max(0.0, _days(before.end, after.start))
    return (after.least_s or 0.0) <= (before.most_s or 0.0) + slack_s and (after.most_s or 0.0) >= (
        before.least_s or 0.0
    ) - slack_s


def _away_s(start: dt.datetime, one: ClockReading) -> float:
    when = (start - dt.timedelta(seconds=one.middle_s)).timestamp()
    return max(one.start.timestamp() - when, when - one.end.timestamp(), 0.0)


def _middle(one: ClockReading) -> dt.datetime:
    return one.start + (one.end - one.start) / 2


def _days(start: dt.datetime, end: dt.datetime) -> float:
    return (end - start).total_seconds() / _DAY_S


def _order(one: ClockReading) -> tuple[dt.datetime, dt.datetime, str, str, str, float, float]:
    told = (one.source.value, one.docking_id or "", one.first or "")
    return (one.start, one.end, *told, one.least_s or 0.0, one.most_s or 0.0)

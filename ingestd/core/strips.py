"""What a picture of takes shows, before anybody draws it: strips of files, holes in them, and numbered marks."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ingestd.core.continuity import Cause, Interruption, Portion, Sign, Statement


@dataclass(frozen=True, slots=True)
class Mark:
    """One numbered thing of a strip. `start`/`end` are null for what has no place in it; `interruption` is null for
    what is recorded but impaired or in doubt, `sign` for what no finding speaks of."""

    number: int
    start: dt.datetime | None
    end: dt.datetime | None
    interruption: Interruption | None
    sign: Sign | None


@dataclass(frozen=True, slots=True)
class Strip:
    """One take: its statement, and its marks in order."""

    take_id: str | None
    statement: Statement
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """All strips of what was asked about; times are shown in `zone`."""

    title: str
    bureau: str
    zone: ZoneInfo
    strips: tuple[Strip, ...]

    @property
    def start(self) -> dt.datetime:
        """The first moment shown."""
        return min(one.statement.start for one in self.strips)

    @property
    def end(self) -> dt.datetime:
        """The last moment shown."""
        return max(one.statement.end for one in self.strips)


def strip_of(take_id: str | None, statement: Statement) -> Strip:
    """The strip of a take: interruptions first to last, then what is impaired, then doubts."""
    portions = {one.key: one for one in statement.portions}
    things = [*_interruptions(statement), *_others(statement, portions)]
    marks = (Mark(number, *thing) for number, thing in enumerate(things, start=1))
    return Strip(take_id, statement, tuple(marks))


_Thing = tuple[dt.datetime | None, dt.datetime | None, Interruption | None, Sign | None]


def _interruptions(statement: Statement) -> Iterator[_Thing]:
    for one in statement.interruptions:
        if one.cause is Cause.FINDING:
            yield from ((one.start, one.end, one, sign) for sign in one.signs)
        elif one.cause is Cause.NOT_RECORDED:
            yield one.start, one.end, one, None


def _others(statement: Statement, portions: dict[str, Portion]) -> Iterator[_Thing]:
    for sign in (*statement.impaired, *statement.doubts):
        portion = portions.get(sign.about[-1]) if len(sign.about) == 1 else None
        if portion is None or sign.start_s is None:
            yield (portion.start if portion else sign.start), (portion.end if portion else sign.end), None, sign
            continue
        first = portion.start + dt.timedelta(seconds=sign.start_s)
        last = portion.end if sign.end_s is None else portion.start + dt.timedelta(seconds=sign.end_s)
        yield min(first, portion.end), min(last, portion.end), None, sign


TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def ticks(start: dt.datetime, end: dt.datetime, zone: ZoneInfo, most: int) -> list[dt.datetime]:
    """Round moments of the wall clock inside a span, evenly apart, at most so many; whole days beyond two months."""
    span_s = (end - start).total_seconds()
    days = max(1, round(span_s / 86400 / most + 0.5))
    step_s = next((one for one in TICKS_S if span_s / one <= most), 86400 * days)
    midnight = start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    gone_s = (start - midnight).total_seconds()
    at = midnight + dt.timedelta(seconds=step_s * -(-gone_s // step_s))
    found: list[dt.datetime] = []
    while at <= end and len(found) <= most:
        found.append(at.astimezone(zone))
        at += dt.timedelta(seconds=step_s)
    return found

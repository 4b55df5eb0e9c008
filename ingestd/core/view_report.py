"""The periodic report of views (调阅监督, 海洋 31): who saw how much, without a request, outside office hours. Pure."""

import calendar
import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingestd.core.clock import from_text

_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_QUARTER: Final = re.compile(r"(\d{4})-Q([1-4])")
_WORKDAYS: Final = 5


@dataclass(frozen=True, slots=True)
class Period:
    """A month (`2026-03`) or a quarter (`2026-Q1`) of the bureau's calendar; `end` is the first day after it."""

    name: str
    start: dt.date
    end: dt.date

    def moments(self, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
        """Its first moment and the first after it, in UTC."""
        return tuple(  # type: ignore[return-value]
            dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC) for day in (self.start, self.end)
        )


def period_of(name: str) -> Period | None:
    """A period by its name; null for what names none."""
    if found := _MONTH.fullmatch(name):
        year, month = int(found[1]), int(found[2])
        return _months(name, year, month, 1)
    if found := _QUARTER.fullmatch(name):
        return _months(name, int(found[1]), int(found[2]) * 3 - 2, 3)
    return None


def month_of(day: dt.date) -> str:
    """The name of a day's month."""
    return f"{day.year}-{day.month:02}"


def quarter_of(day: dt.date) -> str:
    """The name of a day's quarter."""
    return f"{day.year}-Q{(day.month + 2) // 3}"


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """From the first to before the second hour, Monday to Friday; public holidays are not known here."""

    first: int = 8
    last: int = 18

    def has(self, moment: dt.datetime) -> bool:
        """Whether a local moment lies in them."""
        return moment.weekday() < _WORKDAYS and self.first <= moment.hour < self.last


@dataclass(slots=True)
class Line:
    """What one person, or all together, did in a period. `recordings` are different ones."""

    unit: str = ""
    person: str = ""
    views: int = 0
    downloads: int = 0
    without_request: int = 0
    in_samples: int = 0
    outside_hours: int = 0
    recordings: int = 0


@dataclass(frozen=True, slots=True)
class ViewReport:
    """The report: a line a person, in the order of units and names; a line a unit; and one for all."""

    persons: tuple[Line, ...]
    units: tuple[Line, ...]
    total: Line


@dataclass
class _Tally:
    line: Line
    seen: set[str] = field(default_factory=set)

    def add(self, row: Mapping[str, Any], *, is_outside: bool) -> None:
        self.line.views += 1
        self.line.downloads += row["kind"] == "download"
        self.line.without_request += row["request"] is None and row["sample"] is None
        self.line.in_samples += row["sample"] is not None
        self.line.outside_hours += is_outside
        self.seen.add(row["recording_id"])
        self.line.recordings = len(self.seen)


def report_of(views: Iterable[Mapping[str, Any]], zone: ZoneInfo, hours: OfficeHours) -> ViewReport:
    """The report of these views."""
    persons: dict[tuple[str, str], _Tally] = {}
    units: dict[str, _Tally] = defaultdict(lambda: _Tally(Line()))
    total = _Tally(Line())
    for row in views:
        is_outside = not hours.has(from_text(row["at"]).astimezone(zone))
        unit, person = row["unit"], row["person"]
        tally = persons.setdefault((unit, person), _Tally(Line(unit=unit, person=person)))
        units[unit].line.unit = unit
        for one in (tally, units[unit], total):
            one.add(row, is_outside=is_outside)
    return ViewReport(
        persons=tuple(persons[key].line for key in sorted(persons)),
        units=tuple(units[key].line for key in sorted(units)),
        total=total.line,
    )


def _months(name: str, year: int, month: int, count: int) -> Period | None:
    if year < dt.MINYEAR + 1 or year >= dt.MAXYEAR:
        return None
    last = month + count - 1
    end = dt.date(year, last, calendar.monthrange(year, last)[1]) + dt.timedelta(days=1)
    return Period(name, dt.date(year, month, 1), end)

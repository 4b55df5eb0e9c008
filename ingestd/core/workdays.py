"""Working days: weekends, public holidays and make-up workdays as the bureau's calendar has them, and terms in them.

A calendar that names nothing of a year knows only its weekends: a term over a holiday is then shown too short, and one
over a weekend that was made a workday too long. Whoever shows a day says so (`Workdays.knows`).
"""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_SATURDAY = 5
_LONGEST_SEARCH = dt.timedelta(days=366)
"""No bureau rests for a year; a calendar in which it does ends the search there."""

Span = tuple[dt.date, dt.date]
"""First and last day, both within."""


class WorkYear(BaseModel):
    """What differs from the week in one year, as the State Council's notice of that year has it.

    `holidays` are days off, weekends in them or not; `make_up` are weekend days that are worked (调休上班).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    year: Annotated[int, Field(ge=2000, le=2199)]
    source: Annotated[str, Field(min_length=1, max_length=500)]
    holidays: frozenset[dt.date] = frozenset()
    make_up: frozenset[dt.date] = frozenset()

    @model_validator(mode="after")
    def _days_make_sense(self) -> Self:
        foreign = sorted(day for day in self.holidays | self.make_up if day.year != self.year)
        if foreign:
            raise ValueError(f"{foreign[0]} is no day of {self.year}; write it under its own year")
        both = sorted(self.holidays & self.make_up)
        if both:
            raise ValueError(f"{both[0]} is a holiday and a workday; take it out of one of the two")
        worked = sorted(day for day in self.make_up if day.weekday() < _SATURDAY)
        if worked:
            raise ValueError(f"make_up has {worked[0]}, which is no weekend day; take it out")
        return self


class Workdays(BaseModel):
    """The calendar of a bureau (`workdays.toml`). Pure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    years: Annotated[tuple[WorkYear, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _years_differ(self) -> Self:
        named = [one.year for one in self.years]
        twice = sorted({year for year in named if named.count(year) > 1})
        if twice:
            raise ValueError(f"{twice[0]} is there twice; write one of them")
        return self

    def knows(self, year: int) -> bool:
        """Whether the holidays of a year are entered."""
        return any(one.year == year for one in self.years)

    def is_workday(self, day: dt.date) -> bool:
        """Whether people work on a day."""
        known = next((one for one in self.years if one.year == day.year), None)
        if known is not None and day in known.make_up:
            return True
        return day.weekday() < _SATURDAY and (known is None or day not in known.holidays)

    def last_day(self, start: dt.date, workdays: int, paused: Sequence[Span] = ()) -> dt.date:
        """The last day of a term of so many working days. The day on which it starts is not counted (民法典 201).

        Args:
            start: the day of the event.
            workdays: one at least.
            paused: spans of days of which none is counted.

        Raises:
            ValueError: the calendar has no such day.
        """
        if workdays < 1:
            raise ValueError("a term has one day at least")
        day, counted, latest = start, 0, _end_of(paused, start)
        while counted < workdays:
            if day - latest > _LONGEST_SEARCH or day == dt.date.max:
                raise ValueError("the calendar has no workday for a year")
            day += dt.timedelta(days=1)
            if self.is_workday(day) and not any(first <= day <= last for first, last in paused):
                counted += 1
                latest = day
        return day

    def between(self, after: dt.date, until: dt.date) -> int:
        """Working days behind one day, up to and with another; negative where the other lies before."""
        if until < after:
            return -self.between(until, after)
        days = (until - after).days
        return sum(self.is_workday(after + dt.timedelta(days=number)) for number in range(1, days + 1))


def _end_of(paused: Sequence[Span], start: dt.date) -> dt.date:
    return max((last for _, last in paused if last > start), default=start)

"""Days of the bureau's zone: when one ends, and the last day of a term (民法典 201-203)."""

import datetime as dt
from zoneinfo import ZoneInfo


def add_term(day: dt.date, *, years: int, months: int) -> dt.date:
    """The last day of a term that starts on `day`: the day of the same number (民法典 201, 202; the first day is free).

    Where the month has no such day, 民法典 202 takes the month's last day; here the first of the next month is taken,
    one day more, because keeping errs on the long side: 31 January + 1 month is 1 March, 29 February + 1 year also.

    Raises:
        ValueError: the term ends beyond the calendar.
    """
    index = day.year * 12 + (day.month - 1) + years * 12 + months
    try:
        return dt.date(index // 12, index % 12 + 1, day.day)
    except ValueError:
        index += 1
        return dt.date(index // 12, index % 12 + 1, 1)


def end_of_day(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The moment in UTC when the day ends in the zone (民法典 203: 二十四时), which is the next day's first.

    Where clocks are turned at midnight, that hour is there twice or not at all: the later reading is taken.

    Raises:
        OverflowError: the day is the calendar's last.
    """
    midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), zone)
    return max(midnight.replace(fold=fold).astimezone(dt.UTC) for fold in (0, 1))

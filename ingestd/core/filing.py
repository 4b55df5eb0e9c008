"""Until when a case file must be filed, and whether it was. Pure.

30 days (海洋 28, 民政 30¶1, 民宗 19, 卫健 27), the end of the year (民宗 20), or a target of the bureau's own where the
regulation says only 及时 (江门 39). The day on which the act of enforcement ended is not counted (民法典 201). A last
day that is a public holiday is not moved to the next working day (民法典 203), because no calendar of holidays is at
hand: the day shown is never too late.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ingestd.core.case_rules import FilingCount, FilingRule
from ingestd.core.cases import Case


class FilingState(StrEnum):
    """Where a case stands against one rule."""

    RUNNING = "running"
    """The act of enforcement has not ended, as far as the case says: nothing is counted yet."""
    DUE = "due"
    MET = "met"
    LATE = "late"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _STATE_WORDS[self]


_STATE_WORDS = {
    FilingState.RUNNING: "not concluded · 未终结",
    FilingState.DUE: "due · 待归档",
    FilingState.MET: "filed in time · 按期归档",
    FilingState.LATE: "LATE · 逾期",
}


@dataclass(frozen=True, slots=True)
class Filing:
    """A case against one rule.

    `due_on` is the last day that is in time, the bureau's own; null while nothing is counted. `days_left` is negative
    where that day is past; null where the case is filed or nothing is counted. `is_by_other_law`: the case names a day
    of its own, to which the clause gives way.
    """

    rule: FilingRule
    state: FilingState
    due_on: dt.date | None = None
    days_left: int | None = None
    is_by_other_law: bool = False


def filing_of(case: Case, rules: Sequence[FilingRule], *, today: dt.date) -> tuple[Filing, ...]:
    """Where a case stands against each filing rule of its regime, the earliest day first.

    Args:
        rules: of the regime.
        today: the bureau's own day, in its zone.
    """
    filings = [_against(case, rule, today) for rule in rules]
    return tuple(sorted(filings, key=lambda one: (one.due_on is None, one.due_on or dt.date.max)))


def _against(case: Case, rule: FilingRule, today: dt.date) -> Filing:
    if case.concluded_on is None:
        # A case file that is closed without a day of conclusion cannot be held against a count from that day.
        return Filing(rule, FilingState.RUNNING)
    by_law = case.filing_due_on if rule.yields_to_law else None
    due_on = by_law or _last_day(case.concluded_on, rule)
    if case.closed_on is not None:
        state = FilingState.MET if case.closed_on <= due_on else FilingState.LATE
        return Filing(rule, state, due_on, is_by_other_law=by_law is not None)
    left = (due_on - today).days
    state = FilingState.DUE if left >= 0 else FilingState.LATE
    return Filing(rule, state, due_on, left, is_by_other_law=by_law is not None)


def _last_day(concluded_on: dt.date, rule: FilingRule) -> dt.date:
    if rule.counts is FilingCount.YEAR_END:
        return dt.date(concluded_on.year, 12, 31)
    try:
        return concluded_on + dt.timedelta(days=rule.days)
    except OverflowError:
        return dt.date.max

"""What a case register is asked about duties: coverage, filing, suggestions, and how many stand open in each unit."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.core.case_suggestions import (
    NEAR,
    FootageFacts,
    Suggestion,
    SuggestionReason,
    complaint_reasons,
    suggestions_of,
)
from ingestd.core.cases import Case, CaseOfficer, Complaint
from ingestd.core.clock import from_text
from ingestd.core.coverage import ActivityCoverage, CoverageState, coverage_of
from ingestd.core.filing import Filing, FilingState, filing_of
from ingestd.core.regime import Regime
from ingestd.stores.cases import CaseRegister, Row

_MOST_VALUES = 500
_ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CaseStanding:
    """A case against its regime. `unassigned` are linked to the case and to none of its activities."""

    case: Case
    coverage: tuple[ActivityCoverage, ...]
    filings: tuple[Filing, ...]
    unassigned: tuple[str, ...]

    @property
    def missing(self) -> tuple[ActivityCoverage, ...]:
        """Activities without the footage that the regime asks for."""
        return tuple(one for one in self.coverage if one.state is CoverageState.MISSING)

    @property
    def is_unfiled(self) -> bool:
        """Whether the act of enforcement ended and the file is not filed."""
        return any(one.state in (FilingState.DUE, FilingState.LATE) for one in self.filings) and self.case.is_open

    @property
    def is_late(self) -> bool:
        """Whether a day for filing is past and the file is still not filed."""
        return self.case.is_open and any(one.state is FilingState.LATE for one in self.filings)


def standings(
    register: CaseRegister, cases: Sequence[Case], regime: Regime, *, now: dt.datetime, zone: ZoneInfo
) -> list[CaseStanding]:
    """Where cases stand against their regime, in the order given."""
    # Many at once are read whole: a statement takes only so many values.
    numbers = [case.number for case in cases] if len(cases) <= _MOST_VALUES else None
    footage = register.footage_by_activity(numbers)
    today = now.astimezone(zone).date()
    return [
        CaseStanding(
            case=case,
            coverage=coverage_of(
                case, footage.get(case.number, {}), rules=regime.coverage, absence=regime.absence, now=now
            ),
            filings=filing_of(case, regime.filing, today=today),
            unassigned=tuple(footage.get(case.number, {}).get("", ())),
        )
        for case in cases
    ]


def uncovered_by_unit(found: Iterable[CaseStanding]) -> dict[str, int]:
    """Activities without the footage that the regime asks for, by unit; a case without a unit counts under the empty
    name."""
    counts: Counter[str] = Counter()
    for one in found:
        counts[one.case.unit] += len(one.missing)
    return dict(counts)


def unfiled_by_unit(found: Iterable[CaseStanding]) -> dict[str, tuple[int, int]]:
    """Cases that ended and are not filed, by unit: all of them, and those whose day is past."""
    counts: dict[str, tuple[int, int]] = {}
    for one in found:
        unfiled, late = counts.get(one.case.unit, (0, 0))
        counts[one.case.unit] = (unfiled + one.is_unfiled, late + one.is_late)
    return counts


def unlinked_footage_of(register: CaseRegister, case: Case, *, zone: ZoneInfo, today: dt.date) -> list[Row]:
    """Footage of a case's officers on its days that is linked to no case, in order of time.

    Its days are those of its activities; where none has a time, those from its opening to its conclusion.
    """
    found: dict[str, Row] = {}
    for first, last in _spans_of(case, zone, today):
        start, end = _midnight(first, zone), _midnight(last + _ONE_DAY, zone)
        for row in register.unlinked_between(start, end):
            if _shares_an_officer(officers_of(row), case.all_officers):
                found[row["recording_id"]] = row
    return sorted(found.values(), key=lambda row: (row["recorded_start"], row["recording_id"]))


def suggested(
    register: CaseRegister, rows: Iterable[Row], *, zone: ZoneInfo, today: dt.date
) -> list[tuple[Row, tuple[Suggestion, ...]]]:
    """For rows of footage the cases that they may belong to; those without any are left out."""
    cases = register.cases()
    found = []
    for row in rows:
        linked = {(one.case_number, one.activity_id) for one in register.cases_of(row["recording_id"])}
        made = suggestions_of(footage_facts(row), cases, linked=linked, zone=zone, today=today)
        if made:
            found.append((row, made))
    return found


def footage_of_complaint(
    register: CaseRegister, complaint: Complaint
) -> list[tuple[Row, tuple[SuggestionReason, ...]]]:
    """Footage that a complaint suggests to hold (民宗 21(一), 江门 44(一)), with the reasons, in order of time."""
    found: dict[str, tuple[Row, tuple[SuggestionReason, ...]]] = {}
    rows: list[Row] = []
    if complaint.case_number is not None:
        rows += register.footage_of(register.recordings_of(complaint.case_number))
    if complaint.happened_from is not None:
        until = complaint.happened_until or complaint.happened_from
        rows += register.footage_between(complaint.happened_from - NEAR, until + NEAR)
    for row in rows:
        numbers = {one.case_number for one in register.cases_of(row["recording_id"])}
        reasons = complaint_reasons(footage_facts(row), complaint, numbers)
        if reasons:
            found[row["recording_id"]] = (row, reasons)
    return sorted(found.values(), key=lambda one: (one[0]["recorded_start"], one[0]["recording_id"]))


def footage_facts(row: Row) -> FootageFacts:
    """What a row of footage says to who looks for its case. Of its places those that it lies in, not those near it."""
    place = (row["tags"] or {}).get("place") or {}
    return FootageFacts(
        recording_id=row["recording_id"],
        start=from_text(row["recorded_start"]),
        end=from_text(row["recorded_end"]),
        officers=officers_of(row),
        places=tuple(one["name"] for one in place.get("places", ()) if not one["distance_m"]),
    )


def officers_of(row: Row) -> tuple[CaseOfficer, ...]:
    """The officers of a row of footage, as the roster named them."""
    named: list[dict[str, Any]] = (row["tags"] or {}).get("officers") or []
    return tuple(CaseOfficer(one.get("officer") or "", one.get("certificate") or "") for one in named)


def _shares_an_officer(mine: Iterable[CaseOfficer], theirs: Sequence[CaseOfficer]) -> bool:
    return any(
        one.certificate == other.certificate if one.certificate and other.certificate else one.name == other.name
        for one in mine
        for other in theirs
    )


def _spans_of(case: Case, zone: ZoneInfo, today: dt.date) -> list[tuple[dt.date, dt.date]]:
    spans = []
    for activity in case.activities:
        if activity.began_at is not None:
            first = activity.began_at.astimezone(zone).date()
            last = (activity.ended_at or activity.began_at).astimezone(zone).date()
            spans.append((first, last))
    if spans:
        return spans
    return [(case.opened_on, case.concluded_on or case.closed_on or today)] if case.opened_on is not None else []


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)

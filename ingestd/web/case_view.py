"""A case as its page shows it: against its matrix, its days for filing, its footage, and what may belong to it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ingestd.casework.case_footage import SuggestedFootage, footage_for
from ingestd.casework.case_questions import CaseStanding, standings
from ingestd.core.case_rules import Category, FilingRule
from ingestd.core.cases import Case, CaseLink
from ingestd.core.clock import to_text
from ingestd.core.coverage import ActivityCoverage, CoverageState
from ingestd.core.errors import NotFoundError
from ingestd.core.filing import Filing, FilingState
from ingestd.core.holds import CaseScope, Hold
from ingestd.stores.cases import Row
from ingestd.web.scope import may_see_case, seen
from ingestd.web.visit import Visit
from ingestd.web.words import half
from ingestd.wiring import open_case_pages, open_cases, open_catalogue, open_holds

MOST_LINKS: Final = 200
MOST_SUGGESTED: Final = 50
_SOON_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class LinkedRow:
    """A link with what is known of its recording; `row` is null where whoever asks may not see it."""

    link: CaseLink
    row: Mapping[str, Any] | None

    @property
    def name(self) -> str:
        """The file's name, else the end of the id."""
        path = self.row["card_path"] if self.row is not None else ""
        return str(path).rpartition("/")[2] or self.link.recording_id[-12:]


@dataclass(frozen=True, slots=True)
class CaseView:
    """Everything that a page of one case shows.

    Args:
        links: at most `MOST_LINKS`; `link_count` are all.
        suggested: null where the case names no time, so that nothing can be looked for.
    """

    case: Case
    standing: CaseStanding
    links: tuple[LinkedRow, ...]
    link_count: int
    suggested: tuple[SuggestedFootage, ...]
    holds: tuple[Hold, ...]
    complaints: tuple[str, ...]
    history: tuple[Row, ...]

    def of_activity(self, activity_id: str) -> list[LinkedRow]:
        """The links of one activity."""
        return [one for one in self.links if one.link.activity_id == activity_id]

    @property
    def lacking(self) -> tuple[ActivityCoverage, ...]:
        """Activities for which the file cannot be filed yet."""
        return tuple(
            one for one in self.standing.coverage if one.state in (CoverageState.MISSING, CoverageState.AWAITED)
        )


def visible_case(visit: Visit, number: str) -> Case:
    """A case that is in the scope of whoever asks.

    Raises:
        NotFoundError: there is none, or it is another unit's.
    """
    case = open_cases(visit.console.settings).find(number)
    if case is None or not may_see_case(visit, case):
        raise NotFoundError(visit.t("Case {0} is not in the register.").format(number))
    return case


def case_view(visit: Visit, case: Case) -> CaseView:
    """What the page of a case shows, as far as whoever asks may see it."""
    settings = visit.console.settings
    register, pages, holds = open_cases(settings), open_case_pages(settings), open_holds(settings)
    zone, now = settings.station.zone_info, visit.console.clock.now()
    today = now.astimezone(zone).date()
    (standing,) = standings(register, [case], visit.console.configuration.regime, now=now, zone=zone)
    links = register.links_of(case.number)
    recordings = sorted({one.recording_id for one in links})
    shown = links[:MOST_LINKS]
    rows = _rows_of(visit, [one.recording_id for one in shown])
    suggested = footage_for(register, pages, case, zone=zone, today=today) if case.is_open else []
    visible = {str(row["recording_id"]) for row in seen(visit, [one.row for one in suggested])}
    caught = {hold.hold_id: hold for some in holds.of(recordings).values() for hold in some}
    caught |= {hold.hold_id: hold for hold in holds.standing() if _is_about(hold, case.number)}
    return CaseView(
        case=case,
        standing=standing,
        links=tuple(LinkedRow(one, rows.get(one.recording_id)) for one in shown),
        link_count=len(links),
        suggested=tuple(one for one in suggested if one.row["recording_id"] in visible)[:MOST_SUGGESTED],
        holds=tuple(caught[number] for number in sorted(caught)),
        complaints=tuple(pages.complaints_of(case.number)),
        # A complaint may have the same number, and its own history.
        history=tuple(row for row in reversed(register.history(case.number)) if row["act"].startswith("case.")),
    )


def filing_mark(visit: Visit, filing: Filing) -> tuple[str, str]:
    """Where a case stands against one rule: the colour of its mark, and words with the days left."""
    match filing.state:
        case FilingState.RUNNING:
            return "", visit.t("not ended")
        case FilingState.MET:
            return "good", visit.t("filed in time")
    if filing.days_left is None:
        return "bad", visit.t("filed late")
    if filing.days_left < 0:
        return "bad", visit.t("{0} days late").format(-filing.days_left)
    colour = "warn" if filing.days_left <= _SOON_DAYS else "accent"
    return colour, visit.t("{0} days left").format(filing.days_left)


def coverage_mark(one: ActivityCoverage) -> str:
    """The colour of an activity's mark."""
    return {CoverageState.COVERED: "good", CoverageState.EXCUSED: "accent", CoverageState.MISSING: "bad"}.get(
        one.state, ""
    )


def filing_rule_words(visit: Visit, rule: FilingRule) -> str:
    """Which rule it is, in short."""
    if rule.days:
        return visit.t("within {0} days of the end").format(rule.days)
    return visit.t("by the end of the year")


def category_words(visit: Visit, category: str, categories: Sequence[Category]) -> str:
    """A kind of enforcement in the language of whoever asks."""
    known = next((one for one in categories if one.id == category), None)
    return half(known.shown, visit.language) if known is not None else category


def local_minute(visit: Visit, moment: dt.datetime | None) -> str:
    """A moment as a field for date and time has it."""
    zone = visit.console.settings.station.zone_info
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if moment is not None else ""


def text_of(moment: dt.datetime | None) -> str | None:
    """A moment as the filters of templates take it."""
    return to_text(moment) if moment is not None else None


def _rows_of(visit: Visit, recordings: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    settings = visit.console.settings
    known = {row["recording_id"]: row for row in open_cases(settings).footage_of(recordings)}
    rest = [one for one in recordings if one not in known]
    paths = open_catalogue(settings).card_paths(rest) if rest else {}
    rows: list[Mapping[str, Any]] = [*known.values()]
    rows += [{"recording_id": one, "card_path": path, "recorded_start": None} for one, path in paths.items()]
    return {str(row["recording_id"]): row for row in seen(visit, rows)}


def _is_about(hold: Hold, number: str) -> bool:
    return isinstance(hold.scope, CaseScope) and hold.scope.number == number

"""Until when a case file is filed, by the article of each of the five regulations, to the day."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingestd.config.load import load_regimes
from ingestd.core.case_rules import FilingCount, FilingRule
from ingestd.core.cases import Case
from ingestd.core.clauses import Basis
from ingestd.core.filing import Filing, FilingState, filing_of

REGIMES = load_regimes(Path(__file__).parent.parent / "config" / "regimes")
ARTICLES = {
    "marine": "第二十八条",
    "civil_affairs": "第三十条第一款",
    "ethnic_religious": "第十九条",
    "health": "第二十七条",
}


def day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def filings(
    regime: str, concluded: str | None, today: str, *, closed: str | None = None, by_law: str | None = None
) -> dict[str, Filing]:
    case = Case("1", concluded_on=day(concluded), closed_on=day(closed), filing_due_on=day(by_law), filing_basis="法")
    found = filing_of(case, REGIMES[regime].filing, today=dt.date.fromisoformat(today))
    return {one.rule.id: one for one in found}


@pytest.mark.parametrize(("regime", "article"), ARTICLES.items())
def test_marine_28_civil_30_ethnic_19_health_27_give_thirty_days_from_the_end_of_the_act(
    regime: str, article: str
) -> None:
    filing = filings(regime, "2026-03-02", "2026-03-02")["thirty_days"]
    assert (filing.due_on, filing.days_left) == (dt.date(2026, 4, 1), 30)
    assert (filing.rule.article, filing.rule.basis, filing.rule.is_soft) == (article, Basis.LAW, False)


@pytest.mark.parametrize(
    ("concluded", "due"),
    [
        ("2026-01-31", "2026-03-02"),
        ("2026-01-29", "2026-02-28"),
        ("2028-01-30", "2028-02-29"),
        ("2028-01-31", "2028-03-01"),
        ("2028-02-29", "2028-03-30"),
        ("2026-12-15", "2027-01-14"),
        ("2026-04-30", "2026-05-30"),
    ],
    ids=["month end", "into February", "leap day is the last", "over the leap day", "from the leap day", "year", "May"],
)
def test_thirty_days_are_counted_through_month_ends_and_the_leap_day(concluded: str, due: str) -> None:
    assert filings("marine", concluded, concluded)["thirty_days"].due_on == day(due)


@pytest.mark.parametrize(
    ("today", "closed", "state", "left"),
    [
        ("2026-04-01", None, FilingState.DUE, 0),
        ("2026-04-02", None, FilingState.LATE, -1),
        ("2026-06-01", "2026-04-01", FilingState.MET, None),
        ("2026-06-01", "2026-04-02", FilingState.LATE, None),
    ],
)
def test_the_last_day_is_in_time_and_the_next_is_late(
    today: str, closed: str | None, state: FilingState, left: int | None
) -> None:
    filing = filings("health", "2026-03-02", today, closed=closed)["thirty_days"]
    assert (filing.state, filing.days_left) == (state, left)


def test_nothing_is_counted_before_the_act_of_enforcement_ended() -> None:
    filing = filings("marine", None, "2026-03-02")["thirty_days"]
    assert (filing.state, filing.due_on) == (FilingState.RUNNING, None)


def test_ethnic_20_has_case_files_filed_by_the_end_of_the_year_besides() -> None:
    found = filings("ethnic_religious", "2026-12-20", "2026-12-31")
    assert list(found) == ["year_end", "thirty_days"], "the earlier day comes first"
    assert (found["year_end"].due_on, found["year_end"].state) == (dt.date(2026, 12, 31), FilingState.DUE)
    assert found["thirty_days"].due_on == dt.date(2027, 1, 19)
    assert filings("ethnic_religious", "2026-12-20", "2027-01-01")["year_end"].state is FilingState.LATE
    assert found["year_end"].rule.article == "第二十条"


def test_market_39_says_in_time_so_its_days_are_a_target_of_the_bureaus_own() -> None:
    filing = filings("market_regulation", "2026-03-02", "2026-03-02")["in_time"]
    assert (filing.rule.is_soft, filing.rule.basis, filing.rule.article) == (True, Basis.LOCAL_POLICY, "第三十九条")
    assert filing.due_on == dt.date(2026, 4, 1)


@pytest.mark.parametrize(
    ("regime", "is_by_law"), [("marine", True), ("ethnic_religious", True), ("health", True), ("civil_affairs", False)]
)
def test_another_law_moves_the_day_only_where_the_clause_gives_way(regime: str, is_by_law: bool) -> None:
    filing = filings(regime, "2026-03-02", "2026-03-02", by_law="2026-05-01")["thirty_days"]
    assert filing.is_by_other_law is is_by_law
    assert filing.due_on == (dt.date(2026, 5, 1) if is_by_law else dt.date(2026, 4, 1))


@given(st.dates(dt.date(1990, 1, 1), dt.date(2190, 1, 1)), st.integers(-40, 40))
def test_late_is_exactly_what_lies_behind_the_day(concluded: dt.date, offset: int) -> None:
    rule = FilingRule(id="r", counts=FilingCount.DAYS_AFTER_END, days=30, article="一", words="30日内")
    today = concluded + dt.timedelta(days=30 + offset)
    (filing,) = filing_of(Case("1", concluded_on=concluded), [rule], today=today)
    assert (filing.state is FilingState.LATE) == (offset > 0)
    assert filing.days_left == -offset


@pytest.mark.parametrize(
    "change", [{"days": 0}, {"counts": "year_end"}, {"is_soft": True}, {"article": None, "words": None}]
)
def test_a_rule_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    rule = {"id": "r", "counts": "days_after_end", "days": 30, "article": "一", "words": "30日内"}
    FilingRule.model_validate(rule)
    with pytest.raises(ValidationError):
        FilingRule.model_validate(rule | change)

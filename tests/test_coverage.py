"""Which footage each of the five regulations asks for, by article, and what lets it be absent."""

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from ingestd.config.load import load_regimes
from ingestd.core.case_rules import AbsenceRule, CoverageRule, Demand, FilingRule
from ingestd.core.cases import Absence, AbsenceGround, Activity, ActivityKind, Case, CaseFlag
from ingestd.core.coverage import ActivityCoverage, CoverageState, coverage_of
from tests.support.documents import section

REGIMES = load_regimes(Path(__file__).parent.parent / "config" / "regimes")
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 3, 2, 18, tzinfo=SHANGHAI)
BEGAN = dt.datetime(2026, 3, 2, 9, tzinfo=SHANGHAI)

MUST, MAY, WRITTEN, SILENT = Demand.MUST, Demand.MAY, Demand.WRITTEN, None
MARINE, CIVIL, ETHNIC, MARKET, HEALTH = "marine", "civil_affairs", "ethnic_religious", "market_regulation", "health"


def judged(
    regime: str,
    kind: str,
    *flags: CaseFlag,
    absence: tuple[str, str] | None = None,
    linked: tuple[str, ...] = (),
    is_uninterrupted: bool = False,
    began: dt.datetime | None = BEGAN,
    now: dt.datetime = NOW,
) -> ActivityCoverage:
    given = Absence(AbsenceGround(absence[0]), absence[1], "李四", "2026-03-03T01:00:00.000Z") if absence else None
    activity = Activity("a1", ActivityKind(kind), began_at=began, absence=given, is_uninterrupted=is_uninterrupted)
    rules = REGIMES[regime]
    case = Case("1", flags=frozenset(flags), activities=(activity,))
    (found,) = coverage_of(case, {"a1": linked}, rules=rules.coverage, absence=rules.absence, now=now)
    return found


TABLE: list[tuple[str, tuple[Any, ...]]] = [
    # activity: marine, civil affairs, ethnic and religious, market regulation, health
    ("inspection", (MUST, MUST, MAY, MUST, MUST)),
    ("sampling", (MUST, MUST, SILENT, MUST, MUST)),
    ("hearing", (MUST, MAY, MAY, MUST, MUST)),
    ("preservation", (MAY, MAY, MUST, MUST, MAY)),
    ("sealing", (MUST, SILENT, SILENT, MUST, MUST)),
    ("seizure", (MUST, SILENT, SILENT, MUST, MUST)),
    ("restraint", (MUST, SILENT, SILENT, MUST, WRITTEN)),
    ("freezing", (WRITTEN, SILENT, SILENT, MUST, WRITTEN)),
    ("property_handling", (MUST, SILENT, SILENT, SILENT, SILENT)),
    ("left_service", (MUST, MUST, MUST, MUST, MUST)),
    ("public_notice", (MUST, MUST, WRITTEN, MUST, MUST)),
    ("electronic_service", (SILENT, WRITTEN, SILENT, MAY, SILENT)),
    ("direct_service", (SILENT, SILENT, SILENT, MUST, SILENT)),
    ("summary", (SILENT, SILENT, SILENT, SILENT, SILENT)),
    ("summary_disputed", (MUST, MUST, SILENT, MUST, MUST)),
    ("rectification", (MAY, MAY, SILENT, MAY, MAY)),
    ("inquiry", (MAY, MAY, MAY, MUST, MAY)),
    ("random_check", (SILENT, SILENT, SILENT, MUST, SILENT)),
    ("application", (MAY, MAY, MUST, MAY, MAY)),
    ("reception", (SILENT, SILENT, MUST, SILENT, SILENT)),
]


@pytest.mark.parametrize(
    ("regime", "kind", "demand"),
    [
        (regime, kind, demands[position])
        for kind, demands in TABLE
        for position, regime in enumerate((MARINE, CIVIL, ETHNIC, MARKET, HEALTH))
    ],
)
def test_the_matrix_says_what_the_regulations_say(regime: str, kind: str, demand: Demand | None) -> None:
    found = judged(regime, kind)
    assert found.demand is demand
    assert found.state is (CoverageState.MISSING if demand is MUST else CoverageState.NOT_ASKED)


ARTICLES = [
    (MARINE, "inspection", "第十五条"),
    (MARINE, "seizure", "第十七条第二款"),
    (MARINE, "left_service", "第二十一条第三款"),
    (CIVIL, "sampling", "第十三条"),
    (ETHNIC, "preservation", "第九条"),
    (ETHNIC, "application", "第五条"),
    (ETHNIC, "reception", "第六条"),
    (MARKET, "preservation", "第十五条"),
    (MARKET, "random_check", "第三十二条"),
    (HEALTH, "sealing", "第十五条第二款"),
]


@pytest.mark.parametrize(("regime", "kind", "article"), ARTICLES)
def test_what_is_missing_is_missing_by_an_article(regime: str, kind: str, article: str) -> None:
    assert judged(regime, kind).rules[0].article == article


@pytest.mark.parametrize("regime", [MARINE, HEALTH])
def test_marine_15_and_health_13_let_the_unsuitable_be_absent_for_a_written_reason_only(regime: str) -> None:
    assert judged(regime, "inspection", absence=("unsuitable", "油库禁用电子设备")).state is CoverageState.EXCUSED
    assert judged(regime, "inspection", absence=("unsuitable", "")).state is CoverageState.MISSING


def test_market_14_lets_the_unsuitable_be_absent_without_a_reason() -> None:
    found = judged(MARKET, "inspection", absence=("unsuitable", ""))
    assert found.state is CoverageState.EXCUSED
    assert found.excused_by is not None
    assert found.excused_by.article == "第十四条"


@pytest.mark.parametrize("regime", [CIVIL, ETHNIC])
def test_civil_affairs_and_ethnic_religious_know_no_unsuitable_activity(regime: str) -> None:
    kind = "inspection" if regime == CIVIL else "preservation"
    found = judged(regime, kind, absence=("unsuitable", "油库禁用电子设备"))
    assert (found.state, found.excused_by) == (CoverageState.MISSING, None)


def test_marine_26_1_lets_writing_suffice_and_not_for_a_seizure() -> None:
    assert judged(MARINE, "hearing", absence=("written_suffices", "")).state is CoverageState.EXCUSED
    assert judged(MARINE, "seizure", absence=("written_suffices", "")).state is CoverageState.MISSING


def test_marine_26_3_lets_a_secret_be_absent_when_the_reason_is_noted() -> None:
    found = judged(MARINE, "seizure", CaseFlag.STATE_SECRET, absence=("secrecy", "涉密场所"))
    assert found.state is CoverageState.EXCUSED
    assert judged(MARINE, "seizure", absence=("secrecy", "")).state is CoverageState.MISSING
    assert judged(HEALTH, "inspection", absence=("secrecy", "涉密场所")).state is CoverageState.MISSING


@pytest.mark.parametrize("regime", [ETHNIC, MARKET])
def test_ethnic_15_and_market_23_take_witnesses_for_footage_of_a_service_by_leaving(regime: str) -> None:
    assert judged(regime, "left_service", absence=("witnessed", "")).state is CoverageState.EXCUSED
    assert judged(MARINE, "left_service", absence=("witnessed", "")).state is CoverageState.MISSING


def test_a_reason_that_no_regulation_names_excuses_nothing() -> None:
    for regime in REGIMES:
        found = judged(regime, "left_service", absence=("other", "忘记开机"))
        assert found.state is CoverageState.MISSING


def test_civil_affairs_5_2_has_all_of_a_major_case_filmed() -> None:
    assert judged(CIVIL, "inquiry").demand is MAY
    found = judged(CIVIL, "inquiry", CaseFlag.MAJOR)
    assert (found.state, found.is_uninterrupted) == (CoverageState.MISSING, True)
    assert found.rules[0].article == "第五条第二款"


@pytest.mark.parametrize(
    ("regime", "kind", "flags", "is_marked", "article"),
    [
        (MARKET, "inspection", (), False, None),
        (MARKET, "inspection", (), True, "第三十二条"),
        (MARKET, "inspection", (CaseFlag.UNINTERRUPTED,), False, "第三十二条"),
        (MARKET, "restraint", (), False, "第三十二条"),
        (MARINE, "seizure", (), False, "第二十六条第二款"),
        (MARINE, "case_premises", (), False, "第二十六条第二款"),
        (MARINE, "inspection", (), False, None),
        (HEALTH, "seizure", (CaseFlag.MAJOR,), False, None),
    ],
)
def test_unbroken_recording_is_asked_for_only_where_it_is_flagged(
    regime: str, kind: str, flags: tuple[CaseFlag, ...], is_marked: bool, article: str | None
) -> None:
    found = judged(regime, kind, *flags, is_uninterrupted=is_marked)
    assert found.is_uninterrupted is (article is not None)
    assert (found.uninterrupted_by.article if found.uninterrupted_by else None) == article


def test_a_person_can_ask_for_unbroken_recording_where_no_clause_does() -> None:
    found = judged(HEALTH, "inspection", is_uninterrupted=True)
    assert (found.is_uninterrupted, found.uninterrupted_by) == (True, None)


def test_linked_footage_covers_whatever_reason_was_given() -> None:
    assert judged(MARINE, "inspection", linked=("r1",)).state is CoverageState.COVERED
    found = judged(MARINE, "inspection", linked=("r1",), absence=("unsuitable", "油库"))
    assert (found.state, found.recordings) == (CoverageState.COVERED, ("r1",))


@pytest.mark.parametrize(
    ("began", "state"),
    [
        (NOW + dt.timedelta(milliseconds=1), CoverageState.AWAITED),
        (NOW, CoverageState.MISSING),
        (None, CoverageState.MISSING),
    ],
)
def test_nothing_is_missing_of_what_has_not_begun(began: dt.datetime | None, state: CoverageState) -> None:
    assert judged(MARINE, "hearing", began=began).state is state


@pytest.mark.parametrize(
    "rule",
    [
        {"demand": "must", "article": "一", "words": "应当"},
        {"demand": "may", "activities": ["hearing"], "is_uninterrupted": True, "article": "一", "words": "可以"},
        {"demand": "must", "activities": ["hearing"]},
        {"demand": "must", "activities": ["dancing"], "article": "一", "words": "应当"},
        {"demand": "must", "activities": ["hearing"], "basis": "local policy", "article": "一", "words": "应当"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CoverageRule.model_validate(rule)


def test_no_regime_can_let_any_reason_stand() -> None:
    with pytest.raises(ValidationError, match="excuses nothing"):
        AbsenceRule(ground=AbsenceGround.OTHER, asks_reason=True, article="一", words="其他")


# --- The page says what the data say ----------------------------------------------------------------------------------


def page_faults(page: str) -> list[str]:
    """Rules of the shipped regimes that the page does not say, in the part of their own bureau."""
    faults = []
    for regime in REGIMES.values():
        part = section(page, f"`{regime.id}`: {regime.bureau}")
        rows = [line for line in part.splitlines() if line.startswith("|")]
        rules: list[CoverageRule | AbsenceRule | FilingRule] = [*regime.coverage, *regime.absence, *regime.filing]
        for rule in rules:
            kinds = [] if isinstance(rule, FilingRule) else [f"`{kind.value}`" for kind in rule.activities]
            marks = [f"{rule.article}: {rule.words}", rule.note or "", *kinds]
            if isinstance(rule, CoverageRule):
                marks.append(f"| {rule.demand.value}{', unbroken' if rule.is_uninterrupted else ''} |")
            elif isinstance(rule, AbsenceRule):
                marks += [f"`{rule.ground.value}`", f"| {'yes' if rule.asks_reason else 'no'} |"]
            if not any(all(mark in row for mark in marks) for row in rows):
                faults.append(f"{regime.id} does not say: {rule.article}, {', '.join(kinds)}")
        faults += [f"{regime.id} has {one.id}" for one in regime.categories if f"`{one.id}` {one.zh}" not in part]
    faults += [
        f"{kind.value} has no words" for kind in ActivityKind if f"| `{kind.value}` | {kind.words} |" not in page
    ]
    return faults


def test_the_page_of_cases_says_what_the_regimes_say() -> None:
    page = (Path(__file__).parent.parent / "docs" / "reference" / "cases.md").read_text("utf-8")
    assert page_faults(page.replace("| must | `sealing`, `seizure`, `restraint` |", "| may | `sealing`, `seizure` |"))
    assert page_faults(page.replace("| `sampling` | sampling · 抽样 |", ""))
    assert page_faults(page) == []

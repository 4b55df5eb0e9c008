"""Until when recordings are kept: every regime's terms by article, and what no change of anything may shorten."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ingestd.config.load import load_regimes
from ingestd.core.clock import from_text, to_text
from ingestd.core.facts import MediaKind
from ingestd.core.hold_rules import HoldReason
from ingestd.core.retention_rules import AppliesTo, RetentionRule, RuleKind, TermRules, TermStart
from ingestd.core.terms import (
    LinkedCase,
    ReasonKind,
    RetentionDecision,
    RetentionItem,
    StandingHold,
    retention_of,
    with_promises,
)
from ingestd.retention.policy import Standing, standing_of

REGIMES = load_regimes(Path(__file__).parent.parent / "config" / "regimes")
SHANGHAI = ZoneInfo("Asia/Shanghai")
SEALED = dt.datetime(2024, 2, 21, 18, tzinfo=SHANGHAI)
Decider = Callable[[TermRules, RetentionItem, ZoneInfo], RetentionDecision]
Keeper = Callable[[RetentionDecision, RetentionDecision], RetentionDecision]


def item(
    kind: MediaKind = MediaKind.VIDEO,
    *cases: LinkedCase,
    holds: tuple[StandingHold, ...] = (),
    recorded_end: dt.datetime | None = SEALED,
    is_age_settled: bool = False,
) -> RetentionItem:
    return RetentionItem(
        kind=kind,
        recorded_end=recorded_end,
        sealed_at=SEALED,
        cases=cases,
        holds=holds,
        is_age_settled=is_age_settled,
    )


def decide(regime: str, one: RetentionItem) -> RetentionDecision:
    return retention_of(REGIMES[regime].term_rules, one, SHANGHAI)


def last_day(decision: RetentionDecision) -> str | None:
    if decision.keep_until is None:
        return None
    return (from_text(decision.keep_until) - dt.timedelta(seconds=1)).astimezone(SHANGHAI).date().isoformat()


def hold(number: int = 1, reason: HoldReason = HoldReason.DISPUTE) -> StandingHold:
    return StandingHold(hold_id=f"H2024-{number:04d}", reason=reason, article=None, words=None, placed_at=SEALED)


def case(
    *, is_evidence: bool = True, closed_on: str | None = None, term_until: str | None = None, number: str = "A-1"
) -> LinkedCase:
    return LinkedCase(
        number=number,
        is_evidence=is_evidence,
        closed_on=dt.date.fromisoformat(closed_on) if closed_on else None,
        term_until=dt.date.fromisoformat(term_until) if term_until else None,
    )


LINKED, OPEN = case(is_evidence=False), case()
FILED = case(closed_on="2024-06-30", term_until="2054-12-31")
FILED_SHORT = case(closed_on="2024-06-30", term_until="2024-07-31")
FILED_WITHOUT_TERM = case(closed_on="2024-06-30")
LINKED_FILED = case(is_evidence=False, closed_on="2024-06-30")

TABLE = [
    # 海洋 29¶2: 执法全过程音视频记录保存期为3年，作为证据使用的记录信息随案卷保存时限保存
    ("marine", MediaKind.VIDEO, (), "2027-02-21", "term", "第二十九条第二款"),
    ("marine", MediaKind.AUDIO, (), "2027-02-21", "term", "第二十九条第二款"),
    ("marine", MediaKind.PHOTO, (), "2027-02-21", "term", "第二十九条第二款"),
    ("marine", MediaKind.VIDEO, (OPEN,), None, "case_file", "第二十九条第二款"),
    ("marine", MediaKind.VIDEO, (FILED,), "2054-12-31", "case_file", "第二十九条第二款"),
    ("marine", MediaKind.VIDEO, (FILED_SHORT,), "2027-02-21", "term", "第二十九条第二款"),
    ("marine", MediaKind.VIDEO, (FILED_WITHOUT_TERM,), None, "case_file", "第二十九条第二款"),
    ("marine", MediaKind.VIDEO, (LINKED,), None, "open_case", None),
    ("marine", MediaKind.VIDEO, (LINKED_FILED,), "2027-02-21", "term", "第二十九条第二款"),
    # 民宗 20: 日常执法的影像资料保存期限不少于一年…作为证据使用的影像资料保存期限应当与案卷保存期限相同
    ("ethnic_religious", MediaKind.VIDEO, (), "2025-02-21", "minimum", "第二十条"),
    ("ethnic_religious", MediaKind.PHOTO, (), "2025-02-21", "minimum", "第二十条"),
    ("ethnic_religious", MediaKind.TEXT, (), "2025-02-21", "minimum", "第二十条"),
    ("ethnic_religious", MediaKind.VIDEO, (OPEN,), None, "case_file", "第二十条"),
    ("ethnic_religious", MediaKind.VIDEO, (FILED,), "2054-12-31", "case_file", "第二十条"),
    ("ethnic_religious", MediaKind.VIDEO, (FILED_SHORT,), "2025-02-21", "minimum", "第二十条"),
    # 江门 43¶1: 没有规定的，保存期限不得少于六个月; 43¶2: 将音像记录作为行政执法证据使用的…归档附卷长期保存
    ("market_regulation", MediaKind.VIDEO, (), "2024-08-21", "minimum", "第四十三条第一款"),
    ("market_regulation", MediaKind.UNKNOWN, (), "2024-08-21", "minimum", "第四十三条第一款"),
    ("market_regulation", MediaKind.VIDEO, (OPEN,), None, "long_term", "第四十三条第二款"),
    ("market_regulation", MediaKind.VIDEO, (FILED,), None, "long_term", "第四十三条第二款"),
    ("market_regulation", MediaKind.VIDEO, (LINKED_FILED,), "2024-08-21", "minimum", "第四十三条第一款"),
    # 民政 and 卫健 name no term: until a person decides, evidence and filed cases too (decisions 9, 10)
    ("civil_affairs", MediaKind.VIDEO, (), None, "until_decided", None),
    ("civil_affairs", MediaKind.PHOTO, (FILED,), None, "until_decided", None),
    ("civil_affairs", MediaKind.TEXT, (LINKED_FILED,), None, "until_decided", None),
    ("health", MediaKind.VIDEO, (), None, "until_decided", None),
    ("health", MediaKind.AUDIO, (FILED,), None, "until_decided", None),
]


@pytest.mark.parametrize(("regime", "kind", "cases", "until", "winner", "article"), TABLE)
def test_each_regime_keeps_as_its_article_says(
    regime: str, kind: MediaKind, cases: tuple[LinkedCase, ...], until: str | None, winner: str, article: str | None
) -> None:
    decision = decide(regime, item(kind, *cases))
    assert (last_day(decision), decision.winner.kind, decision.winner.article) == (until, winner, article)


@pytest.mark.parametrize("regime", sorted(REGIMES))
@pytest.mark.parametrize("reason", list(HoldReason))
def test_a_hold_of_any_of_the_four_reasons_beats_every_timer(regime: str, reason: HoldReason) -> None:
    # 民宗 21, 江门 44; elsewhere the bureau's own.
    rule = REGIMES[regime].hold_rule(reason)
    assert rule is not None
    decision = decide(regime, item(MediaKind.VIDEO, FILED, holds=(hold(reason=reason),)))
    assert (decision.keep_until, decision.winner.kind, decision.winner.hold) == (None, "hold", "H2024-0001")


@pytest.mark.parametrize("regime", sorted(REGIMES))
def test_no_footage_of_an_open_case_is_due_in_any_regime(regime: str) -> None:
    # Shipped by us: no clause says it, and re-opening a case stops every timer of its footage.
    assert decide(regime, item(MediaKind.VIDEO, LINKED)).keep_until is None
    assert ReasonKind.OPEN_CASE in {one.kind for one in decide(regime, item(MediaKind.VIDEO, LINKED)).reasons}


def test_the_longest_of_several_case_files_counts() -> None:
    later = case(closed_on="2024-06-30", term_until="2060-12-31", number="B-2")
    decision = decide("marine", item(MediaKind.VIDEO, FILED, later))
    assert (last_day(decision), decision.winner.case) == ("2060-12-31", "B-2")


def test_one_open_case_keeps_what_another_has_filed() -> None:
    assert decide("marine", item(MediaKind.VIDEO, FILED, case(number="B-2", is_evidence=False))).keep_until is None


# Terms that start with an event of the case


def _rules(*rules: RetentionRule) -> TermRules:
    base = RetentionRule(
        id="base",
        applies=(AppliesTo.FOOTAGE, AppliesTo.PHOTO, AppliesTo.OTHER),
        kind=RuleKind.TERM,
        years=1,
        article="一",
        words="一年",
    )
    return TermRules(regime="test", version=1, rules=(base, *rules))


def _from_filing(years: int = 10) -> RetentionRule:
    return RetentionRule(
        id="filed",
        applies=(AppliesTo.EVIDENCE,),
        kind=RuleKind.TERM,
        years=years,
        starts=TermStart.CASE_FILED,
        article="二",
        words="归档后",
    )


def test_a_term_from_the_filing_of_the_case_has_no_end_before_it_is_filed() -> None:
    rules = _rules(_from_filing())
    assert retention_of(rules, item(MediaKind.VIDEO, OPEN), SHANGHAI).keep_until is None
    decision = retention_of(rules, item(MediaKind.VIDEO, FILED), SHANGHAI)
    assert (last_day(decision), decision.winner.start_event) == ("2034-06-30", "case_filed")


def test_evidence_that_came_in_after_the_filing_is_kept_for_the_whole_term() -> None:
    filed_long_ago = case(closed_on="2001-06-30")
    decision = retention_of(_rules(_from_filing()), item(MediaKind.VIDEO, filed_long_ago), SHANGHAI)
    assert (last_day(decision), decision.winner.start_event) == ("2034-02-21", "sealed_at")


def test_a_rule_for_cases_of_one_flag_speaks_of_no_other_case() -> None:
    rule = RetentionRule.model_validate(
        {
            "id": "major",
            "applies": ["linked"],
            "kind": "term",
            "years": 10,
            "flag": "major",
            "article": "二",
            "words": "重大",
        }
    )
    plain = LINKED_FILED
    major = plain.model_copy(update={"flags": frozenset({rule.flag})})
    assert last_day(retention_of(_rules(rule), item(MediaKind.VIDEO, plain), SHANGHAI)) == "2025-02-21"
    assert last_day(retention_of(_rules(rule), item(MediaKind.VIDEO, major), SHANGHAI)) == "2034-02-21"


# Born expired

LONG_AGO = dt.datetime(2020, 2, 1, tzinfo=SHANGHAI)


def test_what_was_older_than_its_term_when_it_came_in_waits_for_a_person() -> None:
    decision = decide("marine", item(recorded_end=LONG_AGO))
    assert (decision.keep_until, decision.winner.kind) == (None, "born_expired")
    assert standing_of(decision.model_dump(mode="json"), SEALED) is Standing.BORN_EXPIRED


def test_a_person_who_settled_it_gives_it_its_whole_term_from_sealing() -> None:
    assert last_day(decide("marine", item(recorded_end=LONG_AGO, is_age_settled=True))) == "2027-02-21"


def test_on_the_very_last_day_of_its_term_it_is_not_born_expired() -> None:
    three_years = SEALED.replace(year=2021)
    assert last_day(decide("marine", item(recorded_end=three_years))) == "2027-02-21"
    a_day_older = three_years - dt.timedelta(days=1)
    assert decide("marine", item(recorded_end=a_day_older)).winner.kind is ReasonKind.BORN_EXPIRED


@pytest.mark.parametrize("regime", ["civil_affairs", "health"])
def test_where_no_term_is_named_nothing_is_born_expired(regime: str) -> None:
    kinds = {one.kind for one in decide(regime, item(recorded_end=LONG_AGO)).reasons}
    assert ReasonKind.BORN_EXPIRED not in kinds


# What no change shortens. A law takes the decider that it judges, so that the judge can be tried on broken ones.

ORDINARY = settings(max_examples=40)
JUDGING = settings(max_examples=400, phases=(Phase.generate,), derandomize=True)
"""For broken deciders: the same tries each time, and none to make a failure smaller that is meant to be one."""

DAYS = st.dates(dt.date(2000, 1, 1), dt.date(2060, 12, 31))
MOMENTS = st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2040, 1, 1)).map(lambda one: one.replace(tzinfo=dt.UTC))
CASES = st.builds(
    LinkedCase,
    number=st.sampled_from(["A-1", "B-2", "C-3"]),
    is_evidence=st.booleans(),
    concluded_on=st.none() | DAYS,
    closed_on=st.none() | DAYS,
    term_until=st.none() | DAYS,
)
HOLDS = st.integers(1, 9).map(hold)
ITEMS = st.builds(
    RetentionItem,
    kind=st.sampled_from(MediaKind),
    recorded_end=st.none() | MOMENTS,
    sealed_at=MOMENTS,
    cases=st.lists(CASES, max_size=3).map(tuple),
    holds=st.lists(HOLDS, max_size=2).map(tuple),
    is_age_settled=st.booleans(),
)
RULES = st.sampled_from([one.term_rules for one in REGIMES.values()] + [_rules(_from_filing())])


def length(decision: RetentionDecision) -> float:
    return from_text(decision.keep_until).timestamp() if decision.keep_until else float("inf")


def promised(decision: RetentionDecision) -> float:
    """The longest term that a decision promises; what stands only for as long as it stands is left out."""
    ends = [one.until for one in decision.reasons if one.is_promise]
    return max((from_text(one).timestamp() if one else float("inf") for one in ends), default=0.0)


def law_of_more_holds(decider: Decider, how: settings = ORDINARY) -> None:
    @how
    @given(RULES, ITEMS, HOLDS)
    def check(rules: TermRules, one: RetentionItem, more: StandingHold) -> None:
        held = decider(rules, one.model_copy(update={"holds": (*one.holds, more)}), SHANGHAI)
        assert length(held) == float("inf") >= length(decider(rules, one, SHANGHAI))
        assert promised(held) == promised(decider(rules, one, SHANGHAI))

    check()


def law_of_more_cases(decider: Decider, how: settings = ORDINARY) -> None:
    @how
    @given(RULES, ITEMS, CASES)
    def check(rules: TermRules, one: RetentionItem, more: LinkedCase) -> None:
        linked = decider(rules, one.model_copy(update={"cases": (*one.cases, more)}), SHANGHAI)
        assert length(linked) >= length(decider(rules, one, SHANGHAI))

    check()


def law_of_longer_rules(decider: Decider, how: settings = ORDINARY) -> None:
    @how
    @given(RULES, ITEMS, st.integers(0, 9), st.integers(0, 60))
    def check(rules: TermRules, one: RetentionItem, place: int, months: int) -> None:
        # A longer term may also mean that nothing was born expired; that is asked of a person apart.
        settled = one.model_copy(update={"is_age_settled": True})
        rule = rules.rules[place % len(rules.rules)]
        longer = rule.model_copy(update={"months": rule.months + months}) if rule.kind.has_end else rule
        lengthened = rules.model_copy(update={"rules": tuple(longer if each is rule else each for each in rules.rules)})
        assert length(decider(lengthened, settled, SHANGHAI)) >= length(decider(rules, settled, SHANGHAI))

    check()


def law_of_one_winner(decider: Decider, how: settings = ORDINARY) -> None:
    @how
    @given(RULES, ITEMS)
    def check(rules: TermRules, one: RetentionItem) -> None:
        decision = decider(rules, one, SHANGHAI)
        assert [reason.until for reason in decision.reasons if reason.is_winner] == [decision.keep_until]
        ends = [from_text(reason.until).timestamp() if reason.until else float("inf") for reason in decision.reasons]
        assert length(decision) == max(ends)

    check()


@dataclass(frozen=True)
class Life:
    """A recording as people see it change."""

    one: RetentionItem
    rules: TermRules
    stored: RetentionDecision
    acts: tuple[str, ...] = field(default=())


def law_of_promises(keeper: Keeper, how: settings = ORDINARY) -> None:
    """Through any order of holds, releases, links, filings, re-openings and changes of regime."""
    changes = st.one_of(
        st.tuples(st.just("holds"), st.lists(HOLDS, max_size=2).map(tuple)),
        st.tuples(st.just("cases"), st.lists(CASES, max_size=2).map(tuple)),
        st.tuples(st.just("reopen"), st.none()),
        st.tuples(st.just("is_age_settled"), st.just(True)),
        st.tuples(st.just("rules"), RULES),
    )

    @how
    @given(RULES, ITEMS, st.lists(changes, min_size=1, max_size=8))
    def check(rules: TermRules, first: RetentionItem, steps: list[tuple[str, object]]) -> None:
        life = Life(first, rules, retention_of(rules, first, SHANGHAI))
        for name, value in steps:
            if name == "rules":
                assert isinstance(value, TermRules)
                life = replace(life, rules=value)
            elif name == "reopen":
                opened = tuple(each.model_copy(update={"closed_on": None}) for each in life.one.cases)
                life = replace(life, one=life.one.model_copy(update={"cases": opened}))
            else:
                life = replace(life, one=life.one.model_copy(update={name: value}))
            before, fresh = life.stored, retention_of(life.rules, life.one, SHANGHAI)
            after = keeper(before, fresh)
            assert promised(after) == max(promised(before), promised(fresh)), "a promised term stands, and no other"
            assert length(after) == max(length(fresh), promised(before)), "what stood only for a time may end"
            assert keeper(after, fresh) == after, "deciding again changes nothing"
            if life.one.holds:
                assert after.keep_until is None
            life = replace(life, stored=after, acts=(*life.acts, name))

    check()


def test_more_holds_never_shorten() -> None:
    law_of_more_holds(retention_of)


def test_more_links_to_cases_never_shorten() -> None:
    law_of_more_cases(retention_of)


def test_longer_rules_never_shorten() -> None:
    law_of_longer_rules(retention_of)


def test_exactly_one_reason_is_marked_and_it_is_the_longest() -> None:
    law_of_one_winner(retention_of)


def test_no_order_of_changes_shortens_a_promise_and_what_stood_only_for_a_time_ends() -> None:
    law_of_promises(with_promises)


def _without_holds(rules: TermRules, one: RetentionItem, zone: ZoneInfo) -> RetentionDecision:
    return retention_of(rules, one.model_copy(update={"holds": ()}), zone)


def _shortest(rules: TermRules, one: RetentionItem, zone: ZoneInfo) -> RetentionDecision:
    decision = retention_of(rules, one, zone)
    dates = [reason.until for reason in decision.reasons if reason.until]
    return decision.model_copy(update={"keep_until": min(dates, default=None)})


def _due_with_a_case(rules: TermRules, one: RetentionItem, zone: ZoneInfo) -> RetentionDecision:
    decision = retention_of(rules, one, zone)
    return decision.model_copy(update={"keep_until": to_text(one.sealed_at)}) if len(one.cases) > 1 else decision


def _upside_down(rules: TermRules, one: RetentionItem, zone: ZoneInfo) -> RetentionDecision:
    turned = [
        rule.model_copy(update={"years": 0, "months": 2400 - rule.total_months}) if rule.kind.has_end else rule
        for rule in rules.rules
    ]
    return retention_of(rules.model_copy(update={"rules": tuple(turned)}), one, zone)


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (law_of_more_holds, _without_holds),
        (law_of_more_cases, _due_with_a_case),
        (law_of_longer_rules, _upside_down),
        (law_of_one_winner, _shortest),
    ],
)
def test_the_laws_catch_a_broken_decider(law: Callable[[Decider, settings], None], broken: Decider) -> None:
    with pytest.raises(AssertionError):
        law(broken, JUDGING)


@pytest.mark.parametrize("broken", [lambda before, fresh: fresh, lambda before, fresh: before])
def test_the_law_of_promises_catches_a_keeper_that_forgets_and_one_that_never_lets_go(broken: Keeper) -> None:
    with pytest.raises(AssertionError):
        law_of_promises(broken, JUDGING)


# What a decision means at a moment


def test_a_recording_is_due_from_the_first_moment_behind_its_term() -> None:
    retention = decide("marine", item()).model_dump(mode="json")
    end = dt.datetime(2027, 2, 22, tzinfo=SHANGHAI)
    assert standing_of(retention, end - dt.timedelta(milliseconds=1)) is Standing.UNDER_TERM
    assert standing_of(retention, end) is Standing.DUE
    assert standing_of(None, end) is Standing.UNDECIDED


def test_a_held_recording_is_held_however_old_it_is() -> None:
    decision = decide("marine", item(recorded_end=LONG_AGO, holds=(hold(),)))
    assert standing_of(decision.model_dump(mode="json"), SEALED) is Standing.HELD


def test_a_file_that_differs_only_in_its_version_is_the_same_edition() -> None:
    rules = REGIMES["marine"].term_rules
    assert rules.model_copy(update={"version": 99}).sha256 == rules.sha256
    fewer = TermRules(regime=rules.regime, version=rules.version, rules=rules.rules[:1])
    assert fewer.sha256 != rules.sha256

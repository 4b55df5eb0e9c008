"""The arithmetic of retention terms."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingestd.core.clock import from_text
from ingestd.core.facts import MediaKind
from ingestd.core.localdays import add_term, end_of_day
from ingestd.core.regime import Regime
from ingestd.core.retention_rules import AppliesTo
from ingestd.core.terms import LinkedCase, RetentionDecision, RetentionItem, retention_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
EVERYTHING = [kind.value for kind in AppliesTo]
TERM_3Y = {"id": "term", "applies": EVERYTHING, "kind": "term", "years": 3, "article": "一", "words": "三年"}


def regime(*rules: dict[str, Any]) -> Regime:
    return Regime.model_validate(
        {
            "id": "test",
            "title": "办法",
            "bureau": "局",
            "text": "test.txt",
            "version": 4,
            "retention": rules or (TERM_3Y,),
        }
    )


def local(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def decide(
    of: Regime,
    *,
    recorded_end: str | None = "2024-02-21T10:00",
    sealed_at: str = "2024-02-21T18:00",
    kind: MediaKind = MediaKind.VIDEO,
    is_evidence: bool = False,
) -> RetentionDecision:
    item = RetentionItem(
        kind=kind,
        recorded_end=local(recorded_end) if recorded_end else None,
        sealed_at=local(sealed_at),
        cases=(LinkedCase(number="A-1", is_evidence=True),) if is_evidence else (),
    )
    return retention_of(of.term_rules, item, SHANGHAI)


def kept_until(decision: RetentionDecision) -> str | None:
    return from_text(decision.keep_until).astimezone(SHANGHAI).isoformat() if decision.keep_until else None


def test_a_term_ends_with_the_end_of_its_last_day_in_the_bureaus_zone() -> None:
    assert kept_until(decide(regime())) == "2027-02-22T00:00:00+08:00"
    assert decide(regime()).keep_until == "2027-02-21T16:00:00.000Z"


def test_the_day_of_the_bureau_counts_and_not_that_of_utc() -> None:
    assert kept_until(decide(regime(), sealed_at="2024-02-22T00:30")) == "2027-02-23T00:00:00+08:00"


def test_footage_that_comes_late_has_its_whole_term_from_sealing() -> None:
    decision = decide(regime(), recorded_end="2022-05-05T12:00", sealed_at="2024-02-21T18:00")
    assert kept_until(decision) == "2027-02-22T00:00:00+08:00"
    assert decision.reasons[0].start_event == "sealed_at"


def test_a_recording_that_ends_after_sealing_starts_its_term_then() -> None:
    decision = decide(regime(), recorded_end="2024-03-01T12:00")
    assert kept_until(decision) == "2027-03-02T00:00:00+08:00"
    assert decision.reasons[0].start_event == "recorded_end"


def test_without_an_end_of_recording_the_term_starts_at_sealing() -> None:
    assert kept_until(decide(regime(), recorded_end=None)) == "2027-02-22T00:00:00+08:00"


@pytest.mark.parametrize(
    ("day", "years", "months", "last_day"),
    [
        ("2024-02-21", 3, 0, "2027-02-21"),
        ("2024-02-29", 1, 0, "2025-03-01"),
        ("2024-02-29", 4, 0, "2028-02-29"),
        ("2023-01-31", 0, 1, "2023-03-01"),
        ("2023-08-31", 0, 6, "2024-03-01"),
        ("2023-12-31", 0, 6, "2024-07-01"),
        ("2023-11-30", 0, 1, "2023-12-30"),
        ("2023-12-15", 1, 1, "2025-01-15"),
    ],
)
def test_a_month_without_such_a_day_rounds_towards_keeping(day: str, years: int, months: int, last_day: str) -> None:
    found = add_term(dt.date.fromisoformat(day), years=years, months=months)
    assert found == dt.date.fromisoformat(last_day)


@given(st.dates(dt.date(1980, 1, 1), dt.date(2100, 12, 31)), st.integers(0, 50), st.integers(0, 30))
def test_a_term_never_ends_before_its_number_of_months(day: dt.date, years: int, months: int) -> None:
    last_day = add_term(day, years=years, months=months)
    whole_months = (last_day.year - day.year) * 12 + last_day.month - day.month
    assert whole_months in (years * 12 + months, years * 12 + months + 1)
    assert last_day.day == day.day or (last_day.day == 1 and day.day > 28)


@given(st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2090, 1, 1)), st.datetimes(dt.datetime(1980, 1, 1)))
def test_no_pair_of_times_shortens_the_term_below_sealing_plus_three_years(
    sealed: dt.datetime, ended: dt.datetime
) -> None:
    sealed_at = sealed.replace(tzinfo=dt.UTC)
    item = RetentionItem(kind=MediaKind.VIDEO, recorded_end=ended.replace(tzinfo=dt.UTC), sealed_at=sealed_at)
    keep_until = retention_of(regime().term_rules, item, SHANGHAI).keep_until
    assert keep_until is None or from_text(keep_until) > sealed_at + dt.timedelta(days=3 * 365)


def test_a_clock_beyond_the_calendar_keeps_until_a_person_decides() -> None:
    assert decide(regime(), recorded_end="9998-05-05T12:00").keep_until is None


def test_the_day_ends_later_where_midnight_comes_twice() -> None:
    # Cuba turned its clocks back from 01:00 to 00:00 on 2024-11-03: that midnight came twice.
    assert end_of_day(dt.date(2024, 11, 2), ZoneInfo("America/Havana")) == dt.datetime(2024, 11, 3, 5, tzinfo=dt.UTC)


def test_the_longest_reason_wins_and_all_are_told() -> None:
    longer = {**TERM_3Y, "id": "longer", "years": 5}
    decision = decide(regime(TERM_3Y, longer, {**TERM_3Y, "id": "shorter", "years": 1}))
    assert kept_until(decision) == "2029-02-22T00:00:00+08:00"
    assert [(reason.rule_id, reason.is_winner) for reason in decision.reasons] == [
        ("term", False),
        ("longer", True),
        ("shorter", False),
    ]


def test_a_reason_without_an_end_beats_every_date() -> None:
    case_file = {"id": "file", "applies": ["evidence"], "kind": "case_file", "article": "一", "words": "随案卷"}
    of = regime({**TERM_3Y, "years": 200}, case_file)
    assert decide(of).keep_until is not None
    decision = decide(of, is_evidence=True)
    assert decision.keep_until is None
    assert [reason.rule_id for reason in decision.reasons if reason.is_winner] == ["file"]


def test_a_fallback_counts_only_where_no_other_rule_speaks() -> None:
    fallback = {**TERM_3Y, "id": "floor", "years": 0, "months": 6, "kind": "minimum", "is_fallback": True}
    of = regime(fallback, {**TERM_3Y, "id": "photos", "applies": ["photo"], "years": 0, "months": 1})
    assert [reason.rule_id for reason in decide(of).reasons] == ["floor"]
    assert [reason.rule_id for reason in decide(of, kind=MediaKind.PHOTO).reasons] == ["photos"]


def test_a_decision_names_the_regime_and_its_version() -> None:
    decision = decide(regime())
    assert (decision.regime, decision.regime_version) == ("test", 4)


@pytest.mark.parametrize("kind", list(MediaKind))
def test_no_kind_of_file_is_without_a_reason(kind: MediaKind) -> None:
    assert decide(regime(), kind=kind).reasons


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError):
        RetentionItem(kind=MediaKind.VIDEO, recorded_end=None, sealed_at=dt.datetime(2024, 1, 1))


@pytest.mark.parametrize(
    "change",
    [
        {"years": 0},
        {"kind": "until_decided"},
        {"article": None},
        {"article": None, "words": None},
        {"is_shipped_default": True},
        {"applies": ["footage"]},
        {"applies": []},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        regime({**TERM_3Y, **change})


def test_two_rules_of_one_id_are_refused() -> None:
    with pytest.raises(ValidationError, match="two retention rules"):
        regime(TERM_3Y, TERM_3Y)

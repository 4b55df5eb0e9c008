"""The hand-over clock of each regime, by article and date: start, field work, two stages, late and excused."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingestd.config.load import load_regimes
from ingestd.core.custody import Act
from ingestd.core.declarations import Declare, Scope, declaring_act, scope_of
from ingestd.core.errors import RefusedError
from ingestd.core.handover import (
    Circumstances,
    FieldWork,
    HandOver,
    HandOverClock,
    HandOverState,
    StartEvent,
    StartSource,
    hand_over_of,
)
from tests.support.station import PROJECT

SHANGHAI = ZoneInfo("Asia/Shanghai")
REGIMES = load_regimes(PROJECT / "config" / "regimes")
LAW = {"starts": "recording_end", "hours": 24, "basis": "law", "article": "二", "words": "24小时内"}
EXCEPTION = {"hours": 24, "is_free_text": True, "article": "二", "words": "返回后24小时内"}


def clock(**change: Any) -> HandOverClock:
    return HandOverClock.model_validate({**LAW, **change})


def local(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def work(returned: str, declared: str, *, declaration: int = 1) -> FieldWork:
    return FieldWork(
        declaration=declaration,
        reason=None,
        words="远海执法",
        returned_at=local(returned),
        declared_at=local(declared),
        declared_by="张三",
    )


def judged(
    of: str | HandOverClock | None,
    end: str,
    *,
    secured: str | None = None,
    now: str = "2030-01-01T00:00",
    returned: FieldWork | None = None,
    **known: Any,
) -> HandOver:
    """A recording that ended at a local time against the clock of a shipped regime, or of a clock."""
    given: dict[str, Any] = {
        name: local(value) if name.endswith("_at") or name == "activity_end" else value for name, value in known.items()
    }
    circumstances = Circumstances(local(end), field_work=(returned,) if returned else (), **given)
    return hand_over_of(
        REGIMES[of].hand_over if isinstance(of, str) else of,
        circumstances,
        secured_at=local(secured) if secured else None,
        now=local(now),
        zone=SHANGHAI,
    )


# 海洋 27(五)


@pytest.mark.parametrize(
    ("secured", "state"), [("2024-02-22T15:00", HandOverState.MET), ("2024-02-22T15:01", HandOverState.LATE)]
)
def test_marine_27_counts_24_hours_on_the_minute_from_the_end_of_the_activity(
    secured: str, state: HandOverState
) -> None:
    found = judged("marine", "2024-02-21T10:00", secured=secured, activity_end="2024-02-21T15:00")
    assert (found.state, found.due, found.article) == (state, local("2024-02-22T15:00"), "第二十七条第五项")
    assert (found.start_event, found.start_source) == (StartEvent.ACTIVITY_END, StartSource.CASE)


def test_marine_27_says_that_the_take_stood_in_for_an_activity_whose_end_nobody_declared() -> None:
    found = judged("marine", "2024-02-21T10:00", secured="2024-02-22T10:00", is_take=True)
    assert (found.start_event, found.start_source) == (StartEvent.RECORDING_END, StartSource.TAKE)


def test_marine_27_excuses_what_came_within_24_hours_of_the_declared_return() -> None:
    back = work("2024-02-25T09:30", "2024-02-21T18:00")
    found = judged("marine", "2024-02-21T10:00", secured="2024-02-26T09:30", returned=back)
    assert (found.state, found.due) == (HandOverState.EXCUSED, local("2024-02-26T09:30"))
    assert found.ordinary_due == local("2024-02-22T10:00")


def test_marine_27_is_late_a_minute_after_24_hours_from_the_return() -> None:
    back = work("2024-02-25T09:30", "2024-02-21T18:00")
    assert judged("marine", "2024-02-21T10:00", secured="2024-02-26T09:31", returned=back).state is HandOverState.LATE


def test_marine_27_marks_a_return_that_was_declared_when_the_time_was_over() -> None:
    for declared, is_late in (("2024-02-22T10:00", False), ("2024-02-22T10:01", True)):
        found = judged(
            "marine", "2024-02-21T10:00", secured="2024-02-23T10:00", returned=work("2024-02-23T08:00", declared)
        )
        assert found.state is HandOverState.EXCUSED
        assert found.excuse is not None
        assert found.excuse.is_declared_late is is_late


def test_field_work_takes_no_time_away_from_who_came_in_time() -> None:
    back = work("2024-02-21T11:00", "2024-02-21T12:00")
    found = judged(
        "marine", "2024-02-21T10:00", secured="2024-02-22T09:00", returned=back, activity_end="2024-02-21T15:00"
    )
    assert (found.state, found.excuse, found.due) == (HandOverState.MET, None, local("2024-02-22T15:00"))


def test_marine_names_four_reasons_of_field_work() -> None:
    clock_of = REGIMES["marine"].hand_over
    assert clock_of is not None
    assert clock_of.field_work is not None
    assert [one.zh[:2] for one in clock_of.field_work.reasons] == ["连续", "异地", "偏远", "交通"]


# 民政 30


def test_civil_affairs_30_counts_from_the_end_of_the_recording_whatever_the_activity() -> None:
    found = judged("civil_affairs", "2023-12-31T10:00", secured="2024-01-01T12:00", activity_end="2023-12-31T15:00")
    assert (found.state, found.due) == (HandOverState.LATE, local("2024-01-01T10:00"))
    assert found.start_event is StartEvent.RECORDING_END


def test_civil_affairs_30_knows_no_exception_for_field_work() -> None:
    back = work("2024-01-04T10:00", "2023-12-31T11:00")
    found = judged("civil_affairs", "2023-12-31T10:00", secured="2024-01-02T12:00", returned=back)
    assert (found.state, found.excuse) == (HandOverState.LATE, None)


# 江门 41


@pytest.mark.parametrize(
    ("end", "due"),
    [
        ("2024-02-28T09:00", "2024-03-01T00:00"),
        ("2024-02-29T23:59", "2024-03-02T00:00"),
        ("2023-02-28T09:00", "2023-03-02T00:00"),
        ("2023-12-31T18:00", "2024-01-02T00:00"),
        ("2024-04-30T00:00", "2024-05-02T00:00"),
    ],
)
def test_market_regulation_41_counts_from_the_end_of_the_day_over_month_ends_and_the_leap_day(
    end: str, due: str
) -> None:
    found = judged("market_regulation", end, secured=due, docked_at=due)
    assert (found.state, found.due, found.start_event) == (HandOverState.MET, local(due), StartEvent.DAY_END)


def test_market_regulation_41_gives_the_custodian_24_hours_from_the_declared_hand_in() -> None:
    for secured, state in (("2024-02-22T18:00", HandOverState.MET), ("2024-02-22T18:01", HandOverState.LATE)):
        found = judged(
            "market_regulation", "2024-02-21T10:00", secured=secured, docked_at=secured, handed_in_at="2024-02-21T18:00"
        )
        assert (found.state, found.start_event) == (state, StartEvent.HAND_IN)
        assert found.hand_in is not None
        assert not found.hand_in.is_after_day


def test_market_regulation_41_gives_no_more_time_to_who_hands_in_after_the_day() -> None:
    found = judged(
        "market_regulation",
        "2024-02-21T10:00",
        secured="2024-02-24T09:00",
        docked_at="2024-02-24T09:00",
        handed_in_at="2024-02-24T08:00",
    )
    assert (found.state, found.due) == (HandOverState.LATE, local("2024-02-23T00:00"))
    assert found.hand_in is not None
    assert found.hand_in.is_after_day


def test_market_regulation_41_takes_a_docking_for_both_stages_at_once() -> None:
    found = judged("market_regulation", "2024-02-21T10:00", secured="2024-02-21T17:30", docked_at="2024-02-21T17:10")
    assert found.hand_in is not None
    assert (found.hand_in.source, found.hand_in.at) == ("docking", local("2024-02-21T17:10"))


@pytest.mark.parametrize("handed_in", ["2024-02-21T09:00", "2024-02-22T12:00"])
def test_a_hand_in_before_the_recording_ended_or_after_the_docking_moves_nothing(handed_in: str) -> None:
    found = judged(
        "market_regulation",
        "2024-02-21T10:00",
        secured="2024-02-22T11:00",
        docked_at="2024-02-22T11:00",
        handed_in_at=handed_in,
    )
    assert (found.start_event, found.due) == (StartEvent.DAY_END, local("2024-02-23T00:00"))


def test_market_regulation_41_excuses_work_on_the_water_after_the_return() -> None:
    rule = REGIMES["market_regulation"].hand_over
    assert rule is not None
    assert rule.field_work is not None
    assert rule.field_work.reason("on_water") is not None
    assert len(rule.field_work.reasons) == 5
    back = work("2024-03-01T12:00", "2024-02-22T08:00")
    found = judged("market_regulation", "2024-02-21T10:00", secured="2024-03-02T12:00", returned=back)
    assert found.state is HandOverState.EXCUSED


# 卫健 28, 民宗


def test_health_28_excuses_after_the_return_for_a_reason_in_free_words() -> None:
    rule = REGIMES["health"].hand_over
    assert rule is not None
    assert rule.field_work is not None
    assert rule.field_work.is_free_text
    back = work("2024-02-29T20:00", "2024-02-28T20:00")
    found = judged("health", "2024-02-28T10:00", secured="2024-03-01T20:00", returned=back)
    assert (found.state, found.due) == (HandOverState.EXCUSED, local("2024-03-01T20:00"))
    assert found.excuse is not None
    assert found.excuse.article == "第二十八条"


def test_ethnic_religious_shows_its_clock_as_local_policy_and_never_as_law() -> None:
    found = judged("ethnic_religious", "2024-02-21T10:00", secured="2024-02-22T10:01")
    assert (found.state, found.basis, found.article) == (HandOverState.LATE, "local policy", None)
    assert found.note is not None


# The clock itself


@pytest.mark.parametrize(
    ("secured", "now", "state"),
    [
        (None, "2024-02-22T10:00", HandOverState.DUE),
        (None, "2024-02-22T10:01", HandOverState.LATE),
        ("2024-02-22T10:00", "2024-03-01T00:00", HandOverState.MET),
        ("2024-02-22T10:01", "2024-03-01T00:00", HandOverState.LATE),
    ],
)
def test_the_clock_tells_due_met_and_late(secured: str | None, now: str, state: HandOverState) -> None:
    assert judged(clock(), "2024-02-21T10:00", secured=secured, now=now).state is state


def test_who_is_still_away_is_not_late_before_the_return_and_24_hours() -> None:
    back = work("2024-02-27T10:00", "2024-02-21T08:00")
    for now, state in (("2024-02-28T10:00", HandOverState.DUE), ("2024-02-28T10:01", HandOverState.LATE)):
        assert judged(clock(field_work=EXCEPTION), "2024-02-21T10:00", now=now, returned=back).state is state


def test_the_clock_runs_24_hours_and_no_day_of_another_length_where_clocks_are_turned() -> None:
    end = dt.datetime(2024, 3, 30, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    found = hand_over_of(clock(), Circumstances(end), secured_at=None, now=end, zone=ZoneInfo("Europe/Berlin"))
    assert found.due is not None
    assert found.due - end.astimezone(dt.UTC) == dt.timedelta(hours=24)


def test_a_deadline_is_stored_as_all_times_are() -> None:
    stored = judged(clock(), "2024-02-21T10:00", now="2024-02-22T09:00").model_dump(mode="json")
    assert (stored["started_at"], stored["due"]) == ("2024-02-21T02:00:00.000Z", "2024-02-22T02:00:00.000Z")


def test_a_stored_decision_is_read_as_it_was_written() -> None:
    found = judged(
        "marine", "2024-02-21T10:00", secured="2024-02-23T10:00", returned=work("2024-02-23T08:00", "2024-02-21T11:00")
    )
    assert HandOver.model_validate(found.model_dump(mode="json")) == found


def test_a_regime_without_a_clock_is_never_late() -> None:
    found = judged(None, "2024-02-21T10:00")
    assert (found.state, found.due) == (HandOverState.NONE, None)


def test_no_deadline_is_made_of_a_time_beyond_the_calendar() -> None:
    end = dt.datetime.max.replace(tzinfo=dt.UTC)
    found = hand_over_of(clock(), Circumstances(end), secured_at=None, now=end, zone=SHANGHAI)
    assert found.state is HandOverState.NONE


def test_the_clock_refuses_a_time_without_a_zone() -> None:
    naive = dt.datetime(2024, 1, 1)
    with pytest.raises(ValueError, match="without a zone"):
        hand_over_of(clock(), Circumstances(naive), secured_at=None, now=naive, zone=SHANGHAI)


@pytest.mark.parametrize(
    "change",
    [
        {"basis": "local policy"},
        {"article": None, "words": None},
        {"starts": "hand_in"},
        {"hand_in": {"article": "二", "words": "交至"}},
        {"field_work": {"hours": 24, "article": "二", "words": "返回"}},
        {"field_work": {"hours": 24, "is_free_text": True, "note": "ours"}},
        {"field_work": EXCEPTION | {"reasons": [{"id": "a", "zh": "甲", "en": "a"}]}},
    ],
)
def test_a_clock_that_makes_no_sense_or_shows_local_policy_as_law_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        clock(**change)


MOMENTS = st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC))


@given(end=MOMENTS, returned=MOMENTS, secured=MOMENTS)
def test_a_declared_return_never_makes_a_recording_late_that_was_in_time(
    end: dt.datetime, returned: dt.datetime, secured: dt.datetime
) -> None:
    of = clock(field_work=EXCEPTION)
    back = FieldWork(
        declaration=1, reason=None, words="x", returned_at=returned, declared_at=returned, declared_by="张三"
    )

    def judge(*declared: FieldWork) -> HandOver:
        known = Circumstances(end, field_work=declared)
        return hand_over_of(of, known, secured_at=secured, now=secured, zone=SHANGHAI)

    without, having = judge(), judge(back)
    assert having.ordinary_due == without.due
    if without.state is HandOverState.MET:
        assert having.state is HandOverState.MET
    else:
        assert having.state is (
            HandOverState.EXCUSED if secured <= returned + dt.timedelta(hours=24) else HandOverState.LATE
        )


# What may be declared


def declared_under(regime: str, **fields: Any) -> Act:
    given = {"by": "张三", "kind": "field_work", "at": local("2024-02-21T10:00"), "docking": "d"} | fields
    request = Declare.model_validate(given)
    return declaring_act(request, Scope(docking_id="d"), REGIMES[regime].hand_over, local("2024-02-22T10:00"))


def test_civil_affairs_30_offers_no_field_work_to_declare() -> None:
    with pytest.raises(RefusedError, match="no exception for field work.*第三十条"):
        declared_under("civil_affairs", words="外出", reason="remote")


def test_ethnic_religious_has_no_field_work_in_its_shipped_local_policy() -> None:
    with pytest.raises(RefusedError, match="no exception for field work"):
        declared_under("ethnic_religious", words="外出")


def test_health_28_takes_a_reason_in_words_and_none_without() -> None:
    assert declared_under("health", words="在村里执法").data["article"] == "第二十八条"
    for fields in ({}, {"reason": "remote", "words": "在村里执法"}):
        with pytest.raises(RefusedError, match="in words"):
            declared_under("health", **fields)


def test_market_regulation_41_takes_work_on_the_water_with_the_condition_of_the_clause() -> None:
    assert declared_under("market_regulation", reason="on_water").data["condition"] == "确实无法及时交至专职人员"
    with pytest.raises(RefusedError, match="第四十一条") as refused:
        declared_under("market_regulation", reason="weather")
    assert "on_water (水上执法)" in (refused.value.advice or "")


def test_a_hand_in_is_declared_where_the_regime_has_that_stage() -> None:
    assert declared_under("market_regulation", kind="hand_in").data["kind"] == "hand_in"
    with pytest.raises(RefusedError, match="no stage of hand-in"):
        declared_under("marine", kind="hand_in")


@pytest.mark.parametrize("regime", ["civil_affairs", "health", "market_regulation", "ethnic_religious"])
def test_the_end_of_an_activity_is_declared_only_where_the_clock_starts_with_it(regime: str) -> None:
    assert declared_under("marine", kind="activity_end").act == "handover.declared"
    with pytest.raises(RefusedError, match="does not start with the end of the activity"):
        declared_under(regime, kind="activity_end")


@pytest.mark.parametrize(
    ("start", "end", "is_covered"),
    [
        ("2024-02-21T07:00", "2024-02-21T08:00", True),
        ("2024-02-21T07:00", "2024-02-21T07:59", False),
        ("2024-02-22T18:00", "2024-02-22T19:00", True),
        ("2024-02-22T18:01", "2024-02-22T19:00", False),
    ],
)
def test_a_span_covers_what_touches_it(start: str, end: str, is_covered: bool) -> None:
    scope = Scope(recorder="7", since=local("2024-02-21T08:00"), until=local("2024-02-22T18:00"))
    about = {"recording_id": "r", "docking_id": "d", "start": local(start), "end": local(end)}
    assert scope.covers(recorder="7", **about) is is_covered  # type: ignore[arg-type]
    assert not scope.covers(recorder="8", **about)  # type: ignore[arg-type]
    assert scope_of(scope.document()) == scope

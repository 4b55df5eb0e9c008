"""Chains of approval, trust in the clock, hours, and whose bytes stay: pure deciding before anything is destroyed."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingestd.core.approvals import (
    DEFAULTS,
    ApprovalRule,
    ApprovedAct,
    chain_of,
    check_approval,
    check_chains,
    is_same_person,
    still_missing,
)
from ingestd.core.disposal import clock_fault, is_within
from ingestd.core.errors import RefusedError
from ingestd.core.lifecycle import State
from ingestd.retention.plan import Share, needed_store, refuse_large, still_needed_by

NOON = dt.datetime(2030, 3, 1, 4, tzinfo=dt.UTC)
STEP = dt.timedelta(days=14)
NAMES = st.sampled_from(["李档案", "王主任", "Wang Wu", "wang  wu", "ＷＡＮＧ ＷＵ", "赵局长"])


def chain(persons: int, *, may_requester_approve: bool = False) -> ApprovalRule:
    allowed = may_requester_approve
    return ApprovalRule(
        act=ApprovedAct.VIEW, who="分管领导", persons=persons, may_requester_approve=allowed, note="本单位"
    )


@given(persons=st.integers(1, 3), requester=NAMES, tried=st.lists(NAMES, max_size=8), allowed=st.booleans())
def test_a_chain_is_complete_only_with_so_many_different_people(
    persons: int, requester: str, tried: list[str], allowed: bool
) -> None:
    rule, given_by = chain(persons, may_requester_approve=allowed), list[str]()
    for name in tried:
        try:
            check_approval(rule, requester=requester, given=given_by, by=name)
        except RefusedError:
            continue
        given_by.append(name)
    people: list[str] = []
    for name in given_by:
        assert not any(is_same_person(name, other) for other in people)
        assert allowed or not is_same_person(name, requester)
        people.append(name)
    assert still_missing(rule, requester=requester, given=given_by) == max(0, persons - len(people))


@pytest.mark.parametrize("act", [ApprovedAct.DISPOSAL, ApprovedAct.HOLD_RELEASE, ApprovedAct.REGIME_CHANGE])
def test_no_regime_lets_one_person_alone_do_what_takes_two(act: ApprovedAct) -> None:
    with pytest.raises(ValidationError, match="two different people"):
        ApprovalRule(act=act, who="本人", persons=1, may_requester_approve=True, note="本单位")


def test_the_station_approves_nothing() -> None:
    with pytest.raises(RefusedError):
        check_approval(chain(1), requester="李档案", given=[], by="station")


def test_a_regime_has_one_chain_for_an_act() -> None:
    with pytest.raises(ValueError, match="keep one"):
        check_chains([chain(1), chain(2)])


def test_without_a_chain_of_the_regime_the_shipped_one_counts() -> None:
    assert [chain_of((), act) for act in ApprovedAct] == list(DEFAULTS)
    assert chain_of((chain(3),), ApprovedAct.VIEW).persons == 3


@pytest.mark.parametrize(
    ("now", "is_synchronised", "words"),
    [
        pytest.param(NOON, False, "not synchronised", id="nobody keeps it right"),
        pytest.param(NOON - dt.timedelta(seconds=1), True, "before", id="set back"),
        pytest.param(NOON + STEP + dt.timedelta(seconds=1), True, "jumped", id="far ahead"),
        pytest.param(NOON + STEP, True, None, id="as far as is allowed"),
    ],
)
def test_the_clock_is_trusted_where_nothing_speaks_against_it(
    now: dt.datetime, is_synchronised: bool, words: str | None
) -> None:
    fault = clock_fault(now, NOON, is_synchronised=is_synchronised, most_step=STEP)
    assert fault is None if words is None else words in str(fault)


@pytest.mark.parametrize(
    ("window", "hours"),
    [("", range(24)), ("09:00-17:00", range(9, 17)), ("20:00-06:00", [*range(20, 24), *range(6)]), ("00:00-00:00", [])],
)
def test_the_hours_of_a_window_are_those_that_it_says(window: str, hours: list[int]) -> None:
    assert [hour for hour in range(24) if is_within(window, dt.time(hour))] == sorted(hours)


@given(
    states=st.lists(st.sampled_from(list(State)), min_size=1, max_size=5),
    going=st.frozensets(st.integers(0, 4)),
)
def test_bytes_stay_as_long_as_any_other_recording_of_them_lives(states: list[State], going: frozenset[int]) -> None:
    sharers = [(str(number), state) for number, state in enumerate(states)]
    needed = still_needed_by("0", sharers, frozenset(map(str, going)))
    dead = (State.CONDEMNED, State.DISPOSED)
    living = [number for number, state in sharers if number != "0" and state not in dead and int(number) not in going]
    assert needed == living


@given(recordings=st.integers(1, 10_000), size_bytes=st.integers(0, 10**15), percent=st.floats(0.1, 100))
def test_counting_the_store_so_far_is_enough_to_see_that_a_plan_is_small(
    recordings: int, size_bytes: int, percent: float
) -> None:
    refuse_large(Share(recordings, size_bytes, *needed_store(recordings, size_bytes, percent)), percent)
    with pytest.raises(RefusedError):
        refuse_large(Share(recordings, size_bytes, int(recordings * 100 / percent * 0.9), size_bytes * 2000), percent)

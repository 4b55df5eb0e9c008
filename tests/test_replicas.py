"""What is due for copies in other stores, decided without any store."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.ids import RecordingId, Sha256
from ingestd.core.replicas import (
    LONGEST_BACKOFF_SECONDS,
    KeptCopy,
    LockRule,
    ObjectKind,
    ReplicaCopy,
    WantedObject,
    backoff_seconds,
    care_for,
    copy_document,
    copy_of,
    in_order_of_need,
)

NOW = dt.datetime(2030, 1, 1, 12, 0, 0, tzinfo=dt.UTC)
RULE = LockRule(lock_days=90, renew_days=60)
COPY = ReplicaCopy(
    store="central",
    key="original/aa/aa",
    version_id="v1",
    sha256=Sha256("a" * 64),
    size_bytes=1,
    verified_at=NOW,
    locked_until=NOW + dt.timedelta(days=10),
    is_lock_honoured=True,
)

moments = st.datetimes(dt.datetime(2029, 1, 1), dt.datetime(2040, 1, 1)).map(lambda one: one.replace(tzinfo=dt.UTC))
kept_copies = st.builds(
    lambda locked, hold, keep_until, is_held, is_needed: KeptCopy(
        replace(COPY, locked_until=locked, has_legal_hold=hold), keep_until, is_held, is_needed
    ),
    st.none() | moments,
    st.booleans(),
    st.none() | moments,
    st.booleans(),
    st.booleans(),
)
rules = st.integers(2, 400).flatmap(lambda days: st.builds(LockRule, st.just(days), st.integers(1, days - 1)))


@given(kept=kept_copies, rule=rules, now=moments)
def test_a_lock_is_never_set_to_end_before_the_one_that_stands(
    kept: KeptCopy, rule: LockRule, now: dt.datetime
) -> None:
    care = care_for(kept, rule, now)
    if care.until is not None and kept.copy.locked_until is not None:
        assert care.until > kept.copy.locked_until


@given(kept=kept_copies, rule=rules, now=moments)
def test_what_is_held_is_locked_and_under_legal_hold_after_its_care(
    kept: KeptCopy, rule: LockRule, now: dt.datetime
) -> None:
    kept = replace(kept, is_held=True, is_needed=True)
    care = care_for(kept, rule, now)
    locked = care.until or kept.copy.locked_until
    assert locked is not None
    assert locked >= rule.look_before(now)
    assert kept.copy.has_legal_hold or care.legal_hold is True


@given(kept=kept_copies, rule=rules, now=moments)
def test_care_is_taken_once(kept: KeptCopy, rule: LockRule, now: dt.datetime) -> None:
    care = care_for(kept, rule, now)
    after = replace(
        kept.copy,
        locked_until=care.until or kept.copy.locked_until,
        has_legal_hold=kept.copy.has_legal_hold if care.legal_hold is None else care.legal_hold,
    )
    assert not care_for(replace(kept, copy=after), rule, now).is_due


def test_what_has_an_end_is_not_locked_far_beyond_it() -> None:
    end = NOW + dt.timedelta(days=20)
    assert care_for(KeptCopy(COPY, end, is_held=False), RULE, NOW).until == end
    assert care_for(KeptCopy(COPY, None, is_held=False), RULE, NOW).until == NOW + dt.timedelta(days=90)


@pytest.mark.parametrize("keep_until", [NOW, NOW - dt.timedelta(days=1)])
def test_a_copy_whose_term_is_over_is_left_to_its_lock(keep_until: dt.datetime) -> None:
    assert not care_for(KeptCopy(COPY, keep_until, is_held=False), RULE, NOW).is_due
    assert care_for(KeptCopy(COPY, keep_until, is_held=True), RULE, NOW).until == NOW + dt.timedelta(days=90)


def test_a_hold_of_what_nobody_needs_any_more_is_lifted_and_nothing_is_locked() -> None:
    care = care_for(KeptCopy(replace(COPY, has_legal_hold=True), None, is_held=False, is_needed=False), RULE, NOW)
    assert (care.until, care.legal_hold) == (None, False)


def test_a_store_without_locks_is_asked_for_none() -> None:
    assert not care_for(KeptCopy(replace(COPY, locked_until=None), None, is_held=True), None, NOW).is_due


def test_a_lock_that_is_not_honoured_is_none() -> None:
    assert COPY.is_locked(NOW)
    assert not replace(COPY, is_lock_honoured=False).is_locked(NOW)
    assert not COPY.is_locked(NOW + dt.timedelta(days=11))
    assert replace(COPY, locked_until=None, has_legal_hold=True).is_locked(NOW)


def test_locks_end_at_whole_seconds_and_never_early() -> None:
    now = NOW.replace(microsecond=1)
    assert RULE.until(now, None) == NOW + dt.timedelta(days=90, seconds=1)


def test_held_comes_before_late_before_case_before_age() -> None:
    plain = WantedObject(ObjectKind.ORIGINAL, "p", Sha256("b" * 64), 1, RecordingId("r"), 1, NOW)
    held, late, linked = (
        replace(plain, sealed_seq=9, is_held=True),
        replace(plain, sealed_seq=8, is_late=True),
        replace(plain, sealed_seq=7, is_case_linked=True),
    )
    second = replace(plain, sealed_seq=2)
    assert in_order_of_need([second, linked, plain, late, held]) == [held, late, linked, plain, second]


@given(st.integers(0, 10_000))
def test_backing_off_grows_and_ends_at_a_quarter_hour(failures: int) -> None:
    assert backoff_seconds(0) == 0
    assert backoff_seconds(failures) <= backoff_seconds(failures + 1) <= LONGEST_BACKOFF_SECONDS


@given(kept=kept_copies)
def test_a_copy_is_the_same_when_it_was_written_down(kept: KeptCopy) -> None:
    copy = replace(kept.copy, locked_until=kept.copy.locked_until and kept.copy.locked_until.replace(microsecond=0))
    assert copy_of(copy_document(copy)) == copy

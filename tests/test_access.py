"""Who may see what: rules of the five regimes, requests, and that nothing opens without one of both."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ingestd.config.load import load_regimes
from ingestd.core.access import AccessRequest, AccessState, Approval, Capacity, Reason, permission, viewers_of
from ingestd.core.access_acts import (
    Approve,
    Ask,
    Close,
    Refuse,
    Withdraw,
    access_document,
    access_of,
    act_of,
    applied,
    asking_act,
)
from ingestd.core.access_rules import AccessKind, AccessRule, Viewer, rule_for
from ingestd.core.approvals import ApprovedAct, chain_of
from ingestd.core.clock import to_text
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.roles import Role

REGIMES = load_regimes(Path(__file__).parent.parent / "config" / "regimes")
NOW = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)
TODAY = dt.date(2026, 3, 2)
LATER = NOW + dt.timedelta(days=7)
CHAIN = chain_of((), ApprovedAct.VIEW)
RULE = AccessRule(id="rule", kinds=tuple(AccessKind), viewers=(Viewer.OFFICER,), basis="local policy", note="ours")
ONE = "01a"


def request(**changed: Any) -> AccessRequest:
    given = {
        "number": "A2026-0001",
        "kind": AccessKind.VIEW,
        "account": "officer",
        "asked_by": "王海",
        "applicant": "王海",
        "capacity": Capacity.HANDLER,
        "unit": "一队",
        "contact": "",
        "purpose": "核对现场",
        "items": ("a.mp4",),
        "recordings": (ONE,),
        "asked_at": to_text(NOW),
    }
    return AccessRequest(**given | changed)


def approved(**changed: Any) -> AccessRequest:
    return request(
        **{
            "approvals": (Approval("周岚", to_text(NOW)),),
            "approved_at": to_text(NOW),
            "valid_until": to_text(LATER),
            **changed,
        }
    )


def judged(asked: AccessRequest, views: int = 0, *, going_on: str | None = None, now: dt.datetime = NOW) -> Reason:
    return permission(
        [RULE],
        kind=AccessKind.VIEW,
        viewers=[Viewer.OFFICER],
        is_secret=False,
        account="officer",
        recording_id=ONE,
        requests=[(asked, {ONE: views})],
        going_on=going_on,
        now=now,
    ).reason


def free(regime: str, *viewers: Viewer, kind: AccessKind = AccessKind.VIEW, is_secret: bool = False) -> bool:
    return not rule_for(REGIMES[regime].access, kind, viewers, is_secret=is_secret).needs_approval


# Regimes


def test_in_jiangmen_an_officer_needs_the_head_even_for_the_own_footage() -> None:
    rule = rule_for(REGIMES["market_regulation"].access, AccessKind.VIEW, [Viewer.OFFICER, Viewer.OWN], is_secret=False)
    assert (rule.needs_approval, rule.article) == (True, "第四十五条")


@pytest.mark.parametrize("regime", ["marine", "civil_affairs", "ethnic_religious", "health"])
def test_where_the_regulation_is_silent_the_own_footage_is_open_and_that_of_others_is_not(regime: str) -> None:
    assert [free(regime, Viewer.OFFICER, Viewer.OWN), free(regime, Viewer.OFFICER)] == [True, False]


@pytest.mark.parametrize("regime", sorted(REGIMES))
def test_nobody_copies_without_an_approval_in_any_regime(regime: str) -> None:
    assert not any(free(regime, viewer, kind=AccessKind.COPY) for viewer in Viewer)


@pytest.mark.parametrize("regime", sorted(REGIMES))
def test_what_is_secret_is_open_to_no_more_than_the_head(regime: str) -> None:
    assert {viewer for viewer in Viewer if free(regime, viewer, is_secret=True)} <= {Viewer.HEAD}


def test_a_copy_of_secrets_is_for_no_party_in_civil_affairs() -> None:
    rules = REGIMES["civil_affairs"].access
    assert rule_for(rules, AccessKind.COPY, [Viewer.OUTSIDE], is_secret=True).is_excluded
    assert not rule_for(rules, AccessKind.COPY, [Viewer.OUTSIDE], is_secret=False).is_excluded


def test_without_rules_everything_takes_an_approval() -> None:
    assert rule_for([], AccessKind.VIEW, [Viewer.HEAD, Viewer.OWN], is_secret=False).needs_approval


@pytest.mark.parametrize(
    "changed",
    [{"basis": "law"}, {"note": None}, {"is_excluded": True, "needs_approval": False}, {"valid_days": 0}],
)
def test_a_rule_that_makes_no_sense_is_refused(changed: dict[str, Any]) -> None:
    given: dict[str, Any] = {"id": "x", "kinds": ["view"], "viewers": ["own"], "basis": "local policy", "note": "ours"}
    AccessRule.model_validate(given)
    with pytest.raises(ValidationError):
        AccessRule.model_validate(given | changed)


def test_administrators_and_inspectors_meet_footage_in_no_capacity() -> None:
    assert viewers_of([Role.ADMIN, Role.INSPECTOR], is_own=True, is_in_sample=False) == frozenset()
    assert viewers_of([Role.INSPECTOR], is_own=False, is_in_sample=True) == {Viewer.SAMPLE}


# What opens


@pytest.mark.parametrize(
    ("asked", "views", "reason"),
    [
        (request(), 0, Reason.WAITS),
        (approved(), 9, Reason.REQUEST),
        (approved(kind=AccessKind.COPY), 0, Reason.REQUEST),
        (approved(valid_until=to_text(NOW)), 0, Reason.EXPIRED),
        (approved(uses=2), 1, Reason.REQUEST),
        (approved(uses=2), 2, Reason.USED_UP),
        (approved(account="another"), 0, Reason.NEEDS_APPROVAL),
        (approved(recordings=("02b",)), 0, Reason.NEEDS_APPROVAL),
        (approved(ended_as="closed"), 0, Reason.NEEDS_APPROVAL),
        (request(ended_as="refused"), 0, Reason.NEEDS_APPROVAL),
    ],
)
def test_a_request_opens_what_it_names_while_it_stands(asked: AccessRequest, views: int, reason: Reason) -> None:
    assert judged(asked, views) is reason


def test_the_last_view_goes_on_to_its_end_and_no_other_one_begins() -> None:
    assert judged(approved(uses=1), 1, going_on="A2026-0001") is Reason.REQUEST
    assert judged(approved(uses=1), 1, going_on="A2026-0002") is Reason.USED_UP
    assert judged(approved(uses=1), 1, going_on="A2026-0001", now=LATER) is Reason.EXPIRED


HOURS = st.sampled_from([-1, 0, 1]).map(lambda hours: to_text(NOW + dt.timedelta(hours=hours)))
ASKED = st.builds(
    request,
    number=st.sampled_from(["A2026-0001", "A2026-0002"]),
    kind=st.sampled_from(AccessKind),
    account=st.sampled_from(["officer", "officer", "other"]),
    recordings=st.sampled_from([(ONE,), (ONE, "02b"), ("02b",)]),
    approved_at=st.sampled_from([to_text(NOW), to_text(NOW), None]),
    valid_until=HOURS,
    uses=st.sampled_from([None, 1, 2]),
    ended_as=st.sampled_from(["", "", "", "refused", "withdrawn", "closed"]),
)


@settings(max_examples=300)
@given(
    asked=st.lists(st.tuples(ASKED, st.fixed_dictionaries({ONE: st.integers(0, 3)})), min_size=1, max_size=3),
    regime=st.sampled_from(sorted(REGIMES)),
    kind=st.sampled_from(AccessKind),
    viewers=st.just({Viewer.OFFICER}) | st.sets(st.sampled_from(Viewer)),
    is_secret=st.booleans(),
    going_on=st.none() | st.sampled_from(["A2026-0001", "A2026-0002"]),
)
def test_nothing_opens_without_a_rule_or_a_good_request_of_this_person_for_this_recording(
    asked: list[tuple[AccessRequest, dict[str, int]]],
    regime: str,
    kind: AccessKind,
    viewers: set[Viewer],
    is_secret: bool,
    going_on: str | None,
) -> None:
    rules = REGIMES[regime].access
    decision = permission(
        rules,
        kind=kind,
        viewers=viewers,
        is_secret=is_secret,
        account="officer",
        recording_id=ONE,
        requests=asked,
        going_on=going_on,
        now=NOW,
    )
    letting = [
        one
        for one in rules
        if kind in one.kinds
        and set(one.viewers) & viewers
        and one.is_for_secret == is_secret
        and not one.needs_approval
    ]
    good = [
        one
        for one, views in asked
        if one.account == "officer"
        and ONE in one.recordings
        and (one.kind is kind or one.kind is AccessKind.COPY)
        and not one.ended_as
        and one.approved_at is not None
        and one.valid_until is not None
        and to_text(NOW) < one.valid_until
        and (one.uses is None or views[ONE] < one.uses + (going_on == one.number))
    ]
    if decision.is_open:
        assert letting or decision.request in {one.number for one in good}
    elif decision.reason is not Reason.EXCLUDED:
        assert not letting
        assert not good


# What people do


def ask(**changed: Any) -> Ask:
    given = {"by": "王海", "account": "officer", "capacity": "handler", "purpose": "核对现场", "recordings": [ONE]}
    return Ask.model_validate(given | changed)


def act_on(asked: AccessRequest, word: Any, *, now: dt.datetime = NOW, rule: AccessRule = RULE, **more: Any) -> Any:
    return act_of(word, asked, chain=more.get("chain", CHAIN), rule=rule, until=LATER, now=now)


def test_a_request_that_is_asked_and_approved_stands_so_in_its_document() -> None:
    act = asking_act(ask(unit="一队"), "A2026-0001", ["a.mp4"], [ONE], TODAY)
    asked = applied(None, act, to_text(NOW))
    assert asked.state({}, NOW) is AccessState.ASKED
    after = applied(asked, act_on(asked, Approve(by="周岚", number=asked.number)), to_text(NOW))
    assert (after.state({}, NOW), after.valid_until) == (AccessState.APPROVED, to_text(LATER))
    assert access_of(access_document(after)) == after


@pytest.mark.parametrize(("by", "applicant"), [("王海", "王海"), ("ＷＡＮＧ", "wang"), ("周岚", "周岚")])
def test_nobody_approves_what_is_asked_by_or_for_them(by: str, applicant: str) -> None:
    asked = request(asked_by="王海" if applicant == "周岚" else applicant, applicant=applicant)
    with pytest.raises(RefusedError):
        act_on(asked, Approve(by=by, number=asked.number))


def test_a_chain_of_two_opens_nothing_after_the_first() -> None:
    chain = CHAIN.model_copy(update={"persons": 2})
    asked = request()
    once = applied(asked, act_on(asked, Approve(by="周岚", number=asked.number), chain=chain), to_text(NOW))
    assert once.state({}, NOW) is AccessState.ASKED
    with pytest.raises(RefusedError, match="approved it before"):
        act_on(once, Approve(by="周岚", number=asked.number), chain=chain)
    twice = applied(once, act_on(once, Approve(by="郑强", number=asked.number), chain=chain), to_text(NOW))
    assert twice.state({}, NOW) is AccessState.APPROVED


@pytest.mark.parametrize("word", [Approve, Refuse, Withdraw, Close])
def test_nothing_follows_on_a_request_that_ended(word: Any) -> None:
    asked = request(ended_as="refused", ended_by="周岚")
    with pytest.raises(RefusedError):
        act_on(asked, word(by="王海", number=asked.number, **({} if word in (Approve, Withdraw) else {"reason": "x"})))


def test_an_approval_into_the_past_and_one_of_what_is_excluded_are_refused() -> None:
    asked = request()
    with pytest.raises(RefusedError, match="past"):
        act_on(asked, Approve(by="周岚", number=asked.number, valid_until=NOW))
    with pytest.raises(RefusedError, match="nobody"):
        act_on(asked, Approve(by="周岚", number=asked.number), rule=RULE.model_copy(update={"is_excluded": True}))


def test_only_who_asked_withdraws() -> None:
    asked = request()
    with pytest.raises(RefusedError, match="nobody else"):
        act_on(asked, Withdraw(by="周岚", number=asked.number))
    act = act_on(asked, Withdraw(by="王海", number=asked.number))
    assert applied(asked, act, to_text(NOW)).state({}, NOW) is AccessState.WITHDRAWN


def test_an_approval_is_taken_back_by_closing_it() -> None:
    with pytest.raises(RefusedError):
        act_on(approved(), Refuse(by="周岚", number="A2026-0001", reason="案件已结"))
    closed = applied(approved(), act_on(approved(), Close(by="周岚", number="A2026-0001", reason="x")), to_text(NOW))
    assert judged(closed) is Reason.NEEDS_APPROVAL


def test_a_request_for_nothing_and_one_until_yesterday_are_refused() -> None:
    with pytest.raises(RefusedError):
        asking_act(ask(), "A2026-0001", [], [], TODAY)
    with pytest.raises(RefusedError):
        asking_act(ask(wanted_until="2026-03-01"), "A2026-0001", ["a"], [ONE], TODAY)


def test_an_act_about_no_request_cannot_show() -> None:
    asked = request()
    with pytest.raises(NotFoundError):
        applied(None, act_on(asked, Approve(by="周岚", number=asked.number)), to_text(NOW))


@pytest.mark.parametrize(
    ("asked", "views", "now", "state"),
    [
        (approved(), {ONE: 1}, NOW, AccessState.USED),
        (approved(uses=1), {ONE: 1}, NOW, AccessState.USED_UP),
        (approved(uses=1, recordings=(ONE, "02b")), {ONE: 1}, NOW, AccessState.USED),
        (approved(), {}, LATER, AccessState.EXPIRED),
    ],
)
def test_use_and_time_change_where_a_request_stands(
    asked: AccessRequest, views: dict[str, int], now: dt.datetime, state: AccessState
) -> None:
    assert asked.state(views, now) is state

"""Holds as they are reasoned about: what a scope covers, who may end one, and what each act makes of it."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingestd.config.load import load_regimes
from ingestd.core.approvals import ApprovalRule, ApprovedAct, chain_of
from ingestd.core.cases import CaseOfficer
from ingestd.core.clock import to_text
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.hold_acts import (
    REQUESTS,
    HoldRequest,
    Place,
    act_of,
    applied,
    hold_document,
    hold_of,
    placing_act,
)
from ingestd.core.holds import (
    SCOPE,
    AnyScope,
    CaseScope,
    Hold,
    HoldFacts,
    HoldReason,
    Judgement,
    OfficerScope,
    PlaceScope,
    RecordingsScope,
    TakeScope,
    covers,
    judged,
)
from tests.support.station import PROJECT

TODAY = dt.date(2026, 4, 2)
NOON = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
CHAIN = chain_of((), ApprovedAct.HOLD_RELEASE)

moments = st.integers(0, 200).map(lambda hours: NOON + hours * HOUR)
names = st.sampled_from(["张三", "李四", "Wang Wu", "王五"])
officers = st.builds(CaseOfficer, names, st.sampled_from(["", "210001", "210002"]))
degrees = st.floats(-80, 80).map(lambda value: round(value, 4))


@st.composite
def facts(draw: st.DrawFn) -> HoldFacts:
    start, length = draw(moments), draw(st.integers(0, 5))
    is_tagged = draw(st.booleans())
    south, west = draw(degrees), draw(degrees)
    box = (south, west, south + draw(st.floats(0, 1)), west + draw(st.floats(0, 1)))
    mates = draw(st.frozensets(st.sampled_from("abcdef"), max_size=3))
    recording = draw(st.sampled_from("abcdef"))
    return HoldFacts(
        recording_id=recording,
        take_id=draw(st.sampled_from([None, "t1", "t2"])),
        take_mates=mates | {recording} if mates else mates,
        cases=draw(st.frozensets(st.sampled_from(["1", "2"]))),
        start=start if is_tagged else None,
        end=start + length * HOUR if is_tagged else None,
        is_time_known=draw(st.booleans()),
        officers=tuple(draw(st.lists(officers, max_size=2))),
        places=tuple(draw(st.lists(st.sampled_from(["大黑石渔港", "一号港"]), max_size=2))),
        bounds=draw(st.sampled_from([None, box])),
        datums=draw(st.sampled_from([(), ("WGS-84",), ("GCJ-02",)])),
    )


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    since = draw(moments)
    until = draw(st.sampled_from([None, since + draw(st.integers(0, 100)) * HOUR]))
    return {"since": since, "until": until}


scopes: st.SearchStrategy[AnyScope] = st.one_of(
    st.builds(RecordingsScope, recordings=st.lists(st.sampled_from("abcdef"), min_size=1).map(tuple)),
    st.builds(TakeScope, take_id=st.sampled_from(["t1", "t2"]), recordings=st.just(("a", "b"))),
    st.builds(CaseScope, number=st.sampled_from(["1", "2"])),
    st.builds(lambda name, window: OfficerScope(name=name, **window), names, windows()),
    st.builds(lambda window: PlaceScope(area="黑石", **window), windows()),
    st.builds(
        lambda north, east, metres, window: PlaceScope(latitude=north, longitude=east, radius_m=metres, **window),
        degrees,
        degrees,
        st.floats(1, 200_000),
        windows(),
    ),
)


# --- what a scope covers ----------------------------------------------------------------------------------------------


@given(scopes, facts())
def test_a_scope_says_the_same_after_it_was_written_down(scope: AnyScope, known: HoldFacts) -> None:
    again = SCOPE.validate_python(scope.model_dump(mode="json"))
    assert again == scope
    assert judged(again, known) is judged(scope, known)


@given(scopes, facts(), st.integers(0, 50))
def test_a_wider_window_loses_nothing(scope: AnyScope, known: HoldFacts, hours: int) -> None:
    if not isinstance(scope, OfficerScope | PlaceScope) or not covers(scope, known):
        return
    until = scope.until + hours * HOUR if scope.until is not None else None
    wider = scope.model_copy(update={"since": scope.since - hours * HOUR, "until": until})
    assert covers(wider, known)
    assert covers(scope.model_copy(update={"until": None}), known)


@given(scopes, facts())
def test_a_wider_circle_loses_nothing(scope: AnyScope, known: HoldFacts) -> None:
    if isinstance(scope, PlaceScope) and scope.radius_m is not None and covers(scope, known):
        assert covers(scope.model_copy(update={"radius_m": scope.radius_m * 2}), known)


@given(scopes, facts())
def test_what_is_known_besides_never_takes_a_recording_out(scope: AnyScope, known: HoldFacts) -> None:
    """One more officer, place, case or segment of the take: nothing that is covered gets out by it."""
    if not covers(scope, known):
        return
    more = HoldFacts(
        recording_id=known.recording_id,
        take_id=known.take_id,
        take_mates=known.take_mates | {"z"},
        cases=known.cases | {"9"},
        start=known.start,
        end=known.end,
        is_time_known=known.is_time_known,
        officers=(*known.officers, CaseOfficer("赵六", "999")),
        places=(*known.places, "别处"),
        bounds=known.bounds,
        datums=known.datums,
    )
    assert covers(scope, more)


@given(scopes, facts())
def test_covered_is_never_said_of_what_nothing_is_known_of(scope: AnyScope, known: HoldFacts) -> None:
    blank = HoldFacts(recording_id=known.recording_id)
    told = judged(scope, blank)
    if isinstance(scope, OfficerScope | PlaceScope):
        assert told is Judgement.UNKNOWN, "it may belong to it: a person looks"
    elif isinstance(scope, CaseScope):
        assert told is Judgement.NOT_COVERED


def of_officer(**fields: Any) -> OfficerScope:
    return OfficerScope.model_validate({"name": "张三", "since": NOON, "until": NOON + HOUR} | fields)


def recorded(**fields: Any) -> HoldFacts:
    known: dict[str, Any] = {"recording_id": "a", "start": NOON, "end": NOON + HOUR}
    return HoldFacts(**known | fields)


@pytest.mark.parametrize(
    ("officer", "told"),
    [
        (CaseOfficer("张三"), Judgement.COVERED),
        (CaseOfficer(" 张三"), Judgement.COVERED),
        (CaseOfficer("张三", "210009"), Judgement.COVERED),
        (CaseOfficer("李四"), Judgement.NOT_COVERED),
    ],
)
def test_an_officer_is_told_by_name(officer: CaseOfficer, told: Judgement) -> None:
    assert judged(of_officer(), recorded(officers=(officer,))) is told


def test_where_both_have_a_certificate_it_decides() -> None:
    scope = of_officer(certificate="210001")
    assert covers(scope, recorded(officers=(CaseOfficer("张珊", "210001"),)))
    assert not covers(scope, recorded(officers=(CaseOfficer("张三", "210002"),))), "a namesake"
    assert covers(scope, recorded(officers=(CaseOfficer("张三", ""),)))


def test_touching_the_window_is_enough() -> None:
    mine = {"officers": (CaseOfficer("张三"),)}
    assert covers(of_officer(), recorded(start=NOON - HOUR, end=NOON, **mine))
    assert covers(of_officer(), recorded(start=NOON + HOUR, end=NOON + 2 * HOUR, **mine))
    assert not covers(of_officer(), recorded(start=NOON + 2 * HOUR, end=NOON + 3 * HOUR, **mine))


def test_the_time_of_a_docking_leaves_it_open_whether_it_was_recorded_in_the_window() -> None:
    late = {"start": NOON + 50 * HOUR, "end": NOON + 51 * HOUR, "officers": (CaseOfficer("张三"),)}
    assert judged(of_officer(), recorded(**late, is_time_known=False)) is Judgement.UNKNOWN
    assert judged(of_officer(), recorded(**late)) is Judgement.NOT_COVERED


def test_whose_recorder_it_was_nobody_knows() -> None:
    assert judged(of_officer(), recorded()) is Judgement.UNKNOWN
    away = recorded(start=NOON + 9 * HOUR, end=NOON + 10 * HOUR)
    assert judged(of_officer(), away) is Judgement.NOT_COVERED


def at(**fields: Any) -> PlaceScope:
    return PlaceScope.model_validate({"since": NOON, "latitude": 38.9, "longitude": 121.6, "radius_m": 500} | fields)


def boxed(south: float, west: float, north: float, east: float, *datums: str) -> HoldFacts:
    return recorded(bounds=(south, west, north, east), datums=datums or ("WGS-84",))


def test_a_track_that_comes_near_the_point_is_covered() -> None:
    assert covers(at(), boxed(38.90, 121.60, 38.91, 121.61))
    assert covers(at(), boxed(38.9040, 121.60, 38.95, 121.61)), "445 m to its nearest end"
    assert not covers(at(), boxed(38.9060, 121.60, 38.95, 121.61)), "667 m"


def test_a_track_in_another_datum_is_covered_as_far_as_datums_differ() -> None:
    assert covers(at(), boxed(38.9060, 121.60, 38.95, 121.61, "GCJ-02"))
    assert covers(at(), boxed(38.9060, 121.60, 38.95, 121.61, "undeclared"))
    assert covers(at(), boxed(38.9020, 121.60, 38.95, 121.61, "CGCS2000"))
    assert not covers(at(), boxed(38.9060, 121.60, 38.95, 121.61, "CGCS2000"))


def test_a_place_by_name_is_part_of_an_address() -> None:
    scope = at(area="大黑石渔港", latitude=None, longitude=None, radius_m=None)
    assert covers(scope, recorded(places=("金州区大黑石渔港码头",)))
    assert not covers(scope, recorded(places=("一号港",)))
    assert judged(scope, recorded()) is Judgement.UNKNOWN


def test_a_take_is_held_with_the_segments_that_come_in_front_of_it() -> None:
    """A take is named by its first segment: an earlier one that comes later gives it another name."""
    scope = TakeScope(take_id="t1", recordings=("b", "c"))
    assert covers(scope, HoldFacts("a", take_id="t0", take_mates=frozenset({"a", "b", "c"})))
    assert covers(scope, HoldFacts("d", take_id="t1", take_mates=frozenset({"d"})))
    assert covers(scope, HoldFacts("b"))
    assert not covers(scope, HoldFacts("x", take_id="t9", take_mates=frozenset({"x", "y"})))


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "recordings", "recordings": []},
        {"kind": "officer", "name": "", "since": "2026-03-02T00:00:00Z"},
        {"kind": "officer", "name": "张三"},
        {"kind": "officer", "name": "张三", "since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"},
        {"kind": "officer", "name": "张三", "since": "2026-03-02T00:00:00"},
        {"kind": "officer", "name": "张三", "since": "0026-03-02T00:00:00Z"},
        {"kind": "place", "since": "2026-03-02T00:00:00Z"},
        {"kind": "place", "area": "港", "since": "2026-03-02T00:00:00Z"},
        {"kind": "place", "latitude": 38.9, "longitude": 121.6, "since": "2026-03-02T00:00:00Z"},
        {
            "kind": "place",
            "area": "一号港",
            "latitude": 1,
            "longitude": 1,
            "radius_m": 1,
            "since": "2026-03-02T00:00:00Z",
        },
        {"kind": "place", "latitude": 99, "longitude": 1, "radius_m": 1, "since": "2026-03-02T00:00:00Z"},
        {"kind": "everything"},
    ],
)
def test_a_scope_that_says_nothing_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SCOPE.validate_python(document)


# --- acts -------------------------------------------------------------------------------------------------------------

PLACE = {
    "do": "place",
    "by": "王五",
    "reason": "dispute",
    "scope": {"kind": "case", "number": "1"},
    "basis": "行政复议〔2026〕3号",
    "review_on": "2027-03-01",
}


def place(**fields: Any) -> Place:
    (request,) = REQUESTS.validate_python([PLACE | fields])
    assert isinstance(request, Place)
    return request


def placed(**fields: Any) -> Hold:
    act = placing_act(place(**fields), "H2026-0001", (), TODAY)
    return applied(None, act, "2026-04-02T04:00:00.000Z")


def after(hold: Hold, chain: ApprovalRule = CHAIN, **request: Any) -> Hold:
    (asked,) = REQUESTS.validate_python([{"hold": hold.hold_id} | request])
    assert isinstance(asked, HoldRequest)
    return applied(hold, act_of(asked, hold, TODAY, chain), to_text(NOON))


def test_one_person_places_a_hold_and_it_stands_at_once() -> None:
    hold = placed(requester="赵六", words="当事人提出异议", complaint="2026-017")
    assert hold.is_standing
    assert (hold.reason, hold.placed_by, hold.requester) == (HoldReason.DISPUTE, "王五", "赵六")
    assert (hold.complaint_number, hold.words, hold.review_on) == ("2026-017", "当事人提出异议", dt.date(2027, 3, 1))


def test_who_places_it_asks_for_it_where_nobody_else_does() -> None:
    assert placed().requester == "王五"


def test_a_release_that_was_asked_for_ends_nothing() -> None:
    hold = after(placed(), do="release", by="王五", reason="复议终结")
    assert hold.is_standing
    assert hold.release is not None
    assert hold.release.by == "王五"


def test_a_second_person_ends_it_and_both_names_stay() -> None:
    asked = after(placed(), do="release", by="王五", reason="复议终结")
    ended = after(asked, do="approve", by="李四")
    assert not ended.is_standing
    assert ended.released_by == ("王五", "李四")


@pytest.mark.parametrize("same", ["王五", " 王五 ", "王 五"])
def test_the_same_person_however_written_ends_nothing(same: str) -> None:
    asked = after(placed(), do="release", by="王五", reason="复议终结")
    with pytest.raises(RefusedError, match="another person must|cannot approve"):
        after(asked, do="approve", by=same)


def test_full_width_letters_and_capitals_are_no_second_person() -> None:
    asked = after(placed(), do="release", by="wangwu", reason="复议终结")
    with pytest.raises(RefusedError):
        after(asked, do="approve", by="ＷａｎｇＷｕ")


def test_a_chain_of_three_needs_a_third() -> None:
    chain = ApprovalRule(
        act=ApprovedAct.HOLD_RELEASE, who="三人", persons=3, may_requester_approve=True, note="本单位规定"
    )
    asked = after(placed(), do="release", by="王五", reason="复议终结")
    second = after(asked, chain, do="approve", by="李四")
    assert second.is_standing
    with pytest.raises(RefusedError):
        after(second, chain, do="approve", by="李四")
    assert after(second, chain, do="approve", by="赵六").released_by == ("王五", "李四", "赵六")


def test_a_chain_that_leaves_the_requester_out_needs_two_others() -> None:
    chain = ApprovalRule(act=ApprovedAct.HOLD_RELEASE, who="负责人", persons=2, note="本单位规定")
    asked = after(placed(), do="release", by="王五", reason="复议终结")
    with pytest.raises(RefusedError, match="cannot approve it"):
        after(asked, chain, do="approve", by="王五")
    second = after(asked, chain, do="approve", by="李四")
    assert second.is_standing
    assert not after(second, chain, do="approve", by="赵六").is_standing


def test_a_refused_release_leaves_the_hold_as_it_was() -> None:
    asked = after(placed(), do="release", by="王五", reason="复议终结")
    assert after(asked, do="refuse", by="李四", reason="诉讼未了") == placed()
    with pytest.raises(RefusedError, match="nobody asked"):
        after(placed(), do="approve", by="李四")


def test_asking_twice_is_refused_so_that_nobody_slips_into_the_place_of_who_asked() -> None:
    asked = after(placed(), do="release", by="王五", reason="复议终结")
    with pytest.raises(RefusedError, match="asked already"):
        after(asked, do="release", by="李四", reason="复议终结")


def test_a_released_hold_takes_no_more_acts() -> None:
    asked = after(placed(), do="release", by="王五", reason="复议终结")
    ended = after(asked, do="approve", by="李四")
    more: tuple[dict[str, Any], ...] = (
        {"do": "review", "by": "王五", "review_on": "2027-09-01"},
        {"do": "release", "by": "王五", "reason": "…"},
        {"do": "approve", "by": "赵六"},
        {"do": "refuse", "by": "赵六", "reason": "…"},
    )
    for request in more:
        with pytest.raises(RefusedError, match="was released"):
            after(ended, **request)


def test_a_review_moves_the_day_and_nothing_ends_on_it() -> None:
    hold = placed(review_on="2026-04-03")
    assert not hold.is_to_review(TODAY)
    late = dt.date(2030, 1, 1)
    assert hold.is_to_review(late)
    assert hold.is_standing, "a day that is past ends no hold"
    assert not after(hold, do="review", by="李四", review_on="2031-01-01").is_to_review(late)


def test_a_day_of_review_lies_ahead() -> None:
    with pytest.raises(RefusedError, match="no day to come"):
        placed(review_on=TODAY.isoformat())


def test_another_reason_says_which() -> None:
    with pytest.raises(RefusedError, match="says nothing by itself"):
        placed(reason="other")
    assert placed(reason="other", words="上级督办").words == "上级督办"


def test_the_station_signs_no_act_of_a_person() -> None:
    with pytest.raises(RefusedError, match="station"):
        placed(by="station")


def test_what_was_never_placed_cannot_be_released() -> None:
    (asked,) = REQUESTS.validate_python([{"do": "release", "by": "王五", "hold": "H2026-0009", "reason": "…"}])
    assert isinstance(asked, HoldRequest)
    with pytest.raises(NotFoundError, match="no hold H2026-0009"):
        act_of(asked, None, TODAY, CHAIN)


def test_every_shipped_regime_knows_the_four_reasons_and_two_name_their_clause() -> None:
    regimes = load_regimes(PROJECT / "config" / "regimes")
    named = {}
    for regime in regimes.values():
        holds = [
            placing_act(place(reason=one.value, words="…"), "H2026-0001", regime.holds, TODAY) for one in HoldReason
        ]
        named[regime.id] = {act.data["after"]["article"] for act in holds} - {None}
    assert {regime for regime, articles in named.items() if articles} == {"ethnic_religious", "market_regulation"}
    assert all("第二十一条" in one for one in named["ethnic_religious"])
    assert all("第四十四条" in one for one in named["market_regulation"])


def test_a_reason_that_the_regime_leaves_out_is_refused() -> None:
    (first, *_) = load_regimes(PROJECT / "config" / "regimes")["market_regulation"].holds
    other = next(one for one in HoldReason if one is not first.reason)
    with pytest.raises(RefusedError, match="this regime has no hold"):
        placing_act(place(reason=other.value, words="…"), "H2026-0001", (first,), TODAY)


requests = st.lists(
    st.one_of(
        st.builds(lambda by: {"do": "release", "by": by, "reason": "…"}, names),
        st.builds(lambda by: {"do": "approve", "by": by}, names),
        st.builds(lambda by: {"do": "refuse", "by": by, "reason": "…"}, names),
        st.builds(lambda by: {"do": "review", "by": by, "review_on": "2027-05-01"}, names),
    ),
    max_size=8,
)


@given(requests)
def test_no_order_of_words_lets_one_person_end_a_hold(said: list[dict[str, Any]]) -> None:
    hold = placed()
    for request in said:
        try:
            hold = after(hold, **request)
        except RefusedError:
            continue
        assert hold_of(hold_document(hold)) == hold, "and it is read back as it was written"
    assert hold.is_standing or len({one.casefold() for one in hold.released_by}) >= 2


def test_an_act_that_cannot_follow_is_refused_by_who_shows_it() -> None:
    act = Act(act="hold.placed", actor="王五", subject="H2026-0001", data={"after": {}})
    with pytest.raises(RefusedError, match="placed already"):
        applied(placed(), act, "")

"""What may be asked of a case, and that every act of a change holds what was before and what is after."""

import datetime as dt
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingestd.core.case_acts import Circumstances, acts_of, applied
from ingestd.core.case_documents import case_document, document_of
from ingestd.core.case_links import complaint_act, linking_act, marks_after, unit_act, unlinking_act
from ingestd.core.case_requests import (
    REQUESTS,
    CaseRequest,
    Change,
    Close,
    EnterAbsence,
    EnterActivity,
    Link,
    NamedActivity,
    Open,
    Put,
    PutComplaint,
    PutUnit,
    RemoveActivity,
    Reopen,
    Unlink,
)
from ingestd.core.case_rules import Category
from ingestd.core.cases import AbsenceGround, ActivityKind, Case, CaseFlag, Stage, Unit
from ingestd.core.errors import NotFoundError, RefusedError

NOW = dt.datetime(2026, 3, 10, 4, tzinfo=dt.UTC)
NINE = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)
PENALTY = Category(id="penalty", zh="行政处罚", en="penalty", note="ours")
NUMBER = "大金海罚〔2026〕12号"


def around(linked: Collection[str] = ()) -> Circumstances:
    return Circumstances((PENALTY,), dt.date(2026, 3, 10), NOW, linked)


def after(*requests: CaseRequest, case: Case | None = None) -> Case:
    for request in requests:
        for act in acts_of(request, case, around()):
            case = applied(case, act)
    assert case is not None
    return case


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


OPENED = Open(by="李四", number=NUMBER, cause="无证捕捞", category="处罚", opened_on=day("2026-03-02"))
INSPECTED = EnterActivity(by="李四", number=NUMBER, kind=ActivityKind.INSPECTION, began_at=NINE)


def test_a_kind_of_enforcement_is_named_by_its_chinese_word_or_its_id() -> None:
    for named in ("行政处罚", "处罚", "penalty"):
        assert after(OPENED.model_copy(update={"category": named})).category == "penalty"
    with pytest.raises(RefusedError, match="none of this regime"):
        after(OPENED.model_copy(update={"category": "许可"}))


def test_a_change_holds_what_was_before_and_what_is_after() -> None:
    case = after(OPENED)
    change = Change(by="李四", number=NUMBER, cause="禁渔期捕捞", place="杏树屯港", reason="核实")
    (act,) = acts_of(change, case, around())
    assert act.data["before"] == {"cause": "无证捕捞", "place": ""}
    assert act.data["after"] == {"cause": "禁渔期捕捞", "place": "杏树屯港"}
    assert (act.actor, act.subject, act.data["reason"]) == ("李四", NUMBER, "核实")


def test_what_is_so_already_is_no_act() -> None:
    case = after(OPENED, INSPECTED)
    assert acts_of(Change(by="李四", number=NUMBER, cause="无证捕捞"), case, around()) == []
    same = EnterActivity(by="李四", number=NUMBER, activity_id="a1", began_at=NINE)
    assert acts_of(same, case, around()) == []


def test_a_filed_case_is_closed_and_opens_again_without_a_day_of_conclusion() -> None:
    case = after(OPENED, Close(by="李四", number=NUMBER, on=day("2026-03-09"), concluded_on=day("2026-03-05")))
    assert (case.is_open, case.stage, case.concluded_on) == (False, Stage.FILED, day("2026-03-05"))
    (act,) = acts_of(Reopen(by="李四", number=NUMBER, reason="复议"), case, around())
    assert act.act == "case.reopened"
    assert act.data["before"]["closed_on"] == "2026-03-09"
    reopened = applied(case, act)
    assert (reopened.is_open, reopened.stage, reopened.concluded_on) == (True, Stage.INVESTIGATION, None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"concluded_on": "2026-03-01"}, "concluded_on = 2026-03-01 lies before opened_on"),
        ({"concluded_on": "2026-03-11"}, "lies in the future"),
        ({"closed_on": "2026-03-04", "concluded_on": "2026-03-05"}, "closed_on = 2026-03-04 lies before concluded_on"),
        ({"term_until": "2026-03-01"}, "term_until"),
        ({"filing_due_on": "2026-05-01"}, "without filing_basis"),
    ],
)
def test_days_that_contradict_each_other_are_refused(change: dict[str, str], words: str) -> None:
    request = Change.model_validate({"by": "李四", "number": NUMBER, **change})
    with pytest.raises(RefusedError, match=words):
        acts_of(request, after(OPENED), around())


def test_the_last_day_that_is_not_in_the_future_is_today_in_the_bureaus_zone() -> None:
    assert after(OPENED, Change(by="李四", number=NUMBER, concluded_on=day("2026-03-10"))).concluded_on is not None


def test_an_activity_cannot_end_before_it_begins() -> None:
    with pytest.raises(RefusedError, match="before it begins"):
        after(OPENED, INSPECTED.model_copy(update={"ended_at": NINE - dt.timedelta(minutes=1)}))


def test_no_activity_number_is_given_twice() -> None:
    removal = RemoveActivity(by="李四", number=NUMBER, activity_id="a1", reason="重复")
    case = after(OPENED, INSPECTED, removal, INSPECTED)
    assert [one.activity_id for one in case.activities] == ["a2"]


def test_an_activity_with_footage_is_not_taken_out() -> None:
    case = after(OPENED, INSPECTED)
    request = RemoveActivity(by="李四", number=NUMBER, activity_id="a1", reason="重复")
    with pytest.raises(RefusedError, match="footage is linked"):
        acts_of(request, case, around(linked=["a1"]))


def test_a_reason_of_absence_says_by_whom_and_when_and_can_be_taken_back() -> None:
    ground = AbsenceGround.UNSUITABLE
    given_reason = EnterAbsence(by="李四", number=NUMBER, activity_id="a1", ground=ground, words="油库")
    case = after(OPENED, INSPECTED, given_reason)
    (activity,) = case.activities
    assert activity.absence is not None
    assert (activity.absence.entered_by, activity.absence.entered_at) == ("李四", "2026-03-10T04:00:00.000Z")
    assert acts_of(given_reason, case, around()) == []
    back = EnterAbsence(by="王五", number=NUMBER, activity_id="a1", ground=None)
    (act,) = acts_of(back, case, around())
    assert act.data["before"]["absence"]["words"] == "油库"
    assert applied(case, act).activities[0].absence is None


def test_a_push_is_merged_and_twice_the_same_changes_nothing() -> None:
    put = Put(
        by="case-system",
        number=NUMBER,
        cause="无证捕捞",
        source="push",
        activities=(NamedActivity(id="x-1", kind=ActivityKind.HEARING, began_at=NINE),),
    )
    first = acts_of(put, None, around())
    assert [act.act for act in first] == ["case.opened", "case.activity_entered"]
    case = after(put, Change(by="李四", number=NUMBER, place="杏树屯港"), INSPECTED, case=None)
    assert acts_of(put, case, around()) == []
    assert (case.place, len(case.activities)) == ("杏树屯港", 2)


def test_a_push_can_take_a_filed_case_up_again() -> None:
    case = after(OPENED, Close(by="李四", number=NUMBER, on=day("2026-03-09")))
    put = Put(by="case-system", number=NUMBER, stage=Stage.INVESTIGATION, clear=("closed_on",), source="push")
    (act,) = acts_of(put, case, around())
    assert (act.act, act.data["before"]["closed_on"]) == ("case.reopened", "2026-03-09")


@pytest.mark.parametrize("request_", [OPENED, INSPECTED], ids=["case", "activity"])
def test_nobody_signs_as_the_station(request_: CaseRequest) -> None:
    with pytest.raises(RefusedError, match="signed `station`"):
        acts_of(request_.model_copy(update={"by": "station"}), after(OPENED), around())


def test_what_is_not_in_the_register_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        acts_of(Change(by="李四", number=NUMBER, cause="x"), None, around())
    with pytest.raises(NotFoundError, match="has no activity a7"):
        acts_of(EnterActivity(by="李四", number=NUMBER, activity_id="a7"), after(OPENED), around())


@pytest.mark.parametrize(
    "fields",
    [
        {"do": "open", "number": "with blank"},
        {"do": "open", "number": "x\ud800"},
        {"do": "open", "number": "1", "opened_on": "2026-02-30"},
        {"do": "open", "number": "1", "opened_on": "0206-02-03"},
        {"do": "open", "number": "1", "flags": ["loud"]},
        {"do": "activity", "number": "1", "kind": "inspection", "began_at": "2026-03-02T09:00:00"},
        {"do": "link", "number": "1", "named": ""},
        {"do": "erase", "number": "1"},
    ],
)
def test_a_request_that_is_none_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        REQUESTS.validate_python([{"by": "李四", **fields}])


DAYS = st.dates(dt.date(2000, 1, 1), dt.date(2026, 3, 10))
CHANGES = st.builds(
    lambda **fields: Change(by="李四", number=NUMBER, **fields),
    cause=st.none() | st.sampled_from(["甲", "乙", ""]),
    stage=st.none() | st.sampled_from(Stage),
    parties=st.none() | st.lists(st.sampled_from(["张某", "王某"]), max_size=2).map(tuple),
    opened_on=st.none() | DAYS,
    concluded_on=st.none() | DAYS,
    flags=st.none() | st.frozensets(st.sampled_from(CaseFlag)),
    clear=st.sampled_from([(), ("concluded_on",)]),
)


@given(st.lists(CHANGES, max_size=6))
def test_the_acts_of_a_case_can_be_walked_back_from_its_last_state_to_its_first(changes: list[Change]) -> None:
    case = after(Open(by="李四", number=NUMBER))
    states, acts = [case_document(case)], []
    for change in changes:
        try:
            made = acts_of(change, case, around())
        except RefusedError:
            continue
        for act in made:
            case = applied(case, act)
            acts.append(act)
            states.append(case_document(case))
    for act, earlier, later in zip(reversed(acts), reversed(states[:-1]), reversed(states[1:]), strict=True):
        assert {**later, **act.data["before"]} == earlier


def test_a_link_keeps_its_mark_unless_another_is_asked_for() -> None:
    case = after(OPENED, INSPECTED)
    request = Link(by="李四", number=NUMBER, activity_id="a1", named="r")
    act = linking_act(request, case, ["r1", "r2"], {})
    assert act is not None
    marks = marks_after({}, act)
    assert marks == {("r1", "a1"): False, ("r2", "a1"): False}
    assert linking_act(request, case, ["r1", "r2"], marks) is None
    evidence = linking_act(request.model_copy(update={"is_evidence": True}), case, ["r1"], marks)
    assert evidence is not None
    assert (evidence.data["before"], evidence.data["after"]) == ({"r1": False}, {"r1": True})
    marked = marks_after(marks, evidence)
    assert linking_act(request, case, ["r1"], marked) is None, "a link without a word on evidence keeps the mark"


def test_an_unlink_takes_what_was_named_and_says_what_it_was() -> None:
    case = after(OPENED, INSPECTED)
    marks = {("r1", "a1"): True, ("r1", None): False, ("r2", "a1"): False}
    every = unlinking_act(Unlink(by="李四", number=NUMBER, named="r1", reason="误"), case, ["r1"], marks)
    assert marks_after(marks, every) == {("r2", "a1"): False}
    one = unlinking_act(
        Unlink(by="李四", number=NUMBER, activity_id="a1", named="r1", reason="误"), case, ["r1"], marks
    )
    assert one.data["before"] == [{"recording_id": "r1", "activity_id": "a1", "is_evidence": True}]
    with pytest.raises(NotFoundError, match="is not linked"):
        unlinking_act(Unlink(by="李四", number=NUMBER, named="r3", reason="误"), case, ["r3"], marks)


def test_footage_is_not_linked_to_an_activity_that_is_not_there() -> None:
    with pytest.raises(NotFoundError, match="has no activity a9"):
        linking_act(Link(by="李四", number=NUMBER, activity_id="a9", named="r1"), after(OPENED), ["r1"], {})


def test_units_do_not_stand_above_themselves() -> None:
    units = {"局": Unit("局"), "队": Unit("队", parent="局")}
    with pytest.raises(RefusedError, match="above itself"):
        unit_act(PutUnit(by="李四", name="局", parent="队"), units["局"], units)
    with pytest.raises(NotFoundError, match="unit 处 is not in the register"):
        unit_act(PutUnit(by="李四", name="队", parent="处"), units["队"], units)


def test_a_complaint_needs_its_day_and_a_case_that_is_known() -> None:
    with pytest.raises(RefusedError, match="needs the day"):
        complaint_act(PutComplaint(by="李四", number="T1"), None, frozenset())
    request = PutComplaint(by="李四", number="T1", received_on=day("2026-03-03"), case_number=NUMBER)
    with pytest.raises(NotFoundError):
        complaint_act(request, None, frozenset())
    act = complaint_act(request, None, frozenset({NUMBER}))
    assert act is not None
    assert act.data["after"]["case_number"] == NUMBER


def test_a_document_of_an_activity_reads_back_the_same() -> None:
    case = after(OPENED, INSPECTED)
    again = after(OPENED, EnterActivity(by="x", number=NUMBER, kind=ActivityKind.INSPECTION, began_at=NINE))
    assert document_of(case.activities[0]) == document_of(again.activities[0])

"""Which case footage may belong to: what speaks for it, how strongly, and what speaks against it."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.casework.case_questions import footage_facts
from ingestd.core.case_suggestions import (
    NEAR,
    FootageFacts,
    Strength,
    Suggestion,
    complaint_reasons,
    suggestions_of,
)
from ingestd.core.cases import Activity, ActivityKind, Case, CaseOfficer, Complaint

SHANGHAI = ZoneInfo("Asia/Shanghai")
NINE = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)
HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
LI, LI_BY_NAME, OTHER_LI = CaseOfficer("李四", "210001"), CaseOfficer("李四"), CaseOfficer("李四", "990009")
WANG = CaseOfficer("王五", "210002")


def case(
    number: str = "1",
    *,
    officers: tuple[CaseOfficer, ...] = (LI,),
    place: str = "杏树屯港三号码头",
    began: dt.datetime | None = NINE,
    ended: dt.datetime | None = NINE + HOUR,
) -> Case:
    activity = Activity("a1", ActivityKind.INSPECTION, place, began, ended, officers)
    return Case(number, activities=(activity,))


def suggested(
    footage: FootageFacts, *cases: Case, linked: set[tuple[str, str | None]] | None = None
) -> list[Suggestion]:
    today = dt.date(2026, 3, 5)
    return list(suggestions_of(footage, cases, linked=linked or set(), zone=SHANGHAI, today=today))


def footage(
    start: dt.datetime = NINE,
    *,
    minutes: float = 30,
    officers: tuple[CaseOfficer, ...] = (LI,),
    places: tuple[str, ...] = (),
) -> FootageFacts:
    return FootageFacts("r1", start, start + minutes * MINUTE, officers, places)


@pytest.mark.parametrize(
    ("officers", "places", "strength"),
    [
        ((LI,), ("杏树屯港",), Strength.STRONG),
        ((LI,), (), Strength.STRONG),
        ((LI_BY_NAME,), ("杏树屯港",), Strength.STRONG),
        ((LI_BY_NAME,), (), Strength.LIKELY),
        ((), ("杏树屯港",), Strength.LIKELY),
        ((WANG,), ("杏树屯港",), Strength.WEAK),
        ((OTHER_LI,), ("杏树屯港",), Strength.WEAK),
    ],
    ids=["all three", "certificate", "name and place", "name", "place", "another officer", "namesake"],
)
def test_strength_follows_from_what_agrees(
    officers: tuple[CaseOfficer, ...], places: tuple[str, ...], strength: Strength
) -> None:
    (found,) = suggested(footage(officers=officers, places=places), case())
    assert found.strength is strength


@pytest.mark.parametrize("officers", [(), (WANG,), (OTHER_LI,)], ids=["nobody", "another", "namesake"])
def test_time_alone_suggests_nothing(officers: tuple[CaseOfficer, ...]) -> None:
    assert suggested(footage(officers=officers), case()) == []


def test_a_suggestion_names_its_reasons_and_the_time_in_common() -> None:
    (found,) = suggested(footage(NINE + 45 * MINUTE, places=("杏树屯港",)), case())
    assert found.overlap_s == 15 * 60
    assert {one.about: one.is_for for one in found.reasons} == {"officer": True, "time": True, "place": True}
    assert "15.0 分钟" in " ".join(one.zh for one in found.reasons)


def test_what_speaks_against_is_said() -> None:
    (found,) = suggested(footage(officers=(WANG,), places=("杏树屯港",)), case())
    assert [one.about for one in found.reasons if not one.is_for] == ["officer"]


@pytest.mark.parametrize(
    ("start", "is_suggested"),
    [
        (NINE + HOUR, True),
        (NINE + HOUR + NEAR, True),
        (NINE + HOUR + NEAR + dt.timedelta(milliseconds=1), False),
        (NINE - NEAR - 30 * MINUTE, True),
        (NINE - NEAR - 30 * MINUTE - dt.timedelta(milliseconds=1), False),
    ],
)
def test_near_ends_after_half_an_hour_on_both_sides(start: dt.datetime, is_suggested: bool) -> None:
    assert bool(suggested(footage(start), case())) is is_suggested


def test_what_is_only_near_in_time_is_weak() -> None:
    (found,) = suggested(footage(NINE + HOUR + MINUTE, places=("杏树屯港",)), case())
    assert found.strength is Strength.WEAK


def test_an_activity_without_an_end_goes_to_the_end_of_its_local_day_and_is_weak() -> None:
    open_ended = case(ended=None)
    (found,) = suggested(footage(NINE + 14 * HOUR), open_ended)
    assert found.strength is Strength.WEAK
    assert suggested(footage(NINE + 16 * HOUR), open_ended) == []


def test_what_is_linked_already_is_not_suggested_again() -> None:
    assert suggested(footage(), case(), linked={("1", "a1")}) == []
    assert [one.case_number for one in suggested(footage(), case(), case("2"), linked={("1", "a1")})] == ["2"]


def test_the_strongest_comes_first() -> None:
    weak, strong = case("1", officers=(WANG,)), case("2")
    found = suggested(footage(places=("杏树屯港",)), weak, strong)
    assert [(one.case_number, one.strength) for one in found] == [("2", Strength.STRONG), ("1", Strength.WEAK)]


@pytest.mark.parametrize(
    ("opened", "concluded", "is_suggested"),
    [
        ("2026-03-02", None, True),
        ("2026-03-03", None, False),
        ("2026-02-01", "2026-03-02", True),
        ("2026-02-01", "2026-03-01", False),
    ],
)
def test_of_a_case_without_times_its_days_count_and_never_strongly(
    opened: str, concluded: str | None, is_suggested: bool
) -> None:
    days = Case(
        "1",
        officers=(LI,),
        opened_on=dt.date.fromisoformat(opened),
        concluded_on=dt.date.fromisoformat(concluded) if concluded else None,
    )
    found = suggested(footage(), days)
    assert [(one.activity_id, one.strength) for one in found] == ([(None, Strength.WEAK)] if is_suggested else [])


@given(st.integers(-3000, 3000), st.integers(0, 300), st.booleans(), st.booleans())
def test_no_suggestion_is_without_time_and_officer_or_place(
    offset: int, length: int, has_officer: bool, has_place: bool
) -> None:
    facts = footage(
        NINE + offset * MINUTE,
        minutes=length,
        officers=(LI,) if has_officer else (),
        places=("杏树屯港",) if has_place else (),
    )
    for found in suggested(facts, case()):
        spoken = {one.about for one in found.reasons if one.is_for}
        assert "time" in spoken
        assert spoken & {"officer", "place"}


@pytest.mark.parametrize(
    ("facts", "numbers", "is_suggested"),
    [
        (footage(), (), True),
        (footage(officers=()), (), True),
        (footage(officers=(WANG,)), (), False),
        (footage(NINE + 5 * HOUR), (), False),
        (footage(NINE + 5 * HOUR, officers=(WANG,)), ("1",), True),
    ],
    ids=["officer and time", "officer not known", "another officer", "another time", "of its case"],
)
def test_a_complaint_suggests_footage_of_its_case_and_of_its_time(
    facts: FootageFacts, numbers: tuple[str, ...], is_suggested: bool
) -> None:
    complaint = Complaint(
        "T1", dt.date(2026, 3, 5), officers=(LI,), happened_from=NINE, happened_until=NINE + HOUR, case_number="1"
    )
    assert bool(complaint_reasons(facts, complaint, numbers)) is is_suggested


def test_a_complaint_without_time_and_case_suggests_nothing() -> None:
    assert complaint_reasons(footage(), Complaint("T1", dt.date(2026, 3, 5), officers=(LI,)), ()) == ()


def test_of_the_places_of_a_track_those_count_that_it_lies_in() -> None:
    place = {
        "name": "杏树屯港",
        "places": [{"name": "杏树屯港", "distance_m": 0.0}, {"name": "大李家", "distance_m": 900.0}],
    }
    row = {
        "recording_id": "r1",
        "recorded_start": "2026-03-02T01:00:00.000Z",
        "recorded_end": "2026-03-02T01:30:00.000Z",
        "tags": {"place": place},
    }
    assert footage_facts(row).places == ("杏树屯港",)

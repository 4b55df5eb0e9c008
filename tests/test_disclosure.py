"""Requests for disclosure: the clock of working days (条例 33), what may be entered, and a catalogue made again."""

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.config.load import load_workdays
from ingestd.core.clock import SystemClock
from ingestd.core.disclosures import (
    Consultation,
    Disclosure,
    DisclosureState,
    Outcome,
    clock_of,
    disclosure_document,
    disclosure_of,
)
from ingestd.core.errors import ConfigError, NotFoundError, RefusedError
from ingestd.core.register_acts import REQUESTS
from ingestd.core.workdays import Workdays, WorkYear
from ingestd.pipeline.parts import Parts
from ingestd.stores.chronicle import rebuild
from ingestd.stores.registers import RegisterBook
from ingestd.wiring import register_desk
from tests.support.station import PROJECT, Station, build_station, dock, write_card

WEEKENDS = Workdays()
SHIPPED = load_workdays(PROJECT / "config" / "workdays.toml")
FIRST = "0000007_00001220260302090000_0001.mp4"

days = st.dates(dt.date(2025, 6, 1), dt.date(2027, 6, 30))


@st.composite
def calendars(draw: st.DrawFn) -> Workdays:
    """Calendars of 2026 with some days off and some weekends that are worked."""
    year = st.dates(dt.date(2026, 1, 1), dt.date(2026, 12, 31))
    off = draw(st.frozensets(year, max_size=60))
    worked = frozenset(day for day in draw(st.frozensets(year, max_size=20)) if day.weekday() > 4) - off
    return Workdays(years=(WorkYear(year=2026, source="…", holidays=off, make_up=worked),))


@given(calendars(), days, st.integers(1, 60))
def test_a_term_has_that_many_working_days_and_ends_on_one(calendar: Workdays, start: dt.date, count: int) -> None:
    last = calendar.last_day(start, count)
    span = [start + dt.timedelta(days=number) for number in range(1, (last - start).days + 1)]
    assert sum(calendar.is_workday(day) for day in span) == count
    assert calendar.is_workday(last)


@given(calendars(), days, days, st.integers(1, 40))
def test_who_asks_later_is_never_owed_an_answer_earlier(
    calendar: Workdays, one: dt.date, other: dt.date, count: int
) -> None:
    earlier, later = sorted((one, other))
    assert calendar.last_day(earlier, count) <= calendar.last_day(later, count)


@given(calendars(), days, st.integers(1, 20), st.integers(0, 40), days)
def test_an_extension_moves_the_day_later_or_not_at_all(
    calendar: Workdays, received: dt.date, workdays: int, after: int, today: dt.date
) -> None:
    plain = Disclosure("1", received)
    longer = Disclosure("1", received, extension_workdays=workdays, extended_on=received + dt.timedelta(days=after))
    before, moved = clock_of(plain, calendar, today=today), clock_of(longer, calendar, today=today)
    assert (moved.due_on > before.due_on) == moved.is_extended
    assert moved.is_extended == (received + dt.timedelta(days=after) <= before.due_on)


@given(calendars(), days, days, st.integers(0, 30), days)
def test_asking_a_third_party_never_makes_the_term_shorter(
    calendar: Workdays, received: dt.date, since: dt.date, length: int, today: dt.date
) -> None:
    asked = Disclosure("1", received, consultations=(Consultation("…", since, since + dt.timedelta(days=length)),))
    assert (
        clock_of(asked, calendar, today=today).due_on
        >= clock_of(Disclosure("1", received), calendar, today=today).due_on
    )


@given(calendars(), days, days)
def test_days_left_say_late_exactly_when_the_day_is_past(calendar: Workdays, received: dt.date, today: dt.date) -> None:
    clock = clock_of(Disclosure("1", received), calendar, today=today)
    assert clock.workdays_left is not None
    assert (clock.state is DisclosureState.LATE) == (today > clock.due_on)
    assert clock.workdays_left <= 0 if today > clock.due_on else clock.workdays_left >= 0


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-03-02", "2026-03-30"),  # no holiday: four weeks
        ("2026-02-09", "2026-03-13"),  # 春节: seven workdays off, two weekends worked
        ("2026-09-21", "2026-10-26"),  # 中秋 and 国庆
    ],
)
def test_the_shipped_calendar_counts_2026_as_the_state_council_set_it(received: str, due: str) -> None:
    clock = clock_of(Disclosure("1", dt.date.fromisoformat(received)), SHIPPED, today=dt.date(2026, 1, 1))
    assert clock.due_on == dt.date.fromisoformat(due)
    assert clock.is_calendar_whole


def test_a_year_that_the_calendar_does_not_know_is_told() -> None:
    assert not clock_of(Disclosure("1", dt.date(2026, 12, 20)), SHIPPED, today=dt.date(2026, 12, 21)).is_calendar_whole


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("years = [{ year = 2026, source = 'x', holidays = [2027-01-01] }]", "2027-01-01 is no day of 2026"),
        ("years = [{ year = 2026, source = 'x', make_up = [2026-01-05] }]", "which is no weekend day"),
        ("years = [{ year = 2026, source = 'x', holidays = ['soon'] }]", "holidays"),
        ("years = [{ year = 2026, source = 'x' }, { year = 2026, source = 'y' }]", "2026 is there twice"),
        ("feiertage = []", "there is no such key"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "workdays.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=words):
        load_workdays(tmp_path / "workdays.toml")


@given(
    st.builds(
        Disclosure,
        st.text(min_size=1, max_size=5),
        days,
        consultations=st.lists(st.builds(Consultation, st.text(max_size=3), days, st.none() | days), max_size=2).map(
            tuple
        ),
        answered_on=st.none() | days,
        outcome=st.none() | st.sampled_from(Outcome),
        recordings=st.lists(st.text(max_size=3), max_size=2).map(tuple),
    )
)
def test_a_request_is_the_same_after_json(one: Disclosure) -> None:
    assert disclosure_of(disclosure_document(one)) == one


@pytest.fixture(scope="module")
def docked(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """A station with one recording; shared, read only."""
    root = tmp_path_factory.mktemp("docked")
    station = build_station(root / "station")
    with station.at_work() as parts:
        dock(write_card(root / "card", {f"DCIM/100ANDRO/{FIRST}": b"1"}), parts)
    return station


@pytest.fixture
def station(docked: Station, tmp_path: Path) -> Station:
    """A copy of it, free to be changed."""
    shutil.copytree(docked.root, tmp_path / "station")
    return Station(tmp_path / "station")


@pytest.fixture
def parts(station: Station) -> Iterator[Parts]:
    with station.opened() as parts:
        yield parts


def enter(parts: Parts, *requests: dict[str, Any], by: str = "赵敏") -> list[dict[str, Any]]:
    asked = [
        {"by": by, **({"number": "2026-1"} if "note" not in one and "recording" not in one else {}), **one}
        for one in requests
    ]
    return register_desk(lambda: parts).enter(REQUESTS.validate_python(asked))


ASKED = {"do": "disclosure_enter", "received_on": "2026-03-02", "applicant": "张某", "asked": "3月2日现场检查录像"}
ANSWERED = {"do": "disclosure_answer", "on": "2026-03-20", "outcome": "part", "ground": "third_party",
            "answer": "遮挡第三人面部后提供", "recordings": [FIRST], "redactions": ["0000007-遮挡.mp4"]}  # fmt: skip
EVERYTHING = (
    ASKED,
    {"do": "disclosure_change", "received_on": "2026-03-03", "reason": "补正"},
    {"do": "disclosure_consult", "whom": "李某", "since": "2026-03-04"},
    {"do": "disclosure_consult", "whom": "李某", "since": "2026-03-04", "until": "2026-03-10"},
    {"do": "disclosure_extend", "on": "2026-03-11", "reason": "材料多", "agreed_by": "周岚", "told_on": "2026-03-12"},
    ANSWERED,
    {"do": "disclosure_deliver", "on": "2026-03-21", "how": "邮寄"},
)


def test_a_request_runs_from_its_receipt_to_its_delivery(parts: Parts) -> None:
    assert [one["act"].removeprefix("disclosure.") for one in enter(parts, *EVERYTHING)] == [
        "entered", "changed", "consulted", "consulted", "extended", "answered", "delivered",
    ]  # fmt: skip
    one = RegisterBook(parts.chronicle.engine).disclosure("2026-1")
    assert one is not None
    assert one.recordings == (str(parts.catalogue.recording(FIRST)["recording_id"]),)
    clock = clock_of(one, SHIPPED, today=dt.date(2026, 4, 1))
    assert (clock.state, clock.due_on) == (DisclosureState.ANSWERED, dt.date(2026, 5, 9))


@pytest.mark.parametrize(
    ("before", "refused", "words"),
    [
        ([ASKED], ASKED, "in the register already"),
        ([ASKED], {"do": "disclosure_answer", "on": "2026-03-20", "outcome": "refused"}, "needs its ground"),
        ([ASKED], {"do": "disclosure_deliver", "on": "2026-03-20", "how": "邮寄"}, "not answered yet"),
        ([ASKED], {**ANSWERED, "on": "2026-03-01"}, "lies before"),
        ([ASKED], {**ANSWERED, "on": "2099-03-01"}, "lies in the future"),
        ([ASKED, ANSWERED], {**ANSWERED, "answer": "另"}, "was answered on"),
        ([ASKED, EVERYTHING[2]], ANSWERED, "is still being asked"),
        ([ASKED, EVERYTHING[4]], EVERYTHING[4], "made longer already"),
        ([ASKED], {"do": "disclosure_change", "unit": "", "reason": "…"}, "says so already"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_entered(
    parts: Parts, before: list[dict[str, Any]], refused: dict[str, Any], words: str
) -> None:
    with pytest.raises(RefusedError, match=words):
        enter(parts, *before, refused)
    assert RegisterBook(parts.chronicle.engine).disclosures() == []


def test_a_request_that_was_never_entered_is_not_answered(parts: Parts) -> None:
    with pytest.raises(NotFoundError, match="not in the register"):
        enter(parts, ANSWERED)


def test_an_answer_is_put_right_with_a_reason_only_and_both_stand_in_the_history(parts: Parts) -> None:
    enter(parts, ASKED, ANSWERED, {**ANSWERED, "outcome": "full", "ground": None, "correction": "笔误"})
    book = RegisterBook(parts.chronicle.engine)
    last = book.history("2026-1")[-1]["document"]
    assert (last["before"]["outcome"], last["after"]["outcome"], last["reason"]) == ("part", "full", "笔误")


def test_footage_that_may_not_be_of_duty_is_judged_by_a_second_person(parts: Parts) -> None:
    (noted,) = enter(parts, {"do": "nonduty_note", "recording": FIRST, "reason": "似私人活动"})
    settle = {"do": "nonduty_settle", "note": noted["seq"], "verdict": "duty", "words": "系蹲守"}
    with pytest.raises(RefusedError, match="does not judge it"):
        enter(parts, settle)
    with pytest.raises(RefusedError, match="noted already"):
        enter(parts, {"do": "nonduty_note", "recording": FIRST, "reason": "再"}, by="外查一")
    book = RegisterBook(parts.chronicle.engine)
    assert book.waiting_notes() == 1
    enter(parts, settle, by="外查一")
    (note,) = book.notes(is_waiting=False)
    assert (note.verdict, note.noted_by, note.settled_by, note.words) == ("duty", "赵敏", "外查一", "系蹲守")
    with pytest.raises(RefusedError, match="was settled"):
        enter(parts, settle, by="周岚")


def test_the_registers_are_the_same_after_the_catalogue_was_made_again(station: Station) -> None:
    with station.opened() as parts:
        (noted,) = enter(parts, {"do": "nonduty_note", "recording": FIRST, "reason": "似私人活动"})
        enter(parts, *EVERYTHING)
        enter(
            parts,
            {**ASKED, "number": "2026-2"},
            {"do": "disclosure_withdraw", "number": "2026-2", "on": "2026-03-05", "reason": "撤回"},
        )
        enter(
            parts, {"do": "nonduty_settle", "note": noted["seq"], "verdict": "non_duty", "words": "确属"}, by="外查一"
        )
    before = station.tables()
    rebuild(station.vault, station.catalogue_file, SystemClock())
    assert station.tables() == before
    assert all(before[name] for name in ("disclosures", "nonduty_notes", "register_acts"))


def test_pages_follow_each_other_without_a_gap(parts: Parts) -> None:
    received = ["2026-03-04", "2026-03-02", "2026-03-02", "2026-03-03"]
    enter(parts, *({**ASKED, "number": f"n{at}", "received_on": day} for at, day in enumerate(received)))
    book = RegisterBook(parts.chronicle.engine)
    first = book.disclosures(is_open=True, limit=2)
    rest = book.disclosures(is_open=True, limit=9, after=(first[-1].received_on.isoformat(), first[-1].number))
    assert [one.number for one in (*first, *rest)] == ["n1", "n2", "n3", "n0"]
    assert [one.number for one in book.disclosures(words="n3")] == ["n3"]
    assert len(book.disclosures(words="现场检查")) == 4


def test_the_command_enters_answers_and_lists_with_the_last_day(station: Station) -> None:
    add = ("--received", "2026-03-02", "--applicant", "张某", "--asked", "录像", "--by", "赵敏")
    assert station.cli("disclosure", "add", "2026-9", *add).returncode == 0
    answer = ("--on", "2026-03-31", "--outcome", "refused", "--ground", "case_file", "--by", "赵敏")
    assert station.cli("disclosure", "answer", "2026-9", *answer).returncode == 0
    (one,) = json.loads(station.cli("disclosure", "list", "--json").stdout)
    assert (one["due_on"], one["state"], one["workdays_left"]) == ("2026-03-30", "answered_late", None)

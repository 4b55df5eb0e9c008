"""Today, a docking, search, and the work lists: what waits is done where it stands, and gone."""

import csv
import datetime as dt
import functools
import html
import io
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from ingestd.core.clock import SystemClock
from ingestd.core.roles import Role
from ingestd.web.lists.items import paged
from ingestd.web.pages import search
from ingestd.web.worklists import LISTS
from ingestd.wiring import open_cases, open_dockings, open_fleet, open_holds, open_registrations, open_terms
from tests.support.clips import write_clip
from tests.support.console import Answer, Person
from tests.support.office import Office, office
from tests.support.station import write_card

NOW = SystemClock().now()
DAY = NOW - dt.timedelta(days=40)
CLIP = f"0000007_000012{DAY:%Y%m%d}091000_0001.mp4"
EMPTY = f"0000007_000012{DAY:%Y%m%d}092000_0002.mp4"
AGED = "0000007_00001220090101110000_0003.mp4"
HOSTILE = "<img src=x onerror=alert(1)>.mp4"
CASE = "大金海罚〔2026〕12号"
BY = "王五"
ROSTER = f"roster add 0000007 --officer 李四 --certificate 210001 --unit 一中队 --from 2026-01-01 --by {BY}"


class _DaysAhead(SystemClock):
    """The day of review has come for whoever asks: this clock is ahead of the station's."""

    def now(self) -> dt.datetime:
        return super().now() + dt.timedelta(days=4)


def enter(made: Office, operation: str, *requests: dict[str, Any]) -> None:
    """Acts of people, entered by the station."""
    made.served.console.ask(operation, requests=[{"by": BY, **one} for one in requests])


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A station with something in every list that does not need a fault of the disk."""
    root = tmp_path_factory.mktemp("lists")
    files = {EMPTY: b"", AGED: b"old", HOSTILE: b"name"}
    known = write_card(root / "known", {f"DCIM/100ANDRO/{name}": data for name, data in files.items()})
    write_clip(known / "DCIM/100ANDRO" / CLIP, seconds=1)
    stranger = write_card(root / "stranger", {"DCIM/0001.mp4": b"whose"})
    commands = (
        ("fleet", "add", "0000007", "--unit", "一中队", "--by", BY),
        ROSTER.split(),
    )
    with office(root / "station", known, stranger, commands=commands, fleet__unknown="quarantine") as made:
        day = DAY.date().isoformat()
        times = {"began_at": f"{day}T09:00:00+08:00", "ended_at": f"{day}T10:00:00+08:00"}
        opened = {"cause": "无证捕捞", "unit": "一中队", "officers": ["李四/210001"], "concluded_on": day}
        enter(made, "case", {"do": "open", "number": CASE} | opened)
        enter(made, "case", {"do": "activity", "number": CASE, "kind": "inspection"} | times)
        scope = {"kind": "recordings", "recordings": [CLIP]}
        review = (NOW + dt.timedelta(days=2)).date().isoformat()
        placed = {"do": "place", "reason": "dispute", "scope": scope, "basis": "复议〔2026〕3号", "review_on": review}
        enter(made, "hold", placed, placed)
        last = open_holds(made.served.console.settings).standing()[-1].hold_id
        enter(made, "hold", {"do": "release", "hold": last, "reason": "复议终结"})
        object.__setattr__(made.served.console, "clock", _DaysAhead())
        yield made


@functools.cache
def _signed_in(address: str, role: Role) -> Person:
    person = Person(address)
    person.sign_in(role.value)
    return person


def person_of(here: Office, role: Role) -> Person:
    """Somebody of this role, signed in once for all tests."""
    return _signed_in(here.served.address, role)


def keys_of(answer: Answer) -> list[str]:
    """The items of a list that a form stands for."""
    return [html.unescape(one) for one in re.findall(r'name="item" value="([^"]*)"', answer.text)]


def done(here: Office, role: Role, path: str, key: str, **fields: str) -> Answer:
    """A form of a list, sent; the list that follows."""
    person = person_of(here, role)
    assert key in keys_of(person.get(path))
    answer = person.post(path, {"item": key, **fields})
    assert answer.status == 200, answer.text
    assert key not in keys_of(answer)
    assert 'role="status"' in answer.text
    return answer


def only(here: Office, role: Role, path: str) -> str:
    (key,) = keys_of(person_of(here, role).get(path))
    return key


# Today and a docking


def test_today_shows_its_dockings_and_what_waits_for_a_custodian(here: Office) -> None:
    object.__setattr__(here.served.console, "clock", SystemClock())
    page = person_of(here, Role.CUSTODIAN).get("/").text
    object.__setattr__(here.served.console, "clock", _DaysAhead())
    assert page.count('href="/dockings/') == 2
    assert "采集站运行正常" in page
    assert 'href="/work/identity"><b>1</b>' in page
    assert "/work/born-expired" not in page


def test_who_may_not_see_footage_sees_no_docking(here: Office) -> None:
    assert "/dockings/" not in person_of(here, Role.ADMIN).get("/").text


def docking_of(here: Office, number: str | None) -> str:
    settings = here.served.console.settings
    rows = open_dockings(settings).between("2000", "2200", limit=10)
    return next(str(row["docking_id"]) for row in rows if row["recorder_id"] == number)


def test_a_docking_accounts_for_every_file(here: Office) -> None:
    page = person_of(here, Role.CUSTODIAN).get(f"/dockings/{docking_of(here, '0000007')}").text
    assert all(html.escape(f"DCIM/100ANDRO/{name}") in page for name in (CLIP, EMPTY, AGED, HOSTILE))
    assert "<img src=x" not in page


def test_a_docking_that_is_not_there_is_not_found(here: Office) -> None:
    assert person_of(here, Role.CUSTODIAN).get("/dockings/0").status == 404


def test_an_officer_does_not_see_the_docking_of_others(here: Office) -> None:
    assert person_of(here, Role.OFFICER).get(f"/dockings/{docking_of(here, '0000007')}").status == 404


def test_the_record_of_a_docking_is_printed_and_each_print_counted(here: Office) -> None:
    person, path = person_of(here, Role.CUSTODIAN), f"/dockings/{docking_of(here, None)}"
    printed = person.post(f"{path}/record", {})
    assert printed.body.startswith(b"%PDF")
    assert re.search(r"打印次数</dt><dd>1<", person.get(path).text)


def test_a_record_is_confirmed_once_by_the_same_person(here: Office) -> None:
    person, path = person_of(here, Role.CUSTODIAN), f"/dockings/{docking_of(here, None)}"
    assert person.post(f"{path}/confirm", {"role": "giver"}).status == 200
    assert person.post(f"{path}/confirm", {"role": "giver"}).status == 409


# Search


def names(answer: Answer) -> list[str]:
    return [html.unescape(one) for one in re.findall(r'<td><a href="/recordings/[^"]+">([^<]+)</a>', answer.text)]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        (f"from={DAY:%Y-%m-%d}T09:00&to={DAY:%Y-%m-%d}T09:15", [CLIP]),
        ("officer=210001&held=yes", [CLIP]),
        ("kind=empty", [EMPTY]),
        ("code=file.empty", [EMPTY]),
        ("begins=2008-12-31T00%3A00%3A00Z&ends=2009-02-01T00%3A00%3A00Z", [AGED]),
        ("box=10,10,11,11", []),
    ],
)
def test_search_finds(here: Office, question: str, found: list[str]) -> None:
    assert names(person_of(here, Role.ARCHIVIST).get(f"/search?{question}")) == found


def test_the_address_is_the_question_without_what_is_empty(here: Office) -> None:
    answer = person_of(here, Role.ARCHIVIST).get("/search?words=&officer=210001&from=2026-03-02T08:00&to=&kind=")
    assert answer.url.endswith("/search?officer=210001&begins=2026-03-02T00%3A00%3A00.000Z")


def test_facets_count_the_answer_and_narrow_the_question(here: Office) -> None:
    person = person_of(here, Role.ARCHIVIST)
    page = person.get("/search?officer=210001").text
    (path,) = re.findall(r'<a href="([^"]+code=file.empty)">[^<]+</a> <span class="quiet">1<', page)
    assert names(person.get(html.unescape(path))) == [EMPTY]


def test_an_answer_is_counted_as_far_as_the_cap_and_not_further(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "COUNTED", 2)
    assert "超过 2 条录音录像" in person_of(here, Role.ARCHIVIST).get("/search").text


def test_pages_follow_each_other_by_their_key(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "A_PAGE", 2)
    person, path, found = person_of(here, Role.ARCHIVIST), "/search", []
    while path:
        page = person.get(path)
        found += names(page)
        following = re.search(r'href="([^"]+)" rel="next"', page.text)
        path = html.unescape(following[1]) if following else ""
    assert len(found) == len(set(found)) == 5


@pytest.mark.parametrize("question", ["box=north", "from=tomorrow", "kind=music"])
def test_what_cannot_be_asked_is_said_and_not_an_error(here: Office, question: str) -> None:
    answer = person_of(here, Role.ARCHIVIST).get(f"/search?{quote(question, safe='=')}")
    assert (answer.status, 'role="alert"' in answer.text) == (200, True)


def test_the_table_taken_away_has_every_row_and_no_formula(here: Office) -> None:
    answer = person_of(here, Role.ARCHIVIST).get("/search.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == 6
    assert search._row(["=1+1"]) == "'=1+1\r\n"


def test_who_is_an_officer_finds_the_own_recordings_alone(here: Office) -> None:
    assert names(person_of(here, Role.OFFICER).get("/search")) == []


# Work lists


@pytest.mark.parametrize("path", [one.path for one in LISTS])
def test_who_has_no_right_to_a_list_sees_neither_it_nor_its_name(here: Office, path: str) -> None:
    person = person_of(here, Role.ADMIN)
    assert person.get(path).status == 403


def test_an_overview_names_only_lists_in_which_somebody_can_do_something(here: Office) -> None:
    shown = person_of(here, Role.OFFICER).get("/work").text
    assert "/work/interruptions" in shown
    assert "/work/identity" not in shown


def test_a_refusal_shows_in_place_with_what_was_typed(here: Office) -> None:
    key = only(here, Role.CUSTODIAN, "/work/identity")
    answer = person_of(here, Role.CUSTODIAN).post(
        "/work/identity", {"item": key, "do": "recorder", "recorder": "0000099", "reason": "核对外壳"}
    )
    assert answer.status == 409
    assert 'role="alert"' in answer.text
    assert 'value="0000099"' in answer.text
    assert 'value="核对外壳"' in answer.text


def test_an_unknown_recorder_is_entered_and_settled_at_once(here: Office) -> None:
    key = only(here, Role.CUSTODIAN, "/work/identity")
    fields = {"do": "recorder", "recorder": "0000008", "enter": "yes", "reason": "核对外壳编号"}
    done(here, Role.CUSTODIAN, "/work/identity", key, **fields)
    register = open_fleet(here.served.console.settings)
    assert register.docking(key)["admission_settled_by"] == "陈静"
    assert register.entry("0000008") is not None


def test_registration_is_filled_in_parts_until_nothing_lacks(here: Office) -> None:
    settings, rules = here.served.console.settings, here.served.console.configuration.regime.registration
    key, person = only(here, Role.CUSTODIAN, "/work/unregistered"), person_of(here, Role.CUSTODIAN)
    for _ in range(3):
        (one,) = open_registrations(settings).of([key], rules)
        fields = {f"field-{name}": "no" if name == "at_sea" else "甲；乙" for name in one.form.lacks}
        answer = person.post("/work/unregistered", {"item": key, "do": "save", **fields})
        if key not in keys_of(answer):
            break
    (one,) = open_registrations(settings).of([key], rules)
    assert one.form.is_complete
    assert keys_of(person.get("/work/unregistered")) == []


def test_an_interruption_is_explained(here: Office) -> None:
    key = only(here, Role.CUSTODIAN, "/work/interruptions")
    fields = {"reason": "battery", "words": "电池耗尽\n更换后继续"}
    done(here, Role.CUSTODIAN, "/work/interruptions", key, do="explain", **fields)


def test_a_partial_id_names_nothing_to_a_form(here: Office) -> None:
    key = docking_of(here, None)
    answer = person_of(here, Role.CUSTODIAN).post("/work/identity", {"item": key[-8:], "do": "accept", "reason": "x"})
    assert answer.status == 404


def test_an_officer_cannot_explain_what_others_recorded(here: Office) -> None:
    assert keys_of(person_of(here, Role.OFFICER).get("/work/interruptions")) == []


def test_a_late_hand_over_is_noted_in_its_record(here: Office) -> None:
    key = next(one for one in keys_of(person_of(here, Role.CUSTODIAN).get("/work/late")))
    done(here, Role.CUSTODIAN, "/work/late", key, do="note", words="海上执法，信号中断")


def test_a_recording_that_may_belong_to_a_case_is_linked(here: Office) -> None:
    key = only(here, Role.ARCHIVIST, "/work/suggestions")
    (choice,) = re.findall(
        r'name="case" value="([^"]+)"', person_of(here, Role.ARCHIVIST).get("/work/suggestions").text
    )
    done(here, Role.ARCHIVIST, "/work/suggestions", key, do="link", case=choice)
    assert open_cases(here.served.console.settings).recordings_of(CASE) == [key]


def test_a_case_file_is_filed(here: Office) -> None:
    done(here, Role.ARCHIVIST, "/work/filing", CASE, do="close", on=NOW.date().isoformat())


def test_what_was_born_expired_is_accepted(here: Office) -> None:
    key = only(here, Role.ARCHIVIST, "/work/born-expired")
    done(here, Role.ARCHIVIST, "/work/born-expired", key, do="settle", reason="时钟复位")
    assert open_terms(here.served.console.settings).aged() == []


def test_a_hold_is_reviewed_and_comes_back_on_its_next_day(here: Office) -> None:
    key = only(here, Role.ARCHIVIST, "/work/holds")
    done(here, Role.ARCHIVIST, "/work/holds", key, do="review", review_on="2099-01-01", note="复议未终结")


def test_who_releases_a_hold_is_another_person(here: Office) -> None:
    key = only(here, Role.HEAD, "/work/releases")
    done(here, Role.HEAD, "/work/releases", key, do="approve", note="同意")
    assert open_holds(here.served.console.settings).hold(key).released_by == ("王五", "周岚")


def test_footage_is_entered_on_a_carrier(here: Office) -> None:
    person = person_of(here, Role.ARCHIVIST)
    keys = keys_of(person.get("/work/carriers"))
    for key in keys:
        done(here, Role.ARCHIVIST, "/work/carriers", key, do="enter", number="D-1", kind="disc", label="一号盘")


def test_a_page_of_a_list_begins_behind_the_one_before() -> None:
    rows = [f"{number:03}" for number in range(120)]
    first, after = paged(rows, str, "")
    second, _ = paged(rows, str, after)
    assert (first + second, len(first)) == (rows[:100], 50)

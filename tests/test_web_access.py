"""Requests for access, what they open, and the register of views, at the console's pages."""

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from ingestd.core.clock import from_text
from ingestd.core.roles import Role
from ingestd.core.view_report import Line, OfficeHours, period_of, report_of
from ingestd.stores.access import ViewQuestion
from ingestd.wiring import open_access, open_catalogue
from tests.support.clips import write_clip
from tests.support.console import Answer, Person
from tests.support.office import Office, office

RECORDER, OTHER = "0000007", "0000008"
CASE = "江市监罚〔2026〕7号"
NAMES = [f"{RECORDER}_000012202603020{hour}0000_0001.mp4" for hour in (8, 9)]
ZONE = ZoneInfo("Asia/Shanghai")
HOSTILE = "<script>alert(1)</script> 核对'\"&"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """江门: even the officer's own footage takes an approval. The first recording is the officer's, by the roster."""
    root = tmp_path_factory.mktemp("access")
    folder = root / "card" / "DCIM" / "100ANDRO"
    folder.mkdir(parents=True)
    for seconds, name in enumerate(NAMES, 2):
        write_clip(folder / name, seconds)
    roster = root / "roster.csv"
    roster.write_text(
        f"recorder,officer,certificate,unit,valid_from,valid_to\n{RECORDER},王海,21020001,一队,2024-01-01,\n"
        f"{OTHER},李四,21020002,一队,2024-01-01,\n",
        "utf-8",
    )
    # A colleague's recording, in a case that the officer handles too.
    other = root / "other" / "DCIM" / "100ANDRO"
    other.mkdir(parents=True)
    write_clip(other / f"{OTHER}_00001220260302080000_0001.mp4", 5)
    commands = [["roster", "import", str(roster), "--by", "刘工"]]
    commands.append(["case", "add", CASE, "--cause", "无照经营", "--officer", "王海/21020001", "--by", "赵敏"])
    with office(
        root / "station", root / "card", root / "other", commands=commands, station__regime="market_regulation"
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def recordings(here: Office) -> list[str]:
    """Those of the officer."""
    rows = open_catalogue(here.served.console.settings).recordings()
    return [str(row["recording_id"]) for row in rows if row["recorder_id"] == RECORDER]


def asked(person: Person, recording: str, **changed: str) -> str:
    """The number of a request that somebody made."""
    fields = {"kind": "view", "capacity": "handler", "purpose": "核对现场", "recording": recording}
    answer = person.post("/access/new", fields | changed)
    found = re.search(r"/access/(A\d{4}-\d{4})", answer.url)
    assert found is not None, answer.text
    return found[1]


def approved(here: Office, number: str, **fields: str) -> Answer:
    return here.person(Role.HEAD).post(f"/access/{number}/approve", fields)


def played(person: Person, recording: str) -> int:
    return person.get(f"/recordings/{recording}/media", headers={"Range": "bytes=0-99"}).status


def views_of(here: Office, recording: str) -> int:
    return len(open_access(here.served.console.settings).views(ViewQuestion(recording=recording)))


def test_nothing_is_played_before_the_head_approves_and_everything_that_is_stands_in_the_register(
    here: Office, recordings: list[str]
) -> None:
    officer = here.person(Role.OFFICER)
    assert played(officer, recordings[0]) == 409
    number = asked(officer, recordings[0])
    assert played(officer, recordings[0]) == 409
    approved(here, number)
    before = views_of(here, recordings[0])
    assert [played(officer, recordings[0]) for _ in range(3)] == [206, 206, 206]
    assert views_of(here, recordings[0]) == before + 1
    assert "已批准，已使用" in officer.get(f"/access/{number}").text


def test_an_approval_to_view_gives_no_copy(here: Office, recordings: list[str]) -> None:
    officer = here.person(Role.OFFICER)
    approved(here, asked(officer, recordings[1]))
    assert officer.get(f"/recordings/{recordings[1]}/original?download").status == 409


def test_the_archivist_plays_without_a_request_and_is_registered(here: Office, recordings: list[str]) -> None:
    before = views_of(here, recordings[0])
    assert played(here.person(Role.ARCHIVIST), recordings[0]) == 206
    assert views_of(here, recordings[0]) == before + 1


def test_each_session_uses_an_approval_and_the_last_use_closes_it(here: Office, recordings: list[str]) -> None:
    first = here.person(Role.CUSTODIAN)
    approved(here, asked(first, recordings[0], uses="1"), uses="1")
    second = here.person(Role.CUSTODIAN)
    assert [played(one, recordings[0]) for one in (first, second, first)] == [206, 409, 206]


def test_an_approval_that_is_taken_back_closes_at_once(here: Office, recordings: list[str]) -> None:
    custodian = here.person(Role.CUSTODIAN)
    number = asked(custodian, recordings[1])
    approved(here, number)
    assert played(custodian, recordings[1]) == 206
    here.person(Role.HEAD).post(f"/access/{number}/close", {"reason": "案件已结"})
    assert played(custodian, recordings[1]) == 409


def test_an_approved_request_for_a_case_opens_a_colleagues_footage_that_is_not_seen_otherwise(here: Office) -> None:
    rows = open_catalogue(here.served.console.settings).recordings()
    (other,) = [str(row["recording_id"]) for row in rows if row["recorder_id"] == OTHER]
    linked = here.installation.run("case", "link", CASE, other, "--by", "赵敏")
    assert linked.status == 0, linked
    officer = here.person(Role.OFFICER)
    assert officer.get(f"/recordings/{other}").status == 404
    assert officer.get(f"/access/new?recording={other}").status == 404
    approved(here, asked(officer, "", case=CASE))
    assert officer.get(f"/recordings/{other}").status == 200
    assert played(officer, other) == 206


def test_who_asks_cannot_approve_and_reads_why(here: Office, recordings: list[str]) -> None:
    head = here.person(Role.HEAD)
    number = asked(head, recordings[0], kind="copy")
    page = head.get(f"/access/{number}").text
    assert "周岚" in re.findall(r'<p class="note">([^<]*)', page)[0]
    assert f"/access/{number}/approve" not in page
    assert head.post(f"/access/{number}/approve", {}).status == 409


def test_nobody_approves_what_is_asked_for_them_by_another(here: Office, recordings: list[str]) -> None:
    number = asked(here.person(Role.CUSTODIAN), recordings[0], applicant="周岚")
    answer = approved(here, number)
    assert answer.status == 409
    assert "申请人为 周岚，不得自行批准" in answer.text


@pytest.mark.parametrize("role", [Role.OFFICER, Role.CUSTODIAN, Role.ARCHIVIST, Role.AUDITOR])
def test_who_may_not_approve_cannot(here: Office, recordings: list[str], role: Role) -> None:
    number = asked(here.person(Role.ARCHIVIST), recordings[0], kind="copy")
    assert here.person(role).post(f"/access/{number}/approve", {}).status == 403
    assert here.person(role).post(f"/access/{number}/refuse", {"reason": "x"}).status == 403


def test_a_refusal_needs_its_reason_and_shows_it(here: Office, recordings: list[str]) -> None:
    officer, head = here.person(Role.OFFICER), here.person(Role.HEAD)
    number = asked(officer, recordings[0])
    assert "请填写理由" in head.post(f"/access/{number}/refuse", {"reason": " "}).text
    head.post(f"/access/{number}/refuse", {"reason": "与本案无关"})
    assert "与本案无关" in officer.get(f"/access/{number}").text


def test_a_request_of_another_is_not_there_for_an_officer(here: Office, recordings: list[str]) -> None:
    number = asked(here.person(Role.CUSTODIAN), recordings[0])
    assert here.person(Role.OFFICER).get(f"/access/{number}").status == 404
    assert here.person(Role.AUDITOR).get(f"/access/{number}").status == 200


def test_only_who_asked_withdraws(here: Office, recordings: list[str]) -> None:
    officer = here.person(Role.OFFICER)
    number = asked(officer, recordings[0])
    assert here.person(Role.HEAD).post(f"/access/{number}/withdraw", {}).status == 409
    assert "已撤回" in officer.post(f"/access/{number}/withdraw", {}).text


def test_a_form_with_a_fault_keeps_what_was_typed(here: Office, recordings: list[str]) -> None:
    fields = {"kind": "copy", "capacity": "lawyer", "purpose": "行政复议", "recording": recordings[0]}
    answer = here.person(Role.OFFICER).post("/access/new", fields | {"wanted_until": "2020-01-01"})
    assert answer.status == 409
    assert "2020-01-01 已过" in answer.text
    assert '<option value="lawyer" selected>' in answer.text


@pytest.mark.parametrize("where", ["recording=019b76da-a800-7b2f-87db-39c052ced3d3", "case=A-1"])
def test_a_request_for_what_is_not_there_says_so(here: Office, where: str) -> None:
    answer = here.person(Role.OFFICER).get(f"/access/new?{where}")
    assert answer.status == 404
    assert "fault" in answer.text


def test_hostile_words_do_no_harm(here: Office, recordings: list[str]) -> None:
    officer = here.person(Role.OFFICER)
    number = asked(officer, recordings[0], purpose=HOSTILE, applicant="=1+1", unit="<b>")
    for path in (f"/access/{number}", "/access?show=mine"):
        text = officer.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text


def test_the_register_is_filtered_and_comes_as_a_table_for_a_spreadsheet(here: Office, recordings: list[str]) -> None:
    played(here.person(Role.ARCHIVIST), recordings[1])
    auditor = here.person(Role.AUDITOR)
    assert "赵敏" in auditor.get("/access/views?person=赵敏".replace("赵敏", "%E8%B5%B5%E6%95%8F")).text
    assert "没有查阅记录" in auditor.get("/access/views?person=nobody").text
    answer = auditor.get(f"/access/views.csv?recording={recordings[1]}")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert {row["recording_id"] for row in rows} == {recordings[1]}
    assert len(rows) == views_of(here, recordings[1])


@pytest.mark.parametrize("path", ["/access/views", "/access/views.csv", "/access/views/report", "/access?show=all"])
def test_an_officer_sees_no_register(here: Office, path: str) -> None:
    answer = here.person(Role.OFFICER).get(path)
    assert answer.status == 403 or "全部调用单" not in answer.text


@pytest.mark.parametrize("asked_for", ["views?after=" + "9" * 40, "views?from=0001-01-01&to=x", "views/report?first=٣"])
def test_what_nobody_asks_for_breaks_no_page(here: Office, asked_for: str) -> None:
    assert here.person(Role.AUDITOR).get(f"/access/{quote(asked_for, safe='/?&=')}").status == 200


def test_the_report_of_a_period_counts_by_unit_and_person(here: Office, recordings: list[str]) -> None:
    played(here.person(Role.ARCHIVIST), recordings[0])
    head = here.person(Role.HEAD)
    text = head.get("/access/views/report").text
    assert "赵敏" in text
    assert "尚未结束" in text
    assert "8:00 以前、18:00 以后" in text
    assert 'name="first" min="0" max="24" value="9"' in head.get("/access/views/report?first=9").text
    assert head.get("/access/views/report?of=2026-13").status == 404
    assert "赵敏" not in head.get("/access/views/report?of=2020-Q1").text


def test_a_list_goes_on_where_its_page_ended(here: Office, recordings: list[str]) -> None:
    officer = here.person(Role.OFFICER)
    numbers = [asked(officer, recordings[0]) for _ in range(3)]
    book = open_access(here.served.console.settings)
    first = book.requests(account="officer", limit=2)
    second = book.requests(account="officer", before=(first[-1].asked_at, first[-1].number), limit=2)
    assert [one.number for one in (*first, *second)][:3] == numbers[::-1]


def test_the_report_knows_hours_days_and_different_recordings() -> None:
    row = {"unit": "一队", "person": "王海", "kind": "play", "request": None, "sample": None, "recording_id": "a"}
    moments = ["2026-03-02T07:59:00+08:00", "2026-03-02T08:00:00+08:00", "2026-03-07T10:00:00+08:00"]
    rows = [row | {"at": moment} for moment in moments]
    rows.append(row | {"at": moments[1], "kind": "download", "request": "A2026-0001", "recording_id": "b"})
    report = report_of(rows, ZONE, OfficeHours())
    line = Line("一队", "王海", views=4, downloads=1, without_request=3, outside_hours=2, recordings=2)
    assert report.persons == (line,)
    assert (report.total.views, report.units[0].unit) == (4, "一队")


@pytest.mark.parametrize(
    ("name", "days"), [("2026-02", 28), ("2026-12", 31), ("2026-Q4", 92), ("2026-Q5", 0), ("2026-00", 0), ("x", 0)]
)
def test_a_period_ends_with_its_last_day(name: str, days: int) -> None:
    period = period_of(name)
    assert (0 if period is None else (period.end - period.start).days) == days


def test_the_end_that_the_head_gives_is_the_end_of_that_day(here: Office, recordings: list[str]) -> None:
    number = asked(here.person(Role.CUSTODIAN), recordings[0])
    day = dt.date.today() + dt.timedelta(days=3)
    approved(here, number, valid_until=day.isoformat())
    end = open_access(here.served.console.settings).request(number).valid_until
    assert end is not None
    assert from_text(end).astimezone(ZONE) == dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), ZONE)


def test_commands_tell_what_the_pages_show(here: Office, recordings: list[str]) -> None:
    custodian = here.person(Role.CUSTODIAN)
    number = asked(custodian, recordings[1], purpose="听证")
    approved(here, number)
    assert played(custodian, recordings[1]) == 206

    def told(*words: str) -> Any:
        ended = here.installation.run("access", *words, "--json")
        assert ended.status == 0, ended
        return json.loads(ended.out)

    one = told("show", number)
    assert (one["state"], one["purpose"], len(one["viewed"])) == ("used", "听证", 1)
    assert [act["act"] for act in one["history"]] == ["access.asked", "access.approved"]
    assert number in {each["number"] for each in told("list")} - {each["number"] for each in told("list", "--waiting")}
    assert {each["person"] for each in told("views", "--person", "陈静")} == {"陈静"}

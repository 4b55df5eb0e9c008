"""Registers at the screens: complaints, requests for disclosure with their clock, non-duty footage."""

import datetime as dt
import re
from collections.abc import Iterator

import pytest

from ingestd.core.clock import SystemClock
from ingestd.core.roles import Role
from ingestd.web.visitors import Visitor
from ingestd.wiring import open_cases, open_registers
from tests.support.clips import write_clip
from tests.support.console import Answer, Person, put_accounts
from tests.support.office import Office, office

FIRST = "0000007_00001220260302090000_0001.mp4"
NOTE = "20260302.log"
NUMBERS = iter(f"2026-{number:03}" for number in range(1, 100))
DISCLOSURES = "/registers/disclosures"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    root = tmp_path_factory.mktemp("office")
    card = root / "card" / "DCIM" / "100ANDRO"
    card.mkdir(parents=True)
    write_clip(card / FIRST, 2, sound=None)
    (card / NOTE).write_text("09:00 power on\n", "utf-8")
    add = ["roster", "add", "0000007", "--officer", "李四", "--certificate", "210001", "--from", "2026-01-01"]
    with office(root / "station", root / "card", commands=[add]) as opened:
        yield opened


@pytest.fixture
def archivist(here: Office) -> Person:
    return here.person(Role.ARCHIVIST)


def day(ago: int) -> str:
    today = SystemClock().now().astimezone(dt.timezone(dt.timedelta(hours=8))).date()
    return (today - dt.timedelta(ago)).isoformat()


def asked(person: Person, **fields: str) -> str:
    """A request of its own, received two days ago; its number."""
    number = next(NUMBERS)
    fields = {"received_on": day(2), "applicant": "张某", "asked": "现场检查录像", **fields}
    assert person.post(f"{DISCLOSURES}/new", {"number": number, **fields}).status == 200
    return number


def do(person: Person, number: str, what: str, **fields: str) -> Answer:
    return person.post(f"{DISCLOSURES}/{number}", {"do": what, **fields})


def test_a_request_shows_its_last_day_and_the_article(archivist: Person) -> None:
    shown = archivist.get(f"{DISCLOSURES}/{asked(archivist)}").text
    assert "个工作日" in shown
    assert "《政府信息公开条例》第三十三条" in shown


def test_a_late_request_says_so_in_its_list_and_on_the_first_page(archivist: Person) -> None:
    asked(archivist, received_on=day(90))
    assert re.search(r"逾期 \d+ 个工作日", archivist.get(DISCLOSURES).text)
    assert re.search(r"逾期 \d+ 件", archivist.get("/registers").text)


def test_a_request_is_answered_and_delivered(here: Office, archivist: Person) -> None:
    number = asked(archivist)
    fields = {"on": day(0), "outcome": "part", "ground": "third_party", "recordings": FIRST, "redactions": "遮挡.mp4"}
    assert do(archivist, number, "answer", **fields).status == 200
    assert do(archivist, number, "deliver", on=day(0), how="邮寄").status == 200
    one = open_registers(here.served.console.settings).disclosure(number)
    assert one is not None
    assert (one.outcome, one.ground, len(one.recordings), one.redactions) == ("part", "third_party", 1, ("遮挡.mp4",))
    shown = archivist.get(f"{DISCLOSURES}/{number}").text
    assert "按期答复" in shown
    assert FIRST in shown
    assert number in archivist.get(f"{DISCLOSURES}?standing=settled").text


def test_a_refusal_without_ground_is_not_entered_and_what_was_typed_stays(here: Office, archivist: Person) -> None:
    number = asked(archivist)
    answer = do(archivist, number, "answer", on=day(0), outcome="refused", answer="涉及他人")
    assert answer.status == 409
    assert "须填写理由" in answer.text
    assert "涉及他人" in answer.text
    one = open_registers(here.served.console.settings).disclosure(number)
    assert one is not None
    assert one.settled_on is None


def test_the_term_is_made_longer_once_with_a_reason(archivist: Person) -> None:
    number = asked(archivist)
    fields = {"on": day(0), "workdays": "20", "reason": "材料多", "agreed_by": "周岚"}
    assert do(archivist, number, "extend", **fields).status == 200
    assert do(archivist, number, "extend", **fields).status == 409
    assert "+ 20" in archivist.get(f"{DISCLOSURES}/{number}").text


def test_a_complaint_suggests_what_to_hold_and_leads_there(archivist: Person) -> None:
    times = {"happened_from": "2026-03-02T08:30", "happened_until": "2026-03-02T10:00"}
    fields = {"number": "T-1", "received_on": "2026-03-03", "about": "态度粗暴", "officers": "李四/210001", **times}
    shown = archivist.post("/registers/complaints/new", fields).text
    assert FIRST in shown
    assert "证号相同" in shown
    assert 'href="/holds/new?complaint=T-1"' in shown


def test_a_complaint_is_linked_to_a_case_and_settled(here: Office, archivist: Person) -> None:
    archivist.post("/cases/new", {"number": "C-1"})
    archivist.post("/registers/complaints/new", {"number": "T-2", "received_on": day(9)})
    fields = {"received_on": day(9), "case_number": "C-1", "outcome": "已书面答复", "settled_on": day(0)}
    archivist.post("/registers/complaints/T-2", fields)
    one = open_cases(here.served.console.settings).complaint("T-2")
    assert one is not None
    assert (one.case_number, one.outcome, str(one.settled_on)) == ("C-1", "已书面答复", day(0))
    assert "T-2" in archivist.get("/cases/C-1").text
    assert "T-2" in archivist.get("/registers/complaints?standing=settled").text
    assert "T-2" not in archivist.get("/registers/complaints").text


def test_a_complaint_about_an_unknown_case_is_refused_with_what_was_typed(archivist: Person) -> None:
    fields = {"number": "T-3", "received_on": day(1), "case_number": "无此案", "about": "超时扣车"}
    answer = archivist.post("/registers/complaints/new", fields)
    assert answer.status == 409
    assert "超时扣车" in answer.text


def test_non_duty_footage_is_noted_and_a_second_person_decides(here: Office, archivist: Person) -> None:
    noted = archivist.post("/registers/non-duty/new", {"recording": FIRST, "reason": "似私人活动"})
    path = noted.url.partition("?")[0].removeprefix(here.served.address)
    assert "应由第二人复核" in noted.text
    assert archivist.post(path, {"verdict": "duty", "words": "…"}).status == 409
    put_accounts(here.served.console, [Visitor("archivist-2", "钱一", frozenset({Role.ARCHIVIST}))])
    second = here.served.stranger()
    second.sign_in("archivist-2")
    assert "似私人活动" in second.get("/registers/non-duty").text
    assert second.post(path, {"verdict": "non_duty", "words": "确与执法无关"}).status == 200
    assert "与执勤执法无关" in archivist.get("/registers/non-duty?standing=settled").text


def test_an_inspector_from_outside_reaches_no_footage_that_was_not_drawn_for_him(
    here: Office, archivist: Person
) -> None:
    noted = archivist.post("/registers/non-duty/new", {"recording": NOTE, "reason": "似私人活动之二"})
    path = noted.url.partition("?")[0].removeprefix(here.served.address)
    inspector = here.person(Role.INSPECTOR)
    assert "似私人活动之二" not in inspector.get("/registers/non-duty").text
    assert inspector.get(path).status == 404
    assert inspector.post(path, {"verdict": "duty", "words": "…"}).status == 404
    assert inspector.post("/registers/non-duty/new", {"recording": NOTE, "reason": "…"}).status == 409


@pytest.mark.parametrize("role", [Role.OFFICER, Role.HEAD, Role.AUDITOR, Role.INSPECTOR, Role.ADMIN])
def test_the_registers_are_the_archivists(here: Office, role: Role) -> None:
    person = here.person(role)
    assert person.get("/registers").status == 403
    assert person.get(DISCLOSURES).status == 403
    assert person.post(f"{DISCLOSURES}/new", {"number": "x"}).status == 403


def test_hostile_words_are_shown_and_do_nothing(archivist: Person) -> None:
    number = asked(archivist, applicant="<script>alert(1)</script>", asked="{{ 7*7 }}<b>")
    for path in (DISCLOSURES, f"{DISCLOSURES}/{number}"):
        assert "<script>alert" not in archivist.get(path).text

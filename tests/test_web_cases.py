"""Cases at the screens: the register, one case against its matrix, its footage, and how it is filed."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from ingestd.core.clock import SystemClock
from ingestd.core.roles import Role
from ingestd.wiring import open_cases
from tests.support.clips import write_clip
from tests.support.console import Answer, Person
from tests.support.office import Office, office

FIRST = "0000007_00001220260302090000_0001.mp4"
SECOND = "0000007_00001220260302104000_0002.mp4"
NUMBERS = iter(f"大金海罚〔2026〕{number}号" for number in range(1, 100))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    root = tmp_path_factory.mktemp("office")
    card = root / "card" / "DCIM" / "100ANDRO"
    card.mkdir(parents=True)
    write_clip(card / FIRST, 3, sound=None)
    write_clip(card / SECOND, 2, sound=None)
    add = ["roster", "add", "0000007", "--officer", "李四", "--certificate", "210001", "--from", "2026-01-01"]
    with office(root / "station", root / "card", commands=[add]) as opened:
        yield opened


@pytest.fixture
def archivist(here: Office) -> Person:
    return here.person(Role.ARCHIVIST)


def path(number: str) -> str:
    return f"/cases/{quote(number)}"


def day(ago: int) -> str:
    return (SystemClock().now().astimezone(dt.timezone(dt.timedelta(hours=8))).date() - dt.timedelta(ago)).isoformat()


def do(person: Person, number: str, what: str, **fields: str) -> Answer:
    return person.post(path(number), {"do": what, **fields})


def entered(here: Office, *activities: str, **facts: Any) -> str:
    """A case of its own with activities at nine o'clock; its number. Entered at the station, which is quicker."""
    number = next(NUMBERS)
    facts = {
        "cause": "无证捕捞",
        "category": "penalty",
        "officers": ["李四/210001"],
        "opened_on": "2026-03-02",
        **facts,
    }
    times = {"began_at": "2026-03-02T08:55:00+08:00", "ended_at": "2026-03-02T09:30:00+08:00"}
    requests = [{"do": "open", **facts}, *({"do": "activity", "kind": kind, **times} for kind in activities)]
    here.served.console.ask("case", requests=[{"by": "赵敏", "number": number, **one} for one in requests])
    return number


def test_a_case_is_entered_and_its_page_says_what_the_regime_asks(archivist: Person) -> None:
    number = next(NUMBERS)
    facts = {"cause": "无证捕捞", "category": "penalty", "officers": "李四/210001", "opened_on": "2026-03-02"}
    assert archivist.post("/cases/new", {"number": number, **facts}).url.startswith(archivist.address + path(number))
    do(archivist, number, "activity", kind="inspection", began_at="2026-03-02T08:55", ended_at="2026-03-02T09:30")
    shown = archivist.get(path(number)).text
    assert number in shown
    assert "缺音像记录" in shown
    assert "第十五条" in shown
    assert "采取现场检查（勘验）、抽样调查和听证取证方式的，应同时进行音像记录" in shown


def test_a_number_is_given_once_and_what_was_typed_stays(here: Office, archivist: Person) -> None:
    number = entered(here)
    answer = archivist.post("/cases/new", {"number": number, "cause": "另一案由"})
    assert answer.status == 409
    assert "已在案件登记簿中" in answer.text
    assert "另一案由" in answer.text


def test_footage_is_suggested_with_reasons_and_linked_with_one_button(here: Office, archivist: Person) -> None:
    number = entered(here, "inspection")
    shown = archivist.get(path(number)).text
    assert "执法人员 李四 210001（证号相同）" in shown
    (recording,) = set(re.findall(r'name="named" value="([0-9a-f-]{36})"', shown))
    answer = do(archivist, number, "link", named=recording, activity_id="a1")
    assert "已关联" in answer.text
    (link,) = open_cases(here.served.console.settings).links_of(number)
    assert (link.recording_id, link.activity_id, link.linked_by) == (recording, "a1", "赵敏")


def test_a_link_is_marked_as_evidence_and_ended_with_a_reason(here: Office, archivist: Person) -> None:
    number = entered(here, "inspection")
    register = open_cases(here.served.console.settings)
    do(archivist, number, "link", named=SECOND, activity_id="a1")
    do(archivist, number, "link", named=SECOND, activity_id="a1", is_evidence="yes", was_linked="yes")
    assert [one.is_evidence for one in register.links_of(number)] == [True]
    assert do(archivist, number, "unlink", named=SECOND, activity_id="a1").status == 409
    do(archivist, number, "unlink", named=SECOND, activity_id="a1", reason="误关联")
    assert register.links_of(number) == []
    assert "误关联" in archivist.get(path(number)).text


def test_a_case_with_a_mandatory_activity_without_footage_is_not_filed(here: Office, archivist: Person) -> None:
    number = entered(here, "inspection")
    answer = do(archivist, number, "close", on=day(0), concluded_on=day(3))
    assert answer.status == 409
    assert "现在还不能归档" in answer.text
    assert open_cases(here.served.console.settings).case(number).is_open


def test_a_lawful_reason_lets_it_be_filed(here: Office, archivist: Person) -> None:
    number = entered(here, "inspection")
    do(archivist, number, "absence", activity_id="a1", ground="unsuitable", words="油库区域禁用电子设备")
    assert "依规定未音像记录" in archivist.get(path(number)).text
    do(archivist, number, "close", on=day(0), concluded_on=day(3))
    case = open_cases(here.served.console.settings).case(number)
    assert (case.is_open, str(case.closed_on)) == (False, day(0))


def test_a_reason_that_the_regime_does_not_admit_keeps_it_on_the_list(here: Office, archivist: Person) -> None:
    number = entered(here, "seizure")
    do(archivist, number, "absence", activity_id="a1", ground="other", words="忘记开机")
    shown = archivist.get(path(number)).text
    assert "缺音像记录" in shown
    assert "制度不认可此原因" in shown


def test_it_is_filed_without_footage_only_with_a_reason_that_stands_in_the_ledger(
    here: Office, archivist: Person
) -> None:
    number = entered(here, "seizure")
    do(archivist, number, "close", on=day(0), concluded_on=day(3), reason="记录仪损坏，已书面说明")
    register = open_cases(here.served.console.settings)
    last = register.history(number)[-1]
    assert (last["act"], last["document"]["reason"]) == ("case.closed", "记录仪损坏，已书面说明")


def test_the_term_runs_from_the_end_of_enforcement_and_a_late_case_says_so(here: Office, archivist: Person) -> None:
    number = entered(here, cause="期限")
    do(archivist, number, "stage", stage="service", concluded_on=day(10))
    assert "还剩 20 天" in archivist.get(path(number)).text
    do(archivist, number, "stage", stage="service", concluded_on=day(33))
    assert "逾期 3 天" in archivist.get(path(number)).text
    due = archivist.get("/cases?standing=due&q=期限".replace("期限", quote("期限"))).text
    assert number in due
    assert "逾期 3 天" in due


def test_a_filed_case_is_taken_up_again_with_a_reason(here: Office, archivist: Person) -> None:
    number = entered(here)
    do(archivist, number, "close", on=day(0), concluded_on=day(3))
    assert number in archivist.get("/cases?standing=filed").text
    do(archivist, number, "reopen", reason="行政复议")
    assert open_cases(here.served.console.settings).case(number).is_open


def test_facts_are_changed_and_days_emptied(here: Office, archivist: Person) -> None:
    number = entered(here, concluded_on=day(3), flags=["major"])
    facts = {"cause": "越界捕捞", "category": "penalty", "parties": "张某\n李某", "flags": ["privacy"]}
    archivist.post(path(number), {"do": "change", **facts})
    case = open_cases(here.served.console.settings).case(number)
    assert (case.cause, case.parties, case.concluded_on) == ("越界捕捞", ("张某", "李某"), None)
    assert sorted(case.flags) == ["privacy"]


def test_a_case_is_found_by_number_party_and_officer(here: Office, archivist: Person) -> None:
    number = entered(here, parties=["钱塘渔业100%公司"], officers=["吴一/990077"])
    for words in (number, "钱塘渔业", "100%", "吴一", "990077"):
        found = archivist.get(f"/cases?q={quote(words)}").text
        assert f'href="{path(number)}"' in found, words
    assert f'href="{path(number)}"' not in archivist.get(f"/cases?q={quote('100_公司')}").text


def test_a_stroke_in_a_number_is_no_hindrance(archivist: Person) -> None:
    archivist.post("/cases/new", {"number": "2026/7-1?x#y"})
    assert "2026/7-1?x#y" in archivist.get("/cases/2026/7-1%3Fx%23y").text


def test_hostile_words_are_shown_and_do_nothing(here: Office, archivist: Person) -> None:
    number = entered(here, parties=["<script>alert(1)</script>"], cause='"><img src=x onerror=alert(1)>')
    for view in ("", "?view=print"):
        shown = archivist.get(path(number) + view).text
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown


def test_an_auditor_reads_and_changes_nothing(here: Office, archivist: Person) -> None:
    number = entered(here)
    auditor = here.person(Role.AUDITOR)
    shown = auditor.get(path(number)).text
    assert number in shown
    assert f'action="{path(number)}"' not in shown
    assert do(auditor, number, "stage", stage="decision").status == 403
    assert auditor.get("/cases/new").status == 403


def test_an_officer_sees_the_own_cases_alone(here: Office, archivist: Person) -> None:
    mine, other = entered(here, officers=["王海/210002"]), entered(here)
    officer = here.person(Role.OFFICER)
    listed = officer.get("/cases").text
    assert f'href="{path(mine)}"' in listed
    assert f'href="{path(other)}"' not in listed
    assert officer.get(path(other)).status == 404
    assert do(officer, other, "stage", stage="decision").status == 404


def test_an_officer_who_enters_a_case_is_named_in_it(here: Office) -> None:
    assert "王海" in here.person(Role.OFFICER).get("/cases/new").text


def test_an_officer_links_no_recording_of_others(here: Office, archivist: Person) -> None:
    mine = entered(here, "inspection", officers=["王海/210002"])
    officer = here.person(Role.OFFICER)
    answer = do(officer, mine, "link", named=FIRST, activity_id="a1")
    assert answer.status == 409
    assert open_cases(here.served.console.settings).links_of(mine) == []


def test_the_summary_for_paper_has_matrix_and_history_and_no_form(here: Office, archivist: Person) -> None:
    number = entered(here, "inspection")
    shown = archivist.get(path(number) + "?view=print").text
    assert "第十五条" in shown
    assert "赵敏" in shown
    assert f'action="{path(number)}"' not in shown


def test_pages_of_the_register_follow_each_other(here: Office, archivist: Person) -> None:
    many = [next(NUMBERS) for _ in range(3)]
    requests = [{"do": "open", "by": "赵敏", "number": f"{many[at % 3]}-{at:03}", "cause": "分页"} for at in range(60)]
    here.served.console.ask("case", requests=requests)
    first = archivist.get(f"/cases?q={quote('分页')}")
    numbers = re.findall(r"<a href=\"/cases/([^\"?]+)\">", first.text)
    (following,) = re.findall(r'rel="next" href="([^"]+)"', first.text)
    rest = re.findall(r"<a href=\"/cases/([^\"?]+)\">", archivist.get(following.replace("&amp;", "&")).text)
    assert (len(numbers), len(rest)) == (50, 10)
    assert len({*numbers, *rest}) == 60

"""Journey 8 in a real browser: an archivist files a case within 30 days of its end, with its footage complete."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from ingestd.core.clock import SystemClock
from ingestd.core.roles import Role
from ingestd.wiring import open_cases
from tests.support.clips import write_clip
from tests.support.console import serious_faults
from tests.support.office import Office, office, picture

FIRST = "0000007_00001220260302090000_0001.mp4"
SECOND = "0000007_00001220260302104000_0002.mp4"


@dataclass(frozen=True)
class Words:
    """What the pages say in one language, and the case that is filed in it."""

    language: str
    number: str
    file: str
    began: str
    ended: str
    refused: str
    left: str
    filed: str


CHINESE = Words(
    "zh", "大金海罚〔2026〕12号", FIRST, "2026-03-02T08:55", "2026-03-02T09:30", "还不能归档", "还剩 20 天", "按期归档"
)
ENGLISH = Words(
    "en", "大金海罚〔2026〕13号", SECOND, "2026-03-02T10:30", "2026-03-02T11:00",
    "It cannot be filed yet", "20 days left", "filed in time",
)  # fmt: skip


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


def day(ago: int) -> str:
    today = SystemClock().now().astimezone(dt.timezone(dt.timedelta(hours=8))).date()
    return (today - dt.timedelta(ago)).isoformat()


def activity(page: Any, kind: str, began: str, ended: str) -> None:
    form = page.locator("details.add form", has=page.locator('input[value="activity"]'))
    page.locator("details.add summary").first.click()
    form.locator('[name="kind"]').select_option(kind)
    form.locator('[name="began_at"]').fill(began)
    form.locator('[name="ended_at"]').fill(ended)
    form.locator("button.main").click()


@pytest.mark.parametrize("words", [CHINESE, ENGLISH], ids=["zh", "en"])
def test_the_archivist_files_a_case_in_time_with_its_footage_complete(here: Office, browser: Any, words: Words) -> None:
    page = here.page(browser, Role.ARCHIVIST, language=words.language)
    page.goto("/cases/new")
    assert serious_faults(page) == []
    page.fill('[name="number"]', words.number)
    page.fill('[name="cause"]', "无证捕捞")
    page.fill('[name="parties"]', "张某")
    page.fill('[name="officers"]', "李四/210001")
    page.fill('[name="opened_on"]', "2026-03-02")
    page.locator("form button.main").click()

    # What was done: one activity whose footage is there, and one that may lawfully lack it.
    activity(page, "inspection", words.began, words.ended)
    activity(page, "sampling", "2026-03-02T13:00", "2026-03-02T13:20")
    page.locator("#filing ~ details summary", has_text="").last.click()
    stage = page.locator("form", has=page.locator('input[value="stage"]'))
    stage.locator('[name="stage"]').select_option("service")
    stage.locator('[name="concluded_on"]').fill(day(10))
    stage.locator("button").click()
    assert words.left in page.locator(".clock").inner_text()

    # It is not filed while something is missing.
    page.locator("form", has=page.locator('input[value="close"]')).locator("button.main").click()
    assert words.refused in page.locator(".fault").first.inner_text()
    assert page.locator("li.activity.missing").count() == 2
    assert serious_faults(page) == []
    picture(page, f"case-{words.language}", is_whole=True)

    # The footage is linked with two keys, the absence gets its reason.
    page.keyboard.press("j")
    page.keyboard.press("l")
    page.locator("li.activity.covered").wait_for()
    missing = page.locator("li.activity.missing")
    missing.locator("summary").first.click()
    missing.locator('[name="ground"]').select_option("unsuitable")
    missing.locator('[name="words"]').fill("油库区域禁用电子设备")
    missing.locator("details[open] button.main").click()
    page.locator("li.activity.excused").wait_for()

    page.locator("form", has=page.locator('input[value="close"]')).locator("button.main").click()
    assert words.filed in page.locator(".clock").inner_text()
    case = open_cases(here.served.console.settings).case(words.number)
    assert (str(case.concluded_on), str(case.closed_on)) == (day(10), day(0))
    assert serious_faults(page) == []
    page.goto("/cases?standing=filed")
    assert words.number in page.locator("table").inner_text()
    assert serious_faults(page) == []
    picture(page, f"cases-{words.language}")


@pytest.mark.parametrize(("language", "scheme"), [("zh", "light"), ("en", "dark")])
def test_every_page_of_cases_and_registers_can_be_used_by_all(
    here: Office, browser: Any, language: str, scheme: str
) -> None:
    archivist, number = here.person(Role.ARCHIVIST), f"2026-{language}"
    case = f"/cases/{quote(number)}"
    archivist.post("/cases/new", {"number": number, "cause": "无证捕捞", "officers": "李四/210001"})
    archivist.post(case, {"do": "activity", "kind": "seizure", "began_at": "2026-03-02T09:00"})
    complaint = {"number": number, "received_on": day(20), "about": "态度粗暴", "officers": "李四/210001"}
    times = {"happened_from": "2026-03-02T08:30", "happened_until": "2026-03-02T12:00"}
    archivist.post("/registers/complaints/new", complaint | times | {"case_number": number})
    disclosure = {"number": number, "received_on": day(12), "applicant": "张某", "asked": "3月2日现场检查录像"}
    archivist.post("/registers/disclosures/new", disclosure)
    noted = archivist.post(
        "/registers/non-duty/new", {"recording": FIRST if language == "zh" else SECOND, "reason": "…"}
    )
    page = here.page(browser, Role.ARCHIVIST, language=language, color_scheme=scheme)
    shown = {
        "case-summary": f"{case}?view=print",
        "case-open": case,
        "registers": "/registers",
        "complaints": "/registers/complaints",
        "complaint-new": "/registers/complaints/new",
        "complaint": f"/registers/complaints/{quote(number)}",
        "disclosures": "/registers/disclosures",
        "disclosure-new": "/registers/disclosures/new",
        "disclosure": f"/registers/disclosures/{quote(number)}",
        "non-duty": "/registers/non-duty",
        "non-duty-new": "/registers/non-duty/new",
        "non-duty-note": noted.url.removeprefix(here.served.address),
    }
    for name, path in shown.items():
        if scheme == "dark" and name not in ("case-open", "disclosure", "non-duty-note"):
            # Between them they have every part that the others have.
            continue
        page.goto(path)
        assert serious_faults(page) == [], name
        if language == "zh":
            picture(page, name, is_whole=True)

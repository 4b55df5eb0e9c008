"""Journey 3: a custodian settles an unknown recorder with the keyboard alone; and the pages of lists and search."""

from collections.abc import Iterator
from typing import Any

import pytest

from ingestd.core.roles import Role
from ingestd.wiring import open_fleet
from tests.support.clips import write_clip
from tests.support.console import serious_faults
from tests.support.office import Office, office, picture
from tests.support.station import write_card

NAMES = [f"DCIM/100ANDRO/0000007_0000122026030209{minute}000_000{place}.mp4" for place, minute in enumerate((0, 1, 3))]
ROSTER = "roster add 0000007 --officer 李四 --certificate 210001 --unit 一中队 --from 2026-01-01 --by 王五"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Three recordings of a known recorder, one of them empty, and two cards that nobody can name the recorder of."""
    root = tmp_path_factory.mktemp("journey")
    known = write_card(root / "known", {NAMES[2]: b""})
    for place, name in enumerate(NAMES[:2]):
        write_clip(known / name, seconds=1 + place)
    strangers = [write_card(root / f"stranger{n}", {f"DCIM/100MEDIA/IMG_000{n}.mp4": b"%d" % n}) for n in range(2)]
    register = ("fleet", "add", "0000007", "--unit", "一中队", "--by", "王五")
    with office(
        root / "station", known, *strangers, commands=(register, ROSTER.split()), fleet__unknown="quarantine"
    ) as made:
        named = {"do": "name", "by": "王五", "recording": NAMES[0].rpartition("/")[2], "name": "金渔15001"}
        made.served.console.ask("vessel", request=named)
        yield made


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_custodian_settles_an_unknown_recorder_with_the_keyboard(here: Office, browser: Any, language: str) -> None:
    register = open_fleet(here.served.console.settings)
    before = register.waiting()
    page = here.page(browser, Role.CUSTODIAN, language=language)
    page.goto("/")
    assert serious_faults(page) == []
    picture(page, f"home-{language}")
    page.locator("a[href='/work/identity']").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/work/identity")
    picture(page, f"work-identity-list-{language}")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    # The form opens with its first field under the keys.
    page.wait_for_function("document.activeElement.name === 'recorder'")
    page.keyboard.type("0000007")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("核对外壳编号")
    picture(page, f"work-identity-{language}")
    assert serious_faults(page) == []
    page.keyboard.press("Control+Enter")
    page.locator(".said").wait_for()
    picture(page, f"work-identity-done-{language}")
    after = register.waiting()
    assert len(after) == len(before) - 1
    settled = register.docking(before[0]["docking_id"])
    assert (settled["admission_settled_recorder"], settled["admission_settled_by"]) == ("0000007", "陈静")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_archivist_finds_a_recording_by_vessel_and_time(here: Office, browser: Any, language: str) -> None:
    page = here.page(browser, Role.ARCHIVIST, language=language)
    page.goto("/search")
    page.locator("form.question summary").click()
    page.locator("input[name=vessel]").fill("金渔15001")
    page.locator("input[name=from]").fill("2026-03-02T08:55")
    page.locator("input[name=to]").fill("2026-03-02T09:05")
    page.locator("input[name=vessel]").press("Enter")
    page.wait_for_url("**/search?vessel=*")
    assert "begins=2026-03-02T00%3A55%3A00.000Z" in page.url
    assert page.locator("tbody tr").count() == 1
    assert page.locator("tbody").inner_text().count("金渔15001") == 1
    assert serious_faults(page) == []
    picture(page, f"search-vessel-{language}")
    page.locator("tbody a").click()
    page.wait_for_url("**/recordings/*")


def test_keys_move_open_and_close_without_a_mouse(here: Office, browser: Any) -> None:
    page = here.page(browser, Role.ARCHIVIST)
    page.goto("/work/unregistered")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    second = page.locator("details.item").nth(1)
    assert second.get_attribute("open") is not None
    page.wait_for_function("document.activeElement.form !== undefined")
    page.keyboard.press("Escape")
    assert second.get_attribute("open") is None
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.parentElement.id") == "item-0"
    page.keyboard.press("?")
    assert page.locator("details.keys").get_attribute("open") is not None


def test_a_list_is_worked_without_scripts(here: Office, browser: Any) -> None:
    page = here.page(browser, Role.ARCHIVIST, java_script_enabled=False)
    page.goto("/work/interruptions")
    page.locator("details.item summary").first.click()
    page.locator("input[name=reason]").first.check()
    page.locator("textarea[name=words]").first.fill("设备故障，更换后继续")
    page.locator("button[name=do]").first.click()
    assert "中断原因已说明" in page.locator(".said").inner_text()


@pytest.mark.parametrize(("language", "scheme"), [("zh", "light"), ("en", "dark")])
def test_pages_of_lists_and_search_have_no_serious_fault(
    here: Office, browser: Any, language: str, scheme: str
) -> None:
    page = here.page(browser, Role.ARCHIVIST, language=language, color_scheme=scheme)
    shown = {"search": "/search?officer=210001", "work": "/work", "work-unregistered": "/work/unregistered"}
    for name, path in shown.items():
        page.goto(path)
        if name == "work-unregistered":
            page.locator("details.item summary").first.click()
        assert serious_faults(page) == [], path
        picture(page, f"{name}-{language}{'-dark' if scheme == 'dark' else ''}")
    page.goto("/")
    page.locator("a[href^='/dockings/']").last.click()
    page.wait_for_url("**/dockings/*")
    assert serious_faults(page) == []
    picture(page, f"docking-{language}{'-dark' if scheme == 'dark' else ''}", is_whole=True)

"""Journeys 1, 2 and 4 at the dock's screen, in a real browser: dock and leave, reason and case, receipt."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.baystate import BayEvent, Word
from ingestd.core.fleet import SAFE_WORDS
from ingestd.stores.ledger import read_entries
from tests.support.cards import Card
from tests.support.console import serious_faults, served, signed_in_page
from tests.support.dockscreen import (
    CASE,
    CUSTODIAN_CARD,
    OFFICER,
    OFFICER_CARD,
    PIN,
    RECORDER,
    dock_office,
    docked,
    some_of,
)
from tests.support.office import Office, picture
from tests.support.process import Daemon
from tests.support.saidbays import begun, copying, said_bays
from tests.support.station import build_station, write_card

LANGUAGES = ("zh", "en")
SAFE = {"zh": "可以取走", "en": "You may take it"}
LOST = {"zh": "采集站没有应答", "en": "The station does not answer"}
OPEN = {"zh": "1 处中断待说明", "en": "interruptions without a reason: 1"}
BATTERY = {"zh": "电量不足或断电", "en": "battery empty or power lost"}
SAVE = {"zh": "保存为 PDF", "en": "save as PDF"}
RECEIVED = {"zh": "确认接收", "en": "confirm: received"}
DONE = {"zh": "完成", "en": "done"}
DIALOGUE = {"width": 1024, "height": 600}
WALL = {"width": 1920, "height": 1080}

KEEP_STATES = """
window.states = [];
window.loadedOnce = true;
new MutationObserver((all) => {
  for (const one of all) {
    for (const node of one.addedNodes) if (node.dataset?.state) window.states.push(node.dataset.state);
    if (one.type === 'attributes') window.states.push(one.target.dataset.state);
  }
}).observe(document.querySelector('[data-bays]'), { childList: true, subtree: true, attributeFilter: ['data-state'] });
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with dock_office(tmp_path_factory.mktemp("dock")) as opened:
        first = opened.daemon
        yield opened
        if opened.daemon is not first:
            opened.daemon.kill()


def acts(here: Office, name: str) -> list[Any]:
    return [one for one in read_entries(here.installation.vault / "ledger") if one.act == name]


def screen(here: Office, browser: Any, language: str, **options: Any) -> Any:
    page = here.page(browser, None, language=language, **{"viewport": WALL, "has_touch": True, **options})
    page.goto("/dock")
    return page


def tile(page: Any, bay: str) -> Any:
    return page.locator(f'.bay[data-bay="{bay}"]')


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_officer_docks_sees_that_all_is_done_and_leaves(
    here: Office, browser: Any, demo_card: Card, tmp_path: Path, language: str
) -> None:
    page = screen(here, browser, language)
    page.evaluate(KEEP_STATES)
    docked(here, some_of(demo_card, tmp_path / "card", (4,)), f"A1-{language}")
    shown = tile(page, f"A1-{language}")
    shown.locator("[data-f=state]", has_text=SAFE[language]).wait_for()
    assert shown.get_by_text(OFFICER).is_visible()
    assert shown.get_by_text(RECORDER).is_visible()
    assert shown.get_attribute("data-safe") is not None
    states = page.evaluate("window.loadedOnce && window.states")
    assert states[-1] == "done"
    assert {"reading", "copying"} & set(states)
    assert serious_faults(page) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_officer_explains_an_interruption_and_links_a_case_with_a_finger(
    here: Office, browser: Any, demo_card: Card, tmp_path: Path, language: str
) -> None:
    # Each language needs footage of its own: what is held already brings nothing new.
    card = some_of(demo_card, tmp_path / "card", (4, 6), language.encode())
    page = screen(here, browser, language, viewport=DIALOGUE)
    bay = f"B2-{language}"
    docking = docked(here, card, bay)
    tile(page, bay).get_by_text(OPEN[language]).wait_for(timeout=60_000)
    explained, linked = len(acts(here, "finding.explained")), len(acts(here, "case.linked"))

    tile(page, bay).tap()
    page.wait_for_url(f"**/dock/{docking}")
    if language == "zh":
        # A reader types the number and Enter: no tap at all.
        page.keyboard.type(OFFICER_CARD)
        page.keyboard.press("Enter")
    else:
        page.get_by_label("or account").fill("officer")
        page.get_by_label("PIN").tap()
        for digit in PIN:
            page.locator(f'[data-key="{digit}"]').tap()
        page.get_by_role("button", name="OK").tap()
    page.get_by_text(OFFICER, exact=True).first.wait_for()
    assert serious_faults(page) == []
    if language == "zh":
        picture(page, "dock-sheet")
    page.get_by_role("button", name=BATTERY[language]).and_(page.locator(".ask button")).first.tap()
    page.get_by_role("status").wait_for()
    page.get_by_role("button", name=CASE).tap()
    page.get_by_role("status").wait_for()
    wait_for_sheet = page.locator(".brought .mark.accent", has_text=CASE)
    wait_for_sheet.wait_for()

    assert len(acts(here, "finding.explained")) == explained + 1
    assert len(acts(here, "case.linked")) == linked + 1
    assert {one.actor for one in (*acts(here, "finding.explained"), *acts(here, "case.linked"))} == {OFFICER}
    small = page.evaluate(
        "[...document.querySelectorAll('a, button, summary, input:not([type=hidden])')]"
        ".filter((one) => one.offsetParent && one.getBoundingClientRect().height < 48).map((one) => one.outerHTML)"
    )
    assert small == []
    page.get_by_role("button", name=DONE[language], exact=True).tap()
    page.wait_for_url("**/dock")
    assert not [one for one in page.context.cookies() if one["name"] == "ingestd_dock"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_custodian_takes_the_receipt_and_confirms(
    here: Office, browser: Any, demo_card: Card, tmp_path: Path, language: str
) -> None:
    docking = docked(here, some_of(demo_card, tmp_path / "card", (4,)), f"C3-{language}")
    page = here.page(browser, None, language=language, viewport=DIALOGUE, has_touch=True, accept_downloads=True)
    page.goto(f"/dock/{docking}")
    page.keyboard.type(CUSTODIAN_CARD)
    page.keyboard.press("Enter")
    with page.expect_download() as paper:
        page.get_by_role("button", name=SAVE[language]).tap()
    page.get_by_role("button", name=RECEIVED[language]).tap()
    page.get_by_role("status").wait_for()
    assert re.fullmatch(r"station-01-2026-\d{5}\.pdf", paper.value.suggested_filename)
    kept = tmp_path / "record.pdf"
    paper.value.save_as(kept)
    assert kept.read_bytes().startswith(b"%PDF")
    if shutil.which("pdftotext"):
        words = subprocess.run(["pdftotext", kept, "-"], capture_output=True, check=True).stdout.decode("utf-8")
        assert "交接记录" in words
        assert RECORDER in words
    assert acts(here, "handover.record_confirmed")[-1].data["role"] == "receiver"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_screen_says_that_the_station_is_gone_and_goes_on_when_it_is_back(
    here: Office, browser: Any, demo_card: Card, tmp_path: Path, language: str
) -> None:
    page = screen(here, browser, language)
    page.evaluate(KEEP_STATES)
    here.daemon.kill()
    page.get_by_role("alert").filter(has_text=LOST[language]).wait_for()
    assert serious_faults(page) == []
    here.daemon = started_again(here)
    page.get_by_role("alert").wait_for(state="hidden")
    docked(here, some_of(demo_card, tmp_path / "card", (4,)), "D4")
    tile(page, "D4").locator("[data-f=state]", has_text=SAFE[language]).wait_for()
    assert page.evaluate("window.loadedOnce")


def started_again(here: Office) -> Daemon:
    daemon = Daemon(here.installation, "again.log")
    daemon.wait_ready()
    return daemon


HOSTILE = "</script><img src=x onerror=\"document.title='owned'\">\n&"


def test_every_state_of_a_bay_can_be_read_and_hostile_names_do_nothing(browser: Any, tmp_path: Path) -> None:
    station = build_station(tmp_path / "station")
    station.ingest(write_card(tmp_path / "card", {"DCIM/a.txt": b"a"}))
    with served(station.configuration) as running, said_bays(station, "A1", "A2", "B1", "B2", "C1", "C2") as live:
        pages = {
            language: signed_in_page(browser, running, None, language=language, viewport=WALL, base_url=running.address)
            for language in LANGUAGES
        }
        for page in pages.values():
            page.goto("/dock")
        begun(live, "A1", "a")
        live.report(copying("A1", "7012345", 63, 100), "a")
        begun(live, "A2", "b")
        live.report(copying("A2", "7012345", 9, 10), "b")
        live.ended("A2", BayEvent(Word.COMPLETED, "b"))
        begun(live, "B1", "c", usb_path="1")
        live.report(copying("B1", "7012346", 1, 10), "c")
        live.removed("B1", "c")
        begun(live, "B2", "d")
        live.report(copying("B2", "7012399", 1, 10), "d")
        live.ended("B2", BayEvent(Word.NOTED, "d", message=f"not in the register · 记录仪未登记: {SAFE_WORDS}"))
        begun(live, "C1", "e")
        for page in pages.values():
            tile(page, "C1").and_(page.locator('[data-state="reading"]')).wait_for()
            shown = [tile(page, bay).get_attribute("data-state") for bay in ("A1", "A2", "B1", "B2", "C1", "C2")]
            assert shown == ["copying", "done", "attention", "attention", "reading", "free"]
            assert "63 %" in tile(page, "A1").inner_text()
        look_at(pages["zh"])
        begun(live, "C2", "f")
        live.report(copying("C2", HOSTILE, 1, 10), "f")
        live.ended("C2", BayEvent(Word.NOTED, "f", message=f"{HOSTILE} · 未登记: {SAFE_WORDS}"))
        for page in pages.values():
            tile(page, "C2").get_by_text("onerror").first.wait_for()
            page.set_viewport_size(DIALOGUE)
            assert page.locator("img").count() == 0
            assert page.title() != "owned"
            assert page.locator(".bay").evaluate_all(
                "all => all.every(one => one.scrollHeight <= one.clientHeight + 1)"
            )


def look_at(page: Any) -> None:
    """In both sizes, light and dark."""
    for name, size in (("", WALL), ("-small", DIALOGUE)):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(size)
            assert serious_faults(page) == []
            picture(page, f"dock-screen{name}{'-dark' if scheme == 'dark' else ''}")

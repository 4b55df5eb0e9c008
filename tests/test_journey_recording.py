"""Journey 5 in a real browser: an archivist finds a recording by vessel and time, plays it and sees the gap."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from ingestd.core.roles import Role
from ingestd.sim.card import write_card
from ingestd.sim.faults import Fault
from ingestd.sim.plan import CardPlan
from tests.support.ais import LATITUDE, LONGITUDE, TRAWLER, position, stamped, voyage, write_log
from tests.support.console import serious_faults
from tests.support.office import Office, office, picture
from tests.support.process import wait_until

PLAN = CardPlan(takes=1, segments=3, segment_seconds=6, faults=(Fault.DROPPED_GOP,))
VESSEL = "辽大金渔15008"
NORTH_M = (39.05 - LATITUDE) * 111_195
EAST_M = (121.76 - LONGITUDE) * 111_195 * 0.778
LANGUAGES = ("zh", "en")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One take whose second segment lacks two seconds, beside a trawler that AIS told of and that was confirmed."""
    root = tmp_path_factory.mktemp("journey")
    write_card(PLAN, root / "card")
    with office(root / "station", root / "card", proxy__enabled=True) as running:
        row = gap_row(running)
        began = dt.datetime.fromisoformat(row["recorded_start"])
        lines = [stamped(part, began) for part in voyage(TRAWLER, "LIAO DA JIN YU 15008")]
        for second in range(-20, 30, 5):
            at = began + dt.timedelta(seconds=second)
            lines.append(stamped(position(TRAWLER, at, north_m=NORTH_M - 30, east_m=EAST_M + 45, knots=0.2), at))
        log = write_log(root / "ais.log", lines)
        assert running.installation.run("vessel", "import", log, "--by", "赵敏").status == 0
        command = ("vessel", "confirm", row["recording_id"], str(TRAWLER), "--name", VESSEL, "--by", "赵敏")
        ended = running.installation.run(*command)
        assert ended.status == 0, ended
        catalogue = running.installation.station.catalogue()
        wait_until(lambda: not catalogue.without_derived(("proxy",), limit=1), what="the previews")
        yield running


def gap_row(here: Office) -> dict[str, Any]:
    catalogue = here.installation.station.catalogue()
    (found,) = [one for one in catalogue.findings(code="gap.video") if one["recording_id"]]
    return catalogue.recording_of(found["recording_id"]) | {"gap_s": found["document"]["start_s"]}


def seconds(page: Any) -> float:
    return float(page.evaluate("document.getElementById('screen').currentTime"))


def until(page: Any, condition: str) -> None:
    """Wait for something of the page; its policy lets no script of a test run in it by itself."""
    wait_until(lambda: page.evaluate(condition), what=condition)


def ready(page: Any) -> None:
    until(page, "document.getElementById('screen').readyState >= 2")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_archivist_finds_a_recording_by_vessel_and_time_plays_it_and_sees_the_gap(
    here: Office, browser: Any, language: str
) -> None:
    row = gap_row(here)
    page = here.page(browser, Role.ARCHIVIST, language=language)
    page.goto("/search")
    page.locator("form details summary").first.click()
    page.fill("input[name=vessel]", VESSEL)
    page.fill("input[name=from]", "2026-03-02T08:00")
    page.fill("input[name=to]", "2026-03-02T10:00")
    page.locator("input[name=to]").press("Enter")
    page.locator(f"a[href='/recordings/{row['recording_id']}']").first.click()
    page.wait_for_url(f"**/recordings/{row['recording_id']}")
    # Opening the page is no view: nothing of the picture is fetched before somebody asks for it.
    assert page.evaluate("document.getElementById('screen').readyState") == 0
    page.locator("#strip rect.hole").click()
    ready(page)
    assert seconds(page) == pytest.approx(row["gap_s"], abs=0.1)
    assert page.locator("#land .vessel").count() == 1
    assert VESSEL in page.locator("#map").inner_text()
    assert page.locator("#here").get_attribute("visibility") == "visible"
    page.evaluate("document.getElementById('screen').play()")
    until(page, f"document.getElementById('screen').currentTime > {row['gap_s']} + 0.3")
    page.evaluate("document.getElementById('screen').pause()")
    assert serious_faults(page) == []
    picture(page, f"recording-{language}", is_whole=True)
    page.locator("dl.facts a[href^='/takes/']").click()
    page.wait_for_url("**/takes/*")
    assert page.locator("#strip .segment").count() == PLAN.segments
    assert serious_faults(page) == []
    picture(page, f"take-{language}", is_whole=True)


def test_the_keys_move_through_the_take_and_a_segment_that_ends_goes_on_with_the_next(
    here: Office, browser: Any
) -> None:
    row = gap_row(here)
    page = here.page(browser, Role.ARCHIVIST, color_scheme="dark")
    page.goto(f"/recordings/{row['recording_id']}")
    playing = page.locator("#playing")
    page.locator("#strip").focus()
    page.keyboard.press("End")
    ready(page)
    assert "_0003" in playing.inner_text()
    page.keyboard.press("Home")
    ready(page)
    assert "_0001" in playing.inner_text()
    page.keyboard.press("ArrowRight")
    until(page, "Math.abs(document.getElementById('screen').currentTime - 5) < 0.1")
    page.keyboard.press("Enter")
    until(page, "document.getElementById('playing').textContent.includes('_0002')")
    until(page, "document.getElementById('screen').currentTime > 0.1")
    assert serious_faults(page) == []
    picture(page, "recording-dark")

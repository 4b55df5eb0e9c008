"""Journey 7 in a real browser: an officer asks, the head approves, the view is registered, the right expires."""

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from ingestd.core.clock import SystemClock
from ingestd.core.roles import Role
from ingestd.wiring import open_catalogue
from tests.support.clips import write_clip
from tests.support.console import serious_faults, served
from tests.support.office import Office, office, picture
from tests.support.process import wait_until

RECORDER = "0000007"
NAMES = [f"{RECORDER}_000012202603020{hour}0000_0001.mp4" for hour in (8, 9)]
LANGUAGES = ("zh", "en")
EXPIRED = {"zh": "已过期", "en": "has expired"}
NEEDS = {"zh": "须经批准方可查阅", "en": "Closed until a request to view it is approved"}
PLAYED = {"zh": "播放", "en": "played"}
EVERY_PAGE = ("/access", "/access/new", "/access/views", "/access/views/report")


@dataclass
class Later(SystemClock):
    """A clock that goes before all others by so much."""

    by: dt.timedelta

    def now(self) -> dt.datetime:
        return super().now() + self.by


@contextmanager
def later(here: Office, by: dt.timedelta) -> Iterator[Office]:
    """The same station, seen from a console some days on."""
    with served(here.installation.station.configuration, Later(by)) as running:
        yield Office(here.installation, here.daemon, running)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    root = tmp_path_factory.mktemp("access")
    folder = root / "card" / "DCIM" / "100ANDRO"
    folder.mkdir(parents=True)
    for seconds, name in enumerate(NAMES, 2):
        write_clip(folder / name, seconds)
    roster = root / "roster.csv"
    roster.write_text(
        f"recorder,officer,certificate,unit,valid_from,valid_to\n{RECORDER},王海,44070001,执法一大队,2024-01-01,\n",
        "utf-8",
    )
    commands = [["roster", "import", str(roster), "--by", "刘工"]]
    bureau = {"station__regime": "market_regulation", "station__bureau": "江门市市场监督管理局"}
    with office(root / "station", root / "card", commands=commands, **bureau) as opened:
        yield opened


@pytest.mark.parametrize(("language", "number"), [("zh", 0), ("en", 1)])
def test_an_officer_asks_the_head_approves_the_view_is_registered_and_the_right_expires(
    here: Office, browser: Any, language: str, number: int
) -> None:
    rows = open_catalogue(here.served.console.settings).recordings()
    recording = rows[number]["recording_id"]
    officer = here.page(browser, Role.OFFICER, language=language)
    officer.goto(f"/recordings/{recording}")
    assert NEEDS[language] in officer.inner_text("main")
    officer.goto(f"/access/new?recording={recording}")
    officer.fill("[name=purpose]", "核对 3 月 2 日现场检查的告知过程，制作询问笔录。")
    picture(officer, f"access-ask-{language}")
    officer.click("button.main")
    asked = re.findall(r"A\d{4}-\d{4}", officer.url)[0]

    head = here.page(browser, Role.HEAD, language=language)
    head.goto("/access")
    picture(head, f"access-list-{language}")
    head.keyboard.press("j")
    head.keyboard.press("Enter")
    head.wait_for_url(f"**/{asked}")
    picture(head, f"access-decide-{language}")
    head.keyboard.press("a")
    head.keyboard.press("Enter")
    head.wait_for_selector("p.said")

    officer.goto(f"/recordings/{recording}")
    officer.locator("video").evaluate("one => { one.muted = true; one.play(); }")
    wait_until(lambda: officer.locator("video").evaluate("one => one.readyState") > 0, what="the picture")
    auditor = here.page(browser, Role.AUDITOR, language=language)
    auditor.goto(f"/access/views?request={asked}")
    (line,) = [row.inner_text() for row in auditor.query_selector_all("tbody tr")]
    assert "王海" in line
    assert PLAYED[language] in line
    officer.goto(f"/access/{asked}")
    assert serious_faults(officer) == []
    picture(officer, f"access-request-{language}", is_whole=True)

    with later(here, dt.timedelta(days=9)) as afterwards:
        officer = afterwards.page(browser, Role.OFFICER, language=language)
        officer.goto(f"/recordings/{recording}")
        assert EXPIRED[language] in officer.inner_text("main")
        assert officer.locator("video[src]").count() == 0


@pytest.mark.parametrize(("language", "scheme"), [("zh", "light"), ("en", "dark")])
def test_axe_finds_no_serious_fault(here: Office, browser: Any, language: str, scheme: str) -> None:
    page = here.page(browser, Role.HEAD, language=language, color_scheme=scheme)
    for path in EVERY_PAGE:
        page.goto(path)
        assert serious_faults(page) == [], path
        if scheme == "light" and "views" in path:
            picture(page, f"access-{path.rpartition('/')[2]}-{language}")

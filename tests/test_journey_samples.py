"""Samples and audit in a real browser: drawn by an archivist, checked by an outside inspector, read by an auditor."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ingestd.core.roles import Role
from tests.support.clips import write_clip
from tests.support.console import serious_faults
from tests.support.office import Office, office, picture

LANGUAGES = ("zh", "en")
RECORDERS = {"0000007": "执法一科", "0000008": "执法二科"}
AUDIT = ("/audit", "/audit/ledger", "/audit/people", "/audit/heads", "/audit/rules")
CHAIN = {"zh": "首尾相接", "en": "follow each other without a gap"}
GOOD = {"zh": "有效", "en": "good"}
PLAYED = """() => new Promise((done, failed) => {
  const player = document.getElementById("player");
  player.muted = true;
  player.addEventListener("timeupdate", () => player.currentTime > 0 && done());
  player.addEventListener("error", failed);
  player.play().catch(failed);
})"""
AGREES = {"zh": "与清单、种子一致", "en": "agrees with list and seed"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """民宗 23: an outside body looks at footage of two units."""
    root = tmp_path_factory.mktemp("samples")
    cards = []
    for recorder in RECORDERS:
        folder = root / recorder / "DCIM" / "100ANDRO"
        folder.mkdir(parents=True)
        for seconds, hour in enumerate((8, 9), 2):
            write_clip(
                folder / f"{recorder}_00001220260302{hour:02}0000_0001.mp4", seconds + 3 * int(recorder[-1] == "8")
            )
        cards.append(root / recorder)
    roster = root / "roster.csv"
    rows = [f"{one},王海,4407000{one[-1]},{unit},2024-01-01," for one, unit in RECORDERS.items()]
    roster.write_text("\n".join(["recorder,officer,certificate,unit,valid_from,valid_to", *rows, ""]), "utf-8")
    bureau = {"station__regime": "ethnic_religious", "station__bureau": "金普新区民族和宗教事务局"}
    with office(root / "station", *cards, commands=[["roster", "import", roster, "--by", "刘工"]], **bureau) as opened:
        assert opened.installation.station.cli("ledger", "sign", "--by", "孙正").returncode == 0
        yield opened


def look(page: Any, language: str, name: str = "", **options: Any) -> None:
    """Axe finds nothing, and a picture is kept. What axe judges is the same in both languages: it is asked once."""
    if language == LANGUAGES[0]:
        assert serious_faults(page) == [], page.url
    if name:
        picture(page, f"{name}-{language}", **options)


def answer_all(page: Any, *, failing: str = "", words: str = "") -> None:
    if failing:
        page.check(f"#point-{failing} input[value=fail]")
        page.fill(f"#point-{failing} input[type=text], #point-{failing} input:not([type])", words)
    page.keyboard.press("Alt+a")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_archivist_draws_an_outside_inspector_checks_and_the_result_is_read(
    here: Office, browser: Any, language: str
) -> None:
    archivist = here.page(browser, Role.ARCHIVIST, language=language)
    archivist.goto("/samples/new")
    archivist.fill("[name=title]", "2026年第一季度回放抽检")
    archivist.fill("[name=first]", "2026-03-01")
    archivist.fill("[name=last]", "2026-03-31")
    archivist.select_option("[name=how]", "size")
    archivist.fill("[name=amount]", "2")
    look(archivist, language, "samples-new", is_whole=True)
    archivist.click("main button.main")
    (number,) = re.findall(r"S\d{4}-\d{4}", archivist.url)
    archivist.click("button[value=draw]")
    assert AGREES[language] in archivist.inner_text("aside")
    archivist.select_option("[name=account]", "inspector")
    archivist.click("button[value=assign]")
    look(archivist, language, "samples-one", is_whole=True)

    inspector = here.page(browser, Role.INSPECTOR, language=language)
    inspector.goto("/samples")
    look(inspector, language)
    inspector.click(f"main a:has-text('{number}')")
    inspector.click("a.button.main")
    inspector.evaluate(PLAYED)
    answer_all(inspector, failing="appearance", words="未按规定佩戴执法证件")
    look(inspector, language, "samples-check")
    inspector.keyboard.press("Control+Enter")
    inspector.wait_for_url("**/items/2")
    answer_all(inspector)
    inspector.click("#save")
    inspector.wait_for_url(f"**/samples/{number}")

    archivist.goto(f"/samples/{number}/report")
    assert "未按规定佩戴执法证件" in archivist.inner_text("main")
    assert "1 / 2 = 50.0 %" in archivist.inner_text("tfoot")
    look(archivist, language, "samples-report", is_whole=True)
    checked = here.installation.station.cli("sample", "check", number, "--json")
    assert json.loads(checked.stdout)["is_good"]
    views = [line for line in ledger(here) if line["act"] == "view.registered" and line["data"].get("sample") == number]
    assert {line["actor"] for line in views} == {"外查一"}


def ledger(here: Office) -> list[Any]:
    folder = here.installation.station.vault.ledger_folder
    return [json.loads(line) for file in sorted(folder.iterdir()) for line in file.open("rb")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_auditor_checks_the_ledger(here: Office, browser: Any, language: str) -> None:
    """Journey 10, as far as it happens at the console."""
    auditor = here.page(browser, Role.AUDITOR, language=language)
    for path in AUDIT:
        auditor.goto(path)
        look(auditor, language, f"audit-{path.removeprefix('/audit').strip('/') or 'stands'}")
    auditor.goto("/audit/ledger")
    assert CHAIN[language] in auditor.inner_text("main")
    auditor.fill("[name=act]", "docking.closed")
    auditor.click("main form button")
    assert set(auditor.locator("tbody td code").all_inner_texts()[::2]) == {"docking.closed"}
    auditor.click("tbody tr:first-child summary")
    assert "accounting" in auditor.inner_text("tbody tr:first-child pre")
    auditor.goto("/audit/heads")
    assert GOOD[language] in auditor.inner_text("tbody")
    with auditor.expect_download() as download:
        auditor.click("tbody a >> nth=0")
    assert json.loads(download.value.path().read_bytes())["format"] == "ingestd-head/1"


def test_in_the_dark_the_pages_can_be_read(here: Office, browser: Any) -> None:
    for role, path in ((Role.AUDITOR, "/audit/ledger"), (Role.ARCHIVIST, "/samples/new")):
        page = here.page(browser, role, color_scheme="dark")
        page.goto(path)
        assert serious_faults(page) == []
        picture(page, f"{path.strip('/').replace('/', '-')}-dark")

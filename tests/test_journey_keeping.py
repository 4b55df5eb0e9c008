"""Journeys 6 and 9 in a real browser: a hold for a complaint that two people end; a disposal that spares what is held.

And the pages of statistics, as they are looked at on a screen and printed.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.roles import Role
from tests.support.console import Served, serious_faults, served, signed_in_page
from tests.support.counted import write_year
from tests.support.disposing import disposing
from tests.support.office import Office, office, picture
from tests.support.station import build_station, write_card

FILES: dict[str | bytes, bytes] = {
    f"DCIM/0000007_00001220260302{hour:02}0000_000{hour}.mp4": b"%d" % hour for hour in range(6)
}
LATER = (dt.date.today() + dt.timedelta(days=180)).isoformat()
LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    root = tmp_path_factory.mktemp("keeping")
    commands = [
        ("case", "add", "大金海罚〔2026〕12号", "--cause", "禁渔期作业"),
        (
            "complaint",
            "add",
            "T-7",
            "--received",
            "2026-03-03",
            "--about",
            "对现场执法有异议",
            "--case",
            "大金海罚〔2026〕12号",
        ),
        (
            "complaint",
            "add",
            "T-8",
            "--received",
            "2026-03-04",
            "--about",
            "反映执法态度",
            "--case",
            "大金海罚〔2026〕12号",
        ),
    ]
    with office(root / "station", write_card(root / "card", FILES), commands=commands) as made:
        yield made


@LANGUAGES
def test_an_archivist_places_a_hold_for_a_complaint_and_a_second_person_releases_it(
    desk: Office, browser: Any, language: str
) -> None:
    zh = language == "zh"
    page = desk.page(browser, Role.ARCHIVIST, language=language)

    # What the complaint suggests.
    page.goto("/holds/suggestions")
    assert serious_faults(page) == []
    if zh:
        picture(page, "keeping-suggestions")
    complaint = "T-7" if zh else "T-8"
    card = page.locator("section.card", has_text=complaint)
    card.get_by_label("复核日" if zh else "Review on").fill(LATER)
    card.get_by_role("button", name="登记长期保存" if zh else "Place the hold").click()
    page.get_by_role("status").wait_for()
    assert complaint not in page.locator("section.card").all_inner_texts().__str__()

    # One of his own, with the count that the script tells while he fills it in.
    page.goto("/holds/new")
    page.locator("[name=recordings]").fill(
        "\n".join(name.rpartition("/")[2] for name in map(str, FILES) if "_0003" in name or "_0004" in name)
    )
    page.get_by_text("现在将涵盖 2 件" if zh else "It would cover 2 recordings now").wait_for()
    page.locator("[name=basis]").fill("行政复议〔2026〕3号")
    page.locator("[name=review_on]").fill(LATER)
    assert serious_faults(page) == []
    if zh:
        page.evaluate("scrollTo(0, 0)")
        picture(page, "keeping-new")
    page.get_by_role("button", name="登记长期保存" if zh else "Place the hold").click()
    page.get_by_role("status").wait_for()
    address = page.url.partition("?")[0]

    # He asks for its release, and is told that it takes another.
    page.locator("form[action$=release] textarea").fill("复议已终结")
    page.locator("form[action$=release] button").click()
    page.get_by_text("须由另一人同意" if zh else "Another person has to agree").wait_for()
    assert page.locator("form[action$=approve]").count() == 0
    assert serious_faults(page) == []
    if zh:
        picture(page, "keeping-hold")
    page.context.close()

    # The head agrees.
    page = desk.page(browser, Role.HEAD, language=language, color_scheme="dark")
    page.goto(address)
    page.get_by_role("button", name="同意解除" if zh else "Agree: release the hold").click()
    page.get_by_text("已解除长期保存" if zh else "The hold is released").wait_for()
    assert serious_faults(page) == []
    if zh:
        picture(page, "keeping-hold-dark")
    page.goto("/holds?standing=released")
    assert address.rpartition("/")[2] in page.inner_text("table")
    assert serious_faults(page) == []
    page.context.close()


@LANGUAGES
def test_a_carrier_that_is_due_is_entered(desk: Office, browser: Any, language: str) -> None:
    page = desk.page(browser, Role.ARCHIVIST, language=language)
    page.goto("/holds/carriers")
    number = f"GP-{language}"
    page.locator("[name=number]").fill(number)
    page.locator("[name=recordings]").fill(str(next(iter(FILES))).rpartition("/")[2])
    page.locator("[name=place]").fill("档案室 3 柜")
    page.locator("form[action='/holds/carriers'] button").click()
    page.get_by_role("link", name=number, exact=True).wait_for()
    assert serious_faults(page) == []
    if language == "zh":
        picture(page, "keeping-carriers")
    page.get_by_role("link", name=number, exact=True).click()
    assert serious_faults(page) == []
    page.goto("/holds")
    assert serious_faults(page) == []
    if language == "zh":
        picture(page, "keeping-holds")
    page.context.close()


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    station = build_station(tmp_path_factory.mktemp("year") / "station")
    station.ingest(write_card(station.root / "card", {"DCIM/a.mp4": b"a"}))
    write_year(station.catalogue_file, dt.datetime.now(dt.UTC))
    with served(station.configuration) as running:
        yield running


@LANGUAGES
def test_figures_are_looked_at_printed_and_taken_along(year: Served, browser: Any, language: str) -> None:
    zh = language == "zh"
    page = signed_in_page(
        browser, year, Role.HEAD, language=language, base_url=year.address, viewport={"width": 1280, "height": 1400}
    )
    page.goto("/statistics")
    assert page.locator("svg[role=img]").count() >= 6
    assert serious_faults(page) == []
    with page.expect_download() as caught:
        page.locator("#hand_over a[download]").click()
    assert caught.value.suggested_filename.startswith("hand_over-")
    if zh:
        picture(page, "statistics")
    page.emulate_media(color_scheme="dark")
    assert serious_faults(page) == []
    if zh:
        picture(page, "statistics-dark")
    page.emulate_media(media="print")
    assert page.locator("header.top").is_hidden()
    assert page.locator("#volume svg").is_visible()
    if zh:
        picture(page, "statistics-print")
    page.context.close()


@LANGUAGES
def test_a_disposal_is_planned_approved_twice_and_certified_and_what_is_held_is_spared(
    tmp_path: Path, browser: Any, language: str
) -> None:
    zh = language == "zh"
    with disposing(tmp_path, FILES, disposal__grace_days=3) as old:
        first, last = sorted(old.archive.ids.values())[0], sorted(old.archive.ids.values())[-1]
        old.archive.hold(first)
        page = old.page(browser, Role.ARCHIVIST, language=language)
        page.goto("/disposals")
        assert serious_faults(page) == []
        page.get_by_role("link", name="拟制销毁清册" if zh else "Draw up a plan").click()
        assert serious_faults(page) == []
        if zh:
            picture(page, "disposals-draft")
        page.locator("[name=reason]").fill("保存期满")
        page.get_by_role("button", name="登记清册" if zh else "Enter the plan").click()
        page.get_by_role("status").wait_for()
        address = page.url.partition("?")[0]

        agree = "同意此清册" if zh else "Agree to this plan"
        for session in (old.person(Role.HEAD).session(), old.second_head().session()):
            other = old.page(browser, Role.HEAD, language=language, session=session)
            other.goto(address)
            assert serious_faults(other) == []
            other.get_by_role("button", name=agree).click()
            other.get_by_role("status").wait_for()
            assert other.get_by_role("button", name=agree).count() == 0
            other.context.close()

        # In the grace period one is taken out, and another comes under a hold.
        page.goto(address)
        page.get_by_text("还剩 3 天" if zh else "3 days").first.wait_for()
        page.locator(f"input[value='{last}']").check()
        page.locator("#items [name=reason]").fill("当事人申请调阅")
        if zh:
            picture(page, "disposals-plan")
        page.get_by_role("button", name="取出所选" if zh else "Take out what is chosen").click()
        page.get_by_role("status").wait_for()
        held = sorted(old.archive.ids.values())[2]
        old.archive.hold(held)
        old.archive.wait(days=4)

        page.goto(address)
        page.get_by_role("button", name="立即销毁并出具证明" if zh else "Destroy now, and certify").click()
        page.get_by_role("status").wait_for()
        assert serious_faults(page) == []
        if zh:
            picture(page, "disposals-done", is_whole=True)
        stand = {one for one in old.archive.ids.values() if old.archive.path_of(one).exists()}
        assert stand == {first, last, held}

        page.get_by_role("link", name="销毁证明" if zh else "Certificate", exact=True).click()
        text = page.inner_text("body")
        assert all(name in text for name in ("周岚", "吴局长", held, last))
        assert first not in text
        if zh:
            page.emulate_media(media="print")
            picture(page, "disposals-certificate")
        page.goto("/disposals")
        assert serious_faults(page) == []
        if zh:
            page.emulate_media(media="screen")
            picture(page, "disposals")
        page.context.close()

"""The console's door and frame: signing in and out, forms, headers, languages."""

from collections.abc import Iterator
from typing import Any

import pytest

from ingestd.core.roles import Role
from tests.support.console import PASSWORD, Served, serious_faults, served, signed_in_page
from tests.support.station import build_station, write_card


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    station = build_station(tmp_path_factory.mktemp("station"))
    station.ingest(write_card(station.root / "card", {"DCIM/a.txt": b"a"}))
    with served(station.configuration) as running:
        yield running


def test_whoever_is_not_signed_in_is_asked_to(here: Served) -> None:
    answer = here.stranger().get("/")
    assert answer.url.endswith("/sign-in?next=/")


def test_a_wrong_password_opens_nothing_and_does_not_say_what_was_wrong(here: Served) -> None:
    person = here.stranger()
    answers = [person.sign_in("archivist", "wrong"), person.sign_in("nobody", PASSWORD)]
    assert [answer.status for answer in answers] == [403, 403]
    assert all("账号或密码不正确" in answer.text for answer in answers)
    assert person.session() == ""


def test_a_session_that_the_browser_brought_is_not_taken_over(here: Served) -> None:
    person = here.visitor(Role.ARCHIVIST)
    before = person.session()
    person.sign_in("archivist")
    assert person.session() not in ("", before)


def test_after_signing_out_the_session_opens_nothing(here: Served) -> None:
    person = here.visitor(Role.ARCHIVIST)
    key = person.session()
    person.post("/sign-out", {})
    assert "/sign-in" in here.stranger().get("/", headers={"Cookie": f"ingestd_session={key}"}).url


@pytest.mark.parametrize("token", ["", "x" * 43])
def test_a_form_without_its_token_does_nothing(here: Served, token: str) -> None:
    person = here.visitor(Role.ARCHIVIST)
    assert person.post("/sign-out", {"csrf": token}).status == 403
    assert person.get("/").status == 200


@pytest.mark.parametrize(
    "place", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_led_to_another_place(here: Served, place: str) -> None:
    person = here.stranger()
    answer = person.post("/sign-in", {"account": "archivist", "password": PASSWORD, "next": place}, follow=False)
    assert answer.headers["location"] == "/"


def test_every_answer_forbids_foreign_scripts_and_frames(here: Served) -> None:
    policy = here.stranger().get("/sign-in").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_the_first_page_is_chinese_and_english_is_one_click_away(here: Served) -> None:
    person = here.visitor(Role.ARCHIVIST)
    assert "<h1>今日</h1>" in person.get("/").text
    assert "<h1>Today</h1>" in person.get("/language?to=en&next=/").text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_at_the_door(here: Served, browser: Any, scheme: str) -> None:
    page = signed_in_page(browser, here, None, color_scheme=scheme)
    page.goto(f"{here.address}/sign-in")
    assert serious_faults(page) == []


def test_a_link_cannot_make_the_console_say_something(here: Served) -> None:
    assert "已批准" not in here.visitor(Role.ARCHIVIST).get("/?said=%E5%B7%B2%E6%89%B9%E5%87%86").text

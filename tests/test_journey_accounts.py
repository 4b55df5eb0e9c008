"""Accounts in a real browser: the first administrator, a link for an archivist, one's own account."""

from collections.abc import Iterator
from typing import Any

import pytest

from ingestd.core.roles import Role
from ingestd.web.credentials import first_link
from tests.support.console import put_people, serious_faults
from tests.support.office import Office, office, picture

PASSWORD = "tide 3 gull 9 rope"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    commands = [["unit", "add", "一支队"], ["unit", "add", "一大队", "--parent", "一支队"]]
    with office(tmp_path_factory.mktemp("office"), commands=commands) as running:
        yield running


WORDS = {
    "zh": ("保存密码", "登录", "新增账号", "保存账号", "生成设置密码的链接", "档案管理员", "我的登录会话"),
    "en": ("Set the password", "Sign in", "Enter an account", "Enter the account", "Make a link for a new password",
           "Archivist", "My sessions"),
}  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_from_the_first_link_to_an_archivist_who_is_signed_in(here: Office, browser: Any, language: str) -> None:
    set_password, sign_in, enter, save, make_link, archivist, sessions = WORDS[language]
    gate = here.served.console.gate
    for name in gate.secrets.accounts_with("password"):
        gate.secrets.remove_credential(name, "password")
    page = here.page(browser, None, language=language)

    def password() -> None:
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("input[name=again]").fill(PASSWORD)
        assert serious_faults(page) == []
        page.get_by_role("button", name=set_password).click()

    def signed_in(name: str) -> None:
        page.locator("input[name=account]").fill(name)
        page.locator("input[name=password]").fill(PASSWORD)
        page.get_by_role("button", name=sign_in).click()

    page.goto(first_link(here.served.console).words)
    page.locator("input[name=account]").fill(f"first-{language}")
    page.locator("input[name=person]").fill("刘一")
    picture(page, f"setup-{language}")
    password()
    signed_in(f"first-{language}")
    page.goto("/accounts")
    assert serious_faults(page) == []
    page.get_by_role("link", name=enter).click()
    page.locator("input[name=account]").fill(f"zhao-{language}")
    page.locator("input[name=person]").fill("赵敏")
    page.get_by_label(archivist).check()
    page.locator("select[name=unit]").select_option("一支队")
    assert serious_faults(page) == []
    picture(page, f"accounts-new-{language}")
    page.get_by_role("button", name=save).click()
    page.get_by_role("button", name=make_link).click()
    assert serious_faults(page) == []
    picture(page, f"account-one-{language}", is_whole=True)
    link = page.locator("code").first.inner_text()
    page.goto("/accounts")
    picture(page, "accounts" if language == "zh" else "accounts-en")
    page.context.clear_cookies(name="ingestd_session")
    page.goto(link)
    password()
    signed_in(f"zhao-{language}")
    page.goto("/account")
    assert page.get_by_text(sessions).is_visible()
    assert serious_faults(page) == []
    picture(page, f"account-own-{language}", is_whole=True)


@pytest.mark.parametrize("place", ["/accounts", "/account", "/accounts/@new", "/accounts/archivist"])
def test_axe_finds_no_serious_fault_in_the_dark(here: Office, browser: Any, place: str) -> None:
    gate = here.served.console.gate
    put_people(here.served.console)
    assert gate.has_admin()
    page = here.page(browser, Role.ADMIN, color_scheme="dark")
    page.goto(place)
    assert serious_faults(page) == []
    if place == "/accounts/archivist":
        picture(page, "accounts-dark")

"""Signing in by an identity provider: whom it opens the console for, and what of it is not believed."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from ingestd.cli.account_requests import perform
from ingestd.config.load import Configuration, load_settings
from ingestd.core.account_acts import Close
from ingestd.core.errors import ConfigError
from ingestd.core.roles import Role
from ingestd.web.gate import NOT_HERE
from ingestd.web.oidc import AGAIN, AWAY, DOUBTFUL, NO_RIGHT, NOT_THERE
from ingestd.web.serve import console_of
from ingestd.web.visitors import Visitor
from tests.support.console import CHEAP, Answer, Person, Served, put_accounts, serious_faults, served
from tests.support.oidc_provider import CLIENT, SECRET, IdentityProvider, identity_provider
from tests.support.station import Station, build_station

SECTION = """
[web.oidc]
issuer = "{issuer}"
client_id = "{client}"
client_secret_file = "oidc-secret"
"""


def configured(root: Path, issuer: str, more: str = "") -> Station:
    """A station whose console knows a provider."""
    station = build_station(root, web__language="en", web__lockout_free_tries=2, web__lockout_address_free_tries=4)
    section = SECTION.format(issuer=issuer, client=CLIENT) + more
    station.config_file.write_text(station.config_file.read_text("utf-8") + section, "utf-8")
    secret = station.config_file.parent / "oidc-secret"
    secret.write_text(f"{SECRET}\n", "ascii")
    secret.chmod(0o600)
    return station


@dataclass
class Here:
    """A console and its provider."""

    served: Served
    provider: IdentityProvider

    def begun(self, person: Person, query: str = "") -> str:
        """Where the provider sends somebody back to, as a path of the console."""
        asked = person.get(f"/sign-in/oidc{query}", follow=False)
        assert asked.status == 303, asked.text
        back = Person("").get(asked.headers["location"], follow=False).headers["location"]
        assert back.startswith(self.served.address)
        return back.removeprefix(self.served.address)

    def sign_in(self, person: Person) -> Answer:
        """The whole way."""
        return person.get(self.begun(person))

    def told(self) -> list[dict[str, Any]]:
        """What the station is told of since the test began: it does not run, so it waits."""
        return [one["document"] for one in self.served.console.gate.secrets.waiting()]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    with identity_provider() as provider:
        more = 'required_claim = "groups"\nrequired_value = "cameras"\n'
        station = configured(tmp_path_factory.mktemp("oidc"), provider.issuer, more)
        with served(station.configuration) as running:
            yield Here(running, provider)


@pytest.fixture
def here(standing: Here) -> Iterator[Here]:
    fresh = IdentityProvider(issuer=standing.provider.issuer, key=standing.provider.key)
    vars(standing.provider).update(vars(fresh) | {"person": {"preferred_username": "head", "groups": ["cameras"]}})
    secrets = standing.served.console.gate.secrets
    secrets.drop_waiting([one["number"] for one in secrets.waiting()])
    secrets.forget_failures("address 127.0.0.1")
    yield standing


def changed(here: Here, **fields: str) -> Configuration:
    """The console's configuration with other settings of the provider, or with none."""
    configuration = here.served.console.configuration
    known = configuration.settings.web.oidc
    oidc = known.model_copy(update=fields) if known is not None and fields else None
    web = configuration.settings.web.model_copy(update={"oidc": oidc})
    return replace(configuration, settings=configuration.settings.model_copy(update={"web": web}))


def is_in(person: Person) -> bool:
    return person.get("/account", follow=False).status == 200


# --- who is let in ---------------------------------------------------------------------------------------------------


def test_whom_the_provider_vouches_for_has_a_session_of_the_account_entered_here(here: Here) -> None:
    person = here.served.stranger()
    answer = here.sign_in(person)
    assert (answer.status, is_in(person)) == (200, True), answer.text
    (told,) = here.told()
    assert (told["do"], told["account"], told["by"], told["via"]) == ("open_session", "head", "周岚", "oidc")


def test_the_sign_in_page_offers_the_provider_by_a_link_and_takes_passwords_still(here: Here) -> None:
    person = here.served.stranger()
    assert 'href="/sign-in/oidc?next=/cases"' in person.get("/sign-in?next=/cases").text
    assert person.sign_in("head").status == 200
    assert is_in(person)


def test_roles_come_from_the_register_and_not_from_the_provider(here: Here) -> None:
    here.provider.person = {**here.provider.person, "preferred_username": "officer", "roles": ["admin"]}
    person = here.served.stranger()
    here.sign_in(person)
    assert (is_in(person), person.get("/accounts").status) == (True, 403)


def test_a_name_is_the_account_that_it_is_however_it_is_written(here: Here) -> None:
    here.provider.person = {**here.provider.person, "preferred_username": "HEAD"}
    person = here.served.stranger()
    here.sign_in(person)
    assert is_in(person)


@pytest.mark.parametrize(
    ("asked", "onwards"), [("/cases?a=1&b=2", "/cases?a=1&amp;b=2"), ("https://evil.example/", "/"), ("//evil", "/")]
)
def test_after_it_one_goes_on_where_one_was_and_never_elsewhere(here: Here, asked: str, onwards: str) -> None:
    person = here.served.stranger()
    page = person.get(here.begun(person, "?" + urlencode({"next": asked}))).text
    assert re.findall(r'content="0;url=([^"]*)"', page) == [onwards]


def test_what_the_browser_keeps_is_out_of_reach_for_scripts_and_gone_afterwards(here: Here) -> None:
    person = here.served.stranger()
    kept = person.get("/sign-in/oidc", follow=False).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/sign-in/oidc", "Max-Age=600"} <= set(kept.split("; "))
    here.sign_in(person)
    assert [one.name for one in person.cookies if one.name == "ingestd_oidc"] == []


# --- who is not ------------------------------------------------------------------------------------------------------


def refused(here: Here, words: str, why: tuple[str | None, str] | None, person: Person | None = None) -> None:
    """Nobody is signed in, the page says why, and the station is told."""
    person = person or here.served.stranger()
    answer = here.sign_in(person)
    assert (answer.status, words in answer.text, is_in(person)) == (403, True, False), answer.text
    assert [(one["account"], one["why"]) for one in here.told()] == ([why] if why is not None else [])


def test_nobody_gets_an_account_by_signing_in(here: Here) -> None:
    here.provider.person = {**here.provider.person, "preferred_username": "nobody"}
    refused(here, NOT_HERE, (None, "unknown"))
    assert here.served.console.gate.account("nobody") is None


def test_a_closed_account_stays_closed(here: Here) -> None:
    console = here.served.console
    put_accounts(console, [Visitor("gone", "李去", frozenset({Role.OFFICER}))])
    perform(console.configuration, [Close(by="刘工", account="gone", reason="left")])
    here.provider.person = {**here.provider.person, "preferred_username": "gone"}
    refused(here, NOT_HERE, ("gone", "closed"))


@pytest.mark.parametrize("groups", [None, [], ["others"], "cameras-not"])
def test_who_has_not_what_is_required_is_not_let_in(here: Here, groups: object) -> None:
    here.provider.claims = {"groups": groups}
    refused(here, NO_RIGHT, ("head", "wrong"))


def test_many_refusals_shut_out_the_address_and_no_account(here: Here) -> None:
    here.provider.claims = {"groups": []}
    settings = here.served.console.settings.web
    for _ in range(settings.lockout_free_tries + 1):
        here.sign_in(here.served.stranger())
    assert here.served.stranger().sign_in("head").status == 200
    for _ in range(settings.lockout_address_free_tries - settings.lockout_free_tries):
        here.sign_in(here.served.stranger())
    assert "Too many wrong tries" in here.served.stranger().get("/sign-in/oidc").text


def test_an_address_that_the_provider_did_not_verify_names_nobody(here: Here) -> None:
    with served(changed(here, claim="email")) as running:
        there = Here(running, here.provider)
        for is_verified in (False, "true", None, True):
            here.provider.claims = {"email": "head", "email_verified": is_verified}
            person = running.stranger()
            there.sign_in(person)
            assert is_in(person) is (is_verified is True)


# --- what is not believed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": ["another", "more"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"preferred_username": None},
        {"preferred_username": ["head"]},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_this_sign_in_opens_nothing(here: Here, claims: dict[str, Any]) -> None:
    here.provider.claims = claims
    refused(here, DOUBTFUL, (None, "unknown"))


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS384"])
def test_a_token_signed_otherwise_than_by_the_providers_key_opens_nothing(here: Here, algorithm: str) -> None:
    here.provider.algorithm = algorithm
    refused(here, DOUBTFUL, (None, "unknown"))


def test_a_token_signed_by_another_key_opens_nothing(here: Here) -> None:
    here.provider.is_forged = True
    refused(here, DOUBTFUL, (None, "unknown"))


def test_an_answer_that_names_another_provider_opens_nothing(here: Here) -> None:
    here.provider.answer = {"iss": "https://evil.example"}
    refused(here, DOUBTFUL, (None, "unknown"))


def test_who_gives_up_at_the_provider_is_told_so_and_nothing_is_counted(here: Here) -> None:
    here.provider.answer = {"error": "access_denied"}
    refused(here, NOT_THERE, None)


def test_a_state_that_this_browser_did_not_begin_with_opens_nothing(here: Here) -> None:
    here.provider.answer = {"state": "another"}
    refused(here, AGAIN, None)


def test_what_one_browser_began_is_not_ended_by_another(here: Here) -> None:
    back, other = here.begun(here.served.stranger()), here.served.stranger()
    here.begun(other)
    for person in (other, here.served.stranger()):
        assert AGAIN in person.get(back).text
        assert not is_in(person)


def test_the_page_to_go_on_with_cannot_be_changed_on_the_way(here: Here) -> None:
    person = here.served.stranger()
    back = here.begun(person)
    kept = next(one for one in person.cookies if one.name == "ingestd_oidc")
    kept.value = f"{kept.value}cases"
    assert AGAIN in person.get(back).text


def test_a_code_opens_one_session_and_no_other(here: Here) -> None:
    person = here.served.stranger()
    back = here.begun(person)
    (kept,) = [one for one in person.cookies if one.name == "ingestd_oidc"]
    assert person.get(back).status == 200
    thief = here.served.stranger()
    thief.cookies.set_cookie(kept)
    assert AGAIN in thief.get(back).text
    assert not is_in(thief)


# --- a provider that is not there ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [{"issuer": "https://evil.example"}, {"token_endpoint": "http://evil.example/t"}, {"jwks_uri": None}],
    ids=str,
)
def test_a_provider_that_says_of_itself_what_cannot_be_is_none(here: Here, fault: dict[str, Any]) -> None:
    # What it said of itself before is asked anew once it did not answer as it should.
    here.provider.is_too_long = True
    here.sign_in(here.served.stranger())
    here.provider.document = fault
    assert AWAY in here.served.stranger().get("/sign-in/oidc").text


def test_an_answer_without_an_end_is_not_read(here: Here) -> None:
    here.provider.is_too_long = True
    answer = here.sign_in(here.served.stranger())
    assert (answer.status, AWAY in answer.text) == (503, True)


def test_where_the_provider_is_down_passwords_still_open_the_console(here: Here) -> None:
    with identity_provider() as gone:
        issuer = gone.issuer
    with served(changed(here, issuer=issuer)) as running:
        person = running.stranger()
        answer = person.get("/sign-in/oidc")
        assert (answer.status, AWAY in answer.text) == (503, True)
        person.sign_in("head")
        assert is_in(person)


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issuer", "more", "words"),
    [
        ("http://idp.example", "", "web.oidc.issuer = 'http://idp.example': is no address of https"),
        ("https://idp.example/?a=1", "", "web.oidc.issuer"),
        ("https://idp.example", 'required_claim = "groups"', "given both or not at all"),
        ("https://idp.example", 'scopes = ["profile"]', "web.oidc.scopes"),
        ("https://idp.example", 'address = "http://console.example"', "web.oidc.address"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_its_value(tmp_path: Path, issuer: str, more: str, words: str) -> None:
    station = configured(tmp_path, issuer, more)
    with pytest.raises(ConfigError, match=re.escape(words)):
        load_settings(station.config_file)


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return configured(tmp_path_factory.mktemp("settings"), "https://idp.example").configuration


def test_a_secret_that_others_may_read_is_not_used(configuration: Configuration) -> None:
    file = configuration.settings.folder / "oidc-secret"
    file.chmod(0o644)
    try:
        with pytest.raises(ConfigError, match=r"web\.oidc\.client_secret_file: may be read by others"):
            console_of(configuration, CHEAP)
    finally:
        file.chmod(0o600)


def test_without_its_library_the_console_says_what_to_install(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.partition(".")[0] == "authlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "ingestd.web.oidc")
    with pytest.raises(ConfigError) as raised:
        console_of(configuration, CHEAP)
    assert raised.value.advice == "pip install 'ingestd[directory]'"


def test_a_console_without_a_provider_has_no_such_pages_and_needs_no_library(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ingestd.web.oidc", None)
    with served(changed(here)) as running:
        person = running.stranger()
        assert [person.get(path).status for path in ("/sign-in/oidc", "/sign-in/oidc/back")] == [404, 404]
        assert "oidc" not in person.get("/sign-in").text


# --- a real browser --------------------------------------------------------------------------------------------------


def test_a_browser_that_comes_from_another_place_is_signed_in(here: Here, browser: Any) -> None:
    """To a browser 127.0.0.1 and localhost are two places: what it holds for one it does not send from the other."""
    here.provider.asks = True
    address = here.served.address.replace("127.0.0.1", "localhost")
    page = browser.new_context(base_url=address).new_page()
    page.goto("/account")
    assert serious_faults(page) == []
    page.get_by_role("link", name="Sign in with the bureau's identity provider").click()
    page.get_by_role("button", name="Sign in there").click()
    page.wait_for_url("**/account")
    assert page.get_by_role("link", name="周岚").is_visible()
    page.context.close()

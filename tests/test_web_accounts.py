"""Accounts at the screens: first administrator, links, sessions, lock-out, tokens, the dock's identity."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.account_acts import ACCOUNT_ACTS
from ingestd.core.errors import RefusedError
from ingestd.core.roles import Right, Role
from ingestd.core.web_settings import WebSettings
from ingestd.stores.hashing import Hasher
from ingestd.stores.secrets import Secrets
from ingestd.web.account_words import ACCOUNT_ACT_WORDS, RIGHT_WORDS, ROLE_WORDS, scope_words
from ingestd.web.credentials import first_link
from ingestd.web.gate import SHUT, WRONG, Gate
from ingestd.web.telling import Teller
from ingestd.wiring import open_accounts
from tests.support.commands import command_server
from tests.support.console import CHEAP, PASSWORD, Answer, Person
from tests.support.disposal import MovableClock
from tests.support.office import Office, office
from tests.support.process import wait_until
from tests.support.station import build_station

NEW = "tide 3 gull 9 rope"
WANG = {"account": "wang", "person": "王海", "roles": ["officer"], "unit": "", "certificate": "A1"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("office")) as running:
        yield running


def acts(here: Office, name: str) -> list[str]:
    return [row["act"] for row in open_accounts(here.served.console.settings).history(name)]


def shown_link(answer: Answer) -> str:
    found = re.search(r"<code>http://[^/]+(/setup\?key=[\w-]+)</code>", answer.text)
    assert found, answer.text
    return found[1]


def entered(here: Office, name: str, **more: Any) -> Person:
    """An administrator who entered an account and stands before it."""
    admin = here.person(Role.ADMIN)
    answer = admin.post("/accounts/@new", {**WANG, "account": name, **more})
    assert answer.status == 200, answer.text
    return admin


def set_up(here: Office, name: str, **more: Any) -> Person:
    """Somebody with an account of his own who is signed in."""
    link = shown_link(entered(here, name, **more).post(f"/accounts/{name}", {"do": "link"}))
    person = here.served.stranger()
    assert person.post("/setup", {"key": link.partition("=")[2], "password": NEW, "again": NEW}).status == 200
    assert person.sign_in(name, NEW).status == 200
    return person


def test_every_right_role_and_act_has_its_words() -> None:
    assert set(RIGHT_WORDS) == set(Right)
    assert set(ROLE_WORDS) == set(Role)
    assert set(ACCOUNT_ACT_WORDS) == set(ACCOUNT_ACTS)


@pytest.mark.parametrize(
    ("roles", "unit", "words"),
    [
        ([Role.OFFICER, Role.ADMIN], "一支队", "the own recordings"),
        ([Role.ARCHIVIST], "一支队", "一支队"),
        ([Role.OFFICER, Role.HEAD], "", "the whole bureau"),
        ([Role.INSPECTOR], "", "the drawn samples"),
        ([Role.ADMIN], "", "no footage"),
    ],
)
def test_what_an_account_sees_is_said_as_it_is(roles: list[Role], unit: str, words: str) -> None:
    assert scope_words(roles, unit) == words


# --- the first administrator -----------------------------------------------------------------------------------------


@contextmanager
def nobody(here: Office) -> Iterator[None]:
    """Nobody has a password; at the end administrators have theirs again."""
    gate = here.served.console.gate
    digests = {name: gate.secrets.digest(name, "password") for name in gate.secrets.accounts_with("password")}
    for name in digests:
        gate.secrets.remove_credential(name, "password")
    try:
        yield
    finally:
        for name, digest in digests.items():
            gate.secrets.set_credential(name, "password", digest or "", gate.now_text())


def test_whoever_opens_the_first_link_is_the_first_administrator(here: Office) -> None:
    with nobody(here):
        link = first_link(here.served.console).words
        person = here.served.stranger()
        assert "首个系统管理员" in person.get(link).text
        fields = {"key": link.partition("=")[2], "account": "first", "person": "刘一", "password": NEW, "again": NEW}
        weak = person.post("/setup", {**fields, "password": "password1234", "again": "password1234"})
        assert (weak.status, "过于常见" in weak.text) == (409, True)
        assert person.post("/setup", fields).status == 200
        person.sign_in("first", NEW)
        assert person.get("/accounts").status == 200
        assert person.post("/setup", {**fields, "account": "second"}).status == 404
        assert acts(here, "first") == ["session.opened", "account.credential_set", "account.entered"]


def test_a_first_link_counts_no_more_once_an_administrator_can_sign_in(here: Office) -> None:
    link = first_link(here.served.console).words
    assert here.served.stranger().get(link).status == 404


@pytest.mark.parametrize("key", ["", "x", "x" * 43, "%00", "%ff"])
def test_a_link_that_nobody_made_opens_nothing(here: Office, key: str) -> None:
    assert here.served.stranger().get(f"/setup?key={key}").status == 404


def test_a_link_survives_a_station_that_does_not_answer(here: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    link = shown_link(entered(here, "patient").post("/accounts/patient", {"do": "link"}))
    fields = {"key": link.partition("=")[2], "password": NEW, "again": NEW}
    socket = here.installation.socket_file
    socket.rename(socket.with_suffix(".away"))
    try:
        assert here.served.stranger().post("/setup", fields).status == 503
    finally:
        socket.with_suffix(".away").rename(socket)
    assert here.served.stranger().post("/setup", fields).status == 200


# --- the register ----------------------------------------------------------------------------------------------------


def test_a_link_sets_a_password_once_and_stands_in_the_ledger_without_it(here: Office) -> None:
    set_up(here, "once")
    assert acts(here, "once") == [
        "session.opened",
        "account.credential_set",
        "account.link_issued",
        "account.entered",
    ]
    ledger = b"".join(file.read_bytes() for file in (here.installation.vault / "ledger").rglob("*") if file.is_file())
    assert (NEW.encode() in ledger, PASSWORD.encode() in ledger) == (False, False)


def test_a_changed_role_counts_at_the_next_click(here: Office) -> None:
    person = set_up(here, "promoted")
    before = person.get("/accounts").status
    entered_by = here.person(Role.ADMIN)
    entered_by.post("/accounts/promoted", {"do": "change", **WANG, "roles": ["officer", "admin"]})
    assert (before, person.get("/accounts").status) == (403, 200)


def test_a_closed_account_has_no_session_any_more(here: Office) -> None:
    person = set_up(here, "leaving")
    here.person(Role.ADMIN).post("/accounts/leaving", {"do": "close", "reason": "调离"})
    assert "/sign-in" in person.get("/account").url
    assert person.sign_in("leaving", NEW).status == 403


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"account": "archivist"}, "不会重复使用"),
        ({"account": "a b"}, "账号只能用"),
        ({"roles": []}, "至少选择一个角色"),
        ({"roles": ["emperor"]}, "至少选择一个角色"),
        ({"unit": "无此单位"}, "不在单位登记簿"),
        ({"person": " "}, "请填写姓名"),
    ],
)
def test_what_cannot_be_an_account_is_said_in_the_form(here: Office, fields: dict[str, Any], words: str) -> None:
    answer = here.person(Role.ADMIN).post("/accounts/@new", {**WANG, "account": "fresh", **fields})
    assert (answer.status, words in answer.text) == (409, True)


def test_the_last_administrator_stays_at_the_screens_too(here: Office) -> None:
    admin = here.person(Role.ADMIN)
    for name in [one.name for one in here.served.console.gate.accounts() if one.is_admin and one.name != "admin"]:
        admin.post(f"/accounts/{name}", {"do": "close", "reason": "…"})
    answer = admin.post("/accounts/admin", {"do": "close", "reason": "…"})
    assert (answer.status, "最后一名系统管理员" in answer.text) == (409, True)


# --- one's own account -----------------------------------------------------------------------------------------------


def test_a_changed_password_ends_every_other_session(here: Office) -> None:
    person, other = set_up(here, "careful"), here.served.stranger()
    other.sign_in("careful", NEW)
    fields = {"do": "password", "password": NEW, "new": NEW + "!", "again": NEW + "!"}
    assert person.post("/account", {**fields, "password": "wrong"}).status == 409
    assert person.post("/account", fields).status == 200
    assert (person.get("/account").status, "/sign-in" in other.get("/account").url) == (200, True)
    assert here.served.stranger().sign_in("careful", NEW).status == 403


def test_one_sees_and_ends_the_own_sessions_and_nobody_elses(here: Office) -> None:
    person, other = set_up(here, "tidy"), here.served.stranger()
    other.sign_in("tidy", NEW)
    sessions = here.served.console.gate.sessions("tidy")
    foreign = here.person(Role.HEAD)
    foreign.post("/account", {"do": "end", "session": sessions[0].session})
    assert other.get("/account").status == 200
    person.post("/account", {"do": "end_others"})
    assert ("/sign-in" in other.get("/account").url, person.get("/account").status) == (True, 200)
    assert acts(here, "tidy")[0] == "session.closed"


# --- the dock --------------------------------------------------------------------------------------------------------


def test_the_dock_knows_a_person_by_card_and_by_pin(here: Office) -> None:
    person = set_up(here, "docker")
    gate = here.served.console.gate
    person.post("/account", {"do": "pin", "password": NEW, "pin": "602917"})
    here.person(Role.ADMIN).post("/accounts/docker", {"do": "card", "card": "0A-12 3456"})
    by_card, by_pin = (
        gate.identify(address="::1", card="0a123456"),
        gate.identify(address="::1", account="docker", pin="602917"),
    )
    assert by_card == by_pin
    assert (by_card.person, by_card.certificate) == ("王海", "A1")
    for wrong in ({"card": "0a123457"}, {"account": "docker", "pin": "602918"}, {"account": "nobody", "pin": "602917"}):
        with pytest.raises(RefusedError, match=WRONG):
            gate.identify(address="::1", **wrong)


def test_one_card_is_one_persons(here: Office) -> None:
    admin = entered(here, "carded")
    admin.post("/accounts/carded", {"do": "card", "card": "77770001"})
    entered(here, "other")
    assert "属于其他账号" in admin.post("/accounts/other", {"do": "card", "card": "7777-0001"}).text
    admin.post("/accounts/carded", {"do": "card", "card": ""})
    assert admin.post("/accounts/other", {"do": "card", "card": "7777-0001"}).status == 200


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_a_token_gives_its_rights_alone_until_it_is_ended(here: Office) -> None:
    admin = entered(here, "robot", roles=["archivist"])
    fields = {"do": "token", "label": "案件系统", "rights": ["see", "statistics"], "days": "30"}
    found = re.search(r"<code>(ingestd_[\w-]+)</code>", admin.post("/accounts/robot", fields).text)
    assert found
    gate = here.served.console.gate
    visitor = gate.token_visitor(found[1])
    assert visitor is not None
    assert {one for one in Right if visitor.may(one)} == {Right.SEE, Right.STATISTICS}
    token = gate.secrets.tokens_of("robot")[0]["token"]
    admin.post("/accounts/robot", {"do": "end_token", "token": token})
    assert gate.token_visitor(found[1]) is None
    assert acts(here, "robot")[:2] == ["account.credential_removed", "account.credential_set"]


@pytest.mark.parametrize(
    "fields", [{"rights": ["admin"]}, {"rights": []}, {"days": "0"}, {"days": "367"}, {"days": "-1"}, {"label": ""}]
)
def test_a_token_never_gives_more_than_the_account(here: Office, fields: dict[str, Any]) -> None:
    admin = here.person(Role.ADMIN)
    asked = {"do": "token", "label": "x", "rights": ["see"], "days": "30", **fields}
    assert admin.post("/accounts/archivist", asked).status == 409


# --- the gate itself -------------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


class Told:
    """What was told to a station that answers."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []

    def send(self, documents: Sequence[dict[str, Any]]) -> None:
        self.documents += documents

    def said(self) -> list[tuple[str, str | None]]:
        return [(one["do"], one["account"]) for one in self.documents]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def gate(here: Office, tmp_path: Path, clock: MovableClock, told: Told) -> Iterator[Gate]:
    """A gate of its own over the accounts of the office, with a clock that is moved by hand."""
    secrets = Secrets(tmp_path / "console/secrets.sqlite3")
    settings = WebSettings(lockout_free_tries=3, lockout_address_free_tries=6)
    book = open_accounts(here.served.console.settings)
    made = Gate(lambda: book, secrets, Teller(secrets, told.send), settings, clock, CHEAP)
    secrets.set_credential("head", "password", CHEAP.digest(PASSWORD), made.now_text())
    yield made
    secrets.close()


def tried(gate: Gate, times: int, *, account: str = "head", address: str = "10.0.0.7") -> list[str]:
    said = []
    for _ in range(times):
        with pytest.raises(RefusedError) as refused:
            gate.sign_in(account, "wrong", address=address)
        said.append(refused.value.message)
    return said


def test_wrong_tries_shut_an_account_out_even_for_the_right_password(gate: Gate, clock: MovableClock) -> None:
    assert tried(gate, 5) == [WRONG] * 4 + [SHUT]
    with pytest.raises(RefusedError, match="Too many"):
        gate.sign_in("head", PASSWORD, address="10.0.0.8")
    clock.move(seconds=31)
    assert gate.sign_in("head", PASSWORD, address="10.0.0.8").visitor.person == "周岚"


def test_each_further_wrong_try_shuts_out_for_twice_as_long(gate: Gate, clock: MovableClock) -> None:
    tried(gate, 4)
    clock.move(seconds=31)
    tried(gate, 1)
    clock.move(seconds=31)
    assert tried(gate, 1) == [SHUT]
    clock.move(seconds=30)
    assert tried(gate, 1) == [WRONG]


def test_an_address_that_tries_many_names_is_shut_out(gate: Gate) -> None:
    assert [tried(gate, 1, account=f"a{number}")[0] for number in range(8)] == [WRONG] * 7 + [SHUT]
    assert gate.sign_in("head", PASSWORD, address="10.0.0.8")


def test_a_right_try_forgets_the_wrong_ones(gate: Gate) -> None:
    tried(gate, 3)
    gate.sign_in("head", PASSWORD, address="10.0.0.8")
    assert tried(gate, 3, address="10.0.0.9") == [WRONG] * 3


def test_refusals_are_told_and_a_name_that_is_nobodys_is_not(gate: Gate, told: Told) -> None:
    tried(gate, 4)
    tried(gate, 1, account="my-password-in-the-wrong-field")
    assert told.said() == [("refuse_session", "head")] * 4 + [("lock", "head"), ("refuse_session", None)]
    assert "my-password" not in repr(told.documents)


def test_a_name_that_is_nobodys_takes_as_long_as_a_wrong_password(gate: Gate, monkeypatch: Any) -> None:
    """Counted, not timed: each try compares one digest."""
    compared: list[str] = []
    whole = type(gate.hasher).is_right

    def counted(self: Hasher, digest: str | None, secret: str) -> bool:
        compared.append(secret)
        return whole(self, digest, secret)

    monkeypatch.setattr(Hasher, "is_right", counted)
    for account in ("head", "nobody", "", "archivist"):
        tried(gate, 1, account=account, address=account)
    assert len(compared) == 4


def test_a_session_ends_unused_and_after_its_hours(gate: Gate, clock: MovableClock) -> None:
    idle, long = (gate.sign_in("head", PASSWORD, address="::1").key for _ in range(2))
    for _ in range(24):
        clock.move(minutes=29)
        assert gate.visitor(long) is not None
    assert gate.visitor(idle) is None
    clock.move(minutes=25)
    assert gate.visitor(long) is None
    assert gate.sessions("head") == []


def test_a_session_is_there_after_the_console_was_started_again(here: Office, gate: Gate, tmp_path: Path) -> None:
    key = gate.sign_in("head", PASSWORD, address="::1").key
    again = Secrets(tmp_path / "console/secrets.sqlite3")
    book = open_accounts(here.served.console.settings)
    other = Gate(lambda: book, again, gate.teller, WebSettings(), gate._clock, CHEAP)
    assert other.visitor(key) == gate.visitor(key)
    again.close()


def test_the_token_of_a_form_does_not_tell_the_key_and_differs_by_session(gate: Gate) -> None:
    opened = [gate.sign_in("head", PASSWORD, address="::1") for _ in range(2)]
    assert len({one.key for one in opened} | {one.visitor.csrf for one in opened}) == 4


def test_a_digest_that_became_too_cheap_is_made_anew(gate: Gate) -> None:
    dearer = type(CHEAP)(passes=2, memory_kib=16)
    gate.hasher = dearer
    gate.sign_in("head", PASSWORD, address="::1")
    assert not dearer.is_outdated(gate.secrets.digest("head", "password") or "")


# --- the command line ------------------------------------------------------------------------------------------------


def test_accounts_are_kept_by_commands_too(here: Office) -> None:
    run = here.installation.run
    add = ["account", "add", "clerk", "--person", "钱文", "--role", "archivist", "--role", "head", "--by", "刘工"]
    assert run(*add).status == 0
    assert run("account", "change", "clerk", "--role", "custodian", "--by", "刘工").status == 0
    link = here.installation.json("account", "link", "clerk", "--address", here.served.address)["link"]
    path = link.removeprefix(here.served.address)
    person = here.served.stranger()
    assert person.post("/setup", {"key": path.partition("=")[2], "password": NEW, "again": NEW}).status == 200
    (clerk,) = [one for one in here.installation.json("account", "list") if one["name"] == "clerk"]
    assert (clerk["roles"], clerk["has_password"], clerk["entered_by"]) == (["custodian"], True, "刘工")
    assert run("account", "close", "clerk", "--reason", "调离").status == 0
    assert person.sign_in("clerk", NEW).status == 403


def test_a_link_for_the_first_administrator_is_refused_while_there_is_one(here: Office) -> None:
    ended = here.installation.run("account", "link")
    assert (ended.status, "an administrator can sign in already" in ended.err) == (1, True)


def test_the_first_link_is_told_to_no_log(tmp_path: Path) -> None:
    """Standard output that is no terminal is a journal."""
    station = build_station(tmp_path / "station", web__port=0)
    out = tmp_path / "journal"
    out.touch()
    process = command_server().start(["web"], folder=station.root, environment=station.environment, out=out, err=out)
    try:
        wait_until(lambda: "Dock" in out.read_text("utf-8"), what="the console")
        wait_until(lambda: "administrator" in out.read_text("utf-8"), what="the words about it")
    finally:
        process.kill()
        process.wait()
    assert "key=" not in out.read_text("utf-8")

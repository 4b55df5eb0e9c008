"""Passwords that a directory checks: OpenLDAP's own server, and the gate before it."""

import contextlib
import json
import re
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ingestd.cli.account_requests import perform
from ingestd.core.account_acts import REQUESTS
from ingestd.core.errors import ConfigError, RefusedError, UnavailableError
from ingestd.core.roles import Role
from ingestd.core.web_settings import LdapSettings, WebSettings
from ingestd.daemon.account_operations import account_operations
from ingestd.ipc import SocketServer
from ingestd.stores.hashing import Hasher
from ingestd.stores.secrets import Secrets
from ingestd.web.gate import SHUT, WRONG, Gate
from ingestd.web.ldap import AWAY, Directory, escaped
from ingestd.web.serve import console_of
from ingestd.web.telling import Teller
from ingestd.wiring import account_desk, open_accounts
from tests.support.console import CHEAP, Served, served
from tests.support.disposal import MovableClock
from tests.support.slapd import BASE, MANAGER, MANAGER_PASSWORD, PEOPLE, Slapd, certificate, slapd
from tests.support.station import Station, build_station

RIGHT = "tide 3 gull 9 rope"
LOCAL = "lamp 5 crane 2 wick"


def entry(uid: str, under: str = PEOPLE, rdn: str = "uid", password: str = RIGHT) -> str:
    return (
        f"dn: {rdn}={uid},{under}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n"
        f"userPassword: {password}\n\n"
    )


def unit(name: str, under: str = BASE) -> str:
    return f"dn: ou={name},{under}\nobjectClass: organizationalUnit\nou: {name}\n\n"


ENTRIES = (
    f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: bureau\ndc: bureau\n\n"
    + unit("people")
    + "".join(entry(one) for one in ("wang", "gone", "keeper", "stranger", "王海"))
    + unit("admins", PEOPLE)
    + entry("boss", f"ou=admins,{PEOPLE}")
    + unit("twins", PEOPLE)
    + entry("twin")
    + entry("twin", f"ou=twins,{PEOPLE}")
    # Whoever asks about what lies below is sent elsewhere, where the password would be right.
    + f"dn: ou=away,{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\nou: away\n"
    + "ref: ldap://127.0.0.1:PORT/ou=people,dc=bureau,dc=example\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd"), ENTRIES) as running:
        yield running


def by_name(server: Slapd, **more: Any) -> dict[str, Any]:
    return {"url": server.tls_url, "ca_file": server.certificate, "user_dn": "uid={account}," + PEOPLE, **more}


def by_search(server: Slapd, **more: Any) -> dict[str, Any]:
    secret = server.folder / "search-password"
    secret.write_text(MANAGER_PASSWORD + "\n")
    secret.chmod(0o600)
    return {
        "url": server.url,
        "ca_file": server.certificate,
        "base": BASE,
        "filter": "(&(objectClass=inetOrgPerson)(uid={account}))",
        "bind_dn": MANAGER,
        "bind_password_file": secret,
        **more,
    }


Ways = Callable[..., dict[str, Any]]
BOTH = pytest.mark.parametrize("way", [by_name, by_search])


def directory(document: dict[str, Any], folder: Path = Path("/")) -> Directory:
    return Directory(LdapSettings.model_validate(document), folder)


# --- the directory ---------------------------------------------------------------------------------------------------


@BOTH
def test_the_right_password_of_an_entry_is_right_and_every_other_one_is_wrong(server: Slapd, way: Ways) -> None:
    asked = directory(way(server))
    assert asked.is_right("wang", RIGHT)
    assert asked.is_right("王海", RIGHT)
    assert not asked.is_right("wang", RIGHT + "!")
    assert not asked.is_right("nobody", RIGHT)


@BOTH
def test_an_empty_password_is_never_sent(server: Slapd, way: Ways) -> None:
    before = server.said()
    assert not directory(way(server)).is_right("wang", "")
    assert server.said() == before


@BOTH
@pytest.mark.parametrize("password", ["\u00ad", "\u200b", " ", "\0", "\0" + RIGHT])
def test_what_a_server_may_read_as_empty_is_no_password(server: Slapd, way: Ways, password: str) -> None:
    assert not directory(way(server)).is_right("wang", password)


INJECTED = ["wan*", "*", "*)(uid=wang", "*)(uid=*", "boss,ou=admins", "wang,ou=people", "\\2a", "wang\0", "#wang"]


@BOTH
@pytest.mark.parametrize("name", INJECTED)
def test_a_name_is_a_value_and_never_a_part_of_the_question(server: Slapd, way: Ways, name: str) -> None:
    assert not directory(way(server)).is_right(name, RIGHT)


@pytest.mark.parametrize(
    ("way", "name"), [(by_name, "boss,ou=admins"), (by_search, "wan*"), (by_search, "*)(uid=wang")]
)
def test_such_names_would_be_taken_as_they_are(
    server: Slapd, way: Ways, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestd.web.ldap.escaped", str)
    assert directory(way(server)).is_right(name, RIGHT)


def test_letters_stay_and_everything_else_is_written_by_its_bytes() -> None:
    assert escaped("王.a_9") == r"王\2ea\5f9"
    assert escaped("*)(\\,\0") == r"\2a\29\28\5c\2c\00"


def test_two_entries_are_nobody(server: Slapd) -> None:
    assert not directory(by_search(server)).is_right("twin", RIGHT)
    assert directory(by_search(server, base=f"ou=twins,{PEOPLE}")).is_right("twin", RIGHT)


def test_start_tls_comes_before_the_password(server: Slapd) -> None:
    before = len(server.said())
    assert directory(by_name(server, url=server.url)).is_right("wang", RIGHT)
    said = server.said()[before:]
    assert said.index("TLS established") < said.index("BIND dn=")


@pytest.mark.parametrize("url", ["url", "tls_url"])
def test_a_certificate_that_nobody_trusts_gets_no_password(server: Slapd, url: str, tmp_path: Path) -> None:
    other, _ = certificate(tmp_path, "other", "127.0.0.1")
    before = len(server.said())
    with pytest.raises(UnavailableError):
        directory(by_name(server, url=getattr(server, url), ca_file=other)).is_right("wang", RIGHT)
    assert "BIND dn=" not in server.said()[before:]


@pytest.mark.parametrize("url", ["url", "tls_url"])
def test_a_certificate_of_another_host_gets_no_password(server: Slapd, url: str) -> None:
    named = getattr(server, url).replace("127.0.0.1", "localhost")
    before = len(server.said())
    with pytest.raises(UnavailableError):
        directory(by_name(server, url=named)).is_right("wang", RIGHT)
    assert "BIND dn=" not in server.said()[before:]


AWAY_BELOW = f"ou=away,{BASE}"


@pytest.mark.parametrize(
    ("way", "setting"), [(by_name, {"user_dn": "uid={account}," + AWAY_BELOW}), (by_search, {"base": AWAY_BELOW})]
)
def test_a_referral_is_not_followed(server: Slapd, way: Ways, setting: dict[str, str]) -> None:
    before = len(server.said())
    with contextlib.suppress(UnavailableError):
        assert not directory(way(server, **setting)).is_right("wang", RIGHT)
    assert PEOPLE not in server.said()[before:]


def test_a_station_that_the_directory_refuses_calls_no_password_wrong(server: Slapd) -> None:
    with pytest.raises(UnavailableError):
        directory(by_search(server, bind_dn=f"uid=wang,{PEOPLE}")).is_right("wang", RIGHT)


def test_a_directory_that_takes_a_connection_and_says_nothing_is_left(server: Slapd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ldaps://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UnavailableError):
            directory(by_name(server, url=url, timeout_seconds=1)).is_right("wang", RIGHT)


# --- the gate --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, server: Slapd) -> Station:
    """A station whose settings name the directory, with accounts; `stranger` is known to the directory alone."""
    made = build_station(tmp_path_factory.mktemp("station"))
    lines = "".join(f"{name} = {json.dumps(str(value))}\n" for name, value in by_search(server).items())
    made.config_file.write_text(made.config_file.read_text("utf-8") + f"\n[web.ldap]\n{lines}", "utf-8")
    entered = [
        {"do": "enter", "by": "刘工", "account": name, "person": name, "roles": [role]}
        for name, role in zip(("root", "wang", "keeper", "gone", "absent"), ("admin", *["officer"] * 4), strict=True)
    ]
    closed = {"do": "close", "by": "刘工", "account": "gone", "reason": "调离"}
    perform(made.configuration, REQUESTS.validate_python([*entered, closed]))
    return made


class Told:
    """What was told to a station that answers."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []

    def send(self, documents: Sequence[dict[str, Any]]) -> None:
        self.documents += documents


class Counted:
    """A directory whose questions are counted."""

    def __init__(self, asked: Directory) -> None:
        self.asked, self.names = asked, list[str | None]()

    def is_right(self, account: str | None, password: str) -> bool:
        self.names.append(account)
        return self.asked.is_right(account, password)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def counted(server: Slapd) -> Counted:
    return Counted(directory(by_search(server)))


@pytest.fixture
def gate(station: Station, counted: Counted, told: Told, tmp_path: Path) -> Iterator[Gate]:
    secrets, book = Secrets(tmp_path / "console/secrets.sqlite3"), open_accounts(station.settings)
    settings, clock = WebSettings(lockout_free_tries=2), MovableClock()
    made = Gate(lambda: book, secrets, Teller(secrets, told.send), settings, clock, CHEAP, counted)
    for name in ("keeper", "gone"):
        secrets.set_credential(name, "password", CHEAP.digest(LOCAL), made.now_text())
    yield made
    secrets.close()


def refused(gate: Gate, account: str, password: str) -> str:
    with pytest.raises(RefusedError) as error:
        gate.sign_in(account, password, address="10.0.0.7")
    return error.value.message


def test_who_is_entered_here_signs_in_with_the_password_of_the_directory(gate: Gate, told: Told) -> None:
    opened = gate.sign_in("Wang", RIGHT, address="10.0.0.7")
    assert (opened.visitor.account, gate.sessions("wang")[0].via) == ("wang", "ldap")
    assert [(one["do"], one["via"]) for one in told.documents] == [("open_session", "ldap")]
    assert gate.secrets.digest("wang", "password") is None


def test_who_is_not_entered_or_closed_here_is_never_asked_about(gate: Gate, counted: Counted) -> None:
    for account in ("stranger", "gone", "*)(uid=*", "boss,ou=admins", ""):
        assert refused(gate, account, RIGHT) == WRONG
    assert refused(gate, "absent", RIGHT) == WRONG
    assert counted.names == [None] * 5 + ["absent"]


def test_a_password_that_is_kept_here_alone_counts(gate: Gate, counted: Counted) -> None:
    assert gate.sign_in("keeper", LOCAL, address="10.0.0.7")
    assert refused(gate, "keeper", RIGHT) == WRONG
    assert counted.names == [None]


def test_wrong_passwords_of_the_directory_shut_out_like_others(gate: Gate) -> None:
    assert [refused(gate, "wang", "wrong") for _ in range(4)] == [WRONG] * 3 + [SHUT]
    assert refused(gate, "wang", RIGHT) == SHUT


def test_everybody_who_is_refused_costs_one_digest_and_one_question(
    gate: Gate, server: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: what the directory was asked, kind by kind."""
    compared: list[str] = []
    whole = Hasher.is_right

    def is_right(self: Hasher, digest: str | None, secret: str) -> bool:
        compared.append(secret)
        return whole(self, digest, secret)

    monkeypatch.setattr(Hasher, "is_right", is_right)
    steps = []
    for account in ("wang", "keeper", "gone", "absent", "stranger"):
        before = len(server.said())
        refused(gate, account, "wrong")
        said = server.said()[before:]
        steps.append((len(compared), said.count("STARTTLS"), said.count(" method=128"), said.count(" SRCH base=")))
        compared.clear()
    assert steps == [(1, 1, 2, 1)] * 5


def test_a_directory_that_is_away_refuses_nobody_and_counts_nothing(gate: Gate, told: Told, server: Slapd) -> None:
    server.stop()
    try:
        for account in ("wang", "wang", "wang", "wang", "stranger"):
            with pytest.raises(UnavailableError) as error:
                gate.sign_in(account, RIGHT, address="10.0.0.7")
            assert error.value.message == AWAY
        assert told.documents == []
        assert refused(gate, "keeper", "wrong") == WRONG
        assert gate.sign_in("keeper", LOCAL, address="10.0.0.7")
    finally:
        server.start()
    assert gate.sign_in("wang", RIGHT, address="10.0.0.7")


# --- the console -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(station: Station) -> Iterator[Served]:
    with served(station.configuration) as console:
        yield console


def test_the_screens_ask_the_directory_and_say_when_it_is_away(running: Served, server: Slapd) -> None:
    person = running.stranger()
    assert person.sign_in("wang", RIGHT + "!").status == 403
    assert person.sign_in("wang", RIGHT).status == 200
    page = person.get("/account").text
    assert ("单位目录服务" in page, 'name="new"' in page) == (True, False)
    fields = {"do": "password", "password": RIGHT, "new": LOCAL, "again": LOCAL}
    assert person.post("/account", fields).status == 409
    server.stop()
    try:
        away = running.stranger().sign_in("wang", RIGHT)
    finally:
        server.start()
    assert (away.status, "目录服务没有应答" in away.text) == (503, True)


@contextmanager
def at_the_desk(station: Station) -> Iterator[None]:
    """The station's desk for accounts behind its socket."""
    with station.opened() as parts:
        door = SocketServer(station.settings.socket_file, account_operations(account_desk(lambda: parts)))
        try:
            yield
        finally:
            door.close()


def test_an_account_goes_over_to_the_directory_and_the_last_administrator_stays(
    running: Served, station: Station
) -> None:
    gate, admin = running.console.gate, running.visitor(Role.ADMIN)
    gate.secrets.set_credential("keeper", "password", CHEAP.digest(LOCAL), gate.now_text())
    with at_the_desk(station):
        answer = admin.post("/accounts/keeper", {"do": "drop_password"})
        assert (answer.status, "由目录服务核对" in answer.text) == (200, True)
        refusal = admin.post("/accounts/admin", {"do": "drop_password"})
    assert (refusal.status, "最后一名有本机密码" in refusal.text) == (409, True)
    assert running.stranger().sign_in("keeper", LOCAL).status == 403
    assert running.stranger().sign_in("keeper", RIGHT).status == 200


# --- the settings ----------------------------------------------------------------------------------------------------

WHOLE = {"url": "ldaps://dc1.example.org", "user_dn": "uid={account},ou=people"}
SEARCH = {"url": "ldaps://dc1.example.org", "base": "ou=people", "filter": "(uid={account})"}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({**WHOLE, "url": "http://dc1"}, "write it as in ldaps://"),
        ({**WHOLE, "url": "ldaps://wang:secret@dc1"}, "more than host and port"),
        ({**WHOLE, "url": "ldaps://dc1:port"}, "write it as in ldaps://"),
        ({**WHOLE, "url": "ldap://dc1", "start_tls": False}, "over the wire as they are"),
        ({**WHOLE, "user_dn": "uid=wang"}, "write {account} there"),
        ({**WHOLE, "filter": "(uid={account})"}, "write either user_dn, or base and filter"),
        ({**WHOLE, "user_dn": ""}, "write either user_dn, or base and filter"),
        ({**SEARCH, "base": ""}, "write either user_dn, or base and filter"),
        ({**SEARCH, "bind_dn": "cn=station"}, "bind_password_file"),
        ({**SEARCH, "bind_password": "hunter2"}, "secrets never stand in the settings"),
    ],
)
def test_settings_that_would_not_work_or_not_be_safe_are_refused(document: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(words)) as error:
        LdapSettings.model_validate(document)
    assert "hunter2" not in str(error.value).partition("[type=")[0]


def test_without_tls_only_this_machine_is_asked(server: Slapd) -> None:
    assert directory(by_name(server, url=server.url, start_tls=False)).is_right("wang", RIGHT)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"filter": "(uid={account}"}, "web.ldap.filter"),
        ({"base": "people"}, "web.ldap.base"),
        ({"ca_file": "missing.crt"}, "web.ldap.ca_file"),
        ({"bind_password_file": "missing"}, "web.ldap.bind_password_file"),
    ],
)
def test_what_no_question_can_be_made_of_is_said_at_the_start(
    server: Slapd, tmp_path: Path, setting: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError) as error:
        directory(by_search(server, **setting), tmp_path)
    assert words in error.value.message
    assert error.value.advice


def test_the_library_is_read_only_where_a_directory_is_set(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "ingestd.web.ldap")
    monkeypatch.setitem(sys.modules, "ldap3", None)
    console_of(build_station(tmp_path / "plain").configuration).close()
    with pytest.raises(ConfigError, match="ldap3 is not installed") as error:
        console_of(station.configuration)
    assert "pip install 'ingestd[directory]'" in error.value.advice

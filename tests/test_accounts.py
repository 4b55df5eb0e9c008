"""Accounts: what is decided, what the ledger holds, what the console's own file holds, and rules of signing in."""

import datetime as dt
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.account_acts import REQUESTS, account_key
from ingestd.core.accounts import Account
from ingestd.core.case_requests import PutUnit
from ingestd.core.errors import IngestdError, NotFoundError, RefusedError, StoreError, UnavailableError
from ingestd.core.roles import Role
from ingestd.core.sign_in_rules import (
    LockRule,
    SessionRule,
    card_text,
    password_fault,
    pin_fault,
)
from ingestd.pipeline.parts import Parts
from ingestd.stores.accounts import AccountBook
from ingestd.stores.chronicle import rebuild
from ingestd.stores.hashing import Hasher
from ingestd.stores.secrets import Secrets, digest_of
from ingestd.web.telling import Teller
from ingestd.wiring import account_desk, case_desk
from tests.support.station import Station, build_station

AT = "2026-03-02T09:00:00.000Z"
HASHER = Hasher(passes=1, memory_kib=8)
NOBODY = {"do": "refuse_session", "event": "9" * 32, "account": None, "at": AT, "address": "::1", "why": "unknown"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Station:
    station = build_station(tmp_path_factory.mktemp("station"))
    with station.opened():
        return station


@pytest.fixture
def station(made: Station, tmp_path: Path) -> Station:
    """A station without accounts."""
    shutil.copytree(made.root, tmp_path / "station")
    return Station(tmp_path / "station")


@pytest.fixture
def parts(station: Station) -> Iterator[Parts]:
    with station.opened() as opened:
        yield opened


@pytest.fixture
def secrets(tmp_path: Path) -> Iterator[Secrets]:
    made = Secrets(tmp_path / "var/console/secrets.sqlite3")
    yield made
    made.close()


def enter(parts: Parts, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    read = REQUESTS.validate_python([{"by": "刘工"} | one for one in requests])
    return account_desk(lambda: parts).enter(read)


def admin(name: str = "liu") -> dict[str, Any]:
    return {"do": "enter", "account": name, "person": "刘工", "roles": ["admin"]}


def officer(name: str = "wang", **more: Any) -> dict[str, Any]:
    return {"do": "enter", "account": name, "person": "王海", "roles": ["officer"], **more}


def told(event: str = "e" * 32, **more: Any) -> dict[str, Any]:
    document = {"do": "open_session", "event": event, "account": "wang", "at": AT, "by": "王海", "session": "s"}
    return document | {"via": "password", "address": "10.0.0.7"} | more


def found(parts: Parts, name: str = "wang") -> Account:
    account = AccountBook(parts.chronicle.engine).find(name)
    assert account is not None
    return account


# --- the register ----------------------------------------------------------------------------------------------------


def test_an_account_is_what_was_entered_and_changed(parts: Parts) -> None:
    enter(parts, officer(certificate="A1"), {"do": "change", "account": "wang", "roles": ["officer", "custodian"]})
    account = found(parts)
    assert (account.person, account.certificate, account.roles) == ("王海", "A1", (Role.OFFICER, Role.CUSTODIAN))


@pytest.mark.parametrize("typed", ["WANG", " wang ", "ｗａｎｇ"])
def test_a_name_is_one_account_however_it_is_typed(parts: Parts, typed: str) -> None:
    enter(parts, officer())
    assert found(parts, typed).name == "wang"


def test_the_name_of_a_closed_account_is_never_given_again(parts: Parts) -> None:
    enter(parts, officer(), {"do": "close", "account": "wang", "reason": "调离"})
    with pytest.raises(RefusedError, match="never given again"):
        enter(parts, officer())


@pytest.mark.parametrize("last", [{"do": "close", "reason": "…"}, {"do": "change", "roles": ["head"]}])
def test_the_last_administrator_stays(parts: Parts, last: dict[str, Any]) -> None:
    enter(parts, admin(), admin("sun"), {"account": "sun"} | last)
    with pytest.raises(RefusedError, match="last administrator"):
        enter(parts, {"account": "liu"} | last)


def test_two_administrators_do_not_close_each_other_at_once(parts: Parts) -> None:
    close = [{"do": "close", "account": name, "reason": "…"} for name in ("liu", "sun")]
    enter(parts, admin(), admin("sun"))
    with pytest.raises(RefusedError, match="last administrator"):
        enter(parts, *close)


def test_a_unit_that_no_register_has_is_no_scope(parts: Parts) -> None:
    with pytest.raises(RefusedError, match="unit 一支队 is not in the register"):
        enter(parts, officer(unit="一支队"))
    case_desk(lambda: parts).enter([PutUnit(by="刘工", name="一支队")])
    enter(parts, officer(unit="一支队"))
    assert found(parts).unit == "一支队"


def test_the_station_itself_gives_no_account(parts: Parts) -> None:
    with pytest.raises(RefusedError):
        enter(parts, officer() | {"by": "station"})


@pytest.mark.parametrize("name", ["", "a b", "a/b", "../x", "@new", "a\u202eb", "<b>", "a" * 65, "a\nb"])
def test_a_name_that_could_be_taken_for_something_else_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="account"):
        REQUESTS.validate_python([officer(name) | {"by": "刘工"}])


@given(st.text(max_size=70))
def test_a_name_that_is_taken_is_kept_as_it_is_looked_up(name: str) -> None:
    try:
        (request,) = REQUESTS.validate_python([officer(name) | {"by": "刘工"}])
    except ValueError:
        return
    assert request.account == account_key(str(request.account)) == account_key(name)


def test_what_a_console_tells_twice_is_entered_once(parts: Parts) -> None:
    enter(parts, officer(), told(), told())
    enter(parts, told(), told("f" * 32))
    acts = [row["act"] for row in AccountBook(parts.chronicle.engine).history("wang")]
    assert acts == ["session.opened", "session.opened", "account.entered"]


def test_the_accounts_are_the_same_after_the_catalogue_was_made_again(station: Station) -> None:
    with station.opened() as parts:
        enter(parts, admin(), officer(), {"do": "change", "account": "wang", "person": "王海洋"}, told())
        enter(parts, {"do": "set_credential", "account": "wang", "kind": "pin"})
        account_desk(lambda: parts).enter(REQUESTS.validate_python([NOBODY]))
        enter(parts, {"do": "close", "account": "wang", "reason": "调离"})
    before = station.tables()
    assert len(before["account_acts"]) == 7
    rebuild(station.vault, station.catalogue_file, parts.clock).engine.dispose()
    assert station.tables() == before


# --- the console's own file ------------------------------------------------------------------------------------------


def test_nobody_else_reads_the_secrets(secrets: Secrets, tmp_path: Path) -> None:
    secrets.set_credential("wang", "password", HASHER.digest("…"), AT)
    files = sorted((tmp_path / "var/console").iterdir())
    assert len(files) > 1
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "var/console").stat().st_mode) == 0o700


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "console").mkdir()
    (tmp_path / "console/secrets.sqlite3").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        Secrets(tmp_path / "console/secrets.sqlite3")


def test_a_file_of_another_version_is_told_and_not_read(tmp_path: Path) -> None:
    made = Secrets(tmp_path / "console/secrets.sqlite3")
    with made._writing() as connection:
        connection.exec_driver_sql("PRAGMA user_version=99")
    made.close()
    with pytest.raises(StoreError, match="format 99"):
        Secrets(tmp_path / "console/secrets.sqlite3")


def test_a_link_counts_once_and_until_its_time(secrets: Secrets) -> None:
    secrets.put_link("d", "wang", "2026-03-03T00:00:00.000Z")
    assert secrets.link("d", "2026-03-03T00:00:00.000Z") is None
    assert [secrets.use_link("d", AT), secrets.use_link("d", AT)] == [True, False]


def test_a_second_link_takes_the_place_of_the_first(secrets: Secrets) -> None:
    for digest in ("one", "two"):
        secrets.put_link(digest, None, "2026-03-03T00:00:00.000Z")
    assert [secrets.use_link(digest, AT) for digest in ("one", "two")] == [False, True]


def test_no_secret_stands_in_the_file(secrets: Secrets, tmp_path: Path) -> None:
    key = "a-key-that-nobody-else-has"
    secrets.set_credential("wang", "password", HASHER.digest(key), AT)
    secrets.set_credential("wang", "card", HASHER.lookup(key, secrets.salt("card")), AT)
    secrets.put_link(digest_of(key), None, AT)
    secrets.close()
    bytes_ = b"".join(file.read_bytes() for file in (tmp_path / "var/console").iterdir())
    assert (key.encode() in bytes_, b"argon2id" in bytes_) == (False, True)


def test_wrong_tries_are_counted_until_they_are_forgotten(secrets: Secrets) -> None:
    counts = [secrets.count_failure("a", AT, forgotten_before=before) for before in ("", AT, "2027")]
    assert counts == [1, 2, 1]


def test_a_card_is_found_by_its_number_however_a_reader_types_it(secrets: Secrets) -> None:
    salt = secrets.salt("card")
    secrets.set_credential("wang", "card", HASHER.lookup(card_text("0A-12 34"), salt), AT)
    assert secrets.account_of("card", HASHER.lookup(card_text("0a1234"), secrets.salt("card"))) == "wang"


# --- telling the station ---------------------------------------------------------------------------------------------


def teller(secrets: Secrets, fault: type[IngestdError] | None, bad: str = "") -> tuple[Teller, list[str]]:
    entered: list[str] = []

    def send(documents: Any) -> None:
        if fault is not None and (not bad or any(one["event"] == bad for one in documents)):
            raise fault("…")
        entered.extend(one["event"] for one in documents)

    return Teller(secrets, send), entered


def opening(event: str) -> Any:
    return REQUESTS.validate_python([told(event)])[0]


def test_what_happened_while_the_station_was_away_is_told_later(secrets: Secrets) -> None:
    teller(secrets, UnavailableError)[0].tell(opening("a" * 32))
    again, entered = teller(secrets, None)
    again.tell(opening("b" * 32))
    assert (entered, secrets.waiting()) == (["a" * 32, "b" * 32], [])


@pytest.mark.parametrize("fault", [RefusedError, NotFoundError])
def test_what_the_station_does_not_take_keeps_nothing_else_back(secrets: Secrets, fault: type[IngestdError]) -> None:
    somebody, entered = teller(secrets, fault, bad="a" * 32)
    somebody.tell(opening("a" * 32), opening("b" * 32))
    assert (entered, [one["document"]["event"] for one in secrets.waiting()]) == (["b" * 32], ["a" * 32])


# --- rules of signing in ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    ["", "short-one-1", "passwordpassword", "Password2026!!", "qwertyuiop12345", "aaaaaaaaaaaa", "abcdefghijklmn",
     "210987654321", "wanghai-wanghai", "我是王海，今天值班一整天", "执法记录仪采集站2026",
     "440106197801012345", "x" * 129],
)  # fmt: skip
def test_a_password_that_is_tried_first_is_none(password: str) -> None:
    assert password_fault(password, "wanghai", "王海")


@pytest.mark.parametrize("password", ["Correct-Horse-7-Staple", "今天渔船全部回港了吗还没有呢", "tide 3 gull 9 rope"])
def test_a_sentence_is_a_password(password: str) -> None:
    assert password_fault(password, "wanghai", "王海") == ""


@given(st.text(max_size=140), st.text(max_size=10), st.text(max_size=10))
def test_every_password_is_judged_and_a_short_one_never_taken(password: str, account: str, person: str) -> None:
    assert password_fault(password, account, person) or len(password) >= 4


@pytest.mark.parametrize(
    "pin", ["12345", "1234567890123", "123456", "111111", "121212", "98765432", "12345a", "１２３９４７"]
)
def test_a_pin_that_is_tried_first_is_none(pin: str) -> None:
    assert pin_fault(pin)


def test_six_digits_are_a_pin() -> None:
    assert pin_fault("602917") == ""


@given(st.integers(0, 5000), st.integers(1, 100), st.floats(1, 3600), st.floats(1, 86400))
def test_wrong_tries_shut_out_ever_longer_and_never_for_good(
    failures: int, free: int, first: float, most: float
) -> None:
    rule = LockRule(free, first, most)
    assert rule.shut_seconds(failures) <= rule.shut_seconds(failures + 1) <= most
    assert (rule.shut_seconds(failures) == 0) == (failures <= free)


@pytest.mark.parametrize(
    ("opened", "seen", "is_open"),
    [(0, 0, True), (700, 29, True), (700, 30, False), (720, 1, False), (-4, -4, True), (-6, -6, False)],
)
def test_a_session_ends_unused_after_its_hours_or_from_the_future(opened: int, seen: int, is_open: bool) -> None:
    now = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
    rule = SessionRule(dt.timedelta(minutes=30), dt.timedelta(hours=12))
    assert rule.is_open(now - dt.timedelta(minutes=opened), now - dt.timedelta(minutes=seen), now) is is_open


def test_a_digest_says_whether_it_is_right_and_whether_it_is_too_cheap() -> None:
    digest = HASHER.digest("渔船")
    assert (HASHER.is_right(digest, "渔船"), HASHER.is_right(digest, "渔舟")) == (True, False)
    assert (HASHER.is_right(None, "nobody"), HASHER.is_right("no digest", "x")) == (False, False)
    assert (HASHER.is_outdated(digest), Hasher(passes=2, memory_kib=16).is_outdated(digest)) == (False, True)


def test_as_shipped_a_digest_is_dear() -> None:
    shipped = Hasher()
    assert (shipped._passes, shipped._memory_kib) == (3, 64 * 1024)

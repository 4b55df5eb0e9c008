"""The dock's screen over real HTTP beside a real station: words of the bays, the sheet of a docking, acts at it."""

import asyncio
import shutil
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.baystate import pulled_words
from ingestd.core.clock import SystemClock
from ingestd.core.fleet import SAFE_WORDS
from ingestd.core.roles import Role
from ingestd.stores.ledger import read_entries
from ingestd.web.bayfeed import MOST_LISTENERS, Listener
from ingestd.web.docksheets import SILENT_SECONDS, SheetKeys, Standing
from ingestd.web.docktiles import in_language
from ingestd.web.visitors import Visitor
from tests.support.cards import Card
from tests.support.console import Answer, Person, Served, served
from tests.support.dockscreen import (
    CASE,
    CUSTODIAN_CARD,
    OFFICER,
    OFFICER_CARD,
    OTHER_CARD,
    PIN,
    Events,
    dock_office,
    docked,
    some_of,
)
from tests.support.office import Office
from tests.support.process import wait_until
from tests.support.station import write_card

HOSTILE = "<img src=x onerror=alert(1)>\n\"'&.mp4"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with dock_office(tmp_path_factory.mktemp("dock")) as opened:
        yield opened


@pytest.fixture(scope="module")
def docking(here: Office, demo_card: Card, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A gap within a file, a missing segment and a torn file, docked and looked through."""
    with_words = Events(here.served.address)
    named = docked(here, some_of(demo_card, tmp_path_factory.mktemp("card") / "card", (2, 4, 6, 9)), "A1")
    with_words.until(
        lambda name, one: name == "bay" and one["bay"] == "A1" and bool(one["note"] or {}) and is_looked(one)
    )
    with_words.close()
    return named


@pytest.fixture(scope="module")
def away(here: Office) -> Iterator[Served]:
    """The same station's console for browsers none of which is the dock's."""
    configuration = here.installation.station.configuration
    web = configuration.settings.web.model_copy(update={"dock_addresses": ()})
    settings = configuration.settings.model_copy(update={"web": web})
    with served(replace(configuration, settings=settings)) as running:
        yield running


def is_looked(one: Any) -> bool:
    return bool(one["note"]["is_described"])


def acts(here: Office, name: str) -> list[Any]:
    folder = here.installation.vault / "ledger"
    return [one for one in read_entries(folder) if one.act == name]


def known(here: Office, docking: str, card: str = OFFICER_CARD) -> Person:
    """Somebody at the dock who held a card to the reader."""
    person = here.served.stranger()
    assert person.post(f"/dock/{docking}/identify", {"card": card}).status == 200
    return person


def keys(answer: Answer) -> list[str]:
    return [part.partition('"')[0] for part in answer.text.split('name="finding" value="')[1:]]


# The screen


def test_at_the_dock_the_screen_asks_for_no_account(here: Office) -> None:
    answer = here.served.stranger().get("/dock")
    assert answer.status == 200
    assert answer.url.endswith("/dock")


def test_nothing_of_the_screen_comes_from_another_place(here: Office) -> None:
    page = here.served.stranger().get("/dock").text
    assert "http:" not in page
    assert "https:" not in page


@pytest.mark.parametrize("path", ["/dock", "/dock/events", "/dock/{docking}"])
def test_elsewhere_the_dock_asks_who_comes(away: Served, docking: str, path: str) -> None:
    assert "/sign-in" in away.stranger().get(path.format(docking=docking)).url


def test_elsewhere_only_who_has_the_right_sees_the_dock(away: Served) -> None:
    assert away.visitor(Role.OFFICER).get("/dock").status == 200
    assert away.visitor(Role.AUDITOR).get("/dock").status == 403


# Words of the bays


def test_a_listener_hears_a_docking_through_to_its_end(here: Office, tmp_path: Path) -> None:
    words = Events(here.served.address)
    words.until(lambda name, _: name == "station")
    named = docked(here, write_card(tmp_path / "card", {"DCIM/a.mp4": b"a" * 100}), "B1")
    told = words.until(lambda name, one: name == "bay" and one["bay"] == "B1" and one["may_be_removed"])
    words.close()
    assert told[-1][1]["docking_id"] == named
    assert [one["percent"] for name, one in told if name == "bay" and one["bay"] == "B1"][-1] in (99, 100)


def test_who_begins_to_listen_hears_how_everything_stands(here: Office, docking: str) -> None:
    words = Events(here.served.address)
    told = words.until(lambda name, one: name == "bay" and one["bay"] == "A1")
    words.close()
    assert told[0] == ("station", {"is_there": True})
    assert told[-1][1]["note"] == {"late": 4, "missing": 4, "open": 3, "is_described": True}


def test_one_thread_watches_for_all_listeners_and_their_number_is_bounded(here: Office) -> None:
    listening = [Events(here.served.address) for _ in range(MOST_LISTENERS)]
    for one in listening:
        one.next()
    further = Events(here.served.address)
    watching = [thread for thread in threading.enumerate() if thread.name == "bay-feed"]
    for one in (*listening, further):
        one.close()
    assert further.answer.status == 503
    assert len(watching) == 1


def test_a_place_becomes_free_when_a_listener_goes(here: Office) -> None:
    def is_open() -> bool:
        words = Events(here.served.address)
        words.close()
        return words.answer.status == 200

    wait_until(is_open, what="a free place")


def test_a_console_that_ends_lets_its_listeners_go(here: Office) -> None:
    configuration = here.installation.station.configuration
    with served(configuration) as second:
        words = Events(second.address)
        words.until(lambda name, _: name == "station")
    while words.next() != ("", None):
        continue
    assert len([one for one in threading.enumerate() if one.name == "bay-feed"]) == 1


def test_a_slow_listener_loses_old_words_and_never_the_newest() -> None:
    async def heard() -> bytes:
        listener = Listener()
        for number in range(1000):
            listener.tell("bay A1", b"%d;" % number)
            listener.tell("bay A2", b"x")
        return await listener.words()

    # In a thread of its own: a browser of other tests may have its loop in this one.
    with ThreadPoolExecutor(1) as beside:
        assert beside.submit(asyncio.run, heard()).result() == b"999;x"


@pytest.mark.parametrize(
    ("words", "chinese", "english"),
    [
        (
            pulled_words(3),
            "拔出过早，请重新插入（缺 3 个文件）",
            "pulled too early, dock it again: 3 files are missing",
        ),
        (
            "not listed · 未登记: " + SAFE_WORDS,
            "未登记：数据已安全，请交管理员",
            f"not listed: {SAFE_WORDS.split(' · ')[0]}",
        ),
        ("a · 甲; b · 乙", "甲；乙", "a; b"),
        ("half whole · 半: a plain cause", "半：a plain cause", "half whole: a plain cause"),
        ("waits for its turn at the disk", "等待磁盘轮到本口", "waits for its turn at the disk"),
        ("a · 甲 · b · 乙", "a · 甲 · b · 乙", "a · 甲 · b · 乙"),
        ("", "", ""),
    ],
)
def test_words_in_two_languages_are_shown_in_one(words: str, chinese: str, english: str) -> None:
    english = english.replace("; hand", ", hand")
    assert (in_language(words, "zh"), in_language(words, "en")) == (chinese, english)


# The sheet


def test_the_sheet_tells_what_came_what_is_missing_and_what_wants_a_reason(here: Office, docking: str) -> None:
    page = here.served.stranger().get(f"/dock/{docking}").text
    assert "7012345_01234520260302090006_0002.mp4" in page
    assert "（4 与 6 之间）" in page
    assert "逾期移交 4 个" in page
    assert "3 处中断待说明" in page
    assert "可以取走" in page


def test_the_sheet_of_a_docking_that_is_none_is_not_there(here: Office) -> None:
    assert here.served.stranger().get("/dock/0190-none").status == 404


def test_hostile_names_are_shown_and_do_nothing(here: Office, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {HOSTILE.encode(): b"a", b"DCIM/\xff\xfe.mp4": b"b"})
    words = Events(here.served.address)
    named = docked(here, card, "C1")
    told = words.until(lambda name, one: name == "bay" and one["bay"] == "C1" and one["may_be_removed"])
    words.close()
    page = here.served.stranger().get(f"/dock/{named}").text
    assert told[-1][1]["docking_id"] == named
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_elsewhere_an_officer_finds_the_own_docking_and_no_others(away: Served, docking: str) -> None:
    other = away.stranger()
    other.sign_in("other")
    assert away.visitor(Role.OFFICER).get(f"/dock/{docking}").status == 200
    assert other.get(f"/dock/{docking}").status == 404


# Who acts


@pytest.mark.parametrize("name", ["explain", "case", "register", "vessel", "confirm", "record"])
def test_nobody_acts_without_saying_who_it_is(here: Office, docking: str, name: str) -> None:
    before = here.installation.station.catalogue().applied_seq()
    answer = here.served.stranger().post(f"/dock/{docking}/{name}", {"number": CASE, "reason": "battery"})
    assert answer.status == 409
    assert "请先确认身份" in answer.text
    assert here.installation.station.catalogue().applied_seq() == before


def test_a_card_that_nobody_has_opens_nothing(here: Office, docking: str) -> None:
    answer = here.served.stranger().post(f"/dock/{docking}/identify", {"card": "1234"})
    assert answer.status == 403
    assert "无法确认身份" in answer.text


def test_an_officer_does_not_speak_of_anothers_footage(here: Office, docking: str) -> None:
    other = known(here, docking, OTHER_CARD)
    assert other.post(f"/dock/{docking}/case", {"number": CASE}).status == 409
    assert "这不是您的录音录像" in other.get(f"/dock/{docking}").text


def test_who_stands_at_the_dock_has_no_session_of_the_console(here: Office, docking: str) -> None:
    person = known(here, docking)
    (cookie,) = person.cookies
    assert (cookie.name, cookie.path) == ("ingestd_dock", f"/dock/{docking}")
    assert person.get("/").url.endswith("/sign-in?next=/")
    key = here.served.stranger().get("/", headers={"Cookie": f"ingestd_session={cookie.value}"})
    assert "/sign-in" in key.url


def test_who_said_that_all_is_done_has_to_say_who_it_is_again(here: Office, docking: str) -> None:
    person = known(here, docking)
    key = next(iter(person.cookies)).value
    person.post(f"/dock/{docking}/leave", {})
    answer = here.served.stranger().get(f"/dock/{docking}", headers={"Cookie": f"ingestd_dock={key}"})
    assert "登记前请确认身份" in answer.text


class Passing(SystemClock):
    """A clock that a test moves on."""

    seconds = 0.0

    def steady_seconds(self) -> float:
        return self.seconds


WHO = Standing(Visitor("officer", OFFICER, frozenset({Role.OFFICER})), "card")


def test_a_minute_of_silence_ends_who_stands_there_and_each_act_begins_it_anew() -> None:
    clock = Passing()
    sheets = SheetKeys(clock)
    key = sheets.open("one", WHO)
    for _ in range(3):
        clock.seconds += SILENT_SECONDS - 1
        assert sheets.who(key, "one") is not None
    clock.seconds += SILENT_SECONDS
    assert sheets.who(key, "one") is None


def test_a_key_opens_its_own_sheet_alone_and_the_next_person_takes_it_over() -> None:
    sheets = SheetKeys(Passing())
    first = sheets.open("one", WHO)
    assert sheets.who(sheets.open("two", WHO), "one") is None
    second = sheets.open("one", WHO)
    assert sheets.who(first, "one") is None
    assert sheets.who(second, "one") is not None


# Acts


def test_one_tap_gives_the_reason_of_an_interruption(here: Office, docking: str) -> None:
    person = known(here, docking)
    key = keys(person.get(f"/dock/{docking}"))[1]
    answer = person.post(f"/dock/{docking}/explain", {"finding": key, "reason": "battery"})
    assert "原因已登记" in answer.text
    (act,) = acts(here, "finding.explained")
    assert (act.actor, act.data["finding"]["key"], act.data["reason"]) == (OFFICER, key, "battery")
    assert "刷卡" in act.data["words"]


def test_docked_again_the_card_leads_to_what_still_wants_a_reason(
    here: Office, docking: str, demo_card: Card, tmp_path: Path
) -> None:
    again = docked(here, some_of(demo_card, tmp_path / "card", (2, 4, 6, 9)), "A2")
    person = known(here, again)
    assert f'name="to" value="{docking}"' in person.get(f"/dock/{again}").text
    answer = person.post(f"/dock/{again}/move", {"to": docking})
    assert answer.url.endswith(f"/dock/{docking}")
    assert len(keys(answer)) > 1
    assert "登记前请确认身份" in person.get(f"/dock/{again}").text


def test_a_card_leads_to_no_docking_of_others(here: Office, docking: str, tmp_path: Path) -> None:
    own = docked(here, write_card(tmp_path / "card", {"DCIM/b.mp4": b"b"}), "A3")
    assert known(here, own).post(f"/dock/{own}/move", {"to": docking}).status == 409


def test_a_reason_for_a_finding_of_another_docking_is_refused(here: Office, docking: str) -> None:
    person = known(here, docking)
    assert person.post(f"/dock/{docking}/explain", {"finding": "0123456789abcdef", "reason": "battery"}).status == 409


@pytest.mark.parametrize("reason", ["", "nonsense"])
def test_a_reason_that_is_none_is_refused(here: Office, docking: str, reason: str) -> None:
    person = known(here, docking)
    key = keys(person.get(f"/dock/{docking}"))[0]
    assert person.post(f"/dock/{docking}/explain", {"finding": key, "reason": reason}).status == 409


def test_one_reason_explains_all_that_are_open(here: Office, docking: str) -> None:
    person = known(here, docking)
    answer = person.post(f"/dock/{docking}/explain", {"finding": "all", "reason": "weather", "words": "大风"})
    assert keys(answer) == []
    assert {act.data["words"] for act in acts(here, "finding.explained") if act.data["reason"] == "weather"} == {"大风"}


def test_one_tap_links_the_docking_to_the_officers_case(here: Office, docking: str) -> None:
    person = here.served.stranger()
    answer = person.post(f"/dock/{docking}/identify", {"account": "officer", "pin": PIN})
    assert f'name="number" value="{CASE}"' in answer.text
    answer = person.post(f"/dock/{docking}/case", {"number": CASE})
    assert "已关联案件" in answer.text
    (act,) = acts(here, "case.linked")
    assert (act.actor, act.subject, len(act.data["after"])) == (OFFICER, CASE, 4)


def test_a_case_that_is_not_in_the_register_is_refused_and_what_was_typed_stands(here: Office, docking: str) -> None:
    answer = known(here, docking).post(f"/dock/{docking}/case", {"number": "2026-999"})
    assert answer.status == 409
    assert 'value="2026-999"' in answer.text


def test_category_and_party_are_entered_with_how_the_person_was_told(here: Office, docking: str) -> None:
    person = known(here, docking)
    person.post(f"/dock/{docking}/register", {"field": "category", "value": "penalty"})
    person.post(f"/dock/{docking}/register", {"field": "parties", "value": "甲公司；乙某"})
    entered = acts(here, "recording.registered")
    assert {tuple(act.data["after"].get("parties", ())) for act in entered} == {(), ("甲公司", "乙某")}
    assert all("told by card" in act.data["note"] and act.actor == OFFICER for act in entered)


def test_a_vessel_is_named_by_hand(here: Office, docking: str) -> None:
    answer = known(here, docking).post(f"/dock/{docking}/vessel", {"name": "辽大金渔15008", "hull": "2021-0456"})
    assert "辽大金渔15008" in answer.text
    assert all(act.actor == OFFICER and "told by card" in act.data["note"] for act in acts(here, "vessel.named"))


def test_the_custodian_confirms_as_receiver_and_the_officer_as_giver(here: Office, docking: str) -> None:
    known(here, docking).post(f"/dock/{docking}/confirm", {})
    known(here, docking, CUSTODIAN_CARD).post(f"/dock/{docking}/confirm", {})
    said = [(act.data["role"], act.data["name"]) for act in acts(here, "handover.record_confirmed")]
    assert said == [("giver", "王海"), ("receiver", "陈静")]


def test_the_record_comes_as_paper_and_each_print_is_counted(here: Office, docking: str, tmp_path: Path) -> None:
    answer = known(here, docking, CUSTODIAN_CARD).post(f"/dock/{docking}/record", {"as": "save"})
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="station-01-2026-00001.pdf"'
    assert answer.body.startswith(b"%PDF")
    assert [act.actor for act in acts(here, "handover.record_printed")] == ["陈静"]
    if shutil.which("pdftotext"):
        (tmp_path / "record.pdf").write_bytes(answer.body)
        words = subprocess.run(["pdftotext", tmp_path / "record.pdf", "-"], capture_output=True, check=True).stdout
        assert "交接记录" in words.decode("utf-8")


# Without the station


def test_the_screen_says_when_the_station_goes_and_when_it_is_back(here: Office, docking: str) -> None:
    words = Events(here.served.address)
    words.until(lambda name, one: name == "station" and one["is_there"])
    here.daemon.kill()
    words.until(lambda name, one: name == "station" and not one["is_there"])
    assert "采集站没有应答" in here.served.stranger().get("/dock").text
    with here.installation.daemon():
        words.until(lambda name, one: name == "station" and one["is_there"])
    words.close()

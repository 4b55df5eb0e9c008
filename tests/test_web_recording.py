"""The recording's page over HTTP: its bytes by range, who gets them, what stands on the page, and what people enter."""

import contextlib
import functools
import socket
import sqlite3
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestd.core.roles import RIGHTS, Right, Role
from ingestd.sim.card import write_card
from ingestd.sim.faults import Fault
from ingestd.sim.plan import CardPlan
from tests.support.ais import NAME, harbour_lines, write_log, write_patrol_card
from tests.support.console import Answer, Person, served
from tests.support.office import Office, office
from tests.support.process import wait_until
from tests.support.station import Station, build_station

PLAN = CardPlan(takes=1, segments=3, segment_seconds=6, faults=(Fault.DROPPED_GOP,))
GAP, OTHER, LAST, PHOTO, LOG = "_0001.mp4", "_0002.mp4", "_0003_IMP.mp4", "_0004.jpg", "20260302.log"
HOSTILE = "</script><img src=x onerror=alert(1)>'\"&\r\nX-Evil: 1.mp4"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    root = tmp_path_factory.mktemp("recording")
    write_card(PLAN, root / "card")
    (root / "card" / "DCIM" / HOSTILE.replace("/", "_")).write_bytes(b"no footage")
    patrol = write_patrol_card(root / "patrol")
    with office(root / "station", root / "card", patrol, proxy__enabled=True) as running:
        log = write_log(root / "ais.log", harbour_lines())
        assert running.installation.run("vessel", "import", log, "--by", "赵敏").status == 0
        yield running


def station_of(here: Office) -> Station:
    return here.installation.station


def of(here: Office, ending: str) -> dict[str, object]:
    """The row of the one recording whose path ends so."""
    (row,) = [one for one in station_of(here).catalogue().recordings() if one["card_path"].endswith(ending)]
    return row


@functools.cache
def somebody(address: str, role: Role) -> Person:
    """Signed in once."""
    person = Person(address)
    person.sign_in(role.value)
    return person


def page(here: Office, ending: str, role: Role = Role.ARCHIVIST, *, more: str = "") -> Answer:
    return somebody(here.served.address, role).get(f"/recordings/{of(here, ending)['recording_id']}{more}")


def bytes_of(here: Office, ending: str) -> bytes:
    return station_of(here).vault.path(str(of(here, ending)["vault_path"])).read_bytes()


@pytest.fixture(scope="module")
def archivist(here: Office) -> Person:
    return somebody(here.served.address, Role.ARCHIVIST)


# Bytes


@given(first=st.integers(0, 100_000), length=st.integers(1, 60_000))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_range_is_the_very_bytes_of_the_original(here: Office, archivist: Person, first: int, length: int) -> None:
    data, row = bytes_of(here, GAP), of(here, GAP)
    asked = {"Range": f"bytes={first}-{first + length - 1}"}
    answer = archivist.get(f"/recordings/{row['recording_id']}/original", headers=asked)
    if first >= len(data):
        assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{len(data)}")
        return
    last = min(first + length, len(data)) - 1
    assert (answer.status, answer.headers["content-range"]) == (206, f"bytes {first}-{last}/{len(data)}")
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.body == data[first : last + 1]


def test_without_a_range_the_whole_original_comes(here: Office, archivist: Person) -> None:
    row = of(here, GAP)
    answer = archivist.get(f"/recordings/{row['recording_id']}/original")
    assert answer.status == 200
    assert answer.body == bytes_of(here, GAP)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == f'"{row["sha256"]}"'
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(
    ("condition", "status"), [("{etag}", 206), ('"0000"', 200), ("Mon, 02 Mar 2026 01:00:00 GMT", 200)]
)
def test_a_range_counts_only_for_the_file_that_it_was_asked_of(
    here: Office, archivist: Person, condition: str, status: int
) -> None:
    row = of(here, GAP)
    headers = {"Range": "bytes=0-9", "If-Range": condition.format(etag=f'"{row["sha256"]}"')}
    assert archivist.get(f"/recordings/{row['recording_id']}/original", headers=headers).status == status


@pytest.mark.parametrize("words", ["bytes=0-1,5-9", "bytes=5-2", "bytes=x", "bytes=" + ",".join(["0-"] * 500)])
def test_what_is_no_single_range_gets_no_byte(here: Office, archivist: Person, words: str) -> None:
    answer = archivist.get(f"/recordings/{of(here, GAP)['recording_id']}/original", headers={"Range": words})
    assert (answer.status, answer.body) == (416, b"")


def test_the_head_says_how_long_it_is_and_sends_nothing(here: Office, archivist: Person) -> None:
    row = of(here, GAP)
    url = f"{archivist.address}/recordings/{row['recording_id']}/original"
    answer = archivist.send(urllib.request.Request(url, headers={"Range": "bytes=0-3"}, method="HEAD"))
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, str(row["size_bytes"]), b"")


@pytest.mark.parametrize(
    "path", ["..%2f..%2fcatalogue.sqlite3", "%2e%2e/media", "x%00y", "01a2%25", "*", "_0002.mp4", "%27%20OR%201=1--"]
)
def test_only_an_id_names_a_recording(archivist: Person, path: str) -> None:
    assert archivist.get(f"/recordings/{path}/original").status == 404


def test_a_copy_is_named_by_its_kind_and_never_by_a_path(here: Office, archivist: Person) -> None:
    answer = archivist.get(f"/recordings/{of(here, GAP)['recording_id']}/media?of=../../../etc/passwd")
    assert answer.status == 404


def test_an_original_that_was_put_in_the_place_of_another_is_not_sent(here: Office, archivist: Person) -> None:
    row = of(here, OTHER)
    path = station_of(here).vault.path(str(row["vault_path"]))
    kept = path.with_suffix(".kept")
    path.rename(kept)
    try:
        path.symlink_to("/etc/passwd")
        assert archivist.get(f"/recordings/{row['recording_id']}/original").status == 500
        path.unlink()
        path.write_bytes(b"shorter")
        assert archivist.get(f"/recordings/{row['recording_id']}/original").status == 500
        path.unlink()
        assert archivist.get(f"/recordings/{row['recording_id']}/original").status == 404
    finally:
        path.unlink(missing_ok=True)
        kept.rename(path)


def test_whoever_goes_away_in_the_middle_leaves_no_file_open(here: Office, archivist: Person) -> None:
    row = of(here, f"{NAME}.wav")
    where = urllib.parse.urlsplit(archivist.address)
    for _ in range(5):
        with socket.create_connection((where.hostname, where.port)) as connection:
            cookie = f"ingestd_session={archivist.session()}"
            words = f"GET /recordings/{row['recording_id']}/original HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n"
            connection.sendall(words.encode())
            connection.recv(1000)
    name = str(row["vault_path"]).rsplit("/", 1)[-1]
    wait_until(lambda: not _is_open(name), what="the console to let go of the file")


def _is_open(name: str) -> bool:
    for one in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if str(one.readlink()).endswith(name):
                return True
    return False


# Who gets them


@pytest.mark.parametrize("role", list(Role))
def test_whoever_may_not_see_recordings_sees_no_page_of_one(here: Office, role: Role) -> None:
    answer = page(here, GAP, role)
    if Right.SEE not in RIGHTS[role]:
        assert answer.status == 403
    else:
        # An officer sees what is his own; of this one nobody knows the officer.
        assert answer.status == (404 if role is Role.OFFICER else 200)


@pytest.mark.parametrize("more", ["/media", "/original", "/original?download=1"])
@pytest.mark.parametrize("role", [Role.OFFICER, Role.AUDITOR, Role.INSPECTOR, Role.ADMIN])
def test_no_byte_goes_to_whom_it_is_closed(here: Office, role: Role, more: str) -> None:
    answer = page(here, GAP, role, more=more)
    assert answer.status in (403, 404, 409)
    assert bytes_of(here, GAP)[:64] not in answer.body


def test_a_stranger_gets_no_byte(here: Office) -> None:
    answer = here.served.stranger().get(f"/recordings/{of(here, GAP)['recording_id']}/original", follow=False)
    assert answer.status == 303


def test_a_take_of_which_somebody_may_see_nothing_is_not_there(here: Office) -> None:
    assert somebody(here.served.address, Role.OFFICER).get(f"/takes/{of(here, GAP)['take_id']}").status == 404


def test_a_closed_recording_says_so_and_where_to_ask(here: Office) -> None:
    text = page(here, GAP, Role.AUDITOR).text
    assert f"/access/new?recording={of(here, GAP)['recording_id']}" in text
    assert "<video" not in text or " hidden>" in text


def test_each_view_stands_in_the_register_once_a_session_and_hour(here: Office) -> None:
    person, row = somebody(here.served.address, Role.HEAD), of(here, GAP)
    for number in range(3):
        asked = {"Range": f"bytes={number * 10}-{number * 10 + 9}"}
        assert person.get(f"/recordings/{row['recording_id']}/media", headers=asked).status == 206
    with sqlite3.connect(station_of(here).catalogue_file) as connection:
        query = "SELECT count(*) FROM views WHERE recording_id = ? AND account = 'head'"
        assert connection.execute(query, (row["recording_id"],)).fetchone() == (1,)


def test_a_page_alone_is_no_view(here: Office) -> None:
    row = of(here, LAST)
    page(here, LAST)
    with sqlite3.connect(station_of(here).catalogue_file) as connection:
        query = "SELECT count(*) FROM views WHERE recording_id = ?"
        assert connection.execute(query, (row["recording_id"],)).fetchone() == (0,)


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Station, Person, str]]:
    """A console whose station does not run, somebody who is signed in, and the path of a recording."""
    station = build_station(tmp_path_factory.mktemp("apart"))
    station.ingest(write_patrol_card(station.root / "card"), is_described=True)
    (row,) = [one for one in station.catalogue().recordings() if one["kind"] == "audio"]
    with served(station.configuration) as running:
        yield station, running.visitor(Role.ARCHIVIST), f"/recordings/{row['recording_id']}"


def test_what_cannot_be_registered_is_not_played(apart: tuple[Station, Person, str]) -> None:
    _, person, path = apart
    assert person.get(f"{path}/original").status == 503


@pytest.mark.parametrize("state", ["disposed", "condemned", "evicted"])
def test_what_is_gone_says_so_and_sends_nothing(here: Office, archivist: Person, state: str) -> None:
    row = of(here, OTHER)
    with _state(here, str(row["recording_id"]), state):
        answer = archivist.get(f"/recordings/{row['recording_id']}/original")
        assert answer.status == 409
        assert archivist.get(f"/recordings/{row['recording_id']}/original?download=1").status == 409


def test_what_is_held_apart_is_not_played(apart: tuple[Station, Person, str]) -> None:
    station, person, path = apart
    with contextlib.closing(sqlite3.connect(station.catalogue_file)) as connection:
        connection.execute("UPDATE admissions SET is_quarantined = 1, settled_at = NULL")
        connection.commit()
    answer = person.get(f"{path}/media")
    assert answer.status == 409
    assert "已隔离" in answer.text


@contextlib.contextmanager
def _state(here: Office, recording: str, state: str) -> Iterator[None]:
    file = station_of(here).catalogue_file
    query = "UPDATE recordings SET state = ? WHERE recording_id = ?"
    with contextlib.closing(sqlite3.connect(file, timeout=30)) as connection:
        connection.execute(query, (state, recording))
        connection.commit()
        try:
            yield
        finally:
            connection.execute(query, ("catalogued", recording))
            connection.commit()


# The page


@pytest.mark.parametrize("ending", [GAP, PHOTO, LOG, "_0005.wav", f"{NAME}.wav"])
def test_every_kind_of_recording_has_its_page(here: Office, ending: str) -> None:
    answer = page(here, ending)
    assert answer.status == 200
    assert str(of(here, ending)["sha256"]) in answer.text
    assert "sha256sum -c" in answer.text


def test_a_take_has_its_page(here: Office, archivist: Person) -> None:
    answer = archivist.get(f"/takes/{of(here, GAP)['take_id']}")
    assert answer.status == 200
    assert answer.text.count('class="segment') == 3


def test_a_hostile_name_is_only_a_name(here: Office, archivist: Person) -> None:
    (row,) = [one for one in station_of(here).catalogue().recordings() if "onerror" in one["card_path"]]
    text = archivist.get(f"/recordings/{row['recording_id']}").text
    assert "<img src=x" not in text
    assert "</script><img" not in text
    answer = archivist.get(f"/recordings/{row['recording_id']}/original?download=1")
    assert "x-evil" not in {name.lower() for name in answer.headers}


def test_the_custody_history_names_what_happened(here: Office, archivist: Person) -> None:
    row = of(here, OTHER)
    archivist.get(f"/recordings/{row['recording_id']}/media", headers={"Range": "bytes=0-0"})
    text = archivist.get(f"/recordings/{row['recording_id']}").text
    history = text[text.index('id="custody"') :]
    for words in ("入库：回读校验一致", "记录仪接入", "出具交接记录", "调阅"):
        assert words in history


def test_a_vessel_that_passed_is_on_the_map_and_in_the_list(here: Office) -> None:
    text = page(here, f"{NAME}.wav").text
    assert "LIAO DA JIN YU 15008" in text
    assert 'id="land"' in text


# What people enter


def finding_of(answer: Answer) -> str:
    return answer.text.split('name="finding" value="', 1)[1].split('"', 1)[0]


def test_an_interruption_is_explained_and_taken_back_from_its_page(here: Office, archivist: Person) -> None:
    path = f"/recordings/{of(here, GAP)['recording_id']}"
    finding = finding_of(archivist.get(path))
    fields = {"finding": finding, "reason": "battery", "words": "电池耗尽，更换后继续"}
    assert "电池耗尽，更换后继续" in archivist.post(f"{path}/explain", fields).text
    answer = archivist.post(f"{path}/withdraw", {"finding": finding, "why": "说明有误"})
    assert 'class="account"' not in answer.text


def test_a_refused_explanation_leaves_what_was_typed(here: Office, archivist: Person) -> None:
    path = f"/recordings/{of(here, GAP)['recording_id']}"
    fields = {
        "finding": finding_of(archivist.get(path)),
        "reason": "battery",
        "words": "将来",
        "reported_at": "2199-01-01T00:00",
    }
    answer = archivist.post(f"{path}/explain", fields)
    assert answer.status == 409
    assert "将来</textarea>" in answer.text
    assert 'role="alert"' in answer.text


def test_a_recording_is_linked_to_a_case_and_the_link_taken_away(here: Office, archivist: Person) -> None:
    assert here.installation.run("case", "add", "2026-017", "--cause", "违法捕捞", "--by", "赵敏").status == 0
    path = f"/recordings/{of(here, GAP)['recording_id']}"
    answer = archivist.post(f"{path}/link", {"number": "2026-017", "what": "take", "is_evidence": "1"})
    assert 'href="/cases/2026-017"' in answer.text
    answer = archivist.post(f"{path}/unlink", {"number": "2026-017", "why": "误关联"})
    assert 'href="/cases/2026-017"' not in answer.text.split('id="custody"')[0]


def test_a_case_that_is_not_there_is_refused_in_words(here: Office, archivist: Person) -> None:
    path = f"/recordings/{of(here, GAP)['recording_id']}"
    answer = archivist.post(f"{path}/link", {"number": "2026-999"})
    assert answer.status == 409
    assert 'value="2026-999"' in answer.text


def test_only_what_changed_is_registered(here: Office, archivist: Person) -> None:
    row = of(here, GAP)
    path = f"/recordings/{row['recording_id']}"
    text = archivist.get(path).text
    names = [part.split('"', 1)[0] for part in text.split('name="field-')[1:]]
    shown = {f"field-{name}": _value(text, f"field-{name}") for name in names}
    changed = shown | {"field-place": "杏树屯渔港; 码头"} if "field-place" in shown else shown | {"field-at_sea": "yes"}
    archivist.post(f"{path}/register", changed)
    with sqlite3.connect(station_of(here).catalogue_file) as connection:
        query = "SELECT field FROM registrations WHERE recording_id = ?"
        assert len(connection.execute(query, (row["recording_id"],)).fetchall()) == 1


def _value(text: str, name: str) -> str:
    tag = text.split(f'name="{name}"', 1)[1].split(">", 1)[0]
    return tag.split('value="', 1)[1].split('"', 1)[0] if 'value="' in tag else ""


def test_a_vessel_is_confirmed_from_the_page(here: Office, archivist: Person) -> None:
    row = of(here, f"{NAME}.wav")
    path = f"/recordings/{row['recording_id']}"
    fields = {"do": "confirm", "mmsi": "412345678", "name": "辽大金渔15008", "number": ""}
    assert "辽大金渔15008" in archivist.post(f"{path}/vessel", fields).text


@pytest.mark.parametrize("what", ["explain", "link", "register", "vessel"])
def test_who_may_only_look_enters_nothing(here: Office, what: str) -> None:
    path = f"/recordings/{of(here, GAP)['recording_id']}/{what}"
    assert somebody(here.served.address, Role.AUDITOR).post(path, {"words": "x"}).status == 403


def test_the_page_shows_no_form_to_who_may_not_use_it(here: Office) -> None:
    text = page(here, GAP, Role.AUDITOR).text
    assert "/explain" not in text
    assert "/link" not in text


def test_what_is_no_footage_has_no_player(here: Office) -> None:
    assert "无法预览" in page(here, LOG).text

"""Samples and audit at the screens: who sees what, what is refused, what an outsider can take home and check."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator

import pytest

from ingestd.core.roles import Role
from tests.support.console import Answer, Person
from tests.support.office import Office, office
from tests.support.station import write_card

NAMES = tuple(f"0000007_0000122026030209{minute:02}00_00{minute:02}.mp4" for minute in range(1, 9))
LIST = {"title": "一季度抽检", "first": "2026-03-01", "last": "2026-03-31", "how": "size", "amount": "3", "least": "1"}
LIST |= {"kind": ""}
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    root = tmp_path_factory.mktemp("office")
    card = write_card(root / "card", {f"DCIM/100ANDRO/{name}": name.encode() for name in NAMES})
    with office(root / "station", card) as running:
        yield running


PEOPLE: dict[tuple[str, Role], Person] = {}


def person(here: Office, role: Role) -> Person:
    """Somebody of this role, who signs in once for all tests."""
    key = (here.served.address, role)
    if key not in PEOPLE:
        PEOPLE[key] = here.person(role)
    return PEOPLE[key]


def number_in(answer: Answer) -> str:
    found = re.search(r"/samples/(S\d{4}-\d{4})", answer.url)
    assert found, answer.text
    return found[1]


def drawn(here: Office, *, title: str = "一季度抽检") -> tuple[Person, str]:
    """A sample of three items, of which the first two are the inspector's."""
    archivist = person(here, Role.ARCHIVIST)
    number = number_in(archivist.post("/samples/new", LIST | {"title": title}))
    archivist.post(f"/samples/{number}", {"do": "draw"})
    answer = archivist.post(f"/samples/{number}", {"do": "assign", "account": "inspector", "items": "1-2"})
    assert answer.status == 200, answer.text
    return archivist, number


def form_of(person: Person, path: str, verdict: str = "pass", **words: str) -> dict[str, str]:
    points = set(re.findall(r'name="verdict_(\w+)"', person.get(path).text))
    fields = {f"verdict_{point}": "fail" if point in words else verdict for point in points}
    return fields | {f"words_{point}": said for point, said in words.items()}


def test_an_inspector_sees_the_items_that_were_given_to_him_and_no_other(here: Office) -> None:
    _, number = drawn(here)
    inspector = person(here, Role.INSPECTOR)
    answers = [inspector.get(f"/samples/{number}/items/{item}").status for item in (1, 2, 3)]
    assert answers == [200, 200, 404]
    assert inspector.get(f"/samples/{number}/items/3/media").status == 404
    assert len(re.findall(rf"/samples/{number}/items/(\d+)\"", inspector.get(f"/samples/{number}").text)) >= 2
    assert f"/samples/{number}/items/3" not in inspector.get(f"/samples/{number}").text


def test_a_sample_of_others_is_not_there_for_an_inspector(here: Office) -> None:
    archivist = person(here, Role.ARCHIVIST)
    number = number_in(archivist.post("/samples/new", LIST | {"title": "他人的抽检"}))
    archivist.post(f"/samples/{number}", {"do": "draw"})
    inspector = person(here, Role.INSPECTOR)
    paths = ("", "/report", "/report.csv", "/list.json", "/items/1", "/items/1/media")
    assert [inspector.get(f"/samples/{number}{path}").status for path in paths] == [404] * len(paths)
    assert "他人的抽检" not in inspector.get("/samples").text


def test_an_inspector_draws_nothing_and_ends_nothing(here: Office) -> None:
    _, number = drawn(here)
    inspector = person(here, Role.INSPECTOR)
    for do in ("draw", "assign", "close", "withdraw"):
        assert inspector.post(f"/samples/{number}", {"do": do, "words": "…"}).status == 403
    assert inspector.get("/samples/new").status == 403


def test_a_check_leads_on_to_the_next_item_and_shows_in_the_result(here: Office) -> None:
    archivist, number = drawn(here)
    inspector = person(here, Role.INSPECTOR)
    first = f"/samples/{number}/items/1"
    answer = inspector.post(first, form_of(inspector, first, appearance="未佩戴标志"))
    assert answer.url.partition("?")[0].endswith(f"/samples/{number}/items/2")
    assert (
        inspector.post(answer.url.partition("?")[0].removeprefix(here.served.address), form_of(inspector, first)).status
        == 200
    )
    report = archivist.get(f"/samples/{number}/report").text
    assert "未佩戴标志" in report
    assert "2 / 3" in report
    rows = list(csv.reader(io.StringIO(archivist.get(f"/samples/{number}/report.csv").text.removeprefix("﻿"))))
    assert [row[4] for row in rows[1:]] == ["不合格", "合格", ""]


@pytest.mark.parametrize(
    ("leave_out", "words", "said"), [("civility", None, "尚未填写：文明执法"), (None, "", "请说明问题：仪容风纪")]
)
def test_half_a_form_is_shown_again_with_what_was_typed(
    here: Office, leave_out: str | None, words: str | None, said: str
) -> None:
    _, number = drawn(here)
    inspector, path = person(here, Role.INSPECTOR), f"/samples/{number}/items/1"
    fields = form_of(inspector, path, **({"appearance": words} if words is not None else {}))
    fields.pop(f"verdict_{leave_out}", None)
    answer = inspector.post(path, fields | {"note": "另记"})
    assert answer.status == 409
    assert said in answer.text
    assert "另记" in answer.text


def test_a_list_that_cannot_be_is_shown_again_with_what_was_typed(here: Office) -> None:
    archivist = person(here, Role.ARCHIVIST)
    answer = archivist.post("/samples/new", LIST | {"last": "2026-02-01", "title": "期间颠倒"})
    assert (answer.status, "期间颠倒" in answer.text) == (409, True)
    assert archivist.post("/samples/new", LIST | {"unit": "没有的科"}).status == 409
    assert archivist.post("/samples/new", LIST | {"first": "2020-01-01", "last": "2020-01-02"}).status == 409


def test_the_frozen_list_is_given_out_byte_for_byte(here: Office) -> None:
    archivist, number = drawn(here)
    data = archivist.get(f"/samples/{number}/list.json").body
    assert hashlib.sha256(data).hexdigest() in archivist.get(f"/samples/{number}").text
    assert len(json.loads(data)["recordings"]) == len(NAMES)


def test_hostile_words_are_shown_harmlessly(here: Office) -> None:
    archivist, number = drawn(here, title=HOSTILE)
    inspector, path = person(here, Role.INSPECTOR), f"/samples/{number}/items/1"
    inspector.post(path, form_of(inspector, path, appearance=f"=HYPERLINK({HOSTILE})"))
    for page in (f"/samples/{number}", f"/samples/{number}/report", path, "/samples"):
        assert HOSTILE not in archivist.get(page).text
    auditor = person(here, Role.AUDITOR)
    assert HOSTILE not in auditor.get("/audit/ledger?act=sample").text
    assert ',"=' not in archivist.get(f"/samples/{number}/report.csv").text


def test_closing_ends_playing(here: Office) -> None:
    archivist, number = drawn(here)
    archivist.post(f"/samples/{number}", {"do": "close", "words": "时间已到"})
    page = person(here, Role.INSPECTOR).get(f"/samples/{number}/items/1")
    assert (page.status, 'id="save"' in page.text) == (200, False)


# Audit


def test_the_newest_lines_of_the_ledger_are_checked_as_a_chain(here: Office) -> None:
    answer = person(here, Role.AUDITOR).get("/audit/ledger")
    assert answer.status == 200
    assert "首尾相接" in answer.text
    assert len(re.findall(r'<th scope="row" class="number">', answer.text)) == 50


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("act=account", "account.entered"),
        ("act=recording.sealed", "recording.sealed"),
        ("actor=%E5%88%98%E5%B7%A5", "account.entered"),
        ("actor=station&act=docking", "docking.listed"),
        ("from=2026-01-01&to=2199-01-01&act=docking.closed", "docking.closed"),
    ],
)
def test_a_filter_shows_what_was_asked_for_and_nothing_else(here: Office, query: str, wanted: str) -> None:
    text = person(here, Role.AUDITOR).get(f"/audit/ledger?{query}").text
    shown = set(re.findall(r"<td><code>([a-z_.]+)</code></td>", text))
    assert wanted in shown
    assert len({one.partition(".")[0] for one in shown}) == 1 or "actor" in query


def test_nothing_of_the_future_is_found(here: Office) -> None:
    text = person(here, Role.AUDITOR).get("/audit/ledger?from=2190-01-01").text
    assert "<td><code>" not in text


def test_a_subject_is_found_wherever_it_stands(here: Office) -> None:
    _, number = drawn(here)
    text = person(here, Role.AUDITOR).get(f"/audit/ledger?subject={number}").text
    shown = re.findall(r"<td><code>([a-z_.]+)</code></td>", text)
    assert shown[-1] == "sample.frozen"
    assert {"sample.drawn", "sample.assigned"} <= set(shown)


def test_pages_of_the_ledger_reach_its_beginning_without_a_gap(here: Office) -> None:
    auditor, seen, path = person(here, Role.AUDITOR), [], "/audit/ledger"
    while path:
        text = auditor.get(path).text
        seen += [int(one) for one in re.findall(r'class="number"><a href="/audit/ledger/(\d+)"', text)]
        found = re.search(r'rel="next" href="(\?[^"]+)"', text)
        path = f"/audit/ledger{found[1].replace('&amp;', '&')}" if found else ""
    assert seen == list(range(seen[0], 0, -1))


def test_a_line_is_given_as_it_stands_so_that_its_hash_can_be_made_again(here: Office) -> None:
    line = person(here, Role.AUDITOR).get("/audit/ledger/3").json()
    told = line.pop("hash")
    plain = json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(plain).hexdigest() == told


@pytest.mark.parametrize("path", ["/audit/ledger/0", "/audit/ledger/999999999", "/audit/ledger/x", "/audit/heads/7"])
def test_what_is_not_there_is_not_there(here: Office, path: str) -> None:
    assert person(here, Role.AUDITOR).get(path).status == 404


def test_an_edited_line_is_shown_as_one(here: Office) -> None:
    """On a copy of the ledger: the pages read any folder."""
    from ingestd.stores.ledgerpages import LedgerPages

    folder = here.installation.station.root / "edited"
    folder.mkdir(exist_ok=True)
    source = here.installation.station.vault.ledger_folder / "000001.jsonl"
    lines = source.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b'"station"', b'"nobody!"')
    (folder / "000001.jsonl").write_bytes(b"".join(lines))
    faults = [(line.seq, line.fault is not None) for line in LedgerPages(folder).span(3, 7)]
    assert faults == [(3, False), (4, False), (5, True), (6, False), (7, False)]


def test_who_did_what_is_told_by_person(here: Office) -> None:
    drawn(here)
    auditor = person(here, Role.AUDITOR)
    assert "赵敏" in auditor.get("/audit/people").text
    assert "sample.frozen" in auditor.get("/audit/people?person=%E8%B5%B5%E6%95%8F").text


def test_an_outsider_takes_heads_and_key_home_and_checks_them(here: Office) -> None:
    assert here.installation.station.cli("ledger", "sign", "--by", "孙正").returncode == 0
    auditor = person(here, Role.AUDITOR)
    heads = auditor.get("/audit/heads.json").json()
    folder = here.installation.station.root
    (folder / "head.json").write_bytes(auditor.get(f"/audit/heads/{heads[-1]['seq']}").body)
    (folder / "key.pem").write_bytes(auditor.get(f"/audit/keys/{heads[-1]['key']}").body)
    checked = here.installation.station.cli("ledger", "check", folder / "head.json", "--key", folder / "key.pem")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "有效" in auditor.get("/audit/heads").text


@pytest.mark.parametrize("page", ["/audit", "/audit/people", "/audit/heads", "/audit/rules", "/audit/heads.json"])
def test_only_an_auditor_audits(here: Office, page: str) -> None:
    assert person(here, Role.AUDITOR).get(page).status == 200
    assert [person(here, role).get(page).status for role in (Role.ARCHIVIST, Role.INSPECTOR)] == [403, 403]


def test_a_draw_can_be_checked_from_the_command_line(here: Office) -> None:
    _, number = drawn(here)
    found = here.installation.station.cli("sample", "check", number, "--json")
    assert (found.returncode, json.loads(found.stdout)["is_good"]) == (0, True)
    listed = json.loads(here.installation.station.cli("sample", "list", "--json").stdout)
    assert listed[0]["number"] == number

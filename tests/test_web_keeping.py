"""Holds and carriers at the console: the list, the form with its count, two people for a release, carriers."""

import datetime as dt
import re
from collections.abc import Iterator

import pytest

from ingestd.core.roles import Role
from ingestd.web.visitors import Visitor
from tests.support.console import Person, put_accounts
from tests.support.office import Office, office
from tests.support.station import write_card

FILES: dict[str | bytes, bytes] = {"DCIM/a.mp4": b"first", "DCIM/b.mp4": b"second", "DCIM/<b>c.mp4": b"third"}
LATER = (dt.date.today() + dt.timedelta(days=90)).isoformat()
CASE = ("case", "add", "2026-12", "--cause", "占道经营")
UNIT = ("unit", "add", "一中队")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    root = tmp_path_factory.mktemp("keeping")
    with office(root / "station", write_card(root / "card", FILES), commands=[CASE, UNIT]) as made:
        yield made


def ids(desk: Office) -> dict[str, str]:
    return {row["card_path"]: row["recording_id"] for row in desk.installation.station.catalogue().recordings()}


def placed(person: Person, **more: str) -> str:
    """Place a hold; its number."""
    fields = {"kind": "recordings", "reason": "dispute", "basis": "投诉 12", "review_on": LATER, "step": "place"}
    answer = person.post("/holds/new", fields | more)
    assert answer.status == 200, answer.text
    return str(re.findall(r"H\d{4}-\d{4}", answer.url)[0])


def test_a_hold_is_placed_and_the_ledger_names_who_was_signed_in(desk: Office) -> None:
    number = placed(desk.person(Role.ARCHIVIST), recordings=ids(desk)["DCIM/a.mp4"])
    told = desk.installation.json("hold", "show", number)
    assert (told["placed_by"], told["recordings"]) == ("赵敏", 1)


def test_before_anything_is_saved_the_form_says_what_would_be_covered(desk: Office) -> None:
    person, before = desk.person(Role.ARCHIVIST), len(desk.installation.json("hold", "list", "--all"))
    named = "\r\n".join(ids(desk).values())
    answer = person.post("/holds/preview", {"kind": "recordings", "recordings": named})
    assert "3" in answer.json()["words"]
    assert len(answer.json()["rows"]) == 3
    assert len(desk.installation.json("hold", "list", "--all")) == before


def test_without_a_script_the_button_shows_the_same(desk: Office) -> None:
    fields = {"kind": "recordings", "recordings": "a.mp4", "step": "preview"}
    answer = desk.person(Role.ARCHIVIST).post("/holds/new", fields)
    assert answer.status == 200
    assert "现在将涵盖 1 件" in answer.text
    assert ids(desk)["DCIM/a.mp4"] in answer.text


def test_what_is_not_there_is_refused_and_what_was_typed_stays(desk: Office) -> None:
    fields = {"kind": "case", "case": "2026-99", "reason": "dispute", "basis": "投诉 <13>", "review_on": LATER}
    answer = desk.person(Role.ARCHIVIST).post("/holds/new", fields | {"step": "place"})
    assert answer.status == 409, answer.text[-600:]
    assert "案件 2026-99 未登记" in answer.text
    assert "投诉 &lt;13&gt;" in answer.text


def test_nobody_releases_alone_and_is_told_so_in_plain_words(desk: Office) -> None:
    archivist = desk.person(Role.ARCHIVIST)
    number = placed(archivist, recordings="b.mp4")
    archivist.post(f"/holds/{number}/release", {"reason": "复议已终结"})
    answer = archivist.post(f"/holds/{number}/approve", {})
    assert answer.status == 409
    assert "须由另一人同意" in answer.text
    assert desk.installation.json("hold", "show", number)["is_standing"]


def test_a_second_person_releases(desk: Office) -> None:
    archivist = desk.person(Role.ARCHIVIST)
    number = placed(archivist, kind="case", case="2026-12")
    archivist.post(f"/holds/{number}/release", {"reason": "结案"})
    assert "已解除" in desk.person(Role.HEAD).post(f"/holds/{number}/approve", {}).text
    assert desk.installation.json("hold", "show", number)["released_by"] == ["赵敏", "周岚"]


def test_a_refused_release_leaves_the_hold(desk: Office) -> None:
    archivist = desk.person(Role.ARCHIVIST)
    number = placed(archivist, recordings="b.mp4")
    archivist.post(f"/holds/{number}/release", {"reason": "结案"})
    desk.person(Role.HEAD).post(f"/holds/{number}/refuse", {"reason": "还有诉讼"})
    told = desk.installation.json("hold", "show", number)
    assert (told["is_standing"], told["release"]) == (True, None)


def test_a_review_moves_the_day(desk: Office) -> None:
    archivist = desk.person(Role.ARCHIVIST)
    number = placed(archivist, recordings="b.mp4")
    archivist.post(f"/holds/{number}/review", {"review_on": "2035-01-02", "note": "仍需"})
    assert desk.installation.json("hold", "show", number)["review_on"] == "2035-01-02"
    assert archivist.post(f"/holds/{number}/review", {"review_on": "2001-01-02"}).status == 409


def test_the_list_is_filtered_by_state_reason_and_requester(desk: Office) -> None:
    archivist = desk.person(Role.ARCHIVIST)
    number = placed(archivist, recordings="a.mp4", reason="other", words="领导要求", requester="申请人甲")
    assert number in archivist.get("/holds?reason=other&requester=%E7%94%B2").text
    assert number not in archivist.get("/holds?reason=dispute").text
    assert number not in archivist.get("/holds?standing=released").text
    assert number in archivist.get("/holds?standing=all").text


def test_hostile_names_are_shown_as_they_are(desk: Office) -> None:
    archivist = desk.person(Role.ARCHIVIST)
    number = placed(archivist, recordings="<b>c.mp4", basis="<script>alert(1)</script>")
    text = archivist.get(f"/holds/{number}").text
    assert "&lt;b&gt;c.mp4" in text
    assert "<script>alert" not in text


@pytest.mark.parametrize("role", [Role.OFFICER, Role.HEAD, Role.AUDITOR])
def test_only_who_keeps_the_archive_places_holds(desk: Office, role: Role) -> None:
    assert desk.person(role).get("/holds/new").status == 403


def test_a_complaint_suggests_a_hold_that_is_placed_with_one_word(desk: Office) -> None:
    complaint = ("--received", "2026-03-01", "--about", "执法态度", "--case", "2026-12")
    assert desk.installation.run("complaint", "add", "T-7", *complaint).status == 0
    archivist = desk.person(Role.ARCHIVIST)
    assert "T-7" in archivist.get("/holds/suggestions").text
    archivist.post("/holds/suggestions", {"complaint": "T-7", "do": "place", "review_on": LATER})
    (made,) = [one for one in desk.installation.json("hold", "list") if one["complaint_number"] == "T-7"]
    assert made["scope"] == {"kind": "case", "number": "2026-12"}
    assert "没有待决定的投诉" in archivist.get("/holds/suggestions").text


def test_a_complaint_can_be_declined_with_a_reason(desk: Office) -> None:
    complaint = ("--received", "2026-03-02", "--about", "误诉", "--case", "2026-12")
    assert desk.installation.run("complaint", "add", "T-8", *complaint).status == 0
    archivist = desk.person(Role.ARCHIVIST)
    archivist.post("/holds/suggestions", {"complaint": "T-8", "do": "decline", "reason": "与本站无关"})
    assert not [one for one in desk.installation.json("hold", "list") if one["complaint_number"] == "T-8"]


def test_a_carrier_is_entered_read_back_and_withdrawn(desk: Office) -> None:
    archivist = desk.person(Role.ARCHIVIST)
    fields = {"number": "GP-1", "kind": "disc", "recordings": "a.mp4\r\nb.mp4", "place": "档案室3柜"}
    assert "GP-1" in archivist.post("/holds/carriers", fields).text
    archivist.post("/holds/carriers/GP-1/read", {"unreadable": "b.mp4"})
    assert desk.installation.json("carrier", "show", "GP-1")["unreadable"] == 1
    archivist.post("/holds/carriers/GP-1/withdraw", {"reason": "光盘划伤"})
    assert desk.installation.json("carrier", "show", "GP-1")["withdrawn_reason"] == "光盘划伤"
    assert archivist.post("/holds/carriers", fields).status == 409


def test_as_shipped_disposal_is_off_and_the_page_says_how_it_is_set(desk: Office) -> None:
    archivist = desk.person(Role.ARCHIVIST)
    text = archivist.get("/disposals").text
    assert "未启用销毁" in text
    assert "enabled = true" in text
    assert "未启用销毁" in archivist.post("/disposals/new", {"reason": "到期"}).text
    assert desk.installation.json("retention", "plans") == []


def test_a_head_of_one_unit_sees_holds_of_that_unit_alone(desk: Office) -> None:
    number = placed(desk.person(Role.ARCHIVIST), recordings="a.mp4")
    put_accounts(desk.served.console, [Visitor("head-1", "钱一", frozenset({Role.HEAD}), "一中队")])
    head = desk.served.stranger()
    head.sign_in("head-1")
    assert number not in head.get("/holds?standing=all").text
    assert head.get(f"/holds/{number}").status == 404
    assert head.post(f"/holds/{number}/release", {"reason": "结案"}).status == 404


def test_the_list_goes_on_behind_its_last_hold(desk: Office) -> None:
    archivist = desk.person(Role.ARCHIVIST)
    first = placed(archivist, recordings="a.mp4")
    last = placed(archivist, recordings="a.mp4")
    text = archivist.get(f"/holds?after={last}").text
    assert first in text
    assert f">{last}<" not in text


def test_a_form_that_is_begun_with_a_complaint_names_what_it_names(desk: Office) -> None:
    about = ("--received", "2026-03-03", "--about", "对执法有异议", "--place", "大窑湾港", "--from", "2026-03-02T09:00")
    assert desk.installation.run("complaint", "add", "T-9", *about).status == 0
    text = desk.person(Role.ARCHIVIST).get("/holds/new?complaint=T-9").text
    assert all(words in text for words in ("投诉 T-9", "对执法有异议", 'value="大窑湾港"', 'value="2026-03-0'))
    assert desk.person(Role.ARCHIVIST).get("/holds/new?complaint=T-99").status == 404

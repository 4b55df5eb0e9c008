"""Disposal at the console: drawn up, approved by two, waited for, taken out, carried out, certified; and refusals."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestd.core.disposal import ItemState
from ingestd.core.manifest import sha256_of
from ingestd.core.roles import Role
from tests.support.console import Person
from tests.support.disposing import Disposing, disposing

A, B, C, D = "DCIM/a.mp4", "DCIM/b.mp4", "DCIM/c.mp4", "DCIM/d.mp4"
FILES: dict[str | bytes, bytes] = {A: b"first", B: b"second", C: b"third", D: b"fourth"}


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Disposing]:
    with disposing(tmp_path, FILES, disposal__grace_days=3) as made:
        yield made


def planned(person: Person, **more: str) -> str:
    answer = person.post("/disposals/new", {"reason": "保存期满", **more})
    assert answer.status == 200, answer.text
    return answer.url.split("/disposals/")[1].split("?")[0]


def agreed(person: Person, number: str, digest: str) -> tuple[int, str]:
    answer = person.post(f"/disposals/{number}/approve", {"plan_sha256": digest})
    return answer.status, answer.text


def test_a_disposal_from_the_plan_to_its_certificate(old: Disposing) -> None:
    archivist, head, second = old.person(Role.ARCHIVIST), old.person(Role.HEAD), old.second_head()
    book, ids = old.archive.book, old.archive.ids

    # A look enters nothing; what is held is named, and in no plan.
    old.archive.hold(ids[A])
    draft = archivist.get("/disposals/new").text
    assert "第二十九条第二款" in draft
    assert book.plans() == []

    number = planned(archivist)
    digest = book.plan(number).plan_sha256
    assert set(book.ids(number, ItemState.PLANNED)) == {ids[B], ids[C], ids[D]}

    # Nobody without the right agrees, nobody twice, and nobody to another document than the one that stands.
    assert agreed(old.person(Role.CUSTODIAN), number, digest)[0] == 403
    status, text = agreed(head, number, "f" * 64)
    assert (status, "与您所阅的不一致" in text) == (409, True)
    assert agreed(head, number, digest)[0] == 200
    status, text = agreed(head, number, digest)
    assert (status, "须由另一人同意" in text) == (409, True)
    assert agreed(second, number, digest)[0] == 200
    assert [one.by for one in book.plan(number).approvals] == ["周岚", "吴局长"]

    # The days in which things can be taken out.
    assert "还剩 3 天" in archivist.get(f"/disposals/{number}").text
    answer = archivist.post(f"/disposals/{number}/run", {})
    assert (answer.status, "恢复期未满" in answer.text) == (409, True)
    archivist.post(f"/disposals/{number}/recover", {"recording": ids[B], "reason": "当事人申请调阅"})
    old.archive.hold(ids[C])
    old.archive.wait(days=4)

    # What was held meanwhile, and what was taken out, is kept.
    answer = archivist.post(f"/disposals/{number}/run", {})
    assert answer.status == 200, answer.text
    stand = {name: old.archive.path_of(ids[name]).exists() for name in ids}
    assert stand == {A: True, B: True, C: True, D: False}

    # The certificate: to be looked at, and as the bytes that the ledger names.
    page = head.get(f"/disposals/{number}/certificate")
    assert ids[D] in page.text
    assert "unsafe" not in page.headers["content-security-policy"]
    data = head.get(f"/disposals/{number}/certificate?format=json").body
    assert sha256_of(data) == book.plan(number).certificate_sha256
    assert [one["recording_id"] for one in json.loads(data)["destroyed"]] == [ids[D]]
    assert f"/disposals/{number}/certificate?format=json" in archivist.get("/disposals").text


def test_a_clock_that_is_not_synchronised_is_told_in_plain_words(old: Disposing) -> None:
    old.archive.is_synchronised = False
    answer = old.person(Role.ARCHIVIST).post("/disposals/new", {"reason": "保存期满"})
    assert (answer.status, "时钟未同步" in answer.text) == (409, True)


def test_a_changed_plan_is_not_agreed_to_and_the_page_says_so(old: Disposing) -> None:
    number = planned(old.person(Role.ARCHIVIST))
    plan = old.archive.book.plan(number)
    path = old.archive.parts.vault.path(plan.plan)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"a.mp4", b"x.mp4"))
    head = old.person(Role.HEAD)
    assert "清册文件与拟制时不符" in head.get(f"/disposals/{number}").text
    status, text = agreed(head, number, plan.plan_sha256)
    assert (status, "已被改动" in text) == (409, True)
    head.post(f"/disposals/{number}/refuse", {"reason": "清册被改动"})
    assert old.archive.book.plan(number).state == "refused"


def test_taking_everything_out_ends_the_plan_without_a_certificate(old: Disposing) -> None:
    archivist = old.person(Role.ARCHIVIST)
    number = planned(archivist, limit="2")
    assert archivist.post(f"/disposals/{number}/recover", {"reason": "误列"}).status == 409
    archivist.post(f"/disposals/{number}/recover", {"reason": "误列", "do": "all"})
    assert old.archive.book.counts_of(number) == {"recovered": 2}
    assert archivist.get(f"/disposals/{number}/certificate").status == 404

"""Declarations and re-deciding at a real station: what people say later is followed, and promised terms stay."""

import datetime as dt
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.case_requests import REQUESTS as CASE_REQUESTS
from ingestd.core.case_requests import Request as CaseRequest
from ingestd.core.clock import to_text
from ingestd.core.declarations import REQUESTS, Declare, Withdraw
from ingestd.core.errors import RefusedError
from ingestd.core.terms import RetentionDecision, with_promises
from ingestd.pipeline.describe import describe
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.redecide import enter_anew, redecided, retagged
from ingestd.stores.ledger import read_entries
from ingestd.wiring import case_desk, declaration_desk
from tests.support.cards import build_demo_card
from tests.support.process import Installation
from tests.support.station import Station, build_station, dock, write_card

BY = "张三"
NAMES = [f"DCIM/100ANDRO/0000007_0000122024022110000{n}_000{n}.mp4" for n in range(2)]
LONG_AGO = dt.datetime(2024, 2, 21, 2, 0, 0, tzinfo=dt.UTC)
"""When the files say that they were recorded: long before they are taken in, so that each is late."""


def rows_of(station: Station) -> list[Any]:
    """What the catalogue shows of what this file is about."""
    with sqlite3.connect(station.catalogue_file) as connection:
        return [
            row
            for name in (
                "declarations",
                "recordings",
                "findings",
            )
            for row in connection.execute(f"SELECT * FROM {name} ORDER BY 1")
        ]


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return build_station(tmp_path / "station")


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a station that took a card in and described it; each test works on a copy."""
    root = tmp_path_factory.mktemp("described")
    card = write_card(root / "card", {name: name.encode() for name in NAMES})
    build_station(root / "station").ingest(card, is_described=True)
    return root / "station"


@pytest.fixture
def parts(described: Path, tmp_path: Path) -> Iterator[Parts]:
    station = Station(shutil.copytree(described, tmp_path / "described"))
    with station.at_work() as parts:
        yield parts


def declare(parts: Parts, **fields: Any) -> dict[str, Any]:
    (answer,) = declaration_desk(lambda: parts).enter([Declare.model_validate({"by": BY, **fields})])
    return answer


def field_work(parts: Parts, **fields: Any) -> dict[str, Any]:
    now = parts.clock.now()
    given = {"kind": "field_work", "recorder": "0000007", "since": LONG_AGO, "at": now, "reason": "remote"}
    return declare(parts, **given | fields)


def enter_cases(parts: Parts, *requests: dict[str, Any]) -> None:
    asked: list[CaseRequest] = CASE_REQUESTS.validate_python([{"by": BY, **one} for one in requests])
    case_desk(lambda: parts).enter(asked)


def hand_overs(parts: Parts) -> list[dict[str, Any]]:
    return [row["hand_over"] for row in parts.catalogue.recordings()]


def acts(parts: Parts, name: str) -> list[dict[str, Any]]:
    return [entry.data for entry in read_entries(parts.vault.ledger_folder) if entry.act == name]


def test_declared_field_work_excuses_what_stands_in_the_store_and_says_that_it_was_declared_late(parts: Parts) -> None:
    assert {one["state"] for one in hand_overs(parts)} == {"late"}
    answer = field_work(parts)
    assert len(answer["recordings"]) == 2
    for one in hand_overs(parts):
        assert (one["state"], one["excuse"]["declaration"]) == ("excused", answer["declaration"])
        assert one["excuse"]["is_declared_late"]


def test_a_withdrawn_declaration_excuses_nothing_any_more_and_stays_in_the_ledger(parts: Parts) -> None:
    number = field_work(parts)["declaration"]
    declaration_desk(lambda: parts).enter([Withdraw(by=BY, declaration=number, reason="日期有误")])
    assert {one["state"] for one in hand_overs(parts)} == {"late"}
    (gone,) = acts(parts, "handover.declaration_withdrawn")
    assert (gone["declaration"], gone["before"]["kind"]) == (number, "field_work")


def test_a_declaration_speaks_of_footage_that_comes_in_after_it_too(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {name: name.encode() for name in NAMES})
    with station.at_work() as parts:
        field_work(parts)
        dock(card, parts)
        while describe(parts):
            continue
        assert {one["state"] for one in hand_overs(parts)} == {"excused"}


def test_each_decision_made_anew_stands_in_the_ledger_with_what_was_before(parts: Parts) -> None:
    field_work(parts)
    anew = acts(parts, "recording.redecided")
    assert [one["before"]["hand_over"]["state"] for one in anew] == ["late", "late"]
    assert [one["hand_over"]["state"] for one in anew] == ["excused", "excused"]


def test_where_nothing_differs_nothing_is_entered(parts: Parts) -> None:
    field_work(parts)
    everything = [row["recording_id"] for row in parts.catalogue.recordings()]
    assert retagged(parts, everything) + redecided(parts, everything) == []
    assert enter_anew(parts, everything) == 0


def test_the_end_of_the_activity_comes_from_the_linked_case_before_any_declaration(parts: Parts) -> None:
    (first, second) = (row["recording_id"] for row in parts.catalogue.recordings())
    declare(parts, kind="activity_end", recordings=(first, second), at=LONG_AGO + dt.timedelta(hours=3))
    assert {one["start_source"] for one in hand_overs(parts)} == {"declared"}
    ended = to_text(LONG_AGO + dt.timedelta(hours=2))
    activity = {"do": "activity", "number": "A-1", "kind": "inspection", "ended_at": ended, "activity_id": "a1"}
    enter_cases(
        parts,
        {"do": "open", "number": "A-1", "category": "penalty", "opened_on": "2024-02-21"},
        activity,
        {"do": "link", "number": "A-1", "activity_id": "a1", "named": first},
    )
    one, other = hand_overs(parts)
    assert (one["start_source"], one["started_at"]) == ("case", ended)
    assert other["start_source"] == "declared"


def test_a_mark_of_evidence_stops_the_timer_and_taking_it_back_brings_the_promised_term_back(parts: Parts) -> None:
    recording = parts.catalogue.recordings()[0]["recording_id"]
    promised = RetentionDecision.model_validate(parts.catalogue.recording(recording)["retention"])
    enter_cases(
        parts,
        {"do": "open", "number": "A-1", "category": "penalty", "opened_on": "2024-02-21"},
        {"do": "link", "number": "A-1", "named": recording, "is_evidence": True},
    )
    marked = RetentionDecision.model_validate(parts.catalogue.recording(recording)["retention"])
    assert marked.keep_until is None
    enter_cases(parts, {"do": "unlink", "number": "A-1", "named": recording, "reason": "误标"})
    kept = RetentionDecision.model_validate(parts.catalogue.recording(recording)["retention"])
    assert kept == promised
    assert with_promises(kept, marked) == marked


def test_a_recording_is_judged_by_the_end_of_its_whole_take(station: Station, tmp_path: Path) -> None:
    card = build_demo_card(tmp_path / "card")
    with station.at_work() as parts:
        dock(card.root, parts)
        while describe(parts):
            continue
        rows = [row for row in parts.catalogue.recordings() if row["take_id"]]
        ends: dict[str, str] = {}
        for row in rows:
            ends[row["take_id"]] = max(ends.get(row["take_id"], ""), row["recorded_end"])
        assert len(rows) > len(ends)
        for row in rows:
            assert (row["hand_over"]["start_source"], row["hand_over"]["started_at"]) == ("take", ends[row["take_id"]])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"reason": "on_water"}, "needs one of the reasons"),
        ({"reason": None, "words": "远"}, "needs one of the reasons"),
        ({"kind": "hand_in", "reason": None}, "no stage of hand-in"),
        ({"kind": "activity_end", "at": dt.datetime(2199, 1, 1, tzinfo=dt.UTC), "reason": None}, "has not come yet"),
        ({"at": dt.datetime(2199, 1, 1, tzinfo=dt.UTC)}, "days ahead"),
        ({"by": "station"}, "cannot be signed"),
    ],
)
def test_what_the_regime_does_not_know_or_cannot_be_is_refused(
    parts: Parts, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(RefusedError, match=words):
        field_work(parts, **fields)
    assert acts(parts, "handover.declared") == []


def test_declarations_and_decisions_are_the_same_in_a_rebuilt_catalogue(described: Path, tmp_path: Path) -> None:
    station = Station(shutil.copytree(described, tmp_path / "described"))
    with station.at_work() as parts:
        number = field_work(parts)["declaration"]
        declare(parts, kind="activity_end", docking=parts.catalogue.dockings()[0]["docking_id"][-12:], at=LONG_AGO)
        declaration_desk(lambda: parts).enter([Withdraw(by=BY, declaration=number, reason="日期有误")])
    before = rows_of(station)
    assert station.cli("catalogue", "rebuild").returncode == 0
    assert rows_of(station) == before


def test_the_command_line_declares_lists_and_withdraws(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "station")
    what = ["--recorder", "0000007", "--since", "2026-03-01T08:00", "--at", "2026-03-04T17:30", "--reason", "remote"]
    number = installation.json("handover", "declare", "field-work", *what, "--by", BY)["declaration"]
    (listed,) = installation.json("handover", "declarations")
    assert (listed["declaration"], listed["at"]) == (number, "2026-03-04T09:30:00.000Z")
    withdrawing = ("handover", "withdraw", str(number), "--reason", "误", "--by", BY)
    assert [installation.run(*withdrawing).status for _ in range(2)] == [0, 1]


def test_a_request_that_speaks_of_two_things_at_once_is_no_request() -> None:
    two = {
        "do": "declare",
        "by": BY,
        "kind": "activity_end",
        "at": "2024-02-21T10:00:00Z",
        "docking": "x",
        "recordings": ["y"],
    }
    with pytest.raises(ValueError, match="either recordings, a docking, or a recorder"):
        REQUESTS.validate_python([two])

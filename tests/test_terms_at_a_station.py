"""Terms at a real station: what ends brings the date back, what is promised stays, rules change only as a plan."""

import datetime as dt
import importlib
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine

from ingestd.core import case_requests, hold_acts
from ingestd.core.approvals import ApprovedAct, chain_of
from ingestd.core.clock import SystemClock, from_text
from ingestd.core.errors import NotFoundError, RefusedError, StoppedError
from ingestd.core.localdays import add_term, end_of_day
from ingestd.core.term_acts import REQUESTS, ApproveChange, approving_act
from ingestd.core.terms import RetentionDecision, with_promises
from ingestd.pipeline.describe import describe
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.terms import TermDesk
from ingestd.retention.policy import standing_of
from ingestd.stores.chronicle import rebuild
from ingestd.stores.ledger import read_entries
from ingestd.stores.terms import TermBook
from ingestd.wiring import case_desk, hold_desk
from tests.support.process import Installation
from tests.support.station import Station, build_station, dock, write_card

RECENT = (SystemClock().now() - dt.timedelta(days=2)).strftime("%Y%m%d")
NAMES = [f"DCIM/100ANDRO/0000007_000012{RECENT}11000{place}_000{place}.mp4" for place in range(2)]
AGED = [f"DCIM/100ANDRO/0000009_0000122009010111000{place}_000{place}.mp4" for place in range(2)]
"""From a recorder whose clock fell back, or a card that lay in a drawer: older than any term."""
BASIS = "大金海规〔2026〕7号 第五条"
OVERLAY = """
id = "jinpu"
based_on = "{base}"
version = 1

[[retention]]
id = "longer"
applies = ["footage", "photo", "other"]
kind = "term"
{term}
basis = "{basis}"
words = "音视频记录保存五年"
"""


def with_rules(station: Station, regime: str, base: str = "marine", term: str = "years = 5") -> Station:
    """The station told to follow another regime; `jinpu` is an overlay on `base`."""
    folder = station.root / "config" / "regimes"
    folder.joinpath("jinpu.toml").write_text(OVERLAY.format(base=base, term=term, basis=BASIS), "utf-8")
    text = station.config_file.read_text("utf-8")
    station.config_file.write_text(re.sub(r'^regime = ".*"$', f'regime = "{regime}"', text, flags=re.M), "utf-8")
    return station


@pytest.fixture(scope="module")
def marine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a station under 海洋 with two recordings in time and two that are older than their term."""
    root = tmp_path_factory.mktemp("marine")
    station = build_station(root / "station")
    station.ingest(write_card(root / "card", {name: name.encode() for name in NAMES}), is_described=True)
    station.ingest(write_card(root / "old", {name: name.encode() for name in AGED}), is_described=True)
    return root / "station"


@pytest.fixture
def station(marine: Path, tmp_path: Path) -> Station:
    return Station(shutil.copytree(marine, tmp_path / "station"))


@pytest.fixture
def parts(station: Station) -> Iterator[Parts]:
    with station.at_work() as parts:
        yield parts


@contextmanager
def under(station: Station, regime: str, **options: str) -> Iterator[Parts]:
    with with_rules(station, regime, **options).at_work() as parts:
        yield parts


def decision(parts: Parts, name: str = NAMES[0]) -> RetentionDecision:
    return RetentionDecision.model_validate(parts.catalogue.recording(name.rsplit("/", 1)[-1])["retention"])


def recording(parts: Parts, name: str = NAMES[0]) -> str:
    return str(parts.catalogue.recording(name.rsplit("/", 1)[-1])["recording_id"])


def years_from_sealing(parts: Parts, years: int, name: str = NAMES[0]) -> dt.datetime:
    zone = parts.settings.station.zone_info
    row = parts.catalogue.recording(name.rsplit("/", 1)[-1])
    return end_of_day(add_term(from_text(row["sealed_at"]).astimezone(zone).date(), years=years, months=0), zone)


def ends(parts: Parts, name: str = NAMES[0]) -> dt.datetime | None:
    until = decision(parts, name).keep_until
    return from_text(until) if until else None


def cases(parts: Parts, *requests: dict[str, Any]) -> None:
    asked = case_requests.REQUESTS.validate_python([{"by": "李四", "number": "A-1"} | one for one in requests])
    case_desk(lambda: parts).enter(asked)


def holds(parts: Parts, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    return hold_desk(lambda: parts).enter(hold_acts.REQUESTS.validate_python(list(requests)))


def place(parts: Parts, name: str = NAMES[0]) -> str:
    scope = {"kind": "recordings", "recordings": [recording(parts, name)]}
    request = {"do": "place", "by": "王五", "reason": "dispute", "basis": "复议", "review_on": "2099-01-01"}
    return str(holds(parts, request | {"scope": scope})[0]["subject"])


def release(parts: Parts, number: str) -> None:
    for request in ({"do": "release", "by": "王五", "reason": "复议终结"}, {"do": "approve", "by": "赵六"}):
        holds(parts, request | {"hold": number})


def ask(parts: Parts, **request: Any) -> dict[str, Any]:
    (answer,) = TermDesk(lambda: parts).enter(REQUESTS.validate_python([{"by": "李四", **request}]))
    return answer


def acts(parts: Parts, name: str) -> list[dict[str, Any]]:
    return [entry.data for entry in read_entries(parts.vault.ledger_folder) if entry.act == name]


# What a decision names


def test_the_rules_stand_in_the_ledger_before_the_first_decision_that_names_them(parts: Parts) -> None:
    named = [
        entry for entry in read_entries(parts.vault.ledger_folder) if entry.act.startswith(("regime.", "recording.c"))
    ]
    assert [entry.act for entry in named] == ["regime.adopted"] + ["recording.catalogued"] * 4
    assert {entry.data["retention"]["rules_sha256"] for entry in named[1:]} == {named[0].data["sha256"]}
    (edition,) = TermBook(parts.chronicle.engine).editions([named[0].data["sha256"]]).values()
    assert edition == parts.regime.term_rules


# What ends, and what is promised


def test_a_released_hold_brings_the_very_same_date_back(parts: Parts) -> None:
    before = decision(parts)
    number = place(parts)
    assert ends(parts) is None
    assert standing_of(decision(parts).model_dump(mode="json"), parts.clock.now()) == "held"
    release(parts, number)
    assert decision(parts) == before
    assert ends(parts) == years_from_sealing(parts, 3)


def test_a_case_stops_the_timer_filing_it_sets_it_and_opening_it_again_stops_it_again(parts: Parts) -> None:
    today = parts.clock.now().astimezone(parts.settings.station.zone_info).date().isoformat()
    cases(parts, {"do": "open"}, {"do": "link", "named": recording(parts), "is_evidence": True})
    assert ends(parts) is None
    cases(parts, {"do": "change", "term_until": "2090-12-31"}, {"do": "close", "on": today})
    zone = parts.settings.station.zone_info
    assert ends(parts) == end_of_day(dt.date(2090, 12, 31), zone)
    cases(parts, {"do": "reopen", "reason": "再审"})
    assert ends(parts) is None
    cases(parts, {"do": "change", "term_until": "2060-12-31"}, {"do": "close", "on": today})
    assert ends(parts) == end_of_day(dt.date(2090, 12, 31), zone), "a promised term is never shortened"
    assert decision(parts).winner.is_promised_earlier


def test_a_link_that_is_no_evidence_keeps_footage_while_the_case_is_open_only(parts: Parts) -> None:
    cases(parts, {"do": "open"}, {"do": "link", "named": recording(parts)})
    assert (ends(parts), decision(parts).winner.kind) == (None, "open_case")
    today = parts.clock.now().astimezone(parts.settings.station.zone_info).date().isoformat()
    cases(parts, {"do": "close", "on": today})
    assert ends(parts) == years_from_sealing(parts, 3)


# Born expired


def test_what_was_older_than_its_term_is_never_due_before_a_person_looked(parts: Parts) -> None:
    assert [ends(parts, name) for name in AGED] == [None, None]
    book = TermBook(parts.chronicle.engine)
    assert [row["recording_id"] for row in book.aged()] == sorted(recording(parts, name) for name in AGED)
    due = {row["recording_id"] for row in book.due(dt.datetime(2199, 1, 1, tzinfo=dt.UTC), limit=9)}
    assert due == {recording(parts, name) for name in NAMES}
    answer = ask(parts, do="settle", recordings=[recording(parts, AGED[0])], reason="时钟复位")
    assert answer["settled"] == [recording(parts, AGED[0])]
    assert [ends(parts, name) for name in AGED] == [years_from_sealing(parts, 3, AGED[0]), None]
    assert [row["settled_by"] for row in book.aged(is_waiting=False)] == ["李四"]
    with pytest.raises(RefusedError, match="waits for a person"):
        ask(parts, do="settle", recordings=[recording(parts, AGED[0])], reason="再次")


def test_a_whole_docking_is_settled_with_one_word(parts: Parts) -> None:
    docking = parts.catalogue.recording(recording(parts, AGED[0]))["docking_id"]
    assert len(ask(parts, do="settle", docking=docking, reason="送交过迟")["settled"]) == 2
    assert TermBook(parts.chronicle.engine).aged() == []


# Changes of regime


def test_a_recording_stays_under_the_rules_that_it_was_decided_under(station: Station, tmp_path: Path) -> None:
    name = f"DCIM/100ANDRO/0000007_000012{RECENT}130000_0009.mp4"
    with under(station, "jinpu") as parts:
        release(parts, place(parts))
        assert ends(parts) == years_from_sealing(parts, 3), "decided again for another reason"
        assert decision(parts).regime == "marine"
        dock(write_card(tmp_path / "card", {name: b"new"}), parts)
        while describe(parts):
            continue
        fresh = decision(parts, name)
        assert (fresh.regime, fresh.based_on, fresh.winner.article) == ("jinpu", "marine", BASIS)
        assert ends(parts, name) == years_from_sealing(parts, 5, name)


def test_a_change_reaches_decided_recordings_by_a_plan_that_another_person_approves(station: Station) -> None:
    with under(station, "jinpu") as parts:
        planned = ask(parts, do="plan", by="李四", reason=BASIS)
        plan = planned["plan"]
        assert (plan["recordings"], plan["counts"]["longer"], plan["counts"]["same"]) == (4, 2, 2)
        assert ends(parts) == years_from_sealing(parts, 3), "nothing changes before it is approved"
        with pytest.raises(RefusedError, match="approved it before"):
            ask(parts, do="approve", by="李四", change=planned["change"])
        answer = ask(parts, do="approve", by="王五", change=planned["change"])
        assert answer == {"change": planned["change"], "is_approved": True, "redecided": 4}
        assert ends(parts) == years_from_sealing(parts, 5)
        with pytest.raises(RefusedError, match="approved already"):
            ask(parts, do="approve", by="赵六", change=planned["change"])
        assert ask(parts, do="plan", reason="再看")["change"] is None


def test_going_back_to_shorter_rules_leaves_every_promised_term_as_it_is(station: Station) -> None:
    with under(station, "jinpu") as parts:
        ask(parts, do="approve", by="王五", change=ask(parts, do="plan", reason=BASIS)["change"])
    with under(station, "marine") as parts:
        planned = ask(parts, do="plan", reason="废止")
        assert planned["plan"]["counts"]["stays"] >= 2
        ask(parts, do="approve", by="王五", change=planned["change"])
        assert ends(parts) == years_from_sealing(parts, 5)
        assert (decision(parts).regime, decision(parts).winner.is_promised_earlier) == ("marine", True)


def test_a_term_of_the_bureaus_own_gives_an_end_to_what_had_none_only_by_such_a_plan(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station", station__regime="civil_affairs")
    station.ingest(write_card(tmp_path / "card", {name: name.encode() for name in NAMES}), is_described=True)
    with under(station, "jinpu", base="civil_affairs", term="years = 1") as parts:
        assert ends(parts) is None
        planned = ask(parts, do="plan", reason=BASIS)
        assert planned["plan"]["counts"]["gets_end"] == 2
        assert from_text(planned["plan"]["earliest_end"]) == years_from_sealing(parts, 1)
        ask(parts, do="approve", by="王五", change=planned["change"])
        assert ends(parts) == years_from_sealing(parts, 1)


def test_a_plan_is_void_when_what_it_was_made_of_changed(station: Station) -> None:
    with under(station, "jinpu") as parts:
        change = ask(parts, do="plan", reason=BASIS)["change"]
        place(parts)
        with pytest.raises(RefusedError, match="what is decided changed"):
            ask(parts, do="approve", by="王五", change=change)
    with under(station, "jinpu", term="years = 6") as parts:
        with pytest.raises(RefusedError, match="the regime was changed again"):
            ask(parts, do="approve", by="王五", change=change)
        with pytest.raises(NotFoundError):
            ask(parts, do="approve", by="王五", change=1)
        assert acts(parts, "retention.change_approved") == []


def test_an_approved_change_that_broke_off_is_finished_at_the_next_start(station: Station) -> None:
    with under(station, "jinpu") as parts:
        change = ask(parts, do="plan", by="李四", reason=BASIS)["change"]
        parts.stop.request()
        with pytest.raises(StoppedError):
            ask(parts, do="approve", by="王五", change=change)
    with station.at_work() as parts:
        # Approved, and the station ended before a single recording followed.
        chain = chain_of(parts.regime.approvals, ApprovedAct.REGIME_CHANGE)
        approval = ApproveChange(by="王五", change=change)
        parts.chronicle.enter(approving_act(approval, planned_by="李四", given=(), chain=chain))
    with station.at_work() as parts:
        assert TermDesk(lambda: parts).finish() == 4
        assert ends(parts) == years_from_sealing(parts, 5)
        assert TermDesk(lambda: parts).finish() == 0
        assert len(acts(parts, "retention.change_applied")) == 1


def test_a_rebuilt_catalogue_has_the_same_decisions_editions_changes_and_settled_ages(station: Station) -> None:
    with under(station, "jinpu") as parts:
        ask(parts, do="settle", recordings=[recording(parts, AGED[0])], reason="时钟复位")
        ask(parts, do="approve", by="王五", change=ask(parts, do="plan", reason=BASIS)["change"])
        release(parts, place(parts))
        place(parts, NAMES[1])
    before = station.tables()
    rebuild(station.vault, station.catalogue_file, SystemClock()).engine.dispose()
    assert station.tables() == before
    assert {row[0] for row in before["regime_changes"]} and before["born_expired"] and before["regime_editions"]


def test_a_person_cannot_sign_as_the_station(parts: Parts) -> None:
    settling = {"do": "settle", "recordings": [recording(parts, AGED[0])], "reason": "x"}
    for request in ({"do": "plan", "reason": "x"}, settling):
        with pytest.raises(RefusedError, match="cannot be signed"):
            ask(parts, by="station", **request)


def test_one_plan_asked_for_twice_is_one_plan(station: Station) -> None:
    with under(station, "jinpu") as parts:
        assert ask(parts, do="plan", reason=BASIS) == ask(parts, do="plan", reason="同上")
        assert len(acts(parts, "retention.change_planned")) == 1


def test_an_older_catalogue_learns_by_what_each_recording_is_kept(station: Station) -> None:
    with station.at_work() as parts:
        place(parts)
    before = station.tables()["recordings"]
    engine = create_engine(f"sqlite:///{station.catalogue_file}")
    with engine.begin() as connection:
        for statement in (
            "DROP INDEX ix_recordings_kept",
            "ALTER TABLE recordings DROP COLUMN kept_by",
            *(f"DROP TABLE {name}" for name in ("regime_editions", "regime_changes", "born_expired")),
        ):
            connection.exec_driver_sql(statement)
        with Operations.context(MigrationContext.configure(connection)):
            importlib.import_module("ingestd.stores.migrations.versions.0015_terms").upgrade()
    engine.dispose()
    assert station.tables()["recordings"] == before
    assert {row[-1] for row in before} == {"hold", "term", "born_expired"}


# The command line


@pytest.fixture
def installed(marine: Path, tmp_path: Path) -> Installation:
    installation = Installation(tmp_path / "own")
    shutil.copytree(marine / "var", installation.state_dir)
    return installation


def test_a_person_is_told_why_until_when_in_both_languages_with_the_clause(installed: Installation) -> None:
    shown = installed.run("retention", "show", NAMES[0].rsplit("/", 1)[-1])
    assert shown.status == 0, shown
    plain = re.sub(r"\s+", "", shown.out)
    for words in (
        "keptforitsterm·按期限保存",
        "第二十九条第二款:执法全过程音视频记录保存期为3年",
        "marineversion",
        "自入库",
    ):
        assert words in plain
    document = installed.json("retention", "show", NAMES[0].rsplit("/", 1)[-1])
    assert (document["standing"], document["standing_words"]) == ("under_term", "under its term · 保存期内")


def test_lists_show_who_is_due_held_born_expired_and_undecided(installed: Installation) -> None:
    assert installed.json("retention", "list") == {"counts": {"born_expired": 2, "due": 0}}
    for option, names in (("--due", []), ("--born-expired", AGED)):
        found: Sequence[dict[str, Any]] = installed.json("retention", "list", option)
        assert sorted(row["card_path"] for row in found) == names
    settled = installed.json("retention", "born-expired", "settle", AGED[0].rsplit("/", 1)[-1], "--reason", "时钟复位")
    assert len(settled["settled"]) == 1
    assert [row["card_path"] for row in installed.json("retention", "born-expired", "list")] == [AGED[1]]


def test_a_change_is_planned_and_approved_at_the_command_line(installed: Installation) -> None:
    with_rules(installed.station, "jinpu")
    planned = installed.run("retention", "change", "plan", "--reason", BASIS, "--by", "李四")
    assert "Nothing has changed yet" in planned.out, planned
    (row,) = installed.json("retention", "change", "list")
    refused = installed.run("retention", "change", "approve", str(row["change_id"]), "--by", "李四")
    assert refused.status != 0 and "approved it before" in refused.err
    approved = installed.json("retention", "change", "approve", str(row["change_id"]), "--by", "王五")
    assert approved["redecided"] == 4


def test_doctor_says_that_recordings_stand_under_older_rules_until_a_change_is_done(station: Station) -> None:
    with under(station, "jinpu") as parts:
        book, rules = TermBook(parts.chronicle.engine), parts.regime.term_rules
        assert [words.split()[0] for words in book.left_behind(rules.sha256)] == ["marine"]
        ask(parts, do="approve", by="王五", change=ask(parts, do="plan", reason=BASIS)["change"])
        assert book.left_behind(rules.sha256) == []


def test_what_was_decided_before_editions_were_kept_is_decided_by_the_rules_of_now_and_the_longer_stands() -> None:
    old = {
        "regime": "marine",
        "regime_version": 3,
        "keep_until": "2090-02-21T16:00:00.000Z",
        "reasons": [
            {
                "rule_id": "term_3y",
                "kind": "term",
                "article": "第二十九条第二款",
                "words": "三年",
                "note": None,
                "is_shipped_default": False,
                "start": "2087-02-21T10:00:00.000Z",
                "start_event": "sealed_at",
                "until": "2090-02-21T16:00:00.000Z",
                "is_winner": True,
                "is_promised_earlier": False,
            }
        ],
    }
    before = RetentionDecision.model_validate(old)
    fresh = before.model_copy(
        update={
            "rules_sha256": "0" * 64,
            "keep_until": "2080-02-21T16:00:00.000Z",
            "reasons": (before.reasons[0].model_copy(update={"until": "2080-02-21T16:00:00.000Z"}),),
        }
    )
    kept = with_promises(before, fresh)
    assert (kept.keep_until, kept.winner.is_promised_earlier) == (before.keep_until, True)

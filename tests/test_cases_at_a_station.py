"""Cases at a real station: footage linked and unlinked, duties that follow, and a catalogue that is made again."""

import datetime as dt
import io
import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ingestd.casework.case_questions import (
    standings,
    suggested,
    uncovered_by_unit,
    unfiled_by_unit,
    unlinked_footage_of,
)
from ingestd.casework.cases import CaseDesk
from ingestd.core.case_requests import REQUESTS
from ingestd.core.case_suggestions import Strength
from ingestd.core.clock import SystemClock
from ingestd.core.coverage import CoverageState
from ingestd.core.errors import ConfigError, IngestdError, NotFoundError, RefusedError, StoreError
from ingestd.core.ids import RecordingId
from ingestd.daemon.case_push import CasePush
from ingestd.ipc import ask
from ingestd.pipeline.parts import Parts
from ingestd.stores.cases import CaseRegister
from ingestd.stores.chronicle import rebuild
from ingestd.wiring import case_desk, open_cases, roster_desk, take_roster_file, writer_lock
from tests.support.clips import write_clip
from tests.support.process import Installation
from tests.support.station import Station

NUMBER = "大金海罚〔2026〕12号"
FIRST = "DCIM/100ANDRO/0000007_00001220260302090000_0001.mp4"
SECOND = "DCIM/100ANDRO/0000007_00001220260302104000_0002.mp4"
NOTES = "DCIM/100ANDRO/notes.txt"
NOW = dt.datetime(2026, 4, 2, 4, tzinfo=dt.UTC)
NINE, HALF_PAST_TEN, ELEVEN = "2026-03-02T09:00:00+08:00", "2026-03-02T10:30:00+08:00", "2026-03-02T11:00:00+08:00"
OPEN = {"do": "open", "number": NUMBER, "cause": "无证捕捞", "category": "行政处罚", "unit": "一中队",
        "officers": ["李四/210001"], "opened_on": "2026-03-02"}  # fmt: skip
INSPECTION = {"do": "activity", "number": NUMBER, "kind": "inspection", "began_at": NINE, "ended_at": HALF_PAST_TEN}
SEIZURE = {"do": "activity", "number": NUMBER, "kind": "seizure", "began_at": HALF_PAST_TEN, "ended_at": ELEVEN}


@pytest.fixture(scope="module")
def docked(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A station that took in two short clips and a note of one officer's recorder; shared, read only."""
    installation = Installation(tmp_path_factory.mktemp("docked"))
    roster = installation.config_file.parent / "roster.csv"
    roster.write_text(roster.read_text("utf-8") + "0000007,李四,210001,一中队,2026-01-01,\n", "utf-8")
    with installation.station.opened() as parts:
        take_roster_file(installation.station.configuration, roster_desk(lambda: parts))
    card = installation.root / "card"
    (card / FIRST).parent.mkdir(parents=True)
    write_clip(card / FIRST, 3)
    write_clip(card / SECOND, 2, sound=None)
    (card / NOTES).write_text("记录", "utf-8")
    installation.station.ingest(card, is_described=True)
    return installation


@pytest.fixture
def own(docked: Installation, tmp_path: Path) -> Installation:
    """A copy of it, free to be changed, that does not run."""
    installation = Installation(tmp_path / "own")
    shutil.copytree(docked.state_dir, installation.state_dir)
    shutil.copy(docked.config_file.parent / "roster.csv", installation.config_file.parent / "roster.csv")
    return installation


def desk_of(parts: Parts, on_changed: Any = lambda _: None) -> CaseDesk:
    rules = (parts.regime, parts.settings.station.zone_info)
    return CaseDesk(parts.catalogue, parts.chronicle, parts.clock, lambda: rules, on_changed)


def said(station: Station, *requests: dict[str, Any], on_changed: Any = lambda _: None) -> list[dict[str, Any]]:
    """Requests of a person, entered in this process."""
    with station.opened() as parts:
        return desk_of(parts, on_changed).enter(asked(*requests))


def asked(*requests: dict[str, Any]) -> list[Any]:
    return REQUESTS.validate_python([{"by": "李四", **one} for one in requests])


def link(card_path: str, activity: str | None = "a1", **fields: Any) -> dict[str, Any]:
    return {"do": "link", "number": NUMBER, "activity_id": activity, "named": card_path, **fields}


def register_of(station: Station) -> CaseRegister:
    return open_cases(station.settings)


def standing_of(station: Station, now: dt.datetime = NOW) -> Any:
    register, configuration = register_of(station), station.configuration
    zone = configuration.settings.station.zone_info
    (one,) = standings(register, register.cases(), configuration.regime, now=now, zone=zone)
    return one


def states(station: Station) -> dict[str, CoverageState]:
    return {one.activity.activity_id: one.state for one in standing_of(station).coverage}


def test_a_case_is_covered_activity_by_activity_as_footage_is_linked(own: Installation) -> None:
    station = own.station
    said(station, OPEN, INSPECTION, SEIZURE)
    assert states(station) == {"a1": CoverageState.MISSING, "a2": CoverageState.MISSING}
    said(station, link(FIRST), link(SECOND, None))
    assert states(station) == {"a1": CoverageState.COVERED, "a2": CoverageState.MISSING}
    assert len(standing_of(station).unassigned) == 1, "linked to the case and to no activity, it covers none"
    said(station, link(SECOND, "a2"))
    assert set(states(station).values()) == {CoverageState.COVERED}


def test_a_text_file_is_no_footage(own: Installation) -> None:
    said(own.station, OPEN, INSPECTION, link(NOTES))
    assert states(own.station) == {"a1": CoverageState.MISSING}


def test_a_docking_and_a_take_stand_for_their_recordings(own: Installation) -> None:
    station = own.station
    (docking,) = station.catalogue().dockings()
    said(station, OPEN, INSPECTION, link(docking["docking_id"][-12:], None, what="docking"))
    register = register_of(station)
    assert len(register.recordings_of(NUMBER)) == 3
    assert {one.via for one in register.links_of(NUMBER)} == {"docking"}
    take = station.catalogue().recording(FIRST)["take_id"]
    said(station, link(take, what="take"))
    assert states(station) == {"a1": CoverageState.COVERED}


def test_who_must_decide_anew_is_told_what_a_person_touched(own: Installation) -> None:
    station = own.station
    told: list[list[RecordingId]] = []

    def on_changed(recordings: Iterable[RecordingId]) -> None:
        told.append(sorted(recordings))

    first = station.catalogue().recording(FIRST)["recording_id"]
    said(station, OPEN, INSPECTION, on_changed=on_changed)
    assert told == [], "a case without footage touches none"
    said(station, link(FIRST), on_changed=on_changed)
    said(station, link(FIRST, is_evidence=True), on_changed=on_changed)
    said(station, {**INSPECTION, "activity_id": "a1", "ended_at": ELEVEN}, on_changed=on_changed)
    said(station, {"do": "change", "number": NUMBER, "flags": ["major"]}, on_changed=on_changed)
    said(station, {"do": "unlink", "number": NUMBER, "named": FIRST, "reason": "误"}, on_changed=on_changed)
    assert told == [[first]] * 5


def test_who_could_not_be_told_is_told_with_the_next_request(own: Installation) -> None:
    told: list[list[RecordingId]] = []

    def on_changed(recordings: Iterable[RecordingId]) -> None:
        told.append(list(recordings))
        if len(told) == 1:
            raise StoreError("no room")

    first = own.station.catalogue().recording(FIRST)["recording_id"]
    with own.station.opened() as parts:
        desk = desk_of(parts, on_changed)
        with pytest.raises(StoreError):
            desk.enter(asked(OPEN, INSPECTION, link(FIRST)))
        desk.enter(asked({"do": "open", "number": "2"}))
        desk.enter(asked({"do": "open", "number": "3"}))
    assert told == [[first], [first]]


def test_the_register_says_what_others_decide_by(own: Installation) -> None:
    station = own.station
    said(station, OPEN, INSPECTION, SEIZURE, link(FIRST), link(FIRST, "a2", is_evidence=True))
    register = register_of(station)
    first = station.catalogue().recording(FIRST)["recording_id"]
    assert [(one.case_number, one.activity_id, one.is_evidence) for one in register.cases_of(first)] == [
        (NUMBER, "a1", False),
        (NUMBER, "a2", True),
    ]
    assert register.is_evidence(first)
    assert register.activity_end_of(first) == dt.datetime(2026, 3, 2, 3, tzinfo=dt.UTC), "the later of the two ends"
    assert register.activity_end_of("none") is None


def test_marine_29_keeps_what_is_marked_as_evidence_as_long_as_its_case_file(own: Installation) -> None:
    station = own.station
    assert station.catalogue().recording(FIRST)["keep_until"] is not None
    with station.opened() as parts:
        case_desk(lambda: parts).enter(asked(OPEN, INSPECTION, link(FIRST, is_evidence=True)))
    recording = station.catalogue().recording(FIRST)
    assert recording["keep_until"] is None
    assert recording["hand_over"]["start_event"] == "activity_end", "海洋 27(五): the clock starts with its end"


def test_all_requests_of_one_call_are_entered_or_none(own: Installation) -> None:
    with pytest.raises(NotFoundError, match="has no activity a9"):
        said(own.station, OPEN, INSPECTION, link(FIRST, "a9"))
    assert register_of(own.station).cases() == []


def test_the_rest_is_taken_where_a_person_asks_for_it_and_a_dry_run_enters_nothing(own: Installation) -> None:
    puts = [
        {"do": "put", "number": "1", "cause": "甲"},
        {"do": "put", "number": "2", "opened_on": "2026-03-02", "concluded_on": "2026-03-01"},
        {"do": "put", "number": "3", "category": "行政裁决"},
    ]
    with own.station.opened() as parts:
        desk = desk_of(parts)
        for options in ({"is_rest_taken": True, "is_dry_run": True}, {"is_rest_taken": False}):
            answers = desk.enter_each(asked(*puts), **options)
            assert [one["error"] is None for one in answers] == [True, False, False]
            assert CaseRegister(parts.chronicle.engine).cases() == []
        answers = desk.enter_each(asked(*puts), is_rest_taken=True)
        assert [case.number for case in CaseRegister(parts.chronicle.engine).cases()] == ["1"]
    assert "lies before" in answers[1]["error"]["message"]
    assert "none of this regime" in answers[2]["error"]["message"]


def test_footage_of_the_officer_and_the_day_is_suggested_and_never_linked(own: Installation) -> None:
    station = own.station
    said(station, OPEN, INSPECTION)
    register, zone = register_of(station), station.settings.station.zone_info
    rows = register.all_unlinked(limit=10)
    assert [row["card_path"] for row in rows] == [SECOND, FIRST]
    found = {row["card_path"]: made for row, made in suggested(register, rows, zone=zone, today=NOW.date())}
    assert [one.strength for one in found[FIRST]] == [Strength.STRONG]
    assert [one.strength for one in found[SECOND]] == [Strength.WEAK], "ten minutes after the end"
    assert register.links_of(NUMBER) == []


def test_filing_lists_footage_of_the_officers_and_days_that_belongs_to_no_case(own: Installation) -> None:
    station = own.station
    said(station, OPEN, INSPECTION, {"do": "change", "number": NUMBER, "concluded_on": "2026-03-02"})
    register, zone = register_of(station), station.settings.station.zone_info
    case = register.case(NUMBER)
    unlinked = unlinked_footage_of(register, case, zone=zone, today=NOW.date())
    assert [row["card_path"] for row in unlinked] == [FIRST, SECOND]
    said(station, link(FIRST))
    unlinked = unlinked_footage_of(register, case, zone=zone, today=NOW.date())
    assert [row["card_path"] for row in unlinked] == [SECOND]


def test_what_stands_open_is_counted_by_unit(own: Installation) -> None:
    station = own.station
    said(station, OPEN, INSPECTION, SEIZURE, {"do": "change", "number": NUMBER, "concluded_on": "2026-03-02"})
    in_time = standing_of(station, dt.datetime(2026, 4, 1, 15, 59, 59, tzinfo=dt.UTC))
    late = standing_of(station, dt.datetime(2026, 4, 1, 16, 0, tzinfo=dt.UTC))
    assert uncovered_by_unit([in_time]) == {"一中队": 2}
    assert unfiled_by_unit([in_time]) == {"一中队": (1, 0)}, "the last minute of the last day in the bureau's zone"
    assert unfiled_by_unit([late]) == {"一中队": (1, 1)}
    said(station, {"do": "close", "number": NUMBER, "on": "2026-03-30"})
    assert unfiled_by_unit([standing_of(station)]) == {"一中队": (0, 0)}


def test_a_catalogue_that_is_made_again_says_the_same(own: Installation) -> None:
    station = own.station
    said(
        station,
        OPEN,
        INSPECTION,
        SEIZURE,
        link(FIRST, is_evidence=True),
        link(SECOND, "a2"),
        {"do": "absence", "number": NUMBER, "activity_id": "a2", "ground": "secrecy", "words": "涉密"},
        {"do": "unlink", "number": NUMBER, "named": SECOND, "reason": "误"},
        {"do": "remove_activity", "number": NUMBER, "activity_id": "a2", "reason": "重复"},
        {"do": "close", "number": NUMBER, "on": "2026-03-30", "concluded_on": "2026-03-20"},
        {"do": "reopen", "number": NUMBER, "reason": "复议"},
        {"do": "unit", "name": "区局"},
        {"do": "unit", "name": "一中队", "parent": "区局", "is_entrusted": True},
        {"do": "complaint", "number": "T1", "received_on": "2026-03-05", "case_number": NUMBER},
        {"do": "complaint", "number": "T1", "outcome": "查无实据", "settled_on": "2026-03-06"},
    )
    before = station.tables()
    with writer_lock(station.settings):
        rebuild(station.vault, station.catalogue_file, SystemClock()).engine.dispose()
    assert station.tables() == before
    acts = [row["act"] for row in register_of(station).history(NUMBER)]
    assert acts == [
        "case.opened", "case.activity_entered", "case.activity_entered", "case.linked", "case.linked",
        "case.absence_entered", "case.unlinked", "case.activity_removed", "case.closed", "case.reopened",
    ]  # fmt: skip


def test_an_unlink_without_a_link_is_refused(own: Installation) -> None:
    said(own.station, OPEN)
    with pytest.raises(NotFoundError, match="is not linked"):
        said(own.station, {"do": "unlink", "number": NUMBER, "named": FIRST, "reason": "误"})
    with pytest.raises(NotFoundError):
        said(own.station, link("abcd", None, what="take"))


# --- As a person uses it ----------------------------------------------------------------------------------------------


def done(installation: Installation, *words: str | Path) -> str:
    ended = installation.run(*words)
    assert ended.status == 0, ended
    return ended.out


def test_a_case_goes_through_its_life_on_the_command_line(own: Installation) -> None:
    times = ("--began", "2026-03-02T09:00", "--ended", "2026-03-02T10:30")
    done(own, "case", "add", NUMBER, "--category", "处罚", "--opened", "2026-03-02", "--officer", "李四/210001")
    done(own, "case", "activity", NUMBER, "--kind", "inspection", *times)
    (suggestion,) = [one for one in own.json("case", "suggest") if one["card_path"] == FIRST]
    assert [one["strength"] for one in suggestion["suggestions"]] == ["strong"]
    assert "第十五条" in done(own, "case", "missing")
    done(own, "case", "link", NUMBER, FIRST, "--activity", "a1", "--evidence")
    done(own, "case", "change", NUMBER, "--concluded", "2026-03-02", "--reason", "作出处罚决定")
    (due,) = own.json("case", "due")
    assert (due["missing"], due["is_late"], due["filing"][0]["due_on"]) == ([], True, "2026-04-01")
    assert [one["card_path"] for one in due["unlinked_footage"]] == [SECOND]
    shown = done(own, "case", "show", NUMBER)
    for words in ("作出处罚决定", "footage linked · 已关联", "LATE · 逾期", "penalty · 行政处罚", FIRST):
        assert words in shown, words
    statement = own.json("case", "continuity", NUMBER, "a1")
    assert statement["span_s"] == 5400
    assert 2 < statement["covered_s"] < 4
    assert statement["is_uninterrupted"] is False


def test_a_case_as_json_has_its_links_its_duties_and_its_history(own: Installation) -> None:
    close = {"do": "close", "number": NUMBER, "on": "2026-03-30", "concluded_on": "2026-03-20"}
    said(own.station, OPEN, INSPECTION, link(FIRST, is_evidence=True), close)
    document = own.json("case", "show", NUMBER)
    assert [(one["card_path"], one["activity_id"], one["is_evidence"]) for one in document["links"]] == [
        (FIRST, "a1", True)
    ]
    assert (document["filing"][0]["state"], document["is_open"]) == ("met", False)
    assert document["activities"][0]["coverage"]["state"] == "covered"
    assert [one["act"] for one in document["history"]][-1] == "case.closed"


@pytest.mark.parametrize(
    ("words", "status", "said_"),
    [
        (("show", "404"), 5, "case 404 is not in the register"),
        (("add", "1", "--opened", "2026-02-30"), 1, "opened-on = '2026-02-30'"),
        (("add", "1", "--category", "行政裁决"), 1, "none of this regime"),
        (("absence", "1", "--activity", "a1"), 2, "either --ground or --withdraw"),
        (("import", "no-such.csv"), 3, "cannot be read"),
    ],
)
def test_what_cannot_be_is_said_in_words(docked: Installation, words: tuple[str, ...], status: int, said_: str) -> None:
    ended = docked.run("case", *words)
    assert ended.status == status, ended
    assert said_ in " ".join(ended.err.replace("│", " ").split())
    assert "Traceback" not in ended.err


def test_an_import_is_dry_first_then_whole_or_the_rest(own: Installation) -> None:
    file = own.root / "cases.csv"
    file.write_bytes("案号,案由,立案日期\n1,甲,2026-03-02\n2,乙,2026-02-30\n3,丙,2199-01-01\n".encode("gbk"))
    dry = own.run("case", "import", file, "--dry-run", "--json")
    assert dry.status == 1
    assert [one["result"] for one in dry.json()["rows"]] == ["new", "refused", "refused"]
    assert own.run("case", "import", file).status == 1
    assert register_of(own.station).cases() == []
    out = done(own, "case", "import", file, "--skip-faulty")
    for words in ("line 3", "is no day", "line 4", "lies in the future", "1 new, 2 refused"):
        assert words in out
    assert [case.number for case in register_of(own.station).cases()] == ["1"]
    assert "1 unchanged, 2 refused" in done(own, "case", "import", file, "--skip-faulty")


def test_a_complaint_suggests_footage_to_hold(own: Installation) -> None:
    done(own, "complaint", "add", "T1", "--received", "2026-03-05", "--from", "2026-03-02T09:00", "--officer", "李四")
    document = own.json("complaint", "show", "T1")
    assert [one["card_path"] for one in document["suggested_holds"]] == [FIRST]
    done(own, "complaint", "change", "T1", "--settled", "2026-03-09", "--outcome", "已书面告知")
    (complaint,) = register_of(own.station).complaints()
    assert (str(complaint.settled_on), complaint.outcome) == ("2026-03-09", "已书面告知")


def test_an_entrusted_organisation_stands_under_a_unit_of_the_bureau(own: Installation) -> None:
    said(own.station, {"do": "unit", "name": "区局"})
    done(own, "unit", "add", "渔政中心", "--parent", "区局", "--entrusted", "--basis", "委托书〔2026〕3号")
    said(own.station, {"do": "unit", "name": "渔政中心", "valid_to": "2026-12-31"})
    named = {one["name"]: one for one in own.json("unit", "list")}
    assert (named["渔政中心"]["is_entrusted"], named["渔政中心"]["parent"]) == (True, "区局")
    assert [one["act"] for one in named["渔政中心"]["history"]] == ["unit.entered", "unit.changed"]


# --- The push ---------------------------------------------------------------------------------------------------------

TOKEN = "0123456789abcdef" * 4


def with_push(installation: Installation, max_bytes: int = 1048576) -> Installation:
    """The station with its push turned on."""
    file = installation.config_file
    head, mark, section = file.read_text("utf-8").partition("[case_push]\n")
    for shipped, wanted in (
        ("enabled = false", "enabled = true"),
        ('# token_file = "case-push-token"', 'token_file = "token"'),
        ("max_bytes = 1048576", f"max_bytes = {max_bytes}"),
    ):
        assert shipped in section
        section = section.replace(shipped, wanted, 1)
    file.write_text(head + mark + section, "utf-8")
    token = file.parent / "token"
    token.write_text(TOKEN + "\n", "ascii")
    token.chmod(0o600)
    return installation


def post(address: str, body: Any, *, path: str = "/api/cases") -> tuple[int, Any]:
    data = json.dumps(body).encode("utf-8")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    request = urllib.request.Request(address + path, data=data, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            text = error.read().decode("utf-8")
            return error.code, json.loads(text) if text.startswith("{") else text


def test_a_case_system_feeds_the_register_once_it_is_asked_for_and_twice_the_same_changes_nothing(
    own: Installation,
) -> None:
    cases: list[dict[str, Any]] = [
        {"number": NUMBER, "cause": "无证捕捞", "activities": [{"kind": "听证", "began_at": "2026-03-02 09:00"}]},
        {"number": "13号", "opened_on": "2026-02-30"},
    ]
    with own.daemon() as daemon:
        assert post(daemon.address, cases)[0] == 404, "off, as it is shipped"
    with with_push(own).daemon() as daemon:
        status, document = post(daemon.address, {"cases": cases}, path="/api/cases?dry_run=1")
        assert (status, document["entered"], register_of(own.station).cases()) == (422, 1, [])
        status, document = post(daemon.address, {"cases": cases})
        assert (status, [one["result"] for one in document["cases"]]) == (422, ["entered", "refused"])
        (fault,) = document["cases"][1]["faults"]
        assert (fault["key"], fault["value"], fault["what"]) == ("opened_on", "2026-02-30", "is no day")
        status, document = post(daemon.address, cases[:1])
        assert (status, document["unchanged"]) == (200, 1)
        status, document = post(daemon.address, cases[0] | {"cause": "禁渔期捕捞"})
        assert (status, document["changed"]) == (200, 1)
        with pytest.raises(RefusedError, match="not a request to the case register"):
            ask(own.socket_file, {"op": "case", "requests": [{"do": "erase", "by": "x"}]})
        with pytest.raises(IngestdError, match="none of rest, all, dry"):
            ask(own.socket_file, {"op": "case", "requests": [], "each": "some"})
        done(own, "case", "change", NUMBER, "--place", "杏树屯港", "--by", "李四")
    history = register_of(own.station).history(NUMBER)
    assert [(one["act"], one["actor"], one["document"]["source"]) for one in history] == [
        ("case.opened", "case-system", "push"),
        ("case.activity_entered", "case-system", "push"),
        ("case.changed", "case-system", "push"),
        ("case.changed", "李四", "person"),
    ]


def pushed(installation: Installation, body: bytes, **environ: Any) -> int:
    """The status that the push gives to a request, in this process."""
    given: list[str] = []
    with installation.station.opened() as parts:
        push = CasePush(desk_of(parts), lambda: parts.settings)
        request = {
            "REQUEST_METHOD": "POST",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_AUTHORIZATION": f"Bearer {TOKEN}",
            "wsgi.input": io.BytesIO(body),
            **environ,
        }
        answer = b"".join(push(request, lambda status, _headers, _=None: given.append(status)))  # type: ignore[arg-type]
        json.loads(answer)
    return int(given[0].split()[0])


@pytest.mark.parametrize(
    ("body", "environ", "status"),
    [
        (b"[]", {}, 200),
        (b"[]", {"HTTP_AUTHORIZATION": ""}, 401),
        (b"[]", {"HTTP_AUTHORIZATION": TOKEN}, 401),
        (b"[]", {"HTTP_AUTHORIZATION": f"Bearer {TOKEN[:-1]}"}, 401),
        (b"[]", {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}0"}, 401),
        (b"[]", {"HTTP_AUTHORIZATION": f"Basic {TOKEN}"}, 401),
        (b"[]", {"HTTP_AUTHORIZATION": "Bearer \xe4\xbb\xa4"}, 401),
        (b"[]", {"REQUEST_METHOD": "GET"}, 405),
        (b"[]", {"CONTENT_LENGTH": ""}, 411),
        (b"[]", {"CONTENT_LENGTH": "-1"}, 411),
        (b"[]", {"CONTENT_LENGTH": "3"}, 400),
        (b"[" + b" " * 4096 + b"]", {}, 413),
        (b"{", {}, 400),
        (b"[" * 2000, {}, 400),
        (b"\xff", {}, 400),
        (b"[1]", {}, 422),
        (b'[{"number": "\\ud800"}]', {}, 422),
    ],
)
def test_a_push_that_cannot_be_taken_is_answered_and_enters_nothing(
    own: Installation, body: bytes, environ: dict[str, Any], status: int
) -> None:
    with_push(own, max_bytes=2048)
    assert pushed(own, body, **environ) == status
    assert register_of(own.station).cases() == []


def test_a_token_that_others_may_read_lets_nobody_in(own: Installation) -> None:
    with_push(own)
    (own.config_file.parent / "token").chmod(0o644)
    assert pushed(own, b"[]") == 503


def test_a_push_that_is_on_names_its_token(own: Installation) -> None:
    file = own.config_file
    head, mark, section = file.read_text("utf-8").partition("[case_push]\n")
    file.write_text(head + mark + section.replace("enabled = false", "enabled = true", 1), "utf-8")
    with pytest.raises(ConfigError, match="enabled without token_file"):
        own.station.configuration  # noqa: B018 - reading it is the act

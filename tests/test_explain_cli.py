"""`ingestd explain`, `continuity`, `timeline`: the real program and a real card, and a catalogue that is made again."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ingestd.answers.explained import Explained
from ingestd.answers.gathered import Gatherer
from ingestd.core.clock import from_text
from ingestd.core.continuity import Verdict
from ingestd.core.errors import IngestdError, NotFoundError, RefusedError
from ingestd.core.explanation_acts import REQUEST
from ingestd.core.stop import Stop
from ingestd.ipc import ask
from ingestd.pipeline.explanations import ExplanationDesk
from ingestd.pipeline.scrub import verify_vault
from ingestd.sim.card import CardPlan, write_card
from ingestd.sim.faults import Fault
from ingestd.sim.plan import Placed
from tests.support.process import Installation, sample, scraped
from tests.support.station import Station, build_station, faults_of, sha256_of_file

PLAN = CardPlan(takes=2, segments=4, segment_seconds=6, faults=(Placed(Fault.DROPPED_GOP, 1, 1), Fault.LATE_SEGMENT))
BATTERY = {"do": "explain", "reason": "battery", "words": "电池耗尽，更换后继续", "by": "张三"}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def docked(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A station that took in a card with a late segment and a hole in a file; shared, read only."""
    installation = Installation(tmp_path_factory.mktemp("docked"))
    write_card(PLAN, installation.root / "card")
    installation.station.ingest(installation.root / "card", is_described=True)
    return installation


@pytest.fixture
def own(docked: Installation, tmp_path: Path) -> Installation:
    """A copy of it, free to be changed, that does not run."""
    installation = Installation(tmp_path / "own")
    shutil.copytree(docked.state_dir, installation.state_dir)
    return installation


def said(station: Station, *requests: dict[str, Any]) -> None:
    """Requests of people, entered in this process."""
    with station.opened() as parts:
        desk = ExplanationDesk(parts.catalogue, parts.chronicle, parts.vault, parts.clock)
        for request in requests:
            desk.enter(REQUEST.validate_python(request))


def listed(station: Station, code: str) -> dict[str, Any]:
    (found,) = [one for one in Explained(station.configuration).documents() if one["code"] == code]
    return found


def key_of(station: Station, code: str = "set.gap") -> str:
    return str(listed(station, code)["finding_key"])


def docking_of(station: Station) -> str:
    (docking,) = station.catalogue().dockings()
    return str(docking["docking_id"])


def done(installation: Installation, *words: str | Path) -> str:
    ended = installation.run(*words)
    assert ended.status == 0, ended
    return ended.out


# Explanations


def test_findings_that_the_regime_asks_about_are_open_with_the_clause(docked: Installation) -> None:
    found = docked.json("explain", "list", "--open", "--docking", docking_of(docked.station)[-12:])
    assert {one["code"]: one["state"] for one in found} == {"set.gap": "open", "gap.video": "open"}
    assert {rule["article"] for one in found for rule in one["asked_by"]} == {"第二十七条第四项"}
    assert "open · 待说明" in done(docked, "findings")


@pytest.mark.parametrize("has_station", [True, False], ids=["with a station", "without a station"])
def test_an_explanation_is_entered_and_shown_with_all_that_was_said(own: Installation, has_station: bool) -> None:
    paper = own.root / "情况说明.pdf"
    paper.write_bytes(b"%PDF-1.7 paper")
    words = (
        "explain", key_of(own.station), "--reason", "battery", "--words", "电池耗尽，更换后继续", "--by", "张三",
        "--reported-at", "2026-03-02T09:05", "--reported-to", "李队", "--spoken-at", "1.5", "--attachment", paper,
    )  # fmt: skip
    if has_station:
        with own.daemon() as daemon:

            def open_gaps() -> float:
                return sample(scraped(daemon.get("/metrics")[1]), "ingestd_findings_unexplained", code="set.gap")

            assert open_gaps() == 1
            assert "已说明" in done(own, *words)
            assert open_gaps() == 0
            with pytest.raises(RefusedError, match="not a request about an explanation"):
                ask(own.socket_file, {"op": "explain", "request": {"do": "explain"}})
    else:
        done(own, *words)
    found = listed(own.station, "set.gap")
    explanation = found["explanation"]
    assert (found["state"], explanation["reason"], explanation["explained_by"]) == ("explained", "battery", "张三")
    assert (explanation["reported_at"], explanation["reported_to"]) == ("2026-03-02T01:05:00.000Z", "李队")
    assert explanation["spoken"] == {"recording_id": found["about"][-1], "at_s": 1.5}
    kept = own.vault / explanation["attachment"]
    assert kept.read_bytes() == paper.read_bytes()
    assert sha256_of_file(kept) == explanation["attachment_sha256"]
    told = {one["code"]: one["explanation_state"] for one in own.json("findings")}
    assert (told["set.gap"], told["gap.video"]) == ("explained", "open")


def test_a_rebuilt_catalogue_says_the_same(own: Installation) -> None:
    paper = own.root / "note.txt"
    paper.write_text("说明", "utf-8")
    gap, hole = key_of(own.station), key_of(own.station, "gap.video")
    said(
        own.station,
        BATTERY | {"finding": gap, "attachment": str(paper)},
        BATTERY | {"finding": hole},
        BATTERY | {"finding": gap[:8], "reason": "weather", "by": "李四"},
        {"do": "withdraw", "finding": hole, "reason": "有误", "by": "王五"},
    )
    before, shown = own.station.tables(), Explained(own.station.configuration).documents()
    done(own, "catalogue", "rebuild")
    assert own.station.tables() == before
    assert Explained(own.station.configuration).documents() == shown
    assert faults_of(own.station) == []
    assert {one["code"]: one["state"] for one in shown} == {"set.gap": "explained", "gap.video": "open"}


def test_a_later_word_replaces_and_a_withdrawn_one_leaves_the_finding_open(own: Installation) -> None:
    key = key_of(own.station)
    said(own.station, BATTERY | {"finding": key}, BATTERY | {"finding": key, "reason": "storage_full"})
    assert listed(own.station, "set.gap")["explanation"]["reason"] == "storage_full"
    done(own, "explain", "withdraw", key, "--reason", "说明有误", "--by", "王五")
    assert listed(own.station, "set.gap")["state"] == "open"
    with pytest.raises(NotFoundError):
        said(own.station, {"do": "withdraw", "finding": key, "reason": "说明有误", "by": "王五"})
    with sqlite3.connect(own.catalogue_file) as connection:
        rows = connection.execute("SELECT replaced_by IS NULL, withdrawn_by FROM explanations ORDER BY explanation_id")
        assert rows.fetchall() == [(0, None), (1, "王五")]


def test_an_explanation_whose_finding_went_away_is_kept_and_said(tmp_path: Path) -> None:
    station = build_station(tmp_path)
    plan = CardPlan(takes=1, segments=4, segment_seconds=4)
    whole = write_card(plan, tmp_path / "whole")
    faulty = CardPlan(takes=1, segments=4, segment_seconds=4, faults=(Fault.MISSING_SEGMENT,))
    held = {one.path for one in write_card(faulty, tmp_path / "card").files}
    station.ingest(tmp_path / "card", is_described=True)
    said(station, BATTERY | {"finding": key_of(station, "set.missing")})
    for path in ("DEVINFO.TXT", *(one.path for one in whole.files if one.path not in held)):
        (tmp_path / "late" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(tmp_path / "whole" / path, tmp_path / "late" / path)
    station.ingest(tmp_path / "late", is_described=True)
    assert "set.missing" not in {one["code"] for one in station.catalogue().findings()}
    gone = listed(station, "set.missing")
    assert (gone["state"], gone["explanation"]["words"]) == ("gone", "电池耗尽，更换后继续")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"finding": "0123456789abcdef"}, "no finding answers"),
        ({"spoken_at_s": 99999}, "nothing is said at"),
        ({"spoken_in": "x"}, "without a place"),
        ({"attachment": "/nowhere.pdf"}, "cannot be opened"),
        ({"attachment": "/"}, "no ordinary file"),
        ({"attachment": "/dev/zero"}, "no ordinary file"),
        ({"attachment": "note.pdf"}, "must be absolute"),
        ({"reported_at": "2999-01-01T00:00:00Z"}, "future"),
        ({"by": "station"}, "signed `station`"),
    ],
)
def test_what_cannot_be_is_refused_with_words_and_enters_nothing(
    docked: Installation, change: dict[str, object], words: str
) -> None:
    with pytest.raises(IngestdError, match=words):
        said(docked.station, BATTERY | {"finding": key_of(docked.station)} | change)
    assert listed(docked.station, "set.gap")["state"] == "open"


def test_a_wrong_reason_and_a_wrong_time_end_without_a_traceback(docked: Installation) -> None:
    give = ("explain", "give", key_of(docked.station), "--words", "x")
    assert docked.run(*give, "--reason", "tired").status == 2
    ended = docked.run(*give, "--reason", "other", "--reported-at", "yesterday")
    assert (ended.status, "is not a time" in ended.err, "Traceback" in ended.err) == (1, True, False)


def test_lists_can_be_narrowed_to_an_officer(docked: Installation) -> None:
    assert docked.json("explain", "list", "--officer", "nobody") == []


def test_a_changed_paper_is_found_by_verify(own: Installation) -> None:
    paper = own.root / "note.txt"
    paper.write_text("说明", "utf-8")
    said(own.station, BATTERY | {"finding": key_of(own.station), "attachment": str(paper)})
    kept = own.vault / listed(own.station, "set.gap")["explanation"]["attachment"]

    def faults() -> list[str]:
        verdict = verify_vault(own.station.vault, own.station.catalogue(), stop=Stop(), block_bytes=1 << 20)
        return [one.what for one in verdict.faults]

    assert faults() == []
    kept.chmod(0o640)
    kept.write_text("别的", "utf-8")
    assert faults() == ["attachment"]


def test_a_paper_of_an_explanation_that_was_broken_off_is_named_by_verify(own: Installation) -> None:
    left = own.vault / "attachments" / "2026" / "0123456789ab-note.txt"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text("说明", "utf-8")
    verdict = verify_vault(own.station.vault, own.station.catalogue(), stop=Stop(), block_bytes=1 << 20)
    assert [(one.what, one.path) for one in verdict.faults] == [("stray", "attachments/2026/0123456789ab-note.txt")]


# Statements


def test_a_statement_of_a_take_adds_up_and_stays_interrupted_when_explained(own: Installation) -> None:
    recording = listed(own.station, "set.gap")["about"][0]
    take = own.station.catalogue().recording(recording)["take_id"]
    before = own.json("continuity", take)
    assert before["verdict"] == "interrupted"
    assert round(before["covered_s"] + before["interrupted_s"], 6) == round(before["span_s"], 6)
    (gap,) = [one for one in before["interruptions"] if one["cause"] == "finding"]
    assert (gap["state"], gap["findings"][0]["code"]) == ("open", "set.gap")
    assert 19 < gap["seconds"] < 21
    said(own.station, BATTERY | {"finding": key_of(own.station)})
    after = own.json("continuity", take)
    assert (after["verdict"], after["interrupted_s"]) == (before["verdict"], before["interrupted_s"])
    assert [one["state"] for one in after["interruptions"] if one["cause"] == "finding"] == ["explained"]


@pytest.mark.parametrize(("lang", "word", "other"), [("zh", "连续性", "Statement"), ("en", "Statement", "连续")])
def test_a_statement_is_printed_in_the_language_asked_for(
    docked: Installation, lang: str, word: str, other: str
) -> None:
    words = done(docked, "continuity", listed(docked.station, "gap.video")["about"][0], "--lang", lang)
    assert word in words
    assert other not in words


def test_an_interval_shows_what_lies_before_the_first_file(docked: Installation) -> None:
    recording = listed(docked.station, "set.gap")["about"][0]
    span = ("--from", "2026-03-02T08:59:00", "--to", "2026-03-02T09:00:02")
    statement = docked.json("continuity", recording, *span)
    assert (statement["kind"], statement["span_s"], statement["covered_s"]) == ("interval", 62.0, 2.0)
    assert statement["interruptions"][0]["cause"] == "not_recorded"


def test_of_a_span_without_any_recording_nothing_is_claimed(docked: Installation) -> None:
    gatherer = Gatherer(docked.station.configuration)
    subject = gatherer.subject(listed(docked.station, "set.gap")["about"][0])
    start, end = from_text("2026-03-01T00:00:00Z"), from_text("2026-03-01T01:00:00Z")
    nothing = gatherer.between(subject, start, end)
    assert gatherer.statement(nothing.rows, start, end).verdict is Verdict.NOTHING_HELD


# Pictures


def test_a_timeline_in_a_pipe_is_drawn_in_ascii_with_every_finding(docked: Installation) -> None:
    out = done(docked, "timeline", docking_of(docked.station)[-12:])
    bars = [line.strip() for line in out.splitlines() if line.startswith("  #")]
    assert any("." in bar for bar in bars)
    assert "set.gap" in out
    assert "gap.video" in out
    assert not any(drawn in out for drawn in "█░▓")
    assert "set.gap" in done(docked, "show", listed(docked.station, "set.gap")["about"][0], "--timeline")


def test_a_timeline_as_json_has_a_statement_for_each_take(docked: Installation) -> None:
    rows = docked.station.catalogue().recordings()
    document = docked.json("timeline", docking_of(docked.station))
    assert {one["take_id"] for one in document["takes"]} == {row["take_id"] for row in rows} - {None}
    drawn = {one["recording_id"] for take in document["takes"] for one in take["recordings"]}
    assert drawn == {row["recording_id"] for row in rows if row["take_id"]}


def test_a_timeline_as_svg_is_one_plain_picture_of_every_file_and_interruption(docked: Installation) -> None:
    file = docked.root / "timeline.svg"
    done(docked, "timeline", docking_of(docked.station), "--svg", file)
    root = ElementTree.parse(file).getroot()
    allowed = {"svg", "defs", "pattern", "rect", "line", "text", "circle", "title"}
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= allowed
    files = {row["card_path"] for row in docked.station.catalogue().recordings() if row["take_id"]}
    assert {one.text for one in root.iter(f"{SVG}title")} == files
    hatched = [one for one in root.iter(f"{SVG}rect") if one.get("fill") == "url(#absent)"]
    assert len(hatched) == 3, "the late segment, the hole, and the key"
    height, width = float(root.attrib["height"]), float(root.attrib["width"])
    texts = list(root.iter(f"{SVG}text"))
    assert all(0 <= float(one.attrib["x"]) <= width and 0 <= float(one.attrib["y"]) <= height for one in texts)
    words = " ".join(one.text or "" for one in texts)
    assert "set.gap" in words
    assert "待说明" in words


def test_what_does_not_run_in_time_has_no_timeline(docked: Installation) -> None:
    gatherer = Gatherer(docked.station.configuration)
    with pytest.raises(RefusedError, match="does not run in time"):
        gatherer.subject("DEVINFO.TXT")
    with pytest.raises(NotFoundError):
        gatherer.subject("nothing")
    ended = docked.run("timeline", docking_of(docked.station), "--svg", "no/such/folder.svg")
    assert (ended.status, "Traceback" in ended.err) == (1, False)

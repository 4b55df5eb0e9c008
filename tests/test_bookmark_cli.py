"""`ingestd bookmark`: the real program and a real card under 江门, and a catalogue that is made again."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.bookmark_acts import REQUEST
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.ipc import ask
from ingestd.sim.card import CardPlan, write_card
from ingestd.sim.faults import Fault
from ingestd.wiring import bookmark_desk, open_checklists
from tests.support.process import Installation
from tests.support.station import Station

PLAN = CardPlan(takes=1, segments=3, segment_seconds=4, faults=(Fault.LATE_SEGMENT,))
JIANGMEN = {"station__regime": "market_regulation"}


@pytest.fixture(scope="module")
def docked(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A station under 江门 that took in a take with a late segment; shared, read only."""
    installation = Installation(tmp_path_factory.mktemp("docked"), **JIANGMEN)
    write_card(PLAN, installation.root / "card")
    installation.station.ingest(installation.root / "card", is_described=True)
    return installation


@pytest.fixture
def own(docked: Installation, tmp_path: Path) -> Installation:
    """A copy of it, free to be changed, that does not run."""
    installation = Installation(tmp_path / "own", **JIANGMEN)
    shutil.copytree(docked.state_dir, installation.state_dir)
    return installation


def said(station: Station, **request: Any) -> dict[str, Any]:
    """A request of a person, entered in this process."""
    with station.opened() as parts:
        return bookmark_desk(lambda: parts).enter(REQUEST.validate_python({"by": "张三", **request}))


def videos(station: Station) -> list[str]:
    """The recordings of the take, in order."""
    rows = [row for row in station.catalogue().recordings() if row["kind"] == "video"]
    return [row["recording_id"] for row in sorted(rows, key=lambda row: row["recorded_start"])]


def missing(station: Station, recording: str) -> set[str]:
    return {item.rule.id for item in open_checklists(station.configuration).of_take(recording).missing}


@pytest.mark.parametrize("has_station", [True, False], ids=["with a station", "without a station"])
def test_a_mark_is_entered_listed_and_removed_with_its_reason_kept(own: Installation, has_station: bool) -> None:
    first = videos(own.station)[0]

    def steps() -> None:
        words = ("bookmark", "add", first, "--at", "0:01.5", "--kind", "notice", "--words", "已告知", "--by", "张三")
        answer = own.json(*words)
        assert answer["recording_id"] == first
        number = str(answer["bookmarks"][0])
        assert own.json(*words)["bookmarks"] == []
        (found,) = own.json("bookmark", "list", first)
        assert (found["at_s"], found["kind"], found["words"], found["marked_by"]) == (1.5, "notice", "已告知", "张三")
        assert "已告知" in own.run("bookmark", "list").out
        removed = own.run("bookmark", "remove", number, "--reason", "标错位置", "--by", "李四")
        assert "已删除" in removed.out
        assert own.json("bookmark", "list", first) == []
        (found,) = own.json("bookmark", "list", first, "--all")
        assert (found["removed_by"], found["removed_reason"]) == ("李四", "标错位置")

    if has_station:
        with own.daemon():
            steps()
            with pytest.raises(RefusedError, match="not a request about a bookmark"):
                ask(own.socket_file, {"op": "bookmark", "request": {"do": "set"}})
    else:
        steps()


def test_the_checklist_of_a_take_names_what_is_missing_until_it_is_marked(own: Installation) -> None:
    first, *_, last = videos(own.station)
    ended = own.run("bookmark", "check", first, "--take")
    assert ended.status == 1
    assert "未标注" in ended.out
    said(own.station, do="set", recording=first, at_s=0.5, kinds=["statement", "notice"], words="")
    assert missing(own.station, first) == {"scene", "interruption_reason"}
    said(own.station, do="set", recording=last, at_s=1, kinds=["scene", "interruption_reason"])
    ended = own.run("bookmark", "check", first, "--take", "--json")
    document = ended.json()
    assert (ended.status, document["is_complete"], document["scope"]) == (0, True, "take")
    (checklist,) = document["lists"]
    assert checklist["recordings"] == videos(own.station)
    assert {item["kind"] for item in checklist["items"] if item["state"] == "marked"} > {"scene", "notice"}


def test_jiangmen_36_the_place_that_an_explanation_names_is_the_spoken_reason(own: Installation) -> None:
    last = videos(own.station)[-1]
    assert "interruption_reason" in missing(own.station, last)
    (gap,) = [one for one in own.json("explain", "list") if one["code"] == "set.gap"]
    words = ("--reason", "battery", "--words", "电池耗尽", "--by", "张三", "--spoken-at", "1.0")
    assert own.run("explain", gap["finding_key"], *words).status == 0
    assert "interruption_reason" not in missing(own.station, last)
    listed = [one for name in gap["about"] for one in own.json("bookmark", "list", name)]
    assert [(one["explains"], one["at_s"], one["bookmark_id"]) for one in listed] == [(gap["finding_key"], 1.0, None)]


def test_the_checklist_of_a_case_has_each_take_of_it(own: Installation) -> None:
    first = videos(own.station)[0]
    with own.station.opened() as parts:
        from ingestd.core.case_requests import REQUESTS
        from ingestd.wiring import case_desk

        desk = case_desk(lambda: parts)
        opened = {"do": "open", "number": "2026-017", "by": "张三", "cause": "无照经营"}
        linked = {"do": "link", "number": "2026-017", "what": "recording", "named": first, "by": "张三"}
        desk.enter(REQUESTS.validate_python([opened]))
        empty = open_checklists(own.station.configuration).of_case("2026-017")
        desk.enter(REQUESTS.validate_python([linked]))
    assert empty == []
    document = own.run("bookmark", "check", "2026-017", "--case", "--json").json()
    assert (document["scope"], document["is_complete"]) == ("case", False)
    assert [one["recordings"] for one in document["lists"]] == [videos(own.station)]
    assert own.run("bookmark", "check", "2026-099", "--case").status == 5


def test_a_rebuilt_catalogue_says_the_same(own: Installation) -> None:
    first = videos(own.station)[0]
    answer = said(own.station, do="set", recording=first, at_s=0.5, kinds=["statement"], words="")
    said(own.station, do="remove", bookmark=answer["bookmarks"][0], reason="有误")
    before, open_before = own.station.tables(), missing(own.station, first)
    assert own.run("catalogue", "rebuild").status == 0
    assert own.station.tables() == before
    assert missing(own.station, first) == open_before
    with sqlite3.connect(own.catalogue_file) as connection:
        assert connection.execute("SELECT count(*), count(removed_at) FROM bookmarks").fetchone() == (5, 1)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"do": "set", "kinds": ["nonsense"]}, "no kind of bookmark"),
        ({"do": "set", "kinds": ["notice"], "at_s": 1000.0}, "s long"),
        ({"do": "set", "kinds": ["notice"], "by": "station"}, "signed"),
        ({"do": "remove", "bookmark": 1, "reason": "x"}, "no bookmark 1"),
    ],
)
def test_what_cannot_be_marked_is_refused_in_words(own: Installation, request_: dict[str, Any], words: str) -> None:
    recording = {"recording": videos(own.station)[0]} if request_["do"] == "set" else {}
    before = own.station.tables()
    with pytest.raises((RefusedError, NotFoundError), match=words):
        said(own.station, **recording, **request_)
    assert own.station.tables() == before


def test_a_log_has_no_places_and_a_photo_no_seconds(own: Installation) -> None:
    kinds = {row["kind"]: row["recording_id"] for row in own.station.catalogue().recordings()}
    with pytest.raises(RefusedError, match="neither picture nor sound"):
        said(own.station, do="set", recording=kinds["text"], kinds=["notice"])
    with pytest.raises(RefusedError, match="is a photo"):
        said(own.station, do="set", recording=kinds["photo"], kinds=["scene"], at_s=1.0)
    assert said(own.station, do="set", recording=kinds["photo"], kinds=["scene"])["bookmarks"]


def test_the_kinds_of_the_regime_are_told_with_article_and_words(docked: Installation) -> None:
    document = docked.json("bookmark", "kinds")
    assert document["groups"]["statement"][0] == "statement_time"
    told = docked.run("bookmark", "kinds").out
    assert "第三十四条" in told
    assert "语音说明" in told

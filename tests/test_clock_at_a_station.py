"""A recorder's clock as a station measures it over dockings, and as `ingestd analyse` does without one."""

import datetime as dt
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.clock import from_text
from ingestd.sim.card import write_card
from ingestd.sim.plan import CardPlan
from tests.support.process import Installation

RECORDER = "7012345"
AHEAD_S = 40


def card_of(root: Path, start: dt.datetime, *, first: int, ahead_s: int) -> Path:
    """A card whose names are ahead of the position time inside the files."""
    root.mkdir()
    plan = CardPlan(
        width=64, height=48, takes=1, segments=3, segment_seconds=4, start_local=start, first_sequence=first
    )
    write_card(plan, root)
    for path in [one for one in root.rglob("*.mp4") if ahead_s]:
        name = re.fullmatch(r"(\d+_\d{6})(\d{14})(_.*)", path.name)
        assert name is not None
        shown = dt.datetime.strptime(name[2], "%Y%m%d%H%M%S") + dt.timedelta(seconds=ahead_s)
        path.rename(path.with_name(f"{name[1]}{shown:%Y%m%d%H%M%S}{name[3]}"))
    return root


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A station at which a recorder was docked twice: with a clock that was right, and ten days later 40 s ahead."""
    root = tmp_path_factory.mktemp("clock")
    installation = Installation(root / "station")
    right = card_of(root / "right", dt.datetime(2026, 3, 2, 9), first=1, ahead_s=0)
    ahead = card_of(root / "ahead", dt.datetime(2026, 3, 12, 9), first=50, ahead_s=AHEAD_S)
    for card in (right, ahead):
        assert installation.run("ingest", card).status == 0
    return installation


@pytest.fixture(scope="module")
def document(station: Installation) -> Any:
    return station.json("clock", RECORDER)


def test_both_dockings_are_measured(document: Any) -> None:
    told = [(one["source"], one["readings"]) for one in document["readings"] if one["source"] == "position"]
    assert told == [("position", 3), ("position", 3)]
    assert len({one["docking_id"] for one in document["readings"]}) == 2


def test_the_offset_is_that_of_the_last_measurement(document: Any) -> None:
    assert abs(document["offset"]["offset_s"] - AHEAD_S) <= document["offset"]["uncertainty_s"]


def test_forty_seconds_in_ten_days_are_drift(document: Any) -> None:
    assert document["was_set"] == []
    assert document["drift_s_per_day"]["least"] <= 4.0 <= document["drift_s_per_day"]["most"]


def test_the_clock_that_was_off_is_an_information(station: Installation) -> None:
    (found,) = [one for one in station.json("findings") if one["code"] == "clock.offset"]
    assert (found["severity"], found["scope"], found["evidence"]["source"]) == ("info", "recorder", "position")


def test_a_recording_shows_its_corrected_interval_beside_its_own_times(station: Installation) -> None:
    rows = station.json("list", "--recorder", RECORDER)
    row = next(one for one in rows if one["kind"] == "video" and one["recorded_start"].startswith("2026-03-12"))
    shown = station.json("show", row["recording_id"])
    assert shown["recorded_start"] == row["recorded_start"]
    off_s = (from_text(shown["recorded_start"]) - from_text(shown["corrected"]["start"])).total_seconds()
    assert abs(off_s - AHEAD_S) <= shown["corrected"]["uncertainty_s"]


def test_a_recording_without_positions_is_corrected_by_what_was_measured_around_it(station: Installation) -> None:
    rows = station.json("list", "--recorder", RECORDER)
    row = next(one for one in rows if one["kind"] == "audio" and one["recorded_start"].startswith("2026-03-12"))
    corrected = station.json("show", row["recording_id"])["corrected"]
    assert corrected["confidence"] == "provisional"
    assert corrected["sources"] == ["position"]


def test_it_survives_a_rebuild_of_the_catalogue(station: Installation, document: Any) -> None:
    assert station.run("catalogue", "rebuild").status == 0
    assert station.json("clock", RECORDER) == document


def test_people_read_it_in_both_languages(station: Installation) -> None:
    shown = station.run("clock", RECORDER).out
    assert "+40" in shown and "时钟偏差" in shown and "日漂移" in shown


def test_a_recorder_that_was_never_docked_is_not_found(station: Installation) -> None:
    assert station.run("clock", "0000001").status == 5


def test_analyse_says_the_same_without_a_station(station: Installation, tmp_path: Path) -> None:
    card = shutil.copytree(station.root.parent / "ahead", tmp_path / "card")
    document = station.run("analyse", card, "--json").json()
    (found,) = [one for one in document["sets"] if one["code"] == "clock.offset"]
    assert abs(found["evidence"]["offset_s"] - AHEAD_S) <= found["evidence"]["uncertainty_s"]

"""What is usual for a recorder: its earlier recordings, out of the catalogue, and never those that may be edited."""

import json
from pathlib import Path

from ingestd.stores.structures import Structures
from tests.support.clips import write_clip
from tests.support.process import Installation
from tests.support.recasts import remux
from tests.support.station import build_station

NAME = "0000007_00001220261121{time}_{number:04}.mp4"


def card_of(root: Path, clips: list[Path], *, first: int) -> Path:
    folder = root / "DCIM"
    folder.mkdir(parents=True)
    for number, clip in enumerate(clips, first):
        (folder / NAME.format(time=f"08{number:02}00", number=number)).write_bytes(clip.read_bytes())
    return root


def test_a_later_docking_is_judged_by_the_earlier_one(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station")
    usual = [write_clip(tmp_path / f"usual{number}.mp4", 2 + number) for number in range(4)]
    edited = remux(usual[3], tmp_path / "edited.mp4", brand="mp42")
    first = card_of(tmp_path / "first", usual[:3], first=1)
    second = card_of(tmp_path / "second", [edited], first=30)
    station.ingest(first, is_described=True)
    station.ingest(second, is_described=True)
    found = [row for row in station.catalogue().findings() if row["code"] == "structure.changed"]
    assert [row["document"]["file"].rsplit("_", 1)[1] for row in found] == ["0030.mp4"]
    with station.opened() as parts:
        references = Structures(parts.chronicle.engine).references("0000007")
    assert sorted(row["card_path"].rsplit("_", 1)[1] for row in references) == ["0001.mp4", "0002.mp4", "0003.mp4"]


def test_what_is_usual_is_shown(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station")
    clip = write_clip(tmp_path / "usual.mp4", 2)
    station.ingest(card_of(tmp_path / "card", [clip], first=1), is_described=True)
    shown = json.loads(station.cli("structure", "show", "0000007", "--json").stdout)
    assert (shown["is_enough"], len(shown["references"])) == (False, 1)
    assert shown["usual"]["brands"][:2] == ["isom", "512"]
    assert station.cli("structure", "show", "0000008").returncode == 5


def test_what_was_learned_before_a_reset_teaches_nothing_any_more(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station")
    usual = [write_clip(tmp_path / f"usual{number}.mp4", 2 + number) for number in range(4)]
    edited = remux(usual[3], tmp_path / "edited.mp4", brand="mp42")
    station.ingest(card_of(tmp_path / "first", usual[:3], first=1), is_described=True)
    reset = station.cli("structure", "reset", "0000007", "--reason", "firmware 2.1", "--by", "张三", "--json")
    assert json.loads(reset.stdout)["scope"] == "recorder"
    station.ingest(card_of(tmp_path / "second", [edited], first=30), is_described=True)
    assert [row for row in station.catalogue().findings() if row["code"] == "structure.changed"] == []
    assert station.cli("catalogue", "rebuild").returncode == 0
    shown = json.loads(station.cli("structure", "show", "0000007", "--json").stdout)
    assert [path.rsplit("_", 1)[1] for path in shown["references"]] == ["0030.mp4"]
    assert [(one["reset_by"], one["reason"]) for one in shown["resets"]] == [("张三", "firmware 2.1")]


def test_a_model_is_reset_through_the_running_station(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "station")
    clip = write_clip(tmp_path / "usual.mp4", 2)
    assert installation.run("ingest", card_of(tmp_path / "card", [clip], first=1)).status == 0
    assert installation.run("fleet", "add", "0000007", "--model", "DSJ-A9").status == 0
    assert len(installation.json("structure", "show", "DSJ-A9", "--model")["references"]) == 1
    with installation.daemon():
        words = ("--model", "--reason", "firmware 2.1", "--by", "李四")
        assert installation.run("structure", "reset", "DSJ-A9", *words).status == 0
        assert installation.run("structure", "reset", "unknown", *words).status == 5
    shown = installation.json("structure", "show", "0000007")
    assert (shown["references"], [one["subject"] for one in shown["resets"]]) == ([], ["DSJ-A9"])


def test_a_recording_whose_docking_waits_for_a_person_teaches_nothing(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station", fleet__unknown="quarantine")
    clip = write_clip(tmp_path / "usual.mp4", 2)
    station.ingest(card_of(tmp_path / "card", [clip], first=1), is_described=True)
    assert station.cli("structure", "show", "0000007").returncode == 5

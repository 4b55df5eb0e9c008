"""`ingestd roster` as a custodian uses it, beside a running station and without one."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import Daemon, Installation, wait_until
from tests.support.station import write_card

HEADER = "recorder,officer,certificate,unit,user,valid_from,valid_to\n"
TABLE = """0000007,张三,21020001,一中队,000012,2024-01-01,2024-03-05 14:00
0000007,李四,21020002,一中队,,2024-03-05 14:00,
0000008,"欧阳, 明",,,,2024-01-01,2024-06-30
"""


@pytest.fixture
def idle(tmp_path: Path) -> Installation:
    """A station that does not run."""
    return Installation(tmp_path)


@pytest.fixture(params=["with a station", "without a station"])
def installation(request: pytest.FixtureRequest, idle: Installation) -> Iterator[Installation]:
    if request.param == "without a station":
        yield idle
        return
    with idle.daemon():
        yield idle


def done(installation: Installation, *words: str | Path) -> str:
    ended = installation.run("roster", *words)
    assert ended.status == 0, ended
    return ended.out


def table_of(installation: Installation, rows: str, encoding: str = "utf-8-sig") -> Path:
    file = installation.root / "table.csv"
    file.write_bytes((HEADER + rows).encode(encoding))
    return file


def officers(installation: Installation, *words: str) -> list[str]:
    return [one["officer"] for one in installation.json("roster", "list", *words)]


def test_an_entry_goes_through_its_life_and_all_of_it_can_be_read(installation: Installation) -> None:
    done(
        installation, "add", "0000007", "--officer", "张山", "--from", "2024-01-01", "--unit", "一中队", "--by", "王五"
    )
    done(installation, "correct", "1", "--officer", "张三", "--reason", "姓名录错", "--by", "王五")
    done(installation, "end", "1", "--on", "2024-06-30", "--by", "赵六")
    assert "无变化" in done(installation, "end", "1", "--on", "2024-06-30")
    done(installation, "add", "0000007", "--officer", "李四", "--from", "2024-07-01 08:00", "--by", "王五")
    done(installation, "correct", "2", "--withdraw", "--reason", "未发放", "--by", "王五")
    (entry,) = installation.json("roster", "list")
    assert (entry["officer"], entry["unit"], entry["valid_from"], entry["valid_to"]) == (
        "张三", "一中队", "2024-01-01", "2024-06-30",
    )  # fmt: skip
    history = installation.json("roster", "history", "--recorder", "0000007")
    verbs = [one["act"].removeprefix("roster.") for one in history]
    assert verbs == ["entered", "corrected", "ended", "entered", "withdrawn"]
    assert (history[1]["before"]["officer"], history[1]["after"]["officer"], history[1]["by"]) == (
        "张山",
        "张三",
        "王五",
    )
    shown = done(installation, "history")
    for words in (
        "officer: 张山 → 张三",
        "姓名录错",
        "valid_to: – → 2024-06-30",
        "李四, 2024-07-01 08:00",
        "withdrawn · 撤销",
    ):
        assert words in shown


def test_a_day_names_who_had_a_recorder_on_it_and_a_minute_who_had_it_then(idle: Installation) -> None:
    done(idle, "import", table_of(idle, TABLE))
    assert officers(idle, "--at", "2024-03-05", "--recorder", "0000007") == ["张三", "李四"]
    assert officers(idle, "--at", "2024-03-05 14:00", "--recorder", "0000007") == ["李四"]
    assert officers(idle, "--officer", "21020001") == ["张三"]


def test_a_table_goes_in_and_what_comes_out_makes_the_same_roster(tmp_path: Path) -> None:
    first, second = Installation(tmp_path / "a"), Installation(tmp_path / "b")
    assert "3 new" in done(first, "import", table_of(first, TABLE, "gbk"))
    exported = done(first, "export")
    assert exported == "\ufeff" + HEADER + TABLE
    file = tmp_path / "exported.csv"
    file.write_text(exported, "utf-8")
    done(second, "import", file)
    assert second.json("roster", "list") == first.json("roster", "list")
    assert "3 unchanged" in done(second, "import", file)
    assert len(second.json("roster", "history")) == 3, "what stands already is entered once"


FAULTY = """0000007,张三,,,,2024-02-30,
0000007,李四,,,,2024-01-01,2024-06-30
0000007,李四,,,,2024-06-01,
0000008,王小明,,,,2024-01-01,
0000009,张三,,,,2024-05-01,
"""


def refused_rows(document: dict[str, Any]) -> list[int]:
    return [one["line"] for one in document["rows"] if one["result"] == "refused"]


def test_bad_rows_are_named_and_the_rest_is_imported_or_nothing_as_asked(idle: Installation) -> None:
    done(idle, "add", "0000009", "--officer", "张三", "--from", "2024-01-01")
    file = table_of(idle, FAULTY)
    for words, is_entered in (
        (["--dry-run", "--good-rows"], False),
        (["--all-or-nothing"], False),
        (["--good-rows"], True),
    ):
        ended = idle.run("roster", "import", file, "--json", *words)
        assert (ended.status, refused_rows(ended.json())) == (1, [2, 4, 6]), words
        assert (ended.json()["is_entered"], len(officers(idle))) == (is_entered, 3 if is_entered else 1)
    shown = " ".join(idle.run("roster", "import", file, "--good-rows").out.split())
    for part in ("'2024-02-30': is no day", "overlaps line 3: 李四", "overlaps entry 1: 张三", "2 unchanged"):
        assert part in shown, part


def test_words_that_the_roster_does_not_take_are_named_without_a_traceback(idle: Installation) -> None:
    for words, what in (
        (["add", "0000007", "--officer", "张三", "--from", "2024-02-30"], "--from = '2024-02-30' is no day"),
        (["end", "12"], "the roster has no entry 12"),
        (["import", "gone.csv"], "cannot be read"),
    ):
        ended = idle.run("roster", *words)
        assert ended.status != 0
        assert what in ended.err
        assert "Traceback" not in ended.err


def test_a_recorder_that_is_issued_to_another_is_marked(idle: Installation) -> None:
    for words in (["add", "0000007"], ["issue", "0000007", "--to", "李四"]):
        assert idle.run("fleet", *words).status == 0
    assert "请核对" in done(idle, "add", "0000007", "--officer", "张三", "--from", "2024-01-01")
    (entry,) = idle.json("roster", "list")
    assert (entry["issued_to"], entry["is_issued_to_another"]) == ("李四", True)
    assert "issued to 李四" in done(idle, "list")


# The configured file, at start and at reload


def officers_of_footage(installation: Installation) -> list[str]:
    return [one["officer"] for row in installation.json("list") for one in row["officers"]]


def is_told_of(daemon: Daemon) -> bool:
    return "roster" in daemon.get("/readyz")[1]


def test_the_roster_file_is_taken_in_at_start_and_at_reload(idle: Installation) -> None:
    file = idle.config_file.parent / "roster.csv"
    file.write_text(HEADER + "0000007,张三,,,,2024-01-01,\n", "utf-8")
    card = write_card(idle.root / "card", {"DCIM/100ANDRO/0000007_00001220240630100000_0001.mp4": b"footage"})
    with idle.daemon() as daemon:
        assert idle.run("ingest", card).status == 0
        assert officers_of_footage(idle) == ["张三"]
        file.write_text(HEADER + "0000007,张三,,,,2024-01-01,2024-03-31\n0000007,李四,,,,2024-04-01,\n", "utf-8")
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: officers_of_footage(idle) == ["李四"], what="the footage of another officer")
        assert {one["by"] for one in idle.json("roster", "history")} == {"roster.csv"}
        file.write_text(HEADER + "0000007,李四,,,,2024-04-01,\n0000007,李四,,,,2024-05-01,\n", "utf-8")
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: is_told_of(daemon), what="the contradiction in the file")
        (refused,) = daemon.events("roster.refused")
        assert (refused["officer"], refused["term"]) == ("李四", "2024-05-01 –")
        assert officers(idle) == ["张三", "李四"], "what was over stays, what contradicts does not come in"


def test_without_a_station_a_docking_takes_the_roster_file_in_as_well(idle: Installation) -> None:
    file = idle.config_file.parent / "roster.csv"
    file.write_text(HEADER + "0000007,张三,,,,2024-01-01,\n", "utf-8")
    card = write_card(idle.root / "card", {"DCIM/100ANDRO/0000007_00001220240630100000_0001.mp4": b"footage"})
    assert idle.run("ingest", card).status == 0
    assert officers_of_footage(idle) == ["张三"]

"""Hand-over records (交接记录): one for each docking, numbered without holes, printed again, confirmed, on paper."""

import datetime as dt
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.custody import Act
from ingestd.core.errors import IntegrityError, RefusedError, UnavailableError
from ingestd.core.handover_record import REQUEST as RECORD_REQUEST
from ingestd.core.handover_record import CountedName, files_digest, missing_by_number
from ingestd.pipeline.describe import describe
from ingestd.pipeline.parts import Parts
from ingestd.stores.handover_records import RecordBook
from ingestd.stores.ledger import read_entries
from ingestd.wiring import record_desk
from tests.support.process import Installation, wait_until
from tests.support.station import Station, build_station, dock, write_card

SHANGHAI = ZoneInfo("Asia/Shanghai")
BY = "王五"


def card_of(root: Path, *numbers: int, second: int = 0) -> Path:
    names = [f"DCIM/100ANDRO/0000007_00001220261121083{n:02d}{second}_{n:04d}.mp4" for n in numbers]
    return write_card(root, {name: name.encode() for name in names})


def rows_of(station: Station) -> list[Any]:
    """What the catalogue shows of what this file is about."""
    with sqlite3.connect(station.catalogue_file) as connection:
        return [
            row for name in ("hand_over_records",) for row in connection.execute(f"SELECT * FROM {name} ORDER BY 1")
        ]


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return build_station(tmp_path / "station")


@pytest.fixture
def parts(station: Station, tmp_path: Path) -> Iterator[Parts]:
    with station.at_work() as parts:
        dock(card_of(tmp_path / "card", 1, 2, 5), parts)
        yield parts


def ask(parts: Parts, do: str, docking: str, **fields: Any) -> dict[str, Any]:
    request = RECORD_REQUEST.validate_python({"do": do, "by": BY, "docking": docking, **fields})
    return record_desk(lambda: parts).enter(request)


def the_docking(parts: Parts) -> str:
    return str(parts.catalogue.dockings()[0]["docking_id"])


def described(parts: Parts) -> None:
    while describe(parts):
        continue


def test_the_receipt_is_made_at_seal_before_anything_is_analysed(parts: Parts) -> None:
    assert record_desk(lambda: parts).make_receipts() == 1
    record = ask(parts, "make", the_docking(parts))
    assert record["number"] == f"station-01-{dt.datetime.now(SHANGHAI).year}-00001"
    assert (record["files_total"], record["addendum"], record["recorder"]["number"]) == (3, None, "0000007")
    held = {row["card_path"]: row["sha256"] for row in parts.catalogue.recordings()}
    assert {one["path"]: one["sha256"] for one in record["files"]} == held
    assert {one["fate"] for one in record["files"]} == {"copied"}


def test_numbers_that_the_names_leave_out_stand_on_the_receipt(parts: Parts) -> None:
    (hole,) = ask(parts, "make", the_docking(parts))["missing"]
    assert (hole["after"], hole["before"], hole["numbers"]) == (2, 5, [3, 4])


def test_numbers_that_an_earlier_docking_brought_are_not_missing(parts: Parts, tmp_path: Path) -> None:
    dock(card_of(tmp_path / "second", 6, 8), parts)
    dock(card_of(tmp_path / "third", 4, 7, 9), parts)
    assert ask(parts, "make", the_docking(parts))["missing"] == []


def test_the_addendum_follows_once_everything_is_analysed(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {"a.mp4": b"a", "b.mp4": b"b", "empty.mp4": b""})
    with station.at_work() as parts:
        dock(card, parts)
        desk = record_desk(lambda: parts)
        desk.make_receipts()
        assert desk.make_addenda() == 0
        described(parts)
        assert desk.make_addenda() == 1
        says_what_was_found(parts)


def says_what_was_found(parts: Parts) -> None:
    addendum = ask(parts, "make", the_docking(parts))["addendum"]
    assert addendum["recordings"] == 3
    assert sum(addendum["hand_over"].values()) == 3
    codes = {row["code"] for row in parts.catalogue.findings(docking=the_docking(parts))}
    assert {one["code"] for one in addendum["findings"]} == codes != set()


def test_each_docking_has_one_record_and_the_numbers_have_no_holes(parts: Parts, tmp_path: Path) -> None:
    for n in (11, 12):
        dock(card_of(tmp_path / f"card-{n}", n), parts)
    desk = record_desk(lambda: parts)
    assert (desk.make_receipts(), desk.make_receipts()) == (3, 0)
    ask(parts, "make", the_docking(parts))
    assert [row["position"] for row in RecordBook(parts.chronicle.engine).records()] == [3, 2, 1]


def test_a_number_out_of_its_turn_cannot_stand_in_the_ledger(parts: Parts) -> None:
    docking = the_docking(parts)
    act = Act(act="handover.receipt_made", subject=docking, data={"number": "x", "year": 2026, "position": 2})
    with pytest.raises(IntegrityError, match="out of its turn"):
        parts.chronicle.enter(act)


def test_each_print_is_counted_in_the_ledger_under_the_same_number(parts: Parts) -> None:
    docking = the_docking(parts)
    first, again = ask(parts, "print", docking), ask(parts, "print", docking)
    assert first["number"] == again["number"]
    assert (first["prints"], again["prints"]) == (1, 2)
    printed = [one for one in read_entries(parts.vault.ledger_folder) if one.act == "handover.record_printed"]
    assert [(one.actor, one.data["print"]) for one in printed] == [(BY, 1), (BY, 2)]


def test_giver_and_receiver_confirm_once_each(parts: Parts) -> None:
    docking = the_docking(parts)
    ask(parts, "confirm", docking, role="receiver")
    record = ask(parts, "confirm", docking, role="giver", name="张三")
    assert [(one["role"], one["name"], one["by"]) for one in record["confirmations"]] == [
        ("receiver", BY, BY),
        ("giver", "张三", BY),
    ]
    with pytest.raises(RefusedError, match="already"):
        ask(parts, "confirm", docking, role="receiver")


def test_records_are_the_same_in_a_rebuilt_catalogue(station: Station, tmp_path: Path) -> None:
    with station.at_work() as parts:
        dock(card_of(tmp_path / "card", 1, 2), parts)
        described(parts)
        ask(parts, "print", the_docking(parts))
        ask(parts, "confirm", the_docking(parts), role="receiver")
    before = rows_of(station)
    assert len(before) == 1
    assert station.cli("catalogue", "rebuild").returncode == 0
    assert rows_of(station) == before


def test_a_list_of_files_that_is_not_the_sealed_one_is_said_to_be_so() -> None:
    files = [{"ordinal": 0, "path": "a.mp4", "size_bytes": 1, "sha256": "0" * 64}]
    assert files_digest(files) != files_digest([files[0] | {"sha256": "1" * 64}])


def counted(*numbers: int, day: int = 21) -> list[CountedName]:
    begin = dt.datetime(2026, 11, day, 1, tzinfo=dt.UTC)
    return [CountedName("x/7", begin + dt.timedelta(minutes=n), number) for n, number in enumerate(numbers)]


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        ((1, 2, 3), []),
        ((1, 4), [2, 3]),
        ((4, 5, 1, 2), []),
        ((1, 900), []),
        ((7,), []),
        ((1, 3, 2), []),
        ((1, 1, 2), []),
    ],
)
def test_only_a_step_that_counts_on_leaves_numbers_out(numbers: tuple[int, ...], missing: list[int]) -> None:
    assert [n for hole in missing_by_number(counted(*numbers), (), SHANGHAI) for n in hole["numbers"]] == missing


@given(st.lists(st.integers(0, 60), max_size=20), st.lists(st.integers(0, 60), max_size=20))
def test_no_number_that_is_there_or_held_from_that_day_is_called_missing(there: list[int], held: list[int]) -> None:
    holes = missing_by_number(counted(*there), counted(*held), SHANGHAI)
    named = [number for hole in holes for number in hole["numbers"]]
    assert not set(named) & {*there, *held}


def test_the_running_station_makes_the_record_by_itself(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "station")
    with installation.daemon():
        assert installation.run("ingest", card_of(tmp_path / "card", 1, 2)).status == 0

        def records() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = installation.json("handover", "list")
            return found

        wait_until(lambda: any(one["addendum_at"] for one in records()), what="the addendum")
        (record,) = records()
        assert installation.run("handover", "confirm", record["number"], "--as", "giver", "--by", BY).status == 0
    assert record["receipt"]["files_total"] == 2


# On paper


@pytest.fixture
def font() -> Path:
    from ingestd.casework.recordsheet import find_font

    try:
        return find_font(None)
    except UnavailableError as error:
        pytest.skip(f"{error.message}; `make deps` brings one")


def long_record(files: int) -> dict[str, Any]:
    listed = [
        {
            "ordinal": n,
            "path": f"DCIM/现场执法记录/0000007_{n:06d}.mp4",
            "kind": "file",
            "size_bytes": 1000 + n,
            "fate": "copied",
            "reason": None,
            "recording_id": None,
            "sha256": f"{n:064x}",
        }
        for n in range(files)
    ]
    finding: dict[str, Any] = {
        "finding_id": "9.0",
        "code": "set.missing",
        "severity": "warning",
        "paths": ["a/甲.mp4", "a/乙.mp4"],
    }
    finding |= {"start_s": None, "end_s": None, "start_utc": "2026-11-21T01:00:00.000Z", "end_utc": None}
    return {
        "number": "站-01-2026-00042",
        "station": "站-01",
        "docking": {
            "docking_id": "0" * 36,
            "bay": "bay-1",
            "opened_at": "2026-11-21T09:00:00.000Z",
            "closed_at": "2026-11-21T09:02:00.000Z",
            "outcome": "complete",
        },
        "recorder": {"number": "0000007", "is_settled_by_person": True, "model": "DSJ-X8"},
        "givers": [{"officer": "张三", "certificate": "粤A001", "unit": "一中队"}],
        "files_total": files,
        "bytes": 12345,
        "files_sha256": "a" * 64,
        "missing": [{"after": 2, "before": 5, "numbers": [3, 4]}],
        "regime": {"bureau": "江门市市场监督管理局", "article": "第四十一条"},
        "made_at": "2026-11-21T09:02:01.000Z",
        "files": listed,
        "are_files_as_sealed": False,
        "addendum": {
            "made_at": "2026-11-21T09:10:00.000Z",
            "recordings": files,
            "seconds": 3600.0,
            "hand_over": {"met": files, "excused": 1},
            "clock": [{"offset_s": -75.0}],
            "findings_total": 1,
            "findings": [finding],
        },
        "prints": 3,
        "confirmations": [{"role": "giver", "name": "张三", "at": "2026-11-21T09:11:00.000Z"}],
    }


@pytest.mark.full
def test_the_paper_has_its_number_and_place_on_every_page_and_chinese_that_can_be_read(
    font: Path, tmp_path: Path
) -> None:
    from ingestd.casework.recordsheet import sheet

    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed; `make deps` brings it")
    paper = tmp_path / "record.pdf"
    paper.write_bytes(sheet(long_record(90), zone=SHANGHAI, font=font))
    fonts = subprocess.run(["pdffonts", str(paper)], capture_output=True, text=True, check=True, timeout=60).stdout
    assert {tuple(line.split()[-5:-2]) for line in fonts.splitlines()[2:]} == {("yes", "yes", "yes")}
    command = ["pdftotext", "-layout", str(paper), "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    pages = text.split("\f")[:-1]
    assert len(pages) > 2
    for place, page in enumerate(pages, 1):
        assert "站-01-2026-00042" in page
        assert f"第 {place} 页 共 {len(pages)} 页" in page
        assert "重印 reprint 2" in page
    for words in (
        "张三（证号 粤A001，一中队）",
        "江门市市场监督管理局",
        "连续记录中缺少分段",
        "3、4",
        "2026-11-21 17:00:00",
    ):
        assert words in text
    everything = "".join(text.split())
    assert all(f"0000007_{n:06d}.mp4" in everything for n in range(90))


@pytest.mark.parametrize("name", ["<b>&lt;.mp4", "bell\x07tab\t.mp4", "😀‮.mp4", "长" * 400, "a" * 400, "𠮷.mp4", ""])
def test_no_name_of_a_file_spoils_the_paper(font: Path, name: str) -> None:
    from ingestd.casework.recordsheet import sheet

    record = long_record(1)
    record["files"][0]["path"] = name
    assert sheet(record, zone=SHANGHAI, font=font).startswith(b"%PDF")


def test_a_font_that_is_not_there_is_said_so_with_what_to_do(tmp_path: Path) -> None:
    from ingestd.casework.recordsheet import find_font, sheet

    with pytest.raises(UnavailableError, match="is not there"):
        find_font(tmp_path / "none.ttf")
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    with pytest.raises(UnavailableError, match="cannot be embedded"):
        sheet(long_record(1), zone=SHANGHAI, font=find_font(broken))

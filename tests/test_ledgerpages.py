"""The ledger read anywhere in bounded stretches, and the index of who did what."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.clock import SystemClock
from ingestd.core.custody import Act, Entry
from ingestd.stores.ledger import Ledger, read_entries
from ingestd.stores.ledgerpages import LedgerPages, needle
from ingestd.stores.ownacts import OwnActs, Wanted
from tests.support.station import Station, build_station, write_card

ENTRIES = 600


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of several segments, each of several hundred lines."""
    folder = tmp_path_factory.mktemp("ledger")
    writer = Ledger(folder, SystemClock(), segment_bytes=80_000)
    for start in range(0, ENTRIES, 50):
        acts = [
            Act(act="hold.placed" if number % 100 == 0 else "recording.sealed", subject=f"r{number}")
            for number in range(start + 1, start + 51)
        ]
        writer.append(writer.chain(acts))
    return folder


@pytest.fixture(scope="module")
def whole(folder: Path) -> list[Entry]:
    return list(read_entries(folder))


@pytest.fixture(scope="module")
def pages(folder: Path) -> LedgerPages:
    return LedgerPages(folder)


@given(first=st.integers(-3, ENTRIES + 3), length=st.integers(0, 300))
def test_a_span_is_what_reading_from_the_beginning_gives(
    pages: LedgerPages, whole: list[Entry], first: int, length: int
) -> None:
    found = pages.span(first, first + length)
    assert [line.entry for line in found] == whole[max(0, first - 1) : max(0, first + length)]
    assert all(line.fault is None for line in found)


@pytest.mark.parametrize("most", [37, 256, 5000])
def test_a_search_goes_on_where_it_stopped_and_finds_each_once(pages: LedgerPages, most: int) -> None:
    found, before = [], ENTRIES + 1
    while True:
        part = pages.search((needle("act", "hold.placed"),), lambda _: True, before=before, limit=3, most=most)
        found += [line.seq for line in part.lines]
        assert before - part.reached <= most
        before = part.reached
        if part.is_whole:
            break
    assert found == list(range(ENTRIES, 0, -100))


def test_what_only_looks_alike_is_not_found(folder: Path, tmp_path: Path) -> None:
    writer = Ledger(tmp_path, SystemClock())
    writer.append(writer.chain([Act(act="a.b", data={"actor": "王海"}), Act(act="a.b", actor="王海")]))
    needles = (needle("actor", "王海"),)
    found = LedgerPages(tmp_path).search(needles, lambda entry: entry.actor == "王海", before=3, limit=9)
    assert [line.seq for line in found.lines] == [2]


def test_lines_that_come_later_are_seen_and_a_torn_one_is_not(tmp_path: Path) -> None:
    writer, pages = Ledger(tmp_path, SystemClock()), LedgerPages(tmp_path)
    writer.append(writer.chain([Act(act="a.b")]))
    assert pages.last_seq() == 1
    writer.append(writer.chain([Act(act="a.c")]))
    with (tmp_path / "000001.jsonl").open("ab") as file:
        file.write(b'{"seq":3')
    assert (pages.last_seq(), [line.seq for line in pages.span(1, 9)]) == (2, [1, 2])


def test_the_first_entry_from_a_time_on_is_found(pages: LedgerPages, whole: list[Entry]) -> None:
    moment = whole[400].time
    expected = next(entry.seq for entry in whole if entry.time >= moment)
    assert pages.first_from(moment) == expected
    assert pages.first_from("9999") == ENTRIES + 1
    assert pages.first_from("") == 1


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        (lambda lines: [*lines[:4], lines[4].replace(b"r5", b"rX"), *lines[5:]], {5}),
        (lambda lines: [*lines[:4], *lines[5:]], {5, 6, 7, 8, 9}),
        (lambda lines: [*lines[:4], b"torn\n", *lines[5:]], {5}),
        (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], {5, 6}),
    ],
)
def test_an_edited_removed_torn_or_moved_line_is_seen_where_it_stands(
    folder: Path, tmp_path: Path, change: object, bad: set[int]
) -> None:
    lines = (folder / "000001.jsonl").read_bytes().splitlines(keepends=True)[:10]
    assert callable(change)
    (tmp_path / "000001.jsonl").write_bytes(b"".join(change(lines)))
    found = LedgerPages(tmp_path).span(2, 20)
    assert {line.seq for line in found if line.fault is not None} >= bad


# The index


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    station = build_station(tmp_path / "station")
    station.ingest(write_card(tmp_path / "card", {"DCIM/a.txt": b"a"}))
    with station.opened() as parts:
        parts.chronicle.enter(Act(act="unit.entered", actor="刘工", subject="一科", data={"after": {"name": "一科"}}))
        parts.chronicle.enter(Act(act="clock.stepped", data={}))
    yield station


def test_acts_of_people_and_of_the_station_about_itself_are_indexed_and_daily_work_is_not(station: Station) -> None:
    with station.opened() as parts:
        rows = OwnActs(parts.chronicle.engine).acts(Wanted())
    assert [row["act"] for row in rows if row["act"] in ("unit.entered", "clock.stepped", "recording.sealed")] == [
        "clock.stepped",
        "unit.entered",
    ]


def test_an_older_catalogue_reads_in_what_its_ledger_has(station: Station) -> None:
    """As the migration leaves it: the table is empty, and `meta` says up to where it lacks."""
    before = station.tables()["own_acts"]
    with sqlite3.connect(station.catalogue_file) as connection:
        connection.execute("DELETE FROM own_acts")
        connection.execute(
            "INSERT INTO meta (key, value) SELECT 'own_acts_lack', value FROM meta WHERE key = 'applied_seq'"
        )
    with station.opened():
        pass
    assert station.tables()["own_acts"] == before
    assert not [row for row in station.tables()["meta"] if row[0] == "own_acts_lack"]

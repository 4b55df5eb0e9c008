"""Dockings of recorders that the register warns of: taken in whole, marked everywhere, settled by a person."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from ingestd.answers.recordings import recording_document
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.fleet import SAFE_WORDS
from ingestd.core.fleet_acts import Add, Change, Issue, Request, Return, Settle
from ingestd.core.lifecycle import BayState
from ingestd.pipeline.describe import describe
from ingestd.pipeline.fleet import FleetDesk
from ingestd.pipeline.parts import Parts
from ingestd.stores import migrations, schema
from tests.support.docks import plug
from tests.support.station import Station, build_station, dock, faults_of, write_card

BY = "王五"


def card_of(root: Path, number: str, words: str = "") -> Path:
    """A card whose names carry a recorder's number."""
    names = [f"DCIM/100ANDRO/{number}_0000122026112108300{n}_000{n}.mp4" for n in range(3)]
    return write_card(root, {name: f"{name} {words}".encode() for name in names})


def enter(parts: Parts, *requests: Request) -> None:
    FleetDesk(parts.fleet, parts.chronicle).enter(requests)


def lost(number: str) -> list[Request]:
    return [Add(by=BY, number=number), Change(by=BY, number=number, status="lost", reason="报告遗失")]


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return build_station(tmp_path / "station")


@pytest.fixture
def parts(station: Station) -> Iterator[Parts]:
    with station.at_work() as parts:
        yield parts


def test_a_lost_recorder_is_taken_in_whole_and_its_bay_sends_it_to_the_custodian(parts: Parts, tmp_path: Path) -> None:
    enter(parts, *lost("0000007"))
    result, last = plug(card_of(tmp_path / "card", "0000007"), parts)
    assert result.outcome == "complete"
    assert len(parts.catalogue.recordings()) == 3
    assert last.state == BayState.ATTENTION
    assert last.message == f"reported lost · 已挂失: {SAFE_WORDS}"
    assert result.attention == last.message


def test_a_recorder_in_use_ends_as_always(parts: Parts, tmp_path: Path) -> None:
    enter(parts, Add(by=BY, number="0000007"))
    _, last = plug(card_of(tmp_path / "card", "0000007"), parts)
    assert (last.state, last.message) == (BayState.DONE, "")
    assert parts.fleet.waiting() == []


def test_the_listing_carries_the_admission_before_anything_is_copied(parts: Parts, tmp_path: Path) -> None:
    enter(parts, *lost("0000007"))
    result, _ = plug(card_of(tmp_path / "card", "0000007"), parts)
    folder = parts.catalogue.docking(result.docking_id)["folder"]
    assert parts.vault.read_json(f"{folder}/listing.json")["admission"] == {
        "is_quarantined": True,
        "is_conflicting": False,
        "reason": "reported lost · 已挂失",
    }


def test_what_a_quarantined_docking_brought_is_marked_and_settling_takes_the_mark_off(
    parts: Parts, tmp_path: Path
) -> None:
    enter(parts, *lost("0000007"))
    result, _ = plug(card_of(tmp_path / "card", "0000007"), parts)

    def marks() -> set[bool]:
        rows = parts.catalogue.recordings()
        return {recording_document(row, parts.catalogue, parts.settings)["admission"]["is_quarantined"] for row in rows}

    assert marks() == {True}
    enter(parts, Settle(by=BY, docking=result.docking_id[-12:], reason="找回"))
    assert marks() == {False}
    assert parts.fleet.waiting() == []


def test_an_inlet_that_quarantines_is_heard(parts: Parts, tmp_path: Path) -> None:
    plug(card_of(tmp_path / "card", "0000007"), parts, is_quarantined="true")
    assert [row["admission_is_quarantined"] for row in parts.fleet.waiting()] == [True]


def test_unknown_recorders_are_quarantined_where_the_settings_say_so(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station", fleet__unknown="quarantine")
    with station.at_work() as parts:
        plug(card_of(tmp_path / "card", "0000007"), parts)
        assert [row["admission_reason"] for row in parts.fleet.waiting()] == ["not in the register · 未登记"]


def clones(parts: Parts, folder: Path) -> list[str]:
    """Two recorders with one serial, docked one after the other; the signs that the second one showed."""
    plug(card_of(folder / "one", "0000007"), parts, usb_serial="S1")
    parts.presence.leave("bay-1")
    result, last = plug(card_of(folder / "two", "0000008"), parts, usb_serial="S1")
    assert result.outcome == "complete"
    assert last.state == BayState.ATTENTION
    (found,) = parts.catalogue.findings(docking=result.docking_id, code="identity.conflict")
    return [one["sign"] for one in found["document"]["evidence"]["conflicts"]]


def test_one_serial_under_two_numbers_goes_to_a_person_with_all_its_footage(
    station: Station, parts: Parts, tmp_path: Path
) -> None:
    assert clones(parts, tmp_path) == ["one serial under two numbers"]
    assert len(parts.catalogue.recordings()) == 6
    (row,) = parts.fleet.waiting()
    assert (row["recorder_id"], row["admission_is_quarantined"]) == ("0000008", False)
    while describe(parts):
        continue
    assert faults_of(station, tmp_path / "one", tmp_path / "two") == []


def test_the_recorder_that_a_person_names_is_found_by_its_number_and_asked_about_no_more(
    parts: Parts, tmp_path: Path
) -> None:
    clones(parts, tmp_path)
    enter(parts, Add(by=BY, number="0000009"))
    enter(parts, Settle(by=BY, docking=parts.fleet.waiting()[0]["docking_id"], recorder="0000009", reason="核对外壳"))
    assert len(parts.catalogue.recordings(recorder="0000009")) == 3
    assert {row["recorder_id"] for row in parts.catalogue.recordings(recorder="0000009")} == {"0000008"}, (
        "what the card said stays as it was said"
    )
    assert [row["recorder_id"] for row in parts.fleet.dockings_of("0000009", limit=9)] == ["0000008"]


def test_a_pair_that_was_accepted_is_not_asked_about_again(parts: Parts, tmp_path: Path) -> None:
    clones(parts, tmp_path)
    enter(parts, Settle(by=BY, docking=parts.fleet.waiting()[0]["docking_id"], reason="同批序列号相同"))
    _, last = plug(card_of(tmp_path / "two", "0000008", "later"), parts, usb_serial="S1")
    assert last.state == BayState.DONE


def test_a_serial_that_is_on_record_for_another_recorder_goes_to_a_person_once(parts: Parts, tmp_path: Path) -> None:
    enter(parts, Add(by=BY, number="0000009", usb_serials=("S1",)))
    card = card_of(tmp_path / "card", "0000007")
    result, last = plug(card, parts, usb_serial="S1")
    assert (result.outcome, last.state) == ("complete", BayState.ATTENTION)
    (found,) = parts.catalogue.findings(docking=result.docking_id, code="identity.conflict")
    signs = found["document"]["evidence"]["conflicts"]
    assert signs == [{"sign": "the serial is on record for another number", "numbers": ["0000009"]}]
    enter(parts, Settle(by=BY, docking=result.docking_id, reason="序列号重复"))
    assert plug(card, parts, usb_serial="S1")[1].state == BayState.DONE


def test_a_recorder_whose_files_name_nobody_is_named_by_the_serial_that_the_register_has(
    parts: Parts, tmp_path: Path
) -> None:
    enter(parts, Add(by=BY, number="0000009", usb_serials=("S1",)))
    _, last = plug(write_card(tmp_path / "card", {"DCIM/VID_0001.mp4": b"x"}), parts, usb_serial="S1")
    assert last.state == BayState.DONE
    assert {row["recorder_id"] for row in parts.catalogue.recordings()} == {"0000009"}


def test_one_number_in_two_bays_at_a_time_goes_to_a_person(parts: Parts, tmp_path: Path) -> None:
    plug(card_of(tmp_path / "one", "0000007"), parts, bay="bay-1", usb_path="usb1/1-1")
    _, last = plug(card_of(tmp_path / "two", "0000007", "other"), parts, bay="bay-2", usb_path="usb1/1-2")
    assert last.state == BayState.ATTENTION
    assert [row["bay"] for row in parts.fleet.waiting()] == ["bay-2"]


def test_two_bays_that_are_plugged_at_one_instant_see_each_other(parts: Parts, tmp_path: Path) -> None:
    together = threading.Barrier(2)

    def bay(name: str) -> None:
        card = card_of(tmp_path / name, "0000007", name)
        together.wait()
        plug(card, parts, bay=name, usb_path=f"usb1/{name}")

    threads = [threading.Thread(target=bay, args=(name,)) for name in ("bay-1", "bay-2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(parts.fleet.waiting()) == 1


def test_a_folder_copied_from_a_recorder_in_a_bay_is_no_second_recorder(parts: Parts, tmp_path: Path) -> None:
    card = card_of(tmp_path / "card", "0000007")
    plug(card, parts, bay="bay-1", usb_path="usb1/1-1")
    dock(card, parts)
    assert parts.fleet.waiting() == []


def test_a_recorder_that_was_pulled_may_come_back_in_another_bay(parts: Parts, tmp_path: Path) -> None:
    card = card_of(tmp_path / "card", "0000007")
    plug(card, parts, bay="bay-1", usb_path="usb1/1-1")
    parts.presence.leave("bay-1")
    _, last = plug(card, parts, bay="bay-2", usb_path="usb1/1-2")
    assert last.state == BayState.DONE


# --- what the register does not allow ---------------------------------------------------------------------------------

REFUSED: dict[str, list[Request]] = {
    "the same recorder again": [Add(by=BY, number="0000007")],
    "a recorder that is issued": [Issue(by=BY, number="0000007", to="李四")],
    "a recorder that is not in use": [*lost("0000009"), Issue(by=BY, number="0000009", to="李四")],
    "a return of what nobody has": [Add(by=BY, number="0000009"), Return(by=BY, number="0000009")],
    "the station's own name": [Add(by="station", number="0000009")],
    "a recorder that nobody entered": [Change(by=BY, number="0000009", status="lost", reason="x")],
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_register_refuses_whole_batches(parts: Parts, what: str) -> None:
    enter(parts, Add(by=BY, number="0000007"), Issue(by=BY, number="0000007", to="张三"))
    head = parts.chronicle.head
    with pytest.raises((RefusedError, NotFoundError)):
        enter(parts, Add(by=BY, number="0000001"), *REFUSED[what])
    assert parts.chronicle.head == head
    assert parts.fleet.entry("0000001") is None


def test_an_ordinary_docking_cannot_be_settled(parts: Parts, tmp_path: Path) -> None:
    result, _ = plug(card_of(tmp_path / "card", "0000007"), parts)
    with pytest.raises(RefusedError, match="waits for nobody"):
        enter(parts, Settle(by=BY, docking=result.docking_id, reason="x"))


def test_asking_for_what_is_so_already_enters_nothing(parts: Parts) -> None:
    enter(parts, Add(by=BY, number="0000007", unit="一中队"))
    head = parts.chronicle.head
    enter(parts, Change(by=BY, number="0000007", status="known", unit="一中队", reason="x"))
    assert parts.chronicle.head == head


# --- rebuilt and upgraded ---------------------------------------------------------------------------------------------


def test_register_and_marks_are_the_same_in_a_rebuilt_catalogue(station: Station, tmp_path: Path) -> None:
    with station.at_work() as parts:
        enter(parts, Add(by=BY, number="0000007", unit="一中队", usb_serials=("S1", "S7")), *lost("0000009"))
        enter(parts, Issue(by=BY, number="0000007", to="张三"), Return(by=BY, number="0000007"))
        plug(card_of(tmp_path / "lost", "0000009"), parts)
        clones(parts, tmp_path)
        for row in parts.fleet.waiting():
            enter(parts, Settle(by=BY, docking=row["docking_id"], recorder="0000007", reason="核对"))
            break
        while describe(parts):
            continue
    before = station.tables()
    assert [len(before[name]) for name in ("recorders", "fleet_acts", "admissions")] == [2, 5, 3]
    assert station.cli("verify").returncode == 0
    assert station.cli("catalogue", "rebuild").returncode == 0
    assert station.tables() == before
    with sqlite3.connect(station.catalogue_file) as connection:
        connection.execute("UPDATE admissions SET reason = 'another'")
    assert station.tables() != before, "the comparison sees a row that differs"


def made_first(new: Path, old: Path) -> None:
    """Write what a catalogue holds into one with the tables and columns of the first migration only."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    engine = create_engine(f"sqlite:///{old}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with sqlite3.connect(old) as connection:
        connection.execute("ATTACH ? AS new", (str(new),))
        for (table,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            if table != "alembic_version":
                columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
                connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
        connection.execute("DELETE FROM main.meta WHERE key <> 'applied_seq'")


def test_a_catalogue_of_before_the_register_is_upgraded_to_what_a_rebuild_gives(
    station: Station, tmp_path: Path
) -> None:
    with station.at_work() as parts:
        plug(card_of(tmp_path / "card", "0000007"), parts, usb_serial="S1")
        while describe(parts):
            continue
    before = station.tables()
    made_first(station.catalogue_file, tmp_path / "old")
    for path in station.catalogue_file.parent.glob(f"{station.catalogue_file.name}*"):
        path.unlink()
    (tmp_path / "old").rename(station.catalogue_file)
    with station.at_work():
        pass
    # Of an act that no station knew then, no row is to be made. When the ledger's clock went back, and the number of
    # the act that sealed, are read from the ledger alone: an upgrade keeps the order and leaves the rest to a rebuild.
    known = before | {"clock_readings": [], "regime_editions": []}
    assert without_times_of_the_ledger(station.tables()) == without_times_of_the_ledger(known)
    assert json.dumps(before["admissions"]).count("S1") == 1


def without_times_of_the_ledger(tables: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    behind = [column.name for column in schema.recordings.columns].index("sealed_behind")
    return tables | {
        "meta": [row for row in tables["meta"] if row[0] != "latest_time"],
        "recordings": [(*row[:behind], *row[behind + 1 :]) for row in tables["recordings"]],
        "sealed_order": [row[1:] for row in sorted(tables["sealed_order"], key=lambda row: row[0])],
    }

"""The roster at a station: whose footage is, also when the roster is entered behind it, and what outlives a rebuild."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestd.casework.roster import RosterDesk
from ingestd.config.roster import begin_of, end_of
from ingestd.core.clock import SystemClock, to_text
from ingestd.core.custody import Act
from ingestd.core.errors import RefusedError
from ingestd.core.fleet_acts import Add as AddRecorder
from ingestd.core.fleet_acts import Issue, Return, Settle
from ingestd.core.roster import Roster, RosterBook, RosterEntry
from ingestd.core.roster_acts import Add, Correct, End, Request, Withdraw
from ingestd.pipeline.describe import describe
from ingestd.pipeline.fleet import FleetDesk
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.tag import told_of_user
from ingestd.stores.chronicle import rebuild
from ingestd.stores.deviceacts import DeviceActs
from ingestd.stores.roster import RosterRegister
from ingestd.wiring import fleet_desk, roster_desk, take_roster_file
from tests.support.station import Station, build_station, dock, write_card

BY = "王五"
NUMBER, USER = "0000007", "000012"
HEADER = "recorder,officer,certificate,unit,user,valid_from,valid_to\n"


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return build_station(tmp_path / "station")


@pytest.fixture
def parts(station: Station) -> Iterator[Parts]:
    with station.at_work() as parts:
        yield parts


@pytest.fixture
def desk(parts: Parts) -> RosterDesk:
    return roster_desk(lambda: parts)


def adding(parts: Parts, officer: str, first: str, last: str = "", recorder: str = NUMBER, **texts: str) -> Add:
    zone = parts.settings.station.zone_info
    ends_at = end_of(last, zone) if last else None
    return Add(by=BY, recorder=recorder, officer=officer, begins_at=begin_of(first, zone), ends_at=ends_at, **texts)


def entered(desk: RosterDesk, *requests: Request) -> None:
    desk.enter(requests)
    desk.settle()


def taken(
    parts: Parts, root: Path, *starts: str, recorder: str = NUMBER, files: dict[str | bytes, bytes] | None = None
) -> str:
    """A docking, now, of a card with recordings that began at these local times."""
    names = [f"DCIM/100ANDRO/{recorder}_{USER}{start}_000{place}.mp4" for place, start in enumerate(starts)]
    card = write_card(root, {**{name: name.encode() for name in names}, **(files or {})})
    result = dock(card, parts)
    while describe(parts):
        continue
    return result.docking_id


def named(parts: Parts) -> list[list[str]]:
    """The officers of every recording with a start in its name, in the order of their starts."""
    rows = [row for row in parts.catalogue.recordings() if row["tags"]["name"]["start"]]
    rows.sort(key=lambda row: str(row["recorded_start"]))
    return [[one["officer"] for one in row["tags"]["officers"]] for row in rows]


def conflicts(parts: Parts) -> list[dict[str, Any]]:
    return [row["document"]["evidence"] for row in parts.catalogue.findings(code="identity.conflict")]


def test_footage_belongs_to_whom_the_roster_named_when_it_was_recorded(
    parts: Parts, desk: RosterDesk, tmp_path: Path
) -> None:
    entered(desk, adding(parts, "张三", "2024-01-01", "2024-06-30"), adding(parts, "李四", "2024-07-01"))
    taken(parts, tmp_path / "card", "20240630235959", "20240701000000")
    assert named(parts) == [["张三"], ["李四"]], "docked long after both were recorded"


def test_a_roster_entered_after_the_docking_names_the_officers_of_what_lies_there(
    parts: Parts, desk: RosterDesk, tmp_path: Path
) -> None:
    taken(parts, tmp_path / "card", "20240630100000", "20240801100000")
    assert named(parts) == [[], []]
    entered(desk, adding(parts, "张三", "2024-01-01", "2024-06-30"), adding(parts, "李四", "2024-06-01", "2024-07-31"))
    assert named(parts) == [["张三", "李四"], []]


def test_a_correction_names_anew_what_it_touches_and_nothing_else(
    parts: Parts, desk: RosterDesk, tmp_path: Path
) -> None:
    entered(desk, adding(parts, "张山", "2024-01-01"), adding(parts, "李四", "2024-01-01", recorder="0000008"))
    taken(parts, tmp_path / "a", "20240630100000")
    taken(parts, tmp_path / "b", "20240701100000", recorder="0000008")
    seq = parts.chronicle.head[0]
    entered(desk, Correct(by=BY, entry_id=1, reason="姓名录错", officer="张三"))
    assert named(parts) == [["张三"], ["李四"]]
    assert parts.chronicle.head[0] == seq + 3, "corrected, one recording tagged again, settled"


@pytest.mark.parametrize(
    "request_",
    [
        End(by=BY, entry_id=1, ends_at=dt.datetime(2024, 3, 1, tzinfo=dt.UTC)),
        Withdraw(by=BY, entry_id=1, reason="从未发放"),
        Correct(by=BY, entry_id=1, reason="编号录错", recorder="0000008"),
    ],
)
def test_what_an_entry_no_longer_covers_names_nobody(
    parts: Parts, desk: RosterDesk, tmp_path: Path, request_: Request
) -> None:
    entered(desk, adding(parts, "张三", "2024-01-01"))
    taken(parts, tmp_path / "card", "20240630100000")
    entered(desk, request_)
    assert named(parts) == [[]]


def test_what_a_crash_kept_from_being_named_anew_is_named_at_the_next_start(
    parts: Parts, desk: RosterDesk, tmp_path: Path
) -> None:
    taken(parts, tmp_path / "card", "20240630100000")
    desk.enter([adding(parts, "张三", "2024-01-01")])
    assert named(parts) == [[]]
    after_the_crash = roster_desk(lambda: parts)
    assert after_the_crash.settle()
    assert named(parts) == [["张三"]]
    assert not after_the_crash.settle()


def test_a_number_in_the_name_that_is_anothers_is_a_conflict_until_the_roster_is_corrected(
    parts: Parts, desk: RosterDesk, tmp_path: Path
) -> None:
    li = adding(parts, "李四", "2024-01-01", recorder="0000008", certificate="2102", user=USER)
    entered(desk, adding(parts, "张三", "2024-01-01"), li)
    taken(parts, tmp_path / "card", "20240630100000")
    assert named(parts) == [["张三", "李四"]]
    (evidence,) = conflicts(parts)
    assert (evidence["roster"], evidence["file_name"]) == (["张三"], ["李四 (2102)"])
    entered(desk, Correct(by=BY, entry_id=2, reason="编号录错", user="000013"))
    assert (named(parts), conflicts(parts)) == ([["张三"]], [])


def test_a_recorder_issued_to_another_than_the_roster_names_is_told_of(
    parts: Parts, desk: RosterDesk, tmp_path: Path
) -> None:
    fleet = FleetDesk(parts.fleet, parts.chronicle)
    fleet.enter([AddRecorder(by=BY, number=NUMBER), Issue(by=BY, number=NUMBER, to="李四")])
    (answer,) = desk.enter([adding(parts, "张三", "2024-01-01")])
    assert "issued to 李四" in answer["notes"][0]
    soon = parts.clock.now() + dt.timedelta(hours=1)
    start = soon.astimezone(parts.settings.station.zone_info).strftime("%Y%m%d%H%M%S")
    taken(parts, tmp_path / "card", "20240630100000", start)
    assert named(parts) == [["张三"], ["张三", "李四"]], "before it was issued the fleet register says nothing"
    assert [one["fleet_register"] for one in conflicts(parts)] == [["李四"]]


def test_the_fleet_register_knows_who_had_a_recorder_at_a_moment(parts: Parts) -> None:
    fleet, moments = FleetDesk(parts.fleet, parts.chronicle), [parts.clock.now()]
    for request in (
        AddRecorder(by=BY, number=NUMBER),
        Issue(by=BY, number=NUMBER, to="李四"),
        Return(by=BY, number=NUMBER),
    ):
        fleet.enter([request])
        moments.append(parts.clock.now())
    assert [parts.fleet.holder_at(NUMBER, moment) for moment in moments] == [None, None, "李四", None]


def test_a_docking_that_a_person_settled_belongs_to_the_officers_of_the_recorder_that_was_named(
    parts: Parts, desk: RosterDesk, tmp_path: Path
) -> None:
    fleet = fleet_desk(lambda: parts)
    fleet.enter([AddRecorder(by=BY, number=NUMBER, status="lost"), AddRecorder(by=BY, number="0000008")])
    docking = taken(parts, tmp_path / "card", "20240630100000")
    entered(desk, adding(parts, "张三", "2024-01-01"), adding(parts, "李四", "2024-01-01", recorder="0000008"))
    assert named(parts) == [["张三"]]
    fleet.enter([Settle(by=BY, docking=docking, recorder="0000008", reason="核对外壳编号")])
    assert named(parts) == [["李四"]]


def test_the_user_in_a_device_info_file_is_a_source(station: Station, tmp_path: Path) -> None:
    profile = station.root / "config" / "recorders" / "gat.toml"
    section = '\n[device_info]\npath = "DEVICE.INI"\nformat = "ini"\ndevice = "device"\nuser = "user"\n'
    profile.write_text(profile.read_text("utf-8") + section, "utf-8")
    with station.at_work() as parts:
        entered(roster_desk(lambda: parts), adding(parts, "张三", "2024-01-01"))
        told: dict[str | bytes, bytes] = {"DEVICE.INI": f"device={NUMBER}\nuser=李四\n".encode()}
        taken(parts, tmp_path / "card", "20240630100000", files=told)
        assert named(parts) == [["张三", "李四"]]
        assert any(one.get("device_info") == ["李四"] for one in conflicts(parts))


def test_the_roster_and_what_follows_from_it_outlive_a_rebuild(station: Station, tmp_path: Path) -> None:
    with station.at_work() as parts:
        desk = roster_desk(lambda: parts)
        taken(parts, tmp_path / "card", "20240630100000")
        desk.take_file("roster.csv", [adding(parts, "赵六", "2023-01-01", "2023-06-30", recorder="0000009").row])
        entered(desk, adding(parts, "张三", "2024-01-01"), adding(parts, "李四", "2024-01-01", user=USER))
        entered(desk, Correct(by=BY, entry_id=2, reason="录错", certificate="2102"))
        entered(desk, Withdraw(by=BY, entry_id=3, reason="录错"))
    before = station.tables()
    rebuild(station.vault, station.catalogue_file, SystemClock()).engine.dispose()
    assert station.tables() == before
    assert len(before["roster_acts"]) == 5


def test_all_or_nothing_and_good_rows_are_what_they_say(parts: Parts, desk: RosterDesk) -> None:
    asked = [
        adding(parts, "张三", "2024-01-01"),
        adding(parts, "张三", "2024-02-01"),
        adding(parts, "李四", "2024-01-01"),
    ]
    with pytest.raises(RefusedError):
        desk.enter(asked)
    for is_dry_run, is_rest_taken, count in ((False, False, 0), (True, True, 0), (False, True, 2)):
        answers = desk.enter_each(asked, is_rest_taken=is_rest_taken, is_dry_run=is_dry_run)
        assert [answer["error"] is None for answer in answers] == [True, False, True]
        assert len(parts.roster.entries()) == count


# The configured file


def with_roster(station: Station, rows: str) -> None:
    (station.config_file.parent / "roster.csv").write_text(HEADER + rows, "utf-8")


def looked_at(station: Station, parts: Parts) -> list[str]:
    desk = roster_desk(lambda: parts)
    changes = take_roster_file(station.configuration, desk)
    desk.settle()
    return [act.act for act in changes.acts]


def test_the_configured_file_is_a_door_to_the_one_roster(station: Station, parts: Parts, tmp_path: Path) -> None:
    taken(parts, tmp_path / "card", "20240630100000")
    with_roster(station, f"{NUMBER},张三,,,,2024-01-01,\n")
    assert looked_at(station, parts) == ["roster.entered"]
    assert named(parts) == [["张三"]]
    assert [one["actor"] for one in parts.roster.history()] == ["roster.csv"]
    assert looked_at(station, parts) == []
    with_roster(station, f"{NUMBER},张三,,,,2024-01-01,2024-03-31\n{NUMBER},李四,,,,2024-04-01,\n")
    assert looked_at(station, parts) == ["roster.ended", "roster.entered"]
    assert named(parts) == [["李四"]]


# The port


@pytest.fixture(params=["table", "register"])
def book(request: pytest.FixtureRequest, parts: Parts, desk: RosterDesk) -> RosterBook:
    """Both that can be asked whose a recorder is, with the same rows."""
    asked = [
        adding(parts, "张三", "2024-01-01", "2024-06-30", certificate="1", user="000012"),
        adding(parts, "李四", "2024-03-01", certificate="2", user="000012"),
    ]
    desk.enter(asked)
    return (
        Roster(tuple(one.row for one in asked)) if request.param == "table" else RosterRegister(parts.chronicle.engine)
    )


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}+08:00")


def names(rows: tuple[RosterEntry, ...]) -> list[str]:
    return [row.officer for row in rows]


def test_a_book_names_who_had_a_recorder_at_a_moment(book: RosterBook) -> None:
    moments = ["2023-12-31T23:59", "2024-01-01T00:00", "2024-06-30T23:59", "2024-07-01T00:00"]
    found = [names(book.officers_of(NUMBER, at(one))) for one in moments]
    assert found == [[], ["张三"], ["张三", "李四"], ["李四"]]
    assert book.officers_of("12", at("2024-04-01T12:00")) == ()


def test_a_book_knows_people_by_number_certificate_and_name_first_those_of_the_moment(book: RosterBook) -> None:
    assert names(book.known_as("000012", at("2024-02-01T12:00"))) == ["张三"]
    assert names(book.known_as("1", at("2030-02-01T12:00"))) == ["张三"], "else those of any time"
    assert names(book.known_as("李四", at("2024-04-01T12:00"))) == ["李四"]
    assert book.known_as("", at("2024-04-01T12:00")) == ()


def test_terms_are_stored_in_utc(parts: Parts, desk: RosterDesk) -> None:
    desk.enter([adding(parts, "张三", "2024-01-01")])
    assert to_text(parts.roster.entries()[0].entry.begins_at) == "2023-12-31T16:00:00.000Z"


def test_what_a_recorder_told_over_its_own_interface_is_a_source(parts: Parts) -> None:
    visit, info = (
        "0192f0c4-0000-7000-8000-000000000001",
        {"device_number": NUMBER, "user_number": USER, "user_name": "李四"},
    )
    told = {"visit": {"visit_id": visit}, "info": info, "line_sha256": "0" * 64, "at": "2024-06-30T08:00:00.000Z"}
    parts.chronicle.enter(Act(act="device.info_read", subject=visit, data=told))
    acts = DeviceActs(parts.chronicle.engine)
    assert told_of_user({"api_visit": visit}, acts) == (("api", USER), ("api", "李四"))
    assert told_of_user({}, acts) == ()

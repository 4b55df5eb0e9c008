"""Vessels at a real station: logs in, candidates, an officer's word, and all of it back after a rebuild."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ingestd.answers.vessel_words import show_rows, vessel_document
from ingestd.casework.vessel_logs import VesselLogs
from ingestd.casework.vessels import VesselDesk, place_of
from ingestd.core.clock import SystemClock
from ingestd.core.errors import IngestdError, RefusedError
from ingestd.core.vessel_acts import VESSEL_FACT_ACTS, ConfirmVessel, ImportLogs, NameVessel, OverruleVessel, Request
from ingestd.stores.chronicle import rebuild
from ingestd.stores.heardfile import HeardFile
from ingestd.stores.ledger import read_entries
from ingestd.wiring import open_catalogue, open_checklists, open_vessel_matching, open_vessels, vessel_desks
from tests.support.ais import (
    FERRY,
    LATITUDE,
    LONGITUDE,
    NAME,
    PATROL,
    START,
    TRAWLER,
    harbour_lines,
    position,
    write_log,
    write_patrol_card,
)
from tests.support.process import Installation, wait_until

SOUND = f"{NAME}.wav"


@pytest.fixture(scope="module")
def docked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of a station that took a recording with a track in. Shared: take a copy."""
    root = tmp_path_factory.mktemp("docked")
    installation = Installation(root / "station")
    installation.station.ingest(write_patrol_card(root / "card"), is_described=True)
    return installation.state_dir


@pytest.fixture(scope="module")
def logged(docked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a log of what was heard around the recording. Shared: take a copy."""
    root = tmp_path_factory.mktemp("logged")
    installation = Installation(root / "station")
    shutil.copytree(docked, installation.state_dir, dirs_exist_ok=True)
    log = write_log(root / "harbour.log", harbour_lines())
    with counters(installation) as (_, logs):
        (document,) = logs.take(ImportLogs(by="李四", paths=(str(log),)))
    assert document["state"] == "imported"
    return installation.state_dir


def copied(state: Path, root: Path, **options: object) -> Installation:
    installation = Installation(root / "station", **options)
    shutil.copytree(state, installation.state_dir, dirs_exist_ok=True)
    return installation


@pytest.fixture
def station(docked: Path, tmp_path: Path) -> Installation:
    return copied(docked, tmp_path)


@pytest.fixture
def harbour(logged: Path, tmp_path: Path) -> Installation:
    return copied(logged, tmp_path)


@contextmanager
def counters(installation: Installation) -> Iterator[tuple[VesselDesk, VesselLogs]]:
    """The station's counters in this process, under its lock."""
    with installation.station.opened() as parts, closing(HeardFile(parts.settings.ais_file)) as file:
        yield vessel_desks(lambda: parts, file)


def enter(installation: Installation, *requests: Request) -> None:
    with counters(installation) as (desk, _):
        for request in requests:
            desk.enter(request)


def shown(installation: Installation) -> dict[str, Any]:
    """What `show` tells of vessels."""
    settings = installation.station.settings
    return vessel_document(str(open_catalogue(settings).recording(SOUND)["recording_id"]), open_vessels(settings))


def found(installation: Installation, place: tuple[float, float] | None = None) -> dict[str, Any]:
    return open_vessel_matching(installation.station.settings).match(SOUND, place).document()


def entered(installation: Installation, act: str) -> list[dict[str, Any]]:
    entries = read_entries(installation.station.vault.ledger_folder)
    return [entry.model_dump() for entry in entries if entry.act == act]


CONFIRMED = ConfirmVessel(by="张三", recording=SOUND, mmsi=TRAWLER, name="辽大金渔15008", number="2021-0456")
BY_HAND = NameVessel(by="张三", recording=SOUND, name="辽大金渔15008", number="A7")


def test_a_log_gives_candidates_with_number_distance_age_and_time_alongside(harbour: Installation) -> None:
    match = found(harbour)
    trawler, ferry = match["candidates"]
    assert (trawler["mmsi"], trawler["name"], trawler["call_sign"]) == (TRAWLER, "LIAO DA JIN YU 15008", "BABC1")
    assert trawler["imo"] == 9123453
    assert trawler["distance_m"] == pytest.approx(40, abs=1)
    assert trawler["is_alongside"] and trawler["alongside_s"] == 60
    assert ferry["mmsi"] == FERRY and not ferry["is_alongside"]
    assert PATROL not in {one["mmsi"] for one in match["candidates"]}
    assert (match["basis"]["times"], match["basis"]["datum"]) == ("satellites", "undeclared")


def test_the_stations_match_and_the_import_stand_in_the_ledger_with_who(harbour: Installation) -> None:
    (imported,) = entered(harbour, "vessel.log_imported")
    assert (imported["actor"], imported["data"]["source"]) == ("李四", "harbour.log")
    (matched,) = entered(harbour, "vessel.matched")
    assert matched["actor"] == "station"
    assert [one["state"] for one in shown(harbour)["candidates"]] == ["open", "open"]
    assert shown(harbour)["standing"] == []


def test_what_an_officer_confirms_comes_back_after_a_rebuild_and_without_the_reports(harbour: Installation) -> None:
    enter(harbour, CONFIRMED)
    before, told = harbour.station.tables(), shown(harbour)
    (fact,) = told["standing"]
    assert (fact["name"], fact["ais_name"], fact["number"]) == ("辽大金渔15008", "LIAO DA JIN YU 15008", "2021-0456")
    assert (fact["mmsi"], fact["said_by"], fact["is_by_hand"]) == (TRAWLER, "张三", False)
    for file in harbour.state_dir.glob("ais.sqlite3*"):
        file.unlink()
    rebuild(harbour.station.vault, harbour.catalogue_file, SystemClock()).engine.dispose()
    assert harbour.station.tables() == before
    assert shown(harbour) == told
    assert found(harbour)["reason"] == "nothing_heard"


def test_a_vessel_can_be_confirmed_after_its_reports_were_pruned(harbour: Installation) -> None:
    for file in harbour.state_dir.glob("ais.sqlite3*"):
        file.unlink()
    enter(harbour, CONFIRMED)
    (fact,) = shown(harbour)["standing"]
    assert fact["distance_m"] == pytest.approx(40, abs=1)


def test_a_name_by_hand_needs_no_ais_and_is_marked_everywhere(station: Installation) -> None:
    enter(station, BY_HAND)
    (fact,) = shown(station)["standing"]
    assert (fact["is_by_hand"], fact["mmsi"], fact["distance_m"], fact["age_s"]) == (True, None, None, None)
    ((_, words),) = show_rows(shown(station))
    assert "by hand, without AIS" in words and "MMSI" not in words
    assert not (station.state_dir / "ais.sqlite3").exists()


def test_beside_a_vessel_the_checklist_is_that_of_the_sea(station: Installation) -> None:
    lists = open_checklists(station.station.configuration)
    assert "vessel_spoken" not in {item.rule.id for item in lists.of_recording(SOUND).missing}
    enter(station, BY_HAND)
    assert "vessel_spoken" in {item.rule.id for item in lists.of_recording(SOUND).missing}


def test_to_name_a_vessel_again_takes_the_place_of_the_first_word(station: Installation) -> None:
    enter(station, BY_HAND, BY_HAND.model_copy(update={"number": "A8"}))
    assert [one["number"] for one in shown(station)["standing"]] == ["A8"]


def test_an_officer_overrules_what_was_confirmed_and_it_stays_in_the_ledger(harbour: Installation) -> None:
    enter(harbour, CONFIRMED, OverruleVessel(by="王五", recording=SOUND, vessel=str(TRAWLER), reason="仅路过"))
    assert shown(harbour)["standing"] == []
    states = {one["mmsi"]: one["state"] for one in shown(harbour)["candidates"]}
    assert states == {TRAWLER: "overruled", FERRY: "open"}
    (overruled,) = entered(harbour, "vessel.overruled")
    assert (overruled["actor"], overruled["data"]["note"]) == ("王五", "仅路过")
    assert overruled["data"]["ends"] == [entered(harbour, "vessel.confirmed")[0]["seq"]]
    assert open_vessels(harbour.station.settings).recordings_with(str(TRAWLER)) == []


def test_a_vessel_is_found_by_any_of_its_names_and_numbers(harbour: Installation) -> None:
    enter(harbour, CONFIRMED)
    book = open_vessels(harbour.station.settings)
    for word in ("15008", "2021-04", str(TRAWLER), "9123453", "babc1"):
        assert [one.mmsi for one in book.recordings_with(word)] == [TRAWLER], word
    assert book.recordings_with("15009") == []


def test_a_place_by_hand_gives_candidates_without_a_track(harbour: Installation) -> None:
    match = found(harbour, (LATITUDE, LONGITUDE))
    assert match["basis"]["by"] == "hand"
    assert match["candidates"][0]["speed_difference_knots"] is None
    assert not any(one["is_alongside"] for one in match["candidates"])
    enter(harbour, CONFIRMED.model_copy(update={"place": (LATITUDE, LONGITUDE)}))
    assert entered(harbour, "vessel.confirmed")[0]["data"]["basis"]["place"] == [LATITUDE, LONGITUDE]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (CONFIRMED.model_copy(update={"mmsi": 412999999}), "no candidate"),
        (CONFIRMED.model_copy(update={"by": "station"}), "signed `station`"),
        (CONFIRMED.model_copy(update={"recording": "nothing.mp4"}), "no recording"),
        (OverruleVessel(by="张三", recording=SOUND, vessel="辽大渔1", reason="x"), "neither a candidate"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(harbour: Installation, request_: Request, said: str) -> None:
    with pytest.raises(IngestdError, match=said):
        enter(harbour, request_)
    assert not any(entered(harbour, act) for act in VESSEL_FACT_ACTS)


@pytest.mark.parametrize(("place", "said"), [("north", "no place"), ("95,12", "off the globe"), ("1,2,3", "no place")])
def test_a_place_that_is_none_is_refused(place: str, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        place_of(place)


def test_the_commands_lead_from_a_log_to_a_confirmed_vessel(station: Installation, tmp_path: Path) -> None:
    log = write_log(tmp_path / "harbour.log", harbour_lines())
    bare = write_log(tmp_path / "bare.log", [position(TRAWLER, START).encode() + b"\n"])
    ended = station.run("vessel", "import", log, bare, "--by", "李四")
    assert ended.status == 1
    assert "imported · 已导入" in ended.out and "no vessel tells anything" in ended.out
    told = " ".join(station.run("vessel", "candidates", SOUND).out.split())
    assert "2 candidates out of 39 reports" in told and "LIAO DA JIN YU 15008" in told
    assert station.run("vessel", "confirm", SOUND, "trawler", "--by", "张三").status == 1
    assert station.run("vessel", "confirm", SOUND, str(TRAWLER), "--by", "张三").status == 0
    (fact,) = station.json("show", SOUND)["vessels"]["standing"]
    assert (fact["mmsi"], fact["said_by"]) == (TRAWLER, "张三")
    assert f"MMSI {TRAWLER}" in station.run("vessel", "list", str(TRAWLER)).out


def test_a_running_station_listens_imports_matches_and_takes_an_officers_word(docked: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    station = copied(docked, tmp_path, ais__feed=f"udp://127.0.0.1:{port}")
    log = write_log(tmp_path / "harbour.log", harbour_lines())
    with station.daemon() as daemon:
        assert '"ais": true' in daemon.get("/healthz")[1]
        (document,) = station.json("vessel", "import", log, "--by", "李四")
        assert document["counts"]["positions"] == 39
        assert station.run("vessel", "confirm", SOUND, str(TRAWLER), "--by", "张三").status == 0

        def is_stored() -> bool:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(position(FERRY, START).encode(), ("127.0.0.1", port))
            return 'ingestd_ais_reports_total{outcome="stored"} 1.0' in daemon.get("/metrics")[1]

        wait_until(is_stored, what="the feed's report is stored")
        assert "ingestd_ais_feed_up 1.0" in daemon.get("/metrics")[1]
        assert daemon.stop() == 0
    listed = station.json("vessel", "list")
    assert [(one["mmsi"], one["said_by"]) for one in listed["vessels"]] == [(TRAWLER, "张三")]
    assert [one["entered_by"] for one in listed["heard"]["captures"]] == ["station", "李四"]

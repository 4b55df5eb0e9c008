"""AIS logs in the rolling store: real ones with the counts of their manifest, repeats, wrong dates, pruning."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestd.casework.vessel_logs import VesselLogs
from ingestd.core.ais import Told, VesselIdentity, VesselReport
from ingestd.core.clock import SystemClock
from ingestd.core.errors import RefusedError, StoppedError, StoreError
from ingestd.core.settings import AisSettings
from ingestd.core.stop import Stop
from ingestd.core.vessel_acts import ImportLogs
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.database import open_for_writing
from ingestd.stores.heard import HeardVessels
from ingestd.stores.vault import Vault
from tests.support.ais import FERRY, START, TRAWLER, harbour_lines, position, shore_station, stamped, voyage, write_log

NOW = dt.datetime(2026, 3, 3, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


class Imports:
    """The desk for logs over a store and a ledger of its own."""

    def __init__(self, root: Path) -> None:
        vault = Vault(root / "vault")
        vault.prepare(vault_id="test", created="2026-01-01T00:00:00.000Z")
        self.engine = open_for_writing(root / "catalogue.sqlite3")
        self.heard = HeardVessels(root / "ais.sqlite3")
        self.spans: list[tuple[str, str]] = []
        self.stop = Stop()
        chronicle = Chronicle(vault, self.engine, SystemClock(), lambda _: None)
        settings = AisSettings()
        self.logs = VesselLogs(
            lambda: self.heard, chronicle, lambda: settings, SystemClock(), self.stop, self.spans.extend
        )

    def take(self, *paths: Path, **fields: Any) -> list[dict[str, Any]]:
        return self.logs.take(ImportLogs(by="张三", paths=tuple(map(str, paths)), **fields))


@pytest.fixture
def imports(tmp_path: Path) -> Iterator[Imports]:
    made = Imports(tmp_path)
    yield made
    made.heard.close()
    made.engine.dispose()


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("ais_dma_stream.txt", "2010-06-11T11:46:1", "2010-06-11T11:46:38"),
        ("ais_gpsd_nl.log", "2020-04-07T21:39:50", "2020-04-07T21:42:33"),
        ("ais_timestamped_ns.nmea", "2019-02-16T07:52:46", "2019-02-16T07:52:48"),
    ],
)
def test_a_real_log_gives_the_counts_of_its_manifest_and_the_times_of_its_dialect(
    corpus_dir: Path, imports: Imports, name: str, first: str, last: str
) -> None:
    files = json.loads((corpus_dir / "manifest.json").read_text("utf-8"))["files"]
    truth = next(one for one in files if one["name"] == name)["ground_truth"]["text"]
    (document,) = imports.take(corpus_dir / name)
    counts = document["counts"]
    assert document["state"] == "imported"
    assert {key: counts[key] for key in ("lines", "vdm", "vdo")} == {key: truth[key] for key in ("lines", "vdm", "vdo")}
    assert counts["gps_times"] == (truth["rmc"] or (corpus_dir / name).read_text("ascii").count("$PGHP"))
    assert counts["bad_checksums"] == counts["malformed"] == counts["wrong_dates"] == counts["undecodable"] == 0
    assert imports.heard.summary().reports == counts["positions"] > 100
    assert document["first"].startswith(first)
    assert document["last"].startswith(last)


def test_the_same_file_again_is_known_and_adds_nothing(imports: Imports, tmp_path: Path) -> None:
    log = write_log(tmp_path / "a.log", harbour_lines())
    first, second = imports.take(log, log)
    assert (first["state"], second["state"]) == ("imported", "known")
    assert second["counts"] == first["counts"]
    assert imports.heard.summary().reports == first["counts"]["positions"]
    assert len(imports.spans) == 1


def test_a_second_capture_of_the_same_time_adds_only_what_is_new(imports: Imports, tmp_path: Path) -> None:
    first = write_log(tmp_path / "a.log", harbour_lines())
    late = [stamped(position(TRAWLER, START, north_m=40, knots=0.3), START + dt.timedelta(seconds=1))]
    later = START + dt.timedelta(minutes=5)
    second = write_log(tmp_path / "b.log", [*late, *harbour_lines(), stamped(position(FERRY, later), later)])
    _, document = imports.take(first, second)
    assert (document["counts"]["positions"], document["counts"]["repeats"]) == (1, 40)


def test_a_log_whose_shore_stations_tell_another_date_is_refused_whole(imports: Imports, tmp_path: Path) -> None:
    off = dt.timedelta(days=7168)
    moments = [START + dt.timedelta(seconds=10 * one) for one in range(4)]
    lines = [stamped(shore_station(at), at - off) for at in moments]
    lines += [stamped(position(TRAWLER, at), at - off) for at in moments]
    log = write_log(tmp_path / "rollover.log", lines)
    (document,) = imports.take(log)
    assert (document["state"], imports.heard.summary().reports) == ("wrong_dates", 0)
    assert document["off_seconds"] == pytest.approx(-off.total_seconds(), abs=60)
    (mended,) = imports.take(log, shift_seconds=off.total_seconds())
    assert (mended["state"], mended["first"]) == ("imported", "2026-03-02T01:00:16.000Z")


def test_a_log_of_the_future_is_refused_whole(imports: Imports, tmp_path: Path) -> None:
    at = SystemClock().now() + DAY
    (document,) = imports.take(write_log(tmp_path / "future.log", [stamped(position(TRAWLER, at), at)]))
    assert (document["state"], document["counts"]["wrong_dates"]) == ("wrong_dates", 1)


def test_a_log_without_times_tells_nothing_and_says_so(imports: Imports, tmp_path: Path) -> None:
    (document,) = imports.take(write_log(tmp_path / "bare.log", [position(TRAWLER, START).encode() + b"\n"]))
    assert (document["state"], document["counts"]["without_time"]) == ("nothing", 1)


def test_a_file_that_cannot_be_read_does_not_hold_up_the_others(imports: Imports, tmp_path: Path) -> None:
    log = write_log(tmp_path / "a.log", harbour_lines())
    missing, good = imports.take(tmp_path / "missing.log", log)
    assert (missing["state"], good["state"]) == ("unreadable", "imported")
    assert "missing.log" in missing["message"]


def test_a_request_that_nobody_can_follow_reads_no_file(imports: Imports, tmp_path: Path) -> None:
    log = write_log(tmp_path / "a.log", harbour_lines())
    with pytest.raises(RefusedError, match="no time zone"):
        imports.take(log, zone="Asia/Dalian")
    with pytest.raises(RefusedError, match="absolute"):
        imports.take(Path("a.log"))
    assert imports.heard.captures() == []


def test_an_import_that_is_stopped_leaves_nothing(imports: Imports, tmp_path: Path) -> None:
    imports.stop.request()
    with pytest.raises(StoppedError):
        imports.take(write_log(tmp_path / "a.log", harbour_lines()))
    assert imports.heard.captures() == []


def test_an_import_that_was_killed_is_not_believed_and_taken_out_by_the_next(imports: Imports, tmp_path: Path) -> None:
    capture = imports.heard.begin("torn.log", "0" * 64, "张三", NOW)
    imports.heard.add(capture, [Told(START, VesselReport(FERRY, START, 38.92, 121.63, 0.0, payload="a"))], NOW)
    assert imports.heard.reports_between(START, START) == []
    imports.take(write_log(tmp_path / "a.log", harbour_lines()))
    assert [one["source"] for one in imports.heard.captures()] == ["a.log"]


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[HeardVessels]:
    store = HeardVessels(tmp_path / "ais.sqlite3")
    yield store
    store.close()


def entered(store: HeardVessels, entered_at: dt.datetime, *reports: VesselReport, source: str = "feed") -> None:
    capture = store.begin(source, None, "station", entered_at)
    store.add(capture, [Told(report.at, report) for report in reports], entered_at)
    store.finish(capture, {}, entered_at)


def numbered(count: int, at: dt.datetime = START) -> list[VesselReport]:
    return [
        VesselReport(TRAWLER, at + dt.timedelta(seconds=one), 38.92, 121.63, 0.0, payload=str(one))
        for one in range(count)
    ]


def test_pruning_by_age_counts_from_when_it_came_in(heard: HeardVessels) -> None:
    entered(heard, NOW - 40 * DAY, *numbered(3))
    entered(heard, NOW, *numbered(2, START - 3000 * DAY), source="an old log")
    assert heard.prune(NOW, keep_days=30, max_bytes=2**30) == 3
    assert [one["source"] for one in heard.captures()] == ["an old log"]
    assert heard.summary().reports == 2


def test_pruning_by_size_takes_the_earliest_entries_first(heard: HeardVessels) -> None:
    entered(heard, NOW, *numbered(20_000))
    entered(heard, NOW, *numbered(10, START + DAY))
    size_bytes = heard.summary().size_bytes
    assert heard.prune(NOW, keep_days=30, max_bytes=size_bytes // 2) > 0
    assert heard.summary().size_bytes <= size_bytes // 2
    assert heard.reports_between(START + DAY, START + 2 * DAY) != []


def test_a_box_across_the_date_line_holds_both_sides(heard: HeardVessels) -> None:
    places = [(1, 179.9), (2, -179.9), (3, 0.0)]
    reports = [VesselReport(412000000 + one, START, 10.0, east, payload=str(one)) for one, east in places]
    entered(heard, NOW, *reports)
    found = heard.reports_between(START, START, (9.0, 179.0, 11.0, -179.0))
    assert {one.mmsi for one in found} == {412000001, 412000002}


def test_a_vessel_goes_by_the_name_that_it_said_nearest_to_the_time(heard: HeardVessels) -> None:
    capture = heard.begin("feed", None, "station", NOW)
    words = [(START - 9 * DAY, "OLD", None), (START + DAY, "NEW", None), (START + 2 * DAY, None, "BABC1")]
    heard.add(capture, [Told(at, identity=VesselIdentity(TRAWLER, name, None, sign)) for at, name, sign in words], NOW)
    near = heard.identities_near([TRAWLER, FERRY], START)
    assert near == {TRAWLER: VesselIdentity(TRAWLER, "NEW", None, "BABC1")}
    assert heard.identities_near([TRAWLER], START - 9 * DAY)[TRAWLER].name == "OLD"


def test_a_file_that_is_no_store_is_told_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "ais.sqlite3"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError) as told:
        HeardVessels(file)
    assert "move it away" in told.value.advice


def test_static_data_of_a_vessel_comes_out_of_two_sentences(imports: Imports, tmp_path: Path) -> None:
    lines = [stamped(part, START) for part in voyage(TRAWLER, "LIAO DA JIN YU 15008", imo=9123453, call_sign="BABC1")]
    imports.take(write_log(tmp_path / "a.log", lines))
    told = imports.heard.identities_near([TRAWLER], START)[TRAWLER]
    assert told == VesselIdentity(TRAWLER, "LIAO DA JIN YU 15008", 9123453, "BABC1")

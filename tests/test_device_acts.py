"""What helpers did to recorders: entered once whatever happens, never lost, and believed of a disk only where sure."""

import base64
import datetime as dt
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ingestd.cli.app import app
from ingestd.core.clock import SystemClock, to_text
from ingestd.core.custody import Act
from ingestd.core.device_acts import RETURN_SECONDS, UNREADABLE, VisitAct, act_of_line, acts_of_file, told_of_disk
from ingestd.core.findings import finding as made_finding
from ingestd.core.manifest import canonical_json, sha256_of
from ingestd.daemon.device_acts import DeviceActsWork
from ingestd.devices.card import CardListing
from ingestd.devices.identity import identify
from ingestd.devices.told import ToldMounter
from ingestd.devices.udev import DeviceAction, DeviceEvent
from ingestd.pipeline.device_acts import DeviceActsDesk
from ingestd.pipeline.parts import Parts
from ingestd.stores.chronicle import rebuild
from ingestd.stores.deviceacts import DeviceActs
from ingestd.stores.devicejournal import MOST_BYTES, DeviceJournal
from tests.support.docks import DeviceFolder, plug
from tests.support.process import PROJECT, Installation, wait_until
from tests.support.station import Station, build_station, write_card

VISIT = "01a1fc05-0000-7000-8000-000000000001"
PORT = "/devices/pci0000:00/0000:00:14.0/usb1/1-3"
NOW = dt.datetime(2026, 11, 21, 8, 0, tzinfo=dt.UTC)
OFFSET = {"offset_s": 42.0, "uncertainty_s": 0.7, "source": "display"}


def document(act: str, number: int, **fields: Any) -> dict[str, Any]:
    visit = {"visit_id": VISIT, "address": "001-004", "usb_id": "4255:0001", "dialect": "ambarella_e1"}
    place = {"usb_path": PORT, "usb_serial": "S1"}
    told = {"act": act, "at": to_text(NOW), "by": "station", "number": number, "visit": visit | place}
    return told | fields


def offset_finding() -> dict[str, Any]:
    return made_finding("clock.offset", evidence=OFFSET).model_dump(mode="json")


def line(act: str, number: int, **fields: Any) -> bytes:
    return canonical_json(document(act, number, **fields)) + b"\n"


LINES = [
    line("device.unlock_asked", 1),
    line("device.info_read", 2, info={"device_number": "7012345", "user_name": "张三", "undecoded": {}}),
    line("device.clock_read", 3, finding=offset_finding()),
    line(
        "device.clock_set_asked", 4,
        set_to_local="2026-11-21T16:00:00", zone="Asia/Shanghai", offset_before_s=42.0, uncertainty_s=0.7,
    ),
    line("device.disk_asked", 5),
]  # fmt: skip


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return build_station(tmp_path / "station")


@pytest.fixture
def parts(station: Station) -> Iterator[Parts]:
    with station.at_work() as parts:
        yield parts


def folder_of(station: Station) -> Path:
    return station.settings.device_acts_dir


def desk_of(parts: Parts) -> DeviceActsDesk:
    return DeviceActsDesk(parts.settings.device_acts_dir, DeviceActs(parts.chronicle.engine), parts.chronicle)


def write_down(folder: Path, *lines: bytes, visit: str = VISIT) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / f"{visit}.jsonl"
    file.write_bytes(b"".join(lines))
    return file


def entered(station: Station) -> list[dict[str, Any]]:
    """The acts about devices in the ledger, read without the program."""
    texts = [segment.read_text("utf-8") for segment in sorted((station.vault.root / "ledger").iterdir())]
    entries = [json.loads(one) for text in texts for one in text.splitlines()]
    return [entry for entry in entries if entry["act"].startswith("device.")]


def digests(lines: list[bytes]) -> list[str]:
    return [sha256_of(one) for one in lines]


# --- one line ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", LINES, ids=lambda one: str(json.loads(one)["act"]))
def test_a_helpers_line_stands_in_the_ledger_as_it_was_written(one: bytes) -> None:
    act = act_of_line(one, VISIT)
    told = json.loads(one)
    assert (act.act, act.actor, act.subject) == (told["act"], "station", VISIT)
    assert act.data == {key: told[key] for key in told if key not in ("act", "by")} | {"line_sha256": sha256_of(one)}


BAD = {
    "torn": LINES[0][:-1],
    "no JSON": b"hello\n",
    "another visit's": LINES[0].replace(b"000001", b"000002"),
    "written by another hand": LINES[0].replace(b",", b", "),
    "a key given twice": LINES[0].replace(b'{"act"', b'{"act":"device.disk_asked","act"'),
    "an act that no helper has": line("fleet.registered", 1),
    "a field that no helper writes": line("device.unlock_asked", 1, findings=[1]),
    "no time": line("device.unlock_asked", 1, at="yesterday"),
    "no number of its own": line("device.unlock_asked", 0),
    "an offset without a figure": line("device.clock_read", 1, finding=offset_finding() | {"evidence": {}}),
    "a clock to be set to nothing": line("device.clock_set_asked", 1),
    "half a surrogate": LINES[0].replace(b"001-004", b"\\ud800"),
    "deeper than anybody reads": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("what", BAD)
def test_a_line_that_is_none_is_kept_by_its_bytes(what: str) -> None:
    act = act_of_line(BAD[what], VISIT)
    assert act.act == UNREADABLE
    assert base64.b64decode(act.data["line_b64"]) == BAD[what]


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader_and_none_are_lost(raw: bytes) -> None:
    acts = acts_of_file(raw, VISIT, frozenset(), is_over=True)
    assert all(Act.model_validate_json(canonical_json(act.model_dump())) == act for act in acts)
    parts = {base64.b64decode(act.data["line_b64"]) for act in acts}
    assert parts == {part for part in raw.replace(b"\n", b"\n\0").split(b"\0") if part} or b"\0" in raw


@given(st.data())
def test_lines_that_come_bit_by_bit_are_each_entered_once(data: st.DataObject) -> None:
    whole = b"".join(LINES)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    standing: list[str] = []
    for cut in cuts:
        acts = acts_of_file(whole[:cut], VISIT, frozenset(standing), is_over=False)
        standing += [act.data["line_sha256"] for act in acts]
    standing += [act.data["line_sha256"] for act in acts_of_file(whole, VISIT, frozenset(standing), is_over=True)]
    assert standing == digests(LINES)


# --- the ledger -------------------------------------------------------------------------------------------------------


def test_a_finished_visit_is_entered_in_order_and_its_file_goes(station: Station, parts: Parts) -> None:
    file = write_down(folder_of(station), *LINES)
    assert desk_of(parts).take_over().entered == 5
    assert [one["data"]["line_sha256"] for one in entered(station)] == digests(LINES)
    assert not file.exists()
    assert desk_of(parts).take_over().entered == 0


def test_a_file_that_came_back_after_a_power_cut_is_not_entered_twice(station: Station, parts: Parts) -> None:
    for _ in range(2):
        file = write_down(folder_of(station), *LINES)
        desk_of(parts).take_over()
    assert (len(entered(station)), file.exists()) == (5, False)


def test_a_helper_at_work_is_heard_and_its_file_stays(station: Station, parts: Parts) -> None:
    with closing(DeviceJournal(folder_of(station), VISIT)) as journal:
        journal.append(LINES[0])
        journal.append(LINES[1])
        assert desk_of(parts).take_over().entered == 2
        journal.append(LINES[2])
        assert len(list(folder_of(station).iterdir())) == 1
    assert desk_of(parts).take_over().entered == 1
    assert list(folder_of(station).iterdir()) == []
    assert [one["data"]["line_sha256"] for one in entered(station)] == digests(LINES[:3])


def test_a_torn_line_waits_for_its_end_while_its_helper_works_and_is_kept_when_it_died(
    station: Station, parts: Parts
) -> None:
    code = (
        "import sys, pathlib\nfrom ingestd.stores.devicejournal import DeviceJournal\n"
        "journal = DeviceJournal(pathlib.Path(sys.argv[1]), sys.argv[2])\n"
        "journal.append(b'begun\\n')\nprint('ready', flush=True)\nsys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(folder_of(station)), VISIT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT) as helper:
        assert helper.stdout is not None
        assert helper.stdout.readline() == b"ready\n"
        file = folder_of(station) / f"{VISIT}.jsonl"
        file.write_bytes(LINES[0] + b'{"act":"dev')
        assert (desk_of(parts).take_over().entered, file.exists()) == (1, True)
        os.kill(helper.pid, signal.SIGKILL)
    taken = desk_of(parts).take_over()
    assert (taken.entered, file.exists()) == (1, False)
    assert [name for name, _ in taken.unreadable] == [file.name]
    assert base64.b64decode(entered(station)[-1]["data"]["line_b64"]) == b'{"act":"dev'


def test_what_is_no_file_of_a_helpers_is_left_where_it_is(station: Station, parts: Parts) -> None:
    folder = folder_of(station)
    folder.mkdir()
    (folder / "notes.txt").write_text("x")
    (folder / "link.jsonl").symlink_to(station.config_file)
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "big.jsonl").write_bytes(b"\n" * (MOST_BYTES + 1))
    taken = desk_of(parts).take_over()
    assert (taken.entered, sorted(name for name, _ in taken.left)) == (
        0,
        ["big.jsonl", "link.jsonl", "notes.txt", "pipe.jsonl"],
    )
    assert len(list(folder.iterdir())) == 4


KILLED = """
import os, sys
from pathlib import Path
from ingestd.config.load import load_all
from ingestd.core.stop import Stop
from ingestd.pipeline.device_acts import DeviceActsDesk
from ingestd.stores.chronicle import rebuild
from ingestd.stores.deviceacts import DeviceActs
from ingestd.wiring import open_parts, writer_lock
from tests.support.killed_at import DURABLE_CALLS, _Watch
configuration, folder = load_all(Path(sys.argv[1])), Path(sys.argv[2])

def take_over(kill_at):
    with writer_lock(configuration.settings), open_parts(configuration, Stop()) as parts:
        desk = DeviceActsDesk(folder, DeviceActs(parts.chronicle.engine), parts.chronicle)
        sys.setprofile(_Watch(DURABLE_CALLS, kill_at, folder.parent / "events.txt"))
        desk.take_over()
        sys.setprofile(None)

for kill_at in range(0, 1000, 2):
    visit = f"visit-{kill_at:03}"
    lines = Path(sys.argv[3]).read_bytes().replace(sys.argv[4].encode(), visit.encode())
    (folder / f"{visit}.jsonl").write_bytes(lines)
    pid = os.fork()
    if pid == 0:
        take_over(kill_at)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0:
        break
print(kill_at)
"""


def test_killed_at_any_step_each_act_stands_once_and_no_file_goes_too_early(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station")
    with station.at_work():
        folder_of(station).mkdir()
    (tmp_path / "lines").write_bytes(b"".join(LINES))
    arguments = map(str, (station.config_file, folder_of(station), tmp_path / "lines", VISIT))
    command = [sys.executable, "-c", KILLED, *arguments]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    kills = int(done.stdout)
    assert kills >= 8, "every write, sync, commit and removal is a place to be killed at"
    by_visit: dict[str, list[str]] = {}
    for one in entered(station):
        by_visit.setdefault(one["subject"], []).append(one["act"])
    acts = [json.loads(one)["act"] for one in LINES]
    assert by_visit == {f"visit-{number:03}": acts for number in range(0, kills + 1, 2)}
    assert list(folder_of(station).iterdir()) == []


def test_the_acts_are_the_same_in_a_rebuilt_catalogue(station: Station) -> None:
    with station.at_work() as parts:
        write_down(folder_of(station), *LINES, b"no line\n")
        desk_of(parts).take_over()
    before = station.tables()
    assert len(before["device_acts"]) == 6
    rebuild(station.vault, station.catalogue_file, SystemClock()).engine.dispose()
    assert station.tables() == before


def test_a_recorders_history_tells_its_offset_before_its_clock_was_set(station: Station, tmp_path: Path) -> None:
    with station.at_work() as parts:
        write_down(folder_of(station), *LINES)
        desk_of(parts).take_over()
        plug(write_card(tmp_path / "card", {"a_7012345.log": b"x"}), parts, api_device="7012345")
    asked = ["fleet", "show", "7012345", "-c", str(station.config_file)]
    history = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)["history"]
    acts = [one["act"] for one in history]
    assert acts.index("device.clock_read") < acts.index("device.clock_set_asked")
    assert history[acts.index("device.clock_read")]["finding"]["evidence"] == OFFSET
    assert "+42 s off" in CliRunner().invoke(app, asked).stdout


# --- whose disk it is -------------------------------------------------------------------------------------------------


def visit_acts(*acts: str, number: str = "7012345", serial: str = "S1", visit: str = VISIT) -> list[VisitAct]:
    return [VisitAct(visit, act, to_text(NOW), serial, number if act == "device.info_read" else None) for act in acts]


TOLD = visit_acts("device.unlock_asked", "device.info_read", "device.disk_asked")
SOON = NOW + dt.timedelta(seconds=4)


def test_the_disk_that_comes_back_at_once_is_the_recorder_that_told_its_number() -> None:
    assert told_of_disk(TOLD, "S1", SOON) == {"api_device": "7012345", "api_visit": VISIT}
    assert told_of_disk(TOLD, "", SOON)["api_device"] == "7012345"


UNSURE: dict[str, tuple[list[VisitAct], str, dt.datetime]] = {
    "nobody told anything": ([], "S1", SOON),
    "it came too late": (TOLD, "S1", NOW + dt.timedelta(seconds=RETURN_SECONDS + 1)),
    "it was there before": (TOLD, "S1", NOW - dt.timedelta(seconds=1)),
    "another serial": (TOLD, "S2", SOON),
    "a number of zeros": (visit_acts("device.info_read", "device.disk_asked", number="0000000"), "S1", SOON),
    "never asked to become a disk": (TOLD[:2], "S1", SOON),
    "another recorder was there since": (TOLD + visit_acts("device.unlock_asked", visit="later"), "S1", SOON),
}


@pytest.mark.parametrize("why", UNSURE)
def test_where_it_is_not_sure_no_number_is_believed_of_a_disk(why: str) -> None:
    assert told_of_disk(*UNSURE[why]) == {}


def test_a_docking_is_named_by_what_its_recorder_told_before_it_was_a_disk(
    station: Station, parts: Parts, tmp_path: Path
) -> None:
    now = parts.clock.now()
    at = to_text(now)
    lines = [canonical_json(json.loads(one) | {"at": at}) + b"\n" for one in (LINES[0], LINES[1], LINES[4])]
    write_down(folder_of(station), *lines)
    work = DeviceActsWork(parts, lambda *_: None)
    event = DeviceEvent(DeviceAction.ADDED, "/dev/sda1", usb_path=PORT, serial="S1")
    card = DeviceFolder(write_card(tmp_path / "card", {"DCIM/VID_0001.mp4": b"x"}), usb_path=PORT, usb_serial="S1")
    told = ToldMounter(card, lambda: work.told(event, now + dt.timedelta(seconds=5)))
    with told.mount() as mounted:
        assert (mounted.volume["api_device"], mounted.volume["api_visit"]) == ("7012345", VISIT)
        assert mounted.volume["usb_path"] == PORT
        identity = identify(CardListing(()), (), mounted.volume, station.settings.station.zone_info)
    assert (identity.recorder_id, ("api", "7012345") in identity.evidence) == ("7012345", True)


def test_a_running_station_enters_what_helpers_wrote_before_its_start(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.state_dir.mkdir(exist_ok=True)
    file = write_down(installation.state_dir / "device-acts", *LINES, b"tampered\n")
    with installation.daemon() as daemon:
        wait_until(lambda: "device_acts.unreadable" in daemon.log_file.read_text("utf-8"), what="the warning")
        assert not file.exists()
    assert len(entered(installation.station)) == 6

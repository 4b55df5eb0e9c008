"""The verified copy: what overlaps stays in order, what was interrupted goes on, what is broken is said."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingestd.cli.summary import FATE_WORDS
from ingestd.core.clock import SystemClock
from ingestd.core.lifecycle import BayState, Fate
from ingestd.core.model import Inlet, Progress
from ingestd.core.stop import Stop
from ingestd.stores.buffers import BufferPool
from ingestd.stores.engine import Lane
from tests.support.faults import fault_library, faulty_environment
from tests.support.station import Station, build_station, faults_of, write_card

MIB = 1024 * 1024
LONG = "DCIM/0000007_00001220261121083000_0001.mp4"
SHORT = "DCIM/0000007_00001220261121083500_0002.mp4"


@pytest.fixture
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fault_library(tmp_path_factory.getbasetemp())


class Descriptor:
    """A plain file as a source of blocks."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def read_into(self, view: memoryview, offset: int) -> int:
        return os.preadv(self.descriptor, [view], offset)


@pytest.mark.parametrize("size_bytes", [0, 1, MIB - 1, MIB, MIB + 1, 9 * MIB + 7])
def test_any_length_comes_over_whole_with_all_its_hashes(tmp_path: Path, size_bytes: int) -> None:
    data = os.urandom(size_bytes)
    (tmp_path / "source").write_bytes(data)
    marks: dict[int, str] = {}
    with BufferPool(MIB, 4, 2, SystemClock()).lane() as buffers:
        lane = Lane("test", buffers, ("sm3",), Stop(), SystemClock())
        source = os.open(tmp_path / "source", os.O_RDONLY)
        target = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
        copied = lane.copy(
            Descriptor(source),
            target,
            tmp_path / "target",
            expected_bytes=size_bytes,
            on_bytes=lambda _: None,
            on_mark=marks.__setitem__,
        )
        lane.close()
        os.close(source)
        os.close(target)
    assert (tmp_path / "target").read_bytes() == data
    assert (copied.sha256, copied.size_bytes) == (hashlib.sha256(data).hexdigest(), size_bytes)
    assert copied.digests == {"sm3": hashlib.new("sm3", data).hexdigest()}
    assert marks == {at: hashlib.sha256(data[:at]).hexdigest() for at in range(4 * MIB, size_bytes, 4 * MIB)}


def test_a_defect_in_a_thread_of_a_lane_is_raised_and_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(bytes(9 * MIB))

    def broken(offset: int, digest: str) -> None:
        raise ValueError(f"a defect at {offset}")

    with BufferPool(MIB, 4, 2, SystemClock()).lane() as buffers:
        lane = Lane("test", buffers, (), Stop(), SystemClock())
        source = os.open(tmp_path / "source", os.O_RDONLY)
        target = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
        with pytest.raises(ValueError, match="a defect at 4194304"):
            lane.copy(
                Descriptor(source),
                target,
                tmp_path / "target",
                expected_bytes=9 * MIB,
                on_bytes=lambda _: None,
                on_mark=broken,
            )
        lane.close()
        os.close(source)
        os.close(target)


def births(station: Station) -> dict[str, dict[str, Any]]:
    return {
        document["card"]["path"]: document
        for document in (json.loads(path.read_bytes()) for path in station.vault.root.glob("originals/**/*.birth.json"))
    }


def stopped_midway(station: Station, card: Path, after_bytes: int) -> None:
    stop = Stop()

    def report(progress: Progress) -> None:
        if progress.state == BayState.COPYING and progress.bytes_done > after_bytes:
            stop.request()

    assert station.ingest(card, report=report, stop=stop).outcome == "interrupted"


@pytest.fixture
def interrupted(tmp_path: Path) -> tuple[Station, Path, bytes]:
    """A station that was stopped in the middle of a file of 24 MiB, and its card."""
    station = build_station(tmp_path / "station")
    data = os.urandom(24 * MIB)
    card = write_card(tmp_path / "card", {LONG: data})
    stopped_midway(station, card, 21 * MIB)
    assert len(list(station.vault.staging_folder.glob("*.resume"))) == 1
    return station, card, data


def test_an_interrupted_file_goes_on_from_its_last_proven_mark(interrupted: tuple[Station, Path, bytes]) -> None:
    station, card, data = interrupted
    assert station.ingest(card, is_described=True).outcome == "complete"
    birth = births(station)[LONG]
    assert birth["proof"]["resumed_at"] in (12 * MIB, 16 * MIB, 20 * MIB)
    assert birth["content"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert faults_of(station, card) == []


def test_staged_bytes_that_the_disk_spoiled_are_not_built_on(interrupted: tuple[Station, Path, bytes]) -> None:
    station, card, data = interrupted
    (staged,) = station.vault.staging_folder.glob("*.part")
    with staged.open("r+b") as file:
        file.seek(5 * MIB)
        file.write(b"spoiled")
    assert station.ingest(card, is_described=True).outcome == "complete"
    birth = births(station)[LONG]
    assert birth["proof"]["resumed_at"] == 4 * MIB
    assert birth["content"]["sha256"] == hashlib.sha256(data).hexdigest()


def test_a_file_that_changed_meanwhile_is_a_new_file(interrupted: tuple[Station, Path, bytes]) -> None:
    station, card, data = interrupted
    times = (card / LONG).stat()
    other = b"changed" + data[7:]
    (card / LONG).write_bytes(other)
    os.utime(card / LONG, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert station.ingest(card, is_described=True).outcome == "complete"
    birth = births(station)[LONG]
    assert (birth["proof"]["resumed_at"], birth["content"]["sha256"]) == (0, hashlib.sha256(other).hexdigest())
    assert faults_of(station, card) == []


def ingest_with(station: Station, card: Path, environment: dict[str, str]) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "ingestd", "ingest", str(card), "--json", "--config", str(station.config_file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {"stderr": done.stderr}


def test_bad_places_are_read_around_mapped_and_said(tmp_path: Path, library: Path) -> None:
    station = build_station(tmp_path / "station", copy__retries=0)
    data = os.urandom(3 * MIB)
    card = write_card(tmp_path / "card", {LONG: data, SHORT: b"whole"})
    bad = (MIB + 5000, MIB + 70_000)
    status, document = ingest_with(
        station, card, faulty_environment(library, path=LONG[-12:], read=f"{bad[0]}-{bad[1]}", hurry=1)
    )
    assert (status, document["outcome"]) == (7, "incomplete")
    assert {one["card_path"]: one["fate"] for one in document["entries"]} == {LONG: "partial", SHORT: "copied"}
    (found,) = [one for one in document["findings"] if one["code"] == "read.error"]
    ((start, end),) = found["bytes"]
    assert start <= bad[0] and bad[1] <= end and end - start < bad[1] - bad[0] + 2 * 4096
    content = births(station)[LONG]["content"]
    held = (station.vault.root / content["path"]).read_bytes()
    assert held == data[:start] + bytes(end - start) + data[end:]
    assert content["unreadable"] == [[start, end]]


def in_child(words: str, *arguments: object, environment: dict[str, str]) -> str:
    """What a line of Python prints in a process of its own, where faults can be loaded before libc."""
    command = [sys.executable, "-c", words, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_behind_a_hole_is_gone_on_with_when_the_place_can_be_read_again(tmp_path: Path, library: Path) -> None:
    """Zeros in the place of refused bytes are no bytes of the recorder, whatever came after them."""
    station = build_station(tmp_path / "station", copy__retries=0)
    data = os.urandom(24 * MIB)
    card = write_card(tmp_path / "card", {LONG: data})
    words = (
        "import sys; from pathlib import Path; from tests.support.station import Station;"
        "from tests.test_copy_engine import stopped_midway;"
        "stopped_midway(Station(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]))"
    )
    bad = faulty_environment(library, path=LONG[-12:], read=f"{9 * MIB}-{9 * MIB + 100}")
    in_child(words, station.root, card, 21 * MIB, environment=bad)
    assert station.ingest(card, is_described=True).outcome == "complete"
    birth = births(station)[LONG]
    assert birth["proof"]["resumed_at"] == 8 * MIB
    assert (birth["content"]["sha256"], birth["content"]["unreadable"]) == (hashlib.sha256(data).hexdigest(), [])


def test_a_place_that_was_read_before_and_is_refused_now_is_no_hole(
    interrupted: tuple[Station, Path, bytes], library: Path
) -> None:
    station, card, data = interrupted
    environment = station.environment | faulty_environment(library, path=LONG[-12:], read="0-100", hurry=1)
    status, document = ingest_with(station, card, environment)
    assert (status, document["outcome"]) == (0, "complete")
    content = births(station)[LONG]["content"]
    assert (content["sha256"], content["unreadable"]) == (hashlib.sha256(data).hexdigest(), [])


def test_a_card_whose_absence_is_known_only_seconds_later_has_no_holes(tmp_path: Path, library: Path) -> None:
    """The kernel asks a reader for its card now and then; until it has, every read of a card that is out just fails."""
    (tmp_path / "film").write_bytes(os.urandom(MIB))
    words = (
        "import os, sys; from ingestd.core.clock import SystemClock; from ingestd.core.stop import Stop;"
        "from ingestd.core.errors import SourceGoneError; from ingestd.devices.reading import CardFile\n"
        "answers = iter([True] * 300)\n"
        "film = CardFile(os.open(sys.argv[1], os.O_RDONLY), lambda: next(answers, False), Stop(), "
        "SystemClock(), 0, 60)\n"
        "view = memoryview(bytearray(1 << 20))\n"
        "assert film.read_into(view, 0) == 1 << 20 and film.unreadable == [(0, 1 << 20)]\n"
        "if sys.argv[2] == 'gone': answers = iter([])\n"
        "try: film.confirm_holes(); print('holes')\n"
        "except SourceGoneError: print('gone')\n"
    )
    environment = faulty_environment(library, path="film", read=f"0-{MIB}", hurry=1)
    assert in_child(words, tmp_path / "film", "gone", environment=environment) == "gone"
    assert in_child(words, tmp_path / "film", "there", environment=environment) == "holes"


def test_a_block_that_comes_on_a_later_try_is_whole(tmp_path: Path, library: Path) -> None:
    station = build_station(tmp_path / "station")
    card = write_card(tmp_path / "card", {LONG: os.urandom(2 * MIB)})
    environment = faulty_environment(library, path=LONG[-12:], read="0-100", times="2")
    status, document = ingest_with(station, card, environment)
    assert (status, document["outcome"]) == (0, "complete")
    assert [one["code"] for one in document["findings"]] == ["file.unknown_type"]


def test_a_copy_that_the_disk_spoils_is_refused(tmp_path: Path, library: Path) -> None:
    station = build_station(tmp_path / "station")
    card = write_card(tmp_path / "card", {LONG: os.urandom(2 * MIB)})
    status, document = ingest_with(station, card, faulty_environment(library, path=".part", spoil="1000000"))
    assert status != 0
    assert "gave back other bytes" in document["stderr"]
    assert births(station) == {}
    assert station.ingest(card, is_described=True).outcome == "complete"
    assert faults_of(station, card) == []


def test_a_second_reading_of_the_recorder_is_written_down(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station", copy__read_source_twice=True)
    card = write_card(tmp_path / "card", {LONG: b"steady"})
    assert station.ingest(card).outcome == "complete"
    assert births(station)[LONG]["proof"]["second_reading"] == hashlib.sha256(b"steady").hexdigest()


def test_every_fate_and_outcome_has_its_words_for_people(tmp_path: Path, library: Path) -> None:
    station = build_station(tmp_path / "station", copy__retries=0)
    card = write_card(tmp_path / "card", {LONG: os.urandom(2 * MIB)})
    environment = faulty_environment(library, path=LONG[-12:], read="5000-6000", hurry=1)
    command = [sys.executable, "-m", "ingestd", "ingest", str(card), "--config", str(station.config_file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "copied with holes" in done.stdout
    assert "INCOMPLETE" in done.stdout
    assert set(FATE_WORDS) == set(Fate)


def reasons(station: Station, docking_id: str) -> dict[str, tuple[str, str]]:
    return {path: (row["fate"], (row["reason"] or "")[:14]) for path, row in station.entries(docking_id).items()}


def test_at_a_dock_a_known_file_is_not_read_again_and_the_accounting_says_so(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station")
    card = write_card(tmp_path / "card", {LONG: os.urandom(2 * MIB)})
    station.ingest(card, inlet=Inlet.UDEV)
    again = station.ingest(card, inlet=Inlet.UDEV)
    assert reasons(station, again.docking_id) == {LONG: ("already_held", "not read again")}
    in_full = station.ingest(card, inlet=Inlet.COMMAND)
    assert reasons(station, in_full.docking_id) == {LONG: ("already_held", "the same bytes")}


def test_at_a_dock_a_file_whose_sample_or_size_differs_is_read_and_taken_in(tmp_path: Path) -> None:
    station = build_station(tmp_path / "station")
    data = os.urandom(2 * MIB)
    card = write_card(tmp_path / "card", {LONG: data})
    station.ingest(card, inlet=Inlet.UDEV)
    times = (card / LONG).stat()
    (card / LONG).write_bytes(b"other" + data[5:])
    os.utime(card / LONG, ns=(times.st_atime_ns, times.st_mtime_ns))
    changed = station.ingest(card, inlet=Inlet.UDEV)
    assert reasons(station, changed.docking_id) == {LONG: ("copied", "")}

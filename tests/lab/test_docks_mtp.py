"""Recorders that hand out their files by MTP, in the bays of a real machine."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.lab import docklab, software
from tests.lab.cards import footage, sha256_of
from tests.lab.install import configure
from tests.lab.station_vm import STATE, StationVm, bay_name, numbers

pytestmark = [
    pytest.mark.skipif(docklab.why_not() != "", reason=docklab.why_not()),
    pytest.mark.skipif(software.why_not() != "", reason=software.why_not()),
    pytest.mark.timeout(1800),
]


def write_recorder(folder: Path, recorder: str, sizes: tuple[int, ...]) -> dict[str, str]:
    """The memory of a recorder as a folder, which the machine's own MTP responder hands out; SHA-256 by path."""
    files = footage(recorder, sizes)
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}


def tree(folder: Path) -> dict[str, tuple[str, int]]:
    """Everything about the files below a folder that reading must not change."""
    return {
        path.relative_to(folder).as_posix(): (sha256_of(path), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def by_name(files: dict[str, str]) -> dict[str, str]:
    """By the last part of the path: the protocol's own folders stand before the rest."""
    return {path.rsplit("/", 1)[-1]: sha256 for path, sha256 in files.items()}


def test_an_mtp_recorder_is_taken_in_whole_with_each_file_read_twice(station: StationVm, cards: Path) -> None:
    recorder = next(numbers)
    files = write_recorder(cards, recorder, (200_000, 800_000))
    before = tree(cards)
    station.plug(4, cards, serial="MTP-0004", kind="mtp")
    station.wait_ended(4)
    assert by_name(station.held(recorder)) == by_name(files)
    docking = next(one for one in station.dockings() if one["recorder_id"] == recorder)
    assert (docking["bay"], docking["outcome"]) == (bay_name(4), "complete")
    for row in station.recordings(recorder):
        proof = json.loads(station.sh(f"cat {STATE}/vault/{row['sidecar_path']}"))["proof"]
        assert proof["second_reading"] == row["sha256"]
    station.pull(4)
    assert tree(cards) == before


def test_an_mtp_recorder_that_is_pulled_while_it_is_read_is_completed_at_the_next_docking(
    station: StationVm, cards: Path
) -> None:
    recorder = next(numbers)
    files = write_recorder(cards, recorder, (100_000, 30_000_000))
    station.plug(5, cards, serial="MTP-0005", kind="mtp")
    station.wait_copying(5, 100_000)
    station.pull(5)
    station.wait_bay(5, "attention", "free")
    station.mark()
    station.plug(5, cards, serial="MTP-0005", kind="mtp")
    station.wait_done(5)
    assert by_name(station.held(recorder)) == by_name(files)
    assert not [one for one in station.json("findings", "--code", "read.error") if recorder in str(one["file"])]


def test_two_mtp_recorders_at_once_are_each_read_by_a_program_of_its_own(station: StationVm, cards: Path) -> None:
    docked = {}
    for bay in (4, 5):
        recorder = next(numbers)
        docked[bay] = (recorder, write_recorder(cards / recorder, recorder, (150_000 * bay,)))
        station.plug(bay, cards / recorder, serial=f"MTP-{bay:04}", kind="mtp")
    for bay, (recorder, files) in docked.items():
        station.wait_done(bay)
        assert by_name(station.held(recorder)) == by_name(files)


def test_what_speaks_mtp_and_is_on_no_list_is_not_opened(station: StationVm, cards: Path) -> None:
    """A phone that somebody charges is nobody's recorder."""
    phone = next(numbers)
    write_recorder(cards, phone, (1000,))
    allow(station, '["1209:b0d1"]')
    try:
        station.plug(4, cards, serial="PHONE", kind="mtp")
        station.wait_bay(4, "attention")
        station.wait(5)
        assert [leak for leak in station.leaks() if leak.startswith(("mount", "folder"))] == []
        assert station.sh("pgrep -x jmtpfs || true") == ""
        assert station.recordings(phone) == []
        station.pull(4)
    finally:
        allow(station, '["1209:b0d1", "46f4:0004"]')


def allow(station: StationVm, usb_ids: str) -> None:
    """Change the list of recorders as an administrator does."""
    configure(station, {"udev.allowed_usb_ids": usb_ids})
    station.sh("systemctl reload ingestd.service")

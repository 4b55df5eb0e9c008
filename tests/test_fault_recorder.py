"""Faults of the recorder while it is read, and of the ground that the station stands on: what is then said and kept."""

import errno
import json
import os
import random
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.faults import FaultyRun, fault_library, ingest_under, sealed_recordings, untruths
from tests.support.station import Station, build_station, card_state, faults_of, sha256_of_file, small_disk, write_card

IS_WHOLE_SWEEP = bool(os.environ.get("INGESTD_SWEEP"))

MIB = 1 << 20
LONG = "DCIM/0000007_00001220261121083000_0001.mp4"
FATES = {"copied", "already_held"}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fault_library(tmp_path_factory.getbasetemp())


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A file long enough for a journal, and short ones before and behind it."""
    files: dict[str | bytes, bytes] = {LONG: random.Random(1).randbytes(7 * MIB), "a.log": b"log", "z.log": b"last"}
    return write_card(tmp_path / "card", files)


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return build_station(tmp_path / "station", copy__batch_files=1, copy__retries=0)


def faulted(station: Station, card: Path, library: Path, **faults: object) -> FaultyRun:
    """A run that was really struck, ended by itself, and said nothing that is not so."""
    run = ingest_under(station, card, library, **faults)
    assert run.struck, "the fault never happened"
    assert "Traceback" not in run.errors, run.errors
    assert untruths(station) == []
    return run


def fates(run: FaultyRun) -> dict[str, str]:
    assert run.document is not None, run.errors
    return {entry["card_path"]: entry["fate"] for entry in run.document["entries"]}


def codes(run: FaultyRun) -> set[str]:
    assert run.document is not None, run.errors
    return {found["code"] for found in run.document["findings"]}


def redocked(station: Station, card: Path) -> list[str]:
    """What is wrong after the card, as it is now, was docked again without a fault."""
    before = sealed_recordings(station)
    outcome = station.ingest(card, is_described=True).outcome
    faults = [] if outcome == "complete" else [f"docked again: {outcome}"]
    faults += [f"sealed before, and gone: {one}" for one in before - sealed_recordings(station)]
    with closing(sqlite3.connect(station.catalogue_file)) as connection:
        rows = connection.execute("SELECT card_path, sha256 FROM recordings").fetchall()
    for path in card.rglob("*.*"):
        held = rows.count((path.relative_to(card).as_posix(), sha256_of_file(path)))
        if held != 1:
            faults.append(f"held {held} times as it is: {path.name}")
    # A copy with holes is a recording of its own, which the judge of complete dockings does not expect.
    return [*faults, *untruths(station), *faults_of(station)]


def birth_of(station: Station, card_path: str) -> dict[str, Any]:
    sidecars = [json.loads(path.read_bytes()) for path in station.vault.root.glob("originals/**/*.birth.json")]
    (birth,) = [one for one in sidecars if one["card"]["path"] == card_path]
    return dict(birth)


# --- media that fail --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [LONG, "a.log"])
def test_a_file_that_cannot_be_read_at_all_is_said_and_the_rest_is_secured(
    station: Station, card: Path, library: Path, path: str
) -> None:
    run = faulted(station, card, library, call="read", path=f"card/{path}", read=f"0-{(card / path).stat().st_size}")
    assert run.status == 7
    assert {one: fate for one, fate in fates(run).items() if fate not in FATES} == {path: "partial"}
    assert "read.error" in codes(run)
    assert redocked(station, card) == []


def test_a_file_that_cannot_be_opened_is_said_and_the_rest_is_secured(
    station: Station, card: Path, library: Path
) -> None:
    run = faulted(station, card, library, call="open", path=f"card/{LONG}")
    assert run.status == 7
    assert {one: fate for one, fate in fates(run).items() if fate not in FATES} == {LONG: "unreadable"}
    assert redocked(station, card) == []


def test_a_medium_that_fails_once_costs_nothing(tmp_path: Path, card: Path, library: Path) -> None:
    station = build_station(tmp_path / "station")
    run = faulted(station, card, library, call="read", path=f"card/{LONG}", nth=3, times=1)
    assert run.status == 0
    assert faults_of(station, card) == []


# --- a recorder that is pulled ----------------------------------------------------------------------------------------

PULLED: dict[str, dict[str, object]] = {
    "at the first byte": {"call": "read", "path": "card*/a.log"},
    "in the middle of a long file": {"call": "read", "path": "card*/*.mp4", "nth": 6},
    "early in a long file": {"call": "read", "path": "card*/*.mp4", "nth": 2},
    "at the last file": {"call": "read", "path": "card*/z.log"},
    "at the opening of a file": {"call": "open", "path": "card*/z.log"},
    "while the disk is full": {"call": "reserve", "path": ".part", "errno": errno.ENOSPC},
}


@pytest.mark.parametrize("moment", PULLED)
def test_a_pulled_recorder_interrupts_its_docking_and_the_next_one_completes_it(
    station: Station, card: Path, library: Path, moment: str
) -> None:
    before = card_state(card / "DCIM")
    run = faulted(station, card, library, action="pull", **PULLED[moment])
    assert run.status == 7, run.errors
    assert run.document is not None
    assert run.document["outcome"] == "interrupted"
    card.with_name("card.pulled").rename(card)
    assert card_state(card / "DCIM") == before
    assert redocked(station, card) == []
    assert faults_of(station, card) == []
    if moment == "in the middle of a long file":
        assert birth_of(station, LONG)["proof"]["resumed_at"] == 4 * MIB


@pytest.mark.parametrize("nth", [1, 3, 7] if IS_WHOLE_SWEEP else [3])
def test_killed_at_a_read_of_the_recorder_the_next_docking_completes(
    station: Station, card: Path, library: Path, nth: int
) -> None:
    run = faulted(station, card, library, call="read", path=f"card/{LONG}", nth=nth, action="kill")
    assert run.status == -9
    assert redocked(station, card) == []
    assert faults_of(station, card) == []


# --- files that change ------------------------------------------------------------------------------------------------


CHANGES = [(path, how, times) for path in (LONG, "a.log") for how in ("grow", "rewrite", "shrink") for times in (1, 2)]
if not IS_WHOLE_SWEEP:
    CHANGES = [(path, how, times) for path, how, times in CHANGES if (path == LONG) == (times == 1)]


@pytest.mark.parametrize(("path", "how", "times"), CHANGES)
def test_a_file_that_changes_while_it_is_read_is_never_called_whole(
    station: Station, card: Path, library: Path, path: str, how: str, times: int
) -> None:
    first = 4 if path == LONG else 1
    run = faulted(station, card, library, call="read", path=f"card/{path}", nth=first, times=times, action=how)
    assert len(run.struck) == times
    held = birth_of(station, path)
    if run.status == 0:
        assert held["content"]["sha256"] == sha256_of_file(card / path)
    else:
        assert run.status == 7
        assert "file.changed_while_read" in codes(run)
        assert held["proof"]["instability"]
    assert redocked(station, card) == []


# --- the ground that the station stands on ----------------------------------------------------------------------------


def test_on_a_disk_that_lives_in_memory_no_more_is_claimed_than_is_so(tmp_path: Path, card: Path) -> None:
    with small_disk(tmp_path / "disk", 256 * MIB) as disk:
        station = build_station(disk / "station")
        run = station.cli("ingest", card, "--json")
        assert run.returncode == 0, run.stderr
        assert faults_of(station, card) == []
        assert birth_of(station, LONG)["proof"]["read_back"] in ("cache", "medium")


def remounted(disk: Path, how: str) -> None:
    done = subprocess.run(["mount", "-o", f"remount,{how}", disk], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("a disk that became read-only needs the right to remount it (root)")


def test_on_a_disk_that_became_read_only_it_ends_with_a_word_and_goes_on_later(tmp_path: Path, card: Path) -> None:
    with small_disk(tmp_path / "disk", 256 * MIB) as disk:
        station = build_station(disk / "station")
        assert station.cli("ingest", write_card(tmp_path / "other", {"b.log": b"other"})).returncode == 0
        remounted(disk, "ro")
        run = station.cli("ingest", card, "--json")
        remounted(disk, "rw")
        assert (run.returncode, run.stderr[:7]) == (1, "error: "), run.stderr
        assert redocked(station, card) == []


def test_with_staging_on_another_disk_nothing_is_sealed_and_nothing_lost(tmp_path: Path, card: Path) -> None:
    station = build_station(tmp_path / "station")
    with station.at_work():
        pass
    station.vault.staging_folder.rmdir()
    with small_disk(station.vault.staging_folder, 64 * MIB):
        run = station.cli("ingest", card, "--json")
        assert (run.returncode, run.stderr[:7]) == (1, "error: "), run.stderr
        assert "Traceback" not in run.stderr
        assert sealed_recordings(station) == set()
        assert untruths(station) == []
    assert redocked(station, card) == []

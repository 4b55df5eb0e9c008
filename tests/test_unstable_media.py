"""Media that change between two looks: other bytes on the second reading, files that grow, vanish, or come late."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ingestd.core.lifecycle import BayState
from ingestd.core.model import Progress
from tests.support.books import books_faults, fates_of, standing
from tests.support.commands import command_server
from tests.support.faults import untruths
from tests.support.station import Station, build_station, faults_of, sha256_of_file, write_card
from tests.support.trees import noise
from tests.support.unstable import unstable_environment, unstable_library

MIB = 1 << 20
FILM = "DCIM/0000007_00001220261121083000_0001.mp4"
NOTE = "DCIM/0000007_00001220261121083500_0002.log"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unstable_library(tmp_path_factory.getbasetemp())


@pytest.fixture
def station(tmp_path: Path) -> Station:
    """A station that reads every file of a recorder twice."""
    return build_station(tmp_path / "station", copy__read_source_twice=True, copy__retries=0)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A file of more than a block and one of a few bytes."""
    return write_card(tmp_path / "card", {FILM: noise(1, 3 * MIB + 1), NOTE: noise(2, 700)})


class Run(NamedTuple):
    """What the program said of a docking."""

    status: int
    docking_id: str
    outcome: str
    fates: dict[str, str]
    found: dict[str, dict[str, Any]]
    """Evidence of findings about files, by `CODE PATH`."""


def ingested(station: Station, card: Path, library: Path, /, **faults: object) -> Run:
    """Take a card in by the real program, in a process of its own, from a medium like this."""
    environment = station.environment | unstable_environment(library, **faults)
    status, out, err = command_server(library).run(
        ["ingest", str(card), "--json"], folder=station.root, environment=environment, seconds=120
    )
    assert b"Traceback" not in err, err
    document = json.loads(out)
    docking_id = document["docking_id"]
    found = {
        f"{row['code']} {row['document']['file']}": row["document"]["evidence"]
        for row in station.catalogue().findings(docking=docking_id)
        if row["code"] in ("read.error", "read.unstable", "file.changed_while_read", "fixity.failed")
    }
    fates = {entry["card_path"]: entry["fate"] for entry in document["entries"]}
    assert untruths(station) == []
    assert faults_of(station, is_described=False) == []
    return Run(status, docking_id, document["outcome"], fates, found)


def digest_turned_at(path: Path, at: int) -> str:
    """The SHA-256 of a file as it is with one byte turned over."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    return hashlib.sha256(data).hexdigest()


def held_digests(station: Station) -> set[str]:
    return {row["sha256"] for row in station.catalogue().contents()}


# --- other bytes on the second reading --------------------------------------------------------------------------------


def test_a_sound_medium_is_read_twice_and_nothing_is_said_of_it(station: Station, card: Path, library: Path) -> None:
    run = ingested(station, card, library)
    assert (run.status, run.outcome, run.found) == (0, "complete", {})
    births = [json.loads(path.read_bytes()) for path in station.vault.root.glob("originals/**/*.birth.json")]
    assert [birth["proof"]["second_reading"] for birth in births] == [birth["content"]["sha256"] for birth in births]


@pytest.mark.parametrize(("path", "at"), [(FILM, 0), (FILM, 2 * MIB), (FILM, 3 * MIB), (NOTE, 699)])
def test_a_medium_that_gives_other_bytes_on_the_second_reading_is_named_with_both_digests(
    station: Station, card: Path, library: Path, path: str, at: int
) -> None:
    run = ingested(station, card, library, path=path, at=at, nth=2)
    first, second = sha256_of_file(card / path), digest_turned_at(card / path, at)
    assert run.found == {f"read.unstable {path}": {"first_reading": first, "second_reading": second}}
    assert (run.status, run.outcome) == (7, "incomplete")
    assert set(run.fates.values()) == {"copied"}
    assert books_faults(station, run.docking_id, standing(card)) == []


def test_a_first_reading_that_was_the_wrong_one_is_kept_and_the_true_bytes_come_with_the_next_docking(
    station: Station, card: Path, library: Path
) -> None:
    run = ingested(station, card, library, path=FILM, at=9, nth=1, times=1)
    wrong, true = digest_turned_at(card / FILM, 9), sha256_of_file(card / FILM)
    assert run.found == {f"read.unstable {FILM}": {"first_reading": wrong, "second_reading": true}}
    assert run.outcome == "incomplete"
    again = ingested(station, card, library)
    assert (again.outcome, again.found) == ("complete", {})
    assert again.fates == {FILM: "copied", NOTE: "already_held"}
    assert {wrong, true} <= held_digests(station)
    assert books_faults(station, again.docking_id, standing(card)) == []


def test_bytes_that_are_held_already_do_not_excuse_a_medium_that_gives_others_the_second_time(
    station: Station, card: Path, library: Path
) -> None:
    assert ingested(station, card, library).outcome == "complete"
    run = ingested(station, card, library, path=FILM, at=5, nth=2)
    assert run.fates == {FILM: "already_held", NOTE: "already_held"}
    assert list(run.found) == [f"read.unstable {FILM}"]
    assert (run.status, run.outcome) == (7, "incomplete")


def test_a_medium_that_always_gives_the_same_wrong_byte_cannot_be_told(
    station: Station, card: Path, library: Path
) -> None:
    run = ingested(station, card, library, path=FILM, at=5)
    assert (run.outcome, run.found) == ("complete", {})
    assert digest_turned_at(card / FILM, 5) in held_digests(station)


def test_without_the_setting_no_file_is_read_twice(tmp_path: Path, card: Path, library: Path) -> None:
    station = build_station(tmp_path / "once")
    run = ingested(station, card, library, path=FILM, at=5, nth=2)
    assert (run.outcome, run.found) == ("complete", {})


def test_what_was_read_whole_is_kept_when_the_second_reading_fails(station: Station, card: Path, library: Path) -> None:
    run = ingested(station, card, library, path=FILM, at=2 * MIB, nth=2, action="fail")
    assert run.outcome == "incomplete"
    assert sha256_of_file(card / FILM) in held_digests(station)


def test_a_recorder_pulled_in_the_second_reading_interrupts_its_docking(
    station: Station, card: Path, library: Path
) -> None:
    run = ingested(station, card, library, path=FILM, at=2 * MIB, nth=2, action="pull", card=card)
    assert run.outcome == "interrupted"
    assert run.fates == {FILM: "pending", NOTE: "pending"}
    card.with_name("card.pulled").rename(card)
    assert ingested(station, card, library).outcome == "complete"
    assert faults_of(station, card, is_described=False) == []


# --- files that grow --------------------------------------------------------------------------------------------------

APPENDS = """
import sys
with open(sys.argv[1], "ab", buffering=0) as file:
    for line in sys.stdin:
        file.write(bytes(int(line)))
        print("written", flush=True)
"""


@contextmanager
def writer(path: Path) -> Iterator[Callable[[int], None]]:
    """Another process that has a file open and appends so many bytes whenever it is asked to; they are then written."""
    process = subprocess.Popen(
        [sys.executable, "-c", APPENDS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    asked, answers = process.stdin, process.stdout
    assert asked is not None
    assert answers is not None

    def append(size_bytes: int) -> None:
        asked.write(f"{size_bytes}\n")
        asked.flush()
        assert answers.readline() == "written\n"

    try:
        yield append
    finally:
        process.communicate()


@pytest.mark.parametrize("is_read_twice", [False, True], ids=["read once", "read twice"])
@pytest.mark.parametrize("path", [FILM, NOTE])
def test_a_file_that_another_process_appends_to_while_it_is_read_is_flagged_and_held_whole_after_the_next_docking(
    tmp_path: Path, card: Path, path: str, is_read_twice: bool
) -> None:
    station = build_station(tmp_path / "station", copy__read_source_twice=is_read_twice)
    listed = standing(card)
    with writer(card / path) as append:

        def report(progress: Progress) -> None:
            if progress.state == BayState.COPYING and progress.file == path:
                append(300_000)

        result = station.ingest(card, report=report)
    found = station.catalogue().findings(docking=result.docking_id)
    assert {row["code"] for row in found if row["scope"] == "file"} == {"file.changed_while_read"}
    assert result.outcome == "incomplete"
    other = {os.fsencode(path): listed[os.fsencode(path)]._replace(sha256=None)}
    assert books_faults(station, result.docking_id, listed | other) == []
    again = station.ingest(card)
    assert again.outcome == "complete"
    assert books_faults(station, again.docking_id, standing(card)) == []
    assert faults_of(station, is_described=False) == []


# --- files that are something else by the time they are read ----------------------------------------------------------


def into_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_bytes(b"inside")


def into_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parents[2] / "outside" / path.name)


def into_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def behind_a_link(path: Path) -> None:
    path.parent.rename(path.parents[2] / "moved")
    path.parent.symlink_to(path.parents[2] / "outside")


def out_of_the_card(path: Path) -> None:
    path.parent.rename(path.parents[2] / "moved")


def into_a_shorter_one(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"short")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("become", [into_folder, into_link, into_pipe, behind_a_link, out_of_the_card])
def test_what_is_no_ordinary_file_any_more_when_it_is_read_is_said_and_never_followed(
    station: Station, card: Path, become: Callable[[Path], None]
) -> None:
    victim = card / "E" / "x.log"
    write_card(card, {"E/x.log": noise(1, 5000)})
    outside = write_card(card.parent / "outside", {"x.log": noise(2, 5000)})
    listed = standing(card)
    changes = iter([become])
    result = station.ingest(card, report=lambda _: next(changes, lambda _: None)(victim))
    told = {raw.decode(): one.fate for raw, one in fates_of(station, result.docking_id).items()}
    assert told == {FILM: "copied", NOTE: "copied", "E/x.log": "unreadable"}
    (found,) = station.catalogue().findings(docking=result.docking_id, code="read.error")
    assert found["document"]["file"] == "E/x.log"
    assert result.outcome == "incomplete"
    assert books_faults(station, result.docking_id, listed) == []
    assert sha256_of_file(outside / "x.log") not in held_digests(station)
    assert faults_of(station, is_described=False) == []


def test_another_file_in_the_place_of_the_listed_one_is_flagged(station: Station, card: Path) -> None:
    write_card(card, {"E/x.log": noise(1, 5000)})
    changes = iter([into_a_shorter_one])
    result = station.ingest(card, report=lambda _: next(changes, lambda _: None)(card / "E/x.log"))
    (found,) = station.catalogue().findings(docking=result.docking_id, code="file.changed_while_read")
    assert found["document"]["evidence"]["words"] == "listed with 5000 bytes, read with 5"
    assert result.outcome == "incomplete"
    assert station.ingest(card).outcome == "complete"


# --- reads that hang --------------------------------------------------------------------------------------------------


def ends(
    tmp_path: Path, library: Path, slow: Path, quick: Path, *, bay: str = "quick", path: str, at: int, seconds: int = 60
) -> tuple[Station, list[dict[str, str]]]:
    """A station with a card whose reading hangs and another card; how both dockings ended, in order.

    The read goes on when the first docking has ended, and after so many seconds in any case.
    """
    station = build_station(tmp_path / "station", copy__batch_files=2)
    held, gate = tmp_path / "held", tmp_path / "gate"
    faults = unstable_environment(library, path=path, at=at, action="hang", held=held, gate=gate, seconds=seconds)
    command = [sys.executable, "-m", "tests.support.unstable", *map(str, (station.root, slow, quick, held, bay))]
    with subprocess.Popen(command, env=station.environment | faults, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline()]
        gate.touch()
        told += process.stdout.readlines()
    assert faults_of(station, is_described=False) == []
    return station, [json.loads(line) for line in told if line]


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    return write_card(tmp_path / "slow", {FILM: noise(1, 3 * MIB), NOTE: b"note"})


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """Of another recorder, with more than one batch."""
    files: dict[str | bytes, bytes] = {f"{number}.log": b"%d" % number for number in range(5)}
    return write_card(tmp_path / "quick", {FILM.replace("0000007", "0000008"): noise(2, 5 * MIB), **files})


@pytest.mark.parametrize(("path", "at"), [(FILM, 0), (FILM, 2 * MIB), (NOTE, 0)])
def test_a_read_that_hangs_holds_up_no_other_bay_and_goes_on_by_itself(
    tmp_path: Path, library: Path, slow: Path, quick: Path, path: str, at: int
) -> None:
    station, told = ends(tmp_path, library, slow, quick, path=f"slow/{path}", at=at)
    assert told == [
        {"bay": "quick", "card": "quick", "outcome": "complete"},
        {"bay": "slow", "card": "slow", "outcome": "complete"},
    ]
    assert faults_of(station, slow, quick, is_described=False) == []


def test_the_judge_of_bays_sees_a_docking_that_waits_for_one_that_hangs(
    tmp_path: Path, library: Path, slow: Path, quick: Path
) -> None:
    _, told = ends(tmp_path, library, slow, quick, bay="slow", path=f"slow/{FILM}", at=0, seconds=1)
    assert [one["card"] for one in told] == ["slow", "quick"]


def test_a_copy_under_way_is_not_taken_over_by_another_bay_with_the_same_file_of_a_recorder_of_the_same_name(
    tmp_path: Path, library: Path
) -> None:
    cards = [write_card(tmp_path / name / "card", {"manual.mp4": noise(1, 9 * MIB)}) for name in ("slow", "quick")]
    for card in cards:
        os.utime(card / "manual.mp4", (1, 1))
    station, told = ends(tmp_path, library, *cards, path="slow/card/manual.mp4", at=6 * MIB)
    assert [(one["bay"], one["outcome"]) for one in told] == [("quick", "complete"), ("slow", "complete")]
    births = [json.loads(path.read_bytes()) for path in station.vault.root.glob("originals/**/*.birth.json")]
    assert [birth["proof"]["resumed_at"] for birth in births] == [0]

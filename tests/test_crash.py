"""The real process killed (SIGKILL) at every step of its work: after the next start nothing is lost, nothing twice."""

import json
import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from ingestd.core.clock import SystemClock
from ingestd.core.stop import Stop
from ingestd.pipeline.derive import derive_next
from ingestd.pipeline.scrub import verify_vault
from ingestd.stores.chronicle import rebuild
from ingestd.wiring import proxy_worker
from tests.support.clips import write_clip
from tests.support.killed_at import DURABLE_CALLS, Killer
from tests.support.station import Station, build_station, faults_of, write_card

IS_WHOLE_SWEEP = bool(os.environ.get("INGESTD_SWEEP"))
PARTS = 8 if IS_WHOLE_SWEEP else 3
"""Tests that share one sweep, so that they may run side by side."""

VARIANTS: Mapping[str, dict[str, object]] = {
    "one batch": {},
    "batches of two": {"copy__batch_files": 2},
    "a long file": {"copy__block_bytes": 1 << 20},
}
VIDEO = "DCIM/0000007_00001220261121083000_0001.mp4"
PHOTO = "DCIM/0000007_00001220261121083500_0002.jpg"


class Point(NamedTuple):
    """A place in the life of a process, by the number of the event and its words."""

    number: int
    words: str


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    with Killer(tmp_path_factory.mktemp("killer")) as killer:
        yield killer


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small, but with all that leaves a trace of its own: a position track, an empty file, a name in GBK, a link."""
    files: dict[str | bytes, bytes] = {VIDEO: b"no real footage", "empty.txt": b"", "执法.log".encode("gbk"): b"log"}
    card = write_card(tmp_path_factory.mktemp("cards") / "card", files)
    position = Image.Exif()
    position.get_ifd(0x8825).update({1: "N", 2: (31.0, 14.0, 5.0), 3: "E", 4: (121.0, 29.0, 1.0)})
    Image.new("RGB", (8, 8)).save(card / PHOTO, exif=position)
    (card / "link").symlink_to("empty.txt")
    return card


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory, card: Path) -> dict[str, Path]:
    """The card of each variant. The long file is long enough to be gone on with after an interruption."""
    files: dict[str | bytes, bytes] = {VIDEO: random.Random(1).randbytes(9 << 20), "a.log": b"log"}
    long = write_card(tmp_path_factory.mktemp("cards") / "long", files)
    return {name: long if name == "a long file" else card for name in VARIANTS}


# --- the judge is proved first ----------------------------------------------------------------------------------------


def _path(station: Station, column: str, table: str = "contents") -> Path:
    with sqlite3.connect(station.catalogue_file) as connection:
        row = connection.execute(f"SELECT {column} FROM {table} ORDER BY 1 LIMIT 1").fetchone()
    return station.vault.root / str(row[0])


def _ledger(station: Station) -> Path:
    return station.vault.ledger_folder / "000001.jsonl"


def _execute(station: Station, statement: str) -> None:
    with sqlite3.connect(station.catalogue_file) as connection:
        connection.execute(statement)


def _rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.chmod(0o640)
    path.write_bytes(change(path.read_bytes()))
    path.chmod(0o440)


SPOILED: dict[str, tuple[Callable[[Station], Any], str]] = {
    "an original is gone": (lambda one: _path(one, "vault_path").unlink(), "row without its file"),
    "an original was changed": (lambda one: _rewrite(_path(one, "vault_path"), lambda raw: raw + b"x"), "row without"),
    "an original can be written": (lambda one: _path(one, "vault_path").chmod(0o640), "not read-only"),
    "a sidecar is gone": (lambda one: _path(one, "sidecar_path", "recordings").unlink(), "without its sidecar"),
    "a sidecar was changed": (
        lambda one: _rewrite(_path(one, "sidecar_path", "recordings"), lambda raw: raw + b" "), "sha256sum -c"),
    "a stray original": (
        lambda one: (_path(one, "folder", "dockings") / "stray.mp4").write_bytes(b"x"), "nothing knows of"),
    "a stray folder": (
        lambda one: write_card(one.vault.root / "originals/2026/x", {"listing.json": b"{}"}), "nothing knows of"),
    "a row is gone": (lambda one: _execute(one, "DELETE FROM recordings WHERE size_bytes = 0"), "a sighting is copied"),
    "a recording twice": (
        lambda one: _execute(one, "INSERT INTO recordings SELECT 'r2', sha256, size_bytes, docking_id, recorder_id, "
                             "recorder_key, card_path, modified_ns, profile_id, sidecar_path, sealed_at, state, kind, "
                             "duration_s, facts, recorded_start, recorded_end, tags, take_id, keep_until, retention, "
                             "hand_over_state, hand_over, origin, sealed_behind, kept_by FROM recordings LIMIT 1"),
        "held 2 times"),
    "a sighting was never settled": (
        lambda one: _execute(one, "UPDATE sightings SET fate = 'pending' WHERE kind = 'file'"), "sighting is pending"),
    "a file of the card is missing": (
        lambda one: _execute(one, "DELETE FROM sightings WHERE size_bytes = 0 AND kind = 'file'"), "held 0 times"),
    "an open docking": (lambda one: _execute(one, "UPDATE dockings SET closed_at = NULL"), "a docking is open"),
    "something in staging": (lambda one: (one.vault.staging_folder / "x.part").write_bytes(b"x"), "nothing knows of"),
    "a line of the manifest is gone": (
        lambda one: _rewrite(_path(one, "folder", "dockings") / "SHA256SUMS", lambda raw: raw.split(b"\n", 1)[1]),
        "not in SHA256SUMS"),
    "a line of the ledger is gone": (
        lambda one: _rewrite(_ledger(one), lambda raw: raw.split(b"\n", 1)[1]), "the chain"),
    "a line of the ledger was changed": (
        lambda one: _rewrite(_ledger(one), lambda raw: raw.replace(b"copied", b"copiee")),
        "the chain"),
    "a torn line in the ledger": (
        lambda one: _rewrite(_ledger(one), lambda raw: raw[:-9]), "no entry"),
}  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, card: Path) -> Station:
    """A station that nobody spoiled; take a copy."""
    station = build_station(tmp_path_factory.mktemp("sound") / "station")
    station.ingest(card, is_described=True)
    return station


def test_the_judge_has_nothing_to_say_of_a_sound_station(sound: Station, card: Path) -> None:
    assert faults_of(sound, card) == []


@pytest.mark.parametrize("what", SPOILED)
def test_the_judge_finds_what_was_spoiled(sound: Station, card: Path, tmp_path: Path, what: str) -> None:
    shutil.copytree(sound.root, tmp_path / "station")
    station = Station(tmp_path / "station")
    spoil, words = SPOILED[what]
    spoil(station)
    assert any(words in fault for fault in faults_of(station, card)), faults_of(station, card)


# --- killing ----------------------------------------------------------------------------------------------------------


_RESUMABLE = re.compile(r"\.staging/[0-9a-f-]{36}\.(part|resume)$")


def points_of(events: Sequence[str], part: int, *, first: int, step: int) -> list[Point]:
    """This part's share of the events.

    In the full tier all of them, else the first at each place of the program, of these every `step`-th from `first`.
    What a disk holds before a call is what it held behind the call before it, so "before" says it all, but for the end.
    """
    wanted = [Point(number, words) for number, words in enumerate(events) if words.startswith("before")]
    if not IS_WHOLE_SWEEP:
        places = {point.words: point for point in reversed(wanted)}
        wanted = sorted(places.values())[first::step]
    return [*wanted, Point(len(events) - 1, events[-1])][part::PARTS]


def faults_after(station: Station, killer: Killer, card: Path) -> list[str]:
    """What is wrong after a start in this process, and after another docking of the same card by the real program."""
    with station.at_work():
        pass
    # Only an interrupted copy may stay in staging, to be gone on with.
    faults = [fault for fault in faults_of(station, is_described=False) if not _RESUMABLE.search(fault)]
    run = killer.run(station, "ingest", card)
    if run.status != 0:
        return [*faults, f"docking again ended with {run.status}: {run.output[-500:]}"]
    faults += faults_of(station, card)
    verdict = verify_vault(station.vault, station.catalogue(), stop=Stop(), block_bytes=1 << 20)
    faults += [str(fault) for fault in verdict.faults]
    before = station.tables()
    rebuild(station.vault, station.catalogue_file, SystemClock()).engine.dispose()
    if station.tables() != before:
        faults.append("the rebuilt catalogue differs")
    return faults


@pytest.fixture(scope="module")
def durable_events(
    killer: Killer, cards: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[str, ...]]:
    """Every durable call of one small ingest, first start included, counted in a run that nobody disturbs."""
    events = {}
    for name, options in VARIANTS.items():
        station = build_station(tmp_path_factory.mktemp("counted") / "station", **options)
        run = killer.run(station, "ingest", cards[name], watched=DURABLE_CALLS)
        assert run.status == 0
        events[name] = run.events
    return events


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("variant", VARIANTS)
def test_killed_at_any_durable_call_nothing_is_lost_and_nothing_twice(
    killer: Killer,
    cards: dict[str, Path],
    durable_events: dict[str, tuple[str, ...]],
    tmp_path: Path,
    variant: str,
    part: int,
) -> None:
    wrong: dict[Point, list[str]] = {}
    card = cards[variant]
    # The variants pass mostly the same places: each takes others of them.
    for point in points_of(durable_events[variant], part, first=list(VARIANTS).index(variant), step=13):
        station = build_station(tmp_path / str(point.number), **VARIANTS[variant])
        run = killer.run(station, "ingest", card, watched=DURABLE_CALLS, kill_at=point.number)
        # The two threads of a bay take turns as they like: the count is the point, its words may be the other's.
        assert run.was_killed, run.output
        if faults := faults_after(station, killer, card):
            wrong[point] = faults
    assert wrong == {}


def test_the_sweep_goes_through_every_step_of_the_work(durable_events: dict[str, tuple[str, ...]]) -> None:
    events = (*durable_events["batches of two"], *durable_events["a long file"])
    for function in (
        "open_books", "Lane._copy_small", "Lane._write", "verify", "seal", "finish", "close_books",
        "describe", "upgrade", "track_acts",
    ):  # fmt: skip
        assert any(function in words for words in events), function
    assert len(events) == 2 * sum(words.startswith("before") for words in events)


STAGES = (
    "ingestd.stores.durable.publish", "ingestd.stores.durable.move_new", "ingestd.stores.durable.sync_together",
    "ingestd.stores.durable.append_line", "ingestd.stores.ledger.Ledger.append",
    "ingestd.stores.chronicle.Chronicle.enter", "ingestd.pipeline.accounting.open_books",
    "ingestd.pipeline.acquire.acquire", "ingestd.pipeline.verify.verify", "ingestd.pipeline.seal.seal",
    "ingestd.pipeline.seal.finish", "ingestd.pipeline.accounting.close_books", "ingestd.pipeline.run.take_in",
    "ingestd.pipeline.analyse.analyse", "ingestd.pipeline.track.track_acts", "ingestd.pipeline.tag.tag",
    "ingestd.pipeline.register.register", "ingestd.pipeline.sets.assemble",
)  # fmt: skip


@pytest.mark.parametrize("stage", STAGES if IS_WHOLE_SWEEP else STAGES[1::3])
def test_killed_before_and_then_behind_any_stage_the_commands_find_all_in_order(
    killer: Killer, card: Path, tmp_path: Path, stage: str
) -> None:
    station = build_station(tmp_path / "station", copy__batch_files=2)
    assert killer.run(station, "ingest", card, watched=[stage], kill_at=0).was_killed
    assert killer.run(station, "ingest", card, watched=[stage], kill_at=1).was_killed
    assert killer.run(station, "ingest", card).status == 0
    assert faults_of(station, card) == []
    verdict = killer.run(station, "verify", "--json")
    assert json.loads(verdict.output)["faults"] == []
    before = killer.run(station, "list", "--json").output
    assert killer.run(station, "catalogue", "rebuild").status == 0
    assert killer.run(station, "list", "--json").output == before


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_again_in_the_middle_of_the_recovery_nothing_is_lost_and_nothing_twice(
    killer: Killer, card: Path, tmp_path: Path, part: int
) -> None:
    killed = build_station(tmp_path / "killed")
    assert killer.run(killed, "ingest", card, watched=["ingestd.pipeline.seal.finish"], kill_at=0).was_killed

    def copy(name: str) -> Station:
        shutil.copytree(killed.root, tmp_path / name)
        return Station(tmp_path / name)

    counted = killer.run(copy("counted"), "ingest", card, watched=DURABLE_CALLS).events
    recovery = counted[: next(number for number, words in enumerate(counted) if "open_books" in words)]
    assert any("finish < recover" in words for words in recovery)
    wrong: dict[Point, list[str]] = {}
    for point in points_of(recovery, part, first=0, step=8):
        station = copy(str(point.number))
        assert killer.run(station, "ingest", card, watched=DURABLE_CALLS, kill_at=point.number).was_killed
        if faults := faults_after(station, killer, card):
            wrong[point] = faults
    assert wrong == {}


def test_killed_in_the_middle_of_making_the_schema_the_next_start_makes_it(
    killer: Killer, card: Path, tmp_path: Path
) -> None:
    statements = ["Cursor.execute"]
    counted = killer.run(build_station(tmp_path / "counted"), "ingest", card, watched=statements).events
    schema = [words for words in counted if "upgrade" in words]
    wrong: dict[Point, list[str]] = {}
    for number in range(0, len(schema), 1 if IS_WHOLE_SWEEP else len(schema) // 3):
        station = build_station(tmp_path / str(number))
        assert killer.run(station, "ingest", card, watched=statements, kill_at=number).was_killed
        if faults := faults_after(station, killer, card):
            wrong[Point(number, counted[number])] = faults
    assert wrong == {}


def test_killed_in_the_middle_of_a_rebuild_the_next_start_goes_on(
    killer: Killer, sound: Station, tmp_path: Path
) -> None:
    calls = ("posix.rename", "posix.replace", "Connection.commit")
    before = sound.tables()
    number = 0
    while True:
        shutil.copytree(sound.root, tmp_path / str(number))
        station = Station(tmp_path / str(number))
        run = killer.run(station, "catalogue", "rebuild", watched=calls, kill_at=number)
        with station.at_work():
            pass
        assert station.tables() == before, run.events[-1]
        if not run.was_killed:
            break
        number += 1
    assert number >= 4


# --- the daemon -------------------------------------------------------------------------------------------------------

THREADS = {
    "the bay": "ingestd.pipeline.seal.finish",
    "describing": "ingestd.pipeline.tag.tag",
    "deriving": "ingestd.pipeline.derive._make",
}


@pytest.mark.parametrize("thread", THREADS)
@pytest.mark.parametrize("event", [0, 1], ids=["before", "behind"])
def test_a_daemon_killed_in_any_of_its_threads_is_mended_by_the_next_start(
    killer: Killer, tmp_path: Path, thread: str, event: int
) -> None:
    station = build_station(tmp_path / "station", inbox__settle_seconds=0.1)
    card = write_card(station.root / "var" / "inbox" / "card", {"a.log": b"log"})
    write_clip(card / "0000007_00001220261121083000_0001.avi", 1)
    run = killer.run(station, "run", watched=[THREADS[thread]], kill_at=event)
    assert run.was_killed, run.output
    assert killer.run(station, "ingest", card).status == 0
    with station.at_work() as parts, proxy_worker(parts.settings) as media:
        while derive_next(parts, media):
            continue
    assert faults_of(station, card) == []

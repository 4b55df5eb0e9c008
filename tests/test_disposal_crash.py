"""The process killed (SIGKILL) between any two steps of a disposal: no row is untrue, in the end all of it is done."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ingestd.core.clock import from_text, to_text
from ingestd.core.custody import Act
from ingestd.core.naming import derived_path
from ingestd.core.stop import Stop
from ingestd.pipeline.scrub import verify_vault
from ingestd.stores.chronicle import rebuild
from tests.support.disposal import MovableClock, archive
from tests.support.killed_at import DURABLE_CALLS, Killer, Run
from tests.support.station import Station, build_station, faults_of, sha256_of_file

IS_WHOLE_SWEEP = bool(os.environ.get("INGESTD_SWEEP"))
A, B, C, HELD = "DCIM/a.mp4", "DCIM/b.mp4", "DCIM/c.mp4", "DCIM/held.mp4"
WATCHED = (*DURABLE_CALLS, "ingestd.stores.vault.Vault.destroy", "ingestd.retention.disposals.DisposalDesk._certify")


class Ready:
    """A station with an approved plan whose grace period is over: A, whose bytes C has too, B, and one held since."""

    def __init__(self, folder: Path) -> None:
        self.station = build_station(folder / "station", disposal__enabled=True, disposal__max_share_percent=100.0)
        clock = MovableClock()
        with archive(self.station, clock) as one:
            self.ids = one.take_in(folder / "card", {A: b"first", B: b"second", HELD: b"held"})
            one.wait(days=800)
            self.ids |= one.take_in(folder / "other", {C: b"first"})
            one.wait(days=303)
            self._derive(one.parts)
            number = one.planned()
            one.approved(number)
            one.wait(days=8)
            one.hold(self.ids[HELD])
        self.now = to_text(clock.now())
        self.number = number

    def _derive(self, parts: Any) -> None:
        row = parts.catalogue.recording(self.ids[B])
        path = derived_path(row["vault_path"], ".proxy.mp4")
        parts.vault.path(path).parent.mkdir(parents=True, exist_ok=True)
        parts.vault.path(path).write_bytes(b"derived")
        held = {"sha256": sha256_of_file(parts.vault.path(path)), "size_bytes": 7, "document": {}}
        data = {"docking_id": row["docking_id"], "kind": "proxy", "path": path} | held
        parts.chronicle.enter(Act(act="derived.made", subject=self.ids[B], data=data))

    def copy(self, to: Path) -> Station:
        shutil.copytree(self.station.root, to)
        return Station(to)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    return Ready(tmp_path_factory.mktemp("ready"))


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory, ready: Ready) -> Iterator[Killer]:
    os.environ["DISPOSAL_NOW"] = ready.now
    with Killer(tmp_path_factory.mktemp("killer"), "tests.support.disposal_program") as killer:
        yield killer


def ticked(killer: Killer, station: Station, kill_at: int | None = None) -> Run:
    return killer.run(station, watched=WATCHED, kill_at=kill_at)


class Done(NamedTuple):
    """A disposal that nobody disturbed, and its steps; take a copy."""

    station: Station
    events: tuple[str, ...]


@pytest.fixture(scope="module")
def done(killer: Killer, ready: Ready, tmp_path_factory: pytest.TempPathFactory) -> Done:
    station = ready.copy(tmp_path_factory.mktemp("done") / "station")
    run = ticked(killer, station)
    assert run.status == 0, run.output
    return Done(station, run.events)


# The judge. It reads the ledger's lines, SQLite and the folders by itself.


def untruths(station: Station) -> list[str]:
    """Each word that is not so, right behind a crash, before anything is mended."""
    root, faults = station.vault.root, []
    acts = [json.loads(line) for path in sorted((root / "ledger").iterdir()) for line in _whole_lines(path)]
    condemned = {one["subject"]: one["data"] for one in acts if one["act"] == "recording.condemned"}
    disposed = {one["subject"]: one["data"] for one in acts if one["act"] == "recording.disposed"}
    with sqlite3.connect(station.catalogue_file) as connection:
        rows = connection.execute(
            "SELECT recording_id, vault_path FROM recordings JOIN contents USING (sha256)"
        ).fetchall()
    for recording, path in rows:
        if not (root / path).exists() and condemned.get(recording, {}).get("path") != path:
            faults.append(f"gone without a word: {path}")
    for recording, data in disposed.items():
        if recording not in condemned:
            faults.append(f"disposed of without being condemned: {recording}")
        faults += [f"said to be gone: {path}" for path in data["removed"] if (root / path).exists()]
    for one in acts:
        if one["act"] == "disposal.certified":
            data = one["data"]
            if sha256_of_file(root / data["certificate"]) != data["certificate_sha256"]:
                faults.append("the certificate is not the one that the ledger names")
            named = json.loads((root / data["certificate"]).read_bytes())["destroyed"]
            faults += [f"certified, not gone: {row}" for row in named if row["recording_id"] not in disposed]
    return faults


def _whole_lines(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def unfinished(station: Station, ready: Ready) -> list[str]:
    """What is missing once the station went on: all of the plan, with its certificate, and nothing else."""
    faults = [*untruths(station), *faults_of(station)]
    with archive(station, MovableClock(from_now(ready))) as one:
        plan = one.book.plan(ready.number)
        states = {name: one.state(recording) for name, recording in ready.ids.items()}
        standing = {name: one.path_of(recording).exists() for name, recording in ready.ids.items()}
    if states != {A: "disposed", B: "disposed", C: "catalogued", HELD: "catalogued"}:
        faults.append(f"states: {states}")
    if standing != {A: True, B: False, C: True, HELD: True}:
        faults.append(f"files: {standing}")
    if plan.certificate is None:
        return [*faults, "no certificate"]
    certificate = station.vault.read_json(plan.certificate)
    told = ({one["card_path"] for one in certificate["destroyed"]}, [one["why"] for one in certificate["kept"]])
    if told != ({A, B}, ["held"]):
        faults.append(f"the certificate says: {told}")
    verdict = verify_vault(station.vault, station.catalogue(), stop=Stop(), block_bytes=1 << 20)
    return faults + [str(fault) for fault in verdict.faults]


def from_now(ready: Ready) -> Any:
    return from_text(ready.now)


# --- the judge is proved first ----------------------------------------------------------------------------------------


def _unlink(station: Station, name: str, ready: Ready) -> None:
    with sqlite3.connect(station.catalogue_file) as connection:
        query = "SELECT vault_path FROM recordings JOIN contents USING (sha256) WHERE recording_id = ?"
        (station.vault.root / connection.execute(query, [ready.ids[name]]).fetchone()[0]).unlink()


SPOILED: dict[str, tuple[Callable[[Station, Ready], None], str]] = {
    "a held original is gone": (lambda one, ready: _unlink(one, HELD, ready), "gone without a word"),
    "shared bytes are gone": (lambda one, ready: _unlink(one, C, ready), "gone without a word"),
    "the certificate is gone": (
        lambda one, ready: one.vault.path(f"disposals/{ready.number}/certificate.json").unlink(), "certificate"),
}  # fmt: skip


def test_the_judge_has_nothing_to_say_of_a_disposal_that_nobody_disturbed(done: Done, ready: Ready) -> None:
    assert unfinished(done.station, ready) == []


@pytest.mark.parametrize("what", SPOILED)
def test_the_judge_finds_what_was_spoiled(done: Done, ready: Ready, tmp_path: Path, what: str) -> None:
    shutil.copytree(done.station.root, tmp_path / "station")
    station = Station(tmp_path / "station")
    spoil, words = SPOILED[what]
    spoil(station, ready)
    try:
        faults = untruths(station)
    except FileNotFoundError as error:
        faults = [str(error)]
    assert any(words in fault for fault in faults), faults


# --- killing ----------------------------------------------------------------------------------------------------------


def test_killed_between_any_two_steps_the_next_run_ends_it_and_nothing_was_untrue_meanwhile(
    killer: Killer, done: Done, ready: Ready, tmp_path: Path
) -> None:
    events = done.events
    steps = [number for number, words in enumerate(events) if words.startswith("before") and "disposals" not in words]
    assert any("destroy" in words for words in events), events
    assert any("_certify" in words for words in events), events
    wrong = {}
    for number in steps if IS_WHOLE_SWEEP else steps[2::9]:
        station = ready.copy(tmp_path / str(number))
        run = ticked(killer, station, kill_at=number)
        assert run.was_killed, run.output
        faults = untruths(station)
        again = ticked(killer, station)
        faults += [again.output[-500:]] if again.status else unfinished(station, ready)
        if faults:
            wrong[number, events[number]] = faults
    assert wrong == {}
    before = station.tables()
    rebuild(station.vault, station.catalogue_file, MovableClock(from_now(ready))).engine.dispose()
    assert station.tables() == before


def test_a_hold_that_comes_between_the_condemning_and_the_deletion_gives_the_recording_back(
    killer: Killer, done: Done, ready: Ready, tmp_path: Path
) -> None:
    station = ready.copy(tmp_path / "station")
    first = next(number for number, words in enumerate(done.events) if "posix.unlink" in words and "destroy" in words)
    assert ticked(killer, station, kill_at=first).was_killed
    with archive(station, MovableClock(from_now(ready))) as one:
        assert one.state(ready.ids[B]) == "condemned"
        one.hold(ready.ids[B])
        one.desk.tick()
        assert (one.state(ready.ids[B]), one.path_of(ready.ids[B]).exists()) == ("catalogued", True)
        assert one.parts.catalogue.recording(ready.ids[B])["keep_until"] is None
    assert faults_of(station) == []

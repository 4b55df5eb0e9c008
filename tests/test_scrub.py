"""The scrub: everything is read again, what is damaged is found, said once, and made whole from a good copy."""

import datetime as dt
import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from ingestd.cli.app import app
from ingestd.core.clock import SystemClock
from ingestd.core.custody import Entry
from ingestd.core.errors import ExitStatus, StoppedError
from ingestd.core.ids import Sha256
from ingestd.core.replicas import ReplicaCopy
from ingestd.core.scrubbing import SHARE_OF_PERIOD, Pass, is_ahead, is_due
from ingestd.core.stop import Stop
from ingestd.daemon.scrub_work import ScrubCollector, ScrubWork
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.rolling import NO_COPIES, Copies, Rolling
from ingestd.pipeline.scrub import Fault, verify_vault
from ingestd.stores.chronicle import rebuild
from ingestd.stores.fixity import FixityBook
from ingestd.stores.folderreplica import FolderReplica
from ingestd.stores.ledger import read_entries
from ingestd.stores.lowpriority import step_back
from ingestd.stores.scrubstate import ScrubState
from tests.support.station import Station, build_station, dock, faults_of, sha256_of_file, write_card

NOW = dt.datetime(2026, 11, 21, 8, 0, tzinfo=dt.UTC)
PERIOD = dt.timedelta(days=30)
FILES: dict[str | bytes, bytes] = {"DCIM/a.mp4": b"a" * 100_000, "DCIM/b.mp4": b"b" * 70_000, "note.txt": b"note"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A station that holds three files; each test has a copy of its own."""
    folder = tmp_path_factory.mktemp("filled")
    with build_station(folder / "station").at_work() as parts:
        dock(write_card(folder / "card", {**FILES}), parts)
    return folder / "station"


@pytest.fixture
def station(filled: Path, tmp_path: Path) -> Station:
    return Station(shutil.copytree(filled, tmp_path / "station"))


@pytest.fixture
def parts(station: Station) -> Iterator[Parts]:
    with station.opened() as parts:
        yield parts


def entries(parts: Parts, *acts: str) -> list[Entry]:
    return [entry for entry in read_entries(parts.vault.ledger_folder) if entry.act in acts]


def original(parts: Parts, card_path: str) -> Path:
    row = next(row for row in parts.catalogue.recordings() if row["card_path"] == card_path)
    return parts.vault.path(row["vault_path"])


def spoil(path: Path) -> bytes:
    """Turn one bit over, as a failing disk does; the size stays."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o640)
    path.write_bytes(data)
    path.chmod(0o440)
    return bytes(data)


def whole_pass(scrub: Rolling) -> None:
    scrub.ask()
    while scrub.step():
        continue
    assert scrub.under_way is None


def replicated(parts: Parts, root: Path) -> Copies:
    """Every original and sidecar in a second folder, as a store of copies."""
    root.mkdir()
    store = FolderReplica("second", root, parts.clock, vault_dir=parts.vault.root, is_any_disk=True)
    copies: dict[str, list[ReplicaCopy]] = {}
    for entry in entries(parts, "recording.sealed"):
        sidecar = parts.vault.read_json(entry.data["sidecar"])
        for path in (sidecar["content"]["path"], entry.data["sidecar"]):
            digest = Sha256(sha256_of_file(parts.vault.path(path)))
            copies.setdefault(digest, []).append(store.put(parts.vault.path(path), digest))
    return replace(NO_COPIES, of=lambda sha256: copies.get(sha256, []), stores=lambda: {"second": store})


def test_a_pass_reads_every_original_and_document_and_is_one_act(parts: Parts) -> None:
    before = parts.chronicle.head[0]
    whole_pass(Rolling(lambda: parts))
    finished = entries(parts, "scrub.finished")
    assert parts.chronicle.head[0] == before + 1 == finished[0].seq
    # Three birth sidecars, the listing and the record.
    assert finished[0].data["originals"] == 3
    assert finished[0].data["documents"] == 5
    assert finished[0].data["read_bytes"] == sum(map(len, FILES.values()))
    assert finished[0].data["faults"] == 0


def test_what_was_read_is_not_read_again_before_the_others(parts: Parts) -> None:
    scrub = Rolling(lambda: parts)
    whole_pass(scrub)
    oldest = scrub.book.oldest()
    assert oldest is not None
    assert oldest >= entries(parts, "scrub.finished")[0].data["started_at"]


def test_a_damaged_original_is_made_whole_and_the_damaged_one_kept_aside(parts: Parts, tmp_path: Path) -> None:
    copies, path = replicated(parts, tmp_path / "second"), original(parts, "DCIM/a.mp4")
    damaged = spoil(path)
    whole_pass(Rolling(lambda: parts, copies))
    assert path.read_bytes() == FILES["DCIM/a.mp4"]
    assert path.stat().st_mode & 0o777 == 0o440
    repaired = entries(parts, "fixity.repaired")[0].data
    assert parts.vault.path(repaired["kept"]).read_bytes() == damaged
    note = json.loads(parts.vault.path(repaired["kept"]).with_name("note.json").read_text("utf-8"))
    assert note["path"] == repaired["path"]
    assert not list(parts.vault.staging_folder.iterdir())


def test_a_missing_original_is_put_back(parts: Parts, tmp_path: Path) -> None:
    copies, path = replicated(parts, tmp_path / "second"), original(parts, "DCIM/b.mp4")
    path.unlink()
    whole_pass(Rolling(lambda: parts, copies))
    assert path.read_bytes() == FILES["DCIM/b.mp4"]
    assert entries(parts, "fixity.failed")[0].data["words"] == "is missing"


def test_a_damaged_sidecar_is_made_whole_by_the_ledgers_digest(parts: Parts, tmp_path: Path) -> None:
    copies = replicated(parts, tmp_path / "second")
    entry = entries(parts, "recording.sealed")[0]
    path = parts.vault.path(entry.data["sidecar"])
    spoil(path)
    whole_pass(Rolling(lambda: parts, copies))
    assert sha256_of_file(path) == entry.data["sidecar_sha256"]
    assert entries(parts, "fixity.failed")[0].data["recordings"] == [entry.subject]


def test_a_fault_that_no_copy_mends_is_said_once_and_stands(parts: Parts) -> None:
    scrub = Rolling(lambda: parts)
    spoil(original(parts, "DCIM/a.mp4"))
    whole_pass(scrub)
    whole_pass(scrub)
    assert len(entries(parts, "fixity.failed")) == 1
    assert [row["code"] for row in parts.catalogue.findings(code="fixity.failed")] == ["fixity.failed"]
    assert [fault["path"] for fault in scrub.book.faults()] == [entries(parts, "fixity.failed")[0].data["path"]]
    assert scrub.status()["faults"][0]["not_repaired"] == "no other store is known to hold it"
    assert entries(parts, "scrub.finished")[-1].data["standing_faults"] == 1


def test_a_fault_is_over_when_a_person_put_the_file_back(parts: Parts) -> None:
    scrub, path = Rolling(lambda: parts), original(parts, "DCIM/a.mp4")
    spoil(path)
    whole_pass(scrub)
    path.chmod(0o640)
    path.write_bytes(FILES["DCIM/a.mp4"])
    whole_pass(scrub)
    assert scrub.book.faults() == []


def test_a_copy_that_is_damaged_too_replaces_nothing(parts: Parts, tmp_path: Path) -> None:
    copies, path = replicated(parts, tmp_path / "second"), original(parts, "DCIM/a.mp4")
    for copy in (tmp_path / "second").rglob("*"):
        if copy.is_file() and copy.stat().st_size == len(FILES["DCIM/a.mp4"]):
            spoil(copy)
    damaged = spoil(path)
    scrub = Rolling(lambda: parts, copies)
    whole_pass(scrub)
    assert path.read_bytes() == damaged
    assert len(scrub.book.faults()) == 1
    assert not list(parts.vault.staging_folder.iterdir())


class Liar(FolderReplica):
    """A store that hands out other bytes and says that they are right."""

    def fetch(self, copy: ReplicaCopy, to: Path) -> None:
        to.write_bytes(bytes(copy.size_bytes))


def test_a_store_that_lies_replaces_nothing(parts: Parts, tmp_path: Path) -> None:
    copies, path = replicated(parts, tmp_path / "second"), original(parts, "DCIM/a.mp4")
    liar = Liar("second", tmp_path / "second", parts.clock, vault_dir=parts.vault.root, is_any_disk=True)
    damaged = spoil(path)
    whole_pass(Rolling(lambda: parts, replace(copies, stores=lambda: {"second": liar})))
    assert path.read_bytes() == damaged


def test_bytes_that_are_rightly_gone_are_no_fault(parts: Parts, station: Station) -> None:
    path = original(parts, "DCIM/a.mp4")
    with sqlite3.connect(station.catalogue_file) as connection:
        connection.execute("UPDATE recordings SET state = 'disposed' WHERE card_path = 'DCIM/a.mp4'")
    path.unlink()
    whole_pass(Rolling(lambda: parts))
    assert entries(parts, "fixity.failed") == []


def test_a_copy_elsewhere_that_is_gone_is_a_finding(parts: Parts, tmp_path: Path) -> None:
    copies = replicated(parts, tmp_path / "second")
    digest = Sha256(sha256_of_file(original(parts, "DCIM/a.mp4")))
    unread = list(copies.of(digest))
    assert unread
    for path in (tmp_path / "second").rglob("*"):
        if path.is_file() and path.stat().st_size == len(FILES["DCIM/a.mp4"]):
            path.unlink()
    one = replace(
        copies, unread_since=lambda *_: list(unread), total=lambda: 1, mark_read=lambda copy, _: unread.remove(copy)
    )
    whole_pass(Rolling(lambda: parts, one))
    assert [entry.data["path"].partition(":")[0] for entry in entries(parts, "fixity.failed")] == ["second"]
    assert entries(parts, "scrub.finished")[0].data["replicas"] == 1


def test_a_restart_goes_on_in_the_same_pass(parts: Parts) -> None:
    first = Rolling(lambda: parts)
    first.ask()
    assert first.step()
    again = Rolling(lambda: parts)
    assert again.under_way == first.under_way
    while again.step():
        continue
    assert len(entries(parts, "scrub.finished")) == 1
    assert entries(parts, "scrub.finished")[0].data["originals"] == 3


def test_it_rests_while_a_recorder_is_being_copied(parts: Parts) -> None:
    stop = Stop()
    busy = replace(parts, stop=stop)

    def is_busy() -> bool:
        stop.request()
        return True

    scrub = Rolling(lambda: busy, is_busy=is_busy)
    scrub.ask()
    with pytest.raises(StoppedError):
        scrub.step()
    assert scrub.under_way is not None
    assert scrub.under_way.originals == 0


def test_without_haste_it_reads_no_faster_than_its_period_asks(parts: Parts) -> None:
    vault_id = parts.vault.read_json("vault.json")["vault_id"]
    far = Pass(vault_id=vault_id, started_at=parts.clock.now(), read_bytes=sum(map(len, FILES.values())))
    ScrubState(parts.settings.scrub_file).write(far)
    scrub = Rolling(lambda: parts)
    while scrub.step():
        continue
    assert scrub.under_way is not None
    assert scrub.under_way.originals == 0
    whole_pass(scrub)
    assert entries(parts, "scrub.finished")[0].data["originals"] == 3


def test_a_rebuild_knows_faults_and_passes(parts: Parts, station: Station, tmp_path: Path) -> None:
    copies = replicated(parts, tmp_path / "second")
    spoil(original(parts, "DCIM/a.mp4"))
    whole_pass(Rolling(lambda: parts, copies))
    spoil(original(parts, "DCIM/b.mp4"))
    whole_pass(Rolling(lambda: parts))
    before = station.tables()
    chronicle = rebuild(parts.vault, tmp_path / "rebuilt.sqlite3", SystemClock())
    oldest = FixityBook(chronicle.engine).oldest()
    chronicle.engine.dispose()
    assert oldest == entries(parts, "scrub.finished")[-1].data["started_at"]
    after = replace_catalogue(station, tmp_path / "rebuilt.sqlite3")
    assert after["fixity_faults"] == before["fixity_faults"]
    assert after["scrub_passes"] == before["scrub_passes"]


def replace_catalogue(station: Station, file: Path) -> dict[str, list[tuple[object, ...]]]:
    class Other(Station):
        @property
        def catalogue_file(self) -> Path:
            return file

    return Other(station.root).tables()


def test_a_repair_leaves_a_vault_without_a_fault(parts: Parts, station: Station, tmp_path: Path) -> None:
    copies = replicated(parts, tmp_path / "second")
    spoil(original(parts, "DCIM/a.mp4"))
    assert [fault for fault in faults_of(station, is_described=False) if "row without" in fault]
    whole_pass(Rolling(lambda: parts, copies))
    assert [fault for fault in faults_of(station, is_described=False) if "damaged/" not in fault] == []


def test_verify_finds_nothing_wrong_with_a_vault_that_was_mended(parts: Parts, tmp_path: Path) -> None:
    copies = replicated(parts, tmp_path / "second")
    spoil(original(parts, "DCIM/a.mp4"))
    assert [fault.what for fault in verified(parts)] == ["original"]
    whole_pass(Rolling(lambda: parts, copies))
    assert verified(parts) == ()


def verified(parts: Parts) -> tuple[Fault, ...]:
    return verify_vault(parts.vault, parts.catalogue, stop=Stop(), block_bytes=65536).faults


# --- commands and the daemon ------------------------------------------------------------------------------------------


def run(station: Station, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--config", str(station.config_file)])


def test_a_pass_on_the_command_line_says_what_it_read(station: Station) -> None:
    done = run(station, "scrub", "run", "--json")
    assert done.exit_code == ExitStatus.OK
    assert json.loads(done.stdout)["last_pass"]["document"]["originals"] == 3
    assert "Nothing stands damaged" in run(station, "scrub", "status").stdout


def test_damage_is_an_exit_status_of_its_own(station: Station) -> None:
    with station.opened() as parts:
        spoil(original(parts, "DCIM/a.mp4"))
    assert run(station, "scrub", "run").exit_code == ExitStatus.INTEGRITY
    told = run(station, "scrub", "status")
    assert told.exit_code == ExitStatus.INTEGRITY
    assert "its SHA-256 is" in told.stdout


def test_the_daemon_reads_everything_when_it_is_asked_and_shows_it(parts: Parts) -> None:
    work = ScrubWork(lambda: parts, {}, lambda: False, lambda *_: None)
    work.worker.start()
    try:
        answers = list(work.operations()["scrub"]({"run": True}))
    finally:
        parts.stop.request()
        assert work.worker.join(10)
    assert answers[-1]["result"]["last_pass"]["document"]["originals"] == 3
    collector = ScrubCollector(work.scrub.book, lambda: work.scrub.under_way, parts.clock)
    shown = {sample.name: sample.value for family in collector.collect() for sample in family.samples}
    assert shown["ingestd_scrub_standing_faults"] == 0
    assert shown["ingestd_scrub_pass_read_bytes"] == sum(map(len, FILES.values()))
    assert shown["ingestd_scrub_last_pass_timestamp_seconds"] > 0


def test_a_thread_that_steps_back_takes_no_other_with_it() -> None:
    nices: list[int] = []

    def work() -> None:
        step_back()
        nices.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert nices == [19]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


# --- arithmetic -------------------------------------------------------------------------------------------------------


@given(st.integers(1, 10**15), st.floats(0, 1), st.integers(0, 10**15))
def test_a_pass_that_is_never_ahead_of_its_time_ends_within_the_period(total: int, share: float, done: int) -> None:
    now = NOW + PERIOD * SHARE_OF_PERIOD * share
    ahead = is_ahead(min(done, total), total, started_at=NOW, now=now, period=PERIOD)
    assert not (ahead and share == 1.0)
    assert not is_ahead(total, total, started_at=NOW, now=NOW + PERIOD, period=PERIOD)


@pytest.mark.parametrize(
    ("days", "due"), [(0, False), (PERIOD.days * SHARE_OF_PERIOD - 1, False), (PERIOD.days, True), (-1, True)]
)
def test_a_pass_is_due_within_the_period_whatever_the_clock_did(days: float, due: bool) -> None:
    assert is_due(NOW, now=NOW + dt.timedelta(days=days), period=PERIOD) is due


def test_an_empty_vault_has_no_pass() -> None:
    assert not is_due(None, now=NOW, period=PERIOD)

"""The drop folder of a running daemon: each drop once, when it is whole, whatever its name; and `ingest` beside it."""

import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.errors import RefusedError
from ingestd.ipc import ask
from tests.support.cards import Card
from tests.support.process import Daemon, Installation, wait_until
from tests.support.station import faults_of, write_card

FILES: dict[str | bytes, bytes] = {
    "DCIM/100ANDRO/0000007_00001220261121083000_0001.log": b"a line\n",
    "DCIM/100ANDRO/notes.bin": bytes(range(256)),
}


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def drop(installation: Installation, name: str, files: dict[str | bytes, bytes] = FILES) -> Path:
    """A folder that appears in the inbox whole, as a move on one file system does."""
    write_card(installation.root / "beside" / name, files)
    installation.inbox.mkdir(parents=True, exist_ok=True)
    return (installation.root / "beside" / name).rename(installation.inbox / name)


def closed_dockings(daemon: Daemon) -> list[dict[str, Any]]:
    return daemon.events("docking.closed")


def wait_for_dockings(daemon: Daemon, count: int) -> None:
    wait_until(lambda: len(closed_dockings(daemon)) >= count, what=f"docking {count}")


def _volumes(installation: Installation) -> list[dict[str, str]]:
    """What each listing says of the folder that it was made of."""
    listings = (installation.vault / "originals").rglob("listing.json")
    return [json.loads(listing.read_text("utf-8"))["docking"]["volume"] for listing in listings]


def only_docking(installation: Installation) -> dict[str, Any]:
    """The one docking that a station has had."""
    (docking,) = installation.json("status")["dockings"]
    return dict(docking)


def test_dropped_folder_is_taken_in_once(installation: Installation) -> None:
    with installation.daemon() as daemon:
        folder = drop(installation, "card")
        wait_for_dockings(daemon, 1)
        os.utime(installation.inbox)
        assert [one["outcome"] for one in closed_dockings(daemon)] == ["complete"]
        assert daemon.stop() == 0
    assert only_docking(installation)["bay"] == "inbox"
    assert faults_of(installation.station, folder) == []


def test_folder_taken_in_before_is_not_taken_again_after_a_restart(installation: Installation) -> None:
    with installation.daemon() as daemon:
        drop(installation, "first")
        wait_for_dockings(daemon, 1)
        assert daemon.stop() == 0
    with installation.daemon(log_name="second.log") as daemon:
        drop(installation, "second", {"other.bin": b"other"})
        wait_for_dockings(daemon, 1)
        assert [one["path"] for one in daemon.events("inbox.settled")] == [str(installation.inbox / "second")]


def test_folder_dropped_while_the_station_was_off_is_taken_in_at_the_start(installation: Installation) -> None:
    folder = drop(installation, "card")
    with installation.daemon() as daemon:
        wait_for_dockings(daemon, 1)
        assert daemon.stop() == 0
    assert faults_of(installation.station, folder) == []


def test_folder_whose_name_is_no_utf8_is_taken_in_once_and_harms_no_later_one(installation: Installation) -> None:
    with installation.daemon() as daemon:
        drop(installation, os.fsdecode("执法".encode("gb18030")))
        wait_for_dockings(daemon, 1)
        drop(installation, "next", {"next.bin": b"next"})
        wait_for_dockings(daemon, 2)
        assert daemon.get("/healthz")[0] == 200
        assert daemon.stop() == 0
    with installation.daemon(log_name="second.log") as daemon:
        drop(installation, "third", {"third.bin": b"third"})
        wait_for_dockings(daemon, 1)
        assert len(daemon.events("inbox.settled")) == 1
        assert daemon.events("inbox.settled")[0]["path"] == str(installation.inbox / "third")
    volumes = [volume["folder"] for volume in _volumes(installation)]
    assert str(installation.inbox / "执法") in volumes


def test_growing_folder_waits_until_it_rests(tmp_path: Path) -> None:
    installation = Installation(tmp_path, inbox__settle_seconds=1.5)
    with installation.daemon() as daemon:
        folder = installation.inbox / "card"
        folder.mkdir()
        growing = folder / "long.bin"
        for _ in range(8):
            with growing.open("ab") as file:
                file.write(b"x" * 1000)
            threading.Event().wait(0.4)
            assert closed_dockings(daemon) == [], "taken in while it grew"
        wait_for_dockings(daemon, 1)
        (entry,) = installation.json("list")
        assert entry["size_bytes"] == 8000


def test_done_marker_speaks_at_once_and_is_excluded_by_its_named_rule(tmp_path: Path) -> None:
    installation = Installation(tmp_path, inbox__settle_seconds=3600.0)
    with installation.daemon() as daemon:
        drop(installation, "card", FILES | {".ingest-done": b""})
        wait_for_dockings(daemon, 1)
        assert daemon.stop() == 0
    (record,) = (installation.vault / "originals").rglob("record.json")
    assert '"card_path":".ingest-done","fate":"excluded"' in record.read_text("utf-8")
    assert '"reason":"inbox.done_marker"' in record.read_text("utf-8")
    assert only_docking(installation)["outcome"] == "complete"
    assert len(installation.json("list")) == len(FILES)


def test_file_excluded_by_a_rule_of_the_configuration_names_that_rule(tmp_path: Path) -> None:
    installation = Installation(tmp_path, copy__exclude=["*.bin"])
    card = write_card(tmp_path / "card", FILES)
    document = installation.json("ingest", card)
    fates = {entry["card_path"].rsplit("/", 1)[-1]: (entry["fate"], entry["reason"]) for entry in document["entries"]}
    assert fates["notes.bin"] == ("excluded", "copy.exclude: *.bin")


def test_link_in_the_inbox_is_never_followed(installation: Installation) -> None:
    secret = write_card(installation.root / "elsewhere", {"secret.bin": b"nobody shall see this"})
    installation.inbox.mkdir(parents=True)
    (installation.inbox / "link").symlink_to(secret)
    with installation.daemon() as daemon:
        drop(installation, "card")
        wait_for_dockings(daemon, 1)
        assert len(daemon.events("inbox.settled")) == 1
    assert b"nobody shall see this" not in b"".join(
        path.read_bytes() for path in installation.vault.rglob("*") if path.is_file()
    )


def test_drop_removed_while_it_is_copied_leaves_the_daemon_well(tmp_path: Path) -> None:
    installation = Installation(tmp_path, copy__batch_files=1)
    with installation.daemon() as daemon:
        folder = drop(installation, "card", {f"{number:03}.bin": b"%d" % number * 300 for number in range(150)})
        wait_until(lambda: len(daemon.events("recording.sealed")) > 3, what="sealing")
        shutil.rmtree(folder)
        wait_for_dockings(daemon, 1)
        assert closed_dockings(daemon)[0]["outcome"] in ("interrupted", "incomplete")
        drop(installation, "next", {"next.bin": b"next"})
        wait_for_dockings(daemon, 2)
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.log_text()
    assert faults_of(installation.station) == []


def _facts_without_names(document: dict[str, Any]) -> dict[str, Any]:
    """A docking without what differs between any two: ids, times and places."""
    entries = [
        {key: entry[key] for key in ("card_path", "kind", "size_bytes", "fate", "reason")}
        | {
            key: entry["recording"][key]
            for key in ("state", "kind", "sha256", "recorder_id", "duration_s", "recorded_start", "tags", "findings")
            if entry["recording"] is not None
        }
        for entry in document["entries"]
    ]
    findings = [(one["code"], one["severity"], one["start_s"], one["end_s"]) for one in document["findings"]]
    return {"outcome": document["outcome"], "entries": entries, "findings": sorted(findings, key=str)}


def test_ingest_through_the_daemon_gives_what_ingest_without_it_gives(tmp_path: Path, demo_card: Card) -> None:
    alone = Installation(tmp_path / "alone")
    beside = Installation(tmp_path / "beside")
    without = alone.json("ingest", demo_card.root)
    with beside.daemon() as daemon:
        through = beside.json("ingest", demo_card.root)
        assert [one["docking_id"] for one in closed_dockings(daemon)] == [through["docking_id"]]
    assert _facts_without_names(through) == _facts_without_names(without)
    assert len(without["findings"]) >= 3


def test_ingest_of_what_is_held_says_so_and_repeats_what_is_known(tmp_path: Path, demo_card: Card) -> None:
    installation = Installation(tmp_path)
    first = installation.json("ingest", demo_card.root)
    second = installation.json("ingest", demo_card.root)
    assert {entry["fate"] for entry in second["entries"]} == {"already_held"}
    assert [entry["recording"]["keep_until"] for entry in second["entries"]] == [
        entry["recording"]["keep_until"] for entry in first["entries"]
    ]
    assert {one["finding_id"] for one in second["findings"]} == {one["finding_id"] for one in first["findings"]}


def test_ingest_relays_a_refusal_of_the_daemon(installation: Installation) -> None:
    (installation.root / "link").symlink_to(write_card(installation.root / "card", FILES))
    with installation.daemon() as daemon:
        ended = installation.run("ingest", installation.root / "link")
        assert ended.status == 1
        assert "is a link or special file" in ended.err
        assert "Traceback" not in daemon.log_text() + ended.err


@pytest.mark.parametrize(
    "request_document",
    [
        {"op": "ingest"},
        {"op": "ingest", "path": "relative/card"},
        {"op": "ingest", "path": "/card\0hidden"},
        {"op": "ingest", "path": "/", "bay": "\udcff\n"},
    ],
    ids=["no-path", "relative", "nul", "bay"],
)
def test_request_that_makes_no_sense_is_refused_by_the_daemon(
    shared_daemon: Daemon, request_document: dict[str, Any]
) -> None:
    with pytest.raises(RefusedError):
        ask(shared_daemon.installation.socket_file, request_document)
    assert "Traceback" not in shared_daemon.log_text()
    assert shared_daemon.get("/healthz")[0] == 200


@pytest.fixture(scope="module")
def shared_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Installation(tmp_path_factory.mktemp("shared")).daemon() as daemon:
        yield daemon

"""Copies of a station's recordings in other stores: complete, said only when they stand, and looked after."""

import datetime as dt
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingestd.core import replica_acts
from ingestd.core.clock import SystemClock
from ingestd.core.errors import UnavailableError
from ingestd.core.replicas import ReplicaCopy
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.replicate import Replicator
from ingestd.stores.chronicle import rebuild
from ingestd.stores.ledger import Ledger, read_entries
from ingestd.stores.replicas import ReplicaBook
from ingestd.wiring import replica_stores, replicators
from tests.support.killed_at import Killer
from tests.support.radosgw import radosgw
from tests.support.s3 import MIB, add_bucket, add_folder, client, make_bucket, moto_server, versions_in
from tests.support.station import Station, build_station, faults_of, sha256_of_file, write_card


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as address:
        yield address


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return build_station(tmp_path / "station")


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write_card(tmp_path / "card", {f"DCIM/{name}.log": name.encode() * 100 for name in ("one", "two", "three")})


@pytest.fixture
def folder(station: Station, tmp_path: Path) -> Path:
    """A folder that the station has as a store."""
    (tmp_path / "disk").mkdir()
    add_folder(station.config_file, tmp_path / "disk")
    return tmp_path / "disk"


@contextmanager
def replicating(station: Station, **changes: Any) -> Iterator[tuple[Replicator, Parts]]:
    """The station at work with its one store; `changes` are those of its parts."""
    with station.at_work() as opened:
        parts = replace(opened, **changes)
        stores = replica_stores(parts.settings, parts.stop)
        try:
            (one,) = replicators(lambda: parts, stores)
            yield one, parts
        finally:
            for store in stores.values():
                store.close()  # type: ignore[attr-defined]


def finish(one: Replicator) -> None:
    while one.step():
        continue


def acts_of(station: Station, *names: str) -> list[Any]:
    return [entry for entry in read_entries(station.vault.ledger_folder) if entry.act in names]


def objects_in(folder: Path) -> dict[str, str]:
    """What stands in a folder by key, with its digest."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".incoming" not in path.parts)
    return {path.relative_to(folder).as_posix(): sha256_of_file(path) for path in files}


# What is stored


def test_every_original_and_every_birth_sidecar_is_stored_once(station: Station, card: Path, folder: Path) -> None:
    station.ingest(card)
    with replicating(station) as (one, _):
        finish(one)
        finish(one)
        assert one.standing.pending_objects == 0
    rows = station.catalogue().contents()
    originals = {key: digest for key, digest in objects_in(folder).items() if key.startswith("original/")}
    assert set(originals.values()) == {row["sha256"] for row in rows}
    births = {digest for key, digest in objects_in(folder).items() if key.startswith("birth/")}
    assert births == {sha256_of_file(path) for path in station.vault.root.rglob("*.birth.json")}
    stored = [entry.data["key"] for entry in acts_of(station, "replica.stored")]
    assert sorted(stored) == sorted(objects_in(folder))
    assert faults_of(station, card, is_described=False) == []


def test_equal_bytes_of_two_recorders_are_one_original_with_two_births(
    station: Station, tmp_path: Path, folder: Path
) -> None:
    for number in ("7", "8"):
        station.ingest(write_card(tmp_path / number, {f"000000{number}_00000020240221082923_0001.mp4": b"same"}))
    with replicating(station) as (one, _):
        finish(one)
    keys = [key.split("/")[0] for key in objects_in(folder)]
    assert (keys.count("original"), keys.count("birth")) == (1, 2)


def test_closed_segments_of_the_ledger_are_stored_and_the_open_one_is_not(
    station: Station, card: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger.__init__, "__kwdefaults__", {"segment_bytes": 2000})
    station.ingest(card)
    with replicating(station) as (one, _):
        finish(one)
    segments = sorted(path.name for path in station.vault.ledger_folder.glob("*.jsonl"))
    assert len(segments) > 1
    stored = {entry.data["vault_path"] for entry in acts_of(station, "replica.stored") if entry.subject is None}
    assert f"ledger/{segments[0]}" in stored
    assert f"ledger/{segments[-1]}" not in stored


def test_a_rebuilt_catalogue_knows_the_same_copies(station: Station, card: Path, folder: Path) -> None:
    station.ingest(card)
    with replicating(station) as (one, parts):
        finish(one)
        copies = [one.book.copies_of(row["sha256"])[0] for row in station.catalogue().contents()]
        parts.chronicle.enter(
            replica_acts.removed(copies[0]),
            replica_acts.faulty(copies[1], "it is not what it was"),
            replica_acts.extended([replace(copies[2], locked_until=SystemClock().now().replace(microsecond=0))]),
            replica_acts.hold_changed(replace(copies[2], has_legal_hold=True)),
        )
    before = station.tables()
    rebuild(station.vault, station.catalogue_file, SystemClock()).engine.dispose()
    assert station.tables() == before


def test_an_original_that_was_damaged_here_is_copied_nowhere_and_holds_nobody_up(
    station: Station, card: Path, folder: Path
) -> None:
    station.ingest(card)
    row = station.catalogue().contents()[0]
    path = station.vault.path(row["vault_path"])
    path.chmod(0o640)
    path.write_bytes(b"x" * row["size_bytes"])
    with replicating(station) as (one, _):
        finish(one)
        assert [name for name, _ in one.standing.parked] == [row["vault_path"]]
    digests = {entry.data["sha256"] for entry in acts_of(station, "replica.stored")}
    assert row["sha256"] not in digests
    assert len([key for key in objects_in(folder) if key.startswith("original/")]) == 2


def test_a_copy_found_damaged_counts_no_more_and_is_stored_again(station: Station, card: Path, folder: Path) -> None:
    station.ingest(card)
    with replicating(station) as (one, parts):
        finish(one)
        digest = station.catalogue().contents()[0]["sha256"]
        (copy,) = one.book.copies_of(digest)
        (folder / copy.key).chmod(0o640)
        (folder / copy.key).write_bytes(b"damaged")
        assert not one.store.check(copy)
        parts.chronicle.enter(replica_acts.faulty(copy, "it is not what it was"))
        assert one.book.copies_of(digest) == ()
        one.look_anew()
        finish(one)
        (again,) = one.book.copies_of(digest)
        assert one.store.check(again)


# Outages


def test_an_outage_loses_nothing_and_is_caught_up_with(station: Station, card: Path, folder: Path) -> None:
    folder.rename(folder.with_name("unplugged"))
    station.ingest(card)
    with replicating(station) as (one, _):
        for _ in range(2):
            with pytest.raises(UnavailableError):
                one.step()
        away = one.standing
        assert (away.is_reachable, away.pending_objects) == (False, 6)
        assert away.oldest_sealed_at is not None
        folder.with_name("unplugged").rename(folder)
        finish(one)
        back = one.standing
        assert (back.is_reachable, back.pending_objects) == (True, 0)
    assert len(objects_in(folder)) == 6


def test_recorders_come_first(station: Station, card: Path, folder: Path) -> None:
    station.ingest(card)
    asked = []

    def may_work() -> bool:
        asked.append(len(objects_in(folder)))
        return len(asked) > 1

    with replicating(station) as (one, _):
        one._may_work = may_work
        one.step()
    # Asked twice before the first object, because the first answer was no.
    assert asked[:3] == [0, 0, 1]


def test_a_process_killed_at_any_step_leaves_no_act_without_its_object_and_nothing_twice(
    station: Station, card: Path, folder: Path, tmp_path: Path
) -> None:
    station.ingest(card)
    (tmp_path / "killer").mkdir()
    watched = ("ingestd.stores.replicachild.ChildReplica.put", "posix.fsync", "Connection.commit")
    with Killer(tmp_path / "killer") as killer:
        for kill_at in (5, 9, 14):
            run = killer.run(station, "replica", "run", watched=watched, kill_at=kill_at)
            if not run.was_killed:
                break
            for entry in acts_of(station, "replica.stored"):
                assert objects_in(folder)[entry.data["key"]] == entry.data["sha256"]
        ended = killer.run(station, "replica", "run")
    assert ended.status == 0, ended.output
    stored = [entry.data["key"] for entry in acts_of(station, "replica.stored")]
    assert sorted(stored) == sorted(objects_in(folder))
    assert len(set(stored)) == len(stored) == 6


# Locks and holds, in a bucket


def test_locks_are_extended_while_there_is_a_reason_and_holds_are_mirrored(
    station: Station, card: Path, moto: str
) -> None:
    bucket = make_bucket(moto, "station-locks")
    add_bucket(station.config_file, moto, bucket)
    station.ingest(card)

    class Later(SystemClock):
        def now(self) -> dt.datetime:
            return super().now() + dt.timedelta(days=70)

    with replicating(station) as (one, parts):
        finish(one)
        first = {copy.key: copy for copy in all_copies(one.book, station)}
        assert len(first) == len(versions_in(moto, bucket)) == 6
        assert all(copy.locked_until is not None for copy in first.values())
        later = replace(parts, clock=Later())
        one._parts = lambda: later
        finish(one)
        second = {copy.key: copy for copy in all_copies(one.book, station)}
        for key, copy in second.items():
            before = first[key].locked_until
            assert copy.locked_until is not None and before is not None
            assert copy.locked_until - before > dt.timedelta(days=60)
            head = client(moto).head_object(Bucket=bucket, Key=key)
            assert head["ObjectLockRetainUntilDate"] == copy.locked_until
        (recording,) = [row["recording_id"] for row in recordings(station) if row["card_path"].endswith("one.log")]
        one._all_held = lambda: {recording}
        one._held_among = lambda some: {recording} & set(some)
        one.hear_of_holds()
        finish(one)
        under_hold = {copy.key for copy in all_copies(one.book, station) if copy.has_legal_hold}
        assert {key.split("/")[0] for key in under_hold} == {"original", "birth"}
        for key in under_hold:
            assert client(moto).head_object(Bucket=bucket, Key=key)["ObjectLockLegalHoldStatus"] == "ON"
        one._all_held, one._held_among = set, lambda _: set()
        one.hear_of_holds()
        finish(one)
        assert not any(copy.has_legal_hold for copy in all_copies(one.book, station))
    assert len(acts_of(station, "replica.hold_set")) == len(acts_of(station, "replica.hold_lifted")) == 2
    assert len(acts_of(station, "replica.extended")) == 1


@pytest.mark.full
def test_a_server_that_goes_away_in_the_middle_is_caught_up_with_and_its_locks_are_real(
    station: Station, tmp_path: Path
) -> None:
    (tmp_path / "ceph").mkdir()
    card = write_card(tmp_path / "card", {"large.log": os.urandom(11 * MIB), "small.log": b"small"})
    with radosgw(tmp_path / "ceph") as server:
        bucket = make_bucket(server.endpoint_url, "station")
        add_bucket(station.config_file, server.endpoint_url, bucket)
        station.ingest(card)
        with replicating(station) as (one, _):
            told: list[int] = []

            def stop_in_the_middle(count: int) -> None:
                told.append(count)
                if sum(told) > 5 * MIB and server.is_answering():
                    server.stop()

            one.store._on_bytes = stop_in_the_middle  # type: ignore[attr-defined]
            with pytest.raises(UnavailableError):
                finish(one)
            one.store._on_bytes = lambda _: None  # type: ignore[attr-defined]
            assert one.standing.pending_objects > 0
            server.start()
            finish(one)
            copies = all_copies(one.book, station)
            assert all(copy.is_locked(SystemClock().now()) for copy in copies)
        assert len(versions_in(server.endpoint_url, bucket)) == len(copies) == 4
        raw = client(server.endpoint_url)
        for key, version in versions_in(server.endpoint_url, bucket):
            with pytest.raises(raw.exceptions.ClientError, match="AccessDenied"):
                raw.delete_object(Bucket=bucket, Key=key, VersionId=version)


def recordings(station: Station) -> Sequence[Any]:
    return station.catalogue().recordings()


def all_copies(book: ReplicaBook, station: Station) -> list[ReplicaCopy]:
    found: list[ReplicaCopy] = []
    for row in station.catalogue().contents():
        found += book.copies_of(row["sha256"])
    for one in recordings(station):
        found += book.births_of(one["recording_id"])
    return found

"""One contract for every store of copies, against real disks and real S3 servers over HTTP."""

import datetime as dt
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ingestd.core.clock import SystemClock
from ingestd.core.errors import IntegrityError, NotFoundError, StillLockedError, UnavailableError
from ingestd.core.ids import Sha256
from ingestd.core.replica_settings import Credentials, ReplicaSettings
from ingestd.core.replicas import ObjectKind, ReplicaStore
from ingestd.core.stop import Stop
from ingestd.stores.bucketwire import BucketPlace
from ingestd.stores.folderreplica import FolderReplica
from ingestd.stores.multipart import parts_of, resumable
from ingestd.stores.objectlock import LockedBucket
from ingestd.stores.replicachild import ChildReplica
from tests.support.radosgw import ACCESS_KEY, SECRET_KEY, Radosgw, radosgw
from tests.support.s3 import MIB, client, make_bucket, moto_server, uploads_in, versions_in

KINDS = ("folder", "child", "moto")


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as address:
        yield address


_buckets = iter(range(1_000_000))


def bucket_at(endpoint_url: str, *, has_lock: bool = True, lock_mode: str | None = "COMPLIANCE") -> LockedBucket:
    """A store in a bucket of its own."""
    place = BucketPlace(
        name="central",
        endpoint_url=endpoint_url,
        bucket=make_bucket(endpoint_url, f"bucket-{next(_buckets)}", has_lock=has_lock),
        region="us-east-1",
        prefix="station-01/",
        is_path_style=True,
        ca_file=None,
        lock_mode=lock_mode,
        lock_days=90,
        part_bytes=5 * MIB,
        timeout_seconds=20.0,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
    )
    return LockedBucket(place, SystemClock())


def child_of(settings: ReplicaSettings, folder: Path, stop: Stop | None = None) -> ChildReplica:
    return ChildReplica(
        settings,
        vault_dir=folder,
        folder=folder,
        credentials=lambda: Credentials(ACCESS_KEY, SECRET_KEY) if settings.kind == "s3" else None,
        clock=SystemClock(),
        stop=stop or Stop(),
    )


@dataclass(frozen=True)
class Given:
    """A store, a place for files, and how to damage what the store holds."""

    store: ReplicaStore
    folder: Path
    kind: str

    def file(self, data: bytes) -> tuple[Path, Sha256]:
        digest = Sha256(hashlib.sha256(data).hexdigest())
        path = self.folder / digest
        path.write_bytes(data)
        return path, digest


@pytest.fixture(scope="module")
def moto_bucket(moto: str) -> LockedBucket:
    return bucket_at(moto)


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChildReplica]:
    folder = tmp_path_factory.mktemp("child")
    store = child_of(ReplicaSettings(name="disk", kind="folder", path=folder, other_disk=False), folder)
    yield store
    store.close()


@pytest.fixture(params=KINDS)
def given(request: pytest.FixtureRequest, tmp_path: Path) -> Given:
    kind = request.param
    root = tmp_path / "store"
    root.mkdir()
    if kind == "folder":
        store: ReplicaStore = FolderReplica("disk", root, SystemClock(), vault_dir=tmp_path, is_any_disk=True)
    elif kind == "child":
        store = request.getfixturevalue("child")
    else:
        store = request.getfixturevalue("moto_bucket")
    return Given(store, tmp_path, kind)


class TestEveryStore:
    """What `core.replicas.ReplicaStore` promises."""

    def test_what_was_put_is_given_back_byte_for_byte(self, given: Given) -> None:
        data = os.urandom(100_000)
        path, digest = given.file(data)
        copy = given.store.put(path, digest)
        given.store.fetch(copy, given.folder / "back")
        assert (given.folder / "back").read_bytes() == data
        assert (copy.sha256, copy.size_bytes, copy.store) == (digest, len(data), given.store.name)
        assert given.store.check(copy)

    def test_a_large_file_arrives_whole_and_as_locked_as_a_small_one(self, given: Given) -> None:
        path, digest = given.file(os.urandom(2 * 5 * MIB + 1))
        small = given.store.put(*given.file(b"small"))
        copy = given.store.put(path, digest)
        assert given.store.check(copy)
        assert (copy.locked_until is None) is (small.locked_until is None)
        assert copy.is_lock_honoured is small.is_lock_honoured

    def test_an_empty_file_is_a_file(self, given: Given) -> None:
        copy = given.store.put(*given.file(b""))
        assert given.store.check(copy)

    def test_the_same_object_is_stored_once(self, given: Given) -> None:
        path, digest = given.file(b"once")
        assert given.store.put(path, digest).version_id == given.store.put(path, digest).version_id

    def test_a_file_that_is_not_what_was_sealed_is_never_made_a_copy_of(self, given: Given) -> None:
        path, digest = given.file(b"sealed")
        path.write_bytes(b"edited")
        with pytest.raises(IntegrityError):
            given.store.put(path, digest)
        path.write_bytes(b"sealed")
        assert given.store.check(given.store.put(path, digest))

    def test_kinds_of_objects_lie_apart(self, given: Given) -> None:
        path, digest = given.file(b"{}")
        original, birth = given.store.put(path, digest), given.store.put(path, digest, kind=ObjectKind.BIRTH)
        assert original.key != birth.key
        assert "birth/" in birth.key

    def test_what_is_missing_is_no_copy(self, given: Given) -> None:
        copy = given.store.put(*given.file(b"here"))
        gone = replace(copy, key=copy.key.replace(copy.sha256, "0" * 64), version_id=None)
        assert given.store.look(copy) is not None
        assert not given.store.check(gone)
        assert given.store.look(gone) is None
        with pytest.raises(NotFoundError):
            given.store.fetch(gone, given.folder / "back")
        assert not (given.folder / "back").exists()

    def test_a_copy_with_other_bytes_is_seen(self, given: Given) -> None:
        """The judge on a known-bad input."""
        copy = given.store.put(*given.file(b"these bytes"))
        other = replace(copy, sha256=Sha256(hashlib.sha256(b"other bytes").hexdigest()))
        assert not given.store.check(other)
        with pytest.raises(IntegrityError):
            given.store.fetch(other, given.folder / "back")
        assert not (given.folder / "back").exists()

    def test_a_copy_is_removed_only_when_no_lock_stands(self, given: Given) -> None:
        copy = given.store.put(*given.file(b"to be removed"))
        if copy.locked_until is not None:
            with pytest.raises(StillLockedError) as refused:
                given.store.remove(copy)
            assert refused.value.locked_until
            assert given.store.check(copy)
        else:
            given.store.remove(copy)
            given.store.remove(copy)
            assert not given.store.check(copy)

    def test_a_lock_is_never_shortened_by_extending_it(self, given: Given) -> None:
        copy = given.store.put(*given.file(b"locked"))
        longer = given.store.extend(copy, SystemClock().now() + dt.timedelta(days=400))
        assert (
            given.store.extend(longer, SystemClock().now() + dt.timedelta(days=1)).locked_until == longer.locked_until
        )
        if copy.locked_until is not None:
            assert longer.locked_until is not None
            assert longer.locked_until > copy.locked_until

    def test_a_legal_hold_is_there_only_where_the_store_says_so(self, given: Given) -> None:
        copy = given.store.put(*given.file(b"held"), has_legal_hold=True)
        assert copy.has_legal_hold is (given.kind in ("moto", "radosgw"))
        assert given.store.set_legal_hold(copy, False).has_legal_hold is False


# Ceph: a store that really refuses


@pytest.mark.full
def test_ceph_keeps_the_whole_contract_and_refuses_what_a_lock_forbids(tmp_path: Path) -> None:
    """One test for all, because the server takes a dozen seconds to start, and each worker would start its own."""
    (tmp_path / "ceph").mkdir()
    with radosgw(tmp_path / "ceph") as server:
        store = bucket_at(server.endpoint_url)
        for name in (one for one in dir(TestEveryStore) if one.startswith("test_")):
            (tmp_path / name).mkdir()
            getattr(TestEveryStore(), name)(Given(store, tmp_path / name, "radosgw"))
        _is_found_to_refuse(server)
        _refuses_an_early_delete_by_itself(server, tmp_path)
        _has_its_silence_about_parts_made_good(server, tmp_path)


def _is_found_to_refuse(ceph: Radosgw) -> None:
    check = bucket_at(ceph.endpoint_url).probe()
    assert check.is_early_delete_refused
    assert check.is_shortening_refused
    assert check.is_lock_honoured
    assert check.problems == ()


def _refuses_an_early_delete_by_itself(ceph: Radosgw, tmp_path: Path) -> None:
    """Asked past the store's own caution, of a small object and of one that came in parts."""
    store = bucket_at(ceph.endpoint_url)
    raw = client(ceph.endpoint_url)
    for data in (b"small", os.urandom(6 * MIB)):
        path = tmp_path / "file"
        path.write_bytes(data)
        copy = store.put(path, Sha256(hashlib.sha256(data).hexdigest()))
        at = {"Bucket": store._place.bucket, "Key": copy.key, "VersionId": copy.version_id}
        with pytest.raises(raw.exceptions.ClientError) as refused:
            raw.delete_object(**at)
        assert refused.value.response["Error"]["Code"] == "AccessDenied"
        soon = SystemClock().now() + dt.timedelta(seconds=60)
        with pytest.raises(raw.exceptions.ClientError):
            raw.put_object_retention(**at, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": soon})
        assert store.check(copy)


def _has_its_silence_about_parts_made_good(ceph: Radosgw, tmp_path: Path) -> None:
    """It ignores lock headers of uploads in parts. That it does is seen first: else this would prove nothing."""
    raw, store = client(ceph.endpoint_url), bucket_at(ceph.endpoint_url)
    at = {"Bucket": store._place.bucket, "Key": "raw"}
    until = SystemClock().now() + dt.timedelta(days=1)
    upload = raw.create_multipart_upload(**at, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)["UploadId"]
    part = raw.upload_part(**at, UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    raw.complete_multipart_upload(**at, UploadId=upload, MultipartUpload=parts)
    with pytest.raises(raw.exceptions.ClientError):
        raw.get_object_retention(**at)
    data = os.urandom(6 * MIB)
    (tmp_path / "file").write_bytes(data)
    copy = store.put(tmp_path / "file", Sha256(hashlib.sha256(data).hexdigest()))
    assert copy.locked_until is not None
    assert copy.locked_until > until
    assert copy.is_lock_honoured


# Servers that do not keep their word


def test_a_server_that_accepts_a_shorter_lock_counts_as_not_locked(moto: str, tmp_path: Path) -> None:
    store = bucket_at(moto)
    check = store.probe()
    assert not check.is_shortening_refused
    assert not check.is_lock_honoured
    assert any("shorter" in words for words in check.problems)
    (tmp_path / "file").write_bytes(b"x")
    copy = store.put(tmp_path / "file", Sha256(hashlib.sha256(b"x").hexdigest()))
    assert copy.locked_until is not None
    assert not copy.is_lock_honoured
    assert not copy.is_locked(SystemClock().now())


def test_a_bucket_without_locks_is_said_to_have_none(moto: str, tmp_path: Path) -> None:
    store = bucket_at(moto, has_lock=False)
    check = store.probe()
    assert (check.is_reachable, check.has_versioning, check.has_object_lock) == (True, False, False)
    assert len(check.problems) == 2
    (tmp_path / "file").write_bytes(b"x")
    copy = store.put(tmp_path / "file", Sha256(hashlib.sha256(b"x").hexdigest()))
    assert store.check(copy)
    assert copy.locked_until is None


def test_governance_locks_do_not_count(moto: str) -> None:
    check = bucket_at(moto, lock_mode="GOVERNANCE").probe()
    assert not check.is_lock_honoured
    assert any("administrator" in words for words in check.problems)


def test_a_store_that_is_not_there_is_unavailable_and_not_empty(tmp_path: Path) -> None:
    settings = ReplicaSettings(
        name="away",
        kind="s3",
        endpoint_url="http://127.0.0.1:9",
        bucket="bucket",
        credentials_file=tmp_path / "none",
        timeout_seconds=1,
    )
    child = child_of(settings, tmp_path)
    try:
        assert not child.probe().is_reachable
        (tmp_path / "file").write_bytes(b"x")
        with pytest.raises(UnavailableError):
            child.put(tmp_path / "file", Sha256(hashlib.sha256(b"x").hexdigest()))
    finally:
        child.close()


# Uploads that break off


def test_an_upload_whose_process_is_killed_goes_on_where_it_was(moto: str, tmp_path: Path) -> None:
    bucket = make_bucket(moto, "killed")
    settings = ReplicaSettings(
        name="central",
        kind="s3",
        endpoint_url=moto,
        bucket=bucket,
        credentials_file=tmp_path / "none",
        part_bytes=5 * MIB,
    )
    child = child_of(settings, tmp_path)
    data = os.urandom(3 * 5 * MIB)
    (tmp_path / "file").write_bytes(data)
    digest = Sha256(hashlib.sha256(data).hexdigest())
    seen = []

    def kill_in_the_middle(count: int) -> None:
        seen.append(count)
        if sum(seen) >= 2 * 5 * MIB and child.pid is not None:
            os.kill(child.pid, 9)

    child._on_bytes = kill_in_the_middle
    with pytest.raises(UnavailableError):
        child.put(tmp_path / "file", digest)
    assert versions_in(moto, bucket) == []
    (key,) = uploads_in(moto, bucket)
    upload = client(moto).list_multipart_uploads(Bucket=bucket)["Uploads"][0]["UploadId"]
    arrived = client(moto).list_parts(Bucket=bucket, Key=key, UploadId=upload)["Parts"]
    assert len(arrived) >= 2
    child._on_bytes = lambda _: None
    try:
        copy = child.put(tmp_path / "file", digest)
        assert child.check(copy)
    finally:
        child.close()
    assert versions_in(moto, bucket) == [(key, copy.version_id)]
    assert uploads_in(moto, bucket) == []
    # The tag of an object in parts is made of theirs: those that had arrived are in it as they were.
    assert client(moto).head_object(Bucket=bucket, Key=key)["ETag"].strip('"').endswith("-3")


def test_a_child_that_nobody_asks_any_more_is_started_again(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    child = child_of(ReplicaSettings(name="disk", kind="folder", path=tmp_path / "store", other_disk=False), tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    digest = Sha256(hashlib.sha256(b"x").hexdigest())
    first = child.put(tmp_path / "file", digest)
    pid = child.pid
    assert pid is not None
    child.close()
    assert child.check(first)
    assert child.pid not in (None, pid)
    child.close()


# Folders


def test_a_folder_on_the_vaults_own_disk_is_no_second_copy(tmp_path: Path) -> None:
    store = FolderReplica("disk", tmp_path, SystemClock(), vault_dir=tmp_path)
    check = store.probe()
    assert not check.is_reachable
    assert "own disk" in check.problems[0]
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(UnavailableError):
        store.put(tmp_path / "file", Sha256(hashlib.sha256(b"x").hexdigest()))


def test_a_disk_that_is_not_mounted_is_unavailable_and_its_copies_are_not_lost(tmp_path: Path) -> None:
    root = tmp_path / "store"
    root.mkdir()
    store = FolderReplica("disk", root, SystemClock(), vault_dir=tmp_path, is_any_disk=True)
    (tmp_path / "file").write_bytes(b"x")
    copy = store.put(tmp_path / "file", Sha256(hashlib.sha256(b"x").hexdigest()))
    root.rename(tmp_path / "unplugged")
    with pytest.raises(UnavailableError):
        store.check(copy)


def test_a_damaged_file_in_a_folder_is_kept_aside_and_never_overwritten(tmp_path: Path) -> None:
    root = tmp_path / "store"
    root.mkdir()
    store = FolderReplica("disk", root, SystemClock(), vault_dir=tmp_path, is_any_disk=True)
    (tmp_path / "file").write_bytes(b"good")
    digest = Sha256(hashlib.sha256(b"good").hexdigest())
    copy = store.put(tmp_path / "file", digest)
    (root / copy.key).chmod(0o600)
    (root / copy.key).write_bytes(b"evil")
    assert not store.check(copy)
    assert store.check(store.put(tmp_path / "file", digest))
    (aside,) = (root / copy.key).parent.glob("*.faulty-*")
    assert aside.read_bytes() == b"evil"


# Parts


def test_parts_cover_a_file_without_holes_and_are_never_too_many() -> None:
    for size, part in ((1, 5), (10, 5), (11, 5), (10_003, 1)):
        parts = list(parts_of(size, part))
        assert [start for _, start, _ in parts] == [sum(one[2] for one in parts[:place]) for place in range(len(parts))]
        assert sum(length for *_, length in parts) == size
        assert len(parts) <= 10_000


def test_a_part_that_arrived_damaged_is_sent_again() -> None:
    tag = f'"{hashlib.md5(b"good", usedforsecurity=False).hexdigest()}"'
    assert resumable({"Size": 4, "ETag": tag}, b"good") == {"ETag": tag}
    assert resumable({"Size": 4, "ETag": tag}, b"evil") is None
    assert resumable({"Size": 5, "ETag": tag}, b"good") is None
    assert resumable(None, b"good") is None

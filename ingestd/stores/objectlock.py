"""A bucket with Object Lock as a store of copies: verified, locked and looked after object by object.

What servers promise and what they do are two things (docs/design/replicas.md has the table), so nothing here believes
an answer: every object is read back and hashed, its lock and hold are asked for one by one, multipart uploads are
locked again behind their completion, and a probe object shows whether an early delete is refused at all.
"""

import contextlib
import datetime as dt
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from ingestd.core.clock import Clock, to_text
from ingestd.core.errors import (
    IntegrityError,
    NotFoundError,
    StillLockedError,
    StoreError,
    UnavailableError,
)
from ingestd.core.ids import Sha256
from ingestd.core.replicas import ObjectKind, ReplicaCopy, StoreCheck
from ingestd.stores.bucketwire import BucketPlace, BucketWire, RefusedByStoreError, checksum, whole_second
from ingestd.stores.durable import create_exclusive, remove, sync_directory, translated, write_all
from ingestd.stores.lockprobe import LockProbe
from ingestd.stores.multipart import parts_of, resumable

OnBytes = Callable[[int], None]


class LockedBucket:
    """One bucket. One thread uses it; see `core.replicas.ReplicaStore` for what each method promises.

    Args:
        known: what an earlier probe found, so that not every start of a process leaves a probe object behind.
        on_bytes: told of bytes hashed, sent or read back, as they go.
    """

    def __init__(
        self, place: BucketPlace, clock: Clock, *, known: StoreCheck | None = None, on_bytes: OnBytes = lambda _: None
    ) -> None:
        self._place = place
        self._clock = clock
        self._known = known
        self._on_bytes = on_bytes
        self._wire = BucketWire(place)

    @property
    def name(self) -> str:
        """As the settings call it."""
        return self._place.name

    # What it really does

    def probe(self) -> StoreCheck:
        """Ask for versioning and Object Lock, then try to break the lock of a small object of its own."""
        check = StoreCheck(self.name, is_reachable=False)
        try:
            check = LockProbe(self._place, self._wire, self._clock).check()
        except UnavailableError as error:
            check = replace(check, problems=(error.message,))
        except StoreError as error:
            check = replace(check, is_reachable=True, problems=(error.message,))
        if check.is_reachable:
            self._known = check
        return check

    # Copies

    def put(
        self,
        path: Path,
        sha256: Sha256,
        *,
        kind: ObjectKind = ObjectKind.ORIGINAL,
        locked_until: dt.datetime | None = None,
        has_legal_hold: bool = False,
    ) -> ReplicaCopy:
        """See `ReplicaStore.put`. What an earlier try finished is found by its key, and what it began goes on."""
        if self._known is None:
            self._known = self.probe()
        if not self._known.is_reachable:
            raise UnavailableError("; ".join(self._known.problems), "it is tried again by itself")
        until = self._wanted_lock(locked_until)
        key = f"{self._place.prefix}{kind}/{sha256[:2]}/{sha256}"
        with translated("read", path), path.open("rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            standing = [version for found, version, _ in self._wire.versions(key) if found == key]
            for version in standing:
                copy = self._copy(key, version, sha256, size_bytes, kind)
                if self.check(copy):
                    return self._locked(copy, until, has_legal_hold)
            if size_bytes > self._place.part_bytes:
                version = self._upload_parts(file, key, sha256, size_bytes, until)
            else:
                version = self._upload_whole(file, key, sha256, until, is_new=not standing)
        copy = self._locked(self._copy(key, version, sha256, size_bytes, kind), until, has_legal_hold)
        if not self.check(copy):
            raise IntegrityError(
                f"{self.name} did not give back what it was given: {key}", "check the store; the copy does not count"
            )
        return copy

    def _wanted_lock(self, locked_until: dt.datetime | None) -> dt.datetime | None:
        has_lock = self._known is not None and self._known.has_object_lock
        if self._place.lock_mode is None or not has_lock:
            return None
        return whole_second(locked_until or self._clock.now() + dt.timedelta(days=self._place.lock_days))

    def _copy(self, key: str, version: str | None, sha256: Sha256, size: int, kind: ObjectKind) -> ReplicaCopy:
        return ReplicaCopy(
            store=self.name,
            key=key,
            version_id=version,
            sha256=sha256,
            size_bytes=size,
            verified_at=self._clock.now(),
            locked_until=None,
            is_lock_honoured=False,
            kind=kind,
        )

    def _upload_whole(
        self, file: BinaryIO, key: str, sha256: Sha256, until: dt.datetime | None, *, is_new: bool
    ) -> str | None:
        data = file.read()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise _changed(file)
        self._on_bytes(len(data))
        once = {"IfNoneMatch": "*"} if is_new else {}
        answer = self._wire.ask(
            "put an object into",
            "put_object",
            Bucket=self._place.bucket,
            Key=key,
            Body=data,
            **checksum(data),
            **self._wire.lock_headers(until),
            **once,
        )
        self._on_bytes(len(data))
        return answer.get("VersionId")

    def _upload_parts(
        self, file: BinaryIO, key: str, sha256: Sha256, size_bytes: int, until: dt.datetime | None
    ) -> str | None:
        """A large file in parts. An upload that an earlier process began goes on behind what arrived of it."""
        at = {"Bucket": self._place.bucket, "Key": key}
        upload_id, arrived = self._begun(key)
        if upload_id is None:
            headers = {**self._wire.lock_headers(until), "ChecksumAlgorithm": "SHA256"}
            begun = self._wire.ask("begin an upload to", "create_multipart_upload", **at, **headers)
            upload_id = begun["UploadId"]
        whole = hashlib.sha256()
        done: list[dict[str, Any]] = []
        for number, start, length in parts_of(size_bytes, self._place.part_bytes):
            file.seek(start)
            data = file.read(length)
            whole.update(data)
            part = resumable(arrived.get(number), data)
            if part is None:
                answer = self._wire.ask(
                    "put a part into",
                    "upload_part",
                    **at,
                    UploadId=upload_id,
                    PartNumber=number,
                    Body=data,
                    **checksum(data),
                )
                part = {name: answer[name] for name in ("ETag", "ChecksumSHA256") if answer.get(name)}
            done.append({**part, "PartNumber": number})
            self._on_bytes(len(data))
        if whole.hexdigest() != sha256:
            with contextlib.suppress(StoreError, NotFoundError, UnavailableError):
                self._wire.ask("end an upload to", "abort_multipart_upload", **at, UploadId=upload_id)
            raise _changed(file)
        answer = self._wire.ask(
            "complete an upload to",
            "complete_multipart_upload",
            **at,
            UploadId=upload_id,
            MultipartUpload={"Parts": done},
        )
        version = answer.get("VersionId")
        # Some servers (Ceph 16) do not name the version here.
        return version or self._wire.ask("look into", "head_object", **at).get("VersionId")

    def _begun(self, key: str) -> tuple[str | None, dict[int, dict[str, Any]]]:
        """An unfinished upload of this key and the parts that arrived; those of others that were begun are ended."""
        found: list[tuple[str, dict[int, dict[str, Any]]]] = []
        listed = self._wire.pages("look for uploads in", "list_multipart_uploads", Prefix=key)
        for upload in [one for page in listed for one in page.get("Uploads", ()) if one["Key"] == key]:
            pages = self._wire.pages("look at an upload to", "list_parts", Key=key, UploadId=upload["UploadId"])
            with contextlib.suppress(NotFoundError):
                parts = {part["PartNumber"]: part for page in pages for part in page.get("Parts", ())}
                found.append((upload["UploadId"], parts))
        if not found:
            return None, {}
        found.sort(key=lambda one: len(one[1]), reverse=True)
        for upload_id, _ in found[1:]:
            at = {"Bucket": self._place.bucket, "Key": key, "UploadId": upload_id}
            with contextlib.suppress(NotFoundError):
                self._wire.ask("end an upload to", "abort_multipart_upload", **at)
        return found[0]

    def _locked(self, copy: ReplicaCopy, until: dt.datetime | None, has_legal_hold: bool) -> ReplicaCopy:
        """The copy as the store has it, locked as wanted where it can be.

        Lock headers are ignored in silence on multipart uploads by some servers, so what stands is asked for, and set
        where it is not what was wanted.
        """
        copy = self._seen(copy)
        if until is not None and (copy.locked_until is None or copy.locked_until < until):
            copy = self.extend(copy, until)
        if has_legal_hold and until is not None and not copy.has_legal_hold:
            copy = self.set_legal_hold(copy, True)
        return copy

    def check(self, copy: ReplicaCopy) -> bool:
        """See `ReplicaStore.check`."""
        digest = hashlib.sha256()
        try:
            count = sum(len(block) for block in self._read(copy, digest.update))
        except NotFoundError:
            return False
        return count == copy.size_bytes and digest.hexdigest() == copy.sha256

    def look(self, copy: ReplicaCopy) -> ReplicaCopy | None:
        """See `ReplicaStore.look`."""
        try:
            return self._seen(copy)
        except NotFoundError:
            return None

    def _seen(self, copy: ReplicaCopy) -> ReplicaCopy:
        """The copy with lock and hold as the store answers for this very version."""
        at = self._at(copy)
        head = self._wire.ask("look into", "head_object", **at)
        if head["ContentLength"] != copy.size_bytes:
            raise IntegrityError(f"{self.name} has {head['ContentLength']} bytes at {copy.key}, not {copy.size_bytes}")
        until, mode, hold = (
            head.get(name) for name in ("ObjectLockRetainUntilDate", "ObjectLockMode", "ObjectLockLegalHoldStatus")
        )
        if self._place.lock_mode is not None and self._known is not None and self._known.has_object_lock:
            if self._known.is_retention_told:
                told = self._retention(at)
                mode, until = told.get("Mode"), _earlier(told.get("RetainUntilDate"), until)
            with contextlib.suppress(NotFoundError, StoreError):
                hold = (
                    self._wire.ask("ask for a hold in", "get_object_legal_hold", **at)
                    .get("LegalHold", {})
                    .get("Status")
                )
        is_honoured = self._known is not None and self._known.is_lock_honoured
        return replace(
            copy,
            version_id=head.get("VersionId") or copy.version_id,
            locked_until=until.astimezone(dt.UTC) if until is not None else None,
            # Of another mode than the one that was tried, nothing is known.
            is_lock_honoured=is_honoured and mode in (None, self._place.lock_mode),
            has_legal_hold=hold == "ON",
        )

    def _retention(self, at: dict[str, Any]) -> dict[str, Any]:
        """Lock of one version as the server tells it; empty for none."""
        try:
            told: dict[str, Any] = self._wire.ask("ask for a lock in", "get_object_retention", **at).get(
                "Retention", {}
            )
        except (NotFoundError, StoreError):
            return {}
        return told

    def fetch(self, copy: ReplicaCopy, to: Path) -> None:
        """See `ReplicaStore.fetch`."""
        descriptor = create_exclusive(to)
        digest = hashlib.sha256()
        is_whole = False
        try:
            for block in self._read(copy, digest.update):
                write_all(descriptor, block, to)
            with translated("sync", to):
                os.fsync(descriptor)
            is_whole = digest.hexdigest() == copy.sha256
        finally:
            os.close(descriptor)
            if not is_whole:
                remove(to)
        if not is_whole:
            raise IntegrityError(f"{self.name} does not hold what it was given: {copy.key}")
        sync_directory(to.parent)

    def _read(self, copy: ReplicaCopy, update: Callable[[bytes], None]) -> Iterator[bytes]:
        for block in self._wire.blocks("read from", **self._at(copy)):
            update(block)
            self._on_bytes(len(block))
            yield block

    def extend(self, copy: ReplicaCopy, until: dt.datetime) -> ReplicaCopy:
        """See `ReplicaStore.extend`."""
        if self._place.lock_mode is None:
            return self._seen(copy)
        seen = self._seen(copy)
        until = whole_second(until)
        if seen.locked_until is None or seen.locked_until < until:
            lock = {"Mode": self._place.lock_mode, "RetainUntilDate": until}
            self._wire.ask("lock an object in", "put_object_retention", **self._at(seen), Retention=lock)
            seen = self._seen(seen)
        if seen.locked_until is None or seen.locked_until < until:
            # It said yes and did not do it: then nothing that it says of locks counts.
            return replace(seen, is_lock_honoured=False)
        return seen

    def set_legal_hold(self, copy: ReplicaCopy, is_held: bool) -> ReplicaCopy:
        """See `ReplicaStore.set_legal_hold`."""
        if self._place.lock_mode is None:
            return self._seen(copy)
        status = {"Status": "ON" if is_held else "OFF"}
        self._wire.ask("set a hold in", "put_object_legal_hold", **self._at(copy), LegalHold=status)
        seen = self._seen(copy)
        if seen.has_legal_hold is not is_held:
            raise StoreError(f"{self.name} took a legal hold of {copy.key} and does not have it", "check the store")
        return seen

    def remove(self, copy: ReplicaCopy) -> None:
        """See `ReplicaStore.remove`. A lock that the server would not honour is honoured here."""
        seen = self.look(copy)
        if seen is None:
            return
        until = to_text(seen.locked_until) if seen.locked_until is not None else None
        if seen.has_legal_hold or (seen.locked_until is not None and seen.locked_until > self._clock.now()):
            what = "a legal hold stands on it" if seen.has_legal_hold else f"it is locked until {until}"
            raise StillLockedError(f"{self.name} cannot remove {copy.key}: {what}", "wait", locked_until=until)
        try:
            self._wire.ask("remove from", "delete_object", **self._at(seen))
        except RefusedByStoreError as error:
            raise StillLockedError(error.message, "wait until its lock ends", locked_until=until) from error
        if self.look(seen) is not None:
            raise StoreError(f"{self.name} said that it removed {copy.key}, and still has it", "check the store")

    def _at(self, copy: ReplicaCopy) -> dict[str, Any]:
        at = {"Bucket": self._place.bucket, "Key": copy.key}
        return at | ({"VersionId": copy.version_id} if copy.version_id is not None else {})


def _changed(file: BinaryIO) -> IntegrityError:
    return IntegrityError(
        f"{file.name} is not what was sealed: nothing is made a copy of it", "run: ingestd verify, and restore it"
    )


def _earlier(told: dt.datetime | None, of_head: dt.datetime | None) -> dt.datetime | None:
    """The weaker of two claims about a lock; HEAD need not make any."""
    return min(told, of_head) if told is not None and of_head is not None else told

"""What a bucket really does about locks: asked for, and then tried with objects of our own.

A store is not believed to lock because it says so, and a refusal proves a lock only where the same is granted without
one (docs/design/replicas.md).
"""

import datetime as dt
import hashlib
from dataclasses import replace
from typing import Final

from ingestd.core.clock import Clock, to_text
from ingestd.core.errors import NotFoundError, StoreError, UnavailableError
from ingestd.core.replicas import StoreCheck
from ingestd.stores.bucketwire import BucketPlace, BucketWire, checksum, whole_second

_PROBE_SECONDS: Final = 900
"""Long enough for clocks that differ by minutes; what a probe leaves behind is removed by a later one."""


class LockProbe:
    """Tries one bucket."""

    def __init__(self, place: BucketPlace, wire: BucketWire, clock: Clock) -> None:
        self._place = place
        self._wire = wire
        self._clock = clock

    def check(self) -> StoreCheck:
        """What the bucket was found to do.

        Raises:
            UnavailableError: it does not answer.
            StoreError: it may not even be asked.
        """
        problems: list[str] = []
        bucket = self._place.bucket
        versioning = self._wire.ask("ask for the versioning of", "get_bucket_versioning", Bucket=bucket)
        has_versioning = versioning.get("Status") == "Enabled"
        if not has_versioning:
            problems.append("versioning is off: an object that is put again replaces the one before it")
        try:
            lock = self._wire.ask("ask for the lock of", "get_object_lock_configuration", Bucket=bucket)
            has_lock = lock.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"
        except (NotFoundError, StoreError):
            has_lock = False
        if not has_lock:
            problems.append("Object Lock is off; it can only be turned on when a bucket is made")
        check = StoreCheck(self._place.name, True, has_versioning=has_versioning, has_object_lock=has_lock)
        wants_lock = self._place.lock_mode is not None
        if not (has_versioning and has_lock and wants_lock):
            if not wants_lock:
                problems.append("the settings want no locks here (lock_mode = 'none')")
            return replace(check, problems=tuple(problems))
        try:
            return self._tried_to_break(check, problems)
        except StoreError as error:
            return replace(check, problems=(*problems, error.message))

    def _tried_to_break(self, check: StoreCheck, problems: list[str]) -> StoreCheck:
        """Put a probe object and try what nobody may."""
        now = self._clock.now()
        data = f"probe of {self._place.name} at {to_text(now)}\n".encode()
        key = f"{self._place.prefix}probe/{hashlib.sha256(data).hexdigest()}"
        self._remove_old_probes(now)
        lock = self._wire.lock_headers(whole_second(now + dt.timedelta(seconds=_PROBE_SECONDS)))
        put = {"Bucket": self._place.bucket, "Key": key, "Body": data}
        version = self._wire.ask("put a probe into", "put_object", **put, **lock, **checksum(data)).get("VersionId")
        at = {"Bucket": self._place.bucket, "Key": key, "VersionId": version}
        shorter = {"Mode": lock["ObjectLockMode"], "RetainUntilDate": whole_second(now + dt.timedelta(seconds=60))}
        shortening = self._wire.is_refused("put_object_retention", **at, Retention=shorter)
        if not shortening:
            problems.append("a lock can be made shorter: its locks bind nobody, and its copies count as not locked")
        overwrite = self._wire.is_refused("put_object", **put, IfNoneMatch="*", **checksum(data))
        wrong = {**put, "Key": f"{key}-wrong", **checksum(b"other bytes")}
        is_checked = self._wire.is_refused("put_object", **wrong)
        delete = self._wire.is_refused("delete_object", **at) and self._stands(key, version)
        if not delete:
            problems.append("an object was deleted before its lock ended: its copies count as not locked")
        try:
            is_told = bool(self._wire.ask("ask for a lock in", "get_object_retention", **at).get("Retention"))
        except (UnavailableError, NotFoundError, StoreError):
            is_told = False
        # That something was refused proves a lock only where the same is granted without one.
        later = {"Mode": lock["ObjectLockMode"], "RetainUntilDate": whole_second(now + dt.timedelta(seconds=1000))}
        can_extend = not self._wire.is_refused("put_object_retention", **at, Retention=later)
        if not can_extend:
            problems.append("a lock cannot be made longer with these credentials: allow s3:PutObjectRetention")
        can_delete = self._may_delete_unlocked(f"{key}-control", data)
        if not can_delete:
            problems.append("these credentials may delete nothing at all, so nothing is learned of the locks")
        is_lifted = self._place.lock_mode == "GOVERNANCE"
        if is_lifted:
            problems.append(
                "governance locks can be lifted by an administrator of the store: copies count as not locked"
            )
        return replace(
            check,
            is_early_delete_refused=delete,
            is_shortening_refused=shortening,
            is_overwrite_refused=overwrite,
            is_checksum_checked=is_checked,
            is_retention_told=is_told,
            is_lock_honoured=delete and shortening and can_extend and can_delete and not is_lifted,
            problems=tuple(problems),
        )

    def _may_delete_unlocked(self, key: str, data: bytes) -> bool:
        """Whether an object without a lock can be deleted; true as well where the bucket locks whatever it is given."""
        put = {"Bucket": self._place.bucket, "Key": key}
        version = self._wire.ask("put a probe into", "put_object", **put, Body=data, **checksum(data)).get("VersionId")
        if not self._wire.is_refused("delete_object", **put, VersionId=version):
            return True
        try:
            lock = self._wire.ask("ask for a lock in", "get_object_retention", **put, VersionId=version)
        except (NotFoundError, StoreError):
            return False
        return bool(lock.get("Retention"))

    def _stands(self, key: str, version: str | None) -> bool:
        try:
            self._wire.ask("look at a probe in", "head_object", Bucket=self._place.bucket, Key=key, VersionId=version)
        except NotFoundError:
            return False
        return True

    def _remove_old_probes(self, now: dt.datetime) -> None:
        """Probes whose lock ended; one that still stands locked is left for the next time."""
        horizon = now - dt.timedelta(seconds=_PROBE_SECONDS + 60)
        for key, version, moment in self._wire.versions(f"{self._place.prefix}probe/"):
            if moment < horizon:
                self._wire.is_refused("delete_object", Bucket=self._place.bucket, Key=key, VersionId=version)

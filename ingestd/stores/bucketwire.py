"""A bucket over the wire: the only importer of boto3, whose answers become errors of ours here.

Imported by child processes alone: it takes 40 MB and a third of a second.
"""

import base64
import contextlib
import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import botocore.config
import botocore.exceptions

from ingestd.core.errors import NotFoundError, StoreError, StoreFullError, UnavailableError

_BLOCK_BYTES: Final = 1024 * 1024

_ABSENT = {"NoSuchKey", "NoSuchVersion", "404", "NotFound", "NoSuchObjectLockConfiguration", "NoSuchUpload"}
_LATER = {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "RequestTimeTooSkewed", "503", "500"}
_FULL = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "507"}
_REFUSED = {"AccessDenied", "ObjectLocked", "InvalidRequest", "403", "OperationAborted"}
_TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict"}


class RefusedByStoreError(StoreError):
    """The store does not allow it: a lock, a hold, or missing rights."""


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """Where a bucket is and how it is spoken to. `lock_mode` is null for a bucket without locks."""

    name: str
    endpoint_url: str
    bucket: str
    region: str
    prefix: str
    is_path_style: bool
    ca_file: Path | None
    lock_mode: str | None
    lock_days: int
    part_bytes: int
    timeout_seconds: float
    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


class BucketWire:
    """Requests to one bucket. One thread uses it."""

    def __init__(self, place: BucketPlace) -> None:
        self._place = place
        config = botocore.config.Config(
            connect_timeout=min(place.timeout_seconds, 10.0),
            read_timeout=place.timeout_seconds,
            retries={"max_attempts": 2, "mode": "standard"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={
                "payload_signing_enabled": True,
                "addressing_style": "path" if place.is_path_style else "virtual",
            },
        )
        self._s3: Any = boto3.session.Session(
            aws_access_key_id=place.access_key_id,
            aws_secret_access_key=place.secret_access_key,
            aws_session_token=place.session_token,
            region_name=place.region,
        ).client(
            "s3",
            endpoint_url=place.endpoint_url,
            config=config,
            verify=str(place.ca_file) if place.ca_file is not None else None,
        )

    def is_refused(self, operation: str, **arguments: Any) -> bool:
        """Whether the server says no.

        Raises:
            UnavailableError: it says neither yes nor no.
        """
        try:
            getattr(self._s3, operation)(**arguments)
        except botocore.exceptions.ClientError as error:
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            if status >= 500:
                raise self._translated("probe", error) from error
            return True
        except botocore.exceptions.BotoCoreError as error:
            raise self.unavailable("probe", error) from error
        return False

    def lock_headers(self, until: dt.datetime | None) -> dict[str, Any]:
        """What an upload carries to be locked; nothing for null."""
        if until is None:
            return {}
        return {"ObjectLockMode": self._place.lock_mode, "ObjectLockRetainUntilDate": until}

    def versions(self, prefix: str) -> Iterator[tuple[str, str | None, dt.datetime]]:
        """Key, version and time of what stands below a prefix; "null" versions are those of buckets without any."""
        for page in self.pages("look into", "list_object_versions", Prefix=prefix):
            for one in page.get("Versions", ()):
                version = one.get("VersionId")
                yield one["Key"], None if version == "null" else version, one["LastModified"]

    def pages(self, what: str, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """The pages of a listing of the bucket; `what` is for the words of errors, which are those of `ask`."""
        pages = self._s3.get_paginator(operation).paginate(Bucket=self._place.bucket, **arguments)
        try:
            yield from pages
        except botocore.exceptions.ClientError as error:
            raise self._translated(what, error) from error
        except botocore.exceptions.BotoCoreError as error:
            raise self.unavailable(what, error) from error

    def ask(self, what: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """One request. `what` says in words what it is for: "put an object into".

        Raises:
            UnavailableError: no answer, or one that may be another the next time.
            NotFoundError: there is no such thing.
            RefusedByStoreError: it may not be.
            StoreFullError, StoreError: any other no.
        """
        try:
            answer: dict[str, Any] = getattr(self._s3, operation)(**arguments)
        except botocore.exceptions.ClientError as error:
            raise self._translated(what, error) from error
        except botocore.exceptions.BotoCoreError as error:
            raise self.unavailable(what, error) from error
        return answer

    def blocks(self, what: str, **arguments: Any) -> Iterator[bytes]:
        """The bytes of an object; errors are those of `ask`."""
        body = self.ask(what, "get_object", **arguments)["Body"]
        with contextlib.closing(body):
            try:
                yield from body.iter_chunks(_BLOCK_BYTES)
            except botocore.exceptions.BotoCoreError as error:
                raise self.unavailable(what, error) from error

    def _where(self) -> str:
        return f"bucket {self._place.bucket} at {self._place.endpoint_url} (replica {self._place.name})"

    def unavailable(self, what: str, error: Exception) -> UnavailableError:
        """The error for a request that got no answer."""
        return UnavailableError(f"cannot {what} {self._where()}: {error}", "it is tried again by itself")

    def _translated(
        self, what: str, error: botocore.exceptions.ClientError
    ) -> UnavailableError | NotFoundError | StoreError:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        words = f"cannot {what} {self._where()}: {error}"
        if code in _FULL:
            return StoreFullError(words, "give the bucket more room; the station goes on by itself")
        if code in _ABSENT:
            return NotFoundError(words)
        if code in _LATER or status >= 500:
            return UnavailableError(words, "it is tried again by itself")
        if code in _TAKEN:
            return UnavailableError(words, "somebody else puts the same object; it is looked at again")
        kind = RefusedByStoreError if code in _REFUSED else StoreError
        return kind(words, "check the bucket, its policy and the credentials of the station")


def checksum(data: bytes) -> dict[str, str]:
    """Both headers: some servers ask for the name of the algorithm beside the sum."""
    return {
        "ChecksumAlgorithm": "SHA256",
        "ChecksumSHA256": base64.b64encode(hashlib.sha256(data).digest()).decode("ascii"),
    }


def whole_second(moment: dt.datetime) -> dt.datetime:
    """Rounded up: stores keep whole seconds, and a lock is never shorter than wanted."""
    return moment.replace(microsecond=0) + (dt.timedelta(seconds=1) if moment.microsecond else dt.timedelta())

"""The helper's side of a request to erase: the list that was asked for, and the proof that the ledger names it.

The helper believes no file by its place. It reads the list again by itself, takes it only with the digest that an act
of the ledger names, and takes that act only where the lines from it to the ledger's end are an unbroken chain.
"""

import json
import os
import stat
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from ingestd.core.custody import Entry, chain_fault
from ingestd.core.erase_acts import ASKED, FINISHED, EraseList, EraseRequest
from ingestd.core.errors import NotFoundError, RefusedError, StoreError
from ingestd.core.manifest import canonical_json, sha256_of
from ingestd.stores.durable import translated
from ingestd.stores.ledger import segments

MOST_LIST_BYTES: Final = 256 * 1024 * 1024
_MOST_REQUEST_BYTES: Final = 4096
_SEGMENTS_BACK: Final = 2
"""A list is asked for and taken within minutes: it stands in the last segment, or in the one before."""


def read_request(path: Path) -> EraseRequest | None:
    """What the station asks for at one device; null where it asks for nothing.

    Raises:
        RefusedError: the file is no request.
    """
    try:
        data = _bytes_of(path, _MOST_REQUEST_BYTES)
    except NotFoundError:
        return None
    try:
        return EraseRequest.model_validate_json(data)
    except ValidationError as error:
        raise RefusedError(f"{path.name} is no request to erase") from error


def asked_list(vault: Path, request: EraseRequest) -> EraseList:
    """The list of a request, as the ledger vouches for it.

    Raises:
        RefusedError: it is not the one that the ledger names, is none, or its release is over.
        NotFoundError: it is not there.
        StoreError: it cannot be read.
    """
    data = _bytes_of(vault / request.path, MOST_LIST_BYTES)
    if sha256_of(data) != request.sha256:
        raise RefusedError(f"{request.path} is not the list that was asked for")
    try:
        listing = EraseList.model_validate_json(data)
        is_as_written = canonical_json(json.loads(data)) + b"\n" == data
    except (ValidationError, ValueError) as error:
        raise RefusedError(f"{request.path} is no list of files to erase") from error
    if listing.release_id != request.release_id or not is_as_written:
        raise RefusedError(f"{request.path} is not the list of release {request.release_id}")
    _ask_ledger(vault / "ledger", request)
    return listing


def _ask_ledger(folder: Path, request: EraseRequest) -> None:
    """Raise where the ledger does not name the list, was broken behind it, or says that the release is over."""
    asked: Entry | None = None
    for segment in segments(folder)[-_SEGMENTS_BACK:]:
        with translated("read", segment), segment.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                asked = _followed(asked, line, request)
    if asked is None:
        raise RefusedError(f"the ledger names no such list: {request.sha256}")


def _followed(last: Entry | None, line: bytes, request: EraseRequest) -> Entry | None:
    """The entry of this line, once the act that names the list was met; null before it."""
    if last is None and request.sha256.encode("ascii") not in line:
        return None
    try:
        entry = Entry(**json.loads(line))
    except (ValueError, TypeError, ValidationError) as error:
        raise RefusedError("a line of the ledger is no entry", "see: ingestd verify") from error
    if last is None:
        is_it = entry.act == ASKED and entry.subject == request.release_id
        is_it = is_it and entry.data.get("record_sha256") == request.sha256
        fault = chain_fault(entry, seq=entry.seq, prev=entry.prev) if is_it else None
        if fault is None:
            return entry if is_it else None
    else:
        fault = chain_fault(entry, seq=last.seq + 1, prev=last.hash)
    if fault is not None:
        raise RefusedError(f"the ledger is no chain: {fault}", "see: ingestd verify")
    if entry.act == FINISHED and entry.subject == request.release_id:
        raise RefusedError(f"release {request.release_id} is over")
    return entry


def has_in_vault(vault: Path, relative: str, size_bytes: int) -> bool:
    """Whether the vault's own copy stands where the list says, an ordinary file of this size."""
    if relative.startswith("/") or ".." in relative.split("/"):
        return False
    try:
        status = (vault / relative).lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == size_bytes


def _bytes_of(path: Path, most_bytes: int) -> bytes:
    try:
        with translated("read", path):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except StoreError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise NotFoundError(f"{path} is not there") from error
        raise
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise RefusedError(f"{path} is no ordinary file")
        with translated("read", path):
            data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise RefusedError(f"{path} has more than {most_bytes} bytes")
    return data

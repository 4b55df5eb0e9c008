"""The child process of a store of copies: does one request after the other. Started by `replicachild`."""

import datetime as dt
import json
import os
import select
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ingestd.core.clock import SystemClock, from_text
from ingestd.core.errors import IngestdError, StillLockedError, StoreError
from ingestd.core.ids import Sha256
from ingestd.core.replica_settings import Credentials, ReplicaSettings
from ingestd.core.replicas import ObjectKind, ReplicaStore, StoreCheck, copy_document, copy_of
from ingestd.stores.folderreplica import FolderReplica

IDLE_SECONDS = 60.0
_TELL_BYTES = 1024 * 1024
_NICE = 19


def main() -> None:
    """Serve until the parent closes the line, or nobody asks any more. The argument is the number of the socket."""
    line = socket.socket(fileno=int(sys.argv[1]))
    os.nice(max(0, _NICE - os.nice(0)))
    threading.Thread(target=_end_with_parent, args=(line.fileno(),), daemon=True).start()
    requests = line.makefile("rb")
    first = requests.readline()
    if not first:
        return
    telling = _Telling(line)
    store = opened_store(json.loads(first), telling.count)
    while True:
        line.settimeout(IDLE_SECONDS)
        try:
            raw = requests.readline()
        except TimeoutError:
            return
        if not raw:
            return
        # An answer is waited with: the parent reads it, or is gone.
        line.settimeout(None)
        answer = _answered(store, json.loads(raw))
        telling.flush()
        line.sendall(json.dumps(answer).encode() + b"\n")


def _end_with_parent(line: int) -> None:
    """End in the middle of whatever is done: the next process of the station begins again where this one was.

    Two at the same work would be no danger, but could put an object twice.
    """
    watch = select.poll()
    # Nothing is asked for but what is always told: that the other end is closed.
    watch.register(line, 0)
    watch.poll()
    os._exit(1)


def opened_store(first: Mapping[str, Any], on_bytes: Callable[[int], None]) -> ReplicaStore:
    """The store that the parent's first line describes."""
    settings = ReplicaSettings.model_validate(first["settings"])
    if settings.path is not None:
        return FolderReplica(
            settings.name,
            settings.path,
            SystemClock(),
            vault_dir=Path(first["vault_dir"]),
            is_any_disk=not settings.other_disk,
            on_bytes=on_bytes,
        )
    # Only here: a folder needs none of it.
    from ingestd.stores.bucketwire import BucketPlace  # noqa: PLC0415
    from ingestd.stores.objectlock import LockedBucket  # noqa: PLC0415

    credentials = Credentials(**first["credentials"])
    known = first["known"]
    place = BucketPlace(
        name=settings.name,
        endpoint_url=settings.endpoint_url,
        bucket=settings.bucket,
        region=settings.region,
        prefix=settings.prefix,
        is_path_style=settings.path_style,
        ca_file=Path(first["folder"]) / settings.ca_file if settings.ca_file is not None else None,
        lock_mode=None if settings.lock_mode == "none" else settings.lock_mode.upper(),
        lock_days=settings.lock_days,
        part_bytes=settings.part_bytes,
        timeout_seconds=settings.timeout_seconds,
        access_key_id=credentials.access_key_id,
        secret_access_key=credentials.secret_access_key,
        session_token=credentials.session_token,
    )
    check = StoreCheck(**{**known, "problems": tuple(known["problems"])}) if known is not None else None
    return LockedBucket(place, SystemClock(), known=check, on_bytes=on_bytes)


class _Telling:
    """Tells the parent of bytes that went over, so that it sees that something goes on; ends us when it is gone."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._count = 0

    def count(self, number: int) -> None:
        """So many more."""
        self._count += number
        if self._count >= _TELL_BYTES:
            self.flush()

    def flush(self) -> None:
        """Tell of what was not told yet."""
        if self._count:
            self._line.sendall(json.dumps({"bytes": self._count}).encode() + b"\n")
            self._count = 0


def _answered(store: ReplicaStore, request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"ok": True, "result": _OPS[request["op"]](store, request["params"])}
    except IngestdError as error:
        locked_until = error.locked_until if isinstance(error, StillLockedError) else None
        words = {"code": error.code, "message": error.message, "advice": error.advice}
        return {"ok": False, **words, "locked_until": locked_until}
    except Exception as error:
        # The one boundary of this process: one object whose answer nobody foresaw must not end the work on the others.
        traceback.print_exc()
        words = {"code": StoreError.code, "message": f"unexpected: {type(error).__name__}: {error}", "advice": ""}
        return {"ok": False, **words, "locked_until": None}


def _put(store: ReplicaStore, params: Mapping[str, Any]) -> dict[str, Any]:
    until = params["locked_until"]
    copy = store.put(
        Path(params["path"]),
        Sha256(params["sha256"]),
        kind=ObjectKind(params["kind"]),
        locked_until=from_text(until) if until is not None else None,
        has_legal_hold=params["has_legal_hold"],
    )
    return copy_document(copy)


def _look(store: ReplicaStore, params: Mapping[str, Any]) -> dict[str, Any] | None:
    found = store.look(copy_of(params["copy"]))
    return copy_document(found) if found is not None else None


def _extend(store: ReplicaStore, params: Mapping[str, Any]) -> dict[str, Any]:
    until: dt.datetime = from_text(params["until"])
    return copy_document(store.extend(copy_of(params["copy"]), until))


def _hold(store: ReplicaStore, params: Mapping[str, Any]) -> dict[str, Any]:
    return copy_document(store.set_legal_hold(copy_of(params["copy"]), params["is_held"]))


_OPS: dict[str, Callable[[ReplicaStore, Mapping[str, Any]], Any]] = {
    "probe": lambda store, _: asdict(store.probe()),
    "put": _put,
    "check": lambda store, params: store.check(copy_of(params["copy"])),
    "look": _look,
    "fetch": lambda store, params: store.fetch(copy_of(params["copy"]), Path(params["to"])),
    "extend": _extend,
    "set_legal_hold": _hold,
    "remove": lambda store, params: store.remove(copy_of(params["copy"])),
}


if __name__ == "__main__":
    main()

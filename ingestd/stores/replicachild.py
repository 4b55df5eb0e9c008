"""The parent's side of a store of copies: a child process does the work, asked over a Unix socket.

In a process of its own, because boto3 takes 40 MB that an idle station does not have to spare, and because a dead NAS
holds whoever touches it: the child then hangs and is killed, the station goes on. It ends by itself when nobody asked
for a while, and with its parent, whose line it then finds closed.
"""

import contextlib
import datetime as dt
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from ingestd.core.clock import Clock, to_text
from ingestd.core.errors import (
    ConfigError,
    IngestdError,
    IntegrityError,
    NotFoundError,
    StillLockedError,
    StoppedError,
    StoreError,
    StoreFullError,
    UnavailableError,
)
from ingestd.core.ids import Sha256
from ingestd.core.replica_settings import Credentials, ReplicaSettings
from ingestd.core.replicas import ObjectKind, ReplicaCopy, StoreCheck, copy_document, copy_of
from ingestd.core.stop import Stop

WORKER_PROGRAM: Final = ("-m", "ingestd.stores.replica_worker")
_SILENT_SECONDS: Final = 300.0
"""Without a word or a byte. Whoever is silent for longer hangs: time-outs of the wire are shorter."""
_STOP_CHECK_SECONDS: Final = 0.2
_KNOWN_HOURS: Final = 24
_KINDS: Final[dict[str, type[IngestdError]]] = {
    kind.code: kind
    for kind in (ConfigError, IntegrityError, NotFoundError, StoreError, StoreFullError, UnavailableError)
}
_PACKAGE_ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    line: socket.socket
    received: bytearray


class ChildReplica:
    """A store of copies whose work is done by a child process; see `core.replicas.ReplicaStore` for what it promises.

    Requests of several threads wait for each other. Every method may also raise `StoppedError`.

    Args:
        credentials: read anew for each child, so that new ones need no restart; may raise `ConfigError`.
        stop: once it is requested, a request under way ends and its child is killed; whatever it was doing is begun
            again from what arrived.
        on_bytes: told of bytes as they are hashed, sent or read back, in the thread that asked.
    """

    def __init__(
        self,
        settings: ReplicaSettings,
        *,
        vault_dir: Path,
        folder: Path,
        credentials: Callable[[], Credentials | None],
        clock: Clock,
        stop: Stop,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._vault_dir = vault_dir
        self._folder = folder
        self._credentials = credentials
        self._clock = clock
        self._stop = stop
        self._on_bytes = on_bytes
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._known: tuple[StoreCheck, dt.datetime] | None = None

    @property
    def name(self) -> str:
        """As the settings call it."""
        return self._settings.name

    @property
    def pid(self) -> int | None:
        """The child's process id; null while there is none."""
        child = self._child
        return child.process.pid if child is not None else None

    def probe(self) -> StoreCheck:
        """See `ReplicaStore.probe`."""
        with self._lock:
            self._known = None
            return self._probe()

    def put(
        self,
        path: Path,
        sha256: Sha256,
        *,
        kind: ObjectKind = ObjectKind.ORIGINAL,
        locked_until: dt.datetime | None = None,
        has_legal_hold: bool = False,
    ) -> ReplicaCopy:
        """See `ReplicaStore.put`."""
        until = to_text(locked_until) if locked_until is not None else None
        params = {"path": os.fsdecode(path), "sha256": sha256, "kind": kind.value, "locked_until": until}
        return copy_of(self._ask("put", **params, has_legal_hold=has_legal_hold))

    def check(self, copy: ReplicaCopy) -> bool:
        """See `ReplicaStore.check`."""
        return bool(self._ask("check", copy=copy_document(copy)))

    def look(self, copy: ReplicaCopy) -> ReplicaCopy | None:
        """See `ReplicaStore.look`."""
        found = self._ask("look", copy=copy_document(copy))
        return copy_of(found) if found is not None else None

    def fetch(self, copy: ReplicaCopy, to: Path) -> None:
        """See `ReplicaStore.fetch`."""
        self._ask("fetch", copy=copy_document(copy), to=os.fsdecode(to))

    def extend(self, copy: ReplicaCopy, until: dt.datetime) -> ReplicaCopy:
        """See `ReplicaStore.extend`."""
        return copy_of(self._ask("extend", copy=copy_document(copy), until=to_text(until)))

    def set_legal_hold(self, copy: ReplicaCopy, is_held: bool) -> ReplicaCopy:
        """See `ReplicaStore.set_legal_hold`."""
        return copy_of(self._ask("set_legal_hold", copy=copy_document(copy), is_held=is_held))

    def remove(self, copy: ReplicaCopy) -> None:
        """See `ReplicaStore.remove`."""
        self._ask("remove", copy=copy_document(copy))

    def close(self) -> None:
        """End the child, if there is one; a later request starts another."""
        with self._lock:
            if self._child is not None:
                self._end(self._child)

    def _probe(self) -> StoreCheck:
        result = self._asked("probe", {})
        check = StoreCheck(**{**result, "problems": tuple(result["problems"])})
        if check.is_reachable:
            self._known = check, self._clock.now()
        return check

    def _ask(self, op: str, **params: Any) -> Any:
        with self._lock:
            if not self._is_known():
                # Before any object: what a copy's lock is worth is only known of a store that was tried.
                check = self._probe()
                if not check.is_reachable:
                    words = "; ".join(check.problems) or f"the replica {self.name} cannot be reached"
                    raise UnavailableError(words, "it is tried again by itself")
            return self._asked(op, params)

    def _is_known(self) -> bool:
        return self._known is not None and self._clock.now() - self._known[1] < dt.timedelta(hours=_KNOWN_HOURS)

    def _asked(self, op: str, params: dict[str, Any]) -> Any:
        raw = json.dumps({"op": op, "params": params}).encode() + b"\n"
        for is_last_try in (False, True):
            self._stop.check()
            child = self._living_child()
            try:
                child.line.sendall(raw)
                answer = self._answer(child)
            except OSError as error:
                self._fail(child, "broke the line", error)
            if answer is not None:
                return self._result(answer)
            # It had ended by itself, idle, just as it was asked.
            if child.process.wait(5) != 0 or is_last_try:
                self._fail(child, f"ended with status {child.process.returncode}", None)
            self._end(child)
        raise AssertionError("the second try returns or raises")

    def _result(self, answer: dict[str, Any]) -> Any:
        if answer["ok"] is True:
            return answer["result"]
        kind = _KINDS.get(answer["code"], StoreError)
        if answer["code"] == StillLockedError.code:
            raise StillLockedError(answer["message"], answer["advice"], locked_until=answer["locked_until"])
        raise kind(answer["message"], answer["advice"])

    def _living_child(self) -> _Child:
        if self._child is not None and self._child.process.poll() is not None:
            self._end(self._child)
        if self._child is None:
            self._child = self._started()
        return self._child

    def _started(self) -> _Child:
        credentials = self._credentials()
        first = {
            "settings": self._settings.model_dump(mode="json", by_alias=True, exclude_unset=True),
            "vault_dir": str(self._vault_dir),
            "folder": str(self._folder),
            "credentials": asdict(credentials) if credentials is not None else None,
            "known": asdict(self._known[0]) if self._known is not None else None,
        }
        ours, theirs = socket.socketpair()
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-s", *WORKER_PROGRAM, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # None of the parent's: credentials of a person who runs a command are not the station's.
                env={
                    "PATH": "/usr/bin:/bin",
                    "LANG": "C.UTF-8",
                    "PYTHONPATH": str(_PACKAGE_ROOT),
                    "AWS_CONFIG_FILE": "/dev/null",
                    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                    "AWS_EC2_METADATA_DISABLED": "true",
                },
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise UnavailableError(f"the process of the replica {self.name} cannot be started: {error}") from error
        finally:
            theirs.close()
        # Over the line and not in the arguments, which every user of the machine can read.
        with contextlib.suppress(OSError):
            ours.sendall(json.dumps(first).encode() + b"\n")
        return _Child(process, ours, bytearray())

    def _answer(self, child: _Child) -> dict[str, Any] | None:
        """The answer; null where the child closed the line without one."""
        deadline = self._clock.steady_seconds() + _SILENT_SECONDS
        while True:
            line = self._next_line(child, deadline)
            if line is None:
                return None
            deadline = self._clock.steady_seconds() + _SILENT_SECONDS
            try:
                answer: dict[str, Any] = json.loads(line)
            except ValueError as error:
                self._fail(child, "answered nonsense", error)
            if "bytes" in answer:
                self._on_bytes(int(answer["bytes"]))
            else:
                return answer

    def _next_line(self, child: _Child, deadline: float) -> bytes | None:
        while (end := child.received.find(b"\n")) < 0:
            child.line.settimeout(_STOP_CHECK_SECONDS)
            try:
                block = child.line.recv(64 * 1024)
            except TimeoutError as error:
                if self._stop.is_requested():
                    self._end(child)
                    raise StoppedError("the work was asked to stop") from error
                if self._clock.steady_seconds() > deadline:
                    self._fail(child, f"said nothing for {_SILENT_SECONDS:g} s", error)
                continue
            if not block:
                return None
            child.received += block
        line = bytes(child.received[:end])
        del child.received[: end + 1]
        return line

    def _fail(self, child: _Child, what: str, cause: Exception | None) -> NoReturn:
        self._end(child)
        words = f"the process of the replica {self.name} {what}"
        raise UnavailableError(words, "it is tried again by itself") from cause

    def _end(self, child: _Child) -> None:
        """Nothing is lost by a kill: what was promised stands in the store, what was not is begun again."""
        child.line.close()
        if child.process.poll() is None:
            child.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            # In a dead NAS even a killed process stays until the kernel gives up.
            child.process.wait(2)
        self._child = None

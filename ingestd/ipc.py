"""The daemon's Unix socket: questions and acts in, live state out, one JSON line each (decisions 4).

A request is `{"op": NAME, …}`. The answer is any number of `{"progress": {…}}` lines, then one line with `result` or
`error`. A line `{}` in between says that the station is still there. Only the station's own user and root are heard
(SO_PEERCRED).
"""

import contextlib
import functools
import json
import os
import selectors
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ingestd.core.errors import IngestdError, UnavailableError

Document = dict[str, Any]
Operation = Callable[[Document], Iterator[Document]]
"""Yields progress documents, each with the key `progress`, and ends with one that has `result`."""

MAX_LINE_BYTES = 1024 * 1024
_LAST_WORDS_SECONDS = 2.0
_PEER_CREDENTIALS = struct.Struct("3i")


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    operations: Mapping[str, Operation]
    answering: set[threading.Thread]


class _Handler(socketserver.StreamRequestHandler):
    """One connection: one request and its answer."""

    server: _Server

    def handle(self) -> None:
        try:
            for document in self._answer():
                # In ASCII, because paths may hold bytes that are no UTF-8.
                self.wfile.write(json.dumps(document).encode("ascii") + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            # The asker went away; whatever was begun goes on without it.
            return
        finally:
            self.server.answering.discard(threading.current_thread())

    def _answer(self) -> Iterator[Document]:
        # Read before anything is refused: closing on unread words would take the answer away with them.
        line = self.rfile.readline(MAX_LINE_BYTES)
        self.server.answering.add(threading.current_thread())
        credentials = self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
        _, user, _ = _PEER_CREDENTIALS.unpack(credentials)
        if user not in (0, os.geteuid()):
            yield {"error": {"code": "refused", "message": f"user {user} may not speak to this station", "advice": ""}}
            return
        try:
            request = json.loads(line)
            operation = self.server.operations[request["op"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            yield {"error": {"code": "refused", "message": "not a request that this station knows", "advice": ""}}
            return
        try:
            yield from operation(request)
        except IngestdError as error:
            yield {"error": {"code": error.code, "message": error.message, "advice": error.advice}}


class Doorman:
    """Lets askers in to a server in a thread of its own, which sleeps while nobody comes (no polling)."""

    def __init__(self, server: socketserver.TCPServer | socketserver.UnixStreamServer, name: str) -> None:
        self._server = server
        self._bell, self._rung = socket.socketpair()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let nobody in any more, and close the server."""
        self._bell.close()
        self._thread.join()
        self._rung.close()
        self._server.server_close()

    def _work(self) -> None:
        # An asker may have gone away again between the two looks; that must not hold up the others.
        self._server.timeout = 0.0
        with selectors.DefaultSelector() as doors:
            doors.register(self._server, selectors.EVENT_READ)
            doors.register(self._rung, selectors.EVENT_READ)
            while all(key.fileobj is not self._rung for key, _ in doors.select()):
                self._server.handle_request()


class SocketServer:
    """Serves operations on a Unix socket until it is closed. A stale socket file of a dead daemon is replaced.

    Args:
        path: of the socket; its folder must exist. The holder of the station's lock is the only one to call this.

    Raises:
        UnavailableError: something that is no socket stands there, or the folder may not be written to.
    """

    def __init__(self, path: Path, operations: Mapping[str, Operation]) -> None:
        self._path = path
        try:
            path.unlink(missing_ok=True)
            with _short_address(path) as address:
                self._server = _Server(address, _Handler)
        except OSError as error:
            raise UnavailableError(
                f"the socket {path} cannot be made: {error.strerror}",
                "remove what stands there, or give the folder to the station's user",
            ) from error
        self._server.operations, self._server.answering = operations, set()
        path.chmod(0o600)
        self._doorman = Doorman(self._server, "socket")

    def close(self) -> None:
        """Stop listening, let answers that are under way come to their end, and remove the socket."""
        self._doorman.close()
        for thread in list(self._server.answering):
            thread.join(_LAST_WORDS_SECONDS)
        self._path.unlink(missing_ok=True)


class _short_address:  # noqa: N801 - a context manager that reads as a function
    """The socket's address through a descriptor of its folder, since addresses end at 107 bytes and paths do not."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> str:
        self._folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._folder}/{self._path.name}"

    def __exit__(self, *_: object) -> None:
        os.close(self._folder)


def ask(
    path: Path,
    request: Document,
    on_progress: Callable[[Document], None] = lambda _: None,
    *,
    silent_seconds: float | None = None,
    on_connected: Callable[[Callable[[], None]], None] = lambda _: None,
) -> Any:
    """Send one request to a running daemon and wait for its result.

    Args:
        path: of its socket.
        request: the operation's name as `op`, and what it needs.
        on_progress: told of each progress document.
        silent_seconds: a station that says nothing at all for so long does not answer; null: it may take for ever.
        on_connected: handed what hangs up: called from another thread, it ends the waiting with UnavailableError.

    Raises:
        UnavailableError: no daemon listens, or it went away before it answered.
        IngestdError: what the daemon answered instead of a result.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(silent_seconds)
        try:
            with _short_address(path) as address:
                connection.connect(address)
        except OSError as error:
            raise UnavailableError("no station is running here", "start it with: ingestd run") from error
        on_connected(functools.partial(_hang_up, connection))
        with connection.makefile("rb") as lines:
            try:
                connection.sendall(json.dumps(request).encode("utf-8") + b"\n")
                for line in lines:
                    if not line.endswith(b"\n"):
                        break
                    document = json.loads(line)
                    if "result" in document:
                        return document["result"]
                    if "error" in document:
                        raise _error_of(document["error"])
                    if "progress" in document:
                        on_progress(document["progress"])
            except OSError as error:
                raise UnavailableError("the station went away before it answered", "see its log") from error
    raise UnavailableError("the station went away before it answered", "see its log")


def _hang_up(connection: socket.socket) -> None:
    # It may have ended by itself in the meantime.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _error_of(document: Document) -> IngestdError:
    for kind in _all_errors(IngestdError):
        if kind.code == document["code"]:
            return kind(document["message"], document["advice"])
    return IngestdError(document["message"], document["advice"])


def _all_errors(kind: type[IngestdError]) -> Iterator[type[IngestdError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _all_errors(child)

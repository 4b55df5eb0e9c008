"""Metrics, health and the bays over HTTP, without authentication: keep it on localhost.

The push of cases asks for a token.
"""

import contextlib
import io
import json
import queue
import select
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ingestd.core.errors import ConfigError
from ingestd.core.model import Progress
from ingestd.daemon.case_push import PATH as CASES_PATH
from ingestd.daemon.case_push import CasePush
from ingestd.daemon.live import LiveState
from ingestd.ipc import Doorman

Health = Callable[[], tuple[bool, dict[str, Any]]]

MAX_LISTENERS = 32
HEARTBEAT_SECONDS = 15.0
RETRY_MILLISECONDS = 2000
_SLOW_SECONDS = 30.0
"""A listener that takes nothing for so long is let go of."""
_CONNECTION = "ingestd.connection"
_PAGES = "/metrics, /healthz, /readyz, /bays, /events\n"


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Wire(io.BufferedIOBase):
    """What is written to an asker; one that takes nothing counts as gone."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        try:
            self._connection.sendall(data)
        except TimeoutError as error:
            raise ConnectionAbortedError("the asker takes nothing") from error
        return len(data)


class _Handler(WSGIRequestHandler):
    """Requests are no events worth a log line."""

    timeout = _SLOW_SECONDS

    def setup(self) -> None:
        super().setup()
        self.wfile = _Wire(self.connection)

    def get_environ(self) -> dict[str, Any]:
        return super().get_environ() | {_CONNECTION: self.connection}

    def handle(self) -> None:
        # Who says nothing, or goes away before it has asked, is nobody's fault.
        with contextlib.suppress(TimeoutError, ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is wsgiref's
        return


class HttpServer:
    """Serves until closed. Every asker has a thread of its own, so that a slow one holds up nobody.

    Raises:
        ConfigError: the address cannot be bound; names the keys.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        metrics: WSGIApplication,
        healthz: Health,
        readyz: Health,
        live: LiveState,
        case_push: CasePush,
    ) -> None:
        self._documents: dict[str, Health] = {"/healthz": healthz, "/readyz": readyz, "/bays": self._bays}
        self._metrics = metrics
        self._case_push = case_push
        self._live = live
        self._lock = threading.Lock()
        self._listeners: set[_Listener] = set()
        try:
            self._server = make_server(host, port, self._serve, server_class=_Server, handler_class=_Handler)
        except OSError as error:
            raise ConfigError(
                f"http.host = {host!r}, http.port = {port}: {error.strerror}",
                "another program listens there: set another http.port in ingestd.toml (0 takes any free one)",
            ) from error
        self.address = f"http://{host}:{self._server.server_port}"
        self._doorman = Doorman(self._server, "http")

    def close(self) -> None:
        """Stop serving."""
        self._doorman.close()

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/metrics":
            return self._metrics(environ, start_response)
        if path == "/events":
            return self._events(environ, start_response)
        if path == CASES_PATH and self._case_push.is_enabled:
            return self._case_push(environ, start_response)
        page = self._documents.get(path)
        if page is None:
            return _words(start_response, "404 Not Found", _PAGES)
        is_well, document = page()
        status = "200 OK" if is_well else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json; charset=utf-8"), ("Cache-Control", "no-store")])
        return [json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"]

    def _bays(self) -> tuple[bool, dict[str, Any]]:
        return True, {"bays": [asdict(progress) for progress in self._live.bays()]}

    def _events(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            # A page that is loaded again and again leaves listeners behind that went away unnoticed.
            for gone in [one for one in self._listeners if one.is_gone()]:
                self._listeners.discard(gone)
                gone.wake()
            if len(self._listeners) >= MAX_LISTENERS:
                words = f"{MAX_LISTENERS} listen already; ask for /bays\n"
                return _words(start_response, "503 Service Unavailable", words)
            listener = _Listener(self._live, environ[_CONNECTION], self._forget)
            self._listeners.add(listener)
        start_response("200 OK", [("Content-Type", "text/event-stream; charset=utf-8"), ("Cache-Control", "no-store")])
        return listener

    def _forget(self, listener: "_Listener") -> None:
        with self._lock:
            self._listeners.discard(listener)


class _Listener:
    """The stream of one listener: all bays as they stand, then each word. What it did not hear before is of no use."""

    def __init__(self, live: LiveState, connection: socket.socket, on_closed: "Callable[[_Listener], None]") -> None:
        self._live = live
        self._connection = connection
        self._on_closed = on_closed
        self._listening: AbstractContextManager[queue.Queue[Progress | None]] = live.listening()
        self._words = self._listening.__enter__()
        self._is_closed = False

    def is_gone(self) -> bool:
        """Whether the asker closed the line."""
        descriptor = self._connection.fileno()
        line = select.poll()
        if descriptor >= 0:
            line.register(descriptor, select.POLLRDHUP)
        return descriptor < 0 or bool(line.poll(0))

    def wake(self) -> None:
        """Have its thread look whether it is still wanted."""
        self._live.wake(self._words)

    def __iter__(self) -> Iterator[bytes]:
        yield b"retry: %d\n\n" % RETRY_MILLISECONDS
        number = 0
        for progress in self._live.bays():
            number += 1
            yield _event(number, progress)
        while not self._live.is_closed and not self.is_gone():
            try:
                word = self._words.get(timeout=HEARTBEAT_SECONDS)
            except queue.Empty:
                # So that proxies keep the line open, and a listener that went away is noticed.
                yield b": still here\n\n"
                continue
            if word is not None:
                number += 1
                yield _event(number, word)

    def close(self) -> None:
        """Called by the server in any case, also where not one word could be sent."""
        if not self._is_closed:
            self._is_closed = True
            self._listening.__exit__(None, None, None)
            self._on_closed(self)


def _event(number: int, progress: Progress) -> bytes:
    # In ASCII: no line break of a name can end the event, and a name may hold bytes that are no UTF-8.
    return b"id: %d\nevent: bay\ndata: %s\n\n" % (number, json.dumps(asdict(progress)).encode("ascii"))


def _words(start_response: StartResponse, status: str, words: str) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [words.encode("utf-8")]

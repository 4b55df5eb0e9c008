"""A bureau's platform as the feed meets it: a real HTTP server that takes deliveries, or fails as it is told to."""

import hashlib
import hmac
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SECRET = "0123456789abcdef0123456789abcdef"


class Receiver:
    """Deliveries that it took, and how it behaves: `behaviour` is `take`, a status, `hang`, `cut` or `half`."""

    def __init__(self, port: int = 0, certificate: tuple[Path, Path] | None = None) -> None:
        self.behaviour: str | int = "take"
        self.taken: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.tries = 0
        self.most_events: int | None = None
        self.released = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
                return

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                return

        self._server = Server(("127.0.0.1", port), Handler)
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.port = int(self._server.server_port)
        self.url = f"{scheme}://127.0.0.1:{self.port}/api/ingestd?key=k"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """One delivery."""
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.tries += 1
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        events = json.loads(body)["events"]
        match self.behaviour:
            case "hang":
                self.released.wait(30)
                return
            case "cut":
                with suppress(OSError):
                    request.connection.shutdown(socket.SHUT_RDWR)
                return
            case "half":
                # It took the delivery, and the answer was lost on the way.
                self.taken.append(json.loads(body))
                request.wfile.write(b"HTTP/1.1 2")
                return
            case int() as status:
                request.send_response(status)
                request.send_header("Location", "/elsewhere")
                request.end_headers()
                return
        if self.most_events is not None and len(events) > self.most_events:
            request.send_error(413)
            return
        assert is_signed(body, request.headers["Ingestd-Signature"])
        self.taken.append(json.loads(body))
        request.send_response(204)
        request.end_headers()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Acts that were taken, in order of arrival."""
        return [event for one in self.taken for event in one["events"]]

    def close(self) -> None:
        """Go away."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def receiving(port: int = 0, certificate: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """A receiver while the block lasts."""
    receiver = Receiver(port, certificate)
    try:
        yield receiver
    finally:
        receiver.close()


def is_signed(body: bytes, header: str) -> bool:
    """As a receiver checks it, by the standard library alone."""
    return header == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def missed(taken: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Holes between deliveries, as a receiver sees them: from where to where nothing was told."""
    holes, through = [], 0
    for one in taken:
        if one["after_seq"] > through:
            holes.append((through, one["after_seq"]))
        through = max(through, one["through_seq"])
    return holes

"""`/metrics`, `/healthz` and `/readyz` over HTTP, without authentication: keep it on localhost."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from ingestd.core.errors import ConfigError

Health = Callable[[], tuple[bool, dict[str, Any]]]


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    """Requests are no events worth a log line."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is wsgiref's
        return


class HttpServer:
    """Serves until closed.

    Raises:
        ConfigError: the address cannot be bound; names the keys.
    """

    def __init__(self, host: str, port: int, *, metrics: WSGIApplication, healthz: Health, readyz: Health) -> None:
        self._pages: dict[str, Health] = {"/healthz": healthz, "/readyz": readyz}
        self._metrics = metrics
        try:
            self._server = make_server(host, port, self._serve, server_class=_Server, handler_class=_Handler)
        except OSError as error:
            raise ConfigError(
                f"http.host = {host!r}, http.port = {port}: {error.strerror}",
                "another program listens there: set another http.port in ingestd.toml (0 takes any free one)",
            ) from error
        self.address = f"http://{host}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/metrics":
            return self._metrics(environ, start_response)
        page = self._pages.get(path)
        if page is None:
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"/metrics, /healthz, /readyz\n"]
        is_well, document = page()
        status = "200 OK" if is_well else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json; charset=utf-8")])
        return [json.dumps(document, ensure_ascii=False).encode("utf-8") + b"\n"]

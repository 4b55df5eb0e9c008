"""The console as a server: HTTP or HTTPS by uvicorn, until it is told to stop."""

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from ingestd.config.load import Configuration
from ingestd.core.clock import SystemClock
from ingestd.core.errors import ConfigError
from ingestd.core.web_settings import WebSettings
from ingestd.web.app import application
from ingestd.web.console import Console
from ingestd.web.gate import Gate
from ingestd.web.pages.everything import PAGES


def console_of(configuration: Configuration) -> Console:
    """A console of this configuration."""
    return Console(configuration, SystemClock(), Gate())


def application_of(console: Console) -> Starlette:
    """The console with all its pages."""
    return application(console, PAGES)


def serve(app: Starlette, settings: WebSettings, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        on_ready: told of the address once it listens.

    Raises:
        ConfigError: the address cannot be bound, or certificate and key cannot be used.
    """
    server, listening = server_of(app, settings), listener(settings)
    host, port = listening.getsockname()[:2]
    scheme = "https" if settings.certificate is not None else "http"
    shown = f"[{host}]" if ":" in host else host
    with listening:
        asyncio.run(_served(server, listening, lambda: on_ready(f"{scheme}://{shown}:{port}")))


def listener(settings: WebSettings) -> socket.socket:
    """The socket of the settings.

    Raises:
        ConfigError: it cannot be bound.
    """
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((settings.host, settings.port), family=family, backlog=128)
    except OSError as error:
        raise ConfigError(
            f"web.host = {settings.host!r}, web.port = {settings.port}: {error.strerror}",
            "another program listens there: set another web.port in ingestd.toml (0 takes any free one)",
        ) from error
    return listening


def server_of(app: Starlette, settings: WebSettings) -> uvicorn.Server:
    """The server; it is not running yet.

    Raises:
        ConfigError: certificate and key cannot be used.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.certificate_key,
    )
    try:
        config.load()
    except OSError as error:
        raise ConfigError(
            f"web.certificate = {str(settings.certificate)!r}: {error}", "give a certificate and its key in PEM"
        ) from error
    return uvicorn.Server(config)


async def _served(server: uvicorn.Server, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        on_ready()
    await serving

"""The console as a server: HTTP or HTTPS by uvicorn, until it is told to stop."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from starlette.applications import Starlette

from ingestd.config.load import Configuration
from ingestd.core.clock import Clock, SystemClock
from ingestd.core.errors import ConfigError
from ingestd.core.settings import Settings
from ingestd.core.web_settings import WebSettings
from ingestd.ipc import ask
from ingestd.stores.hashing import Hasher
from ingestd.stores.secrets import Secrets
from ingestd.web.api.everything import api
from ingestd.web.app import application
from ingestd.web.console import Console
from ingestd.web.gate import Directory, Gate
from ingestd.web.pages.everything import PAGES
from ingestd.web.telling import Teller
from ingestd.wiring import open_accounts

if TYPE_CHECKING:
    from ingestd.web.oidc import Provider

_TOLD_SECONDS: Final = 5.0
"""Who signs in waits so long for a station that does not answer; what happened is kept and told later."""


def console_of(configuration: Configuration, hasher: Hasher | None = None) -> Console:
    """A console of this configuration.

    Args:
        hasher: how dear a digest of a password is; null for as dear as it should be.

    Raises:
        StoreError: the console's own file cannot be opened.
        ConfigError: an identity provider is configured and cannot be used.
        ConfigError: what is set about a directory of passwords cannot be used.
    """
    settings, clock = configuration.settings, SystemClock()
    secrets = Secrets(settings.secrets_file)

    def send(documents: Sequence[dict[str, Any]]) -> object:
        request = {"op": "account", "requests": list(documents)}
        return ask(settings.socket_file, request, silent_seconds=_TOLD_SECONDS)

    teller = Teller(secrets, send)
    teller.flush()
    gate = Gate(lambda: open_accounts(settings), secrets, teller, settings.web, clock, hasher, _directory_of(settings))
    return Console(configuration, clock, gate, _provider_of(configuration, clock))


def _provider_of(configuration: Configuration, clock: Clock) -> "Provider | None":
    settings = configuration.settings.web.oidc
    if settings is None:
        return None
    # Only here: its library is an extra, which a console without a provider does not need.
    from ingestd.web.oidc import Provider  # noqa: PLC0415

    return Provider(settings, configuration.settings.folder, clock)


def _directory_of(settings: Settings) -> Directory | None:
    if settings.web.ldap is None:
        return None
    # Only where it is set: the library is an extra.
    from ingestd.web.ldap import Directory as LdapDirectory  # noqa: PLC0415

    return LdapDirectory(settings.web.ldap, settings.folder)


def application_of(console: Console) -> Starlette:
    """The console with all its pages."""
    made = application(console, PAGES, api(console))
    made.state.console = console
    return made


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
    return _Server(config, app)


class _Server(uvicorn.Server):
    """A server that lets go of its listeners when it ends: answers without an end would hold it up."""

    def __init__(self, config: uvicorn.Config, app: Starlette) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the console, then the server."""
        await asyncio.to_thread(self._app.state.console.close)
        await super().shutdown(sockets)


async def _served(server: uvicorn.Server, listening: socket.socket, on_ready: Callable[[], None]) -> None:
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        on_ready()
    await serving

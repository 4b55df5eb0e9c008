"""Asking an identity provider over HTTP: time-outs, answers of limited length, no redirect followed, no proxy asked."""

import http.client
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ingestd.config.problems import Problem, config_error
from ingestd.core.errors import UnavailableError
from ingestd.core.web_settings import is_private

Document = dict[str, Any]

_MOST_BYTES: Final = 256 * 1024
_AT_ONCE: Final = 4
"""So many ask at a time: a provider that hangs must not take the threads with which the console answers others."""


class Wire:
    """Safe from many threads.

    Args:
        ca_file: whom to trust beside the machine's own authorities.
        timeout_seconds: without one byte from the provider.

    Raises:
        ConfigError: the file of authorities cannot be used.
    """

    def __init__(self, ca_file: Path | None, timeout_seconds: float) -> None:
        self._context = ssl.create_default_context()
        self._timeout_seconds = timeout_seconds
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        if ca_file is not None:
            try:
                self._context.load_verify_locations(ca_file)
            except OSError as error:
                fix = "give a file of certificates in PEM"
                raise config_error([Problem(ca_file, "web.oidc.ca_file", f"cannot be used: {error}", fix)]) from error

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be one of the few who ask.

        Raises:
            UnavailableError: as many do already.
        """
        if not self._turns.acquire(blocking=False):
            raise UnavailableError("the identity provider keeps everybody waiting")
        try:
            yield
        finally:
            self._turns.release()

    def ask(self, url: str, body: str | None = None, headers: Mapping[str, str] | None = None) -> Document:
        """The document at an address: fetched, or what is answered to a form that is posted.

        Raises:
            UnavailableError: there is none.
        """
        if not is_private(url):
            raise UnavailableError(f"{url!r} is no address of https")
        parts = urlsplit(url)
        host = parts.hostname or ""
        connection = (
            http.client.HTTPSConnection(host, parts.port, timeout=self._timeout_seconds, context=self._context)
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=self._timeout_seconds)
        )
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(
                "GET" if body is None else "POST", target, body, {"Accept": "application/json", **(headers or {})}
            )
            answer = connection.getresponse()
            status, raw = answer.status, answer.read(_MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(f"{_shown(url)}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if status != 200:
            raise UnavailableError(f"{_shown(url)}: status {status}")
        return _document(raw, url)


def _document(raw: bytes, url: str) -> Document:
    try:
        document = json.loads(raw) if len(raw) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UnavailableError(f"{_shown(url)}: the answer is no JSON object of at most {_MOST_BYTES} bytes")
    return document


def _shown(url: str) -> str:
    # Without the query, which may hold a key.
    return url.partition("?")[0]

"""One delivery over HTTP or HTTPS: posted, and the answer judged. No redirect is followed, no proxy asked."""

import http.client
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from ingestd.core.errors import ConfigError, StoppedError, UnavailableError
from ingestd.core.stop import Stop

_ANSWER_BYTES = 1024
"""Of the receiver's answer that is read, for the log."""


class TooLongError(UnavailableError):
    """The receiver takes no delivery of this length (413)."""


class FeedPost:
    """Posts to the receiver, a connection each time. `abort` may be called from any thread."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._connection: http.client.HTTPConnection | None = None

    def send(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_seconds: float, ca_file: Path | None
    ) -> None:
        """Post a body; the receiver has it when this returns.

        Args:
            timeout_seconds: without one byte from the receiver.
            ca_file: whom to trust beside the machine's own authorities; null for these alone.

        Raises:
            UnavailableError: it did not take it, or gave no whole answer; whether it has it is not known.
            ConfigError: the file of authorities cannot be used.
            StoppedError: the station stops.
        """
        address = urlsplit(url)
        connection = _connection(address, timeout_seconds, ca_file)
        self._connection = connection
        try:
            # Looked at behind the assignment: a stop before it sees no connection to cut.
            self._stop.check()
            connection.request("POST", _target(address), body, dict(headers))
            answer = connection.getresponse()
            status, words = answer.status, answer.read(_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            if self._stop.is_requested():
                raise StoppedError("the station stops") from error
            raise _unavailable(address, f"{type(error).__name__}: {error}") from error
        finally:
            self._connection = None
            connection.close()
        if not 200 <= status < 300:
            said = "".join(char if char.isprintable() else " " for char in words.decode("utf-8", "replace"))[:200]
            raise _unavailable(address, f"status {status} {said}".rstrip(), is_too_long=status == 413)

    def abort(self) -> None:
        """Cut a delivery that is under way."""
        connection = self._connection
        line = connection.sock if connection is not None else None
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


def _connection(address: SplitResult, timeout_seconds: float, ca_file: Path | None) -> http.client.HTTPConnection:
    host = address.hostname or ""
    if address.scheme != "https":
        return http.client.HTTPConnection(host, address.port, timeout=timeout_seconds)
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            what = f"feed.ca_file = {str(ca_file)!r} cannot be used: {error}"
            raise ConfigError(what, "give a file of certificates in PEM") from error
    return http.client.HTTPSConnection(host, address.port, timeout=timeout_seconds, context=context)


def _target(address: SplitResult) -> str:
    return (address.path or "/") + (f"?{address.query}" if address.query else "")


def _unavailable(address: SplitResult, words: str, *, is_too_long: bool = False) -> UnavailableError:
    # Without the query, which may hold a key.
    where = f"{address.scheme}://{address.hostname}{':' + str(address.port) if address.port else ''}{address.path}"
    kind = TooLongError if is_too_long else UnavailableError
    return kind(f"the feed's receiver {where} did not take a delivery: {words}", "it is sent again until it does")

"""A feed of AIS sentences on the network: UDP that is listened to, or TCP that is connected to. Sleeps between."""

import errno
import os
import select
import socket
from typing import Literal, Protocol

from ingestd.core.errors import UnavailableError

_BLOCK_BYTES = 64 * 1024
_CONNECT_SECONDS = 10.0
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))


class Feed(Protocol):
    """Where bytes of a feed come from. Made without a line, so that it can be rung while it tries to get one."""

    def open(self) -> bool:
        """Get the line; false when somebody rang before it stood.

        Raises:
            UnavailableError: it cannot be had now.
        """
        ...

    def receive(self, seconds: float | None) -> bytes | None:
        """The next bytes; null when none came in time (null: for ever), or somebody rang.

        Raises:
            UnavailableError: the line broke, or cannot be had.
        """
        ...

    def ring(self) -> None:
        """Wake who waits in `receive`, from any thread."""
        ...

    def close(self) -> None:
        """Let go of the line."""
        ...


class _Bell:
    """Wakes a thread that waits for a socket."""

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._far.setblocking(False)

    def ring(self) -> None:
        try:
            self._near.send(b"!")
        except OSError:
            # It rings already, or is taken down: either way nobody needs to be woken.
            return

    def is_ready(self, other: socket.socket, what: int, seconds: float | None) -> bool:
        """Whether the other socket is ready within the time; false when it rang or the time is over."""
        line = select.poll()
        line.register(self._far, select.POLLIN)
        line.register(other, what)
        ready = {descriptor for descriptor, _ in line.poll(None if seconds is None else max(0.0, seconds) * 1000)}
        if self._far.fileno() in ready:
            self._far.recv(4096)
            return False
        return other.fileno() in ready

    def close(self) -> None:
        self._near.close()
        self._far.close()


class UdpFeed:
    """Datagrams that anybody sends here; only these senders are heard where any are named."""

    def __init__(self, host: str, port: int, senders: tuple[str, ...] = ()) -> None:
        self._place = (host, port)
        self._senders = frozenset(senders)
        self._bell = _Bell()
        self._socket = socket.socket(_family(host), socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def open(self) -> bool:
        """As of `Feed`."""
        host, port = self._place
        try:
            self._socket.bind(self._place)
        except OSError as error:
            raise UnavailableError(
                f"ais.feed: udp://{host}:{port} cannot be listened at: {error.strerror}",
                "another program listens there, or the address is not this machine's",
            ) from error
        return True

    def receive(self, seconds: float | None) -> bytes | None:
        """As of `Feed`; a datagram ends its last line, whether it says so or not."""
        if not self._bell.is_ready(self._socket, select.POLLIN, seconds):
            return None
        try:
            data, sender = self._socket.recvfrom(_BLOCK_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            raise UnavailableError(f"ais.feed: {error.strerror}") from error
        if self._senders and sender[0] not in self._senders:
            return None
        return data if data.endswith(b"\n") else data + b"\n"

    def ring(self) -> None:
        """As of `Feed`."""
        self._bell.ring()

    def close(self) -> None:
        """As of `Feed`."""
        self._socket.close()
        self._bell.close()


class TcpFeed:
    """A line to a receiver that sends sentences to whoever connects."""

    def __init__(self, host: str, port: int) -> None:
        self._place = (host, port)
        self._name = f"tcp://{host}:{port}"
        self._bell = _Bell()
        self._socket = socket.socket(_family(host), socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, number in _KEEPALIVE:
            self._socket.setsockopt(socket.IPPROTO_TCP, option, number)

    def open(self) -> bool:
        """As of `Feed`."""
        code = self._socket.connect_ex(self._place)
        if code == errno.EINPROGRESS:
            is_answered = self._bell.is_ready(self._socket, select.POLLOUT, _CONNECT_SECONDS)
            code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if is_answered else errno.ETIMEDOUT
        if code:
            advice = "it is tried again; see the receiver and its network"
            raise UnavailableError(f"ais.feed: {self._name} does not answer: {os.strerror(code)}", advice)
        return True

    def receive(self, seconds: float | None) -> bytes | None:
        """As of `Feed`."""
        if not self._bell.is_ready(self._socket, select.POLLIN, seconds):
            return None
        try:
            data = self._socket.recv(_BLOCK_BYTES)
        except BlockingIOError:
            return None
        except OSError as error:
            raise UnavailableError(f"ais.feed: {self._name} broke: {error.strerror}") from error
        if not data:
            raise UnavailableError(f"ais.feed: {self._name} ended", "it is connected to again")
        return data

    def ring(self) -> None:
        """As of `Feed`."""
        self._bell.ring()

    def close(self) -> None:
        """As of `Feed`."""
        self._socket.close()
        self._bell.close()


def feed_of(kind: Literal["udp", "tcp"], host: str, port: int, senders: tuple[str, ...]) -> Feed:
    """The feed of an address, without a line yet."""
    return UdpFeed(host, port, senders) if kind == "udp" else TcpFeed(host, port)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET

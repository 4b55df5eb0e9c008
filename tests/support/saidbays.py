"""A station's socket whose bays say what a test has them say: the real socket and the real words, without recorders."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from ingestd.core.clock import SystemClock
from ingestd.core.model import Progress
from ingestd.daemon.live import LiveState
from ingestd.daemon.operations import operations
from ingestd.ipc import SocketServer
from tests.support.station import Station


@contextmanager
def said_bays(station: Station, *bays: str) -> Iterator[LiveState]:
    """The bays of a station that does nothing else than tell of them."""
    live = LiveState(SystemClock(), bays, officer_of=lambda recorder: "王海" if recorder == "7012345" else None)
    with station.opened() as parts:
        socket = SocketServer(station.settings.socket_file, operations(parts, live, cast(Any, None)))
        try:
            yield live
        finally:
            live.close()
            socket.close()


def begun(live: LiveState, bay: str, volume: str, usb_path: str = "") -> None:
    """A recorder was put in, and its card is read."""
    live.plugged(bay, volume, usb_path)
    live.report(Progress(bay=bay, state="reading"), volume)


def copying(bay: str, recorder: str, done: int, total: int) -> Progress:
    """A recorder half-way through."""
    return Progress(
        bay=bay,
        state="copying",
        recorder=recorder,
        files_done=5,
        files_total=12,
        bytes_done=done,
        bytes_total=total,
        bytes_per_second=41e6,
        seconds_left=312.0,
    )

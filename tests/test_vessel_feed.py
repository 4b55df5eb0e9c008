"""The feed of AIS over real sockets: it hears, it survives whatever is sent, it sleeps, and it ends when told."""

import datetime as dt
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestd.config.load import load_settings
from ingestd.core.clock import SystemClock
from ingestd.core.errors import ConfigError
from ingestd.core.settings import AisSettings, parsed_feed
from ingestd.core.stop import Stop
from ingestd.daemon.vesselfeed import VesselFeed
from ingestd.stores.heardfile import HeardFile
from tests.support.ais import FERRY, TRAWLER, position, shore_station, tagged, voyage
from tests.support.process import wait_until
from tests.support.station import build_station

NOW = SystemClock().now()


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Listening:
    """A feed at work over a store of its own."""

    def __init__(self, root: Path, feed: str, **fields: object) -> None:
        self.stop = Stop()
        self.file = HeardFile(root / "ais.sqlite3")
        self.faults: list[str] = []
        settings = AisSettings.model_validate({"feed": feed, **fields})
        address = parsed_feed(feed)
        assert address is not None
        self.port = address[2]
        on_error = lambda code, _: self.faults.append(code)  # noqa: E731
        self.feed = VesselFeed(settings, address, self.file.opened, SystemClock(), self.stop, on_error)
        self.feed.start()

    def send(self, *datagrams: bytes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for datagram in datagrams:
                sender.sendto(datagram, ("127.0.0.1", self.port))

    def wait_for(self, name: str, count: int) -> None:
        wait_until(lambda: self.feed.counts()[name] >= count, what=f"{count} {name}: {self.feed.counts()}")

    def wait_open(self) -> None:
        """Until a datagram arrives; until then the port is closed and what is sent is lost."""

        def is_heard() -> bool:
            self.send(b"# knock\n")
            return self.feed.counts()["received"] > 0

        wait_until(is_heard, what="the feed listens")

    def numbers(self) -> set[int]:
        day = dt.timedelta(days=1)
        return {one.mmsi for one in self.file.opened().reports_between(NOW - day, NOW + day)}

    def end(self) -> bool:
        self.stop.request()
        is_ended = self.feed.join(20)
        self.file.close()
        return is_ended


@pytest.fixture
def udp(tmp_path: Path) -> Iterator[Listening]:
    listening = Listening(tmp_path, f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}")
    listening.wait_open()
    yield listening
    listening.end()


def test_what_comes_by_udp_is_stored_with_the_stations_time(udp: Listening) -> None:
    udp.send(position(TRAWLER, NOW).encode(), b"\r\n".join(part.encode() for part in voyage(TRAWLER, "A")))
    udp.wait_for("stored", 1)
    (report,) = udp.file.opened().reports_between(NOW, SystemClock().now())
    assert report.mmsi == TRAWLER
    assert udp.file.opened().identities_near([TRAWLER], NOW)[TRAWLER].name == "A"


def test_garbage_and_a_line_without_end_are_refused_and_what_follows_is_heard(udp: Listening) -> None:
    udp.send(b"\x00\xff" * 500, b"!" * 60_000, b"\\c:1\\!AIVDM", b"!AIVDM,1,1,,A,0,9*5A\n", b"", b"$" * 2000)
    udp.send(position(TRAWLER, NOW).encode())
    udp.wait_for("stored", 1)
    assert udp.feed.counts()["refused"] >= 4
    assert udp.faults == []
    assert udp.feed.is_alive()


def test_an_old_capture_that_is_played_again_is_not_believed(udp: Listening) -> None:
    old = NOW - dt.timedelta(days=40)
    udp.send(*(tagged(position(FERRY, old), old) for _ in range(3)), position(TRAWLER, NOW).encode())
    udp.wait_for("stored", 1)
    assert udp.numbers() == {TRAWLER}
    assert udp.feed.counts()["refused"] == 3


def test_a_replay_without_times_is_known_by_its_shore_stations(udp: Listening) -> None:
    old = NOW - dt.timedelta(days=40)
    udp.send(*(shore_station(old + dt.timedelta(seconds=one)).encode() for one in range(3)))
    udp.send(position(FERRY, old).encode())
    udp.wait_for("refused", 1)
    assert udp.feed.counts()["stored"] == 0


def test_a_feed_that_is_still_sleeps_and_ends_at_the_first_word(udp: Listening) -> None:
    threads = {one.name for one in threading.enumerate()}
    assert "ais" in threads
    assert udp.end()


def test_a_flood_is_held_to_the_agreed_number_of_lines(tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    flooded = Listening(tmp_path, f"udp://127.0.0.1:{port}", max_lines_per_second=100)
    try:
        flooded.wait_open()
        began = SystemClock().steady_seconds()
        line = position(FERRY, NOW).encode() + b"\r\n"
        flooded.send(*(line * 200 for _ in range(50)))
        flooded.wait_for("received", 150)
        seconds = SystemClock().steady_seconds() - began
        assert flooded.feed.counts()["received"] <= 100 * (seconds + 2)
        assert flooded.end()
    finally:
        flooded.end()


def test_only_named_senders_are_heard(tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    listening = Listening(tmp_path, f"udp://127.0.0.1:{port}", senders=("127.0.0.9",))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as named:
            named.bind(("127.0.0.9", 0))

            def is_heard() -> bool:
                listening.send(position(FERRY, NOW).encode())
                named.sendto(position(TRAWLER, NOW).encode(), ("127.0.0.1", port))
                return listening.feed.counts()["stored"] > 0

            wait_until(is_heard, what="the named sender is heard")
        assert listening.numbers() == {TRAWLER}
    finally:
        listening.end()


def test_by_tcp_a_line_that_breaks_is_connected_to_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        listening = Listening(tmp_path, f"tcp://127.0.0.1:{server.getsockname()[1]}")
        try:
            first, _ = server.accept()
            with first:
                # A sentence that is cut by the break is not put together with what comes after it.
                first.sendall(position(TRAWLER, NOW).encode() + b"\r\n" + position(FERRY, NOW).encode()[:20])
                listening.wait_for("stored", 1)
            second, _ = server.accept()
            with second:
                second.sendall(position(FERRY, NOW).encode()[20:] + b"\n")
                listening.wait_for("refused", 1)
                assert listening.numbers() == {TRAWLER}
                assert listening.faults == ["unavailable"]
                assert listening.end()
        finally:
            listening.end()


def test_a_receiver_that_does_not_answer_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    listening = Listening(tmp_path, f"tcp://127.0.0.1:{free_port(socket.SOCK_STREAM)}")
    wait_until(lambda: "does not answer" in listening.feed.problem, what="the fault is told")
    assert listening.feed.is_alive()
    assert listening.end()
    assert listening.faults == ["unavailable"]


@pytest.mark.parametrize(
    "feed", ["udp://boat.local:10110", "http://127.0.0.1:1", "udp://127.0.0.1", "tcp://127.0.0.1:99999", "10110"]
)
def test_an_address_that_is_none_is_named_with_the_fix(tmp_path: Path, feed: str) -> None:
    station = build_station(tmp_path, ais__feed=feed)
    with pytest.raises(ConfigError) as told:
        load_settings(station.config_file)
    assert "ais.feed" in str(told.value)
    assert "udp://0.0.0.0:10110" in str(told.value) + told.value.advice

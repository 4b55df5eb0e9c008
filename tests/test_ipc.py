"""The daemon's socket: every request gets an answer in words, nobody else is heard, no asker harms another."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.errors import NotFoundError, StoreFullError, UnavailableError
from ingestd.ipc import MAX_LINE_BYTES, Document, SocketServer, ask
from tests.support.process import wait_until

ANSWER_SECONDS = 20


class _Operations:
    """Plain operations for a server under test."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.finished: list[str] = []

    def table(self) -> dict[str, Any]:
        return {"echo": self.echo, "steps": self.steps, "missing": self.missing, "full": self.full, "wait": self.wait}

    def echo(self, request: Document) -> Iterator[Document]:
        yield {"result": request.get("words")}

    def steps(self, request: Document) -> Iterator[Document]:
        for number in range(int(request["count"])):
            yield {"progress": {"number": number, "padding": "x" * 1000}}
        self.finished.append("steps")
        yield {"result": "done"}

    def missing(self, request: Document) -> Iterator[Document]:
        if "thing" not in request:
            raise NotFoundError("no such thing", "look elsewhere")
        yield {"result": request["thing"]}

    def full(self, _: Document) -> Iterator[Document]:
        yield {"progress": {"number": 0}}
        raise StoreFullError("no room", "free some")

    def wait(self, _: Document) -> Iterator[Document]:
        self.release.wait(ANSWER_SECONDS)
        yield {"result": "released"}


@pytest.fixture
def operations() -> _Operations:
    return _Operations()


@pytest.fixture
def address(tmp_path: Path, operations: _Operations) -> Iterator[Path]:
    path = tmp_path / "station.sock"
    server = SocketServer(path, operations.table())
    yield path
    operations.release.set()
    server.close()


def raw_exchange(path: Path, data: bytes) -> bytes:
    """Everything that the server says to these bytes."""
    with connected(path) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            return b""
        said = b""
        while block := connection.recv(65536):
            said += block
        return said


def connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(ANSWER_SECONDS)
    connection.connect(str(path))
    return connection


def test_result_comes_back_as_it_was_given(address: Path) -> None:
    words = {"zh": "采集", "list": [1, 2.5, None], "odd": "line\nbreak \udcff"}
    assert ask(address, {"op": "echo", "words": words}) == words


def test_progress_comes_in_order_before_the_result(address: Path) -> None:
    seen: list[Document] = []
    assert ask(address, {"op": "steps", "count": 50}, seen.append) == "done"
    assert [one["number"] for one in seen] == list(range(50))


def test_error_comes_back_as_its_own_class_with_its_advice(address: Path) -> None:
    with pytest.raises(NotFoundError, match="no such thing") as caught:
        ask(address, {"op": "missing"})
    assert caught.value.advice == "look elsewhere"


def test_error_behind_progress_is_still_an_error(address: Path) -> None:
    seen: list[Document] = []
    with pytest.raises(StoreFullError):
        ask(address, {"op": "full"}, seen.append)
    assert len(seen) == 1


def test_no_daemon_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no station is running") as caught:
        ask(tmp_path / "nobody.sock", {"op": "echo"})
    assert "ingestd run" in caught.value.advice


def test_stale_socket_of_a_dead_daemon_is_unavailable_and_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    with pytest.raises(UnavailableError):
        ask(path, {"op": "echo"})
    server = SocketServer(path, _Operations().table())
    assert ask(path, {"op": "echo", "words": 1}) == 1
    server.close()


def test_closing_removes_the_socket(tmp_path: Path) -> None:
    path = tmp_path / "station.sock"
    SocketServer(path, {}).close()
    assert not path.exists()


def test_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 100) / ("e" * 100)
    folder.mkdir(parents=True)
    server = SocketServer(folder / "station.sock", _Operations().table())
    assert ask(folder / "station.sock", {"op": "echo", "words": "far"}) == "far"
    server.close()


def test_only_the_owner_may_open_the_socket(address: Path) -> None:
    assert address.stat().st_mode & 0o777 == 0o600


def test_another_user_is_refused_even_through_an_open_door(address: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    address.chmod(0o777)
    address.parent.chmod(0o755)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        # Whatever happens, this copy of the test run must end here.
        try:
            # By its bare name, because the folders above are closed to everybody else.
            os.chdir(address.parent)
            os.setuid(65534)
            os.write(writing, raw_exchange(Path(address.name), b'{"op": "echo", "words": 1}\n'))
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        answer = json.loads(pipe.read())
    assert answer["error"]["code"] == "refused"
    assert "65534" in answer["error"]["message"]


@pytest.mark.parametrize(
    "request_line",
    [
        pytest.param(b"\n", id="empty"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"not json\n", id="not-json"),
        pytest.param(b"\xff\xfe\n", id="not-utf-8"),
        pytest.param(b"[]\n", id="a-list"),
        pytest.param(b"3\n", id="a-number"),
        pytest.param(b"null\n", id="null"),
        pytest.param(b"{}\n", id="no-op"),
        pytest.param(b'{"op": "format"}\n', id="unknown-op"),
        pytest.param(b'{"op": ["echo"]}\n', id="op-is-a-list"),
        pytest.param(b'{"op": "echo"', id="torn"),
        pytest.param(b"[" * 200_000 + b"\n", id="deeply-nested"),
        pytest.param(b'{"op": "echo", "words": ' + b"9" * 5000 + b"}\n", id="endless-number"),
        pytest.param(b'{"op": "' + b"x" * MAX_LINE_BYTES + b'"}\n', id="over-long"),
    ],
)
def test_nonsense_is_refused_in_words_and_does_no_harm(
    address: Path, request_line: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = json.loads(raw_exchange(address, request_line))
    assert answer["error"]["code"] == "refused"
    assert ask(address, {"op": "echo", "words": "still here"}) == "still here"
    assert "Traceback" not in capfd.readouterr().err


def test_asker_that_goes_away_hurts_nobody(
    address: Path, operations: _Operations, capfd: pytest.CaptureFixture[str]
) -> None:
    connection = connected(address)
    connection.sendall(b'{"op": "steps", "count": 100000}\n')
    connection.recv(10)
    connection.close()
    assert ask(address, {"op": "echo", "words": 1}) == 1
    assert operations.finished == []
    assert "Traceback" not in capfd.readouterr().err


def test_asker_that_says_nothing_blocks_nobody(address: Path) -> None:
    with connected(address):
        assert ask(address, {"op": "echo", "words": 1}) == 1


def test_askers_are_served_side_by_side(address: Path, operations: _Operations) -> None:
    answers: list[Any] = []
    waiting = threading.Thread(target=lambda: answers.append(ask(address, {"op": "wait"})))
    waiting.start()
    assert ask(address, {"op": "echo", "words": "quick"}) == "quick"
    assert answers == []
    operations.release.set()
    wait_until(lambda: answers == ["released"], what="the slow answer")
    waiting.join()


def test_daemon_that_goes_away_in_the_middle_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "station.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()

        def hang_up() -> None:
            connection, _ = listening.accept()
            connection.recv(1000)
            connection.sendall(b'{"progress": {"number": 0}}\n{"progr')
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(UnavailableError, match="went away"):
            ask(path, {"op": "echo"})
        thread.join()

"""The bays of a running daemon: pages and streams, other settings beside a copy, and the stop of eight bays."""

import json
import re
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

from ingestd.core.errors import IngestdError
from ingestd.daemon.http import MAX_LISTENERS
from ingestd.ipc import ask
from tests.support.process import Daemon, Installation, sample, scraped, wait_until
from tests.support.station import faults_of, write_card

STOP_SECONDS = 10.0


class Stream:
    """A listener of /events that reads when it is asked to."""

    def __init__(self, daemon: Daemon) -> None:
        address = urlparse(daemon.address)
        self._socket = socket.create_connection((address.hostname or "", address.port or 0), timeout=30)
        self._socket.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 7\r\n\r\n")
        self.raw = b""

    def read(self, until: Callable[[bytes], bool]) -> str:
        """Read on until what came is enough, or the end."""
        while not until(self.raw):
            block = self._socket.recv(65536)
            if not block:
                break
            self.raw += block
        return self.raw.decode("utf-8")

    def close(self) -> None:
        self._socket.close()


@contextmanager
def streams(daemon: Daemon, count: int) -> Iterator[list[Stream]]:
    opened = [Stream(daemon) for _ in range(count)]
    try:
        yield opened
    finally:
        for stream in opened:
            stream.close()


def bays_in(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in re.findall(r"^data: (.*)$", text, re.MULTILINE)]


def rewrite(installation: Installation, old: str, new: str) -> None:
    text = installation.config_file.read_text("utf-8")
    assert old in text
    installation.config_file.write_text(text.replace(old, new), "utf-8")


def with_bays(installation: Installation) -> Installation:
    rewrite(installation, "[udev.bays]\n", '[udev.bays]\n"pci-0:1" = "bay-1"\n"pci-0:2" = "bay-2"\n')
    return installation


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with with_bays(Installation(tmp_path_factory.mktemp("bays"))).daemon() as daemon:
        yield daemon


def test_configured_bays_are_shown_as_free_from_the_start(daemon: Daemon) -> None:
    status, text = daemon.get("/bays")
    assert status == 200
    shown = {one["bay"]: (one["state"], one["is_present"]) for one in json.loads(text)["bays"]}
    assert shown["bay-1"] == shown["bay-2"] == ("free", False)


def test_events_begin_with_every_bay_and_go_on_with_each_change(daemon: Daemon) -> None:
    card = write_card(daemon.installation.root / "card one", {f"{number}.bin": b"1" * number for number in range(30)})
    with streams(daemon, 1) as (stream,):
        head = stream.read(lambda raw: raw.count(b"data: ") >= 2)
        assert re.search(r"^Content-Type: text/event-stream", head, re.MULTILINE)
        assert "Access-Control-Allow-Origin" not in head
        assert re.search(r"^retry: \d+$", head, re.MULTILINE)
        assert {one["bay"] for one in bays_in(head)} >= {"bay-1", "bay-2"}
        answer = ask(daemon.installation.socket_file, {"op": "ingest", "path": str(card), "bay": "desk"})
        text = stream.read(lambda raw: b'"state": "done"' in raw)
    assert answer["outcome"] == "complete"
    states = [one["state"] for one in bays_in(text) if one["bay"] == "desk"]
    assert states[-1] == "done"
    numbers = [int(number) for number in re.findall(r"^id: (\d+)$", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert re.findall(r"^event: (.*)$", text, re.MULTILINE) == ["bay"] * len(numbers)


def test_more_listeners_than_there_are_places_are_told_so_and_a_place_comes_free_again(daemon: Daemon) -> None:
    with streams(daemon, MAX_LISTENERS) as opened:
        for stream in opened:
            assert "200 OK" in stream.read(lambda raw: b"data: " in raw)
        status, text = daemon.get("/events")
        assert (status, str(MAX_LISTENERS) in text) == (503, True)
        assert daemon.get("/bays")[0] == 200
    with streams(daemon, MAX_LISTENERS) as opened:
        for stream in opened:
            assert "200 OK" in stream.read(lambda raw: b"data: " in raw), "those that went away still hold places"


def test_listeners_that_read_nothing_hold_up_neither_bay_nor_the_others(daemon: Daemon) -> None:
    card = write_card(daemon.installation.root / "card three", {f"{number}.bin": b"3" for number in range(50)})
    with streams(daemon, 10) as opened:
        for _ in range(3):
            answer = ask(daemon.installation.socket_file, {"op": "ingest", "path": str(card), "bay": "desk"})
            assert answer["outcome"] == "complete"
        text = opened[0].read(lambda raw: b'"state": "done"' in raw)
    assert bays_in(text)[-1]["state"] == "done" or "done" in {one["state"] for one in bays_in(text)}


def test_stopping_ends_every_stream(tmp_path: Path) -> None:
    with Installation(tmp_path).daemon() as daemon, streams(daemon, 3) as opened:
        for stream in opened:
            stream.read(lambda raw: b"retry: " in raw)
        assert daemon.stop(STOP_SECONDS) == 0
        for stream in opened:
            stream.read(lambda _: False)
        assert "Traceback" not in daemon.log_text()


def test_hangup_takes_other_settings_over_keeps_the_old_ones_when_they_are_wrong_and_calls_the_hook(
    tmp_path: Path,
) -> None:
    told = tmp_path / "told"
    hook = tmp_path / "hook"
    hook.write_text(f'#!/bin/sh\necho "$INGESTD_BAY $INGESTD_STATE" >> {told}\n', "utf-8")
    hook.chmod(0o755)
    installation = with_bays(Installation(tmp_path))
    with installation.daemon() as daemon:
        rewrite(installation, '"pci-0:2" = "bay-2"', '"pci-0:2" = "bay-9"')
        rewrite(installation, "hook = []", f'hook = ["{hook}"]')
        rewrite(installation, 'id = "station-01"', 'id = "station-02"')
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: daemon.notifications().count("READY=1") == 2, what="the reload")
        assert re.search(r"RELOADING=1\nMONOTONIC_USEC=\d+\n", daemon.notifications())
        assert daemon.events("config.needs_restart")[0]["keys"] == ["station.id"]
        assert {one["bay"] for one in json.loads(daemon.get("/bays")[1])["bays"]} == {"bay-1", "bay-9"}
        assert ask(installation.socket_file, {"op": "status"})["station"] == "station-01"

        card = write_card(tmp_path / "card", {"a.bin": b"1"})
        assert ask(installation.socket_file, {"op": "ingest", "path": str(card)})["outcome"] == "complete"
        wait_until(lambda: told.exists() and "command done" in told.read_text("utf-8"), what="the hook")

        rewrite(installation, 'level = "info"', 'level = "loud"')
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: daemon.notifications().count("READY=1") == 3, what="the second reload")
        assert "log.level" in daemon.events("config.refused")[0]["words"]
        status, text = daemon.get("/readyz")
        assert status == 200, "the old configuration is as good as before"
        assert "log.level" in json.loads(text)["problems"]["configuration"]
        assert sample(scraped(daemon.get("/metrics")[1]), "ingestd_config_reload_success") == 0

        rewrite(installation, 'level = "loud"', 'level = "warning"')
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: daemon.notifications().count("READY=1") == 4, what="the third reload")
        assert json.loads(daemon.get("/readyz")[1])["problems"] == {}
        assert sample(scraped(daemon.get("/metrics")[1]), "ingestd_config_reload_success") == 1
        assert daemon.events("bay.defect") == []
        assert daemon.stop(STOP_SECONDS) == 0


def test_a_station_with_eight_bays_at_work_survives_a_hangup_stops_in_time_and_goes_on_afterwards(
    tmp_path: Path,
) -> None:
    installation = Installation(tmp_path)
    cards = []
    for number in range(8):
        cards.append(write_card(tmp_path / f"card {number}", {f"short {number}.bin": b"%d" % number * 1000}))
        with (cards[-1] / f"long {number}.bin").open("wb") as file:
            file.write(b"%d" % number)
            file.truncate(150_000_000)
    outcomes: Counter[str] = Counter()

    def dock(number: int) -> None:
        request = {"op": "ingest", "path": str(cards[number]), "bay": f"bay-{number}"}
        try:
            outcomes[ask(installation.socket_file, request)["outcome"]] += 1
        except IngestdError as error:
            outcomes[error.code] += 1

    with installation.daemon() as daemon:
        threads = [threading.Thread(target=dock, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()

        def busy() -> list[dict[str, Any]]:
            bays = json.loads(daemon.get("/bays")[1])["bays"]
            return [one for one in bays if one["state"] in ("copying", "verifying") and one["bytes_done"]]

        wait_until(lambda: len(busy()) >= 2, what="copying")
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: daemon.notifications().count("READY=1") == 2, what="the reload")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait(STOP_SECONDS) == 0
        for thread in threads:
            thread.join(STOP_SECONDS)
        assert sum(outcomes.values()) == 8
        assert outcomes["interrupted"] >= 1
        assert daemon.events("bay.defect") == []
        assert "Traceback" not in daemon.log_text()
    with installation.daemon(log_name="second.log") as daemon:
        assert daemon.events("station.recovered") == [], "a clean stop leaves nothing to mend"
        answer = ask(installation.socket_file, {"op": "ingest", "path": str(cards[0]), "bay": "bay-0"})
        assert answer["outcome"] == "complete"
        assert daemon.stop(STOP_SECONDS) == 0
    for half in (installation.vault / ".staging").iterdir():
        # What waits for the other seven recorders.
        assert half.suffix in (".part", ".resume")
        half.unlink()
    assert faults_of(installation.station, cards[0]) == []


def test_a_station_under_a_watchdog_says_that_it_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    with Installation(tmp_path).daemon() as daemon:
        wait_until(lambda: daemon.notifications().count("WATCHDOG=1") >= 2, what="two pings")


def test_an_idle_station_has_no_thread_that_wakes_up_for_nothing(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with installation.daemon() as daemon:
        card = write_card(tmp_path / "card", {"a.bin": b"1"})
        assert ask(installation.socket_file, {"op": "ingest", "path": str(card)})["outcome"] == "complete"
        wait_until(lambda: not installation.json("status")["counts"]["undescribed"][0][0], what="the description")
        before = wake_ups(daemon.pid)
        threading.Event().wait(5.0)
        after = wake_ups(daemon.pid)
    # Before, each of four threads woke up twice a second: forty times in five seconds.
    woken = {thread: count - before.get(thread, 0) for thread, count in after.items() if count != before.get(thread)}
    assert sum(woken.values()) < 15, woken


def wake_ups(pid: int) -> dict[str, int]:
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        text = (task / "status").read_text("utf-8")
        name, count = re.findall(r"^Name:\s*(.*)$", text, re.M)[0], re.findall(r"^voluntary\S*\s*(\d+)$", text, re.M)[0]
        found[f"{task.name} {name}"] = int(count)
    return found

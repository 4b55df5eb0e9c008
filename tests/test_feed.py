"""The feed to a bureau's own platform (江门 6, 卫健 30): signed, in order, no holes, through outages and restarts."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from ingestd.core.clock import SystemClock
from ingestd.core.custody import Act, Entry
from ingestd.core.errors import IntegrityError
from ingestd.core.feed import body_of, event_document, signature_of
from ingestd.core.settings import FeedSettings
from ingestd.core.stop import Stop
from ingestd.daemon.feed import Feed
from ingestd.daemon.metrics import Meters
from ingestd.pipeline.parts import Parts
from ingestd.stores.feedposition import FeedPosition, FeedPositionFile
from ingestd.stores.ledger import Head, Ledger
from ingestd.stores.ledgertail import START, LedgerTail
from tests.support.process import Installation, sample, scraped, wait_until
from tests.support.receiver import SECRET, Receiver, is_signed, missed, receiving
from tests.support.station import Station, build_station, write_card

PLACED = {"retry_seconds = 5.0": "retry_seconds = 0.02", "longest_retry_seconds = 900.0": "longest_retry_seconds = 0.1"}
EVENTS = '"recording.catalogued" = ["recording.kind", "recording.size_bytes"]\n"docking.closed" = ["data.outcome"]\n'


def told(config_file: Path, url: str, *, events: str = EVENTS, **values: object) -> None:
    """Have a station feed a receiver, quickly where it fails."""
    text = config_file.read_text("utf-8")
    secret = config_file.parent / "feed-secret"
    secret.write_text(SECRET + "\n", "utf-8")
    secret.chmod(0o600)
    head, tail = text.split("[feed]\n", 1)
    tail = tail.replace("enabled = false", 'enabled = true\nsecret_file = "feed-secret"', 1)
    tail = tail.replace('url = ""', f'url = "{url}"', 1).replace("[feed.events]\n", f"[feed.events]\n{events}", 1)
    for old, new in (PLACED | {"timeout_seconds = 30.0": "timeout_seconds = 0.3"}).items():
        tail = tail.replace(old, new, 1)
    for key, value in values.items():
        line = next(line for line in tail.splitlines() if line.lstrip("# ").startswith(f"{key} = "))
        tail = tail.replace(line, f"{key} = {json.dumps(value)}", 1)
    config_file.write_text(f"{head}[feed]\n{tail}", "utf-8")


@pytest.fixture(scope="module")
def docked(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """A station that took twelve files in; shared, read only."""
    root = tmp_path_factory.mktemp("docked")
    station = build_station(root / "station", proxy__enabled=False)
    card = write_card(root / "card", {f"{number:02}.bin": b"%d" % number for number in range(12)})
    station.ingest(card, is_described=True)
    return station


@pytest.fixture
def station(docked: Station, tmp_path: Path) -> Station:
    """A copy of it, free to be changed."""
    own = build_station(tmp_path / "own", proxy__enabled=False)
    shutil.copytree(docked.root / "var", own.root / "var")
    return own


class Feeding:
    """A feed at work in this process."""

    def __init__(self, parts: Parts, stop: Stop) -> None:
        self.parts, self.stop = parts, stop
        self.meters = Meters(CollectorRegistry(), SystemClock())
        self.feed = Feed(lambda: self.parts, self.meters)
        self.feed.start()

    def failures(self) -> float:
        return self.meters.feed_failures._value.get()  # type: ignore[no-any-return]


@contextmanager
def feeding(station: Station) -> Iterator[Feeding]:
    stop = Stop()
    with station.opened(stop) as parts:
        one = Feeding(parts, stop)
        try:
            yield one
        finally:
            stop.request()
            assert one.feed.join(10)


def seqs(receiver: Receiver) -> list[int]:
    return [event["seq"] for event in receiver.events]


def wanted(station: Station) -> list[int]:
    lines = b"".join(path.read_bytes() for path in sorted((station.vault.root / "ledger").iterdir())).splitlines()
    entries = [json.loads(line) for line in lines]
    return [one["seq"] for one in entries if one["act"] in ("recording.catalogued", "docking.closed")]


def test_everything_that_is_named_arrives_once_in_order_signed_and_nothing_else(station: Station) -> None:
    with receiving() as receiver:
        told(station.config_file, receiver.url, batch_events=5)
        with feeding(station):
            wait_until(lambda: len(receiver.events) == 13)
        assert seqs(receiver) == wanted(station)
        assert missed(receiver.taken) == []
        assert len(receiver.taken) == 3
        assert {event["act"] for event in receiver.events} == {"recording.catalogued", "docking.closed"}
        closed, catalogued = receiver.events[0], receiver.events[1]
        assert set(closed) == {"seq", "time", "act", "subject", "fields"}
        assert closed["fields"] == {"data.outcome": "complete"}
        row = station.catalogue().recording(catalogued["subject"])
        assert catalogued["fields"] == {"recording.kind": row["kind"], "recording.size_bytes": row["size_bytes"]}
        for body, headers in zip(receiver.bodies, receiver.headers, strict=True):
            assert is_signed(body, headers["Ingestd-Signature"])


@pytest.mark.parametrize("fault", [500, 302, 401, "hang", "cut", "half", "away"])
def test_an_outage_of_any_kind_loses_nothing_and_leaves_no_hole(station: Station, fault: str | int) -> None:
    with receiving() as first:
        port = first.port
        told(station.config_file, first.url, batch_events=5)
        if fault == "away":
            first.close()
        else:
            first.behaviour = fault
        with feeding(station) as one:
            wait_until(lambda: one.failures() >= 2)
            assert one.feed.waiting_seconds() > 0
            assert one.feed.waiting_acts() > 0
            if fault == "away":
                with receiving(port) as second:
                    wait_until(lambda: len(set(seqs(second))) == 13)
                    arrived = second
            else:
                first.behaviour = "take"
                wait_until(lambda: set(seqs(first)) == set(wanted(station)))
                arrived = first
            wait_until(lambda: one.feed.waiting_acts() == 0)
            assert one.feed.waiting_seconds() == 0
        assert list(dict.fromkeys(seqs(arrived))) == wanted(station)
        assert missed(arrived.taken) == []


def test_an_answer_that_got_lost_has_the_same_delivery_sent_again_byte_for_byte(station: Station) -> None:
    with receiving() as receiver:
        told(station.config_file, receiver.url, batch_events=5)
        receiver.behaviour = "half"
        with feeding(station) as one:
            wait_until(lambda: one.failures() >= 2)
            receiver.behaviour = "take"
            wait_until(lambda: set(seqs(receiver)) == set(wanted(station)))
        assert receiver.bodies[0] == receiver.bodies[1]


def test_after_a_restart_it_goes_on_where_it_stood_and_tells_what_came_since(station: Station, tmp_path: Path) -> None:
    with receiving() as receiver:
        told(station.config_file, receiver.url)
        with feeding(station):
            wait_until(lambda: len(receiver.events) == 13)
        before = list(seqs(receiver))
        station.ingest(write_card(tmp_path / "more", {"more.bin": b"more"}), is_described=True)
        with feeding(station):
            wait_until(lambda: len(receiver.events) == 15)
        assert seqs(receiver) == wanted(station)
        assert seqs(receiver)[:13] == before
        assert missed(receiver.taken) == []


def test_a_stop_does_not_wait_for_a_receiver_that_hangs(station: Station) -> None:
    with receiving() as receiver:
        told(station.config_file, receiver.url, timeout_seconds=60.0)
        receiver.behaviour = "hang"
        with feeding(station):
            wait_until(lambda: receiver.tries == 1)


def test_a_receiver_that_finds_a_delivery_too_long_gets_shorter_ones(station: Station) -> None:
    with receiving() as receiver:
        told(station.config_file, receiver.url)
        receiver.most_events = 4
        with feeding(station):
            wait_until(lambda: set(seqs(receiver)) == set(wanted(station)))
        assert max(len(one["events"]) for one in receiver.taken) <= 4
        assert missed(receiver.taken) == []


def test_a_secret_that_others_may_read_is_not_used_and_nothing_is_sent(station: Station) -> None:
    with receiving() as receiver:
        told(station.config_file, receiver.url)
        (station.config_file.parent / "feed-secret").chmod(0o644)
        with feeding(station) as one:
            wait_until(lambda: one.failures() >= 1)
        assert receiver.tries == 0


def test_a_position_of_another_vault_or_a_shorter_ledger_sends_nothing_wrong(station: Station) -> None:
    settings = station.settings
    file = FeedPositionFile(settings.feed_position_file)
    file.write(FeedPosition(vault_id="another", seq=3, delivered_seq=3))
    with pytest.raises(IntegrityError, match="another vault"):
        file.read("this")
    with receiving() as receiver:
        told(station.config_file, receiver.url)
        with feeding(station) as one:
            wait_until(lambda: one.failures() >= 1)
        assert receiver.tries == 0


def test_https_is_spoken_to_a_platform_whose_authority_is_named_and_to_no_other(
    station: Station, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl (make deps)")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} -days 2 -subj /CN=localhost"
    subprocess.run([*words.split(), "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    with receiving(certificate=(certificate, key)) as receiver:
        told(station.config_file, receiver.url, timeout_seconds=10.0)
        with feeding(station) as one:
            wait_until(lambda: one.failures() >= 1)
        assert receiver.tries == 0
    with receiving(certificate=(certificate, key)) as receiver:
        text = station.config_file.read_text("utf-8")
        named = f"ca_file = {json.dumps(str(certificate))}"
        text = text.replace('# ca_file = "platform-ca.pem"', named, 1)
        station.config_file.write_text(text, "utf-8")
        name_receiver(station, receiver)
        with feeding(station):
            wait_until(lambda: len(receiver.events) == 13)


def name_receiver(station: Station, receiver: Receiver) -> None:
    lines = station.config_file.read_text("utf-8").splitlines(keepends=True)
    lines = [f'url = "{receiver.url}"\n' if line.startswith('url = "http') else line for line in lines]
    station.config_file.write_text("".join(lines), "utf-8")


def test_a_running_station_feeds_its_platform_and_says_how_it_stands(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "station", proxy__enabled=False)
    with receiving() as receiver:
        told(installation.config_file, receiver.url)
        receiver.behaviour = 500
        with installation.daemon() as daemon:
            card = write_card(tmp_path / "card", {"a.bin": b"a", "b.bin": b"b"})
            assert installation.run("ingest", card).status == 0
            wait_until(lambda: receiver.tries >= 1)
            assert json.loads(daemon.get("/healthz")[1])["threads"]["feed"] is True
            waiting = scraped(daemon.get("/metrics")[1])
            assert sample(waiting, "ingestd_feed_waiting_acts") > 0
            assert sample(waiting, "ingestd_feed_failures_total") >= 1
            receiver.behaviour = "take"
            wait_until(lambda: len(set(seqs(receiver))) == 3)
            wait_until(lambda: sample(scraped(daemon.get("/metrics")[1]), "ingestd_feed_waiting_acts") == 0)
            assert daemon.stop() == 0
        assert missed(receiver.taken) == []


# Reading onwards


def entered(ledger: Ledger, count: int) -> list[Entry]:
    entries = ledger.chain([Act(act="test.act", data={"number": number}) for number in range(count)])
    ledger.append(entries)
    return entries


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """One with a new segment every few entries."""
    return Ledger(tmp_path / "ledger", SystemClock(), segment_bytes=700)


def test_reading_onwards_gives_every_entry_once_across_segments_and_new_lines(tmp_path: Path, ledger: Ledger) -> None:
    tail, after, found = LedgerTail(tmp_path / "ledger"), START, list[int]()
    whole: list[Entry] = []
    for _ in range(4):
        whole += entered(ledger, 5)
        while some := tail.read(after, upto=ledger.head.seq, limit=3):
            found += [one.seq for one in some]
            after = Head(some[-1].seq, some[-1].hash)
    assert found == [one.seq for one in whole] == list(range(1, 21))
    assert len(list((tmp_path / "ledger").iterdir())) > 3


@pytest.mark.parametrize("seq", [0, 1, 7, 13, 20])
def test_reading_begins_behind_any_entry(tmp_path: Path, ledger: Ledger, seq: int) -> None:
    whole = [one for _ in range(4) for one in entered(ledger, 5)]
    after = Head(seq, whole[seq - 1].hash) if seq else START
    found = LedgerTail(tmp_path / "ledger").read(after, upto=20, limit=100)
    assert [one.seq for one in found] == list(range(seq + 1, 21))


def test_what_may_be_cut_off_again_is_not_read(tmp_path: Path, ledger: Ledger) -> None:
    entered(ledger, 5)
    tail = LedgerTail(tmp_path / "ledger")
    assert [one.seq for one in tail.read(START, upto=3, limit=100)] == [1, 2, 3]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda head: Head(head.seq, START.hash),
        lambda head: Head(head.seq + 50, head.hash),
    ],
    ids=["another entry", "a longer ledger"],
)
def test_a_ledger_that_is_not_the_one_that_was_read_is_a_fault(
    tmp_path: Path, ledger: Ledger, spoil: Callable[[Head], Head]
) -> None:
    entered(ledger, 5)
    with pytest.raises(IntegrityError):
        LedgerTail(tmp_path / "ledger").read(spoil(ledger.head), upto=5, limit=10)


def test_a_changed_line_is_a_fault(tmp_path: Path, ledger: Ledger) -> None:
    entered(ledger, 2)
    (segment,) = (tmp_path / "ledger").iterdir()
    segment.write_bytes(segment.read_bytes().replace(b'"number":1', b'"number":2'))
    with pytest.raises(IntegrityError, match="changed"):
        LedgerTail(tmp_path / "ledger").read(START, upto=2, limit=10)


# What is told


def test_no_field_goes_out_that_is_not_named() -> None:
    act = Entry(
        seq=1, time="t", act="case.linked", actor="张三", subject="2026-017",
        data={"activity_id": "a", "parties": ["王某"], "deep": {"x": 1, "y": 2}}, prev=START.hash, hash=START.hash,
    )  # fmt: skip
    document = event_document(act, {"case.linked": ("data.activity_id", "data.deep.x", "data.none.of.it")}, None)
    assert document["fields"] == {"data.activity_id": "a", "data.deep.x": 1, "data.none.of.it": None}
    assert "王某" not in json.dumps(document, ensure_ascii=False)
    assert "张三" not in json.dumps(document, ensure_ascii=False)
    assert event_document(act, {"case.linked": ("actor",)}, None)["fields"] == {"actor": "张三"}


def test_the_signature_is_the_hmac_of_the_body_as_anybody_computes_it() -> None:
    body = body_of([], station="s", vault_id="v", after_seq=0, through_seq=7)
    assert is_signed(body, signature_of(body, SECRET))
    assert not is_signed(body + b" ", signature_of(body, SECRET))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": "platform.example"}, "no address"),
        ({"url": "ftp://platform.example/"}, "no address"),
        ({"url": "https://user:secret@platform.example/"}, "no address"),
        ({"url": "https://platform.example:99999/"}, "no address"),
        ({"url": "https://platform.example/\nX: y"}, "no address"),
        ({"events": {"everything": []}}, "no act"),
        ({"events": {"case.linked": ["parties"]}}, "no field"),
        ({"events": {"case.linked": ["data"]}}, "no field"),
        ({"enabled": True}, "without url"),
    ],
)
def test_settings_of_the_feed_that_cannot_be_used_are_refused_in_words(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        FeedSettings.model_validate(wrong)

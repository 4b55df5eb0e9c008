"""Carriers: what a regime wants on disc, removable medium or cloud, and which of it stands on none that counts."""

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, update

from ingestd.config.load import load_regimes
from ingestd.core import case_requests, hold_acts
from ingestd.core.carriers import REQUESTS, Carrier, ReadAgain, applied, carrier_act, carrier_document, carrier_of
from ingestd.core.errors import NotFoundError, RefusedError
from ingestd.core.hold_rules import CarrierKind, CarrierRule
from ingestd.pipeline.describe import describe
from ingestd.pipeline.parts import Parts
from ingestd.stores.carriers import CarrierBook
from ingestd.stores.chronicle import rebuild
from ingestd.stores.database import transaction
from ingestd.stores.schema_replicas import replica_copies
from ingestd.wiring import carrier_desk, case_desk, hold_desk
from tests.support.station import PROJECT, Station, build_station, dock, write_card

FIRST, SECOND = "0000007_00001220260302090000_0001.mp4", "0000007_00001220260302100000_0002.mp4"
NUMBER = "大金海罚〔2026〕12号"
COPY: dict[str, Any] = {
    "store": "minio",
    "kind": "original",
    "size_bytes": 1,
    "vault_path": "",
    "stored_at": "2026-04-02T04:00:00.000Z",
    "verified_at": "2026-04-02T04:00:00.000Z",
    "is_lock_honoured": True,
    "has_legal_hold": False,
}
NOW = dt.datetime(2026, 4, 2, 4, tzinfo=dt.UTC)


def carriers_of(regime: str) -> tuple[CarrierRule, ...]:
    return load_regimes(PROJECT / "config" / "regimes")[regime].carriers


@pytest.fixture(scope="module")
def docked(tmp_path_factory: pytest.TempPathFactory) -> Station:
    """A station with two recordings, one of them evidence of a case and the other held; shared, read only."""
    root = tmp_path_factory.mktemp("docked")
    station = build_station(root / "station")
    card = write_card(root / "card", {f"DCIM/100ANDRO/{name}": name.encode() for name in (FIRST, SECOND)})
    with station.at_work() as parts:
        dock(card, parts)
        while describe(parts):
            continue
        opened = {"do": "open", "by": "李四", "number": NUMBER}
        linked = {"do": "link", "by": "李四", "number": NUMBER, "named": FIRST, "is_evidence": True}
        case_desk(lambda: parts).enter(case_requests.REQUESTS.validate_python([opened, linked]))
        placed = {"do": "place", "by": "王五", "reason": "dispute", "basis": "…", "review_on": "2099-01-01"}
        placed["scope"] = {"kind": "recordings", "recordings": [SECOND]}  # type: ignore[assignment]
        hold_desk(lambda: parts).enter(hold_acts.REQUESTS.validate_python([placed]))
    return station


@pytest.fixture
def station(docked: Station, tmp_path: Path) -> Station:
    """A copy of it, free to be changed."""
    shutil.copytree(docked.root, tmp_path / "station")
    return Station(tmp_path / "station")


@pytest.fixture
def parts(station: Station) -> Iterator[Parts]:
    with station.opened() as parts:
        yield parts


def enter(parts: Parts, do: str, number: str = "GP-2026-01", **fields: Any) -> dict[str, Any]:
    request = {"do": do, "by": "王五", "number": number} | fields
    return carrier_desk(lambda: parts).enter(REQUESTS.validate_python([request]))[0]


def due(parts: Parts, regime: str, **beside: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    """What stands on no carrier: name, why, and because of what."""
    found = CarrierBook(parts.chronicle.engine).due(carriers_of(regime), **beside)
    return [(one.card_path.rpartition("/")[2], one.why.value, one.because) for one in found]


EVIDENCE, HELD = (FIRST, "evidence", (NUMBER,)), (SECOND, "held", ("H2026-0001",))


@pytest.mark.parametrize(
    ("regime", "wanted"),
    [
        ("marine", [EVIDENCE]),
        ("market_regulation", [EVIDENCE, HELD]),
        ("ethnic_religious", [HELD]),
        ("civil_affairs", []),
        ("health", []),
    ],
)
def test_each_regime_wants_on_a_carrier_what_its_clauses_name(parts: Parts, regime: str, wanted: list[Any]) -> None:
    """海洋 29 evidence on disc; 民宗 21 what is held; 江门 43 and 44 both; 民政 and 卫健 name no carrier to keep on."""
    year = parts.clock.now().astimezone(parts.settings.station.zone_info).year
    wanted = [(*one[:2], (f"H{year}-0001",)) if one is HELD else one for one in wanted]
    assert due(parts, regime) == wanted


def test_what_was_written_is_due_no_more(parts: Parts) -> None:
    assert enter(parts, "enter", kind="disc", case=NUMBER)["recordings"] == 1
    assert due(parts, "marine") == []
    assert [one[0] for one in due(parts, "market_regulation")] == [SECOND]
    enter(parts, "extend", recordings=[SECOND])
    assert due(parts, "market_regulation") == []


def test_marine_29_counts_a_disc_and_nothing_else(parts: Parts) -> None:
    enter(parts, "enter", "YD-1", kind="removable", case=NUMBER)
    assert [one[0] for one in due(parts, "marine")] == [FIRST]
    assert [one[0] for one in due(parts, "market_regulation")] == [SECOND], "江门 43: removable media count"


def test_a_copy_in_a_store_that_counts_as_cloud_serves_where_the_clause_names_clouds(parts: Parts) -> None:
    with transaction(parts.chronicle.engine) as connection:
        for name in (FIRST, SECOND):
            sha256 = parts.catalogue.recording(name)["sha256"]
            connection.execute(insert(replica_copies).values(COPY | {"sha256": sha256, "key": sha256}))
    assert [one[0] for one in due(parts, "market_regulation")] == [FIRST, SECOND], "no store that counts"
    assert [one[0] for one in due(parts, "market_regulation", stores={"minio": ("copy",)})] == [FIRST, SECOND]
    assert due(parts, "market_regulation", stores={"minio": ("copy", "cloud")}) == []
    assert [one[0] for one in due(parts, "marine", stores={"minio": ("cloud",)})] == [FIRST]
    with transaction(parts.chronicle.engine) as connection:
        connection.execute(update(replica_copies).values(faulty_seq=1))
    assert len(due(parts, "market_regulation", stores={"minio": ("cloud",)})) == 2, "a damaged copy serves nobody"


def test_what_a_reading_does_not_give_is_due_again_until_one_does(parts: Parts) -> None:
    enter(parts, "enter", kind="disc", case=NUMBER)
    enter(parts, "read", unreadable=[FIRST])
    assert [one[0] for one in due(parts, "marine")] == [FIRST]
    enter(parts, "read")
    assert due(parts, "marine") == []


def test_a_lost_disc_counts_for_nothing(parts: Parts) -> None:
    enter(parts, "enter", kind="disc", case=NUMBER)
    enter(parts, "withdraw", reason="遗失")
    assert [one[0] for one in due(parts, "marine")] == [FIRST]
    with pytest.raises(RefusedError, match="was withdrawn"):
        enter(parts, "extend", recordings=[SECOND])


def test_a_released_hold_wants_no_carrier(parts: Parts) -> None:
    desk = hold_desk(lambda: parts)
    number = f"H{parts.clock.now().astimezone(parts.settings.station.zone_info).year}-0001"
    release = {"do": "release", "by": "王五", "hold": number, "reason": "…"}
    approve = {"do": "approve", "by": "赵六", "hold": number}
    desk.enter(hold_acts.REQUESTS.validate_python([release, approve]))
    assert due(parts, "ethnic_religious") == []


def test_the_register_is_the_same_after_the_catalogue_was_made_again(station: Station) -> None:
    with station.opened() as parts:
        enter(parts, "enter", kind="disc", recordings=[FIRST, SECOND], label="证据光盘", place="档案室")
        enter(parts, "read", unreadable=[SECOND])
        enter(parts, "enter", "YD-1", kind="removable", recordings=[SECOND])
        enter(parts, "withdraw", "YD-1", reason="损坏")
    before = station.tables()
    assert before["carrier_contents"]
    rebuild(station.vault, station.catalogue_file, parts.clock).engine.dispose()
    assert station.tables() == before


def test_a_carrier_is_told_of_a_recording(parts: Parts) -> None:
    enter(parts, "enter", kind="disc", recordings=[FIRST])
    recording = parts.catalogue.recording(FIRST)["recording_id"]
    book = CarrierBook(parts.chronicle.engine)
    assert [one.carrier_id for one in book.on_carriers(recording)] == ["GP-2026-01"]
    enter(parts, "read", unreadable=[FIRST])
    assert book.on_carriers(recording) == []


@pytest.mark.parametrize(
    ("request_", "error", "match"),
    [
        ({"do": "enter", "kind": "disc"}, RefusedError, "holds something"),
        ({"do": "extend", "recordings": ["a"]}, NotFoundError, "not in the register"),
        ({"do": "read"}, NotFoundError, "not in the register"),
        ({"do": "enter", "kind": "disc", "read_at": "2026-04-03T00:00:00Z"}, RefusedError, "has not come yet"),
        ({"do": "enter", "kind": "disc", "by": "station"}, RefusedError, "station"),
    ],
)
def test_what_cannot_be_is_refused(request_: dict[str, Any], error: type[Exception], match: str) -> None:
    (request,) = REQUESTS.validate_python([{"by": "王五", "number": "1"} | request_])
    with pytest.raises(error, match=match):
        carrier_act(request, None, ["a"] if "read_at" in request_ or request_["do"] == "extend" else [], NOW)


def test_a_reading_speaks_only_of_what_is_on_the_carrier() -> None:
    carrier = Carrier("1", CarrierKind.DISC, recordings=frozenset({"a"}))
    with pytest.raises(NotFoundError, match="b is not on carrier 1"):
        carrier_act(ReadAgain(by="王五", number="1"), carrier, ["b"], NOW)


@given(st.frozensets(st.sampled_from("abcd")), st.frozensets(st.sampled_from("abcd")))
def test_a_carrier_is_read_back_as_it_was_written(on_it: frozenset[str], bad: frozenset[str]) -> None:
    carrier = Carrier("1", CarrierKind.CLOUD, "标签", recordings=on_it, unreadable=bad & on_it)
    assert carrier_of(carrier_document(carrier), carrier.recordings, carrier.unreadable) == carrier


def test_an_act_about_a_carrier_that_is_not_there_is_refused_by_who_shows_it() -> None:
    act = carrier_act(ReadAgain(by="王五", number="1"), Carrier("1", CarrierKind.DISC), [], NOW)
    with pytest.raises(NotFoundError):
        applied(None, act, "")

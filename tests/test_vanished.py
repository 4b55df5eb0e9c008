"""Files that a card had at an earlier docking, that were never secured, and that are gone: `set.vanished`."""

import datetime as dt
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.lifecycle import Fate
from ingestd.core.model import EntryKind, Inlet
from ingestd.core.stop import Stop
from ingestd.core.vanished import Listed, SeenFile, Told, compare, recording_name
from tests.support.process import Installation
from tests.support.station import Station, build_station, write_card

FIRST = "DCIM/100ANDRO/0000007_00001220261121080000_0001.mp4"
SECOND = "DCIM/100ANDRO/0000007_00001220261121081000_0002.mp4"
MARKED = "DCIM/101ANDRO/0000007_00001220261121081000_0002_IMP.mp4"
NINE = dt.datetime(2026, 11, 21, 1, 0, tzinfo=dt.UTC)


def docking(number: int, **fields: Any) -> Listed:
    given_fields: dict[str, Any] = {
        "inlet": Inlet.UDEV,
        "bay": "1",
        "recorder_key": "0000007",
        "volume": "A000-0001",
        "folder": "",
    }
    opened_at = NINE + dt.timedelta(days=number)
    return Listed(docking_id=f"{number:04}", opened_at=opened_at, **(given_fields | fields))


def seen(
    where: Listed, path: str = FIRST, size_bytes: int = 10, fate: Fate = Fate.UNREADABLE, **fields: Any
) -> SeenFile:
    told: dict[str, Any] = {"ordinal": 0, "kind": EntryKind.FILE, "modified_ns": 1, "reason": "input/output error"}
    is_secured = fate in (Fate.COPIED, Fate.ALREADY_HELD, Fate.PARTIAL)
    return SeenFile(
        docking=where, card_path=path, size_bytes=size_bytes, fate=fate, is_secured=is_secured, **(told | fields)
    )


def summary(now: Listed, listing: list[SeenFile], earlier: list[SeenFile]) -> list[tuple[str | None, str, str]]:
    return [(one.file, one.severity, one.confidence) for one in compare(now, listing, earlier).findings]


@pytest.mark.parametrize("fate", [Fate.UNREADABLE, Fate.PENDING])
def test_a_file_whose_copying_failed_and_that_is_gone_has_vanished(fate: Fate) -> None:
    assert summary(docking(2), [], [seen(docking(1), fate=fate)]) == [(FIRST, "critical", "certain")]


def test_the_finding_says_where_it_was_seen_and_why_it_was_not_secured() -> None:
    (found,) = compare(docking(2, bay="2"), [], [seen(docking(1))]).findings
    assert (found.evidence["seen_at_docking"], found.evidence["seen_in_bay"]) == ("0001", "1")
    assert found.evidence["why_not_secured"] == "input/output error"
    assert (found.start_utc, found.end_utc) == ("2026-11-22T01:00:00.000Z", "2026-11-23T01:00:00.000Z")


def test_a_file_that_still_stands_there_has_not_vanished() -> None:
    assert summary(docking(2), [seen(docking(2))], [seen(docking(1))]) == []


def test_a_file_that_was_secured_has_not_vanished() -> None:
    assert summary(docking(2), [], [seen(docking(1), fate=Fate.COPIED)]) == []


def test_a_file_secured_at_a_docking_in_between_has_not_vanished() -> None:
    earlier = [seen(docking(1)), seen(docking(2), fate=Fate.COPIED)]
    assert summary(docking(3), [], earlier) == []


def test_a_file_secured_before_a_reading_that_failed_has_not_vanished() -> None:
    earlier = [seen(docking(1), fate=Fate.COPIED), seen(docking(2))]
    assert summary(docking(3), [], earlier) == []


def test_a_file_left_by_a_rule_is_a_notice() -> None:
    earlier = [seen(docking(1), fate=Fate.EXCLUDED, reason="copy.exclude: *.mp4")]
    assert summary(docking(2), [], earlier) == [(FIRST, "notice", "certain")]


def test_on_a_formatted_or_another_card_it_is_provisional() -> None:
    found = compare(docking(2, volume="B000-0002"), [], [seen(docking(1))]).findings
    assert [(one.severity, one.confidence) for one in found] == [("warning", "provisional")]
    assert "formatted" in found[0].evidence["note"]


def test_a_quarantined_docking_counts() -> None:
    (found,) = compare(docking(2), [], [seen(docking(1, is_quarantined=True))]).findings
    assert found.evidence["was_quarantined"] is True


def test_another_identity_of_the_same_card_counts() -> None:
    (found,) = compare(docking(2), [], [seen(docking(1, recorder_key="volume A000-0001"))]).findings
    assert (found.evidence["recorder_then"], found.evidence["recorder_now"]) == ("volume A000-0001", "0000007")


def test_a_copy_marked_under_another_name_has_not_vanished() -> None:
    assert summary(docking(2), [seen(docking(2), MARKED)], [seen(docking(1), SECOND)]) == []


def test_a_marked_name_of_another_size_is_not_that_file() -> None:
    listing = [seen(docking(2), MARKED, 11)]
    assert [one[0] for one in summary(docking(2), listing, [seen(docking(1), SECOND)])] == [SECOND]


def test_a_file_that_the_recorder_went_on_writing_has_not_vanished() -> None:
    assert summary(docking(2), [seen(docking(2), size_bytes=99)], [seen(docking(1))]) == []


def test_another_file_under_a_name_that_is_given_out_again_is_said_with_doubt() -> None:
    earlier, listing = [seen(docking(1), "MOV_0001.MP4")], [seen(docking(2), "MOV_0001.MP4", 99)]
    assert summary(docking(2), listing, earlier) == [("MOV_0001.MP4", "warning", "provisional")]


def test_links_and_devices_are_no_footage() -> None:
    earlier = [seen(docking(1), fate=Fate.QUARANTINED, kind=EntryKind.LINK)]
    assert summary(docking(2), [], earlier) == []


def test_a_folder_says_nothing_of_what_is_gone_from_another() -> None:
    there = docking(1, inlet=Inlet.COMMAND, folder="/a", volume="")
    here = docking(2, inlet=Inlet.COMMAND, folder="/b", volume="")
    assert summary(here, [], [seen(there)]) == []


def test_a_folder_says_nothing_of_what_is_gone_from_a_card() -> None:
    assert summary(docking(2, inlet=Inlet.INBOX, folder="/b", volume=""), [], [seen(docking(1))]) == []


def test_what_was_said_is_not_said_again() -> None:
    told = [Told("9.0", FIRST, 10)]
    assert compare(docking(3), [], [seen(docking(1))], told) == ((), ())


def test_what_is_there_again_is_gone_no_more() -> None:
    told = [Told("9.0", FIRST, 10)]
    assert compare(docking(3), [seen(docking(3), fate=Fate.COPIED)], [seen(docking(1))], told) == ((), ("9.0",))


NAMES = st.sampled_from([FIRST, SECOND, MARKED, "MOV_1.MP4"])
ENTRIES = st.lists(
    st.tuples(st.integers(1, 4), NAMES, st.integers(1, 3), st.sampled_from(list(Fate))),
    max_size=12,
    unique_by=lambda entry: entry[:2],
)


@given(ENTRIES, ENTRIES, st.randoms(use_true_random=False))
def test_what_is_told_was_listed_never_secured_and_is_not_here(
    earlier: list[Any], listing: list[Any], order: random.Random
) -> None:
    before = [seen(docking(number), path, size, fate) for number, path, size, fate in earlier]
    now = [seen(docking(9), path, size, fate) for _, path, size, fate in listing]
    found = compare(docking(9), now, before).findings
    order.shuffle(before)
    assert compare(docking(9), now, before).findings == found
    for one in found:
        same = [s for s in before if (s.card_path, s.size_bytes) == (one.file, one.evidence["size_bytes"])]
        assert same and not any(s.is_secured for s in same)
        assert (one.file, one.evidence["size_bytes"]) not in {(s.card_path, s.size_bytes) for s in now}


@given(st.text(max_size=40))
def test_any_name_may_be_asked(path: str) -> None:
    recording_name(path)


# At a station


def vanished(station: Station) -> list[dict[str, object]]:
    return [row["document"] for row in station.catalogue().findings(code="set.vanished")]


def interrupted(station: Station, card: Path) -> None:
    """A docking that is stopped before anything was copied."""
    stop = Stop()
    result = station.ingest(card, inlet=Inlet.UDEV, report=lambda _: stop.request(), stop=stop)
    assert result.outcome == "interrupted"


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return build_station(tmp_path / "station")


def test_a_card_that_was_pulled_and_comes_back_without_a_file(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {FIRST: b"one", SECOND: b"two"})
    interrupted(station, card)
    (card / SECOND).unlink()
    station.ingest(card, inlet=Inlet.UDEV, is_described=True)
    assert [one["file"] for one in vanished(station)] == [SECOND]


def test_the_finding_goes_when_the_file_is_back_and_a_rebuild_knows_both(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {FIRST: b"one", SECOND: b"two"})
    interrupted(station, card)
    (card / SECOND).rename(tmp_path / "kept")
    station.ingest(card, inlet=Inlet.UDEV, is_described=True)
    assert len(vanished(station)) == 1
    (tmp_path / "kept").rename(card / SECOND)
    station.ingest(card, inlet=Inlet.UDEV, is_described=True)
    assert vanished(station) == []
    before = station.tables()
    assert station.cli("catalogue", "rebuild").returncode == 0
    assert station.tables() == before


def test_a_file_that_was_marked_before_it_was_secured_is_the_same_file(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {FIRST: b"one", SECOND: b"two"})
    interrupted(station, card)
    (card / MARKED).parent.mkdir()
    (card / SECOND).rename(card / MARKED)
    station.ingest(card, inlet=Inlet.UDEV, is_described=True)
    assert vanished(station) == []


def test_a_marked_copy_of_what_is_held_is_known_by_its_hash(station: Station, tmp_path: Path) -> None:
    card = write_card(tmp_path / "card", {FIRST: b"one", SECOND: b"two"})
    station.ingest(card, inlet=Inlet.UDEV, is_described=True)
    (card / MARKED).parent.mkdir()
    (card / SECOND).rename(card / MARKED)
    os.utime(card / MARKED, (1, 1))
    station.ingest(card, inlet=Inlet.UDEV, is_described=True)
    assert vanished(station) == []
    catalogue = station.catalogue()
    rows = catalogue.recordings()
    assert len(rows) == 2
    (held,) = [row for row in rows if row["card_path"] == SECOND]
    assert [one["card_path"] for one in catalogue.sightings_of(held["recording_id"])] == [SECOND, MARKED]


def test_a_file_left_by_a_rule_and_gone_is_told_by_the_program(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "station", copy__exclude=["*_0002.mp4"])
    card = write_card(tmp_path / "card", {FIRST: b"one", SECOND: b"two"})
    assert installation.run("ingest", card).status == 0
    (card / SECOND).unlink()
    assert installation.run("ingest", card).status == 0
    (found,) = installation.json("findings", "--code", "set.vanished")
    assert (found["severity"], found["file"]) == ("notice", SECOND)
    assert json.dumps(found["evidence"]).count("copy.exclude") == 1

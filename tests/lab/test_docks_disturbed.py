"""Recorders that are pulled, worn, slow or silent while they are copied, in the bays of a real machine."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.lab import docklab, software
from tests.lab.cards import Card, footage, make_card, sha256_of
from tests.lab.station_vm import STATE, StationVm, numbers
from tests.lab.test_docks import RECORDER, taken_in

pytestmark = [
    pytest.mark.skipif(docklab.why_not() != "", reason=docklab.why_not()),
    pytest.mark.skipif(software.why_not() != "", reason=software.why_not()),
    pytest.mark.timeout(1800),
]

MIB = 1 << 20
SLOW = 700_000
"""Bytes a second: so slow that something can be done meanwhile."""


def long_card(folder: Path, mib: int = 12, **options: Any) -> Card:
    """One long file between two small ones."""
    recorder = next(numbers)
    return make_card(folder, recorder, footage(recorder, (50_000, mib * MIB, 60_000)), **options)


def resumed(station: StationVm, recorder: str) -> list[int]:
    """From which byte on files of a recorder were copied that were gone on with."""
    rows = station.recordings(recorder)
    sidecars = [json.loads(station.sh(f"cat {STATE}/vault/{row['sidecar_path']}")) for row in rows]
    return [one["proof"]["resumed_at"] for one in sidecars if one["proof"]["resumed_at"]]


def sector_of(card: Card, path: str, body: bytes, offset: int) -> int:
    """Which sector of the image holds a byte of a file; files of fresh cards lie in one piece."""
    at = card.image.read_bytes().find(body[:512])
    assert at > 0, path
    return (at + offset) // 512


def test_a_recorder_that_is_pulled_and_put_into_another_bay_is_gone_on_with(station: StationVm, cards: Path) -> None:
    card = long_card(cards)
    station.plug(1, card, bps=SLOW)
    station.wait_copying(1, 6 * MIB)
    station.pull(1)
    station.plug(2, card)
    station.wait_done(2)
    assert taken_in(station, 2, card) == []
    assert resumed(station, card.recorder) == [4 * MIB]


def test_another_recorder_at_the_same_device_node_is_not_mistaken_for_the_one_that_was_pulled(
    station: StationVm, cards: Path
) -> None:
    first, second = long_card(cards), make_card(cards, next(numbers))
    station.plug(3, first, bps=SLOW)
    station.wait_copying(3, 2 * MIB)
    node = station.lab.wait(3)[0]["DEVNAME"]
    station.pull(3)
    station.wait_bay(3, "attention", "free")
    station.mark()
    station.plug(3, second)
    station.wait_done(3)
    assert taken_in(station, 3, second) == []
    assert not set(station.held(first.recorder).values()) - set(first.files.values())
    # That this was the case to be tried: the kernel gave the second one the first one's name.
    assert station.lab.wait(3)[0]["DEVNAME"] == node
    station.pull(3)
    station.wait_bay(3, "free")
    station.mark()
    station.plug(3, first)
    station.wait_done(3)
    assert taken_in(station, 3, first) == []


def test_bad_sectors_are_named_and_everything_else_is_taken_in(station: StationVm, cards: Path) -> None:
    recorder = next(numbers)
    files = footage(recorder, (300_000, 900_000, 200_000))
    card = make_card(cards, recorder, files)
    path, body = sorted(files.items())[1]
    bad = sector_of(card, path, body, 500_000)
    station.plug(4, card, bad=[(bad, 8)])
    assert station.wait_ended(4)["state"] == "attention"
    held = station.held(recorder)
    assert {name: held[name] for name in files if name != path} == {
        name: sha256 for name, sha256 in card.files.items() if name != path
    }
    found = [one for one in station.json("findings", "--code", "read.error") if one["file"] == path]
    at = 500_000 // 512 * 512
    ranges = [pair for one in found for pair in one["bytes"]]
    assert any(first <= at < end for first, end in ranges), (found, at)
    assert sum(end - first for first, end in ranges) <= 64 * 1024


def test_a_slow_recorder_does_not_hold_up_another_bay(station: StationVm, cards: Path) -> None:
    slow, quick = long_card(cards), make_card(cards, next(numbers))
    station.plug(1, slow, bps=SLOW)
    station.wait_copying(1, 1)
    # Slower still: mounting the other one takes many seconds here.
    station.lab.throttle(1, bps=50_000)
    station.plug(2, quick)
    station.wait_done(2)
    # Still under way when the other one was done.
    last = station.words(1)[-1][1]
    assert (last["state"], last["bytes_done"] < last["bytes_total"]) == ("copying", True)
    station.lab.throttle(1, bps=0)
    station.wait_done(1)
    assert (taken_in(station, 1, slow), taken_in(station, 2, quick)) == ([], [])


def test_a_recorder_that_does_not_answer_for_twenty_seconds_is_taken_in_whole(station: StationVm, cards: Path) -> None:
    card = long_card(cards)
    station.plug(5, card, bps=SLOW, **RECORDER)
    station.wait_copying(5, MIB)
    station.lab.fault(5, hang=True)
    station.wait(20)
    station.lab.fault(5, hang=False, bps=0)
    station.wait_done(5)
    assert taken_in(station, 5, card) == []


def test_a_card_that_is_taken_out_of_its_reader_and_put_back_is_gone_on_with(station: StationVm, cards: Path) -> None:
    card = long_card(cards)
    station.plug(6, card, bps=SLOW, **RECORDER)
    station.wait_copying(6, 6 * MIB)
    station.lab.fault(6, media=False)
    station.wait_bay(6, "attention", "free")
    station.mark()
    station.lab.fault(6, media=True, bps=0)
    station.wait_done(6)
    assert taken_in(station, 6, card) == []
    assert resumed(station, card.recorder) == [4 * MIB]


def test_another_card_in_the_same_reader_is_not_read_under_the_names_of_the_first(
    station: StationVm, cards: Path
) -> None:
    """The mount of a card that is taken out stays for a while, and would show its names over the next card's bytes."""
    first = long_card(cards, label="BWC-A")
    second = long_card(cards, label="BWC-B")
    slot = cards / "slot.img"
    shutil.copyfile(first.image, slot)
    station.plug(6, slot, bps=SLOW, serial="READER", **RECORDER)
    station.wait_copying(6, 2 * MIB)
    station.lab.fault(6, media=False)
    station.wait_bay(6, "attention", "free")
    with slot.open("r+b") as inside:
        inside.write(second.image.read_bytes())
    station.begin()
    station.lab.fault(6, media=True, bps=0)
    # The reader's serial number is none of the recorder's, which a person is told.
    station.wait_ended(6)
    assert taken_in(station, 6, second) == []
    assert not set(station.held(first.recorder).values()) - set(first.files.values())
    assert sha256_of(slot) == second.image_sha256

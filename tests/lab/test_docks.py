"""Recorders in the bays of a real machine: real hot-plug, the station's own units, every kind of card.

Each scenario ends with what the fixture `station` asks: no card was changed by a byte, nothing of one is left behind,
`ingestd verify` finds nothing. A long test outside CI: `make lab`; what it needs is in docs/guide/develop.md.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.lab import docklab, software
from tests.lab.cards import Card, footage, make_card, make_hostile_card
from tests.lab.station_vm import BAYS, StationVm, bay_name, numbers

pytestmark = [
    pytest.mark.skipif(docklab.why_not() != "", reason=docklab.why_not()),
    pytest.mark.skipif(software.why_not() != "", reason=software.why_not()),
    pytest.mark.timeout(1800),
]

RECORDER: dict[str, Any] = {"vid": 0x1209, "pid": 0xB0D1}
"""A device of its own kind, whose USB id these stations allow."""


def taken_in(station: StationVm, bay: int, card: Card) -> list[str]:
    """What differs between a card and what the vault really holds of its recorder, and in the docking's record."""
    held = station.held(card.recorder)
    docking = next((one for one in station.dockings() if one["recorder_id"] == card.recorder), None)
    faults = [f"{path}: {held.get(path)}" for path, sha256 in card.files.items() if held.get(path) != sha256]
    faults += [f"not on the card: {path}" for path in held if path not in card.files]
    if docking is None:
        return [*faults, "no docking"]
    if not docking["bay"].startswith(bay_name(bay)) or docking["outcome"] != "complete":
        faults.append(f"docking at {docking['bay']}: {docking['outcome']}")
    return faults


# --- the judges are proved first --------------------------------------------------------------------------------------


def test_a_mount_that_is_left_behind_is_seen(station: StationVm, cards: Path) -> None:
    station.plug(8, make_card(cards, next(numbers), label="HOLIDAY"))
    node = station.lab.wait(8)[0]["DEVNAME"]
    station.sh(f"mkdir -p /run/left && mount -o ro {node} /run/left")
    assert any("/run/left" in leak for leak in station.leaks())
    station.sh("umount /run/left")


def test_a_changed_byte_of_a_card_is_seen(station: StationVm, cards: Path) -> None:
    card = make_card(cards, next(numbers), label="HOLIDAY")
    station.plug(8, card)
    node = station.lab.wait(8)[0]["DEVNAME"]
    station.sh(f"printf x | dd of={node} bs=1 seek=9000000 conv=notrunc,fsync")
    station.pull(8)
    assert station.changed_images() == [card.image]
    station.begin()


# --- every kind of card -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param({"fs": "vfat"}, id="FAT32"),
        pytest.param({"fs": "exfat"}, id="exFAT"),
        pytest.param({"fs": "exfat", "is_partitioned": False}, id="without partitions"),
        pytest.param({"fs": "vfat", "is_dirty": True}, id="not cleanly unmounted"),
    ],
)
def test_a_card_is_taken_in_whole_under_the_name_of_its_bay(
    station: StationVm, cards: Path, kind: dict[str, str | bool]
) -> None:
    card = make_card(cards, next(numbers), **kind)  # type: ignore[arg-type]
    station.plug(1, card)
    station.wait_done(1)
    assert taken_in(station, 1, card) == []


def test_both_stores_of_a_recorder_with_two_are_taken_in(station: StationVm, cards: Path) -> None:
    recorder = next(numbers)
    names = sorted(footage(recorder, (400_000, 90_000, 250_000)).items())
    first = make_card(cards, recorder, dict(names[:2]), label="BWC-A")
    second = make_card(cards, recorder, dict(names[2:]), fs="exfat", label="BWC-B")
    station.plug(2, first, luns=(first, second), serial=recorder, **RECORDER)
    station.wait_for(lambda: station.held(recorder) == {**first.files, **second.files}, what="both stores in the vault")
    assert {one["outcome"] for one in station.dockings() if one["recorder_id"] == recorder} == {"complete"}


def test_eight_recorders_at_once_are_taken_in_each_under_its_own_bay(station: StationVm, cards: Path) -> None:
    docked = {
        bay: make_card(cards, next(numbers), fs="exfat" if bay % 2 else "vfat", label=f"BWC-{bay}") for bay in BAYS
    }
    for bay, card in docked.items():
        station.plug(bay, card)
    for bay in docked:
        station.wait_done(bay)
    assert {bay: taken_in(station, bay, card) for bay, card in docked.items()} == dict.fromkeys(docked, [])


def test_two_recorders_with_one_usb_serial_and_one_label_are_told_apart(station: StationVm, cards: Path) -> None:
    docked = {bay: make_card(cards, next(numbers), label="BWC") for bay in (3, 4)}
    for bay, card in docked.items():
        station.plug(bay, card, serial="0123456789", **RECORDER)
    for bay in docked:
        station.wait_ended(bay)
    assert {bay: taken_in(station, bay, card) for bay, card in docked.items()} == {3: [], 4: []}


def test_a_hostile_card_is_taken_in_and_nothing_beyond_it(station: StationVm, cards: Path) -> None:
    card = make_hostile_card(cards, next(numbers))
    station.plug(5, card)
    station.wait_ended(5)
    held = station.held(card.recorder)
    assert {path: held.get(path) for path in card.files if card.recorder in path} == {
        path: sha256 for path, sha256 in card.files.items() if card.recorder in path
    }
    hashes = station.sh("sha256sum /etc/shadow /etc/passwd").split()[::2]
    vault = station.sh("find /var/lib/ingestd/vault -type f -exec sha256sum {} +").split()[::2]
    assert not set(hashes) & set(vault)
    kinds = {found["code"] for found in station.json("findings")}
    assert {"file.link", "file.special"} <= kinds


def test_mounting_a_card_in_the_ordinary_way_would_have_changed_it(cards: Path, station: StationVm) -> None:
    """The hostile card is as hostile as it is said to be: an ordinary read-only mount replays its journal."""
    card = make_hostile_card(cards, next(numbers), label="HOLIDAY")
    station.plug(8, card)
    node = station.lab.wait(8)[0]["DEVNAME"]
    station.sh(f"mkdir -p /run/ordinary && mount -o ro {node} /run/ordinary && umount /run/ordinary")
    station.pull(8)
    assert station.changed_images() == [card.image]
    station.begin()


def test_a_stick_that_is_no_recorder_is_not_mounted_and_none_of_its_files_is_read(
    station: StationVm, cards: Path
) -> None:
    stick = make_card(cards, next(numbers), label="HOLIDAY")
    station.plug(6, stick, serial="STICK", vid=0x1209, pid=0x0007)
    station.wait_bay(6, "attention")
    before = station.lab.bytes_read(6)
    station.wait(5)
    leaks = [leak for leak in station.leaks() if leak.startswith(("mount", "folder"))]
    assert (leaks, station.lab.bytes_read(6)) == ([], before)
    assert station.recordings(stick.recorder) == []


# --- the units as they are installed ----------------------------------------------------------------------------------


def test_each_unit_is_at_least_as_confined_as_the_page_says(station: StationVm, figures: list[str]) -> None:
    page = (software.PROJECT / "docs/design/hardening.md").read_text("utf-8")
    reported = dict(re.findall(r"^\| `(ingestd[-\w]*@?\.service)` \| ([0-9.]+) \|$", page, re.MULTILINE))
    installed = station.sh("ls /usr/local/lib/systemd/system").split()
    instances = {"ingestd-mtp@.service": "001-002", "ingestd-device@.service": "001-002"}
    found = {}
    for name in (one for one in installed if one.startswith("ingestd")):
        unit = name.replace("@.", f"@{instances.get(name, 'sda1')}.")
        words = station.sh(f"systemd-analyze --no-pager security {unit}")
        found[name] = re.search(r"exposure level for .*: ([0-9.]+)", words)[1]  # type: ignore[index]
    figures.append(f"systemd-analyze security: {found}")
    # The page has what is said of the files alone; of loaded units it is the same or less.
    assert {name: points for name, points in found.items() if float(points) > float(reported.get(name, 0))} == {}

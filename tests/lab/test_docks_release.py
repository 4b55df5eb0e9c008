"""Recorders that are erased in their bays, on a real machine: the unit, the path that starts it, FAT, and real pulls.

Each scenario erases one card and leaves another, in the bay beside, as it was to the byte. A long test outside CI:
`make lab`; what it needs is in docs/guide/develop.md.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import docklab, software
from tests.lab.cards import Card, make_card
from tests.lab.station_vm import StationVm, numbers
from tests.lab.test_docks import taken_in

pytestmark = [
    pytest.mark.skipif(docklab.why_not() != "", reason=docklab.why_not()),
    pytest.mark.skipif(software.why_not() != "", reason=software.why_not()),
    pytest.mark.timeout(1800),
]

ALLOWED = {"release.enabled": "true", "release.copies_required": "1"}
FREE = "/run/erase-look"


@pytest.fixture
def releasing(machine: StationVm) -> Iterator[StationVm]:
    """A station that may erase, whose clock counts as synchronised."""
    machine.boot(ALLOWED)
    machine.sh("mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized")
    yield machine
    machine.stop()


def docking_of(station: StationVm, card: Card) -> str:
    return str(next(one["docking_id"] for one in station.dockings() if one["recorder_id"] == card.recorder))


def on_card(station: StationVm, bay: int) -> list[str]:
    """Files that stand on the card in a bay, by a mount of the judge's own."""
    node = station.lab.wait(bay)[0]["DEVNAME"]
    station.sh(f"mkdir -p {FREE} && mount -o ro {node} {FREE}")
    try:
        return sorted(station.sh(f"cd {FREE} && find . -type f -printf '%P\\n'").split())
    finally:
        station.sh(f"umount {FREE}")


def test_the_judge_sees_what_stands_on_a_card(releasing: StationVm, cards: Path) -> None:
    card = make_card(cards, next(numbers), label="HOLIDAY")
    releasing.plug(8, card)
    assert on_card(releasing, 8) == sorted(card.files)


def test_a_recorder_is_erased_by_its_unit_and_the_one_beside_it_is_not_touched(
    releasing: StationVm, cards: Path
) -> None:
    card, other = make_card(cards, next(numbers)), make_card(cards, next(numbers))
    releasing.plug(1, card)
    releasing.plug(2, other)
    releasing.wait_done(1)
    releasing.wait_done(2)
    told = releasing.json("release", "run", docking_of(releasing, card), "--by", "lab")
    assert (told["ending"], told["outcomes"]) == ("done", {"erased": len(card.files)})
    assert on_card(releasing, 1) == []
    assert taken_in(releasing, 1, card) == []
    releasing.pull_all()
    releasing.wait_clean()
    assert releasing.changed_images() == [card.image]
    assert releasing.faults() == []


def test_as_shipped_the_path_waits_and_nothing_is_erased(machine: StationVm, cards: Path) -> None:
    machine.boot()
    card = make_card(cards, next(numbers))
    machine.plug(1, card)
    machine.wait_done(1)
    assert machine.run("release", "run", docking_of(machine, card), "--by", "lab")[0] != 0
    assert "ingestd-erase" not in machine.sh("systemctl list-units --no-legend --plain 'ingestd-erase@*.service'")
    machine.pull_all()
    machine.wait_clean()
    assert machine.changed_images() == []
    machine.stop()


def test_a_pull_in_the_middle_of_erasing_leaves_receipts_that_are_true(releasing: StationVm, cards: Path) -> None:
    card = make_card(cards, next(numbers))
    releasing.plug(1, card)
    releasing.wait_done(1)
    docking = docking_of(releasing, card)
    releasing.sh(f"systemd-run --unit=asked {software.PLACE}/bin/ingestd release run {docking} --by lab")
    releasing.wait_for(lambda: bool(releasing.json("release", "show", docking)), what="the request")
    releasing.pull(1)
    releasing.wait_for(
        lambda: all(one["finished_at"] for one in releasing.json("release", "show", docking)), what="the receipts"
    )
    (told,) = releasing.json("release", "show", docking)
    erased = {one["card_path"] for one in told["receipts"] if one["outcome"] == "erased"}
    unsettled = [one for one in told["receipts"] if one["outcome"] == "unsettled"]
    assert len(unsettled) <= 1
    releasing.plug(8, card.image)
    assert erased.isdisjoint(on_card(releasing, 8))
    assert releasing.faults() == []


def test_a_station_that_loses_its_power_while_a_card_is_erased_closes_the_release_at_its_next_start(
    machine: StationVm, cards: Path
) -> None:
    store = cards / "store.img"
    machine.boot(ALLOWED, store=store)
    machine.sh("mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized")
    card = make_card(cards, next(numbers))
    machine.plug(1, card)
    machine.wait_done(1)
    docking = docking_of(machine, card)
    machine.sh(f"systemd-run --unit=asked {software.PLACE}/bin/ingestd release run {docking} --by lab")
    machine.wait_for(lambda: bool(machine.json("release", "show", docking)), what="the request")
    machine.power_cut(7)
    machine.boot(ALLOWED, store=store)
    machine.wait_for(
        lambda: all(one["finished_at"] for one in machine.json("release", "show", docking)), what="the receipts"
    )
    (told,) = machine.json("release", "show", docking)
    assert told["ending"] in ("done", "broken_off", "not_begun")
    assert machine.faults() == []
    machine.stop()

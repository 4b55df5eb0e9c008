"""The life of a station with recorders in its bays: starts, stops, losses of power, many plugs, on a real machine."""

import os
import re
from pathlib import Path

import pytest

from tests.lab import docklab, software
from tests.lab.cards import make_card
from tests.lab.station_vm import STATE, Document, StationVm, bay_name, numbers
from tests.lab.test_docks import taken_in
from tests.lab.test_docks_disturbed import MIB, SLOW, long_card, resumed

pytestmark = [
    pytest.mark.skipif(docklab.why_not() != "", reason=docklab.why_not()),
    pytest.mark.skipif(software.why_not() != "", reason=software.why_not()),
    pytest.mark.timeout(3600),
]

BAYS = (1, 2, 3, 4)
ROUNDS = max(int(os.environ.get("INGESTD_LAB_CYCLES", "40")) // len(BAYS), 2)


def test_a_copy_under_way_is_gone_on_with_when_the_station_is_restarted(station: StationVm, cards: Path) -> None:
    card = long_card(cards, 24)
    station.plug(1, card, bps=SLOW)
    station.wait_copying(1, 14 * MIB)
    station.sh("systemctl restart ingestd.service")
    station.mark()
    station.lab.throttle(1, bps=0)
    station.wait_done(1)
    assert taken_in(station, 1, card) == []
    # A stop waits for no disk: what was not written yet is read again.
    (at,) = resumed(station, card.recorder)
    assert at >= 4 * MIB


def test_the_station_stops_in_good_order_in_the_middle_of_a_copy(
    station: StationVm, cards: Path, figures: list[str]
) -> None:
    card = long_card(cards)
    station.plug(1, card, bps=SLOW)
    station.wait_copying(1, 2 * MIB)
    began = float(station.sh("cut -d' ' -f1 /proc/uptime"))
    station.sh("systemctl stop ingestd.service")
    seconds = float(station.sh("cut -d' ' -f1 /proc/uptime")) - began
    result = station.sh("systemctl show --property=Result --value ingestd.service").strip()
    station.pull(1)
    station.start()
    figures.append(f"systemctl stop in the middle of a copy: {seconds:.1f} s (goal: within 10 s)")
    assert result == "success"
    # An emulated processor takes the program's own time many times over.
    assert docklab.is_emulated() or seconds <= 10


def test_a_reload_in_the_middle_of_a_copy_loses_nothing(station: StationVm, cards: Path) -> None:
    card = long_card(cards)
    station.plug(2, card, bps=SLOW)
    station.wait_copying(2, 2 * MIB)
    before = station.look()["pid"]
    station.sh("systemctl kill --kill-who=main --signal=HUP ingestd.service")
    station.wait(1)
    station.lab.throttle(2, bps=0)
    station.wait_done(2)
    assert station.look()["pid"] == before
    assert taken_in(station, 2, card) == []
    assert resumed(station, card.recorder) == []


def beside_the_catalogue(look: Document) -> list[str]:
    """What the daemon holds open, but for the catalogue, whose readers are kept for the next question or closed."""
    return [one for one in look["descriptors"] if not one.startswith(f"{STATE}/catalogue.sqlite3")]


def test_many_plugs_leave_nothing_behind(station: StationVm, cards: Path, figures: list[str]) -> None:
    """No mount, unit, thread or descriptor is left over, and memory does not grow with the number of plugs."""
    docked = {bay: make_card(cards, next(numbers), label=f"BWC-{bay}") for bay in BAYS}
    looks: list[Document] = []
    for cycle in range(ROUNDS):
        station.mark()
        for bay, card in docked.items():
            station.plug(bay, card)
        for bay in BAYS:
            station.wait_done(bay)
        station.pull_all()
        station.wait_clean()
        if cycle in (ROUNDS // 2, ROUNDS - 1):
            station.wait_for(lambda: station.json("status")["counts"]["undescribed"] == [[0]], what="the analysis")
            looks.append(station.look())
    halfway, last = looks[0], looks[-1]
    rss = [look["rss_bytes"] / MIB for look in (halfway, last)]
    figures.append(f"{ROUNDS * len(BAYS)} plugs: memory {rss[0]:.1f} MiB at half of them, {rss[1]:.1f} MiB at the end")
    assert last["threads"] == halfway["threads"], (halfway, last)
    assert beside_the_catalogue(last) == beside_the_catalogue(halfway)
    assert len(last["descriptors"]) <= len(halfway["descriptors"]), (halfway, last)
    assert rss[1] <= rss[0] + 4


def test_a_station_that_lost_its_power_in_the_middle_of_a_docking_mends_itself_and_completes_it(
    machine: StationVm, cards: Path
) -> None:
    store = cards / "store.img"
    machine.boot({"copy.batch_files": "1"}, store=store)
    card = long_card(cards)
    machine.plug(1, card, bps=SLOW)
    machine.wait_copying(1, 6 * MIB)
    promised = set(re.findall(r'"event": "recording.sealed".*?"recording_id": "([0-9a-f-]+)"', machine.journal()))
    machine.power_cut(7)
    machine.boot({"copy.batch_files": "1"}, store=store)
    machine.plug(1, card)
    machine.wait_done(1)
    assert taken_in(machine, 1, card) == []
    assert promised <= {row["recording_id"] for row in machine.recordings(card.recorder)}
    machine.pull_all()
    machine.wait_clean()
    assert (machine.faults(), machine.changed_images()) == ([], [])
    machine.stop()


def test_the_way_from_a_plug_to_the_first_byte(station: StationVm, cards: Path, figures: list[str]) -> None:
    """A measurement: what the kernel and udev take is told apart from what the station takes."""
    card = make_card(cards, next(numbers))
    # The first docking after a start also pays for what is loaded late.
    station.plug(7, card)
    station.wait_done(7)
    station.pull(7)
    station.wait_clean()
    station.begin()
    again = make_card(cards, next(numbers))
    station.plug(7, again)
    station.wait_done(7)
    node = station.lab.wait(7)[0]
    found = re.findall(r"^\[ *([0-9.]+)\] \S+ kernel: usb 1-7: new ", station.journal(), re.MULTILINE)
    ready = int(node["USEC_INITIALIZED"]) / 1e6
    copying = next(at for at, word in station.words(7) if word["state"] == "copying" and word["bytes_done"] > 0)
    reading = next(at for at, word in station.words(7) if word["state"] == "reading")
    figures.append(
        f"plug to first byte: kernel {ready - float(found[-1]):.1f} s; then to 'reading' {reading - ready:.1f} s, to "
        f"the first byte copied {copying - ready:.1f} s (goal on a real station: 2 s)"
    )
    assert f"{bay_name(7)}" in {one["bay"] for one in station.dockings()}


def test_an_idle_station_is_small(station: StationVm, figures: list[str]) -> None:
    station.sh("systemctl restart ingestd.service")
    station.wait(10)
    mib = station.look()["rss_bytes"] / 1e6
    figures.append(f"resident memory of an idle station: {mib:.0f} MB (goal: below 90 MB)")
    assert mib < 90
    assert station.sh(f"stat -c %U {STATE}").strip() == "ingestd"

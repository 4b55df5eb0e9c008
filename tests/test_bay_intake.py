"""A bay with its worker: what is shown while real cards are taken in, pulled, and waited for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingestd.core.baystate import pulled_words
from ingestd.core.clock import SystemClock
from ingestd.core.lifecycle import BayState, Fate
from ingestd.core.model import Inlet, Progress
from ingestd.core.stop import Stop
from ingestd.daemon.intake import Intake
from ingestd.daemon.live import LiveState
from ingestd.devices.mounts import FolderMounter
from tests.support.process import wait_until
from tests.support.station import Station, build_station, write_card

RECORDER = "/devices/usb1/1-1"


class Dock:
    """An intake with one bay."""

    def __init__(self, station: Station, intake: Intake, live: LiveState) -> None:
        self.station, self.intake, self.live = station, intake, live

    @property
    def bay(self) -> Progress:
        """What it shows."""
        return next(one for one in self.live.bays() if one.bay == "bay-1")

    def plug(self, card: Path, volume: str) -> str:
        """Plug a volume of the recorder in and wait for the end of its docking: the outcome."""
        mounter = FolderMounter(card)
        return self.intake.plug("bay-1", mounter, Inlet.UDEV, volume=volume, usb_path=RECORDER).result(60).outcome


@pytest.fixture
def dock(tmp_path: Path) -> Iterator[Dock]:
    with docked(build_station(tmp_path)) as dock:
        yield dock


@contextmanager
def docked(station: Station) -> Iterator[Dock]:
    stop = Stop()
    with station.at_work(stop) as parts, capture_logs() as logs:
        live = LiveState(SystemClock(), ["bay-1"])
        intake = Intake(parts, live, on_docked=lambda _: None, on_error=lambda *_: None)
        try:
            yield Dock(station, intake, live)
        finally:
            stop.request()
            assert intake.close(30.0)
    assert [line for line in logs if line["event"] == "bay.defect"] == []


def test_a_recorder_is_done_when_the_last_of_its_volumes_is_sealed(dock: Dock) -> None:
    cards = [write_card(dock.station.root / name, {f"{name}.bin": name.encode()}) for name in ("one", "two")]
    shown: list[tuple[str, bool]] = []
    with dock.live.listening() as words:
        # Both are noticed before either is begun, as udev tells of them.
        dock.live.plugged("bay-1", "other", RECORDER)
        assert dock.plug(cards[0], "first") == "complete"
        assert (dock.bay.state, dock.bay.may_be_removed) == (BayState.READING, False)
        dock.live.removed("bay-1", "other")
        assert dock.plug(cards[1], "second") == "complete"
        while not words.empty():
            word = words.get_nowait()
            assert word is not None
            shown.append((word.state, word.may_be_removed))
    assert dock.bay.state is BayState.DONE
    assert shown[-1] == (BayState.DONE, True)
    dock.live.removed("bay-1", "first")
    dock.live.removed("bay-1", "second")
    assert (dock.bay.state, dock.bay.is_present) == (BayState.FREE, False)


@pytest.mark.parametrize("is_told_first", [True, False])
def test_a_recorder_pulled_while_it_is_copied_leaves_words_about_what_is_missing(
    dock: Dock, is_told_first: bool
) -> None:
    card = write_card(dock.station.root / "card", {"a.bin": b"1", "c.bin": b"2"})
    with (card / "b.bin").open("wb") as file:
        file.truncate(200_000_000)
    future = dock.intake.plug("bay-1", FolderMounter(card), Inlet.UDEV, volume="v", usb_path=RECORDER)
    wait_until(lambda: dock.bay.state is BayState.COPYING and dock.bay.bytes_done > 1, what="copying")
    for path in card.iterdir():
        path.unlink()
    card.rmdir()
    if is_told_first:
        dock.live.removed("bay-1", "v")
        assert dock.bay.state is BayState.ATTENTION
    assert future.result(60).outcome == "interrupted"
    if not is_told_first:
        dock.live.removed("bay-1", "v")
    assert (dock.bay.state, dock.bay.is_present, dock.bay.may_be_removed) == (BayState.ATTENTION, False, False)
    fates = dock.station.catalogue().fates_of(future.result().docking_id)
    missing = fates[Fate.PENDING][0]
    assert missing in (1, 2), "a file that is open may be read to its end"
    assert dock.bay.message == pulled_words(missing)
    assert dock.bay.advice == "dock it again · 请重新插入"
    again = write_card(dock.station.root / "again", {"a.bin": b"1"})
    assert dock.plug(again, "w") == "complete"
    assert dock.bay.state is BayState.DONE


def test_a_volume_that_cannot_be_mounted_says_why(dock: Dock) -> None:
    with pytest.raises(Exception, match="nowhere"):
        dock.plug(dock.station.root / "nowhere", "v")
    assert (dock.bay.state, dock.bay.may_be_removed) == (BayState.ATTENTION, False)
    assert dock.bay.message

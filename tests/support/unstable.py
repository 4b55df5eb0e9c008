"""A medium that answers otherwise when it is asked again, or late, made below the program (`unstable.c`).

As a program (`python -m tests.support.unstable STATION SLOW QUICK HELD BAY`) it is a station: it docks the card QUICK
in a bay of that name once a read of the card in the bay "slow" hangs (when the file HELD is there), and prints a line
of JSON as each docking ends: its bay, the name of its card, its outcome.
"""

import json
import sys
import threading
from concurrent.futures import wait
from pathlib import Path

from ingestd.core.clock import SystemClock
from ingestd.core.model import Inlet
from ingestd.daemon.intake import Intake
from ingestd.daemon.live import LiveState
from ingestd.devices.mounts import FolderMounter
from ingestd.pipeline.run import DockingResult
from tests.support.preload import built
from tests.support.process import wait_until
from tests.support.station import Station

SOURCE = Path(__file__).with_name("unstable.c")


def unstable_library(folder: Path) -> Path:
    """The library, built; the test is skipped where there is no C compiler."""
    return built(SOURCE, folder)


def unstable_environment(library: Path, **faults: object) -> dict[str, str]:
    """What a child process is to be told to have a medium like this."""
    return {"LD_PRELOAD": str(library), **{f"UNSTABLE_{name.upper()}": str(value) for name, value in faults.items()}}


def dock_beside(station: Station, slow: Path, quick: Path, held: Path, bay: str) -> None:
    """Dock one card, and another in a bay of this name once the first one hangs; tell of each as it ends."""
    printing = threading.Lock()

    def tell(result: DockingResult) -> None:
        row = parts.catalogue.docking(result.docking_id)
        words = {"bay": row["bay"], "card": Path(row["document"]["volume"]["folder"]).name, "outcome": row["outcome"]}
        with printing:
            print(json.dumps(words), flush=True)

    with station.at_work() as parts:
        intake = Intake(parts, LiveState(SystemClock()), on_docked=tell, on_error=lambda *_: None)
        dockings = [intake.plug("slow", FolderMounter(slow), Inlet.UDEV)]
        wait_until(held.exists, seconds=60, what="a read that hangs")
        dockings.append(intake.plug(bay, FolderMounter(quick), Inlet.UDEV))
        wait(dockings)
        intake.close(60)


if __name__ == "__main__":
    root, slow_card, quick_card, held_file = map(Path, sys.argv[1:5])
    dock_beside(Station(root), slow_card, quick_card, held_file, sys.argv[5])

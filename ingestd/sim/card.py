"""The simulated card: plan in, card tree and truth about it out."""

from collections.abc import Callable
from pathlib import Path

from ingestd.core.stop import Stop
from ingestd.sim.plan import CardPlan, demo_plan, schedule
from ingestd.sim.truth import CardTruth

__all__ = ["CardPlan", "CardTruth", "Progress", "demo_plan", "write_card"]

Progress = Callable[[str, int, int], None]
"""Called with the name of the file that comes next, how many are done, and how many there will be."""


def write_card(plan: CardPlan, root: Path, *, progress: Progress | None = None, stop: Stop | None = None) -> CardTruth:
    """Write a card and say what is on it.

    Modification times are the moments at which each recording ended, in even seconds as FAT keeps them.

    Args:
        plan: what the card shall hold.
        root: the folder that becomes the card; absent or empty.
        progress: told of each file.
        stop: ends the work between two files; what was written stays.

    Raises:
        RefusedError: the folder holds something, or the plan has no place for a fault.
        MediaError, StoreFullError: a file could not be written.
        StoppedError: `stop` was requested.
    """
    slots = schedule(plan)
    # Loaded late: PyAV and Pillow weigh 40 MB, and the station's own process stays without them.
    from ingestd.sim.writer import CardWriter  # noqa: PLC0415

    return CardWriter(plan, slots, root, progress, stop or Stop()).write()

"""Cards of the simulated recorder for tests, and a plain reading of footage that does not use the code under test."""

import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

import av

from ingestd.sim.card import CardPlan, CardTruth, demo_plan, write_card
from ingestd.sim.faults import Fault
from ingestd.sim.truth import ExpectedFinding, TruthFile


@dataclass(frozen=True)
class Card:
    """A card on disk and the truth about it. Shared by tests: read it only, or take a `copy`."""

    root: Path
    truth: CardTruth

    def path(self, name: str) -> Path:
        """An entry by the name that the truth has for it."""
        return self.root / name

    def files(self, fault: Fault | None) -> list[TruthFile]:
        """Footage of takes with this fault; null: the sound ones."""
        wanted = None if fault is None else fault.value
        return [one for one in self.truth.files if one.take is not None and one.fault == wanted]

    def expected(self, fault: Fault) -> ExpectedFinding:
        """The one finding that an injected fault should raise."""
        (one,) = self.truth.of_fault(fault.value)
        return one

    def copy(self, root: Path) -> "Card":
        """The same card elsewhere, free to be changed; pipes are not copied."""
        pipes = shutil.ignore_patterns(*(p.name for p in self.root.rglob("*") if stat.S_ISFIFO(p.lstat().st_mode)))
        shutil.copytree(self.root, root, symlinks=True, ignore=pipes)
        return Card(root, self.truth)


def build_demo_card(root: Path) -> Card:
    """The card of `make run`."""
    return Card(root, write_card(demo_plan(), root))


def build_faulty_card(root: Path) -> Card:
    """A card that carries every named fault once."""
    return Card(root, write_card(CardPlan(takes=4, segments=4, faults=tuple(Fault)), root))


def packet_times(path: Path, kind: str) -> list[float]:
    """Presentation times of the packets of one kind, in order; empty where there is no such stream."""
    with av.open(str(path)) as container:
        return sorted(
            float(packet.pts * packet.time_base)
            for packet in container.demux()
            if packet.stream.type == kind and packet.pts is not None and packet.size
        )


def widest_step(path: Path, kind: str) -> tuple[float, float]:
    """The longest distance between packets of one kind, and the time at which it begins."""
    times = packet_times(path, kind)
    return max((round(after - before, 3), round(before, 3)) for before, after in zip(times, times[1:], strict=False))

"""A station whose clock a test moves by hand, and recordings that are due when it is moved."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ingestd.core.custody import Act
from ingestd.core.disposal_acts import Approve, Plan, Run
from ingestd.core.hold_acts import Place
from ingestd.core.hold_rules import HoldReason
from ingestd.core.holds import RecordingsScope
from ingestd.pipeline.describe import describe
from ingestd.pipeline.parts import Parts
from ingestd.retention.disposals import DisposalDesk
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.disposal import DisposalBook
from ingestd.stores.ledger import read_entries
from ingestd.wiring import disposal_desk, hold_desk
from tests.support.station import Station, dock, write_card

FIRST_DAY = dt.datetime(2027, 3, 1, 2, 0, tzinfo=dt.UTC)
BEHIND_THE_TERM = dt.timedelta(days=3 * 366 + 5)
"""海洋 29: three years, and a few days."""


class MovableClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: dt.datetime = FIRST_DAY) -> None:
        self._now = now

    def now(self) -> dt.datetime:
        return self._now

    def steady_seconds(self) -> float:
        return self._now.timestamp()

    def move(self, **by: float) -> None:
        self._now += dt.timedelta(**by)


@dataclass
class Archive:
    """An open station with its disposal desk. `is_synchronised` is what the machine says of its clock."""

    parts: Parts
    clock: MovableClock
    is_synchronised: bool = True
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.desk: DisposalDesk = disposal_desk(lambda: self.parts, lambda: self.is_synchronised, {})

    @property
    def book(self) -> DisposalBook:
        return DisposalBook(self.parts.chronicle.engine)

    def take_in(self, folder: Path, files: dict[str | bytes, bytes]) -> dict[str, str]:
        """Dock a card and describe it; the recordings by their card paths."""
        before = {row["recording_id"] for row in self.parts.catalogue.recordings()}
        dock(write_card(folder, files), self.parts)
        while describe(self.parts):
            continue
        rows = self.parts.catalogue.recordings()
        return {row["card_path"]: row["recording_id"] for row in rows if row["recording_id"] not in before}

    def path_of(self, recording: str) -> Path:
        """Where the original of a recording stands, or stood."""
        return self.parts.vault.path(self.parts.catalogue.recording(recording)["vault_path"])

    def grow_old(self) -> None:
        """Time passes beyond the term; the last act of the ledger is of today."""
        self.wait(days=BEHIND_THE_TERM.days)

    def wait(self, days: int) -> None:
        """So many days pass, with an act at their end."""
        self.clock.move(days=days)
        self.parts.chronicle.enter(Act(act="station.waited"))

    def hold(self, recording: str) -> None:
        """Place a hold on a recording."""
        scope = RecordingsScope(recordings=(recording,))
        day = (self.clock.now() + dt.timedelta(days=90)).date()
        request = Place(by="张三", reason=HoldReason.DISPUTE, scope=scope, basis="投诉 12", review_on=day)
        hold_desk(lambda: self.parts).enter([request])

    def planned(self, **fields: Any) -> str:
        return str(self.desk.enter(Plan(by="李档案", **fields))["number"])

    def approved(self, number: str) -> None:
        for name in ("王主任", "赵局长"):
            self.desk.enter(Approve(by=name, number=number))

    def run(self, number: str | None = None) -> dict[str, Any]:
        return self.desk.enter(Run(by="李档案", number=number))

    def dispose_of_all(self) -> str:
        """Plan, approve, wait and run."""
        number = self.planned()
        self.approved(number)
        self.wait(days=8)
        self.run(number)
        return number

    def state(self, recording: str) -> str:
        return str(self.parts.catalogue.recording(recording)["state"])

    def acts(self, *names: str) -> list[tuple[str, str | None]]:
        """Acts of the ledger of these names, in order, with their subjects."""
        entries = read_entries(self.parts.vault.ledger_folder)
        return [(entry.act, entry.subject) for entry in entries if entry.act in names]


@contextmanager
def archive(station: Station, clock: MovableClock | None = None) -> Iterator[Archive]:
    """A station at work by a clock of the test."""
    clock = clock or MovableClock()
    with station.opened() as opened:
        chronicle = Chronicle(opened.vault, opened.chronicle.engine, clock)
        parts = replace(opened, clock=clock, chronicle=chronicle)
        made = Archive(parts, clock)
        yield made

"""What people and other systems do at a running station: the desks, the work that follows, and what they show."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.config.load import Configuration
from ingestd.core.regime import Regime
from ingestd.daemon.access_operations import access_operations
from ingestd.daemon.account_operations import account_operations
from ingestd.daemon.background import Worker
from ingestd.daemon.bookmark_operations import bookmark_operations
from ingestd.daemon.case_operations import case_operations
from ingestd.daemon.device_acts import DeviceActsWork
from ingestd.daemon.explanation_operations import explanation_operations
from ingestd.daemon.feed import Feed
from ingestd.daemon.fleet_operations import fleet_operations
from ingestd.daemon.handover_operations import handover_operations
from ingestd.daemon.handover_work import HandOverWork
from ingestd.daemon.hold_metrics import HoldCollector
from ingestd.daemon.hold_operations import hold_operations
from ingestd.daemon.hold_work import HoldWork
from ingestd.daemon.ledger_work import LedgerWork
from ingestd.daemon.metrics import (
    CaseCollector,
    ExplanationCollector,
    FeedCollector,
    FleetCollector,
    LedgerCollector,
    Meters,
    RegistrationCollector,
)
from ingestd.daemon.register_operations import register_operations
from ingestd.daemon.registration_operations import registration_operations
from ingestd.daemon.roster_operations import roster_operations
from ingestd.daemon.roster_work import RosterWork
from ingestd.daemon.sample_operations import sample_operations
from ingestd.daemon.structure_operations import structure_operations
from ingestd.daemon.term_metrics import TermCollector
from ingestd.daemon.term_operations import term_operations
from ingestd.daemon.vessels import VesselCollector, VesselWork
from ingestd.ipc import Operation
from ingestd.pipeline.parts import Parts
from ingestd.stores.cases import CaseRegister
from ingestd.stores.explanations import Explanations
from ingestd.stores.lastverify import LastVerify
from ingestd.stores.registration import RegistrationBook
from ingestd.wiring import (
    access_desk,
    account_desk,
    bookmark_desk,
    carrier_desk,
    case_desk,
    declaration_desk,
    duties_of_stores,
    fleet_desk,
    hold_desk,
    record_desk,
    register_desk,
    registration_desk,
    roster_desk,
    sample_desk,
    term_desk,
)


class Desks:
    """Every desk of one station, with the worker behind it where what follows takes its time.

    Args:
        parts: the station's parts as they stand; a reload replaces them.
        meters: count what happens.
        show: takes a collector of what a desk shows.
    """

    def __init__(self, parts: Callable[[], Parts], meters: Meters, show: Callable[[Any], None]) -> None:
        now = parts()
        self._parts = parts
        self.cases = case_desk(parts)
        self.device_acts = DeviceActsWork(now, meters.count_error)
        self.feed = Feed(parts, meters)
        self._roster = RosterWork(roster_desk(parts), now.stop, meters.count_error)
        self._records = record_desk(parts)
        self._hand_over = HandOverWork(parts, self._records, meters.count_error)
        self.holds = HoldWork(parts, meters.count_error)
        self.terms = term_desk(parts)
        self._vessels = VesselWork(parts, meters.count_error)
        self.ledger = LedgerWork(parts, meters.count_error)
        engine = now.chronicle.engine
        for collector in (
            FleetCollector(now.fleet),
            ExplanationCollector(Explanations(engine), lambda: parts().regime),
            VesselCollector(self._vessels.feed),
            CaseCollector(CaseRegister(engine), self._rules, now.clock),
            HoldCollector(engine, self._rules, now.clock, lambda: duties_of_stores(parts().settings)),
            TermCollector(engine),
            RegistrationCollector(RegistrationBook(engine), lambda: parts().regime, now.clock),
            FeedCollector(self.feed.waiting_acts, self.feed.waiting_seconds),
            LedgerCollector(self.ledger.book, LastVerify(now.settings.verified_file)),
        ):
            show(collector)

    def _rules(self) -> tuple[Regime, ZoneInfo]:
        return self._parts().regime, self._parts().settings.station.zone_info

    def operations(self) -> Mapping[str, Operation]:
        """What the socket serves of them."""
        return {
            **fleet_operations(fleet_desk(self._parts)),
            **explanation_operations(self._parts()),
            **structure_operations(self._parts()),
            **case_operations(self.cases),
            **handover_operations(declaration_desk(self._parts), self._records),
            **roster_operations(self._roster.desk, self._roster.worker.wake),
            **hold_operations(hold_desk(self._parts), carrier_desk(self._parts)),
            **access_operations(access_desk(self._parts)),
            **bookmark_operations(bookmark_desk(self._parts)),
            **account_operations(account_desk(self._parts)),
            **term_operations(self.terms),
            **registration_operations(registration_desk(self._parts)),
            **sample_operations(sample_desk(self._parts)),
            **register_operations(register_desk(self._parts)),
            **self._vessels.operations,
            **self.ledger.operations(),
        }

    def threads(self) -> dict[str, bool]:
        """Whether each of their threads runs, by name."""
        feed = {"feed": self.feed.worker.is_alive()} if self.feed.is_enabled else {}
        return {**{name: worker.is_alive() for name, worker in self._workers()}, **self._vessels.threads(), **feed}

    def problems(self) -> dict[str, str]:
        """What a person should mend, in words."""
        roster = {"roster": self._roster.problem} if self._roster.problem else {}
        return roster | self._vessels.problems() | self.ledger.problems()

    def start(self, stack: ExitStack, end: Callable[[Callable[[float], object]], None]) -> None:
        """Start the workers; `stack` has `end` wait for each."""
        for _, worker in self._workers():
            worker.start()
            stack.callback(end, worker.join)

    def start_feeds(self, stack: ExitStack, end: Callable[[Callable[[float], object]], None]) -> None:
        """Start what listens to others and what tells them; `stack` has `end` wait for each."""
        self._vessels.start(stack, end)
        if self.feed.is_enabled:
            self.feed.start()
            stack.callback(end, self.feed.join)

    def take_roster_file(self, configuration: Configuration) -> None:
        """Enter what changed in the configured roster file."""
        self._roster.take_file(configuration)

    def wake_for_records(self) -> None:
        """A docking ended, or more of one is described: its hand-over record may be due."""
        self._hand_over.worker.wake()

    def wake_for_news(self) -> None:
        """Look for what came from outside."""
        self.device_acts.worker.wake()
        self._vessels.worker.wake()

    def _workers(self) -> Iterator[tuple[str, Worker]]:
        yield "device-acts", self.device_acts.worker
        yield "roster", self._roster.worker
        yield "records", self._hand_over.worker
        yield "holds", self.holds.worker

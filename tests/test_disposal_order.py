"""Whatever comes in whatever order, no held or unexpired byte is ever unlinked (on real files and SQLite)."""

import datetime as dt
import os
import shutil
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from ingestd.core.case_requests import Close, Link, Open, Reopen
from ingestd.core.disposal import PlanState
from ingestd.core.disposal_acts import Plan
from ingestd.core.errors import RefusedError
from ingestd.core.hold_acts import Approve as ApproveRelease
from ingestd.core.hold_acts import Release
from ingestd.core.localdays import add_term, end_of_day
from ingestd.retention import disposals, dispose
from ingestd.stores.chronicle import rebuild
from ingestd.stores.disposal import DisposalBook
from ingestd.stores.holds import HoldBook
from ingestd.wiring import case_desk, hold_desk
from tests.support.disposal import Archive, MovableClock, archive
from tests.support.station import Station, build_station

IS_WHOLE_SWEEP = bool(os.environ.get("INGESTD_SWEEP"))
EXAMPLES, STEPS = (60, 40) if IS_WHOLE_SWEEP else (4, 22)
CONTENTS = (b"first", b"second footage", b"a third")
TRUE_DUE = DisposalBook.due
CASE = "案-1"


class Kept:
    """What the test knows of one recording, from outside: when it truly came, and what holds it."""

    def __init__(self, recording: str, content: bytes, path: Path, came: dt.datetime) -> None:
        self.recording, self.content, self.path, self.came = recording, content, path, came
        self.hold: str | None = None
        self.is_linked = False
        self.is_gone = False


class Orders(RuleBasedStateMachine):
    """A station whose true time is known to the test alone; its own clock may be wrong."""

    template: Station

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        shutil.copytree(self.template.root, self.folder / "station")
        self.clock = MovableClock()
        self.truth = MovableClock()
        self.kept: list[Kept] = []
        self.cards = 0
        self.is_case_open = False
        self.has_case = self.was_rebuilt = False
        self.stack = ExitStack()
        self._open()

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()
            shutil.rmtree(self.folder)

    def _open(self) -> None:
        self.one: Archive = self.stack.enter_context(archive(Station(self.folder / "station"), self.clock))
        self.one.is_synchronised = self.clock.now() == self.truth.now()

    # What comes in, and what is said of it

    @rule(content=st.sampled_from(CONTENTS))
    def ingest(self, content: bytes) -> None:
        self.cards += 1
        found = self.one.take_in(self.folder / f"card{self.cards}", {f"DCIM/{self.cards}.mp4": content})
        for recording in found.values():
            self.kept.append(Kept(recording, content, self.one.path_of(recording), self.truth.now()))

    @precondition(lambda self: any(not one.is_gone and one.hold is None for one in self.kept))
    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.kept if not one.is_gone and one.hold is None]))
        self.one.hold(one.recording)
        one.hold = HoldBook(self.one.parts.chronicle.engine).standing()[-1].hold_id

    @precondition(lambda self: any(one.hold is not None for one in self.kept))
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.kept if one.hold is not None]))
        desk = hold_desk(lambda: self.one.parts)
        desk.enter([Release(by="张三", hold=str(one.hold), reason="撤诉")])
        desk.enter([ApproveRelease(by="李四", hold=str(one.hold))])
        one.hold = None

    @precondition(lambda self: any(not one.is_gone and not one.is_linked for one in self.kept))
    @rule(data=st.data(), is_told=st.booleans())
    def link(self, data: st.DataObject, is_told: bool) -> None:
        """`is_told`: what follows from it is decided at once; else the station was stopped just before."""
        one = data.draw(st.sampled_from([one for one in self.kept if not one.is_gone and not one.is_linked]))
        desk = case_desk(lambda: self.one.parts)
        if not is_told:
            desk._on_changed = lambda _: None
        if not self.has_case:
            desk.enter([Open(by="张三", number=CASE)])
            self.has_case = self.is_case_open = True
        desk.enter([Link(by="张三", number=CASE, named=one.recording, is_evidence=True)])
        one.is_linked = True

    @precondition(lambda self: self.has_case and self.is_case_open)
    @rule()
    def close_case(self) -> None:
        day = self.clock.now().date()
        with suppress(RefusedError):
            case_desk(lambda: self.one.parts).enter([Close(by="张三", number=CASE, on=day, concluded_on=day)])
            self.is_case_open = False

    @precondition(lambda self: self.has_case and not self.is_case_open)
    @rule()
    def reopen_case(self) -> None:
        case_desk(lambda: self.one.parts).enter([Reopen(by="张三", number=CASE, reason="复议")])
        self.is_case_open = True

    # Time

    @rule(days=st.sampled_from([1, 8, 200, 1200]))
    def wait(self, days: int) -> None:
        self.clock.move(days=days)
        self.truth.move(days=days)
        if self.one.is_synchronised:
            self.one.wait(days=0)

    @rule(days=st.sampled_from([-1500, -20, 20, 1500]))
    def jump(self, days: int) -> None:
        """The clock goes wrong, and whoever keeps it right says so."""
        self.clock.move(days=days)
        self.one.is_synchronised = False

    @rule()
    def set_right(self) -> None:
        self.clock.move(seconds=(self.truth.now() - self.clock.now()).total_seconds())
        self.one.is_synchronised = True

    # Starting anew

    @rule()
    def restart(self) -> None:
        self.stack.close()
        self._open()

    @precondition(lambda self: not self.was_rebuilt)
    @rule()
    def rebuild(self) -> None:
        """Once: making the tables costs more than everything else here."""
        self.was_rebuilt = True
        self.stack.close()
        station = Station(self.folder / "station")
        rebuild(station.vault, station.catalogue_file, self.clock).engine.dispose()
        self._open()

    # Disposal

    @rule()
    def plan_and_approve(self) -> None:
        with suppress(RefusedError):
            number = self.one.desk.enter(Plan(by="李档案"))["number"]
            self.one.approved(number)

    @rule()
    def run(self) -> None:
        """The one act that may unlink anything."""
        must_stay = {one.content: why for one in self.kept if (why := self._why_kept(one))}
        before = {one.path: one for one in self.kept if one.path.exists()}
        with suppress(RefusedError):
            self.one.run()
        for path, one in before.items():
            if not path.exists():
                held = [other.path for other in self.kept if other.content == one.content and other.path.exists()]
                assert held or one.content not in must_stay, f"{path.name} is gone: {must_stay[one.content]}"
        for one in self.kept:
            one.is_gone = self.one.state(one.recording) == "disposed"
            assert not (one.is_gone and one.hold), "a held recording is disposed of"
        for plan in self.one.book.plans(PlanState.CERTIFIED):
            gone = json_of(self.one, plan.certificate or "")["destroyed"]
            assert all(self.one.state(row["recording_id"]) == "disposed" for row in gone)

    def _why_kept(self, one: Kept) -> str:
        """Why a recording's bytes may not go now, by true time; empty where nothing is known."""
        if one.is_gone:
            return ""
        zone = self.one.parts.settings.station.zone_info
        until = end_of_day(add_term(one.came.astimezone(zone).date(), years=3, months=0), zone)
        if self.truth.now() < until:
            return f"under its term until {until}"
        if one.hold is not None:
            return f"held by {one.hold}"
        return "evidence of a case" if one.is_linked else ""


def json_of(one: Archive, path: str) -> Any:
    return one.parts.vault.read_json(path)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Station:
    options: dict[str, object] = {"disposal__enabled": True, "disposal__max_share_percent": 100.0}
    station = build_station(
        tmp_path_factory.mktemp("template") / "station",
        **options | {"disposal__grace_days": 1, "disposal__max_clock_step_days": 366.0},
    )
    with archive(station):
        pass
    return station


def test_no_held_or_unexpired_byte_is_ever_unlinked(template: Station) -> None:
    machine = type("Tried", (Orders,), {"template": template})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_judge_sees_a_disposer_that_spares_nothing(template: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispose, "spared_because", lambda *_, **__: None)
    monkeypatch.setattr(disposals, "spared_because", lambda *_, **__: None)
    monkeypatch.setattr(DisposalBook, "due", lambda book, _, **rest: TRUE_DUE(book, "9999", **rest))
    machine = type("Tried", (Orders,), {"template": template})()
    machine.begin()
    try:
        machine.ingest(CONTENTS[0])
        machine.plan_and_approve()
        machine.wait(8)
        with pytest.raises(AssertionError, match="is gone: under its term"):
            machine.run()
    finally:
        machine.teardown()

"""What a bay says while a recorder is copied: news only, and a word for people when nothing moves."""

from dataclasses import replace

from structlog.testing import capture_logs

from ingestd.core.clock import SystemClock
from ingestd.core.lifecycle import BayState
from ingestd.core.model import Progress
from ingestd.daemon.live import LiveState


class SteppedClock(SystemClock):
    """Steady time as the test sets it."""

    seconds = 0.0

    def steady_seconds(self) -> float:
        return self.seconds


def copying(bay: str, bytes_done: int) -> Progress:
    return Progress(bay=bay, state=BayState.COPYING, docking_id="d", bytes_done=bytes_done, bytes_total=100)


def docked(live: LiveState, bay: str) -> None:
    live.plugged(bay, "v")
    live.report(Progress(bay=bay, state=BayState.READING), "v")


def states(live: LiveState) -> dict[str, str]:
    return {progress.bay: progress.state for progress in live.bays()}


def test_a_bay_that_copies_nothing_for_long_asks_for_attention_and_the_others_do_not() -> None:
    clock = SteppedClock()
    live = LiveState(clock)
    docked(live, "slow")
    live.report(copying("slow", 1), "v")
    clock.seconds = 29.0
    docked(live, "quick")
    live.report(copying("quick", 1), "v")
    assert live.say_who_is_silent(30.0) == []
    clock.seconds = 30.0
    assert live.say_who_is_silent(30.0) == ["slow"]
    assert states(live) == {"slow": BayState.ATTENTION, "quick": BayState.COPYING}
    assert "nothing has moved for 30 s" in live.bays()[1].message


def test_a_silent_bay_is_named_once_and_goes_on_with_its_next_byte() -> None:
    clock = SteppedClock()
    live = LiveState(clock)
    docked(live, "slow")
    live.report(copying("slow", 1), "v")
    clock.seconds = 30.0
    assert live.say_who_is_silent(30.0) == ["slow"]
    clock.seconds = 90.0
    assert live.say_who_is_silent(30.0) == []
    live.report(copying("slow", 2), "v")
    assert states(live) == {"slow": BayState.COPYING}


def test_a_bay_that_is_done_may_be_silent_for_ever() -> None:
    clock = SteppedClock()
    live = LiveState(clock)
    docked(live, "one")
    live.report(Progress(bay="one", state=BayState.DONE), "v")
    clock.seconds = 1e6
    assert live.say_who_is_silent(30.0) == []


def test_who_listens_hears_each_change_at_once_and_progress_ten_times_a_second() -> None:
    clock = SteppedClock()
    live = LiveState(clock)
    docked(live, "one")
    with live.listening() as words:
        for block in range(100):
            clock.seconds = block / 100
            live.report(copying("one", block), "v")
        live.report(Progress(bay="one", state=BayState.VERIFYING, docking_id="d"), "v")
        heard = [words.get_nowait() for _ in range(words.qsize())]
    assert [progress.state for progress in heard[-2:] if progress is not None] == [BayState.COPYING, BayState.VERIFYING]
    assert len(heard) == 11
    assert live.bays()[0].state is BayState.VERIFYING


def test_configured_bays_are_free_from_the_start_and_those_taken_out_go_when_they_are_empty() -> None:
    live = LiveState(SteppedClock(), ["bay-1", "bay-2"])
    assert states(live) == {"bay-1": BayState.FREE, "bay-2": BayState.FREE}
    docked(live, "bay-1")
    live.show_bays(["bay-3"])
    assert states(live) == {"bay-1": BayState.READING, "bay-3": BayState.FREE}


def test_a_pulled_recorder_is_told_of_until_its_time_is_over_and_its_numbers_stand() -> None:
    clock = SteppedClock()
    live = LiveState(clock, ["one"])
    docked(live, "one")
    live.report(copying("one", 40), "v")
    live.removed("one", "v")
    live.report(copying("one", 41), "v")
    shown = live.bays()[0]
    assert (shown.state, shown.percent, shown.is_present, shown.may_be_removed) == ("attention", 40, False, False)
    assert not live.is_busy()
    assert live.look_again_in(900.0) == 900.0
    clock.seconds = 899.0
    live.forget_pulled(900.0)
    assert states(live) == {"one": BayState.ATTENTION}
    clock.seconds = 900.0
    live.forget_pulled(900.0)
    assert states(live) == {"one": BayState.FREE}
    assert live.look_again_in(900.0) is None


def test_an_officer_is_looked_up_once_a_recorder() -> None:
    asked: list[str] = []

    def officer_of(recorder: str) -> str | None:
        asked.append(recorder)
        return "张三"

    live = LiveState(SteppedClock(), officer_of=officer_of)
    docked(live, "one")
    for block in range(3):
        live.report(replace(copying("one", block), recorder="7012345"), "v")
    assert asked == ["7012345"]
    assert live.bays()[0].officer == "张三"


def test_a_word_that_cannot_be_true_is_logged_and_changes_nothing() -> None:
    live = LiveState(SteppedClock())
    docked(live, "one")
    live.report(Progress(bay="one", state=BayState.DONE), "v")
    with capture_logs() as logs:
        live.report(copying("one", 1), "v")
    assert states(live) == {"one": BayState.DONE}
    assert [line["event"] for line in logs] == ["bay.defect"]


def test_every_change_is_told_in_order_and_no_per_cent_is() -> None:
    told: list[str] = []
    live = LiveState(SteppedClock(), on_change=lambda progress: told.append(progress.state))
    docked(live, "one")
    for block in range(100):
        live.report(copying("one", block), "v")
    live.report(Progress(bay="one", state=BayState.DONE, docking_id="d"), "v")
    live.removed("one", "v")
    assert told == ["reading", "copying", "done", "free"]


def test_closing_ends_the_wait_of_every_listener_also_of_one_that_comes_later() -> None:
    live = LiveState(SteppedClock())
    with live.listening() as first:
        live.close()
        assert first.get_nowait() is None
    with live.listening() as second:
        assert second.get_nowait() is None

"""What a bay says while a recorder is copied: news only, and a word for people when nothing moves."""

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


def states(live: LiveState) -> dict[str, str]:
    return {progress.bay: progress.state for progress in live.bays()}


def test_a_bay_that_copies_nothing_for_long_asks_for_attention_and_the_others_do_not() -> None:
    clock = SteppedClock()
    live = LiveState(clock)
    live.report(copying("slow", 1))
    clock.seconds = 29.0
    live.report(copying("quick", 1))
    assert live.say_who_is_silent(30.0) == []
    clock.seconds = 30.0
    assert live.say_who_is_silent(30.0) == ["slow"]
    assert states(live) == {"slow": BayState.ATTENTION, "quick": BayState.COPYING}
    assert "nothing has moved for 30 s" in live.bays()[1].message


def test_a_silent_bay_is_named_once_and_goes_on_with_its_next_byte() -> None:
    clock = SteppedClock()
    live = LiveState(clock)
    live.report(copying("slow", 1))
    clock.seconds = 30.0
    assert live.say_who_is_silent(30.0) == ["slow"]
    clock.seconds = 90.0
    assert live.say_who_is_silent(30.0) == []
    live.report(copying("slow", 2))
    assert states(live) == {"slow": BayState.COPYING}


def test_a_bay_that_is_done_may_be_silent_for_ever() -> None:
    clock = SteppedClock()
    live = LiveState(clock)
    live.report(Progress(bay="one", state=BayState.DONE))
    clock.seconds = 1e6
    assert live.say_who_is_silent(30.0) == []


def test_who_listens_hears_each_change_at_once_and_progress_ten_times_a_second() -> None:
    clock = SteppedClock()
    live = LiveState(clock)
    with live.listening() as words:
        for block in range(100):
            clock.seconds = block / 100
            live.report(copying("one", block))
        live.report(Progress(bay="one", state=BayState.VERIFYING, docking_id="d"))
        heard = [words.get_nowait() for _ in range(words.qsize())]
    assert [progress.state for progress in heard[-2:] if progress is not None] == [BayState.COPYING, BayState.VERIFYING]
    assert len(heard) == 11
    assert live.bays()[0].state is BayState.VERIFYING

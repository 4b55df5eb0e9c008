"""How many bays write at once follows from what the medium was measured to do, and every bay comes to its turn."""

import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.core.climb import SETTLED_SECONDS, Climb, Window, after
from ingestd.core.clock import SystemClock
from ingestd.core.errors import StoppedError
from ingestd.core.stop import Stop
from ingestd.stores.turns import Turns

Disk = Callable[[int], float]


def seeking(bays: int) -> float:
    """A disk that loses by every file that is written beside another."""
    return 150e6 / (1 + 0.3 * (bays - 1))


def even(bays: int) -> float:
    """A disk to which it is the same how many write."""
    return 500e6


def searched(disk: Disk, bays: int, *, held_up: float, seconds: float) -> list[int]:
    """How many of so many bays were let write, window after window of 4 s."""
    climb, seen = Climb(), []
    for step in range(int(seconds / 4)):
        at_work = min(bays, climb.limit or bays)
        seen.append(at_work)
        climb = after(climb, Window(at_work, disk(at_work), held_up), step * 4.0)
    return seen


def test_while_the_bays_wait_for_their_recorders_all_of_them_work() -> None:
    assert set(searched(seeking, 8, held_up=0.1, seconds=60)) == {8}


def test_a_disk_that_seeks_is_given_fewer_bays_at_once() -> None:
    assert searched(seeking, 8, held_up=0.9, seconds=40)[-1] == 1


def test_a_disk_that_carries_the_same_by_all_of_them_serves_all_again_after_one_try() -> None:
    assert searched(even, 8, held_up=0.9, seconds=200) == [8, 4] + 48 * [8]


def test_what_served_best_is_measured_anew_after_a_while() -> None:
    seen = searched(even, 8, held_up=0.9, seconds=SETTLED_SECONDS + 40)
    assert seen.count(4) == 2


def test_a_try_from_which_recorders_were_taken_away_decides_nothing() -> None:
    trying = Climb(limit=4, base=Window(8, 100e6, 0.9))
    assert after(trying, Window(2, 300e6, 0.9), 8.0) == Climb()


@given(st.lists(st.tuples(st.integers(1, 40), st.floats(0, 1e9), st.floats(0, 1)), max_size=60))
def test_whatever_is_measured_one_bay_at_least_may_write(windows: list[tuple[int, float, float]]) -> None:
    climb = Climb()
    for step, (bays, rate, share) in enumerate(windows):
        climb = after(climb, Window(bays, rate, share), step * 30.0)
        assert climb.limit is None or climb.limit >= 1


def limited(bays: int) -> Turns:
    turns = Turns(SystemClock())
    turns._climb = Climb(limit=bays, settled_until_seconds=float("inf"))
    return turns


def test_with_one_turn_every_bay_comes_to_its_turn_and_never_two_at_once() -> None:
    turns, order, at_work = limited(1), [], []

    def bay(name: str) -> None:
        for _ in range(20):
            with turns.turn(Stop(), lambda: None) as moved:
                at_work.append(name)
                order.append((name, len(at_work)))
                moved(1)
                at_work.remove(name)

    threads = [threading.Thread(target=bay, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted({name for name, _ in order}) == ["a", "b", "c"]
    assert len(order) == 60
    assert {count for _, count in order} == {1}


def test_who_waits_for_a_turn_is_told_so_and_hears_a_stop() -> None:
    turns, stop, told = limited(1), Stop(), []
    with turns.turn(stop, lambda: None):
        stop.request()
        with pytest.raises(StoppedError), turns.turn(stop, lambda: told.append("waits")):
            pass
    assert told == ["waits"]


class SteppedClock(SystemClock):
    """Steady time as the test sets it."""

    seconds = 0.0

    def steady_seconds(self) -> float:
        return self.seconds


def test_a_bay_whose_recorder_hangs_keeps_nobody_from_a_turn() -> None:
    clock = SteppedClock()
    turns = Turns(clock)
    turns._climb = Climb(limit=1, settled_until_seconds=float("inf"))
    with turns.turn(Stop(), lambda: None):
        clock.seconds = 11.0
        with turns.turn(Stop(), pytest.fail):
            pass


def test_bays_that_the_disk_holds_up_are_halved_by_what_was_measured() -> None:
    clock = SteppedClock()
    turns = Turns(clock)
    with turns.turn(Stop(), lambda: None) as one, turns.turn(Stop(), lambda: None):
        turns.held_up(7.0)
        clock.seconds = 4.0
        one(1_000_000)
    assert turns.limit == 1

"""The state of a bay: what it may say after which words, whatever their order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.core.baystate import (
    ALLOWED_MOVES,
    EMPTY,
    MOVES,
    Bay,
    BayEvent,
    IllegalMoveError,
    Phase,
    Word,
    next_state,
    pulled_words,
)
from ingestd.core.lifecycle import BayState

BUSY = {BayState.READING, BayState.COPYING, BayState.VERIFYING}
KEYS = ("a", "b", "c")
USB = {"a": "/usb1/1-1", "b": "/usb1/1-1", "c": "/usb1/1-2"}


def after(*events: BayEvent, now: Bay = EMPTY) -> Bay:
    for event in events:
        now = next_state(now, event)
    return now


def told(word: Word, volume: str = "a", message: str = "") -> BayEvent:
    return BayEvent(word, volume, USB[volume], message)


def docked(volume: str = "a") -> list[BayEvent]:
    return [told(word, volume) for word in (Word.PLUGGED, Word.READS, Word.COPIES, Word.VERIFIES, Word.COMPLETED)]


@st.composite
def lives(draw: st.DrawFn) -> list[BayEvent]:
    """Any sequence of words of up to three volumes, each word one that can be true then."""
    now, events = EMPTY, []
    for _ in range(draw(st.integers(0, 40))):
        volume = draw(st.sampled_from(KEYS))
        standing = now.volumes.get(volume)
        row = MOVES[standing.phase if standing else None]
        event = told(draw(st.sampled_from(sorted(row))), volume)
        if event.word is Word.TIMED_OUT:
            event = BayEvent(Word.TIMED_OUT)
        now = next_state(now, event)
        events.append(event)
    return events


@settings(deadline=None)
@given(lives())
def test_done_is_only_said_when_the_last_docking_of_every_volume_there_sealed_everything(
    events: list[BayEvent],
) -> None:
    last: dict[str, Word] = {}
    now = EMPTY
    for event in events:
        now = next_state(now, event)
        if event.word is Word.REMOVED:
            last.pop(event.volume, None)
        elif event.volume in now.volumes:
            last[event.volume] = event.word
        if now.state is BayState.DONE:
            there = [last[key] for key in now.volumes]
            assert there
            assert set(there) == {Word.COMPLETED}


@settings(deadline=None)
@given(lives())
def test_may_be_removed_is_never_said_while_anything_is_under_way_or_was_not_had(events: list[BayEvent]) -> None:
    now = EMPTY
    for event in events:
        now = next_state(now, event)
        if now.may_be_removed:
            assert now.state in (BayState.DONE, BayState.FREE, BayState.ATTENTION)
            phases = {volume.phase for volume in now.volumes.values()}
            assert phases <= {Phase.COMPLETE, Phase.NOTED, Phase.FOREIGN}
            assert not phases or phases & {Phase.COMPLETE, Phase.NOTED}


@settings(deadline=None)
@given(lives())
def test_a_bay_from_which_all_was_removed_is_never_busy_and_comes_back_to_free(events: list[BayEvent]) -> None:
    now = after(*events)
    for volume in KEYS:
        now = next_state(now, BayEvent(Word.REMOVED, volume))
    assert now.state not in BUSY
    assert now.state is not BayState.DONE
    assert not now.is_present
    assert next_state(now, BayEvent(Word.TIMED_OUT)) == EMPTY


@settings(deadline=None)
@given(lives(), st.lists(st.tuples(st.sampled_from(sorted(Word)), st.sampled_from(KEYS))))
def test_late_words_of_what_was_removed_never_wake_a_bay(events: list[BayEvent], late: list[tuple[Word, str]]) -> None:
    now = after(*events, *(BayEvent(Word.REMOVED, key) for key in KEYS))
    for word, volume in late:
        if word not in (Word.PLUGGED, Word.REFUSED, Word.FOREIGN, Word.TIMED_OUT):
            now = next_state(now, told(word, volume))
            assert not now.is_present
            assert now.state in (BayState.FREE, BayState.ATTENTION)


@settings(deadline=None)
@given(lives())
def test_every_move_of_a_bay_is_an_allowed_one(events: list[BayEvent]) -> None:
    now = EMPTY
    for event in events:
        before, now = now, next_state(now, event)
        assert now.state in ALLOWED_MOVES[before.state], (before, event)


def test_every_phase_has_its_words_and_every_state_its_moves() -> None:
    assert set(MOVES) == {None, *Phase}
    assert set(ALLOWED_MOVES) == set(BayState)
    for phase in Phase:
        if phase is not Phase.PULLED:
            assert Word.REMOVED in MOVES[phase]


@pytest.mark.parametrize(
    ("events", "word"),
    [
        (docked(), Word.COPIES),
        ([told(Word.PLUGGED)], Word.COMPLETED),
        ([told(Word.PLUGGED), told(Word.READS)], Word.PLUGGED),
        ([told(Word.REFUSED)], Word.COMPLETED),
    ],
)
def test_a_word_that_cannot_be_true_is_a_defect(events: list[BayEvent], word: Word) -> None:
    with pytest.raises(IllegalMoveError, match=word):
        next_state(after(*events), told(word))


def test_a_recorder_with_two_volumes_is_done_when_both_are() -> None:
    both = after(told(Word.PLUGGED, "a"), told(Word.PLUGGED, "b"))
    one = after(*docked("a")[1:], now=both)
    assert one.state is BayState.READING
    assert not one.may_be_removed
    assert after(*docked("b")[1:], now=one).state is BayState.DONE


def test_two_volumes_of_which_one_failed_are_not_done() -> None:
    now = after(*docked("a"), told(Word.PLUGGED, "b"), told(Word.READS, "b"), told(Word.FAILED, "b", "torn"))
    assert (now.state, now.message, now.may_be_removed) == (BayState.ATTENTION, "torn", False)


def test_pulling_the_recorder_takes_all_of_its_volumes() -> None:
    now = after(*docked("a"), *docked("b"), BayEvent(Word.REMOVED, usb_path=USB["a"]))
    assert now == EMPTY


@pytest.mark.parametrize("until", range(1, 5))
def test_pulled_too_early_is_said_until_the_next_recorder(until: int) -> None:
    now = after(*docked()[:until], told(Word.REMOVED))
    assert (now.state, now.is_present, now.may_be_removed) == (BayState.ATTENTION, False, False)
    assert now.message == "pulled too early, dock it again · 拔出过早，请重新插入"
    assert now.advice == "dock it again · 请重新插入"
    assert after(told(Word.PLUGGED, "c"), now=now).state is BayState.READING


@pytest.mark.parametrize("is_pulled_first", [True, False])
def test_how_many_files_are_missing_is_said_whoever_notices_first(is_pulled_first: bool) -> None:
    words = [told(Word.REMOVED), told(Word.INTERRUPTED, message=pulled_words(3))]
    now = after(*docked()[:3], *(words if is_pulled_first else reversed(words)))
    assert "3 files are missing" in now.message
    assert "缺 3 个文件" in now.message
    assert not now.is_present


def test_pulled_when_everything_was_had_is_no_fault_once_it_is_sealed() -> None:
    pulled = after(*docked()[:4], told(Word.REMOVED))
    assert pulled.state is BayState.ATTENTION
    assert next_state(pulled, told(Word.COMPLETED)) == EMPTY


def test_attention_after_a_complete_docking_lets_the_recorder_go() -> None:
    now = after(*docked()[:4], told(Word.NOTED, message="not in the register"))
    assert (now.state, now.may_be_removed) == (BayState.ATTENTION, True)
    assert "可以取走" in now.advice


def test_a_keyboard_in_a_recorder_is_told_and_takes_nothing_of_its_seal_away() -> None:
    now = after(*docked(), told(Word.FOREIGN, "b", "keyboard"))
    assert (now.state, now.may_be_removed, now.message) == (BayState.ATTENTION, True, "keyboard")


def test_a_refused_volume_beside_a_sealed_one_keeps_the_bay_from_saying_done() -> None:
    now = after(*docked(), told(Word.REFUSED, "b", "not allowed"))
    assert (now.state, now.may_be_removed) == (BayState.ATTENTION, False)


def test_a_bay_that_waits_for_room_shows_it_and_goes_on() -> None:
    held = after(*docked()[:3], told(Word.HELD, message="no room"))
    assert (held.state, held.message) == (BayState.ATTENTION, "no room")
    assert after(told(Word.COPIES), now=held).state is BayState.COPYING


def test_a_folder_that_was_taken_in_makes_way_for_the_next_one() -> None:
    folder = [BayEvent(word, "order 1") for word in (Word.PLUGGED, Word.READS, Word.COMPLETED)]
    now = after(*folder, BayEvent(Word.PLUGGED, "order 2"))
    assert set(now.volumes) == {"order 2"}


@pytest.mark.parametrize(
    ("missing", "words"), [(None, "again ·"), (1, "1 file is missing"), (7, "7 files are missing")]
)
def test_words_for_a_pulled_recorder(missing: int | None, words: str) -> None:
    assert words in pulled_words(missing)

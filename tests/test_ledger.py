"""The ledger on disk: a chain that shows every change, cut back to whole entries, and kept in segments."""

import os
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingestd.core.clock import SystemClock
from ingestd.core.custody import GENESIS, Act
from ingestd.core.errors import IntegrityError, StoreError, StoreFullError
from ingestd.stores.ledger import Ledger, TornTail, read_entries, segments
from tests.support.station import fill, limited, small_disk

ACTS = [Act(act="test.noted", subject=f"s{number}", data={"number": number, "中": "文"}) for number in range(8)]


SMALL = 500
"""Bytes of a segment that two of these entries fill."""


def opened(folder: Path, segment_bytes: int = 1_000_000) -> Ledger:
    return Ledger(folder, SystemClock(), segment_bytes=segment_bytes)


def note(ledger: Ledger, *acts: Act) -> None:
    ledger.append(ledger.chain(acts))


def filled(folder: Path, segment_bytes: int = 1_000_000, count: int = 8) -> Path:
    """A ledger with these entries, one write each."""
    ledger = opened(folder, segment_bytes)
    for act in ACTS[:count]:
        note(ledger, act)
    return folder


def numbers(folder: Path) -> list[int]:
    return [entry.data["number"] for entry in read_entries(folder)]


def test_entries_come_back_in_order_and_as_they_were_said(tmp_path: Path) -> None:
    entries = list(read_entries(filled(tmp_path)))
    assert [(entry.act, entry.subject, entry.data) for entry in entries] == [
        (act.act, act.subject, act.data) for act in ACTS
    ]
    assert [entry.seq for entry in entries] == list(range(1, 9))


def test_an_empty_ledger_has_the_genesis_for_its_head(tmp_path: Path) -> None:
    assert opened(tmp_path / "ledger").head == (0, GENESIS)


def test_a_ledger_goes_on_where_it_ended(tmp_path: Path) -> None:
    head = opened(filled(tmp_path, count=3)).head
    assert head.seq == 3
    note(opened(tmp_path), *ACTS[3:5])
    assert numbers(tmp_path) == [0, 1, 2, 3, 4]


def test_chaining_writes_nothing(tmp_path: Path) -> None:
    ledger = opened(filled(tmp_path, count=2))
    before = segments(tmp_path)[0].read_bytes()
    ledger.chain(ACTS)
    assert segments(tmp_path)[0].read_bytes() == before


def test_entries_before_a_place_are_checked_but_not_given(tmp_path: Path) -> None:
    assert [entry.seq for entry in read_entries(filled(tmp_path), after=6)] == [7, 8]


# --- a crash in a write -----------------------------------------------------------------------------------------------


def test_a_torn_last_line_is_cut_and_said(tmp_path: Path) -> None:
    with segments(filled(tmp_path, count=3))[0].open("ab") as segment:
        segment.write(b'{"act":"test.no')
    ledger = opened(tmp_path)
    assert ledger.torn_tail == TornTail("000001.jsonl", 15)
    assert ledger.head.seq == 3
    note(ledger, ACTS[3])
    assert numbers(tmp_path) == [0, 1, 2, 3]


def test_a_whole_ledger_has_no_torn_tail(tmp_path: Path) -> None:
    assert opened(filled(tmp_path)).torn_tail is None


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_write_torn_at_any_byte_leaves_a_chain_of_whole_entries(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = filled(Path(name))
        segment = segments(folder)[0]
        whole = segment.read_bytes()
        length = data.draw(st.integers(0, len(whole)))
        os.truncate(segment, length)
        kept = whole[:length].count(b"\n")
        assert numbers(folder) == list(range(kept))
        ledger = opened(folder)
        note(ledger, ACTS[7])
        assert numbers(folder) == [*range(kept), 7]


def test_reading_beside_the_writer_passes_over_the_line_under_way(tmp_path: Path) -> None:
    with segments(filled(tmp_path, count=3))[0].open("ab") as segment:
        segment.write(b'{"act":')
    assert numbers(tmp_path) == [0, 1, 2]


# --- somebody changed it ----------------------------------------------------------------------------------------------


def changed(folder: Path, change: Callable[[list[bytes]], list[bytes]]) -> Path:
    """Rewrite the lines of the first segment."""
    segment = segments(folder)[0]
    segment.write_bytes(b"".join(change(segment.read_bytes().splitlines(keepends=True))))
    return folder


def test_the_reader_finds_nothing_in_a_ledger_that_nobody_changed(tmp_path: Path) -> None:
    changed(filled(tmp_path), lambda lines: lines)
    assert numbers(tmp_path) == list(range(8))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"s1", b"sX"), *lines[2:]], "line 2: entry 2 was changed"),
        (lambda lines: [*lines[:3], *lines[4:]], "line 4: entry 5 stands where 4 belongs"),
        (lambda lines: lines[1:], "line 1: entry 2 stands where 1 belongs"),
        (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], "line 3: entry 4 stands where 3 belongs"),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], "line 3: entry 2 stands where 3 belongs"),
        (lambda lines: [*lines[:2], b"{}\n", *lines[2:]], "line 3 is not an entry"),
        (lambda lines: [*lines[:2], b"[1]\n", *lines[2:]], "line 3 is not an entry"),
        (lambda lines: [*lines[:2], b"\xff\n", *lines[2:]], "line 3 is not an entry"),
        (lambda lines: [*lines[:2], b"\n", *lines[2:]], "line 3 is not an entry"),
        (lambda lines: [lines[0].replace(b",", b", ", 1), *lines[1:]], "line 1"),
        (lambda lines: [lines[0].replace(b"{", b'{"act":"test.other",', 1), *lines[1:]], "line 1"),
    ],
    ids=[
        "edited", "removed", "first removed", "reordered", "repeated", "replaced by an empty object", "no object",
        "no text", "empty line", "other spacing", "a second value for a key",
    ],
)  # fmt: skip
def test_a_changed_line_is_found_and_its_place_is_named(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], words: str
) -> None:
    with pytest.raises(IntegrityError, match=words) as caught:
        numbers(changed(filled(tmp_path), change))
    assert "000001.jsonl" in caught.value.message


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_byte_of_a_whole_line_can_be_changed_unseen(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = filled(Path(name), count=4)
        segment = segments(folder)[0]
        raw = bytearray(segment.read_bytes())
        # The very last newline is the one byte whose loss looks like a crash in a write.
        place = data.draw(st.integers(0, len(raw) - 2))
        byte = data.draw(st.integers(0, 255))
        assume(raw[place] != byte)
        raw[place] = byte
        segment.write_bytes(raw)
        with pytest.raises(IntegrityError):
            numbers(folder)


def test_a_line_resealed_by_a_forger_breaks_the_chain_behind_it(tmp_path: Path) -> None:
    filled(tmp_path)
    forger = opened(filled(tmp_path / "forged", count=1))
    note(forger, Act(act="test.forged"))
    forged = segments(tmp_path / "forged")[0].read_bytes().splitlines(keepends=True)[1]
    with pytest.raises(IntegrityError, match="line 2"):
        numbers(changed(tmp_path, lambda lines: [lines[0], forged, *lines[2:]]))


# --- segments ---------------------------------------------------------------------------------------------------------


def test_a_full_segment_is_followed_by_the_next_and_the_chain_goes_through(tmp_path: Path) -> None:
    filled(tmp_path, segment_bytes=SMALL)
    assert [path.name for path in segments(tmp_path)] == [
        "000001.jsonl",
        "000002.jsonl",
        "000003.jsonl",
        "000004.jsonl",
    ]
    assert numbers(tmp_path) == list(range(8))


def test_the_head_is_found_in_the_last_segment(tmp_path: Path) -> None:
    assert opened(filled(tmp_path, segment_bytes=SMALL), SMALL).head.seq == 8


def test_one_write_is_never_split_over_two_segments(tmp_path: Path) -> None:
    note(opened(tmp_path, SMALL), *ACTS)
    assert len(segments(tmp_path)) == 1


def test_a_segment_that_is_missing_is_found(tmp_path: Path) -> None:
    segments(filled(tmp_path, segment_bytes=SMALL))[1].unlink()
    with pytest.raises(IntegrityError, match=r"000003\.jsonl line 1"):
        numbers(tmp_path)


def test_segments_that_changed_places_are_found(tmp_path: Path) -> None:
    first, second, *_ = segments(filled(tmp_path, segment_bytes=SMALL))
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    with pytest.raises(IntegrityError):
        numbers(tmp_path)


def test_a_torn_line_is_only_forgiven_at_the_very_end_of_the_ledger(tmp_path: Path) -> None:
    first = segments(filled(tmp_path, segment_bytes=SMALL))[0]
    os.truncate(first, first.stat().st_size - 5)
    with pytest.raises(IntegrityError, match=r"000001\.jsonl"):
        numbers(tmp_path)


def test_a_crash_in_the_first_line_of_a_new_segment_is_mended(tmp_path: Path) -> None:
    filled(tmp_path, segment_bytes=SMALL)
    (tmp_path / "000005.jsonl").write_bytes(b'{"act"')
    ledger = opened(tmp_path, SMALL)
    assert ledger.torn_tail == TornTail("000005.jsonl", 6)
    assert ledger.head.seq == 8
    note(ledger, Act(act="test.noted", data={"number": 8}))
    assert numbers(tmp_path) == list(range(9))


# --- a disk that says no ----------------------------------------------------------------------------------------------


def test_a_write_that_fails_half_way_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    ledger = opened(filled(tmp_path, count=3))
    segment = segments(tmp_path)[0]
    before = segment.read_bytes()
    with limited(resource.RLIMIT_FSIZE, len(before) + 50), pytest.raises(StoreError):
        note(ledger, ACTS[3])
    assert segment.read_bytes() == before
    assert ledger.head.seq == 3
    note(ledger, ACTS[3])
    assert numbers(tmp_path) == [0, 1, 2, 3]


def test_a_new_segment_whose_name_cannot_be_synced_takes_no_entry(tmp_path: Path) -> None:
    ledger = opened(filled(tmp_path, segment_bytes=SMALL, count=2), SMALL)
    free = os.open(tmp_path, os.O_RDONLY)
    os.close(free)
    # One descriptor more for the segment, none for its folder.
    with limited(resource.RLIMIT_NOFILE, free + 1), pytest.raises(StoreError, match="sync directory"):
        note(ledger, ACTS[2])
    assert ledger.head.seq == 2
    note(ledger, ACTS[2])
    assert numbers(tmp_path) == [0, 1, 2]


def test_a_full_disk_takes_no_entry_and_the_ledger_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1024 * 1024) as disk:
        ledger = opened(filled(disk / "ledger", count=3))
        fill(disk / "ballast")
        with pytest.raises(StoreFullError):
            note(ledger, Act(act="test.noted", data={"long": "x" * 10_000}))
        assert numbers(disk / "ledger") == [0, 1, 2]
        (disk / "ballast").unlink()
        note(ledger, ACTS[3])
        assert numbers(disk / "ledger") == [0, 1, 2, 3]

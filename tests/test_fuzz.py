"""Hostile bytes for all parsers: what fuzzing once found, files by grammar, and spoiled real files for a bounded time.

`INGESTD_FUZZ_SECONDS` lengthens the last; `python -m tests.fuzz` runs for as long as one likes and keeps what it finds.
"""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.core.clock import SystemClock
from tests.fuzz import __main__ as runner
from tests.fuzz.mutation import mutated
from tests.fuzz.seeds import FAMILIES, seeds_of
from tests.fuzz.shapes import MOVIES, RIFFS, STREAMS, TRANSPORTS
from tests.fuzz.targets import TARGETS

FOUND = sorted((Path(__file__).parent / "fuzz" / "found").glob("*.bin"))
SECONDS = float(os.environ.get("INGESTD_FUZZ_SECONDS", "5"))
FEWEST = 3
EXAMPLES = max(10, int(5 * SECONDS))


@pytest.mark.parametrize("path", FOUND, ids=[path.stem for path in FOUND])
def test_what_fuzzing_once_found_stays_mended(path: Path) -> None:
    TARGETS[path.stem.rpartition("-")[0]](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_no_spoiled_file_brings_a_parser_down(name: str) -> None:
    clock, inputs = SystemClock(), seeds_of(name)
    until = clock.steady_seconds() + SECONDS / len(TARGETS)
    tried = 0
    while tried < FEWEST or clock.steady_seconds() < until:
        TARGETS[name](mutated(inputs, tried))
        tried += 1


@settings(max_examples=EXAMPLES)
@given(MOVIES, st.sampled_from(["movie", "damage", "salvage_by_reference"]))
def test_no_tree_of_boxes_brings_a_parser_down(data: bytes, target: str) -> None:
    TARGETS[target](data)


@settings(max_examples=EXAMPLES)
@given(RIFFS | TRANSPORTS, st.sampled_from(["frames", "damage", "salvage"]))
def test_no_chunks_or_packets_bring_a_parser_down(data: bytes, target: str) -> None:
    TARGETS[target](data)


@settings(max_examples=EXAMPLES)
@given(STREAMS, st.sampled_from(["units", "salvage", "jpeg"]))
def test_no_units_bring_a_parser_down(data: bytes, target: str) -> None:
    TARGETS[target](data)


@settings(max_examples=EXAMPLES)
@given(st.text(max_size=200) | st.from_regex(r"\$G:[0-9: -]{19}-[NS][0-9.]{1,12}-[EW][0-9.]{1,12}-S[0-9]{1,9}"))
def test_no_text_brings_a_parser_down(text: str) -> None:
    for name in ("position", "names", "device_info"):
        TARGETS[name](text.encode("utf-8", "replace"))


def test_spoiled_files_can_be_made_again() -> None:
    assert FAMILIES.keys() == TARGETS.keys()
    inputs = seeds_of("position")
    assert [mutated(inputs, seed) for seed in range(50)] == [mutated(inputs, seed) for seed in range(50)]
    assert len({mutated(inputs, seed) for seed in range(50)}) > 40


def test_a_parser_that_fails_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The harness proved on a known-bad parser: it keeps one input for each reason."""

    def bad(data: bytes) -> None:
        if data.count(b"N") != 1:
            raise IndexError("not so")

    monkeypatch.setattr(runner, "TARGETS", {"position": bad})
    tried, reasons = runner.fuzz("position", 0.2, tmp_path, 0)
    assert tried > 10
    assert len(reasons) == 1
    assert len(list(tmp_path.glob("position-*.bin"))) == 1

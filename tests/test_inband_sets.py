"""Parameter sets inside the stream: where they are others than usual, and what only looks like it."""

import datetime as dt
from pathlib import Path

import pytest

from ingestd.media.clipspec import ClipSpec, FootageFormat
from ingestd.media.footage import encode_clip
from ingestd.media.inbandsets import HEAD_BYTES, CarriedSet, SetRuns, carried_sets, packet_sets
from tests.support.clips import facts_of

START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
OWN = (b"\x67\x42\x00\x1e\xab", b"\x68\xce\x38")
OTHER = (b"\x67\x4d\x00\x1e\xcd", b"\x68\xee\x3c")
KEY = b"\x65" + bytes(range(1, 200))


def told(*pictures: frozenset[CarriedSet]) -> list[tuple[float, float | None]]:
    """(start, end) of the runs with other sets, one key picture a second."""
    runs = SetRuns()
    for second, sets in enumerate(pictures):
        runs.take(float(second), sets)
    return [(seam.at_s, seam.until_s) for seam in runs.seams(0)]


def sets(*units: bytes) -> frozenset[CarriedSet]:
    return carried_sets("h264", units)


def test_other_sets_are_told_from_where_they_begin_to_where_they_end() -> None:
    assert told(*[sets(*OWN)] * 3, *[sets(*OTHER)] * 2, *[sets(*OWN)] * 4) == [(3.0, 5.0)]


def test_a_foreign_start_is_told_by_what_most_pictures_carry() -> None:
    assert told(sets(*OTHER), *[sets(*OWN)] * 5) == [(0.0, 1.0)]


@pytest.mark.parametrize(
    "pictures",
    [
        [sets(*OWN)] + [frozenset()] * 5,
        [sets(*OWN), sets(OWN[0]), sets(*OWN)],
        [sets(OWN[0]), sets(*OWN), sets(OWN[0]), sets(OWN[0])],
        [sets(*OWN), sets(*OTHER)] * 40,
    ],
    ids=["sets at the start only", "one set left out", "one set more", "changing all the time"],
)
def test_habits_of_recorders_are_silent(pictures: list[frozenset[CarriedSet]]) -> None:
    assert told(*pictures) == []


@pytest.mark.parametrize("start", [b"\0\0\1", b"\0\0\0\1"])
def test_sets_are_read_behind_start_codes_and_behind_lengths(start: bytes) -> None:
    stream = b"".join(start + unit for unit in (*OWN, KEY))
    lengths = b"".join(len(unit).to_bytes(4, "big") + unit for unit in (*OWN, KEY))
    record = b"\x01\x42\x00\x1e\xff\xe0\x00"
    assert packet_sets("h264", None, stream) == packet_sets("h264", record, lengths) == sets(*OWN)


def test_a_set_that_the_head_cuts_off_is_left_aside() -> None:
    stream = b"\0\0\1" + OWN[0] + b"\0\0\1\x68" + b"\x11" * HEAD_BYTES
    assert packet_sets("h264", None, stream[:HEAD_BYTES]) == sets(OWN[0])


def test_the_size_of_a_jpeg_counts_as_its_set() -> None:
    def jpeg(size: bytes) -> bytes:
        return b"\xff\xd8\xff\xdb\x00\x04\0\0\xff\xc0\x00\x11\x08" + size + b"\x03"

    small, large = (packet_sets("mjpeg", None, jpeg(size)) for size in (b"\0\x78\0\xa0", b"\0\xf0\1\x40"))
    assert len(small) == 1 and small != large
    assert told(*[large] * 4, small, *[large] * 3) == [(4.0, 5.0)]
    assert packet_sets("mjpeg", None, jpeg(b"\0\x78\0\xa0")[:12]) == frozenset()


def test_a_clip_of_another_size_between_transport_streams_is_told(tmp_path: Path) -> None:
    parts = []
    for width, height in ((64, 48), (96, 64)):
        spec = ClipSpec(START, format=FootageFormat.TS, seconds=3, has_audio=False, width=width, height=height)
        encode_clip(spec, tmp_path / f"{width}.ts")
        parts.append((tmp_path / f"{width}.ts").read_bytes())
    assert "parameters" not in [seam.kind for seam in facts_of(parts[0]).seams]
    assert "parameters" in [seam.kind for seam in facts_of(parts[0] + parts[1] + parts[0]).seams]

"""The reader of MP4 indexes: what it finds, and that nothing in a file can make it fail, hang or grow."""

import os
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestd.core.clock import SystemClock
from ingestd.core.facts import MediaKind, StreamKind
from ingestd.media.boxes import MAX_PROBLEMS, Box, ByteSource, Problems, children, top_level
from ingestd.media.isobmff import Movie, read_movie
from ingestd.media.sampletables import MAX_SAMPLES
from tests.support.clips import box, facts_of, opened, write_clip

ABSURD = (0, 1, 2, 7, 8, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)


def read(content: bytes) -> tuple[Movie, tuple[str, ...]]:
    problems = Problems()
    with opened(content) as fd:
        return read_movie(ByteSource(fd, len(content)), problems), problems.texts()


def movie_of(*tables: bytes, timescale: int = 1000, edits: bytes = b"", handler: bytes = b"vide") -> bytes:
    """A file whose one track has these tables, and no media."""
    mvhd = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, 5000), bytes(80))
    mdhd = box(b"mdhd", struct.pack(">IIIII", 0, 0, 0, timescale, 5000), bytes(4))
    hdlr = box(b"hdlr", bytes(8), handler, bytes(13))
    stbl = box(b"stbl", *tables)
    trak = box(b"trak", box(b"edts", edits) if edits else b"", box(b"mdia", mdhd, hdlr, box(b"minf", stbl)))
    return box(b"ftyp", b"isom", bytes(4)) + box(b"moov", mvhd, trak)


def table(kind: bytes, columns: int, *rows: int) -> bytes:
    return box(kind, bytes(4), struct.pack(">I", len(rows) // columns), struct.pack(f">{len(rows)}I", *rows))


def one_size(size: int, count: int) -> bytes:
    return box(b"stsz", bytes(4), struct.pack(">II", size, count))


def elst(*rows: tuple[int, int]) -> bytes:
    return box(
        b"elst",
        bytes(4),
        struct.pack(">I", len(rows)),
        *(struct.pack(">IiI", duration, at, 1 << 16) for duration, at in rows),
    )


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, ...]:
    folder = tmp_path_factory.mktemp("clips")
    whole = write_clip(folder / "whole.mp4", 2).read_bytes()
    fragmented = write_clip(
        folder / "fragmented.mp4", 2, movflags="frag_keyframe+empty_moov+default_base_moof"
    ).read_bytes()
    return whole, fragmented


def test_walk_gives_boxes_in_order_with_long_sizes_too() -> None:
    content = box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"mdat", 20) + bytes(4) + box(b"free")
    with opened(content) as fd:
        found = list(top_level(ByteSource(fd, len(content)), Problems()))
    assert [(each.type, each.start, each.end) for each in found] == [
        ("ftyp", 0, 12),
        ("mdat", 12, 32),
        ("free", 32, 40),
    ]


def test_bytes_that_are_no_box_end_the_walk_with_a_word() -> None:
    _, problems = read(box(b"ftyp", b"isom") + b"\0\0\0\x10\x01\x02\x03\x04" + bytes(8))
    assert "the bytes from 12 to the end (28) are no box" in problems


def test_torn_box_is_given_with_what_there_is() -> None:
    data = memoryview(struct.pack(">I4s", 100, b"trak") + bytes(12))
    problems = Problems()
    assert list(children(data, 0, len(data), problems, "moov")) == [Box("trak", 0, 8, 100, 20)]
    assert problems.texts() == ("box trak inside moov claims more than its parent holds",)


def test_problems_are_bounded() -> None:
    problems = Problems()
    for number in range(500):
        problems.add(f"{number} " + "x" * 1000)
    assert len(problems.texts()) == MAX_PROBLEMS
    assert max(map(len, problems.texts())) <= 200


def test_times_come_from_durations_and_composition_offsets() -> None:
    movie, problems = read(
        movie_of(
            table(b"stts", 2, 2, 40, 1, 50),
            table(b"ctts", 2, 1, 80, 1, 0, 1, 0xFFFFFFF6),
            box(b"stsz", bytes(4), struct.pack(">II", 0, 3), struct.pack(">III", 5, 6, 7)),
            table(b"stsc", 3, 1, 2, 1, 2, 1, 1),
            table(b"stco", 1, 100, 300),
            table(b"stss", 1, 1, 3),
        )
    )
    samples = movie.tracks[0].samples
    assert problems == ()
    assert list(samples.times) == [80, 40, 70]
    assert list(samples.offsets) == [100, 105, 300]
    assert list(samples.sizes) == [5, 6, 7]
    assert samples.keys is not None
    assert list(samples.keys) == [0, 2]
    assert movie.index_end_bytes() == 307


def test_edit_list_delays_and_shifts() -> None:
    movie, _ = read(movie_of(edits=elst((500, -1), (4000, 2000)), timescale=1000))
    assert movie.shift_seconds(movie.tracks[0]) == pytest.approx(0.5 - 2.0)


def test_sound_of_single_values_is_read_by_the_chunk() -> None:
    movie, _ = read(
        movie_of(
            table(b"stts", 2, 3_000_000_000, 1),
            one_size(2, 3_000_000_000),
            table(b"stsc", 3, 1, 800, 1),
            table(b"stco", 1, 100, 1700, 3300),
            timescale=8000,
            handler=b"soun",
        )
    )
    samples = movie.tracks[0].samples
    assert (list(samples.times), list(samples.durations)) == ([0, 800, 1600], [800] * 3)
    assert movie.index_end_bytes() == 4900


def test_claim_of_billions_of_samples_costs_nothing() -> None:
    clock = SystemClock()
    begun = clock.steady_seconds()
    movie, problems = read(
        movie_of(
            table(b"stts", 2, 0xFFFFFFFF, 1),
            one_size(1, 0xFFFFFFFF),
            table(b"stsc", 3, 1, 0xFFFFFFFF, 1),
            table(b"stco", 1, 0),
        )
    )
    assert len(movie.tracks[0].samples) < 1000
    assert any("samples claimed" in text for text in problems)
    assert clock.steady_seconds() - begun < 2


def test_table_that_claims_more_rows_than_it_has_is_cut_with_a_word() -> None:
    stts = box(b"stts", bytes(4), struct.pack(">III", 0xFFFFFFFF, 1, 40))
    movie, problems = read(
        movie_of(stts, one_size(1, 1), table(b"stsc", 3, 1, 1, 1), table(b"stco", 1, 8), handler=b"text")
    )
    assert "track 0: table stts claims 4294967295 entries, 1 are there" in problems
    assert movie.tracks[0].kind is StreamKind.SUBTITLE


def test_chunk_runs_out_of_order_become_a_word() -> None:
    _, problems = read(
        movie_of(
            table(b"stts", 2, 4, 40),
            one_size(9, 4),
            table(b"stsc", 3, 5, 1, 1, 2, 1, 1),
            table(b"stco", 1, *range(8)),
        )
    )
    assert "track 0: table stsc is out of order" in problems


def test_deep_nesting_is_not_followed() -> None:
    nested = b""
    for _ in range(5000):
        nested = struct.pack(">I4s", 8 + len(nested), b"trak") + nested
    movie, _ = read(box(b"moov", nested))
    assert len(movie.tracks) == 1


def test_many_tracks_share_one_budget_of_samples(clips: tuple[bytes, ...]) -> None:
    # A file of 30 MB could make each of its tracks claim as many samples.
    problems = Problems()
    moov = movie_of(
        table(b"stts", 2, 0xFFFFFFFF, 1),
        one_size(1, 0xFFFFFFFF),
        table(b"stsc", 3, 1, 0xFFFFFFFF, 1),
        table(b"stco", 1, 0),
    )
    trak = moov[moov.index(b"trak") - 4 :]
    content = box(b"moov", *[trak] * 5)
    fd = os.memfd_create("sparse")
    try:
        os.write(fd, content)
        os.truncate(fd, 1_500_000)
        movie = read_movie(ByteSource(fd, 1_500_000), problems)
    finally:
        os.close(fd)
    assert sum(len(track.samples) for track in movie.tracks) <= MAX_SAMPLES


@settings(max_examples=150, deadline=4000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_makes_the_reader_fail(clips: tuple[bytes, ...], data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(clips)))
    index = max(content.find(b"moov"), 0)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(index, len(content) - 8))
        content[place : place + 4] = data.draw(
            st.sampled_from([number.to_bytes(4, "big") for number in ABSURD]) | st.binary(min_size=0, max_size=8)
        )
        if len(content) < index + 16:
            break
    facts = facts_of(bytes(content[: data.draw(st.integers(16, len(content)))]))
    assert facts.kind in (MediaKind.VIDEO, MediaKind.AUDIO)
    facts.model_dump_json()


@settings(max_examples=100, deadline=4000)
@given(st.binary(max_size=300))
def test_no_bytes_after_a_box_make_the_reader_fail(content: bytes) -> None:
    facts_of(box(b"ftyp", b"isom", bytes(4)) + box(b"moov", content))
    facts_of(box(b"ftyp", b"isom", bytes(4)) + content)


def test_index_of_ten_minutes_is_read_in_a_blink(tmp_path: Path) -> None:
    frames, sounds = 10 * 60 * 30, 10 * 60 * 47
    content = movie_of(
        table(b"stts", 2, frames, 33),
        box(b"stsz", bytes(4), struct.pack(">II", 0, frames), struct.pack(f">{frames}I", *[2000] * frames)),
        table(b"stsc", 3, 1, 30, 1),
        table(b"stco", 1, *range(0, frames * 2000, 60_000)),
    )
    sound = movie_of(
        table(b"stts", 2, sounds, 21),
        box(b"stsz", bytes(4), struct.pack(">II", 0, sounds), struct.pack(f">{sounds}I", *[300] * sounds)),
        table(b"stsc", 3, 1, 1, 1),
        table(b"stco", 1, *range(0, sounds * 300, 300)),
        handler=b"soun",
    )
    moov = content[content.index(b"moov") + 4 :] + sound[sound.index(b"trak") - 4 :]
    path = tmp_path / "long.mp4"
    path.write_bytes(box(b"ftyp", b"isom", bytes(4)) + box(b"moov", moov))
    os.truncate(path, 450_000_000)
    clock = SystemClock()
    begun = clock.steady_seconds()
    facts = facts_of(path)
    spent = clock.steady_seconds() - begun
    assert [stream.packets for stream in facts.streams] == [frames, sounds]
    assert not facts.is_truncated
    # Some 50 ms on a quiet machine; far less than reading the file would take on any.
    assert spent < 1.0

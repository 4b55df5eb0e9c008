"""Every named fault of the simulated recorder really shows when the files are read back, and only where it was put."""

import datetime as dt
import stat
from pathlib import Path

import av
import pytest

from ingestd.core.findings import REGISTER
from ingestd.sim.faults import Fault
from tests.support.cards import Card, packet_times, widest_step

FRAME_S = 1 / 15
SOUND_PACKET_S = 1024 / 16_000


def _only(card: Card, fault: Fault) -> Path:
    (file,) = card.files(fault)
    return card.path(file.path)


def _opens(path: Path) -> bool:
    try:
        av.open(str(path)).close()
    except (av.InvalidDataError, av.EOFError):
        return False
    return True


def _decoded_frames(path: Path) -> int:
    """Whole pictures that come out of a file, undecodable packets passed over."""
    count = 0
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            try:
                count += sum(not frame.is_corrupt for frame in packet.decode())
            except av.InvalidDataError:
                continue
    return count


def test_every_code_that_a_fault_expects_is_registered() -> None:
    assert [fault for fault in Fault if fault.code is not None and fault.code not in REGISTER] == []


def test_every_fault_has_its_expectation(faulty_card: Card) -> None:
    told = {one.fault for one in faulty_card.truth.expected} - {"pre-record"}
    assert told == {fault.value for fault in Fault}


def test_sound_files_have_no_hole_and_decode_whole(faulty_card: Card) -> None:
    for file in faulty_card.files(None):
        path = faulty_card.path(file.path)
        assert widest_step(path, "video")[0] == pytest.approx(FRAME_S, abs=0.002)
        assert widest_step(path, "audio")[0] == pytest.approx(SOUND_PACKET_S, abs=0.002)
        assert _decoded_frames(path) == len(packet_times(path, "video"))


def test_dropped_gop_leaves_a_hole_of_pictures_while_sound_goes_on(faulty_card: Card) -> None:
    path, expected = _only(faulty_card, Fault.DROPPED_GOP), faulty_card.expected(Fault.DROPPED_GOP)
    step_s, last_s = widest_step(path, "video")
    assert (last_s + FRAME_S, last_s + step_s) == pytest.approx((expected.start_s, expected.end_s), abs=0.002)
    assert widest_step(path, "audio")[0] == pytest.approx(SOUND_PACKET_S, abs=0.002)


def test_what_follows_a_dropped_gop_decodes(faulty_card: Card) -> None:
    path = _only(faulty_card, Fault.DROPPED_GOP)
    assert _decoded_frames(path) == len(packet_times(path, "video"))


def test_audio_hole_leaves_a_hole_of_sound_while_pictures_go_on(faulty_card: Card) -> None:
    path, expected = _only(faulty_card, Fault.AUDIO_HOLE), faulty_card.expected(Fault.AUDIO_HOLE)
    step_s, last_s = widest_step(path, "audio")
    assert (last_s + SOUND_PACKET_S, last_s + step_s) == pytest.approx((expected.start_s, expected.end_s), abs=0.002)
    assert widest_step(path, "video")[0] == pytest.approx(FRAME_S, abs=0.002)


def test_no_audio_leaves_no_stream_of_sound(faulty_card: Card) -> None:
    with av.open(str(_only(faulty_card, Fault.NO_AUDIO))) as container:
        assert [stream.type for stream in container.streams] == ["video", "subtitle"]


def test_time_jump_moves_all_streams_and_leaves_satellite_time(faulty_card: Card) -> None:
    path, expected = _only(faulty_card, Fault.TIME_JUMP), faulty_card.expected(Fault.TIME_JUMP)
    assert expected.start_s is not None
    for kind in ("video", "audio"):
        step_s, last_s = widest_step(path, kind)
        assert (last_s, step_s) == pytest.approx((expected.start_s, 30), abs=0.08)
    with av.open(str(path)) as container:
        lines = [
            (float(p.pts * p.time_base), bytes(p)[5:24].decode())
            for p in container.demux(subtitles=0)
            if p.pts is not None and p.size > 2
        ]
    (before_s, before), (after_s, after) = next(
        pair for pair in zip(lines, lines[1:], strict=False) if pair[0][0] < expected.start_s <= pair[1][0]
    )
    assert after_s - before_s == pytest.approx(31)
    advance = dt.datetime.fromisoformat(after) - dt.datetime.fromisoformat(before)
    assert advance == dt.timedelta(seconds=1)


def test_torn_file_has_no_index_and_does_not_open(faulty_card: Card) -> None:
    path = _only(faulty_card, Fault.TORN)
    assert b"moov" not in path.read_bytes()
    assert not _opens(path)


def test_torn_front_opens_and_gives_out_at_the_second_that_the_truth_says(faulty_card: Card) -> None:
    path, expected = _only(faulty_card, Fault.TORN_FRONT), faulty_card.expected(Fault.TORN_FRONT)
    assert _opens(path)
    size_bytes = path.stat().st_size
    with av.open(str(path)) as container:
        whole = [
            float((p.pts + (p.duration or 0)) * p.time_base)
            for p in container.demux(video=0)
            if p.pts is not None and p.pos is not None and p.pos + p.size <= size_bytes and not p.is_corrupt
        ]
        assert container.duration is not None
        assert max(whole) < container.duration / av.time_base
    assert max(whole) == pytest.approx(expected.start_s, abs=0.2)


def test_zeroed_block_reads_as_zeros_and_breaks_pictures(faulty_card: Card) -> None:
    path, expected = _only(faulty_card, Fault.ZEROED), faulty_card.expected(Fault.ZEROED)
    assert expected.bytes is not None
    ((from_byte, to_byte),) = expected.bytes
    assert path.read_bytes()[from_byte:to_byte] == bytes(to_byte - from_byte)
    assert to_byte - from_byte == 4096
    assert _decoded_frames(path) < len(packet_times(path, "video"))


def test_empty_file_has_no_bytes(faulty_card: Card) -> None:
    assert _only(faulty_card, Fault.EMPTY).stat().st_size == 0


def test_missing_segment_is_not_there_and_leaves_a_hole_between_its_neighbours(faulty_card: Card) -> None:
    expected = faulty_card.expected(Fault.MISSING_SEGMENT)
    assert expected.absent is not None
    assert not faulty_card.path(expected.absent).exists()
    assert all(faulty_card.path(name).exists() for name in expected.files)
    assert expected.end_s == pytest.approx(6 + FRAME_S, abs=0.001)


@pytest.mark.parametrize(("fault", "seconds"), [(Fault.LATE_SEGMENT, 20 + FRAME_S), (Fault.OVERLAP, -(5 - FRAME_S))])
def test_set_faults_show_in_creation_times_and_packets(fault: Fault, seconds: float, faulty_card: Card) -> None:
    before, after = (faulty_card.path(name) for name in faulty_card.expected(fault).files)
    starts = []
    for path in (before, after):
        with av.open(str(path)) as container:
            stamp = container.metadata["creation_time"]
        starts.append(int(stamp[14:16]) * 60 + float(stamp[17:23]))
    end_s = starts[0] + packet_times(before, "video")[-1] + FRAME_S
    assert starts[1] - end_s == pytest.approx(seconds, abs=0.002)


def test_link_points_out_of_the_card(faulty_card: Card) -> None:
    (name,) = faulty_card.expected(Fault.LINK).files
    assert faulty_card.path(name).is_symlink()
    assert not faulty_card.path(name).resolve().is_relative_to(faulty_card.root.resolve())


def test_fifo_is_a_pipe(faulty_card: Card) -> None:
    (name,) = faulty_card.expected(Fault.FIFO).files
    assert stat.S_ISFIFO(faulty_card.path(name).lstat().st_mode)


def test_hostile_names_are_on_the_card_byte_for_byte(faulty_card: Card) -> None:
    names = {bytes(path.relative_to(faulty_card.root))[len("DCIM/100ANDRO/") :] for path in faulty_card.root.rglob("*")}
    assert {b"two\nlines.mp4", "现场.mp4".encode("gb18030"), b"..mp4", b"n" * 246 + b".mp4"} <= names


def test_unknown_type_begins_like_no_known_format(faulty_card: Card) -> None:
    (name,) = faulty_card.expected(Fault.UNKNOWN_TYPE).files
    assert not _opens(faulty_card.path(name))

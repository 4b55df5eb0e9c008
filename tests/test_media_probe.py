"""Facts of files: equal to what other tools measured, and true where a file ends before its content."""

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from ingestd.core.facts import MediaFacts, MediaKind, StreamKind
from ingestd.media.boxes import Problems
from ingestd.media.demux import open_input
from ingestd.media.sniff import Sniffed, is_transport_stream, sniff
from tests.support.clips import box, facts_of, opened, shared_corpus, write_clip

FRAGMENTED = "frag_keyframe+empty_moov+default_base_moof"

# Torn or fuzzed: there the tools say how far they got, and we what the bytes hold.
DAMAGED = {"truncated_moov_front.mov", "zero_empty_stsc.mp4", "fuzz_1185230.mp4"}
# An edit list hides the first two sounds; a demuxer drops them, the file holds them.
HIDDEN_SOUNDS = {"phone_iphone6_gps.mov": 2}
# Recovery points that are no sync samples count as key frames elsewhere.
LOOSE_KEYS = {"pair_untouched.mp4", "pair_metadata_edited.mp4"}


def ground_truth() -> dict[str, dict[str, Any]]:
    manifest = json.loads((shared_corpus() / "manifest.json").read_text(encoding="utf-8"))
    return {entry["name"]: entry["ground_truth"].get("ffprobe") or {} for entry in manifest["files"]}


def differences(facts: MediaFacts, truth: dict[str, Any], name: str) -> list[str]:
    """Where our facts of a whole file differ from those that ffprobe measured."""
    found: list[str] = []

    def compare(what: str, ours: object, theirs: object) -> None:
        if theirs is not None and ours != theirs:
            found.append(f"{name} {what}: {ours} and not {theirs}")

    def compare_seconds(what: str, ours: float | None, theirs: float | None, tolerance_s: float = 0.001) -> None:
        if theirs is not None and (ours is None or abs(ours - theirs) > tolerance_s):
            found.append(f"{name} {what}: {ours} s and not {theirs} s")

    compare("streams", len(facts.streams), len(truth["streams"]))
    for ours, theirs in zip(facts.streams, truth["streams"], strict=True):
        what = f"stream {ours.index} {ours.kind}"
        compare(what + " kind", ours.kind, theirs["type"])
        if ours.kind not in (StreamKind.VIDEO, StreamKind.AUDIO):
            continue
        hidden = HIDDEN_SOUNDS.get(name, 0) if ours.kind is StreamKind.AUDIO else 0
        compare(what + " codec", ours.codec, theirs["codec"])
        compare_seconds(what + " first", ours.first_s, theirs["first_pts"])
        compare(what + " size", (ours.width, ours.height), (theirs.get("width"), theirs.get("height")))
        if facts.container != "wav":  # the packets of PCM are cut as the reader likes
            compare(what + " packets", ours.packets, theirs["packets"] + hidden)
            compare_seconds(what + " step", ours.step_s, theirs["median_dt"])
            if theirs["last_pts"] is not None and not hidden:
                # The last packet may be shorter or longer than the others, never without length.
                last_step = (ours.end_s or 0.0) - theirs["last_pts"]
                compare(what + " end", 0 < last_step < 2.5 * (theirs["median_dt"] or 1.0), True)
        if name not in LOOSE_KEYS:
            compare(
                what + " keys", ours.key_packets - hidden if facts.container != "wav" else None, theirs["keyframes"]
            )
    return [text for text in found if "keys: None" not in text]


def test_comparison_sees_a_wrong_fact() -> None:
    facts, truth = facts_of(shared_corpus() / "traffic_cfr.mp4"), ground_truth()["traffic_cfr.mp4"]
    truth["streams"][0]["packets"] += 1
    truth["streams"][1]["first_pts"] += 0.01
    assert len(differences(facts, truth, "traffic_cfr.mp4")) == 2


def test_facts_of_real_files_equal_what_ffprobe_measured() -> None:
    corpus = shared_corpus()
    checked = 0
    for name, truth in ground_truth().items():
        if truth.get("opens") and name not in DAMAGED:
            assert differences(facts_of(corpus / name), truth, name) == []
            checked += 1
    assert checked >= 15


def test_no_whole_real_file_is_called_truncated_or_holed() -> None:
    corpus = shared_corpus()
    for name in ground_truth():
        if name not in DAMAGED:
            facts = facts_of(corpus / name)
            assert not facts.is_truncated, name
            timed = facts.streams_of(StreamKind.VIDEO) + facts.streams_of(StreamKind.AUDIO)
            assert [stream.holes for stream in timed] == [()] * len(timed), name


def test_media_box_that_claims_too_much_is_no_truncation_while_all_samples_are_there() -> None:
    facts = facts_of(shared_corpus() / "mdat_too_long.mp4")
    assert not facts.is_truncated
    assert facts.index_end_bytes == facts.size_bytes
    assert facts.problems == ("box mdat at 2184 claims 8 bytes beyond the end",)


def test_film_cut_behind_its_index_is_truncated_though_players_open_it() -> None:
    facts = facts_of(shared_corpus() / "truncated_moov_front.mov")
    assert facts.is_truncated
    assert facts.intact_until_s == 0.0
    assert facts.declared_duration_s == 596.458
    assert (facts.index_end_bytes or 0) > facts.size_bytes


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Four seconds with the index in front of the media."""
    return write_clip(tmp_path_factory.mktemp("clip") / "front.mp4", movflags="faststart").read_bytes()


def test_whole_clip_has_all_its_facts(front: bytes) -> None:
    facts = facts_of(front)
    video, audio = facts.streams
    assert (facts.kind, facts.container, facts.has_index, facts.is_truncated) == (MediaKind.VIDEO, "mp4", True, False)
    assert (facts.duration_s, facts.declared_duration_s, facts.start_s) == (4.0, 4.0, 0.0)
    assert (video.codec, video.tag, video.packets, video.key_packets) == ("h264", "avc1", 40, 4)
    assert (video.width, video.height, video.first_s, video.end_s, video.step_s) == (64, 48, 0.0, 4.0, 0.1)
    assert (audio.codec, audio.sample_rate_hz, audio.channels) == ("aac", 8000, 1)
    assert facts.encoder is not None
    assert facts.encoder.startswith("Lavf")


def test_last_intact_second_is_that_of_the_first_torn_picture(front: bytes) -> None:
    media = front.index(b"mdat")
    for share in (0.3, 0.5, 0.9):
        facts = facts_of(front[: media + int((len(front) - media) * share)])
        (video,) = facts.streams_of(StreamKind.VIDEO)
        assert facts.is_truncated
        assert facts.intact_until_s == video.end_s
        assert facts.duration_s is not None
        assert facts.duration_s < 4.0 == facts.declared_duration_s


def test_one_missing_byte_is_a_truncation(front: bytes) -> None:
    facts = facts_of(front[:-1])
    assert facts.is_truncated
    assert facts.index_end_bytes == len(front)


def test_clip_without_index_is_truncated_and_tells_no_second(tmp_path: Path) -> None:
    content = write_clip(tmp_path / "clip.mp4").read_bytes()
    for torn in (content[: content.index(b"moov") - 4], content[:2000], content[: content.index(b"moov") + 40]):
        facts = facts_of(torn)
        assert (facts.is_truncated, facts.has_index, facts.intact_until_s) == (True, False, None)
        assert facts.kind is MediaKind.VIDEO


def test_media_without_any_header_is_a_video_without_index(tmp_path: Path) -> None:
    content = write_clip(tmp_path / "clip.mp4").read_bytes()
    facts = facts_of(content[content.index(b"mdat") - 4 : content.index(b"moov") - 4])
    assert (facts.kind, facts.has_index, facts.is_truncated) == (MediaKind.VIDEO, False, True)


def test_fragmented_clip_keeps_what_its_fragments_hold(tmp_path: Path) -> None:
    content = write_clip(tmp_path / "clip.mp4", sound=None, movflags=FRAGMENTED).read_bytes()
    whole = facts_of(content)
    assert (whole.is_fragmented, whole.is_truncated, whole.duration_s) == (True, False, 4.0)
    last = content.rindex(b"moof") - 4
    torn = facts_of(content[: last + 20])
    assert (torn.is_truncated, torn.intact_until_s, torn.duration_s) == (True, 3.0, 3.0)


def test_fragments_are_read_as_a_demuxer_reads_them(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", movflags=FRAGMENTED)
    with opened(clip) as fd, open_input(fd, "mov") as demuxed:
        packets = [packet for packet in demuxed.demux(video=0) if packet.size]
    (video,) = facts_of(clip).streams_of(StreamKind.VIDEO)
    assert video.packets == len(packets)
    assert video.key_packets == sum(packet.is_keyframe for packet in packets)
    times_s = [float((packet.pts or 0) * (packet.time_base or 0)) for packet in packets]
    assert video.first_s == pytest.approx(min(times_s), abs=1e-4)


def test_lost_group_of_pictures_is_a_hole(tmp_path: Path) -> None:
    # The third second's samples get the length 1 ms less, the one before them takes it all.
    content = bytearray(write_clip(tmp_path / "clip.mp4", 8, sound=None).read_bytes())
    at = content.index(b"stts")
    (delta,) = struct.unpack_from(">I", content, at + 16)
    moov = content.index(b"moov") - 4
    table = box(b"stts", bytes(4), struct.pack(">IIIIIII", 3, 30, delta, 1, delta * 21, 49, delta))
    rebuilt = _replace_box(bytes(content[moov:]), (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts"), table)
    (video,) = facts_of(bytes(content[:moov]) + rebuilt).streams_of(StreamKind.VIDEO)
    assert [(hole.start_s, hole.end_s) for hole in video.holes] == [pytest.approx((3.1, 5.1), abs=0.11)]


def _replace_box(data: bytes, path: tuple[bytes, ...], new: bytes) -> bytes:
    """`data` (boxes) with the first box at `path` replaced, all sizes around it made right."""
    out, at = b"", 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == path[0]:
            inner = new if len(path) == 1 else box(kind, _replace_box(data[at + 8 : at + size], path[1:], new))
            return out + inner + data[at + size :]
        out += data[at : at + size]
        at += size
    return out


@pytest.mark.parametrize(("suffix", "container"), [(".avi", "avi"), (".ts", "mpegts"), (".mkv", "matroska")])
def test_other_containers_are_read_by_their_packets(tmp_path: Path, suffix: str, container: str) -> None:
    facts = facts_of(write_clip(tmp_path / f"clip{suffix}"))
    (video,) = facts.streams_of(StreamKind.VIDEO)
    assert (facts.container, facts.is_truncated, video.packets) == (container, False, 40)
    assert video.end_s is not None
    assert video.first_s is not None
    assert video.end_s - video.first_s == pytest.approx(4.0, abs=0.01)
    assert [stream.holes for stream in facts.streams] == [(), ()]


@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
def test_torn_frame_of_other_containers_is_a_truncation(tmp_path: Path, suffix: str) -> None:
    content = write_clip(tmp_path / f"clip{suffix}", sound=None).read_bytes()
    facts = facts_of(content[: len(content) * 6 // 10])
    assert facts.is_truncated
    assert facts.intact_until_s is not None
    assert 1.0 < facts.intact_until_s < 3.5


def test_avi_that_was_never_closed_is_truncated(tmp_path: Path) -> None:
    content = bytearray(write_clip(tmp_path / "clip.avi").read_bytes())
    movi = content.index(b"movi") - 4
    content[movi : movi + 4] = bytes(4)
    facts = facts_of(bytes(content))
    assert (facts.is_truncated, facts.has_index) == (True, False)


def test_transport_stream_goes_on_behind_lost_packets(tmp_path: Path) -> None:
    content = write_clip(tmp_path / "clip.ts", 8).read_bytes()
    third = len(content) // 188 // 3 * 188
    facts = facts_of(content[:third] + content[third + 188 * 20 + 50 : 2 * third] + bytes(5000) + content[2 * third :])
    (video,) = facts.streams_of(StreamKind.VIDEO)
    assert video.end_s is not None
    assert video.end_s > 7.5
    assert 40 < video.packets < 80


def test_sound_file_is_audio() -> None:
    wav = b"RIFF" + struct.pack("<I", 36 + 16000) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    facts = facts_of(wav + b"data" + struct.pack("<I", 16000) + bytes(16000))
    assert (facts.kind, facts.container, facts.duration_s, facts.is_truncated) == (MediaKind.AUDIO, "wav", 1.0, False)
    torn = facts_of(wav + b"data" + struct.pack("<I", 16000) + bytes(8000))
    assert torn.is_truncated
    assert torn.intact_until_s == pytest.approx(0.5, abs=0.1)


def test_garbage_under_a_known_start_gives_words_and_no_error() -> None:
    for start in (b"RIFF\0\0\0\0AVI ", b"\x1a\x45\xdf\xa3", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"OggS", b"#!AMR"):
        facts = facts_of(start + bytes(range(256)) * 20)
        assert facts.problems, start


def test_size_that_the_caller_vouches_for_is_the_limit(front: bytes) -> None:
    from ingestd.media.probe import probe

    with opened(front) as fd:
        assert probe(fd, len(front) - 100).is_truncated


def test_position_of_the_descriptor_does_not_matter(tmp_path: Path) -> None:
    from ingestd.media.probe import probe

    clip = write_clip(tmp_path / "clip.ts", 2)
    with opened(clip) as fd:
        os.lseek(fd, 0, os.SEEK_END)
        assert probe(fd, clip.stat().st_size) == facts_of(clip)


def sniffed(content: bytes) -> Sniffed:
    return sniff(content[:8192], len(content))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Sniffed(MediaKind.EMPTY)),
        (bytes(5000), Sniffed(MediaKind.UNKNOWN)),
        (b"\x00\x00\x00\x08mdat", Sniffed(MediaKind.VIDEO, "mp4")),
        (b"\x00\x00\x00\x08wide\0\0\0\0mdat", Sniffed(MediaKind.VIDEO, "mov")),
        (b"\x00\x00\x00\x14ftypqt  ", Sniffed(MediaKind.VIDEO, "mov")),
        (b"\x00\x00\x00\x14ftyp3gp5", Sniffed(MediaKind.VIDEO, "3gp")),
        (b"\x00\x00\x00\x14ftypM4A ", Sniffed(MediaKind.AUDIO, "mp4")),
        (b"\x00\x00\x00\x14ftypheic", Sniffed(MediaKind.PHOTO, "heif")),
        ("姓名,时间\n张三,八点\n".encode("gbk"), Sniffed(MediaKind.TEXT, "text")),
        ("姓名,时间\n".encode() * 2000, Sniffed(MediaKind.TEXT, "text")),
        ("\ufeffhello\n".encode("utf-16-le"), Sniffed(MediaKind.TEXT, "text")),
        (b"$GPRMC,1,2*33\r\n" * 3, Sniffed(MediaKind.TEXT, "text")),
        (b"hello\0world", Sniffed(MediaKind.UNKNOWN)),
        (b"\x7fELF\x02\x01\x01" + bytes(100), Sniffed(MediaKind.UNKNOWN)),
        (b"ID3\x04" + bytes(100), Sniffed(MediaKind.AUDIO, "mp3")),
        ((b"\xff\xfb\x90\x00" + bytes(413)) * 3, Sniffed(MediaKind.AUDIO, "mp3")),
        ((b"\xff\xf1\x6c\x40\x02\x00\xfc" + bytes(9)) * 3, Sniffed(MediaKind.AUDIO, "aac")),
    ],
)
def test_kind_is_judged_by_the_first_bytes(content: bytes, expected: Sniffed) -> None:
    assert sniffed(content) == expected


def test_transport_streams_of_192_bytes_or_begun_inside_a_packet_are_known() -> None:
    packet = b"\x47" + bytes(187)
    assert is_transport_stream(packet * 10)
    assert is_transport_stream((b"abcd" + packet) * 10)
    assert is_transport_stream((packet * 10)[77:])
    assert not is_transport_stream((packet + b"x") * 10)


def test_words_of_a_file_are_bounded() -> None:
    facts = facts_of(box(b"ftyp", b"isom", bytes(4)) + box(b"moov", *[box(b"trak", b"\0\0\0\x09xxxx")] * 500))
    assert len(facts.problems) <= 100
    assert Problems().texts() == ()

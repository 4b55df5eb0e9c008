"""How files are built: read from real containers, bounded, and never raising on spoiled ones."""

import functools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.core.structure import StructureFacts, TrackStructure, Word, fingerprint
from ingestd.media.boxes import ByteSource
from ingestd.media.containerstructure import container_structure
from ingestd.media.parametersets import parameter_sets, picture_words, read_avc_record, read_hevc_record
from tests.support.clips import box, facts_of, opened, shared_corpus, write_clip
from tests.support.recasts import remux

MOST_ENTRIES = 200


def structure_of(content: bytes | Path) -> StructureFacts:
    structure = facts_of(content).structure
    assert structure is not None
    return structure


def picture_of(structure: StructureFacts) -> TrackStructure:
    return next(track for track in structure.tracks if track.kind == "video")


def texts(structure: StructureFacts, source: str) -> list[str]:
    return [word.text for word in structure.words if word.source == source]


@functools.cache
def clip_bytes(suffix: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_clip(Path(folder, f"clip{suffix}"), seconds=3).read_bytes()


def test_order_brands_and_headers_of_a_movie_are_told() -> None:
    structure = structure_of(clip_bytes(".mp4"))
    assert structure.boxes[:5] == ("ftyp", "free", "mdat", "moov", "moov/mvhd")
    assert (structure.major_brand, structure.brands) == ("isom", ("isom", "iso2", "avc1", "mp41"))
    assert structure.headers == ("mvhd:0:0",)
    assert structure.is_index_first is False


def test_repeats_of_boxes_are_told_once() -> None:
    movie = clip_bytes(".mp4")
    assert structure_of(movie + box(b"free") * 50).boxes.count("free") == 2


def test_index_in_front_is_told(tmp_path: Path) -> None:
    source = tmp_path / "clip.mp4"
    source.write_bytes(clip_bytes(".mp4"))
    assert structure_of(remux(source, tmp_path / "front.mp4", movflags="+faststart")).is_index_first is True


def test_vendor_boxes_are_told_apart_from_public_ones() -> None:
    movie = clip_bytes(".mp4") + box(b"uuid", bytes(range(16)), b"x") + box(b"PSTA", b"y")
    assert structure_of(movie).vendor == (f"uuid:{bytes(range(16)).hex()}", "PSTA")


def test_encoder_of_a_picture_is_told_with_its_options() -> None:
    (word,) = texts(structure_of(clip_bytes(".mp4")), "picture")
    assert word.startswith("x264 - core ")
    assert "keyint=10" in word
    assert "threads=" not in word


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".ts", ".mkv"])
def test_encoder_in_the_picture_is_told_in_every_container(suffix: str) -> None:
    assert any(text.startswith("x264") for text in texts(structure_of(clip_bytes(suffix)), "picture"))


@pytest.mark.parametrize(
    ("suffix", "source", "text"),
    [
        (".mp4", "\xa9too", "Lavf"),
        (".avi", "ISFT", "Lavf"),
        (".mkv", "WritingApp", "Lavf"),
        (".ts", "service", "FFmpeg"),
    ],
)
def test_writer_of_a_container_is_told(suffix: str, source: str, text: str) -> None:
    assert texts(structure_of(clip_bytes(suffix)), source)[0].startswith(text)


@pytest.mark.parametrize("suffix", [".mov", ".ts", ".mkv"])
def test_parameter_sets_are_the_same_in_every_container(suffix: str) -> None:
    expected, found = picture_of(structure_of(clip_bytes(".mp4"))), picture_of(structure_of(clip_bytes(suffix)))
    assert found.parameter_sets == expected.parameter_sets
    assert (found.profile, found.level, found.reference_frames) == (66, 10, 1)


def test_rhythm_of_key_pictures_is_told() -> None:
    picture = picture_of(structure_of(clip_bytes(".mp4")))
    assert (picture.key_distance, picture.key_spread, picture.has_b_frames) == (10.0, 0.0, False)


def test_maker_words_of_a_real_camera_are_told() -> None:
    structure = structure_of(shared_corpus() / "gopro_max_heromode.mp4")
    assert structure.tracks[0].handler_name == "GoPro AVC"
    assert texts(structure, "compressor") == ["GoPro AVC encoder"]
    assert {"moov/udta/FIRM", "moov/udta/CAME", "moov/udta/GPMF"} <= set(structure.vendor)
    assert structure.created == structure.tracks[0].created == structure.tracks[0].media_created == 3656936732


def test_real_cameras_name_no_software_encoder() -> None:
    cameras = ("gopro_max_heromode.mp4", "phone_android_gps.mp4", "phone_iphone6_gps.mov", "flir_thermal_vfr.mp4")
    for name in (*cameras, "phone_3gp5_null_island.mp4", "phone_2004_h263_amr.3gp", "kodak_mjpeg_pcm.avi"):
        assert texts(structure_of(shared_corpus() / name), "picture") == [], name


def test_a_position_and_padding_do_not_change_the_fingerprint() -> None:
    bare = StructureFacts(family="iso", boxes=("ftyp", "mdat", "moov", "moov/mvhd", "moov/trak"))
    places = ("moov/udta", "moov/udta/\xa9xyz", "free")
    located = bare.model_copy(update={"boxes": (*bare.boxes, *places), "item_keys": ("\xa9xyz",), "spare": ("free:7",)})
    assert fingerprint(located)[0] == fingerprint(bare)[0]


def test_firmware_numbers_do_not_change_the_fingerprint() -> None:
    first, second = (
        StructureFacts(family="iso", words=(Word(source="\xa9swr", text=text),)) for text in ("V1.02", "V1.13")
    )
    assert fingerprint(first)[0] == fingerprint(second)[0]


def test_words_in_coded_data_need_a_whole_name() -> None:
    assert picture_words(b"..Lavc...x26 core..XviD..", "picture") == []


@given(st.binary(max_size=300))
def test_decoder_records_of_any_bytes_are_read_or_refused(body: bytes) -> None:
    for read in (read_avc_record, read_hevc_record):
        record = read(body)
        if record is not None:
            assert len(parameter_sets(record.codec, record.units).sets) <= 16


@settings(max_examples=60, deadline=None)
@given(data=st.data(), suffix=st.sampled_from([".mp4", ".mov", ".avi", ".mkv", ".ts"]))
def test_spoiled_files_stay_bounded_and_never_raise(data: st.DataObject, suffix: str) -> None:
    spoiled = bytearray(clip_bytes(suffix))
    for _ in range(data.draw(st.integers(1, 30))):
        at = data.draw(st.integers(0, len(spoiled) - 1))
        spoiled[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(spoiled)))
    content = bytes(spoiled[: cut or None])
    if suffix in (".mp4", ".mov"):
        structure = facts_of(content).structure
    else:
        with opened(content) as fd:
            container = {".avi": "avi", ".mkv": "matroska", ".ts": "mpegts"}[suffix]
            structure = container_structure(ByteSource(fd, len(content)), container)
    if structure is not None:
        assert max(map(len, (structure.boxes, structure.vendor, structure.item_keys, structure.spare))) <= MOST_ENTRIES
        assert all(len(track.boxes) <= MOST_ENTRIES for track in structure.tracks)
        assert len(structure.words) <= 64
        assert StructureFacts.model_validate_json(structure.model_dump_json()) == structure

"""Salvage of files that keep what they have: fragments, packets, chunks, sound; and of pictures without a sibling."""

import datetime as dt
import hashlib
import re
import struct
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
import pytest

from ingestd.core.errors import MediaError
from ingestd.core.explanation_acts import REQUEST
from ingestd.core.salvaging import METHODS, PACES, is_salvageable, needs_reference, recovered_share
from ingestd.core.timeline import file_findings
from ingestd.media.clipspec import ClipSpec, FootageFormat
from ingestd.media.footage import encode_clip
from ingestd.media.salvaged import Salvaged
from ingestd.pipeline.derive import derive_next
from ingestd.pipeline.explanations import ExplanationDesk
from ingestd.stores.explanations import Explanations
from ingestd.wiring import proxy_worker
from tests.support.clips import box, facts_of, shared_corpus, write_clip
from tests.support.station import Station, build_station, faults_of
from tests.support.station import write_card as write_files
from tests.test_salvage import packets, salvaged

START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
NAMES = {
    "0001": "DCIM/7012345_01234520260302090000_0001.avi",
    "0002": "DCIM/7012345_01234520260302100000_0002.mp4",
    "0003": "DCIM/7012345_01234520260302110000_0003.mp4",
}
FRAGMENTED = "frag_keyframe+empty_moov+default_base_moof"


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Callable[[FootageFormat], Path]:
    """A clip of each format, made when it is first asked for. Shared: read it only."""
    folder = tmp_path_factory.mktemp("footage")

    def clip(kind: FootageFormat) -> Path:
        path = folder / f"{kind.value}{kind.extension}"
        if not path.exists():
            encode_clip(ClipSpec(start_utc=START, seconds=4, format=kind), path)
        return path

    return clip


def cut(path: Path, share: float, *, odd_bytes: int = 0) -> bytes:
    data = path.read_bytes()
    return data[: int(len(data) * share) // 188 * 188 + odd_bytes]


def byte_stream(path: Path, codec: str) -> bytes:
    """The pictures of a clip between start codes, as an encoder's chip gives them."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        convert = av.BitStreamFilterContext(f"{codec}_mp4toannexb", in_stream=video)
        return b"".join(bytes(one) for packet in container.demux(video) for one in convert.filter(packet))


def media_data(body: bytes) -> bytes:
    """A file of the MP4 family as a recorder without power leaves it: media data of unknown length and nothing else."""
    return struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom") + struct.pack(">I4s", 0, b"mdat") + body


def decoded_pictures(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def kept(torn: bytes, output: Path) -> Salvaged:
    """Salvage without a reference."""
    source = output.with_suffix(".torn")
    source.write_bytes(torn)
    result = salvaged(source, None, output)
    assert source.read_bytes() == torn
    return result


def is_start_of(copy: list[Any], original: list[Any], least: float) -> bool:
    return copy == original[: len(copy)] and len(copy) >= least * len(original)


@pytest.mark.parametrize("options", [{"movflags": FRAGMENTED}, {"movflags": "faststart"}], ids=["fragments", "front"])
def test_what_the_own_index_names_is_kept_at_its_own_times(tmp_path: Path, options: dict[str, str]) -> None:
    whole = write_clip(tmp_path / "whole.mp4", 6, **options)
    result = kept(cut(whole, 0.75), tmp_path / "copy.mp4")
    for kind in ("video", "audio"):
        assert is_start_of(packets(tmp_path / "copy.mp4", kind), packets(whole, kind), 0.5), kind
    facts = facts_of(tmp_path / "copy.mp4")
    assert (facts.is_truncated, facts.problems) == (False, ())
    assert decoded_pictures(tmp_path / "copy.mp4") == result.samples["video"]
    assert result.method == "own_index"


def test_all_whole_fragments_stay_playable_where_the_last_one_is_torn(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mp4", 6, movflags=FRAGMENTED)
    data = whole.read_bytes()
    places = [found.start() - 4 for found in re.finditer(b"moof", data)]
    result = kept(data[: places[4] + 50], tmp_path / "copy.mp4")
    assert packets(tmp_path / "copy.mp4", "video") == packets(whole, "video")[: result.samples["video"]]
    assert result.seconds == pytest.approx(4, abs=0.15)
    assert result.intact_until_s == pytest.approx(result.seconds, abs=0.01)


def test_torn_avi_gets_an_index_of_what_is_there(tmp_path: Path, footage: Callable[[FootageFormat], Path]) -> None:
    whole = footage(FootageFormat.MJPEG)
    result = kept(cut(whole, 0.7), tmp_path / "copy.avi")
    for kind in ("video", "audio"):
        assert is_start_of(packets(tmp_path / "copy.avi", kind), packets(whole, kind), 0.6), kind
    facts = facts_of(tmp_path / "copy.avi")
    assert (facts.has_index, facts.is_truncated) == (True, False)
    assert facts.declared_duration_s == pytest.approx(result.seconds, abs=0.1)
    assert decoded_pictures(tmp_path / "copy.avi") == result.samples["video"]


def test_avi_that_only_lost_its_index_loses_nothing_else(
    tmp_path: Path, footage: Callable[[FootageFormat], Path]
) -> None:
    whole = footage(FootageFormat.MJPEG)
    data = whole.read_bytes()
    kept(data[: data.rindex(b"idx1")], tmp_path / "copy.avi")
    assert packets(tmp_path / "copy.avi", "video") == packets(whole, "video")
    assert packets(tmp_path / "copy.avi", "audio") == packets(whole, "audio")


def test_avi_goes_on_behind_zeroed_blocks(tmp_path: Path, footage: Callable[[FootageFormat], Path]) -> None:
    whole = footage(FootageFormat.MJPEG)
    data = bytearray(cut(whole, 0.9))
    data[60_000:68_192] = bytes(8192)
    result = kept(bytes(data), tmp_path / "copy.avi")
    assert result.samples["video"] >= 0.8 * len(packets(whole, "video"))
    assert facts_of(tmp_path / "copy.avi").is_truncated is False


def test_avi_without_its_header_needs_a_sibling_and_says_so(
    tmp_path: Path, footage: Callable[[FootageFormat], Path]
) -> None:
    whole = footage(FootageFormat.MJPEG)
    data = bytearray(cut(whole, 0.7))
    data[12:60] = bytes(48)
    with pytest.raises(MediaError, match="whole file of the same recorder would serve"):
        kept(bytes(data), tmp_path / "copy.avi")


def test_torn_transport_stream_keeps_its_whole_packets(
    tmp_path: Path, footage: Callable[[FootageFormat], Path]
) -> None:
    whole = footage(FootageFormat.TS)
    result = kept(cut(whole, 0.7, odd_bytes=100), tmp_path / "copy.ts")
    video, original = packets(tmp_path / "copy.ts", "video"), packets(whole, "video")
    assert is_start_of(video[:-1], original, 0.6)
    assert facts_of(tmp_path / "copy.ts").is_truncated is False
    assert result.seconds == pytest.approx(video[-1][0] - video[0][0], abs=0.1)


def test_transport_stream_that_ends_inside_a_packet_is_torn(footage: Callable[[FootageFormat], Path]) -> None:
    whole = footage(FootageFormat.TS)
    original = packets(whole, "video")
    assert facts_of(whole).is_truncated is False
    assert facts_of(cut(whole, 0.7)).is_truncated is False
    assert facts_of(cut(whole, 0.7) + b"\xff" * 100).is_truncated is False
    (found,) = file_findings(facts_of(cut(whole, 0.7, odd_bytes=100)))
    assert found.code == "file.truncated"
    assert found.start_s == pytest.approx(0.7 * 4, abs=0.3)
    assert len(original) == 60


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_alaw", "pcm_mulaw"])
def test_torn_sound_gets_a_true_header(tmp_path: Path, codec: str) -> None:
    whole = tmp_path / "whole.wav"
    with av.open(str(whole), "w") as container:
        stream = container.add_stream(codec, rate=8000, layout="mono")
        assert isinstance(stream, av.audio.stream.AudioStream)
        for number in range(20):
            frame = av.AudioFrame("s16", "mono", 800)
            frame.sample_rate, frame.pts = 8000, number * 800
            frame.planes[0].update(bytes(range(200)) * 8)
            container.mux(stream.encode(frame))
    data = whole.read_bytes()
    result = kept(data[: int(len(data) * 0.7) | 1], tmp_path / "copy.wav")
    original = b"".join(_sound(whole))
    copy = b"".join(_sound(tmp_path / "copy.wav"))
    assert original.startswith(copy)
    assert result.seconds == pytest.approx(1.4, abs=0.02)
    assert facts_of(tmp_path / "copy.wav").is_truncated is False


def _sound(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux() if packet.size]


def test_pictures_and_pcm_of_a_torn_quicktime_file_are_found_by_a_sibling(tmp_path: Path) -> None:
    whole = quicktime(tmp_path / "whole.mov")
    data = whole.read_bytes()
    torn = tmp_path / "torn.mov"
    torn.write_bytes(data[: int(data.rindex(b"moov") * 0.8)])
    result = salvaged(torn, quicktime(tmp_path / "other.mov", shade=9), tmp_path / "copy.mp4")
    assert [one for _, one in packets(tmp_path / "copy.mp4", "video")] == [
        one for _, one in packets(whole, "video")[: result.samples["video"]]
    ]
    assert decoded_pictures(tmp_path / "copy.mp4") >= 0.7 * len(packets(whole, "video"))
    assert b"".join(_sound_of(whole)).startswith(b"".join(_sound_of(tmp_path / "copy.mp4")))
    assert result.samples["audio"] > 0


def quicktime(path: Path, shade: int = 5) -> Path:
    """MJPEG and PCM, as older recorders write them."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mjpeg", rate=10)
        voice = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        assert isinstance(video, av.video.stream.VideoStream) and isinstance(voice, av.audio.stream.AudioStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuvj420p"
        for number in range(40):
            picture = av.VideoFrame(64, 48, "yuvj420p")
            for plane in picture.planes:
                plane.update(bytes((number * shade + at) % 256 for at in range(plane.buffer_size)))
            picture.pts = number
            container.mux(video.encode(picture))
            sound = av.AudioFrame("s16", "mono", 800)
            sound.sample_rate, sound.pts = 8000, number * 800
            sound.planes[0].update(bytes((at * 3 + number) % 256 for at in range(1600)))
            container.mux(voice.encode(sound))
        container.mux(video.encode(None))
    return path


def _sound_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux() if packet.size and packet.stream.type == "audio"]


@pytest.mark.parametrize("kind", [FootageFormat.H264, FootageFormat.HEVC])
@pytest.mark.parametrize("framing", ["stream", "start codes in mdat", "lengths in mdat"])
def test_pictures_that_carry_their_parameters_need_no_sibling(
    tmp_path: Path, footage: Callable[[FootageFormat], Path], kind: FootageFormat, framing: str
) -> None:
    stream = byte_stream(footage(kind), kind.value)
    raw = stream[: int(len(stream) * 0.8)]
    if framing == "lengths in mdat":
        units = [unit for unit in re.split(rb"\x00?\x00\x00\x01", stream) if unit]
        sized = b"".join(struct.pack(">I", len(unit)) + unit for unit in units)
        raw = media_data(sized[: int(len(sized) * 0.8)])
    elif framing == "start codes in mdat":
        raw = media_data(raw)
    result = kept(raw, tmp_path / "copy.mp4")
    assert decoded_pictures(tmp_path / "copy.mp4") == result.samples["video"]
    assert result.samples["video"] >= 0.7 * len(packets(footage(kind), "video"))
    assert (result.method, result.pace, result.intact_until_s) == ("in_band", "in_band", None)
    # What cannot be known is said.
    assert any("sound" in words for words in result.missing) == (framing != "stream")


def test_whole_stream_between_start_codes_loses_no_more_than_its_open_end(
    tmp_path: Path, footage: Callable[[FootageFormat], Path]
) -> None:
    stream = byte_stream(footage(FootageFormat.H264), "h264")
    result = kept(stream, tmp_path / "copy.mp4")
    assert result.samples["video"] == len(packets(footage(FootageFormat.H264), "video")) - 1


def test_pictures_without_parameters_and_without_a_sibling_are_refused_with_what_is_missing(
    tmp_path: Path, footage: Callable[[FootageFormat], Path]
) -> None:
    data = footage(FootageFormat.H264).read_bytes()
    with pytest.raises(MediaError, match="no parameter sets"):
        kept(data[: data.rindex(b"moov") - 4], tmp_path / "copy.mp4")


def test_pace_that_nothing_tells_is_said_to_be_assumed(tmp_path: Path) -> None:
    data = quicktime(tmp_path / "whole.mov").read_bytes()
    result = kept(data[: data.rindex(b"moov") - 4], tmp_path / "copy.mp4")
    assert result.samples == {"video": 40}
    assert result.pace == "assumed"
    assert any("assumed" in words for words in result.missing)


def test_index_that_would_fill_a_disk_is_refused(tmp_path: Path) -> None:
    """A thousand samples over the same bytes, each one byte further than the last."""
    count, size = 1000, 5000
    tables = (
        box(b"stts", bytes(4), struct.pack(">III", 1, count, 40)),
        box(b"stsz", bytes(4), struct.pack(f">II{count}I", 0, count, *[size] * count)),
        box(b"stsc", bytes(4), struct.pack(">IIII", 1, 1, 1, 1)),
        box(b"stco", bytes(4), struct.pack(f">I{count}I", count, *range(100, 100 + count - 1), 1 << 20)),
    )
    mdia = box(b"mdia", box(b"hdlr", bytes(8), b"vide", bytes(13)), box(b"minf", box(b"stbl", *tables)))
    moov = box(b"moov", box(b"mvhd", bytes(100)), box(b"trak", mdia))
    with pytest.raises(MediaError, match="again and again"):
        kept(box(b"ftyp", b"isom", bytes(4)) + moov + box(b"mdat", bytes(8000)), tmp_path / "copy.mp4")


def test_every_method_and_pace_has_words() -> None:
    assert METHODS.keys() >= {"reference", "own_index", "chunks", "packets", "header", "in_band"}
    assert PACES.keys() >= {"own", "reference", "in_band", "assumed"}


@pytest.mark.parametrize("name", ["kodak_mjpeg_pcm.avi", "ts_segment.ts", "g711_alaw_8k.wav", "fragmented.mp4"])
def test_real_files_that_were_cut_keep_what_they_have(name: str, tmp_path: Path) -> None:
    path = shared_corpus() / name
    data = path.read_bytes()
    assert not facts_of(path).is_truncated
    # The last packet of a transport stream is cut, too.
    torn = data[: int(len(data) * 0.6) | 1]
    assert is_salvageable(facts_of(torn))
    assert not needs_reference(facts_of(torn))
    output = tmp_path / f"copy{path.suffix}"
    result = kept(torn, output)
    facts = facts_of(output)
    assert not facts.is_truncated
    assert facts.duration_s == pytest.approx(result.seconds, abs=0.2)
    assert recovered_share(asdict(result)) > 0.8


def derive_all(station: Station) -> None:
    with station.at_work() as parts, proxy_worker(parts.settings) as media:
        while derive_next(parts, media):
            continue


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, footage: Callable[[FootageFormat], Path]) -> Station:
    """A station that took in a torn AVI and a torn fragmented file; one finding was explained before the salvage."""
    root = tmp_path_factory.mktemp("kept")
    fragmented = cut(write_clip(root / "fragmented.mp4", 4, movflags=FRAGMENTED), 0.7)
    pictures = footage(FootageFormat.H264)
    index = pictures.read_bytes().rindex(b"moov") - 4
    files: dict[str | bytes, bytes] = {
        NAMES["0001"]: cut(footage(FootageFormat.MJPEG), 0.7),
        NAMES["0002"]: fragmented,
        NAMES["0003"]: pictures.read_bytes()[:index],
    }
    built = build_station(root / "station", proxy__enabled=False)
    built.ingest(write_files(root / "card", files), is_described=True)
    torn = truncation(built, "0003")
    with built.at_work() as parts:
        desk = ExplanationDesk(parts.catalogue, parts.chronicle, parts.vault, parts.clock)
        asked = {"do": "explain", "by": "张三", "finding": torn["finding_id"], "reason": "battery", "words": "没电"}
        desk.enter(REQUEST.validate_python(asked))
    derive_all(built)
    sibling = root / "sibling.mp4"
    encode_clip(ClipSpec(start_utc=START, seconds=4, seed=9), sibling)
    later: dict[str | bytes, bytes] = {"DCIM/7012345_01234520260302120000_0004.mp4": sibling.read_bytes()}
    built.ingest(write_files(root / "later", later), is_described=True)
    derive_all(built)
    return built


def recording(station: Station, number: str) -> str:
    with station.at_work() as parts:
        return str(parts.catalogue.recording(number)["recording_id"])


def truncation(station: Station, number: str) -> dict[str, Any]:
    """The standing finding about the recording whose name ends so."""
    about = recording(station, NAMES[number])
    with station.at_work() as parts:
        rows = Explanations(parts.chronicle.engine).standing_findings(frozenset({"file.truncated"}))
    (row,) = [one for one in rows if one["recording_id"] == about]
    return row


@pytest.mark.parametrize(("number", "suffix"), [("0001", ".salvage.avi"), ("0002", ".salvage.mp4")])
def test_station_keeps_what_a_torn_file_has_without_waiting_for_a_sibling(
    station: Station, number: str, suffix: str
) -> None:
    about = recording(station, NAMES[number])
    (copy,) = (one for one in station.catalogue().derived(about) if one["kind"] == "salvage")
    assert copy["vault_path"].endswith(suffix)
    path = station.vault.path(copy["vault_path"])
    assert hashlib.sha256(path.read_bytes()).hexdigest() == copy["sha256"]
    assert decoded_pictures(path) == copy["document"]["samples"]["video"]
    (found,) = station.catalogue().findings(recording=about, code="file.truncated")
    assert found["document"]["evidence"]["recovered_share"] > 0.9
    assert found["document"]["start_s"] is not None


def test_explanation_follows_a_truncation_that_a_salvage_found_the_place_of(station: Station) -> None:
    torn = truncation(station, "0003")
    with station.at_work() as parts:
        said = Explanations(parts.chronicle.engine).of([torn])
    assert torn["document"]["start_s"] is not None
    assert torn["document"]["evidence"]["method"] == "reference"
    assert said[torn["finding_id"]].words == "没电"


def test_station_is_whole_and_its_catalogue_can_be_made_again(station: Station) -> None:
    assert faults_of(station, station.vault.root.parents[2] / "card") == []

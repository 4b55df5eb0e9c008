"""Proxies and posters of real clips: playable everywhere, on the original's time line, and never a crash."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageStat

from ingestd.core.errors import MediaError
from ingestd.core.facts import MediaFacts, StreamKind
from ingestd.core.playback import is_browser_playable
from ingestd.core.timeline import file_findings
from ingestd.media.clipspec import ClipSpec, Cut, FootageFormat
from ingestd.media.footage import encode_clip
from ingestd.media.poster import PosterResult, make_poster
from ingestd.media.sandbox import MediaWorker
from ingestd.media.stills import write_sound
from ingestd.media.transcode import ProxyResult, make_proxy, proxy_size
from tests.support.clips import facts_of, shared_corpus, write_clip

START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
FRAME_S = 1 / 15
MIB = 1024 * 1024


def clip(folder: Path, **fields: Any) -> Path:
    spec = ClipSpec(start_utc=START, **{"width": 128, "height": 96, "seconds": 5} | fields)
    path = folder / f"clip{spec.format.extension}"
    encode_clip(spec, path)
    return path


@contextmanager
def both(original: Path, target: Path) -> Iterator[tuple[int, int]]:
    source = os.open(original, os.O_RDONLY)
    output = os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        yield source, output
    finally:
        os.close(source)
        os.close(output)


def proxied(original: Path, height: int = 360) -> tuple[ProxyResult, Path]:
    target = original.with_name("proxy.mp4")
    with both(original, target) as (source, output):
        return make_proxy(source, output, height), target


def postered(original: Path) -> tuple[PosterResult, Path]:
    target = original.with_name("poster.jpg")
    with both(original, target) as (source, output):
        return make_poster(source, output), target


def codecs(facts: MediaFacts) -> list[str | None]:
    return [stream.codec for stream in facts.streams]


def picture_times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0) if frame.time is not None]


@pytest.mark.parametrize("form", FootageFormat)
def test_a_proxy_of_every_format_plays_in_a_browser(tmp_path: Path, form: FootageFormat) -> None:
    _, proxy = proxied(clip(tmp_path, format=form))
    facts = facts_of(proxy)
    assert codecs(facts) == ["h264", "aac"]
    assert is_browser_playable(facts)


@pytest.mark.parametrize("form", FootageFormat)
def test_a_proxy_has_its_index_before_its_content(tmp_path: Path, form: FootageFormat) -> None:
    content = proxied(clip(tmp_path, format=form))[1].read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("form", FootageFormat)
def test_a_proxy_lasts_as_long_as_its_original(tmp_path: Path, form: FootageFormat) -> None:
    original = clip(tmp_path, format=form)
    result, proxy = proxied(original)
    wanted_s = facts_of(original).duration_s
    assert facts_of(proxy).duration_s == pytest.approx(wanted_s, abs=FRAME_S)
    assert result.duration_s == pytest.approx(wanted_s, abs=FRAME_S)


@pytest.mark.parametrize("form", FootageFormat)
def test_every_picture_keeps_its_time(tmp_path: Path, form: FootageFormat) -> None:
    original = clip(tmp_path, format=form)
    result, proxy = proxied(original)
    times = [time_s - result.origin_s for time_s in picture_times(original)]
    assert picture_times(proxy) == pytest.approx(times, abs=0.001)


def test_uneven_frame_times_stay_uneven(tmp_path: Path) -> None:
    original = tmp_path / "uneven.mp4"
    wanted = [0, 1, 2, 12, 13, 30, 31, 32, 40]
    with av.open(str(original), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for ticks in wanted:
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts, frame.time_base = ticks, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert picture_times(proxied(original)[1]) == pytest.approx([ticks / 10 for ticks in wanted], abs=0.001)


@pytest.mark.parametrize("kind", [StreamKind.VIDEO, StreamKind.AUDIO])
def test_a_hole_of_the_original_is_at_the_same_second_of_its_proxy(tmp_path: Path, kind: StreamKind) -> None:
    (found,) = file_findings(facts_of(proxied(clip(tmp_path, seconds=6, cuts=(Cut(kind, 2.0, 4.0),)))[1]))
    assert found.code == f"gap.{kind}"
    assert found.start_s == pytest.approx(2.0, abs=0.1)
    assert found.end_s == pytest.approx(4.0, abs=0.1)


def test_the_second_zero_of_a_transport_stream_is_told(tmp_path: Path) -> None:
    original = write_clip(tmp_path / "late.ts", output_ts_offset="30")
    result, proxy = proxied(original)
    assert result.origin_s == facts_of(original).start_s != 0.0
    assert facts_of(proxy).start_s == pytest.approx(0.0, abs=0.1)


def test_a_picture_without_sound_has_a_proxy(tmp_path: Path) -> None:
    result, proxy = proxied(clip(tmp_path, has_audio=False))
    assert (codecs(facts_of(proxy)), result.audio_frames) == (["h264"], 0)


def test_sound_without_a_picture_has_a_proxy(tmp_path: Path) -> None:
    original = tmp_path / "voice.wav"
    write_sound(original, seed=1, start_utc=START, seconds=4, rate_hz=8000)
    result, proxy = proxied(original)
    assert (codecs(facts_of(proxy)), result.width) == (["aac"], None)
    assert facts_of(proxy).duration_s == pytest.approx(4.0, abs=0.07)


@pytest.mark.parametrize(
    ("width", "height", "aspect", "limit", "wanted"),
    [
        (1920, 1080, Fraction(1), 360, (640, 360)),
        (320, 180, Fraction(1), 360, (320, 180)),
        (1281, 721, Fraction(1), 360, (638, 360)),
        (720, 576, Fraction(16, 15), 360, (480, 360)),
        (99, 35, Fraction(1), 360, (98, 34)),
        (1080, 1920, Fraction(0), 360, (202, 360)),
    ],
)
def test_pictures_are_never_enlarged_and_have_even_sides(
    width: int, height: int, aspect: Fraction, limit: int, wanted: tuple[int, int]
) -> None:
    assert proxy_size(width, height, aspect, limit) == wanted


def test_a_damaged_frame_is_skipped_and_the_rest_is_shown(tmp_path: Path) -> None:
    original = clip(tmp_path, format=FootageFormat.MJPEG)
    content = bytearray(original.read_bytes())
    middle = content.index(b"00dc", len(content) // 2) + 8
    content[middle : middle + 2000] = bytes(2000)
    original.write_bytes(content)
    result, _ = proxied(original)
    assert result.damaged_packets >= 1
    assert result.video_frames >= 5 * 15 - 2


def test_lost_packets_of_a_transport_stream_do_not_end_the_proxy(tmp_path: Path) -> None:
    original = clip(tmp_path, format=FootageFormat.TS)
    content = original.read_bytes()
    third = len(content) // 3 // 188 * 188
    original.write_bytes(content[:third] + content[third + 188 * 40 :])
    result, proxy = proxied(original)
    assert result.duration_s == pytest.approx(5.0, abs=0.3)
    assert codecs(facts_of(proxy)) == ["h264", "aac"]


def test_a_file_torn_before_its_index_is_refused_with_a_reason(tmp_path: Path) -> None:
    original = clip(tmp_path)
    original.write_bytes(original.read_bytes()[:20_000])
    with pytest.raises(MediaError):
        proxied(original)
    with pytest.raises(MediaError):
        postered(original)


def test_a_file_torn_behind_its_index_shows_what_is_left(tmp_path: Path) -> None:
    original = clip(tmp_path, is_index_first=True, seconds=6)
    content = original.read_bytes()
    original.write_bytes(content[: int(len(content) * 0.6)])
    assert proxied(original)[0].duration_s == pytest.approx(3.6, abs=1.0)


def test_a_playlist_is_not_followed(tmp_path: Path) -> None:
    secret = clip(tmp_path, format=FootageFormat.TS)
    playlist = tmp_path / "evil.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{secret}\n#EXT-X-ENDLIST\n")
    with pytest.raises(MediaError):
        proxied(playlist)


@pytest.mark.parametrize("form", FootageFormat)
def test_a_poster_is_a_small_jpeg_that_shows_something(tmp_path: Path, form: FootageFormat) -> None:
    result, poster = postered(clip(tmp_path, format=form, width=1280, height=720, seconds=2))
    with Image.open(poster) as image:
        image.load()
        assert (image.format, image.size) == ("JPEG", (640, 360))
        assert ImageStat.Stat(image.convert("L")).stddev[0] > 5
    assert result.at_s is not None


def test_a_poster_is_not_taken_from_a_black_start(tmp_path: Path) -> None:
    original = tmp_path / "dark.mp4"
    with av.open(str(original), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(100):
            frame = av.VideoFrame(64, 48, "yuv420p")
            for plane in frame.planes:
                rows = bytes(range(0, 255, 255 // plane.line_size or 1))[: plane.line_size].ljust(plane.line_size)
                dark = bytes([16 if plane is frame.planes[0] else 128]) * plane.line_size
                plane.update((dark if number < 50 else rows) * plane.height)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    result, _ = postered(original)
    assert result.at_s is not None
    assert result.at_s >= 5.0


def test_sound_alone_has_no_poster(tmp_path: Path) -> None:
    original = tmp_path / "voice.wav"
    write_sound(original, seed=1, start_utc=START, seconds=1)
    with pytest.raises(MediaError):
        postered(original)


def test_the_confined_child_makes_proxy_and_poster(tmp_path: Path) -> None:
    original = clip(tmp_path, format=FootageFormat.HEVC)
    with MediaWorker(3072 * MIB, output_bytes=64 * MIB) as worker:
        with both(original, tmp_path / "proxy.mp4") as fds:
            proxy = worker.request("proxy", fds, {"height": 360}, 60)
        with both(original, tmp_path / "poster.jpg") as fds:
            poster = worker.request("poster", fds, {}, 60)
    assert proxy["size_bytes"] == (tmp_path / "proxy.mp4").stat().st_size
    assert poster["size_bytes"] == (tmp_path / "poster.jpg").stat().st_size


@pytest.mark.parametrize("name", ["phone_2004_h263_amr.3gp", "kodak_mjpeg_pcm.avi", "ts_segment.ts", "fragmented.mp4"])
def test_real_files_keep_their_length_in_the_proxy(tmp_path: Path, name: str) -> None:
    original = tmp_path / name
    original.write_bytes((shared_corpus() / name).read_bytes())
    facts = facts_of(proxied(original)[1])
    assert is_browser_playable(facts)
    assert facts.duration_s == pytest.approx(facts_of(original).duration_s, abs=0.1)


@pytest.mark.parametrize(
    "name",
    [
        "fuzz_1185230.mp4",
        "zero_empty_stsc.mp4",
        "truncated_moov_front.mov",
        "invalid_nalu.mp4",
        "mdat_too_long.mp4",
        "dji_mavic_pro.SRT",
    ],
)
def test_spoilt_files_give_a_result_or_a_reason(tmp_path: Path, name: str) -> None:
    original = tmp_path / name
    original.write_bytes((shared_corpus() / name).read_bytes())
    for make in (proxied, postered):
        try:
            assert make(original)[0].size_bytes > 0
        except MediaError as error:
            assert error.message


def test_plain_recordings_need_no_proxy(tmp_path: Path) -> None:
    assert is_browser_playable(facts_of(clip(tmp_path, has_position=False)))


@pytest.mark.parametrize("form", [FootageFormat.HEVC, FootageFormat.MJPEG, FootageFormat.TS])
def test_what_a_browser_does_not_play_needs_one(tmp_path: Path, form: FootageFormat) -> None:
    assert not is_browser_playable(facts_of(clip(tmp_path, format=form)))


def test_a_torn_file_needs_one(tmp_path: Path) -> None:
    original = clip(tmp_path, is_index_first=True)
    original.write_bytes(original.read_bytes()[:-5000])
    assert not is_browser_playable(facts_of(original))


def test_a_fragmented_file_needs_one(tmp_path: Path) -> None:
    fragmented = write_clip(tmp_path / "clip.mp4", movflags="frag_keyframe+empty_moov")
    assert not is_browser_playable(facts_of(fragmented))

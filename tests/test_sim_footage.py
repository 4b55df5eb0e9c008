"""The simulated recorder's footage: real, moving, audible, marked, and the same bytes for the same spec."""

import datetime as dt
import wave
from array import array
from dataclasses import replace
from pathlib import Path

import av
import pytest
from PIL import Image, ImageChops, ImageStat
from PIL.ExifTags import GPS, IFD, Base

from ingestd.core.errors import MediaError
from ingestd.media.clipspec import ClipSpec, FootageFormat
from ingestd.media.footage import encode_clip
from ingestd.media.scene import Scene, picture_of, position_at
from ingestd.media.stills import write_photo, write_sound

START = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
SPEC = ClipSpec(START, seconds=2)
FORMATS = list(FootageFormat)


def _clip(spec: ClipSpec, folder: Path, name: str = "clip") -> Path:
    return encode_clip(spec, folder / f"{name}{spec.format.extension}").path


def _pictures(path: Path) -> list[Image.Image]:
    with av.open(str(path)) as container:
        return [_luma(frame) for frame in container.decode(video=0)]


def _luma(frame: av.VideoFrame) -> Image.Image:
    plane = frame.planes[0]
    whole = Image.frombytes("L", (plane.line_size, frame.height), bytes(plane))
    return whole.crop((0, 0, frame.width, frame.height))


def _difference(one: Image.Image, other: Image.Image) -> float:
    return float(ImageStat.Stat(ImageChops.difference(one, other)).mean[0])


@pytest.mark.parametrize("footage", FORMATS)
def test_equal_specs_give_equal_bytes(footage: FootageFormat, tmp_path: Path) -> None:
    spec = replace(SPEC, format=footage)
    assert _clip(spec, tmp_path, "one").read_bytes() == _clip(spec, tmp_path, "two").read_bytes()


def test_another_seed_gives_other_bytes(tmp_path: Path) -> None:
    other = replace(SPEC, seed=SPEC.seed + 1)
    assert _clip(SPEC, tmp_path, "one").read_bytes() != _clip(other, tmp_path, "two").read_bytes()


@pytest.mark.parametrize(
    ("footage", "video", "audio", "container_name"),
    [
        (FootageFormat.H264, "h264", "aac", "mp4"),
        (FootageFormat.HEVC, "hevc", "aac", "mp4"),
        (FootageFormat.MJPEG, "mjpeg", "pcm_s16le", "avi"),
        (FootageFormat.TS, "h264", "aac", "mpegts"),
    ],
)
def test_each_format_is_what_its_name_says(
    footage: FootageFormat, video: str, audio: str, container_name: str, tmp_path: Path
) -> None:
    with av.open(str(_clip(replace(SPEC, format=footage), tmp_path))) as container:
        codecs = (container.streams.video[0].codec_context.name, container.streams.audio[0].codec_context.name)
        assert codecs == (video, audio)
        assert container_name in container.format.name


@pytest.mark.parametrize("footage", FORMATS)
def test_no_two_pictures_in_a_row_are_equal_and_none_is_black(footage: FootageFormat, tmp_path: Path) -> None:
    pictures = _pictures(_clip(replace(SPEC, format=footage), tmp_path))
    assert len(pictures) == 30
    assert min(ImageStat.Stat(picture).mean[0] for picture in pictures) > 60
    assert min(_difference(one, other) for one, other in zip(pictures, pictures[1:], strict=False)) > 0.2


@pytest.mark.parametrize("footage", FORMATS)
def test_sound_is_never_silent(footage: FootageFormat, tmp_path: Path) -> None:
    with av.open(str(_clip(replace(SPEC, format=footage), tmp_path))) as container:
        resampler = av.AudioResampler("s16", "mono", 16_000)
        chunks = [
            array("h", bytes(out.planes[0])[: 2 * out.samples])
            for frame in container.decode(audio=0)
            for out in resampler.resample(frame)
        ]
    assert sum(len(chunk) for chunk in chunks) / 16_000 == pytest.approx(2, abs=0.07)
    assert min(max(map(abs, chunk)) for chunk in chunks) > 1000


@pytest.mark.parametrize("footage", FORMATS)
def test_footage_names_neither_encoder_nor_muxer(footage: FootageFormat, tmp_path: Path) -> None:
    data = _clip(replace(SPEC, format=footage), tmp_path).read_bytes()
    assert [word for word in (b"x264", b"x265", b"Lavf", b"Lavc", b"FFmpeg") if word in data] == []


def test_creation_time_is_the_simulated_start(tmp_path: Path) -> None:
    with av.open(str(_clip(SPEC, tmp_path))) as container:
        assert container.metadata["creation_time"] == "2026-03-02T01:00:00.000000Z"


def test_footage_says_that_it_is_simulated(tmp_path: Path) -> None:
    with av.open(str(_clip(SPEC, tmp_path))) as container:
        assert container.metadata["comment"] == "simulated footage"


def test_key_frames_come_once_a_group(tmp_path: Path) -> None:
    with av.open(str(_clip(replace(SPEC, seconds=3, gop_seconds=1.0), tmp_path))) as container:
        keys = [float(p.pts * p.time_base) for p in container.demux(video=0) if p.pts is not None and p.is_keyframe]
    assert keys == [0.0, 1.0, 2.0]


def test_the_position_track_has_one_line_a_second_on_the_coast(tmp_path: Path) -> None:
    with av.open(str(_clip(SPEC, tmp_path))) as container:
        samples = [
            (float(p.pts * p.time_base), bytes(p)[2:].decode())
            for p in container.demux(subtitles=0)
            if p.pts is not None
        ]
    lines = [(at_s, text) for at_s, text in samples if text]
    assert lines == [
        (0.0, "$G:2026-03-02 01:00:00-N39.050000-E121.760000-S4"),
        (1.0, "$G:2026-03-02 01:00:01-N39.049991-E121.760000-S4"),
    ]


def test_positions_move_as_slowly_as_they_say() -> None:
    here, there = position_at(START), position_at(START + dt.timedelta(seconds=600))
    metres = (
        111_195 * ((there.latitude - here.latitude) ** 2 + (0.7765 * (there.longitude - here.longitude)) ** 2) ** 0.5
    )
    assert metres / 600 * 3.6 == pytest.approx((here.speed_kmh + there.speed_kmh) / 2, rel=0.2)


def test_two_clips_show_the_same_picture_of_the_same_moment(tmp_path: Path) -> None:
    early = _pictures(_clip(replace(SPEC, seconds=3), tmp_path, "early"))
    late = _pictures(_clip(replace(SPEC, start_utc=START + dt.timedelta(seconds=2)), tmp_path, "late"))
    assert _difference(early[30 + 7], late[7]) < 0.5 * _difference(early[7], late[7])


def test_the_clock_is_burnt_in_by_tenths_of_a_second() -> None:
    scene = Scene(7, "Asia/Shanghai", "7012345 012345")
    first = int(START.timestamp()) * scene.fps
    strips = [picture_of(scene, first + frame).luma.crop((0, 0, 150, 14)) for frame in (0, 1, 2)]
    assert max(strips[0].tobytes()) > 200
    assert strips[0].tobytes() == strips[1].tobytes() != strips[2].tobytes()


def test_a_clip_must_start_at_a_whole_second_with_a_zone() -> None:
    with pytest.raises(ValueError, match="whole second"):
        replace(SPEC, start_utc=START.replace(tzinfo=None))


def test_a_clip_that_cannot_be_written_is_a_media_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        encode_clip(SPEC, tmp_path / "no such folder" / "clip.mp4")


def test_a_sound_file_holds_as_many_seconds_as_asked(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", seed=7, start_utc=START, seconds=3)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getnframes() / file.getframerate() == 3
        assert max(array("h", file.readframes(1000))) > 1000


def test_a_photo_carries_time_and_position(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.jpg", scene=Scene(7, "Asia/Shanghai", "SIM"), at_utc=START)
    with Image.open(tmp_path / "a.jpg") as photo:
        exif = photo.getexif()
    taken = exif.get_ifd(IFD.Exif)
    gps = exif.get_ifd(IFD.GPSInfo)
    assert (taken[Base.DateTimeOriginal], taken[Base.OffsetTimeOriginal]) == ("2026:03:02 09:00:00", "+08:00")
    degrees, minutes, seconds = (float(part) for part in gps[GPS.GPSLatitude])
    assert degrees + minutes / 60 + seconds / 3600 == pytest.approx(39.05, abs=1e-5)
    assert (gps[GPS.GPSDateStamp], [int(part) for part in gps[GPS.GPSTimeStamp]]) == ("2026:03:02", [1, 0, 0])

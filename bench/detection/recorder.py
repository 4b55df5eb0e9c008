"""A simulated recorder of the benchmark's own: its pictures, its sound, its encoder settings and its container.

It shares only the text of the position line with `ingestd.sim`, so that the detector is not tried on the footage that
it was built beside.
"""

import datetime as dt
import os
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import av
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream
from PIL import Image, ImageChops, ImageFilter

from ingestd.media.scene import position_line

WIDTH, HEIGHT = 160, 96
ZONE = ZoneInfo("Asia/Shanghai")
FOLDER = "DCIM/100ANDRO"
_TEXTURE = (512, 160)
_SUBTITLES = (
    b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize\r\n"
    b"Style: Default,Arial,16\r\n\r\n[Events]\r\nFormat: Layer, Start, End, Style, Text\r\n"
)
_HANDLERS = {"video": "VideoHandle", "audio": "SoundHandle", "subtitle": "GpsHandle"}
_FINE = 90_000


@dataclass(frozen=True)
class Recorder:
    """One model. `sound_hz` and `key_seconds` are its habits; `is_index_first` puts the index in front."""

    name: str
    codec: str
    container: str
    fps: int
    has_position: bool
    seed: int
    sound_hz: int = 16_000
    key_seconds: float = 1.0
    is_index_first: bool = False
    segment_seconds: int = 12
    segments: int = 5
    device: str = "7012345"
    user: str = "012345"

    @property
    def start_utc(self) -> dt.datetime:
        """When the take begins; another day for each seed."""
        return dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC) + dt.timedelta(days=self.seed)

    def file_name(self, start_utc: dt.datetime, sequence: int) -> str:
        """Name of the GA/T style."""
        local = start_utc.astimezone(ZONE)
        return f"{FOLDER}/{self.device}_{self.user}{local:%Y%m%d%H%M%S}_{sequence:04d}.{self.container}"


@dataclass(frozen=True)
class Shot:
    """What one file shows. `scenes` maps spans of seconds to day, night, still, black, covered or frozen."""

    start_utc: dt.datetime
    seconds: float
    scenes: tuple[tuple[float, float, str], ...] = ()
    silent: tuple[float, float] | None = None

    def scene_at(self, moment_s: float) -> str:
        """The scene of a moment; day where nothing is said."""
        return next((scene for start, end, scene in self.scenes if start <= moment_s < end), "day")


@dataclass(frozen=True)
class Piece:
    """One packet. Times in seconds of the file, `at_bytes` where it lies."""

    kind: str
    pts: Fraction
    dts: Fraction
    duration: Fraction
    is_key: bool
    data: bytes = field(repr=False)
    at_bytes: int | None = None

    @property
    def start_s(self) -> float:
        """Start in the file."""
        return float(self.pts)

    @property
    def end_s(self) -> float:
        """End in the file."""
        return float(self.pts + self.duration)

    def moved(self, by_s: float) -> "Piece":
        """The same packet at another time."""
        by = Fraction(by_s).limit_denominator(_FINE)
        return replace(self, pts=self.pts + by, dts=self.dts + by)


Change = Callable[[list[Piece]], Sequence[Piece]]


def encode(recorder: Recorder, shot: Shot, path: Path) -> None:
    """Encode a shot into a raw container, from which its packets are then taken."""
    with av.open(str(path), "w", options={"fflags": "+bitexact", "max_interleave_delta": "0"}) as container:
        picture, sound = _add_picture(recorder, container), _add_sound(recorder, container)
        text = _add_text(container) if recorder.has_position and recorder.container == "mp4" else None
        container.start_encoding()
        words = None
        if recorder.codec == "h264":
            words = av.BitStreamFilterContext("filter_units=remove_types=6", in_stream=picture)
        painter = Painter(recorder.seed, recorder.fps)
        frames = round(shot.seconds * recorder.fps)
        first = round(shot.start_utc.timestamp() % 86_400) * recorder.fps
        for number in range(frames):
            frame = painter.frame(first + number, shot.scene_at(number / recorder.fps))
            frame.pts, frame.time_base = number, Fraction(1, recorder.fps)
            _mux(container, picture, picture.encode(frame), words)
        _mux(container, picture, picture.encode(None), words)
        for number, samples in enumerate(_sound(recorder, shot)):
            _mux(container, sound, sound.encode(samples), None)
            if text is not None:
                _mux_position(container, text, shot, number)
        _mux(container, sound, sound.encode(None), None)


def pieces(path: Path) -> list[Piece]:
    """All packets of a file."""
    found = []
    with av.open(str(path)) as source:
        for packet in source.demux():
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue
            base = packet.time_base
            duration = (packet.duration or 0) * base
            if packet.stream.type == "video" and not duration:
                duration = 1 / Fraction(packet.stream.average_rate or 25)
            found.append(
                Piece(
                    packet.stream.type,
                    packet.pts * base,
                    packet.dts * base,
                    duration,
                    packet.is_keyframe,
                    bytes(packet),
                    packet.pos,
                )
            )
    return found


def write(
    template: Path,
    packets: Sequence[Piece],
    target: Path,
    *,
    recorder: Recorder | None,
    created_utc: dt.datetime | None = None,
    without: tuple[str, ...] = (),
) -> None:
    """Put packets into a file with the streams of a template, as the recorder does, or (null) as FFmpeg does."""
    options = {"max_interleave_delta": "0"}
    if recorder is not None:
        options["fflags"] = "+bitexact"
        if recorder.is_index_first:
            options["movflags"] = "+faststart"
    made = target.with_name(f"made-{target.name}")
    with av.open(str(template)) as source, av.open(str(made), "w", options=options) as container:
        if recorder is not None and recorder.container == "ts":
            container.metadata.update({"service_provider": "REC", "service_name": "body camera"})
        if created_utc is not None and target.suffix == ".mp4":
            container.metadata["creation_time"] = created_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
        streams: dict[str, Any] = {}
        for stream in source.streams:
            if stream.type in without:
                continue
            streams[stream.type] = container.add_stream_from_template(stream)
            if recorder is not None:
                streams[stream.type].metadata["handler_name"] = _HANDLERS[stream.type]
        bases: dict[str, Fraction] = {stream.type: stream.time_base or Fraction(1, _FINE) for stream in source.streams}
        for piece in sorted((one for one in packets if one.kind in streams), key=lambda one: (one.dts, one.kind)):
            packet = av.Packet(piece.data)
            base = bases[piece.kind]
            packet.stream, packet.time_base, packet.is_keyframe = streams[piece.kind], base, piece.is_key
            packet.pts, packet.dts = round(piece.pts / base), round(piece.dts / base)
            packet.duration = round(piece.duration / base)
            container.mux(packet)
    if recorder is not None and target.suffix == ".mp4":
        _sign(made)
    made.replace(target)


def dated(path: Path, end_utc: dt.datetime) -> None:
    """Give a file the modification time of its recording's end, in even seconds as FAT keeps them."""
    seconds = int(end_utc.timestamp()) // 2 * 2
    os.utime(path, (seconds, seconds))


class Painter:
    """Pictures that move and have sensor noise; all by the seed and the number of the frame."""

    def __init__(self, seed: int, fps: int) -> None:
        dice = random.Random(f"detection:{seed}")
        coarse = Image.frombytes("L", (64, 20), dice.randbytes(64 * 20))
        texture = coarse.resize(_TEXTURE, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(1))
        self._textures = {
            "day": texture.point([60 + value // 2 for value in range(256)]),
            "night": texture.point([10 + value // 8 for value in range(256)]),
        }
        table = bytes(value % 9 for value in range(256))
        size = (WIDTH, HEIGHT)
        self._noise = [Image.frombytes("L", size, dice.randbytes(WIDTH * HEIGHT).translate(table)) for _ in range(31)]
        self._fps = fps
        self._held: Image.Image | None = None

    def frame(self, number: int, scene: str) -> av.VideoFrame:
        """The frame of a number, in a scene."""
        if scene != "frozen" or self._held is None:
            self._held = self._luma(number, scene)
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        chroma = Image.new("L", (WIDTH // 2, HEIGHT // 2), 128 if scene == "black" else 134)
        for plane, image in zip(frame.planes, (self._held, chroma, chroma), strict=True):
            row = image.crop((0, 0, plane.line_size, image.height))
            plane.update(row.tobytes())
        return frame

    def _luma(self, number: int, scene: str) -> Image.Image:
        if scene == "black":
            return Image.new("L", (WIDTH, HEIGHT), 16)
        noise = ImageChops.offset(self._noise[number % 31], number * 7 % WIDTH, number * 3 % HEIGHT)
        if scene == "covered":
            return ImageChops.add(Image.new("L", (WIDTH, HEIGHT), 22), noise)
        step = 0 if scene == "still" else number * 40 // self._fps % (_TEXTURE[0] - WIDTH)
        part = self._textures["night" if scene == "night" else "day"].crop((step, 32, step + WIDTH, 32 + HEIGHT))
        return ImageChops.add(part, noise)


def _add_picture(recorder: Recorder, container: OutputContainer) -> VideoStream:
    codec, options = {
        "h264": ("libx264", {"preset": "superfast", "crf": "25", "bf": "0", "sc_threshold": "0", "refs": "1"}),
        "hevc": (
            "libx265",
            {
                "preset": "ultrafast",
                "crf": "26",
                "x265-params": "info=0:log-level=none:pools=none:frame-threads=1:bframes=0:scenecut=0:open-gop=0",
            },
        ),
    }[recorder.codec]
    stream = container.add_stream(codec, rate=recorder.fps, options=options)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.gop_size = round(recorder.key_seconds * recorder.fps)
    stream.codec_context.flags |= Flags.bitexact
    stream.codec_context.thread_count = 1
    return stream


def _add_sound(recorder: Recorder, container: OutputContainer) -> AudioStream:
    stream = container.add_stream("aac", rate=recorder.sound_hz, layout="mono")
    assert isinstance(stream, AudioStream)
    stream.codec_context.flags |= Flags.bitexact
    return stream


def _add_text(container: OutputContainer) -> SubtitleStream:
    stream = container.add_stream("mov_text")
    assert isinstance(stream, SubtitleStream)
    stream.codec_context.subtitle_header = _SUBTITLES
    stream.time_base = Fraction(1, _FINE)
    return stream


def _sound(recorder: Recorder, shot: Shot) -> list[av.AudioFrame]:
    frames = []
    for number in range(-(-int(shot.seconds * 1000) // 1000)):
        samples = min(recorder.sound_hz, round((shot.seconds - number) * recorder.sound_hz))
        if samples <= 0:
            break
        wave = bytearray(2 * samples)
        if shot.silent is None or not shot.silent[0] <= number < shot.silent[1]:
            wave[0::2] = random.Random(f"{recorder.seed}:{shot.start_utc}:{number}").randbytes(samples)
            wave[1::2] = bytes(at // 40 % 5 for at in range(samples))
        frame = av.AudioFrame("s16", "mono", samples)
        frame.planes[0].update(bytes(wave).ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts = recorder.sound_hz, number * recorder.sound_hz
        frame.time_base = Fraction(1, recorder.sound_hz)
        frames.append(frame)
    return frames


def _mux_position(container: OutputContainer, stream: SubtitleStream, shot: Shot, second: int) -> None:
    line = position_line(shot.start_utc + dt.timedelta(seconds=second)).encode("ascii")
    packet = av.Packet(len(line).to_bytes(2, "big") + line)
    packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, _FINE), True
    packet.pts = packet.dts = second * _FINE
    packet.duration = round(min(1.0, shot.seconds - second) * _FINE)
    container.mux(packet)


def _mux(
    container: OutputContainer,
    stream: VideoStream | AudioStream,
    packets: "Sequence[av.Packet[av.stream.Stream]]",
    words: av.BitStreamFilterContext | None,
) -> None:
    for packet in packets:
        for clean in words.filter(packet) if words is not None else (packet,):
            # The priming of FFmpeg's AAC encoder: the encoders of recorders write none.
            if clean.pts is not None and clean.pts >= 0:
                clean.stream = stream
                container.mux(clean)


def _sign(path: Path) -> None:
    """What makes the container this maker's: a brand of its own, and a box behind the index."""
    data = path.read_bytes().replace(b"iso2", b"rec1", 1)
    note = b"BODY CAMERA MODEL 3 FW 1.4.2".ljust(64, b"\0")
    body = uuid.uuid5(uuid.NAMESPACE_DNS, "recorder.example").bytes + note
    path.write_bytes(data + (8 + len(body)).to_bytes(4, "big") + b"uuid" + body)

"""The encoder of simulated footage: clips that are real files, and the same bytes for the same spec.

One thread, bit-exact flags, no tag of encoder or muxer, and no time but the simulated one. Faults that concern
packets (`Cut`, `Jump`) are made between encoder and muxer, where a recorder under load makes them too.
"""

import datetime as dt
import errno
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
from av.audio.stream import AudioStream
from av.codec.context import CodecContext, Flags
from av.container import OutputContainer
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from ingestd.core.errors import MediaError, StoreFullError
from ingestd.core.facts import StreamKind
from ingestd.media.clipspec import ClipResult, ClipSpec, Cut, FootageFormat
from ingestd.media.scene import Scene, picture_of, position_line, sound_of

_TEXT_SCALE = 90_000
"""Time steps a second of the position track: finer than those of picture and sound, because the MP4 muxer compares raw
numbers of different tracks and would write an empty sample after each line otherwise."""

_SUBTITLE_HEADER = (
    b"[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\n"
    b"Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, "
    b"Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, "
    b"MarginV, Encoding\r\n"
    b"Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0\r\n\r\n"
    b"[Events]\r\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n"
)

_X265 = "info=0:log-level=none:pools=none:frame-threads=1:bframes=0:scenecut=0:open-gop=0"


class PacketPlace(NamedTuple):
    """Where one packet of picture or sound lies. Seconds in the file, bytes from its start."""

    kind: StreamKind
    start_s: float
    duration_s: float
    position_bytes: int
    size_bytes: int
    is_key: bool


def encode_clip(spec: ClipSpec, path: Path) -> ClipResult:
    """Encode one clip. Equal specs give equal bytes.

    Raises:
        MediaError: the encoder or the file system refused.
        StoreFullError: no room.
    """
    with translated(path), av.open(str(path), "w", format=_muxer(spec), options=_muxer_options(spec)) as container:
        holes = _Clip(spec, container).write()
    return ClipResult(path, path.stat().st_size, spec.start_utc, spec.end_utc, holes)


def packet_places(path: Path) -> tuple[PacketPlace, ...]:
    """All packets of picture and sound in file order. For footage that this module wrote, not for foreign files.

    Raises:
        MediaError: the file cannot be read.
    """
    with translated(path), av.open(str(path)) as container:
        return tuple(
            PacketPlace(
                StreamKind.VIDEO if packet.stream.type == "video" else StreamKind.AUDIO,
                float(packet.pts * packet.time_base),
                float((packet.duration or 0) * packet.time_base),
                packet.pos,
                packet.size,
                packet.is_keyframe,
            )
            for packet in container.demux()
            if packet.stream.type in ("video", "audio") and packet.pts is not None and packet.pos is not None
        )


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Errors of codecs and file system while a file of footage is written or read, as ingestd's own."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFullError(f"no room for {path.name}", "free some space, or write elsewhere") from error
        raise MediaError(f"{path.name}: {error}") from error


def _muxer(spec: ClipSpec) -> str:
    return {FootageFormat.MJPEG: "avi", FootageFormat.TS: "mpegts"}.get(spec.format, "mp4")


def _muxer_options(spec: ClipSpec) -> dict[str, str]:
    # Without a limit on interleaving: a jump of all streams must not push packets out of their order.
    options = {"fflags": "+bitexact", "max_interleave_delta": "0"}
    if spec.format.is_mp4 and spec.is_index_first:
        options["movflags"] = "+faststart"
    return options


def _set_exact(context: CodecContext) -> None:
    context.flags |= Flags.bitexact
    context.thread_count = 1


@dataclass
class _Clip:
    """One clip on its way through encoders and muxer."""

    spec: ClipSpec
    container: OutputContainer
    _cut: dict[StreamKind, list[tuple[float, float]]] = field(default_factory=dict)

    def write(self) -> tuple[Cut, ...]:
        spec = self.spec
        stamp = spec.start_utc.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if spec.format is FootageFormat.TS:
            # A transport stream has no tags; what it names is the service, which would be FFmpeg's otherwise.
            self.container.metadata.update({"service_provider": "SIM", "service_name": "simulated footage"})
        else:
            self.container.metadata.update({"creation_time": stamp, "comment": "simulated footage"})
        video = self._add_video()
        audio = self._add_audio() if spec.has_audio else None
        text = self._add_text() if spec.has_position and spec.format.is_mp4 else None
        self.container.start_encoding()
        cleaner = None
        if video.codec_context.name == "libx264":
            # The encoder's own note (SEI) names x264 and all its settings: no recorder writes that.
            cleaner = av.BitStreamFilterContext("filter_units=remove_types=6", in_stream=video)
        for second in range(spec.seconds):
            self._write_pictures(video, second, cleaner)
            if audio is not None:
                self._write_sound(audio, second)
            if text is not None:
                self._write_position(text, second)
        self._mux_all(video, video.encode(None), cleaner)
        if audio is not None:
            self._mux_all(audio, audio.encode(None), None)
        return self._holes()

    def _add_video(self) -> VideoStream:
        spec = self.spec
        codec, pixels, options = {
            FootageFormat.HEVC: ("libx265", "yuv420p", {"preset": "ultrafast", "crf": "28", "x265-params": _X265}),
            FootageFormat.MJPEG: ("mjpeg", "yuvj420p", {"qmin": "3", "qmax": "6"}),
        }.get(spec.format, ("libx264", "yuv420p", {"preset": "ultrafast", "crf": "26", "sc_threshold": "0"}))
        stream = self.container.add_stream(codec, rate=spec.fps, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, pixels
        stream.gop_size = max(1, round(spec.gop_seconds * spec.fps))
        stream.metadata["handler_name"] = "SIM Video"
        _set_exact(stream.codec_context)
        return stream

    def _add_audio(self) -> AudioStream:
        codec = "pcm_s16le" if self.spec.format is FootageFormat.MJPEG else "aac"
        stream = self.container.add_stream(codec, rate=self.spec.sound_hz, layout="mono")
        assert isinstance(stream, AudioStream)
        stream.metadata["handler_name"] = "SIM Audio"
        _set_exact(stream.codec_context)
        return stream

    def _add_text(self) -> SubtitleStream:
        stream = self.container.add_stream("mov_text")
        assert isinstance(stream, SubtitleStream)
        stream.codec_context.subtitle_header = _SUBTITLE_HEADER
        stream.time_base = Fraction(1, _TEXT_SCALE)
        stream.metadata["handler_name"] = "SIM Position"
        return stream

    def _write_pictures(self, stream: VideoStream, second: int, cleaner: av.BitStreamFilterContext | None) -> None:
        spec = self.spec
        scene = Scene(spec.seed, spec.zone, spec.caption, spec.width, spec.height, spec.fps)
        first = int(spec.start_utc.timestamp()) * spec.fps
        for number in range(second * spec.fps, min((second + 1) * spec.fps, spec.frames)):
            frame = av.VideoFrame(spec.width, spec.height, stream.pix_fmt or "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, spec.fps)
            for plane, image in zip(frame.planes, picture_of(scene, first + number), strict=True):
                padded = image if plane.line_size == image.width else image.crop((0, 0, plane.line_size, image.height))
                plane.update(padded.tobytes())
            self._mux_all(stream, stream.encode(frame), cleaner)

    def _write_sound(self, stream: AudioStream, second: int) -> None:
        spec = self.spec
        samples = min((second + 1) * spec.sound_hz, spec.frames * spec.sound_hz // spec.fps) - second * spec.sound_hz
        if samples <= 0:
            return
        frame = av.AudioFrame("s16", "mono", samples)
        sound = sound_of(spec.seed, int(spec.start_utc.timestamp()) + second, spec.sound_hz)[: 2 * samples]
        frame.planes[0].update(sound.ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts, frame.time_base = (
            spec.sound_hz,
            second * spec.sound_hz,
            Fraction(1, spec.sound_hz),
        )
        self._mux_all(stream, stream.encode(frame), None)

    def _write_position(self, stream: SubtitleStream, second: int) -> None:
        line = position_line(self.spec.start_utc + dt.timedelta(seconds=second)).encode("ascii")
        packet = av.Packet(struct.pack(">H", len(line)) + line)
        packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, _TEXT_SCALE), True
        packet.pts = packet.dts = second * _TEXT_SCALE
        packet.duration = min(_TEXT_SCALE, self.spec.frames * _TEXT_SCALE // self.spec.fps - second * _TEXT_SCALE)
        if packet.duration > 0:
            self._mux(packet, None)

    def _mux_all(
        self,
        stream: av.stream.Stream,
        packets: "list[av.Packet[av.stream.Stream]]",
        cleaner: av.BitStreamFilterContext | None,
    ) -> None:
        for packet in packets:
            for clean in cleaner.filter(packet) if cleaner is not None else (packet,):
                clean.stream = stream
                self._mux(clean, StreamKind.VIDEO if stream.type == "video" else StreamKind.AUDIO)

    def _mux(self, packet: "av.Packet[av.stream.Stream]", kind: StreamKind | None) -> None:
        """Give a packet to the muxer, or drop or move it as the spec's faults want."""
        assert packet.pts is not None and packet.dts is not None and packet.time_base is not None
        if packet.pts < 0:
            # The AAC encoder's priming: recorders' own encoders have none, and it would shift all times in a TS.
            return
        start_s = float(packet.pts * packet.time_base)
        # Encoders of pictures do not always say how long a packet lasts.
        length_s = 1 / self.spec.fps if kind is StreamKind.VIDEO else float((packet.duration or 0) * packet.time_base)
        for cut in self.spec.cuts:
            if cut.kind is kind and cut.start_s <= start_s + 1e-9 < cut.end_s:
                self._cut.setdefault(cut.kind, []).append((start_s, start_s + length_s))
                return
        if self.spec.jump is not None and start_s + 1e-9 >= self.spec.jump.at_s:
            packet.pts += int(self.spec.jump.by_s / packet.time_base)
            packet.dts += int(self.spec.jump.by_s / packet.time_base)
        self.container.mux(packet)

    def _holes(self) -> tuple[Cut, ...]:
        holes = [
            Cut(kind, round(min(a for a, _ in spans), 6), round(max(b for _, b in spans), 6))
            for kind, spans in self._cut.items()
        ]
        if self.spec.jump is not None:
            at_s, by_s = self.spec.jump
            holes.append(Cut(StreamKind.VIDEO, at_s, at_s + by_s))
        return tuple(holes)

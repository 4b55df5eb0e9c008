"""The proxy: a smaller copy of footage that every browser plays, on the original's own time line."""

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from ingestd.core.errors import MediaError
from ingestd.media.decoding import (
    Damage,
    first_frames,
    open_footage,
    origin_seconds,
    packets,
    picture_stream,
    pictures,
    sound_stream,
    sounds,
)
from ingestd.media.positioned import PositionedFile

_TICKS = 90_000
_DECODER_THREADS = 2
_KEY_SECONDS = 2
_QUALITY = "27"
_AAC_SAMPLES = 1024
_AUDIO_RATES_HZ = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_AUDIO_BITS_PER_CHANNEL = 48_000


@dataclass(frozen=True, slots=True)
class ProxyResult:
    """What was made.

    `origin_s` is the second of the original that is second 0 of the proxy: 0 but for MPEG streams, whose clocks start
    anywhere. `damaged_packets` could not be read or decoded; `skipped_frames` had no place in time of their own.
    Width and height are null where there is no picture.
    """

    duration_s: float
    origin_s: float
    width: int | None
    height: int | None
    video_frames: int
    audio_frames: int
    damaged_packets: int
    skipped_frames: int
    size_bytes: int


def make_proxy(input_fd: int, output_fd: int, height: int) -> ProxyResult:
    """Write an H.264/AAC MP4 with its index in front, of whatever picture and sound the input has.

    Presentation times are kept: uneven frame rates stay uneven and holes stay holes, so that a finding's seconds hold
    in the proxy too. Damaged packets are skipped and counted. Pictures are never enlarged; sizes are even.

    Args:
        input_fd: the original, open for reading; its position is moved.
        output_fd: empty, open for reading and writing.
        height: the largest picture height, in pixels.

    Raises:
        MediaError: nothing in the input can be decoded, or the output cannot be written.
    """
    try:
        with open_footage(input_fd) as source:
            picture, sound = first_frames(source)
        if picture is None and sound is None:
            raise MediaError("no picture and no sound in this file can be decoded")
        with open_footage(input_fd) as source:
            return _transcode(source, output_fd, picture, sound, height)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or type(error).__name__
        raise MediaError(f"no proxy could be made: {words}") from error


def _transcode(
    source: InputContainer, output_fd: int, picture: VideoFrame | None, sound: AudioFrame | None, height: int
) -> ProxyResult:
    damage = Damage()
    origin_s = origin_seconds(source)
    video_in, audio_in = picture_stream(source), sound_stream(source)
    output = av.open(
        PositionedFile(output_fd),
        "w",
        format="mp4",
        options={"movflags": "+faststart"},
        # The index is moved to the front at the end, for which the muxer reads its own output again.
        io_open=lambda url, flags, options: PositionedFile(output_fd),
    )
    with output:
        sinks: dict[int, _Pictures | _Sound] = {}
        if video_in is not None and picture is not None:
            sinks[video_in.index] = _Pictures(output, video_in, picture, height, origin_s, damage)
        if audio_in is not None and sound is not None:
            sinks[audio_in.index] = _Sound(output, audio_in, sound, origin_s, damage)
        for packet in packets(source, [sink.source for sink in sinks.values()], damage):
            sinks[packet.stream.index].take(packet)
        for sink in sinks.values():
            sink.finish()
    video = next((sink for sink in sinks.values() if isinstance(sink, _Pictures)), None)
    audio = next((sink for sink in sinks.values() if isinstance(sink, _Sound)), None)
    return ProxyResult(
        duration_s=round(max(sink.end_s for sink in sinks.values()), 6),
        origin_s=round(origin_s, 6),
        width=video.width if video else None,
        height=video.height if video else None,
        video_frames=video.frames if video else 0,
        audio_frames=audio.frames if audio else 0,
        damaged_packets=damage.packets,
        skipped_frames=damage.frames,
        size_bytes=os.fstat(output_fd).st_size,
    )


def proxy_size(width: int, height: int, pixel_aspect: Fraction, limit: int) -> tuple[int, int]:
    """The proxy's size for a picture: square pixels, at most `limit` high, never enlarged, even."""
    shown_width = width * (pixel_aspect if pixel_aspect > 0 else 1)
    scale = min(Fraction(1), Fraction(limit, height))
    return max(2, int(shown_width * scale / 2) * 2), max(2, int(height * scale / 2) * 2)


class _Pictures:
    """Decodes, scales and encodes one stream of pictures."""

    def __init__(
        self,
        output: OutputContainer,
        source: VideoStream,
        first: VideoFrame,
        height_limit: int,
        origin_s: float,
        damage: Damage,
    ) -> None:
        self.source = source
        self.frames = 0
        self.end_s = 0.0
        self._output = output
        self._origin_s = origin_s
        self._damage = damage
        self._last_ticks: int | None = None
        source.codec_context.thread_type = "AUTO"
        source.codec_context.thread_count = _DECODER_THREADS
        rate = source.average_rate or source.guessed_rate or Fraction(25)
        rate = min(max(Fraction(rate), Fraction(1)), Fraction(120))
        self._frame_ticks = round(_TICKS / rate)
        aspect = source.sample_aspect_ratio or Fraction(1)
        self.width, self.height = proxy_size(first.width, first.height, aspect, height_limit)
        # One encoder thread and no B-frames: little memory, and times that start where the original's do.
        options = {
            "preset": "veryfast",
            "crf": _QUALITY,
            "threads": "1",
            "bf": "0",
            "g": str(round(_KEY_SECONDS * rate)),
        }
        self._encoder = output.add_stream("libx264", rate=rate, options=options)
        self._encoder.width, self._encoder.height, self._encoder.pix_fmt = self.width, self.height, "yuv420p"
        self._encoder.codec_context.time_base = Fraction(1, _TICKS)

    def take(self, packet: "Packet[Any] | None") -> None:
        """Carry over what a packet shows."""
        for frame in pictures(self.source, packet, self._damage):
            self._carry(frame)

    def _carry(self, frame: VideoFrame) -> None:
        if frame.pts is not None and frame.time_base is not None:
            ticks = round((frame.pts * frame.time_base - Fraction(self._origin_s)) * _TICKS)
        else:
            ticks = 0 if self._last_ticks is None else self._last_ticks + self._frame_ticks
        if self._last_ticks is not None and ticks <= self._last_ticks:
            self._damage.frames += 1
            return
        scaled = frame.reformat(self.width, self.height, "yuv420p", interpolation=Interpolation.BILINEAR)
        lasts_ticks = self._frame_ticks
        if frame.duration and frame.time_base is not None:
            # Containers that store distances stretch a frame over a hole; the last frame of all must not be.
            lasts_ticks = min(round(frame.duration * frame.time_base * _TICKS), 2 * self._frame_ticks)
        scaled.pts, scaled.time_base, scaled.duration = ticks, Fraction(1, _TICKS), lasts_ticks
        scaled.pict_type = PictureType.NONE
        self._output.mux(self._encoder.encode(scaled))
        self._last_ticks = ticks
        self.frames += 1
        self.end_s = (ticks + lasts_ticks) / _TICKS

    def finish(self) -> None:
        """Carry over what decoder and encoder still hold."""
        self.take(None)
        self._output.mux(self._encoder.encode(None))


class _Sound:
    """Decodes, resamples and encodes one stream of sound."""

    def __init__(
        self, output: OutputContainer, source: AudioStream, first: AudioFrame, origin_s: float, damage: Damage
    ) -> None:
        self.source = source
        self.frames = 0
        self.end_s = 0.0
        self._output = output
        self._origin_s = origin_s
        self._damage = damage
        self._next_s: float | None = None
        self._shape: tuple[str, str, int] | None = None
        self._rate = next((rate for rate in _AUDIO_RATES_HZ if rate >= first.sample_rate), _AUDIO_RATES_HZ[-1])
        self._layout = "mono" if first.layout.nb_channels == 1 else "stereo"
        self._encoder = output.add_stream("aac", rate=self._rate, layout=self._layout)
        self._encoder.codec_context.bit_rate = _AUDIO_BITS_PER_CHANNEL * (1 if self._layout == "mono" else 2)
        self._resampler = self._new_resampler()

    def _new_resampler(self) -> AudioResampler:
        return AudioResampler(format="fltp", layout=self._layout, rate=self._rate, frame_size=_AAC_SAMPLES)

    def take(self, packet: "Packet[Any] | None") -> None:
        """Carry over what a packet sounds like."""
        for frame in sounds(self.source, packet, self._damage):
            self._carry(frame)

    def _carry(self, frame: AudioFrame) -> None:
        if not frame.samples or not frame.sample_rate:
            return
        length_s = frame.samples / frame.sample_rate
        start_s = self._next_s or 0.0
        if frame.pts is not None and frame.time_base is not None:
            start_s = float(frame.pts * frame.time_base) - self._origin_s
        if self._next_s is not None and start_s < self._next_s - length_s:
            self._damage.frames += 1
            return
        frame.time_base = Fraction(1, frame.sample_rate)
        frame.pts = round(start_s * frame.sample_rate)
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            # What the old one holds is less than one AAC frame; the encoder takes only whole ones before the end.
            self._resampler, self._shape = self._new_resampler(), shape
        for whole in self._resampler.resample(frame):
            self._output.mux(self._encoder.encode(whole))
        self.frames += 1
        self._next_s = start_s + length_s
        self.end_s = self._next_s

    def finish(self) -> None:
        """Carry over what decoder, resampler and encoder still hold."""
        self.take(None)
        for rest in self._resampler.resample(None):
            self._output.mux(self._encoder.encode(rest))
        self._output.mux(self._encoder.encode(None))

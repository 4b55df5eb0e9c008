"""A sparse look at the content of one file: black or covered, stuck, silent. Bounded in time and memory.

First the key pictures and all sound, in one pass over the packets; then every picture, but only near the borders of
what was found and where packets say that nothing may have moved. Pictures are judged by their own times.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

import av
import av.error
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ingestd.core.clock import SystemClock
from ingestd.core.errors import MediaError
from ingestd.core.look import MAX_SPANS, Darkness, LookFacts, LookRule, LookSpan, SpanKind, darkness_of
from ingestd.core.look_stills import Step, stuck_spans
from ingestd.media.decoding import Damage, open_footage, packets, picture_stream, pictures, sound_stream, sounds
from ingestd.media.look_damage import Undecodable
from ingestd.media.look_picture import Picture, detail_of, difference_of, picture_of
from ingestd.media.look_sound import Silence

_MAX_PACKETS = 5_000_000
_SEEK_BACK_SECONDS = (0.0, 2.0, 12.0)
_MACROBLOCK_PIXELS = 256
_STILL_BYTES = 100
"""A packet in which nothing moves takes about a bit a macroblock; up to five, and so many bytes, may be one."""
_STILL_BITS_PER_MACROBLOCK = 5.0
_BIN_SECONDS = 0.5


@dataclass(slots=True)
class _Sample:
    """A key picture, or one between: when, how dark, and how it differs from the sample before it."""

    time_s: float
    darkness: Darkness | None
    mean: float
    difference: float | None
    tile: float


@dataclass(slots=True)
class _Packets:
    """The packets of the picture, but for keys: when, and how many bytes. `first_s` to `end_s` is the whole picture."""

    times_s: "array[float]" = field(default_factory=lambda: array("d"))
    sizes: "array[int]" = field(default_factory=lambda: array("L"))
    first_s: float | None = None
    end_s: float = 0.0

    def take(self, time_s: float, packet: "Packet[VideoStream]") -> None:
        """Note one packet."""
        if not packet.is_keyframe and len(self.times_s) < _MAX_PACKETS:
            self.times_s.append(time_s)
            self.sizes.append(packet.size)
        self.first_s = time_s if self.first_s is None else min(self.first_s, time_s)
        self.end_s = max(self.end_s, time_s + float((packet.duration or 0) * (packet.time_base or 0)))

    def still(self, most_bytes: float) -> list[tuple[float, float]]:
        """The stretches of at least a second in which most packets are so small that perhaps nothing moves."""
        bins: dict[int, list[int]] = {}
        for time_s, size in zip(self.times_s, self.sizes, strict=True):
            bins.setdefault(int(time_s // _BIN_SECONDS), []).append(size)
        found: list[tuple[float, float]] = []
        for number in sorted(bins):
            if median(bins[number]) > most_bytes:
                continue
            start_s = number * _BIN_SECONDS
            if found and start_s - found[-1][1] < _BIN_SECONDS / 2:
                start_s = found.pop()[0]
            found.append((start_s, (number + 1) * _BIN_SECONDS))
        return [(start_s, end_s) for start_s, end_s in found if end_s - start_s >= 2 * _BIN_SECONDS]


def look(fd: int, rule: LookRule, *, seconds: float) -> LookFacts:
    """Look at the content of the footage behind a descriptor, whose position is moved.

    Args:
        fd: open for reading.
        rule: the numbers.
        seconds: after so long the look ends and says how far it came.

    Raises:
        MediaError: it is no footage.
    """
    clock = SystemClock()
    until = clock.steady_seconds() + seconds
    try:
        with open_footage(fd) as source:
            return _Look(source, rule, lambda: clock.steady_seconds() > until).facts()
    except (av.error.FFmpegError, UnicodeDecodeError, ValueError) as error:
        raise MediaError(f"the content cannot be looked at: {getattr(error, 'strerror', None) or error}") from error


@dataclass(slots=True)
class _Look:
    source: InputContainer
    rule: LookRule
    is_late: Callable[[], bool]
    pictures: int = 0
    _damage: Damage = field(default_factory=Damage)
    _samples: list[_Sample] = field(default_factory=list)
    _packets: _Packets = field(default_factory=_Packets)
    _last: Picture | None = None
    _until_s: float | None = None

    def facts(self) -> LookFacts:
        video, audio = picture_stream(self.source), sound_stream(self.source)
        silence = Silence(audio.codec_context.name if audio else "", self.rule.silent_seconds)
        for stream in (video, audio):
            if stream is not None:
                stream.codec_context.thread_count = 1
        self._pass(video, silence)
        spans = list(silence.spans)
        if video is not None:
            self._fill_in(video)
            dark = self._dark_spans(video)
            spans += dark[:MAX_SPANS]
            spans += self._stuck_spans(video, dark)[:MAX_SPANS]
        if max(self._packets.end_s, silence.heard_s) <= self.rule.whole_seconds:
            damaged = Undecodable(self.source, video, audio, self.is_late)
            spans += damaged.spans()
            self._until_s = damaged.until_s if self._until_s is None else self._until_s
        problems = [f"{self._damage.packets} packets could not be decoded"] if self._damage.packets else []
        return LookFacts(
            pictures=self.pictures,
            sound_s=round(silence.heard_s, 3),
            spans=tuple(sorted(spans, key=lambda one: (one.start_s, one.kind))),
            until_s=self._until_s,
            problems=tuple(problems),
        )

    def _pass(self, video: VideoStream | None, silence: Silence) -> None:
        """All packets once: sound is decoded, of pictures those of the keys."""
        audio = sound_stream(self.source)
        time_s = 0.0
        for packet in packets(self.source, [one for one in (video, audio) if one is not None], self._damage):
            if self.is_late():
                self._until_s = round(time_s, 3)
                break
            time_s = _time_of(packet, time_s)
            if video is not None and packet.stream.index == video.index:
                self._packets.take(time_s, packet)
                is_near = bool(self._samples) and time_s - self._samples[-1].time_s < self.rule.sample_seconds
                if packet.is_keyframe and not is_near:
                    self._take_key(video, packet, time_s)
            elif audio is not None:
                for sound in sounds(audio, packet, self._damage):
                    _hear(silence, sound, time_s)
        silence.finish()

    def _take_key(self, video: VideoStream, packet: "Packet[VideoStream]", time_s: float) -> None:
        # Decoders hold pictures back to put them in order; one key picture alone is in order.
        frames = pictures(video, packet, self._damage) or pictures(video, None, self._damage)
        video.codec_context.flush_buffers()
        if frames:
            self._sample(frames[0], time_s)

    def _sample(self, frame: VideoFrame, time_s: float, place: int | None = None) -> None:
        picture = picture_of(frame)
        self.pictures += 1
        detail = detail_of(picture, self.rule)
        apart = None if self._last is None or place is not None else difference_of(self._last, picture)
        darkness = darkness_of(detail, self.rule)
        mean, tile = (None, 0.0) if apart is None else apart
        sample = _Sample(time_s, darkness, round(detail.mean, 2), mean, tile)
        self._samples.insert(len(self._samples) if place is None else place, sample)
        if place is None:
            self._last = picture

    def _fill_in(self, video: VideoStream) -> None:
        """Samples between key pictures that lie far apart."""
        known = [sample.time_s for sample in self._samples]
        for start_s, end_s in pairwise([*known, self._packets.end_s]):
            if end_s - start_s <= self.rule.key_seconds:
                continue
            last_s = start_s
            for time_s, frame in self._decoded(video, start_s, end_s):
                if last_s + self.rule.sample_seconds <= time_s < end_s:
                    place = bisect_right(self._samples, time_s, key=lambda one: one.time_s)
                    self._sample(frame, time_s, place)
                    last_s = time_s

    def _decoded(self, video: VideoStream, start_s: float, end_s: float) -> Iterator[tuple[float, VideoFrame]]:
        """Every picture from the last key picture at or before `start_s` up to the first picture behind `end_s`."""
        for back_s in _SEEK_BACK_SECONDS:
            has_begun = False
            with suppress(av.error.FFmpegError):
                self.source.seek(max(0, round((start_s - back_s) * av.time_base)), any_frame=False)
            video.codec_context.flush_buffers()
            for time_s, frame in self._from_here(video):
                if not has_begun and time_s > start_s + 1e-3 and back_s < min(start_s, _SEEK_BACK_SECONDS[-1]):
                    # The container's index is coarse: further back, and again.
                    break
                has_begun = True
                yield time_s, frame
                if time_s > end_s or self.is_late():
                    return
            else:
                return

    def _from_here(self, video: VideoStream) -> Iterator[tuple[float, VideoFrame]]:
        time_s = 0.0
        for packet in packets(self.source, [video], self._damage):
            for frame in pictures(video, packet, self._damage):
                self.pictures += 1
                time_s = _second_of(frame, time_s)
                yield time_s, frame
        for frame in pictures(video, None, self._damage):
            time_s = _second_of(frame, time_s)
            yield time_s, frame

    def _dark_spans(self, video: VideoStream) -> list[LookSpan]:
        """Runs of dark samples, their borders found among all pictures around them."""
        spans = []
        place = 0
        while place < len(self._samples):
            if self._samples[place].darkness is None:
                place += 1
                continue
            first = place
            while place < len(self._samples) and self._samples[place].darkness is not None:
                place += 1
            inside = self._samples[first:place]
            before_s = self._samples[first - 1].time_s if first else None
            after_s = self._samples[place].time_s if place < len(self._samples) else None
            start_s = inside[0].time_s if before_s is None else self._first_dark(video, before_s, inside[0].time_s)
            end_s = self._first_light(video, inside[-1].time_s, after_s)
            is_uniform = all(one.darkness is Darkness.UNIFORM for one in inside)
            numbers = {
                "darkness": str(Darkness.UNIFORM if is_uniform else Darkness.COVERED),
                "samples": len(inside),
                "is_at_start": first == 0,
                "mean_luma": round(median(one.mean for one in inside), 1),
            }
            if end_s - start_s >= self.rule.black_seconds - 1e-3:
                spans.append(
                    LookSpan(kind=SpanKind.BLACK, start_s=round(start_s, 6), end_s=round(end_s, 6), numbers=numbers)
                )
        return spans

    def _is_dark(self, frame: VideoFrame) -> bool:
        return darkness_of(detail_of(picture_of(frame), self.rule), self.rule) is not None

    def _first_dark(self, video: VideoStream, light_s: float, dark_s: float) -> float:
        for time_s, frame in self._decoded(video, light_s, dark_s):
            if light_s < time_s < dark_s and self._is_dark(frame):
                return time_s
        return dark_s

    def _first_light(self, video: VideoStream, dark_s: float, light_s: float | None) -> float:
        """Behind the last dark picture: of noise, encoders make a shape now and then."""
        limit_s = self._packets.end_s if light_s is None else light_s
        end_s: float | None = None
        for time_s, frame in self._decoded(video, dark_s, limit_s):
            if time_s >= limit_s:
                break
            if time_s <= dark_s + 1e-3 or self._is_dark(frame):
                end_s = None
            elif end_s is None:
                end_s = time_s
        return limit_s if end_s is None else end_s

    def _stuck_spans(self, video: VideoStream, dark: Sequence[LookSpan]) -> list[LookSpan]:
        spans: list[LookSpan] = []
        for start_s, end_s in self._doubtful(video, dark):
            if self.is_late():
                self._until_s = min(self._until_s or start_s, round(start_s, 3))
                break
            spans += stuck_spans(self._steps(video, start_s, end_s), self.rule, self._packets.end_s)
        return spans

    def _doubtful(self, video: VideoStream, dark: Sequence[LookSpan]) -> list[tuple[float, float]]:
        """Stretches in which perhaps nothing moves: small packets, or two key pictures alike; with room on either side.

        Black pictures are left out: they are told already.
        """
        macroblocks = video.codec_context.width * video.codec_context.height / _MACROBLOCK_PIXELS
        doubtful = self._packets.still(_STILL_BYTES + _STILL_BITS_PER_MACROBLOCK * macroblocks / 8)
        for earlier, later in pairwise(self._samples):
            if later.difference is not None and later.difference <= self.rule.held_levels:
                doubtful.append((earlier.time_s, later.time_s))
        room_s = self.rule.around_seconds + 2 * _BIN_SECONDS
        joined: list[tuple[float, float]] = []
        for start_s, end_s in sorted(doubtful):
            if any(span.start_s - _BIN_SECONDS <= start_s and end_s <= span.end_s + _BIN_SECONDS for span in dark):
                continue
            from_s, to_s = max(start_s - room_s, self._packets.first_s or 0.0), min(end_s + room_s, self._packets.end_s)
            if joined and from_s <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], to_s))
            else:
                joined.append((from_s, to_s))
        return joined

    def _steps(self, video: VideoStream, start_s: float, end_s: float) -> list[Step]:
        steps: list[Step] = []
        last: Picture | None = None
        last_key: Picture | None = None
        for time_s, frame in self._decoded(video, start_s, end_s):
            picture = picture_of(frame)
            apart = None if last is None else difference_of(last, picture)
            is_key = bool(frame.key_frame)
            key_apart = difference_of(last_key, picture).mean if is_key and last_key is not None else None
            mean, tile = (None, 0.0) if apart is None else apart
            steps.append(Step(time_s, mean, tile, is_key, key_apart))
            last, last_key = picture, picture if is_key else last_key
        return steps


def _hear(silence: Silence, sound: AudioFrame, packet_s: float) -> None:
    silence.take(sound, packet_s if sound.time is None else sound.time)


def _time_of(packet: "Packet[Any]", otherwise_s: float) -> float:
    ticks = packet.pts if packet.pts is not None else packet.dts
    return otherwise_s if ticks is None or packet.time_base is None else float(ticks * packet.time_base)


def _second_of(frame: VideoFrame, otherwise_s: float) -> float:
    ticks = frame.pts if frame.pts is not None else frame.dts
    return otherwise_s if ticks is None or frame.time_base is None else float(ticks * frame.time_base)

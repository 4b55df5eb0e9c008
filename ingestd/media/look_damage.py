"""What does not decode: damage inside pictures and sound that neither index nor packets show."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from ingestd.core.look import MAX_SPANS, LookSpan, SpanKind
from ingestd.media.decoding import Damage, packets, pictures, sounds

_JOINED_SECONDS = 1.0
"""Places nearer to each other are one: pictures that build on a damaged one are damaged with it."""


@dataclass(slots=True)
class Undecodable:
    """Every picture and sound of a file decoded, and where a decoder refused or marked what it gave."""

    source: InputContainer
    video: VideoStream | None
    audio: AudioStream | None
    is_late: Callable[[], bool]
    until_s: float | None = None
    """Set where the time ran out: behind it nobody looked."""
    _begun: set[int] = field(default_factory=set)
    _places: list[tuple[float, float, str]] = field(default_factory=list)
    _packets: int = 0

    def spans(self) -> list[LookSpan]:
        """The damaged spans in order; none where the source cannot be read from its start again."""
        streams = [one for one in (self.video, self.audio) if one is not None]
        try:
            self.source.seek(0, any_frame=False)
        except av.error.FFmpegError:
            return []
        for stream in streams:
            stream.codec_context.flush_buffers()
        self._decode(streams)
        return list(self._joined())[:MAX_SPANS]

    def _decode(self, streams: list[VideoStream | AudioStream]) -> None:
        damage, time_s = Damage(), 0.0
        for packet in packets(self.source, streams, damage):
            if self.is_late():
                self.until_s = round(time_s, 3)
                return
            self._packets += 1
            refused = damage.packets
            ticks = packet.pts if packet.pts is not None else packet.dts
            if ticks is not None and packet.time_base is not None:
                time_s = float(ticks * packet.time_base)
            length_s = float((packet.duration or 0) * (packet.time_base or 0))
            stream = packet.stream
            is_marked = False
            if self.video is not None and stream.index == self.video.index:
                frames = pictures(self.video, packet, damage)
                is_marked = any(frame.is_corrupt for frame in frames)
                if frames and not is_marked:
                    # Before the first whole picture a decoder may lack what the first ones build on.
                    self._begun.add(stream.index)
            elif self.audio is not None and sounds(self.audio, packet, damage):
                self._begun.add(stream.index)
            if stream.index in self._begun and (is_marked or damage.packets > refused):
                self._places.append((time_s, time_s + length_s, "pictures" if stream is self.video else "sound"))

    def _joined(self) -> Iterator[LookSpan]:
        open_span: tuple[float, float, list[str]] | None = None
        for start_s, end_s, what in sorted(self._places):
            if open_span is not None and start_s - open_span[1] <= _JOINED_SECONDS:
                open_span = (open_span[0], max(open_span[1], end_s), [*open_span[2], what])
                continue
            if open_span is not None:
                yield self._span(*open_span)
            open_span = (start_s, end_s, [what])
        if open_span is not None:
            yield self._span(*open_span)

    def _span(self, start_s: float, end_s: float, what: list[str]) -> LookSpan:
        share = len(self._places) / max(self._packets, 1)
        numbers = {
            "pictures": what.count("pictures"),
            "sounds": what.count("sound"),
            "share_of_file": round(share, 4),
        }
        return LookSpan(kind=SpanKind.DAMAGED, start_s=round(start_s, 6), end_s=round(end_s, 6), numbers=numbers)

"""Digital silence: spans in which decoded samples do not move at all, which no microphone does."""

import struct
from dataclasses import dataclass, field
from typing import Literal

from av.audio.frame import AudioFrame

from ingestd.core.look import MAX_SPANS, LookSpan, SpanKind

_CODES: dict[str, Literal["B", "h", "i", "f", "d", "q"]] = {
    "u8": "B",
    "s16": "h",
    "s32": "i",
    "flt": "f",
    "dbl": "d",
    "s64": "q",
}
_STEPS = {"u8": 0.0, "s16": 1.0, "s32": 65536.0, "s64": 2.0**48, "flt": 1 / 32768, "dbl": 1 / 32768}
"""What may still differ: one step of 16 bits, which decoders' rounding leaves; nothing where there are 8 bits."""
_LOOKED_AT = 61
_SPREAD_OVER_FRAMES = {"aac": 1.0, "mp2": 0.5, "mp3": 0.5}
"""Coded sound is spread over neighbouring frames: so much of one the silence seems shorter at either end."""
_APART_SECONDS = 0.25


@dataclass(slots=True)
class Silence:
    """Takes the sounds of one stream in order and keeps the silent spans of at least `least_s`."""

    codec: str
    least_s: float
    spans: list[LookSpan] = field(default_factory=list)
    heard_s: float = 0.0
    _start_s: float | None = None
    _end_s: float = 0.0
    _frame_s: float = 0.0
    _is_from_start: bool = True
    _has_begun: bool = False
    _kind: str = ""

    def take(self, frame: AudioFrame, start_s: float) -> None:
        """One decoded sound and the second at which it begins."""
        if not frame.samples or not frame.sample_rate:
            return
        length_s = frame.samples / frame.sample_rate
        self.heard_s += length_s
        self._kind = frame.format.name.removesuffix("p")
        if self._has_begun and abs(start_s - self._end_s) > _APART_SECONDS:
            self._close(is_at_end=False)
        leading, trailing = _still_ends(frame, self._kind)
        self._frame_s = length_s
        if leading == frame.samples:
            if self._start_s is None:
                self._start_s, self._is_from_start = start_s, not self._has_begun
        else:
            if self._start_s is not None:
                self._end_s = start_s + leading / frame.sample_rate
                self._close(is_at_end=False)
            if trailing:
                self._start_s = start_s + length_s - trailing / frame.sample_rate
                self._is_from_start = False
        self._end_s, self._has_begun = start_s + length_s, True

    def finish(self) -> None:
        """The stream is over."""
        self._close(is_at_end=True)

    def _close(self, *, is_at_end: bool) -> None:
        start_s, self._start_s = self._start_s, None
        if start_s is None:
            return
        spread_s = _SPREAD_OVER_FRAMES.get(self.codec, 0.0) * self._frame_s
        from_s = start_s if self._is_from_start else start_s - spread_s
        to_s = self._end_s if is_at_end else self._end_s + spread_s
        if to_s - from_s < self.least_s - 1e-3 or len(self.spans) >= MAX_SPANS:
            return
        numbers: dict[str, float | int | bool | str | None] = {"codec": self.codec, "is_coarse": self._kind == "u8"}
        span = LookSpan(kind=SpanKind.SILENT, start_s=round(from_s, 6), end_s=round(to_s, 6), numbers=numbers)
        self.spans.append(span)


def _still_ends(frame: AudioFrame, kind: str) -> tuple[int, int]:
    """How many samples of a frame do not move at its start, and at its end; all of them where the frame is silent."""
    code = _CODES[kind]
    channels = len(frame.layout.channels)
    numbers = frame.samples if frame.format.is_planar else frame.samples * channels
    step = _STEPS[kind]
    leading, trailing = frame.samples, frame.samples
    for plane in frame.planes:
        # Planes are padded, and interleaved channels are looked at as one: in silence they are alike.
        samples = memoryview(plane).cast("B")[: numbers * struct.calcsize(code)].cast(code)
        if not _may_be_still(samples, step) or max(samples) - min(samples) > step:
            per_sample = numbers // frame.samples
            leading = min(leading, _run(samples, step) // per_sample)
            trailing = min(trailing, _run(samples[::-1], step) // per_sample)
    return leading, trailing


def _may_be_still(samples: "memoryview[int] | memoryview[float]", step: float) -> bool:
    """A first glance: most sounds move between a few samples."""
    seen = samples[:: max(1, len(samples) // _LOOKED_AT)].tolist()
    return max(seen) - min(seen) <= step


def _run(samples: "memoryview[int] | memoryview[float]", step: float) -> int:
    """How many samples from the start stay within one step."""
    lowest = highest = samples[0]
    for count, sample in enumerate(samples):
        lowest, highest = min(lowest, sample), max(highest, sample)
        if highest - lowest > step:
            return count
    return len(samples)

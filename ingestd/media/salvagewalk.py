"""The walk through media data without an index: sample after sample, as a reference of the same recorder lays them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ingestd.core.facts import StreamKind
from ingestd.media.boxes import ByteSource
from ingestd.media.jpegpictures import jpeg_end
from ingestd.media.nalunits import header_fault, is_slice, unit_type
from ingestd.media.salvagereference import FrameTrial, Reference, ends_with_mark

MAX_SAMPLES = 2_000_000
NO_TRACK = -1
"""The track of what is known and not written: records of data tracks."""

_JPEG = b"\xff\xd8\xff"
_WINDOW_BYTES = 1024 * 1024
_LONGEST_FACTOR = 4
_LONGEST_FLOOR_BYTES = 256 * 1024
_H264_TRAILING = frozenset({10, 11, 12, 19})
_HEVC_TRAILING = frozenset({36, 37, 38, 40})
_H264_KEYS, _HEVC_KEYS = frozenset({5}), frozenset(range(16, 22))


class Found(NamedTuple):
    """One sample: the track by its number in the reference, and where it lies. `is_resumed`: behind a lost stretch."""

    track: int
    kind: StreamKind
    start: int
    end: int
    is_key: bool
    is_resumed: bool = False


@dataclass(slots=True)
class MediaWalk:
    """A torn file, walked from the first to the last byte of its media data.

    `lost` are half-open ranges that nothing explains. The reading window keeps small reads off the kernel.
    """

    source: ByteSource
    reference: Reference
    is_late: Callable[[], bool]
    found: list[Found] = field(default_factory=list)
    lost: list[tuple[int, int]] = field(default_factory=list)
    _window: bytes = b""
    _window_at: int = 0
    _trial: FrameTrial | None = None
    _pattern: "re.Pattern[bytes] | None" = None

    def run(self, start: int, end: int) -> None:
        """Walk `[start, end)` of the file."""
        sounds = self.reference.sounds
        if sounds is not None and sounds.heads:
            self._trial = FrameTrial(sounds.config)
        self._pattern = self._unit_pattern()
        at, is_resumed = start, False
        while at < end and len(self.found) < MAX_SAMPLES and not self.is_late():
            sample = self._sample(at, end)
            if sample is None:
                resumed = self._next_picture(at + 1, end)
                self.lost.append((at, resumed))
                at, is_resumed = resumed, True
                continue
            if is_resumed:
                sample = [sample[0]._replace(is_resumed=True), *sample[1:]]
                is_resumed = False
            self.found.extend(sample)
            at = sample[-1].end

    def _read(self, at: int, length: int) -> bytes:
        if not (self._window_at <= at and at + length <= self._window_at + len(self._window)):
            self._window = self.source.read(at, max(_WINDOW_BYTES, length))
            self._window_at = at
        offset = at - self._window_at
        return self._window[offset : offset + length]

    def _sample(self, at: int, end: int) -> list[Found] | None:
        picture = self._picture(at, end)
        if picture is not None:
            return [picture]
        text = self._text(at, end)
        if text is not None:
            return [text]
        record = self._record(at, end)
        if record is not None:
            return [Found(NO_TRACK, StreamKind.DATA, at, record, is_key=True)]
        sounds = self.reference.sounds
        if sounds is None:
            return None
        if sounds.chunk_bytes:
            return self._sound_chunk(at, end)
        frame_end = self._sound_end(at, end)
        if frame_end is None:
            return None
        return [Found(sounds.track.number, StreamKind.AUDIO, at, frame_end, is_key=True)]

    # Pictures

    def _unit(self, at: int, end: int) -> tuple[int, int, bool] | None:
        """(end, type, whether it begins a picture) of a unit that may stand there; null where none can."""
        pictures = self.reference.pictures
        if pictures.how.codec == "mjpeg":
            return (at + 3, 0, True) if at + 3 <= end and self._read(at, 3) == _JPEG else None
        wide = pictures.how.length_bytes
        head_bytes = 1 if pictures.how.codec == "h264" else 2
        head = self._read(at, wide + head_bytes + 1)
        if len(head) < wide + head_bytes + 1 or head[wide : wide + head_bytes] not in pictures.headers:
            return None
        length = int.from_bytes(head[:wide], "big")
        longest = max(_LONGEST_FLOOR_BYTES, _LONGEST_FACTOR * pictures.longest_bytes)
        if not head_bytes < length <= longest or at + wide + length > end:
            return None
        if header_fault(pictures.how.codec, head[wide : wide + head_bytes]) is not None:
            return None
        kind = unit_type(pictures.how.codec, head[wide])
        is_first = is_slice(pictures.how.codec, kind) and head[wide + head_bytes] >= 0x80
        return at + wide + length, kind, is_first

    def _picture(self, start: int, end: int) -> Found | None:
        """One sample of pictures: units up to the next that begins a new one."""
        pictures = self.reference.pictures
        if pictures.how.codec == "mjpeg":
            return self._jpeg(start, end)
        codec = pictures.how.codec
        trailing = _H264_TRAILING if codec == "h264" else _HEVC_TRAILING
        keys = _H264_KEYS if codec == "h264" else _HEVC_KEYS
        at, firsts, has_slice, is_key = start, 0, False, False
        while (unit := self._unit(at, end)) is not None:
            unit_end, kind, is_first = unit
            is_full = has_slice and firsts >= pictures.fields
            if is_slice(codec, kind):
                if is_first and is_full:
                    break
                if not has_slice and not is_first:
                    return None
                firsts += is_first
                has_slice = True
                is_key |= kind in keys
            elif is_full and kind not in trailing:
                break
            at = unit_end
        if not has_slice or self._is_torn_slice(at, end):
            return None
        return Found(pictures.track.number, StreamKind.VIDEO, start, at, is_key)

    def _jpeg(self, start: int, end: int) -> Found | None:
        pictures = self.reference.pictures
        longest = max(_LONGEST_FLOOR_BYTES, _LONGEST_FACTOR * pictures.longest_bytes)
        behind = jpeg_end(self.source, start, min(end, start + longest))
        if behind is None:
            return None
        padded = behind + (start - behind) % pictures.align_bytes
        return Found(pictures.track.number, StreamKind.VIDEO, start, min(padded, end), is_key=True)

    def _is_torn_slice(self, at: int, end: int) -> bool:
        """Whether the picture goes on with a slice that the end of the file cuts."""
        torn = self._unit(at, end + _LONGEST_FACTOR * self.reference.pictures.longest_bytes)
        return (
            torn is not None and torn[0] > end and is_slice(self.reference.pictures.how.codec, torn[1]) and not torn[2]
        )

    def _unit_pattern(self) -> "re.Pattern[bytes]":
        pictures = self.reference.pictures
        if pictures.how.codec == "mjpeg":
            return re.compile(re.escape(_JPEG))
        heads = b"|".join(re.escape(head) for head in sorted(pictures.headers))
        return re.compile(rb"(?s)(?=\x00.{%d}(?:%s))" % (pictures.how.length_bytes - 1, heads))

    def _next_picture(self, start: int, end: int) -> int:
        """Where the next sample of pictures begins; the end where there is none."""
        assert self._pattern is not None
        how = self.reference.pictures.how
        if how.codec != "mjpeg" and how.length_bytes < 3:
            return end
        while start < end and not self.is_late():
            block = self.source.read(start, min(_WINDOW_BYTES, end - start))
            if not block:
                return end
            for hit in self._pattern.finditer(block):
                place = start + hit.start()
                picture = self._picture(place, end)
                if picture is not None and self._is_likely_start(picture.end, end):
                    return place
            start += max(1, len(block) - 8)
            if len(block) <= 8:
                return end
        return end

    def _is_likely_start(self, at: int, end: int) -> bool:
        """Whether something known may stand there, by its first bytes."""
        if at >= end or self._unit(at, end) is not None or self._text(at, end) is not None:
            return True
        if self._record(at, end) is not None:
            return True
        sounds = self.reference.sounds
        if sounds is None:
            return False
        return bool(sounds.chunk_bytes) or (self._read(at, 1) or b"\xff")[0] >> 1 in sounds.heads

    # Texts

    def _text(self, at: int, end: int) -> Found | None:
        for texts in self.reference.texts:
            head = self._read(at, 2)
            length = int.from_bytes(head, "big")
            if len(head) < 2 or not 0 < length <= 2 * texts.longest_bytes or at + 2 + length > end:
                continue
            line = self._read(at + 2, length)
            prefix = texts.prefix[:4]
            if len(line) == length >= 4 and line.startswith(prefix) and _is_text(line):
                return Found(texts.track.number, StreamKind.SUBTITLE, at, at + 2 + length, is_key=True)
        return None

    def _record(self, at: int, end: int) -> int | None:
        """Where a record of the recorder's own data tracks ends; null where none stands here."""
        for size, prefix in self.reference.records:
            if at + size <= end and self._read(at, len(prefix)) == prefix:
                return at + size
        return None

    # Sounds

    def _sound_end(self, at: int, end: int) -> int | None:
        """Where the AAC frame that begins here ends; null where none does."""
        sounds = self.reference.sounds
        assert sounds is not None and self._trial is not None
        data = self._read(at, min(sounds.longest_bytes, end - at))
        if len(data) < sounds.shortest_bytes or data[0] >> 1 not in sounds.heads:
            return None
        for length in range(max(2, sounds.shortest_bytes), len(data) + 1):
            if sounds.has_clean_ends and not ends_with_mark(data[length - 2], data[length - 1]):
                continue
            if self._is_likely_start(at + length, end) and self._trial.is_one_frame(data[:length]):
                return at + length
        return None

    def _sound_chunk(self, at: int, end: int) -> list[Found] | None:
        """A row of samples of one size, as long as one of the reference, with something known behind it."""
        sounds = self.reference.sounds
        assert sounds is not None
        for chunk in sounds.chunk_bytes:
            behind = at + chunk
            is_followed = behind == end or self._unit(behind, end) is not None or self._text(behind, end) is not None
            if behind > end or not is_followed:
                continue
            if sounds.track.samples.is_by_chunk:
                return [Found(sounds.track.number, StreamKind.AUDIO, at, behind, is_key=True)]
            size = sounds.longest_bytes
            return [
                Found(sounds.track.number, StreamKind.AUDIO, place, place + size, is_key=True)
                for place in range(at, behind, size)
            ]
        return None


def _is_text(line: bytes) -> bool:
    try:
        return all(sign.isprintable() or sign in "\r\n\t" for sign in line.decode("utf-8"))
    except UnicodeDecodeError:
        return False

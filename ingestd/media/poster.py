"""The poster: one picture that shows what a recording is about."""

import io
import os
from dataclasses import dataclass
from typing import NamedTuple

import av
import av.error
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream
from PIL import Image, ImageStat

from ingestd.core.errors import MediaError
from ingestd.media.decoding import Damage, open_footage, packets, picture_stream, pictures
from ingestd.media.positioned import PositionedFile

WIDTH_PIXELS = 640
_QUALITY = 82
_PLACES = (0.1, 0.3, 0.5, 0.7, 0.9, 0.0)
"""Where to look, as shares of the length; the very start last, which is often black."""
_PACKETS_PER_PLACE = 300
_BRIGHT_MEAN, _BRIGHT_SPREAD = 32.0, 12.0
"""Luma (0 to 255) from which a picture surely shows something."""


@dataclass(frozen=True, slots=True)
class PosterResult:
    """A JPEG. `at_s` is the picture's second in the original, null where the frame has no time."""

    at_s: float | None
    width: int
    height: int
    size_bytes: int


class _Candidate(NamedTuple):
    spread: float
    is_telling: bool
    at_s: float | None
    image: Image.Image


def make_poster(input_fd: int, output_fd: int) -> PosterResult:
    """Write a JPEG of a representative key frame, at most 640 pixels wide.

    Looks at a few places of the recording and takes the first picture that shows something, else the liveliest.

    Args:
        input_fd: the original, open for reading; its position is moved.
        output_fd: empty, open for writing.

    Raises:
        MediaError: no picture can be decoded, or the output cannot be written.
    """
    try:
        with open_footage(input_fd) as source:
            stream = picture_stream(source)
            best = None if stream is None else _most_telling(source, stream)
        if best is None:
            raise MediaError("no picture in this file can be decoded")
        encoded = io.BytesIO()
        best.image.save(encoded, "JPEG", quality=_QUALITY)
        PositionedFile(output_fd).write(encoded.getvalue())
    except (av.error.FFmpegError, OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or type(error).__name__
        raise MediaError(f"no poster could be made: {words}") from error
    return PosterResult(best.at_s, best.image.width, best.image.height, os.fstat(output_fd).st_size)


def _most_telling(source: InputContainer, stream: VideoStream) -> _Candidate | None:
    stream.codec_context.thread_count = 1
    length, start = source.duration, source.start_time or 0
    best: _Candidate | None = None
    for share in _PLACES if length else (0.0,):
        try:
            source.seek(start + int(share * (length or 0)))
        except av.error.FFmpegError:
            continue
        found = _next_picture(source, stream)
        if found is None:
            continue
        candidate = _judged(*found, stream)
        if best is None or candidate.spread > best.spread or candidate.is_telling:
            best = candidate
        if candidate.is_telling:
            break
    return best


def _next_picture(source: InputContainer, stream: VideoStream) -> tuple[VideoFrame, float | None] | None:
    """The next key frame that decodes, and its second."""
    damage = Damage()
    for count, packet in enumerate(packets(source, [stream], damage)):
        if count > _PACKETS_PER_PLACE:
            return None
        if not packet.is_keyframe:
            continue
        # Decoders hold pictures back to put them in order; one key frame alone is in order.
        frames = pictures(stream, packet, damage) or pictures(stream, None, damage)
        stream.codec_context.flush_buffers()
        if frames:
            return frames[0], None if packet.pts is None else float(packet.pts * packet.time_base)
    return None


def _judged(frame: VideoFrame, at_s: float | None, stream: VideoStream) -> _Candidate:
    aspect = stream.sample_aspect_ratio or 1
    width = max(1, min(WIDTH_PIXELS, round(frame.width * aspect)))
    height = max(1, round(frame.height * width / (frame.width * aspect)))
    small = frame.reformat(width, height, "rgb24", interpolation=Interpolation.AREA)
    # Rows of a plane are padded; Pillow takes the real length of a row as it reads.
    image = Image.frombuffer("RGB", (width, height), bytes(small.planes[0]), "raw", "RGB", small.planes[0].line_size, 1)
    luma = ImageStat.Stat(image.convert("L"))
    mean, spread = luma.mean[0], luma.stddev[0]
    return _Candidate(spread, mean >= _BRIGHT_MEAN and spread >= _BRIGHT_SPREAD, at_s, image)

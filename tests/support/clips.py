"""Tiny real clips for tests of the media room, made by PyAV, and ways to spoil them."""

import functools
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from ingestd.core.facts import MediaFacts
from ingestd.media.probe import probe

FRAME_RATE = 10
SOUND_RATE_HZ = 8000
_FORMATS = {".mp4": "mp4", ".mov": "mov", ".avi": "avi", ".ts": "mpegts", ".mkv": "matroska"}


def write_clip(path: Path, seconds: int = 4, *, sound: str | None = "aac", **options: str) -> Path:
    """A clip of 64 x 48 pixels, 10 frames a second, a key frame each second; container and codec by the suffix.

    `options` go to the muxer. Equal ones are encoded once.
    """
    path.write_bytes(_clip(path.suffix, seconds, sound, tuple(options.items())))
    return path


@functools.cache
def _clip(suffix: str, seconds: int, sound: str | None, options: tuple[tuple[str, str], ...]) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, f"clip{suffix}")
        _encode(path, seconds, sound, dict(options))
        return path.read_bytes()


def _encode(path: Path, seconds: int, sound: str | None, options: dict[str, str]) -> None:
    container = av.open(str(path), "w", format=_FORMATS[path.suffix], options=options)
    is_avi = path.suffix == ".avi"
    picture = container.add_stream("mjpeg" if is_avi else "libx264", rate=FRAME_RATE)
    assert isinstance(picture, VideoStream)
    picture.width, picture.height, picture.pix_fmt = 64, 48, "yuvj420p" if is_avi else "yuv420p"
    if not is_avi:
        picture.options = {"g": str(FRAME_RATE), "preset": "ultrafast"}
    codec = "pcm_s16le" if is_avi and sound else sound
    voice = container.add_stream(codec, rate=SOUND_RATE_HZ) if codec else None
    if isinstance(voice, AudioStream):
        voice.layout = "mono"
    for number in range(seconds * FRAME_RATE):
        frame = av.VideoFrame(64, 48, picture.pix_fmt)
        for plane in frame.planes:
            plane.update(bytes([number * 7 % 256]) * plane.buffer_size)
        frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
        container.mux(picture.encode(frame))
        if isinstance(voice, AudioStream):
            container.mux(voice.encode(_silence(number, is_pcm=codec != "aac")))
    container.mux(picture.encode())
    if isinstance(voice, AudioStream):
        container.mux(voice.encode())
    container.close()


def _silence(number: int, *, is_pcm: bool) -> av.AudioFrame:
    samples = SOUND_RATE_HZ // FRAME_RATE
    frame = av.AudioFrame(format="s16" if is_pcm else "fltp", layout="mono", samples=samples)
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE_HZ, number * samples, Fraction(1, SOUND_RATE_HZ)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return frame


@contextmanager
def opened(content: bytes | Path) -> Iterator[int]:
    """A descriptor of a file, or of bytes in memory."""
    if isinstance(content, Path):
        fd = os.open(content, os.O_RDONLY)
    else:
        fd = os.memfd_create("clip")
        os.write(fd, content)
    try:
        yield fd
    finally:
        os.close(fd)


def facts_of(content: bytes | Path) -> MediaFacts:
    """Probe a file, or bytes as if they were one, in this process."""
    with opened(content) as fd:
        return probe(fd, os.fstat(fd).st_size)


def box(kind: bytes, *parts: bytes) -> bytes:
    """One box of the MP4 family."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def shared_corpus() -> Path:
    """The folder of real media beside the project; the test is skipped where it is absent."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "corpus"
    if not (folder / "manifest.json").is_file():
        pytest.skip("the shared corpus of real media does not lie beside the project (../shared/corpus)")
    return folder

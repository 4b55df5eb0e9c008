"""Whole files made anew as people's programs make them: other containers, other encoders, other headers."""

import itertools
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.video.frame import PictureType
from av.video.stream import VideoStream


def remux(source: Path, target: Path, **options: str) -> Path:
    """Pictures and sound into a new container, packets as they are (`ffmpeg -c copy`); `options` go to the muxer."""
    with av.open(str(source)) as old, av.open(str(target), "w", options=options) as new:
        wanted = [stream for stream in old.streams if isinstance(stream, VideoStream | AudioStream)]
        kept = {stream.index: new.add_stream_from_template(stream) for stream in wanted}
        for packet in old.demux(wanted):
            if packet.dts is not None:
                packet.stream = kept[packet.stream.index]
                new.mux(packet)
    return target


def reencode(source: Path, target: Path, **encoder: str) -> Path:
    """The picture (its first 60 frames) encoded again by x264 at its size and rate, without sound."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        picture = old.streams.video[0]
        rate = Fraction(picture.average_rate or 25).limit_denominator(1000)
        again = new.add_stream("libx264", rate=rate)
        assert isinstance(again, VideoStream)
        again.width, again.height, again.pix_fmt = picture.width, picture.height, "yuv420p"
        again.options = {"preset": "ultrafast", **encoder}
        for number, frame in enumerate(itertools.islice(old.decode(picture), 60)):
            whole = frame.reformat(format="yuv420p")
            whole.pts, whole.time_base, whole.pict_type = number, 1 / rate, PictureType.NONE
            new.mux(again.encode(whole))
        new.mux(again.encode())
    return target


def replaced(source: Path, target: Path, old: bytes, new: bytes) -> Path:
    """The same file with some bytes written over others of equal length."""
    assert len(old) == len(new)
    data = source.read_bytes()
    assert old in data
    target.write_bytes(data.replace(old, new))
    return target


def date_shifted(source: Path, target: Path, seconds: int) -> Path:
    """Creation and modification times of all headers moved in place, as a metadata tool does."""
    return _headers(source, target, lambda created, modified: (created + seconds, modified + seconds))


def touched(source: Path, target: Path, seconds: int) -> Path:
    """Modification times of all headers moved in place, creation times left."""
    return _headers(source, target, lambda created, modified: (created, modified + seconds))


def _headers(source: Path, target: Path, change: Callable[[int, int], tuple[int, int]]) -> Path:
    data = bytearray(source.read_bytes())
    for kind in (b"mvhd", b"tkhd", b"mdhd"):
        at = data.find(kind)
        while at >= 0:
            if data[at + 4] == 0:
                struct.pack_into(">II", data, at + 8, *change(*struct.unpack_from(">II", data, at + 8)))
            at = data.find(kind, at + 4)
    target.write_bytes(data)
    return target


def without_words(source: Path, target: Path) -> Path:
    """Names of programs blotted out in place, in the picture too."""
    data = source.read_bytes()
    for word in (b"x264", b"Lavc", b"Lavf"):
        data = data.replace(word, b"\xff" * len(word))
    target.write_bytes(data)
    return target

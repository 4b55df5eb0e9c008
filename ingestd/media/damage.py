"""Damage inside the media of one file, whatever its container. Bounded in time; reads every byte once, decodes none.

An operation of its own in the worker and no part of `probe`: the facts of an index cost some milliseconds and under 2 %
of the file, this look costs one reading of it. Where it fails, the facts stand.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import av.error

from ingestd.core.clock import SystemClock
from ingestd.core.damage import merged
from ingestd.core.facts import Damage
from ingestd.media.boxes import ByteSource, Problems
from ingestd.media.demux import open_input
from ingestd.media.moviedamage import movie_damage
from ingestd.media.nalunits import header_fault, is_slice, unit_type
from ingestd.media.riffdamage import riff_damage
from ingestd.media.sniff import HEAD_BYTES, sniff
from ingestd.media.transportdamage import TransportWalk
from ingestd.media.zeroruns import SHORTEST_RUN_BYTES

_MOVIES = ("mp4", "mov", "3gp")
_MAX_PACKETS = 10_000_000
_MAX_PLACES = 100_000
_LENGTH_PLACE = {"h264": 4, "hevc": 21}


@dataclass(frozen=True, slots=True)
class DamageLook:
    """What was found; `problems` are plain words about what could not be looked at."""

    damage: tuple[Damage, ...]
    problems: tuple[str, ...]


def find_damage(
    fd: int, size_bytes: int, *, unreadable: Sequence[tuple[int, int]] = (), seconds: float = 30.0
) -> DamageLook:
    """Look for damage in the regular file behind a descriptor.

    Args:
        fd: open for reading; its position may be moved.
        size_bytes: how much of the file counts.
        unreadable: half-open ranges of it that are known to be lost (zeros stand there).
        seconds: after so long no further byte is looked at; `problems` then says how far the look came.
    """
    source, problems, clock = ByteSource(fd, size_bytes), Problems(), SystemClock()
    until = clock.steady_seconds() + seconds

    def is_late() -> bool:
        return clock.steady_seconds() > until

    ranges = tuple(unreadable)
    _, container = sniff(source.read(0, HEAD_BYTES), size_bytes)
    found: Iterator[Damage] = iter(())
    if container in _MOVIES:
        found = movie_damage(source, ranges, is_late, problems)
    elif container == "mpegts":
        found = TransportWalk(source, is_late, problems).damages()
    elif container == "avi":
        found = riff_damage(source, ranges, is_late, problems)
    elif container == "matroska":
        found = _packet_damage(source, is_late, problems)
    places = list(islice(found, _MAX_PLACES))
    if len(places) == _MAX_PLACES:
        problems.add(f"more than {_MAX_PLACES} damaged places; the rest was not looked at")
    return DamageLook(merged(places), problems.texts())


def _packet_damage(source: ByteSource, is_late: Callable[[], bool], problems: Problems) -> Iterator[Damage]:
    """Matroska: what the demuxer says of its packets, and the chains of H.264 and HEVC units inside them."""
    try:
        with open_input(source.fd, "matroska,webm") as opened:
            for count, packet in enumerate(opened.demux()):
                if packet.size == 0 or packet.pts is None or packet.time_base is None:
                    continue
                if is_late() or count > _MAX_PACKETS:
                    problems.add(f"packets were looked at up to second {float(packet.pts * packet.time_base):.1f} only")
                    return
                kind = "packet" if packet.is_corrupt else None
                stream = packet.stream
                if kind is None and stream.type == "video" and stream.codec_context is not None:
                    kind = _unit_fault(stream.codec_context.name, stream.codec_context.extradata, bytes(packet))
                if kind is not None:
                    start_s = float(packet.pts * packet.time_base)
                    end_s = start_s + float((packet.duration or 0) * packet.time_base)
                    span = None if packet.pos is None else (packet.pos, packet.pos + packet.size)
                    yield Damage(kind=kind, start_s=round(start_s, 6), end_s=round(end_s, 6), bytes=span)
    except (av.error.FFmpegError, UnicodeDecodeError, IndexError) as error:
        problems.add(f"packets were looked at in part only: {type(error).__name__}")


def _unit_fault(codec: str, config: bytes | None, data: bytes) -> str | None:
    place = _LENGTH_PLACE.get(codec)
    if place is None or config is None or len(config) <= place or config[0] != 1:
        return None
    wide = (config[place] & 3) + 1
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + wide], "big")
        unit = data[at + wide : at + wide + length]
        if length == 0 or len(unit) < length:
            is_padding = at > 0 and not any(data[at:])
            return None if is_padding else "chain"
        fault = header_fault(codec, unit[:2])
        if fault is not None:
            return fault
        if is_slice(codec, unit_type(codec, unit[0])) and bytes(SHORTEST_RUN_BYTES) in unit.rstrip(b"\0"):
            return "zeros"
        at += wide + length
    return None

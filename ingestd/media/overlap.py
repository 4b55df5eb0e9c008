"""Whether one file begins with the packets that another ends with: seconds before the button, kept twice."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import av
from av.container import InputContainer

from ingestd.core.errors import MediaError
from ingestd.media.boxes import ByteSource
from ingestd.media.demux import open_input
from ingestd.media.sniff import HEAD_BYTES, sniff

MAX_PACKETS = 20_000
MARGIN_S = 5.0
"""Names carry whole seconds, and key pictures stand seconds apart."""
_DEMUXERS = {"avi": "avi", "mpegts": "mpegts", "mpegps": "mpeg", "matroska": "matroska,webm"}
_LEAST_PACKETS = 3
_LEAST_BYTES = 2048
"""Fewer bytes may be equal by chance: a picture in which nothing moves is a few bytes."""


class _Packet(NamedTuple):
    digest: bytes
    time_s: float
    size_bytes: int


def find_overlap(earlier: int, earlier_bytes: int, later: int, later_bytes: int, seconds: float) -> dict[str, float]:
    """Compare the end of one file with the start of another, packet by packet, nothing decoded.

    Args:
        earlier, later: descriptors of regular files (their positions are moved).
        earlier_bytes, later_bytes: their sizes.
        seconds: by how much they overlap by their times.

    Returns:
        `packets` and `seconds` of pictures at the end of the earlier that the later begins with, 0 for none, and
        `compared`, the packets looked at in the later.

    Raises:
        MediaError: one of them has no pictures that can be read.
    """
    tail = _pictures(earlier, earlier_bytes, last_s=seconds + MARGIN_S)
    head = _pictures(later, later_bytes, first_s=seconds + MARGIN_S)
    if not tail or not head:
        raise MediaError("no packets of pictures to compare")
    ends = [one.digest for one in tail]
    begins = [one.digest for one in head]
    for place, digest in enumerate(ends):
        count = len(ends) - place
        if digest == begins[0] and ends[place:] == begins[:count]:
            shared = tail[place:]
            is_telling = count >= _LEAST_PACKETS and sum(one.size_bytes for one in shared) >= _LEAST_BYTES
            if is_telling:
                step_s = (shared[-1].time_s - shared[0].time_s) / (count - 1)
                length_s = shared[-1].time_s - shared[0].time_s + step_s
                return {"packets": count, "seconds": round(length_s, 3), "compared": len(head)}
    return {"packets": 0, "seconds": 0.0, "compared": len(head)}


def _pictures(fd: int, size_bytes: int, *, last_s: float | None = None, first_s: float | None = None) -> list[_Packet]:
    """Packets of the first stream of pictures at the end or at the start of a file, in the order of decoding."""
    kind, container = sniff(ByteSource(fd, size_bytes).read(0, HEAD_BYTES), size_bytes)
    if not kind.is_timed:
        raise MediaError("not a file that runs in time")
    try:
        # What is none of these is of the MP4 family, or has no pictures.
        with open_input(fd, _DEMUXERS.get(container or "", "mov")) as opened:
            if not opened.streams.video:
                return []
            return list(_packets(opened, last_s, first_s))
    except (av.error.FFmpegError, UnicodeDecodeError) as error:
        raise MediaError("the packets cannot be read") from error


def _packets(opened: InputContainer, last_s: float | None, first_s: float | None) -> Iterator[_Packet]:
    stream = opened.streams.video[0]
    if last_s is not None and opened.duration is not None:
        start = opened.start_time or 0
        target = start + max(0, opened.duration - int(last_s * av.time_base))
        if target > start:
            opened.seek(target, backward=True)
    begins: float | None = None
    try:
        for number, packet in enumerate(opened.demux(stream)):
            time = packet.dts if packet.dts is not None else packet.pts
            if packet.size == 0 or time is None:
                continue
            time_s = float(time * packet.time_base)
            begins = time_s if begins is None else begins
            if number >= MAX_PACKETS or (first_s is not None and time_s - begins > first_s):
                return
            yield _Packet(hashlib.blake2b(bytes(packet), digest_size=16).digest(), time_s, packet.size)
    except IndexError:
        # A stream that appears late: what was read before it counts.
        return

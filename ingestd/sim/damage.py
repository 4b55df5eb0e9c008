"""Faults made by editing the bytes of a finished clip, and what they leave intact."""

import os
from pathlib import Path
from typing import NamedTuple

from ingestd.core.errors import MediaError
from ingestd.core.facts import StreamKind
from ingestd.media.boxes import Box, ByteSource, Problems, top_level
from ingestd.media.footage import packet_places

BLOCK_BYTES = 4096


class ZeroedBlock(NamedTuple):
    """What was zeroed: half-open bytes of the file, and the seconds of the packets that lie there."""

    from_byte: int
    to_byte: int
    start_s: float
    end_s: float


def tear_without_index(path: Path, share: float = 0.7) -> float:
    """Leave an MP4 as a recorder without power leaves it: media data cut at `share`, its length unknown, no `moov`.

    Returns:
        The last intact second: whatever ends before it is there in full.
    """
    media = _media_data(path)
    cut_bytes = media.body + int((media.end - media.body) * share)
    intact_s = _intact_until_s(path, cut_bytes)
    with path.open("r+b") as file:
        # The recorder would have filled in the length at the end; 0 means "up to the end of the file" (14496-12, 4.2).
        file.seek(media.start)
        file.write(b"\0\0\0\0")
        file.truncate(cut_bytes)
    return intact_s


def tear_behind_index(path: Path, share: float = 0.6) -> float:
    """Cut an MP4 whose index lies in front at `share` of its bytes.

    Returns:
        The last intact second.
    """
    cut_bytes = int(path.stat().st_size * share)
    intact_s = _intact_until_s(path, cut_bytes)
    os.truncate(path, cut_bytes)
    return intact_s


def zero_block(path: Path) -> ZeroedBlock:
    """Zero one aligned block of 4 KiB that holds the beginning of a key frame near the middle of the clip."""
    places = packet_places(path)
    keys = [place for place in places if place.kind is StreamKind.VIDEO and place.is_key]
    key = keys[len(keys) // 2]
    from_byte = key.position_bytes // BLOCK_BYTES * BLOCK_BYTES
    to_byte = min(from_byte + BLOCK_BYTES, max(place.position_bytes + place.size_bytes for place in places))
    hit = [p for p in places if p.position_bytes < to_byte and p.position_bytes + p.size_bytes > from_byte]
    with path.open("r+b") as file:
        file.seek(from_byte)
        file.write(bytes(to_byte - from_byte))
    start_s = min(place.start_s for place in hit)
    end_s = max(place.start_s + place.duration_s for place in hit)
    return ZeroedBlock(from_byte, to_byte, round(start_s, 6), round(end_s, 6))


def _intact_until_s(path: Path, cut_bytes: int) -> float:
    """The start of the first packet that the cut takes or breaks."""
    lost = [p.start_s for p in packet_places(path) if p.position_bytes + p.size_bytes > cut_bytes]
    return round(min(lost), 6)


def _media_data(path: Path) -> Box:
    with path.open("rb") as file:
        source = ByteSource(file.fileno(), path.stat().st_size)
        for box in top_level(source, Problems()):
            if box.type == "mdat":
                return box
    raise MediaError(f"{path.name} has no media data")

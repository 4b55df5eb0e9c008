"""Chains of NAL units: the pictures of H.264 (ITU-T H.264, 7.4.1) and HEVC (H.265, 7.4.2) as files store them.

A sample is a row of (length, unit). Nothing is decoded: a length, a header byte and the rule that no unit holds three
zero bytes in a row (7.4.1, emulation prevention) tell damage that neither the index nor a demuxer sees.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from ingestd.media.boxes import ByteSource
from ingestd.media.sampledescription import SampleDescription

MAX_UNITS_OF_A_SAMPLE = 4096

_NAL_CODECS = ("h264", "hevc")
_HEVC_SLICES = range(32)
_H264_SLICES = range(1, 6)
_H264_UNUSUAL = frozenset({0, 17, 18, 22, 23, *range(24, 32)})
_HEVC_UNUSUAL = frozenset({*range(41, 64)})


class NalFormat(NamedTuple):
    """How units are stored: the codec (`h264`, `hevc`), and how many bytes a length takes."""

    codec: str
    length_bytes: int


class NalUnit(NamedTuple):
    """One unit: half-open bytes of the file, header included, and its type."""

    start: int
    end: int
    type: int


@dataclass(slots=True)
class ChainWalk:
    """One sample, walked. `fault` says why its chain cannot be (null where it can); `oddities` are what recorders do
    by habit and damage does by chance: types that the standard leaves open, and empty units."""

    units: list[NalUnit] = field(default_factory=list)
    fault: str | None = None
    oddities: list[str] = field(default_factory=list)


def nal_format(description: SampleDescription) -> NalFormat | None:
    """How the samples of a track are stored; null for other codecs and for encrypted ones, whose tag is not theirs."""
    if description.codec not in _NAL_CODECS or description.nal_length_bytes is None:
        return None
    return NalFormat(description.codec, description.nal_length_bytes)


def unit_type(codec: str, header: int) -> int:
    """The type from the first byte of a unit."""
    return header & 31 if codec == "h264" else header >> 1 & 63


def is_slice(codec: str, kind: int) -> bool:
    """Whether a unit of this type holds a part of a picture."""
    return kind in (_H264_SLICES if codec == "h264" else _HEVC_SLICES)


def header_fault(codec: str, header: bytes) -> str | None:
    """Why these cannot be the first bytes of a unit; null where they can."""
    if header[0] & 0x80:
        return "header"
    # HEVC: a temporal id of 0 is forbidden (7.4.2.2).
    if codec == "hevc" and (len(header) < 2 or header[1] & 7 == 0):
        return "header"
    return None


def walk_chain(source: ByteSource, place: int, size: int, how: NalFormat) -> ChainWalk:
    """Walk the units of one sample by their lengths, reading only lengths and headers."""
    walk, end, wide = ChainWalk(), place + size, how.length_bytes
    unusual = _H264_UNUSUAL if how.codec == "h264" else _HEVC_UNUSUAL
    at = place
    while at < end:
        if len(walk.units) + len(walk.oddities) > MAX_UNITS_OF_A_SAMPLE:
            walk.fault = "chain"
            return walk
        head = source.read(at, min(wide + 2, end - at))
        length = int.from_bytes(head[:wide], "big")
        if len(head) < wide or length > end - at - wide:
            is_padding = len(head) < wide and bool(walk.units) and not any(head)
            if is_padding:
                walk.oddities.append("empty unit")
            else:
                walk.fault = "chain"
            return walk
        if length == 0:
            if "empty unit" not in walk.oddities:
                walk.oddities.append("empty unit")
            if not walk.units:
                walk.fault = "chain"
                return walk
            at += wide
            if end - at > 64 and not any(source.read(at, end - at)):
                return walk
            continue
        walk.fault = header_fault(how.codec, head[wide : wide + min(length, 2)])
        if walk.fault is not None:
            return walk
        kind = unit_type(how.codec, head[wide])
        if kind in unusual:
            walk.oddities.append(f"type {kind}")
        walk.units.append(NalUnit(at + wide, at + wide + length, kind))
        at += wide + length
    if not walk.units:
        walk.fault = "chain"
    return walk

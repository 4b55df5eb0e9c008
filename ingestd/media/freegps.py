"""`freeGPS` blocks of Novatek recorders, which a `gps ` box of the index lists.

Source: ExifTool's description of these blocks (QuickTimeStream, types 17 and 17c) and published dumps. Their clock is
set by people and may be local: it is not taken for the satellites'.
"""

import math
import struct
from typing import Final, NamedTuple

BLOCK_BYTES: Final = 92

_DEGREES_SIZE = 0x4000
_KNOT_MPS, _KMH_MPS = 1852 / 3600, 1 / 3.6


class BlockPoint(NamedTuple):
    """One position. Not `is_valid`: the receiver says that it had no fix."""

    latitude: float
    longitude: float
    speed_mps: float | None
    is_valid: bool


def block_point(block: bytes) -> BlockPoint | None:
    """The position of the first `BLOCK_BYTES` of a block; null for other bytes. Never raises, whatever they are.

    Degrees and minutes in one number, knots; Transcend's body cameras (type 17c, blocks of 16 KiB) write plain
    degrees and km/h: told by the numbers, which as minutes would all lie off the coast of Africa.
    """
    if len(block) < BLOCK_BYTES or block[4:12] != b"freeGPS ":
        return None
    hour, minute, second, _, month, day = struct.unpack_from("<6I", block, 48)
    active, north, east = (block[at : at + 1] for at in (72, 73, 74))
    if not (hour < 24 and minute < 60 and second <= 60 and month <= 12 and day <= 31):
        return None
    if active not in (b"A", b"V") or north not in (b"N", b"S") or east not in (b"E", b"W"):
        return None
    latitude, longitude, speed = struct.unpack_from("<3f", block, 76)
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    is_plain = int.from_bytes(block[:4], "big") == _DEGREES_SIZE and 0 < latitude <= 90 and 0 < longitude <= 180
    if not is_plain:
        latitude, longitude = _degrees(latitude), _degrees(longitude)
    speed = speed * (_KMH_MPS if is_plain else _KNOT_MPS)
    return BlockPoint(
        -abs(latitude) if north == b"S" else latitude,
        -abs(longitude) if east == b"W" else longitude,
        speed if math.isfinite(speed) and speed >= 0 else None,
        active == b"A",
    )


def _degrees(value: float) -> float:
    """Of `DDDMM.MMMM`."""
    whole = math.trunc(value / 100)
    return whole + (value - 100 * whole) / 60

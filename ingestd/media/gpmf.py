"""GPMF, the telemetry of GoPro cameras (`gpmd` tracks): positions of GPS5 and GPS9 streams.

Source: the format's publication, github.com/gopro/gpmf-parser. Each sample is a tree of key, type, size, repeat; values
are big-endian and padded to four bytes.
"""

import datetime as dt
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ingestd.core.clock import to_text

MAX_PAYLOAD_BYTES: Final = 4 * 1024 * 1024
MAX_POINTS_OF_PAYLOAD: Final = 4096
_MAX_ENTRIES = 20_000

DATUM: Final = "WGS-84"
"""As the publication says of GPS5 and GPS9."""

_NO_LOCK_DOP = 99.0
_FIX: Final[Mapping[int, str]] = {0: "none", 2: "2d", 3: "3d"}
_EPOCH_2000 = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_SCALES = {b"b": "b", b"B": "B", b"s": "h", b"S": "H", b"l": "i", b"L": "I", b"f": "f", b"d": "d"}


@dataclass(frozen=True, slots=True)
class GpmfPoint:
    """One position. `fraction` is its place within the sample, 0 up to 1; `utc` of GPS5 only on a sample's first."""

    key: str
    fraction: float
    latitude: float
    longitude: float
    altitude_m: float
    speed_mps: float
    quality: str | None
    dop: float | None
    utc: str | None


@dataclass(slots=True)
class _Stream:
    """What the keys of one `STRM` said so far; they hold for the data behind them."""

    scales: tuple[float, ...] = ()
    quality: str | None = None
    dop: float | None = None
    utc: str | None = None
    points: list[GpmfPoint] = field(default_factory=list)


def gpmf_points(payload: bytes) -> list[GpmfPoint]:
    """The positions of one sample; empty where there are none. Never raises, whatever the bytes."""
    found: list[GpmfPoint] = []
    left = [_MAX_ENTRIES]
    for key, kind, _, device in _entries(payload, left):
        if key != b"DEVC" or kind != b"\0":
            continue
        for inner, inner_kind, _, body in _entries(device, left):
            if inner == b"STRM" and inner_kind == b"\0":
                found.extend(_stream_points(body, left))
    return found[:MAX_POINTS_OF_PAYLOAD]


def _entries(data: bytes, left: list[int]) -> Iterator[tuple[bytes, bytes, int, bytes]]:
    """(key, type, size of one, body) of the entries of a level; a torn one ends the walk."""
    at = 0
    while at + 8 <= len(data) and left[0] > 0:
        left[0] -= 1
        key, kind, size, repeat = struct.unpack_from(">4scBH", data, at)
        end = at + 8 + size * repeat
        if key == b"\0\0\0\0" or end > len(data):
            return
        yield key, kind, size, data[at + 8 : end]
        at = end + -end % 4


def _stream_points(data: bytes, left: list[int]) -> list[GpmfPoint]:
    stream = _Stream()
    for key, kind, size, body in _entries(data, left):
        if key == b"SCAL":
            stream.scales = _numbers(kind, body)
        elif key == b"GPSF" and len(body) >= 4:
            stream.quality = _FIX.get(int.from_bytes(body[:4], "big"))
        elif key == b"GPSP" and len(body) >= 2:
            stream.dop = int.from_bytes(body[:2], "big") / 100
        elif key == b"GPSU":
            stream.utc = _time_of(body)
        elif key == b"GPS5" and kind == b"l" and size == 20 and len(stream.scales) in (1, 5):
            _take_gps5(stream, body)
        elif key == b"GPS9" and size == 32 and len(stream.scales) == 9:
            _take_gps9(stream, body)
    return stream.points


def _numbers(kind: bytes, body: bytes) -> tuple[float, ...]:
    letter = _SCALES.get(kind)
    if letter is None:
        return ()
    count = len(body) // struct.calcsize(letter)
    return tuple(float(one) or 1.0 for one in struct.unpack_from(f">{min(count, 16)}{letter}", body))


def _time_of(body: bytes) -> str | None:
    """`yymmddhhmmss.sss`, in UTC."""
    try:
        moment = dt.datetime.strptime(body[:16].decode("ascii"), "%y%m%d%H%M%S.%f")
    except ValueError:
        return None
    return to_text(moment.replace(tzinfo=dt.UTC))


def _take_gps5(stream: _Stream, body: bytes) -> None:
    scales = stream.scales * 5 if len(stream.scales) == 1 else stream.scales
    count = min(len(body) // 20, MAX_POINTS_OF_PAYLOAD)
    quality = "none" if stream.dop is not None and stream.dop >= _NO_LOCK_DOP else stream.quality
    for number in range(count):
        values = struct.unpack_from(">5i", body, 20 * number)
        latitude, longitude, altitude, speed, _ = (one / scale for one, scale in zip(values, scales, strict=True))
        utc = stream.utc if number == 0 else None
        stream.points.append(
            GpmfPoint("gps5", number / count, latitude, longitude, altitude, speed, quality, stream.dop, utc)
        )


def _take_gps9(stream: _Stream, body: bytes) -> None:
    """Latitude, longitude, altitude, speeds, days since 2000, seconds since midnight, DOP, fix; each its own time."""
    count = min(len(body) // 32, MAX_POINTS_OF_PAYLOAD)
    for number in range(count):
        raw = struct.unpack_from(">7i2H", body, 32 * number)
        values = [one / scale for one, scale in zip(raw, stream.scales, strict=True)]
        latitude, longitude, altitude, speed, _, days, seconds, dop, kind = values
        quality = "none" if dop >= _NO_LOCK_DOP else _FIX.get(int(kind))
        try:
            utc = to_text(_EPOCH_2000 + dt.timedelta(days=days, seconds=seconds))
        except (OverflowError, ValueError):
            utc = None
        stream.points.append(GpmfPoint("gps9", number / count, latitude, longitude, altitude, speed, quality, dop, utc))

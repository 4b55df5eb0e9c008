"""Camera motion metadata (`camm` tracks): positions of samples of type 5 and 6.

Source: the publication, developers.google.com/streetview/publish/camm-spec. Values are little-endian.
"""

import datetime as dt
import math
import struct
from typing import Final, NamedTuple

from ingestd.core.clock import to_text

MAX_SAMPLE_BYTES: Final = 64

_GPS_EPOCH = dt.datetime(1980, 1, 6, tzinfo=dt.UTC)
_LEAP_SECONDS = (
    (dt.datetime(2017, 1, 1, tzinfo=dt.UTC), 18),
    (dt.datetime(2015, 7, 1, tzinfo=dt.UTC), 17),
    (dt.datetime(2012, 7, 1, tzinfo=dt.UTC), 16),
    (_GPS_EPOCH, 15),
)
_FIX = {0: "none", 2: "2d", 3: "3d"}


class CammPoint(NamedTuple):
    """One position. Null where the sample is silent."""

    latitude: float
    longitude: float
    altitude_m: float
    speed_mps: float | None = None
    quality: str | None = None
    utc: str | None = None


def camm_point(sample: bytes) -> CammPoint | None:
    """The position of one sample; null for samples of other kinds. Never raises, whatever the bytes."""
    if len(sample) < 4:
        return None
    kind = int.from_bytes(sample[2:4], "little")
    if kind == 5 and len(sample) >= 28:
        return CammPoint(*struct.unpack_from("<3d", sample, 4))
    if kind == 6 and len(sample) >= 60:
        time, fix, latitude, longitude, altitude, _, _, east, north, _, _ = struct.unpack_from("<di2d7f", sample, 4)
        speed = math.hypot(east, north)
        return CammPoint(
            latitude, longitude, altitude, speed if math.isfinite(speed) else None, _FIX.get(fix), _utc(time)
        )
    return None


def _utc(gps_seconds: float) -> str | None:
    """Of seconds since the satellites' epoch, which know no leap seconds."""
    try:
        moment = _GPS_EPOCH + dt.timedelta(seconds=gps_seconds)
        leap = next(seconds for since, seconds in _LEAP_SECONDS if moment >= since)
        return to_text(moment - dt.timedelta(seconds=leap))
    except (OverflowError, ValueError, StopIteration):
        return None

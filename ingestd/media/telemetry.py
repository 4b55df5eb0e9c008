"""Single positions as recorders write them: `$G:` text of Ambarella body cameras, ISO 6709 tags, EXIF of a photo."""

import math
import re
from collections.abc import Mapping
from typing import Any

from ingestd.core.facts import Fix
from ingestd.core.fixdoubts import place_doubts

_TRACK_TEXT = re.compile(
    r"\$G:(?P<date>\d{4}-\d\d-\d\d) (?P<time>\d\d:\d\d:\d\d)-(?P<ns>[NS])(?P<lat>\d{1,3}(?:\.\d+)?)-"
    r"(?P<ew>[EW])(?P<lon>\d{1,3}(?:\.\d+)?)"
)
_ISO6709 = re.compile(
    r"(?P<lat>[+-]\d{2,6}(?:\.\d+)?)(?P<lon>[+-]\d{3,7}(?:\.\d+)?)(?P<alt>[+-]\d+(?:\.\d+)?)?(?:CRS(?P<crs>[\w:]+))?"
)


def make_fix(latitude: float, longitude: float, source: str, **fields: Any) -> Fix | None:
    """A fix, marked doubtful where it cannot be believed: off the globe, or at 0,0 (a receiver without a fix).

    Null for values that are no numbers at all; altitudes and speeds that are none are left out.
    """
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    doubts = (*fields.pop("doubts", ()), *place_doubts(latitude, longitude))
    for name in ("altitude_m", "speed_mps"):
        if fields.get(name) is not None and not math.isfinite(fields[name]):
            fields[name] = None
    return Fix(latitude=latitude, longitude=longitude, source=source, is_doubtful=bool(doubts), doubts=doubts, **fields)


def parse_track_text(text: str, at_s: float | None = None) -> Fix | None:
    """A sample `$G:YYYY-MM-DD HH:MM:SS-N22.1-E113.2-S12` of an Ambarella body camera; null for other text.

    The time is the receiver's, hence taken for UTC. The speed after `S` is left out: its unit is not published.
    """
    match = _TRACK_TEXT.search(text)
    if match is None:
        return None
    latitude = float(match["lat"]) * (-1 if match["ns"] == "S" else 1)
    longitude = float(match["lon"]) * (-1 if match["ew"] == "W" else 1)
    utc = f"{match['date']}T{match['time']}.000Z"
    return make_fix(latitude, longitude, "track.text", at_s=None if at_s is None else round(at_s, 6), utc=utc)


def parse_iso6709(text: str, source: str) -> Fix | None:
    """A location like `+33.1268-117.3273+12.5/` (ISO 6709, Annex H): degrees, or degrees, minutes and seconds."""
    match = _ISO6709.match(text)
    if match is None:
        return None
    altitude = float(match["alt"]) if match["alt"] else None
    crs = match["crs"]
    return make_fix(
        _degrees(match["lat"], 2),
        _degrees(match["lon"], 3),
        source,
        altitude_m=altitude,
        datum="WGS-84" if crs and crs.upper().startswith("WGS_84") else crs or "undeclared",
    )


def _degrees(text: str, degree_digits: int) -> float:
    """`±DD.d`, `±DDMM.m` or `±DDMMSS.s`, told apart by the number of digits before the point."""
    sign, digits = (-1.0 if text[0] == "-" else 1.0), text[1:]
    whole = len(digits.split(".")[0])
    if whole <= degree_digits + 1:
        return sign * float(digits)
    degrees = float(digits[:degree_digits])
    if whole <= degree_digits + 3:
        return sign * (degrees + float(digits[degree_digits:]) / 60)
    minutes, seconds = digits[degree_digits : degree_digits + 2], digits[degree_digits + 2 :]
    return sign * (degrees + float(minutes) / 60 + float(seconds) / 3600)


def exif_fix(gps: Mapping[int, Any]) -> Fix | None:
    """The fix of a photo's GPS directory (EXIF 2.32, 4.6.6), by tag number; null where it has no position.

    Raises:
        TypeError, ValueError, ZeroDivisionError: the directory holds values of a wrong shape.
    """
    if 2 not in gps or 4 not in gps:
        return None
    latitude = _sexagesimal(gps[2]) * (-1 if str(gps.get(1, "N")).upper().startswith("S") else 1)
    longitude = _sexagesimal(gps[4]) * (-1 if str(gps.get(3, "E")).upper().startswith("W") else 1)
    altitude = float(gps[6]) if 6 in gps else None
    if altitude is not None and gps.get(5) in (1, b"\1"):
        altitude = -altitude
    if altitude is not None and not math.isfinite(altitude):
        altitude = None
    datum = str(gps.get(18) or "").strip("\0 ") or "undeclared"
    return make_fix(latitude, longitude, "exif", altitude_m=altitude, utc=_exif_utc(gps), datum=datum)


def _sexagesimal(value: Any) -> float:
    degrees, minutes, seconds = (float(part) for part in value)
    return degrees + minutes / 60 + seconds / 3600


def _exif_utc(gps: Mapping[int, Any]) -> str | None:
    """GPSDateStamp and GPSTimeStamp; UTC by the standard."""
    date = re.fullmatch(r"(\d{4}):(\d\d):(\d\d)\0*", str(gps.get(29, "")))
    if date is None or 7 not in gps:
        return None
    hours, minutes, seconds = (float(part) for part in gps[7])
    if not (0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 61):
        return None
    return f"{date[1]}-{date[2]}-{date[3]}T{int(hours):02}:{int(minutes):02}:{seconds:06.3f}Z"

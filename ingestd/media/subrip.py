"""SubRip sidecars: positions in the text of cues, as DJI aircraft and recorders with `$G:` or NMEA lines write them."""

import re
from collections.abc import Iterator
from typing import Final

from ingestd.core.facts import Fix
from ingestd.media.nmea import NmeaReader
from ingestd.media.telemetry import make_fix, parse_track_text

MAX_CUES: Final = 200_000
_MAX_CUE_CHARACTERS = 4096

_CUE = re.compile(r"^(\d{1,3}):([0-5]\d):([0-5]\d)[,.](\d{1,3})[ \t]*-->", re.ASCII | re.MULTILINE)
_NUMBER = r"([+-]?\d{1,3}(?:\.\d{1,12})?)"
_TRIPLE = re.compile(rf"\bGPS ?\( ?{_NUMBER} ?, ?{_NUMBER} ?[,)]", re.ASCII)
_LATITUDE = re.compile(rf"\[ ?latitude ?: ?{_NUMBER} ?\]", re.ASCII)
# The maker's own spelling, too.
_LONGITUDE = re.compile(rf"\[ ?longt?itude ?: ?{_NUMBER} ?\]", re.ASCII)
_ALTITUDE = re.compile(r"\babs_alt: ?(-?\d{1,5}(?:\.\d{1,6})?)", re.ASCII)


def is_subrip(text: str) -> bool:
    """Whether a text begins with a cue."""
    return _CUE.search(text[:400]) is not None


def subrip_fixes(text: str) -> list[Fix]:
    """The fixes of a SubRip text, each at the start of its cue."""
    nmea = NmeaReader("sidecar.nmea")
    found: list[Fix] = []
    for at_s, cue in _cues(text):
        fix = parse_track_text(cue, at_s=at_s) or _dji_fix(cue, at_s)
        if fix is not None:
            found.append(fix if fix.source == "sidecar.dji" else fix.model_copy(update={"source": "sidecar.text"}))
        else:
            nmea.take(cue, at_s)
    return [*found, *nmea.close()]


def _cues(text: str) -> Iterator[tuple[float, str]]:
    marks = [mark for _, mark in zip(range(MAX_CUES), _CUE.finditer(text), strict=False)]
    for number, mark in enumerate(marks):
        end = marks[number + 1].start() if number + 1 < len(marks) else len(text)
        hours, minutes, seconds, rest = mark.groups()
        at_s = int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(rest.ljust(3, "0")) / 1000
        yield at_s, text[mark.end() : min(end, mark.end() + _MAX_CUE_CHARACTERS)]


def _dji_fix(cue: str, at_s: float) -> Fix | None:
    """`[latitude: …] [longitude: …]`, or the older `GPS(longitude,latitude,…)`.

    The third number is a height on some aircraft and a count of satellites on others: it is left out. So is the
    cue's date, which is the controller's and not the satellites'.
    """
    latitude, longitude = _LATITUDE.search(cue), _LONGITUDE.search(cue)
    if latitude is not None and longitude is not None:
        height = _ALTITUDE.search(cue)
        return make_fix(
            float(latitude[1]),
            float(longitude[1]),
            "sidecar.dji",
            at_s=at_s,
            altitude_m=float(height[1]) if height is not None else None,
        )
    triple = _TRIPLE.search(cue)
    return make_fix(float(triple[2]), float(triple[1]), "sidecar.dji", at_s=at_s) if triple is not None else None

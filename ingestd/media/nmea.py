"""NMEA 0183 in text tracks and sidecars: positions of RMC and GGA sentences, by any talker, checksums held.

Own and small: the library for it has had no release since January 2023.
"""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ingestd.core.clock import to_text
from ingestd.core.facts import Fix
from ingestd.media.telemetry import make_fix

MAX_SENTENCES: Final = 400_000
IMPRECISE_DOP: Final = 20.0

_SENTENCE = re.compile(r"\$([A-Z]{2}(?:RMC|GGA|DTM),[ -)+-~]{0,180})(?:\*([0-9A-Fa-f]{2}))?", re.ASCII)
_KNOT_MPS = 1852 / 3600
_GGA_QUALITY = {
    "0": "none", "1": "fix", "2": "dgps", "3": "fix", "4": "rtk", "5": "rtk", "6": "estimated", "7": "manual",
    "8": "simulated",
}  # fmt: skip
_RMC_MODE = {"D": "dgps", "E": "estimated", "M": "manual", "S": "simulated", "N": "none", "R": "rtk", "F": "rtk"}
_DATUMS = {"W84": "WGS-84", "W72": "WGS-72", "P90": "PZ-90"}


@dataclass(slots=True)
class _Pending:
    """What the sentences of one instant said so far."""

    time: str
    latitude: float
    longitude: float
    at_s: float | None
    date: str | None = None
    altitude_m: float | None = None
    speed_mps: float | None = None
    quality: str | None = None
    dop: float | None = None


class NmeaReader:
    """Takes texts in order and gives fixes; RMC and GGA of one instant make one. `refused` counts wrong checksums."""

    def __init__(self, source: str) -> None:
        self.fixes: list[Fix] = []
        self.refused = 0
        self._source = source
        self._sentences = 0
        self._pending: _Pending | None = None
        self._date: str | None = None
        self._datum = "undeclared"

    def take(self, text: str, at_s: float | None = None) -> None:
        """The sentences of a text; `at_s` is where it stands in the file, null for a file without times."""
        for match in _SENTENCE.finditer(text):
            self._sentences += 1
            if self._sentences > MAX_SENTENCES:
                return
            if match[2] is not None and _checksum(match[1]) != int(match[2], 16):
                self.refused += 1
                continue
            words = match[1].split(",")
            if words[0].endswith("DTM"):
                self._datum = _DATUMS.get(words[1], words[1] or "undeclared")[:20]
            else:
                self._position(words, at_s)

    def close(self) -> list[Fix]:
        """All fixes, the last one with them."""
        self._flush()
        return self.fixes

    def _position(self, words: list[str], at_s: float | None) -> None:
        is_rmc = words[0].endswith("RMC")
        place = 3 if is_rmc else 2
        if len(words) < 10:
            return
        latitude, longitude = _degrees(words[place], words[place + 1]), _degrees(words[place + 2], words[place + 3])
        if latitude is None or longitude is None:
            return
        own = self._pending
        if own is None or own.time != words[1] or own.at_s != at_s:
            self._flush()
            own = self._pending = _Pending(words[1], latitude, longitude, at_s)
        if is_rmc:
            own.date = words[9] or None
            own.speed_mps = _number(words[7], _KNOT_MPS)
            mode = _RMC_MODE.get(words[12][:1]) if len(words) > 12 else None
            own.quality = "none" if words[2] == "V" else own.quality or mode or "fix"
        else:
            told = _GGA_QUALITY.get(words[6])
            own.quality = "none" if own.quality == "none" else told or own.quality
            own.dop = _number(words[8])
            own.altitude_m = _number(words[9])

    def _flush(self) -> None:
        own, self._pending = self._pending, None
        if own is None:
            return
        self._date = own.date or self._date
        fix = make_fix(
            own.latitude,
            own.longitude,
            self._source,
            at_s=own.at_s,
            utc=_utc(self._date, own.time),
            altitude_m=own.altitude_m,
            speed_mps=own.speed_mps,
            quality=own.quality,
            datum=self._datum,
            doubts=("imprecise",) if own.dop is not None and own.dop > IMPRECISE_DOP else (),
        )
        if fix is not None:
            self.fixes.append(fix)


def nmea_fixes(lines: Iterable[str], source: str) -> tuple[list[Fix], int]:
    """The fixes of a text without times of its own, and how many sentences had a wrong checksum."""
    reader = NmeaReader(source)
    for line in lines:
        reader.take(line)
    return reader.close(), reader.refused


def _checksum(text: str) -> int:
    value = 0
    for byte in text.encode("latin-1", "replace"):
        value ^= byte
    return value


def _degrees(text: str, side: str) -> float | None:
    """Of `DDDMM.MMMM` and a letter."""
    if re.fullmatch(r"\d{3,5}(?:\.\d{1,12})?", text, re.ASCII) is None or side not in ("N", "S", "E", "W"):
        return None
    whole, point, rest = text.partition(".")
    degrees = int(whole[:-2] or 0) + float(f"{whole[-2:]}{point}{rest}") / 60
    return -degrees if side in ("S", "W") else degrees


def _number(text: str, scale: float = 1.0) -> float | None:
    return float(text) * scale if re.fullmatch(r"-?\d{1,9}(?:\.\d{1,9})?", text, re.ASCII) else None


def _utc(date: str | None, time: str) -> str | None:
    """Of `ddmmyy` and `hhmmss.sss`; null without a date. A leap second is the last of its minute."""
    match = re.fullmatch(r"(\d\d)(\d\d)(\d\d)(\.\d{1,6})?", time, re.ASCII)
    if match is None or date is None or re.fullmatch(r"\d{6}", date, re.ASCII) is None:
        return None
    century = 2000 if int(date[4:]) < 80 else 1900
    micros = round(float(match[4] or 0) * 1_000_000)
    try:
        moment = dt.datetime(
            century + int(date[4:]), int(date[2:4]), int(date[:2]), int(match[1]), int(match[2]),
            min(int(match[3]), 59), min(micros, 999_999), tzinfo=dt.UTC,
        )  # fmt: skip
    except ValueError:
        return None
    return to_text(moment)

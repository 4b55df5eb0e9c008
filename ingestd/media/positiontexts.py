"""Positions of a text file: GPX, SubRip, NMEA or `$G:` lines by content, and vendors' JSON, XML and lines by a rule."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ingestd.core.facts import Fix
from ingestd.core.sidecars import SidecarRule
from ingestd.media.boxes import ByteSource, Problems
from ingestd.media.nmea import nmea_fixes
from ingestd.media.subrip import is_subrip, subrip_fixes
from ingestd.media.telemetry import make_fix, parse_track_text
from ingestd.media.tracks import thinned
from ingestd.media.xmltrack import gpx_fixes, is_gpx, number, xml_points, zoned_time

MAX_TEXT_BYTES: Final = 16 * 1024 * 1024
_MAX_LINES = 400_000
_MAX_LINE_CHARACTERS = 2000
_MAX_POINTS = 200_000
_SPEEDS = {"m/s": 1.0, "km/h": 1 / 3.6, "kn": 1852 / 3600}
_WKT = re.compile(r"\s*POINT\s*Z?\s*\(\s*(\S{1,30})\s+(\S{1,30})(?:\s+\S{1,30})?\s*\)", re.IGNORECASE)


def text_fixes(source: ByteSource, rule: SidecarRule | None, problems: Problems) -> tuple[Fix, ...]:
    """The fixes of a text file; what stands behind `MAX_TEXT_BYTES` is not read.

    Args:
        source: the file.
        rule: of the recorder's profile, where it names this file a sidecar.
        problems: told of what could not be read.
    """
    if source.size_bytes > MAX_TEXT_BYTES:
        problems.add(f"of a text of {source.size_bytes} bytes the first {MAX_TEXT_BYTES} were looked at for positions")
    text = decoded(source.read(0, MAX_TEXT_BYTES))
    if rule is None or rule.format == "auto":
        found = list(_by_content(text, problems))
    else:
        found = [fix for told in _told(text, rule, problems) if (fix := _ruled_fix(told, rule)) is not None]
    return tuple(thinned(found, problems))


def decoded(data: bytes) -> str:
    """Text as recorders write it; bytes that are no character do not matter here."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return data.decode(encoding, "replace")


def _by_content(text: str, problems: Problems) -> Iterator[Fix]:
    if is_gpx(text):
        yield from gpx_fixes(text)
        return
    if is_subrip(text):
        yield from subrip_fixes(text)
        return
    if "$" not in text:
        return
    lines = _lines(text)
    plain = [fix for line in lines if (fix := parse_track_text(line)) is not None]
    yield from (fix.model_copy(update={"source": "sidecar.text"}) for fix in plain)
    found, refused = nmea_fixes(lines, "sidecar.nmea")
    if refused:
        problems.add(f"{refused} NMEA sentences have a wrong checksum and were not read")
    yield from found


def _lines(text: str) -> list[str]:
    return [line[:_MAX_LINE_CHARACTERS] for line in text.splitlines()[:_MAX_LINES]]


def _told(text: str, rule: SidecarRule, problems: Problems) -> Iterator[Mapping[str, Any]]:
    """What each point says, by the names of `SidecarRule`."""
    if rule.format == "lines":
        for line in _lines(text):
            if match := rule.compiled.search(line):
                yield match.groupdict()
        return
    names = ("latitude", "longitude", "wkt", "time", "at", "altitude", "speed")
    keys = {name: key for name in names if (key := getattr(rule, name))}
    points = xml_points(text, rule.points) if rule.format == "xml" else _json_points(text, rule.points, problems)
    for point in points:
        yield {name: entry(point, key) for name, key in keys.items()}


def _json_points(text: str, points: str, problems: Problems) -> Iterator[Mapping[str, Any]]:
    """The objects of the list at a place, of the document itself without one; a JSON object a line is read too."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = []
        for line in _lines(text):
            try:
                document.append(json.loads(line))
            except (ValueError, RecursionError):
                continue
        if not document:
            problems.add("the sidecar is no JSON")
    found = entry(document, points) if points else document
    listed = found if isinstance(found, list) else [found]
    yield from (one for one in listed[:_MAX_POINTS] if isinstance(one, dict))


def entry(document: Any, key: str) -> Any:
    """What stands at a dotted key; null where nothing does. A key with dots in its own name counts first."""
    if isinstance(document, dict) and key in document:
        return document[key]
    for name in key.split("."):
        if isinstance(document, list) and name.isdigit() and len(name) < 4 and int(name) < len(document):
            document = document[int(name)]
        elif isinstance(document, dict):
            document = document.get(name)
        else:
            return None
    return document


def _ruled_fix(told: Mapping[str, Any], rule: SidecarRule) -> Fix | None:
    latitude, longitude = _value(told.get("latitude")), _value(told.get("longitude"))
    if rule.wkt and (match := _WKT.match(str(told.get("wkt"))[:200])):
        longitude, latitude = number(match[1]), number(match[2])
    if latitude is None or longitude is None:
        return None
    latitude = -abs(latitude) if str(told.get("ns")).upper() == "S" else latitude
    longitude = -abs(longitude) if str(told.get("ew")).upper() == "W" else longitude
    speed, time = _value(told.get("speed")), told.get("time")
    utc = zoned_time(time) if isinstance(time, str) else None
    if utc is None and isinstance(time, str) and rule.time_is == "utc":
        utc = zoned_time(f"{time.strip()}+00:00")
    return make_fix(
        latitude,
        longitude,
        "sidecar.profile",
        at_s=_value(told.get("at")),
        utc=utc,
        altitude_m=_value(told.get("altitude")),
        speed_mps=speed * _SPEEDS[rule.speed_unit] if speed is not None else None,
    )


def _value(told: Any) -> float | None:
    if isinstance(told, bool) or told is None:
        return None
    value = number(str(told).strip())
    return value if value is not None and abs(value) < 1e12 else None

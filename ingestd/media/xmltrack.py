"""Tracks in XML: points of GPX sidecars, and of vendors' files as a profile describes them. Bounded, no entities."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from typing import Final

from ingestd.core.clock import from_text, to_text
from ingestd.core.facts import Fix
from ingestd.media.telemetry import make_fix

MAX_POINTS: Final = 200_000
IMPRECISE_DOP: Final = 20.0
_BLOCK = 64 * 1024
_MAX_DEPTH = 64

_GPX_FIX = {"none": "none", "2d": "2d", "3d": "3d", "dgps": "dgps", "pps": "3d"}


def xml_points(text: str, name: str) -> Iterator[dict[str, str]]:
    """What elements of a name say: attributes, and the texts of the elements inside, by their names and paths.

    A text that declares entities gives nothing; one that is torn gives what stands before the tear.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return
    parser: ET.XMLPullParser[ET.Element] = ET.XMLPullParser(events=("start", "end"))
    path: list[ET.Element] = []
    given = 0
    for start in range(0, len(text), _BLOCK):
        try:
            parser.feed(text[start : start + _BLOCK])
            events = list(parser.read_events())
        except ET.ParseError:
            return
        for one in events:
            event, element = one[0], one[-1]
            if not isinstance(element, ET.Element):
                continue
            if event == "start":
                path.append(element)
                if len(path) > _MAX_DEPTH:
                    return
                continue
            path.pop()
            if local_name(element) == name:
                yield _told(element, "", 0)
                given += 1
                if given >= MAX_POINTS:
                    return
            # What is not inside a wanted element is not kept.
            if not any(local_name(outer) == name for outer in path):
                element.clear()


def local_name(element: ET.Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _told(element: ET.Element, prefix: str, depth: int) -> dict[str, str]:
    told = {f"{prefix}{name.rpartition('}')[2]}": value for name, value in element.attrib.items()}
    for child in list(element)[:100]:
        name = f"{prefix}{local_name(child)}"
        if child.text and child.text.strip():
            told.setdefault(name, child.text.strip()[:200])
        if depth < 8:
            told |= {key: value for key, value in _told(child, f"{name}.", depth + 1).items() if key not in told}
    return told


def is_gpx(text: str) -> bool:
    """Whether a text is a GPX document."""
    return "<gpx" in text[:4000]


def gpx_fixes(text: str) -> list[Fix]:
    """The track points of a GPX text. Their datum stays undeclared: the format means WGS-84, devices write what they
    have."""
    return [fix for told in xml_points(text, "trkpt") if (fix := _gpx_fix(told)) is not None]


def _gpx_fix(told: Mapping[str, str]) -> Fix | None:
    latitude, longitude = number(told.get("lat")), number(told.get("lon"))
    if latitude is None or longitude is None:
        return None
    dop = number(told.get("hdop"))
    return make_fix(
        latitude,
        longitude,
        "sidecar.gpx",
        utc=zoned_time(told.get("time")),
        altitude_m=number(told.get("ele")),
        speed_mps=number(told.get("speed")),
        quality=_GPX_FIX.get(told.get("fix", "")),
        doubts=("imprecise",) if dop is not None and dop > IMPRECISE_DOP else (),
    )


def number(text: str | None) -> float | None:
    """A decimal number; null for other texts."""
    try:
        return float(text) if text is not None and len(text) <= 40 else None
    except ValueError:
        return None


def zoned_time(text: str | None) -> str | None:
    """An ISO 8601 time with a zone, as times are stored; null for others."""
    try:
        return to_text(from_text(text)) if text is not None and len(text) <= 40 else None
    except (ValueError, OverflowError):
        return None

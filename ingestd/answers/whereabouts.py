"""Positions and places in words, as `show` and `track` put them."""

from collections.abc import Mapping
from typing import Any


def position_words(told: Mapping[str, Any] | None) -> str:
    """A track in short, for people."""
    if told is None:
        return "–"
    first = told["first"]
    where = f"{first['latitude']:.5f}, {first['longitude']:.5f}; " if first is not None else ""
    # Tags of earlier versions quote less.
    datums = ", ".join(told.get("datums", ()))
    named = f", datum {datums}" if datums else ""
    beside = f", from {told['sidecar']['card_path']}" if told.get("sidecar") else ""
    return f"{where}{told['fixes']} points, {told['doubtful']} doubtful{named}{beside}"


def place_words(place: Mapping[str, Any] | None) -> str:
    """The place tag, for people."""
    if place is None:
        return "–"
    where = "inside" if place["distance_m"] == 0 else f"{place['distance_m']:.0f} m away"
    off = place["may_be_off_by_m"]
    doubt = f"; its datum differs or is not declared: may be off by {off:.0f} m · 坐标系不一致或未声明" if off else ""
    return f"{place['name']} ({where}, by {place['source']}{doubt})"

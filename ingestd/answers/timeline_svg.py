"""A picture of takes as SVG: one page, light, without script, legible in black-and-white print."""

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple
from xml.etree import ElementTree

from ingestd.answers.timeline_words import file_name, mark_words, place_words, state_words, strip_heading
from ingestd.core.continuity import Cause, Portion
from ingestd.core.strips import Mark, Picture, Strip, ticks

_FONTS = (
    "'Noto Sans CJK SC','Source Han Sans SC','PingFang SC','Microsoft YaHei','WenQuanYi Zen Hei',"
    "'Noto Sans',Arial,sans-serif"
)
_WIDTH = 1000.0
_LEFT, _RIGHT = 30.0, 970.0
_BAR_HEIGHT = 34.0
_LINE = 17.0
_TICKS = 8
_DOT = 8.0
_SMALL, _PLAIN, _LARGE = 11.0, 12.5, 18.0
_CHARACTER = 0.56
"""Mean width of a Latin character, as a share of the font's size; a Chinese one is 1."""

_INK, _GREY, _RED, _AMBER = "#1a1a1a", "#666666", "#b00020", "#9a6700"
_FILES = ("#bcd3ea", "#94b8dc")

_Place = Callable[[dt.datetime], float]


class _Spot(NamedTuple):
    """A numbered dot above a bar: its number, its place, and how it is filled."""

    number: int
    x: float
    colour: str


def svg_of(picture: Picture) -> bytes:
    """The picture as a UTF-8 document that stands alone."""
    page = _Page()
    page.text(_LEFT, 34, f"Timeline · 时间线  {picture.title}", size=_LARGE, weight="bold")
    span = f"{picture.start.astimezone(picture.zone):%Y-%m-%d %H:%M:%S} – "
    span += f"{picture.end.astimezone(picture.zone):%Y-%m-%d %H:%M:%S} ({picture.zone.key})"
    page.text(_LEFT, 56, "  ".join(filter(None, (picture.bureau, span))), colour=_GREY)
    at = 76.0
    if len(picture.strips) > 1:
        at = _overview(page, picture, at)
    for number, strip in enumerate(picture.strips, start=1):
        at = _strip(page, picture, number, strip, at)
    at = _legend(page, at)
    return page.document(at + 16)


class _Page:
    """The elements of one page."""

    def __init__(self) -> None:
        self._root = ElementTree.Element("svg", xmlns="http://www.w3.org/2000/svg", version="1.1")
        definitions = ElementTree.SubElement(self._root, "defs")
        pattern = ElementTree.SubElement(
            definitions,
            "pattern",
            id="absent",
            width="7",
            height="7",
            patternUnits="userSpaceOnUse",
            patternTransform="rotate(45)",
        )
        ElementTree.SubElement(pattern, "rect", width="7", height="7", fill="#ffffff")
        ElementTree.SubElement(pattern, "rect", width="2.4", height="7", fill=_RED)
        self._ground = ElementTree.SubElement(self._root, "rect", x="0", y="0", fill="#ffffff")

    def rect(self, x: float, y: float, width: float, height: float, title: str = "", **style: str) -> None:
        """A box; `title` is shown by viewers when the pointer rests on it."""
        box = _numbers(x=x, y=y, width=max(width, 0.8), height=height)
        element = ElementTree.SubElement(self._root, "rect", {**box, **_dashed(style)})
        if title:
            ElementTree.SubElement(element, "title").text = _legal(title)

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str) -> None:
        """A thin line."""
        ElementTree.SubElement(
            self._root, "line", {**_numbers(x1=x1, y1=y1, x2=x2, y2=y2), "stroke": colour, "stroke-width": "0.8"}
        )

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = _PLAIN,
        colour: str = _INK,
        anchor: str = "start",
        weight: str = "normal",
    ) -> None:
        """One line of words, by its baseline."""
        style = {"fill": colour, "text-anchor": anchor, "font-weight": weight}
        place = _numbers(x=x, y=y) | {"font-size": f"{size:g}"}
        ElementTree.SubElement(self._root, "text", {**place, **style}).text = _legal(words)

    def dot(self, spot: _Spot, y: float) -> None:
        """A numbered dot."""
        circle = _numbers(cx=spot.x, cy=y, r=_DOT)
        ElementTree.SubElement(self._root, "circle", {**circle, "fill": "#ffffff", "stroke": spot.colour})
        self.text(spot.x, y + 3.8, str(spot.number), size=_SMALL, colour=spot.colour, anchor="middle", weight="bold")

    def document(self, height: float) -> bytes:
        """Everything, as a file."""
        size = {"width": f"{_WIDTH:g}", "height": f"{height:g}"}
        self._ground.attrib.update(size)
        self._root.attrib.update(size | {"viewBox": f"0 0 {_WIDTH:g} {height:g}", "font-family": _FONTS})
        ElementTree.indent(self._root)
        data: bytes = ElementTree.tostring(self._root, encoding="utf-8", xml_declaration=True)
        return data + b"\n"


def _overview(page: _Page, picture: Picture, top: float) -> float:
    """All takes on one line of the day."""
    place = _places(picture.start, picture.end)
    page.rect(_LEFT, top, _RIGHT - _LEFT, 14, fill="#f1f1f1")
    last_label = -100.0
    for number, strip in enumerate(picture.strips, start=1):
        first, last = place(strip.statement.start), place(strip.statement.end)
        page.rect(first, top, last - first, 14, fill=_FILES[1], stroke="#48739e", stroke_width="0.6")
        if first - last_label >= 16:
            page.text(first, top - 3, str(number), size=_SMALL, colour=_GREY)
            last_label = first
    return _axis(page, picture.start, picture.end, picture, top + 14) + 22


def _strip(page: _Page, picture: Picture, number: int, strip: Strip, top: float) -> float:
    statement = strip.statement
    page.line(_LEFT, top - 4, _RIGHT, top - 4, "#d8d8d8")
    page.text(_LEFT, top + 16, strip_heading(number, len(picture.strips), strip, picture.zone), weight="bold")
    if strip.take_id:
        page.text(_LEFT, top + 32, f"take · 记录 {strip.take_id}", size=_SMALL, colour=_GREY)
    place = _places(statement.start, statement.end)
    spots, rows = _spots(strip, place)
    bar = top + 44 + rows * (2 * _DOT + 3)
    page.rect(_LEFT, bar, _RIGHT - _LEFT, _BAR_HEIGHT, fill="#fafafa", stroke="#c8c8c8")
    for position, one in enumerate(statement.portions):
        box = place(one.start), bar, place(one.end) - place(one.start), _BAR_HEIGHT
        page.rect(*box, one.shown, fill=_FILES[position % 2], stroke="#48739e", stroke_width="0.6")
    for interruption in statement.interruptions:
        first, last = place(interruption.start), place(interruption.end)
        if interruption.cause is Cause.ROLL_OVER:
            page.line(first, bar, first, bar + _BAR_HEIGHT, "#48739e")
        else:
            page.rect(first, bar, max(2.0, last - first), _BAR_HEIGHT, fill="url(#absent)", stroke=_RED)
    for mark in strip.marks:
        if mark.interruption is None and mark.start is not None and mark.end is not None:
            first, last = place(mark.start), place(mark.end)
            box = first, bar + _BAR_HEIGHT - 7, max(2.0, last - first), 7
            page.rect(*box, fill="#ffffff", stroke=_AMBER, dash="3 2")
    for one in statement.portions:
        _label(page, one, strip, place, bar)
    for spot, row in spots:
        page.line(spot.x, bar - 3 - row * (2 * _DOT + 3), spot.x, bar, spot.colour)
    for spot, row in spots:
        page.dot(spot, bar - _DOT - 3 - row * (2 * _DOT + 3))
    at = _axis(page, statement.start, statement.end, picture, bar + _BAR_HEIGHT) + 20
    for mark in strip.marks:
        at = _mark_lines(page, picture, mark, at)
    return at + 16


def _label(page: _Page, one: Portion, strip: Strip, place: _Place, top: float) -> None:
    """The name of a file, or its number, where the widest free piece of its box has room for it."""
    absent = sorted((place(each.start), place(each.end)) for each in strip.statement.interruptions)
    at, end = place(one.start), place(one.end)
    free = []
    for first, last in absent:
        if first < end and last > at:
            free.append((at, first))
            at = max(at, last)
    first, last = max([*free, (at, end)], key=lambda piece: piece[1] - piece[0])
    name = file_name(one)
    numbers = [part for part in (name.rpartition(".")[0] or name).split("_") if part.isdigit()]
    for label in (name, *numbers[-1:]):
        if _width(label, _SMALL) + 6 <= last - first:
            page.text((first + last) / 2, top + _BAR_HEIGHT / 2 + 1, label, size=_SMALL, anchor="middle")
            break


def _spots(strip: Strip, place: _Place) -> tuple[list[tuple[_Spot, int]], int]:
    """The dots of a strip with their rows, counted upwards from the bar, and how many rows there are."""
    ends: list[float] = []
    spots = []
    for mark in strip.marks:
        if mark.start is None:
            continue
        end = mark.end if mark.end is not None else mark.start
        x = (place(mark.start) + place(end)) / 2
        row = next((row for row, used in enumerate(ends) if x - used >= 2 * _DOT + 3), len(ends))
        ends[row : row + 1] = [x]
        spots.append((_Spot(mark.number, x, _colour(mark)), row))
    return spots, len(ends)


def _mark_lines(page: _Page, picture: Picture, mark: Mark, top: float) -> float:
    page.dot(_Spot(mark.number, _LEFT + _DOT, _colour(mark)), top - 4)
    page.text(_LEFT + 26, top, place_words(mark, picture.zone), size=_SMALL)
    state = state_words(mark)
    confidence = f" ({mark.sign.confidence.value})" if mark.sign is not None else ""
    page.text(_LEFT + 220, top, f"{mark_words(mark)}{confidence}", size=_SMALL)
    if not state:
        return top + _LINE
    given = mark.sign.explanation if mark.sign is not None else None
    words = f"{state}: {given.words} ({given.explained_by})" if given is not None else state
    colour = _INK if given is not None else _RED
    for line in _wrapped(words, _RIGHT - _LEFT - 220, _SMALL):
        top += _LINE - 2
        page.text(_LEFT + 220, top, line, size=_SMALL, colour=colour)
    return top + _LINE + 2


def _axis(page: _Page, start: dt.datetime, end: dt.datetime, picture: Picture, top: float) -> float:
    place = _places(start, end)
    moments = ticks(start, end, picture.zone, _TICKS)
    has_seconds = any(moment.second for moment in moments) or len(moments) < 2
    is_long = (end - start) >= dt.timedelta(days=1)
    form = "%m-%d %H:%M" if is_long else "%H:%M:%S" if has_seconds else "%H:%M"
    for moment in moments:
        x = place(moment)
        page.line(x, top, x, top + 5, _GREY)
        anchor = "start" if x < _LEFT + 24 else "end" if x > _RIGHT - 24 else "middle"
        page.text(x, top + 17, f"{moment:{form}}", size=_SMALL, colour=_GREY, anchor=anchor)
    return top + 17


def _legend(page: _Page, top: float) -> float:
    page.line(_LEFT, top - 4, _RIGHT, top - 4, "#d8d8d8")
    keys = (
        ("recorded · 已记录", {"fill": _FILES[0], "stroke": "#48739e"}),
        ("not recorded · 未记录", {"fill": "url(#absent)", "stroke": _RED}),
        ("sound or picture impaired, or in doubt · 受损或存疑", {"fill": "#ffffff", "stroke": _AMBER, "dash": "3 2"}),
    )
    x = _LEFT
    for words, style in keys:
        page.rect(x, top + 6, 22, 12, **style)
        page.text(x + 28, top + 16, words, size=_SMALL, colour=_GREY)
        x += 60 + _width(words, _SMALL)
    return top + 22


def _colour(mark: Mark) -> str:
    return _RED if mark.interruption is not None else _AMBER


def _places(start: dt.datetime, end: dt.datetime) -> _Place:
    span_s = (end - start).total_seconds() or 1.0

    def place(moment: dt.datetime) -> float:
        share = (moment - start).total_seconds() / span_s
        return _LEFT + min(1.0, max(0.0, share)) * (_RIGHT - _LEFT)

    return place


def _width(words: str, size: float) -> float:
    """About how wide words are when drawn."""
    return sum(size if ord(character) > 0x2E80 else size * _CHARACTER for character in words)


def _wrapped(words: str, width: float, size: float) -> list[str]:
    """Words in lines that fit; Chinese has no blanks to break at, so any character will do."""
    lines, line = [], ""
    for character in " ".join(words.split()):
        if line and _width(line + character, size) > width:
            lines.append(line)
            line = ""
        line += character
    return [*lines, line] if line else lines


def _numbers(**values: float) -> dict[str, str]:
    return {name: f"{value:.2f}".rstrip("0").rstrip(".") for name, value in values.items()}


def _dashed(style: dict[str, str]) -> dict[str, str]:
    names = {"dash": "stroke-dasharray", "stroke_width": "stroke-width"}
    return {names.get(name, name): value for name, value in style.items()}


def _legal(words: str) -> str:
    """Words without what XML 1.0 has no place for."""
    return "".join(
        one if one >= " " and not 0xD800 <= ord(one) <= 0xDFFF and ord(one) not in (0xFFFE, 0xFFFF) else "�"
        for one in words
    )

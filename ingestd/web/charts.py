"""Charts as shapes: where bars, lines and labels of a picture stand. `templates/charts.html` draws them as inline SVG.

Pure. A chart stands beside a table with the same numbers, and is told apart by pattern as well as by colour.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 8, 12, 34
_MOST_LABELS: Final = 13
_MOST_LABEL_SIGNS: Final = 9
_TICKS: Final = 4
_MOST_BAR: Final = 64.0
_LEAST: Final = 1e-6
"""Less than this is nothing: a picture counts recordings, bytes and hours."""


@dataclass(frozen=True, slots=True)
class Series:
    """One row of numbers with its name, a number for each place of the chart."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a bar. `series` is the position of its series, by which it is coloured."""

    x: float
    y: float
    width: float
    height: float
    series: int
    words: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line through the places of a chart."""

    points: str
    dots: tuple[tuple[float, float, str], ...]
    series: int


@dataclass(frozen=True, slots=True)
class Label:
    """A word below or beside the picture; those beside it have a line across it."""

    x: float
    y: float
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of `WIDTH` by `HEIGHT`."""

    title: str
    names: tuple[str, ...]
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    below: tuple[Label, ...]
    beside: tuple[Label, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    ground: int = HEIGHT - _BOTTOM


def stacked(title: str, places: Sequence[str], series: Sequence[Series], shown: Callable[[float], str]) -> Chart:
    """Bars, one a place, the series on top of each other; with one series plain bars.

    Args:
        shown: a number for people.
    """
    totals = [sum(one.values[place] for one in series) for place in range(len(places))]
    frame = _Frame(len(places), max(totals, default=0.0))
    bars = []
    for place, name in enumerate(places):
        ground = 0.0
        for number, one in enumerate(series):
            value = one.values[place]
            if value > 0:
                top, bottom = frame.y(ground + value), frame.y(ground)
                words = f"{name}, {one.name}: {shown(value)}"
                width = min(frame.step * 0.72, _MOST_BAR)
                x = frame.x(place) + (frame.step - width) / 2
                bars.append(Bar(_r(x), _r(top), _r(width), _r(bottom - top), number, words))
                ground += value
    names = tuple(one.name for one in series)
    return Chart(title, names, tuple(bars), (), frame.below(places), frame.beside(shown))


def lines(title: str, places: Sequence[str], series: Sequence[Series], shown: Callable[[float], str]) -> Chart:
    """Lines over the places, all from the same ground; `shown` as of `stacked`."""
    frame = _Frame(len(places), max((value for one in series for value in one.values), default=0.0))
    drawn = []
    for number, one in enumerate(series):
        spots = [
            (_r(frame.x(place) + frame.step / 2), _r(frame.y(value)), f"{places[place]}, {one.name}: {shown(value)}")
            for place, value in enumerate(one.values)
        ]
        drawn.append(Line(" ".join(f"{x},{y}" for x, y, _ in spots), tuple(spots), number))
    names = tuple(one.name for one in series)
    return Chart(title, names, (), tuple(drawn), frame.below(places), frame.beside(shown))


class _Frame:
    """Where places and values lie in the picture."""

    def __init__(self, places: int, most: float) -> None:
        self.step = (WIDTH - _LEFT - _RIGHT) / max(places, 1)
        self._tick = tick_of(most)
        self._most = self._tick * max(1, math.ceil(most / self._tick - 1e-9))

    def x(self, place: int) -> float:
        return _LEFT + place * self.step

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - value / self._most * (HEIGHT - _BOTTOM - _TOP)

    def below(self, places: Sequence[str]) -> tuple[Label, ...]:
        every = math.ceil(len(places) / _MOST_LABELS)
        return tuple(
            Label(_r(self.x(place) + self.step / 2), HEIGHT - _BOTTOM + 18, _short(name))
            for place, name in enumerate(places)
            if place % every == 0
        )

    def beside(self, shown: Callable[[float], str]) -> tuple[Label, ...]:
        values = [self._tick * number for number in range(round(self._most / self._tick) + 1)]
        return tuple(Label(_LEFT - 8, _r(self.y(value)), shown(value)) for value in values)


def tick_of(most: float) -> float:
    """The step between lines across a picture whose largest value is `most`: 1, 2 or 5 of some power of ten."""
    if most < _LEAST:
        return 1.0
    rough = most / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough * (1 - 1e-9))


def _short(name: str) -> str:
    return name if len(name) <= _MOST_LABEL_SIGNS else name[: _MOST_LABEL_SIGNS - 1] + "…"


def _r(value: float) -> float:
    return round(value, 1)

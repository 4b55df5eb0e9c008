"""The timeline of a take as a page draws it: boxes, holes, dots and ticks in the units of one picture. Pure."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from ingestd.core.clock import to_text
from ingestd.core.continuity import Cause, Portion, Sign, Statement
from ingestd.core.strips import Mark, strip_of, ticks

WIDTH: Final = 1000.0
BAR_HEIGHT: Final = 40.0
_LEFT, _RIGHT = 12.0, 988.0
_DOT: Final = 9.0
_ROW: Final = 2 * _DOT + 3
_TICKS: Final = 8
_LETTER: Final = 7.0
_LEAST_HOLE: Final = 3.0


@dataclass(frozen=True, slots=True)
class Seek:
    """A place that can be played: a second of a recording."""

    recording: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Segment:
    """One recording of the take. `start_s` counts from the take's start; `label` is empty where there is no room."""

    number: int
    recording: str
    name: str
    label: str
    x: float
    width: float
    start_s: float
    length_s: float
    start: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class Shade:
    """A stretch of the bar: not recorded (`hole`), a pause between segments (`pause`), or impaired (`doubt`)."""

    kind: str
    x: float
    width: float
    seek: Seek | None
    title: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A numbered thing above the bar, and its line in the list below. `x` is null for what has no place."""

    number: int
    x: float | None
    row: int
    kind: str
    code: str | None
    start: str | None
    end: str | None
    length_s: float | None
    seek: Seek | None
    sign: Sign | None


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment of the wall clock below the bar."""

    x: float
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A take as it is drawn. Times are UTC texts."""

    statement: Statement
    segments: tuple[Segment, ...]
    shades: tuple[Shade, ...]
    dots: tuple[Dot, ...]
    ticks: tuple[Tick, ...]
    bar_y: float
    height: float
    left: float = _LEFT
    right: float = _RIGHT

    @property
    def start(self) -> str:
        """When the take began."""
        return to_text(self.statement.start)

    @property
    def end(self) -> str:
        """When it ended."""
        return to_text(self.statement.end)


def timeline_of(take_id: str | None, statement: Statement, zone: ZoneInfo, *, here: str = "") -> Timeline:
    """The timeline of a take, or of a recording that belongs to none.

    Args:
        here: the recording whose page it stands on; empty for none.
    """
    place = _places(statement)
    strip = strip_of(take_id, statement)
    portions = {one.key: one for one in statement.portions}
    dots, rows = _dots(strip.marks, place, portions)
    bar_y = rows * _ROW + 6
    return Timeline(
        statement=statement,
        segments=tuple(_segments(statement, place, here)),
        shades=tuple(_shades(strip.marks, statement, place, dots)),
        dots=tuple(dots),
        ticks=tuple(_ticks(statement, zone, place)),
        bar_y=bar_y,
        height=bar_y + BAR_HEIGHT + 26,
    )


_Place = Callable[[dt.datetime], float]


def _places(statement: Statement) -> _Place:
    span_s = statement.span_s or 1.0

    def place(moment: dt.datetime) -> float:
        share = (moment - statement.start).total_seconds() / span_s
        return round(_LEFT + min(1.0, max(0.0, share)) * (_RIGHT - _LEFT), 2)

    return place


def _segments(statement: Statement, place: _Place, here: str) -> list[Segment]:
    found = []
    for number, one in enumerate(statement.portions, start=1):
        x = place(one.start)
        width = max(1.0, place(one.end) - x)
        name = one.shown.rsplit("/", 1)[-1]
        labels = (name, f"{number}")
        found.append(
            Segment(
                number=number,
                recording=one.key,
                name=name,
                label=next((words for words in labels if len(words) * _LETTER + 8 <= width), ""),
                x=x,
                width=round(width, 2),
                start_s=round((one.start - statement.start).total_seconds(), 3),
                length_s=round((one.end - one.start).total_seconds(), 3),
                start=to_text(one.start),
                is_here=one.key == here,
            )
        )
    return found


def _shades(marks: Sequence[Mark], statement: Statement, place: _Place, dots: Sequence[Dot]) -> list[Shade]:
    found = []
    for interruption in statement.interruptions:
        if interruption.cause is Cause.ROLL_OVER:
            found.append(Shade("pause", place(interruption.start), 1.0, None, ""))
    for mark, dot in zip(marks, dots, strict=True):
        if mark.start is None or mark.end is None:
            continue
        x = place(mark.start)
        kind = "hole" if mark.interruption is not None else "doubt"
        found.append(Shade(kind, x, max(_LEAST_HOLE, round(place(mark.end) - x, 2)), dot.seek, dot.code or ""))
    return found


def _dots(marks: Sequence[Mark], place: _Place, portions: Mapping[str, Portion]) -> tuple[list[Dot], int]:
    """The dots with their rows, counted upwards from the bar, and how many rows there are."""
    ends: list[float] = []
    found = []
    for mark in marks:
        x, row = None, 0
        if mark.start is not None:
            end = mark.end if mark.end is not None else mark.start
            middle = (place(mark.start) + place(end)) / 2
            x = round(min(_RIGHT - _DOT, max(_LEFT + _DOT, middle)), 2)
            row = next((row for row, used in enumerate(ends) if x - used >= _ROW), len(ends))
            ends[row : row + 1] = [x]
        found.append(_dot(mark, x, row, portions))
    return found, len(ends)


def _dot(mark: Mark, x: float | None, row: int, portions: Mapping[str, Portion]) -> Dot:
    has_span = mark.start is not None and mark.end is not None
    return Dot(
        number=mark.number,
        x=x,
        row=row,
        kind="hole" if mark.interruption is not None else "doubt",
        code=mark.sign.code if mark.sign is not None else None,
        start=to_text(mark.start) if mark.start is not None else None,
        end=to_text(mark.end) if mark.end is not None else None,
        length_s=(mark.end - mark.start).total_seconds() if has_span and mark.end and mark.start else None,
        seek=_seek(mark, portions),
        sign=mark.sign,
    )


def _seek(mark: Mark, portions: Mapping[str, Portion]) -> Seek | None:
    """Where playing shows a mark: the second that the finding names; for a hole between two files the later one's
    start."""
    sign = mark.sign
    if sign is not None and len(sign.about) == 1 and sign.about[0] in portions:
        return Seek(sign.about[0], round(max(0.0, sign.start_s or 0.0), 3))
    moment = mark.end if mark.interruption is not None else mark.start
    if moment is None:
        return None
    return seek_of(list(portions.values()), moment)


def seek_of(portions: Sequence[Portion], moment: dt.datetime) -> Seek | None:
    """Where a moment of the wall clock can be played: in the recording that runs then, else where the next begins."""
    running = [one for one in portions if one.start <= moment < one.end]
    if running:
        one = max(running, key=lambda portion: portion.start)
        return Seek(one.key, round((moment - one.start).total_seconds(), 3))
    later = [one for one in portions if one.start >= moment]
    if later:
        return Seek(min(later, key=lambda portion: portion.start).key, 0.0)
    return None


def _ticks(statement: Statement, zone: ZoneInfo, place: _Place) -> list[Tick]:
    start, end = statement.start, statement.end
    moments = ticks(start, end, zone, _TICKS)
    has_seconds = any(moment.second for moment in moments) or len(moments) < 2
    form = "%m-%d %H:%M" if end - start >= dt.timedelta(days=1) else "%H:%M:%S" if has_seconds else "%H:%M"
    found = []
    for moment in moments:
        x = place(moment)
        anchor = "start" if x < _LEFT + 30 else "end" if x > _RIGHT - 30 else "middle"
        found.append(Tick(x, f"{moment:{form}}", anchor))
    return found

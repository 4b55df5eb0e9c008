"""A picture of takes as lines of text: as wide as the screen, in ASCII where the output cannot show more."""

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

from ingestd.answers.timeline_words import file_name, mark_words, place_words, state_words, strip_heading
from ingestd.core.continuity import Cause, Statement
from ingestd.core.strips import Mark, Picture, Strip, ticks

_MARGIN = 2
_LEAST_COLUMNS = 24


class _Pencil(NamedTuple):
    covered: str
    other: str
    absent: str
    roll_over: str
    nothing: str
    tick: str


_DRAWN = _Pencil("█", "▓", "░", "▏", " ", "┬")
_ASCII = _Pencil("#", "=", ".", "|", " ", "+")


def drawn(picture: Picture, *, columns: int, is_ascii: bool) -> Iterator[str]:
    """The picture, line by line; drawing characters are ASCII where asked, words stay as they are."""
    pencil = _ASCII if is_ascii else _DRAWN
    width = max(_LEAST_COLUMNS, columns - 2 * _MARGIN)
    yield f"{picture.title}  ({picture.zone.key})"
    for number, strip in enumerate(picture.strips, start=1):
        yield ""
        yield strip_heading(number, len(picture.strips), strip, picture.zone)
        indent = " " * _MARGIN
        bar, axis = _bar(strip.statement, width, pencil), _axis(strip, picture, width, pencil)
        for line in (bar, *_numbers(strip, width), axis):
            if line.strip():
                yield f"{indent}{line}".rstrip()
        for mark in strip.marks:
            words = (str(mark.number).rjust(2), place_words(mark, picture.zone), mark_words(mark), state_words(mark))
            yield f"{indent}{'  '.join(word for word in words if word)}"
        for one in strip.statement.portions:
            yield f"{indent}{pencil.covered} {one.start.astimezone(picture.zone):%H:%M:%S}  {file_name(one)}"
    yield ""
    yield f"{pencil.covered}{pencil.other} recorded · 已记录   {pencil.absent} not recorded · 未记录"


def _column(moment: dt.datetime, statement: Statement, width: int) -> int:
    """The column of a moment, from 0."""
    span_s = statement.span_s or 1.0
    share = (moment - statement.start).total_seconds() / span_s
    return min(width - 1, max(0, int(share * width)))


def _bar(statement: Statement, width: int, pencil: _Pencil) -> str:
    cells = [pencil.nothing] * width
    for number, one in enumerate(statement.portions):
        first, last = _column(one.start, statement, width), _column(one.end, statement, width)
        shade = pencil.covered if number % 2 == 0 else pencil.other
        cells[first : last + 1] = [shade] * (last + 1 - first)
    # Last, so that no interruption is too short to be seen.
    for interruption in statement.interruptions:
        first, last = (_column(one, statement, width) for one in (interruption.start, interruption.end))
        if interruption.cause is Cause.ROLL_OVER:
            cells[first] = pencil.roll_over
        else:
            last = max(first, last - 1)
            cells[first : last + 1] = [pencil.absent] * (last + 1 - first)
    return "".join(cells)


def _numbers(strip: Strip, width: int) -> Iterator[str]:
    """Lines with the numbers of the marks below their places; as many lines as they need."""
    waiting = [mark for mark in strip.marks if mark.start is not None]
    while waiting:
        line, later, free = [" "] * (width + 8), [], 0
        for mark in sorted(waiting, key=_first_moment):
            at, text = _column(_first_moment(mark), strip.statement, width), str(mark.number)
            if at < free:
                later.append(mark)
                continue
            line[at : at + len(text)] = list(text)
            free = at + len(text) + 1
        yield "".join(line)
        waiting = later


def _first_moment(mark: Mark) -> dt.datetime:
    return mark.start if mark.start is not None else dt.datetime.max.replace(tzinfo=dt.UTC)


def _axis(strip: Strip, picture: Picture, width: int, pencil: _Pencil) -> str:
    statement = strip.statement
    if not statement.span_s:
        return ""
    line = [" "] * (width + 12)
    free = 0
    for moment in ticks(statement.start, statement.end, picture.zone, most=max(2, width // 12)):
        at, text = _column(moment, statement, width), f"{pencil.tick}{moment:%H:%M:%S}"
        if at >= free and at + len(text) <= width:
            line[at : at + len(text)] = list(text)
            free = at + len(text) + 1
    return "".join(line)

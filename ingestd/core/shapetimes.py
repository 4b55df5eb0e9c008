"""Times in the columns of a card's names: windows of digits that read as a date with a time in nearly all of them."""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

_YEARS = range(2000, 2069)
"""Of a recorder's clock that was ever set; two digits of a year mean these."""

_MOST_TRIED = 500
_SHARE = 0.8
"""Of the names in which the digits are a date: clocks that were never set write others."""

_CLASSES = {"digits": "[0-9]", "letters": "[a-z]", "mixed": "[0-9a-z]"}

_TEMPLATES: tuple[tuple[str, ...], ...] = (
    ("%Y%m%d%H%M%S",),
    ("%Y%m%d", "%H%M%S"),
    ("%Y", "%m%d", "%H%M%S"),
    ("%Y", "%m", "%d", "%H%M%S"),
    ("%Y%m%d", "%H", "%M", "%S"),
    ("%Y", "%m", "%d", "%H", "%M", "%S"),
    ("%y%m%d%H%M%S",),
    ("%y%m%d", "%H%M%S"),
    ("%y", "%m", "%d", "%H", "%M", "%S"),
)
"""Spellings by runs of digits, the more certain first."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A column of names: one text of each name, or a single one for a sign that is the same in all.

    `kind` is `digits`, `letters`, `mixed`, `sign`, or `folder` (any text). `group` is the named group that it becomes.
    """

    kind: str
    texts: tuple[str, ...]
    group: str = ""
    written: str = ""
    """The expression, where it is not to be made from the texts."""

    @property
    def length(self) -> int:
        """The length that all texts have; 0 where they differ."""
        lengths = {len(text) for text in self.texts}
        return lengths.pop() if len(lengths) == 1 else 0

    @property
    def is_number(self) -> bool:
        """Whether it may be the number of a recorder or an officer."""
        return self.kind == "digits" or (self.kind == "mixed" and all(map(_has_digit, self.texts)))

    def expression(self) -> str:
        """Its part of a pattern."""
        body = self.written or self._body()
        return f"(?P<{self.group}>{body})" if self.group else body

    def _body(self) -> str:
        if self.kind == "folder":
            return "[^/]+"
        if self.kind == "sign" or (self.kind == "letters" and len({text.casefold() for text in self.texts}) == 1):
            return re.escape(self.texts[0])
        longest = max(map(len, self.texts))
        return f"{_CLASSES[self.kind]}{{{longest if self.length else f'1,{longest}'}}}"


class FoundTime(NamedTuple):
    """`pieces` with the time as one of them, at `place`."""

    pieces: list[Piece]
    place: int
    time_format: str
    unsure: tuple[str, ...]


class FoundDay(NamedTuple):
    """A folder that carries the day."""

    piece: Piece
    time_format: str


def find_time(pieces: Sequence[Piece]) -> FoundTime | None:
    """The first window that reads as a date with hours, minutes and seconds in nearly all names; null for none."""
    for template in _TEMPLATES:
        for place in range(len(pieces)):
            parts = _parts(pieces, place, len(template))
            if parts is None:
                continue
            found = _window(parts, template)
            if found is not None:
                middle, time_format = found
                time = next(at for at, one in enumerate(middle) if one.group == "time")
                behind = pieces[place + len(parts) :]
                unsure = ("the year has two digits: day and year could stand the other way round",)
                return FoundTime(
                    [*pieces[:place], *middle, *behind],
                    place + time,
                    time_format,
                    unsure if template[0].startswith("%y") else (),
                )
    return None


def date_folder(names: tuple[str, ...]) -> FoundDay | None:
    """A folder whose name begins with the day in all paths; null for none."""
    for length, time_format in ((8, "%Y%m%d"), (6, "%y%m%d")):
        heads = [name[:length] for name in names]
        if not all(re.fullmatch(f"[0-9]{{{length}}}", head) for head in heads) or not _are_times(heads, time_format):
            continue
        is_whole = all(len(name) == length for name in names)
        # The rest is outside the group, so that only digits are read as the day.
        written = f"(?P<date>[0-9]{{{length}}})" + ("" if is_whole else "[^/]*")
        return FoundDay(Piece("folder", names, written=written), time_format)
    return None


def day_seconds(pieces: Sequence[Piece]) -> list[Piece] | None:
    """The pieces with six digits that are hours, minutes and seconds in all names; null for none.

    Where there are several, the one with the most different times is it; what is the same in all names is a number.
    """
    places = [
        place
        for place, piece in enumerate(pieces)
        if piece.kind == "digits" and piece.length == 6
        and all(_read(text, "%H%M%S") is not None for text in piece.texts)
        and (len(set(piece.texts)) > 1 or len(piece.texts) == 1)
    ]  # fmt: skip
    if not places:
        return None
    best = max(places, key=lambda place: len(set(pieces[place].texts)))
    return [*pieces[:best], replace(pieces[best], group="time"), *pieces[best + 1 :]]


def _parts(pieces: Sequence[Piece], place: int, count: int) -> list[Piece] | None:
    """`count` runs of digits from a place on, with one constant sign or letter between each two; null for none."""
    parts = list(pieces[place : place + 2 * count - 1])
    if len(parts) < 2 * count - 1:
        return None
    are_digits = all(part.kind == "digits" and part.length for part in parts[::2])
    are_signs = all(
        part.kind in ("sign", "letters") and len(set(part.texts)) == 1 and part.texts[0].isascii()
        for part in parts[1::2]
    )
    return parts if are_digits and are_signs else None


def _window(parts: Sequence[Piece], template: tuple[str, ...]) -> tuple[list[Piece], str] | None:
    """The parts with the time cut out of them, and its format."""
    digits, signs = parts[::2], [part.texts[0] for part in parts[1::2]]
    widths = [sum(4 if code == "Y" else 2 for code in part.split("%")[1:]) for part in template]
    if any(one.length < width for one, width in zip(digits, widths, strict=True)):
        return None
    if any(one.length != width for one, width in zip(digits[1:-1], widths[1:-1], strict=True)):
        return None
    time_format = template[0]
    for sign, part in zip(signs, template[1:], strict=True):
        time_format += sign.replace("%", "%%") + part
    first, last = digits[0], digits[-1]
    # A number may stand glued before the time, another one behind it; in one run both ends are tried.
    is_one = len(digits) == 1
    starts = range(first.length - widths[0], -1, -1) if is_one else (first.length - widths[0],)
    for start in starts:
        end = start + widths[0] if is_one else widths[-1]
        texts = tuple(_joined(row, signs, start, end) for row in zip(*(one.texts for one in digits), strict=True))
        if not _are_times(texts, time_format):
            continue
        written = "".join(
            f"[0-9]{{{width}}}" + (re.escape(sign) if sign is not None else "")
            for width, sign in zip(widths, [*signs, None], strict=True)
        )
        time = Piece("digits", texts, group="time", written=written)
        return [*_cut(first, 0, start), time, *_cut(last, end, last.length)], time_format
    return None


def _joined(row: Sequence[str], signs: Sequence[str], start: int, end: int) -> str:
    """The digits of one name from `start` of the first run to `end` of the last, with the signs between."""
    texts = [*row[:-1], row[-1][:end]]
    texts[0] = texts[0][start:]
    return texts[0] + "".join(sign + text for sign, text in zip(signs, texts[1:], strict=True))


def _cut(piece: Piece, start: int, end: int) -> Iterator[Piece]:
    if start < end:
        yield replace(piece, texts=tuple(text[start:end] for text in piece.texts))


def _are_times(texts: Sequence[str], time_format: str) -> bool:
    step = max(1, len(texts) // _MOST_TRIED)
    tried = texts[::step]
    times = [_read(text, time_format) for text in tried]
    return sum(time is not None and time.year in _YEARS for time in times) >= _SHARE * len(tried)


def _read(text: str, time_format: str) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(text, time_format)
    except ValueError:
        return None


def _has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)

"""Shapes that names of a card have in common: where their times, counters and numbers stand. Pure, and a proposal only.

A name is cut into words (letters and digits) and what stands between them. Names with the same signs between as many
words, and long words of the same length, are one shape; in its columns a time is what reads as one in nearly all names.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ingestd.core.shapetimes import Piece, date_folder, day_seconds, find_time

MOST_SHAPES = 8
_LONG_DIGITS = 6
_MOST_FOLDERS = 3
_DEVICE_LENGTH, _USER_LENGTH = 7, 6
_COUNTER_LENGTH = 6
_SHORTEST_OF_MANY = 4

_IMPORTANT = re.compile(r"(?P<stem>.+?)(?P<mark>[_\-]?IMP)", re.IGNORECASE | re.DOTALL)
_EXTENSION = re.compile(r"(?P<stem>.+)\.(?P<extension>(?=[0-9]*[a-z])[0-9a-z]{1,8})", re.IGNORECASE | re.DOTALL)
_WORDS = re.compile(r"([0-9A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Known:
    """What a person knows of the recorder in hand; null where nothing. Both are looked for as whole numbers."""

    device: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """Names with one grammar. `time_format` is null where no time was found; `unsure` says in words what to check."""

    paths: tuple[str, ...]
    pattern: str
    time_format: str | None
    is_utc: bool
    unsure: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Name:
    path: str
    folders: tuple[str, ...]
    """From the one that the file lies in upwards."""
    words: tuple[str, ...]
    between: tuple[str, ...]
    extension: str
    mark: str

    @property
    def key(self) -> tuple[object, ...]:
        lengths = (len(word) if sum(map(str.isdigit, word)) >= _LONG_DIGITS else 0 for word in self.words)
        return (self.between, tuple(lengths), bool(self.extension))


def find_shapes(paths: Sequence[str], known: Known) -> tuple[tuple[Shape, ...], tuple[str, ...]]:
    """The shapes of names, those with a time and the most common first, and the paths that have none of them.

    A name that stands alone in its shape and carries no time is no pattern, and left out; so is what lies behind
    the eighth shape, and names with characters that cannot be printed.
    """
    groups: dict[tuple[object, ...], list[_Name]] = defaultdict(list)
    for path in paths:
        name = _name_of(path) if path.isprintable() else None
        if name is not None:
            groups[name.key].append(name)
    shapes = [_shape(group, known) for group in groups.values()]
    usable = [shape for shape in shapes if shape.time_format is not None or len(shape.paths) > 1]
    usable.sort(key=lambda shape: (shape.time_format is None, -len(shape.paths), shape.pattern))
    kept = tuple(usable[:MOST_SHAPES])
    drafted = {path for shape in kept for path in shape.paths}
    return kept, tuple(path for path in paths if path not in drafted)


def _name_of(path: str) -> _Name | None:
    *folders, name = path.split("/")
    match = _EXTENSION.fullmatch(name)
    stem, extension = (match["stem"], match["extension"]) if match is not None else (name, "")
    marked = _IMPORTANT.fullmatch(stem)
    stem, mark = (marked["stem"], marked["mark"]) if marked is not None else (stem, "")
    parts = _WORDS.split(stem)
    if len(parts) == 1:
        return None
    return _Name(path, tuple(reversed(folders)), tuple(parts[1::2]), tuple(parts[::2]), extension, mark)


def _shape(names: Sequence[_Name], known: Known) -> Shape:
    pieces = list(_pieces(names, known))
    unsure: list[str] = []
    found = find_time(pieces)
    is_utc = False
    folders: list[Piece] = []
    time_format: str | None = None
    if found is not None:
        pieces, time_format = found.pieces, found.time_format
        unsure += found.unsure
        behind = pieces[found.place + 1] if found.place + 1 < len(pieces) else None
        is_utc = behind is not None and behind.texts[0].upper().startswith("Z")
    else:
        pieces, folders, time_format = _time_below_a_day(names, pieces, unsure)
    folders = _with_numbered_folders(names, folders, pieces, known)
    pieces, folders = _numbers(pieces, folders, known, unsure)
    pieces = _with_counter(pieces, unsure)
    pattern = "(?:.*/)?" + "".join(f"{folder.expression()}/" for folder in folders)
    pattern += "".join(piece.expression() for piece in pieces) + _ending(names)
    return Shape(tuple(name.path for name in names), pattern, time_format, is_utc, tuple(unsure))


def _ending(names: Sequence[_Name]) -> str:
    marks = sorted({name.mark.upper() for name in names if name.mark})
    ending = f"(?P<important>{'|'.join(map(re.escape, marks))})?" if marks else ""
    longest = max(len(name.extension) for name in names)
    return ending + (rf"\.[0-9a-z]{{1,{max(5, longest)}}}" if longest else "")


def _pieces(names: Sequence[_Name], known: Known) -> Iterator[Piece]:
    """The stem of all names, cut into runs of digits, runs of letters, other words, and signs between them."""
    for column in range(len(names[0].words)):
        sign = names[0].between[column]
        if sign:
            yield Piece("sign", (sign,))
        yield from _runs(tuple(name.words[column] for name in names), known)
    if names[0].between[-1]:
        yield Piece("sign", (names[0].between[-1],))


def _runs(words: tuple[str, ...], known: Known) -> Iterator[Piece]:
    wanted = {number.casefold() for number in (known.device, known.user) if number}
    if len({len(word) for word in words}) > 1 or any(word.casefold() in wanted for word in words):
        yield Piece(_kind_of(words), words)
        return
    kinds = [_kind_of(position) for position in zip(*words, strict=True)]
    if "mixed" in kinds:
        # Where digits and letters change place there is no run to be told apart, except one of many digits.
        yield from _around_long_digits(words, kinds)
        return
    ends = [end for end in range(1, len(kinds) + 1) if end == len(kinds) or kinds[end] != kinds[end - 1]]
    runs = list(zip([0, *ends], ends, strict=False))
    longest = max((end - start for start, end in runs if kinds[start] == "digits"), default=0)
    if len(runs) > 2 and longest < _SHORTEST_OF_MANY:
        # Digits and letters in turn, as in hexadecimal: another name has them in other places.
        yield Piece("mixed", words)
        return
    for start, end in runs:
        yield Piece(kinds[start], tuple(word[start:end] for word in words))


def _around_long_digits(words: tuple[str, ...], kinds: list[str]) -> Iterator[Piece]:
    start = 0
    while start < len(kinds):
        end = start
        while end < len(kinds) and kinds[end] == "digits":
            end += 1
        if end - start >= _LONG_DIGITS:
            yield Piece("digits", tuple(word[start:end] for word in words))
        else:
            end = start + 1
            while end < len(kinds) and kinds[end : end + _LONG_DIGITS] != ["digits"] * _LONG_DIGITS:
                end += 1
            yield Piece("mixed", tuple(word[start:end] for word in words))
        start = end


def _kind_of(texts: Sequence[str]) -> str:
    if all(text.isdigit() for text in texts):
        return "digits"
    return "letters" if all(text.isalpha() for text in texts) else "mixed"


def _time_below_a_day(
    names: Sequence[_Name], pieces: list[Piece], unsure: list[str]
) -> tuple[list[Piece], list[Piece], str | None]:
    """A day in a folder with the time of day in the name: the pieces, the folders from the day down, and the format."""
    depth = min(_MOST_FOLDERS, *(len(name.folders) for name in names))
    for level in range(depth):
        day = date_folder(tuple(name.folders[level] for name in names))
        seconds = day_seconds(pieces) if day is not None else None
        if day is not None and seconds is not None:
            unsure.append("the day is read from a folder and the time of day from six digits of the name")
            below = [Piece("folder", ("",)) for _ in range(level)]
            return seconds, [day.piece, *below], f"{day.time_format}%H%M%S"
    return pieces, [], None


def _with_numbered_folders(
    names: Sequence[_Name], folders: list[Piece], pieces: Sequence[Piece], known: Known
) -> list[Piece]:
    """The folders above, where one of them carries a number that the name does not."""
    depth = min(_MOST_FOLDERS, *(len(name.folders) for name in names))
    columns = [tuple(name.folders[level] for name in names) for level in range(depth)]
    lengths = {piece.length for piece in pieces if piece.is_number}
    has_both = {_DEVICE_LENGTH, _USER_LENGTH} <= {_number_length(column) for column in columns}
    needed = [
        level
        for level, column in enumerate(columns)
        if any(_are_mostly(column, number) for number in (known.device, known.user))
        or (has_both and not {_DEVICE_LENGTH, _USER_LENGTH} & lengths
            and _number_length(column) in (_DEVICE_LENGTH, _USER_LENGTH))
    ]  # fmt: skip
    wanted = max([*needed, len(folders) - 1], default=-1)
    for level in range(len(folders), wanted + 1):
        column = columns[level]
        folders = [Piece(_kind_of(column) if level in needed else "folder", column), *folders]
    if needed and folders:
        folders = [
            Piece(_kind_of(columns[level]), columns[level])
            if (level := len(folders) - 1 - place) in needed and not folder.written
            else folder
            for place, folder in enumerate(folders)
        ]
    return folders


def _number_length(column: Sequence[str]) -> int:
    """The length that all texts of a folder's column have, where all are numbers as recorders have them; else 0."""
    lengths = {len(text) for text in column}
    is_number = all(re.fullmatch(r"[0-9A-Za-z]*[0-9][0-9A-Za-z]*", text) for text in column)
    return lengths.pop() if len(lengths) == 1 and is_number else 0


def _are_mostly(column: Sequence[str], number: str | None) -> bool:
    """Whether at least half of the texts are a number; a card may hold those of other officers too."""
    return number is not None and sum(text.casefold() == number.casefold() for text in column) * 2 >= len(column)


def _numbers(
    pieces: list[Piece], folders: list[Piece], known: Known, unsure: list[str]
) -> tuple[list[Piece], list[Piece]]:
    """Name the numbers of device and user: as told, else by their lengths as in GA/T; never by a guess."""
    everything = [*folders, *pieces]
    groups: dict[int, str] = {}
    for group, number in (("device", known.device), ("user", known.user)):
        place = next(
            (at for at, one in enumerate(everything) if one.is_number and _are_mostly(one.texts, number)), None
        )
        if place is not None:
            groups[place] = group
    if not groups:
        groups = _by_length(everything)
        if groups:
            unsure.append(
                "device and user number are told apart by their lengths only (7 and 6, as in GA/T): compare them with "
                "the recorder's label"
            )
    missing = [group for group in ("device", "user") if group not in groups.values()]
    for place, piece in enumerate(everything):
        text = piece.texts[0]
        is_constant = len(text) > 1 and len(set(piece.texts)) == 1 < len(piece.texts)
        if missing and is_constant and piece.is_number and not piece.group and place not in groups:
            options = " or ".join(f"--{group} {text}" for group in missing)
            unsure.append(
                f"{text!r} is the same in every name and was not named, because a wrong number is worse than none: "
                f"if it is the {' or the '.join(missing)} number, draft again with {options}"
            )
    named = [replace(one, group=groups[at]) if at in groups else one for at, one in enumerate(everything)]
    return named[len(folders) :], named[: len(folders)]


def _by_length(everything: Sequence[Piece]) -> dict[int, str]:
    times = [at for at, one in enumerate(everything) if one.group == "time"]
    if not times:
        return {}
    numbers = [at for at, one in enumerate(everything[: times[0]]) if one.is_number and not one.group]
    devices = [at for at in numbers if everything[at].length == _DEVICE_LENGTH]
    users = [at for at in numbers if everything[at].length == _USER_LENGTH]
    return {devices[0]: "device", users[0]: "user"} if len(devices) == 1 and len(users) == 1 else {}


def _with_counter(pieces: list[Piece], unsure: list[str]) -> list[Piece]:
    """Name the counter: digits that change from name to name, behind the time where there is one."""
    time = next((at for at, one in enumerate(pieces) if one.group == "time"), -1)
    candidates = [
        at
        for at, one in enumerate(pieces)
        if one.kind == "digits" and not one.group and max(map(len, one.texts)) <= _COUNTER_LENGTH
        and (at > time) and (len(set(one.texts)) * 2 >= len(one.texts) > 1 or (len(one.texts) == 1 and time >= 0))
    ]  # fmt: skip
    if not candidates:
        return pieces
    place = candidates[0] if time >= 0 else candidates[-1]
    if len(pieces[place].texts) == 1 or len(set(pieces[place].texts)) < len(pieces[place].texts):
        unsure.append(f"{pieces[place].texts[0]!r} was taken for a counter (sequence)")
    return [replace(one, group="sequence") if at == place else one for at, one in enumerate(pieces)]

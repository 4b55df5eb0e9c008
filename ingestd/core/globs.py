"""Patterns of paths on a card, as profiles write them: `*.mp4`, `SEGTEMP/`, `DCIM/*/`, `**/LOGS/*.txt`."""

import functools
import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator


def fits(path: str, patterns: Sequence[str]) -> bool:
    """Whether a path on a card fits one of the patterns; never raises, whatever the text.

    `*` and `?` stay within a folder, `**` is any folders. A pattern without `/` in it fits at any depth, another one
    from the card's root. One that ends in `/` names a folder and stands for everything below it. Case is ignored,
    because FAT ignores it.
    """
    return bool(patterns) and _compiled(tuple(patterns)).fullmatch(path) is not None


def checked(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The same patterns.

    Raises:
        ValueError: one of them can fit nothing on a card; the words behind `;` are the fix.
    """
    for pattern in patterns:
        parts = pattern.strip("/").split("/")
        if "\\" in pattern:
            raise ValueError(f"{pattern!r} has a backslash; write / between folders")
        if any(part in ("", ".", "..") for part in parts):
            raise ValueError(f"{pattern!r} is no path on a card; write folders as in DCIM/*/ and names as in *.mp4")
    return patterns


Globs = Annotated[tuple[str, ...], AfterValidator(checked)]
"""Patterns of paths, as a profile's key holds them."""


@functools.lru_cache(maxsize=512)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_expression(pattern)})" for pattern in patterns), re.IGNORECASE | re.DOTALL)


def _expression(pattern: str) -> str:
    parts = pattern.strip("/").split("/")
    is_from_root = len(parts) > 1 or pattern.startswith("/")
    expression = "" if is_from_root else "(?:.*/)?"
    for part in parts[:-1]:
        expression += "(?:[^/]+/)*" if part == "**" else f"{_component(part)}/"
    expression += "[^/]+" if parts[-1] == "**" else _component(parts[-1])
    return expression + ("/.+" if pattern.endswith("/") else "(?:/.*)?")


def _component(part: str) -> str:
    words = {"*": "[^/]*", "?": "[^/]"}
    return "".join(words.get(character, re.escape(character)) for character in part)

"""What a recorder writes about itself on its card: found and read as its profile says. Evidence, never an order."""

import json
import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from xml.parsers import expat

from ingestd.core.errors import SourceError
from ingestd.core.family import DEVICE_INFO_KEYS, DeviceInfoFile
from ingestd.core.globs import fits
from ingestd.core.model import EntryKind, SourceFile
from ingestd.core.profile import RecorderProfile
from ingestd.devices.card import CardListing, open_source

MOST_BYTES: Final = 64 * 1024
"""Read of one file; what lies behind is not looked at."""

_MOST_FILES: Final = 4
_MOST_CHARACTERS: Final = 64
_MOST_LEVELS: Final = 32
_CODECS: Final = {"utf-8": "utf-8-sig", "gbk": "gb18030"}
"""GB18030 reads every GBK text, and what newer recorders write beside it."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What one device-info file says. Null where it says nothing; `problem` in words, where it could not be read whole.

    All texts are the recorder's own words, made safe for screens and cut to 64 characters; nothing of it is checked.
    """

    path: str
    device: str | None = None
    user: str | None = None
    unit: str | None = None
    clock: str | None = None
    battery: str | None = None
    firmware: str | None = None
    problem: str = ""

    def words(self) -> str:
        """All of it in one line."""
        said = [f"{key} {getattr(self, key)}" for key in DEVICE_INFO_KEYS if getattr(self, key) is not None]
        words = ", ".join(said) or "nothing that the profile names"
        return f"{self.path}: {words}" + (f" ({self.problem})" if self.problem else "")


def read_device_info(root_fd: int, listing: CardListing, profile: RecorderProfile | None) -> tuple[DeviceInfo, ...]:
    """Every device-info file of a card, at most four, as its profile says. Never raises for what stands in it."""
    if profile is None or profile.device_info is None:
        return ()
    rules = profile.device_info
    files = [one for one in listing.entries if one.kind is EntryKind.FILE and fits(one.path.text, (rules.path,))]
    return tuple(_read(root_fd, file, rules) for file in files[:_MOST_FILES])


def _read(root_fd: int, file: SourceFile, rules: DeviceInfoFile) -> DeviceInfo:
    path = file.path.text
    try:
        data = _head(root_fd, file)
    except SourceError as error:
        return DeviceInfo(path, problem=error.message)
    except OSError as error:
        return DeviceInfo(path, problem=f"cannot be read ({error.strerror})")
    told, problem = parse_device_info(data[:MOST_BYTES], rules)
    if len(data) > MOST_BYTES:
        problem = f"only the first {MOST_BYTES} bytes were read" + (f"; {problem}" if problem else "")
    return DeviceInfo(path, **told, problem=problem)


def _head(root_fd: int, file: SourceFile) -> bytes:
    """The file's first bytes: one more than are looked at, where there are more."""
    descriptor = open_source(root_fd, file.path)
    try:
        parts, left = [], MOST_BYTES + 1
        while left and (part := os.read(descriptor, left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def parse_device_info(data: bytes, rules: DeviceInfoFile) -> tuple[dict[str, str], str]:
    """What the bytes of a device-info file say by the keys of the profile, and what is wrong with it, in words.

    Never raises, whatever the bytes.
    """
    try:
        text = data.decode(_CODECS[rules.encoding])
        problem = ""
    except UnicodeDecodeError:
        text = data.decode(_CODECS[rules.encoding], "replace")
        problem = f"not {rules.encoding} throughout"
    try:
        find = _by_expression(text) if rules.format == "regex" else _by_key(_ENTRIES[rules.format](text))
    except (ValueError, RecursionError, expat.ExpatError) as error:
        return {}, f"not readable as {rules.format} ({_plain(str(error)) or type(error).__name__})"
    told = {name: _plain(find(key) or "") for name, key in rules.keys.items()}
    return {name: value for name, value in told.items() if value}, problem


def _by_expression(text: str) -> Callable[[str], str | None]:
    def find(expression: str) -> str | None:
        match = re.search(expression, text, re.IGNORECASE | re.MULTILINE)
        return match["value" if "value" in match.re.groupindex else 1] if match is not None else None

    return find


def _by_key(entries: Mapping[str, str]) -> Callable[[str], str | None]:
    """An entry by its whole dotted name, else the first whose name ends in it."""

    def find(key: str) -> str | None:
        wanted = key.casefold()
        if wanted in entries:
            return entries[wanted]
        return next((value for name, value in entries.items() if name.endswith(f".{wanted}")), None)

    return find


def _lines(text: str) -> dict[str, str]:
    """`key = value` or `key: value` on lines, in `[sections]` or not; what is neither is passed over."""
    entries: dict[str, str] = {}
    section = ""
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            section = f"{line[1:-1].strip()}."
            continue
        match = re.match(r"([^=:;#]{1,64})[=:](.*)", line)
        if match is not None:
            entries.setdefault(f"{section}{match[1].strip()}".casefold(), match[2].strip().strip("\"'"))
    return entries


def _json(text: str) -> dict[str, str]:
    entries: dict[str, str] = {}
    waiting: list[tuple[str, Any, int]] = [("", json.loads(text), 0)]
    while waiting:
        name, value, level = waiting.pop(0)
        if level > _MOST_LEVELS:
            raise ValueError(f"more than {_MOST_LEVELS} levels deep")
        if isinstance(value, dict):
            waiting += [(f"{name}.{key}".lstrip("."), one, level + 1) for key, one in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{name}.{place}".lstrip("."), one, level + 1) for place, one in enumerate(value)]
        elif value is not None:
            entries.setdefault(name.casefold(), str(value))
    return entries


def _xml(text: str) -> dict[str, str]:
    """Texts of elements and values of attributes by the names of the elements around them, `device.serial`."""
    entries: dict[str, str] = {}
    names: list[str] = []
    texts: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(names) >= _MOST_LEVELS:
            raise ValueError(f"more than {_MOST_LEVELS} levels deep")
        names.append(name.rpartition(":")[2])
        texts.append("")
        for key, value in attributes.items():
            entries.setdefault(".".join([*names, key]).casefold(), value)

    def end(_: str) -> None:
        value = texts.pop().strip()
        if value:
            entries.setdefault(".".join(names).casefold(), value)
        names.pop()

    def data(piece: str) -> None:
        if texts:
            texts[-1] += piece

    def refuse(*_: object) -> None:
        raise ValueError("it declares a document type, which no recorder needs")

    # Text and not bytes is given, so that the profile's encoding counts and not the one that the file declares.
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, data
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(text.encode("utf-8", "replace"), True)
    return entries


_ENTRIES: Final[Mapping[str, Callable[[str], dict[str, str]]]] = {
    "ini": _lines,
    "key_value": _lines,
    "json": _json,
    "xml": _xml,
}


def _plain(text: str) -> str:
    """A value that a screen and a JSON text can carry."""
    clean = "".join(one if unicodedata.category(one)[0] not in "CZ" else " " for one in text[: 4 * _MOST_CHARACTERS])
    return " ".join(clean.split())[:_MOST_CHARACTERS]

"""CSV tables that an office keeps in a spreadsheet: read as they are saved there, faults named by line."""

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path

from ingestd.config.problems import Problem, config_error, shown


def read_rows(path: Path, what: str, fix: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table with their lines, cells stripped; blank rows and those that begin with `#` are passed over.

    UTF-8 (with or without byte order mark) or GB18030, as spreadsheets of a Chinese office save it.

    Args:
        what: the table in words, as in `the roster`.
        fix: what to do where the file cannot be read.

    Raises:
        ConfigError: the file cannot be read, could be of either encoding, or is no CSV from some line on.
    """
    text = decoded(path, what, fix)
    if _could_be_either(text) and not path.read_bytes().startswith(codecs.BOM_UTF8):
        mend = "save it as CSV UTF-8 (with byte order mark), as spreadsheets offer it"
        raise config_error([Problem(path, "", "could be UTF-8 or GBK, which read it differently", mend)])
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            mend = "close every quotation mark and save the table as CSV again"
            raise config_error([Problem(path, f"line {line}", f"not CSV: {error}", mend)]) from error
        cells = [cell.strip() for cell in row]
        if any(cells) and not cells[0].startswith("#"):
            yield line, cells


def header_problems(
    path: Path, line: int, header: list[str], *, columns: tuple[str, ...], required: tuple[str, ...]
) -> list[Problem]:
    """What is wrong with the first row of a table."""
    place = f"line {line}"
    order = f"write the header as {','.join(columns)}"
    problems = [Problem(path, place, f"column {name} is missing", order) for name in required if name not in header]
    problems += [
        Problem(path, place, f"no such column: {shown(name)}", order) for name in header if name not in columns
    ]
    if len(set(header)) != len(header):
        problems.append(Problem(path, place, "a column is there twice", order))
    return problems


def _could_be_either(text: str) -> bool:
    """Whether UTF-8 bytes without a mark, of a few short words in Chinese, may as well be GBK: 陆 reads as ½."""
    others = [one for one in text if one > "\x7f"]
    if not others or any(one > "\u07ff" for one in others):
        return False
    try:
        text.encode("utf-8").decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True


def decoded(path: Path, what: str, fix: str) -> str:
    """The text of a file: UTF-8 (with or without byte order mark) or GB18030.

    Raises:
        ConfigError: it cannot be read, or is neither.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise config_error([Problem(path, "", f"{what} cannot be read: {error.strerror}", fix)]) from error
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise config_error([Problem(path, "", "neither UTF-8 nor GB18030", "save it as CSV UTF-8")])

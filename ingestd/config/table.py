"""CSV tables that an office keeps in a spreadsheet: read as they are saved there, faults named by line."""

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
        ConfigError: the file cannot be read, or is no CSV from some line on.
    """
    reader = csv.reader(_text(path, what, fix).splitlines(keepends=True), strict=True)
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


def _text(path: Path, what: str, fix: str) -> str:
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

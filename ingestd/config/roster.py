"""The roster file: a CSV table that an office can keep in a spreadsheet."""

import datetime as dt
import re
from pathlib import Path

from ingestd.config.problems import Problem, raise_for, shown
from ingestd.config.table import header_problems, read_rows
from ingestd.core.roster import Roster, RosterEntry

COLUMNS = ("recorder", "officer", "certificate", "unit", "valid_from", "valid_to")
REQUIRED = ("recorder", "officer", "valid_from")

_DAY = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})")


def load_roster(path: Path) -> Roster:
    """Read the roster: UTF-8 (with or without byte order mark) or GB18030, as spreadsheets of a Chinese office save it.

    Lines that begin with `#` and blank lines are passed over. Days are written 2024-02-21 or 2024/2/21, local and
    inclusive. Rows for one recorder may overlap: several officers can share it.

    Raises:
        ConfigError: names file, line, column, value and the fix, for all faults of the file at once.
    """
    problems: list[Problem] = []
    entries: list[RosterEntry] = []
    header: list[str] | None = None
    fix = "create it, correct roster.file, or take roster.file out"
    for line, cells in read_rows(path, "the roster", fix):
        if header is None:
            header = cells
            raise_for(header_problems(path, line, header, columns=COLUMNS, required=COLUMNS))
        elif len(cells) != len(header):
            what = f"{len(cells)} columns where the header has {len(header)}"
            problems.append(Problem(path, f"line {line}", what, "write one value, or nothing, for each column"))
        else:
            entry = _entry(path, line, dict(zip(header, cells, strict=True)), problems)
            if entry is not None:
                entries.append(entry)
    if header is None:
        problems.append(Problem(path, "", "the roster has no header", f"begin it with {','.join(COLUMNS)}"))
    raise_for(problems)
    return Roster(tuple(entries))


def _entry(path: Path, line: int, cells: dict[str, str], problems: list[Problem]) -> RosterEntry | None:
    """One row; null after its faults were added to `problems`."""
    faults: list[Problem] = []
    for column in REQUIRED:
        if not cells[column]:
            faults.append(Problem(path, f"line {line}, {column}", "is empty", f"give the {column}"))
    days: dict[str, dt.date] = {}
    for column in ("valid_from", "valid_to"):
        if cells[column]:
            day = _day(cells[column])
            if day is None:
                fix = "write a day as 2024-02-21"
                faults.append(Problem(path, f"line {line}, {column}", "is no day", fix, shown(cells[column])))
            else:
                days[column] = day
    if "valid_from" in days and "valid_to" in days and days["valid_to"] < days["valid_from"]:
        fix = "the last day cannot lie before the first; exchange or correct them"
        what = f"lies before valid_from ({cells['valid_from']})"
        faults.append(Problem(path, f"line {line}, valid_to", what, fix, shown(cells["valid_to"])))
    problems += faults
    if faults:
        return None
    return RosterEntry(
        recorder=cells["recorder"],
        officer=cells["officer"],
        certificate=cells["certificate"],
        unit=cells["unit"],
        valid_from=days["valid_from"],
        valid_to=days.get("valid_to"),
    )


def _day(text: str) -> dt.date | None:
    match = _DAY.fullmatch(text)
    if match is None:
        return None
    try:
        return dt.date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None

"""The roster as a table: CSV that an office keeps in a spreadsheet, read for the register and written from it."""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from ingestd.config.problems import Problem, raise_for, shown
from ingestd.config.table import header_problems, read_rows
from ingestd.core.roster import YEARS, Roster, RosterEntry, begin_text, day_begins, day_is_over, end_text
from ingestd.core.roster_acts import Add

COLUMNS = ("recorder", "officer", "certificate", "unit", "user", "valid_from", "valid_to")
REQUIRED = ("recorder", "officer", "valid_from")

_CHINESE: Mapping[str, str] = {
    "记录仪编号": "recorder",
    "记录仪": "recorder",
    "姓名": "officer",
    "执法人员": "officer",
    "执法证号": "certificate",
    "执法证件编号": "certificate",
    "单位": "unit",
    "用户编号": "user",
    "起": "valid_from",
    "止": "valid_to",
}
_DAY = re.compile(r"([0-9]{4})(?:[-/.]|年)([0-9]{1,2})(?:[-/.]|月)([0-9]{1,2})日?")
_MINUTE = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::00)?")
_SPREADSHEET_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?[eE]\+[0-9]+")
_TEXT_COLUMN = "set the column to text in the spreadsheet and write it anew"
_FIXES = {
    "officer": "give the officer's name in at most 200 characters",
    "recorder": "write the number as the recorder's file names carry it, without blanks",
}


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One line of a table: its row, or null and what is wrong with it."""

    line: int
    entry: RosterEntry | None
    problems: tuple[Problem, ...] = ()


def load_roster(path: Path, zone: ZoneInfo) -> Roster:
    """Read the configured roster file; rows that contradict each other are left to the register.

    Args:
        zone: the bureau's, in which days are counted.

    Raises:
        ConfigError: names file, line, column, value and the fix, for all faults of the file at once.
    """
    rows = read_roster(path, zone)
    raise_for([problem for row in rows for problem in row.problems])
    return Roster(tuple(row.entry for row in rows if row.entry is not None))


def read_roster(path: Path, zone: ZoneInfo) -> list[RosterRow]:
    """Read a table: UTF-8 (with or without byte order mark) or GB18030, as spreadsheets of a Chinese office save it.

    Lines that begin with `#` and blank lines are passed over. Terms are local: days written 2024-02-21, 2024/2/21 or
    2024年2月21日 and inclusive, or a day and a minute (`2024-02-21 14:00`), at which a term begins or is over. Rows for
    one recorder may overlap: several officers can share it.

    Raises:
        ConfigError: the file cannot be read, or its header is wrong.
    """
    rows: list[RosterRow] = []
    header: list[str] | None = None
    fix = "create it, correct the name, or take roster.file out"
    for line, cells in read_rows(path, "the roster", fix):
        if header is None:
            header = [_CHINESE.get(cell, cell) for cell in cells]
            raise_for(header_problems(path, line, header, columns=COLUMNS, required=REQUIRED))
        elif len(cells) != len(header):
            what = f"{len(cells)} columns where the header has {len(header)}"
            fault = Problem(path, f"line {line}", what, "write one value, or nothing, for each column")
            rows.append(RosterRow(line, None, (fault,)))
        else:
            rows.append(_row(path, line, dict(zip(header, cells, strict=True)), zone))
    if header is None:
        raise_for([Problem(path, "", "the roster has no header", f"begin it with {','.join(COLUMNS)}")])
    return rows


def checked_roster(path: Path, zone: ZoneInfo) -> list[RosterRow]:
    """As `read_roster`; rows that say again, or otherwise, what a row above them says are faulty too.

    Raises:
        ConfigError: as of `read_roster`.
    """
    checked: list[RosterRow] = []
    for row in read_roster(path, zone):
        above = next((one for one in checked if _contradict(one, row)), None)
        if above is None or above.entry is None or row.entry is None:
            checked.append(row)
            continue
        what, fix = f"stands in line {above.line} already", "take one of the two out"
        if above.entry != row.entry:
            what = f"overlaps line {above.line}: {row.entry.officer} has recorder {row.entry.recorder} then already"
            fix = "correct the days; two officers of one name need certificate numbers"
        checked.append(RosterRow(row.line, None, (Problem(path, f"line {row.line}", what, fix),)))
    return checked


def _contradict(one: RosterRow, other: RosterRow) -> bool:
    """Whether two rows speak of one officer and recorder at one time."""
    if one.entry is None or other.entry is None or one.entry.recorder != other.entry.recorder:
        return False
    return one.entry.is_same_officer(other.entry) and one.entry.overlaps(other.entry)


def roster_table(entries: Iterable[RosterEntry], zone: ZoneInfo) -> str:
    """The table of these rows, as `read_roster` reads it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in entries:
        term = (begin_text(one, zone), end_text(one, zone))
        writer.writerow((one.recorder, one.officer, one.certificate, one.unit, one.user, *term))
    return out.getvalue()


def begin_of(text: str, zone: ZoneInfo) -> dt.datetime:
    """The first moment of a term that a person wrote.

    Raises:
        ValueError: it is none; in words, with the fix behind a semicolon.
    """
    day, minute = _parts(text)
    return day_begins(day, zone) if minute is None else _moment(day, minute, zone)


def end_of(text: str, zone: ZoneInfo) -> dt.datetime:
    """The first moment after a term that a person wrote: after its last day, or the minute at which it is over.

    Raises:
        ValueError: it is none; in words, with the fix behind a semicolon.
    """
    day, minute = _parts(text)
    if minute is None:
        return day_is_over(day, zone)
    if minute == dt.time():
        raise ValueError("says at midnight, and not whether the day counts; write the last day alone, as 2024-02-21")
    return _moment(day, minute, zone)


def _row(path: Path, line: int, cells: dict[str, str], zone: ZoneInfo) -> RosterRow:
    faults = [
        Problem(path, f"line {line}, {column}", "is empty", f"give the {column}")
        for column in REQUIRED
        if not cells[column]
    ]
    for column in ("recorder", "certificate", "user"):
        value = cells.get(column, "")
        if _SPREADSHEET_NUMBER.fullmatch(value):
            what = "is a number that a spreadsheet has shortened"
            faults.append(Problem(path, f"line {line}, {column}", what, _TEXT_COLUMN, shown(value)))
    moments: dict[str, dt.datetime] = {}
    for column, read, name in (("valid_from", begin_of, "begins_at"), ("valid_to", end_of, "ends_at")):
        if cells.get(column):
            try:
                moments[name] = read(cells[column], zone)
            except ValueError as error:
                what, _, fix = str(error).partition("; ")
                faults.append(Problem(path, f"line {line}, {column}", what, fix, shown(cells[column])))
    if len(moments) == 2 and moments["ends_at"] <= moments["begins_at"]:
        fix = "the last day cannot lie before the first; exchange or correct them"
        what = f"lies before valid_from ({cells['valid_from']})"
        faults.append(Problem(path, f"line {line}, valid_to", what, fix, shown(cells["valid_to"])))
    if faults:
        return RosterRow(line, None, tuple(faults))
    texts = {name: cells[name] for name in ("recorder", "officer", "certificate", "unit", "user") if name in cells}
    try:
        return RosterRow(line, Add.model_validate({"by": "table", **texts, **moments}).row)
    except ValidationError as error:
        return RosterRow(line, None, tuple(_refusals(path, line, cells, error)))


def _refusals(path: Path, line: int, cells: dict[str, str], error: ValidationError) -> list[Problem]:
    problems = []
    for detail in error.errors(include_url=False):
        column = str(detail["loc"][0])
        what, fix = "has characters or a length not allowed here", _FIXES.get(column, "write it in fewer characters")
        if detail["type"] == "value_error":
            what, _, fix = detail["msg"].removeprefix("Value error, ").partition("; ")
        problems.append(Problem(path, f"line {line}, {column}", what, fix, shown(cells.get(column, ""))))
    return problems


def _parts(text: str) -> tuple[dt.date, dt.time | None]:
    written, _, rest = text.strip().partition(" ")
    match = _DAY.fullmatch(written)
    if match is None:
        is_number = written.isdigit() and len(written) == 5 and not rest
        fix = _TEXT_COLUMN if is_number else "write a day as 2024-02-21, or a day and a minute as 2024-02-21 14:00"
        raise ValueError(f"is {'a number of days of a spreadsheet' if is_number else 'no day'}; {fix}")
    try:
        day = dt.date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise ValueError("is no day; write a day as 2024-02-21, one that is in the calendar") from None
    if day.year not in YEARS:
        raise ValueError(
            f"is no plausible day; terms lie between {YEARS.start} and {YEARS.stop - 1}; leave valid_to empty while "
            "the officer has the recorder"
        )
    if not rest.strip():
        return day, None
    minute = _MINUTE.fullmatch(rest.strip())
    if minute is None or int(minute[1]) > 23 or int(minute[2]) > 59:
        raise ValueError("is no day and minute; write it as 2024-02-21 14:00")
    return day, dt.time(int(minute[1]), int(minute[2]))


def _moment(day: dt.date, minute: dt.time, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, minute, zone).astimezone(dt.UTC)

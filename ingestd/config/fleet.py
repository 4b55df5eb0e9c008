"""The table of the fleet register: CSV that an office keeps in a spreadsheet, read for `ingestd fleet import`."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ingestd.config.problems import Problem, raise_for, shown
from ingestd.config.table import header_problems, read_rows
from ingestd.core.fleet import FleetStatus, RegisterEntry
from ingestd.core.fleet_acts import Add, Change, Issue, RegisterRequest

COLUMNS = ("number", "status", "unit", "model", "usb_serials", "note", "holder")
REQUIRED = ("number",)

_ENTERED = tuple(status.value for status in FleetStatus if status is not FleetStatus.UNKNOWN)
_REASON = "fleet table"


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One recorder of the table. `columns` are those that the table has: what it has not stays as it is.

    `add` is what enters the recorder where it is new; `holder` is empty where the table names none.
    """

    line: int
    add: Add
    columns: frozenset[str]
    holder: str


def load_fleet_table(path: Path, by: str) -> list[FleetRow]:
    """Read the table: UTF-8 (with or without byte order mark) or GB18030; blank lines and `#` are passed over.

    `number` must be filled; an empty `status` is `known`; serials stand in one cell, with blanks or `;` between them.

    Args:
        by: the person who brings the table in.

    Raises:
        ConfigError: names file, line, column, value and the fix, for all faults of the file at once.
    """
    problems: list[Problem] = []
    rows: list[FleetRow] = []
    header: list[str] | None = None
    for line, cells in read_rows(path, "the table", "give a CSV file that exists and may be read"):
        if header is None:
            header = cells
            raise_for(header_problems(path, line, header, columns=COLUMNS, required=REQUIRED))
        elif len(cells) != len(header):
            what = f"{len(cells)} columns where the header has {len(header)}"
            problems.append(Problem(path, f"line {line}", what, "write one value, or nothing, for each column"))
        else:
            row = _row(path, line, dict(zip(header, cells, strict=True)), by, problems)
            if row is not None:
                rows.append(row)
    if header is None:
        problems.append(Problem(path, "", "the table has no header", f"begin it with {','.join(COLUMNS)}"))
    problems += _doubles(path, rows)
    raise_for(problems)
    return rows


def fleet_table(entries: Iterable[RegisterEntry]) -> str:
    """The table of a register, as `load_fleet_table` reads it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in entries:
        serials = " ".join(one.usb_serials)
        writer.writerow((one.number, one.status.value, one.unit, one.model, serials, one.note, one.holder or ""))
    return out.getvalue()


def _row(path: Path, line: int, cells: dict[str, str], by: str, problems: list[Problem]) -> FleetRow | None:
    """One row; null after its faults were added to `problems`."""
    status = cells.get("status") or FleetStatus.KNOWN.value
    faults: list[Problem] = []
    if not cells["number"]:
        faults.append(Problem(path, f"line {line}, number", "is empty", "give the recorder's number"))
    if status not in _ENTERED:
        fix = f"write one of {', '.join(_ENTERED)}"
        faults.append(Problem(path, f"line {line}, status", "is no status", fix, shown(status)))
    if not faults:
        values = {name: cells[name] for name in ("number", "unit", "model", "note") if name in cells}
        serials = cells.get("usb_serials", "").replace(";", " ").split()
        try:
            add = Add.model_validate(
                {**values, "by": by, "status": status, "reason": _REASON, "usb_serials": tuple(serials)}
            )
            return FleetRow(line, add, frozenset(cells), cells.get("holder", ""))
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                column = str(detail["loc"][0])
                what = "has characters or a length not allowed here"
                fix = "write it in fewer characters, without control characters; a number without blanks"
                faults.append(Problem(path, f"line {line}, {column}", what, fix, shown(cells.get(column, by))))
    problems += faults
    return None


def _doubles(path: Path, rows: list[FleetRow]) -> list[Problem]:
    first: dict[str, int] = {}
    problems = []
    for row in rows:
        before = first.setdefault(row.add.number, row.line)
        if before != row.line:
            what, fix = f"stands in line {before} already", "keep one line for each recorder"
            problems.append(Problem(path, f"line {row.line}, number", what, fix, shown(row.add.number)))
    return problems


def requests_of(path: Path, rows: Iterable[FleetRow], register: Mapping[str, RegisterEntry]) -> list[RegisterRequest]:
    """What has to be asked so that the register says what the table says; nothing for what it says already.

    Recorders that the table does not name stay as they are. A recorder that somebody else holds is not taken back by
    a table.

    Raises:
        ConfigError: names each line where the table and the register name different holders.
    """
    problems: list[Problem] = []
    requests: list[RegisterRequest] = []
    for row in rows:
        entry = register.get(row.add.number)
        if entry is not None and entry.holder is not None and row.holder not in ("", entry.holder):
            what = f"the register says that it is issued to {entry.holder}"
            fix = f"take it back first: ingestd fleet return {entry.number}"
            problems.append(Problem(path, f"line {row.line}, holder", what, fix, shown(row.holder)))
            continue
        requests += _requests_of(row, entry)
    raise_for(problems)
    return requests


def _requests_of(row: FleetRow, entry: RegisterEntry | None) -> list[RegisterRequest]:
    wanted, columns = row.add, row.columns
    is_issued_now = bool(row.holder) and (entry is None or entry.holder is None)
    issue = [Issue(by=wanted.by, number=wanted.number, to=row.holder)] if is_issued_now else []
    first: list[RegisterRequest] = []
    if entry is None:
        # Only a recorder that is in use can be issued: what it became later is said afterwards.
        first = [wanted.model_copy(update={"status": "known", "reason": ""}) if issue else wanted]
    else:
        values = {name: getattr(wanted, name) for name in ("unit", "model", "usb_serials", "note") if name in columns}
        first = [Change(by=wanted.by, number=wanted.number, **values)]
    if "status" not in columns or (entry is None and not issue):
        return [*first, *issue]
    status = Change(by=wanted.by, number=wanted.number, status=wanted.status, reason=wanted.reason)
    return [*first, status, *issue] if wanted.status == "known" else [*first, *issue, status]

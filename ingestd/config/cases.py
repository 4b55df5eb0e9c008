"""Files of cases and activities: CSV as an office keeps it in a spreadsheet, JSON as a case system writes it."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.config.problems import Problem, config_error, raise_for
from ingestd.config.table import decoded, header_problems, read_rows
from ingestd.core.case_import import (
    ACTIVITY_KEYS,
    CASE_KEYS,
    Fault,
    Imported,
    imported_activities,
    imported_cases,
)

CASE_COLUMNS = tuple(CASE_KEYS.values())
ACTIVITY_COLUMNS = tuple(ACTIVITY_KEYS.values())

_FIX = "give a CSV or JSON file that exists and may be read"


def load_cases(path: Path, by: str, zone: ZoneInfo) -> list[Imported]:
    """Read a file of cases, or a table of activities (one whose header has `kind`, 活动).

    UTF-8 (with or without byte order mark) or GB18030. In a table several values of one cell stand with `;` between
    them, an officer as `name/certificate`. JSON is a list of cases, `{"cases": […]}`, or one case.

    Args:
        by: the person who brings the file in.
        zone: of times that name none.

    Raises:
        ConfigError: it cannot be read, or its header is wrong; names the place and the fix.
    """
    if path.suffix.lower() == ".json":
        documents = [(f"entry {number}", one) for number, one in enumerate(cases_of(_json(path)), start=1)]
        return imported_cases(documents, by=by, source="import", zone=zone)
    return _table(path, by, zone)


def cases_of(document: Any) -> list[Any]:
    """The cases of a JSON document: a list, `{"cases": […]}`, or one case."""
    if isinstance(document, dict) and set(document) == {"cases"} and isinstance(document["cases"], list):
        return list(document["cases"])
    return list(document) if isinstance(document, list) else [document]


def _json(path: Path) -> Any:
    try:
        return json.loads(decoded(path, "the file", _FIX))
    except (ValueError, RecursionError) as error:
        raise config_error(
            [Problem(path, "", f"not JSON: {error}", "write it as a case system does, UTF-8")]
        ) from error


def _table(path: Path, by: str, zone: ZoneInfo) -> list[Imported]:
    header: list[str] | None = None
    is_of_activities = False
    documents: list[tuple[str, Any]] = []
    broken: list[Imported] = []
    for line, cells in read_rows(path, "the table", _FIX):
        place = f"line {line}"
        if header is None:
            is_of_activities = "kind" in cells or "活动" in cells
            keys = ACTIVITY_KEYS if is_of_activities else CASE_KEYS
            header = [keys.get(cell, cell) for cell in cells]
            required = ("number", "kind") if is_of_activities else ("number",)
            raise_for(header_problems(path, line, header, columns=tuple(keys.values()), required=required))
        elif len(cells) != len(header):
            fault = Fault(
                "", f"{len(cells)} columns where the header has {len(header)}", "write one value for each column"
            )
            broken.append(Imported(place, cells[0], None, (fault,)))
        else:
            documents.append((place, dict(zip(header, cells, strict=True))))
    if header is None:
        raise config_error([Problem(path, "", "the table has no header", f"begin it with {','.join(CASE_COLUMNS)}")])
    if is_of_activities:
        found = imported_activities(documents, by=by, zone=zone)
    else:
        found = imported_cases(documents, by=by, source="import", zone=zone)
    return sorted([*found, *broken], key=lambda one: int(one.place.removeprefix("line ")))

"""`ingestd roster import` and `export`: the roster as a table of a spreadsheet."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ingestd.answers.texts import counted
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import ByOption, built, login_name
from ingestd.cli.output import console, emit_json, table
from ingestd.cli.roster_requests import Each, ended, perform
from ingestd.config.roster import RosterRow, checked_roster, roster_table
from ingestd.core.errors import ExitStatus
from ingestd.core.roster_acts import Add
from ingestd.wiring import open_roster

_RESULTS = {None: "unchanged", "roster.entered": "new", "roster.ended": "ended"}


def import_roster(
    file: Annotated[Path, typer.Argument(help="CSV as `export` writes it, UTF-8 or GB18030 (GBK).")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    by: ByOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    good_rows: Annotated[
        bool,
        typer.Option("--good-rows/--all-or-nothing", help="Import the good rows; else one bad row stops all of it."),
    ] = False,
) -> None:
    """Bring a table in: new rows are entered, rows with an end filled in are ended, equal rows change nothing.

    Each row that cannot be taken is named with its reason; exit status 1 where there are any. What the table does not
    name stays as it is. Example: ingestd roster import roster.csv --dry-run
    """
    configuration = configuration_of(config)
    who = by or login_name()
    rows = checked_roster(file, configuration.settings.station.zone_info)
    is_faulty = any(row.problems for row in rows)
    each: Each = "dry" if dry_run or (is_faulty and not good_rows) else "rest" if good_rows else "all"
    requests = [_request(row, who) for row in rows if row.entry is not None]
    answers = perform(configuration, requests, each) if requests else []
    left = iter(answers)
    found = [_document(row, next(left) if row.entry is not None else None) for row in rows]
    refused = sum(one["result"] == "refused" for one in found)
    is_entered = not dry_run and (good_rows or not refused)
    if as_json:
        emit_json({"is_dry_run": dry_run, "is_entered": is_entered, "refused": refused, "rows": found})
    else:
        _show(found, refused)
        ended([answer | {"act": "shown"} for answer in answers], _closing(is_dry_run=dry_run, is_entered=is_entered))
    if refused:
        raise typer.Exit(ExitStatus.FAILED)


def export_roster(config: ConfigOption = None) -> None:
    """Write the roster as CSV to standard output, as `import` reads it.

    Example: ingestd roster export > roster.csv
    """
    settings = configuration_of(config).settings
    entries = [one.entry for one in open_roster(settings).entries()]
    # With a byte order mark, without which spreadsheets take UTF-8 for the encoding of their office.
    typer.echo(roster_table(entries, settings.station.zone_info).encode("utf-8-sig"), nl=False)


def _request(row: RosterRow, by: str) -> Add:
    entry = row.entry
    assert entry is not None
    return built(
        Add,
        by,
        recorder=entry.recorder,
        officer=entry.officer,
        certificate=entry.certificate,
        unit=entry.unit,
        user=entry.user,
        begins_at=entry.begins_at,
        ends_at=entry.ends_at,
        reason="imported",
    )


def _document(row: RosterRow, answer: dict[str, Any] | None) -> dict[str, Any]:
    faults = [{"what": fault.sentence(), "fix": fault.fix} for fault in row.problems]
    entry_id, result = None, "refused"
    if answer is not None and answer["error"] is not None:
        faults = [{"what": f"line {row.line}: {answer['error']['message']}", "fix": answer["error"]["advice"]}]
    elif answer is not None:
        entry_id, result = answer["entry_id"], _RESULTS[answer["act"]]
    return {"line": row.line, "result": result, "entry_id": entry_id, "faults": faults}


def _show(found: list[dict[str, Any]], refused: int) -> None:
    faults = [(fault["what"], fault["fix"]) for one in found for fault in one["faults"]]
    if faults:
        table(f"{counted(refused, 'row')} cannot be taken · 无法导入", ["row and reason", "fix"], faults)
    counts = [
        f"{number} {result}"
        for result in ("new", "ended", "unchanged", "refused")
        if (number := sum(one["result"] == result for one in found))
    ]
    console.print(", ".join(counts) or "no rows", markup=False)


def _closing(*, is_dry_run: bool, is_entered: bool) -> str:
    if is_dry_run:
        return "nothing was entered: dry run · 试运行，未导入"
    if is_entered:
        return "imported · 已导入"
    return "nothing was entered; correct the rows, or --good-rows · 未导入"

"""`ingestd case import`: cases and activities from a table or from another system's file."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ingestd.answers.texts import counted
from ingestd.cli.case_requests import Each, perform_each
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.fleet_requests import ByOption, login_name
from ingestd.cli.output import console, emit_json, table
from ingestd.config.cases import load_cases
from ingestd.core.case_import import Imported
from ingestd.core.errors import ExitStatus


def import_cases(
    file: Annotated[Path, typer.Argument(help="CSV of cases or of activities (docs/guide/cases.md), or JSON.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    by: ByOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    skip_faulty: Annotated[
        bool, typer.Option("--skip-faulty", help="Import the rest; else one faulty row stops all of it.")
    ] = False,
) -> None:
    """Bring cases in: new ones are entered, others changed; what the file does not name stays as it is.

    A file whose header has `kind` (活动) is one of activities. Each row that cannot be taken is named with its reason.
    Example: ingestd case import cases.csv --dry-run
    """
    configuration = configuration_of(config)
    zone = configuration.settings.station.zone_info
    entries = load_cases(file, by or login_name(), zone)
    is_faulty = any(one.faults for one in entries)
    each: Each = "dry" if dry_run or (is_faulty and not skip_faulty) else "rest" if skip_faulty else "all"
    requests = [one.request for one in entries if one.request is not None]
    answers = iter(perform_each(configuration, requests, each) if requests else [])
    found = [_document(one, next(answers) if one.request is not None else None) for one in entries]
    refused = sum(one["result"] == "refused" for one in found)
    is_entered = not dry_run and (skip_faulty or not refused)
    if as_json:
        emit_json({"is_dry_run": dry_run, "is_entered": is_entered, "refused": refused, "rows": found})
    else:
        _show(found, refused, is_dry_run=dry_run, is_entered=is_entered)
    if refused and not skip_faulty:
        raise typer.Exit(ExitStatus.FAILED)


def _document(one: Imported, answer: dict[str, Any] | None) -> dict[str, Any]:
    faults = [{"what": fault.sentence, "fix": fault.fix} for fault in one.faults]
    acts: list[str] = answer["acts"] if answer is not None else []
    if answer is not None and answer["error"] is not None:
        faults.append({"what": answer["error"]["message"], "fix": answer["error"]["advice"]})
    result = "refused" if faults else "new" if _is_new(acts) else "changed" if acts else "unchanged"
    return {"place": one.place, "number": one.number, "result": result, "acts": acts, "faults": faults}


def _is_new(acts: list[str]) -> bool:
    return "case.opened" in acts or acts == ["case.activity_entered"]


def _show(found: list[dict[str, Any]], refused: int, *, is_dry_run: bool, is_entered: bool) -> None:
    rows = [
        (one["place"], one["number"], f"{fault['what']} → {fault['fix']}") for one in found for fault in one["faults"]
    ]
    if rows:
        table(f"{counted(refused, 'row')} cannot be taken · 无法导入", ["place", "number", "why → fix"], rows)
    counts = ", ".join(
        f"{number} {result}"
        for result in ("new", "changed", "unchanged", "refused")
        if (number := sum(one["result"] == result for one in found))
    )
    if is_dry_run:
        words = "nothing was entered: dry run · 试运行，未导入"
    elif is_entered:
        words = "imported · 已导入"
    else:
        words = "nothing was entered; correct the rows, or --skip-faulty · 未导入"
    console.print(f"{counts or 'no rows'}: {words}", markup=False, soft_wrap=True)

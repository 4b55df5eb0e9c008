"""`ingestd release`: erasing from a recorder what is proved to be held, and the receipts of it."""

from typing import Annotated, Any

import typer

from ingestd.answers.texts import counted, local_time, size
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of, is_station_running
from ingestd.cli.fleet_requests import ByOption, login_name
from ingestd.cli.output import console, emit_json, errors, table
from ingestd.config.load import Configuration
from ingestd.core.clock import SystemClock
from ingestd.core.copies import KeepOnRecorder, SafeToErase
from ingestd.core.errors import ExitStatus
from ingestd.core.stop import Stop
from ingestd.daemon.host import is_clock_synchronised
from ingestd.ipc import ask
from ingestd.pipeline.release import clock_doubt, document_of, rules_of
from ingestd.stores.ledger import last_entry
from ingestd.wiring import open_parts, open_prover, release_desk, writer_lock

release_app = typer.Typer(help="Erase from a recorder what is proved to be held (清空记录仪).", no_args_is_help=True)

DockingArgument = Annotated[str, typer.Argument(metavar="DOCKING", help="Its id, or the last digits of it.")]

_LOOK_SECONDS = 0.5


@release_app.command("plan")
def plan(docking: DockingArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """What could be erased after a docking, or all that speaks against it. Nothing is touched.

    Exit status 7 when nothing may be erased. Example: ingestd release plan 4b1d53653
    """
    configuration = configuration_of(config)
    found = _planned(configuration, docking)
    if as_json:
        emit_json(document_of(found))
    elif isinstance(found, KeepOnRecorder):
        console.print("Everything stays on the recorder · 不得清除:", style="yellow")
        for reason in found.reasons:
            console.print(f"  {reason}", markup=False, soft_wrap=True)
    else:
        rows = [(file.path.text, size(file.size_bytes), ", ".join(file.copies)) for file in found.files]
        table(f"May be erased · 可以清除 ({counted(len(rows), 'file')})", ("file", "size", "copies"), rows, right=(1,))
    if isinstance(found, KeepOnRecorder):
        raise typer.Exit(ExitStatus.INCOMPLETE)


@release_app.command("run")
def run(docking: DockingArgument, config: ConfigOption = None, by: ByOption = "", as_json: JsonOption = False) -> None:
    """Have the files of a docking erased from its recorder, which must still be in its bay.

    Each is read once more just before it is removed, and stays where it is not what was sealed. Exit status 7 when
    anything stayed that was to go. Example: ingestd release run 4b1d53653 --by 王主任
    """
    configuration = configuration_of(config)
    settings, who = configuration.settings, by or login_name()
    with errors.status("files are being erased from the recorder · 正在清除"):
        if is_station_running(settings):
            row: dict[str, Any] = ask(settings.socket_file, {"op": "release", "docking": docking, "by": who})
        else:
            row = _run_here(configuration, docking, who)
    if as_json:
        emit_json(row)
    else:
        _print_release(configuration, row)
    if row["outcomes"].get("erased", 0) != row["files"]:
        raise typer.Exit(ExitStatus.INCOMPLETE)


@release_app.command("show")
def show(docking: DockingArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """What was asked to be erased after a docking, and what became of each file.

    Example: ingestd release show 4b1d53653
    """
    configuration = configuration_of(config)
    prover = open_prover(configuration.settings)
    found = prover.releases.of_docking(prover.docking(docking)["docking_id"])
    receipts = [(row, prover.releases.receipts(row["release_id"])) for row in found]
    if as_json:
        emit_json([row | {"receipts": told} for row, told in receipts])
        return
    if not receipts:
        console.print("Nothing was asked to be erased · 未申请清除")
    for row, told in receipts:
        _print_release(configuration, row)
        table("", ("file", "outcome", "words"), [(one["card_path"], one["outcome"], one["words"]) for one in told])


def _planned(configuration: Configuration, docking: str) -> SafeToErase | KeepOnRecorder:
    settings, now = configuration.settings, SystemClock().now()
    last = last_entry(settings.vault_dir / "ledger")
    is_synchronised = is_clock_synchronised()
    doubt = clock_doubt(now, last.time if last is not None else None, is_synchronised=is_synchronised)
    return open_prover(settings).plan(docking, rules_of(settings.release), clock_doubt=doubt, now=now)


def _run_here(configuration: Configuration, docking: str, by: str) -> dict[str, Any]:
    stop = Stop()
    with writer_lock(configuration.settings), open_parts(configuration, stop) as parts:
        desk = release_desk(lambda: parts, is_clock_synchronised)
        desk.take_over()
        release_id = desk.ask(docking, by)["release_id"]
        book = desk.prover.releases
        while True:
            desk.take_over()
            row = book.release(release_id)
            if row is not None and row["finished_at"]:
                return row | {"outcomes": book.outcomes(release_id)}
            stop.wait(_LOOK_SECONDS)


def _print_release(configuration: Configuration, row: dict[str, Any]) -> None:
    zone = configuration.settings.station.zone_info
    erased = row["outcomes"].get("erased", 0)
    when = local_time(row["asked_at"], zone)
    words = f"{erased} of {counted(row['files'], 'file')} erased · 已清除 {erased}/{row['files']}"
    console.print(f"{when}, {row['asked_by']}: {words}", markup=False)
    if row["ending"] not in (None, "done"):
        console.print(f"  {row['ending']}: {row['words']}", markup=False, style="yellow", soft_wrap=True)

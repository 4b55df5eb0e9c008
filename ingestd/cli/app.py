"""The command line: commands and the only map from errors to exit statuses."""

import io
import os
import sys
from typing import Annotated

import typer

from ingestd.cli.analyse import analyse
from ingestd.cli.bays_learn import bays_app
from ingestd.cli.check import config_app, doctor
from ingestd.cli.continuity import continuity
from ingestd.cli.device import device_app
from ingestd.cli.explain import explain_app
from ingestd.cli.fleet import fleet_app
from ingestd.cli.ingest import ingest
from ingestd.cli.install import install, uninstall
from ingestd.cli.output import errors
from ingestd.cli.profile import profile_app
from ingestd.cli.query import findings, list_recordings, show, status
from ingestd.cli.run import run
from ingestd.cli.salvage import salvage
from ingestd.cli.sim import sim_app
from ingestd.cli.structure import structure_app
from ingestd.cli.timeline import timeline
from ingestd.cli.verify import catalogue_app, verify
from ingestd.core.errors import IngestdError, UnavailableError
from ingestd.wiring import VERSION

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    help="Docking station for body-worn cameras: takes footage in with proof, finds what is missing, keeps it as long "
    "as the law says. 执法记录仪采集站。\n\nExit status: 0 done, 1 failed, 2 wrong usage, 3 wrong configuration, "
    "4 station or resource unavailable, 5 not found, 6 integrity fault, 7 docking incomplete.",
)
app.command()(run)
app.command()(ingest)
app.command()(analyse)
app.command()(status)
app.command("list")(list_recordings)
app.command()(show)
app.command()(findings)
app.command()(continuity)
app.command()(timeline)
app.command()(salvage)
app.command()(verify)
app.command()(doctor)
app.command()(install)
app.command()(uninstall)
app.add_typer(bays_app, name="bays")
app.add_typer(config_app, name="config")
app.add_typer(catalogue_app, name="catalogue")
app.add_typer(device_app, name="device")
app.add_typer(explain_app, name="explain")
app.add_typer(fleet_app, name="fleet")
app.add_typer(profile_app, name="profile")
app.add_typer(sim_app, name="sim")
app.add_typer(structure_app, name="structure")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        print(f"ingestd {VERSION}")
        raise typer.Exit


def _run() -> None:
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as error:
        if error.filename is not None:
            raise
        # What could not be written must not be tried again at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise UnavailableError(f"the output cannot be written: {error.strerror}") from error


def main() -> None:
    """Run a command and end the process with its status. No traceback reaches a person for an expected fault.

    Wrong usage (2) and an interrupt (130) are typer's own statuses.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name or a word that the terminal cannot show is shown escaped; it is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    try:
        _run()
    except IngestdError as error:
        errors.print(f"error: {error.message}", style="red", markup=False, soft_wrap=True)
        if error.advice:
            errors.print(f"  → {error.advice}", markup=False, soft_wrap=True)
        sys.exit(error.exit_status)

"""The command line: commands and the only map from errors to exit statuses."""

import io
import os
import sys
from collections.abc import Mapping
from importlib.metadata import version as version_of
from typing import Annotated, Final

import typer

from ingestd.cli.lazy import lazy_group
from ingestd.cli.output import errors
from ingestd.core.errors import IngestdError, UnavailableError

COMMANDS: Final[Mapping[str, str]] = {
    "run": "ingestd.cli.run:run",
    "web": "ingestd.cli.web:web",
    "ingest": "ingestd.cli.ingest:ingest",
    "analyse": "ingestd.cli.analyse:analyse",
    "status": "ingestd.cli.query:status",
    "list": "ingestd.cli.query:list_recordings",
    "show": "ingestd.cli.query:show",
    "find": "ingestd.cli.find:find",
    "findings": "ingestd.cli.query:findings",
    "clock": "ingestd.cli.clock:clock",
    "continuity": "ingestd.cli.continuity:continuity",
    "timeline": "ingestd.cli.timeline:timeline",
    "track": "ingestd.cli.track:track",
    "salvage": "ingestd.cli.salvage:salvage",
    "verify": "ingestd.cli.verify:verify",
    "doctor": "ingestd.cli.check:doctor",
    "install": "ingestd.cli.install:install",
    "uninstall": "ingestd.cli.install:uninstall",
    "bays": "ingestd.cli.bays_learn:bays_app",
    "config": "ingestd.cli.check:config_app",
    "bookmark": "ingestd.cli.bookmark:bookmark_app",
    "access": "ingestd.cli.access:access_app",
    "account": "ingestd.cli.account:account_app",
    "carrier": "ingestd.cli.carrier:carrier_app",
    "case": "ingestd.cli.case:case_app",
    "catalogue": "ingestd.cli.verify:catalogue_app",
    "scrub": "ingestd.cli.scrub:scrub_app",
    "release": "ingestd.cli.release:release_app",
    "complaint": "ingestd.cli.complaint:complaint_app",
    "disclosure": "ingestd.cli.disclosure:disclosure_app",
    "device": "ingestd.cli.device:device_app",
    "explain": "ingestd.cli.explain:explain_app",
    "fleet": "ingestd.cli.fleet:fleet_app",
    "handover": "ingestd.cli.handover:handover_app",
    "ledger": "ingestd.cli.ledger:ledger_app",
    "hold": "ingestd.cli.hold:hold_app",
    "profile": "ingestd.cli.profile:profile_app",
    "register": "ingestd.cli.register:register_app",
    "replica": "ingestd.cli.replica:replica_app",
    "retention": "ingestd.cli.retention:retention_app",
    "roster": "ingestd.cli.roster:roster_app",
    "sample": "ingestd.cli.sample:sample_app",
    "sim": "ingestd.cli.sim:sim_app",
    "structure": "ingestd.cli.structure:structure_app",
    "unit": "ingestd.cli.unit:unit_app",
    "vessel": "ingestd.cli.vessel:vessel_app",
}
"""Where each command lives, in the order of the help."""

app = typer.Typer(
    cls=lazy_group(COMMANDS),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    help="Docking station for body-worn cameras: takes footage in with proof, finds what is missing, keeps it as long "
    "as the law says. 执法记录仪采集站。\n\nExit status: 0 done, 1 failed, 2 wrong usage, 3 wrong configuration, "
    "4 station or resource unavailable, 5 not found, 6 integrity fault, 7 docking incomplete.",
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    if version:
        print(f"ingestd {version_of('ingestd')}")
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

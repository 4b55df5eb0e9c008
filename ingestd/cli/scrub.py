"""`ingestd scrub`: how long ago everything that is held was read, and reading all of it now."""

from typing import Any

import typer

from ingestd.answers.texts import counted, local_time, size
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of, is_station_running
from ingestd.cli.output import console, emit_json, errors, table
from ingestd.config.load import Configuration
from ingestd.core.clock import SystemClock
from ingestd.core.errors import ExitStatus
from ingestd.core.settings import Settings
from ingestd.core.stop import Stop
from ingestd.ipc import ask
from ingestd.pipeline.rolling import status_of
from ingestd.stores.scrubstate import ScrubState
from ingestd.stores.vault import Vault
from ingestd.wiring import open_fixity, open_parts, replica_stores, rolling, writer_lock

scrub_app = typer.Typer(help="Everything that is held, read again on a schedule (定期校验).", no_args_is_help=True)


@scrub_app.command("status")
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """How long ago everything was read, and what stands damaged.

    Exit status 6 when anything stands damaged. Example: ingestd scrub status
    """
    configuration = configuration_of(config)
    _show(configuration, _asked(configuration, is_run=False), as_json)


@scrub_app.command("run")
def run(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Read everything now, without a rest; recorders that are being copied come first all the same.

    The pass under way is brought to its end, or a new one begun; broken off, it goes on where it was. Exit status 6
    when anything stands damaged. Example: ingestd scrub run
    """
    configuration = configuration_of(config)
    _show(configuration, _asked(configuration, is_run=True), as_json)


def _asked(configuration: Configuration, *, is_run: bool) -> dict[str, Any]:
    """The status, by the running station or by this process."""
    settings = configuration.settings
    words = "reading everything" if is_run else "looking"
    with errors.status(words) as shown:

        def progress(counts: dict[str, int]) -> None:
            if counts:
                shown.update(f"{counts['originals']} originals, {size(counts['read_bytes'])}")

        if is_station_running(settings):
            answer: dict[str, Any] = ask(settings.socket_file, {"op": "scrub", "run": is_run}, progress)
            return answer
        if not is_run:
            return _read(settings)
        stop = Stop()
        with writer_lock(settings), open_parts(configuration, stop) as parts:
            scrub = rolling(lambda: parts, replica_stores(settings, stop))
            scrub.ask()
            while scrub.step():
                progress(scrub.under_way.counts() if scrub.under_way is not None else {})
            return scrub.status()


def _read(settings: Settings) -> dict[str, Any]:
    """The status without a station: nothing is opened for writing."""
    book = open_fixity(settings)
    vault_id = str(Vault(settings.vault_dir).read_json("vault.json")["vault_id"])
    under_way = ScrubState(settings.scrub_file).read(vault_id)
    return status_of(book, under_way, settings.scrub, SystemClock().now())


def _show(configuration: Configuration, found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit_json(found)
    else:
        _print(configuration, found)
    if found["faults"]:
        raise typer.Exit(ExitStatus.INTEGRITY)


def _print(configuration: Configuration, found: dict[str, Any]) -> None:
    zone = configuration.settings.station.zone_info
    every = f"every {found['period_days']:g} days" if found["is_enabled"] else "off: scrub.enabled = false"
    console.print(f"Everything is read again {every}. Longest ago: {local_time(found['oldest_checked_at'], zone)}.")
    if found["last_pass"] is not None:
        document = found["last_pass"]["document"]
        when = local_time(found["last_pass"]["finished_at"], zone)
        console.print(
            f"Last whole pass {when}: {document['originals']} originals ({size(document['read_bytes'])}), "
            f"{document['documents']} documents, {document['replicas']} copies elsewhere."
        )
    if (now := found["under_way"]) is not None:
        console.print(f"Under way since {local_time(now['started_at'], zone)}: {now['percent']} %.")
    faults = found["faults"]
    if not faults:
        console.print("Nothing stands damaged · 未发现损坏", style="green")
        return
    console.print(f"{counted(len(faults), 'fault')} · 发现损坏:", style="red")
    rows = [
        (local_time(fault["failed_at"], zone), fault["path"], fault["words"], fault.get("not_repaired", ""))
        for fault in faults
    ]
    table("", ("since", "file", "what", "not repaired, because"), rows)

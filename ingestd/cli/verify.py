"""`ingestd verify` and `ingestd catalogue rebuild`: the promises checked, and the index made again."""

from dataclasses import asdict

import typer

from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, counted, emit_json, errors, size
from ingestd.core.clock import SystemClock
from ingestd.core.errors import ExitStatus, NotFoundError
from ingestd.core.stop import Stop
from ingestd.pipeline.scrub import verify_vault
from ingestd.stores.chronicle import rebuild
from ingestd.stores.search import Catalogue
from ingestd.stores.vault import Vault
from ingestd.wiring import open_catalogue, writer_lock

catalogue_app = typer.Typer(help="The catalogue: an index of the vault that can be made again.", no_args_is_help=True)


def verify(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Re-read every original from the medium and check ledger, sidecars and catalogue against each other.

    Exit status 6 when anything is not as it was sealed. Example: ingestd verify
    """
    settings = configuration_of(config).settings
    vault = Vault(settings.vault_dir)
    if not vault.exists():
        raise NotFoundError(f"no vault at {settings.vault_dir}", "start the station once: ingestd run")
    catalogue = open_catalogue(settings) if settings.catalogue_file.exists() else None
    with errors.status("reading the ledger") as shown:
        verdict = verify_vault(
            vault,
            catalogue,
            stop=Stop(),
            block_bytes=settings.copying.block_bytes,
            on_file=lambda path, bytes_: shown.update(f"reading {path} ({size(bytes_)})"),
        )
    if as_json:
        emit_json(asdict(verdict))
    else:
        console.print(f"{verdict.entries} acts, {verdict.originals} originals, {size(verdict.bytes)}.")
        console.print(f"Ledger head {verdict.head or '–'}")
        if verdict.faults:
            console.print(f"{counted(len(verdict.faults), 'fault')}:", style="red")
            for fault in verdict.faults:
                console.print(f"  {fault.what} {fault.path}: {fault.words}", markup=False, soft_wrap=True)
        else:
            console.print("All is as it was sealed · 校验全部通过", style="green")
    if verdict.faults:
        raise typer.Exit(ExitStatus.INTEGRITY)


@catalogue_app.command("rebuild")
def rebuild_catalogue(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Make the catalogue again from the vault alone: birth sidecars, listings, and the ledger's acts replayed.

    The old catalogue is set aside, not removed. The station must be stopped. Example: ingestd catalogue rebuild
    """
    settings = configuration_of(config).settings
    vault = Vault(settings.vault_dir)
    if not vault.exists():
        raise NotFoundError(f"no vault at {settings.vault_dir}", "start the station once: ingestd run")
    with writer_lock(settings), errors.status("replaying the ledger"):
        chronicle = rebuild(vault, settings.catalogue_file, SystemClock())
        seq, head = chronicle.head
        contents = len(Catalogue(chronicle.engine).contents())
        chronicle.engine.dispose()
    if as_json:
        emit_json({"acts": seq, "head": head, "contents": contents})
    else:
        console.print(f"Catalogue made again from {seq} acts: {contents} contents.", style="green")

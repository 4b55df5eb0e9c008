"""`ingestd verify` and `ingestd catalogue rebuild`: the promises checked, and the index made again."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ingestd.answers.texts import counted, size
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, emit_json, errors
from ingestd.core.clock import SystemClock, to_text
from ingestd.core.errors import ExitStatus, NotFoundError, StoreError
from ingestd.core.settings import Settings
from ingestd.core.stop import Stop
from ingestd.pipeline.scrub import Verdict, verify_vault
from ingestd.stores.chronicle import rebuild
from ingestd.stores.durable import translated
from ingestd.stores.heads import FoundHead, heads_in, read_head_file
from ingestd.stores.lastverify import LastVerify
from ingestd.stores.search import Catalogue
from ingestd.stores.vault import Vault
from ingestd.wiring import open_catalogue, writer_lock

catalogue_app = typer.Typer(help="The catalogue: an index of the vault that can be made again.", no_args_is_help=True)

HeadsOption = Annotated[
    list[Path] | None,
    typer.Option("--head", help="A signed head that was kept outside, or a folder of them; may be repeated."),
]
KeysOption = Annotated[
    list[Path] | None,
    typer.Option("--key", help="A public key (PEM) of who countersigned; may be repeated."),
]


def verify(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    head: HeadsOption = None,
    key: KeysOption = None,
) -> None:
    """Re-read every original from the medium and check ledger, heads, documents and catalogue against each other.

    Heads in the vault and in ledger.export_dir are looked at without being named; only one from outside shows that
    the end of the ledger was cut off. Exit status 6 when anything is not as it was sealed. Example: ingestd verify
    """
    settings = configuration_of(config).settings
    vault = existing_vault(settings)
    has_catalogue = settings.catalogue_file.exists()
    with errors.status("reading the ledger") as shown:
        verdict = verify_vault(
            vault,
            open_catalogue(settings) if has_catalogue else None,
            stop=Stop(),
            block_bytes=settings.copying.block_bytes,
            on_file=lambda path, bytes_: shown.update(f"reading {path} ({size(bytes_)})"),
            outside=outside_heads(settings, head or ()),
            further_keys=public_keys(key or ()),
            catalogue_file=settings.catalogue_file if has_catalogue else None,
        )
    _remember(settings, verdict)
    if as_json:
        emit_json(asdict(verdict))
    else:
        _show(verdict)
    if verdict.faults:
        raise typer.Exit(ExitStatus.INTEGRITY)


def existing_vault(settings: Settings) -> Vault:
    """The station's vault.

    Raises:
        NotFoundError: there is none.
    """
    vault = Vault(settings.vault_dir)
    if not vault.exists():
        raise NotFoundError(f"no vault at {settings.vault_dir}", "start the station once: ingestd run")
    return vault


def outside_heads(settings: Settings, named: Sequence[Path]) -> list[FoundHead]:
    """Heads in files and folders that were named, and those of this station in its folder for exports.

    Raises:
        NotFoundError: one that was named is not there.
    """
    found: list[FoundHead] = []
    for path in named:
        if path.is_dir():
            found += heads_in(path, path)
        elif path.is_file():
            found.append(read_head_file(path, str(path)))
        else:
            raise NotFoundError(f"there is no head at {path}")
    exported = settings.ledger.export_dir
    if exported is not None and exported.is_dir():
        # Several stations may share a folder; each knows its own by the name.
        own = sorted(exported.glob(f"{settings.station.id}-*.json"))
        found += [read_head_file(path, str(path)) for path in own]
    return found


def public_keys(named: Sequence[Path]) -> dict[str, bytes]:
    """Public keys in files, by name.

    Raises:
        StoreError: one cannot be read.
    """
    keys = {}
    for path in named:
        with translated("read", path):
            keys[str(path)] = path.read_bytes()
    return keys


def _remember(settings: Settings, verdict: Verdict) -> None:
    now = to_text(SystemClock().now())
    try:
        LastVerify(settings.verified_file).write(
            at=now, entries=verdict.entries, head=verdict.head, faults=len(verdict.faults)
        )
    except StoreError as error:
        # Who may only read verifies as well; the station's metrics then do not hear of it.
        errors.print(f"the station's metrics do not hear of this: {error.message}", markup=False, soft_wrap=True)


def _show(verdict: Verdict) -> None:
    console.print(f"{verdict.entries} acts, {verdict.originals} originals, {size(verdict.bytes)}.")
    if verdict.gone:
        console.print(f"{counted(verdict.gone, 'content')} rightly disposed of · 已依规销毁")
    console.print(f"Ledger head {verdict.head or '–'}")
    outside = f"one outside of the vault knows entry {verdict.outside_seq}" if verdict.outside_seq else "none outside"
    console.print(f"{counted(verdict.heads, 'signed head')} good, {outside}.")
    if verdict.tables:
        console.print(f"Catalogue: {len(verdict.tables)} tables compared with the ledger, row by row.")
    one = verdict.protection
    console.print(
        f"Of {one.originals} originals {one.read_only} are read-only, {one.own} the station's own, "
        f"{one.immutable} immutable" + (f" ({one.unsupported} cannot be here)" if one.unsupported else "")
    )
    for note in verdict.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    if not verdict.faults:
        console.print("All is as it was sealed · 校验全部通过", style="green")
        return
    console.print(f"{counted(len(verdict.faults), 'fault')}:", style="red")
    for fault in verdict.faults:
        console.print(f"  {fault.what} {fault.path}: {fault.words}", markup=False, soft_wrap=True)


@catalogue_app.command("rebuild")
def rebuild_catalogue(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Make the catalogue again from the vault alone: birth sidecars, listings, and the ledger's acts replayed.

    The old catalogue is set aside, not removed. The station must be stopped. Example: ingestd catalogue rebuild
    """
    settings = configuration_of(config).settings
    vault = existing_vault(settings)
    with writer_lock(settings), errors.status("replaying the ledger"):
        chronicle = rebuild(vault, settings.catalogue_file, SystemClock())
        seq, head = chronicle.head
        contents = len(Catalogue(chronicle.engine).contents())
        chronicle.engine.dispose()
    if as_json:
        emit_json({"acts": seq, "head": head, "contents": contents})
    else:
        console.print(f"Catalogue made again from {seq} acts: {contents} contents.", style="green")

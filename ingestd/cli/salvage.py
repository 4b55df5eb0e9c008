"""`ingestd salvage`: a playable copy of footage whose index was never written, beside the untouched original."""

import os
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, emit_json, errors, size
from ingestd.config.load import Configuration
from ingestd.core.errors import MediaError, NotFoundError, RefusedError
from ingestd.core.salvaging import can_teach
from ingestd.core.settings import Settings
from ingestd.core.stop import Stop
from ingestd.media.sandbox import MediaWorker
from ingestd.pipeline.salvage import reference_row, salvage_file, salvage_recording
from ingestd.stores.search import Row
from ingestd.stores.vault import Vault
from ingestd.wiring import open_catalogue, open_parts, proxy_worker, writer_lock

_MOST_TRIED = 50
_MOST_LISTED = 5000


def salvage(
    what: Annotated[str, typer.Argument(metavar="RECORDING|PATH", help="A torn recording, or a file on disk.")],
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="RECORDING|PATH",
            help="A whole file of the same recorder; else the nearest one.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Where the copy goes; for a recording the vault, for a file this folder.", show_default=False
        ),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a file without an index playable. The original is never touched; the copy is derived and no evidence.

    A whole file of the same recorder, recorded with the same settings, shows how its pictures and sounds are laid
    down. A running station does this by itself for what it takes in. Example: ingestd salvage 0000007_…_0006.mp4
    """
    configuration = configuration_of(config)
    settings = configuration.settings
    with proxy_worker(settings) as media, errors.status("looking for pictures and sounds"):
        if os.path.lexists(what):
            document = _of_file(Path(what), reference, output, settings, media)
        elif output is not None:
            torn, teacher = _rows(what, reference, settings)
            vault = Vault(settings.vault_dir)
            paths = (vault.path(torn["vault_path"]), vault.path(teacher["vault_path"]))
            document = _written(*paths, output, settings, media) | {"recording": torn["recording_id"]}
        else:
            document = _into_vault(what, reference, configuration, media)
    if as_json:
        emit_json(document)
    else:
        _print(document)


def _of_file(
    torn: Path, reference: str | None, output: Path | None, settings: Settings, media: MediaWorker
) -> dict[str, Any]:
    if reference is None:
        teacher = _nearest(torn, settings, media)
    elif os.path.lexists(reference):
        teacher = Path(reference)
    else:
        teacher = Vault(settings.vault_dir).path(open_catalogue(settings).recording(reference)["vault_path"])
    return _written(torn, teacher, output or Path(f"{torn.stem}.salvage.mp4"), settings, media)


def _written(torn: Path, teacher: Path, output: Path, settings: Settings, media: MediaWorker) -> dict[str, Any]:
    document = salvage_file(torn, teacher, output, media, timeout_seconds=settings.proxy.timeout_seconds)
    return {"torn": str(torn), "reference": str(teacher), "copy": str(output), **document}


def _nearest(torn: Path, settings: Settings, media: MediaWorker) -> Path:
    """The file that stands nearest by name, in the same folder or in one beside it, and can be the reference."""
    folders = [torn.parent, *(folder for folder in torn.parent.parent.iterdir() if folder.is_dir())]
    beside = {
        path.resolve(): path
        for folder in folders
        for path in islice(folder.iterdir(), _MOST_LISTED)
        if path.suffix.lower() == torn.suffix.lower() and path.is_file() and not path.is_symlink()
    }
    names = sorted({path.name for path in (*beside.values(), torn)})
    place = names.index(torn.name)
    beside.pop(torn.resolve(), None)
    nearest = sorted(beside.values(), key=lambda path: (abs(names.index(path.name) - place), str(path)))
    for path in nearest[:_MOST_TRIED]:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if can_teach(media.probe(descriptor, os.fstat(descriptor).st_size, settings.media.timeout_seconds)):
                return path
        except MediaError:
            continue
        finally:
            os.close(descriptor)
    raise NotFoundError(f"no whole file of the same recorder lies beside {torn.name}", "name one with --reference")


def _rows(what: str, reference: str | None, settings: Settings) -> tuple[Row, Row]:
    catalogue = open_catalogue(settings)
    torn = catalogue.recording(what)
    if torn["facts"] is None:
        raise RefusedError(f"{what} was not analysed yet", "wait until the station has described it")
    teacher = catalogue.recording(reference) if reference is not None else reference_row(torn, catalogue)
    if teacher is None:
        raise NotFoundError("the vault holds no whole recording of the same recorder", "name one with --reference")
    return torn, teacher


def _into_vault(what: str, reference: str | None, configuration: Configuration, media: MediaWorker) -> dict[str, Any]:
    """The act of a station; this process is the station for as long as it takes."""
    settings = configuration.settings
    torn, teacher = _rows(what, reference, settings)
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        act = salvage_recording(torn, teacher, parts, media)
        parts.chronicle.enter(act)
    if act.data["path"] is None:
        raise MediaError(act.data["document"]["reason"])
    return {
        "recording": torn["recording_id"],
        "reference": teacher["recording_id"],
        "copy": act.data["path"],
        **{name: value for name, value in act.data["document"].items() if name != "reference"},
    }


def _print(document: dict[str, Any]) -> None:
    counts = ", ".join(f"{count} {kind}" for kind, count in document["samples"].items())
    share = document["explained_bytes"] / max(1, document["media_bytes"])
    console.print(f"Playable copy: {document['copy']} ({size(document['size_bytes'])})", markup=False, soft_wrap=True)
    console.print(f"Found {counts} samples, {document['seconds']:.1f} s; {share:.1%} of the media data is explained.")
    console.print(f"Whole up to second {document['intact_until_s']:.1f}. The original is untouched · 原始文件未改动")

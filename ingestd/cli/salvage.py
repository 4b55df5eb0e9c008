"""`ingestd salvage`: a playable copy of torn footage, beside the untouched original."""

import os
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from ingestd.answers.texts import size
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, emit_json, errors
from ingestd.config.load import Configuration
from ingestd.core.errors import MediaError, RefusedError
from ingestd.core.facts import MediaFacts
from ingestd.core.salvaging import METHODS, PACES, can_teach, copy_suffix, needs_reference, recovered_share
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
    """Make a torn file playable. The original is never touched; the copy is derived and no evidence.

    A file keeps what it has whole. One without an index needs a whole file of the same recorder, recorded with the
    same settings, which shows how its pictures and sounds are laid down; without one, what its pictures say of
    themselves is tried. A running station does this by itself. Example: ingestd salvage 0000007_…_0006.mp4
    """
    configuration = configuration_of(config)
    settings = configuration.settings
    with proxy_worker(settings) as media, errors.status("looking for pictures and sounds"):
        if os.path.lexists(what):
            document = _of_file(Path(what), reference, output, settings, media)
        elif output is not None:
            torn, teacher = _rows(what, reference, settings)
            vault = Vault(settings.vault_dir)
            known = vault.path(teacher["vault_path"]) if teacher is not None else None
            document = _written(vault.path(torn["vault_path"]), known, output, settings, media)
            document["recording"] = torn["recording_id"]
        else:
            document = _into_vault(what, reference, configuration, media)
    if as_json:
        emit_json(document)
    else:
        _print(document)


def _of_file(
    torn: Path, reference: str | None, output: Path | None, settings: Settings, media: MediaWorker
) -> dict[str, Any]:
    facts = _facts(torn, settings, media)
    teacher: Path | None = None
    if reference is not None:
        is_path = os.path.lexists(reference)
        kept = None if is_path else open_catalogue(settings).recording(reference)["vault_path"]
        teacher = Path(reference) if kept is None else Vault(settings.vault_dir).path(kept)
    elif facts is not None and needs_reference(facts):
        teacher = _nearest(torn, settings, media)
    name = f"{torn.stem}{copy_suffix(facts.container if facts is not None else None)}"
    return _written(torn, teacher, output or Path(name), settings, media)


def _facts(path: Path, settings: Settings, media: MediaWorker) -> MediaFacts | None:
    """The facts of a file; null where the child gives none."""
    if not path.is_file() or path.is_symlink():
        return None
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return media.probe(descriptor, os.fstat(descriptor).st_size, settings.media.timeout_seconds)
    except MediaError:
        return None
    finally:
        os.close(descriptor)


def _written(torn: Path, teacher: Path | None, output: Path, settings: Settings, media: MediaWorker) -> dict[str, Any]:
    document = salvage_file(torn, teacher, output, media, timeout_seconds=settings.proxy.timeout_seconds)
    shown = {"torn": str(torn), "reference": str(teacher) if teacher is not None else None, "copy": str(output)}
    return {**shown, "recovered_share": recovered_share(document), **document}


def _nearest(torn: Path, settings: Settings, media: MediaWorker) -> Path | None:
    """The file nearest by name, in the same folder or in one beside it, that can be the reference; null for none."""
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
        facts = _facts(path, settings, media)
        if facts is not None and can_teach(facts):
            return path
    return None


def _rows(what: str, reference: str | None, settings: Settings) -> tuple[Row, Row | None]:
    catalogue = open_catalogue(settings)
    torn = catalogue.recording(what)
    if torn["facts"] is None:
        raise RefusedError(f"{what} was not analysed yet", "wait until the station has described it")
    if reference is not None:
        return torn, catalogue.recording(reference)
    is_needed = needs_reference(MediaFacts.model_validate(torn["facts"]))
    return torn, reference_row(torn, catalogue) if is_needed else None


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
        "reference": teacher["recording_id"] if teacher is not None else None,
        "copy": act.data["path"],
        "recovered_share": recovered_share(act.data["document"]),
        **{name: value for name, value in act.data["document"].items() if name != "reference"},
    }


def _print(document: dict[str, Any]) -> None:
    counts = ", ".join(f"{count} {kind}" for kind, count in document["samples"].items())
    kept, there = size(document["explained_bytes"]), size(document["media_bytes"])
    console.print(f"Playable copy: {document['copy']} ({size(document['size_bytes'])})", markup=False, soft_wrap=True)
    console.print(
        f"Recovered {document['seconds']:.1f} s, {counts}; {kept} of {there} media data "
        f"({document['recovered_share']:.1%}), {METHODS[document['method']]}."
    )
    console.print(f"Times: {PACES[document['pace']]}.")
    for words in document["missing"]:
        console.print(f"Not in the copy · 副本中没有: {words}", markup=False, soft_wrap=True)
    until_s = document["intact_until_s"]
    console.print(
        "Where it is whole up to, nothing tells." if until_s is None else f"Whole up to second {until_s:.1f}."
    )
    console.print("The original is untouched, the copy is derived · 原始文件未改动,此为衍生副本")

"""`ingestd analyse`: facts and findings of files, without a station."""

from pathlib import Path
from typing import Annotated

import typer

from ingestd.answers.texts import counted, seconds
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, emit_json, errors, findings_table, table
from ingestd.core.clock import SystemClock
from ingestd.media.sandbox import MediaWorker
from ingestd.pipeline.examine import Examined, examine


def analyse(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders such as a whole card.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    look: Annotated[
        bool | None,
        typer.Option("--look/--no-look", help="Decode pictures and sound too: black, stuck, silent. Else by [look]."),
    ] = None,
) -> None:
    """Say what is in files and what is wrong with them: gaps, torn ends, missing segments. Copies nothing.

    Example: ingestd analyse --json DCIM/100ANDRO
    """
    configuration = configuration_of(config)
    settings = configuration.settings
    with MediaWorker(memory_bytes=settings.media.memory_bytes) as media, errors.status("analysing") as shown:
        examined = examine(
            paths,
            settings=settings,
            profiles=configuration.profiles,
            media=media,
            clock=SystemClock(),
            has_look=settings.look.is_enabled if look is None else look,
            on_file=lambda name: shown.update(f"analysing {Path(name).name}"),
        )
    if as_json:
        emit_json({"files": examined.files, "sets": examined.sets})
        return
    _print(examined)
    if examined.sets or any(one["findings"] for one in examined.files):
        found = [(document, Path(one["path"]).name) for one in examined.files for document in one["findings"]]
        found += [
            (document, " → ".join(Path(path).name for path in document["files"] or ())) for document in examined.sets
        ]
        findings_table(counted(len(found), "finding"), found, settings.station.zone_info)
    else:
        console.print("Nothing was found wrong.")


def _print(examined: Examined) -> None:
    rows = []
    for one in examined.files:
        facts = one["facts"] or {}
        codecs = ", ".join(stream["codec"] or stream["kind"] for stream in facts.get("streams", ()))
        rows.append((one["path"], facts.get("kind", "–"), seconds(facts.get("duration_s")), codecs or "–"))
    table(counted(len(rows), "file"), ["file", "kind", "length", "streams"], rows, right=(2,))

"""`ingestd ingest`: take a folder in, through the running station or, where none runs, in this process."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ingestd.cli.bays import BayView
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of, is_station_running
from ingestd.cli.output import emit_json
from ingestd.cli.summary import docking_document, print_docking
from ingestd.config.load import Configuration
from ingestd.core.errors import ExitStatus, NotFoundError
from ingestd.core.model import Inlet, Progress
from ingestd.core.stop import Stop
from ingestd.daemon.live import News
from ingestd.devices.dock import open_docking
from ingestd.devices.mounts import FolderMounter
from ingestd.ipc import ask
from ingestd.pipeline.describe import describe
from ingestd.pipeline.recover import recover
from ingestd.pipeline.run import take_in
from ingestd.wiring import open_catalogue, open_parts, writer_lock

Show = Callable[[dict[str, Any]], None]

_BAY = "command"
_DESCRIBE_CHECK_SECONDS = 0.2
_LONGEST_DESCRIBE_SECONDS = 600.0


def ingest(
    path: Annotated[Path, typer.Argument(help="A card, or any folder or file with footage.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a folder in: copy with proof, seal, analyse, tag, catalogue. Nothing on PATH is changed.

    Exit status 7 when the docking is not complete. Example: ingestd ingest /media/card
    """
    configuration = configuration_of(config)
    source = path.absolute()
    if not source.exists():
        raise NotFoundError(f"{source} is not there")
    with BayView() as view:
        show = None if as_json else view.show
        take = _through_station if is_station_running(configuration.settings) else _in_process
        docking_id = take(configuration, source, show)
    catalogue = open_catalogue(configuration.settings)
    if as_json:
        emit_json(docking_document(docking_id, catalogue, configuration.settings))
    else:
        print_docking(docking_id, catalogue, configuration.settings)
    if catalogue.docking(docking_id)["outcome"] != "complete":
        raise typer.Exit(ExitStatus.INCOMPLETE)


def _through_station(configuration: Configuration, source: Path, show: Show | None) -> str:
    request = {"op": "ingest", "path": str(source), "bay": _BAY}
    result = ask(configuration.settings.socket_file, request, show or (lambda _: None))
    docking_id = str(result["docking_id"])
    catalogue = open_catalogue(configuration.settings)
    stop = Stop()
    for _ in range(int(_LONGEST_DESCRIBE_SECONDS / _DESCRIBE_CHECK_SECONDS)):
        if catalogue.is_described(docking_id) or not is_station_running(configuration.settings):
            break
        stop.wait(_DESCRIBE_CHECK_SECONDS)
    return docking_id


def _in_process(configuration: Configuration, source: Path, show: Show | None) -> str:
    settings = configuration.settings
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        news = News(parts.clock)

        def report(progress: Progress) -> None:
            if show is not None and news.is_news(progress):
                show(asdict(progress))

        parts.media.warm_up()
        recover(parts)
        with open_docking(
            FolderMounter(source),
            bay=_BAY,
            inlet=Inlet.COMMAND,
            profiles=parts.profiles,
            zone=settings.station.zone_info,
            clock=parts.clock,
            max_entries=settings.copying.max_entries,
            max_depth=settings.copying.max_depth,
        ) as card:
            result = take_in(card, parts, report)
        while describe(parts):
            continue
    return result.docking_id

"""`ingestd ingest`: take a folder in, through the running station or, where none runs, in this process."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ingestd.answers.dockings import docking_document
from ingestd.cli.bays import BayView
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of, is_station_running
from ingestd.cli.fleet_requests import ByOption, login_name
from ingestd.cli.output import emit_json
from ingestd.cli.summary import print_docking
from ingestd.config.load import Configuration
from ingestd.core.errors import ExitStatus, NotFoundError, RefusedError
from ingestd.core.model import Inlet, Progress
from ingestd.core.origin import Origin, OriginKind, origin_of
from ingestd.core.stop import Stop
from ingestd.daemon.live import News
from ingestd.devices.dock import open_docking
from ingestd.devices.mounts import FolderMounter
from ingestd.ipc import ask
from ingestd.pipeline.describe import describe
from ingestd.pipeline.recover import recover
from ingestd.pipeline.run import take_in
from ingestd.wiring import open_catalogue, open_parts, roster_desk, take_roster_file, writer_lock

Show = Callable[[dict[str, Any]], None]

_BAY = "command"
_DESCRIBE_CHECK_SECONDS = 0.2
_LONGEST_DESCRIBE_SECONDS = 600.0


def ingest(
    path: Annotated[Path, typer.Argument(help="A card, or any folder or file with footage.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    origin: Annotated[
        OriginKind | None, typer.Option(help="What it is, if it does not come from a recorder · 其他来源.")
    ] = None,
    source_name: Annotated[str, typer.Option("--from", help="With --origin: who or what it comes from.")] = "",
    note: Annotated[str, typer.Option(help="With --origin: what else is to be said of it.")] = "",
    by: ByOption = "",
) -> None:
    """Take a folder in: copy with proof, seal, analyse, tag, catalogue. Nothing on PATH is changed.

    Exit status 7 when the docking is not complete. Example: ingestd ingest /media/card

    Material of others: ingestd ingest video.mp4 --origin third_party --from "王某，现场群众" --by 张三
    """
    configuration = configuration_of(config)
    declared = _declared(origin, source_name, note, by)
    source = path.absolute()
    if not source.exists():
        raise NotFoundError(f"{source} is not there")
    with BayView() as view:
        show = None if as_json else view.show
        take = _through_station if is_station_running(configuration.settings) else _in_process
        docking_id = take(configuration, source, declared, show)
    catalogue = open_catalogue(configuration.settings)
    if as_json:
        emit_json(docking_document(docking_id, catalogue, configuration.settings))
    else:
        print_docking(docking_id, catalogue, configuration.settings)
    if catalogue.docking(docking_id)["outcome"] != "complete":
        raise typer.Exit(ExitStatus.INCOMPLETE)


def _declared(kind: OriginKind | None, source: str, note: str, by: str) -> Origin | None:
    """What the person says of the material; null where nothing.

    Raises:
        RefusedError: half of it, or words that cannot be kept.
    """
    if kind is None:
        if source or note:
            raise RefusedError("--from or --note without --origin", "say what it is: --origin third_party")
        return None
    if not source.strip():
        raise RefusedError("--origin without --from", "say who or what it comes from: --from NAME")
    return origin_of({"kind": kind.value, "from": source, "note": note, "declared_by": by or login_name()})


def _through_station(configuration: Configuration, source: Path, origin: Origin | None, show: Show | None) -> str:
    request: dict[str, Any] = {"op": "ingest", "path": str(source), "bay": _BAY}
    if origin is not None:
        request["origin"] = origin.document()
    result = ask(configuration.settings.socket_file, request, show or (lambda _: None))
    docking_id = str(result["docking_id"])
    catalogue = open_catalogue(configuration.settings)
    stop = Stop()
    for _ in range(int(_LONGEST_DESCRIBE_SECONDS / _DESCRIBE_CHECK_SECONDS)):
        if catalogue.is_described(docking_id) or not is_station_running(configuration.settings):
            break
        stop.wait(_DESCRIBE_CHECK_SECONDS)
    return docking_id


def _in_process(configuration: Configuration, source: Path, origin: Origin | None, show: Show | None) -> str:
    settings = configuration.settings
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        news = News(parts.clock)

        def report(progress: Progress) -> None:
            if show is not None and news.is_news(progress):
                show(asdict(progress))

        parts.media.warm_up()
        recover(parts)
        desk = roster_desk(lambda: parts)
        take_roster_file(configuration, desk)
        with open_docking(
            FolderMounter(source),
            bay=_BAY,
            inlet=Inlet.COMMAND,
            profiles=parts.profiles,
            zone=settings.station.zone_info,
            clock=parts.clock,
            max_entries=settings.copying.max_entries,
            max_depth=settings.copying.max_depth,
            origin=origin,
        ) as card:
            result = take_in(card, parts, report)
        while describe(parts):
            continue
        desk.settle()
    return result.docking_id

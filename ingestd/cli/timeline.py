"""`ingestd timeline`: takes, files, gaps and findings along the wall clock, as text, JSON or SVG."""

from pathlib import Path
from typing import Annotated

import typer

from ingestd.answers.gathered import Gatherer, Subject
from ingestd.answers.statements import statement_document
from ingestd.answers.timeline_svg import svg_of
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, emit_json
from ingestd.cli.timeline_text import drawn
from ingestd.config.load import Configuration
from ingestd.core.errors import StoreError
from ingestd.core.strips import Picture, strip_of


def timeline(
    what: Annotated[
        str,
        typer.Argument(
            metavar="TAKE|DOCKING|RECORDING", help="A take or docking by its id or last digits, or a recording."
        ),
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    svg: Annotated[
        Path | None, typer.Option("--svg", help="Write the picture into this file, to print or to file.")
    ] = None,
) -> None:
    """Draw when was recorded, by which files, where something is missing, and what was said of it · 时间线.

    Example: ingestd timeline ba89a1d53653 --svg docking.svg
    """
    configuration = configuration_of(config)
    gatherer = Gatherer(configuration)
    subject = gatherer.subject(what)
    picture = _picture_of(gatherer, subject, configuration)
    if svg is not None:
        try:
            svg.write_bytes(svg_of(picture))
        except OSError as error:
            raise StoreError(f"cannot write {svg}: {error.strerror}", "name a file in a folder that exists") from error
    if as_json:
        _emit(subject, picture)
    elif svg is None:
        _print(picture)


def show_timeline(what: str, configuration: Configuration, *, as_json: bool) -> None:
    """Draw the take of a recording, or a take or docking, on the screen."""
    gatherer = Gatherer(configuration)
    subject = gatherer.subject(what, whole_take=True)
    picture = _picture_of(gatherer, subject, configuration)
    if as_json:
        _emit(subject, picture)
    else:
        _print(picture)


def _emit(subject: Subject, picture: Picture) -> None:
    takes = [{"take_id": one.take_id} | statement_document(one.statement, picture.zone) for one in picture.strips]
    emit_json({"kind": subject.kind, "id": subject.id, "without_time": subject.without_time, "takes": takes})


def _picture_of(gatherer: Gatherer, subject: Subject, configuration: Configuration) -> Picture:
    """One strip for each take of a subject."""
    strips = []
    for rows in subject.takes():
        own = Subject("take", "", tuple(rows))
        strips.append(strip_of(rows[0]["take_id"], gatherer.statement(rows, *own.span)))
    station = configuration.settings.station
    return Picture(subject.title, station.bureau or station.name, station.zone_info, tuple(strips))


def _print(picture: Picture) -> None:
    """The picture as text, as wide as the screen; in ASCII where the output is no screen that can show more."""
    can_draw = console.is_terminal and not console.legacy_windows and console.encoding.lower().startswith("utf")
    for line in drawn(picture, columns=console.width, is_ascii=not can_draw):
        console.print(line, markup=False, no_wrap=True, overflow="ignore", crop=False)

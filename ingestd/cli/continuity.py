"""`ingestd continuity`: what of a take, recording or interval was recorded, what was not, why, by what proof."""

from typing import Annotated

import typer

from ingestd.answers.gathered import Gatherer
from ingestd.answers.moments import moment_of
from ingestd.answers.statements import statement_document
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, emit_json
from ingestd.core.clock import from_text
from ingestd.core.continuity_words import Language, Words, statement_lines


def continuity(
    what: Annotated[
        str,
        typer.Argument(metavar="TAKE|RECORDING", help="A take by its id or last digits, or a recording as in `show`."),
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    since: Annotated[
        str, typer.Option("--from", help="State an interval of this recorder: from here, as 2026-03-02T09:00:00.")
    ] = "",
    until: Annotated[str, typer.Option("--to", help="… to here.")] = "",
    lang: Annotated[Language, typer.Option(help="Language of the text.")] = Language.BOTH,
) -> None:
    """State what was recorded without a gap and what was interrupted, by which checks · 记录连续性说明.

    Example: ingestd continuity 0000007_00001220261121083000_0001.mp4 --lang zh
    """
    configuration = configuration_of(config)
    zone = configuration.settings.station.zone_info
    gatherer = Gatherer(configuration)
    subject = gatherer.subject(what)
    start, end = subject.span
    if since or until:
        start = from_text(moment_of(since, "from", zone)) if since else start
        end = from_text(moment_of(until, "to", zone)) if until else end
        if end < start:
            raise typer.BadParameter("the interval ends before it starts", param_hint="--from / --to")
        subject = gatherer.between(subject, start, end)
    statement = gatherer.statement(subject.rows, start, end)
    if as_json:
        emit_json({"kind": subject.kind, "id": subject.id} | statement_document(statement, zone))
        return
    lines = statement_lines(
        statement, title=subject.title, bureau=configuration.settings.station.bureau, zone=zone, language=lang
    )
    take = subject.rows[0]["take_id"] if subject.kind == "recording" else None
    if take is not None:
        lines.append(Words(lang)(f"The whole take: ingestd continuity {take}", f"整段记录：ingestd continuity {take}"))
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)

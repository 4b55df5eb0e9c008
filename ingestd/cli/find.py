"""`ingestd find`: recordings by all that is known of them, newest first."""

from typing import Annotated

import typer

from ingestd.answers.found import box_of, fact_words, file_words, found_document
from ingestd.answers.moments import moment_of
from ingestd.answers.texts import counted, local_time
from ingestd.cli.context import ConfigOption, JsonOption, configuration_of
from ingestd.cli.output import console, emit_json, table
from ingestd.core.lifecycle import State
from ingestd.stores.find import Question
from ingestd.wiring import open_finder


def find(
    words: Annotated[
        list[str] | None, typer.Argument(help="Words that must all occur; “…” holds words together.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    officer: Annotated[str, typer.Option(help="Part of an officer's name, or certificate number.")] = "",
    case: Annotated[str, typer.Option(help="Part of a case's number or cause.")] = "",
    party: Annotated[str, typer.Option(help="Part of a party's name (当事人).")] = "",
    vessel: Annotated[str, typer.Option(help="Part of a vessel's name, number, call sign or MMSI.")] = "",
    place: Annotated[str, typer.Option(help="Part of a place's name.")] = "",
    box: Annotated[
        str, typer.Option(help="Part of the map in degrees: SOUTH,WEST,NORTH,EAST, in the recorders' own datum.")
    ] = "",
    begins: Annotated[str, typer.Option("--from", help="Recorded from this time on, as 2026-03-02T09:15:00.")] = "",
    ends: Annotated[str, typer.Option("--to", help="Recorded before this time.")] = "",
    code: Annotated[str | None, typer.Option(help="With a finding whose code begins so, as gap.")] = None,
    state: Annotated[State | None, typer.Option(help="In this state.")] = None,
    unit: Annotated[str | None, typer.Option(help="Of this unit, by its whole name.")] = None,
    unregistered: Annotated[bool, typer.Option("--unregistered", help="Whose registration lacks something.")] = False,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="Else the newest come first.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many on a page.")] = 50,
    after: Annotated[
        int | None, typer.Option(help="The next page, by the number that the page before it ended with.")
    ] = None,
) -> None:
    """Recordings by officer, case, party, vessel, place, map, time, finding and free text. All that is given must hold.

    Example: ingestd find 无照经营 --officer 张三 --from 2026-03-01
    """
    configuration = configuration_of(config)
    settings = configuration.settings
    zone = settings.station.zone_info
    question = Question(
        words=" ".join(words or ()),
        officer=officer,
        case=case,
        party=party,
        vessel=vessel,
        place=place,
        box=box_of(box, "--box") if box else None,
        begins=moment_of(begins, "--from", zone) if begins else None,
        ends=moment_of(ends, "--to", zone) if ends else None,
        code=code,
        state=state.value if state is not None else None,
        unit=unit,
        is_unregistered=unregistered,
        after=after,
        is_oldest_first=oldest_first,
        limit=limit,
    )
    finder = open_finder(settings, configuration.regime)
    page = finder.find(question)
    rows = finder.rows(page.recordings)
    if as_json:
        emit_json({"recordings": [found_document(row) for row in rows], "after": page.after})
        return
    table(
        counted(len(rows), "recording"),
        ["recording", "file", "recorded", "officers", "case", "place", "vessel"],
        [
            (
                row["recording_id"][-12:],
                file_words(row),
                local_time(row["recorded_start"], zone),
                fact_words(row, "officers"),
                fact_words(row, "cause"),
                fact_words(row, "place"),
                fact_words(row, "vessel"),
            )
            for row in rows
        ],
    )
    if page.after is not None:
        console.print(f"There is more · 还有: --after {page.after}")

"""How the command line asks for acts about the roster: through the running station or, where none runs, here."""

import datetime as dt
import json
from collections.abc import Callable, Sequence
from typing import Any, Literal
from zoneinfo import ZoneInfo

from ingestd.cli.context import is_station_running
from ingestd.cli.output import console
from ingestd.config.load import Configuration
from ingestd.config.roster import begin_of, end_of
from ingestd.core.errors import RefusedError
from ingestd.core.roster_acts import Request
from ingestd.core.stop import Stop
from ingestd.ipc import MAX_LINE_BYTES, ask
from ingestd.wiring import open_parts, roster_desk, take_roster_file, writer_lock

Each = Literal["rest", "all", "dry"]
"""What becomes of requests of which some cannot be followed, as of `RosterDesk.enter_each`."""


def perform(
    configuration: Configuration, requests: Sequence[Request], each: Each | None = None
) -> list[dict[str, Any]]:
    """Have acts entered, by the running station or here; what became of them, in the order of the requests.

    Raises:
        NotFoundError, RefusedError: without `each`, the roster does not allow one of them; none was entered.
        UnavailableError: another command works on the station just now.
    """
    settings = configuration.settings
    if is_station_running(settings):
        documents = [request.model_dump(mode="json") for request in requests]
        asked = {"op": "roster", "requests": documents, "each": each}
        if len(json.dumps(asked)) >= MAX_LINE_BYTES:
            raise RefusedError("too many rows for one request to a running station", "import the table in parts")
        answers: list[dict[str, Any]] = ask(settings.socket_file, asked)
        return answers
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        desk = roster_desk(lambda: parts)
        if each != "dry":
            # As the station would have at its start: what the file says comes before what is said against it.
            take_roster_file(configuration, desk)
        if each is None:
            answers = desk.enter(requests)
        else:
            answers = desk.enter_each(requests, is_rest_taken=each == "rest", is_dry_run=each == "dry")
        desk.settle()
    return answers


def ended(answers: Sequence[dict[str, Any]], words: str) -> None:
    """Say what was done, or that it was so already, and what a person should look at."""
    is_new = any(answer["act"] is not None for answer in answers)
    console.print(words if is_new else f"{words} (it was so already · 无变化)", markup=False, soft_wrap=True)
    for note in dict.fromkeys(note for answer in answers for note in answer["notes"]):
        console.print(f"look at this · 请核对: {note}", markup=False, soft_wrap=True)


def term_begin(text: str, zone: ZoneInfo, option: str = "--from") -> dt.datetime:
    """The first moment of a term that a person wrote.

    Raises:
        RefusedError: it is none; names the option and the fix.
    """
    return _read(begin_of, text, zone, option)


def term_end(text: str, zone: ZoneInfo, option: str) -> dt.datetime:
    """The first moment after a term that a person wrote.

    Raises:
        RefusedError: it is none; names the option and the fix.
    """
    return _read(end_of, text, zone, option)


def _read(read: Callable[[str, ZoneInfo], dt.datetime], text: str, zone: ZoneInfo, option: str) -> dt.datetime:
    try:
        return read(text, zone)
    except ValueError as error:
        what, _, fix = str(error).partition("; ")
        raise RefusedError(f"{option} = {text!r} {what}", fix) from error

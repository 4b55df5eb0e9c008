"""How the command line asks for acts about cases: through the running station or, where none runs, in this process."""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import typer

from ingestd.cli.context import is_station_running
from ingestd.cli.output import console
from ingestd.config.load import Configuration
from ingestd.core.case_requests import Request
from ingestd.core.errors import RefusedError
from ingestd.core.stop import Stop
from ingestd.ipc import MAX_LINE_BYTES, ask
from ingestd.wiring import case_desk, open_parts, writer_lock

CaseArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="The case's number (案号).")]
OfficerOption = Annotated[
    list[str] | None, typer.Option("--officer", help="An officer as name/certificate; may be repeated.")
]

_TOGETHER = 200
_MOST_BYTES = MAX_LINE_BYTES - 64 * 1024
"""How many requests, and how long, go to the station in one line."""

Each = Literal["rest", "all", "dry"]


def perform(configuration: Configuration, requests: Sequence[Request]) -> list[dict[str, Any]]:
    """Have acts entered, by the running station or here; what was entered, in the order of the requests.

    Raises:
        NotFoundError, RefusedError: the register does not allow one of them; none was entered.
        UnavailableError: another command works on the station just now.
    """
    settings = configuration.settings
    if is_station_running(settings):
        documents = [request.model_dump(mode="json") for request in requests]
        answers: list[dict[str, Any]] = ask(settings.socket_file, {"op": "case", "requests": documents})
        return answers
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        return case_desk(lambda: parts).enter(requests)


def perform_each(configuration: Configuration, requests: Sequence[Request], each: Each) -> list[dict[str, Any]]:
    """Have acts entered as far as `each` says, and hear of every request what became of it (`CaseDesk.enter_each`).

    Of many requests parts go to a running station one after the other; with `all` they first go there dry.

    Raises:
        UnavailableError: another command works on the station just now.
    """
    settings = configuration.settings
    if not is_station_running(settings):
        with writer_lock(settings), open_parts(configuration, Stop()) as parts:
            desk = case_desk(lambda: parts)
            return desk.enter_each(requests, is_rest_taken=each == "rest", is_dry_run=each == "dry")
    if each == "all" and len(list(_lines(requests))) > 1:
        answers = _asked(configuration, requests, "dry")
        if any(answer["error"] is not None for answer in answers):
            return answers
    return _asked(configuration, requests, each)


def _asked(configuration: Configuration, requests: Sequence[Request], each: Each) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    for documents in _lines(requests):
        answers += ask(configuration.settings.socket_file, {"op": "case", "requests": documents, "each": each})
    return answers


def _lines(requests: Sequence[Request]) -> Iterator[list[dict[str, Any]]]:
    """Requests in parts that fit in one line of the socket.

    Raises:
        RefusedError: one alone does not.
    """
    part: list[dict[str, Any]] = []
    length = 0
    for request in requests:
        document = request.model_dump(mode="json")
        own = len(json.dumps(document))
        if own > _MOST_BYTES:
            subject = document.get("number") or document.get("name")
            raise RefusedError(
                f"{subject}: {own} bytes are more than goes to the station at once", "split its activities"
            )
        if part and (length + own > _MOST_BYTES or len(part) >= _TOGETHER):
            yield part
            part, length = [], 0
        part.append(document)
        length += own
    if part:
        yield part


def ended(answers: Sequence[dict[str, Any]], words: str) -> None:
    """Say what was done, or that it was so already."""
    is_new = any(answer["acts"] for answer in answers)
    console.print(words if is_new else f"{words} (it was so already · 无变化)", markup=False, soft_wrap=True)


def given(values: list[Any] | None) -> tuple[Any, ...] | None:
    """Values of an option that may be repeated; null where it was not given."""
    return tuple(values) if values else None

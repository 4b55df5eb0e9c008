"""How the command line asks for acts: through the running station or, where none runs, in this process."""

import os
import pwd
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from ingestd.cli.context import is_station_running
from ingestd.cli.output import console
from ingestd.config.load import Configuration
from ingestd.core.errors import RefusedError
from ingestd.core.fleet_acts import Request
from ingestd.core.stop import Stop
from ingestd.ipc import ask
from ingestd.wiring import fleet_desk, open_parts, writer_lock

R = TypeVar("R", bound=BaseModel)

ByOption = Annotated[
    str, typer.Option("--by", help="Who does it, as it stands in the ledger; else the login name.", show_default=False)
]

_TOGETHER = 500
"""Requests that go to the station in one line."""


def built(kind: type[R], by: str, /, **fields: Any) -> R:
    """A request of a person, checked.

    Raises:
        RefusedError: a word that the register does not take; the message names it.
    """
    try:
        return kind.model_validate({"by": by or login_name(), **fields})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]).replace("_", "-")
        what = f"{name} = {first['input']!r} has characters or a length not allowed here"
        raise RefusedError(what, "at least one character, no control characters; a number without blanks") from error


def perform(configuration: Configuration, requests: Sequence[Request]) -> list[dict[str, Any]]:
    """Have acts entered, by the running station or here; what was entered, in the order of the requests.

    Raises:
        NotFoundError, RefusedError: the register does not allow one of them; none of its batch was entered.
        UnavailableError: another command works on the station just now.
    """
    settings = configuration.settings
    batches = [requests[start : start + _TOGETHER] for start in range(0, len(requests), _TOGETHER)]
    answers: list[dict[str, Any]] = []
    if is_station_running(settings):
        for batch in batches:
            documents = [request.model_dump(mode="json") for request in batch]
            answers += ask(settings.socket_file, {"op": "fleet", "requests": documents})
        return answers
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        desk = fleet_desk(lambda: parts)
        for batch in batches:
            answers += desk.enter(batch)
    return answers


def ended(answers: Sequence[dict[str, Any]], words: str) -> None:
    """Say what was done, or that it was so already."""
    is_new = any(answer["act"] is not None for answer in answers)
    console.print(words if is_new else f"{words} (it was so already · 无变化)", markup=False)


def login_name() -> str:
    """Who runs this command; behind sudo, who called it."""
    caller = os.environ.get("SUDO_USER", "")
    if os.geteuid() == 0 and caller:
        return caller
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"

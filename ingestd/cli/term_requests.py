"""How the command line asks for acts about terms: through the running station or, without one, here."""

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ingestd.cli.context import is_station_running
from ingestd.cli.fleet_requests import login_name
from ingestd.config.load import Configuration
from ingestd.core.errors import RefusedError
from ingestd.core.stop import Stop
from ingestd.core.term_acts import Request
from ingestd.ipc import ask
from ingestd.wiring import open_parts, term_desk, writer_lock

R = TypeVar("R", bound=BaseModel)


def asked(kind: type[R], by: str, /, **fields: Any) -> R:
    """A request of a person, checked.

    Raises:
        RefusedError: a word that is not taken; the message names it.
    """
    try:
        return kind.model_validate({"by": by or login_name(), **fields})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        raise RefusedError(f"{name}: {what}" if name else what, "see the command's --help") from error


def perform(configuration: Configuration, requests: Sequence[Request]) -> list[dict[str, Any]]:
    """Have acts about terms entered; an answer for each request.

    Raises:
        NotFoundError, RefusedError: one of them is not allowed; those before it stand.
        UnavailableError: another command works on the station just now.
    """
    settings = configuration.settings
    if is_station_running(settings):
        documents = [request.model_dump(mode="json") for request in requests]
        answers: list[dict[str, Any]] = ask(settings.socket_file, {"op": "terms", "requests": documents})
        return answers
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        return term_desk(lambda: parts).enter(requests)

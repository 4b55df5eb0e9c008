"""How the command line asks for acts about holds and carriers: through the running station or, without one, here."""

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ingestd.cli.context import is_station_running
from ingestd.cli.fleet_requests import login_name
from ingestd.config.load import Configuration
from ingestd.core import carriers, hold_acts
from ingestd.core.errors import RefusedError
from ingestd.core.stop import Stop
from ingestd.ipc import ask
from ingestd.wiring import carrier_desk, hold_desk, open_parts, writer_lock

R = TypeVar("R", bound=BaseModel)


def built(kind: type[R], by: str, /, **fields: Any) -> R:
    """A request of a person, checked.

    Raises:
        RefusedError: something that cannot be; the message names it.
    """
    try:
        return kind.model_validate({"by": by or login_name(), **fields})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part).replace("_", "-") for part in first["loc"])
        given = f" = {first['input']!r}" if not isinstance(first["input"], dict) else ""
        message = str(first["msg"]).removeprefix("Value error, ")
        raise RefusedError(f"{name}{given}: {message}", "see the command's --help") from error


def perform(configuration: Configuration, requests: Sequence[hold_acts.Request]) -> list[dict[str, Any]]:
    """Have acts about holds entered; what was entered, in the order of the requests.

    Raises:
        NotFoundError, RefusedError: one of them is not allowed; none was entered.
        UnavailableError: another command works on the station just now.
    """
    settings = configuration.settings
    if is_station_running(settings):
        documents = [request.model_dump(mode="json") for request in requests]
        answers: list[dict[str, Any]] = ask(settings.socket_file, {"op": "hold", "requests": documents})
        return answers
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        return hold_desk(lambda: parts).enter(requests)


def perform_carriers(configuration: Configuration, requests: Sequence[carriers.Request]) -> list[dict[str, Any]]:
    """Have acts about carriers entered; what was entered, in the order of the requests.

    Raises:
        NotFoundError, RefusedError, UnavailableError: as of `perform`.
    """
    settings = configuration.settings
    if is_station_running(settings):
        documents = [request.model_dump(mode="json") for request in requests]
        answers: list[dict[str, Any]] = ask(settings.socket_file, {"op": "carrier", "requests": documents})
        return answers
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        return carrier_desk(lambda: parts).enter(requests)

"""How the command line asks for acts about hand-over: through the running station or, where none runs, here."""

from typing import Any

from ingestd.cli.context import is_station_running
from ingestd.config.load import Configuration
from ingestd.core import declarations, handover_record
from ingestd.core.stop import Stop
from ingestd.ipc import ask
from ingestd.wiring import declaration_desk, open_parts, record_desk, writer_lock


def declare(configuration: Configuration, request: declarations.Request) -> dict[str, Any]:
    """Have a declaration entered; its number, and the recordings that it touches.

    Raises:
        NotFoundError, RefusedError: it cannot be declared so.
        UnavailableError: another command works on the station just now.
    """
    settings = configuration.settings
    if is_station_running(settings):
        document = {"op": "declare", "requests": [request.model_dump(mode="json")]}
        answers: list[dict[str, Any]] = ask(settings.socket_file, document)
        return answers[0]
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        return declaration_desk(lambda: parts).enter([request])[0]


def record(configuration: Configuration, request: handover_record.Request) -> dict[str, Any]:
    """Have something done with a record; the whole of it.

    Raises:
        NotFoundError, RefusedError: there is no such docking, or it cannot be done so.
        UnavailableError: another command works on the station just now.
    """
    settings = configuration.settings
    if is_station_running(settings):
        answer: dict[str, Any] = ask(
            settings.socket_file, {"op": "handover_record", "request": request.model_dump(mode="json")}
        )
        return answer
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        return record_desk(lambda: parts).enter(request)

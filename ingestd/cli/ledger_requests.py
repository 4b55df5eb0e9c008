"""How the command line asks for acts about the ledger: through the running station or, where none runs, here."""

from typing import Any

from ingestd.cli.context import is_station_running
from ingestd.config.load import Configuration
from ingestd.core.head_acts import Request
from ingestd.core.stop import Stop
from ingestd.ipc import ask
from ingestd.wiring import head_desk, open_parts, writer_lock


def perform(configuration: Configuration, request: Request) -> dict[str, Any]:
    """Have something signed; the signed document.

    Raises:
        RefusedError, NotFoundError, ConfigError: it may not, or cannot, be signed.
        UnavailableError: another command works on the station just now.
    """
    settings = configuration.settings
    if is_station_running(settings):
        document = {"op": "ledger", "request": request.model_dump(mode="json")}
        answer: dict[str, Any] = ask(settings.socket_file, document)
        return answer
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        return head_desk(lambda: parts).enter(request)

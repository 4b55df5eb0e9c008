"""How the command line asks for disposals: through the running station or, where none runs, in this process."""

from typing import Any

from ingestd.cli.context import is_station_running
from ingestd.config.load import Configuration
from ingestd.core.disposal_acts import Request
from ingestd.core.stop import Stop
from ingestd.daemon.host import is_clock_synchronised
from ingestd.ipc import ask
from ingestd.wiring import disposal_desk, open_parts, replica_stores, writer_lock


def perform(configuration: Configuration, request: Request) -> dict[str, Any]:
    """Have a request about disposals done; what came of it.

    Raises:
        NotFoundError, RefusedError: it is not allowed; nothing was entered.
        UnavailableError: another command works on the station just now.
    """
    settings = configuration.settings
    if is_station_running(settings):
        document = {"op": "disposal", "request": request.model_dump(mode="json")}
        answer: dict[str, Any] = ask(settings.socket_file, document)
        return answer
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        stores = replica_stores(settings, parts.stop)
        return disposal_desk(lambda: parts, is_clock_synchronised, stores).enter(request)

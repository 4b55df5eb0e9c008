"""How the command line asks for acts about accounts: through the running station or, without one, here."""

from collections.abc import Sequence
from typing import Any

from ingestd.cli.context import is_station_running
from ingestd.config.load import Configuration
from ingestd.core.account_acts import Request
from ingestd.core.stop import Stop
from ingestd.ipc import ask
from ingestd.wiring import account_desk, open_parts, writer_lock


def perform(configuration: Configuration, requests: Sequence[Request]) -> list[dict[str, Any]]:
    """Have acts about accounts entered; what was entered, in the order of the requests.

    Raises:
        NotFoundError, RefusedError: one of them is not allowed; none was entered.
        UnavailableError: another command works on the station just now.
    """
    settings = configuration.settings
    if is_station_running(settings):
        documents = [request.model_dump(mode="json") for request in requests]
        answers: list[dict[str, Any]] = ask(settings.socket_file, {"op": "account", "requests": documents})
        return answers
    with writer_lock(settings), open_parts(configuration, Stop()) as parts:
        return account_desk(lambda: parts).enter(requests)

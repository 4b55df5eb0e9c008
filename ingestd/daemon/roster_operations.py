"""What the daemon answers about the roster: acts of people, decided and entered by the one writer."""

from collections.abc import Callable, Iterator, Mapping

from pydantic import ValidationError

from ingestd.casework.roster import RosterDesk
from ingestd.core.errors import RefusedError
from ingestd.core.roster_acts import REQUESTS
from ingestd.ipc import Document, Operation


def roster_operations(desk: RosterDesk, on_entered: Callable[[], None]) -> Mapping[str, Operation]:
    """The operation `roster`: `{"op": "roster", "requests": […]}`, all of them or none (`core.roster_acts`).

    With `"each": "rest"` what can be followed is entered and each answer has its `error`; with `"each": "all"` nothing
    is once one cannot be followed; with `"each": "dry"` nothing is entered. `on_entered` is told after each request.
    """

    def roster(document: Document) -> Iterator[Document]:
        try:
            requests = REQUESTS.validate_python(document.get("requests"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(f"not a request to the roster: {place}: {first['msg']}") from error
        each = document.get("each")
        if each is None:
            answers = desk.enter(requests)
        elif each in ("rest", "all", "dry"):
            answers = desk.enter_each(requests, is_rest_taken=each == "rest", is_dry_run=each == "dry")
        else:
            raise RefusedError(f"each = {each!r} is none of rest, all, dry")
        on_entered()
        yield {"result": answers}

    return {"roster": roster}

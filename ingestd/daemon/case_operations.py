"""What the daemon answers about cases: acts of people, decided and entered by the one writer."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from ingestd.casework.cases import CaseDesk
from ingestd.core.case_requests import REQUESTS
from ingestd.core.errors import RefusedError
from ingestd.ipc import Document, Operation


def case_operations(desk: CaseDesk) -> Mapping[str, Operation]:
    """The operation `case`: `{"op": "case", "requests": […]}`, all of them or none (`core.case_requests`).

    With `"each": "rest"` what can be followed is entered and each answer has its `error`; with `"each": "all"` nothing
    is once one cannot be followed; with `"each": "dry"` nothing is entered.
    """

    def case(document: Document) -> Iterator[Document]:
        try:
            requests = REQUESTS.validate_python(document.get("requests"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(f"not a request to the case register: {place}: {first['msg']}") from error
        each = document.get("each")
        if each is None:
            yield {"result": desk.enter(requests)}
        elif each in ("rest", "all", "dry"):
            yield {"result": desk.enter_each(requests, is_rest_taken=each == "rest", is_dry_run=each == "dry")}
        else:
            raise RefusedError(f"each = {each!r} is none of rest, all, dry")

    return {"case": case}

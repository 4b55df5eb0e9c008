"""What the daemon answers about terms: changes of regime and what was born expired, entered by the one writer."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from ingestd.core.errors import RefusedError
from ingestd.core.term_acts import REQUESTS
from ingestd.ipc import Document, Operation
from ingestd.pipeline.terms import TermDesk


def term_operations(desk: TermDesk) -> Mapping[str, Operation]:
    """The operation `terms`: `{"op": "terms", "requests": […]}`, one after the other (`core.term_acts`)."""

    def terms(document: Document) -> Iterator[Document]:
        try:
            requests = REQUESTS.validate_python(document.get("requests"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(f"not a request about terms: {place}: {first['msg']}") from error
        yield {"result": desk.enter(requests)}

    return {"terms": terms}

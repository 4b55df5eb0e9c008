"""What the daemon answers about explanations: acts of people, decided and entered by the one writer."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from ingestd.core.errors import RefusedError
from ingestd.core.explanation_acts import REQUEST
from ingestd.ipc import Document, Operation
from ingestd.pipeline.explanations import ExplanationDesk
from ingestd.pipeline.parts import Parts


def explanation_operations(parts: Parts) -> Mapping[str, Operation]:
    """The operation `explain`: `{"op": "explain", "request": {…}}` (`core.explanation_acts`)."""
    desk = ExplanationDesk(parts.catalogue, parts.chronicle, parts.vault, parts.clock)

    def explain(document: Document) -> Iterator[Document]:
        try:
            request = REQUEST.validate_python(document.get("request"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(f"not a request about an explanation: {place}: {first['msg']}") from error
        yield {"result": desk.enter(request)}

    return {"explain": explain}

"""What the daemon answers about learned structures: resets of people, entered by the one writer."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from ingestd.core.errors import RefusedError
from ingestd.core.structure_acts import ResetStructure
from ingestd.ipc import Document, Operation
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.structures import reset_structure


def structure_operations(parts: Parts) -> Mapping[str, Operation]:
    """The operation `structure`: `{"op": "structure", "request": {…}}` (`core.structure_acts`)."""

    def structure(document: Document) -> Iterator[Document]:
        try:
            request = ResetStructure.model_validate(document.get("request"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(f"not a request about a structure: {place}: {first['msg']}") from error
        yield {"result": reset_structure(request, parts.chronicle)}

    return {"structure": structure}

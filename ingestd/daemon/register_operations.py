"""What the daemon answers about the registers of disclosure and of non-duty footage."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from ingestd.casework.registers import RegisterDesk
from ingestd.core.errors import RefusedError
from ingestd.core.register_acts import REQUESTS
from ingestd.ipc import Document, Operation


def register_operations(desk: RegisterDesk) -> Mapping[str, Operation]:
    """The operation `registers`: `{"op": "registers", "requests": […]}`, all or none (`core.register_acts`)."""

    def registers(document: Document) -> Iterator[Document]:
        try:
            requests = REQUESTS.validate_python(document.get("requests"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(f"not a request to the registers: {place}: {first['msg']}") from error
        yield {"result": desk.enter(requests)}

    return {"registers": registers}

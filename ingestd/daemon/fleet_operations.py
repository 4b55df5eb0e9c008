"""What the daemon answers about the fleet register: acts of people, decided and entered by the one writer."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from ingestd.core.errors import RefusedError
from ingestd.core.fleet_acts import REQUESTS
from ingestd.ipc import Document, Operation
from ingestd.pipeline.fleet import FleetDesk


def fleet_operations(desk: FleetDesk) -> Mapping[str, Operation]:
    """The operation `fleet`: `{"op": "fleet", "requests": […]}`, all of them or none (`core.fleet_acts`)."""

    def fleet(document: Document) -> Iterator[Document]:
        try:
            requests = REQUESTS.validate_python(document.get("requests"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(f"not a request to the fleet register: {place}: {first['msg']}") from error
        yield {"result": desk.enter(requests)}

    return {"fleet": fleet}

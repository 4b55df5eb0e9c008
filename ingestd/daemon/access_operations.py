"""What the daemon answers about access: requests of people, and each view, entered by the one writer."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from ingestd.casework.access import AccessDesk
from ingestd.core.access_acts import REQUESTS
from ingestd.core.errors import RefusedError
from ingestd.ipc import Document, Operation


def access_operations(desk: AccessDesk) -> Mapping[str, Operation]:
    """The operation `access` (`core.access_acts`): `requests`, all of them or none."""

    def access(document: Document) -> Iterator[Document]:
        try:
            requests = REQUESTS.validate_python(document.get("requests"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(f"not a request about access: {place}: {first['msg']}") from error
        yield {"result": desk.enter(requests)}

    return {"access": access}

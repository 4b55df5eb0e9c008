"""What the daemon answers about registrations: acts of people, decided and entered by the one writer."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from ingestd.casework.registration import RegistrationDesk
from ingestd.core.errors import RefusedError
from ingestd.core.registration_acts import REQUEST
from ingestd.ipc import Document, Operation


def registration_operations(desk: RegistrationDesk) -> Mapping[str, Operation]:
    """The operation `register`: `{"op": "register", "request": {…}}` (`core.registration_acts`)."""

    def register(document: Document) -> Iterator[Document]:
        try:
            request = REQUEST.validate_python(document.get("request"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(f"not a request about a registration: {place}: {first['msg']}") from error
        yield {"result": desk.enter(request)}

    return {"register": register}

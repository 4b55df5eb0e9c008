"""What the daemon answers about hand-over: declarations and records, decided and entered by the one writer."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from ingestd.casework.handover import DeclarationDesk
from ingestd.casework.handover_records import RecordDesk
from ingestd.core import declarations, handover_record
from ingestd.core.errors import RefusedError
from ingestd.ipc import Document, Operation


def handover_operations(declaring: DeclarationDesk, records: RecordDesk) -> Mapping[str, Operation]:
    """The operations `declare` and `handover_record`.

    `{"op": "declare", "requests": […]}`: all of them or none (`core.declarations`). `{"op": "handover_record",
    "request": {…}}` gives the whole record (`core.handover_record`).
    """

    def declare(document: Document) -> Iterator[Document]:
        try:
            requests = declarations.REQUESTS.validate_python(document.get("requests"))
        except ValidationError as error:
            raise _refused("a declaration", error) from error
        yield {"result": declaring.enter(requests)}

    def record(document: Document) -> Iterator[Document]:
        try:
            request = handover_record.REQUEST.validate_python(document.get("request"))
        except ValidationError as error:
            raise _refused("a request about a hand-over record", error) from error
        yield {"result": records.enter(request)}

    return {"declare": declare, "handover_record": record}


def _refused(what: str, error: ValidationError) -> RefusedError:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return RefusedError(f"not {what}: {place}: {first['msg']}")

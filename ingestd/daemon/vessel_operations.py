"""What the daemon answers about vessels: acts of people, and AIS logs that they name, by the one writer."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from ingestd.casework.vessel_logs import VesselLogs
from ingestd.casework.vessels import VesselDesk
from ingestd.core.errors import RefusedError
from ingestd.core.vessel_acts import REQUEST, ImportLogs
from ingestd.ipc import Document, Operation

T = TypeVar("T")
_IMPORT: TypeAdapter[ImportLogs] = TypeAdapter(ImportLogs)


def vessel_operations(desk: VesselDesk, logs: VesselLogs) -> Mapping[str, Operation]:
    """The operations `vessel`: `{"op": "vessel", "request": {…}}` (`core.vessel_acts`), and `vessel_import`."""

    def vessel(document: Document) -> Iterator[Document]:
        yield {"result": desk.enter(_read(REQUEST, document))}

    def vessel_import(document: Document) -> Iterator[Document]:
        request = _read(_IMPORT, document)
        yield {"result": logs.take(request)}

    return {"vessel": vessel, "vessel_import": vessel_import}


def _read(adapter: TypeAdapter[T], document: Document) -> T:
    try:
        return adapter.validate_python(document.get("request"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RefusedError(f"not a request about vessels: {place}: {first['msg']}") from error

"""What the daemon answers about holds and carriers: acts of people, decided and entered by the one writer."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ingestd.core import carriers, hold_acts
from ingestd.core.errors import RefusedError
from ingestd.ipc import Document, Operation
from ingestd.retention.carriers import CarrierDesk
from ingestd.retention.holds import HoldDesk


def hold_operations(desk: HoldDesk, carrier_desk: CarrierDesk) -> Mapping[str, Operation]:
    """The operations `hold` (`core.hold_acts`) and `carrier` (`core.carriers`): `requests`, all of them or none."""

    def hold(document: Document) -> Iterator[Document]:
        yield {"result": desk.enter(_read(hold_acts.REQUESTS, document, "holds"))}

    def carrier(document: Document) -> Iterator[Document]:
        yield {"result": carrier_desk.enter(_read(carriers.REQUESTS, document, "the register of carriers"))}

    return {"hold": hold, "carrier": carrier}


def _read(requests: TypeAdapter[list[Any]], document: Document, what: str) -> list[Any]:
    try:
        return requests.validate_python(document.get("requests"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RefusedError(f"not a request to {what}: {place}: {first['msg']}") from error

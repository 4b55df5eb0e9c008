"""What the daemon answers about samples: acts of people, decided and entered by the one writer."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from ingestd.casework.samples import SampleDesk
from ingestd.core.errors import RefusedError
from ingestd.core.sample_acts import REQUESTS
from ingestd.ipc import Document, Operation


def sample_operations(desk: SampleDesk) -> Mapping[str, Operation]:
    """The operation `sample` (`core.sample_acts`): `requests`, one after the other."""

    def sample(document: Document) -> Iterator[Document]:
        try:
            requests = REQUESTS.validate_python(document.get("requests"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(f"not a request about samples: {place}: {first['msg']}") from error
        yield {"result": desk.enter(requests)}

    return {"sample": sample}

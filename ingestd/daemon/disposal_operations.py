"""What the daemon answers about disposals: acts of people, decided and entered by the one writer."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from ingestd.core.disposal_acts import REQUEST
from ingestd.core.errors import IngestdError, RefusedError
from ingestd.ipc import Document, Operation
from ingestd.retention.disposals import DisposalDesk

_SIGN_OF_LIFE_SECONDS = 5.0


def disposal_operations(desk: DisposalDesk) -> Mapping[str, Operation]:
    """The operation `disposal`: `{"op": "disposal", "request": {…}}` (`core.disposal_acts`)."""

    def disposal(document: Document) -> Iterator[Document]:
        try:
            request = REQUEST.validate_python(document.get("request"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(f"not a request about disposals: {place}: {first['msg']}") from error
        answers: list[Any] = []
        # In a thread of its own: who asks may go away, and what has begun goes on.
        thread = threading.Thread(target=lambda: answers.append(_answered(desk, request)), name="disposal")
        thread.start()
        while thread.is_alive():
            thread.join(_SIGN_OF_LIFE_SECONDS)
            if thread.is_alive():
                yield {}
        answer = answers[0] if answers else IngestdError("the disposal ended unexpectedly", "see the station's log")
        if isinstance(answer, IngestdError):
            raise answer
        yield {"result": answer}

    return {"disposal": disposal}


def _answered(desk: DisposalDesk, request: Any) -> Any:
    try:
        return desk.enter(request)
    except IngestdError as error:
        return error

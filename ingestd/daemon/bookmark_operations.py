"""What the daemon answers about bookmarks: acts of people, decided and entered by the one writer."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from ingestd.casework.bookmarks import BookmarkDesk
from ingestd.core.bookmark_acts import REQUEST
from ingestd.core.errors import RefusedError
from ingestd.ipc import Document, Operation


def bookmark_operations(desk: BookmarkDesk) -> Mapping[str, Operation]:
    """The operation `bookmark`: `{"op": "bookmark", "request": {…}}` (`core.bookmark_acts`)."""

    def bookmark(document: Document) -> Iterator[Document]:
        try:
            request = REQUEST.validate_python(document.get("request"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(f"not a request about a bookmark: {place}: {first['msg']}") from error
        yield {"result": desk.enter(request)}

    return {"bookmark": bookmark}

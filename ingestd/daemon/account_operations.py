"""What the daemon answers about accounts: acts of people and of consoles, decided and entered by the one writer."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from ingestd.casework.accounts import AccountDesk
from ingestd.core.account_acts import REQUESTS
from ingestd.core.errors import RefusedError
from ingestd.ipc import Document, Operation


def account_operations(desk: AccountDesk) -> Mapping[str, Operation]:
    """The operation `account` (`core.account_acts`): `requests`, all of them or none."""

    def account(document: Document) -> Iterator[Document]:
        try:
            requests = REQUESTS.validate_python(document.get("requests"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(f"not a request to the register of accounts: {place}: {first['msg']}") from error
        yield {"result": desk.enter(requests)}

    return {"account": account}

"""Telling the station what happened at the door: kept until it is in the ledger, whether the station runs or not."""

import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from ingestd.core.account_acts import Told
from ingestd.core.errors import NotFoundError, RefusedError, UnavailableError
from ingestd.stores.secrets import Secrets

Document = dict[str, Any]


def event_id() -> str:
    """The id of something that happens: what is told twice is entered once."""
    return uuid.uuid4().hex


class Teller:
    """Safe from many threads.

    Args:
        send: has documents of `core.account_acts.Told` entered, all or none; `IngestdError` where it cannot.
    """

    def __init__(self, secrets: Secrets, send: Callable[[Sequence[Document]], object]) -> None:
        self._secrets = secrets
        self._send = send
        self._lock = threading.Lock()

    def tell(self, *told: Told) -> None:
        """Something happened. It is kept before this returns, and in the ledger where the station runs."""
        self._secrets.put_waiting([one.model_dump(mode="json") for one in told])
        self.flush()

    def flush(self) -> int:
        """Have entered what waits; how much still does."""
        with self._lock:
            waiting = self._secrets.waiting()
            if not waiting:
                return 0
            try:
                self._send([one["document"] for one in waiting])
                done = [one["number"] for one in waiting]
            except UnavailableError:
                return len(waiting)
            except (RefusedError, NotFoundError):
                # One that the station does not take must not keep back the others.
                done = [one["number"] for one in waiting if self._is_taken(one["document"])]
            self._secrets.drop_waiting(done)
            return len(waiting) - len(done)

    def _is_taken(self, document: Document) -> bool:
        try:
            self._send([document])
        except (UnavailableError, RefusedError, NotFoundError):
            return False
        return True

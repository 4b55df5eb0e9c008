"""What people do about accounts, and what consoles tell of sessions: each request decided, entered, and answered."""

import threading
from collections.abc import Sequence
from typing import Any

from ingestd.core.account_acts import CloseSession, Lock, OpenSession, RefuseSession, Request
from ingestd.core.accounts import Account, Around, account_act, applied
from ingestd.core.clock import Clock, to_text
from ingestd.core.custody import Act
from ingestd.stores.accounts import AccountBook
from ingestd.stores.cases import CaseRegister
from ingestd.stores.chronicle import Chronicle

Document = dict[str, Any]


class AccountDesk:
    """The one counter of a station at which accounts are entered. Safe from many threads."""

    def __init__(self, chronicle: Chronicle, clock: Clock) -> None:
        self._book = AccountBook(chronicle.engine)
        self._units = CaseRegister(chronicle.engine)
        self._chronicle = chronicle
        self._clock = clock
        self._lock = threading.Lock()

    def enter(self, requests: Sequence[Request]) -> list[Document]:
        """Do what is asked, in order: all of it with one entry in the ledger each, or nothing.

        What a console tells twice (its event is entered already) is answered and not entered again.
        Returns for each request `act` and `subject`.

        Raises:
            NotFoundError, RefusedError: one request cannot be followed; none was.
            StoreError: as of `Chronicle.enter`.
        """
        with self._lock:
            now = to_text(self._clock.now())
            told = {one.event for one in requests if isinstance(one, Lock | OpenSession | CloseSession | RefuseSession)}
            entered = self._book.events(told) if told else set()
            pending: dict[str, Account | None] = {}
            units, admins = set(self._units.units()), set(self._book.admins())
            acts: list[Act] = []
            fresh: list[Act] = []
            for request in requests:
                name = request.account
                if name is not None and name not in pending:
                    pending[name] = self._book.find(name)
                standing = pending[name] if name is not None else None
                act = account_act(request, standing, Around(units, admins))
                acts.append(act)
                event = act.data.get("event")
                if event in entered:
                    continue
                if event is not None:
                    entered.add(event)
                fresh.append(act)
                if name is not None:
                    after = pending[name] = applied(standing, act, now)
                    admins = admins | {name} if after is not None and after.is_admin else admins - {name}
            if fresh:
                self._chronicle.enter(*fresh)
        return [{"act": act.act, "subject": act.subject} for act in acts]

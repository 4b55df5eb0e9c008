"""Signing in and out: sessions, and the accounts behind them."""

import hmac
import secrets
from dataclasses import dataclass, replace

from ingestd.core.errors import RefusedError
from ingestd.web.visitors import Visitor


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was just opened. `key` is told to the browser once and is kept nowhere else."""

    key: str
    visitor: Visitor


class Gate:
    """Accounts and sessions of one console. Safe from many threads."""

    def __init__(self) -> None:
        self._accounts: dict[str, tuple[Visitor, str]] = {}
        self._sessions: dict[str, Visitor] = {}

    def put_account(self, visitor: Visitor, password: str) -> None:
        """An account and its password."""
        self._accounts[visitor.account] = (visitor, password)

    def sign_in(self, account: str, password: str, *, address: str) -> Opened:
        """Open a session.

        Args:
            address: where the asker is, for the lock-out and the ledger.

        Raises:
            RefusedError: no such account or another password; the words do not say which.
        """
        visitor, known = self._accounts.get(account, (None, ""))
        if visitor is None or not hmac.compare_digest(known.encode(), password.encode()):
            raise RefusedError("the name or the password is wrong")
        opened = Opened(secrets.token_urlsafe(32), replace(visitor, csrf=secrets.token_urlsafe(32)))
        self._sessions[opened.key] = opened.visitor
        return opened

    def visitor(self, key: str) -> Visitor | None:
        """Who is behind a session; null where it ended or never was."""
        return self._sessions.get(key)

    def sign_out(self, key: str) -> None:
        """End a session."""
        self._sessions.pop(key, None)

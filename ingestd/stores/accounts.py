"""Accounts in the catalogue: how their acts show, and what can be asked of them.

Writing is called by `projection` alone, inside the transaction of the act.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from ingestd.core.account_acts import account_key
from ingestd.core.accounts import Account, account_document, account_of, applied
from ingestd.core.custody import Act, Entry
from ingestd.core.errors import IntegrityError, NotFoundError, RefusedError
from ingestd.stores.database import translated
from ingestd.stores.schema_accounts import account_acts, accounts

Row = dict[str, Any]


def account_changed(connection: Connection, entry: Entry) -> None:
    """An act about an account, or about a session.

    Raises:
        IntegrityError: the act cannot follow on what the register holds.
    """
    before = _found(connection, entry.subject) if entry.subject is not None else None
    act = Act(act=entry.act, actor=entry.actor, subject=entry.subject, data=entry.data)
    try:
        after = applied(before, act, entry.time)
    except (NotFoundError, RefusedError) as error:
        raise IntegrityError(f"ledger entry {entry.seq} cannot show: {error.message}") from error
    if after is not None and after != before:
        values = {"closed_at": after.closed_at, "document": account_document(after)}
        if before is None:
            connection.execute(insert(accounts).values(name=after.name, **values))
        else:
            connection.execute(update(accounts).where(accounts.c.name == after.name).values(**values))
    about = {"seq": entry.seq, "account": entry.subject, "act": entry.act, "at": entry.time, "actor": entry.actor}
    event = entry.data.get("event")
    connection.execute(insert(account_acts).values(**about, event=event, document=entry.data))


def _found(connection: Connection, name: str) -> Account | None:
    document = connection.execute(select(accounts.c.document).where(accounts.c.name == name)).scalar_one_or_none()
    return None if document is None else account_of(document)


class AccountBook:
    """Questions to the register of accounts; each opens its own connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, name: str) -> Account | None:
        """An account by its name, however it is typed; null for none."""
        with translated(), self._engine.connect() as connection:
            return _found(connection, account_key(name))

    def accounts(self) -> list[Account]:
        """The register, by name, closed ones too."""
        with translated(), self._engine.connect() as connection:
            documents = connection.execute(select(accounts.c.document).order_by(accounts.c.name)).scalars()
            return [account_of(document) for document in documents]

    def admins(self) -> frozenset[str]:
        """The accounts that may change accounts now."""
        return frozenset(one.name for one in self.accounts() if one.is_admin)

    def history(self, name: str, *, limit: int = 100, before: int | None = None) -> list[Row]:
        """The latest acts about an account and its sessions, newest first; pages by `before`, a ledger entry."""
        table = account_acts
        query = select(table).where(table.c.account == account_key(name)).order_by(table.c.seq.desc()).limit(limit)
        if before is not None:
            query = query.where(table.c.seq < before)
        with translated(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def events(self, among: Collection[str]) -> set[str]:
        """Those of these events that are entered."""
        table = account_acts
        with translated(), self._engine.connect() as connection:
            return set(connection.execute(select(table.c.event).where(table.c.event.in_(among))).scalars())

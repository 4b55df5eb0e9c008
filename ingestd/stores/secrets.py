"""The console's own file: digests of secrets, sessions, tokens, wrong tries. Beside the ledger, and in no backup of it.

Only digests are kept: who reads the file can sign in with nothing of it. Deleting it signs everybody out and takes all
passwords away; the accounts stay, and `ingestd account link` makes a first link again.
"""

import hashlib
import os
import secrets as randomness
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, create_engine, delete, event, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from ingestd.core.errors import StoreError
from ingestd.stores.durable import make_directory
from ingestd.stores.schema_secrets import (
    credentials,
    failures,
    links,
    metadata,
    salts,
    sessions,
    tokens,
    waiting,
)

FORMAT: Final = 1
"""In `PRAGMA user_version`; a file of another one is told, not read."""
_BUSY_MILLISECONDS: Final = 10_000
Row = dict[str, Any]


def digest_of(key: str) -> str:
    """What is kept of a key that a machine made: long enough that nobody tries all."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


class Secrets:
    """One such file, made where it is missing. Safe from many threads and processes. Moments are UTC texts.

    Raises:
        StoreError: it cannot be opened, or is of another ingestd.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._engine = _opened(file)

    # What somebody is known by

    def digest(self, account: str, kind: str) -> str | None:
        """The digest of a password or a PIN; null for none."""
        where = (credentials.c.account == account) & (credentials.c.kind == kind)
        row = self._first(select(credentials).where(where))
        return None if row is None else str(row["digest"])

    def account_of(self, kind: str, digest: str) -> str | None:
        """Whose digest this is; null for nobody's."""
        where = (credentials.c.kind == kind) & (credentials.c.digest == digest)
        row = self._first(select(credentials).where(where))
        return None if row is None else str(row["account"])

    def kinds(self, account: str) -> dict[str, str]:
        """What an account is known by, with the moment when it was set."""
        return {row["kind"]: row["set_at"] for row in self._all(credentials, credentials.c.account == account)}

    def accounts_with(self, kind: str) -> set[str]:
        """The accounts that have this."""
        return {row["account"] for row in self._all(credentials, credentials.c.kind == kind)}

    def set_credential(self, account: str, kind: str, digest: str, at: str) -> None:
        """What stands in the place of what was there before."""
        values = {"account": account, "kind": kind, "digest": digest, "set_at": at}
        new = upsert(credentials).values(values)
        changes = {"digest": digest, "set_at": at}
        with self._writing() as connection:
            connection.execute(new.on_conflict_do_update(index_elements=["account", "kind"], set_=changes))

    def remove_credential(self, account: str, kind: str) -> bool:
        """Take it away; whether it was there."""
        where = (credentials.c.account == account) & (credentials.c.kind == kind)
        with self._writing() as connection:
            return bool(connection.execute(delete(credentials).where(where)).rowcount)

    def salt(self, name: str) -> bytes:
        """A salt of this file, made when it is first asked for."""
        new = upsert(salts).values(name=name, salt=randomness.token_bytes(32)).on_conflict_do_nothing()
        with self._writing() as connection:
            connection.execute(new)
            return bytes(connection.execute(select(salts.c.salt).where(salts.c.name == name)).scalar_one())

    # Links

    def put_link(self, digest: str, account: str | None, expires_at: str) -> None:
        """A link that counts once; those that the account had before count no more."""
        with self._writing() as connection:
            connection.execute(delete(links).where(links.c.account.is_not_distinct_from(account)))
            connection.execute(insert(links).values(digest=digest, account=account, expires_at=expires_at))

    def link(self, digest: str, now: str) -> Row | None:
        """A link that still counts."""
        return self._first(select(links).where(links.c.digest == digest, links.c.expires_at > now))

    def use_link(self, digest: str, now: str) -> bool:
        """Use a link up; false where somebody did so already, or its time is over."""
        where = (links.c.digest == digest) & (links.c.expires_at > now)
        with self._writing() as connection:
            return bool(connection.execute(delete(links).where(where)).rowcount)

    # Sessions and tokens

    def put_session(self, row: Row) -> None:
        """A session that was opened."""
        self._insert(sessions, row)

    def session(self, digest: str) -> Row | None:
        """A session by the digest of its key."""
        return self._first(select(sessions).where(sessions.c.digest == digest))

    def sessions_of(self, account: str) -> list[Row]:
        """Sessions of an account, the latest first."""
        return self._all(sessions, sessions.c.account == account, sessions.c.opened_at.desc())

    def see_session(self, digest: str, at: str) -> None:
        """A session was used."""
        self._change(update(sessions).where(sessions.c.digest == digest).values(seen_at=at))

    def end_sessions(self, account: str, *, session: str | None = None, but: str = "") -> list[Row]:
        """End one session of an account by its id, or all but the one with this digest; those that were ended."""
        where = (sessions.c.account == account) & (sessions.c.digest != but)
        if session is not None:
            where &= sessions.c.session == session
        with self._writing() as connection:
            rows = connection.execute(delete(sessions).where(where).returning(*sessions.c)).mappings()
            return [dict(row) for row in rows]

    def drop_sessions(self, opened_before: str, seen_before: str) -> None:
        """Forget sessions that ended by themselves."""
        self._change(
            delete(sessions).where((sessions.c.opened_at < opened_before) | (sessions.c.seen_at < seen_before))
        )

    def put_token(self, row: Row) -> None:
        """A token that was made."""
        self._insert(tokens, row)

    def token(self, digest: str, now: str) -> Row | None:
        """A token that counts, by its digest."""
        return self._first(select(tokens).where(tokens.c.digest == digest, tokens.c.expires_at > now))

    def tokens_of(self, account: str) -> list[Row]:
        """Tokens of an account, the latest first."""
        return self._all(tokens, tokens.c.account == account, tokens.c.made_at.desc())

    def use_token(self, digest: str, at: str) -> None:
        """A token was used."""
        self._change(update(tokens).where(tokens.c.digest == digest).values(used_at=at))

    def end_token(self, account: str, token: str) -> bool:
        """End a token of an account by its id; whether it was there."""
        where = (tokens.c.account == account) & (tokens.c.token == token)
        with self._writing() as connection:
            return bool(connection.execute(delete(tokens).where(where)).rowcount)

    # Wrong tries

    def failures(self, keys: Sequence[str]) -> list[Row]:
        """Wrong tries by account or address."""
        return self._all(failures, failures.c.key.in_(keys))

    def count_failure(self, key: str, at: str, *, forgotten_before: str) -> int:
        """One more wrong try; how many there are now. Those before a moment are forgotten."""
        new = upsert(failures).values(key=key, count=1, last_at=at)
        with self._writing() as connection:
            connection.execute(delete(failures).where(failures.c.last_at < forgotten_before))
            counted = new.on_conflict_do_update(
                index_elements=["key"], set_={"count": failures.c.count + 1, "last_at": at}
            )
            return int(connection.execute(counted.returning(failures.c.count)).scalar_one())

    def shut(self, key: str, until: str) -> None:
        """No try is taken until then."""
        self._change(update(failures).where(failures.c.key == key).values(shut_until=until))

    def forget_failures(self, key: str) -> None:
        """A right try: the wrong ones before it count no more."""
        self._change(delete(failures).where(failures.c.key == key))

    # What is not in the ledger yet

    def put_waiting(self, documents: Sequence[Row]) -> None:
        """What happened, until the station has entered it."""
        with self._writing() as connection:
            connection.execute(insert(waiting), [{"document": document} for document in documents])

    def waiting(self, limit: int = 200) -> list[Row]:
        """What waits, the oldest first: `number` and `document`."""
        with self._reading() as connection:
            rows = connection.execute(select(waiting).order_by(waiting.c.number).limit(limit)).mappings()
            return [dict(row) for row in rows]

    def drop_waiting(self, numbers: Sequence[int]) -> None:
        """It is in the ledger."""
        self._change(delete(waiting).where(waiting.c.number.in_(numbers)))

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _first(self, query: Any) -> Row | None:
        with self._reading() as connection:
            row = connection.execute(query).mappings().first()
            return None if row is None else dict(row)

    def _all(self, table: Table, where: Any, *order: Any) -> list[Row]:
        with self._reading() as connection:
            return [dict(row) for row in connection.execute(select(table).where(where).order_by(*order)).mappings()]

    def _insert(self, table: Table, row: Row) -> None:
        self._change(insert(table).values(row))

    def _change(self, statement: Any) -> None:
        with self._writing() as connection:
            connection.execute(statement)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _translated(self._file), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _translated(self._file), self._engine.begin() as connection:
            # SQLite's driver begins nothing before the first change: what is read here would be of another moment.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection


def new_link(secrets: Secrets, account: str | None, expires_at: str) -> str:
    """Make a link with which a password is set once; its path at the console. The key is kept nowhere.

    Args:
        account: null for the first administrator.
        expires_at: UTC text.
    """
    key = randomness.token_urlsafe(32)
    secrets.put_link(digest_of(key), account, expires_at)
    return f"/setup?key={key}"


def _opened(file: Path) -> Engine:
    make_directory(file.parent)
    try:
        file.parent.chmod(0o700)
        owner = file.parent.parent.stat()
        # Before SQLite makes it: the files that it puts beside it have the rights of this one.
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        if os.geteuid() == 0:
            # A command of root's must not take the file away from the console, which runs as the station's user.
            for path in (file.parent, file):
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    except OSError as error:
        advice = "it belongs to the station's user; give it back, or move it away"
        raise StoreError(f"the console's secrets {file}: {error.strerror}", advice) from error
    engine = create_engine(f"sqlite:///{file}")

    @event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={_BUSY_MILLISECONDS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "secure_delete=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    with _translated(file), engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        known = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if known not in (0, FORMAT):
            advice = "move it away: a new one is begun, and passwords are set by new links"
            raise StoreError(f"{file} is of another ingestd (format {known})", advice)
        if known == 0:
            metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version={FORMAT}")
    return engine


@contextmanager
def _translated(file: Path) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"the console's secrets {file} refused: {error.orig}", "see that its disk has room") from error

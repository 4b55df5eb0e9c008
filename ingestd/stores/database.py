"""Opening the catalogue's database: SQLite with WAL and `synchronous=FULL`; migrations by Alembic."""

import functools
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from ingestd.core.errors import NotFoundError, StoreError, StoreFullError
from ingestd.core.manifest import canonical_json
from ingestd.stores import schema

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_MILLISECONDS = 30_000


def open_for_writing(file: Path) -> Engine:
    """The one writer's engine; creates the file and brings its schema up to date.

    Raises:
        StoreError: the file cannot be opened, or is of a newer ingestd.
    """
    engine = create_engine(f"sqlite:///{file}", json_serializer=_json_text)

    @event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MILLISECONDS}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    with translated():
        upgrade(engine)
    return engine


def open_for_reading(file: Path) -> Engine:
    """An engine that cannot write, for CLI and console.

    Raises:
        NotFoundError: there is no catalogue yet.
    """
    try:
        status = file.stat()
    except FileNotFoundError as error:
        advice = "start the station once: ingestd run, or ingestd ingest PATH"
        raise NotFoundError(f"no catalogue at {file}", advice) from error
    return _reader(file, status.st_dev, status.st_ino, os.getpid())


@functools.lru_cache(maxsize=4)
def _reader(file: Path, device: int, inode: int, process: int) -> Engine:
    """One engine for all questions of a process to one catalogue; one that was made again is another file."""
    engine = create_engine(f"sqlite:///file:{file}?mode=ro&uri=true")

    @event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in ("query_only=ON", f"busy_timeout={_BUSY_MILLISECONDS}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _json_text(document: Any) -> str:
    """One text for one document, whatever order its keys came in: a rebuilt catalogue is the same to the letter."""
    return canonical_json(document).decode("utf-8")


def upgrade(engine: Engine) -> None:
    """Run the migrations that this database has not seen; nothing when it is up to date.

    Raises:
        StoreError: it is of a newer ingestd.
    """
    if _revision(engine) == schema.REVISION:
        return
    # Only here: Alembic takes a fifth of the start of every command, and almost every start finds nothing to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        # SQLite's driver begins nothing before a CREATE TABLE: without this a crash leaves half a schema for good.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            advice = "use that version, or a newer one"
            raise StoreError(f"the catalogue is of a newer ingestd: {error}", advice) from error


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()


def is_current(engine: Engine) -> bool:
    """Whether the tables of this version are there (a reader cannot migrate)."""
    with engine.connect() as connection:
        return inspect(connection).has_table("recordings")


@contextmanager
def translated() -> Iterator[None]:
    """Turn database errors into `StoreFullError` or `StoreError`."""
    try:
        yield
    except DBAPIError as error:
        original = error.orig
        if isinstance(original, sqlite3.OperationalError) and original.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise StoreFullError(
                "no room for the catalogue", "free or add disk space; the station goes on by itself"
            ) from error
        raise StoreError(
            f"the catalogue refused: {original}",
            "see `ingestd doctor`; it can be made again: ingestd catalogue rebuild",
        ) from error


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed at the end, errors translated."""
    with translated(), engine.begin() as connection:
        yield connection

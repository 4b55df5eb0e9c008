"""The catalogue held against the ledger: every row is made again from the vault in a file aside, and compared.

All tables are compared but those that index nothing of the vault (counters of tries, when bytes were read last), and
SQLite's own indexes of words and boxes, which hold nothing that is not in a table.
"""

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from ingestd.core.errors import IngestdError
from ingestd.core.manifest import canonical_json
from ingestd.stores import find_index, schema
from ingestd.stores.chronicle import applied_seq
from ingestd.stores.database import open_for_reading, transaction, translated
from ingestd.stores.ledger import read_entries
from ingestd.stores.projection import apply_all
from ingestd.stores.vault import Vault

NOT_COMPARED: Final = ("meta", "jobs", "fixity", "sealed_order")
"""`meta` holds how far the catalogue came, `sealed_order` has other numbers in a catalogue that is older than it; the
others are what the station counts for itself."""
COLUMNS_NOT_COMPARED: Final = {("replica_copies", "verified_at")}
"""What is counted on without an act."""

_TOGETHER = 500
_MOST_ROWS = 20
"""Rows of one table that are named; of more the number is told."""
_MOST_CHARACTERS = 80


class Difference(NamedTuple):
    """A row of the catalogue that is not what the ledger makes of it."""

    place: str
    words: str


class Comparison(NamedTuple):
    """What was compared, and what differs. `tables` is empty where nothing could be."""

    tables: tuple[str, ...]
    differences: tuple[Difference, ...]


def compare(catalogue_file: Path, vault: Vault) -> Comparison:
    """Make the rows again that the ledger gives up to where the catalogue is, and compare them with those that stand.

    Beside a running station, too: the catalogue is read as it is at one moment. The file aside goes into $TMPDIR and
    takes as much room as the catalogue.

    Raises:
        IngestdError: the vault contradicts its ledger, so that nothing can be made again; or the catalogue is none.
    """
    engine = open_for_reading(catalogue_file)
    try:
        with tempfile.TemporaryDirectory(prefix="ingestd-verify-") as folder, engine.connect() as standing:
            made_file = Path(folder) / "made.sqlite3"
            with translated():
                standing.exec_driver_sql("ATTACH DATABASE ? AS made", (f"file:{made_file}",))
                # One moment for all tables, however long it takes to make the others.
                standing.exec_driver_sql("BEGIN")
                upto = applied_seq(standing)
            _make(made_file, vault, upto)
            with translated():
                tables = [one for one in schema.metadata.sorted_tables if one.name not in NOT_COMPARED]
                missing = set(inspect(standing).get_table_names())
                lacking = [one.name for one in tables if one.name not in missing]
                differences = [Difference(name, "the catalogue has no such table") for name in lacking]
                for table in tables:
                    if table.name not in lacking:
                        differences += _of_table(standing, table)
    finally:
        engine.dispose()
    return Comparison(tuple(table.name for table in tables), tuple(differences))


def _make(file: Path, vault: Vault, upto: int) -> None:
    engine = _scratch_engine(file)
    try:
        with translated():
            schema.metadata.create_all(engine)
        entries = itertools.takewhile(lambda entry: entry.seq <= upto, read_entries(vault.ledger_folder))
        while batch := list(itertools.islice(entries, _TOGETHER)):
            with transaction(engine) as connection:
                apply_all(connection, vault.read_bytes, batch)
        with transaction(engine) as connection:
            find_index.complete(connection)
    finally:
        engine.dispose()


def _scratch_engine(file: Path) -> Engine:
    """A file that nobody needs after a crash: written without a journal and never synced."""
    engine = create_engine(
        f"sqlite:///{file}", json_serializer=lambda document: canonical_json(document).decode("utf-8")
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=MEMORY", "synchronous=OFF", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _of_table(connection: Connection, table: Table) -> Iterator[Difference]:
    columns = [one.name for one in table.columns if (table.name, one.name) not in COLUMNS_NOT_COMPARED]
    listed = ", ".join(f'"{name}"' for name in columns)
    sides = {
        (ours, other): [
            tuple(row)
            for row in connection.exec_driver_sql(
                f'SELECT {listed} FROM "{ours}"."{table.name}" EXCEPT SELECT {listed} FROM "{other}"."{table.name}"'
            )
        ]
        for ours, other in (("main", "made"), ("made", "main"))
    }
    keys = [columns.index(column.name) for column in table.primary_key.columns]
    standing = {tuple(row[at] for at in keys): row for row in sides["main", "made"]}
    expected = {tuple(row[at] for at in keys): row for row in sides["made", "main"]}
    places = sorted(standing.keys() | expected.keys(), key=repr)
    for key in places[:_MOST_ROWS]:
        place = f"{table.name} {' '.join(map(str, key))}"
        yield Difference(place, _words(columns, standing.get(key), expected.get(key)))
    if len(places) > _MOST_ROWS:
        yield Difference(table.name, f"{len(places) - _MOST_ROWS} further rows are not what the ledger makes of them")


def _words(columns: Sequence[str], standing: Sequence[Any] | None, expected: Sequence[Any] | None) -> str:
    if standing is None:
        return "the catalogue lacks this row, which the ledger makes"
    if expected is None:
        return "no act of the ledger makes this row"
    named = [
        f"{name} is {_shown(ours)}, by the ledger {_shown(theirs)}"
        for name, ours, theirs in zip(columns, standing, expected, strict=True)
        if ours != theirs
    ]
    return "; ".join(named)


def _shown(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def comparison_fault(error: IngestdError) -> Difference:
    """What is said where nothing could be compared."""
    return Difference("", f"cannot be compared with the ledger: {error.message}")

"""Signed heads and public keys as files of the vault, and what the catalogue knows of them.

keys/0f3a….pem             public keys of the station, the present one and all before it
heads/2026/000000120.json  signed heads, by the last entry that each knows
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, insert, select, update

from ingestd.core.custody import Entry
from ingestd.core.errors import IngestdError, IntegrityError
from ingestd.core.heads import MOST_BYTES, Head, Outside, head_name, parsed
from ingestd.core.manifest import canonical_json
from ingestd.stores import schema
from ingestd.stores.database import translated as database_translated
from ingestd.stores.durable import make_directory, translated, write_new
from ingestd.stores.vault import Vault

HEADS, KEYS = "heads", "keys"
_KEY, _SIGNED, _CONFIGURATION = "ledger_key", "ledger_head_signed", "configuration"


class FoundHead(NamedTuple):
    """A file that ought to hold a head. `fault` says in words why it does not; else empty."""

    path: str
    document: Outside | None
    fault: str


def read_head_file(path: Path, name: str) -> FoundHead:
    """One file of a head or of a countersignature, wherever it lies."""
    try:
        with translated("read", path), path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        return FoundHead(name, parsed(data, name), "")
    except IntegrityError as error:
        return FoundHead(name, None, error.message.removeprefix(f"{name} "))
    except IngestdError as error:
        return FoundHead(name, None, error.message)


def heads_in(folder: Path, base: Path) -> Iterator[FoundHead]:
    """All heads below a folder, in order of their names; none where it is not there.

    Args:
        base: paths are given relative to it.
    """
    for path in sorted(folder.rglob("*.json")):
        if not path.name.startswith("."):
            yield read_head_file(path, str(path.relative_to(base)))


class HeadFolder:
    """Heads and public keys in the vault."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self.root = vault.root / HEADS

    def heads(self) -> list[FoundHead]:
        """Every head in the vault."""
        return list(heads_in(self.root, self._vault.root))

    def page(self, *, before: str = "", limit: int) -> list[FoundHead]:
        """The newest heads below the file name `before`; no other file is read."""
        found = sorted(self.root.rglob("*.json"), key=lambda one: one.name, reverse=True)
        wanted = [one for one in found if not one.name.startswith(".") and (not before or one.name < before)]
        return [read_head_file(one, str(one.relative_to(self._vault.root))) for one in wanted[:limit]]

    def newest(self) -> Head | None:
        """The head with the highest number that can be read; null where there is none."""
        for path in sorted(self.root.rglob("*.json"), key=lambda one: one.name, reverse=True):
            document = read_head_file(path, path.name).document
            if isinstance(document, Head):
                return document
        return None

    def path_of(self, head: Head) -> Path:
        """Where a head belongs."""
        return self.root / head.time[:4] / head_name(head.seq)

    def write(self, head: Head) -> Path:
        """Put a head into the vault, durably; one of the same entry that stands there stays."""
        path = self.path_of(head)
        make_directory(path.parent)
        if not path.exists():
            write_new(path, head.document_bytes())
        return path

    def write_key(self, key_id: str, pem: bytes) -> None:
        """Put a public key into the vault, durably."""
        folder = self._vault.root / KEYS
        make_directory(folder)
        path = folder / f"{key_id}.pem"
        if not path.exists():
            write_new(path, pem)

    def public_keys(self) -> dict[str, bytes]:
        """The public keys in the vault, by their paths."""
        files = sorted((self._vault.root / KEYS).glob("*.pem"))
        return {f"{KEYS}/{path.name}": self._vault.read_bytes(f"{KEYS}/{path.name}") for path in files}

    def key_files(self) -> dict[str, bytes]:
        """The same by the ids that their names say."""
        return {Path(path).stem: pem for path, pem in self.public_keys().items()}


# How acts show: in the catalogue's single values, because there is one of each


def key_entered(connection: Connection, entry: Entry) -> None:
    """The station signs with this key from here on."""
    _put(connection, _KEY, {"key": entry.data["key"], "at": entry.time, "seq": entry.seq})


def head_signed(connection: Connection, entry: Entry) -> None:
    """The head that ends with this very entry was to be signed."""
    _put(connection, _SIGNED, {"seq": entry.seq, "at": entry.time, "why": entry.data["why"], "key": entry.data["key"]})


def configuration_changed(connection: Connection, entry: Entry) -> None:
    """The configuration that holds from here on, made of the one before and what changed."""
    facts = dict(_get(connection, _CONFIGURATION) or {})
    for key, sides in entry.data["changed"].items():
        if "after" in sides:
            facts[key] = sides["after"]
        else:
            facts.pop(key, None)
    _put(connection, _CONFIGURATION, facts)


def _put(connection: Connection, key: str, document: Mapping[str, Any]) -> None:
    table, value = schema.meta, canonical_json(document).decode("utf-8")
    changed = connection.execute(update(table).where(table.c.key == key).values(value=value))
    if changed.rowcount == 0:
        connection.execute(insert(table).values(key=key, value=value))


def _get(connection: Connection, key: str) -> dict[str, Any] | None:
    table = schema.meta
    value = connection.execute(select(table.c.value).where(table.c.key == key)).scalar_one_or_none()
    document: dict[str, Any] | None = json.loads(value) if value is not None else None
    return document


class LedgerBook:
    """What the catalogue knows of key, heads and configuration."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def key(self) -> dict[str, Any] | None:
        """`key`, `at` and `seq` of the last `ledger.key_entered`."""
        return self._read(_KEY)

    def last_signed(self) -> dict[str, Any] | None:
        """`seq`, `at`, `why` and `key` of the last `ledger.head_signed`."""
        return self._read(_SIGNED)

    def configuration(self) -> dict[str, Any] | None:
        """What the last `config.changed` left standing; null before the first one."""
        return self._read(_CONFIGURATION)

    def _read(self, key: str) -> dict[str, Any] | None:
        with database_translated(), self._engine.connect() as connection:
            return _get(connection, key)

"""Real faults of a medium, made below the program by a small library that is loaded before libc (`faults.c`).

And a judge of what such a fault leaves behind: it may look at any moment, also at a station that was killed.
"""

import hashlib
import json
import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.commands import command_server
from tests.support.preload import built
from tests.support.station import Station, sha256_of_file

SOURCE = Path(__file__).with_name("faults.c")


def fault_library(folder: Path) -> Path:
    """The library, built; the test is skipped where there is no C compiler."""
    return built(SOURCE, folder)


def faulty_environment(library: Path, **faults: object) -> dict[str, str]:
    """The environment of a child process in which these faults happen."""
    return {
        **os.environ,
        "LD_PRELOAD": str(library),
        **{f"FAULT_{name.upper()}": str(value) for name, value in faults.items()},
    }


@dataclass(frozen=True)
class FaultyRun:
    """How the program ended under a fault.

    Attributes:
        status: its exit status, negative for a signal.
        document: what it said of the docking, null where it said nothing.
        errors: what it said on standard error.
        struck: the calls that were struck, in order.
    """

    status: int
    document: dict[str, Any] | None
    errors: str
    struck: tuple[str, ...]


def ingest_under(station: Station, card: Path, library: Path, **faults: object) -> FaultyRun:
    """Take a card in by the program, in a process of its own, with a fault."""
    log = station.root / "struck.log"
    log.unlink(missing_ok=True)
    status, out, err = command_server(library).run(
        ["ingest", str(card), "--json"],
        folder=station.root,
        environment=station.environment | faulty_environment(library, card=card, log=log, hurry=1, **faults),
        seconds=120,
    )
    document = json.loads(out) if out.startswith(b"{") else None
    struck = tuple(log.read_text("utf-8").splitlines()) if log.exists() else ()
    return FaultyRun(status, document, err.decode("utf-8"), struck)


def sealed_recordings(station: Station) -> set[str]:
    """The recordings that the ledger says are sealed. What stands behind its last whole line was told to nobody."""
    return {entry["subject"] for entry in _whole_entries(station) if entry["act"] == "recording.sealed"}


def untruths(station: Station) -> list[str]:
    """Every promise (I2 to I7 of docs/design/durability.md) that is broken now, whatever happened; empty when none."""
    try:
        entries = _whole_entries(station)
    except ValueError as error:
        return [f"I5: {error}"]
    return [*_chain_faults(entries), *_seal_faults(station, entries), *_book_faults(station, entries),
            *_standing_faults(station), *_catalogue_faults(station, entries)]  # fmt: skip


def _whole_entries(station: Station) -> list[dict[str, Any]]:
    lines: list[bytes] = []
    for segment in sorted(station.vault.ledger_folder.glob("*.jsonl")):
        lines += segment.read_bytes().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def _chain_faults(entries: list[dict[str, Any]]) -> Iterator[str]:
    previous = "0" * 64
    for number, entry in enumerate(entries, start=1):
        bare = {key: value for key, value in entry.items() if key != "hash"}
        words = json.dumps(bare, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.sha256(words).hexdigest()
        if (entry["seq"], entry["prev"], entry["hash"]) != (number, previous, digest):
            yield f"I5: the chain breaks at entry {number}"
            return
        previous = digest


def _seal_faults(station: Station, entries: list[dict[str, Any]]) -> Iterator[str]:
    root = station.vault.root
    for entry in entries:
        if entry["act"] != "recording.sealed":
            continue
        sidecar = root / entry["data"]["sidecar"]
        if not sidecar.is_file() or sha256_of_file(sidecar) != entry["data"]["sidecar_sha256"]:
            yield f"I3: sealed without its sidecar: {sidecar.name}"
            continue
        content = json.loads(sidecar.read_bytes())["content"]
        original = root / content["path"]
        if not original.is_file() or {sha256_of_file(original), content["sha256"]} != {entry["data"]["sha256"]}:
            yield f"I3: sealed without its original: {original.name}"
        manifest = sidecar.with_name("SHA256SUMS").read_text("utf-8").splitlines()
        for path, digest in ((original, content["sha256"]), (sidecar, entry["data"]["sidecar_sha256"])):
            if path.parent == sidecar.parent and f"{digest}  {path.name}" not in manifest:
                yield f"I3: sealed, and not in SHA256SUMS: {path.name}"


def _book_faults(station: Station, entries: list[dict[str, Any]]) -> Iterator[str]:
    for entry in entries:
        what = {"docking.listed": "listing", "docking.closed": "record"}.get(entry["act"])
        if what is not None:
            path = station.vault.root / entry["data"][what]
            if not path.is_file() or sha256_of_file(path) != entry["data"][f"{what}_sha256"]:
                yield f"I4: the ledger names a {what} that is not there: {path.name}"


def _standing_faults(station: Station) -> Iterator[str]:
    for sidecar in station.vault.root.glob("originals/*/*/*/*.birth.json"):
        try:
            content = json.loads(sidecar.read_bytes())["content"]
        except ValueError:
            yield f"I2: a torn sidecar stands: {sidecar.name}"
            continue
        if stat.S_IMODE(sidecar.stat().st_mode) != 0o440:
            yield f"I2: a standing sidecar can be written: {sidecar.name}"
        original = station.vault.root / content["path"]
        if not original.is_file() or sha256_of_file(original) != content["sha256"]:
            yield f"I2: what a standing sidecar names is not there, or is not whole: {original.name}"
    for path in station.vault.root.glob("originals/*/*/*/*.*"):
        if path.suffix in (".json", ".new") or path.name.startswith("."):
            continue
        recording = re.sub(r".*\.([0-9a-f]{12})\.[^.]*$", r"\1", path.name)
        staged = [json.loads(one.read_bytes()) for one in station.vault.staging_folder.glob(f"*{recording}.birth.json")]
        sidecar = path.with_name(f"{path.name}.birth.json")
        if not sidecar.exists() and all(one["content"]["sha256"] != sha256_of_file(path) for one in staged):
            yield f"I2: an original stands that no sidecar vouches for: {path.name}"


def _catalogue_faults(station: Station, entries: list[dict[str, Any]]) -> Iterator[str]:
    if not station.catalogue_file.exists():
        return
    with TemporaryDirectory() as folder:
        # A copy, because the first who opens what a killed process left mends it.
        for file in station.catalogue_file.parent.glob("catalogue.sqlite3*"):
            shutil.copy(file, folder)
        yield from _rows_ahead(Path(folder) / station.catalogue_file.name, entries)


def _rows_ahead(catalogue: Path, entries: list[dict[str, Any]]) -> Iterator[str]:
    with closing(sqlite3.connect(catalogue)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchall():
            return
        applied = connection.execute("SELECT value FROM meta WHERE key = 'applied_seq'").fetchone()
        seen = int(applied[0]) if applied else 0
        if seen > len(entries):
            yield f"I6: the catalogue shows {seen} acts, the ledger has {len(entries)}"
        sealed = {entry["subject"] for entry in entries if entry["act"] == "recording.sealed"}
        copied = connection.execute("SELECT recording_id FROM sightings WHERE fate IN ('copied', 'already_held')")
        yield from (f"I7: counts as held without a seal: {row[0]}" for row in copied if row[0] not in sealed)

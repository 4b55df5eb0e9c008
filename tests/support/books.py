"""A count of what stands on a card, and a judge of the books that a station keeps of it.

Both know nothing of the code that they judge: they read folders, SQLite, JSON and the ledger by themselves.
"""

import base64
import json
import os
import sqlite3
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.station import Station, sha256_of_file

FATES = frozenset({"copied", "partial", "already_held", "quarantined", "excluded", "unreadable", "pending"})
HELD = frozenset({"copied", "already_held"})


class Entry(NamedTuple):
    """An entry as it stands: `kind` as a listing has it, and of a file its digest, null where it cannot be read."""

    kind: str
    size_bytes: int = 0
    sha256: str | None = None


def standing(root: Path, *, max_depth: int = 32) -> dict[bytes, Entry]:
    """Every entry below a folder by the bytes of its path. A folder that cannot be listed is itself an entry."""
    found: dict[bytes, Entry] = {}
    _look(root, b"", max_depth, found)
    return found


def _look(root: Path, below: bytes, max_depth: int, found: dict[bytes, Entry]) -> None:
    folder = root / os.fsdecode(below)
    try:
        inside = os.listdir(os.fsencode(folder))
    except OSError:
        found[below or b"."] = Entry("unreadable")
        return
    for name in inside:
        raw = below + b"/" + name if below else name
        path = root / os.fsdecode(raw)
        try:
            status = path.lstat()
        except OSError:
            found[raw] = Entry("unreadable")
            continue
        if stat.S_ISDIR(status.st_mode) and raw.count(b"/") < max_depth:
            _look(root, raw, max_depth, found)
        elif stat.S_ISDIR(status.st_mode):
            found[raw] = Entry("unreadable")
        elif stat.S_ISREG(status.st_mode):
            found[raw] = Entry("file", status.st_size, _digest(path))
        else:
            found[raw] = Entry("link" if stat.S_ISLNK(status.st_mode) else "special")


def _digest(path: Path) -> str | None:
    try:
        return sha256_of_file(path)
    except OSError:
        return None


# The judge.


class Fate(NamedTuple):
    """What became of an entry: its fate, the reason, and the digest of the recording that holds it."""

    fate: str
    reason: str | None
    sha256: str | None


def fates_of(station: Station, docking_id: str) -> dict[bytes, Fate]:
    """What the catalogue says of each entry of a docking, by the bytes of its path."""
    rows = _rows(
        station,
        "SELECT s.*, r.sha256 FROM sightings s LEFT JOIN recordings r USING (recording_id) WHERE s.docking_id = ?",
        docking_id,
    )
    return {raw_of(row): Fate(row["fate"], row["reason"], row["sha256"]) for row in rows}


def books_faults(station: Station, docking_id: str, stood: Mapping[bytes, Entry]) -> list[str]:
    """Everything by which the books of a closed docking do not balance with what stood on the card, in words.

    Args:
        stood: as `standing` counted it when the docking began. Bytes of entries without a digest are not compared.
    """
    (docking,) = _rows(station, "SELECT * FROM dockings WHERE docking_id = ?", docking_id)
    sightings = _rows(station, "SELECT * FROM sightings WHERE docking_id = ? ORDER BY ordinal", docking_id)
    folder = station.vault.root / docking["folder"]
    listing, record = (json.loads((folder / name).read_bytes()) for name in ("listing.json", "record.json"))
    listed = listing["entries"]
    faults = []
    if Counter((raw_of(row), row["kind"], row["size_bytes"]) for row in listed) != Counter(
        (raw, entry.kind, entry.size_bytes) for raw, entry in stood.items()
    ):
        faults.append("the listing is not what stood on the card")
    for where, rows in {"listing.json": listed, "record.json": record["entries"], "catalogue": sightings}.items():
        if [row["ordinal"] for row in rows] != list(range(len(stood))):
            faults.append(f"{where}: not every entry of the card once, in order")
    columns = ("ordinal", "card_path", "kind", "size_bytes", "fate", "reason", "recording_id")
    if [[row[key] for key in columns] for row in record["entries"]] != [
        [row[key] for key in columns] for row in sightings
    ]:
        faults.append("record.json and the catalogue tell of other fates")
    sums = {
        "the fates in record.json": _sums(record["entries"]),
        "the fates in the catalogue": _sums(sightings),
        "accounting in record.json": record["accounting"],
        "accounting in the catalogue": json.loads(docking["document"])["accounting"],
        "accounting in the ledger": _closing_act(station, docking_id)["accounting"],
    }
    for where, accounting in sums.items():
        total = (accounting["entries"], accounting["bytes"])
        if total != (len(stood), sum(entry.size_bytes for entry in stood.values())):
            faults.append(f"{where}: {total} is not what stood on the card")
        if not accounting["fates"].keys() <= FATES or accounting != sums["the fates in record.json"]:
            faults.append(f"{where}: not the sums of record.json")
    if (docking["entries"], docking["bytes"]) != (len(listed), sum(row["size_bytes"] for row in listed)):
        faults.append("the catalogue counts other entries than the listing")
    if {docking["outcome"], record["outcome"]} != {_closing_act(station, docking_id)["outcome"]}:
        faults.append("the outcome is not the same everywhere")
    return [*faults, *_bytes_faults(station, fates_of(station, docking_id), stood)]


def _bytes_faults(station: Station, fates: Mapping[bytes, Fate], stood: Mapping[bytes, Entry]) -> Iterator[str]:
    """What counts as held stands in the vault with the bytes that the card had."""
    places = {row["sha256"]: row["vault_path"] for row in _rows(station, "SELECT sha256, vault_path FROM contents")}
    for raw, entry in stood.items():
        fate = fates.get(raw)
        if fate is None or fate.fate not in HELD:
            continue
        if entry.sha256 is not None and fate.sha256 != entry.sha256:
            yield f"held with other bytes than the card has: {raw!r}"
        path = station.vault.root / places.get(fate.sha256 or "", "nowhere")
        if not path.is_file() or _digest(path) != fate.sha256:
            yield f"called held, and the vault has not its bytes: {raw!r}"


def raw_of(row: Mapping[str, Any]) -> bytes:
    """The bytes of a path, from its row in a listing or in the catalogue."""
    if row["raw_b64"] is not None:
        return base64.b64decode(row["raw_b64"], validate=True)
    return bytes(row["card_path"].encode(row["encoding"]))


def name_faults(vault: Path) -> list[str]:
    """Names in a vault that another file system would refuse, change, or take for another one."""
    paths = [path.relative_to(vault).as_posix() for path in vault.rglob("*")]
    faults = [f"cannot stand everywhere: {path!r}" for path in paths if not is_harmless(path.rpartition("/")[2])]
    folded = Counter(unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold()) for path in paths)
    return faults + [
        f"{count} names are one where case is folded: {path!r}" for path, count in folded.items() if count > 1
    ]


def is_harmless(component: str) -> bool:
    """Whether ext4, XFS, exFAT, NTFS and ISO 9660 with Joliet all take a name, and give it back as it is."""
    stem = component.split(".")[0].rstrip().lower()
    return (
        len(component.encode("utf-8", "surrogateescape")) <= 255
        and not component.startswith(("-", " "))
        and not component.endswith((".", " "))
        and not set(component) & set('/\\:*?"<>|')
        and component.isprintable()
        and unicodedata.is_normalized("NFC", component)
        and stem not in _DEVICES
    )


_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in "123456789¹²³")}
"""Reserved by Windows, whatever follows behind a dot."""


def _sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    fates: dict[str, dict[str, int]] = {}
    for row in rows:
        one = fates.setdefault(row["fate"], {"entries": 0, "bytes": 0})
        one["entries"] += 1
        one["bytes"] += row["size_bytes"]
    return {"entries": len(rows), "bytes": sum(row["size_bytes"] for row in rows), "fates": fates}


def _closing_act(station: Station, docking_id: str) -> dict[str, Any]:
    for segment in sorted(station.vault.ledger_folder.iterdir(), reverse=True):
        for line in segment.read_bytes().splitlines():
            entry = json.loads(line)
            if (entry["act"], entry["subject"]) == ("docking.closed", docking_id):
                return dict(entry["data"])
    raise AssertionError(f"no entry of the ledger closes docking {docking_id}")


def _rows(station: Station, query: str, *values: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(f"file:{station.catalogue_file}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, values)]

"""A station at work on a logged disk, the loss of power at any instant of it, and the judge of what is left.

What the station said is a log line for each ledger entry that stands (`recording.sealed`, `docking.closed`, …). These
lines go straight into the log of the disk, so that for each instant it is known what had been promised to anybody.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.lab.block_log import EXT4, FileSystem, Kind, Record, Remains, last_flush, logged, read_log, write_onto
from tests.support.preload import built
from tests.support.process import Installation
from tests.support.station import Station, sha256_of_file

Entry = dict[str, Any]

STATION = "station"
SYNCS = ("fsync", "directory", "fdatasync", "syncfs", "sync_file_range")
_BEGIN, _END = "the station begins", "the station has ended"


class Recorded(NamedTuple):
    """A disk as it was before the station, all that reached it, and the first and last instant of the station.

    An instant is a number of records: the power went behind so many. `promised_before` was acknowledged by an earlier
    station on this disk.
    """

    system: FileSystem
    base: Path
    records: Sequence[Record]
    first: int
    last: int
    promised_before: tuple[Entry, ...] = ()


class PowerCut(NamedTuple):
    """An instant, what the disk kept of the writes behind its last flush (`KEEPS`), and the seed of the half."""

    instant: int
    keep: str
    seed: int

    def __str__(self) -> str:
        return f"power lost behind record {self.instant}; kept of the unflushed blocks: {self.keep} (seed {self.seed})"


class _Untrue(Installation):
    """A station whose named syncs do nothing and report success: what the judge must find guilty."""

    def __init__(self, root: Path, library: Path, lies: Sequence[str], **options: object) -> None:
        super().__init__(root, **options)
        self._lies = {"LD_PRELOAD": str(library), "LIES": " ".join(lies)}

    def environment(self) -> dict[str, str]:
        return super().environment() | self._lies


def record_docking(
    card: Path, folder: Path, system: FileSystem = EXT4, *, lies: Sequence[str] = (), **options: object
) -> Recorded:
    """Let a new station take a card in, on a new disk.

    Args:
        lies: syncs that do nothing (`SYNCS`).
        options: settings, as `Installation` takes them.
    """
    base, image, log = folder / "base", folder / "disk", folder / "log"
    system.format(base)
    subprocess.run(["cp", "--sparse=always", base, image], check=True)
    with logged(system, image, log, folder / "at work") as disk:
        root = disk.folder / STATION
        root.mkdir()
        station = _Untrue(root, _library(folder), lies, **options) if lies else Installation(root, **options)
        subprocess.run(["sync", "--file-system", disk.folder], check=True)
        disk.say(_BEGIN)
        with station.daemon(log_name=str(disk.words)) as daemon:
            ended = station.run("ingest", card, "--json")
            assert ended.status == 0, ended
            assert daemon.stop() == 0
        disk.say(_END)
    return _recorded(system, base, log)


def record_mending(recorded: Recorded, cut: PowerCut, card: Path, folder: Path) -> Recorded:
    """Let the program mend the disk that a loss of power left, and take the card in again."""
    base, image, log = folder / "cut", folder / "cut disk", folder / "cut log"
    Rebuilder(recorded, folder).rebuild(cut, base)
    subprocess.run(["cp", "--sparse=always", base, image], check=True)
    with logged(recorded.system, image, log, folder / "mending") as disk:
        disk.say(_BEGIN)
        ended = Station(disk.folder / STATION).cli("ingest", card)
        assert ended.returncode == 0, ended
        disk.say(_END)
    return _recorded(recorded.system, base, log, acknowledged(recorded, cut.instant))


def _recorded(system: FileSystem, base: Path, log: Path, promised_before: Sequence[Entry] = ()) -> Recorded:
    records = read_log(log)
    first, last = (records.index(Record(Kind.WORDS, 0, f"{words}\n".encode())) + 1 for words in (_BEGIN, _END))
    return Recorded(system, base, records, first, last, tuple(promised_before))


def _library(folder: Path) -> Path:
    return built(Path(__file__).with_name("lies.c"), folder)


def acknowledged(recorded: Recorded, instant: int) -> list[Entry]:
    """The ledger entries that a station had said to stand when the power went."""
    words = b"".join(record.data for record in recorded.records[:instant] if record.kind is Kind.WORDS)
    lines = words[: words.rfind(b"\n") + 1].splitlines()
    said = [json.loads(line) for line in lines if line.startswith(b"{")]
    return [*recorded.promised_before, *(line for line in said if "seq" in line)]


class Rebuilder:
    """Makes disks as they were left by a loss of power; instants must be asked for in ascending order."""

    def __init__(self, recorded: Recorded, folder: Path) -> None:
        self._records = recorded.records
        self._durable = folder / "durable"
        self._done = 0
        subprocess.run(["cp", "--sparse=always", recorded.base, self._durable], check=True)

    def rebuild(self, cut: PowerCut, image: Path) -> Remains:
        """Write the disk to a new image."""
        durable = last_flush(self._records, cut.instant)
        assert durable >= self._done, "instants in ascending order"
        write_onto(self._durable, self._records[self._done : durable], keep="all")
        self._done = durable
        subprocess.run(["cp", "--sparse=always", self._durable, image], check=True)
        unflushed = self._records[durable : cut.instant]
        return write_onto(image, unflushed, keep=cut.keep, seed=f"{cut.seed} {cut.instant}")


# The judge. It reads files by itself, and rests on no code of the program.


def losses_of(vault: Path, promised: Sequence[Entry], digests_of_card: frozenset[str]) -> list[str]:
    """Every broken promise of a vault after a loss of power, before anything mends it; empty when all is well.

    Each promised act stands in the ledger. What any act in it says to stand, stands whole (invariants I3 to I5 of
    docs/design/durability.md); so does what a staged sidecar vouches for (I1) and what has its final name (I2).
    """
    faults: list[str] = []
    standing = {entry["seq"]: entry for entry in _chained(vault / "ledger", faults)}
    for words in promised:
        entry = standing.get(words["seq"])
        if entry is None or entry["act"] != words["event"] or words.get("recording_id") not in (None, entry["subject"]):
            faults.append(f"lost from the ledger: {words['event']} {words['seq']}")
    for entry in standing.values():
        faults += (f"entry {entry['seq']} {entry['act']}: {fault}" for fault in _act_faults(vault, entry))
    for sidecar in vault.glob(".staging/*.birth.json"):
        faults += (f"staged {sidecar.name}: {fault}" for fault in _staged_faults(vault, sidecar))
    for original in (vault / "originals").rglob("*"):
        is_document = original.name.endswith((".birth.json", "listing.json", "record.json", "SHA256SUMS", ".new"))
        if original.is_file() and not is_document and sha256_of_file(original) not in digests_of_card:
            faults.append(f"an original that is not whole: {original.name}")
    return faults


def _chained(ledger: Path, faults: list[str]) -> Iterator[Entry]:
    """The whole lines, as far as they are a chain; a torn last line was promised to nobody."""
    raw = b"".join(segment.read_bytes() for segment in sorted(ledger.glob("*.jsonl")))
    seq, previous = 0, "0" * 64
    for line in raw[: raw.rfind(b"\n") + 1].splitlines():
        try:
            entry: Entry = json.loads(line)
            digest = entry.pop("hash")
        except (ValueError, KeyError):
            faults.append(f"ledger: no entry behind {seq}")
            return
        words = json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        if (entry["seq"], entry["prev"]) != (seq + 1, previous) or hashlib.sha256(words).hexdigest() != digest:
            faults.append(f"ledger: the chain breaks behind {seq}")
            return
        seq, previous = entry["seq"], digest
        yield entry


_NAMED_DOCUMENTS = {"recording.sealed": "sidecar", "docking.listed": "listing", "docking.closed": "record"}


def _act_faults(vault: Path, entry: Entry) -> Iterator[str]:
    """What an act says to stand, and does not."""
    if (kind := _NAMED_DOCUMENTS.get(entry["act"])) is None:
        return
    data = entry["data"]
    document = vault / data[kind]
    if not document.is_file() or sha256_of_file(document) != data[f"{kind}_sha256"]:
        yield f"{kind} gone or damaged"
        return
    named = [document]
    if kind == "sidecar":
        content = json.loads(document.read_bytes())["content"]
        original = vault / content["path"]
        if not original.is_file():
            yield f"the original is gone ({content['size_bytes']} bytes)"
        elif sha256_of_file(original) != data["sha256"]:
            yield f"the original is damaged ({original.stat().st_size} of {content['size_bytes']} bytes)"
        named.append(original)
    manifest = document.parent / "SHA256SUMS"
    lines = manifest.read_text("utf-8").splitlines() if manifest.is_file() else []
    listed = {line.partition("  ")[2] for line in lines}
    yield from (f"not in SHA256SUMS: {path.name}" for path in named
                if os.path.relpath(path, document.parent) not in listed)  # fmt: skip


def _staged_faults(vault: Path, sidecar: Path) -> Iterator[str]:
    try:
        document = json.loads(sidecar.read_bytes())
    except ValueError:
        # Torn: nothing was promised by it.
        return
    content = document["content"]
    places = (sidecar.with_name(sidecar.name.replace(".birth.json", ".part")), vault / content["path"])
    if not any(place.is_file() and sha256_of_file(place) == content["sha256"] for place in places):
        yield "vouches for bytes that are not there"


def resumed_at(vault: Path) -> Mapping[str, int]:
    """Card paths of sealed files with which a docking went on, and from which byte."""
    proofs = (json.loads(path.read_bytes()) for path in (vault / "originals").rglob("*.birth.json"))
    return {one["card"]["path"]: one["proof"]["resumed_at"] for one in proofs if one["proof"]["resumed_at"]}

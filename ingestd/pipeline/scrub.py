"""Verify the vault: the ledger's chain, every document and every byte it vouches for, and the catalogue against it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingestd.core.custody import Entry
from ingestd.core.errors import IngestdError, IntegrityError, NotFoundError, StoreError
from ingestd.core.manifest import sha256_of
from ingestd.core.naming import original_of
from ingestd.core.stop import Stop
from ingestd.stores.ledger import read_entries
from ingestd.stores.search import Catalogue, Row
from ingestd.stores.transfer import let_go, read_back
from ingestd.stores.vault import MANIFEST, Vault

_PAPER_WORDS = (
    "belongs to no explanation: one was broken off before it stood. Give it again with this paper, or remove the paper"
)
_DOCUMENTS = ("sidecar", "listing", "record", "attachment")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it was promised."""

    what: str
    path: str
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was looked at, and every fault. `head` is the last entry's hash: write it down outside the station."""

    entries: int
    head: str
    originals: int
    bytes: int
    faults: tuple[Fault, ...]


def verify_vault(
    vault: Vault,
    catalogue: Catalogue | None,
    *,
    stop: Stop,
    block_bytes: int,
    on_file: Callable[[str, int], None] = lambda *_: None,
) -> Verdict:
    """Look at everything. Faults are collected, not raised: one bad file must not hide the next.

    Args:
        catalogue: to be compared with the ledger; null where there is none.
        on_file: told of each original and its size before it is read.
    """
    faults: list[Fault] = []
    originals: dict[str, dict[str, Any]] = {}
    entries, head = 0, ""
    # Before the ledger, which a running station goes on writing: what it seals meanwhile is not asked for.
    applied = catalogue.applied_seq() if catalogue is not None else 0
    rows = catalogue.contents() if catalogue is not None else []
    standing = vault.standing_files()
    papers = vault.standing_attachments()
    expected: set[str] = set()
    books = _Books()
    try:
        for entry in read_entries(vault.ledger_folder):
            entries, head = entry.seq, entry.hash
            faults.extend(_document_faults(entry, vault, originals))
            books.note(entry)
            if entry.act == "recording.sealed" and entry.seq <= applied:
                expected.add(entry.data["sha256"])
        if applied > entries:
            words = f"ends with act {entries}, the catalogue knows {applied}: it was cut, or is of another vault"
            faults.append(Fault("ledger", "ledger", words))
    except IntegrityError as error:
        # Nobody knows what the rest of the ledger vouches for.
        standing, papers = [], []
        faults.append(Fault("ledger", "ledger", error.message))
    size_bytes = 0
    for path, content in sorted(originals.items()):
        on_file(path, content["size_bytes"])
        size_bytes += content["size_bytes"]
        fault = _original_fault(vault, path, content, stop=stop, block_bytes=block_bytes)
        if fault is not None:
            faults.append(fault)
    faults.extend(_strays(standing, books, originals))
    faults.extend(Fault("stray", path, _PAPER_WORDS) for path in papers if path not in books.documents)
    if catalogue is not None:
        faults.extend(_catalogue_faults(rows, originals, expected))
    return Verdict(entries, head, len(originals), size_bytes, tuple(faults))


@dataclass(slots=True)
class _Books:
    """Which documents the ledger vouches for, and in which folders dockings are under way."""

    documents: set[str] = field(default_factory=set)
    folders: dict[str, str] = field(default_factory=dict)
    open_dockings: set[str] = field(default_factory=set)

    def note(self, entry: Entry) -> None:
        self.documents.update(entry.data[key] for key in _DOCUMENTS if key in entry.data)
        if entry.act == "recording.sealed":
            # Of a sidecar that cannot be read any more, the original is known by its name.
            self.documents.add(original_of(entry.data["sidecar"]))
        elif entry.act == "docking.listed":
            folder = entry.data["listing"].rpartition("/")[0]
            self.folders[folder] = docking = str(entry.subject)
            self.open_dockings.add(docking)
        elif entry.act == "docking.closed":
            self.open_dockings.discard(str(entry.subject))


def _strays(standing: Sequence[str], books: _Books, originals: dict[str, dict[str, Any]]) -> Iterator[Fault]:
    """Files among the originals that nobody vouches for; where a docking is not closed, some may be on their way."""
    for path in standing:
        folder, _, name = path.rpartition("/")
        docking = books.folders.get(folder)
        is_vouched_for = path in books.documents or path in originals or (docking is not None and name == MANIFEST)
        if not is_vouched_for and docking not in books.open_dockings:
            yield Fault("stray", path, "stands among the originals, and no entry of the ledger vouches for it")


def _document_faults(entry: Entry, vault: Vault, originals: dict[str, dict[str, Any]]) -> Iterator[Fault]:
    """Documents that an entry vouches for by digest; originals are noted for the second pass."""
    for key in _DOCUMENTS:
        if key not in entry.data:
            continue
        path = entry.data[key]
        try:
            if sha256_of(vault.read_bytes(path)) != entry.data[f"{key}_sha256"]:
                yield Fault(key, path, f"was changed after ledger entry {entry.seq}")
            elif key == "sidecar":
                content = vault.read_json(path)["content"]
                originals[content["path"]] = content
        except NotFoundError:
            yield Fault(key, path, f"is missing; ledger entry {entry.seq} vouches for it")
        except IngestdError as error:
            yield Fault(key, path, error.message)


def _original_fault(vault: Vault, path: str, content: dict[str, Any], *, stop: Stop, block_bytes: int) -> Fault | None:
    if not vault.path(path).is_file():
        return Fault("original", path, "is missing")
    try:
        found = read_back(vault.path(path), was_let_go=let_go(vault.path(path)), block_bytes=block_bytes, stop=stop)
    except StoreError as error:
        return Fault("original", path, error.message)
    if found.sha256 != content["sha256"]:
        return Fault("original", path, f"its SHA-256 is {found.sha256}, sealed was {content['sha256']}")
    return None


def _catalogue_faults(rows: Sequence[Row], originals: dict[str, dict[str, Any]], expected: set[str]) -> Iterator[Fault]:
    advice = "run: ingestd catalogue rebuild"
    for row in rows:
        path = row["vault_path"]
        if path not in originals or originals[path]["sha256"] != row["sha256"]:
            yield Fault("catalogue", path, f"the catalogue has it, no sealed sidecar does; {advice}")
    for sha256 in sorted(expected - {row["sha256"] for row in rows}):
        yield Fault("catalogue", sha256, f"sealed in the ledger, unknown to the catalogue; {advice}")

"""What the ledger vouches for: documents and contents with their hashes, and which of them are rightly gone."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingestd.core.custody import Entry
from ingestd.core.ids import Sha256
from ingestd.core.naming import original_of
from ingestd.stores.vault import MANIFEST


@dataclass(frozen=True, slots=True)
class Document:
    """A small file of the vault that an entry names with its digest. `kind` is the word that the entry uses for it."""

    kind: str
    path: str
    sha256: Sha256
    seq: int


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that were sealed, and where they stand."""

    sha256: Sha256
    size_bytes: int | None = None
    """Null where the sidecar that says it cannot be read."""
    digests: tuple[tuple[str, str], ...] = ()
    """Further hashes by name, as hex."""


@dataclass(slots=True)
class Books:
    """Kept while the ledger is read from its beginning."""

    documents: set[str] = field(default_factory=set)
    folders: dict[str, str] = field(default_factory=dict)
    open_dockings: set[str] = field(default_factory=set)
    originals: dict[str, Content] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """Public keys that the station signed with, PEM by id."""
    _living: Counter[str] = field(default_factory=Counter)
    _condemned: dict[str, str] = field(default_factory=dict)
    """SHA-256 by recording."""
    _condemned_of: Counter[str] = field(default_factory=Counter)
    """How many of the recordings of a content are condemned."""
    _disposed_by: dict[str, int] = field(default_factory=dict)
    """The entry that let the last recording of a content go, by SHA-256."""

    def note(self, entry: Entry) -> None:
        """Take one entry into the books."""
        data = entry.data
        self.documents.update(one.path for one in documents_of(entry))
        match entry.act:
            case "recording.sealed":
                # Of a sidecar that cannot be read any more, the original is known by its name.
                self.documents.add(original_of(data["sidecar"]))
                self._living[data["sha256"]] += 1
            case "docking.listed":
                folder = data["listing"].rpartition("/")[0]
                self.folders[folder] = docking = str(entry.subject)
                self.open_dockings.add(docking)
            case "docking.closed":
                self.open_dockings.discard(str(entry.subject))
            case "recording.condemned":
                self._spare(str(entry.subject))
                self._condemned[str(entry.subject)] = data["sha256"]
                self._condemned_of[data["sha256"]] += 1
            case "recording.disposed":
                self._spare(str(entry.subject))
                self._living[data["sha256"]] -= 1
                self._disposed_by[data["sha256"]] = entry.seq
            case "disposal.spared" | "disposal.recovered":
                for one in data.get("recordings", ()):
                    self._spare(one["recording_id"] if isinstance(one, dict) else one)
            case "ledger.key_entered":
                self.keys[data["key"]] = data["public_key"]

    def _spare(self, recording: str) -> None:
        sha256 = self._condemned.pop(recording, None)
        if sha256 is not None:
            self._condemned_of[sha256] -= 1

    def seal_without_sidecar(self, entry: Entry) -> None:
        """The original of a sidecar that cannot be read: by its name and the hash in the ledger.

        Bytes that stood in another folder already have their own sidecar there.
        """
        path, sha256 = original_of(entry.data["sidecar"]), Sha256(entry.data["sha256"])
        if self._living[sha256] == 1:
            self.originals[path] = Content(sha256)

    def disposed_by(self, sha256: str) -> int | None:
        """The entry by which the last recording of a content was disposed of; null while one lives."""
        return self._disposed_by.get(sha256) if self._living[sha256] <= 0 else None

    def may_be_gone(self, sha256: str) -> bool:
        """Whether every recording of a content that lives is condemned: its bytes may stand or not."""
        return self._living[sha256] <= self._condemned_of[sha256]

    def is_vouched_for(self, path: str) -> bool:
        """Whether an entry accounts for a file among the originals, or a docking under way may."""
        folder, _, name = path.rpartition("/")
        docking = self.folders.get(folder)
        is_named = path in self.documents or path in self.originals or (docking is not None and name == MANIFEST)
        return is_named or docking in self.open_dockings


def documents_of(entry: Entry) -> Iterator[Document]:
    """The documents that an entry vouches for: whatever it names as `x` beside `x_sha256`."""
    for kind, path in entry.data.items():
        digest: Any = entry.data.get(f"{kind}_sha256")
        if isinstance(path, str) and "/" in path and isinstance(digest, str):
            yield Document(kind, path, Sha256(digest), entry.seq)

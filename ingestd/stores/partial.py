"""Interrupted copies: how far each is proven, so that the next docking of the recorder goes on from there.

Beside a staged copy under way lies its journal: one JSON line that says which file of which recorder it is, then a
line for every few megabytes with the SHA-256 of all bytes before it, as the recorder gave them. The journal is never
synced and never trusted: what it says is read back from the medium and hashed before anything is built on it.
"""

import contextlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from ingestd.core.ids import RecordingId
from ingestd.core.stop import Stop
from ingestd.stores.durable import remove, translated
from ingestd.stores.engine import MARK_BYTES, OnMark
from ingestd.stores.transfer import hash_prefix
from ingestd.stores.vault import Vault

_SUFFIX = ".resume"


class SourceKey(NamedTuple):
    """Which file an interrupted copy is of. A file of another size or time is another file."""

    recorder_key: str
    card_path: str
    raw_b64: str | None
    size_bytes: int
    modified_ns: int | None


class Proven(NamedTuple):
    """How much of a staged copy is proven again; `hashes` have seen exactly these bytes."""

    bytes: int
    hashes: Sequence[Any]


class Journal:
    """The journal of one copy under way, written by the hashing thread."""

    def __init__(self, vault: Vault, recording: RecordingId, key: SourceKey) -> None:
        self._path = journal_path(vault, recording)
        self._key = key
        self._stream: TextIO | None = None

    @property
    def on_mark(self) -> OnMark:
        """To be given to the engine."""
        return self._mark

    def _mark(self, offset: int, digest: str) -> None:
        # A journal that cannot be written costs a resume, never the copy.
        with contextlib.suppress(OSError):
            if self._stream is None:
                self._stream = self._path.open("a", encoding="utf-8", buffering=1)
                if self._stream.tell() == 0:
                    self._stream.write(json.dumps(self._key._asdict(), ensure_ascii=False) + "\n")
            self._stream.write(f"{offset} {digest}\n")

    def close(self) -> None:
        """The copy ended, one way or the other."""
        if self._stream is not None:
            # What could not be written is tried once more here.
            with contextlib.suppress(OSError):
                self._stream.close()


def journal_path(vault: Vault, recording: RecordingId) -> Path:
    """Where the journal of a staged copy lies."""
    return vault.staging_folder / f"{recording}{_SUFFIX}"


def discard_journal(vault: Vault, recording: RecordingId) -> None:
    """The copy is whole, or is not wanted."""
    remove(journal_path(vault, recording))


def interrupted(vault: Vault) -> dict[SourceKey, RecordingId]:
    """The staged copies that can be gone on with, by the file that they are of.

    A torn journal counts for nothing. What another bay has under way is not interrupted, though recorders with the same
    number and the same file may stand in both.
    """
    found = {}
    for path in vault.staging_folder.glob(f"*{_SUFFIX}"):
        recording = RecordingId(path.name.removesuffix(_SUFFIX))
        if recording in vault.under_way or not vault.staged_original(recording).exists():
            continue
        with contextlib.suppress(OSError, ValueError, TypeError), path.open(encoding="utf-8") as lines:
            found[SourceKey(**json.loads(lines.readline()))] = recording
    return found


def adopt(vault: Vault, old: RecordingId, new: RecordingId) -> None:
    """Let a staged copy and its journal go on under the identity of the present docking."""
    if old == new:
        return
    for source, target in (
        (vault.staged_original(old), vault.staged_original(new)),
        (journal_path(vault, old), journal_path(vault, new)),
    ):
        with translated("adopt", source), contextlib.suppress(FileNotFoundError):
            source.rename(target)


def prove(
    vault: Vault, recording: RecordingId, new_hashes: Callable[[], list[Any]], *, block_bytes: int, stop: Stop
) -> Proven:
    """Read a staged copy back and find the last mark of its journal that its bytes bear out.

    Raises:
        StoreError: the medium refused a read.
        StoppedError: asked to stop.
    """
    marks = _marks(journal_path(vault, recording))
    hashes = new_hashes()
    proven = Proven(0, [one.copy() for one in hashes])
    path = vault.staged_original(recording)
    if not marks or not path.exists():
        return proven
    seen = 0

    def update(view: memoryview) -> None:
        nonlocal seen, proven
        while view:
            count = min(len(view), MARK_BYTES - seen % MARK_BYTES)
            for one in hashes:
                one.update(view[:count])
            seen, view = seen + count, view[count:]
            if marks.get(seen) == hashes[0].hexdigest():
                proven = Proven(seen, [one.copy() for one in hashes])

    hash_prefix(path, max(marks), update, block_bytes=block_bytes, stop=stop)
    return proven


def _marks(journal: Path) -> dict[int, str]:
    marks = {}
    with contextlib.suppress(OSError, ValueError):
        for line in journal.read_text("utf-8").splitlines()[1:]:
            offset, _, digest = line.partition(" ")
            if len(digest) == 64:
                marks[int(offset)] = digest
    return marks

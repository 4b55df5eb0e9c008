"""The immutable flag on what was sealed, by what the ledger says: set behind a seal, cleared for the condemned alone.

Done by a helper of its own, because the station may not change the flag. Only files below `originals/` are touched, and
only an original that a `recording.condemned` names, whose every other recording is condemned or disposed of too, is
ever let go again. Birth sidecars, listings and records stay flagged for ever.
"""

import json
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ingestd.core.custody import Entry
from ingestd.core.errors import IngestdError
from ingestd.core.ids import Sha256
from ingestd.core.manifest import canonical_json, sha256_of
from ingestd.devices.beneath import open_beneath
from ingestd.pipeline.vouched import Books, documents_of
from ingestd.stores.durable import replace_whole, translated
from ingestd.stores.immutable import set_immutable
from ingestd.stores.ledger import Head, last_entry, read_entries
from ingestd.stores.ledgertail import START, LedgerTail
from ingestd.stores.vault import Vault

ORIGINALS = "originals"
_KINDS = frozenset({"sidecar", "listing", "record"})
_TURNING = frozenset({"recording.condemned", "disposal.spared", "disposal.recovered"})
"""Acts by which an original may come to be let go, or to be held again."""
_TOGETHER = 500


class Protected(NamedTuple):
    """What a run did: files that got the flag, originals that were let go, files that wait, and faults in words.

    `is_supported` is false where the file system knows no such flag.
    """

    flagged: int
    let_go: int
    waiting: int
    is_supported: bool
    faults: tuple[str, ...]


@dataclass(slots=True)
class _Run:
    flagged: int = 0
    let_go: int = 0
    waiting: list[str] = field(default_factory=list)
    is_supported: bool = True
    faults: list[str] = field(default_factory=list)

    def told(self) -> Protected:
        return Protected(self.flagged, self.let_go, len(self.waiting), self.is_supported, tuple(self.faults))


def protect(vault: Vault, position_file: Path) -> Protected:
    """Go on where the last run ended, and remember how far this one came.

    Raises:
        IntegrityError: the ledger is no whole chain: nothing is let go by it.
        StoreError: the flag may not be changed by this process, or the ledger cannot be read.
    """
    after, waiting = _read_position(position_file)
    last = last_entry(vault.ledger_folder)
    run = _Run()
    with _folder(vault.root / ORIGINALS) as root_fd:
        _flag(root_fd, waiting, run)
        is_turning = False
        tail = LedgerTail(vault.ledger_folder)
        while last is not None and after.seq < last.seq and run.is_supported:
            entries = tail.read(after, upto=last.seq, limit=_TOGETHER)
            if not entries:
                break
            for entry in entries:
                is_turning |= entry.act in _TURNING
                _flag(root_fd, _files_of(entry, vault), run)
            after = Head(entries[-1].seq, entries[-1].hash)
        if is_turning and run.is_supported:
            _turn(root_fd, vault, run)
    if run.is_supported:
        _write_position(position_file, after, run.waiting)
    return run.told()


def _files_of(entry: Entry, vault: Vault) -> Iterator[str]:
    """The files of an entry that never change again; an original by what its sidecar says."""
    for document in documents_of(entry):
        if document.kind not in _KINDS:
            continue
        yield document.path
        if document.kind == "sidecar":
            yield from _original_of(document.path, document.sha256, vault)


def _original_of(sidecar: str, digest: Sha256, vault: Vault) -> Iterator[str]:
    try:
        data = vault.read_bytes(sidecar)
    except IngestdError:
        # `verify` names it.
        return
    if sha256_of(data) == digest:
        yield str(json.loads(data)["content"]["path"])


def _turn(root_fd: int, vault: Vault, run: _Run) -> None:
    """Look at every original that was ever condemned: let go, or held again."""
    books, paths = Books(), dict[str, str]()
    for entry in read_entries(vault.ledger_folder):
        books.note(entry)
        if entry.act == "recording.condemned" and entry.data.get("path"):
            paths[str(entry.data["path"])] = str(entry.data["sha256"])
    for path, sha256 in paths.items():
        if books.may_be_gone(sha256):
            run.let_go += _change(root_fd, path, run, to=False)
        else:
            _flag(root_fd, [path], run)


def _flag(root_fd: int, paths: Iterable[str], run: _Run) -> None:
    for path in paths:
        run.flagged += _change(root_fd, path, run, to=True)


def _change(root_fd: int, path: str, run: _Run, *, to: bool) -> bool:
    """Whether a file was changed so. What is not there, or was so already, is no fault."""
    folder, _, below = path.partition("/")
    if folder != ORIGINALS or not run.is_supported:
        return False
    try:
        descriptor = open_beneath(root_fd, os.fsencode(below), os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError as error:
        run.faults.append(f"{path}: {error.strerror}")
        return False
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            run.faults.append(f"{path}: no regular file")
            return False
        if to and status.st_nlink != 1:
            # It has its staged name still: the station must be able to take that away.
            run.waiting.append(path)
            return False
        outcome = set_immutable(descriptor, Path(path), to=to)
    finally:
        os.close(descriptor)
    run.is_supported = outcome is not None
    return bool(outcome)


class _folder:  # noqa: N801
    """A descriptor of a directory, closed at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> int:
        with translated("open", self._path):
            self._descriptor = os.open(self._path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        return self._descriptor

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _read_position(file: Path) -> tuple[Head, list[str]]:
    """Behind which entry to go on, and what waited; the beginning where the file is none."""
    try:
        document = json.loads(file.read_bytes())
        waiting = [str(one) for one in document["waiting"]]
        return Head(int(document["seq"]), Sha256(str(document["hash"]))), waiting
    except (OSError, ValueError, KeyError, TypeError):
        return START, []


def _write_position(file: Path, after: Head, waiting: list[str]) -> None:
    document = {"seq": after.seq, "hash": after.hash, "waiting": sorted(set(waiting))}
    replace_whole(file, canonical_json(document) + b"\n")

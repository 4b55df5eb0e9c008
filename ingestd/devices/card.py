"""The tree of a card as SourceFiles: walked by descriptors, nothing followed, nothing left out in silence."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ingestd.core.errors import SourceChangedError, SourceError, SourceGoneError
from ingestd.core.findings import Finding, finding
from ingestd.core.model import EntryKind, SourceFile
from ingestd.core.naming import CardPath, card_path, raw_card_path
from ingestd.devices.beneath import open_beneath

ROOT_PATH = b"."
"""How the root itself is named where something is to be said about it."""

_MAX_PLACES_IN_FINDING = 20


@dataclass(frozen=True, slots=True)
class CardListing:
    """Everything on a card at one moment.

    `entries` are sorted by the bytes of their paths; `ordinal` is the place in this tuple. Folders are no entries,
    unless they could not be listed. `problems` are findings about the card as a whole: what is wrong with a single
    entry stands in its `kind` and `note`.
    """

    entries: tuple[SourceFile, ...]
    problems: tuple[Finding, ...] = ()


def list_card(
    root_fd: int,
    *,
    max_entries: int,
    max_depth: int,
    still_there: Callable[[], bool],
    only: bytes | None = None,
    is_seen_empty: Callable[[bytes], bool] = lambda _: False,
) -> CardListing:
    """List a card.

    Args:
        root_fd: its root directory.
        max_entries: files and folders looked at before the rest is given up, with a finding.
        max_depth: folders entered below one another; a deeper one becomes an unreadable entry, with a finding.
        still_there: whether the device is present. A file system whose device was pulled may answer "empty" without
            any error, so an enumeration counts only if the device is there after it.
        only: list this one entry of the root and nothing else (a single file dropped into the inbox).
        is_seen_empty: asked of a folder that this process may not list: whether one who may has seen nothing in it.

    Raises:
        SourceGoneError: the device went away; how much was seen until then says nothing.
    """
    walk = _Walk(max_entries, max_depth, still_there, is_seen_empty)
    root = os.fstat(root_fd)
    walk.folder(root_fd, b"", ((root.st_dev, root.st_ino),), only)
    walk.refuse_if_gone()
    rows = sorted(walk.rows, key=lambda row: row.raw)
    entries = tuple(
        SourceFile(ordinal, card_path(row.raw), row.kind, row.size_bytes, row.modified_ns, row.note)
        for ordinal, row in enumerate(rows)
    )
    return CardListing(entries, walk.problems())


def open_source(root_fd: int, path: CardPath) -> int:
    """A read-only descriptor of an ordinary file of the card; the caller closes it.

    Raises:
        SourceChangedError: it is no ordinary file (any more), or a link or another mount stands in its path.
        SourceError: the medium refuses it, or it is not there. Whether the whole device is gone is for the caller
            to ask: a pulled card answers "no such file".
    """
    try:
        # Non-blocking, because opening a pipe that took the file's place would wait for ever.
        fd = open_beneath(root_fd, raw_card_path(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EXDEV, errno.ENOTDIR, errno.ENXIO):
            raise SourceChangedError(f"{path.text}: no ordinary file stands there now ({error.strerror})") from error
        raise SourceError(f"{path.text}: cannot be opened ({error.strerror})") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise SourceChangedError(f"{path.text}: not an ordinary file")
    os.set_blocking(fd, True)
    return fd


@dataclass(frozen=True, slots=True)
class _Row:
    raw: bytes
    kind: EntryKind
    size_bytes: int = 0
    modified_ns: int | None = None
    note: str = ""


_Inode = tuple[int, int]
"""Device and inode number."""


@dataclass(slots=True)
class _Walk:
    max_entries: int
    max_depth: int
    still_there: Callable[[], bool]
    is_seen_empty: Callable[[bytes], bool]
    seen_empty: list[bytes] = field(default_factory=list)
    rows: list[_Row] = field(default_factory=list)
    places: list[tuple[bytes, str]] = field(default_factory=list)
    seen: int = 0
    has_given_up: bool = False

    def folder(self, fd: int, raw: bytes, lineage: tuple[_Inode, ...], only: bytes | None = None) -> None:
        """List an open folder and all below it; `lineage` are the folders from the root down to this one."""
        subfolders: list[tuple[bytes, _Inode]] = []
        try:
            for name in self._names(fd) if only is None else iter((only,)):
                if self._is_full(raw):
                    return
                self.seen += 1
                inode = self._item(fd, name, _join(raw, name))
                if inode is not None:
                    subfolders.append((name, inode))
        except OSError as error:
            self.refuse_if_gone()
            self._unlisted(raw, f"the folder could not be listed to its end ({error.strerror})")
        for name, inode in sorted(subfolders):
            if self._is_full(raw):
                return
            self._descend(fd, name, _join(raw, name), inode, lineage)

    def refuse_if_gone(self) -> None:
        if not self.still_there():
            raise SourceGoneError("the recorder went away while it was listed", "plug it in again")

    def problems(self) -> tuple[Finding, ...]:
        folders = [card_path(raw).text for raw in self.seen_empty]
        found = (finding("listing.seen_empty", evidence={"folders": folders}),) if folders else ()
        if not self.places:
            return found
        shown = [{"path": card_path(raw).text, "reason": why} for raw, why in self.places[:_MAX_PLACES_IN_FINDING]]
        return (finding("listing.incomplete", evidence={"places": shown, "count": len(self.places)}), *found)

    def _names(self, fd: int) -> Iterator[bytes]:
        with os.scandir(fd) as found:
            for item in found:
                yield os.fsencode(item.name)

    def _item(self, fd: int, name: bytes, raw: bytes) -> _Inode | None:
        """Note one entry; its inode if it is a folder, which is not noted but entered."""
        try:
            facts = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except OSError as error:
            self.refuse_if_gone()
            self._unlisted(raw, f"cannot be described ({error.strerror})")
            return None
        if stat.S_ISDIR(facts.st_mode):
            return facts.st_dev, facts.st_ino
        if stat.S_ISREG(facts.st_mode):
            self.rows.append(_Row(raw, EntryKind.FILE, facts.st_size, facts.st_mtime_ns))
        elif stat.S_ISLNK(facts.st_mode):
            self.rows.append(_Row(raw, EntryKind.LINK, 0, facts.st_mtime_ns, _target(fd, name)))
        else:
            words = _SPECIAL_WORDS.get(stat.S_IFMT(facts.st_mode), "of an unknown kind")
            self.rows.append(_Row(raw, EntryKind.SPECIAL, 0, facts.st_mtime_ns, words))
        return None

    def _descend(self, parent_fd: int, name: bytes, raw: bytes, inode: _Inode, lineage: tuple[_Inode, ...]) -> None:
        if len(lineage) > self.max_depth:
            self._unlisted(raw, f"lies deeper than {self.max_depth} folders; not entered")
            return
        # Some user-space file systems number nothing (0); there only the depth limit ends a loop.
        if inode[1] != 0 and inode in lineage:
            self.rows.append(_Row(raw, EntryKind.LINK, note="a folder that leads back to one above it; not entered"))
            return
        try:
            fd = open_beneath(parent_fd, name, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK)
        except OSError as error:
            self.refuse_if_gone()
            if error.errno == errno.EACCES and self.is_seen_empty(raw):
                self.seen_empty.append(raw)
                return
            reason = "another file system is mounted here" if error.errno == errno.EXDEV else error.strerror
            self._unlisted(raw, f"the folder was not entered ({reason})")
            return
        try:
            self.folder(fd, raw, (*lineage, inode))
        finally:
            os.close(fd)

    def _is_full(self, raw: bytes) -> bool:
        if self.seen < self.max_entries:
            return False
        if not self.has_given_up:
            self.has_given_up = True
            self._unlisted(raw, f"more than {self.max_entries} entries on the card; from here on nothing is listed")
        return True

    def _unlisted(self, raw: bytes, reason: str) -> None:
        place = raw or ROOT_PATH
        self.rows.append(_Row(place, EntryKind.UNREADABLE, note=reason))
        self.places.append((place, reason))


_SPECIAL_WORDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


def _join(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name


def _target(fd: int, name: bytes) -> str:
    try:
        return f"leads to {card_path(os.readlink(name, dir_fd=fd)).text}"
    except OSError as error:
        return f"leads to a place that cannot be read ({error.strerror})"

"""The vault on disk: originals with their birth sidecars, manifests and derived objects. It explains itself.

    vault.json            which vault this is
    README.txt            how to read it without ingestd
    originals/…           one folder a docking: originals, birth sidecars, listing, record, SHA256SUMS
    derived/…             proxies, posters, tracks: made again at will
    attachments/…         papers that people gave with their words
    disposals/…           plans and certificates of disposals; kept for ever
    samples/…             frozen lists that samples were drawn from
    releases/…            lists of files that were asked to be erased from recorders
    damaged/…             files that a repair has taken out of their places; never evidence
    ledger/…              every act, hash-chained
    heads/…, keys/…       signed heads of the ledger, and the public keys that they are signed with
    .staging/             copies under way; nothing is promised about it

The numbered invariants between vault, ledger and catalogue: docs/design/durability.md.
"""

import glob
import json
import os
import stat
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ingestd.core.errors import IntegrityError, NotFoundError, StoreError
from ingestd.core.ids import DockingId, RecordingId, Sha256
from ingestd.core.manifest import canonical_json, manifest_line, sha256_of
from ingestd.core.naming import derived_path, docking_tail
from ingestd.stores.durable import (
    append_line,
    create_afresh,
    make_directory,
    move_new,
    publish,
    put_in_place_of,
    remove,
    stage,
    sync_directory,
    sync_file,
    sync_together,
    translated,
    unfinished,
    write_new,
    write_staged,
)

FORMAT = "ingestd-vault/1"
MANIFEST = "SHA256SUMS"

_README = """\
This folder is the vault of an ingestd docking station. It can be read without ingestd.
本目录为 ingestd 采集站的保管库，无需 ingestd 即可读取。

originals/YEAR/DATE/RECORDER-DOCKING/   one folder for each docking of a recorder (每次接入一个目录)
  NAME.ID.EXT              an original, exactly the bytes that the recorder held (原始文件，逐字节一致)
  NAME.ID.EXT.birth.json   its birth sidecar: SHA-256, where and when it came from (来源与校验值)
  listing.json             what stood on the card before anything was copied (接入时的文件清单)
  record.json              what became of each entry (每个文件的处理结果)
  SHA256SUMS               check with: sha256sum -c SHA256SUMS (after a disposal 销毁后: --ignore-missing)
derived/                   smaller copies for viewing; never evidence (预览件，非证据)
attachments/               papers that people gave with an explanation (说明附件)
samples/                   frozen lists that samples were drawn from (抽检冻结清单)
releases/                  lists of files that were asked to be erased from recorders (清空记录仪清单)
damaged/                   files that a repair took out of their places; never evidence (损坏件，非证据)
disposals/                 plans and certificates of disposals, kept for ever (销毁清册与销毁证明，永久保存)
ledger/                    every act, one JSON line each; every line carries the SHA-256 of the line before it (台账)
heads/, keys/              signed heads of the ledger; the public keys they are checked with (台账签名与公钥)
"""


class Vault:
    """Files of one vault. Paths given and returned are relative to its root, with `/`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.staging_folder = root / ".staging"
        """Copies under way."""
        self.under_way: set[RecordingId] = set()
        """Recordings of the dockings that this process has open: what is staged of them belongs to their bays."""
        self.sealing = threading.Lock()
        """Held while originals take their places: two bays with the same bytes then give one content, not two."""

    @property
    def ledger_folder(self) -> Path:
        """Where the ledger's segments lie."""
        return self.root / "ledger"

    def prepare(self, *, vault_id: str, created: str) -> None:
        """Lay out an empty vault, or accept the one that stands there.

        Raises:
            StoreError: the folder holds something else, or a vault of a format that this version does not know.
        """
        make_directory(self.root)
        identity = self.root / "vault.json"
        if not identity.exists():
            if any(path.name not in (".staging", unfinished(identity).name) for path in self.root.iterdir()):
                raise StoreError(
                    f"{self.root} is not empty and is no vault",
                    "set station.state_dir to an empty folder or to a vault",
                )
            write_new(identity, canonical_json({"format": FORMAT, "vault_id": vault_id, "created": created}) + b"\n")
        found = self.read_json("vault.json").get("format")
        if found != FORMAT:
            raise StoreError(
                f"{self.root} has the format {found!r}, this version reads {FORMAT}", "use a newer ingestd"
            )
        for folder in ("originals", "derived", "ledger", ".staging"):
            make_directory(self.root / folder)
        readme = self.root / "README.txt"
        if not readme.exists():
            write_new(readme, _README.encode("utf-8"))
        for standing in (identity, readme):
            remove(unfinished(standing))

    def exists(self) -> bool:
        """Whether a vault stands here."""
        return (self.root / "vault.json").is_file()

    def path(self, relative: str) -> Path:
        """The absolute path of something in the vault.

        Raises:
            IntegrityError: the path leads out of the vault (an edited ledger or catalogue).
        """
        if relative.startswith("/") or ".." in relative.split("/"):
            raise IntegrityError(f"{relative!r} leads out of the vault")
        return self.root / relative

    def free_bytes(self) -> int:
        """Room left for an unprivileged writer."""
        with translated("measure", self.root):
            room = os.statvfs(self.root)
        return room.f_bavail * room.f_frsize

    def total_bytes(self) -> int:
        """Size of the file system that holds the vault."""
        with translated("measure", self.root):
            room = os.statvfs(self.root)
        return room.f_blocks * room.f_frsize

    # Staging

    def staged_original(self, recording: RecordingId) -> Path:
        """Where the bytes of a recording are collected before it is sealed."""
        return self.staging_folder / f"{recording}.part"

    def staged_sidecar(self, recording: RecordingId) -> Path:
        """Its presence promises: the bytes beside it are verified, roll forward from here."""
        return self.staging_folder / f"{recording}.birth.json"

    def create_staged(self, recording: RecordingId) -> int:
        """A fresh staging file, open for writing; leftovers of the same recording are replaced."""
        return create_afresh(self.staged_original(recording))

    def stage_sidecar(self, recording: RecordingId, document: dict[str, Any]) -> bytes:
        """Write the birth sidecar into staging (neither it nor the directory synced yet) and return its bytes.

        The same sidecar staged by an earlier try stays the file it is: it may have its final name already.
        """
        data = canonical_json(document) + b"\n"
        stage(self.staged_sidecar(recording), data)
        return data

    def staged_opening(self, docking: DockingId) -> Path:
        """Its presence promises: this is what stood on the card; the docking's books are opened from here."""
        return self.staging_folder / f"{docking}.opening.json"

    def stage_opening(self, docking: DockingId, document: dict[str, Any]) -> None:
        """Write what the books of a docking will be opened with into staging, durably."""
        write_staged(self.staged_opening(docking), canonical_json(document) + b"\n")
        self.sync_staging()

    def discard_opening(self, docking: DockingId) -> None:
        """Forget it: the books are open."""
        remove(self.staged_opening(docking))

    def sync_staging(self, *names: Path) -> None:
        """Make staged files and their names durable: one by itself, many with one call for the whole file system."""
        if len(names) > 1:
            sync_together(self.staging_folder)
            return
        for name in names:
            sync_file(name)
        sync_directory(self.staging_folder)

    def discard_staged(self, recording: RecordingId) -> None:
        """Forget staging names of a recording that is sealed, or not wanted."""
        remove(self.staged_sidecar(recording))
        remove(self.staged_original(recording))

    # Standing files

    def make_folder(self, relative: str) -> None:
        """Create a folder durably."""
        make_directory(self.path(relative))

    def publish_original(self, recording: RecordingId, relative: str) -> None:
        """Give staged bytes their place; directory not synced yet."""
        staged, final = self.staged_original(recording), self.path(relative)
        if staged.exists():
            move_new(staged, final)
        elif not final.exists():
            raise StoreError(f"neither staged nor standing: {relative}")

    def publish_sidecar(self, recording: RecordingId, relative: str) -> None:
        """Give a staged birth sidecar its place; directory not synced yet."""
        publish(self.staged_sidecar(recording), self.path(relative))

    def sync_folder(self, relative: str) -> None:
        """Make names in a folder durable."""
        sync_directory(self.path(relative))

    def append_manifest(self, folder: str, lines: dict[str, Sha256]) -> None:
        """Add `relative path → digest` lines to a folder's SHA256SUMS, each path once."""
        path = self.path(folder) / MANIFEST
        standing = path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []
        known = {line for line in standing if line.endswith("\n")}
        wanted = [manifest_line(digest, _seen_from(folder, relative)) for relative, digest in lines.items()]
        fresh = [line for line in wanted if line not in known]
        if fresh:
            append_line(path, "".join(fresh).encode("utf-8"))

    def write_document(self, relative: str, document: dict[str, Any]) -> bytes:
        """A canonical JSON document at a free name; returns its bytes."""
        data = canonical_json(document) + b"\n"
        write_new(self.path(relative), data)
        return data

    def read_bytes(self, relative: str) -> bytes:
        """A small file of the vault.

        Raises:
            NotFoundError: it is not there.
        """
        path = self.path(relative)
        try:
            with translated("read", path):
                return path.read_bytes()
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise NotFoundError(f"{relative} is not in the vault") from error
            raise

    def read_json(self, relative: str) -> dict[str, Any]:
        """A JSON document of the vault.

        Raises:
            IntegrityError: it is not a JSON object.
        """
        try:
            document = json.loads(self.read_bytes(relative))
        except ValueError as error:
            raise IntegrityError(f"{relative} is not JSON") from error
        if not isinstance(document, dict):
            raise IntegrityError(f"{relative} is not a JSON object")
        return document

    # Disposal

    def traces_of(self, original: str) -> list[str]:
        """What stands of an original beside itself: derived files, and damaged copies that a repair kept."""
        derived = self.path(derived_path(original, ""))
        found = [path for path in derived.parent.glob("*") if path.name.startswith(f"{derived.name}.")]
        found += (self.root / "damaged").glob(f"*/{glob.escape(derived.name)}")
        return sorted(str(path.relative_to(self.root)) for path in found)

    def destroy(self, paths: Iterable[str]) -> list[str]:
        """Unlink files for good, in this order, durably; those that still stand, because the kernel did not allow it.

        What is gone already is no fault. One with the immutable flag stands until the flag is taken off.

        Raises:
            StoreError: the store refuses; those before it are gone.
        """
        standing, folders = [], []
        for relative in paths:
            path = self.path(relative)
            folders.append(path.parent)
            try:
                remove(path)
            except StoreError as error:
                if not isinstance(error.__cause__, PermissionError):
                    raise
                standing.append(relative)
        for folder in dict.fromkeys(folders):
            # Also where nothing stood: a process that was killed behind its unlink synced nothing.
            if folder.is_dir():
                sync_directory(folder)
        return standing

    # Repair

    def staged_repair(self, sha256: Sha256) -> Path:
        """Where good bytes are collected that are to stand in the place of damaged ones."""
        return self.staging_folder / f"{sha256}.repair"

    def keep_damaged(self, relative: str, note: dict[str, Any]) -> str | None:
        """Give a damaged file a second name below `damaged/`, with a note beside it, both durable.

        Returns: the name; null where nothing stands at `relative`.

        Raises:
            StoreError: the name cannot be made, as of a file with the immutable flag.
        """
        path = self.path(relative)
        if not os.path.lexists(path):
            return None
        folder = f"damaged/{sha256_of(canonical_json(note))[:12]}"
        self.make_folder(folder)
        kept = f"{folder}/{path.name}"
        publish(path, self.path(kept))
        self.write_document(f"{folder}/note.json", note | {"kept": kept})
        return kept

    def put_repaired(self, sha256: Sha256, relative: str) -> None:
        """Put staged good bytes in the place of a damaged or missing file, durably."""
        make_directory(self.path(relative).parent)
        put_in_place_of(self.staged_repair(sha256), self.path(relative))

    def standing_files(self) -> list[str]:
        """Everything that stands among the originals, but for what books that are being opened have just placed."""
        opening = tuple(path.name.removesuffix(".opening.json") for path in self.staging_folder.glob("*.opening.json"))
        tails = tuple(docking_tail(DockingId(docking)) for docking in opening)
        originals = self.root / "originals"
        files = (path for path in originals.rglob("*") if not path.is_dir() or path.is_symlink())
        return sorted(
            str(path.relative_to(self.root)) for path in files if not path.parent.name.endswith(tails or "\0")
        )

    def standing_attachments(self) -> list[str]:
        """Everything that stands among the papers of explanations."""
        papers = (self.root / "attachments").rglob("*")
        return sorted(str(path.relative_to(self.root)) for path in papers if not path.is_dir() or path.is_symlink())

    def open_for_reading(self, relative: str) -> int:
        """A read-only descriptor of an original or derived file; the caller closes it."""
        path = self.path(relative)
        with translated("open", path):
            return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def has_file(self, relative: str, size_bytes: int) -> bool:
        """Whether a regular file of this size stands there (presence, not fixity)."""
        try:
            status = self.path(relative).stat(follow_symlinks=False)
        except FileNotFoundError:
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size == size_bytes


def _seen_from(folder: str, relative: str) -> str:
    """A path of the vault as it is written in a folder's manifest."""
    if relative.startswith(f"{folder}/"):
        return relative.removeprefix(f"{folder}/")
    return os.path.relpath(relative, folder)

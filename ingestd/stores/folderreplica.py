"""A folder on another disk (a second drive, a mounted NAS) as a store of copies. It has no locks, and says so."""

import contextlib
import datetime as dt
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ingestd.core.clock import Clock
from ingestd.core.errors import IntegrityError, NotFoundError, StoreError, UnavailableError
from ingestd.core.ids import Sha256
from ingestd.core.replicas import ObjectKind, ReplicaCopy, StoreCheck
from ingestd.core.stop import Stop
from ingestd.stores.durable import (
    create_afresh,
    create_exclusive,
    make_directory,
    move_new,
    protect,
    remove,
    sync_directory,
    translated,
    write_all,
)
from ingestd.stores.transfer import let_go, read_back

_BLOCK_BYTES = 1024 * 1024
_INCOMING = ".incoming"
_LEFT_BEHIND_SECONDS = 86_400.0

OnBytes = Callable[[int], None]


class FolderReplica:
    """One folder. See `core.replicas.ReplicaStore` for what each method promises.

    Args:
        vault_dir: whose disk must be another one, unless `is_any_disk`.
    """

    def __init__(
        self,
        name: str,
        root: Path,
        clock: Clock,
        *,
        vault_dir: Path,
        is_any_disk: bool = False,
        on_bytes: OnBytes = lambda _: None,
    ) -> None:
        self._name = name
        self._root = root
        self._clock = clock
        self._vault_dir = vault_dir
        self._is_any_disk = is_any_disk
        self._on_bytes = on_bytes
        self._stop = Stop()

    @property
    def name(self) -> str:
        """As the settings call it."""
        return self._name

    def probe(self) -> StoreCheck:
        """Whether the disk is there; nothing more is to be learned of a folder."""
        try:
            self._check_disk()
        except UnavailableError as error:
            return StoreCheck(self.name, is_reachable=False, problems=(error.message,))
        self._remove_left_behind()
        words = "a folder has no locks: who may write there may delete its copies"
        return StoreCheck(self.name, is_reachable=True, is_overwrite_refused=True, problems=(words,))

    def _remove_left_behind(self) -> None:
        """What copies that were broken off left in the anteroom, by which nothing was promised."""
        folder = self._root / _INCOMING
        horizon = self._clock.now().timestamp() - _LEFT_BEHIND_SECONDS
        with translated("look into", folder):
            for staged in folder.iterdir() if folder.is_dir() else ():
                if staged.stat().st_mtime < horizon:
                    remove(staged)

    def _check_disk(self) -> None:
        """Refuse a place where the disk is not mounted, or that is the vault's own: neither would be a second copy.

        Raises:
            UnavailableError: with what to do.
        """
        try:
            device = self._root.stat().st_dev
            vault_device = self._vault_dir.stat().st_dev
        except OSError as error:
            words = f"{self._root} (replica {self.name}) is not there: {error.strerror}"
            raise UnavailableError(words, "mount the disk, and make the folder on it") from error
        if self._is_any_disk:
            return
        if device == vault_device:
            words = f"{self._root} (replica {self.name}) lies on the vault's own disk"
            raise UnavailableError(words, "mount the other disk there; with other_disk = false it is used all the same")
        mount = self._root
        while not mount.is_mount():
            mount = mount.parent
        if mount == Path("/"):
            words = f"nothing is mounted at {self._root} (replica {self.name})"
            raise UnavailableError(words, "mount the disk; with other_disk = false the folder is used all the same")

    def put(
        self,
        path: Path,
        sha256: Sha256,
        *,
        kind: ObjectKind = ObjectKind.ORIGINAL,
        locked_until: dt.datetime | None = None,
        has_legal_hold: bool = False,
    ) -> ReplicaCopy:
        """See `ReplicaStore.put`; `locked_until` and `has_legal_hold` cannot be had here."""
        self._check_disk()
        key = f"{kind}/{sha256[:2]}/{sha256}"
        final = self._root / key
        if not self._is_equal(final, sha256):
            if final.exists():
                # Kept aside, never overwritten: what became of it may have to be looked at.
                move_new(final, final.with_name(f"{final.name}.faulty-{self._clock.now():%Y%m%dT%H%M%SZ}"))
            self._copy_in(path, final, sha256)
            if not self._is_equal(final, sha256):
                raise IntegrityError(f"{final} did not give back what it was given", "check the disk")
        with translated("look at", final):
            size_bytes = final.stat().st_size
        return ReplicaCopy(
            store=self.name,
            key=key,
            version_id=None,
            sha256=sha256,
            size_bytes=size_bytes,
            verified_at=self._clock.now(),
            locked_until=None,
            is_lock_honoured=False,
            kind=kind,
        )

    def _copy_in(self, path: Path, final: Path, sha256: Sha256) -> None:
        staged = self._root / _INCOMING / f"{final.name}.{os.getpid()}"
        make_directory(staged.parent)
        make_directory(final.parent)
        digest = hashlib.sha256()
        descriptor = create_afresh(staged)
        try:
            with translated("read", path), path.open("rb", buffering=0) as source:
                while block := source.read(_BLOCK_BYTES):
                    digest.update(block)
                    write_all(descriptor, block, staged)
                    self._on_bytes(len(block))
            protect(descriptor, staged)
            with translated("sync", staged):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if digest.hexdigest() != sha256:
            remove(staged)
            words = f"{path} is not what was sealed: nothing is made a copy of it"
            raise IntegrityError(words, "run: ingestd verify, and restore it")
        move_new(staged, final)
        sync_directory(final.parent)

    def _is_equal(self, path: Path, sha256: Sha256) -> bool:
        """Whether a file stands there and its disk gives back these bytes."""
        try:
            found = read_back(
                path, was_let_go=let_go(path), block_bytes=_BLOCK_BYTES, stop=self._stop, on_bytes=self._on_bytes
            )
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return False
            raise
        return found.sha256 == sha256

    def check(self, copy: ReplicaCopy) -> bool:
        """See `ReplicaStore.check`. A disk that is not mounted is `UnavailableError`, never a missing copy."""
        self._check_disk()
        return self._is_equal(self._at(copy), copy.sha256)

    def look(self, copy: ReplicaCopy) -> ReplicaCopy | None:
        """See `ReplicaStore.look`."""
        self._check_disk()
        with translated("look at", self._at(copy)):
            try:
                status = self._at(copy).stat(follow_symlinks=False)
            except FileNotFoundError:
                return None
        is_whole = stat.S_ISREG(status.st_mode) and status.st_size == copy.size_bytes
        return replace(copy, locked_until=None, is_lock_honoured=False, has_legal_hold=False) if is_whole else None

    def fetch(self, copy: ReplicaCopy, to: Path) -> None:
        """See `ReplicaStore.fetch`."""
        self._check_disk()
        path = self._at(copy)
        if not path.exists():
            raise NotFoundError(f"{path} is not there")
        digest = hashlib.sha256()
        descriptor = create_exclusive(to)
        is_whole = False
        try:
            with translated("read", path), path.open("rb", buffering=0) as source:
                while block := source.read(_BLOCK_BYTES):
                    digest.update(block)
                    write_all(descriptor, block, to)
                    self._on_bytes(len(block))
            with translated("sync", to):
                os.fsync(descriptor)
            is_whole = digest.hexdigest() == copy.sha256
        finally:
            os.close(descriptor)
            if not is_whole:
                with contextlib.suppress(StoreError):
                    remove(to)
        if not is_whole:
            raise IntegrityError(f"{path} is not what was stored there")
        sync_directory(to.parent)

    def extend(self, copy: ReplicaCopy, until: dt.datetime) -> ReplicaCopy:
        """There are no locks here: the copy as it is, unlocked."""
        return self._seen(copy)

    def set_legal_hold(self, copy: ReplicaCopy, is_held: bool) -> ReplicaCopy:
        """There are no holds here: the copy as it is, without one."""
        return self._seen(copy)

    def _seen(self, copy: ReplicaCopy) -> ReplicaCopy:
        seen = self.look(copy)
        if seen is None:
            raise NotFoundError(f"{self._at(copy)} is not there")
        return seen

    def remove(self, copy: ReplicaCopy) -> None:
        """See `ReplicaStore.remove`."""
        self._check_disk()
        path = self._at(copy)
        remove(path)
        if path.parent.is_dir():
            sync_directory(path.parent)

    def _at(self, copy: ReplicaCopy) -> Path:
        if copy.key.startswith("/") or ".." in copy.key.split("/"):
            raise IntegrityError(f"{copy.key!r} leads out of the replica {self.name}")
        return self._root / copy.key

"""Heads of the ledger are signed, put into the vault, and taken out of the station."""

import base64
import datetime as dt
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.core.clock import Clock, from_text, to_text
from ingestd.core.errors import NotFoundError, RefusedError, StoreError
from ingestd.core.head_acts import (
    Because,
    Countersign,
    NewKey,
    Request,
    Sign,
    Signer,
    Why,
    countersigned_act,
    head_act,
    key_act,
)
from ingestd.core.heads import Countersignature, Head, head_name
from ingestd.core.ids import Sha256
from ingestd.core.settings import Settings
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.durable import replace_whole
from ingestd.stores.heads import HeadFolder, LedgerBook
from ingestd.stores.ledger import last_entry
from ingestd.stores.vault import Vault

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Keys:
    """How the station's private key is had: `open` reads it, `make` makes one where none stands."""

    open: Callable[[], Signer]
    make: Callable[[], Signer]


class HeadDesk:
    """Signs heads of one ledger. Made by the holder of the station's lock.

    Args:
        settings: asked anew each time, because a reload may change the folder for exports.
        keys: reach the library that signs, which is not held in memory before something is signed.
    """

    def __init__(
        self, vault: Vault, chronicle: Chronicle, clock: Clock, settings: Callable[[], Settings], keys: Keys
    ) -> None:
        self._vault = vault
        self._chronicle = chronicle
        self._clock = clock
        self._settings = settings
        self._keys = keys
        self._folder = HeadFolder(vault)
        self._book = LedgerBook(chronicle.engine)
        self._lock = threading.Lock()
        self.export_problem = ""
        """Why the last head did not get out of the station, in words; empty where it did, or where none is asked to."""

    def is_due(self, zone: ZoneInfo) -> bool:
        """Whether no head was signed on this day of the bureau's zone."""
        last = self._book.last_signed()
        return last is None or _day(from_text(last["at"]), zone) != _day(self._clock.now(), zone)

    def sign(self, why: Why, by: str = "station") -> Head:
        """Sign the head as it stands, put it into the vault and, where one is configured, into the export folder.

        Where nothing was entered since the last signed head, that one is given again.

        Raises:
            NotFoundError, ConfigError: the key is gone, or cannot be used.
            StoreError: the vault took neither act nor file.
        """
        with self._lock:
            return self._signed(self._standing_key(), why, by)

    def enter(self, request: Request) -> Document:
        """Do what is asked; gives the signed document.

        Raises:
            RefusedError: it may not be done so.
            NotFoundError, ConfigError, StoreError: as of `sign`.
        """
        if request.by == "station":
            raise RefusedError("an act of a person cannot be signed `station`", "give the name of who does it: --by")
        if isinstance(request, Sign):
            return self.sign("asked", request.by).model_dump(mode="json")
        with self._lock:
            if isinstance(request, NewKey):
                return self._new_key(request).model_dump(mode="json")
            return self._countersigned(request).model_dump(mode="json")

    def _new_key(self, request: NewKey) -> Head:
        known = self._book.key()
        try:
            self._keys.open()
        except NotFoundError:
            pass
        else:
            raise RefusedError("the station has its key", "to take it out of use, move its file away first")
        key = self._keys.make()
        self._enter_key(key, "lost" if known is not None else "first", by=request.by, reason=request.reason)
        return self._signed(key, "key", request.by)

    def _countersigned(self, request: Countersign) -> Countersignature:
        key = self._standing_key()
        now = to_text(self._clock.now())
        bare = Countersignature(head=request.head, by=request.by, note=request.note, time=now, key=key.key_id)
        signed = bare.model_copy(update={"signature": _base64(key.sign(bare.message()))})
        self._chronicle.enter(countersigned_act(request, key))
        return signed

    def _standing_key(self) -> Signer:
        """The key that the station signs with; made at the first need, and entered where it is another one."""
        known = self._book.key()
        try:
            key = self._keys.open()
        except NotFoundError as error:
            if known is not None:
                # That a station signs with another key from now on is for a person to say.
                advice = "put it back from its backup, or have a new one made: ingestd ledger new-key --reason WORDS"
                raise NotFoundError(
                    f"the key {known['key']} of this station is gone: {error.message}", advice
                ) from error
            key = self._keys.make()
        if known is None or known["key"] != key.key_id:
            self._enter_key(key, "first" if known is None else "changed")
        return key

    def _enter_key(self, key: Signer, because: Because, *, by: str = "station", reason: str = "") -> None:
        known = self._book.key()
        self._folder.write_key(key.key_id, key.public_pem)
        before = known["key"] if known is not None else None
        self._chronicle.enter(key_act(key, before, because, by=by, reason=reason))

    def _signed(self, key: Signer, why: Why, by: str) -> Head:
        last = self._book.last_signed()
        seq, digest = self._chronicle.head
        if last is None or last["seq"] != seq or last["key"] != key.key_id:
            entry = self._chronicle.enter(head_act(key, why, by=by))[-1]
            seq, digest = entry.seq, entry.hash
        else:
            newest = self._folder.newest()
            if newest is not None and newest.seq == seq:
                self._export(newest, key)
                return newest
        bare = Head(
            vault=str(self._vault.read_json("vault.json")["vault_id"]),
            station=self._settings().station.id,
            seq=seq,
            hash=Sha256(digest),
            time=to_text(self._clock.now()),
            digests=self._digests(seq),
            key=key.key_id,
        )
        head = bare.model_copy(update={"signature": _base64(key.sign(bare.message()))})
        self._folder.write(head)
        self._export(head, key)
        return head

    def _digests(self, seq: int) -> dict[str, str]:
        """Further hashes of the entry's line, as they are configured for originals; none where it is not the last."""
        names = self._settings().copying.digests
        last = last_entry(self._vault.ledger_folder) if names else None
        if last is None or last.seq != seq:
            return {}
        return {name: hashlib.new(name, last.line()).hexdigest() for name in names}

    def _export(self, head: Head, key: Signer) -> None:
        folder = self._settings().ledger.export_dir
        self.export_problem = ""
        if folder is None:
            return
        try:
            export(head, {key.key_id: key.public_pem}, folder)
        except StoreError as error:
            # A share that is away must not keep the station from signing; the next head says what this one would.
            self.export_problem = f"the signed head {head.seq} is not outside of the station: {error.message}"


def export(head: Head, keys: dict[str, bytes], folder: Path) -> Path:
    """Put a signed head and public keys into a folder outside of the vault; gives the head's file there.

    Raises:
        StoreError: the folder is not there (a share that is not mounted), or takes nothing.
    """
    if not folder.is_dir():
        raise StoreError(f"{folder} is not there", "mount it, or make it; the station does not make it by itself")
    final = folder / f"{head.station}-{head_name(head.seq)}"
    # By a rename: sticks and shares for exports often have no hard links.
    replace_whole(final, head.document_bytes())
    for key_id, pem in keys.items():
        path = folder / f"{head.station}-{key_id}.pem"
        if not path.exists():
            replace_whole(path, pem)
    return final


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _day(moment: dt.datetime, zone: ZoneInfo) -> dt.date:
    return moment.astimezone(zone).date()

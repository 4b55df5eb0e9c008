"""Signed heads of the ledger as an auditor wants them: whether each is good, and who else has it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ingestd.core.errors import IntegrityError
from ingestd.core.heads import Countersignature, Head, Standing, head_name, held_against, signature_doubts
from ingestd.core.settings import Settings
from ingestd.stores.heads import FoundHead, HeadFolder, read_head_file
from ingestd.stores.vault import Vault
from ingestd.wiring import ledger_pages

STAMP_SUFFIX = ".tsr"


class KnownHead(NamedTuple):
    """A head in the vault. `faults` is empty for a good one.

    Args:
        is_outside: the folder for exports has it too, byte for byte.
        countersigned: who put a name under it, of the files in that folder; with the time, UTC text.
        stamps: files of time-stamping authorities beside it.
    """

    path: str
    head: Head | None
    faults: tuple[str, ...]
    is_outside: bool
    countersigned: tuple[tuple[str, str], ...]
    stamps: tuple[str, ...]


def known_heads(settings: Settings, *, before: str = "", limit: int = 50) -> list[KnownHead]:
    """The newest heads below the file name `before`, checked: signature, and the ledger's hash at their place."""
    # Only here: what checks signatures takes long to load, and nothing else of a console needs it.
    from ingestd.stores.signing import keyring_of  # noqa: PLC0415

    vault = Vault(settings.vault_dir)
    folder = HeadFolder(vault)
    keys, _bad = keyring_of(folder.public_keys())
    pages = ledger_pages(vault.ledger_folder)
    last, vault_id = pages.last_seq(), str(vault.read_json("vault.json").get("vault_id"))
    found = []
    for one in folder.page(before=before, limit=limit):
        head = one.document if isinstance(one.document, Head) else None
        if head is None:
            found.append(KnownHead(one.path, None, (one.fault or "is no head",), False, (), ()))
            continue
        faults = [doubt.words for doubt in signature_doubts(head, keys)]
        hashes = {}
        try:
            entry = pages.entry(head.seq)
            hashes = {head.seq: str(entry.hash)} if entry is not None else {}
        except IntegrityError as error:
            faults.append(error.message)
        against = held_against(head, Standing(vault_id, last, hashes))
        if against is not None:
            faults.append(against.words)
        found.append(KnownHead(one.path, head, tuple(faults), *_outside(settings.ledger.export_dir, one, head)))
    return found


def _outside(
    folder: Path | None, one: FoundHead, head: Head
) -> tuple[bool, tuple[tuple[str, str], ...], tuple[str, ...]]:
    if folder is None or not folder.is_dir():
        return False, (), ()
    stem = f"{head.station}-{head_name(head.seq)}".removesuffix(".json")
    is_outside, signed, stamps = False, [], []
    for path in sorted(folder.glob(f"{_plain(stem)}*")):
        if path.name.endswith(STAMP_SUFFIX):
            stamps.append(path.name)
            continue
        document = read_head_file(path, path.name).document
        if document == one.document:
            is_outside = True
        elif isinstance(document, Countersignature) and document.head == head:
            signed.append((document.by, document.time))
    return is_outside, tuple(signed), tuple(stamps)


def _plain(name: str) -> str:
    """A name in which nothing is a pattern."""
    return "".join(f"[{one}]" if one in "*?[" else one for one in name)


def public_keys(settings: Settings) -> dict[str, bytes]:
    """Public keys of the station by their ids, PEM."""
    return HeadFolder(Vault(settings.vault_dir)).key_files()


def head_bytes(settings: Settings, seq: int) -> bytes | None:
    """A head as its file has it, to be kept outside; null where there is none of this entry."""
    found = HeadFolder(Vault(settings.vault_dir)).page(before=f"{head_name(seq)}~", limit=1)
    head = found[0].document if found else None
    return head.document_bytes() if isinstance(head, Head) and head.seq == seq else None


def all_heads(settings: Settings) -> Sequence[Head]:
    """Every good file of a head in the vault, oldest first."""
    heads = HeadFolder(Vault(settings.vault_dir)).heads()
    return [one.document for one in heads if isinstance(one.document, Head)]

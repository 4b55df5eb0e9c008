"""Verify the vault: the ledger's chain, every document and byte it vouches for, its signed heads, and the catalogue."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingestd.core.chaincheck import ChainCheck
from ingestd.core.custody import Entry
from ingestd.core.errors import IngestdError, IntegrityError, NotFoundError, StoreError
from ingestd.core.heads import Standing, head_of, held_against, signature_doubts
from ingestd.core.stop import Stop
from ingestd.pipeline.vouched import Books, Content, Document, documents_of
from ingestd.stores.comparison import Comparison, compare, comparison_fault
from ingestd.stores.durable import translated
from ingestd.stores.heads import FoundHead, HeadFolder
from ingestd.stores.immutable import Protection, protection_of
from ingestd.stores.ledger import read_lines
from ingestd.stores.search import Catalogue, Row
from ingestd.stores.transfer import let_go, read_back
from ingestd.stores.vault import Vault

_PAPER_WORDS = (
    "belongs to no explanation: one was broken off before it stood. Give it again with this paper, or remove the paper"
)
_REBUILD = "run: ingestd catalogue rebuild"
_KEEP = "keep this catalogue, it is a witness: first see what became of the ledger"
_SMALL_BYTES = 256 * 1024 * 1024
"""No document is larger; the listing of a card with a million entries is not."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it was promised.

    `what` names the kind of thing (`ledger`, `head`, `key`, `original`, `sidecar` and other documents, `stray`,
    `catalogue`), `kind` what happened to it (docs/guide/verify.md), `path` where it stands.
    """

    what: str
    path: str
    words: str
    kind: str = "changed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was looked at, and every fault. `head` is the last entry's hash: write it down outside the station.

    `outside_seq` is the last entry that a head outside of the vault knows, 0 for none: what came later could be cut
    off unseen. `gone` counts contents that were rightly disposed of, `tables` are those of the catalogue that were
    compared, row by row.
    """

    entries: int
    head: str
    originals: int
    bytes: int
    faults: tuple[Fault, ...]
    heads: int = 0
    outside_seq: int = 0
    gone: int = 0
    tables: tuple[str, ...] = ()
    protection: Protection = Protection()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Mismatch:
    """A file whose bytes are others than they should be: perhaps those of another such file."""

    fault: Fault
    expected: str
    found: str


@dataclass(slots=True)
class _Findings:
    """What a verification collects. Faults are collected, not raised: one bad file must not hide the next."""

    faults: list[Fault] = field(default_factory=list)
    mismatches: list[_Mismatch] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    """In the order they came, each once."""

    def add(self, what: str, kind: str, path: str, words: str) -> None:
        self.faults.append(Fault(what, path, words, kind))

    @property
    def advice(self) -> str:
        """What to do with a catalogue that differs: made again from a ledger in doubt, it would only repeat that."""
        is_doubted = any(one.what in ("ledger", "head") for one in self.faults)
        return _KEEP if is_doubted else _REBUILD

    def all(self) -> tuple[Fault, ...]:
        """Every fault; files that hold each other's bytes are named as exchanged."""
        owners = {one.expected: one.fault.path for one in self.mismatches}
        for one in self.mismatches:
            other = owners.get(one.found)
            if other is not None and other != one.fault.path:
                words = f"holds the bytes that belong to {other}: they changed places"
                self.faults[self.faults.index(one.fault)] = replace(one.fault, kind="swapped", words=words)
        return tuple(self.faults)


@dataclass(frozen=True, slots=True)
class _Chain:
    """What reading the ledger gave."""

    books: Books
    standing: Standing
    head: str
    sealed: frozenset[str]
    """SHA-256 of what was sealed as far as the catalogue knows."""
    is_whole: bool


def verify_vault(
    vault: Vault,
    catalogue: Catalogue | None,
    *,
    stop: Stop,
    block_bytes: int,
    on_file: Callable[[str, int], None] = lambda *_: None,
    outside: Sequence[FoundHead] = (),
    further_keys: Mapping[str, bytes] | None = None,
    catalogue_file: Path | None = None,
) -> Verdict:
    """Look at everything.

    Args:
        catalogue: its contents are compared with what was sealed; null where there is none.
        on_file: told of each original and its size before it is read.
        outside: heads from outside of the vault, beside those that lie in it.
        further_keys: public keys (PEM by name) beside those of the vault, for countersignatures.
        catalogue_file: every row of it is made again and compared; null: not.
    """
    found = _Findings()
    # Before the ledger, which a running station goes on writing: what it seals meanwhile is not asked for.
    applied = catalogue.applied_seq() if catalogue is not None else 0
    rows = catalogue.contents() if catalogue is not None else []
    standing, papers = vault.standing_files(), vault.standing_attachments()
    inside, keys = HeadFolder(vault).heads(), HeadFolder(vault).public_keys()
    chain = _read_chain(vault, found, applied, [*inside, *outside])
    checked = _check_heads(keys, chain, found, inside, outside, further_keys or {})
    comparison = _compare(catalogue_file, vault, found) if chain.is_whole and catalogue_file is not None else None
    size_bytes, gone, protection = _check_originals(vault, chain.books, found, stop, block_bytes, on_file)
    if chain.is_whole:
        # Else nobody knows what the rest of the ledger vouches for.
        _check_strays(standing, papers, chain.books, found)
    if catalogue is not None:
        _check_contents(rows, chain, found)
    return Verdict(
        entries=chain.standing.last_seq,
        head=chain.head,
        originals=len(chain.books.originals),
        bytes=size_bytes,
        faults=found.all(),
        heads=checked,
        outside_seq=_known_outside(outside, chain.standing),
        gone=gone,
        tables=comparison.tables if comparison is not None else (),
        protection=protection,
        notes=tuple(found.notes),
    )


def _read_chain(vault: Vault, found: _Findings, applied: int, heads: Sequence[FoundHead]) -> _Chain:
    """The ledger from its first line to its last, with the documents that each vouches for."""
    wanted = {head_of(one.document).seq for one in heads if one.document is not None}
    check, books, hashes = ChainCheck(), Books(), dict[int, str]()
    sealed: set[str] = set()
    last, head, before = 0, "", len(found.faults)
    for line, where in read_lines(vault.ledger_folder):
        entry, faults = check.look(line, where)
        for fault in faults:
            found.add("ledger", fault.kind, "ledger", f"ledger {fault.words}")
        if entry is None:
            continue
        last, head = max(last, entry.seq), entry.hash
        if entry.seq in wanted:
            hashes[entry.seq] = entry.hash
        try:
            books.note(entry)
            _check_documents(entry, vault, books, found)
        except (KeyError, TypeError) as error:
            # An edited act may lack anything; that it was edited is said already.
            found.notes[f"entry {entry.seq} does not have the form of its act ({error})"] = None
        if entry.act == "recording.sealed" and entry.seq <= applied:
            sealed.add(entry.data["sha256"])
    for fault in check.order_faults():
        found.add("ledger", fault.kind, "ledger", f"ledger: {fault.words}")
    is_whole = not any(one.what == "ledger" for one in found.faults[before:])
    if applied > last:
        words = f"ends with act {last}, the catalogue knows {applied}: it was cut, or is of another vault"
        found.add("ledger", "truncated", "ledger", words)
    try:
        vault_id = str(vault.read_json("vault.json").get("vault_id"))
    except IngestdError as error:
        vault_id = ""
        found.add("vault", "changed", "vault.json", error.message)
    return _Chain(books, Standing(vault_id, last, hashes), head, frozenset(sealed), is_whole)


def _check_documents(entry: Entry, vault: Vault, books: Books, found: _Findings) -> None:
    """Documents that an entry vouches for by digest; originals are noted for the second pass."""
    for document in documents_of(entry):
        data = _document_bytes(document, vault, found)
        if document.kind != "sidecar":
            continue
        if data is not None:
            content = vault.read_json(document.path)["content"]
            digests = tuple(sorted(content.get("digests", {}).items()))
            books.originals[content["path"]] = Content(content["sha256"], content["size_bytes"], digests)
        else:
            # What the sidecar said is lost; the hash of the original stands in the ledger as well.
            books.seal_without_sidecar(entry)


def _document_bytes(document: Document, vault: Vault, found: _Findings) -> bytes | None:
    """The document's bytes where they are the ones that were vouched for; else null, and the fault is noted."""
    kind, path = document.kind, document.path
    try:
        data, digest = _small_file(vault, path)
    except NotFoundError:
        found.add(kind, "missing", path, f"is missing; ledger entry {document.seq} vouches for it")
        return None
    except IngestdError as error:
        found.add(kind, "unreadable", path, error.message)
        return None
    if digest == document.sha256:
        return data
    fault = Fault(kind, path, f"was changed after ledger entry {document.seq}")
    found.faults.append(fault)
    found.mismatches.append(_Mismatch(fault, document.sha256, digest))
    return None


def _small_file(vault: Vault, path: str) -> tuple[bytes, str]:
    """Bytes and SHA-256; without the bytes where footage lies in the place of a document."""
    file_path = vault.path(path)
    if not file_path.is_file() or file_path.stat().st_size <= _SMALL_BYTES:
        data = vault.read_bytes(path)
        return data, hashlib.sha256(data).hexdigest()
    with translated("read", path), file_path.open("rb") as file:
        return b"", hashlib.file_digest(file, "sha256").hexdigest()


def _check_heads(
    files: Mapping[str, bytes],
    chain: _Chain,
    found: _Findings,
    inside: Sequence[FoundHead],
    outside: Sequence[FoundHead],
    further_keys: Mapping[str, bytes],
) -> int:
    """Signatures of all heads, and each against the ledger; gives how many were good."""
    if not (files or inside or outside or chain.books.keys):
        return 0
    # Only here: a vault without a head needs no library that checks signatures.
    from ingestd.stores.signing import key_id_of, keyring_of  # noqa: PLC0415

    named = {f"ledger key {key}": pem.encode("utf-8") for key, pem in chain.books.keys.items()}
    keys, bad = keyring_of({**further_keys, **files, **named})
    for name, words in bad.items():
        found.add("key", "changed", name, words)
    for name, pem in files.items():
        if chain.is_whole and name not in bad and key_id_of(pem) not in chain.books.keys:
            found.add("key", "foreign", name, "is a key that no entry of the ledger names")
    good = 0
    for one in (*inside, *outside):
        if one.document is None:
            found.add("head", "changed", one.path, one.fault)
            continue
        doubts = signature_doubts(one.document, keys)
        found.notes.update(dict.fromkeys(f"{one.path} {doubt.words}" for doubt in doubts if doubt.kind == "unchecked"))
        faults = [doubt for doubt in doubts if doubt.kind != "unchecked"]
        against = held_against(head_of(one.document), chain.standing)
        faults += [against] if against is not None else []
        for doubt in faults:
            found.add("head", doubt.kind, one.path, doubt.words)
        good += not faults
    return good


def _known_outside(outside: Sequence[FoundHead], ledger: Standing) -> int:
    heads = [head_of(one.document) for one in outside if one.document is not None]
    return max((head.seq for head in heads if held_against(head, ledger) is None), default=0)


def _compare(catalogue_file: Path, vault: Vault, found: _Findings) -> Comparison | None:
    """Every row of the catalogue against what the ledger makes of it."""
    try:
        comparison = compare(catalogue_file, vault)
    except (IntegrityError, NotFoundError, StoreError) as error:
        comparison = Comparison((), (comparison_fault(error),))
    for place, words in comparison.differences:
        found.add("catalogue", "differs", place, f"{words}; {found.advice}")
    return comparison


def _check_originals(
    vault: Vault,
    books: Books,
    found: _Findings,
    stop: Stop,
    block_bytes: int,
    on_file: Callable[[str, int], None],
) -> tuple[int, int, Protection]:
    """Every byte that is to be there, read back from the medium; gives bytes, contents rightly gone, and protection."""
    size_bytes, gone, protection = 0, 0, Protection()
    for path, content in sorted(books.originals.items()):
        stands = vault.path(path).is_file()
        disposed_by = books.disposed_by(content.sha256)
        if not stands and (disposed_by is not None or books.may_be_gone(content.sha256)):
            gone += 1
            continue
        if disposed_by is not None:
            words = f"was disposed of by ledger entry {disposed_by}, and its bytes still stand"
            found.add("original", "not_gone", path, words)
        on_file(path, content.size_bytes or 0)
        size_bytes += content.size_bytes or 0
        if not stands:
            found.add("original", "missing", path, "is missing")
            continue
        _check_original(vault, path, content, found, stop, block_bytes)
        protection = protection.with_file(protection_of(vault.path(path)))
    return size_bytes, gone, protection


def _check_original(vault: Vault, path: str, content: Content, found: _Findings, stop: Stop, block_bytes: int) -> None:
    names = [name for name, _ in content.digests]
    known = [name for name in names if name in hashlib.algorithms_available]
    for name in sorted(set(names) - set(known)):
        found.notes[f"{name} cannot be computed by the OpenSSL of this machine: it was not compared"] = None
    file = vault.path(path)
    try:
        read = read_back(file, was_let_go=let_go(file), block_bytes=block_bytes, stop=stop, digests=known)
    except StoreError as error:
        found.add("original", "unreadable", path, error.message)
        return
    if read.sha256 != content.sha256:
        fault = Fault("original", path, f"its SHA-256 is {read.sha256}, sealed was {content.sha256}")
        found.faults.append(fault)
        found.mismatches.append(_Mismatch(fault, content.sha256, read.sha256))
        return
    sealed = dict(content.digests)
    for name, digest in read.digests:
        if digest != sealed[name]:
            words = f"its {name.upper()} is {digest}, sealed was {sealed[name]}, and SHA-256 is as it was"
            found.add("original", "changed", path, words)


def _check_strays(standing: Sequence[str], papers: Sequence[str], books: Books, found: _Findings) -> None:
    """Files among the originals that nobody vouches for; where a docking is not closed, some may be on their way."""
    for path in standing:
        if not books.is_vouched_for(path):
            words = "stands among the originals, and no entry of the ledger vouches for it"
            found.add("stray", "stray", path, words)
    for path in papers:
        if path not in books.documents:
            found.add("stray", "stray", path, _PAPER_WORDS)


def _check_contents(rows: Sequence[Row], chain: _Chain, found: _Findings) -> None:
    """Contents of the catalogue against what was sealed."""
    originals = chain.books.originals
    for row in rows:
        path = row["vault_path"]
        if path not in originals or originals[path].sha256 != row["sha256"]:
            words = f"the catalogue has it, no sealed sidecar does; {found.advice}"
            found.add("catalogue", "differs", path, words)
    for sha256 in sorted(chain.sealed - {row["sha256"] for row in rows}):
        found.add("catalogue", "differs", sha256, f"sealed in the ledger, unknown to the catalogue; {found.advice}")

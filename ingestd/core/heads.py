"""Signed heads of the ledger: what is signed, in which form, and how heads are held against a ledger.

A head says: at this time the ledger of this vault ended with this entry. Kept outside the station, it shows later
whether the end was cut off or the whole written anew. Signing and checking of signatures is `stores.signing`.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingestd.core.errors import IntegrityError
from ingestd.core.ids import Sha256
from ingestd.core.manifest import canonical_json

HEAD_FORMAT = "ingestd-head/1"
COUNTERSIGNATURE_FORMAT = "ingestd-countersignature/1"
MOST_BYTES = 64 * 1024
"""No file of a head is longer."""

SHORT_DIGITS = 16
"""So many digits of a head's hash are enough for people to compare by eye."""

_SHA256 = r"^[0-9a-f]{64}$"
_KEY_ID = r"^[0-9a-f]{16}$"


class _Signed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str = Field(pattern=_KEY_ID)
    """The first 16 digits of the SHA-256 of the public key in DER (SubjectPublicKeyInfo)."""
    signature: str = ""
    """Ed25519 over `message`, in Base64; empty before it is signed."""

    def message(self) -> bytes:
        """What is signed: the canonical JSON of everything but the signature, without newline."""
        document = self.model_dump(mode="json")
        del document["signature"]
        return canonical_json(document)

    def signature_bytes(self) -> bytes:
        """The raw signature; empty where it is no Base64."""
        try:
            return base64.b64decode(self.signature, validate=True)
        except (binascii.Error, ValueError):
            return b""

    def document_bytes(self) -> bytes:
        """The document as its file has it: one line of canonical JSON."""
        return canonical_json(self.model_dump(mode="json")) + b"\n"


class Head(_Signed):
    """The end of a vault's ledger at one time, signed by its station."""

    format: Literal["ingestd-head/1"] = HEAD_FORMAT  # type: ignore[assignment]
    vault: str
    station: str
    seq: int = Field(ge=1)
    hash: Sha256 = Field(pattern=_SHA256)
    time: str
    digests: dict[str, str] = Field(default_factory=dict)
    """Further hashes of that entry's line, newline included, by name, as hex (`copy.digests`)."""


class Countersignature(_Signed):
    """Somebody else's signature under a signed head: this head was shown to me at this time."""

    format: Literal["ingestd-countersignature/1"] = COUNTERSIGNATURE_FORMAT  # type: ignore[assignment]
    head: Head
    by: str
    note: str = ""
    time: str


Outside = Head | Countersignature
"""What may lie in a file outside of the station."""


def head_of(document: Outside) -> Head:
    """The head itself, whoever signed it further."""
    return document.head if isinstance(document, Countersignature) else document


def parsed(data: bytes, name: str) -> Outside:
    """A file of a head, or of a countersignature under one. Its signatures are not checked here.

    Raises:
        IntegrityError: it is none, or not in the form in which it was written.
    """
    kinds: dict[str, type[Head] | type[Countersignature]] = {
        HEAD_FORMAT: Head,
        COUNTERSIGNATURE_FORMAT: Countersignature,
    }
    try:
        document = json.loads(data)
        kind = kinds[document["format"]]
        found = kind.model_validate(document)
    except (ValueError, KeyError, TypeError, ValidationError, RecursionError) as error:
        raise IntegrityError(f"{name} is no head of a ledger", "see docs/design/ledger.md for its form") from error
    if found.document_bytes() != data:
        raise IntegrityError(f"{name} is not written as it was: it is not in its canonical form")
    return found


def head_name(seq: int) -> str:
    """The name of a head's file: in order of entries."""
    return f"{seq:09d}.json"


def head_words(seq: int, digest: str) -> str:
    """A head for a printed page: place, the digits to compare by eye, and the whole hash."""
    return f"{seq} · {digest[:SHORT_DIGITS]} · {digest}"


class Keys(Protocol):
    """Public keys that are at hand (`stores.signing.Keyring`)."""

    def has(self, key_id: str) -> bool:
        """Whether this one is."""
        ...

    def is_signed(self, key_id: str, signature: bytes, message: bytes) -> bool:
        """Whether the signature is that key's, over exactly this message."""
        ...


class Doubt(NamedTuple):
    """What is wrong with a head, or with a ledger by a head: `forged`, `truncated`, `rewritten`, `foreign`.

    `unchecked` is no fault: the key of a further signature is not at hand.
    """

    kind: str
    words: str


class Standing(NamedTuple):
    """A ledger as it stands, as far as heads ask: its end, and the hashes at the places that they name."""

    vault: str
    last_seq: int
    hashes: Mapping[int, str]


def signature_doubts(document: Outside, keys: Keys) -> list[Doubt]:
    """Whether a head, and whatever was signed under it, is signed by whom it says."""
    found: list[Doubt] = []
    head = head_of(document)
    if not keys.has(head.key):
        found.append(Doubt("forged", f"is signed with the key {head.key}, which is none that this station had"))
    elif not keys.is_signed(head.key, head.signature_bytes(), head.message()):
        found.append(Doubt("forged", f"does not bear the signature of the key {head.key}: it was changed, or forged"))
    if isinstance(document, Countersignature):
        if not keys.has(document.key):
            words = f"is countersigned by {document.by} with the key {document.key}, which is not at hand (--key)"
            found.append(Doubt("unchecked", words))
        elif not keys.is_signed(document.key, document.signature_bytes(), document.message()):
            found.append(Doubt("forged", f"does not bear the countersignature of the key {document.key}"))
    return found


def held_against(head: Head, ledger: Standing) -> Doubt | None:
    """What a head with a good signature says against a ledger; null where they agree."""
    if head.vault != ledger.vault:
        return Doubt("foreign", f"is a head of the vault {head.vault}, and this is {ledger.vault}")
    if head.seq > ledger.last_seq:
        gone = head.seq - ledger.last_seq
        words = (
            f"knows entry {head.seq} at {head.time}, and the ledger ends with entry {ledger.last_seq}: "
            f"{gone} {'entry was' if gone == 1 else 'entries were'} cut off its end"
        )
        return Doubt("truncated", words)
    if ledger.hashes.get(head.seq) != head.hash:
        return Doubt("rewritten", f"knows another entry {head.seq} than the ledger has: the ledger was written anew")
    return None

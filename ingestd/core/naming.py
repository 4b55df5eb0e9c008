"""Names: of entries on a card (bytes, kept as evidence), and of files in the vault (safe on any file system)."""

import base64
import re
import unicodedata
from typing import NamedTuple

from ingestd.core.ids import DockingId, RecordingId

MAX_COMPONENT_CHARACTERS = 80
"""Vault names stay below every file system's limit (255 bytes) in UTF-8, suffixes included."""

_UNSAFE = re.compile(r"[^\w.\-+]+", re.UNICODE)
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "123456789¹²³")}


class CardPath(NamedTuple):
    """The path of an entry on its card: text for people, and the bytes wherever the text is not exactly them."""

    text: str
    encoding: str
    raw_b64: str | None

    @property
    def name(self) -> str:
        """The last component."""
        return self.text.rsplit("/", 1)[-1]


def card_path(raw: bytes) -> CardPath:
    """Read a path as UTF-8, else as GB18030 (which Chinese recorders use on FAT), else with escapes.

    Control characters and lone surrogates never reach a screen or a JSON text: such a name is shown escaped and its
    bytes are kept beside it.
    """
    for encoding in ("utf-8", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not any(unicodedata.category(character) in ("Cc", "Cs", "Cf", "Cn", "Zl", "Zp") for character in text):
            return CardPath(text, encoding, None if encoding == "utf-8" else _b64(raw))
        break
    text = raw.decode("utf-8", "backslashreplace")
    escaped = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
    return CardPath(escaped, "escaped", _b64(raw))


def raw_card_path(path: CardPath) -> bytes:
    """The bytes of the path, as the card had them."""
    return base64.b64decode(path.raw_b64) if path.raw_b64 is not None else path.text.encode(path.encoding)


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def safe_component(text: str, *, fallback: str = "unnamed") -> str:
    """One path component that is legal, readable and harmless on ext4, XFS, exFAT, NTFS and ISO 9660 + Joliet."""
    cleaned = _UNSAFE.sub("_", unicodedata.normalize("NFC", text)).lstrip("._- ")[:MAX_COMPONENT_CHARACTERS]
    while len(cleaned.encode("utf-8")) > 3 * MAX_COMPONENT_CHARACTERS // 2:
        cleaned = cleaned[:-1]
    cleaned = cleaned.rstrip("._ ")
    if not cleaned:
        return fallback
    return f"_{cleaned}" if cleaned.split(".")[0].lower() in _RESERVED else cleaned


def original_file_name(card_name: str, recording: RecordingId) -> str:
    """The vault name of an original: its own name made safe, then 12 digits of the recording, then its extension.

    The digits make names collision-free on file systems that fold case or normalise; the rest is for people.
    """
    # Composed, as the rest is made: a file system that composes names would give back another extension.
    stem, dot, extension = unicodedata.normalize("NFC", card_name).rpartition(".")
    if not dot or not extension.isalnum() or len(extension) > 8:
        stem, extension = card_name, ""
    tail = recording.replace("-", "")[-12:]
    suffix = f".{extension}" if extension else ""
    return f"{safe_component(stem)}.{tail}{suffix}"


def docking_folder(opened_local_date: str, recorder: str | None, docking: DockingId) -> str:
    """The vault folder of one docking: `originals/2026/2026-11-21/<recorder>-<12 digits of the docking>`.

    Args:
        opened_local_date: the docking's date in the bureau's zone, `YYYY-MM-DD`. The station's date and not the
            recorder's, because the recorder's clock may be wrong and the path must not claim what is not known.
        recorder: device number, null when no recorder could be named.
        docking: the docking.
    """
    year = opened_local_date[:4]
    return f"originals/{year}/{opened_local_date}/{safe_component(recorder or 'unknown')}-{docking_tail(docking)}"


def docking_tail(docking: DockingId) -> str:
    """The 12 digits by which a folder's name tells its docking."""
    return docking.replace("-", "")[-12:]


def sidecar_name(original_name: str) -> str:
    """The birth sidecar beside an original."""
    return f"{original_name}.birth.json"


def original_of(sidecar: str) -> str:
    """The path of the original that would lie beside a birth sidecar."""
    return sidecar.removesuffix(".birth.json")


def derived_path(original_path: str, suffix: str) -> str:
    """Where a derived object of an original lies: the same path under `derived/`, with a suffix of its own."""
    return f"derived/{original_path.removeprefix('originals/')}{suffix}"

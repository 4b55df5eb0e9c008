"""What the station asks of the helper that erases, what the helper writes down, and both as acts of the ledger.

The helper writes one canonical JSON line before it removes a file and another behind it. Whatever ends it in between,
the lines say which files are gone, which stay, and of which one file that is not known.
"""

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from ingestd.core.clock import from_text, to_text
from ingestd.core.copies import ErasableFile, SafeToErase
from ingestd.core.custody import Act
from ingestd.core.ids import RecordingId, Sha256
from ingestd.core.manifest import canonical_json, sha256_of
from ingestd.core.naming import CardPath

ASKED: Final = "release.asked"
ERASED: Final = "recording.erased_from_recorder"
KEPT: Final = "recording.kept_on_recorder"
FINISHED: Final = "release.finished"
UNREADABLE_LINE: Final = "release.line_unreadable"
RELEASE_ACTS: Final = (ASKED, ERASED, KEPT, FINISHED, UNREADABLE_LINE)

FORMAT: Final = "ingestd-erase/1"
_ID: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$"
_DIGEST: Final = r"^[0-9a-f]{64}$"
_Words = Annotated[str, StringConstraints(max_length=512)]


class Outcome(StrEnum):
    """What became of one listed file on the recorder."""

    ERASED = "erased"
    """Read once more, equal to what was sealed, then removed."""
    CHANGED = "changed"
    """Not as it was listed: another size or time, or no ordinary file any more."""
    DIFFERENT = "different"
    """Its bytes are not those that were sealed."""
    MISSING = "missing"
    """Not there any more."""
    UNREADABLE = "unreadable"
    """The medium would not give it, or would not let go of it."""
    NOT_HELD = "not_held"
    """The vault's own copy was not in its place when it was looked for just before."""
    UNSETTLED = "unsettled"
    """The helper ended between announcing the removal and saying that it was done: it may be gone."""


class Ending(StrEnum):
    """How the helper's work ended."""

    DONE = "done"
    PULLED = "pulled"
    """The recorder went away in the middle."""
    FAILED = "failed"
    """The helper could not go on; nothing further was touched."""
    BROKEN_OFF = "broken_off"
    """The helper was killed, or the station lost its power."""
    NOT_BEGUN = "not_begun"
    """No helper took the request."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ListedFile(_Strict):
    """One file of a list: what must stand at its path, and where the vault holds its bytes."""

    ordinal: int = Field(ge=0)
    card_path: str
    encoding: str
    raw_b64: str | None
    size_bytes: int = Field(ge=0)
    modified_ns: int | None
    sha256: str = Field(pattern=_DIGEST)
    recording_id: str
    vault_path: str

    @property
    def path(self) -> CardPath:
        """Its path on the card."""
        return CardPath(self.card_path, self.encoding, self.raw_b64)


class EraseList(_Strict):
    """The files of one docking that may be erased; a document of the vault, named with its digest by `ASKED`."""

    format: Literal["ingestd-erase/1"]
    release_id: str = Field(pattern=_ID)
    docking_id: str
    asked_at: str
    asked_by: str
    device: str = Field(pattern=r"^/dev/[a-z][a-z0-9]*$")
    diskseq: int = Field(ge=1)
    fs_type: Literal["vfat", "exfat"]
    fs_uuid: str
    copies_required: int = Field(ge=1)
    files: list[ListedFile]

    @field_validator("asked_at")
    @classmethod
    def _asked_at_is_a_time(cls, at: str) -> str:
        from_text(at)
        return at

    def known_files(self) -> "dict[int, KnownFile]":
        """The files by their place in the docking's listing."""
        return {
            file.ordinal: KnownFile(self.docking_id, RecordingId(file.recording_id), file.sha256, file.card_path)
            for file in self.files
        }


class EraseRequest(_Strict):
    """The small file that the station puts where the helper looks: which list, and the digest that it must have."""

    release_id: str = Field(pattern=_ID)
    path: str = Field(pattern=r"^releases/[0-9a-f-]{36}\.json$")
    sha256: str = Field(pattern=_DIGEST)


class _Line(_Strict):
    release_id: str = Field(pattern=_ID)
    at: str

    @field_validator("at")
    @classmethod
    def _at_is_a_time(cls, at: str) -> str:
        from_text(at)
        return at


class _Begun(_Line):
    line: Literal["begun"]
    list_sha256: str = Field(pattern=_DIGEST)
    device: _Words


class _Intended(_Line):
    line: Literal["intended"]
    ordinal: int = Field(ge=0)


class _Settled(_Line):
    line: Literal["settled"]
    ordinal: int = Field(ge=0)
    outcome: Literal["erased", "changed", "different", "missing", "unreadable", "not_held"]
    words: _Words = ""


class _Ended(_Line):
    line: Literal["ended"]
    ending: Literal["done", "pulled", "failed"]
    words: _Words = ""


_KINDS: Final[Mapping[str, type[_Line]]] = {
    "begun": _Begun,
    "intended": _Intended,
    "settled": _Settled,
    "ended": _Ended,
}


def erase_list(proof: SafeToErase, *, release_id: str, by: str) -> EraseList:
    """The list that a proof stands for."""
    return EraseList(
        format=FORMAT,
        release_id=release_id,
        docking_id=proof.docking_id,
        asked_at=to_text(proof.proved_at),
        asked_by=by,
        device=proof.volume["device"],
        diskseq=int(proof.volume["diskseq"]),
        fs_type="vfat" if proof.volume["fs_type"] == "vfat" else "exfat",
        fs_uuid=proof.volume.get("fs_uuid", ""),
        copies_required=proof.copies_required,
        files=[_listed(file) for file in proof.files],
    )


def _listed(file: ErasableFile) -> ListedFile:
    return ListedFile(
        ordinal=file.ordinal,
        card_path=file.path.text,
        encoding=file.path.encoding,
        raw_b64=file.path.raw_b64,
        size_bytes=file.size_bytes,
        modified_ns=file.modified_ns,
        sha256=file.sha256,
        recording_id=file.recording_id,
        vault_path=file.vault_path,
    )


def asked_act(listing: EraseList, path: str, digest: Sha256) -> Act:
    """The act that a list is asked for with; its document is vouched for like every other."""
    data = {
        "docking_id": listing.docking_id,
        "record": path,
        "record_sha256": digest,
        "files": len(listing.files),
        "bytes": sum(file.size_bytes for file in listing.files),
        "copies_required": listing.copies_required,
        "device": listing.device,
        "diskseq": listing.diskseq,
    }
    return Act(act="release.asked", actor=listing.asked_by, subject=listing.release_id, data=data)


# Lines of the helper


def begun_line(release_id: str, at: dt.datetime, *, list_sha256: str, device: str) -> bytes:
    """The helper takes this list in hand, at this device."""
    return _line({"line": "begun", "release_id": release_id, "list_sha256": list_sha256, "device": device}, at)


def intended_line(release_id: str, at: dt.datetime, ordinal: int) -> bytes:
    """This file was read once more and is equal; it is removed next."""
    return _line({"line": "intended", "release_id": release_id, "ordinal": ordinal}, at)


def settled_line(release_id: str, at: dt.datetime, ordinal: int, outcome: Outcome, words: str) -> bytes:
    """What became of this file."""
    settled = {"line": "settled", "release_id": release_id, "ordinal": ordinal, "outcome": outcome}
    return _line(settled | {"words": words[:512]}, at)


def ended_line(release_id: str, at: dt.datetime, ending: Ending, words: str) -> bytes:
    """The helper's work is over."""
    return _line({"line": "ended", "release_id": release_id, "ending": ending, "words": words[:512]}, at)


def _line(document: dict[str, Any], at: dt.datetime) -> bytes:
    return canonical_json(document | {"at": to_text(at)}) + b"\n"


# Lines as acts


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the station knows of a file of its list."""

    docking_id: str
    recording_id: RecordingId
    sha256: str
    card_path: str


@dataclass(frozen=True, slots=True)
class Receipts:
    """What is to be entered: acts, and how the helper's work ended; null while it has not."""

    acts: tuple[Act, ...]
    ending: Ending | None
    words: str


def receipts_of(
    data: bytes,
    release_id: str,
    files: Mapping[int, KnownFile],
    entered: frozenset[str],
    *,
    is_over: bool,
) -> Receipts:
    """What a helper's file says that does not stand in the ledger yet, in order, each line once.

    Args:
        data: the file.
        release_id: that it is named for.
        files: of the list, by ordinal.
        entered: SHA-256 of the lines that stand in the ledger.
        is_over: the helper has ended. A file that it had announced and not settled is unsettled then.
    """
    acts: dict[str, Act] = {}
    announced: dict[int, tuple[Sha256, str]] = {}
    ending: Ending | None = None
    words = ""
    for raw in _lines(data, is_over=is_over):
        digest = sha256_of(raw)
        line = _parsed(raw, release_id, files)
        if line is None:
            told = {"line_sha256": digest, "bytes": len(raw)}
            acts[digest] = Act(act="release.line_unreadable", subject=release_id, data=told)
        elif isinstance(line, _Intended):
            announced[line.ordinal] = (digest, line.at)
        elif isinstance(line, _Settled):
            announced.pop(line.ordinal, None)
            acts[digest] = _file_act(line.ordinal, line.outcome, line.words, line.at, digest, release_id, files)
        elif isinstance(line, _Ended):
            ending, words = Ending(line.ending), line.words
    if is_over:
        for ordinal, (digest, at) in announced.items():
            told_words = "the helper ended before it said what became of this file"
            acts[digest] = _file_act(ordinal, Outcome.UNSETTLED, told_words, at, digest, release_id, files)
        if ending is None:
            ending, words = Ending.BROKEN_OFF, "the helper ended without a word"
    fresh = tuple(act for digest, act in acts.items() if digest not in entered)
    return Receipts(fresh, ending if is_over else None, words)


def finished_act(release_id: str, ending: Ending, words: str, counts: Mapping[str, int]) -> Act:
    """The act that closes a release; `counts` are files by `Outcome`."""
    return Act(
        act="release.finished", subject=release_id, data={"ending": ending, "words": words, "files": dict(counts)}
    )


def _file_act(
    ordinal: int, outcome: str, words: str, at: str, digest: str, release_id: str, files: Mapping[int, KnownFile]
) -> Act:
    file = files[ordinal]
    data = {
        "release_id": release_id,
        "docking_id": file.docking_id,
        "ordinal": ordinal,
        "card_path": file.card_path,
        "sha256": file.sha256,
        "outcome": outcome,
        "words": words,
        "at": at,
        "line_sha256": digest,
    }
    if outcome == Outcome.ERASED:
        return Act(act="recording.erased_from_recorder", subject=file.recording_id, data=data)
    return Act(act="recording.kept_on_recorder", subject=file.recording_id, data=data)


def _lines(data: bytes, *, is_over: bool) -> Iterator[bytes]:
    parts: Sequence[bytes] = [part for part in re.split(rb"(?<=\n)", data) if part]
    for part in parts:
        # A last line without its end is still being written; of a helper that has ended it announced nothing.
        if part.endswith(b"\n") or is_over:
            yield part


def _parsed(raw: bytes, release_id: str, files: Mapping[int, KnownFile]) -> _Line | None:
    """A line of the helper's; null for one that is none, is of another release, or names a file of no list."""
    try:
        document = json.loads(raw)
        line = _KINDS[document["line"]].model_validate(document)
    except (ValueError, TypeError, KeyError, RecursionError, ValidationError):
        return None
    is_known = not isinstance(line, _Intended | _Settled) or line.ordinal in files
    return line if raw.endswith(b"\n") and line.release_id == release_id and is_known else None

"""The batons that stages hand on. Each can only be made from the one before it, so no stage can be skipped."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ingestd.core.facts import MediaFacts
from ingestd.core.findings import Finding
from ingestd.core.ids import DockingId, RecordingId, Sha256
from ingestd.core.naming import CardPath
from ingestd.core.origin import Origin


class EntryKind(StrEnum):
    """What an entry of a card is."""

    FILE = "file"
    LINK = "link"
    SPECIAL = "special"
    UNREADABLE = "unreadable"
    """A directory or entry that the medium refused to describe."""


class Inlet(StrEnum):
    """How a card came to the station."""

    UDEV = "udev"
    INBOX = "inbox"
    COMMAND = "command"
    SIMULATOR = "simulator"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One entry of a card as the listing saw it; nothing of it has been read yet.

    `modified_ns` is what the file system says, in nanoseconds since 1970 (FAT: local time without zone, 2 s steps);
    a hint for people, never an identity.
    """

    ordinal: int
    path: CardPath
    kind: EntryKind
    size_bytes: int
    modified_ns: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class RecorderIdentity:
    """Which recorder this is, and how that is known.

    `recorder_id` is the device number, null when no source names one. `key` is what equal bytes are compared within:
    the device number, or the volume or folder that stood in for it.
    """

    recorder_id: str | None
    key: str
    evidence: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()


BUREAU_ZONE: Final = "bureau zone"
"""Value of `file_times` in a docking's volume: modification times are local ones of the bureau, told as if UTC."""


@dataclass(frozen=True, slots=True)
class Docking:
    """One stay of one recorder in one bay. `profile_id` is the family that its card was told as, null for none.

    `origin` is where material that is no recorder's is declared to come from; null where nobody declared anything.
    """

    docking_id: DockingId
    bay: str
    inlet: Inlet
    opened_at: dt.datetime
    recorder: RecorderIdentity
    folder: str
    volume: Mapping[str, str]
    profile_id: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A listed entry with the identity that its recording will have if it turns out to be new."""

    source: SourceFile
    recording_id: RecordingId
    profile_id: str | None


@dataclass(frozen=True, slots=True)
class Acquired:
    """Bytes in staging, hashed on the way. Not yet durable, not yet read back; nothing is promised.

    `digests` are further hashes by name, as hex. `unreadable` are half-open ranges that the medium refused and that
    are zeros here. `resumed_at` is the byte from which an interrupted copy went on, 0 for a whole one.
    """

    planned: PlannedFile
    sha256: Sha256
    size_bytes: int
    digests: Mapping[str, str]
    copy_seconds: float
    unreadable: tuple[tuple[int, int], ...] = ()
    resumed_at: int = 0
    instability: str = ""
    """In words, when the file was not the same before and after it was read; empty when it was."""
    second_sha256: Sha256 | None = None
    """Of a second reading of the source, where one was asked for."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The staged bytes are durable, were read back and equal what the recorder gave.

    `read_back` says from where: `medium` (the page cache was dropped and checked to be empty, or went around) or
    `cache` (the file system would not let go of it, as tmpfs does not): the sidecar repeats it, so that no more is
    claimed than is true.
    """

    acquired: Acquired
    read_back: str
    verify_seconds: float


@dataclass(frozen=True, slots=True)
class Sealed:
    """An original in the vault, with birth sidecar and ledger entry."""

    recording_id: RecordingId
    docking_id: DockingId
    recorder_key: str
    recorder_id: str | None
    card_path: str
    sha256: Sha256
    size_bytes: int
    vault_path: str
    """Of the content: where the bytes lie."""
    sidecar_path: str
    profile_id: str | None
    modified_ns: int | None
    origin: str | None = None
    """`core.origin.OriginKind` of what is declared to be no recorder's; null for all other."""


@dataclass(frozen=True, slots=True)
class Analysed:
    """A sealed recording with its facts (null when the media room could not answer) and findings."""

    sealed: Sealed
    facts: MediaFacts | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class RecordedTimes:
    """When a recording was made, in UTC, and which source says so (`name`, `container`, `file_system`, `docking`)."""

    start: dt.datetime
    end: dt.datetime
    source: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """An analysed recording with who, when and where; `tags` is JSON with the source of each tag.

    `findings` are those of sources that disagree.
    """

    analysed: Analysed
    times: RecordedTimes
    tags: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of live state of a bay; plain numbers, safe to send to a screen.

    `is_present`: something is in the bay. `may_be_removed`: nothing is lost when it is taken out now; only the daemon
    says so, of all volumes of the bay together. `advice`: what the person in front of the bay does.
    """

    bay: str
    state: str
    recorder: str | None = None
    docking_id: str | None = None
    file: str | None = None
    files_done: int = 0
    files_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    bytes_per_second: float = 0.0
    seconds_left: float | None = None
    message: str = ""
    percent: int = 0
    officer: str | None = None
    is_present: bool = False
    may_be_removed: bool = False
    advice: str = ""

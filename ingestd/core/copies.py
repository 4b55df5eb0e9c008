"""The proof that files may be erased from a recorder: enough verified copies of each, and nothing left open.

"May be removed" is a state of a bay after sealing. "May be erased" is this proof, and nothing else: whoever erases
takes a `SafeToErase`, which only `prove` makes.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass
from typing import Final

from ingestd.core.ids import DockingId, RecordingId, Sha256
from ingestd.core.lifecycle import Fate
from ingestd.core.naming import CardPath

VAULT_PLACE: Final = "vault"
"""How the station's own copy is called where copies are counted."""

ERASABLE_FILE_SYSTEMS: Final = ("vfat", "exfat")
"""Others have a journal that would be replayed, or owners and links that a list of names says nothing of."""

_MADE_BY_PROVE: Final = object()
_MOST_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class VerifiedCopy:
    """One place that gave these bytes back when it was last read. `place` is `VAULT_PLACE` or a store's name."""

    place: str
    verified_at: dt.datetime


@dataclass(frozen=True, slots=True)
class DockedEntry:
    """An entry of a card as its docking accounted for it. The last three are null where no recording holds it."""

    ordinal: int
    path: CardPath
    size_bytes: int
    modified_ns: int | None
    fate: Fate
    recording_id: RecordingId | None
    sha256: Sha256 | None
    vault_path: str | None


@dataclass(frozen=True, slots=True)
class Stay:
    """One docking as far as erasing asks for it.

    `outcome` is null while it is open. `doubt` says in words why a person must look first; empty for none. `volume`
    is the docking's own.
    """

    docking_id: DockingId
    outcome: str | None
    doubt: str
    volume: Mapping[str, str]
    entries: tuple[DockedEntry, ...]


@dataclass(frozen=True, slots=True)
class ReleaseRules:
    """What the station's settings ask of a release."""

    is_enabled: bool
    copies_required: int
    verified_within: dt.timedelta
    """Copies that were last read longer ago do not count."""


@dataclass(frozen=True, slots=True)
class ErasableFile:
    """One file that may be erased, as it was when it was sealed. `copies` are the places that hold its bytes."""

    ordinal: int
    path: CardPath
    size_bytes: int
    modified_ns: int | None
    sha256: Sha256
    recording_id: RecordingId
    vault_path: str
    copies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SafeToErase:
    """The proof for one docking: these files, and no others, may be erased from the recorder that held them."""

    docking_id: DockingId
    volume: Mapping[str, str]
    files: tuple[ErasableFile, ...]
    copies_required: int
    proved_at: dt.datetime
    made_by: InitVar[object] = None

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _MADE_BY_PROVE:
            raise TypeError("a proof is made by core.copies.prove alone")


@dataclass(frozen=True, slots=True)
class KeepOnRecorder:
    """Why nothing may be erased, in words; never empty."""

    docking_id: DockingId
    reasons: tuple[str, ...]


def prove(
    stay: Stay,
    copies: Mapping[Sha256, Sequence[VerifiedCopy]],
    rules: ReleaseRules,
    *,
    clock_doubt: str,
    now: dt.datetime,
) -> SafeToErase | KeepOnRecorder:
    """Prove that the files of a docking may be erased, or say all that speaks against it.

    It is all or nothing: one entry that is not accounted for, or one content with too few copies, keeps every file.

    Args:
        copies: verified copies of each content, by its digest.
        clock_doubt: why the station's clock cannot be believed, in words; empty where it can.
    """
    held = [entry for entry in stay.entries if entry.fate.is_secured]
    reasons = [*_station_reasons(rules, clock_doubt), *_stay_reasons(stay)]
    files, short = [], []
    for entry in held:
        if entry.sha256 is None or entry.recording_id is None or entry.vault_path is None:
            reasons.append(f"{entry.path.text}: no recording is known to hold it")
            continue
        places = _places(copies.get(entry.sha256, ()), now - rules.verified_within)
        if len(places) < rules.copies_required:
            short.append(f"{entry.path.text} ({len(places)})")
        files.append(
            ErasableFile(
                entry.ordinal, entry.path, entry.size_bytes, entry.modified_ns,
                entry.sha256, entry.recording_id, entry.vault_path, places,
            )
        )  # fmt: skip
    if short:
        reasons.append(f"fewer than {rules.copies_required} verified copies of {_some(short)}")
    if not held:
        reasons.append("nothing of this recorder is held")
    if reasons:
        return KeepOnRecorder(stay.docking_id, tuple(reasons))
    return SafeToErase(stay.docking_id, stay.volume, tuple(files), rules.copies_required, now, made_by=_MADE_BY_PROVE)


def _places(copies: Sequence[VerifiedCopy], since: dt.datetime) -> tuple[str, ...]:
    """Different places that were read lately; two copies in one store are lost together and count once."""
    return tuple(sorted({copy.place for copy in copies if copy.verified_at >= since}))


def _station_reasons(rules: ReleaseRules, clock_doubt: str) -> list[str]:
    reasons = [] if rules.is_enabled else ["recorders are kept as they are: release.enabled = false"]
    return reasons + ([f"the station's clock is not to be believed: {clock_doubt}"] if clock_doubt else [])


def _stay_reasons(stay: Stay) -> list[str]:
    reasons = []
    if stay.outcome != "complete":
        reasons.append(f"the docking is {stay.outcome or 'still open'}, not complete")
    if stay.doubt:
        reasons.append(stay.doubt)
    loose = [entry for entry in stay.entries if not entry.fate.is_settled or entry.fate is Fate.QUARANTINED]
    if loose:
        reasons.append("not accounted for: " + _some([f"{entry.path.text} ({entry.fate})" for entry in loose]))
    if stay.volume.get("transport") != "block" or not stay.volume.get("diskseq"):
        reasons.append("it did not come as a disk whose medium is numbered")
    elif stay.volume.get("fs_type") not in ERASABLE_FILE_SYSTEMS:
        known, its = ", ".join(ERASABLE_FILE_SYSTEMS), stay.volume.get("fs_type") or "not known"
        reasons.append(f"its file system is {its}; files are erased on {known} only")
    return reasons


def _some(words: Sequence[str]) -> str:
    shown = ", ".join(words[:_MOST_EXAMPLES])
    return shown if len(words) <= _MOST_EXAMPLES else f"{shown} and {len(words) - _MOST_EXAMPLES} more"

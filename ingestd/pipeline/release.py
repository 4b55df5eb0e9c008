"""Release of recorders (清空记录仪): the proof, the request to the helper that erases, and its receipts.

The station itself never writes to a recorder. It proves, puts a list into the vault, names it in the ledger and asks;
what the helper then did is taken over from its file, each line exactly once.
"""

import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import Engine

from ingestd.core.clock import from_text, to_text
from ingestd.core.copies import (
    VAULT_PLACE,
    DockedEntry,
    KeepOnRecorder,
    ReleaseRules,
    SafeToErase,
    Stay,
    VerifiedCopy,
    prove,
)
from ingestd.core.disposal import clock_fault
from ingestd.core.erase_acts import (
    Ending,
    EraseList,
    EraseRequest,
    Receipts,
    asked_act,
    erase_list,
    finished_act,
    receipts_of,
)
from ingestd.core.errors import IntegrityError, RefusedError
from ingestd.core.ids import DockingId, RecordingId, Sha256, new_uuid7
from ingestd.core.lifecycle import Fate, State
from ingestd.core.manifest import canonical_json, sha256_of
from ingestd.core.naming import CardPath
from ingestd.core.replicas import ReplicaCopy
from ingestd.core.settings import ReleaseSettings
from ingestd.devices.mountinfo import volume_presence
from ingestd.pipeline.parts import Parts
from ingestd.stores.devicejournal import VisitFile, visit_files
from ingestd.stores.durable import make_directory, remove, replace_whole, translated
from ingestd.stores.fixity import FixityBook
from ingestd.stores.fleet import FleetRegister
from ingestd.stores.releases import ReleaseBook, Row
from ingestd.stores.search import Catalogue
from ingestd.stores.vault import Vault

BEGIN_SECONDS: Final = 120.0
"""A request that no helper took for so long is taken back."""

_MOST_JOURNAL_BYTES: Final = 256 * 1024 * 1024
_MOST_CLOCK_STEP: Final = dt.timedelta(days=31)

CopiesOf = Callable[[Sha256], Sequence[ReplicaCopy]]
"""Copies of these bytes in other stores that were read back and found equal."""


def rules_of(settings: ReleaseSettings) -> ReleaseRules:
    """What the settings ask of a release."""
    within = dt.timedelta(days=settings.verified_within_days)
    return ReleaseRules(settings.is_enabled, settings.copies_required, within)


def clock_doubt(now: dt.datetime, last_time: str | None, *, is_synchronised: bool) -> str:
    """Why the station's clock is not to be believed; empty where it is.

    Args:
        last_time: of the ledger's last entry, UTC text.
    """
    last = from_text(last_time) if last_time else None
    return clock_fault(now, last, is_synchronised=is_synchronised, most_step=_MOST_CLOCK_STEP) or ""


def is_in_place(volume: Mapping[str, str]) -> bool:
    """Whether the medium of a docking is in the machine."""
    return volume_presence(volume["device"], int(volume["diskseq"]))()


class Prover:
    """Gathers what the proof needs. It only reads, and works beside a running station as well."""

    def __init__(self, engine: Engine, vault: Vault, copies_of: CopiesOf) -> None:
        self._fleet = FleetRegister(engine)
        self._catalogue = Catalogue(engine)
        self._fixity = FixityBook(engine)
        self._vault = vault
        self._copies_of = copies_of
        self.releases = ReleaseBook(engine)

    def docking(self, docking_id: str) -> Row:
        """A docking by its id or the last digits of it.

        Raises:
            NotFoundError: none, or more than one.
        """
        return self._catalogue.docking(self._fleet.docking(docking_id)["docking_id"])

    def plan(
        self, docking_id: str, rules: ReleaseRules, *, clock_doubt: str, now: dt.datetime
    ) -> SafeToErase | KeepOnRecorder:
        """Prove that the files of a docking may be erased from its recorder, or say all that speaks against it.

        Raises:
            NotFoundError: there is no such docking.
        """
        row = self.docking(docking_id)
        docking = DockingId(row["docking_id"])
        entries = tuple(_entry(one) for one in self.releases.entries(docking))
        waits = (row["admission_is_quarantined"] or row["admission_is_conflicting"]) and not row["admission_settled_at"]
        doubt = f"it waits for a person: {row['admission_reason']}" if waits else ""
        stay = Stay(docking, row["outcome"], doubt, row["document"]["volume"], entries)
        return prove(stay, self._copies(entries), rules, clock_doubt=clock_doubt, now=now)

    def _copies(self, entries: Sequence[DockedEntry]) -> Mapping[Sha256, list[VerifiedCopy]]:
        """Verified copies of what a docking brought, wherever they are. A damaged one does not count."""
        wanted = {entry.sha256: entry for entry in entries if entry.sha256 is not None}
        read_at, faulty = self._fixity.checked_at([*wanted]), self._fixity.faulty_digests()
        found: dict[Sha256, list[VerifiedCopy]] = {}
        for sha256, entry in wanted.items():
            copies = found.setdefault(sha256, [])
            has_own = entry.vault_path is not None and self._vault.has_file(entry.vault_path, entry.size_bytes)
            if has_own and sha256 in read_at and sha256 not in faulty:
                copies.append(VerifiedCopy(VAULT_PLACE, from_text(read_at[sha256])))
            copies += [VerifiedCopy(copy.store, copy.verified_at) for copy in self._copies_of(sha256)]
        return found


@dataclass(frozen=True, slots=True)
class Ended:
    """A release that came to its end in this round."""

    release_id: str
    docking_id: str
    ending: Ending
    words: str
    outcomes: Mapping[str, int]


class ReleaseDesk:
    """The one place of a station at which erasing is asked for and receipts are taken over. Safe from many threads.

    Args:
        parts: asked anew each time, because a reload may change the settings.
        copies_of: in other stores.
        is_clock_synchronised: asked at each request.
        is_there: whether the medium of a volume is in the machine.
    """

    def __init__(
        self,
        parts: Callable[[], Parts],
        copies_of: CopiesOf,
        is_clock_synchronised: Callable[[], bool],
        is_there: Callable[[Mapping[str, str]], bool] = is_in_place,
    ) -> None:
        now = parts()
        self._parts = parts
        self._is_clock_synchronised = is_clock_synchronised
        self._is_there = is_there
        self._folder = now.settings.erase_dir
        self._receipts = self._folder / "receipts"
        self.prover = Prover(now.chronicle.engine, now.vault, copies_of)
        self._lock = threading.Lock()

    def plan(self, docking_id: str) -> SafeToErase | KeepOnRecorder:
        """The proof for a docking, or what speaks against it.

        Raises:
            NotFoundError: there is no such docking.
        """
        parts = self._parts()
        now = parts.clock.now()
        doubt = clock_doubt(now, parts.chronicle.last_time, is_synchronised=self._is_clock_synchronised())
        return self.prover.plan(docking_id, rules_of(parts.settings.release), clock_doubt=doubt, now=now)

    def ask(self, docking_id: str, by: str) -> dict[str, Any]:
        """Ask for what a docking brought to be erased from its recorder, which must still be there.

        Returns: `release_id`, `docking_id`, `files`, `bytes`.

        Raises:
            NotFoundError: there is no such docking.
            RefusedError: it is not proved that the files may go, or the recorder is not in its place.
            StoreError: list, ledger or request cannot be written; without the last nothing is erased.
        """
        with self._lock:
            proof = self.plan(docking_id)
            if isinstance(proof, KeepOnRecorder):
                raise RefusedError("nothing is erased: " + "; ".join(proof.reasons), "see: ingestd release plan")
            if not self._is_there(proof.volume):
                raise RefusedError("the recorder of this docking is not in its place any more", "dock it again")
            if any(one["device"] == proof.volume["device"] for one in self.prover.releases.open()):
                raise RefusedError("files are being erased from this recorder already", "see: ingestd release show")
            return self._ask(proof, by)

    def _ask(self, proof: SafeToErase, by: str) -> dict[str, Any]:
        """List into the vault → act → request; only the last has anything erased."""
        parts = self._parts()
        release_id = str(new_uuid7(parts.clock.now()))
        listing = erase_list(proof, release_id=release_id, by=by)
        path = f"releases/{release_id}.json"
        parts.vault.make_folder("releases")
        digest = sha256_of(parts.vault.write_document(path, listing.model_dump(mode="json")))
        act = asked_act(listing, path, digest)
        parts.chronicle.enter(act)
        request = EraseRequest(release_id=release_id, path=path, sha256=digest)
        self._make_folder()
        replace_whole(_asked_file(self._folder, listing.device), canonical_json(request.model_dump()) + b"\n")
        told = {key: act.data[key] for key in ("docking_id", "files", "bytes")}
        return {"release_id": release_id, **told}

    def _make_folder(self) -> None:
        """The helper is root without root's rights: it writes here as a member of the station's group, and gives
        nothing to anybody else."""
        for folder in (self._folder, self._receipts):
            if not folder.is_dir():
                make_directory(folder)
                with translated("set the mode of", folder):
                    folder.chmod(0o770)

    def take_over(self) -> list[Ended]:
        """Enter what helpers wrote down since; releases that are over are closed. Safe to be killed anywhere.

        Raises:
            StoreError: the ledger takes nothing, or a file cannot be read or removed.
        """
        ended = []
        with self._lock:
            # Looked at before the journals: whoever takes a request away has begun his journal before.
            waiting = {
                row["release_id"]: _asked_file(self._folder, row["device"]).exists()
                for row in self.prover.releases.open()
            }
            seen = set()
            for file in visit_files(self._receipts, most_bytes=_MOST_JOURNAL_BYTES):
                seen.add(file.visit_id)
                ended += self._take(file)
            for release_id, has_request in waiting.items():
                if release_id not in seen:
                    ended += self._give_up(release_id, has_request=has_request)
        return ended

    def _take(self, file: VisitFile) -> list[Ended]:
        release = self.prover.releases.release(file.visit_id)
        if release is None or file.refusal:
            return []
        chronicle, book = self._parts().chronicle, self.prover.releases
        listing = self._listing(release)
        standing = book.lines_of(file.visit_id)
        receipts = receipts_of(file.data, file.visit_id, listing.known_files(), standing, is_over=file.is_over)
        if receipts.acts:
            chronicle.enter(*receipts.acts)
        if receipts.ending is None:
            return []
        ended = [] if release["finished_at"] else [self._finish(release, receipts)]
        file.remove()
        return ended

    def _finish(self, release: Row, receipts: Receipts) -> Ended:
        assert receipts.ending is not None
        outcomes = self.prover.releases.outcomes(release["release_id"])
        self._parts().chronicle.enter(finished_act(release["release_id"], receipts.ending, receipts.words, outcomes))
        return Ended(release["release_id"], release["docking_id"], receipts.ending, receipts.words, outcomes)

    def _give_up(self, release_id: str, *, has_request: bool) -> list[Ended]:
        """A release without a journal: no helper took it, or the station was ended before it had asked."""
        release = self.prover.releases.release(release_id)
        if release is None or release["finished_at"]:
            return []
        waited = (self._parts().clock.now() - from_text(release["asked_at"])).total_seconds()
        volume = {"device": release["device"], "diskseq": str(release["diskseq"])}
        if has_request and 0 <= waited < BEGIN_SECONDS and self._is_there(volume):
            return []
        remove(_asked_file(self._folder, release["device"]))
        words = "no helper took the request: is ingestd-erase@.path installed?" if has_request else "it was never asked"
        return [self._finish(release, Receipts((), Ending.NOT_BEGUN, words))]

    def _listing(self, release: Row) -> EraseList:
        data = self._parts().vault.read_bytes(release["list_path"])
        try:
            if sha256_of(data) == release["list_sha256"]:
                return EraseList.model_validate_json(data)
        except ValidationError as error:
            raise IntegrityError(f"{release['list_path']} is no list", "restore it from a backup") from error
        raise IntegrityError(f"{release['list_path']} is not the list that the ledger names", "restore it")


def document_of(plan: SafeToErase | KeepOnRecorder) -> dict[str, Any]:
    """A plan as JSON."""
    if isinstance(plan, KeepOnRecorder):
        return {"docking_id": plan.docking_id, "is_safe_to_erase": False, "reasons": list(plan.reasons), "files": []}
    files = [
        {
            "card_path": file.path.text,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
            "recording_id": file.recording_id,
            "copies": list(file.copies),
        }
        for file in plan.files
    ]
    proved = {"copies_required": plan.copies_required, "proved_at": to_text(plan.proved_at)}
    return {"docking_id": plan.docking_id, "is_safe_to_erase": True, "reasons": [], **proved, "files": files}


def _asked_file(folder: Path, device: str) -> Path:
    return folder / f"{Path(device).name}.ask"


def _entry(row: Row) -> DockedEntry:
    is_held = row["sha256"] is not None and State(row["state"]).has_local_bytes
    return DockedEntry(
        ordinal=row["ordinal"],
        path=CardPath(row["card_path"], row["encoding"], row["raw_b64"]),
        size_bytes=row["size_bytes"],
        modified_ns=row["modified_ns"],
        fate=Fate(row["fate"]),
        recording_id=RecordingId(row["recording_id"]) if row["recording_id"] else None,
        sha256=Sha256(row["sha256"]) if row["sha256"] else None,
        vault_path=row["vault_path"] if is_held else None,
    )

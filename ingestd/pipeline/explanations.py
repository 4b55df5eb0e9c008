"""What people say of findings: each request decided, its paper copied into the vault, and entered as one act."""

import os
import stat
import threading
from pathlib import Path
from typing import Any

from ingestd.core.clock import Clock
from ingestd.core.errors import RefusedError
from ingestd.core.explanation_acts import (
    MAX_ATTACHMENT_BYTES,
    Explain,
    Request,
    Withdraw,
    explaining_act,
    refuse_station,
    withdrawing_act,
)
from ingestd.core.manifest import sha256_of
from ingestd.core.naming import safe_component
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.durable import make_directory, write_new
from ingestd.stores.explanations import Explanations, Row, identity_of
from ingestd.stores.search import Catalogue
from ingestd.stores.vault import Vault

Document = dict[str, Any]


class ExplanationDesk:
    """The one counter of a station at which findings are explained. Safe from many threads."""

    def __init__(self, catalogue: Catalogue, chronicle: Chronicle, vault: Vault, clock: Clock) -> None:
        self._catalogue = catalogue
        self._explanations = Explanations(chronicle.engine)
        self._chronicle = chronicle
        self._vault = vault
        self._clock = clock
        self._lock = threading.Lock()

    def enter(self, request: Request) -> Document:
        """Do what is asked, with one entry in the ledger.

        Returns `explanation_id`, `finding_key`, and `attachment` (path in the vault, null for none).

        Raises:
            NotFoundError: no such finding, recording or explanation.
            RefusedError: it cannot be done as it stands.
            StoreError: as of `Chronicle.enter`.
        """
        with self._lock:
            return self._withdraw(request) if isinstance(request, Withdraw) else self._explain(request)

    def _explain(self, request: Explain) -> Document:
        refuse_station(request.by)
        row = self._explanations.finding(request.finding)
        identity = identity_of(row)
        same = [one for one in self._explanations.standing_findings() if identity_of(one).about == identity.about]
        given = self._explanations.of(same).get(row["finding_id"])
        subject, docking = self._filed(row)
        act = explaining_act(
            request,
            identity,
            row["document"],
            subject=subject,
            docking_id=docking,
            spoken_in=self._spoken_in(request, row),
            attachment=self._keep(request.attachment),
            replaced=(given,) if given is not None else (),
            now=self._clock.now(),
        )
        (entry,) = self._chronicle.enter(act)
        return {"explanation_id": entry.seq, "finding_key": identity.key, "attachment": act.data.get("attachment")}

    def _withdraw(self, request: Withdraw) -> Document:
        explanation, subject = self._explanations.standing(request.finding)
        has_recording = self._catalogue.has_recording(subject)
        docking = self._catalogue.recording(subject)["docking_id"] if has_recording else subject
        self._chronicle.enter(withdrawing_act(request, explanation, subject=subject, docking_id=docking))
        return {
            "explanation_id": explanation.explanation_id,
            "finding_key": explanation.finding.key,
            "attachment": explanation.attachment,
        }

    def _filed(self, row: Row) -> tuple[str, str | None]:
        """Under which recording or docking an explanation is filed, and the docking that brought it."""
        recording = row["recording_id"] or next(iter((row["document"]["files"] or ())[-1:]), None)
        if recording is None or not self._catalogue.has_recording(recording):
            return str(row["docking_id"]), row["docking_id"]
        return recording, self._catalogue.recording(recording)["docking_id"]

    def _spoken_in(self, request: Explain, row: Row) -> str | None:
        """The recording with the spoken reason: the named one, else the later one, on which recording began again."""
        if request.spoken_at_s is None:
            if request.spoken_in is not None:
                raise RefusedError("spoken-in without a place", "say at which second of it: --spoken-at")
            return None
        named = request.spoken_in or row["recording_id"] or next(iter((row["document"]["files"] or ())[-1:]), None)
        if named is None:
            raise RefusedError("this finding is about no recording", "name the one with the spoken reason: --spoken-in")
        recording = self._catalogue.recording(named)
        length_s = recording["duration_s"]
        if length_s is not None and request.spoken_at_s > length_s:
            what = f"{recording['card_path']} is {length_s:.1f} s long; nothing is said at {request.spoken_at_s:.1f} s"
            raise RefusedError(what, "give the second in that file at which the reason is stated")
        return str(recording["recording_id"])

    def _keep(self, path: str | None) -> Document:
        """Copy a paper into the vault, durably; what the act says of it."""
        if path is None:
            return {}
        data = _read_whole(path)
        digest = sha256_of(data)
        folder = f"attachments/{self._clock.now():%Y}"
        name = Path(path)
        extension = name.suffix if name.suffix[1:].isalnum() and len(name.suffix) <= 8 else ""
        kept = f"{folder}/{digest[:12]}-{safe_component(name.name.removesuffix(extension))}{extension}"
        make_directory(self._vault.path(folder))
        write_new(self._vault.path(kept), data)
        return {"attachment": kept, "attachment_sha256": digest, "attachment_size_bytes": len(data)}


def _read_whole(path: str) -> bytes:
    """The bytes of an ordinary file, up to the largest that is kept."""
    if not Path(path).is_absolute() or "\0" in path:
        raise RefusedError("the attachment's path must be absolute, and a path")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        advice = "put it where the station's user can read it, or name where it lies with --reference"
        raise RefusedError(f"the attachment {path} cannot be opened: {error.strerror}", advice) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
            raise RefusedError(f"the attachment {path} is no ordinary file with bytes in it")
        if status.st_size > MAX_ATTACHMENT_BYTES:
            what = f"the attachment {path} is larger than {MAX_ATTACHMENT_BYTES // 1024**2} MiB"
            raise RefusedError(what, "name where it lies with --reference")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_ATTACHMENT_BYTES + 1)
    except OSError as error:
        raise RefusedError(f"the attachment {path} cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)
    if len(data) != status.st_size:
        raise RefusedError(f"the attachment {path} changed while it was read", "give it again when it is finished")
    return data

"""Analyse: a sealed original → facts and findings, read by the limited child process. Cannot write anything."""

import os

from ingestd.core.damage import damage_findings
from ingestd.core.errors import MediaError, NotFoundError
from ingestd.core.findings import finding
from ingestd.core.model import Analysed, Sealed
from ingestd.core.tamper import edit_findings
from ingestd.core.timeline import file_findings
from ingestd.media.sandbox import MediaWorker
from ingestd.stores.vault import Vault


def analyse(sealed: Sealed, vault: Vault, media: MediaWorker, *, timeout_seconds: float) -> Analysed:
    """Facts of an original from its index and packets.

    Raises:
        MediaError: the child process gave no answer (limits, crash); worth another try.
        StoreError: the vault would not give the original.
    """
    descriptor = vault.open_for_reading(sealed.vault_path)
    try:
        facts = media.probe(descriptor, sealed.size_bytes, timeout_seconds)
        facts = media.damaged(descriptor, facts, timeout_seconds, unreadable=_unreadable(sealed, vault))
    finally:
        os.close(descriptor)
    return Analysed(sealed, facts, (*file_findings(facts), *damage_findings(facts), *edit_findings(facts)))


def _unreadable(sealed: Sealed, vault: Vault) -> tuple[tuple[int, int], ...]:
    """The ranges that the medium refused, by the birth sidecar; a sidecar that is gone is the scrub's to tell."""
    try:
        content = vault.read_json(sealed.sidecar_path).get("content", {})
    except NotFoundError:
        return ()
    return tuple((int(start), int(end)) for start, end in content.get("unreadable", ()))


def parked(sealed: Sealed, error: MediaError, attempts: int) -> Analysed:
    """What is said of a file that the child process could not bear, so that it holds up nothing behind it."""
    evidence = {"job": "analyse", "attempts": attempts, "error": error.message}
    return Analysed(sealed, None, (finding("job.parked", evidence=evidence),))

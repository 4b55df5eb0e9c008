"""Analyse: a sealed original → facts and findings, read by the limited child process. Cannot write anything."""

import os

from ingestd.core.damage import damage_findings
from ingestd.core.errors import MediaError, NotFoundError
from ingestd.core.findings import finding
from ingestd.core.model import Analysed, Sealed
from ingestd.core.positions import position_findings, with_datum
from ingestd.core.sidecars import PositionRules
from ingestd.core.tamper import edit_findings
from ingestd.core.timeline import file_findings
from ingestd.media.exiftool import ExifTool
from ingestd.media.sandbox import MediaWorker
from ingestd.stores.vault import Vault


def analyse(
    sealed: Sealed,
    vault: Vault,
    media: MediaWorker,
    *,
    timeout_seconds: float,
    positions: PositionRules | None = None,
    exiftool: ExifTool | None = None,
) -> Analysed:
    """Facts of an original from its index and packets.

    Args:
        sealed: the original.
        vault: where it stands.
        media: the child that reads it.
        timeout_seconds: for each of its looks.
        positions: what the recorder's profile says of its positions.
        exiftool: asked for positions where our own parsers know none; null where there is none.

    Raises:
        MediaError: the child process gave no answer (limits, crash); worth another try.
        StoreError: the vault would not give the original.
    """
    descriptor = vault.open_for_reading(sealed.vault_path)
    try:
        rules = positions or PositionRules()
        sidecar = rules.rule_of(sealed.card_path)
        facts = media.probe(descriptor, sealed.size_bytes, timeout_seconds, sidecar=sidecar)
        if exiftool is not None:
            facts = exiftool.with_positions(descriptor, facts, timeout_seconds)
        facts = facts.model_copy(update={"fixes": with_datum(facts.fixes, rules.datum)})
        facts = media.damaged(descriptor, facts, timeout_seconds, unreadable=_unreadable(sealed, vault))
    finally:
        os.close(descriptor)
    found = (*file_findings(facts), *damage_findings(facts), *edit_findings(facts), *position_findings(facts.fixes))
    return Analysed(sealed, facts, found)


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

"""Files that need not be read again, because this very recorder gave them at an earlier docking and they were verified.

Only at the docks, only for a recorder that is known by name, and only where path, size and time are the same and
blocks spread over the file still equal the vault's. The accounting says so in these words; a proof for erasing is
never built on it.
"""

import os
from typing import NamedTuple

from ingestd.core.errors import SourceError
from ingestd.core.ids import RecordingId
from ingestd.core.model import Inlet, PlannedFile
from ingestd.devices.card import open_source
from ingestd.devices.mtp import is_over_mtp
from ingestd.pipeline.acquire import Means
from ingestd.stores.search import Catalogue

_SAMPLES = 5
_SAMPLE_BYTES = 16 * 1024


class Known(NamedTuple):
    """A recording that the file in hand is taken for, and why, in words."""

    recording_id: RecordingId
    words: str


def known_as(planned: PlannedFile, means: Means, catalogue: Catalogue) -> Known | None:
    """The recording that this file was at an earlier docking; null when it must be read."""
    docking, source = means.card.docking, planned.source
    # Over MTP a sample costs as much as the whole file, and the time of a file may be missing.
    is_asked = means.limits.trust_known_at_docks and docking.inlet is Inlet.UDEV and not is_over_mtp(docking.volume)
    if not is_asked or docking.recorder.recorder_id is None or not source.size_bytes or source.modified_ns is None:
        return None
    earlier = catalogue.earlier_sighting(
        docking.recorder.key,
        card_path=source.path.text,
        raw_b64=source.path.raw_b64,
        size_bytes=source.size_bytes,
        modified_ns=source.modified_ns,
    )
    if earlier is None or not means.vault.has_file(earlier["vault_path"], source.size_bytes):
        return None
    if not _samples_agree(planned, means, earlier["vault_path"]):
        return None
    words = f"not read again: path, size, time and {_SAMPLES} samples as verified at docking {earlier['docking_id']}"
    return Known(RecordingId(earlier["recording_id"]), words)


def _samples_agree(planned: PlannedFile, means: Means, vault_path: str) -> bool:
    size_bytes = planned.source.size_bytes
    try:
        source = open_source(means.card.root_fd, planned.source.path)
    except SourceError:
        return False
    try:
        held = means.vault.open_for_reading(vault_path)
        try:
            for number in range(_SAMPLES):
                offset = max(size_bytes - _SAMPLE_BYTES, 0) * number // (_SAMPLES - 1)
                if os.pread(source, _SAMPLE_BYTES, offset) != os.pread(held, _SAMPLE_BYTES, offset):
                    return False
        except OSError:
            return False
        finally:
            os.close(held)
        return os.fstat(source).st_size == size_bytes
    finally:
        os.close(source)

"""Compares the packets of files that overlap by their times: pre-record is recognised by content, not guessed."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from ingestd.core.errors import IngestdError, StoppedError
from ingestd.core.findings import Finding
from ingestd.media.sandbox import MediaWorker
from ingestd.pipeline.parts import Parts
from ingestd.pipeline.sets import Shared

MOST_COMPARED = 200
"""Overlaps of one docking whose packets are compared; a clock that is all wrong gives many."""

Opened = Callable[[str], AbstractContextManager[tuple[int, int]]]
"""Opens the file of a key for reading: its descriptor and its size in bytes."""


def compared(overlaps: Sequence[Finding], media: MediaWorker, opened: Opened, timeout_seconds: float) -> Shared:
    """What the packets of each pair say; without those whose files, or packets, could not be read.

    Raises:
        StoppedError: asked to stop.
    """
    found = {}
    for overlap in overlaps[:MOST_COMPARED]:
        earlier, later = overlap.files or ("", "")
        try:
            with ExitStack() as stack:
                files = [stack.enter_context(opened(key)) for key in (earlier, later)]
                fds, sizes = (files[0][0], files[1][0]), (files[0][1], files[1][1])
                answer = media.overlap(fds, sizes, overlap.end_s or 0.0, timeout_seconds)
        except StoppedError:
            raise
        except (IngestdError, OSError):
            # Without an answer the weaker truth stands: they overlap by their times.
            continue
        found[earlier, later] = answer
    return found


class StationOverlaps:
    """The same for recordings that the vault holds."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def compared(self, overlaps: Sequence[Finding]) -> Shared:
        """See `compared`."""
        return compared(overlaps, self._parts.media, self._opened, self._parts.settings.media.timeout_seconds)

    @contextmanager
    def _opened(self, recording: str) -> Iterator[tuple[int, int]]:
        row = self._parts.catalogue.recording(recording)
        descriptor = self._parts.vault.open_for_reading(row["vault_path"])
        try:
            yield descriptor, row["size_bytes"]
        finally:
            os.close(descriptor)

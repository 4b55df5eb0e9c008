"""What the last verification found, beside the vault: for metrics, and no evidence of anything."""

import json
from pathlib import Path
from typing import Any

from ingestd.core.manifest import canonical_json
from ingestd.stores.durable import replace_whole, translated


class LastVerify:
    """One small file, written by whoever verified and read by the station."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def write(self, *, at: str, entries: int, head: str, faults: int) -> None:
        """Remember it.

        Raises:
            StoreError: this user may not write there.
        """
        document = {"at": at, "entries": entries, "head": head, "faults": faults}
        replace_whole(self._file, canonical_json(document) + b"\n")

    def read(self) -> dict[str, Any] | None:
        """`at`, `entries`, `head`, `faults`; null where nothing was verified yet, or the file is none."""
        if not self._file.is_file():
            return None
        with translated("read", self._file):
            data = self._file.read_bytes()
        try:
            document = json.loads(data)
        except ValueError:
            return None
        is_whole = isinstance(document, dict) and {"at", "faults"} <= document.keys()
        return document if is_whole else None

"""The file of the rolling store of AIS reports, opened when first needed and shared by the threads of a process."""

import threading
from pathlib import Path

from ingestd.stores.heard import HeardVessels


class HeardFile:
    """A store that may never be made: most stations hear no ships."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._heard: HeardVessels | None = None

    def opened(self) -> HeardVessels:
        """The store, made where it is missing.

        Raises:
            StoreError: it cannot be opened.
        """
        with self._lock:
            if self._heard is None:
                self._heard = HeardVessels(self._file)
            return self._heard

    def existing(self) -> HeardVessels | None:
        """The store; null where nothing was ever heard.

        Raises:
            StoreError: it cannot be opened.
        """
        return self.opened() if self._heard is not None or self._file.exists() else None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._heard is not None:
                self._heard.close()
                self._heard = None

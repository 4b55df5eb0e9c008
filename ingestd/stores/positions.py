"""Reading positions of recordings: the compact tracks of the vault, each checked against the ledger's word of it."""

from collections.abc import Sequence
from typing import Any, Final

from ingestd.core.errors import IntegrityError, NotFoundError
from ingestd.core.manifest import sha256_of
from ingestd.core.positions import TrackPoint, decoded
from ingestd.stores.search import Catalogue, Row
from ingestd.stores.vault import Vault

KIND: Final = "positions"
"""Of the derived object that holds a compact track."""


class PositionBook:
    """Questions about where recordings were made."""

    def __init__(self, catalogue: Catalogue, vault: Vault) -> None:
        self._catalogue = catalogue
        self._vault = vault

    def positions_of(self, recording_id: str) -> Sequence[TrackPoint]:
        """The points of a recording's track, in its order, doubtful ones with them; empty where it has none.

        Raises:
            IntegrityError: the stored track is gone, or is not what the ledger says.
            StoreError: the vault would not give it.
        """
        row = self._row_of(recording_id)
        if row is None or row["vault_path"] is None:
            return ()
        advice = "make it again from the original"
        try:
            data = self._vault.read_bytes(row["vault_path"])
        except NotFoundError as error:
            raise IntegrityError(f"the track {row['vault_path']} is gone", advice) from error
        if sha256_of(data) != row["sha256"]:
            raise IntegrityError(f"the track {row['vault_path']} is not what was stored", advice)
        return decoded(data)

    def told_of(self, recording_id: str) -> dict[str, Any] | None:
        """What is told of a track in short (`core.positions.position_summary`, with `place` and `sidecar`); null for
        none."""
        row = self._row_of(recording_id)
        return row["document"] if row is not None else None

    def _row_of(self, recording_id: str) -> Row | None:
        return next((row for row in self._catalogue.derived(recording_id) if row["kind"] == KIND), None)

"""How far the feed came: a small file in the state folder, replaced in one step behind each delivery."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingestd.core.custody import GENESIS
from ingestd.core.errors import IntegrityError
from ingestd.core.ids import Sha256
from ingestd.core.manifest import canonical_json
from ingestd.stores.durable import replace_whole, translated


class FeedPosition(BaseModel):
    """Where the feed stands.

    `delivered_seq`: up to which entry the receiver was told everything. `seq` and `hash`: the last entry that was
    looked at; what lies between was of no interest to the receiver.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    vault_id: str
    delivered_seq: int = Field(default=0, ge=0)
    seq: int = Field(default=0, ge=0)
    hash: Sha256 = GENESIS


class FeedPositionFile:
    """The file. One thread uses it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, vault_id: str) -> FeedPosition:
        """The position; the beginning where nothing was delivered yet.

        Raises:
            IntegrityError: it cannot be read, or is one of another vault.
        """
        advice = f"remove {self._path} to have everything sent from the beginning"
        if not self._path.exists():
            return FeedPosition(vault_id=vault_id)
        try:
            with translated("read", self._path):
                position = FeedPosition.model_validate_json(self._path.read_bytes())
        except ValidationError as error:
            raise IntegrityError(f"{self._path} is no position of the feed", advice) from error
        if position.vault_id != vault_id:
            raise IntegrityError(f"{self._path} is the position of another vault ({position.vault_id})", advice)
        return position

    def write(self, position: FeedPosition) -> None:
        """Durable when this returns."""
        replace_whole(self._path, canonical_json(position.model_dump(mode="json")) + b"\n")

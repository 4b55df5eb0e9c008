"""How far the pass of the scrub that is under way came: a small file in the state folder, replaced in one step."""

from pathlib import Path

from pydantic import ValidationError

from ingestd.core.manifest import canonical_json
from ingestd.core.scrubbing import Pass
from ingestd.stores.durable import remove, replace_whole, sync_directory, translated


class ScrubState:
    """The file. One thread writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, vault_id: str) -> Pass | None:
        """The pass under way; null where none is.

        A file that cannot be understood, or is of another vault, counts as none: all that is lost is where to go on.
        """
        if not self._path.exists():
            return None
        try:
            with translated("read", self._path):
                under_way = Pass.model_validate_json(self._path.read_bytes())
        except ValidationError:
            return None
        return under_way if under_way.vault_id == vault_id else None

    def write(self, under_way: Pass) -> None:
        """Durable when this returns."""
        replace_whole(self._path, canonical_json(under_way.model_dump(mode="json")) + b"\n")

    def clear(self) -> None:
        """The pass is over."""
        remove(self._path)
        sync_directory(self._path.parent)

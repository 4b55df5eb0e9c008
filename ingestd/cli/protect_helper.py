"""What `ingestd-protect.service` runs: gives sealed files the immutable flag, and takes it from condemned originals.

A program of its own, and no command, so that the one process that may change the flag loads nothing that reads
footage, speaks to a network or keeps a database. It is `python -I -m ingestd.cli.protect_helper --config FILE`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from ingestd.cli.unit_program import Outcome, ended, parser_of
from ingestd.config.allowed import load_state_dir
from ingestd.core.errors import StoreError
from ingestd.pipeline.protect import protect
from ingestd.stores.vault import Vault


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring the flags to what the ledger says, or say why not; the words go to the journal."""
    given = parser_of("ingestd-protect", __doc__).parse_args(arguments)
    return ended(lambda: _protect(given.config))


def _protect(config: Path) -> tuple[Outcome, str]:
    state_dir = load_state_dir(config)
    vault = Vault(state_dir / "vault")
    if not vault.exists():
        return Outcome.LEFT_ALONE, f"there is no vault in {state_dir} yet"
    done = protect(vault, state_dir / "protect.json")
    if not done.is_supported:
        return Outcome.LEFT_ALONE, f"the file system of {vault.root} knows no immutable flag"
    words = f"{done.flagged} files made immutable, {done.let_go} let go, {done.waiting} wait"
    if done.faults:
        raise StoreError(f"{words}; {len(done.faults)} cannot be protected, first {done.faults[0]}", "ingestd verify")
    return Outcome.DONE, words


if __name__ == "__main__":
    sys.exit(main())

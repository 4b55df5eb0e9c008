"""The draw of a sample held against its frozen list and the ledger's seed, and its words."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from ingestd.core.errors import IngestdError
from ingestd.core.manifest import sha256_of
from ingestd.core.sample_acts import listed_in, redrawn
from ingestd.core.samples import ALGORITHM, Item, Outcome, Sample, SampleState, frame_of
from ingestd.stores.vault import Vault
from ingestd.wiring import ledger_pages

STATE_WORDS: Final[Mapping[SampleState, tuple[str, str]]] = {
    SampleState.FROZEN: ("list frozen", "清单已冻结"),
    SampleState.DRAWN: ("drawn", "已抽取"),
    SampleState.UNDER_CHECK: ("under check", "检查中"),
    SampleState.CLOSED: ("closed", "已结束"),
    SampleState.WITHDRAWN: ("withdrawn", "已撤回"),
}
"""English and Chinese."""
OUTCOME_WORDS: Final[Mapping[Outcome, tuple[str, str]]] = {
    Outcome.PASSED: ("passed", "合格"),
    Outcome.FAILED: ("failed", "不合格"),
    Outcome.VOID: ("cannot be judged", "无法评判"),
}


class DrawCheck(NamedTuple):
    """What repeating a draw showed. `faults` is empty where everything agrees; `is_drawn` false: nothing to repeat."""

    is_drawn: bool
    faults: tuple[str, ...]
    listed: int
    items: int

    def document(self, sample: Sample) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "number": sample.number,
            "algorithm": ALGORITHM,
            "is_good": not self.faults,
            "is_drawn": self.is_drawn,
            "list": sample.list_path,
            "list_sha256": sample.list_sha256,
            "listed": self.listed,
            "seed_seq": sample.seed_seq,
            "seed": sample.seed or None,
            "items": self.items,
            "faults": list(self.faults),
        }


def checked_draw(vault: Vault, sample: Sample, items: Sequence[Item]) -> DrawCheck:
    """Draw again from the list in the vault and the seed in the ledger, and hold it against the items."""
    try:
        data = vault.read_bytes(sample.list_path)
        if sha256_of(data) != sample.list_sha256:
            return DrawCheck(bool(items), (f"{sample.list_path} is not the list that was frozen",), 0, len(items))
        listed = listed_in(vault.read_json(sample.list_path))
    except IngestdError as error:
        return DrawCheck(bool(items), (error.message,), 0, len(items))
    faults = [] if frame_of(listed) == dict(sample.frame) else ["the list has other numbers than the act of freezing"]
    if sample.seed_seq is None:
        return DrawCheck(False, tuple(faults), len(listed), len(items))
    faults += _seed_faults(vault, sample)
    expected = {one.item: one.recording_id for one in redrawn(sample, listed)}
    found = {one.item: one.recording_id for one in items}
    differing = sorted(one for one in expected.keys() | found.keys() if expected.get(one) != found.get(one))
    faults += [
        f"item {one} is {found.get(one, 'missing')}; the draw gives {expected.get(one, 'none')}" for one in differing
    ]
    return DrawCheck(True, tuple(faults), len(listed), len(items))


def _seed_faults(vault: Vault, sample: Sample) -> list[str]:
    if sample.seed_seq != sample.frozen_seq + 1:
        return [f"the seed is of entry {sample.seed_seq}; it must be of {sample.frozen_seq + 1}"]
    try:
        entry = ledger_pages(vault.ledger_folder).entry(sample.seed_seq)
    except IngestdError as error:
        return [error.message]
    if entry is None or entry.hash != sample.seed:
        return [f"the ledger's entry {sample.seed_seq} does not have the seed as its hash"]
    return []

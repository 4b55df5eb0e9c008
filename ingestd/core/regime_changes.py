"""A change of regime for what is decided already: worked out as a plan, agreed to by another person, then done.

Another edition of the rules reaches a decided recording in this way only. It never shortens a promised term: what the
new rules would keep for less is counted, and stays as it is.
"""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ingestd.core.clauses import Frozen
from ingestd.core.clock import from_text
from ingestd.core.retention_rules import TermRules
from ingestd.core.terms import RetentionDecision

EXAMPLES = 10
"""Recordings of each effect that a plan shows."""


class Effect(StrEnum):
    """What a change of regime does to one recording."""

    LONGER = "longer"
    """It is kept for longer, or without an end."""
    GETS_END = "gets_end"
    """Nothing named an end, and now a term does: this is what a term of the bureau's own makes of 民政 and 卫健."""
    STAYS = "stays"
    """The new rules would keep it for less; the promised term stands."""
    SAME = "same"
    """The date is the same, for reasons of the new rules."""

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _EFFECT_WORDS[self]


_EFFECT_WORDS = {
    Effect.LONGER: "kept longer · 延长",
    Effect.GETS_END: "gets an end where none was · 由无期满日改为有期满日",
    Effect.STAYS: "shorter by the new rules, stays as promised · 新规较短，仍按原期限",
    Effect.SAME: "the same date · 不变",
}


def effect_of(before: RetentionDecision, after: RetentionDecision) -> Effect:
    """What a change does to a recording.

    Args:
        before: as it stands.
        after: as it would stand under the new rules, promises kept.
    """
    if any(one.is_promised_earlier and not _carried(one.rule_id, before) for one in after.reasons):
        return Effect.STAYS
    if before.keep_until == after.keep_until:
        return Effect.SAME
    if before.keep_until is None:
        return Effect.GETS_END
    is_longer = after.keep_until is None or from_text(after.keep_until) > from_text(before.keep_until)
    return Effect.LONGER if is_longer else Effect.STAYS


def _carried(rule_id: str, before: RetentionDecision) -> bool:
    return any(one.rule_id == rule_id and one.is_promised_earlier for one in before.reasons)


class Example(Frozen):
    """One recording of an effect."""

    recording_id: str
    before: str | None
    after: str | None


class ChangePlan(Frozen):
    """What a change would do, as it stands in the ledger. `rows_sha256` is over every recording with its two dates.

    `counts` are by effect, `from_editions` by what the recordings were decided under.
    """

    to_sha256: str
    to_rules: str
    recordings: int
    counts: dict[str, int]
    from_editions: dict[str, int]
    earliest_end: str | None
    """The first end among those that get one; null for none."""
    examples: dict[str, tuple[Example, ...]]
    rows_sha256: str


@dataclass
class Tally:
    """Gathers a plan row by row; memory does not grow with the store."""

    _counts: dict[Effect, int] = field(default_factory=lambda: dict.fromkeys(Effect, 0))
    _editions: dict[str, int] = field(default_factory=dict)
    _examples: dict[Effect, list[Example]] = field(default_factory=lambda: {one: [] for one in Effect})
    _earliest: str | None = None
    _digest: Any = field(default_factory=hashlib.sha256)

    def add(self, recording_id: str, before: RetentionDecision, after: RetentionDecision) -> None:
        """Count one recording; they come in the order of their ids."""
        effect = effect_of(before, after)
        self._counts[effect] += 1
        edition = f"{before.regime} {before.regime_version}"
        self._editions[edition] = self._editions.get(edition, 0) + 1
        if len(self._examples[effect]) < EXAMPLES:
            example = Example(recording_id=recording_id, before=before.keep_until, after=after.keep_until)
            self._examples[effect].append(example)
        if effect is Effect.GETS_END and after.keep_until is not None:
            self._earliest = min(self._earliest or after.keep_until, after.keep_until)
        self._digest.update(f"{recording_id} {before.keep_until} {after.keep_until}\n".encode())

    def plan(self, rules: TermRules) -> ChangePlan:
        """What was gathered."""
        return ChangePlan(
            to_sha256=rules.sha256,
            to_rules=rules.shown,
            recordings=sum(self._counts.values()),
            counts={effect.value: count for effect, count in self._counts.items()},
            from_editions=dict(sorted(self._editions.items())),
            earliest_end=self._earliest,
            examples={effect.value: tuple(some) for effect, some in self._examples.items() if some},
            rows_sha256=self._digest.hexdigest(),
        )

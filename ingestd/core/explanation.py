"""Explanations of findings: which finding one belongs to, through every new analysis, and whether it is still open.

A finding gets a new number each time that a file is analysed or a set assembled again. What a person said of it is
therefore bound to what the finding is about: its code, the recordings, and the place in them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from ingestd.core.findings import Severity
from ingestd.core.interruption import InterruptionReason
from ingestd.core.manifest import canonical_json, sha256_of
from ingestd.core.regime import ExplanationRule

SAME_PLACE_S = 0.5
"""Start and end may each move by this much between two analyses, and the finding is still the same one."""

SINGLE_CODES = frozenset({"file.truncated"})
"""A file has one finding of these at most. Its place is only learned later, by a salvage, and moves when another
reference teaches: wherever it says that it lies, it is still the same finding."""

KEY_DIGITS = 16


@dataclass(frozen=True, slots=True)
class FindingIdentity:
    """What makes a finding the one that it is.

    `about` are recording ids; for what no recording holds, the docking's id and the path on the card. Seconds are as
    in `core.findings.Finding`; null for what has no place. Wall-clock times are no part of it: they move when a clock
    is corrected, and the finding stays.
    """

    code: str
    about: tuple[str, ...]
    start_s: float | None = None
    end_s: float | None = None

    @classmethod
    def of(cls, document: Mapping[str, Any], *, recording_id: str | None, docking_id: str | None) -> Self:
        """The identity of a stored finding, with the recording and docking that it is filed under."""
        if document["files"]:
            about = tuple(document["files"])
        elif recording_id is not None:
            about = (recording_id,)
        else:
            about = tuple(part for part in (docking_id, document["file"]) if part)
        return cls(document["code"], about, document["start_s"], document["end_s"])

    @property
    def key(self) -> str:
        """16 hex digits by which people name the finding. Places are taken to the tenth of a second."""
        place = [None if second is None else round(second * 10) for second in (self.start_s, self.end_s)]
        return sha256_of(canonical_json([self.code, list(self.about), *place]))[:KEY_DIGITS]

    def distance_s(self, other: "FindingIdentity") -> float | None:
        """How far the places of two findings lie apart; null when they are not the same finding."""
        if (self.code, self.about) != (other.code, other.about):
            return None
        if self.code in SINGLE_CODES:
            return 0.0 if (self.start_s, self.end_s) == (other.start_s, other.end_s) else SAME_PLACE_S
        ends = ((self.start_s, other.start_s), (self.end_s, other.end_s))
        farthest = 0.0
        for one, another in ends:
            if one is None or another is None:
                if one is not another:
                    return None
                continue
            farthest = max(farthest, abs(one - another))
        return farthest if farthest <= SAME_PLACE_S else None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a person said of a finding. Times are UTC texts.

    `reported_at`/`reported_to`: when and to whom the interruption was reported, null and empty where nobody said.
    `spoken_in`/`spoken_at_s`: recording and second in which the reason is stated on the recording itself (江门 36).
    `attachment` is a path in the vault, `reference` names a paper that lies elsewhere.
    """

    explanation_id: int
    finding: FindingIdentity
    reason: InterruptionReason
    words: str
    explained_at: str
    explained_by: str
    reported_at: str | None = None
    reported_to: str = ""
    spoken_in: str | None = None
    spoken_at_s: float | None = None
    attachment: str | None = None
    attachment_sha256: str | None = None
    reference: str = ""
    replaced_by: int | None = None
    withdrawn_at: str | None = None
    withdrawn_by: str | None = None
    withdrawn_reason: str | None = None

    @property
    def is_standing(self) -> bool:
        """Whether it was neither withdrawn nor replaced by a later one."""
        return self.withdrawn_at is None and self.replaced_by is None


class ExplanationState(StrEnum):
    """Where a finding stands."""

    OPEN = "open"
    """The regime wants it explained, and nobody did."""
    EXPLAINED = "explained"
    NOT_ASKED = "not_asked"
    """The regime asks for no explanation of it, and nobody gave one."""

    @property
    def words(self) -> str:
        """For people; empty where nothing is asked."""
        return {"open": "open · 待说明", "explained": "explained · 已说明"}.get(self.value, "")


def rules_asking(rules: Sequence[ExplanationRule], document: Mapping[str, Any]) -> tuple[ExplanationRule, ...]:
    """The rules that want this finding explained; information never asks anything of anybody."""
    if document["severity"] == Severity.INFO:
        return ()
    return tuple(rule for rule in rules if document["code"] in rule.codes)


def state_of(
    rules: Sequence[ExplanationRule], document: Mapping[str, Any], given: Explanation | None
) -> ExplanationState:
    """Whether a standing finding is open, explained, or not asked about."""
    if given is not None:
        return ExplanationState.EXPLAINED
    return ExplanationState.OPEN if rules_asking(rules, document) else ExplanationState.NOT_ASKED


def bind(
    findings: Mapping[str, FindingIdentity], explanations: Iterable[Explanation]
) -> tuple[dict[str, Explanation], tuple[Explanation, ...]]:
    """Give each standing explanation the finding that it speaks of.

    The nearest pair is taken first; an explanation speaks of one finding (of all that have its key, where the same was
    noted twice), and a finding has one explanation.

    Args:
        findings: those that stand, by their ids.
        explanations: of any state; only standing ones are bound.

    Returns:
        Explanations by finding id, and the standing ones whose finding is no longer there.
    """
    by_subject: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for finding_id, identity in findings.items():
        by_subject.setdefault((identity.code, identity.about), []).append(finding_id)
    standing = {one.explanation_id: one for one in explanations if one.is_standing}
    pairs = []
    for one in standing.values():
        for finding_id in by_subject.get((one.finding.code, one.finding.about), ()):
            distance_s = one.finding.distance_s(findings[finding_id])
            if distance_s is not None:
                pairs.append((distance_s, -one.explanation_id, findings[finding_id].key))
    key_of: dict[int, str] = {}
    given: dict[str, Explanation] = {}
    for _, negative_id, key in sorted(pairs):
        if -negative_id not in key_of and key not in given:
            key_of[-negative_id], given[key] = key, standing[-negative_id]
    bound = {finding_id: given[identity.key] for finding_id, identity in findings.items() if identity.key in given}
    return bound, tuple(one for one in standing.values() if one.explanation_id not in key_of)

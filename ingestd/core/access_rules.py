"""A regime's rules about viewing and copying footage as data (`[[access]]`): who needs an approval for what.

江门 45 asks officers for the head's approval to view at all; 民政 32 asks for one to copy in a dispute; 海洋 31 wants
views supervised. Who approves is the chain of the regime (`core.approvals`).
"""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Final, Self

from pydantic import Field, model_validator

from ingestd.core.clauses import Basis, Sourced


class AccessKind(StrEnum):
    """What is asked for."""

    VIEW = "view"
    COPY = "copy"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return {AccessKind.VIEW: "view · 查阅", AccessKind.COPY: "copy · 复制"}[self]


class Viewer(StrEnum):
    """In which capacity somebody meets a recording."""

    OWN = "own"
    """The officer whose footage it is."""
    OFFICER = "officer"
    """Anybody of the bureau whose role plays nothing by itself."""
    ARCHIVIST = "archivist"
    HEAD = "head"
    SAMPLE = "sample"
    """Whoever checks a sample into which it was drawn (抽检)."""
    OUTSIDE = "outside"
    """A party, agent, court or other authority; somebody of the bureau shows it to them."""


class AccessRule(Sourced):
    """Who needs an approval for what. Nobody may without one whom no rule lets.

    Args:
        is_for_secret: it speaks of what is flagged as a state or commercial secret or as private; the others do not.
        is_excluded: it may not be had at all, approved or not.
        valid_days: how long an approval holds where the approver names no end.
        uses: how often each recording may be viewed on one approval; null for as often as it takes.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    kinds: tuple[AccessKind, ...] = Field(min_length=1)
    viewers: tuple[Viewer, ...] = Field(min_length=1)
    needs_approval: bool = True
    is_for_secret: bool = False
    is_excluded: bool = False
    valid_days: int = Field(default=7, ge=1, le=366)
    uses: int | None = Field(default=None, ge=1, le=1000)
    basis: Basis = Basis.LAW

    @model_validator(mode="after")
    def _rule_makes_sense(self) -> Self:
        if self.basis is Basis.LAW and self.article is None:
            raise ValueError("basis law needs article and words; without them it is local policy")
        if self.basis is Basis.LOCAL_POLICY and self.note is None:
            raise ValueError("local policy needs a note that says what the regulation leaves open")
        if self.is_excluded and not self.needs_approval:
            raise ValueError("what is excluded is not free: set needs_approval = true, or take is_excluded away")
        return self


CLOSED: Final = AccessRule(
    id="default",
    kinds=tuple(AccessKind),
    viewers=tuple(Viewer),
    basis=Basis.LOCAL_POLICY,
    note="The regime has no rule for this; nobody sees it without an approval. 制度未作规定，须经批准。",
)
"""What holds where no rule of a regime speaks."""


def rule_for(
    rules: Sequence[AccessRule], kind: AccessKind, viewers: Collection[Viewer], *, is_secret: bool
) -> AccessRule:
    """The rule for somebody who meets a recording in one or several capacities: the most lenient of them.

    What is secret falls under the rules for secrets alone; where there is none, nobody sees it without an approval.
    """
    fitting = [
        rule
        for rule in rules
        if kind in rule.kinds and rule.is_for_secret == is_secret and not set(rule.viewers).isdisjoint(viewers)
    ]
    return min(fitting, key=lambda rule: (rule.is_excluded, rule.needs_approval), default=CLOSED)


def check_access(rules: Sequence[AccessRule]) -> None:
    """Refuse a regime with two rules of one id.

    Raises:
        ValueError: with the fix, as validators word it.
    """
    ids = [rule.id for rule in rules]
    for rule_id in ids:
        if ids.count(rule_id) > 1:
            raise ValueError(f"two rules of [[access]] have the id {rule_id!r}; give each its own")

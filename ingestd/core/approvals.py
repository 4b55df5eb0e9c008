"""Who has to agree to an act: chains of approval as data of a regime (`[[approvals]]`), and what one more name makes.

Pure. A name is what a person gave at the keyboard: two names are one person where they differ only in case, width or
blanks. Who may use which name is a matter of accounts, which are not here.
"""

import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Self

from pydantic import Field, model_validator

from ingestd.core.clauses import Basis, Sourced
from ingestd.core.errors import RefusedError


class ApprovedAct(StrEnum):
    """The acts that somebody else has to agree to."""

    VIEW = "view"
    COPY = "copy"
    HOLD_RELEASE = "hold_release"
    DISPOSAL = "disposal"
    REGIME_CHANGE = "regime_change"

    @property
    def needs_two(self) -> bool:
        """Whether at least two different people have a hand in it, whatever a regime says."""
        return self in (ApprovedAct.HOLD_RELEASE, ApprovedAct.DISPOSAL, ApprovedAct.REGIME_CHANGE)


class ApprovalRule(Sourced):
    """One chain: how many different people approve an act, and whether who asks for it may be one of them.

    `who` says in words whose office it is (分管领导); the program does not know offices yet.
    """

    act: ApprovedAct
    who: str = Field(min_length=1)
    persons: int = Field(ge=1, le=9)
    may_requester_approve: bool = False
    basis: Basis = Basis.LOCAL_POLICY

    @model_validator(mode="after")
    def _rule_makes_sense(self) -> Self:
        if self.basis is Basis.LAW and self.article is None:
            raise ValueError("basis law needs article and words; without them it is local policy")
        if self.basis is Basis.LOCAL_POLICY and self.note is None:
            raise ValueError("local policy needs a note that says what the regulation leaves open")
        if self.act.needs_two and self.persons + (not self.may_requester_approve) < 2:
            raise ValueError(
                f"{self.act.value} takes two different people: raise persons, or set may_requester_approve = false"
            )
        return self


_NOTE = "The regulation names nobody; the shipped default. 法规未规定审批人，系统默认。"

DEFAULTS: Final[tuple[ApprovalRule, ...]] = (
    ApprovalRule(act=ApprovedAct.VIEW, who="单位负责人", persons=1, note=_NOTE),
    ApprovalRule(act=ApprovedAct.COPY, who="单位负责人", persons=1, note=_NOTE),
    ApprovalRule(act=ApprovedAct.HOLD_RELEASE, who="两名不同人员", persons=2, may_requester_approve=True, note=_NOTE),
    ApprovalRule(act=ApprovedAct.DISPOSAL, who="两名不同人员", persons=2, may_requester_approve=True, note=_NOTE),
    ApprovalRule(act=ApprovedAct.REGIME_CHANGE, who="两名不同人员", persons=2, may_requester_approve=True, note=_NOTE),
)
"""What holds where a regime says nothing (decision 16)."""


def chain_of(rules: Sequence[ApprovalRule], act: ApprovedAct) -> ApprovalRule:
    """The chain for an act: the regime's own, else the shipped default."""
    return next(rule for rule in (*rules, *DEFAULTS) if rule.act is act)


def check_chains(rules: Sequence[ApprovalRule]) -> None:
    """Refuse a regime with two chains for one act.

    Raises:
        ValueError: with the fix, as validators word it.
    """
    acts = [rule.act for rule in rules]
    for act in acts:
        if acts.count(act) > 1:
            raise ValueError(f"two rules of [[approvals]] are for {act.value!r}; keep one")


def is_same_person(one: str, other: str) -> bool:
    """Whether two names are one person's."""
    return _plain(one) == _plain(other)


def check_approval(chain: ApprovalRule, *, requester: str, given: Sequence[str], by: str) -> None:
    """Refuse an approval that the chain does not allow.

    Args:
        requester: who asked for the act.
        given: who approved before.
        by: who approves now.

    Raises:
        RefusedError: it is the requester, and the chain does not allow that; or the same person again.
    """
    if by == "station":
        raise RefusedError("an act of a person cannot be signed `station`", "give the name of who does it: --by")
    if is_same_person(by, requester) and not chain.may_requester_approve:
        raise RefusedError(f"{by} asked for it and cannot approve it", f"{chain.persons} others must: {chain.who}")
    if any(is_same_person(by, one) for one in given):
        raise RefusedError(f"{by} approved it before; another person must", f"approvers: {chain.who}")


def still_missing(chain: ApprovalRule, *, requester: str, given: Sequence[str]) -> int:
    """How many people must still approve; approvals that the chain does not allow (any more) count for nothing."""
    counted = {_plain(one) for one in given}
    if not chain.may_requester_approve:
        counted.discard(_plain(requester))
    return max(0, chain.persons - len(counted))


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()

"""A regime's rules about what is said or shown in a recording, as data: kinds of bookmarks, each with its clause."""

from enum import StrEnum
from typing import Self

from pydantic import Field, field_validator, model_validator

from ingestd.core.clauses import Basis, Sourced
from ingestd.core.findings import REGISTER


class Asked(StrEnum):
    """When the clause asks for it."""

    ALWAYS = "always"
    AT_SEA = "at_sea"
    ASHORE = "ashore"
    INTERRUPTION = "interruption"
    """Where the recording was interrupted, at each interruption."""
    WHERE_PRESENT = "where_present"
    """Where there is such a thing; no program can tell whether there was."""

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _ASKED_WORDS[self]


_ASKED_WORDS = {
    Asked.ALWAYS: "in every take · 每次记录",
    Asked.AT_SEA: "at sea · 海上执法时",
    Asked.ASHORE: "ashore · 陆上执法时",
    Asked.INTERRUPTION: "after an interruption · 中止后重新记录时",
    Asked.WHERE_PRESENT: "where there is such a thing · 如有",
}


class BookmarkRule(Sourced):
    """A kind of bookmark.

    `group` names several kinds together, as a spoken statement covers all of its parts; `is_spoken`: the clause asks
    that it be said. `served_by` are kinds whose mark serves as well. `codes` are the findings that count as an
    interruption.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
    asked: Asked
    is_spoken: bool = False
    group: str | None = Field(default=None, pattern=r"^[a-z0-9_]+$")
    served_by: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    basis: Basis = Basis.LAW

    @property
    def shown(self) -> str:
        """English · Chinese."""
        return f"{self.en} · {self.zh}"

    @field_validator("codes")
    @classmethod
    def _codes_are_registered(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            if code not in REGISTER:
                raise ValueError(f"{code!r} is no code of a finding; the codes are in docs/reference/findings.md")
        return codes

    @model_validator(mode="after")
    def _rule_makes_sense(self) -> Self:
        if self.basis is Basis.LAW and self.article is None:
            raise ValueError("basis law needs article and words; without them it is local policy")
        if self.basis is Basis.LOCAL_POLICY and self.note is None:
            raise ValueError("local policy needs a note that says what the regulation leaves open")
        if (self.asked is Asked.INTERRUPTION) != bool(self.codes):
            raise ValueError("codes are given for asked = interruption, and for nothing else")
        return self


def named_together(rules: tuple[BookmarkRule, ...]) -> dict[str, tuple[str, ...]]:
    """The kinds that each name stands for: a kind for itself, a group for all of its kinds.

    Raises:
        ValueError: two kinds have one id, a group has the id of a kind, or `served_by` names no kind.
    """
    names: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        if rule.id in names:
            raise ValueError(f"two rules of [[bookmarks]] have the id {rule.id!r}; give each its own")
        names[rule.id] = (rule.id,)
    for rule in rules:
        for other in rule.served_by:
            if other not in names or other == rule.id:
                raise ValueError(f"{rule.id!r} is served by {other!r}, which is no other kind of [[bookmarks]]")
    groups: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        if rule.group is not None:
            groups[rule.group] = (*groups.get(rule.group, ()), rule.id)
    for group, kinds in groups.items():
        if group in names:
            raise ValueError(f"{group!r} is a kind and a group of [[bookmarks]]; give the group another name")
        names[group] = kinds
    return names

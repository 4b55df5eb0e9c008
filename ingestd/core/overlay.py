"""A bureau's own terms on top of a regime: they lengthen or add, each on a paper of the bureau, and never fall below.

民政 and 卫健 name no term: an overlay sets one with its basis, and without one nothing is ever due (decision 9).
"""

from functools import cached_property
from typing import NamedTuple, Self

from pydantic import Field, model_validator

from ingestd.core.cases import CaseFlag
from ingestd.core.clauses import Frozen
from ingestd.core.regime import Regime
from ingestd.core.retention_rules import (
    AppliesTo,
    RetentionRule,
    RuleKind,
    TermRules,
    TermStart,
    refuse_without_case,
)


class LocalRule(Frozen):
    """One term of the bureau's own.

    `basis` names the paper and its clause (本单位文件), `words` are its words: both stand with every decision that
    rests on it, because a term without a basis is none.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    applies: tuple[AppliesTo, ...] = Field(min_length=1)
    kind: RuleKind = RuleKind.MINIMUM
    years: int = Field(default=0, ge=0, le=200)
    months: int = Field(default=0, ge=0, le=2400)
    starts: TermStart = TermStart.SECURED
    flag: CaseFlag | None = None
    category: str | None = Field(default=None, pattern=r"^[a-z0-9_]+$")
    basis: str = Field(min_length=1)
    words: str = Field(min_length=1)
    note: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _rule_makes_sense(self) -> Self:
        if self.kind is RuleKind.UNTIL_DECIDED:
            raise ValueError("an overlay decides; write a term, or take the rule out")
        if self.kind.has_end != (self.years + self.months > 0):
            needed = "needs years or months" if self.kind.has_end else "takes neither years nor months"
            raise ValueError(f"a rule of kind {self.kind.value} {needed}")
        is_conditional = self.flag is not None or self.category is not None
        refuse_without_case(self.applies, self.kind, self.starts, is_conditional=is_conditional)
        return self

    @property
    def as_rule(self) -> RetentionRule:
        """The rule as decisions take it: its basis stands where a regulation's article stands."""
        return RetentionRule(
            **self.model_dump(exclude={"basis"}),
            article=self.basis,
            is_local=True,
        )


class Overlay(Frozen):
    """What one overlay file says. `version` counts changes of it; the file is chosen as a regime is, by its id."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    based_on: str = Field(min_length=1)
    version: int = Field(ge=1)
    title: str | None = Field(default=None, min_length=1)
    bureau: str | None = Field(default=None, min_length=1)
    retention: tuple[LocalRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _rules_are_told_apart(self) -> Self:
        if self.id == self.based_on:
            raise ValueError("an overlay cannot stand on itself; give it an id of its own")
        ids = [rule.id for rule in self.retention]
        if len(set(ids)) != len(ids):
            raise ValueError("two rules of [[retention]] have the same id; give each its own")
        return self


class LocalRegime(Regime):
    """A regime with a bureau's overlay on it. Its rules are those of the regime and those of the overlay together."""

    based_on: str
    based_on_version: int

    @cached_property
    def term_rules(self) -> TermRules:
        """The edition of its rules of keeping."""
        return TermRules(
            regime=self.id,
            version=self.version,
            based_on=self.based_on,
            based_on_version=self.based_on_version,
            rules=self.retention,
        )


class OverlayFault(NamedTuple):
    """Why an overlay cannot stand on its regime. `key` is dotted, as in `retention.0.years`."""

    key: str
    value: str
    what: str
    fix: str


def overlay_faults(overlay: Overlay, base: Regime) -> list[OverlayFault]:
    """Everything in which an overlay falls under its regime, or does not fit it; none where it may stand."""
    return [
        fault for place, rule in enumerate(overlay.retention) for fault in _faults(f"retention.{place}", rule, base)
    ]


def laid_over(overlay: Overlay, base: Regime) -> LocalRegime:
    """The regime with its overlay. The caller asked `overlay_faults` before.

    What the regime leaves to a decision (`until_decided`) is decided by an overlay's rule of the same class; every
    other rule of the regime stands on beside the overlay's, and the longest wins.
    """
    decided = {one for rule in overlay.retention if _is_for_all(rule) for one in rule.applies}
    kept: list[RetentionRule] = []
    for rule in base.retention:
        left = tuple(one for one in rule.applies if one not in decided)
        if rule.kind is not RuleKind.UNTIL_DECIDED or len(left) == len(rule.applies):
            kept.append(rule)
        elif left:
            kept.append(rule.model_copy(update={"applies": left}))
    own = {name: getattr(base, name) for name in Regime.model_fields}
    own |= {
        "id": overlay.id,
        "title": overlay.title or base.title,
        "bureau": overlay.bureau or base.bureau,
        "version": overlay.version,
        "retention": (*kept, *(rule.as_rule for rule in overlay.retention)),
    }
    return LocalRegime(**own, based_on=base.id, based_on_version=base.version)


def _is_for_all(rule: LocalRule) -> bool:
    """Whether a rule decides for its whole class: a rule for cases of one flag leaves the others undecided."""
    return rule.kind is not RuleKind.OPEN_CASE and rule.flag is None and rule.category is None


def _faults(key: str, rule: LocalRule, base: Regime) -> list[OverlayFault]:
    faults: list[OverlayFault] = []
    if any(one.id == rule.id for one in base.retention):
        fix = "give it an id of its own; the regime's rule stands on beside it"
        faults.append(OverlayFault(f"{key}.id", repr(rule.id), f"is a rule of {base.id} already", fix))
    if rule.category is not None and rule.category not in {one.id for one in base.categories}:
        known = ", ".join(one.id for one in base.categories) or "none"
        what = f"{base.id} knows no such category"
        faults.append(OverlayFault(f"{key}.category", repr(rule.category), what, f"its categories are {known}"))
    for floor in _floors(rule, base):
        source = f"{floor.article}: {floor.words}" if floor.article else floor.note
        if floor.kind is RuleKind.LONG_TERM:
            if rule.kind is not RuleKind.LONG_TERM:
                what = f"falls under {floor.id} of {base.id}, which keeps without an end ({source})"
                faults.append(OverlayFault(f"{key}.kind", repr(rule.kind.value), what, 'write kind = "long_term"'))
        elif rule.kind.has_end and rule.years * 12 + rule.months < floor.total_months:
            named = f"{key}.{'years' if rule.years else 'months'}"
            least = _length(floor.years, floor.months)
            what = f"{_length(rule.years, rule.months)} fall under {floor.id} of {base.id}, {least} ({source})"
            fix = f"write {least} or more, or take the rule out: the regime's own stands"
            faults.append(OverlayFault(named, str(rule.years or rule.months), what, fix))
    return faults


def _floors(rule: LocalRule, base: Regime) -> list[RetentionRule]:
    """The rules of the regime that speak of the same material and say how long."""
    classes = set(rule.applies)
    same = [one for one in base.retention if classes.intersection(one.applies)]
    if rule.starts is TermStart.SECURED and any(one.is_of_cases for one in rule.applies):
        # What is linked or evidence is footage, photo or other as well, and has that class's term already.
        same += [one for one in base.retention if one not in same and one.kind.has_end]
    return [one for one in same if one.kind.has_end or one.kind is RuleKind.LONG_TERM]


def _length(years: int, months: int) -> str:
    parts = [f"years = {years}"] if years else []
    parts += [f"months = {months}"] if months else []
    return ", ".join(parts)

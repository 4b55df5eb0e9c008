"""A bureau's rules as data: all of one regime file. Terms are counted in `core.terms`, hand-over in `core.handover`.

No rule stands in code: each regime is a file under `config/regimes/`, with article and words. How terms are counted is
in `docs/design/` (decisions 8 to 12).
"""

from functools import cached_property
from typing import Self

from pydantic import Field, field_validator, model_validator

from ingestd.core.access_rules import AccessRule, check_access
from ingestd.core.approvals import ApprovalRule, check_chains
from ingestd.core.bookmark_rules import BookmarkRule, named_together
from ingestd.core.case_rules import AbsenceRule, Category, CoverageRule, FilingRule
from ingestd.core.clauses import Basis, Frozen, Sourced
from ingestd.core.findings import REGISTER
from ingestd.core.handover import HandOverClock
from ingestd.core.hold_rules import CarrierFor, CarrierRule, HoldReason, HoldRule
from ingestd.core.inspection_rules import InspectionRule
from ingestd.core.interruption import InterruptionReason
from ingestd.core.origin_rules import OriginRule
from ingestd.core.registration_rules import RegistrationRule, fields_of
from ingestd.core.retention_rules import AppliesTo, RetentionRule, TermRules


class ExplanationRule(Sourced):
    """Findings that stay open until a person explains them. `named_reasons` are those that the clause itself names.

    Local policy may quote the clause that it serves; its note then says what the clause leaves open.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    codes: tuple[str, ...] = Field(min_length=1)
    named_reasons: tuple[InterruptionReason, ...] = ()
    basis: Basis

    @field_validator("codes")
    @classmethod
    def _codes_are_registered(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            if code not in REGISTER:
                raise ValueError(f"{code!r} is no code of a finding; the codes are in docs/reference/findings.md")
        return codes

    @model_validator(mode="after")
    def _basis_is_true(self) -> Self:
        if self.basis is Basis.LAW and self.article is None:
            raise ValueError("basis law needs article and words; without them it is local policy")
        if self.basis is Basis.LOCAL_POLICY and self.note is None:
            raise ValueError("local policy needs a note that says what the regulation leaves open")
        return self


class Regime(Frozen):
    """One bureau's rules. `text` is the file name of the regulation; `version` counts changes of this data."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str = Field(min_length=1)
    bureau: str = Field(min_length=1)
    text: str = Field(min_length=1)
    version: int = Field(ge=1)
    retention: tuple[RetentionRule, ...] = Field(min_length=1)
    hand_over: HandOverClock | None = None
    explain: tuple[ExplanationRule, ...] = ()
    categories: tuple[Category, ...] = ()
    coverage: tuple[CoverageRule, ...] = ()
    absence: tuple[AbsenceRule, ...] = ()
    filing: tuple[FilingRule, ...] = ()
    bookmarks: tuple[BookmarkRule, ...] = ()
    origins: tuple[OriginRule, ...] = ()
    registration: tuple[RegistrationRule, ...] = ()
    holds: tuple[HoldRule, ...] = ()
    carriers: tuple[CarrierRule, ...] = ()
    approvals: tuple[ApprovalRule, ...] = ()
    access: tuple[AccessRule, ...] = ()
    inspection: tuple[InspectionRule, ...] = ()

    @field_validator("approvals")
    @classmethod
    def _chains_are_told_apart(cls, approvals: tuple[ApprovalRule, ...]) -> tuple[ApprovalRule, ...]:
        check_chains(approvals)
        return approvals

    @field_validator("access")
    @classmethod
    def _access_is_told_apart(cls, access: tuple[AccessRule, ...]) -> tuple[AccessRule, ...]:
        check_access(access)
        return access

    @field_validator("registration")
    @classmethod
    def _fields_are_told_apart(cls, registration: tuple[RegistrationRule, ...]) -> tuple[RegistrationRule, ...]:
        fields_of(registration)
        return registration

    @field_validator("bookmarks")
    @classmethod
    def _kinds_are_told_apart(cls, bookmarks: tuple[BookmarkRule, ...]) -> tuple[BookmarkRule, ...]:
        named_together(bookmarks)
        return bookmarks

    @property
    def codes_to_explain(self) -> frozenset[str]:
        """Codes of findings that stay open until a person explains them."""
        return frozenset(code for rule in self.explain for code in rule.codes)

    @cached_property
    def term_rules(self) -> TermRules:
        """The edition of its rules of keeping."""
        return TermRules(regime=self.id, version=self.version, rules=self.retention)

    def hold_rule(self, reason: HoldReason) -> HoldRule | None:
        """The rule of a reason of long-term keeping; null where the regime file has none."""
        return next((rule for rule in self.holds if rule.reason is reason), None)

    def carriers_for(self, what: CarrierFor) -> tuple[CarrierRule, ...]:
        """The carriers that the regime asks for; none where it asks for none."""
        return tuple(rule for rule in self.carriers if what in rule.applies)

    @model_validator(mode="after")
    def _every_class_has_a_rule(self) -> Self:
        for applies in AppliesTo:
            if not any(applies in rule.applies and not rule.is_conditional_on_case for rule in self.retention):
                raise ValueError(f"no retention rule applies to {applies.value!r}; nothing may be without a reason")
        known = {one.id for one in self.categories}
        for rule in self.retention:
            if rule.category is not None and rule.category not in known:
                raise ValueError(f"retention rule {rule.id!r} names the category {rule.category!r}; there is none such")
        return self

    @model_validator(mode="after")
    def _rules_are_told_apart(self) -> Self:
        ids = [rule.id for rule in self.retention]
        for rule_id in ids:
            if ids.count(rule_id) > 1:
                raise ValueError(f"two retention rules have the id {rule_id!r}")
        named: dict[str, list[str]] = {
            "explain": [one.id for one in self.explain],
            "categories": [one.id for one in self.categories],
            "filing": [one.id for one in self.filing],
            "carriers": [one.id for one in self.carriers],
            "inspection": [one.id for one in self.inspection],
        }
        for section, its_ids in named.items():
            if len(set(its_ids)) != len(its_ids):
                raise ValueError(f"two rules of [[{section}]] have the same id; give each its own")
        if len({rule.reason for rule in self.holds}) != len(self.holds):
            raise ValueError("two rules of [[holds]] have the same reason; give each reason once")
        return self

"""A regime's rules of keeping as data: what each speaks of, for how long, from which event, with article and words.

民宗 20 and 江门 43 name minima, 海洋 29 a term, 民政 and 卫健 none (decision 9); evidence follows each regime's own
clause (decision 10). The arithmetic on them is in `core.terms`.
"""

from enum import StrEnum
from functools import cached_property
from typing import Self

from pydantic import Field, model_validator

from ingestd.core.cases import CaseFlag
from ingestd.core.clauses import Frozen, Sourced
from ingestd.core.manifest import canonical_json, sha256_of


class AppliesTo(StrEnum):
    """The classes of material that a retention rule can speak of. The last two come on top of the first three."""

    FOOTAGE = "footage"
    """Video and audio."""
    PHOTO = "photo"
    OTHER = "other"
    """Logs, sidecars, empty files, and what the station does not know."""
    LINKED = "linked"
    """Material of any kind that is linked to a case, as evidence or not."""
    EVIDENCE = "evidence"
    """Material of any kind that is used as evidence."""

    @property
    def is_of_cases(self) -> bool:
        """Whether a link to a case puts material into this class."""
        return self in (AppliesTo.LINKED, AppliesTo.EVIDENCE)


class RuleKind(StrEnum):
    """What a retention rule says."""

    TERM = "term"
    """Kept for a time that the rule names."""
    MINIMUM = "minimum"
    """Kept for at least the time that the rule names."""
    CASE_FILE = "case_file"
    """Kept as long as the case file; without an end as long as no case names its term."""
    OPEN_CASE = "open_case"
    """Kept while a case that it is linked to is open: no timer of it ends before the case file is filed."""
    LONG_TERM = "long_term"
    """长期保存: kept without an end."""
    UNTIL_DECIDED = "until_decided"
    """No term is named: kept until a person decides."""

    @property
    def has_end(self) -> bool:
        """Whether the rule itself names a time."""
        return self in (RuleKind.TERM, RuleKind.MINIMUM)


class TermStart(StrEnum):
    """The event from which a term runs."""

    SECURED = "secured"
    """The later of the end of the recording and its sealing (decision 8)."""
    CASE_CONCLUDED = "case_concluded"
    """行政执法行为终结之日 of the case; the term has no end as long as the case has no such day."""
    CASE_FILED = "case_filed"
    """归档 of the case; the term has no end as long as the case is open."""


class RetentionRule(Sourced):
    """One reason to keep. `years` and `months` add up and are given only for a term or a minimum.

    A fallback rule counts only where no other rule of the regime speaks of the same class (江门 43: 没有规定的). With a
    `flag` or a `category` a rule speaks only of material of cases that carry it. `is_local`: of a bureau's own overlay;
    its article is the paper that the bureau set the term by.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    applies: tuple[AppliesTo, ...] = Field(min_length=1)
    kind: RuleKind
    years: int = Field(default=0, ge=0, le=200)
    months: int = Field(default=0, ge=0, le=2400)
    starts: TermStart = TermStart.SECURED
    flag: CaseFlag | None = None
    category: str | None = Field(default=None, pattern=r"^[a-z0-9_]+$")
    is_fallback: bool = False
    is_shipped_default: bool = False
    is_local: bool = False

    @property
    def total_months(self) -> int:
        """The length of a term or a minimum."""
        return self.years * 12 + self.months

    @property
    def is_conditional_on_case(self) -> bool:
        """Whether it speaks only of cases of one flag or category."""
        return self.flag is not None or self.category is not None

    @model_validator(mode="after")
    def _rule_makes_sense(self) -> Self:
        if self.kind.has_end != (self.total_months > 0):
            needed = "needs years or months" if self.kind.has_end else "takes neither years nor months"
            raise ValueError(f"a rule of kind {self.kind.value} {needed}")
        if self.article is None and not self.is_shipped_default:
            raise ValueError("a rule without an article is a shipped default: set is_shipped_default = true and a note")
        if self.is_shipped_default and self.note is None:
            raise ValueError("a shipped default needs a note that says what the regulation leaves open")
        refuse_without_case(self.applies, self.kind, self.starts, is_conditional=self.is_conditional_on_case)
        return self


def refuse_without_case(
    applies: tuple[AppliesTo, ...], kind: RuleKind, starts: TermStart, *, is_conditional: bool
) -> None:
    """Refuse a rule that asks a case about material that need not have one.

    Raises:
        ValueError: such a rule; in words.
    """
    needs_case = is_conditional or starts is not TermStart.SECURED or kind in (RuleKind.CASE_FILE, RuleKind.OPEN_CASE)
    if needs_case and not all(one.is_of_cases for one in applies):
        raise ValueError("a rule that asks the case applies to linked or evidence; what has no case is nothing to it")
    if starts is not TermStart.SECURED and not kind.has_end:
        raise ValueError(f"a rule of kind {kind.value} has no term that could start; take starts out")


class TermRules(Frozen):
    """All that decides terms under one edition of a regime; the ledger keeps it, to decide by it again years later.

    Files that differ in other sections, or only in their version, are one edition.

    Args:
        regime: id of the chosen regime, of the overlay where there is one.
        version: of that regime file.
        based_on: the regime that an overlay stands on, with its version; null without an overlay.
    """

    regime: str
    version: int
    based_on: str | None = None
    based_on_version: int | None = None
    rules: tuple[RetentionRule, ...]

    @cached_property
    def sha256(self) -> str:
        """The edition's name: SHA-256 over the canonical JSON of all of it but the versions."""
        named = self.model_dump(mode="json", include={"regime", "based_on", "rules"})
        return sha256_of(canonical_json(named))

    @property
    def shown(self) -> str:
        """Regime and version for people."""
        base = f" on {self.based_on} {self.based_on_version}" if self.based_on else ""
        return f"{self.regime} {self.version}{base}"

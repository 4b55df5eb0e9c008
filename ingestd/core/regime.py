"""A bureau's rules as data, and the pure arithmetic of retention on them. Its clock of hand-over: `core.handover`.

No rule stands in code: each regime is a file under `config/regimes/`, with article and words. How terms are counted is
in `docs/design/` (decisions 8 to 12).
"""

import datetime as dt
from enum import StrEnum
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field, field_validator, model_validator

from ingestd.core.bookmark_rules import BookmarkRule, named_together
from ingestd.core.case_rules import AbsenceRule, Category, CoverageRule, FilingRule
from ingestd.core.clauses import Basis, Frozen, Sourced
from ingestd.core.clock import from_text, to_text
from ingestd.core.facts import MediaKind
from ingestd.core.findings import REGISTER
from ingestd.core.handover import HandOverClock
from ingestd.core.interruption import InterruptionReason
from ingestd.core.localdays import add_term, end_of_day
from ingestd.core.origin_rules import OriginRule
from ingestd.core.registration_rules import RegistrationRule, fields_of


class AppliesTo(StrEnum):
    """The classes of material that a retention rule can speak of. Evidence comes on top of the other three."""

    FOOTAGE = "footage"
    """Video and audio."""
    PHOTO = "photo"
    OTHER = "other"
    """Logs, sidecars, empty files, and what the station does not know."""
    EVIDENCE = "evidence"
    """Material of any kind that is used as evidence."""


class RuleKind(StrEnum):
    """What a retention rule says."""

    TERM = "term"
    """Kept for a time that the rule names."""
    MINIMUM = "minimum"
    """Kept for at least the time that the rule names."""
    CASE_FILE = "case_file"
    """Kept as long as the case file; without an end as long as no case names its term."""
    LONG_TERM = "long_term"
    """长期保存: kept without an end."""
    UNTIL_DECIDED = "until_decided"
    """No term is named: kept until a person decides."""

    @property
    def has_end(self) -> bool:
        """Whether the rule itself names a time."""
        return self in (RuleKind.TERM, RuleKind.MINIMUM)


class RetentionRule(Sourced):
    """One reason to keep. `years` and `months` add up and are given only for a term or a minimum.

    A fallback rule counts only where no other rule of the regime speaks of the recording (江门 43: 没有规定的).
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    applies: tuple[AppliesTo, ...] = Field(min_length=1)
    kind: RuleKind
    years: int = Field(default=0, ge=0, le=200)
    months: int = Field(default=0, ge=0, le=2400)
    is_fallback: bool = False
    is_shipped_default: bool = False

    @model_validator(mode="after")
    def _rule_makes_sense(self) -> Self:
        if self.kind.has_end != (self.years + self.months > 0):
            needed = "needs years or months" if self.kind.has_end else "takes neither years nor months"
            raise ValueError(f"a rule of kind {self.kind.value} {needed}")
        if self.article is None and not self.is_shipped_default:
            raise ValueError("a rule without an article is a shipped default: set is_shipped_default = true and a note")
        if self.is_shipped_default and self.note is None:
            raise ValueError("a shipped default needs a note that says what the regulation leaves open")
        return self


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

    @model_validator(mode="after")
    def _every_class_has_a_rule(self) -> Self:
        ids = [rule.id for rule in self.retention]
        for rule_id in ids:
            if ids.count(rule_id) > 1:
                raise ValueError(f"two retention rules have the id {rule_id!r}")
        for applies in AppliesTo:
            if not any(applies in rule.applies for rule in self.retention):
                raise ValueError(f"no retention rule applies to {applies.value!r}; nothing may be without a reason")
        explained = [rule.id for rule in self.explain]
        if len(explained) != len(set(explained)):
            raise ValueError("two rules of [[explain]] have the same id; give each its own")
        for section, named in (("categories", self.categories), ("filing", self.filing)):
            if len({one.id for one in named}) != len(named):
                raise ValueError(f"two rules of [[{section}]] have the same id; give each its own")
        return self


class RetentionItem(Frozen):
    """What is known of a recording when its retention is decided. `recorded_end` is corrected for the clock's error."""

    kind: MediaKind
    recorded_end: AwareDatetime | None
    sealed_at: AwareDatetime
    is_evidence: bool = False


class RetentionReason(Frozen):
    """One rule that keeps a recording. Times are UTC texts; `until` is null for "not before a person decides"."""

    rule_id: str
    kind: RuleKind
    article: str | None
    words: str | None
    note: str | None
    is_shipped_default: bool
    start: str
    start_event: Literal["recorded_end", "sealed_at"]
    until: str | None
    is_winner: bool = False
    is_promised_earlier: bool = False
    """It does not follow from what is known now; it was promised once, and no change shortens a promise."""


class RetentionDecision(Frozen):
    """Until when a recording is kept at least, and every reason why; exactly one reason is marked as the winner.

    `keep_until` is the first moment that lies behind the term, UTC text; null: until a person decides. It gives nobody
    leave to dispose of anything: no regulation speaks of destruction.
    """

    regime: str
    regime_version: int
    keep_until: str | None
    reasons: tuple[RetentionReason, ...]


def retention_of(regime: Regime, item: RetentionItem, zone: ZoneInfo) -> RetentionDecision:
    """Until when the regime keeps a recording at least. The longest reason wins; one without an end beats every date.

    A term starts at the later of the end of recording and sealing, so that neither a clock that was behind nor a late
    import makes footage "born expired". A date beyond the calendar (a clock at year 9999) counts as without an end.

    Args:
        regime: the bureau's rules.
        item: the recording.
        zone: the bureau's zone, in which days are counted.
    """
    event: Literal["recorded_end", "sealed_at"] = "sealed_at"
    start = item.sealed_at
    if item.recorded_end is not None and item.recorded_end > item.sealed_at:
        start, event = item.recorded_end, "recorded_end"
    ends = [(rule, _term_end(start, rule, zone)) for rule in _rules_for(regime, item)]
    winner, keep_until = max(ends, key=lambda end: (end[1] is None, end[1].timestamp() if end[1] else 0.0))
    reasons = tuple(
        RetentionReason(
            rule_id=rule.id,
            kind=rule.kind,
            article=rule.article,
            words=rule.words,
            note=rule.note,
            is_shipped_default=rule.is_shipped_default,
            start=to_text(start),
            start_event=event,
            until=to_text(until) if until else None,
            is_winner=rule is winner,
        )
        for rule, until in ends
    )
    return RetentionDecision(
        regime=regime.id,
        regime_version=regime.version,
        keep_until=to_text(keep_until) if keep_until else None,
        reasons=reasons,
    )


def longer_of(promised: RetentionDecision, fresh: RetentionDecision) -> RetentionDecision:
    """The decision that stands after a recording was decided anew: `fresh`, but never for less time than promised.

    Where the promise was longer its winning reason stands on, marked, beside the reasons that are known now: only a
    person shortens it.
    """
    if fresh.keep_until is None:
        return fresh
    if promised.keep_until is not None and from_text(promised.keep_until) <= from_text(fresh.keep_until):
        return fresh
    (winner,) = [reason for reason in promised.reasons if reason.is_winner]
    reasons = (
        *(reason.model_copy(update={"is_winner": False}) for reason in fresh.reasons),
        winner.model_copy(update={"is_promised_earlier": True}),
    )
    return fresh.model_copy(update={"keep_until": promised.keep_until, "reasons": reasons})


def _rules_for(regime: Regime, item: RetentionItem) -> list[RetentionRule]:
    if item.kind.is_timed:
        classes = {AppliesTo.FOOTAGE}
    else:
        classes = {AppliesTo.PHOTO if item.kind is MediaKind.PHOTO else AppliesTo.OTHER}
    if item.is_evidence:
        classes.add(AppliesTo.EVIDENCE)
    rules = [rule for rule in regime.retention if classes.intersection(rule.applies)]
    return [rule for rule in rules if not rule.is_fallback] or rules


def _term_end(start: dt.datetime, rule: RetentionRule, zone: ZoneInfo) -> dt.datetime | None:
    if not rule.kind.has_end:
        return None
    try:
        last_day = add_term(start.astimezone(zone).date(), years=rule.years, months=rule.months)
        return end_of_day(last_day, zone)
    except (ValueError, OverflowError):
        return None

"""A bureau's rules as data, and the pure arithmetic on them: until when a recording is kept, when hand-over is due.

No rule stands in code: each regime is a file under `config/regimes/`, with article and words. How terms are counted is
in `docs/design/` (decisions 8 to 12).
"""

import datetime as dt
from enum import StrEnum
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, field_validator, model_validator

from ingestd.core.clock import to_text
from ingestd.core.facts import MediaKind
from ingestd.core.findings import REGISTER
from ingestd.core.interruption import InterruptionReason

_StoredMoment = Annotated[AwareDatetime, PlainSerializer(to_text, when_used="json")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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


class Basis(StrEnum):
    """Where a demand comes from; the two are never shown alike."""

    LAW = "law"
    LOCAL_POLICY = "local policy"


class _Sourced(_Frozen):
    """Something with its clause; `article` and `words` are null together where the regulation is silent."""

    article: str | None = Field(default=None, min_length=1)
    words: str | None = Field(default=None, min_length=1)
    note: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _clause_is_whole(self) -> Self:
        if (self.article is None) != (self.words is None):
            raise ValueError("article and words belong together: give both, or neither where the regulation is silent")
        return self


class RetentionRule(_Sourced):
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


class StartEvent(StrEnum):
    """What starts the hand-over clock of a regime, or did start it for one recording."""

    ACTIVITY_END = "activity_end"
    """End of the activity, by its case or declared; else the end of the recording stands in for it."""
    RECORDING_END = "recording_end"
    DAY_END = "day_end"
    """End of the day, in the bureau's zone, on which the recording ended."""


class HandOverClock(_Sourced):
    """Until when a recording must stand verified in the store."""

    starts: StartEvent
    hours: int = Field(gt=0, le=24 * 366)
    basis: Basis

    @model_validator(mode="after")
    def _basis_is_true(self) -> Self:
        if self.basis is Basis.LAW and self.article is None:
            raise ValueError("basis law needs article and words; without them it is local policy")
        if self.basis is Basis.LOCAL_POLICY and (self.article is not None or self.note is None):
            raise ValueError("local policy has no article, and a note that says so")
        return self


class ExplanationRule(_Sourced):
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


class Regime(_Frozen):
    """One bureau's rules. `text` is the file name of the regulation; `version` counts changes of this data."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str = Field(min_length=1)
    bureau: str = Field(min_length=1)
    text: str = Field(min_length=1)
    version: int = Field(ge=1)
    retention: tuple[RetentionRule, ...] = Field(min_length=1)
    hand_over: HandOverClock | None = None
    explain: tuple[ExplanationRule, ...] = ()

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
        return self


class RetentionItem(_Frozen):
    """What is known of a recording when its retention is decided. `recorded_end` is corrected for the clock's error."""

    kind: MediaKind
    recorded_end: AwareDatetime | None
    sealed_at: AwareDatetime
    is_evidence: bool = False


class RetentionReason(_Frozen):
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


class RetentionDecision(_Frozen):
    """Until when a recording is kept at least, and every reason why; exactly one reason is marked as the winner.

    `keep_until` is the first moment that lies behind the term, UTC text; null: until a person decides. It gives nobody
    leave to dispose of anything: no regulation speaks of destruction.
    """

    regime: str
    regime_version: int
    keep_until: str | None
    reasons: tuple[RetentionReason, ...]


class HandOverState(StrEnum):
    """Where a recording stands against the hand-over clock."""

    DUE = "due"
    """Not in the store yet, and there is still time."""
    MET = "met"
    LATE = "late"
    """Came after its time, or has not come and the time is over. A flag, never a reason to refuse footage."""
    NONE = "none"
    """The regime has no clock, or the recording's time is none that a deadline could be counted from."""


class HandOver(_Frozen):
    """A recording against the hand-over clock. `start_event` says which event was really known and used."""

    state: HandOverState
    due: _StoredMoment | None = None
    started_at: _StoredMoment | None = None
    start_event: StartEvent | None = None
    hours: int | None = None
    article: str | None = None
    words: str | None = None
    note: str | None = None
    basis: Basis | None = None


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


def add_term(day: dt.date, *, years: int, months: int) -> dt.date:
    """The last day of a term that starts on `day`: the day of the same number (民法典 201, 202; the first day is free).

    Where the month has no such day, 民法典 202 takes the month's last day; here the first of the next month is taken,
    one day more, because keeping errs on the long side: 31 January + 1 month is 1 March, 29 February + 1 year also.

    Raises:
        ValueError: the term ends beyond the calendar.
    """
    index = day.year * 12 + (day.month - 1) + years * 12 + months
    try:
        return dt.date(index // 12, index % 12 + 1, day.day)
    except ValueError:
        index += 1
        return dt.date(index // 12, index % 12 + 1, 1)


def end_of_day(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The moment in UTC when the day ends in the zone (民法典 203: 二十四时), which is the next day's first.

    Where clocks are turned at midnight, that hour is there twice or not at all: the later reading is taken.

    Raises:
        OverflowError: the day is the calendar's last.
    """
    midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), zone)
    return max(midnight.replace(fold=fold).astimezone(dt.UTC) for fold in (0, 1))


def hand_over_of(
    regime: Regime,
    *,
    activity_end: dt.datetime | None,
    recording_end: dt.datetime,
    secured_at: dt.datetime | None,
    now: dt.datetime,
    zone: ZoneInfo,
) -> HandOver:
    """Where a recording stands against the hand-over clock (海洋 27(五), 民政 30, 江门 41, 卫健 28; 民宗 none).

    江门 41 asks for hand-in after the day's work, then gives the custodian 24 hours; a docking is both at once, so the
    clock runs from the end of the day of the recording. The moment when it is due is still in time.

    Args:
        regime: the bureau's rules.
        activity_end: end of the activity by its case or declared; null where nobody said.
        recording_end: corrected end of the recording's take.
        secured_at: when the recording was sealed; null while it is not.
        now: the wall time.
        zone: the bureau's zone, in which days end.

    Raises:
        ValueError: a time without a zone.
    """
    for moment in (activity_end, recording_end, secured_at, now):
        if moment is not None and moment.tzinfo is None:
            raise ValueError("a time without a zone cannot be held against a deadline")
    clock = regime.hand_over
    if clock is None:
        return HandOver(state=HandOverState.NONE)
    try:
        started_at, event = _hand_over_start(clock, activity_end, recording_end, zone)
        due = started_at + dt.timedelta(hours=clock.hours)
    except OverflowError:
        return HandOver(state=HandOverState.NONE, hours=clock.hours, basis=clock.basis)
    if (secured_at or now) > due:
        state = HandOverState.LATE
    else:
        state = HandOverState.DUE if secured_at is None else HandOverState.MET
    return HandOver(
        state=state,
        due=due,
        started_at=started_at,
        start_event=event,
        hours=clock.hours,
        article=clock.article,
        words=clock.words,
        note=clock.note,
        basis=clock.basis,
    )


def _hand_over_start(
    clock: HandOverClock, activity_end: dt.datetime | None, recording_end: dt.datetime, zone: ZoneInfo
) -> tuple[dt.datetime, StartEvent]:
    if clock.starts is StartEvent.DAY_END:
        return end_of_day(recording_end.astimezone(zone).date(), zone), StartEvent.DAY_END
    if clock.starts is StartEvent.ACTIVITY_END and activity_end is not None:
        return activity_end.astimezone(dt.UTC), StartEvent.ACTIVITY_END
    return recording_end.astimezone(dt.UTC), StartEvent.RECORDING_END

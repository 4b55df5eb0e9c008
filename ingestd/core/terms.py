"""Until when a recording is kept and why: the pure arithmetic on a regime's rules, case links and holds.

Only terms are promises. A hold, an open case, or that nobody has decided yet keeps a recording for as long as it
stands; when it ends, the terms that were promised meanwhile count again, and no change of anything shortens one.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from ingestd.core.cases import CaseFlag
from ingestd.core.clauses import Frozen
from ingestd.core.clock import from_text, to_text
from ingestd.core.facts import MediaKind
from ingestd.core.hold_rules import HoldReason
from ingestd.core.localdays import add_term, end_of_day
from ingestd.core.retention_rules import AppliesTo, RetentionRule, RuleKind, TermRules, TermStart


class ReasonKind(StrEnum):
    """What keeps a recording: what a rule says (`RuleKind`), or what stands beside the rules."""

    TERM = "term"
    MINIMUM = "minimum"
    CASE_FILE = "case_file"
    OPEN_CASE = "open_case"
    LONG_TERM = "long_term"
    UNTIL_DECIDED = "until_decided"
    HOLD = "hold"
    """A hold stands (民宗 21, 江门 44)."""
    BORN_EXPIRED = "born_expired"
    """By its own time its term was over before it came in; a person has to look at it first (decision 8)."""

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _KIND_WORDS[self]


_KIND_WORDS = {
    ReasonKind.TERM: "kept for its term · 按期限保存",
    ReasonKind.MINIMUM: "kept at least for its term · 保存不少于期限",
    ReasonKind.CASE_FILE: "kept as long as the case file · 随案卷保存",
    ReasonKind.OPEN_CASE: "kept while its case is open · 案件未归档",
    ReasonKind.LONG_TERM: "kept without an end · 长期保存",
    ReasonKind.UNTIL_DECIDED: "kept until a person decides · 未定期限，待人工决定",
    ReasonKind.HOLD: "held · 长期保存",
    ReasonKind.BORN_EXPIRED: "older than its term when it came in; a person has to look · 入库时已超期，待人工核定",
}

_BEATS = (
    ReasonKind.HOLD,
    ReasonKind.LONG_TERM,
    ReasonKind.BORN_EXPIRED,
    ReasonKind.CASE_FILE,
    ReasonKind.UNTIL_DECIDED,
    ReasonKind.OPEN_CASE,
)
"""Which of several reasons without an end is shown as the winner; the date is the same with each."""


class StartEvent(StrEnum):
    """From what a reason runs."""

    RECORDED_END = "recorded_end"
    SEALED_AT = "sealed_at"
    CASE_CONCLUDED = "case_concluded"
    CASE_FILED = "case_filed"
    HOLD_PLACED = "hold_placed"


class StandingHold(Frozen):
    """A hold that covers a recording now. `article` and `words` are the regime's, null where it is silent."""

    hold_id: str
    reason: HoldReason
    article: str | None
    words: str | None
    placed_at: AwareDatetime
    note: str | None = None


class LinkedCase(Frozen):
    """A case that a recording is linked to. Days are the bureau's own.

    Args:
        concluded_on: the day on which the act of enforcement ended; null while it runs.
        closed_on: the day on which the case file was filed; null while the case is open.
        term_until: last day of the case file's term; null where nobody said, or it has no end.
    """

    number: str
    is_evidence: bool = False
    concluded_on: dt.date | None = None
    closed_on: dt.date | None = None
    term_until: dt.date | None = None
    flags: frozenset[CaseFlag] = frozenset()
    category: str = ""


class RetentionItem(Frozen):
    """What is known of a recording when its retention is decided. `recorded_end` is as its tags have it.

    Args:
        is_age_settled: a person looked at a recording that was older than its term when it came in.
    """

    kind: MediaKind
    recorded_end: AwareDatetime | None
    sealed_at: AwareDatetime
    cases: tuple[LinkedCase, ...] = ()
    holds: tuple[StandingHold, ...] = ()
    is_age_settled: bool = False

    @property
    def secured(self) -> tuple[dt.datetime, StartEvent]:
        """The later of the end of the recording and its sealing, and which of them it is (decision 8)."""
        if self.recorded_end is not None and self.recorded_end > self.sealed_at:
            return self.recorded_end, StartEvent.RECORDED_END
        return self.sealed_at, StartEvent.SEALED_AT

    @property
    def base_class(self) -> AppliesTo:
        """The class that it belongs to by its kind."""
        if self.kind.is_timed:
            return AppliesTo.FOOTAGE
        return AppliesTo.PHOTO if self.kind is MediaKind.PHOTO else AppliesTo.OTHER


class RetentionReason(Frozen):
    """One thing that keeps a recording. Times are UTC texts; `until` is null for "not before a person decides".

    `start` is null for what has not begun, as a term from the filing of a case that is open. `case` and `hold` name
    what it rests on.
    """

    rule_id: str
    kind: ReasonKind
    article: str | None
    words: str | None
    note: str | None
    is_shipped_default: bool
    start: str | None
    start_event: StartEvent | None
    until: str | None
    is_winner: bool = False
    is_promised_earlier: bool = False
    """It does not follow from what is known now; it was promised once, and no change shortens a promise."""
    is_local: bool = False
    case: str | None = None
    hold: str | None = None
    hold_reason: HoldReason | None = None

    @property
    def is_promise(self) -> bool:
        """Whether it is a term that nothing shortens any more; every other reason ends with what it rests on."""
        if self.kind is ReasonKind.LONG_TERM:
            return True
        return self.until is not None and self.kind in (ReasonKind.TERM, ReasonKind.MINIMUM, ReasonKind.CASE_FILE)


class RetentionDecision(Frozen):
    """Until when a recording is kept at least, and every reason why; exactly one reason is marked as the winner.

    `keep_until` is the first moment that lies behind the term, UTC text; null: until what keeps it ends. It gives
    nobody leave to dispose of anything: no regulation speaks of destruction. `rules_sha256` names the edition of the
    rules (`TermRules`); it is empty in decisions that were made before editions were kept.
    """

    regime: str
    regime_version: int
    based_on: str | None = None
    based_on_version: int | None = None
    rules_sha256: str = ""
    keep_until: str | None
    reasons: tuple[RetentionReason, ...]

    @property
    def winner(self) -> RetentionReason:
        """The reason that decides."""
        return next(one for one in self.reasons if one.is_winner)


def retention_of(rules: TermRules, item: RetentionItem, zone: ZoneInfo) -> RetentionDecision:
    """Until when a recording is kept at least. The longest reason wins; one without an end beats every date.

    A term starts at the later of the end of recording and sealing unless its rule names an event of the case, so that
    neither a clock that was behind nor a late import shortens it. What was older than its term when it came in has its
    term all the same, and waits for a person besides (`ReasonKind.BORN_EXPIRED`). A date beyond the calendar (a clock
    at year 9999) counts as without an end.

    Args:
        rules: the edition of the bureau's rules.
        item: the recording.
        zone: the bureau's zone, in which days are counted.
    """
    speaking = [one for one in rules.rules if _speaks(one, item)]
    counting = [one for one in speaking if not one.is_fallback or _is_alone(one, speaking, item)]
    reasons = [reason for rule in counting for reason in _reasons(rule, item, zone)]
    if _is_born_expired(counting, item, zone):
        reasons.append(_born_expired(item))
    reasons += [_held(hold) for hold in item.holds]
    return _decided(
        RetentionDecision(
            regime=rules.regime,
            regime_version=rules.version,
            based_on=rules.based_on,
            based_on_version=rules.based_on_version,
            rules_sha256=rules.sha256,
            keep_until=None,
            reasons=(),
        ),
        reasons,
    )


def with_promises(before: RetentionDecision, fresh: RetentionDecision) -> RetentionDecision:
    """The decision that stands after a recording was decided anew: `fresh`, but no promised term is shortened.

    Where an earlier decision promised a longer term, that reason stands on, marked, beside those that are known now.
    Holds, open cases and waiting for a person are no promises: they count as long as they stand, and no longer.
    """
    promised = [one for one in before.reasons if one.is_promise]
    if not promised:
        return fresh
    longest = max(promised, key=_length)
    known = [one for one in fresh.reasons if one.is_promise]
    if known and _length(max(known, key=_length)) >= _length(longest):
        return fresh
    return _decided(fresh, (*fresh.reasons, longest.model_copy(update={"is_promised_earlier": True})))


def _length(reason: RetentionReason) -> tuple[bool, float]:
    return (reason.until is None, from_text(reason.until).timestamp() if reason.until else 0.0)


def _decided(decision: RetentionDecision, reasons: Iterable[RetentionReason]) -> RetentionDecision:
    """The decision with these reasons, the longest marked."""
    told = list(reasons)

    def strength(position: int) -> tuple[bool, float, int]:
        reason = told[position]
        rank = len(_BEATS) - _BEATS.index(reason.kind) if reason.until is None and reason.kind in _BEATS else 0
        return (*_length(reason), rank)

    best = max(range(len(told)), key=strength)
    marked = tuple(one.model_copy(update={"is_winner": place == best}) for place, one in enumerate(told))
    return decision.model_copy(update={"keep_until": marked[best].until, "reasons": marked})


def _cases_of(rule: RetentionRule, item: RetentionItem) -> list[LinkedCase]:
    """The cases of a recording that a rule speaks of."""
    return [
        one
        for one in item.cases
        if (AppliesTo.LINKED in rule.applies or (AppliesTo.EVIDENCE in rule.applies and one.is_evidence))
        and (rule.flag is None or rule.flag in one.flags)
        and (rule.category is None or rule.category == one.category)
    ]


def _speaks(rule: RetentionRule, item: RetentionItem) -> bool:
    return item.base_class in rule.applies or bool(_cases_of(rule, item))


def _is_alone(fallback: RetentionRule, speaking: Iterable[RetentionRule], item: RetentionItem) -> bool:
    """Whether nothing else speaks of a class that a fallback speaks of: 没有规定的 (江门 43).

    Asked per class: that something is evidence, too, or that its case carries a flag, takes no minimum from it.
    """
    classes = {item.base_class}
    classes |= {AppliesTo.LINKED} if item.cases else set()
    classes |= {AppliesTo.EVIDENCE} if any(one.is_evidence for one in item.cases) else set()
    others = [one for one in speaking if not one.is_fallback and not one.is_conditional_on_case]
    return any(one in fallback.applies and not any(one in other.applies for other in others) for one in classes)


def _reasons(rule: RetentionRule, item: RetentionItem, zone: ZoneInfo) -> Iterator[RetentionReason]:
    start, event = item.secured
    if rule.kind is RuleKind.OPEN_CASE:
        for case in _cases_of(rule, item):
            if case.closed_on is None:
                yield _reason(rule, case=case.number)
    elif rule.kind is RuleKind.CASE_FILE:
        for case in _cases_of(rule, item):
            filed = case.closed_on
            until = _day_end(case.term_until, zone) if filed is not None else None
            moment = _day_start(filed, zone) if filed is not None else None
            yield _reason(rule, moment, StartEvent.CASE_FILED if moment else None, until, case=case.number)
    elif rule.starts is not TermStart.SECURED:
        for case in _cases_of(rule, item):
            yield _from_case(rule, case, item, zone)
    else:
        yield _reason(rule, start, event, _term_end(start.astimezone(zone).date(), rule, zone))


def _from_case(rule: RetentionRule, case: LinkedCase, item: RetentionItem, zone: ZoneInfo) -> RetentionReason:
    is_filing = rule.starts is TermStart.CASE_FILED
    # A case that was opened again has no end either, whatever day it still names.
    day = None if case.closed_on is None and is_filing else case.closed_on if is_filing else case.concluded_on
    if day is None:
        return _reason(rule, case=case.number)
    start, event = item.secured
    if start.astimezone(zone).date() > day:
        # What came in after the event is kept for the whole term all the same (decision 8).
        return _reason(rule, start, event, _term_end(start.astimezone(zone).date(), rule, zone), case=case.number)
    named = StartEvent.CASE_FILED if is_filing else StartEvent.CASE_CONCLUDED
    return _reason(rule, _day_start(day, zone), named, _term_end(day, rule, zone), case=case.number)


def _reason(
    rule: RetentionRule,
    start: dt.datetime | None = None,
    event: StartEvent | None = None,
    until: dt.datetime | None = None,
    case: str | None = None,
) -> RetentionReason:
    return RetentionReason(
        rule_id=rule.id,
        kind=ReasonKind(rule.kind.value),
        article=rule.article,
        words=rule.words,
        note=rule.note,
        is_shipped_default=rule.is_shipped_default,
        start=to_text(start) if start else None,
        start_event=event,
        until=to_text(until) if until else None,
        is_local=rule.is_local,
        case=case,
    )


def _is_born_expired(rules: Iterable[RetentionRule], item: RetentionItem, zone: ZoneInfo) -> bool:
    """Whether every term of it would have been over before it was sealed, had it run from the recording's own end."""
    if item.is_age_settled or item.recorded_end is None:
        return False
    day = item.recorded_end.astimezone(zone).date()
    ends = [_term_end(day, one, zone) for one in rules if one.kind.has_end and one.starts is TermStart.SECURED]
    return bool(ends) and all(one is not None and one <= item.sealed_at for one in ends)


def _born_expired(item: RetentionItem) -> RetentionReason:
    return RetentionReason(
        rule_id="born_expired",
        kind=ReasonKind.BORN_EXPIRED,
        article=None,
        words=None,
        note="By its own time its term was over before it came in: the recorder's clock was wrong, or the card came "
        "late. 按记录时间，入库时已超过保存期限：记录仪时钟有误或送交过迟，须人工核定。",
        is_shipped_default=True,
        start=to_text(item.recorded_end) if item.recorded_end else None,
        start_event=StartEvent.RECORDED_END,
        until=None,
    )


def _held(hold: StandingHold) -> RetentionReason:
    return RetentionReason(
        rule_id="hold",
        kind=ReasonKind.HOLD,
        article=hold.article,
        words=hold.words,
        note=hold.note,
        is_shipped_default=False,
        start=to_text(hold.placed_at),
        start_event=StartEvent.HOLD_PLACED,
        until=None,
        hold=hold.hold_id,
        hold_reason=hold.reason,
    )


def _term_end(day: dt.date, rule: RetentionRule, zone: ZoneInfo) -> dt.datetime | None:
    if not rule.kind.has_end:
        return None
    try:
        return end_of_day(add_term(day, years=rule.years, months=rule.months), zone)
    except (ValueError, OverflowError):
        return None


def _day_end(day: dt.date | None, zone: ZoneInfo) -> dt.datetime | None:
    try:
        return end_of_day(day, zone) if day is not None else None
    except OverflowError:
        return None


def _day_start(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)

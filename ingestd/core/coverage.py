"""Whether a case has the footage that its regime asks for, activity by activity. Pure.

What must be filmed and is not is listed until a recording is linked, or a reason stands that the regime admits
(海洋 15, 26; 卫健 13: in writing; 江门 14: unfit, no reason asked). A reason that the regime does not admit is shown,
and the activity stays on the list.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ingestd.core.case_rules import AbsenceRule, CoverageRule, Demand
from ingestd.core.cases import Activity, Case, CaseFlag

_STRICTNESS = (Demand.MUST, Demand.MAY, Demand.WRITTEN)


class CoverageState(StrEnum):
    """Where an activity stands."""

    COVERED = "covered"
    """At least one recording with picture or sound is linked to it."""
    EXCUSED = "excused"
    """None, and a reason stands that the regime admits."""
    MISSING = "missing"
    """None, and the regime asks for it."""
    AWAITED = "awaited"
    """It has not begun yet."""
    NOT_ASKED = "not_asked"
    """None, and the regime does not ask for it."""

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _STATE_WORDS[self]


_STATE_WORDS = {
    CoverageState.COVERED: "footage linked · 已关联",
    CoverageState.EXCUSED: "lawfully absent · 依规定未音像记录",
    CoverageState.MISSING: "MISSING · 缺音像记录",
    CoverageState.AWAITED: "not begun · 未开始",
    CoverageState.NOT_ASKED: "not asked for · 不要求",
}


@dataclass(frozen=True, slots=True)
class ActivityCoverage:
    """One activity against the matrix.

    Args:
        demand: the strictest of `rules`; null where the regime is silent.
        recordings: linked to it, with picture or sound.
        rules: clauses that speak of it, the strictest first.
        is_uninterrupted: it is to be recorded without a break, by `uninterrupted_by` or, where that is null, by the
            word of a person.
        excused_by: the clause that lets the given reason stand; null for none.
        admits: clauses under which a reason would stand.
    """

    activity: Activity
    state: CoverageState
    demand: Demand | None
    recordings: tuple[str, ...]
    rules: tuple[CoverageRule, ...]
    is_uninterrupted: bool
    uninterrupted_by: CoverageRule | None
    excused_by: AbsenceRule | None
    admits: tuple[AbsenceRule, ...]


def coverage_of(
    case: Case,
    linked: Mapping[str, Sequence[str]],
    *,
    rules: Sequence[CoverageRule],
    absence: Sequence[AbsenceRule],
    now: dt.datetime,
) -> tuple[ActivityCoverage, ...]:
    """Every activity of a case against the matrix of its regime, in the order of the case.

    Args:
        linked: recordings with picture or sound by the activity that they are linked to.
        rules: the regime's matrix.
        absence: its clauses on lawful absence.
        now: the wall time.
    """
    return tuple(
        _judged(case, activity, tuple(linked.get(activity.activity_id, ())), rules, absence, now)
        for activity in case.activities
    )


def _judged(
    case: Case,
    activity: Activity,
    recordings: tuple[str, ...],
    rules: Sequence[CoverageRule],
    absence: Sequence[AbsenceRule],
    now: dt.datetime,
) -> ActivityCoverage:
    speaking = speaking_rules(case, activity, rules)
    admits = admitting_rules(activity, absence)
    demand = speaking[0].demand if speaking else None
    given = activity.absence
    excused_by = next((rule for rule in admits if given is not None and _stands(rule, activity)), None)
    if recordings:
        state = CoverageState.COVERED
    elif demand is not Demand.MUST:
        state = CoverageState.NOT_ASKED
    elif excused_by is not None:
        state = CoverageState.EXCUSED
    else:
        has_begun = activity.began_at is None or activity.began_at <= now
        state = CoverageState.MISSING if has_begun else CoverageState.AWAITED
    return ActivityCoverage(
        activity=activity,
        state=state,
        demand=demand,
        recordings=recordings,
        rules=speaking,
        is_uninterrupted=is_uninterrupted(case, activity, rules),
        uninterrupted_by=next((rule for rule in speaking if rule.is_uninterrupted), None),
        excused_by=excused_by,
        admits=admits,
    )


def speaking_rules(case: Case, activity: Activity, rules: Sequence[CoverageRule]) -> tuple[CoverageRule, ...]:
    """The clauses that speak of an activity, the strictest first, else in the order of the regime."""
    found = [rule for rule in rules if _speaks(rule, case, activity)]
    return tuple(sorted(found, key=lambda rule: _STRICTNESS.index(rule.demand)))


def is_uninterrupted(case: Case, activity: Activity, rules: Sequence[CoverageRule]) -> bool:
    """Whether an activity is to be recorded without a break: by a clause, or because a person marked it so.

    Decision 14: 江门 32 second sentence, 民政 5¶2, 海洋 26¶2; nowhere else is arrival to departure judged.
    """
    return activity.is_uninterrupted or any(rule.is_uninterrupted for rule in speaking_rules(case, activity, rules))


def admitting_rules(activity: Activity, absence: Sequence[AbsenceRule]) -> tuple[AbsenceRule, ...]:
    """The clauses under which footage of an activity may be absent."""
    return tuple(rule for rule in absence if not rule.activities or activity.kind in rule.activities)


def _speaks(rule: CoverageRule, case: Case, activity: Activity) -> bool:
    if rule.activities and activity.kind not in rule.activities:
        return False
    if rule.flag is None or rule.flag in case.flags:
        return True
    return rule.flag is CaseFlag.UNINTERRUPTED and activity.is_uninterrupted


def _stands(rule: AbsenceRule, activity: Activity) -> bool:
    given = activity.absence
    return given is not None and given.ground is rule.ground and (bool(given.words) or not rule.asks_reason)

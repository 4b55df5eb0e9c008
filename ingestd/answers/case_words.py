"""Cases as the command line shows them: JSON documents, and words for people."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.casework.case_questions import CaseStanding
from ingestd.core.case_documents import case_document, document_of
from ingestd.core.case_rules import AbsenceRule, Category, CoverageRule
from ingestd.core.case_suggestions import Suggestion, SuggestionReason
from ingestd.core.cases import Case, CaseLink, CaseOfficer
from ingestd.core.coverage import ActivityCoverage, CoverageState
from ingestd.core.filing import Filing, FilingState
from ingestd.core.regime import Regime

Document = dict[str, Any]

ACT_WORDS = {
    "case.opened": "entered · 登记",
    "case.changed": "changed · 变更",
    "case.closed": "filed · 归档",
    "case.reopened": "taken up again · 重新办理",
    "case.activity_entered": "activity entered · 登记活动",
    "case.activity_changed": "activity changed · 变更活动",
    "case.activity_removed": "activity taken out · 撤销活动",
    "case.absence_entered": "reason of absence · 未音像记录原因",
    "case.linked": "footage linked · 关联",
    "case.unlinked": "link ended · 取消关联",
    "complaint.entered": "entered · 登记",
    "complaint.changed": "changed · 变更",
    "unit.entered": "entered · 登记",
    "unit.changed": "changed · 变更",
}


def standing_document(one: CaseStanding, regime: Regime, zone: ZoneInfo) -> Document:
    """A case with its activities against the matrix, and its days for filing."""
    return case_document(one.case) | {
        "category_words": category_words(one.case.category, regime.categories),
        "is_open": one.case.is_open,
        "activities": [activity_document(each, zone) for each in one.coverage],
        "missing": [each.activity.activity_id for each in one.missing],
        "without_activity": list(one.unassigned),
        "filing": [filing_document(each) for each in one.filings],
    }


def activity_document(one: ActivityCoverage, zone: ZoneInfo) -> Document:
    """An activity with where it stands."""
    return document_of(one.activity) | {
        "began_local": _local(one.activity.began_at, zone),
        "ended_local": _local(one.activity.ended_at, zone),
        "kind_words": one.activity.kind.words,
        "coverage": {
            "state": one.state.value,
            "words": one.state.words,
            "demand": one.demand.value if one.demand is not None else None,
            "recordings": list(one.recordings),
            "rules": [_rule_document(rule) for rule in one.rules],
            "is_uninterrupted": one.is_uninterrupted,
            "uninterrupted_by": _rule_document(one.uninterrupted_by),
            "excused_by": _absence_document(one.excused_by),
            "reasons_admitted": [_absence_document(rule) for rule in one.admits],
        },
    }


def filing_document(one: Filing) -> Document:
    """A case against one filing rule."""
    return {
        "rule": one.rule.id,
        "state": one.state.value,
        "words": one.state.words,
        "due_on": one.due_on.isoformat() if one.due_on is not None else None,
        "days_left": one.days_left,
        "is_soft": one.rule.is_soft,
        "is_by_other_law": one.is_by_other_law,
        "basis": one.rule.basis.value,
        "article": one.rule.article,
        "clause": one.rule.words,
        "note": one.rule.note,
    }


def link_document(one: CaseLink, name: str | None) -> Document:
    """A link, with the name of the recording where it is known."""
    return {
        "recording_id": one.recording_id,
        "card_path": name,
        "activity_id": one.activity_id,
        "is_evidence": one.is_evidence,
        "linked_by": one.linked_by,
        "linked_at": one.linked_at,
        "via": one.via,
    }


def history_documents(rows: Iterable[Mapping[str, Any]]) -> list[Document]:
    """Acts, each with what was before and after."""
    return [
        {"seq": row["seq"], "act": row["act"], "at": row["at"], "by": row["actor"], **row["document"]} for row in rows
    ]


def suggestion_document(one: Suggestion) -> Document:
    """A suggestion with its reasons."""
    return {
        "case_number": one.case_number,
        "activity_id": one.activity_id,
        "strength": one.strength.value,
        "overlap_s": one.overlap_s,
        "reasons": reason_documents(one.reasons),
    }


def reason_documents(reasons: Iterable[SuggestionReason]) -> list[Document]:
    """Reasons as JSON has them."""
    return [{"about": one.about, "is_for": one.is_for, "en": one.en, "zh": one.zh} for one in reasons]


def reason_words(reasons: Iterable[SuggestionReason]) -> str:
    """Reasons for people; what speaks against it is marked."""
    return "; ".join(f"{'' if one.is_for else 'BUT '}{one.en} · {one.zh}" for one in reasons)


def category_words(category: str, categories: Sequence[Category]) -> str:
    """A kind of enforcement for people; as it was written where the regime does not know it."""
    return next((one.shown for one in categories if one.id == category), category)


def officer_words(officers: Iterable[CaseOfficer]) -> str:
    """Officers for people."""
    return ", ".join(one.shown for one in officers)


def case_words(case: Case) -> str:
    """A case in one line."""
    return " ".join(filter(None, (case.number, case.cause, ", ".join(case.parties))))


def coverage_words(one: ActivityCoverage) -> str:
    """Where an activity stands, for people, with the clause."""
    if one.state is CoverageState.COVERED:
        return f"{one.state.words} ({len(one.recordings)})"
    clause = one.excused_by or (one.rules[0] if one.rules else None)
    named = f" ({clause.article})" if clause is not None and clause.article else ""
    given = one.activity.absence
    if one.state is CoverageState.MISSING and given is not None:
        return f"{one.state.words}{named}; the reason given does not stand: {given.ground.words}"
    return f"{one.state.words}{named}"


def filing_words(filings: Iterable[Filing]) -> str:
    """Days for filing, for people."""
    return "; ".join(_filing_words(one) for one in filings) or "–"


def _filing_words(one: Filing) -> str:
    if one.state is FilingState.RUNNING or one.due_on is None:
        return one.state.words
    soft = ", own target" if one.rule.is_soft else ""
    days = (
        ""
        if one.days_left is None
        else f", {one.days_left} days left"
        if one.days_left >= 0
        else f", {-one.days_left} days late"
    )
    return f"{one.state.words}: by {one.due_on}{days} ({one.rule.article}{soft})"


def act_words(row: Mapping[str, Any]) -> str:
    """What an act changed, for people."""
    document = row["document"]
    before, after = document.get("before"), document.get("after")
    match row["act"]:
        case "case.linked":
            marks = "evidence · 证据" if any(document["after"].values()) else ""
            where = f"activity {document['activity_id']}" if document["activity_id"] else ""
            return "; ".join(filter(None, (f"{len(document['after'])} recordings", where, marks)))
        case "case.unlinked":
            return f"{len(document['before'])} links; {document['reason']}"
        case "case.activity_removed":
            return f"{document['activity_id']}; {document['reason']}"
        case "case.opened" | "complaint.entered" | "unit.entered" | "case.activity_entered":
            named = {key: value for key, value in after.items() if value not in ("", None, [], False)}
            lead = [document["activity_id"]] if "activity_id" in document else []
            return "; ".join([*lead, *(f"{key}: {_shown(value)}" for key, value in named.items())])
        case _:
            changes = [f"{key}: {_shown(before.get(key))} → {_shown(value)}" for key, value in after.items()]
            lead = [document["activity_id"]] if "activity_id" in document else []
            return "; ".join(filter(None, (*lead, *changes, document.get("reason", ""))))


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value) or "–"
    if isinstance(value, dict):
        keys = ("name", "certificate") if "name" in value else ("ground", "words")
        return " ".join(str(value[key]) for key in keys if value.get(key))
    return "–" if value in (None, "") else str(value)


def _rule_document(rule: CoverageRule | None) -> Document | None:
    if rule is None:
        return None
    named = {"demand": rule.demand.value, "flag": rule.flag.value if rule.flag is not None else None}
    return named | {"basis": rule.basis.value, "article": rule.article, "clause": rule.words, "note": rule.note}


def _absence_document(rule: AbsenceRule | None) -> Document | None:
    if rule is None:
        return None
    named = {"ground": rule.ground.value, "asks_reason": rule.asks_reason}
    return named | {"basis": rule.basis.value, "article": rule.article, "clause": rule.words, "note": rule.note}


def _local(moment: dt.datetime | None, zone: ZoneInfo) -> str | None:
    return moment.astimezone(zone).isoformat(timespec="seconds") if moment is not None else None


def moment_words(moment: dt.datetime | None, zone: ZoneInfo) -> str:
    """A moment in the bureau's zone, for people."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M") if moment is not None else "–"

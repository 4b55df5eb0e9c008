"""A statement of continuity as a document."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.answers.explained import explanation_document, rule_document
from ingestd.core.clock import to_text
from ingestd.core.continuity import Interruption, Portion, Sign, Statement
from ingestd.core.continuity_words import verdict_words
from ingestd.core.explanation import ExplanationState


def statement_document(statement: Statement, zone: ZoneInfo) -> dict[str, Any]:
    """A statement as JSON has it; seconds to the microsecond, so that covered and interrupted make up the span."""
    return {
        **_span(statement.start, statement.end, zone),
        "verdict": statement.verdict.value,
        "words": verdict_words(statement.verdict),
        "span_s": statement.span_s,
        "covered_s": statement.covered.total_seconds(),
        "interrupted_s": statement.interrupted.total_seconds(),
        "rolled_over_s": statement.rolled_over.total_seconds(),
        "recordings": [_portion(one, zone) for one in statement.portions],
        "interruptions": [interruption_document(one, zone) for one in statement.interruptions],
        "impaired": [sign_document(one) for one in statement.impaired],
        "doubts": [sign_document(one) for one in statement.doubts],
        "checks": [
            {"id": one.id, "is_applied": one.is_applied, "en": one.en, "zh": one.zh}
            | ({} if one.is_applied else {"why_not_en": one.why_not_en, "why_not_zh": one.why_not_zh})
            for one in statement.checks
        ],
    }


def interruption_document(one: Interruption, zone: ZoneInfo) -> dict[str, Any]:
    """An interruption as JSON has it. `state` is null where no finding speaks of it."""
    states = [sign_document(sign)["state"] for sign in one.signs]
    order = (ExplanationState.OPEN, ExplanationState.EXPLAINED, ExplanationState.NOT_ASKED)
    state = next((state.value for state in order if state in states), None)
    return {
        **_span(one.start, one.end, zone),
        "seconds": one.seconds,
        "cause": one.cause.value,
        "state": state,
        "findings": [sign_document(sign) for sign in one.signs],
    }


def sign_document(sign: Sign) -> dict[str, Any]:
    """A finding in a statement, as JSON has it."""
    if sign.explanation is not None:
        state = ExplanationState.EXPLAINED
    else:
        state = ExplanationState.OPEN if sign.asked_by else ExplanationState.NOT_ASKED
    return {
        "finding_key": sign.key,
        "code": sign.code,
        "severity": sign.severity.value,
        "confidence": sign.confidence.value,
        "about": list(sign.about),
        "start_s": sign.start_s,
        "end_s": sign.end_s,
        "sources": list(sign.sources),
        "state": state.value,
        "asked_by": [rule_document(rule) for rule in sign.asked_by],
        "explanation": explanation_document(sign.explanation),
    }


def _portion(one: Portion, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "recording_id": one.key,
        "card_path": one.shown,
        "take_id": one.take,
        **_span(one.start, one.end, zone),
        "is_timed_by_recorder": one.is_timed_by_recorder,
    }


def _span(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> dict[str, str]:
    return {
        "start_utc": to_text(start),
        "end_utc": to_text(end),
        "start_local": start.astimezone(zone).isoformat(timespec="milliseconds"),
        "end_local": end.astimezone(zone).isoformat(timespec="milliseconds"),
    }

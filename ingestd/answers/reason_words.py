"""Why something is kept, in words: English and Chinese, with clause."""

import datetime as dt
from zoneinfo import ZoneInfo

from ingestd.answers.texts import local_time
from ingestd.core.clock import from_text
from ingestd.core.terms import RetentionDecision, RetentionReason

_START_WORDS = {
    "recorded_end": "from the end of the recording · 自摄录结束",
    "sealed_at": "from sealing · 自入库",
    "case_concluded": "from the end of the act of enforcement · 自行政执法行为终结",
    "case_filed": "from the filing of the case · 自案卷归档",
    "hold_placed": "since it was placed · 自登记长期保存之日",
}


def rules_words(decision: RetentionDecision) -> str:
    """By which rules it was decided."""
    base = f", on {decision.based_on} version {decision.based_on_version}" if decision.based_on else ""
    return f"{decision.regime} version {decision.regime_version}{base}"


def reason_words(reason: RetentionReason, zone: ZoneInfo) -> str:
    """A reason in a line: what it is, until when, from when, its clause and what it rests on."""
    until = f"{last_day(reason.until, zone)}; " if reason.until else ""
    start = f" ({local_time(reason.start, zone)} {_START_WORDS[reason.start_event]})" if reason.start_event else ""
    about = [
        f"case {reason.case}" if reason.case else "",
        f"hold {reason.hold}" if reason.hold else "",
        reason.hold_reason.words if reason.hold_reason else "",
        "promised earlier · 曾经承诺" if reason.is_promised_earlier else "",
        "local policy · 本单位规定" if reason.is_local else "",
        "shipped default · 默认" if reason.is_shipped_default else "",
    ]
    clause = f"{reason.article}: {reason.words}" if reason.article else ""
    said = "; ".join(filter(None, [*about, clause, reason.note or ""]))
    return f"{reason.kind.words}: {until}{said}{start}"


def clause_words(reason: RetentionReason) -> str:
    """A reason in few words: its clause or, where the regulation is silent, whose it is."""
    named = f" [{reason.hold}]" if reason.hold else f" [{reason.case}]" if reason.case else ""
    if reason.article:
        return f"{reason.article}: {reason.words}{named}"
    return f"{'shipped default' if reason.is_shipped_default else reason.kind.words}{named}: {_said(reason)}"


def _said(reason: RetentionReason) -> str:
    return "; ".join(filter(None, [reason.hold_reason.words if reason.hold_reason else "", reason.note or ""]))


def last_day(keep_until: str | None, zone: ZoneInfo) -> str:
    """The last day on which something is kept for certain."""
    if keep_until is None:
        return "no end · 无期满日"
    return (from_text(keep_until) - dt.timedelta(seconds=1)).astimezone(zone).date().isoformat()

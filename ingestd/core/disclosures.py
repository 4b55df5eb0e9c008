"""Requests for disclosure of government information (信息公开申请: 海洋 31, 卫健 32, 民宗 22) and their clock. Pure.

《政府信息公开条例》第三十三条: an answer within 20 working days of receipt, once longer by 20 at the most with the
agreement of the head of the office for disclosure; the time in which third parties are asked is not counted.
第三十条: where the applicant had to complete the request, receipt is the day on which it was complete.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final

from ingestd.core.workdays import Span, Workdays

TERM_WORKDAYS: Final = 20
"""第三十三条第二款."""
MOST_EXTENSION_WORKDAYS: Final = 20
"""第三十三条第二款: 延长的期限最长不得超过20个工作日."""

Document = dict[str, Any]


class Outcome(StrEnum):
    """What was answered, in the words of the yearly report (政府信息公开工作年度报告)."""

    FULL = "full"
    PART = "part"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    NOT_PROCESSED = "not_processed"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _OUTCOME_WORDS[self]


_OUTCOME_WORDS: Final = {
    Outcome.FULL: "disclosed · 予以公开",
    Outcome.PART: "disclosed in part · 部分公开",
    Outcome.REFUSED: "not disclosed · 不予公开",
    Outcome.UNAVAILABLE: "cannot be given · 无法提供",
    Outcome.NOT_PROCESSED: "not processed · 不予处理",
}


class Ground(StrEnum):
    """Why something is not disclosed, with the article of the 条例."""

    STATE_SECRET = "state_secret"
    PUBLIC_SAFETY = "public_safety"
    THIRD_PARTY = "third_party"
    INTERNAL = "internal"
    PROCESS = "process"
    CASE_FILE = "case_file"
    NOT_HELD = "not_held"
    NOT_OURS = "not_ours"
    REPEATED = "repeated"
    OTHER = "other"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _GROUND_WORDS[self]


_GROUND_WORDS: Final = {
    Ground.STATE_SECRET: "state secret or forbidden by law (Art. 14) · 国家秘密或者法律、行政法规禁止公开（第十四条）",
    Ground.PUBLIC_SAFETY: "public safety (Art. 14) · 可能危及国家安全、公共安全、经济安全、社会稳定（第十四条）",
    Ground.THIRD_PARTY: "commercial secret or privacy (Art. 15) · 商业秘密、个人隐私（第十五条）",
    Ground.INTERNAL: "internal affairs (Art. 16) · 内部事务信息（第十六条第一款）",
    Ground.PROCESS: "work in progress (Art. 16) · 过程性信息（第十六条第二款）",
    Ground.CASE_FILE: "enforcement case file (Art. 16) · 行政执法案卷信息（第十六条第二款）",
    Ground.NOT_HELD: "there is no such information (Art. 36) · 政府信息不存在（第三十六条第四项）",
    Ground.NOT_OURS: "not this bureau's to disclose (Art. 36) · 不属于本机关负责公开（第三十六条第五项）",
    Ground.REPEATED: "asked and answered before (Art. 36) · 重复申请（第三十六条第六项）",
    Ground.OTHER: "other · 其他",
}


@dataclass(frozen=True, slots=True)
class Consultation:
    """Third parties or other bureaus are asked. Both days are within; `until` is null while it lasts."""

    whom: str
    since: dt.date
    until: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Disclosure:
    """An entry of the register of requests for disclosure. Days are the bureau's own.

    Args:
        received_on: from which the term is counted; of a completed request the day on which it was complete.
        extension_workdays: by how many working days the term was made longer; 0 for none. `extended_on` is the day on
            which `extension_agreed_by` agreed, `extension_told_on` that on which the applicant was told.
        recordings: that the answer is about or gave; `redactions` are the redacted copies, by name or SHA-256.
    """

    number: str
    received_on: dt.date
    applicant: str = ""
    asked: str = ""
    unit: str = ""
    note: str = ""
    extension_workdays: int = 0
    extension_reason: str = ""
    extension_agreed_by: str = ""
    extended_on: dt.date | None = None
    extension_told_on: dt.date | None = None
    consultations: tuple[Consultation, ...] = ()
    answered_on: dt.date | None = None
    outcome: Outcome | None = None
    ground: Ground | None = None
    answer: str = ""
    recordings: tuple[str, ...] = ()
    redactions: tuple[str, ...] = ()
    delivered_on: dt.date | None = None
    delivered_how: str = ""
    withdrawn_on: dt.date | None = None
    withdrawn_reason: str = ""

    @property
    def settled_on(self) -> dt.date | None:
        """The day on which it was answered, or withdrawn; null while it waits."""
        return self.answered_on or self.withdrawn_on


class DisclosureState(StrEnum):
    """Where a request stands against its term."""

    WAITING = "waiting"
    PAUSED = "paused"
    """A third party is asked: the time is not counted."""
    LATE = "late"
    ANSWERED = "answered"
    ANSWERED_LATE = "answered_late"
    WITHDRAWN = "withdrawn"

    @property
    def words(self) -> str:
        """English · Chinese."""
        return _STATE_WORDS[self]

    @property
    def is_open(self) -> bool:
        """Whether an answer is owed."""
        return self in (DisclosureState.WAITING, DisclosureState.PAUSED, DisclosureState.LATE)


_STATE_WORDS: Final = {
    DisclosureState.WAITING: "to be answered · 待答复",
    DisclosureState.PAUSED: "third party asked · 征求意见中",
    DisclosureState.LATE: "LATE · 逾期未答复",
    DisclosureState.ANSWERED: "answered in time · 按期答复",
    DisclosureState.ANSWERED_LATE: "answered late · 逾期答复",
    DisclosureState.WITHDRAWN: "withdrawn · 已撤回",
}


@dataclass(frozen=True, slots=True)
class DisclosureClock:
    """A request against its term.

    Args:
        due_on: the last day that is in time; while third parties are asked, as if they had answered today.
        workdays_left: negative where that day is past; null where nothing is owed any more.
        is_extended: the extension counts: it was agreed to before the first term had ended.
        is_calendar_whole: the calendar knows the holidays of every year that was counted through.
    """

    state: DisclosureState
    due_on: dt.date
    workdays_left: int | None
    is_extended: bool
    is_calendar_whole: bool


def clock_of(one: Disclosure, calendar: Workdays, *, today: dt.date) -> DisclosureClock:
    """Where a request stands.

    Args:
        today: the bureau's own day.
    """
    paused = _pauses(one, today)
    due_on = calendar.last_day(one.received_on, TERM_WORKDAYS, paused)
    is_extended = bool(one.extension_workdays) and one.extended_on is not None and one.extended_on <= due_on
    if is_extended:
        due_on = calendar.last_day(one.received_on, TERM_WORKDAYS + one.extension_workdays, paused)
    is_whole = all(calendar.knows(year) for year in range(one.received_on.year, due_on.year + 1))
    state = _state(one, due_on, today)
    left = calendar.between(today, due_on) if state.is_open else None
    return DisclosureClock(state, due_on, left, is_extended, is_whole)


def _state(one: Disclosure, due_on: dt.date, today: dt.date) -> DisclosureState:
    if one.answered_on is not None:
        return DisclosureState.ANSWERED if one.answered_on <= due_on else DisclosureState.ANSWERED_LATE
    if one.withdrawn_on is not None:
        return DisclosureState.WITHDRAWN
    if today > due_on:
        return DisclosureState.LATE
    is_asking = any(asked.until is None for asked in one.consultations)
    return DisclosureState.PAUSED if is_asking else DisclosureState.WAITING


def _pauses(one: Disclosure, today: dt.date) -> list[Span]:
    end = one.settled_on or today
    return [(asked.since, asked.until or max(asked.since, end)) for asked in one.consultations]


# As JSON


_DAYS: Final = ("received_on", "extended_on", "extension_told_on", "answered_on", "delivered_on", "withdrawn_on")


def disclosure_document(one: Disclosure) -> Document:
    """A request as JSON has it."""
    return {field.name: plain(getattr(one, field.name)) for field in fields(one)}


def disclosure_of(document: Mapping[str, Any]) -> Disclosure:
    """A request from its JSON."""
    first = Disclosure(str(document["number"]), dt.date.fromisoformat(document["received_on"]))
    return with_document(first, document)


def with_document(one: Disclosure, document: Mapping[str, Any]) -> Disclosure:
    """A request with what a document says of it; what it does not name stays."""
    return replace(one, **{name: _read(name, value) for name, value in document.items()})


def plain(value: Any) -> Any:
    """A value of a request as JSON has it."""
    match value:
        case dt.date():
            return value.isoformat()
        case tuple():
            return [plain(one) for one in value]
        case Consultation():
            return {"whom": value.whom, "since": plain(value.since), "until": plain(value.until)}
        case str():
            return str(value)
        case _:
            return value


def _read(name: str, value: Any) -> Any:
    if name in _DAYS:
        return _day(value)
    match name:
        case "outcome":
            return Outcome(value) if value else None
        case "ground":
            return Ground(value) if value else None
        case "consultations":
            return tuple(
                Consultation(one["whom"], dt.date.fromisoformat(one["since"]), _day(one["until"])) for one in value
            )
        case "recordings" | "redactions":
            return tuple(value)
        case _:
            return value


def _day(value: str | None) -> dt.date | None:
    return dt.date.fromisoformat(value) if value else None

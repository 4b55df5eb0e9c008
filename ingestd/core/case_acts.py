"""The acts that follow from what is asked of the case register, and what each act makes of a case.

The same `applied` serves the asking side, which decides on it, and the catalogue, which shows it. Every act of a change
holds what was before and what is after.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingestd.core.case_documents import Document, case_document, changes, document_of, plain, with_document
from ingestd.core.case_requests import (
    ActivityFields,
    CaseFields,
    CaseRequest,
    Change,
    Close,
    EnterAbsence,
    EnterActivity,
    Open,
    Put,
    RemoveActivity,
    Reopen,
)
from ingestd.core.case_rules import Category
from ingestd.core.cases import Absence, Activity, ActivityKind, Case, Stage
from ingestd.core.clock import to_text
from ingestd.core.custody import Act
from ingestd.core.errors import NotFoundError, RefusedError

CASE_ACTS = (
    "case.opened",
    "case.changed",
    "case.closed",
    "case.reopened",
    "case.activity_entered",
    "case.activity_changed",
    "case.activity_removed",
    "case.absence_entered",
)
"""The acts that make and change a case; links have their own."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision needs besides the case.

    Args:
        categories: kinds of enforcement that the regime knows; where it knows none, any word is taken.
        today: the bureau's own day.
        now: the wall time.
        linked: activities of the case to which footage is linked.
    """

    categories: Sequence[Category]
    today: dt.date
    now: dt.datetime
    linked: Collection[str] = ()


def acts_of(request: CaseRequest, case: Case | None, around: Circumstances) -> list[Act]:
    """The acts that a request asks for; none where everything is so already.

    Args:
        case: what the register holds of it now; null for nothing.

    Raises:
        NotFoundError: the case or the activity is not in the register.
        RefusedError: the case's state does not allow it, or days contradict each other.
    """
    refuse_station(request.by)
    match request:
        case Open():
            if case is not None:
                advice = f"see: ingestd case show {request.number}"
                raise RefusedError(f"case {request.number} is in the register already", advice)
            return [_opening(request, request.number, request.by, "person", around)]
        case Put():
            return _put(request, case, around)
        case Change():
            return _change(request, registered(case, request.number), around)
        case Close():
            return _close(request, registered(case, request.number), around)
        case Reopen():
            return _reopen(request, registered(case, request.number))
        case EnterActivity():
            standing = registered(case, request.number)
            return _activity(standing, request.activity_id, request, request.by, request.reason)
        case RemoveActivity():
            return [_removal(request, registered(case, request.number), around)]
        case EnterAbsence():
            return _absence(request, registered(case, request.number), around)


def applied(case: Case | None, act: Act) -> Case:
    """A case after an act about it.

    Raises:
        NotFoundError, RefusedError: the act cannot follow on this case.
    """
    number, data = str(act.subject), act.data
    if act.act == "case.opened":
        if case is not None:
            raise RefusedError(f"case {number} is in the register already")
        return with_document(Case(number), data["after"])
    standing = registered(case, number)
    match act.act:
        case "case.changed" | "case.closed" | "case.reopened":
            return with_document(standing, data["after"])
        case "case.activity_entered":
            entered = with_document(Activity(data["activity_id"], ActivityKind.OTHER), data["after"])
            count = standing.entered_activities + 1
            return replace(standing, activities=(*standing.activities, entered), entered_activities=count)
        case "case.activity_removed":
            gone = _activity_of(standing, data["activity_id"])
            return replace(standing, activities=tuple(one for one in standing.activities if one != gone))
        case "case.activity_changed" | "case.absence_entered":
            before = _activity_of(standing, data["activity_id"])
            after = with_document(before, data["after"])
            return replace(standing, activities=tuple(after if one == before else one for one in standing.activities))
        case _:
            return standing


def registered(case: Case | None, number: str) -> Case:
    """The case.

    Raises:
        NotFoundError: there is none.
    """
    if case is None:
        raise NotFoundError(f"case {number} is not in the register", f"enter it: ingestd case add {number}")
    return case


def refuse_station(by: str) -> None:
    """Refuse a person's act under the station's own name.

    Raises:
        RefusedError: it is signed so.
    """
    if by == "station":
        raise RefusedError("an act of a person cannot be signed `station`", "give the name of who does it: --by")


def category_of(named: str, categories: Sequence[Category]) -> str:
    """The id of a kind of enforcement that is named by id, or by its Chinese or English word (行政处罚, 处罚).

    Raises:
        RefusedError: the regime knows no such kind.
    """
    if not named or not categories:
        return named
    for one in categories:
        if named in (one.id, one.zh, one.en, one.zh.removeprefix("行政")):
            return one.id
    known = "; ".join(f"{one.id} ({one.zh})" for one in categories)
    raise RefusedError(f"category = {named!r} is none of this regime", f"write one of {known}")


def _opening(request: CaseFields, number: str, by: str, source: str, around: Circumstances) -> Act:
    case = replace(with_document(Case(number), _said(request, around)), number=number)
    _refuse_contradiction(case, around)
    after = {key: value for key, value in case_document(case).items() if key != "number"}
    return Act(act="case.opened", actor=by, subject=number, data={"after": after, "source": source})


def _put(request: Put, case: Case | None, around: Circumstances) -> list[Act]:
    acts: list[Act] = []
    standing = case
    if standing is None:
        acts.append(_opening(request, request.number, request.by, request.source, around))
    else:
        said = dict.fromkeys(request.clear) | _said(request, around)
        acts += _changing(standing, said, request.by, "", around, request.source)
    for act in acts:
        standing = applied(standing, act)
    seen: set[str] = set()
    for one in request.activities:
        if one.id in seen:
            raise RefusedError(f"activity {one.id} of case {request.number} is there twice")
        seen.add(one.id)
        made = _activity(registered(standing, request.number), one.id, one, request.by, "", request.source)
        for act in made:
            standing = applied(standing, act)
        acts += made
    return acts


def _change(request: Change, case: Case, around: Circumstances) -> list[Act]:
    said = _said(request, around) | dict.fromkeys(request.clear)
    return _changing(case, said, request.by, request.reason, around, "person")


def _changing(case: Case, said: Document, by: str, reason: str, around: Circumstances, source: str) -> list[Act]:
    before, after = changes(case_document(case), said)
    if not after:
        return []
    _refuse_contradiction(with_document(case, after), around)
    data = {"before": before, "after": after, "reason": reason, "source": source}
    if "closed_on" in after:
        # What stops or starts the clocks of a case is told apart, whoever says it.
        if after["closed_on"] is None:
            return [Act(act="case.reopened", actor=by, subject=case.number, data=data)]
        return [Act(act="case.closed", actor=by, subject=case.number, data=data)]
    return [Act(act="case.changed", actor=by, subject=case.number, data=data)]


def _close(request: Close, case: Case, around: Circumstances) -> list[Act]:
    said = {"closed_on": request.on.isoformat(), "stage": Stage.FILED.value}
    if request.concluded_on is not None:
        said["concluded_on"] = request.concluded_on.isoformat()
    return _changing(case, said, request.by, "", around, "person")


def _reopen(request: Reopen, case: Case) -> list[Act]:
    if case.is_open:
        raise RefusedError(f"case {case.number} is not filed", f"see: ingestd case show {case.number}")
    said = {"closed_on": None, "concluded_on": None, "stage": request.stage.value}
    before, after = changes(case_document(case), said)
    data = {"before": before, "after": after, "reason": request.reason, "source": "person"}
    return [Act(act="case.reopened", actor=request.by, subject=case.number, data=data)]


def _activity(
    case: Case, activity_id: str | None, fields: ActivityFields, by: str, reason: str, source: str = "person"
) -> list[Act]:
    said = _activity_said(fields)
    standing = case.activity(activity_id) if activity_id is not None else None
    if standing is None:
        if fields.kind is None:
            if activity_id is not None:
                raise _no_activity(case, activity_id)
            raise RefusedError("an activity needs its kind", "say what was done: --kind inspection")
        named = activity_id or _next_id(case)
        entered = with_document(Activity(named, fields.kind), said)
        _refuse_backward(entered)
        after = {key: value for key, value in document_of(entered).items() if key != "activity_id"}
        data = {"activity_id": named, "after": after, "source": source}
        return [Act(act="case.activity_entered", actor=by, subject=case.number, data=data)]
    before, after = changes(document_of(standing), said)
    if not after:
        return []
    _refuse_backward(with_document(standing, after))
    data = {"activity_id": standing.activity_id, "before": before, "after": after, "reason": reason, "source": source}
    return [Act(act="case.activity_changed", actor=by, subject=case.number, data=data)]


def _removal(request: RemoveActivity, case: Case, around: Circumstances) -> Act:
    activity = _activity_of(case, request.activity_id)
    if activity.activity_id in around.linked:
        advice = f"take the links away first: ingestd case unlink {case.number} …"
        raise RefusedError(f"footage is linked to activity {activity.activity_id} of case {case.number}", advice)
    before = {key: value for key, value in document_of(activity).items() if key != "activity_id"}
    data = {"activity_id": activity.activity_id, "before": before, "reason": request.reason}
    return Act(act="case.activity_removed", actor=request.by, subject=case.number, data=data)


def _absence(request: EnterAbsence, case: Case, around: Circumstances) -> list[Act]:
    activity = _activity_of(case, request.activity_id)
    before = activity.absence
    if request.ground is None:
        if before is None:
            return []
        after = None
    else:
        if before is not None and (before.ground, before.words) == (request.ground, request.words):
            return []
        after = Absence(request.ground, request.words, request.by, to_text(around.now))
    data = {
        "activity_id": activity.activity_id,
        "before": {"absence": plain(before)},
        "after": {"absence": plain(after)},
    }
    return [Act(act="case.absence_entered", actor=request.by, subject=case.number, data=data)]


def _said(request: CaseFields, around: Circumstances) -> Document:
    """What a request says of a case, as the register has it."""
    said = {name: getattr(request, name) for name in CaseFields.model_fields}
    found = {name: value for name, value in said.items() if value is not None}
    if "category" in found:
        found["category"] = category_of(found["category"], around.categories)
    return {name: _plain(name, value) for name, value in found.items()}


def _activity_said(request: ActivityFields) -> Document:
    said = {name: getattr(request, name) for name in ActivityFields.model_fields}
    return {name: _plain(name, value) for name, value in said.items() if value is not None}


def _plain(name: str, value: Any) -> Any:
    return [plain(one.officer) for one in value] if name == "officers" else plain(value)


def _next_id(case: Case) -> str:
    number = case.entered_activities + 1
    while case.activity(f"a{number}") is not None:
        number += 1
    return f"a{number}"


def _activity_of(case: Case, activity_id: str) -> Activity:
    activity = case.activity(activity_id)
    if activity is None:
        raise _no_activity(case, activity_id)
    return activity


def _no_activity(case: Case, activity_id: str) -> NotFoundError:
    known = ", ".join(f"{one.activity_id} ({one.kind.words})" for one in case.activities) or "none yet"
    return NotFoundError(f"case {case.number} has no activity {activity_id}", f"its activities: {known}")


def _refuse_contradiction(case: Case, around: Circumstances) -> None:
    """Days in their order, and nothing said to have happened that has not."""
    days: Mapping[str, dt.date | None] = {
        "opened_on": case.opened_on,
        "concluded_on": case.concluded_on,
        "closed_on": case.closed_on,
    }
    for name, day in days.items():
        if day is not None and day > around.today:
            raise RefusedError(f"{name} = {day} lies in the future", "give the day on which it was")
    given = [(name, day) for name, day in days.items() if day is not None]
    for (first, earlier), (second, later) in zip(given, given[1:], strict=False):
        if later < earlier:
            raise RefusedError(f"{second} = {later} lies before {first} = {earlier}", "correct one of the two days")
    if case.term_until is not None and case.opened_on is not None and case.term_until < case.opened_on:
        what = f"term_until = {case.term_until} lies before opened_on = {case.opened_on}"
        raise RefusedError(what, "correct one of the two days")
    if case.filing_due_on is not None and not case.filing_basis:
        raise RefusedError("filing_due_on without filing_basis", "name the law that asks for this day: --filing-basis")


def _refuse_backward(activity: Activity) -> None:
    began, ended = activity.began_at, activity.ended_at
    if began is not None and ended is not None and ended < began:
        what = f"activity {activity.activity_id} ends at {to_text(ended)}, before it begins at {to_text(began)}"
        raise RefusedError(what, "correct one of the two times")
